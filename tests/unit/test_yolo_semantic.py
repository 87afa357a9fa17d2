"""Masks of YOLO for semantic segmentation: numbers of classes, with 255 as void."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

import maskforge as mf
from maskforge.issues import Code
from maskforge.shapes import ImageState

VALUES = np.zeros((4, 6), np.uint8)
VALUES[1:3, 1:3] = 1
VALUES[0, 4:] = 2
VALUES[3] = 255


def data_set(folder: Path, values: np.ndarray | None = VALUES, data: str = "") -> Path:
    for name in ("images", "masks"):
        (folder / name / "train").mkdir(parents=True)
    Image.fromarray(np.zeros((4, 6), np.uint8)).save(folder / "images" / "train" / "a.jpg")
    if values is not None:
        Image.fromarray(values).save(folder / "masks" / "train" / "a.png")
    data = data or "names: [background, caries, pulp]"
    (folder / "data.yaml").write_text(f"train: images/train\nmasks_dir: masks\n{data}\n")
    return folder


def drawn(folder: Path, **ids: int) -> np.ndarray:
    (image,) = mf.read(folder)
    classes = tuple(mf.MaskClass(id_, name, (id_, 0, 0), (name,)) for name, id_ in ids.items())
    return mf.draw(image, mf.ClassMap(classes)).mask


def test_values_become_classes_and_255_void(tmp_path):
    assert (drawn(data_set(tmp_path), caries=1, pulp=2) == VALUES).all()
    (image,) = mf.read(tmp_path)
    assert (image.format, image.image.match, image.state) == ("yolo", "path", ImageState.ANNOTATED)
    assert [shape.labels for shape in image.shapes] == [("caries",), ("pulp",), ("__ignore__",)]


def test_the_first_class_need_not_be_the_background(tmp_path):
    data_set(tmp_path, data="names: {0: road, 1: car, 2: sky}")
    assert (drawn(tmp_path, road=7, car=8, sky=9)[:3] == VALUES[:3] + 7).all()


def test_a_single_class_is_told_from_a_background_without_name(tmp_path):
    data_set(tmp_path, np.minimum(VALUES, 1), data="names: [caries]")
    assert (drawn(tmp_path, caries=1) == np.minimum(VALUES, 1)).all()


def test_ids_of_other_data_sets_are_mapped(tmp_path):
    data = "names: [road, car]\nlabel_mapping: {0: ignore_label, 1: 0, 2: 1, 255: ignore_label}"
    expected = np.array([255, 1, 2])[np.minimum(VALUES, 2)]
    expected[3] = 255
    assert (drawn(data_set(tmp_path, data=data), road=1, car=2) == expected).all()


def test_states_and_damage(tmp_path):
    (image,) = mf.read(data_set(tmp_path / "a", np.zeros((4, 6), np.uint8)))
    assert image.state is ImageState.EMPTY
    (image,) = mf.read(data_set(tmp_path / "b", None))
    assert image.state is ImageState.UNVISITED
    (image,) = mf.read(data_set(tmp_path / "c", VALUES[:3]))
    assert image.refusal.code is Code.SIZE_MISMATCH
    (image,) = mf.read(data_set(tmp_path / "d", VALUES + 7))
    assert {shape.label_issue.code for shape in image.shapes} == {Code.UNRESOLVED_CLASS}
    (image,) = mf.read(data_set(tmp_path / "e", np.dstack([VALUES, VALUES + 1, VALUES])))
    assert image.refusal.code is Code.INVALID_IMAGE_RECORD
    (data_set(tmp_path / "f") / "masks" / "train" / "a.png").write_bytes(b"?")
    (image,) = mf.read(tmp_path / "f")
    assert image.refusal.code is Code.INVALID_IMAGE_RECORD


@pytest.mark.parametrize(("first", "second"), [(1, 2), (3, 40000)])
def test_numbers_that_are_written_have_no_gaps(samples, tmp_path, first, second):
    color = (1, 2, 3)
    classes = mf.ClassMap(
        (
            mf.MaskClass(first, "caries", color, ("caries",)),
            mf.MaskClass(second, "others", color, ("*",)),
        ),
        void=("pulp",),
    )
    options = {"format": "yolo-semantic", "classes": classes}
    mf.export(samples / "labelme" / "bitewing-01.json", tmp_path, **options)
    (image,) = mf.read(samples / "labelme" / "bitewing-01.json")
    expected = mf.draw(image, classes).mask.astype(int)
    expected[expected == first], expected[expected == second] = 1, 2
    with Image.open(tmp_path / "masks" / "train" / "bitewing-01.png") as written:
        assert written.mode == "L"
        assert (np.asarray(written) == expected).all()
    assert yaml.safe_load((tmp_path / "data.yaml").read_text()) == {
        "path": ".",
        "train": "images/train",
        "val": "images/train",
        "names": {0: "background", 1: "caries", 2: "others"},
        "masks_dir": "masks",
    }
    assert (tmp_path / "images" / "train" / "bitewing-01.jpg").is_file()


def test_more_classes_than_numbers_are_refused(samples, tmp_path):
    many = [mf.MaskClass(n + (n > 254), f"c{n}", (0, 0, 0), (f"c{n}",)) for n in range(1, 300)]
    classes = mf.ClassMap((*many, mf.MaskClass(999, "all", (0, 0, 0), ("*",))))
    with pytest.raises(mf.MaskforgeError, match="300 classes are more than"):
        mf.export(samples / "labelme", tmp_path, format="yolo-semantic", classes=classes)
