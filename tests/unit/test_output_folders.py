"""Output folders: one run at a time, nothing through links, nothing lost, never an input."""

import gc
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys

import pytest
from builders import (
    HEIGHT,
    UNFINISHED,
    WIDTH,
    assert_whole,
    files,
    labelme,
    manifest,
    run,
    square,
    tree,
    write_json,
)
from PIL import Image

from maskforge import check, convert, evaluate, inspect, open_dataset, open_examples, preview, read
from maskforge.errors import DatasetError, OptionError, OutputError, OutputExistsError
from maskforge.files import LOCK, walk
from maskforge.outputs.folder import OutputFolder


def annotated(folder, count=3):
    """Write images with annotations: x0, x1, ..."""
    for number in range(count):
        folder.mkdir(parents=True, exist_ok=True)
        Image.new("L", (WIDTH, HEIGHT), number).save(folder / f"x{number}.png")
        labelme(folder / f"x{number}.json", square("a", 1, 1, 4, 4 + number % 2))
    return folder


def unfinished(folder, out, done=2, **options):
    """Convert some images, and be interrupted."""

    def stop(phase, number, total):
        if (phase, number) == ("drawing", done):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        convert(folder, out, progress=stop, **options)
    return out


# --- unfinished data sets


def test_an_unfinished_data_set_is_read_and_says_so(tmp_path):
    out = unfinished(annotated(tmp_path / "in"), tmp_path / "out")
    dataset = open_dataset(out)
    assert dataset.unfinished
    assert [item.entry.mask for item in dataset] == ["masks/x0.png", "masks/x1.png"]
    assert "(unfinished)" in dataset._repr_html_()
    inspection = inspect(out)
    assert (inspection.unfinished, inspection.images["found"]) == (True, 2)
    assert "This data set is unfinished" in run("inspect", out).stdout
    report = preview(out, tmp_path / "seen")
    assert (report.unfinished, len(report.overlays)) == (True, 2)
    assert "is unfinished" in run("preview", out, "--out", tmp_path / "again").stdout
    assert "is unfinished" in run("preview", out, "--out", tmp_path / "b", "--augmented").stdout


def test_a_finished_data_set_says_nothing(tmp_path):
    convert(annotated(tmp_path / "in"), tmp_path / "out")
    assert not open_dataset(tmp_path / "out").unfinished
    assert "unfinished" not in run("inspect", tmp_path / "out").stdout
    assert "unfinished" not in repr(inspect(tmp_path / "out"))
    assert not open_examples(tmp_path / "out").notes


def test_nothing_is_divided_trained_on_or_measured_unless_it_is_whole(tmp_path):
    out = unfinished(annotated(tmp_path / "in"), tmp_path / "out")
    for masks in (out, str(out), open_dataset(out)):
        with pytest.raises(DatasetError, match=r"is unfinished(.|\n)*--unfinished use"):
            open_examples(masks)
    with pytest.raises(DatasetError, match="is unfinished"):
        open_examples(images=tmp_path / "in", masks=out / "masks")
    examples = open_examples(out, unfinished="use")
    assert [one.name for one in examples] == ["x0", "x1"]
    assert "is unfinished" in examples.notes[0]
    for arguments in (
        ("split", out, "--out", tmp_path / "s.json"),
        ("train", out, "--out", tmp_path / "run"),
        ("evaluate", out, out, "--bootstrap", 0),
        ("evaluate", out / "masks", out, "--bootstrap", 0),
    ):
        result = run(*arguments)
        assert result.exit_code == 2
        assert "is unfinished" in result.stderr
    assert not (tmp_path / "run").exists()
    kept = ("split", out, "--out", tmp_path / "s.json", "--unfinished", "use")
    assert "is unfinished" in run(*kept, "--validation", 0.5).stdout
    assert run("evaluate", out, out, "--bootstrap", 0, "--unfinished", "use").exit_code == 0
    with pytest.raises(DatasetError, match="is unfinished"):
        evaluate(out, out)
    assert evaluate(out, out, bootstrap=0, unfinished="use").images == 2
    for source in ({"sources": out}, {"images": tmp_path / "in", "masks": out / "masks"}):
        assert "unfinished" in {one.code for one in check(**source).findings}
    with pytest.raises(OptionError, match="unfinished cannot be 'yes'"):
        open_examples(out, unfinished="yes")


