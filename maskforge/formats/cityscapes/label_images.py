"""Label images of Cityscapes: ``instanceIds``, ``labelIds``, ``labelTrainIds``, ``color``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from maskforge.errors import ImageError
from maskforge.formats.cityscapes.labels import (
    BY_COLOR,
    BY_ID,
    BY_TRAIN_ID,
    PER_CLASS,
)
from maskforge.formats.pixels import (
    MaskPixels,
    PixelNames,
    change_note,
    read_pixels,
    shapes_of,
    split_by_objects,
)
from maskforge.images.regions import regions
from maskforge.issues import Code, Issue, Origin
from maskforge.shapes import Shape, Size

_OBJECTS = "instanceids"
_NAMES = {"labelids": BY_ID, "labeltrainids": BY_TRAIN_ID, "color": BY_COLOR}


def read_label_image(
    path: Path, kind: str, tolerance: int | None, issues: list[Issue]
) -> tuple[list[Shape], Size]:
    """Read the regions of a label image.

    Args:
        path: The file.
        kind: The end of its name, in lower case.
        tolerance: As for ``read_pixels``.
        issues: Receives a note on what was changed.

    Raises:
        ImageError: If it cannot be decoded, or holds what is no label.
        LimitError: If its regions would take more memory than an image may.
    """
    origin = Origin(path)
    if kind == _OBJECTS:
        pixels = read_pixels(path, PixelNames(), ids=True)
        return _of_objects(pixels, origin), pixels.size
    names = _NAMES[kind]
    pixels = read_pixels(path, names, tolerance=tolerance)
    issues += change_note(pixels, Origin(path, ""))
    return shapes_of(pixels, pixels.labels(names), origin), pixels.size


def _of_objects(pixels: MaskPixels, origin: Origin) -> list[Shape]:
    numbers = pixels.numbers.astype(np.uint32)
    is_object = numbers >= PER_CLASS
    ids = np.where(is_object, numbers // PER_CLASS, numbers)
    # The first object of a class has the number 0.
    objects = np.where(is_object, numbers % PER_CLASS + 1, 0)
    classes = replace(pixels, numbers=ids, regions=regions(ids))
    labels = {}
    for value, region in classes.regions.items():
        label = BY_ID.of_number(value, colored=False)
        if label is None or pixels.colored:
            text = f"holds the value {value} in {region.count:,} px, which is no label"
            raise ImageError(Code.UNKNOWN_VALUE, text, origin=Origin(origin.file, ""))
        labels[value] = label
    split, meant = split_by_objects(classes, objects)
    return shapes_of(split, labels, origin, meant)
