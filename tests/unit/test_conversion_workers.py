"""``convert`` in several processes: to the last byte what one process makes."""

import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
from builders import UNFINISHED, assert_whole, files, labelme, manifest, square, tree, write_json
from kills import same
from PIL import Image

import maskforge as mf
from maskforge import convert
from maskforge.dataset import files_part, spool
from maskforge.errors import LabelError, MaskforgeError
from maskforge.formats import reader
from maskforge.processes.worker_pool import WorkerPool

COUNT = 40


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    """Few files are many parts, and only few are read before others are."""
    monkeypatch.setattr(reader, "_PROBED", 3)
    monkeypatch.setattr(spool, "IMAGES_OF_PART", 4)
    monkeypatch.setattr(files_part, "FILES_OF_PART", 5)


def annotated(folder, count=COUNT):
    for number in range(count):
        first = square(f"l{number}", 1, 1, 4, 4, group_id=number % 3)
        labelme(folder / f"x{number:02}.json", first, square("b", 2, 2, 6, 5))
    return folder


def with_all_that_may_go_wrong(folder):
    """Files that read each other, that are damaged, and images that several claim."""
    annotated(folder)
    (folder / "x07.json").write_text("{}")
    (folder / "x11.json").write_text("[1, 2")
    (folder / "x12.json").write_bytes((folder / "x12.json").read_bytes().replace(b"b", b"\xff"))
    labelme(folder / "x13.json", {"label": "b", "points": "none"})
    labelme(folder / "x14.json", square("b", 20, 20, 30, 30))
    for place in ("one", "two"):  # both mean an image of their own, and find the same
        labelme(folder / place / "y.json", square("b", 1, 1, 4, 4), width=None, height=None)
    (folder / "pictures").mkdir()
    Image.new("L", (8, 8)).save(folder / "pictures" / "y.png")
    shutil.copy(folder / "x20.json", folder / "x20-again.json")
    return folder


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"instances": True, "class_from": "group_id", "unlabeled": "none"},
        {"encoding": "onehot", "file_type": "npy", "unlabeled": "other"},
    ],
)
def test_several_processes_make_what_one_makes(tmp_path, options):
    source = with_all_that_may_go_wrong(tmp_path / "in")
    seen = {}
    reports = {}
    for workers in (1, 2):
        lines = seen[workers] = []
        out = tmp_path / str(workers)
        reports[workers] = convert(source, out, workers=workers, observe=lines.append, **options)
    assert tree(tmp_path / "1") == tree(tmp_path / "2")
    assert same(reports[1]) | {"out": ""} == same(reports[2]) | {"out": ""}
    assert seen[1] == seen[2]
    assert reports[1].reasons.keys() >= {"image-doubtful", "duplicate-image", "unreadable-file"}
    assert reports[1].images["found"] == COUNT  # three files are no more, and three are new


@pytest.mark.parametrize("limit", [0, 4000])
def test_no_image_is_lost_where_few_fit_into_the_memory(tmp_path, monkeypatch, limit):
    """Some are in a file before others read as well."""
    annotated(tmp_path / "in")
    convert(tmp_path / "in", tmp_path / "one")
    monkeypatch.setattr(spool, "_BYTES_IN_MEMORY", limit)
    report = convert(tmp_path / "in", tmp_path / "two", workers=2)
    assert report.images["drawn"] == COUNT
    assert tree(tmp_path / "two") == tree(tmp_path / "one")


@pytest.mark.parametrize(
    "name", ["labelme", "vott", "superannotate", "coco", "yolo", "pascal-voc", "masks", "nnunet"]
)
def test_files_that_belong_together_are_read_together(tmp_path, samples, monkeypatch, name):
    monkeypatch.setattr(reader, "_PROBED", 1)
    options = {"format": name} if name == "masks" else {}
    one = convert(samples / name, tmp_path / "1", **options)
    two = convert(samples / name, tmp_path / "2", workers=2, **options)
    assert tree(tmp_path / "1") == tree(tmp_path / "2")
    assert same(one) | {"out": ""} == same(two) | {"out": ""}


def test_files_that_turn_out_to_belong_together_are_read_together(tmp_path):
    """Many exports of one image of VIA, behind files that have nothing to do with each other."""
    annotated(tmp_path / "in", 12)
    outline = {"name": "polygon", "all_points_x": [1, 4, 4], "all_points_y": [1, 1, 4]}
    region = {"shape_attributes": outline, "region_attributes": {"label": "b"}}
    entry = {"filename": "z.png", "size": 9, "regions": [region], "file_attributes": {}}
    Image.new("L", (8, 8)).save(tmp_path / "in" / "z.png")
    for number in range(16):
        write_json(tmp_path / "in" / f"z{number:02}.json", {"z.png9": entry})
    one = convert(tmp_path / "in", tmp_path / "1")
    two = convert(tmp_path / "in", tmp_path / "2", workers=2)
    assert one.images["found"] == 12 + 1
    assert one.reasons["duplicate-source"] == 15
    assert tree(tmp_path / "1") == tree(tmp_path / "2")
    assert same(one) | {"out": ""} == same(two) | {"out": ""}


