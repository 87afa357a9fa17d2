"""Raw data of nnU-Net: names of values, cases with and without masks, and what is written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mask_images import BLUE, RED, Folder, regions, save, values, written_image
from PIL import Image

import maskforge as mf
from maskforge.formats.jsonio import load
from maskforge.formats.nnunet.writer import NnunetWriter
from maskforge.formats.registry import FORMATS, get_format

MASK = values((1, 2, 1, 5, 3), (2, 5, 3, 8, 6))
FIRST, SECOND = MASK == 1, MASK == 2
GRAY = np.arange(48, dtype=np.uint8).reshape(6, 8) * 5
LABELS = {"background": 0, "caries": 1, "pulp": 2}


def dataset(root: Path, labels: object = LABELS, **keys: Any) -> Path:
    """Write a data set of one image."""
    save(root / "imagesTr/7_0000.png", GRAY)
    save(root / "labelsTr/7.png", MASK)
    document = {
        "channel_names": {"0": "x-ray"},
        "labels": labels,
        "numTraining": 1,
        "file_ending": ".png",
    }
    (root / "dataset.json").write_text(json.dumps(document | keys))
    return root


def same(found: dict[str, np.ndarray], **expected: np.ndarray) -> None:
    assert found.keys() == expected.keys()
    for label, pixels in expected.items():
        assert (found[label] == pixels).all(), label


def test_a_data_set(tmp_path):
    reader = mf.read(dataset(tmp_path))
    (image,) = reader
    assert not reader.issues
    assert (image.image.name, image.image.file) == ("7.png", tmp_path / "imagesTr/7_0000.png")
    assert (image.state, image.image.match, image.folder) == ("annotated", "path", "")
    same(regions(image), caries=FIRST, pulp=SECOND)
    assert image.extra["dataset.json"]["numTraining"] == 1


def test_version_1_has_names_by_value(tmp_path):
    root = dataset(tmp_path, {"0": "background", "1": "caries", "2": "pulp"})
    document = json.loads((root / "dataset.json").read_text())
    document["modality"] = document.pop("channel_names")
    (root / "dataset.json").write_text(json.dumps(document))
    (image,) = mf.read(root)
    same(regions(image), caries=FIRST, pulp=SECOND)


def test_ignore_is_void(tmp_path):
    (image,) = mf.read(dataset(tmp_path, {"background": 0, "caries": 1, "ignore": 2}))
    same(regions(image), caries=FIRST, __ignore__=SECOND)


def test_regions_of_several_values_are_several_labels(tmp_path):
    labels = {"background": 0, "lesion": [1, 2], "core": [2]}
    (image,) = mf.read(dataset(tmp_path, labels))
    assert [one.labels for one in image.shapes] == [("lesion",), ("core", "lesion")]


def test_values_without_name_are_refused(tmp_path):
    (image,) = mf.read(dataset(tmp_path, {"background": 0, "caries": 1}))
    assert "values that no class has: 2 (9 px)" in image.refusal.message


def test_images_for_the_test_are_not_visited(tmp_path):
    root = dataset(tmp_path)
    save(root / "imagesTs/8_0000.png", GRAY)
    save(root / "imagesTs/9_0000.png", GRAY)
    save(root / "labelsTs/9.png", values())
    states = {one.image.name: str(one.state) for one in mf.read(root)}
    assert states == {"7.png": "annotated", "8.png": "unvisited", "9.png": "empty"}


def test_a_mask_that_is_missing_is_lost(tmp_path):
    root = dataset(tmp_path)
    save(root / "imagesTr/8_0000.png", GRAY)
    first, second = mf.read(root)
    assert first.refusal is None
    assert str(second.refusal.code) == "lost-annotation"


def test_an_image_that_is_missing_is_noted(tmp_path):
    root = dataset(tmp_path)
    (root / "imagesTr/7_0000.png").unlink()
    (image,) = mf.read(root)
    assert (image.image.file, image.image.size) == (None, (8, 6))


def test_files_may_be_listed(tmp_path):
    save(tmp_path / "photos/a.jpg", np.zeros((6, 8, 3), np.uint8))
    save(tmp_path / "truth/a.png", MASK)
    listed = {"a": {"images": ["photos/a.jpg"], "label": "truth/a.png"}}
    (image,) = mf.read(dataset(tmp_path, dataset=listed))
    assert image.image.file == tmp_path / "photos/a.jpg"
    same(regions(image), caries=FIRST, pulp=SECOND)


def test_further_channels_are_said(tmp_path):
    root = dataset(tmp_path, channel_names={"0": "a", "1": "b"})
    reader = mf.read(root)
    list(reader)
    assert not reader.issues  # both may be in one file
    save(root / "imagesTr/7_0001.png", GRAY)
    list(reader)
    assert [str(one.code) for one in reader.issues] == ["lossy-source"]


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"file_ending": ".nii.gz"}, "only 2D images are read"),
        ({"file_ending": 5}, "only 2D images are read"),
        ({"labels": {"caries": -1}}, "expected values from 0 to 65535"),
        ({"labels": {"caries": True}}, "expected values from 0 to 65535"),
        ({"labels": {"caries": []}}, "expected values from 0 to 65535"),
        ({"labels": {"caries": "1"}}, "expected values from 0 to 65535"),
        ({"labels": {"9" * 400: "caries"}}, "expected values from 0 to 65535"),
        ({"dataset": {"a": {"images": [], "label": "x.png"}}}, "expected `images` and a `label`"),
        ({"dataset": {"a": {"images": ["../../a.png"], "label": "x.png"}}}, "in the folder"),
    ],
)
def test_what_cannot_be_used_is_refused(tmp_path, keys, words):
    reader = mf.read(dataset(tmp_path, **keys))
    assert not list(reader)
    (issue,) = reader.issues
    assert (issue.level, issue.origin.file) == ("refused", tmp_path / "dataset.json")
    assert words in issue.message


def test_it_is_recognized_by_no_other_format_and_knows_no_other(samples):
    mine = load(samples / "nnunet/dataset.json")
    for name in FORMATS:
        assert bool(get_format(name).recognize(mine).variant) is (name == "nnunet")
        for path in (samples / name).rglob("*.json"):
            if name != "nnunet":
                assert not get_format("nnunet").recognize(load(path)).variant


# --- Writing


def test_what_is_written_is_what_nnunet_asks_for(tmp_path):
    classes = mf.ClassMap(
        (mf.MaskClass(300, "caries", RED, ("caries",)), mf.MaskClass(9, "ignore", BLUE, ("pulp",)))
    )
    source = dataset(tmp_path / "in", LABELS | {"ignore": 3})
    save(source / "labelsTr/7.png", np.where(MASK == 0, 3, MASK))
    (image,) = mf.read(source)
    folder = Folder(tmp_path / "out", classes)
    writer = NnunetWriter(folder)
    writer.add(written_image(image, classes))
    writer.finish()
    with Image.open(tmp_path / "out/labelsTr/7.png") as written:
        assert written.mode == "L"
        expected = np.select([FIRST, SECOND], [2, 1], 3)  # by id, and void last
        assert (np.asarray(written) == expected).all()
    copied = np.asarray(Image.open(tmp_path / "out/imagesTr/7_0000.png"))
    assert (copied == GRAY).all()
    assert json.loads((tmp_path / "out/dataset.json").read_text()) == {
        "channel_names": {"0": "gray"},
        "labels": {"background": 0, "ignore_": 1, "caries": 2, "ignore": 3},
        "numTraining": 1,
        "file_ending": ".png",
    }
    (again,) = mf.read(tmp_path / "out")
    same(regions(again), caries=FIRST, ignore_=SECOND, __ignore__=MASK == 0)


def test_images_that_do_not_fit_are_left_out(tmp_path):
    classes = mf.ClassMap((mf.MaskClass(1, "caries", RED, ("caries",)),))
    names = {"background": 0, "caries": 1, "background2": 2}
    source = dataset(tmp_path / "in", names)
    save(source / "labelsTr/7.png", FIRST.astype(np.uint8))
    for name in ("8", "9"):
        save(source / f"labelsTr/{name}.png", FIRST.astype(np.uint8))
    save(source / "imagesTr/8_0000.png", np.zeros((6, 8, 3), np.uint8))
    folder = Folder(tmp_path / "out", classes)
    writer = NnunetWriter(folder)
    for image in mf.read(source):
        writer.add(written_image(image, classes))
    writer.finish()
    assert folder.lost == {
        "images with another number of channels than the first": 1,
        "images that were not found, with their masks": 1,
    }
    assert [one.name for one in (tmp_path / "out/labelsTr").iterdir()] == ["7.png"]
