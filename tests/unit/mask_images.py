"""Masks of any kind as files, and a writer's context without an export around it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

import maskforge as mf
from maskforge.formats.writer import WrittenClass, WrittenImage
from maskforge.images.annotated_image import AnnotatedImage
from maskforge.shapes import Bitmap

WIDTH, HEIGHT = 8, 6

RED, GREEN, BLUE, WHITE, BLACK = (
    (255, 0, 0),
    (0, 255, 0),
    (0, 0, 255),
    (255, 255, 255),
    (0, 0, 0),
)


def values(*boxes: tuple[int, int, int, int, int], dtype: type = np.uint8) -> np.ndarray:
    """A mask (6, 8) of zeros with boxes of a value: value, left, top, right, bottom."""
    mask = np.zeros((HEIGHT, WIDTH), dtype)
    for value, left, top, right, bottom in boxes:
        mask[top:bottom, left:right] = value
    return mask


def colored(mask: np.ndarray, colors: Mapping[int, tuple[int, int, int]]) -> np.ndarray:
    """Return a mask of values as colors."""
    table = np.zeros((256, 3), np.uint8)
    for value, color in colors.items():
        table[value] = color
    return table[mask]


def save(path: Path, pixels: np.ndarray, palette: Mapping[int, tuple] | None = None) -> Path:
    """Write an array as an image; its suffix tells the kind."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(pixels)
    if palette is not None:
        table = [number for value in range(256) for number in palette.get(value, BLACK)]
        image.putpalette(table)
    image.save(path)
    return path


def regions(image: AnnotatedImage) -> dict[str, np.ndarray]:
    """Return what every label covers, as masks of the image."""
    found: dict[str, np.ndarray] = {}
    for shape in image.shapes:
        assert isinstance(shape.geometry, Bitmap)
        covered = mf.rasterize([shape.geometry], (WIDTH, HEIGHT)).astype(bool)
        (label,) = shape.labels
        found[label] = found.get(label, np.zeros_like(covered)) | covered
    return found


class Folder:
    """What a writer is given: a folder, classes, and a count of what it leaves out."""

    image_files = "copy"

    def __init__(self, folder: Path, classes: mf.ClassMap) -> None:
        self.folder = folder
        self.classes = tuple(
            WrittenClass(id_, classes.names[id_], classes.colors[id_]) for id_ in classes.ids
        )
        self.lost: dict[str, int] = {}

    def write(self, name: str, content: bytes) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def image_path(self, image: WrittenImage, copy: str, seen_from: str = "") -> str:
        assert self.copy_image(image, copy)
        return "../" * len(Path(seen_from).parts) + copy

    def copy_image(self, image: WrittenImage, name: str) -> bool:
        if image.file is None:
            return False
        if Path(name).suffix == image.file.suffix:
            self.write(name, image.file.read_bytes())
        else:
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.open(image.file).save(path)
        return True

    def left_out(self, what: str, count: int = 1) -> None:
        self.lost[what] = self.lost.get(what, 0) + count


def written_image(image: AnnotatedImage, classes: mf.ClassMap, **keywords: object) -> WrittenImage:
    """Return an image as a writer gets it."""
    size = image.image.size
    assert size is not None

    def draw() -> tuple[np.ndarray, np.ndarray, tuple[int, ...]]:
        drawing = mf.draw(image, classes, instances=True)
        assert drawing.instances is not None
        return drawing.mask, drawing.instances, drawing.instance_classes

    file = image.image.file
    return WrittenImage(
        Path(image.image.name).stem,
        file.name if file else image.image.name,
        file,
        size,
        image.shapes,
        image.state,
        image.origin,
        draw,
        image.tags,
        extra=image.extra,
        **keywords,
    )