def test_an_unfinished_run_is_replaced_by_a_whole_one(tmp_path):
    out = unfinished(annotated(tmp_path / "in"), tmp_path / "out", file_type="npy")
    with pytest.raises(OutputExistsError, match="holds an unfinished run with other sources"):
        convert(annotated(tmp_path / "others"), out)
    (out / "masks" / ".x2.npy.0123abcd.part").write_bytes(b"left over")
    (out / "masks" / ".mine.part").write_bytes(b"mine")
    convert(tmp_path / "in", out, overwrite=True)
    (out / "masks" / ".mine.part").unlink()
    assert_whole(out)


# --- what is removed, and what is not


def test_only_what_is_unchanged_is_removed(tmp_path):
    out = tmp_path / "out"
    convert(annotated(tmp_path / "in"), out)
    for path in (tmp_path / "in").glob("x[12].*"):
        path.unlink()
    (out / "masks" / "x1.png").write_bytes(b"corrected by hand")
    convert(tmp_path / "in", out, overwrite=True)
    assert files(out / "masks") == {"x0.png", "x1.png"}
    assert (out / "masks" / "x1.png").read_bytes() == b"corrected by hand"


def test_what_somebody_changed_is_not_replaced(tmp_path):
    out = tmp_path / "out"
    convert(annotated(tmp_path / "in"), out)
    (out / "masks" / "x1.png").write_bytes(b"corrected by hand")
    with pytest.raises(OutputExistsError, match=r"x1\.png: is in the way"):
        convert(tmp_path / "in", out, overwrite=True)
    assert (out / "masks" / "x1.png").read_bytes() == b"corrected by hand"
    (out / "masks" / "x1.png").unlink()
    convert(tmp_path / "in", out, overwrite=True)
    assert_whole(out)


def test_a_manifest_with_digests_cannot_have_other_files_removed(tmp_path):
    out = tmp_path / "out"
    convert(annotated(tmp_path / "in", 1), out)
    places = [out / "mine.txt", out / "more" / "mine.txt", tmp_path / "mine.txt"]
    for place in places:
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(b"mine")
    digest = hashlib.sha256(b"mine").hexdigest()
    names = ["mine.txt", "more/mine.txt", "../mine.txt", str(places[0]), "masks/../mine.txt", ""]
    line = manifest(out)[0] | {"digests": dict.fromkeys(names, digest)}
    (out / "manifest.jsonl").write_text(json.dumps(line) + "\n")
    (out / "masks" / "x0.png").unlink()
    convert(tmp_path / "in", out, overwrite=True)
    assert all(place.read_bytes() == b"mine" for place in places)


@pytest.mark.parametrize("name", ["masks", "instances", "extracted-images"])
def test_a_folder_of_results_that_is_a_link_is_refused(tmp_path, name):
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    convert(annotated(tmp_path / "in"), out, instances=True)
    if (out / name).exists():
        shutil.move(out / name, elsewhere)
    else:
        elsewhere.mkdir()
    (out / name).symlink_to(elsewhere)
    before = tree(tmp_path)
    for overwrite in (False, True):
        with pytest.raises(OutputError, match=f"^{re.escape(str(out / name))}: is a link"):
            convert(tmp_path / "in", out, overwrite=overwrite)
    assert tree(tmp_path) == before


def test_nothing_is_removed_or_written_through_deeper_links(tmp_path):
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    annotated(tmp_path / "in" / "sub")
    convert(tmp_path / "in", out)
    shutil.move(out / "masks" / "sub", elsewhere)
    (out / "masks" / "sub").symlink_to(elsewhere)
    before = tree(elsewhere)
    with pytest.raises(OutputError, match="sub: is a link"):
        convert(tmp_path / "in", out, overwrite=True)
    assert tree(elsewhere) == before


