"""Exit codes, and errors without traceback: what scripts around the command rely on."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from builders import (
    UNFINISHED,
    assert_unfinished,
    assert_whole,
    convert,
    corners,
    files,
    image,
    instance,
    labelme,
    manifest,
    run,
    shape,
    square,
    superannotate,
    tree,
    write_json,
)

COMMAND = [sys.executable, "-m", "maskforge"]
NOBODY = 65534


def good(folder, name="good", **keys):
    return labelme(folder / f"{name}.json", square("a", 1, 1, 4, 4), **keys)


def bad(folder):
    return labelme(folder / "bad.json", shape("a", [[1, 1], [2, 2], [3, 1]], "heart"))


def skipping(folder):
    return labelme(folder / "skip.json", shape("a", [[1, 1]], "point"))


@pytest.mark.parametrize(
    ("makers", "options", "code"),
    [
        ([good], (), 0),
        ([good, skipping], (), 0),
        ([good, skipping], ("--strict",), 1),
        ([good, bad], (), 1),
        ([good, bad], ("--strict",), 1),
        ([bad], ("--dry-run",), 1),
        ([good, skipping], ("--dry-run", "--strict"), 1),
        ([], (), 2),
        ([], ("--strict",), 2),
    ],
)
def test_convert_tells_by_its_exit_code(tmp_path, makers, options, code):
    (tmp_path / "in").mkdir()
    for make in makers:
        make(tmp_path / "in")
    for extra in ((), ("--json",)):
        arguments = ("--out", tmp_path / f"out{len(extra)}", *options, *extra)
        assert run("convert", tmp_path / "in", *arguments).exit_code == code


@pytest.mark.parametrize(("make", "code"), [(good, 0), (skipping, 0), (bad, 1), (None, 2)])
def test_inspect_tells_by_its_exit_code(tmp_path, make, code):
    (tmp_path / "in").mkdir()
    if make:
        make(tmp_path / "in")
    assert run("inspect", tmp_path / "in").exit_code == code
    assert run("inspect", tmp_path / "in", "--json").exit_code == code


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("{}", "not labelme"),
        ('{"name": "package"}', "not vott"),
        ("[1, 2", "is not valid JSON"),
        ("", "is empty"),
        ('{"shapes": 5, "imagePath": "a.png"}', "expected a list of shapes"),
    ],
)
def test_a_file_that_was_named_and_cannot_be_read_is_an_error(tmp_path, content, text):
    file = tmp_path / "x.json"
    file.write_text(content)
    result = run("convert", file, "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert text in result.stdout
    assert "no annotated image was found" in result.stdout
    assert not (tmp_path / "out").exists()
    assert run("convert", file, good(tmp_path), "--out", tmp_path / "out").exit_code == 1


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("convert",), "Missing argument"),
        (("convert", "SOURCE"), "Missing option '--out'"),
        (("convert", "nowhere", "--out", "OUT"), "nowhere does not exist"),
        (("convert", "SOURCE", "--out", "OUT", "--images", "nowhere"), "nowhere does not exist"),
        (("convert", "SOURCE", "--out", "OUT", "--images", "SOURCE/good.json"), "is not a folder"),
        (("convert", "SOURCE/good.json/x", "--out", "OUT"), "cannot be read"),
        (("convert", "x" * 300, "--out", "OUT"), "cannot be read"),
        (("convert", "SOURCE", "--out", "SOURCE/good.json"), "is a file, not a folder"),
        (("convert", "SOURCE", "--out", "SOURCE/good.json/sub"), "cannot be written"),
        (("convert", "SOURCE", "--out", "x" * 300), "cannot be written: File name too long"),
        (("convert", "SOURCE", "--out", "OUT", "--format", "photoshop"), "--format"),
        (("convert", "SOURCE", "--out", "OUT", "--encoding", "rgb"), "--encoding"),
        (("convert", "SOURCE", "--out", "OUT", "--overlap", "mix"), "--overlap"),
        (("convert", "SOURCE", "--out", "OUT", "--rasterizer", "gpu"), "--rasterizer"),
        (("convert", "SOURCE", "--out", "OUT", "--multi-tag", "some"), "--multi-tag"),
        (("convert", "SOURCE", "--out", "OUT", "--unvisited", "draw"), "--unvisited"),
        (("convert", "SOURCE", "--out", "OUT", "--line-width", "-1"), "--line-width"),
        (("convert", "SOURCE", "--out", "OUT", "--line-width", "wide"), "--line-width"),
        (("convert", "SOURCE", "--out", "OUT", "--line-width", "nan"), ""),
        (("convert", "SOURCE", "--out", "OUT", "--line-width", "inf"), "line_width cannot be inf"),
        (("convert", "SOURCE", "--out", "OUT", "--point-radius", "1e300"), "point_radius cannot"),
        (("convert", "SOURCE", "--out", "OUT", "--nonsense"), "--nonsense"),
        (("convert", "SOURCE", "--out", "OUT", "--file-type", "jpg"), "JPEG changes pixel values"),
        (("convert", "SOURCE", "--out", "OUT", "--file-type", "jpeg"), "JPEG changes pixel values"),
        (("convert", "SOURCE", "--out", "OUT", "--file-type", "gif"), "file_type cannot be 'gif'"),
        (("convert", "SOURCE", "--out", "OUT", "--encoding", "onehot"), "one channel per class"),
        (
            ("convert", "SOURCE", "--out", "OUT", "--encoding", "multihot", "--file-type", "tiff"),
            "choose --file-type npy",
        ),
        (("convert", "SOURCE", "--out", "OUT", "--class", "a"), "'a' is not NAME=ID"),
        (("convert", "SOURCE", "--out", "OUT", "--class", "=1"), "'=1' is not NAME=ID"),
        (("convert", "SOURCE", "--out", "OUT", "--class", "a="), "is not an id"),
        (("convert", "SOURCE", "--out", "OUT", "--class", "a=one"), "is not an id"),
        (("convert", "SOURCE", "--out", "OUT", "--class", "a=-1"), "is not an id"),
        (("convert", "SOURCE", "--out", "OUT", "--class", "a=1.5"), "is not an id"),
        (("convert", "SOURCE", "--out", "OUT", "--class", "a=²"), "is not an id"),
        (("convert", "SOURCE", "--out", "OUT", "--class", "a=" + "9" * 5000), "is not an id"),
        (("convert", "SOURCE", "--out", "OUT", "--class", "a=70000"), "expected 0 to 65535"),
        (
            ("convert", "SOURCE", "--out", "OUT", "--class", "a=1", "--class", "a=2"),
            "'a' is used twice",
        ),
        (("convert", "SOURCE", "--out", "OUT", "--classes", "nowhere.toml"), "nowhere.toml"),
        (("convert", "SOURCE", "--out", "OUT", "--classes", "SOURCE"), "cannot be read"),
        (
            ("convert", "SOURCE", "--out", "OUT", "--classes", "SOURCE/good.json"),
            "is not a class map",
        ),
        (
            ("convert", "SOURCE", "--out", "OUT", "--classes", "c.toml", "--class", "a=1"),
            "a class file and single classes",
        ),
        (("inspect",), "Missing argument"),
        (("inspect", "nowhere"), "nowhere does not exist"),
        (("preview", "SOURCE", "--out", "OUT"), "manifest.jsonl"),
        (("preview", "nowhere", "--out", "OUT"), "manifest.jsonl"),
        (("preview", "SOURCE", "--out", "OUT", "--opacity", "2"), "--opacity"),
        (("preview", "SOURCE", "--out", "OUT", "--opacity", "nan"), ""),
        (("preview", "SOURCE", "--out", "OUT", "--limit", "0"), "--limit"),
        (("paint",), "paint"),
    ],
)
def test_wrong_use_ends_with_two_before_anything_is_written(tmp_path, arguments, text):
    good(tmp_path / "SOURCE")
    before = tree(tmp_path)
    place = {"SOURCE": str(tmp_path / "SOURCE"), "OUT": str(tmp_path / "OUT")}
    pattern = re.compile("^(SOURCE|OUT)")
    result = run(*(pattern.sub(lambda match: place[match[0]], one) for one in arguments))
    assert result.exit_code == 2
    assert result.stdout == ""
    plain = " ".join(re.sub(r"\x1b\[[\d;]*m|[│╭╮╰╯─]", " ", result.stderr).split())
    assert text in plain
    assert "Traceback" not in result.stderr
    assert tree(tmp_path) == before


def test_help_is_there_in_both_spellings():
    for arguments in (("-h",), ("--help",), ("convert", "-h"), ("inspect", "--help")):
        result = run(*arguments)
        assert result.exit_code == 0
        assert "Usage:" in result.stdout
    assert "Usage:" in run().output


def test_the_version_is_printed():
    assert re.fullmatch(r"maskforge \d+\.\d+\.\d+\n", run("--version").stdout)


def test_a_missing_library_is_named_before_anything_is_written(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.path", None)
    arguments = ("--out", tmp_path / "out", "--rasterizer", "matplotlib")
    result = run("convert", good(tmp_path / "in"), *arguments)
    assert result.exit_code == 2
    assert "matplotlib" in result.stderr
    assert "pip install" in result.stderr
    assert not (tmp_path / "out").exists()


def test_a_folder_of_masks_is_no_source(tmp_path):
    run("convert", good(tmp_path / "in"), "--out", tmp_path / "out")
    before = tree(tmp_path)
    result = run("convert", tmp_path / "out", "--out", tmp_path / "again")
    assert result.exit_code == 2
    assert "is a folder of masks" in result.stderr
    assert run("inspect", tmp_path / "out", tmp_path / "out").exit_code == 2
    assert tree(tmp_path) == before


def test_results_are_not_replaced_unless_that_was_asked_for(tmp_path):
    source = good(tmp_path / "in")
    assert run("convert", source, "--out", tmp_path / "out").exit_code == 0
    before = tree(tmp_path)
    result = run("convert", source, "--out", tmp_path / "out", "--class", "a=9")
    assert result.exit_code == 2
    assert "already holds manifest.jsonl, classes.json, masks" in result.stderr
    assert "--overwrite" in result.stderr
    assert tree(tmp_path) == before
    options = ("--class", "a=9", "--overwrite")
    assert run("convert", source, "--out", tmp_path / "out", *options).exit_code == 0
    assert_whole(tmp_path / "out")
    assert manifest(tmp_path / "out")[0]["pixels"] == {"background": 39, "a": 9}


@pytest.fixture
def ordinary_folder(tmp_path):
    """A folder of somebody to whom permissions apply: they do not to root."""
    if os.geteuid() != 0:
        yield tmp_path
        return
    folder = tempfile.mkdtemp()
    os.chown(folder, NOBODY, NOBODY)
    try:
        os.seteuid(NOBODY)
    except PermissionError:
        pytest.skip("NO CHECK: root may read everything, and cannot be anybody else here")
    yield Path(folder)
    os.seteuid(0)
    shutil.rmtree(folder)


def test_files_and_folders_without_permission_are_named(ordinary_folder):
    tmp_path = ordinary_folder
    good(tmp_path / "in")
    good(tmp_path / "in", "secret").chmod(0)
    (tmp_path / "in" / "closed").mkdir(mode=0)
    report = convert(tmp_path / "in", "--out", tmp_path / "out")
    named = {one["file"].rpartition("/")[2] for one in report["issues"] if one["scope"] == "file"}
    assert named == {"secret.json", "closed"}
    assert report["images"]["drawn"] == 1
    (tmp_path / "locked").mkdir(mode=0o500)
    result = run("convert", tmp_path / "in", "--out", tmp_path / "locked" / "out")
    assert result.exit_code == 2
    assert "cannot be written: Permission denied" in result.stderr
    for arguments in (
        (tmp_path / "in", "--out", tmp_path / "in" / "closed" / "out"),
        (tmp_path / "in" / "closed" / "x.json", "--out", tmp_path / "out2"),
    ):
        result = run("convert", *arguments)
        assert result.exit_code == 2
        assert "Permission denied" in result.stderr
    (tmp_path / "in" / "closed").chmod(0o700)


def test_a_full_disk_is_named_and_what_was_finished_stays_whole(tmp_path, monkeypatch):
    from maskforge.outputs.folder import OutputFolder, unwritable

    for number in range(3):
        good(tmp_path / "in", f"x{number}")
    stage = OutputFolder.stage

    def full(self, name, content):
        if name == "masks/x1.png":
            raise unwritable(self.path / name, OSError(28, "No space left on device"))
        return stage(self, name, content)

    monkeypatch.setattr(OutputFolder, "stage", full)
    result = run("convert", tmp_path / "in", "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert "No space left on device" in result.stderr
    assert_unfinished(tmp_path / "out")
    assert files(tmp_path / "out" / "masks") == {"x0.png"}


@pytest.fixture
def heeded_signal():
    """Let child processes heed SIGINT, also where the tests themselves run in the background."""
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, previous)


@pytest.mark.parametrize(
    ("overwrite", "sent", "code", "word"),
    [(False, signal.SIGINT, 130, "interrupted"), (True, signal.SIGTERM, 143, "terminated")],
)
def test_interruption_leaves_whole_masks_and_a_manifest_of_exactly_them(
    tmp_path, overwrite, sent, code, word, heeded_signal
):
    """A real signal to a real process, between the second image and the last one.

    The images are large, so that the whole run would take seconds.
    """
    for number in range(200):
        good(tmp_path / "in", f"x{number:03}", width=4000, height=4000)
    arguments = ["convert", str(tmp_path / "in"), "--out", str(tmp_path / "out")]
    if overwrite:
        good(tmp_path / "old")
        run("convert", tmp_path / "old", "--out", tmp_path / "out")
        arguments.append("--overwrite")
    with subprocess.Popen(
        [*COMMAND, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        masks = tmp_path / "out" / "masks"
        while process.poll() is None and not (masks / "x001.png").exists():
            time.sleep(0.002)
        process.send_signal(sent)
        _, errors = process.communicate()
    assert process.returncode == code
    assert errors.splitlines()[-1].startswith(word)
    assert "Traceback" not in errors
    assert_unfinished(tmp_path / "out")
    assert 1 <= len(manifest(tmp_path / "out", UNFINISHED)) < 200
    assert not (masks / "good.png").exists()


def test_a_file_name_that_is_not_unicode_is_refused_and_named(tmp_path):
    good(tmp_path / "in")
    name = os.fsdecode(b"caf\xe9")
    try:
        good(tmp_path / "in", name)
        good(tmp_path / "in" / name)
    except OSError:
        pytest.skip("NO CHECK: this file system takes no such names")
    image(tmp_path / "in" / f"{name}.png")
    report = convert(tmp_path / "in", "--out", tmp_path / "out")
    assert report["files"] == {"found": 3, "read": 1, "ignored": 0, "skipped": 0, "refused": 2}
    named = {one["file"].rpartition("/")[2] for one in report["issues"] if one["scope"] == "file"}
    assert named == {"caf?", "caf?.json"}
    for arguments in (
        (tmp_path / "in" / name, "--out", tmp_path / "other"),
        (tmp_path / "in", "--out", tmp_path / name),
    ):
        result = run("convert", *arguments)
        assert result.exit_code == 2
        assert "not valid Unicode" in result.stderr


def test_nothing_else_appears_in_the_folder_of_results(tmp_path):
    superannotate(tmp_path / "in" / "x.png.json", instance("a", corners(1, 1, 4, 4)))
    write_json(tmp_path / "in" / "classes" / "classes.json", [])
    run("convert", tmp_path / "in", "--out", tmp_path / "out", "--instances")
    assert files(tmp_path / "out") == {
        "classes.json",
        "manifest.jsonl",
        "masks/x.png",
        "instances/x.png",
    }
