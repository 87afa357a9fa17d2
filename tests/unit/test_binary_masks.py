"""Masks of 0 and 255 of one class: written, and read back wherever masks are read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from builders import convert, image, labelme, manifest, run, square
from PIL import Image
from predicted_sets import edit, made, masks, predicted, read_masks, save_images, sent_out

import maskforge as mf

EXPECTED = np.zeros((6, 8), bool)
EXPECTED[1:3, 2:5] = True


@pytest.fixture
def source(tmp_path) -> Path:
    folder = tmp_path / "in"
    labelme(folder / "a.json", square("caries", 2, 1, 5, 3), square("enamel", 5, 3, 8, 6))
    labelme(folder / "b.json")
    for name in ("a", "b"):
        image(folder / f"{name}.png")
    return folder


def classes(**keywords: tuple[str, ...]) -> mf.ClassMap:
    return mf.ClassMap(
        (mf.MaskClass(3, "caries", (255, 0, 0), ("caries",)),), ("enamel",), **keywords
    )


@pytest.fixture
def converted(source, tmp_path) -> Path:
    out = tmp_path / "out"
    options = ("--encoding", "binary", "--class", "caries=3", "--class", "enamel=ignore")
    convert(source, "--out", out, "--instances", *options)
    return out


def test_files_hold_0_and_255_in_gray(converted):
    with Image.open(converted / "masks/a.png") as mask:
        assert mask.mode == "L"
        assert (np.asarray(mask) == np.where(EXPECTED, 255, 0)).all()
    assert not np.asarray(Image.open(converted / "masks/b.png")).any()
    first, second = manifest(converted)
    assert (first["encoding"], first["pixels"]) == ("binary", {"caries": 6, "background": 42})
    assert second["pixels"] == {"background": 48}


def test_a_drawing_is_0_and_255(source):
    drawing = mf.draw(next(iter(mf.read(source))), classes(), encoding="binary")
    assert (drawing.mask == np.where(EXPECTED, 255, 0)).all()
    assert drawing.mask.dtype == np.uint8
    assert drawing.pixels[3] == 6


def test_they_are_read_back_for_training(converted):
    for found in (
        mf.open_examples(converted),
        mf.open_examples(images=converted.parent / "in", masks=converted / "masks"),
    ):
        assert found.classes.names[3] == "caries"
        example = found.examples[0]
        assert (example.read_target(found.classes, "sigmoid")[..., 0] == EXPECTED).all()
        assert dict(example.statistics.pixels) == {0: 42, 3: 6}


def test_alone_they_are_black_and_white(converted, tmp_path):
    """Without manifest and class map nothing names the class."""
    (converted / "masks").rename(tmp_path / "masks")
    found = mf.open_examples(images=tmp_path / "in", masks=tmp_path / "masks")
    assert found.classes.names[1] == "foreground"
    assert (found.examples[0].read_target(found.classes, "sigmoid")[..., 0] == EXPECTED).all()


def test_they_are_exported_compared_and_shown(converted, tmp_path):
    mf.export(converted, tmp_path / "back", format="labelme")
    (image_, _) = mf.read(tmp_path / "back")
    assert (mf.draw(image_, classes()).mask == np.where(EXPECTED, 3, 0)).all()
    report = mf.evaluate(converted, converted, bootstrap=0)
    assert [one.dice for one in report.classes] == [1, 1]
    assert run("preview", converted, "--out", tmp_path / "seen").exit_code == 0
    assert run("inspect", converted).exit_code == 0


def test_they_are_read_as_annotations(converted):
    first, second = mf.read(converted / "masks", format="masks")
    assert (first.shapes[0].labels, second.shapes) == (("caries",), ())
    assert (mf.draw(first, classes()).mask == np.where(EXPECTED, 3, 0)).all()


@pytest.mark.parametrize(
    ("keywords", "words"),
    [
        ({"classes": None}, "shows one class, and there are 2"),
        ({"classes": mf.ClassMap((), ("caries", "enamel"))}, "shows one class, and there are 0"),
        ({"classes": mf.ClassMap(classes().classes, void=("enamel",))}, "'enamel' is void"),
        ({"refused": "void"}, "--refused void is void"),
        ({"file_type": "jpg"}, "JPEG"),
    ],
)
def test_what_they_cannot_show_is_refused_before_anything_is_written(
    source, tmp_path, keywords, words
):
    options = {"classes": classes(), "encoding": "binary"} | keywords
    with pytest.raises(mf.errors.OptionError) as caught:
        mf.convert(source, tmp_path / "out", **options)
    assert words in str(caught.value)
    assert not (tmp_path / "out/masks").exists()


def test_a_drawing_without_a_place_for_void_is_refused(source, tmp_path):
    labelme(tmp_path / "void.json", square("__ignore__", 0, 0, 4, 4))
    (annotated,) = mf.read(tmp_path / "void.json")
    with pytest.raises(mf.errors.OptionError, match="void"):
        mf.draw(annotated, classes(), encoding="binary")


@pytest.fixture
def loop(converted, tmp_path) -> Path:
    """A binary data set, and predictions of two further images in the hands of people."""
    images = save_images(tmp_path / "images", "cd")
    drawn = masks(c=("33......", *["........"] * 5), d=("........",) * 6)
    predicted(tmp_path / "predicted", images, drawn, classes=classes(), encoding="binary")
    sent_out(tmp_path / "predicted", tmp_path / "sent")
    return tmp_path


def merged(loop: Path) -> mf.MergeReport:
    return mf.merge(loop / "sent", loop / "predicted", loop / "next", into=loop / "out")


def test_corrections_are_merged_into_them(loop):
    """What people drew becomes 0 and 255, too, and is compared with the prediction by class."""
    drawn = [square("caries", 0, 0, 2, 1), square("caries", 4, 2, 8, 4)]
    edit(loop / "sent/c.json", lambda content: content.update(shapes=drawn))
    edit(loop / "sent/d.json", lambda content: content.update(checked=True))
    report = merged(loop)
    assert (report.returned["changed"], report.returned["confirmed"]) == (1, 1)
    (caries,) = report.classes
    assert (caries.pixels_added, caries.pixels_removed) == (8, 0)
    assert made(loop / "next") == {
        "masks/a.png": "drawn",
        "masks/b.png": "drawn",
        "masks/c.png": "corrected",
        "masks/d.png": "confirmed",
    }
    read = read_masks(loop / "next")
    expected = np.zeros((6, 8), np.uint8)
    expected[0, :2] = expected[2:4, 4:] = 255
    assert (read["masks/a.png"] == np.where(EXPECTED, 255, 0)).all()
    assert (read["masks/c.png"] == expected).all()
    assert not read["masks/d.png"].any()
    assert {line["encoding"] for line in manifest(loop / "next")} == {"binary"}


def test_void_in_a_correction_is_refused_with_a_way_out(loop):
    """255 is the class, and ``merge`` writes what the data set is written in."""
    drawn = [square("__ignore__", 0, 0, 2, 1)]
    edit(loop / "sent/c.json", lambda content: content.update(shapes=drawn))
    with pytest.raises(mf.errors.OptionError, match="void") as caught:
        merged(loop)
    assert "make the masks with --encoding integer" in str(caught.value.hint)
    assert not (loop / "next").exists()
