"""Writing LabelMe files for tests, and reading them through the public interface."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path

import numpy as np
from PIL import Image

from maskforge.formats.reader import read
from maskforge.images.annotated_image import AnnotatedImage
from maskforge.issues import Code
from maskforge.shapes import Area, Points, Shape

TRIANGLE = [[1.5, 2.0], [20.25, 3.0], [9.0, 30.5]]


def shape(points=TRIANGLE, label="caries", **keys):
    return {"label": label, "points": points, **keys}


def document(*shapes, **keys):
    return {
        "version": "5.4.1",
        "flags": {},
        "shapes": list(shapes),
        "imagePath": "tooth.png",
        "imageData": None,
        "imageHeight": 80,
        "imageWidth": 100,
    } | keys


def write(folder: Path, content: object, name: str = "tooth.json") -> Path:
    path = folder / name
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    path.write_bytes(data)
    return path


def read_one(path: Path, **options) -> AnnotatedImage:
    reader = read(path, format="labelme", **options)
    (image,) = list(reader)
    return image


def read_shape(folder: Path, record: object) -> Shape:
    image = read_one(write(folder, document(record)))
    assert [issue for issue in image.issues if issue.loses_record] == []
    (found,) = image.shapes
    return found


def exterior(found: Shape) -> Points:
    assert isinstance(found.geometry, Area)
    (part,) = found.geometry.parts
    assert part.holes == ()
    return part.exterior


def codes(image: AnnotatedImage) -> list[Code]:
    return [issue.code for issue in image.issues if issue.code is not Code.IMAGE_MISSING]


def encoded(pixels, mode: str | None = None, file_type: str = "PNG") -> str:
    array = np.asarray(pixels)
    image = Image.fromarray(array)
    if mode is not None:
        image = image.convert(mode)
    buffer = io.BytesIO()
    image.save(buffer, file_type)
    return base64.b64encode(buffer.getvalue()).decode()


def save_image(path: Path, size: tuple[int, int], orientation: int = 1) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.new("L", size).save(path, exif=exif)
