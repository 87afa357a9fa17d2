"""Writing Cityscapes: polygons, and the label images that are made of them."""

from __future__ import annotations

from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray

from maskforge.files import dump_record
from maskforge.formats.base import with_left_over
from maskforge.formats.cityscapes.labels import BY_NAME, PER_CLASS
from maskforge.formats.cityscapes.polygon_records import RECORDS
from maskforge.formats.pixels import VOID_VALUE, value_table
from maskforge.formats.writer import Holds, WriteContext, Writer, WrittenImage
from maskforge.images.index_png import encode_png
from maskforge.shapes import Area, Shape

_SPLIT = "train"
_CITY = "images"
"""Folder of images that lie in none."""


class CityscapesWriter(Writer):
    """``gtFine`` and, if images are copied, ``leftImg8bit``."""

    title = "Cityscapes"
    holds = Holds(holes=("cut",), unlabeled=True, draws=True, upright=False)

    def __init__(self, context: WriteContext) -> None:
        super().__init__(context)
        classes = [one for one in context.classes if one.is_foreground]
        known = all(one.name in BY_NAME for one in classes)
        self._values = {
            one.id: max(BY_NAME[one.name].id, 0) if known else one.id for one in classes
        }
        self._table = value_table(self._values, 0 if known else VOID_VALUE)
        self._with_objects = {
            one.id for one in classes if not known or BY_NAME[one.name].has_objects
        }

    def add(self, image: WrittenImage) -> None:
        """Write the polygons and label images of one image."""
        folder = PurePosixPath(image.name).parent.as_posix()
        city = _CITY if folder == "." else folder
        base = PurePosixPath(image.name).name.removesuffix("_leftImg8bit")
        if self._context.image_files == "copy":
            name = f"leftImg8bit/{_SPLIT}/{city}/{base}_leftImg8bit.png"
            self._context.copy_image(image, name)
        place = f"gtFine/{_SPLIT}/{city}/{base}_gtFine"
        document = {
            **image.own,
            "imgHeight": image.size.height,
            "imgWidth": image.size.width,
            RECORDS: with_left_over(
                image.shapes,
                [_record(shape, own=image.is_own) for shape in image.shapes],
                image.own.get(RECORDS),
            ),
        }
        self._context.write(f"{place}_polygons.json", dump_record(document))
        mask, objects, classes = image.draw()
        values = self._table[mask]
        self._context.write(f"{place}_labelIds.png", encode_png(values))
        self._write_objects(f"{place}_instanceIds.png", values, objects, classes)

    def _write_objects(
        self,
        name: str,
        values: NDArray[np.integer],
        objects: NDArray[np.integer],
        classes: tuple[int, ...],
    ) -> None:
        """Write a thousand times the value plus the object, as far as 16 bits hold it."""
        counts: dict[int, int] = {}
        table = np.zeros(len(classes) + 1, np.int64)
        for number, id_ in enumerate(classes, 1):
            value = self._values[id_]
            count = counts.get(id_, 0)
            if id_ not in self._with_objects or value * PER_CLASS + count >= 2**16:
                continue
            if count >= PER_CLASS:
                self._context.left_out("objects beyond 1000 of one class")
                continue
            counts[id_] = count + 1
            table[number] = value * PER_CLASS + count
        told = table[objects]
        written = np.where(told > 0, told, values).astype(np.uint16)
        self._context.write(name, encode_png(written))


def _record(shape: Shape, *, own: bool) -> dict[str, object]:
    geometry = shape.geometry
    assert isinstance(geometry, Area)
    points = [[_short(x), _short(y)] for x, y in geometry.parts[0].exterior.tolist()]
    label = shape.labels[0] if shape.labels else ""
    extra = dict(shape.extra) if own else {}
    return {"label": extra.pop("label", label), "polygon": points, **extra}


def _short(number: float) -> float:
    """Return a whole number as one, because other programs expect pixels."""
    return int(number) if number.is_integer() else number


WRITERS = {"cityscapes": CityscapesWriter}
