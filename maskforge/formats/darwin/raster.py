"""Raster layers: the pixels of all masks of an image in one list of run lengths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from maskforge.errors import GeometryError, RecordError
from maskforge.formats.fields import bad_bitmap
from maskforge.formats.jsonio import structure
from maskforge.formats.runlength import from_spans
from maskforge.issues import Code, Origin
from maskforge.limits.allowance import Allowance
from maskforge.shapes import MOST_PIXELS, Bitmap, Size

_LARGEST = 2**31


class _Layer(msgspec.Struct):
    dense_rle: list[int]
    mask_annotation_ids_mapping: dict[str, int]


class RasterLayers:
    """The masks that the raster layers of one image hold, by the ids of their annotations.

    Attributes:
        unlisted: Pixels of values that no mask has.
    """

    def __init__(
        self, records: Sequence[object], places: Sequence[Origin], size: Size | None
    ) -> None:
        """Read all layers; what cannot be read is told when its record or its masks are.

        Args:
            records: The records of the image.
            places: The place of each.
            size: Of the image.
        """
        self._size = size
        self._spans: dict[str, tuple[NDArray[np.int64], NDArray[np.int64]]] = {}
        self._errors: dict[Origin, RecordError] = {}
        self.unlisted = 0
        for record, place in zip(records, places, strict=True):
            if isinstance(record, dict) and "raster_layer" in record:
                try:
                    self._read(record["raster_layer"], place.at(".raster_layer"))
                except RecordError as error:
                    self._errors[place] = error

    def check(self, origin: Origin) -> None:
        """Make sure that a layer could be read.

        Raises:
            GeometryError: If not.
        """
        if origin in self._errors:
            raise self._errors[origin]

    def bitmap(self, record: Mapping[str, Any], origin: Origin, pixels: Allowance) -> Bitmap:
        """Return the pixels of a mask.

        Raises:
            GeometryError: If no layer has them.
            LimitError: If there are more pixels than are left.
        """
        id_ = record.get("id")
        found = self._spans.get(id_) if isinstance(id_, str) else None
        bitmap = None
        if found is not None and self._size is not None:
            bitmap = from_spans(*found, self._size.width, pixels)
        if bitmap is None:
            raise bad_bitmap(
                "the mask has no pixels in a raster layer of its image",
                origin,
                hint="redraw or delete it in V7",
            )
        return bitmap

    def _read(self, value: object, origin: Origin) -> None:
        layer = structure(value, _Layer, origin, Code.INVALID_BITMAP, GeometryError)
        place = origin.at(".dense_rle")
        if self._size is None:
            raise _bad("the size of the image is not known", place)
        count = self._size.width * self._size.height
        flat = layer.dense_rle
        if len(flat) % 2 or not all(0 <= one <= _LARGEST for one in flat) or count > MOST_PIXELS:
            raise _bad("expected pairs of a value and how often it is repeated", place)
        pairs = np.array(flat, np.int64).reshape(-1, 2)
        stops = np.cumsum(pairs[:, 1])
        total = int(stops[-1]) if len(stops) else 0
        if total != count:
            raise _bad(f"the runs cover {total} px, the image has {self._size} px", place)
        order = np.argsort(pairs[:, 0], kind="stable")
        values = pairs[order, 0]
        listed = layer.mask_annotation_ids_mapping
        for id_, number in listed.items():
            first, last = np.searchsorted(values, (number, number + 1))
            own = order[first:last]
            if number > 0 and len(own):
                self._spans[id_] = (stops[own] - pairs[own, 1], stops[own])
        known = np.isin(pairs[:, 0], [0, *listed.values()])
        self.unlisted += int(pairs[~known, 1].sum())


def _bad(text: str, origin: Origin) -> GeometryError:
    hint = "export the data set from V7 again"
    return bad_bitmap(text, origin, hint=hint)
