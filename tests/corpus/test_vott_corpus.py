"""Real VoTT files of public projects, each number counted from the files without maskforge."""

from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import pytest
from PIL import Image

from maskforge.formats.detection import detect
from maskforge.formats.reader import AnnotationReader, read
from maskforge.images.annotated_image import AnnotatedImage
from maskforge.issues import Code, Level
from maskforge.shapes import Area, ImageState


@pytest.fixture(scope="module")
def vott(corpus: Path) -> Path:
    return corpus / "vott"


@pytest.fixture(scope="module")
def project(vott: Path) -> Path:
    return vott / "SI-Aizu__vott-tutorial" / "sample_existing_project"


@pytest.fixture(scope="module")
def table(vott: Path) -> Path:
    (path,) = (vott / "AntonMu__TrainYourOwnYOLO").rglob("*.csv")
    return path


def read_all(*sources: Path, **options: Any) -> tuple[list[AnnotatedImage], AnnotationReader]:
    reader = read(sources, **options)
    return list(reader), reader


def box(image: AnnotatedImage, index: int) -> tuple[float, ...]:
    geometry = image.shapes[index].geometry
    assert isinstance(geometry, Area)
    (part,) = geometry.parts
    return (*part.exterior.min(axis=0), *part.exterior.max(axis=0))


def check_against_asset_files(images: list[AnnotatedImage]) -> None:
    """Compare kinds, tags, order, boxes and size with the JSON that the image came from."""
    for image in images:
        content = json.loads(image.origin.file.read_bytes())
        assert image.image.name == content["asset"]["name"]
        assert image.image.file is not None
        with Image.open(image.image.file) as opened:
            assert image.image.size == opened.size
        assert opened.size == tuple(content["asset"]["size"][key] for key in ("width", "height"))
        assert image.record_count == len(content["regions"])
        assert len(image.shapes) == len(content["regions"])
        assert image.issues == ()
        for index, region in enumerate(content["regions"]):
            shape = image.shapes[index]
            assert shape.kind == region["type"]
            assert shape.labels == tuple(region["tags"])
            assert shape.origin.pointer == f"$.regions[{index}]"
            written = region["boundingBox"]
            left, top = written["left"], written["top"]
            corners = (left, top, left + written["width"], top + written["height"])
            # The box is derived from the points of a polygon by the tool, with rounding.
            assert box(image, index) == pytest.approx(corners, abs=1e-9)


def test_every_file_is_recognized(vott):
    files = [path for path in vott.rglob("*") if path.suffix in {".vott", ".json", ".csv"}]
    assert Counter(detect(path).variant for path in files) == {
        "project": 1,
        "asset": 9,
        "csv-export": 1,
    }


def test_project_with_the_images_in_a_sibling_folder(project):
    """3 images with 8 + 3 + 6 rectangles tagged `car`; no option is needed to find them."""
    images, reader = read_all(project)
    assert {image.image.name: len(image.shapes) for image in images} == {
        "car_1.jpg": 8,
        "car_2.jpg": 3,
        "car_3.jpg": 6,
    }
    assert {image.image.file for image in images} == set((project / "source").glob("*.jpg"))
    assert {image.state for image in images} == {ImageState.ANNOTATED}
    assert Counter(shape.labels for image in images for shape in image.shapes) == {("car",): 17}
    check_against_asset_files(images)
    assert reader.issues == []
    assert len(reader.files_read) == 4  # the project and its three asset files


@pytest.mark.parametrize("source", ["target", "target/sample_project.vott"])
def test_project_named_more_narrowly_finds_the_same_images(project, source):
    """The path in the file is of another machine, but its last folder is still beside `target`."""
    images, _ = read_all(project / source, allow_outside_images=True)
    check_against_asset_files(images)
    assert sum(len(image.shapes) for image in images) == 17


def test_polygons_and_rectangles_of_mere_asset_files(vott):
    """6 asset files without a project: 3 polygons and 3 rectangles, 3 cats and 3 dogs."""
    images, reader = read_all(vott / "superannotateai__superannotate-python-sdk")
    assert len(images) == 6
    shapes = [shape for image in images for shape in image.shapes]
    assert Counter(shape.kind for shape in shapes) == {"POLYGON": 3, "RECTANGLE": 3}
    assert Counter(shape.labels for shape in shapes) == {("Cat",): 3, ("Dog",): 3}
    check_against_asset_files(images)
    for image in images:
        (region,) = json.loads(image.origin.file.read_bytes())["regions"]
        geometry = image.shapes[0].geometry
        assert isinstance(geometry, Area)
        pairs = [[point["x"], point["y"]] for point in region["points"]]
        is_box = region["type"] == "RECTANGLE"  # its points are one rounding away from its box
        exactly = pytest.approx(np.array(pairs), abs=1e-9 if is_box else 0)
        assert geometry.parts[0].exterior == exactly
    assert reader.issues == []


def test_one_asset_file_alone(vott):
    folder = vott / "superannotateai__superannotate-python-sdk"
    images, _ = read_all(folder / "3e9422d133807a96af47657b7d5575e3-asset.json")
    assert [image.image.name for image in images] == ["cat3.jpg"]
    assert len(images[0].shapes) == 1


def test_csv_export(table):
    """124 boxes of 100 images, 25 of which are in the corpus, still percent-encoded on disk."""
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    images, reader = read_all(table)
    assert len(images) == len({row["image"] for row in rows})
    assert sum(len(image.shapes) for image in images) == len(rows)
    for image in images:
        own = [row for row in rows if unquote(row["image"]) == image.image.name]
        assert image.record_count == len(image.shapes) == len(own)
        for index, row in enumerate(own):
            assert box(image, index) == tuple(
                float(row[key]) for key in ("xmin", "ymin", "xmax", "ymax")
            )
            assert image.shapes[index].labels == (row["label"],)
            assert image.shapes[index].origin.pointer == f"line {rows.index(row) + 2}"
    found = [image for image in images if image.image.file is not None]
    assert {image.image.file for image in found} == set(table.parent.glob("*.jpg"))
    for image in found:
        assert image.refusal is None
        assert image.image.file is not None
        with Image.open(image.image.file) as opened:
            assert image.image.size == opened.size
    missing = [image for image in images if image.image.file is None]
    assert {image.refusal.code for image in missing if image.refusal} == {Code.SIZE_UNKNOWN}
    assert (len(rows), len(images), len(found), len(missing)) == (124, 100, 25, 75)
    assert [(issue.code, issue.level) for issue in reader.issues] == [
        (Code.LOSSY_SOURCE, Level.NOTE)
    ]


def test_all_of_it_at_once(vott):
    """17 + 6 + 124 shapes on 3 + 6 + 100 images; nothing is read twice."""
    images, reader = read_all(vott)
    assert len(images) == 109
    assert sum(len(image.shapes) for image in images) == 147
    assert sum(image.record_count for image in images) == 147
    assert len(reader.files_read) == 11
