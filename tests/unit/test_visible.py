"""Text from outside: nothing in it steers a terminal or hides, and every letter stays."""

import io
import json
import unicodedata
from pathlib import Path

import pytest
from builders import convert as convert_json
from builders import image, labelme, run, square
from hypothesis import given
from hypothesis import strategies as st

import maskforge as mf
from maskforge.display.table import Table, as_html
from maskforge.display.visible import is_hidden, replace_hidden, visible, visible_json
from maskforge.errors import OptionError
from maskforge.issues import Code, Issue, Origin
from maskforge.masks.masknames import MaskNames

CONTROLS = {
    "escape": "\x1b]0;title\x07",
    "C1": "\x9b2J",
    "delete": "\x7f",
    "return": "\r",
    "direction": "\u202egnp\u2066",
    "no width": "car\u200b\ufeff\u2060ies",
    "joiner": "car\u200dies",
    "soft hyphen": "car\xadies",
    "tag": "x\U000e0041",
    "half": "\ud800",
    "separator": "\u2028",
}
LETTERS = {
    "German": "Zähne",
    "Japanese": "むし歯\u3000右",
    "Persian": "می\u200cشود",
    "Hindi": "क्\u200dष",
    "combining": "e\u0301",
    "family": "👩\u200d👩\u200d👧",
    "heart": "❤\ufe0f",
    "hard space": "a\xa0b",
    "Hebrew": "עששת",
}


@pytest.mark.parametrize("text", CONTROLS.values(), ids=CONTROLS)
def test_what_steers_or_hides_is_made_visible(text):
    shown = visible(text)
    assert not any(map(is_hidden, shown))
    hidden = next(one for one in text if is_hidden(one))
    assert f"{ord(hidden):04x}" in shown
    assert MaskNames().assign("", f"{text}.png") == "".join(
        "_" if is_hidden(one) else one for one in text
    )


@pytest.mark.parametrize("text", LETTERS.values(), ids=LETTERS)
def test_letters_of_every_script_stay(text):
    assert visible(text) == text
    assert MaskNames().assign("", f"{text}.png") == unicodedata.normalize("NFC", text)


def test_joiners_hide_nowhere_else():
    assert visible("歯\u200d\u200d歯") == "歯\\u200d\\u200d歯"
    assert visible("\u200d歯") == "\\u200d歯"
    assert visible("歯\u200da") == "歯\\u200da"


@given(st.text())
def test_lines_stay_lines_and_nothing_else_is_hidden(text):
    shown = visible(text)
    assert shown.count("\n") == text.count("\n")
    assert not [one for one in shown if is_hidden(one) and one not in "\n\u200c\u200d"]
    assert visible(shown) == shown
    assert not any(map(str.isspace, set(replace_hidden(text, "_")) & set("\n\r\t")))


@given(st.text(st.characters(codec="utf-8")))
def test_json_says_the_same(text):
    shown = visible_json(json.dumps([text], ensure_ascii=False, indent=2))
    assert json.loads(shown) == [text]
    assert not [one for one in shown if is_hidden(one) and one != "\n"]


def test_errors_and_findings_are_safe_to_print_from_python():
    unsafe = CONTROLS["escape"]
    origin = Origin(Path(f"a{unsafe}\n.json"), "$.b")
    error = OptionError(f"two\nlines {unsafe}", origin=origin, hint=unsafe)
    issue = Issue(Code.NO_LABEL, f"two\nlines {unsafe}", origin, hint=unsafe)
    assert str(error).splitlines() == [
        "a\\u001b]0;title\\u0007\\u000a.json $.b: two",
        "lines \\u001b]0;title\\u0007",
        "  hint: \\u001b]0;title\\u0007",
    ]
    assert len(str(issue).splitlines()) == 2
    assert "\x1b" not in str(issue)
    assert error.message == f"two\nlines {unsafe}"


def test_tables_of_notebooks_are_safe():
    unsafe = "\x1b[2J\u202e"
    html = as_html([Table(unsafe, (unsafe,), [(unsafe,)]), unsafe])
    assert html.count("\\u001b[2J\\u202e") == 5  # the label of the table, too
    assert not any(map(is_hidden, html))


