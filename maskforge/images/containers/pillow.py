"""Everything that Pillow reads: PNG, JPEG, TIFF, GIF, WebP, BMP and more."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from maskforge.images.containers.base import Container, ImageHeader, Window
from maskforge.images.containers.deep_color import is_deep_color, read_deep_color
from maskforge.images.containers.pillow_formats import open_listed
from maskforge.images.containers.tiff_pages import find_pages
from maskforge.images.containers.tiff_parts import read_part
from maskforge.images.stored import Stored
from maskforge.shapes import Size

if TYPE_CHECKING:
    from PIL.Image import Image

_ORIENTATION_TAG = 0x0112
_PIXELS_AT_A_TIME = 2**24
_GRAY_MODES = ("1", "L", "LA", "La", "I", "F")


class _PillowFile:
    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        # Given a path, Pillow maps uncompressed files, and garbles TIFF that lies on its side.
        self._image: Image = open_listed(stream)

    def count(self) -> int:
        return len(self._frames)

    @cached_property
    def _frames(self) -> Sequence[int]:
        """Return the numbers of Pillow, from 0, of all pages; further frames of JPEG are none."""
        image = self._image
        if image.format == "TIFF":
            return find_pages(self._stream)
        several = image.format in ("GIF", "WEBP")
        return range(getattr(image, "n_frames", 1) if several else 1)

    def _turn_to(self, page: int) -> int:
        frame = self._frames[page - 1] if page > 1 else 0
        if frame != self._image.tell():
            self._image.seek(frame)
        return frame

    def header(self, page: int) -> ImageHeader:
        from PIL import Image
        from PIL.TiffImagePlugin import IMAGELENGTH, IMAGEWIDTH, TiffImageFile

        self._turn_to(page)
        image = self._image
        # The override for PNG decodes all pixels to find EXIF data that stands behind them.
        orientation = Image.Image.getexif(image).get(_ORIENTATION_TAG, 1)
        size = Size(*image.size)
        if isinstance(image, TiffImageFile):  # which gives the size as it is shown
            size = Size(image.tag_v2[IMAGEWIDTH], image.tag_v2[IMAGELENGTH])
        mode = image.mode
        return ImageHeader(
            size,
            orientation if orientation in range(1, 9) else 1,
            channels=1 if mode in _GRAY_MODES or mode.startswith("I;") else 3,
            bits=_bits(image),
            format=(image.format or "").lower(),
        )

    def read(self, page: int, *, checked: bool, step: int) -> Stored:
        if checked and self._image.format == "PNG":
            self._image.verify()  # and cannot be used any more
            self._stream.seek(0)
            self._image = open_listed(self._stream)
        frame = self._turn_to(page)
        if is_deep_color(self._image):
            self._stream.seek(0)
            return read_deep_color(self._stream.read(), frame, gray=self._image.mode == "LA")
        _allow_size(self._image)
        if step > 1:
            width, height = self._image.size
            least = max(1, width // step), max(1, height // step)
            self._image.draft(None, least)  # of JPEG alone
        self._image.load()
        image: Image = self._image
        if step > 1 and image.format != "JPEG" and self.header(page).orientation == 1:
            image = _every(step, image)
        return stored_of(image)

    def read_part(self, page: int, window: Window, step: int) -> Stored | None:
        frame = self._turn_to(page)
        is_tiff = self._image.format == "TIFF"
        return read_part(self._stream, frame, window, step) if is_tiff else None


def _allow_size(image: Image) -> None:
    """Give a TIFF its canvas: Pillow would compare its size with the limit of the process."""
    from PIL.Image import new

    size = getattr(image, "_tile_size", None)
    if size is not None:
        image.im = new(image.mode, size).im


def _every(step: int, image: Image) -> Image:
    """Return the first of so many rows and columns; so a large image is never held twice."""
    from PIL.Image import Resampling, Transform

    size = -(-image.width // step), -(-image.height // step)
    offset = 0.5 - step / 2  # Pillow takes what lies below the center of a pixel
    small = image.transform(
        size, Transform.AFFINE, (step, 0, offset, 0, step, offset), Resampling.NEAREST
    )
    small.format = image.format  # as that of an image that was opened
    return small


def _array_of(image: Image) -> NDArray[Any]:
    """Return the values of an image, a part at a time if it is large: Pillow makes copies."""
    width, height = image.size
    if width * height <= _PIXELS_AT_A_TIME:
        return np.array(image)
    rows = max(1, _PIXELS_AT_A_TIME // width)
    values = np.empty((0,))
    for top in range(0, height, rows):
        part = np.asarray(image.crop((0, top, width, min(height, top + rows))))
        if top == 0:
            values = np.empty((height, *part.shape[1:]), dtype=part.dtype)
        values[top : top + rows] = part
    return values


def _bits(image: Image) -> int:
    if image.mode == "1":
        return 1
    if image.mode in ("I", "F"):
        return 32
    return 16 if image.mode.startswith("I;") or is_deep_color(image) else 8


def stored_of(image: Image) -> Stored:
    """Return what an image of Pillow holds."""
    upright = image.format == "TIFF"  # which decoding turns upright
    if image.mode in ("P", "PA"):
        image = image.convert("P")
        return Stored(_array_of(image), _palette(image), upright=upright)
    alpha = image.mode in ("LA", "La", "RGBA", "RGBa", "RGBX")
    if image.mode == "RGB" and "transparency" in image.info:
        image, alpha = image.convert("RGBA"), True
    elif image.mode in ("La", "RGBa"):  # colors that were multiplied by their opacity
        image = image.convert(image.mode.upper())
    color = image.mode not in _GRAY_MODES and not image.mode.startswith("I;")
    if color and image.mode not in ("RGB", "RGBA", "RGBX"):
        image = image.convert("RGB")
    return Stored(_array_of(image), alpha=alpha, color=color, upright=upright)


def _palette(image: Image) -> NDArray[np.uint8]:
    ramp = image.crop((0, 0, 256, 1))
    ramp.putdata(range(256))
    table: NDArray[np.uint8] = np.array(ramp.convert("RGBA"))[0]
    return table


@contextlib.contextmanager
def _open(stream: IO[bytes]) -> Iterator[_PillowFile]:
    yield _PillowFile(stream)


CONTAINER = Container(recognizes=lambda start: True, open=_open)