def test_links_in_the_place_of_files_do_no_harm(tmp_path):
    out = tmp_path / "out"
    convert(annotated(tmp_path / "in"), out)
    precious = tmp_path / "precious"
    precious.write_bytes(b"precious")
    for name in ("classes.json", "manifest.jsonl"):
        (out / name).rename(tmp_path / name)
        (out / name).symlink_to(tmp_path / name)
    (out / UNFINISHED).symlink_to(precious)
    before = {name: (tmp_path / name).read_bytes() for name in ("classes.json", "manifest.jsonl")}
    convert(tmp_path / "in", out, overwrite=True)
    assert_whole(out)
    assert precious.read_bytes() == b"precious"
    assert before == {name: (tmp_path / name).read_bytes() for name in before}
    (out / LOCK).symlink_to(precious)
    with pytest.raises(OutputError, match="cannot be written"):
        convert(tmp_path / "in", out, overwrite=True)
    assert precious.read_bytes() == b"precious"


def test_the_output_folder_itself_may_be_a_link(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "disk")
    convert(annotated(tmp_path / "in"), tmp_path / "out")
    convert(tmp_path / "in", tmp_path / "out", overwrite=True)
    assert_whole(tmp_path / "disk")


def test_a_preview_is_not_written_through_a_link(tmp_path):
    annotated(tmp_path / "in" / "sub")
    convert(tmp_path / "in", tmp_path / "out")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "seen").mkdir()
    (tmp_path / "seen" / "sub").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OutputError, match="sub: is a link"):
        preview(tmp_path / "out", tmp_path / "seen", overwrite=True)
    assert not tree(tmp_path / "elsewhere")


def test_a_report_replaces_its_own_files_alone(tmp_path):
    convert(annotated(tmp_path / "in"), tmp_path / "masks")
    out = tmp_path / "report"
    evaluate(tmp_path / "masks", tmp_path / "masks", out, bootstrap=0)
    assert {"worst/01-x0.png", "confusion-matrix.png"} < files(out)
    record = json.loads((out / "report.json").read_bytes())
    assert record["digests"].keys() == files(out) - {"report.json"}
    (out / "notes.txt").write_text("mine")
    (out / "worst" / "mine.png").write_text("mine")
    (out / "worst" / "03-x2.png").write_text("mine")
    evaluate(
        tmp_path / "masks", tmp_path / "masks", out, bootstrap=0, worst=1, charts=False,
        overwrite=True,
    )  # fmt: skip
    assert files(out) == {
        "report.json", "per-class.csv", "per-image.csv", "worst/01-x0.png", "notes.txt",
        "worst/mine.png", "worst/03-x2.png",
    }  # fmt: skip
    (out / "per-class.csv").write_text("mine")
    before = tree(out)
    with pytest.raises(OutputExistsError, match=r"holds per-class\.csv that maskforge did not"):
        evaluate(tmp_path / "masks", tmp_path / "masks", out, overwrite=True)
    assert tree(out) == before


def test_a_report_of_checks_replaces_its_own_files_alone(tmp_path):
    source, out = annotated(tmp_path / "in"), tmp_path / "in" / "checked"
    shutil.copy(source / "x0.png", source / "x1.png")  # with another mask
    check(source, out)
    overlay = "overlays/contradicting-masks/01-x0.png"
    record = json.loads((out / "check.json").read_bytes())
    assert overlay in record["digests"]
    assert record["digests"].keys() == files(out) - {"check.json"}
    assert record["seconds"] > 0
    left = (".check.html.0123abcd.part", "overlays/.01-x0.png.0123abcd.part")
    for name in ("overlays/mine.png", *left):
        (out / name).write_text("mine")
    with pytest.raises(OutputExistsError, match=r"already holds check\.json, check\.html"):
        check(source, out)
    assert check(source, out, overwrite=True, places=0).images["found"] == 3
    assert files(out) == {"check.json", "check.html", "overlays/mine.png"}
    (out / "check.html").write_text("mine")
    before = tree(out)
    with pytest.raises(OutputExistsError, match=r"holds check\.html that maskforge did not"):
        check(source, out, overwrite=True)
    assert tree(out) == before


