"""Real COCO files, and pycocotools as the judge of what is read and written."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

import maskforge as mf
from maskforge.formats.coco.runs import from_runs, packed, to_runs
from maskforge.images.annotated_image import AnnotatedImage
from maskforge.issues import Code
from maskforge.limits.allowance import Allowance, Limit
from maskforge.shapes import Bitmap, Shape, Size

coco_masks = pytest.importorskip("pycocotools.mask")
judge = pytest.importorskip("pycocotools.coco")

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture(scope="module")
def files(corpus: Path) -> list[Path]:
    return sorted((corpus / "coco").rglob("*.json"))


def loaded(path: Path) -> Any:
    with contextlib.redirect_stdout(io.StringIO()):
        return judge.COCO(str(path))


def shapes_of(path: Path) -> Iterator[tuple[AnnotatedImage, Shape, dict[str, Any]]]:
    records = json.loads(path.read_text())["annotations"]
    for image in mf.read(path, format="coco"):
        for shape in image.shapes:
            yield image, shape, records[int(shape.origin.pointer.split("[")[1][:-1])]


def own_pixels(shape: Shape, size: Size) -> np.ndarray:
    return mf.rasterize([shape.geometry], size) > 0


def test_folder_holds_what_was_counted(files):
    kinds: dict[str, int] = {}
    for path in files:
        reader = mf.read(path, format="coco")
        for image in reader:
            assert image.refusal is None
            assert not [one for one in image.issues if one.loses_record]
            for shape in image.shapes:
                kinds[shape.kind] = kinds.get(shape.kind, 0) + 1
        assert not reader.issues
    assert kinds == {"polygon": 129, "rle": 2}


def test_run_lengths_are_those_of_pycocotools_bit_for_bit(files):
    compared = 0
    for path in files:
        coco = loaded(path)
        for image, shape, record in shapes_of(path):
            if shape.kind == "rle":
                expected = coco.annToMask(record).astype(bool)
                assert (own_pixels(shape, image.image.size) == expected).all()
                compared += 1
    assert compared == 2


def test_polygons_differ_from_pycocotools_on_their_outlines_alone(files):
    """It draws on a grid of fifths of pixels, with outlines that are moved to corners of pixels."""
    compared = 0
    for path in files:
        coco = loaded(path)
        for image, shape, record in shapes_of(path):
            if shape.kind != "polygon":
                continue
            own = own_pixels(shape, image.image.size)
            outline = np.zeros(own.shape, np.uint8)
            rings = [part.exterior.astype(np.int32) for part in shape.geometry.parts]
            cv2.polylines(outline, rings, isClosed=True, color=1, thickness=3)
            differs = own != coco.annToMask(record).astype(bool)
            assert not differs[outline == 0].any(), shape.origin
            compared += 1
    assert compared == 129


def test_darwin_has_no_crowds_and_coco_has(files):
    labels = {}
    for path in files:
        for _, shape, record in shapes_of(path):
            if record["iscrowd"]:
                labels[path.name] = shape.labels
    assert labels == {"output.json": ("test_poly",), "instances_test.json": ("__ignore__",)}


def test_an_image_without_name_is_the_only_finding(files):
    found = [
        (path.name, issue.code)
        for path in files
        for image in mf.read(path, format="coco")
        for issue in image.issues
        if issue.code is not Code.IMAGE_MISSING
    ]
    assert found == [("output.json", Code.INVALID_IMAGE_RECORD)]


def test_own_files_are_written_as_they_were(files, tmp_path):
    for number, path in enumerate(files):
        before = json.loads(path.read_text())
        report = mf.export(path, tmp_path / str(number), format="coco")
        assert (report.changed, report.left_out) == ({}, {})
        after = json.loads((tmp_path / str(number) / "annotations.json").read_text())
        for one in (*before["images"], *after["images"]):
            del one["file_name"]
        assert after == before


def test_areas_and_boxes_of_polygons_are_those_of_coco(corpus, tmp_path):
    """COCO's own are sums over the parts, too, and its boxes have two decimals."""
    (path,) = (corpus / "coco").rglob("instances_test.json")
    document = json.loads(path.read_text())
    for record in document["annotations"]:
        del record["bbox"], record["area"]
    bare = tmp_path / "bare" / "a.json"
    bare.parent.mkdir()
    bare.write_text(json.dumps(document))
    mf.export(bare, tmp_path / "labelme", format="labelme")
    mf.export(tmp_path / "labelme", tmp_path / "coco", format="coco")
    written = json.loads((tmp_path / "coco" / "annotations.json").read_text())["annotations"]
    expected = json.loads(path.read_text())["annotations"]
    whole = [one for one in expected if not one["iscrowd"] and len(one["segmentation"]) == 1]
    areas = {round(one["area"], 2): one["bbox"] for one in written}
    assert len(whole) == 33
    for one in whole:
        assert np.allclose(areas[round(one["area"], 2)], one["bbox"], atol=0.011)