UNSAFE = "\x1b]0;x\x07\x9b\u202e\u200b"


@pytest.fixture(scope="module")
def unsafe(tmp_path_factory):
    """Two images whose names, labels, folders and keys all hold what steers a terminal."""
    folder = tmp_path_factory.mktemp("unsafe") / f"f{UNSAFE}"
    for number in range(4):
        name = f"{UNSAFE}{number}"
        image(folder / "in" / f"{name}.png", width=8 + number)
        labelme(
            folder / "in" / f"{name}.json", square(f"a{UNSAFE}", 1, 1, 4, 4), width=8 + number,
        )  # fmt: skip
    (folder / "in" / f"bad{UNSAFE}.json").write_text("[")
    (folder / "in" / f"strange{UNSAFE}.json").write_text(json.dumps({"shapes": UNSAFE, UNSAFE: 1}))
    mf.convert(folder / "in", folder / "masks")
    return folder


def commands(folder):
    out, data = folder / "out", folder / "masks"
    yield "convert", folder / "in", "--out", out
    yield "convert", folder / "in", "--out", out
    yield "convert", folder / "in", "--out", out, "--overwrite", "--json"
    yield "convert", folder / "in", "--out", out, "--class", f"b{UNSAFE}=1", "--overwrite"
    yield "convert", folder / "in", "--out", out, "--class", UNSAFE
    yield "convert", folder / UNSAFE, "--out", out
    yield "convert", folder / "in", "--out", out, "--rasterizer", UNSAFE
    yield "inspect", folder / "in"
    yield "inspect", data, "--json"
    yield "preview", data, "--out", folder / "seen"
    yield "preview", data, "--out", folder / "seen"
    yield "split", data, "--out", folder / "s.json"
    yield "split", data, "--out", folder / "t.json", "--json"
    yield "split", data, "--out", folder / "t.json", "--only", UNSAFE, "--overwrite"
    yield "split", data, "--out", folder / "t.json", "--group-pattern", f"({UNSAFE}", "--overwrite"
    yield "evaluate", data, data, "--bootstrap", 0, "--out", folder / "report", "--no-charts"
    yield "evaluate", data, data, "--bootstrap", 0, "--by", UNSAFE
    yield "evaluate", data, folder / UNSAFE
    yield "train", data, "--out", folder / "in"
    yield "train", "--set", f"{UNSAFE}=1", "--out", out
    yield "train", "--print-config", "--only", UNSAFE
    yield "compare", folder
    yield "predict", folder, folder / "in", "--out", out
    yield "export-model", folder, "--to", "onnx"
    yield "check", data, "--out", folder / "checked"
    yield "check", folder / "in", "--json"
    yield "check", folder / UNSAFE
    for format_ in ("labelme", "yolo"):
        yield "export", data, "--format", format_, "--out", folder / format_
        yield "export", data, "--format", format_, "--out", folder / format_
        yield "inspect", folder / format_
    yield "export", data, "--format", UNSAFE, "--out", out
    yield "merge", folder / "labelme", "--predictions", data, "--out", folder / "merged"
    yield "merge", folder / "in", "--predictions", folder / UNSAFE, "--out", folder / "merged"
    yield "serve", folder / UNSAFE
    yield "serve", folder, "--host", UNSAFE
    yield (UNSAFE,)
    yield "formats", UNSAFE
    yield "formats", f"--{UNSAFE}"


def test_no_command_prints_what_steers_a_terminal(unsafe):
    seen = io.StringIO()
    for arguments in commands(unsafe):
        result = run(*arguments)
        text = result.stdout + result.stderr
        assert not [one for one in text if is_hidden(one) and one != "\n"], (arguments, text)
        seen.write(text)
    assert seen.getvalue().count("\\u001b") > 40


def test_json_and_configuration_still_hold_the_names(unsafe, tmp_path):
    import tomllib

    report = convert_json(unsafe / "in", "--out", tmp_path / "out")
    assert {one["name"] for one in report["classes"]} == {"background", f"a{UNSAFE}"}
    printed = run("train", "--print-config", "--only", UNSAFE).stdout
    assert tomllib.loads(printed)["data"]["only"] == [UNSAFE]