@pytest.mark.parametrize("name", ["overlays", "overlays/contradicting-masks"])
def test_a_report_of_checks_is_not_written_through_a_link(tmp_path, name):
    source, out = annotated(tmp_path / "in"), tmp_path / "out"
    shutil.copy(source / "x0.png", source / "x1.png")
    (tmp_path / "elsewhere").mkdir()
    (out / name).parent.mkdir(parents=True)
    (out / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OutputError, match=f"{name}: is a link"):
        check(source, out, overwrite=True)
    assert not tree(tmp_path / "elsewhere")
    assert not files(out) & {"check.json", "check.html"}


def test_a_report_of_another_program_is_not_replaced(tmp_path):
    convert(annotated(tmp_path / "in"), tmp_path / "masks")
    write_json(tmp_path / "report" / "report.json", {"title": "of somebody else"})
    with pytest.raises(OutputExistsError, match=r"holds report\.json that maskforge did not"):
        evaluate(tmp_path / "masks", tmp_path / "masks", tmp_path / "report", overwrite=True)
    write_json(tmp_path / "report" / "check.json", {"digests": {}})
    with pytest.raises(OutputExistsError, match=r"holds check\.json that maskforge did not"):
        check(tmp_path / "in", tmp_path / "report", overwrite=True)


def test_what_a_killed_evaluation_left_is_replaced(tmp_path, monkeypatch):
    from maskforge.outputs import folder as outputs

    convert(annotated(tmp_path / "in"), tmp_path / "masks")
    out = tmp_path / "report"

    class Killed(BaseException):
        """Like the end of the process."""

    write = OutputFolder.write

    def kill(self, name, content):
        if name == "worst/02-x1.png":
            raise Killed
        write(self, name, content)

    monkeypatch.setattr(outputs.OutputFolder, "write", kill)
    monkeypatch.setattr(outputs.OutputFolder, "_close", lambda self, keep: self._unlock())
    with pytest.raises(Killed):
        evaluate(tmp_path / "masks", tmp_path / "masks", out, bootstrap=0, charts=False)
    monkeypatch.undo()
    assert LOCK in files(out)
    with pytest.raises(OutputExistsError, match="already holds"):
        evaluate(tmp_path / "masks", tmp_path / "masks", out, bootstrap=0)
    evaluate(
        tmp_path / "masks", tmp_path / "masks", out, bootstrap=0, charts=False, worst=0,
        overwrite=True,
    )  # fmt: skip
    assert files(out) == {"report.json", "per-class.csv", "per-image.csv"}


# --- one run at a time


def test_a_run_that_could_not_end_holds_no_lock(tmp_path):
    """A signal that comes just before ``__exit__`` keeps that from being called."""
    held = OutputFolder(tmp_path / "out")
    held.__enter__()
    with pytest.raises(OutputError, match="another run is writing"):
        OutputFolder(tmp_path / "out").__enter__()
    del held
    gc.collect()
    with OutputFolder(tmp_path / "out") as folder:
        assert folder.is_abandoned


@pytest.mark.parametrize("name", ["convert", "preview", "evaluate", "check"])
def test_a_second_run_is_refused_and_told_of_the_first(tmp_path, name):
    convert(annotated(tmp_path / "in"), tmp_path / "masks")
    out = tmp_path / "out"
    commands = {
        "convert": lambda: convert(tmp_path / "in", out, overwrite=True),
        "preview": lambda: preview(tmp_path / "masks", out, overwrite=True),
        "evaluate": lambda: evaluate(tmp_path / "masks", tmp_path / "masks", out, bootstrap=0),
        "check": lambda: check(tmp_path / "in", out),
    }
    with OutputFolder(out):
        before = tree(out)
        with pytest.raises(OutputError, match=rf"another run is writing.*process {os.getpid()} on"):
            commands[name]()
        assert tree(out) == before
    commands[name]()
    assert LOCK not in files(out)


