"""A folder inside a source that cannot be read is named, and costs nothing else."""

import errno
import os
import re
from pathlib import Path

import pytest
from builders import HEIGHT, WIDTH, labelme, run, square
from PIL import Image

import maskforge as mf
from maskforge.prediction.image_list import find_images


@pytest.fixture
def closed(tmp_path, monkeypatch):
    """Three folders of annotated images, of which ``in/closed`` cannot be searched."""
    for number, name in enumerate(("first", "closed", "second")):
        for kind, value in (("images", number), ("masks", 1)):
            path = tmp_path / kind / name / f"{name}.png"
            path.parent.mkdir(parents=True)
            Image.new("L", (WIDTH, HEIGHT), value).save(path)
        labelme(tmp_path / "images" / name / f"{name}.json", square("a", 1, 1, 4, 4))
    scandir = os.scandir

    def refused(path="."):
        if Path(os.fspath(path)).name == "closed":
            raise PermissionError(errno.EACCES, "Permission denied", os.fspath(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refused)
    return tmp_path


def test_annotations_are_read_and_the_folder_is_named(closed):
    report = mf.convert(closed / "images", closed / "out")
    assert (report.images["drawn"], report.exit_code) == (2, 1)
    (issue,) = report.issues
    assert issue.file.endswith("closed")
    assert "Permission denied" in issue.message
    assert run("inspect", closed / "images").exit_code == 1


def test_pairs_are_opened_and_the_folder_is_noted(closed):
    examples = mf.open_examples(
        images=closed / "images", masks=closed / "masks", mask_values={"1": "a"}
    )
    assert len(examples) == 2
    noted = [one for one in examples.notes if "closed cannot be read" in one]
    assert len(noted) == 2
    report = mf.evaluate(closed / "masks", closed / "masks", bootstrap=0)
    assert any("closed cannot be read" in one for one in report.notes)


def test_a_check_of_pairs_finds_the_folder(closed):
    report = mf.check(images=closed / "images", masks=closed / "masks")
    (found,) = [one for one in report.findings if one.code == "unreadable"]
    assert sum("closed cannot be read" in one.message for one in found.places) == 2


def test_images_are_predicted_and_the_folder_is_a_problem(closed):
    found = find_images([closed / "images"])
    assert [one.name for one in found.images] == ["first.png", "second.png"]
    ((file, reason),) = found.problems
    assert file.endswith("closed")
    assert "Permission denied" in reason


@pytest.mark.parametrize("place", ["stat", "lstat"])
def test_files_that_cannot_be_looked_at_are_no_traceback(closed, monkeypatch, place):
    """As in a folder whose names may be read, but not its files."""
    real = getattr(os, place)

    def refused(path, *arguments, **keywords):
        if isinstance(path, (str, os.PathLike)) and "second" in os.fspath(path):
            raise PermissionError(errno.EACCES, "Permission denied", os.fspath(path))
        return real(path, *arguments, **keywords)

    monkeypatch.setattr(os, place, refused)
    for arguments in (
        ("convert", closed / "images", "--out", closed / "out"),
        ("inspect", closed / "images"),
        ("convert", closed / "images" / "second", "--out", closed / "other"),
        ("split", closed / "masks" / "second", "--out", closed / "s.json"),
        ("preview", closed / "masks" / "second", "--out", closed / "seen"),
        ("evaluate", closed / "masks", closed / "masks", "--bootstrap", 0),
    ):
        assert run(*arguments).exit_code in (0, 1, 2)  # and no other exception


def test_files_of_pairs_whose_names_are_not_unicode_are_noted(tmp_path):
    name = os.fsdecode(b"caf\xe9.png")
    for folder, stored in ((tmp_path / "images", 9), (tmp_path / "masks", 1)):
        folder.mkdir()
        for place in (folder / "good.png", folder / name):
            try:
                Image.new("L", (8, 6), stored).save(place)
            except OSError:
                pytest.skip("NO CHECK: this file system takes no such names")
    pairs = {"images": tmp_path / "images", "masks": tmp_path / "masks"}
    examples = mf.open_examples(**pairs, mask_values={"1": "a"})
    assert [one.name for one in examples] == ["good"]
    report = mf.evaluate(tmp_path / "masks", tmp_path / "masks", bootstrap=0)
    found = mf.check(**pairs).findings[0]
    assert found.code == "unreadable"
    for said in (examples.notes, report.notes, [one.message for one in found.places]):
        assert any(
            re.search(r"masks.caf\?\.png cannot be read.*not valid Unicode", one) for one in said
        )
