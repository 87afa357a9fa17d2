"""Whole slides that are no TIFF files, such as those of 3DHISTECH, read with OpenSlide."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskforge.errors import require
from maskforge.files import check_regular
from maskforge.images.containers.base import ImageHeader, OpenFile, Window
from maskforge.images.stored import Stored
from maskforge.images.suffixes import OPENSLIDE_SUFFIXES
from maskforge.shapes import Size

_ROWS = 512


def is_for_openslide(path: Path) -> bool:
    """Tell by its name whether a file is one of several that make up a slide."""
    return path.suffix.lower() in OPENSLIDE_SUFFIXES


class _Slide:
    def __init__(self, slide: Any) -> None:  # noqa: ANN401 - of OpenSlide
        self._slide = slide
        self._empty = f"#{slide.properties.get('openslide.background-color', 'ffffff')}"

    def count(self) -> int:
        return 1

    def header(self, page: int) -> ImageHeader:
        return ImageHeader(Size(*self._slide.dimensions), channels=3, format="openslide")

    def read(self, page: int, *, checked: bool, step: int) -> Stored:
        return self.read_part(page, Window(0, 0, *self.header(page).stored), step)

    def read_part(self, page: int, window: Window, step: int) -> Stored:
        rows = -(-_ROWS // step) * step
        bottom = window.top + window.height
        parts = [
            self._rows(window._replace(top=top, height=min(rows, bottom - top)))[::step, ::step]
            for top in range(window.top, bottom, rows)
        ]
        return Stored(np.concatenate(parts), color=True)

    def _rows(self, window: Window) -> NDArray[np.uint8]:
        """Return some rows, and the color of glass where nothing was scanned."""
        from PIL import Image

        size = window.width, window.height
        region = self._slide.read_region((window.left, window.top), 0, size)
        image = Image.new("RGB", size, self._empty)
        image.paste(region, mask=region.getchannel("A"))
        return np.asarray(image)


@contextlib.contextmanager
def open_slide(path: Path) -> Iterator[OpenFile]:
    """Open a file for which ``is_for_openslide`` holds; anything may be raised."""
    check_regular(path)
    require("openslide", "maskforge[openslide]", f"slides in {path.suffix} files")
    import openslide

    with openslide.OpenSlide(path) as slide:
        yield _Slide(slide)