def test_another_process_is_told_apart_from_one_that_was_killed(tmp_path):
    program = (
        "import os, sys, pathlib\n"
        "from maskforge.outputs.folder import OutputFolder\n"
        "with OutputFolder(pathlib.Path(sys.argv[1])):\n"
        "    print('ready', flush=True)\n"
        "    sys.stdin.read(1)\n"
        "    os._exit(9)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "out")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout.readline() == b"ready\n"
        with (
            pytest.raises(OutputError, match=f"process {process.pid} on"),
            OutputFolder(tmp_path / "out"),
        ):
            pass
        process.communicate(b"x")
    assert (tmp_path / "out" / LOCK).exists()
    with OutputFolder(tmp_path / "out") as folder:
        assert folder.is_abandoned
    assert files(tmp_path) == set()


def test_a_folder_that_was_made_for_nothing_goes_again(tmp_path):
    (tmp_path / "in").mkdir()
    report = convert(tmp_path / "in", tmp_path / "new" / "out")
    assert report.exit_code == 2
    assert not (tmp_path / "new").exists()
    with pytest.raises(DatasetError):
        evaluate(tmp_path / "in", tmp_path / "in", tmp_path / "new" / "report")
    assert not (tmp_path / "new").exists()


# --- folders that vanish


@pytest.mark.parametrize("what", ["out", "masks", "x0", "replaced"])
def test_a_folder_that_vanishes_is_noticed(tmp_path, what):
    out = tmp_path / "out"

    def vanish(phase, done, total):
        if (phase, done) == ("drawing", 3):
            places = {"out": out, "replaced": out, "masks": out / "masks"}
            shutil.rmtree(places.get(what, tmp_path / "none"), ignore_errors=True)
            if what == "x0":
                (out / "masks" / "x0.png").unlink()
            if what == "replaced":
                out.mkdir()

    annotated(tmp_path / "in")
    with pytest.raises(OutputError, match="was removed"):
        convert(tmp_path / "in", out, progress=vanish)
    assert not (out / "manifest.jsonl").exists()


def test_a_folder_that_vanishes_in_between_is_not_made_again(tmp_path):
    def vanish(phase, done, total):
        if (phase, done) == ("drawing", 1):
            shutil.rmtree(tmp_path / "out")

    annotated(tmp_path / "in")
    with pytest.raises(OutputError, match="was removed or replaced"):
        convert(tmp_path / "in", tmp_path / "out", progress=vanish)
    assert not (tmp_path / "out").exists()


def test_a_report_whose_folder_vanishes_is_not_promised(tmp_path):
    convert(annotated(tmp_path / "in"), tmp_path / "masks")

    def vanish(phase, done, total):
        shutil.rmtree(tmp_path / "report", ignore_errors=True)

    with pytest.raises(OutputError, match="was removed or replaced"):
        evaluate(
            tmp_path / "masks", tmp_path / "masks", tmp_path / "report", bootstrap=0,
            progress=vanish,
        )  # fmt: skip
    assert not (tmp_path / "report").exists()


# --- output is never input


def seen(root):
    found = ((folder / name).relative_to(root) for folder, names in walk(root) for name in names)
    return {one.as_posix() for one in found}


@pytest.mark.parametrize(
    "signs",
    [
        ["manifest.jsonl"],
        [UNFINISHED],
        [LOCK],
        ["run.json", "config.toml"],
        ["report.json", "per-image.csv"],
        ["check.json", "check.html"],
        ["contact-sheet-1.png"],
        ["augmented-1.png"],
    ],
)
def test_folders_that_were_written_are_not_searched(tmp_path, signs):
    inside = ["x.png", "masks/y.png", "worst/z.png", "deep/deeper/w.json"]
    for name in [*(f"out/{one}" for one in signs + inside), "mine.png", "run.json"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    assert seen(tmp_path) == {"mine.png", "run.json"}
    below = {"x.png", "deep/deeper/w.json"}
    assert seen(tmp_path / "out") & set(inside) == below


def test_the_folder_that_is_being_written_is_not_searched(tmp_path):
    annotated(tmp_path / "in")
    out = tmp_path / "in" / "deep" / "out"
    labelme(out / "more.json", square("a", 1, 1, 4, 4))
    report = convert(tmp_path / "in", out)
    assert report.images["found"] == 3
    unfinished(tmp_path / "in", out, overwrite=True)
    report = convert(tmp_path / "in", tmp_path / "elsewhere")
    assert report.images["found"] == 3
    assert {one.image.file for one in read(tmp_path / "in")} == {
        tmp_path / "in" / f"x{number}.png" for number in range(3)
    }
