"""Cityscapes: polygons in drawing order, label images, and class maps by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from builders import run
from mask_images import RED, Folder, colored, regions, save, values, written_image
from PIL import Image

import maskforge as mf
from maskforge.formats.cityscapes.labels import LABELS
from maskforge.formats.cityscapes.writer import CityscapesWriter

BASE = "aachen_000000_000019"
SQUARE = [[2, 1], [5, 1], [5, 3], [2, 3]]
CORNER = [[5, 3], [8, 3], [8, 6], [5, 6]]
ALL = [[0, 0], [8, 0], [8, 6], [0, 6]]
SQUARE_PIXELS, CORNER_PIXELS = values((1, 2, 1, 5, 3)) == 1, values((1, 5, 3, 8, 6)) == 1


def thing(label: object, polygon: object, **keys: Any) -> dict[str, Any]:
    return {"label": label, "polygon": polygon} | keys


def polygons(root: Path, *objects: object, **keys: Any) -> Path:
    """Write polygons in the usual folders."""
    path = root / "gtFine/train/aachen" / f"{BASE}_gtFine_polygons.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {"imgHeight": 6, "imgWidth": 8, "objects": list(objects)} | keys
    path.write_text(json.dumps(document))
    return path


def label_image(root: Path, kind: str, pixels: np.ndarray) -> Path:
    return save(root / "gtFine/train/aachen" / f"{BASE}_gtFine_{kind}.png", pixels)


def same(found: dict[str, np.ndarray], **expected: np.ndarray) -> None:
    assert found.keys() == {one.replace("_", " ") for one in expected}
    for label, pixels in expected.items():
        assert (found[label.replace("_", " ")] == pixels).all(), label


# --- Polygons


def test_polygons_lie_on_each_other_in_their_order(tmp_path):
    polygons(tmp_path, thing("road", ALL), thing("car", SQUARE), thing("unlabeled", CORNER))
    reader = mf.read(tmp_path)
    (image,) = reader
    assert not reader.issues
    assert (image.image.name, image.image.size) == (f"{BASE}.png", (8, 6))
    assert (image.state, image.folder) == ("annotated", "train/aachen")
    assert [one.labels[0] for one in image.shapes] == ["road", "car", "unlabeled"]
    mask = mf.draw(image, mf.load_class_map("cityscapes-labels")).mask
    assert (mask == np.select([SQUARE_PIXELS, CORNER_PIXELS], [26, 0], 7)).all()


def test_deleted_objects_are_ignored_and_kept(tmp_path):
    gone = thing("car", SQUARE, deleted=1, user="x")
    polygons(tmp_path, gone, thing("road", ALL, id=3, deleted=0), city="aachen")
    (image,) = mf.read(tmp_path)
    (shape,) = image.shapes
    assert shape.extra == {"id": 3, "deleted": 0}
    (issue,) = (one for one in image.issues if one.loses_record)
    assert (str(issue.code), issue.level) == ("not-a-shape", "ignored")
    assert image.extra == {"imgHeight": 6, "imgWidth": 8, "city": "aachen", "objects": [gone]}


def test_groups_have_the_class_of_one(tmp_path):
    labels = ("cargroup", "polegroup", "toothgroup", "license plate")
    polygons(tmp_path, *(thing(one, SQUARE) for one in labels))
    (image,) = mf.read(tmp_path)
    found = [one.labels[0] for one in image.shapes]
    assert found == ["car", "polegroup", "toothgroup", "license plate"]
    assert [one.extra for one in image.shapes] == [{"label": "cargroup"}, {}, {}, {}]


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        (5, "invalid-record"),
        ({"label": "car"}, "invalid-record"),
        (thing("car", [[1, 2], [3, None], [4, 4]]), "invalid-coordinates"),
        (thing("car", [[1, 2], [3, 1e12], [4, 4]]), "invalid-coordinates"),
        (thing("car", SQUARE[:2]), "too-few-points"),
        (thing(7, SQUARE), "invalid-record"),
    ],
)
def test_a_damaged_object_costs_itself_alone(tmp_path, entry, code):
    polygons(tmp_path, entry, thing("car", CORNER))
    (image,) = mf.read(tmp_path)
    assert len(image.shapes) == 1
    assert [str(one.code) for one in image.issues if one.loses_record] == [code]
    assert image.extra["objects"] == [entry]


def test_the_image_lies_in_the_parallel_folder(tmp_path):
    polygons(tmp_path, thing("car", SQUARE))
    image = tmp_path / "leftImg8bit/train/aachen" / f"{BASE}_leftImg8bit.png"
    save(image, np.zeros((6, 8, 3), np.uint8))
    label_image(tmp_path, "labelIds", values())
    (found,) = mf.read(tmp_path)
    assert (found.image.file, found.image.match) == (image, "path")
    alone = polygons(tmp_path / "other", thing("car", SQUARE)).rename(tmp_path / "alone.json")
    save(tmp_path / "alone.jpg", np.zeros((6, 8, 3), np.uint8))
    (found,) = mf.read(alone)
    assert (found.image.name, found.image.file) == ("alone.png", tmp_path / "alone.jpg")


@pytest.mark.parametrize("size", [0, -8, 8.5, "8", None, 2**40])
def test_a_damaged_size_is_noted(tmp_path, size):
    polygons(tmp_path, thing("car", SQUARE), imgWidth=size)
    folder = tmp_path / "leftImg8bit/train/aachen"
    save(folder / f"{BASE}_leftImg8bit.png", np.zeros((6, 8, 3), np.uint8))
    (image,) = mf.read(tmp_path)
    assert image.image.size == (8, 6)
    assert "invalid-image-record" in [str(one.code) for one in image.issues]


def test_objects_must_be_a_list(tmp_path):
    polygons(tmp_path, objects={"a": 1})
    reader = mf.read(tmp_path)
    assert not list(reader)
    assert [str(one.code) for one in reader.issues] == ["invalid-file"]


# --- Label images


LABEL_IDS = values((26, 2, 1, 5, 3), (23, 5, 3, 8, 6))


def alone(root: Path) -> Any:
    """Read the one image of a folder, where there are no polygons."""
    assert not list(mf.read(root))
    reader = mf.read(root, format="cityscapes")
    (image,) = reader
    assert not reader.issues
    return image


def test_label_ids(tmp_path):
    label_image(tmp_path, "labelIds", LABEL_IDS)
    image = alone(tmp_path)
    assert image.image.name == f"{BASE}.png"
    same(regions(image), car=SQUARE_PIXELS, sky=CORNER_PIXELS)


def test_train_ids(tmp_path):
    train_ids = np.select([SQUARE_PIXELS, CORNER_PIXELS], [13, 0], 255).astype(np.uint8)
    label_image(tmp_path, "labelTrainIds", train_ids)
    found = regions(alone(tmp_path))
    assert (found.pop("__ignore__") == ~(SQUARE_PIXELS | CORNER_PIXELS)).all()
    same(found, car=SQUARE_PIXELS, road=CORNER_PIXELS)


def test_colors(tmp_path):
    shown = colored(LABEL_IDS, {26: (0, 0, 142), 23: (70, 130, 180)})
    opaque = np.dstack([shown, np.full((6, 8), 255, np.uint8)])
    label_image(tmp_path, "color", opaque)
    same(regions(alone(tmp_path)), car=SQUARE_PIXELS, sky=CORNER_PIXELS)
    label_image(tmp_path, "color", colored(LABEL_IDS, {26: (1, 0, 142), 23: (70, 130, 180)}))
    (image,) = mf.read(tmp_path, format="cityscapes")
    assert "#01008e (6 px)" in image.refusal.message


def test_maps_of_objects_tell_more_than_labels(tmp_path):
    label_image(tmp_path, "labelIds", LABEL_IDS)
    objects = values(
        *((26000, 2, 1, 4, 3), (26001, 4, 1, 5, 3), (26, 0, 0, 1, 1), (23, 5, 3, 8, 6)),
        dtype=np.uint16,
    )
    label_image(tmp_path, "instanceIds", objects)
    image = alone(tmp_path)
    found = {(one.labels[0], one.instance) for one in image.shapes}
    assert found == {("sky", None), ("car", None), ("car", "1"), ("car", "2")}
    label_image(tmp_path, "instanceIds", values((34, 0, 0, 2, 2)))
    (image,) = mf.read(tmp_path, format="cityscapes")
    assert "the value 34 in 4 px, which is no label" in image.refusal.message


def test_polygons_come_before_label_images(tmp_path):
    polygons(tmp_path, thing("car", SQUARE))
    label_image(tmp_path, "labelIds", LABEL_IDS)
    label_image(tmp_path, "color", colored(LABEL_IDS, {}))
    (image,) = mf.read(tmp_path, format="cityscapes")
    assert [one.kind for one in image.shapes] == ["polygon"]


# --- Class maps by name


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("cityscapes", {"flat": 1, "sky": 5, "vehicle": 7}),
        ("cityscapes-train", {"road": 1, "bicycle": 19}),
        ("cityscapes-labels", {"road": 7, "polegroup": 18, "bicycle": 33}),
    ],
)
def test_every_label_has_a_place_in_every_class_map(name, expected):
    classes = mf.load_class_map(name)
    ids = {one: id_ for id_, one in classes.names.items()}
    assert {one: ids[one] for one in expected} == expected
    for label in LABELS:
        value = classes.value(label.name)
        if label.id < 0:
            assert value is None
        elif name == "cityscapes-labels":
            assert value == label.id
        elif name == "cityscapes-train":
            assert value == (255 if label.train_id == 255 else label.train_id + 1)
        else:
            assert classes.names[value] == label.category.replace("void", "background")


def test_a_class_map_is_named_on_the_command_line(tmp_path, monkeypatch):
    polygons(tmp_path / "in", thing("road", ALL), thing("cargroup", SQUARE))
    monkeypatch.chdir(tmp_path)
    assert run("convert", "in", "--out", "out", "--classes", "cityscapes").exit_code == 0
    (item,) = mf.open_dataset("out")
    assert (item.read_mask() == np.where(SQUARE_PIXELS, 7, 1)).all()
    Path("cityscapes").write_text('classes = ["car", "road"]')
    assert mf.load_class_map("cityscapes").names[1] == "car"  # a file of that name comes first


# --- Writing


def test_what_is_written(tmp_path):
    classes = mf.load_class_map("cityscapes-labels")
    hidden = thing("person", SQUARE, mine=[1])
    polygons(
        tmp_path / "in", thing("road", ALL), hidden, thing("car", SQUARE), thing("car", CORNER)
    )
    (image,) = mf.read(tmp_path / "in")
    folder = Folder(tmp_path / "out", classes)
    folder.image_files = "reference"
    CityscapesWriter(folder).add(written_image(image, classes, is_own=True))
    place = tmp_path / "out/gtFine/train/images" / f"{BASE}_gtFine"
    document = json.loads(Path(f"{place}_polygons.json").read_text())
    assert document == json.loads(image.origin.file.read_text())
    labels = np.asarray(Image.open(f"{place}_labelIds.png"))
    assert (labels == np.where(SQUARE_PIXELS | CORNER_PIXELS, 26, 7)).all()
    objects = np.asarray(Image.open(f"{place}_instanceIds.png"))
    assert (objects == np.select([SQUARE_PIXELS, CORNER_PIXELS], [26000, 26001], 7)).all()
    for one in Path(f"{place}_polygons.json").parent.glob("*_polygons.json"):
        one.unlink()
    (again,) = mf.read(tmp_path / "out", format="cityscapes")
    assert (mf.draw(again, classes).mask == labels).all()


def test_classes_of_others_keep_their_ids(tmp_path):
    classes = mf.ClassMap((mf.MaskClass(70, "caries", RED, ("caries",)),))
    polygons(tmp_path / "in", thing("caries", SQUARE), thing("__ignore__", CORNER))
    (image,) = mf.read(tmp_path / "in")
    folder = Folder(tmp_path / "out", classes)
    folder.image_files = "reference"
    CityscapesWriter(folder).add(written_image(image, classes))
    for kind in ("labelIds", "instanceIds"):  # 70000 is more than 16 bits hold
        path = tmp_path / "out/gtFine/train/images" / f"{BASE}_gtFine_{kind}.png"
        expected = np.select([SQUARE_PIXELS, CORNER_PIXELS], [70, 255], 0)
        assert (np.asarray(Image.open(path)) == expected).all()
