"""ISAT opens and saves what is written for it; Labelbox's package takes the lines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from judges.environments import PROGRAMS, in_environment

import maskforge as mf
from maskforge.formats.registry import FORMATS
from maskforge.shapes import Area, Bitmap, Polyline


@pytest.fixture(scope="module", params=["labelme", "vott", "coco"])
def source(request, samples) -> Path:
    return samples / request.param


def written(source: Path, out: Path, writer: str) -> list[mf.AnnotatedImage]:
    """Write samples, and return what is written, as it is read again."""
    options = {"image_files": "copy", "unvisited": "background"}
    mf.export(source, out, format=writer, **options)
    return list(mf.read(out))


def test_isat_saves_the_objects_that_are_written(tmp_path, source):
    out, saved = tmp_path / "out", tmp_path / "saved"
    saved.mkdir()
    images = written(source, out, "isat")
    for image in images:
        assert image.image.file is not None
        assert not image.folder  # ISAT opens one folder at a time
    verdict = in_environment("isat", PROGRAMS / "isat_files.py", out, saved)
    assert len(verdict["files"]) == len(images)
    for image in images:
        opened = verdict["files"][Path(image.origin.file).name]
        assert opened["size"] == list(image.image.size or ())
        assert opened["image"] == image.image.name
        own = json.loads(image.origin.file.read_text("utf-8"))
        assert opened["objects"] == own["objects"]
    labels = {label for image in images for shape in image.shapes for label in shape.labels}
    assert labels <= {*verdict["classes"], "_background_"}


def test_isat_draws_layers_as_they_are_read(tmp_path, samples):
    """Its exporter to VOC sorts by layer, too; it cuts vertices to whole numbers."""
    images = written(samples / "labelme", tmp_path / "out", "isat")
    for image in images:
        layers = [shape.extra["layer"] for shape in image.shapes]
        assert layers == sorted(layers)


@pytest.mark.parametrize("format_", [one for one in FORMATS if one in ("coco", "labelme", "via")])
def test_labelbox_takes_the_lines(tmp_path, samples, format_):
    out, pictures = tmp_path / "out", tmp_path / "pictures"
    pictures.mkdir()
    images = written(samples / format_, out, "labelbox")
    files = (out / "labelbox.ndjson", out / "data_rows.json")
    verdict = in_environment("labelbox", PROGRAMS / "labelbox_lines.py", *files, pictures)
    assert verdict["unknown"] == []
    shapes = [shape for image in images for shape in image.shapes]
    assert len(verdict["lines"]) == len(shapes)
    for number, (line, shape) in enumerate(zip(verdict["lines"], shapes, strict=True)):
        assert (line["name"],) == shape.labels
        assert line["confidence"] == shape.score
        check_geometry(line, shape, pictures / f"{number}.png")


def check_geometry(line: dict[str, Any], shape: mf.Shape, picture: Path) -> None:
    match shape.geometry:
        case Area(parts=(polygon,)):
            points = line["points"]
            closed = points[:-1] if points[0] == points[-1] else points
            assert closed == polygon.exterior.tolist()
        case Polyline(points):
            assert line["points"] == points.tolist()
        case Bitmap(row, column, pixels):
            drawn = cv2.imread(str(picture), cv2.IMREAD_GRAYSCALE)
            assert drawn is not None
            inside = np.zeros(drawn.shape, bool)
            height, width = pixels.shape
            inside[row : row + height, column : column + width] = pixels
            assert ((drawn > 0) == inside).all()