def test_other_processes_read_and_draw(tmp_path, monkeypatch):
    """The same masks would come out if this process did everything."""
    monkeypatch.setattr("maskforge.dataset.conversion.draw_images", None)
    adopted = []
    adopt = spool.ImageSpool.adopt
    monkeypatch.setattr(
        spool.ImageSpool, "adopt", lambda self, part: (adopted.append(part), adopt(self, part))
    )
    report = convert(annotated(tmp_path / "in"), tmp_path / "out", workers=2)
    assert report.images["drawn"] == COUNT
    assert sum(part.count for part in adopted) == COUNT - 3


def test_labels_that_no_class_has_stop_the_run_before_anything_is_written(tmp_path):
    classes = mf.ClassMap((mf.MaskClass(1, "b", (9, 9, 9), ("b",)),))
    with pytest.raises(LabelError, match="l1"):
        convert(annotated(tmp_path / "in"), tmp_path / "out", workers=2, classes=classes)
    assert not (tmp_path / "out").exists()


def test_a_strict_or_a_dry_run_writes_nothing(tmp_path):
    labelme(annotated(tmp_path / "in") / "x05.json", {"label": "a", "points": "none"})
    strict = convert(tmp_path / "in", tmp_path / "out", workers=2, strict=True)
    assert (strict.written, strict.lost) == (False, 2)  # the record, and so its image
    assert not (tmp_path / "out" / "masks").exists()
    dry = convert(tmp_path / "in", tmp_path / "out", workers=2, dry_run=True)
    assert dry.images["drawn"] + dry.images["partial"] + dry.images["refused"] == COUNT
    assert not (tmp_path / "out").exists()


def interrupted(phase, done):
    def progress(called, count, total):
        if called == phase and count >= done:
            raise KeyboardInterrupt

    return progress


@pytest.mark.parametrize(("phase", "done"), [("reading", 10), ("drawing", 1), ("drawing", 17)])
def test_a_run_that_is_interrupted_leaves_whole_masks_and_goes_on(tmp_path, phase, done):
    whole = convert(annotated(tmp_path / "in"), tmp_path / "whole", instances=True)
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        convert(tmp_path / "in", out, instances=True, workers=2, progress=interrupted(phase, done))
    if phase == "drawing":
        assert len(manifest(out, UNFINISHED)) == done
        assert len(files(out / "masks")) == len(files(out / "instances")) == done
    report = convert(tmp_path / "in", out, instances=True, workers=2)
    assert tree(out) == tree(tmp_path / "whole")
    assert same(report) | {"out": ""} == same(whole) | {"out": ""}
    assert_whole(out)


def test_how_many_processes_there_are_is_no_reason_to_do_anything_again(tmp_path):
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        convert(annotated(tmp_path / "in"), out, progress=interrupted("drawing", 9))
    before = {path.name: path.stat().st_ino for path in (out / "masks").iterdir()}
    convert(tmp_path / "in", out, workers=2)
    after = {path.name: path.stat().st_ino for path in (out / "masks").iterdir()}
    assert after.items() >= before.items()
    assert len(after) == COUNT


def test_many_images_in_few_files_are_read_by_one_process(tmp_path, monkeypatch):
    monkeypatch.setattr(files_part, "_MOST_IMAGES", 2)
    report = convert(annotated(tmp_path / "in"), tmp_path / "out", workers=2)
    assert report.images["drawn"] == COUNT


def test_what_a_process_leaves_that_was_ended_from_outside_is_removed(tmp_path, monkeypatch):
    out = tmp_path / "out"

    def ended(*arguments):
        (out / "masks" / ".made.png.01234567.part").touch()
        raise MaskforgeError("a worker process was ended from outside")
        yield

    monkeypatch.setattr(WorkerPool, "in_order", ended)
    monkeypatch.setattr(reader, "_PROBED", COUNT + 1)
    with pytest.raises(MaskforgeError, match="ended from outside"):
        convert(annotated(tmp_path / "in"), out, workers=2)
    assert files(out / "masks") == set()


INTERRUPTED = """
import signal, sys
sys.path[:0] = {places!r}
signal.signal(signal.SIGINT, signal.default_int_handler)
from maskforge.cli.app import main

if __name__ == "__main__":
    main()
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no groups of processes")
def test_ctrl_c_ends_all_processes_and_the_same_command_goes_on(tmp_path):
    source, out = annotated(tmp_path / "in", 200), tmp_path / "out"
    command = [sys.executable, "-c", INTERRUPTED.format(places=sys.path), "convert", str(source)]
    with subprocess.Popen(
        [*command, "--out", str(out), "--workers", "2"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        while process.poll() is None and not list(out.glob("masks/*.png")):
            time.sleep(0.005)
        os.killpg(process.pid, signal.SIGINT)  # as the terminal does
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert has_ended(process.pid)
    done = len(list(out.glob("masks/*.png")))
    assert 0 < done < 200
    assert (out / UNFINISHED).read_bytes().count(b"\n") == done
    convert(source, out)
    convert(source, tmp_path / "whole")
    assert tree(out) == tree(tmp_path / "whole")


def has_ended(group):
    """Tell whether no process of a group is left, as soon as that is so."""
    for _ in range(1000):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.01)
    return False
