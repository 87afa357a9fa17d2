"""What a model says about an image that is too large for an array: written while it is said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskforge.choices import Encoding
from maskforge.dataset.made_file import MadeFile, tiled_files
from maskforge.examples.maskvalues import count_values
from maskforge.masks.classes import BACKGROUND, VOID, ClassMap
from maskforge.masks.encoding import Mask
from maskforge.shapes import Size


@dataclass(frozen=True, slots=True)
class TiledPrediction:
    """A prediction whose mask is in a file.

    Attributes:
        size: Of the mask.
        files: The mask, put aside.
        pixels: Pixels of every class id, the background last.
        overlapped: Pixels of more than one class.
    """

    size: Size
    files: tuple[MadeFile, ...]
    pixels: dict[int, int]
    overlapped: int


class _Counted:
    """The mask of a prediction as bands of rows, counted on their way into a file."""

    def __init__(
        self,
        size: Size,
        dtype: np.dtype[Any],
        parts: Iterator[tuple[Mask, NDArray[np.uint8]]],
        encoding: Encoding,
    ) -> None:
        self.size = size
        self.dtype = np.dtype(np.uint8) if encoding == "binary" else dtype
        self.pixels: Counter[int] = Counter()
        self.overlapped = 0
        self._parts = parts
        self._encoding = encoding

    def bands(self, rows: int) -> Iterator[NDArray[Any]]:
        waiting = np.empty((0, self.size.width), self.dtype)
        for mask, target in self._parts:
            self.pixels.update(count_values(mask))
            if target.ndim == 3:
                self.overlapped += int((target.sum(axis=-1, dtype=np.int64) > 1).sum())
            shown: NDArray[Any] = mask
            if self._encoding == "binary":
                shown = np.where(mask != BACKGROUND, np.uint8(VOID), np.uint8(BACKGROUND))
            waiting = np.concatenate((waiting, shown))
            while len(waiting) >= rows:
                yield waiting[:rows]
                waiting = waiting[rows:]
        if len(waiting):
            yield waiting


def write_tiled_prediction(
    parts: Iterator[tuple[Mask, NDArray[np.uint8]]],
    size: Size,
    classes: ClassMap,
    folder: Path,
    *,
    encoding: Encoding,
    pyramid: bool,
) -> TiledPrediction:
    """Write the mask of a prediction into a folder, to be put in its place.

    Args:
        parts: The mask and the target of rows from top to bottom.
        size: Of the image.
        classes: The class map of the model.
        folder: Where the file is put aside.
        encoding: ``integer`` or ``binary``.
        pyramid: Whether to add smaller versions.

    Raises:
        OutputError: If it cannot be written.
    """
    counted = _Counted(size, np.dtype(classes.dtype), parts, encoding)
    palette = encoding != "binary"
    files = tiled_files(counted, None, classes.colors, folder, palette=palette, pyramid=pyramid)
    made = tuple(files)
    pixels = {int(id_): count for id_, count in sorted(counted.pixels.items())}
    pixels[BACKGROUND] = pixels.pop(BACKGROUND, 0)
    return TiledPrediction(size, made, pixels, counted.overlapped)