def test_pycocotools_takes_what_is_written(samples, tmp_path):
    mf.export(samples / "superannotate" / "current", tmp_path, format="coco")
    coco = loaded(tmp_path / "annotations.json")
    (image,) = mf.read(tmp_path, format="coco")
    kinds = set()
    for shape, record in zip(image.shapes, coco.loadAnns(coco.getAnnIds()), strict=True):
        runs = coco.annToRLE(record)
        own = own_pixels(shape, image.image.size)
        kinds.add(shape.kind)
        if shape.kind == "rle":
            assert (coco_masks.decode(runs).astype(bool) == own).all()
            assert record["area"] == coco_masks.area(runs)
            assert record["bbox"] == coco_masks.toBbox(runs).tolist()
        else:
            rim = sum(len(part.exterior) for part in shape.geometry.parts)
            assert abs(record["area"] - coco_masks.area(runs)) <= 2 * rim + 0.1 * record["area"]
    assert kinds == {"polygon", "rle"}


def test_run_lengths_are_packed_as_pycocotools_does():
    random = np.random.default_rng(0)
    for number in range(300):
        height, width = random.integers(1, 40, 2)
        size = Size(int(width), int(height))
        pixels = random.random((height, width)) < random.random()
        if number % 3 == 0:  # blocks, which often reach from the upper to the lower edge
            pixels[:] = False
            pixels[:, random.integers(0, width) :] = True
        expected = coco_masks.encode(np.asfortranarray(pixels.astype(np.uint8)))["counts"].decode()
        assert packed(to_runs(Bitmap(0, 0, pixels), size)) == expected
        found = from_runs(expected, size, Allowance(Limit.BITMAP_PIXELS))
        whole = np.zeros_like(pixels)
        if found is not None:
            rows, columns = found.pixels.shape
            whole[found.row : found.row + rows, found.column : found.column + columns] = (
                found.pixels
            )
        assert (whole == pixels).all()


def test_panoptic_segments_have_the_areas_and_boxes_of_the_file(corpus):
    (path,) = (corpus / "coco_panoptic").rglob("*.json")
    document = json.loads(path.read_text())
    reader = mf.read(path)
    images = list(reader)
    assert not reader.issues
    segments = 0
    for image, entry in zip(images, document["annotations"], strict=True):
        assert image.issues == ()
        with Image.open(path.parent / entry["file_name"]) as png:
            red, green, blue = np.asarray(png.convert("RGB")).astype(int).transpose(2, 0, 1)
        ids = red + 256 * green + 65536 * blue
        by_id = {one["id"]: one for one in entry["segments_info"]}
        assert len(image.shapes) == len(by_id)
        for shape in image.shapes:
            record = by_id[shape.extra["id"]]
            bitmap = shape.geometry
            height, width = bitmap.pixels.shape
            assert record["bbox"] == [bitmap.column, bitmap.row, width, height]
            assert record["area"] == bitmap.pixels.sum()
            assert (own_pixels(shape, image.image.size) == (ids == record["id"])).all()
            segments += 1
    assert segments == 62
