"""Real files, written in their own format again, and through every other format and back."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import maskforge as mf
from maskforge.formats.registry import READ_AGAIN, format_of
from maskforge.masks.classes import infer

WRITTEN_ANEW = {"imagePath", "imageHeight", "imageWidth"}


def load(path: Path) -> Any:
    """Return the content of a file; numbers that JSON does not have are written as null."""
    return json.loads(path.read_text("utf-8-sig"), parse_constant=lambda _: None)


def files_by_image(folder: Path, format_: str) -> Iterator[tuple[Any, mf.AnnotatedImage]]:
    """Yield the decoded file of every image that has one of its own."""
    for image in mf.read(folder, format=format_):
        if image.refusal is None and image.origin.pointer == "$":
            yield load(image.origin.file), image


def test_labelme_files_come_back_equal(corpus, tmp_path):
    """Embedded images, too. What old versions leave out is written as the tool does today."""
    folder = corpus / "labelme"
    mf.export(folder, tmp_path, format="labelme")
    after = [load(path) for path in sorted(tmp_path.rglob("[!.]*.json"))]
    before = [root for root, _ in files_by_image(folder, "labelme")]
    assert len(after) == len(before) == 56  # of the others, neither image nor size is known
    unmatched = list(map(comparable, after))
    for root in before:
        unmatched.remove(comparable(root))
    assert not unmatched


def comparable(root: dict[str, Any]) -> dict[str, Any]:
    shapes = [
        {"group_id": None} | one | {"shape_type": one.get("shape_type") or "polygon"}
        for one in root["shapes"]
    ]
    rest = {key: value for key, value in root.items() if key not in WRITTEN_ANEW}
    return {"imageData": None} | rest | {"shapes": shapes}


def test_vott_files_come_back_equal(corpus, tmp_path):
    """But for the place of the images, which are found elsewhere than they once were."""
    folder = corpus / "vott"
    found = list(files_by_image(folder, "vott"))
    mf.export(folder, tmp_path, format="vott")
    after = {
        (one["asset"]["name"], len(one["regions"])): one
        for one in map(load, tmp_path.glob("*-asset.json"))
    }
    assert len(found) == 9
    for root, image in found:
        again = after[image.image.name, len(root["regions"])]
        moved = {key: again["asset"][key] for key in ("id", "path")}
        assert again == root | {"asset": root["asset"] | moved}


def test_superannotate_files_come_back_equal(corpus, tmp_path):
    """Vector files of today, with their sizes filled in."""
    folder = corpus / "superannotate"
    mf.export(folder, tmp_path, format="superannotate")
    paths = [one for one in tmp_path.rglob("[!.]*.json") if one.name != "classes.json"]
    after = list(map(load, paths))
    count = 0
    for root, image in files_by_image(folder, "superannotate"):
        has_pixels = any(shape.kind == "mask" for shape in image.shapes)
        if isinstance(root, dict) and isinstance(root.get("metadata"), dict) and not has_pixels:
            size = {"width": image.image.size.width, "height": image.image.size.height}
            expected = {"tags": [], "comments": []} | root | {"metadata": root["metadata"] | size}
            assert expected in [{"tags": [], "comments": []} | one for one in after], image.origin
            count += 1
    assert count > 20


@pytest.fixture(scope="module")
def drawn(corpus) -> tuple[list[Path], mf.ClassMap, Counter[str]]:
    """Return sources with polygons, boxes, circles, lines and groups, and their masks."""
    head = corpus / "labelme" / "wkentaro__labelme" / "head" / "examples"
    sources = [head / "primitives", *head.glob("*_*/data_annotated")]
    images = list(mf.read(sources))
    classes = infer(label for one in images for shape in one.shapes for label in shape.labels)
    return sources, classes, digests(images, classes)


@pytest.mark.parametrize("writer", READ_AGAIN)
def test_masks_are_the_same_after_every_format(writer, drawn, tmp_path):
    """LabelMe to the format and back to LabelMe: pixel for pixel, or the report says where not."""
    sources, classes, before = drawn
    options = {"classes": classes, "image_files": "copy"}
    report = mf.export(sources, tmp_path / "there", format=writer, **options)
    options["source_format"] = format_of(writer)
    again = mf.export(tmp_path / "there", tmp_path / "back", format="labelme", **options)
    assert again.images["written"] == report.images["written"] == before.total()
    after = digests(mf.read(tmp_path / "back"), classes)
    assert (before - after).total() == len(report.different)
    assert sum(report.different.values()) < 20  # percentages end somewhere


def digests(images: Any, classes: mf.ClassMap) -> Counter[str]:
    masks = (mf.draw(image, classes).mask for image in images)
    return Counter(
        hashlib.sha256(repr(one.shape).encode() + one.tobytes()).hexdigest() for one in masks
    )
