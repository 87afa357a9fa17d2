"""Mask files: palette or 16-bit PNG, TIFF, NPY; written whole or not at all."""

from __future__ import annotations

import io
import operator
from collections.abc import Mapping
from typing import Any, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from maskforge.choices import FileType, check_choice
from maskforge.display.colors import Color
from maskforge.errors import DatasetError, OptionError, check_type, shorten
from maskforge.files import PathLike, as_path, as_source, write_given
from maskforge.images.containers.base import Window
from maskforge.images.decoder import read_values
from maskforge.images.index_png import encode_png, palette_bytes
from maskforge.issues import Origin

AnyMask: TypeAlias = NDArray[np.uint8] | NDArray[np.uint16] | NDArray[np.uint32]


def check_file_type(file_type: str, encoding: str) -> None:
    """Make sure that masks of an encoding can be stored in a type of file.

    Raises:
        OptionError: With the reason.
    """
    check_choice("file_type", file_type, FileType)
    if encoding not in ("integer", "binary") and file_type != "npy":
        raise OptionError(
            f"{encoding} masks have one channel per class, which {file_type.upper()} files cannot "
            "hold without being taken for colors",
            hint="choose --file-type npy, or --encoding integer",
        )


def encode_mask(mask: AnyMask, file_type: str, palette: Mapping[int, Color] | None = None) -> bytes:
    """Return a mask as the content of a file.

    Args:
        mask: (H, W) uint8, uint16 or (not PNG) uint32; for NPY also (H, W, C).
        file_type: ``png``, ``tiff`` or ``npy``.
        palette: Color of every value of a uint8 mask; without it, PNG and TIFF are gray.

    Raises:
        OptionError: If it is not a mask, or the type of file cannot hold it.
    """
    check_type("mask", mask, np.ndarray)
    if mask.dtype.kind != "u" or mask.dtype.itemsize > 4 or 0 in mask.shape[:2]:
        raise OptionError(
            f"a mask has pixels of uint8, uint16 or uint32, found {mask.shape} {mask.dtype}",
            hint="turn it into one of them first, for example with mask.astype(np.uint8)",
        )
    if palette is not None:
        check_type("palette", palette, Mapping, hint="give the colors of a class map")
    mask = cast("AnyMask", mask.astype(mask.dtype.newbyteorder("="), copy=False))
    if file_type == "npy":
        stream = io.BytesIO()
        np.save(stream, mask, allow_pickle=False)
        return stream.getvalue()
    check_file_type(file_type, "integer" if mask.ndim == 2 else "multi-channel")
    if file_type == "png":
        if mask.dtype == np.uint32:
            raise OptionError("PNG holds 16 bits at most", hint="choose tiff or npy")
        return encode_png(mask, palette)
    return _encode_tiff(mask, palette)


def _encode_tiff(mask: AnyMask, palette: Mapping[int, Color] | None) -> bytes:
    from PIL import Image

    # Pillow knows 32-bit integers with a sign only; no image has 2^31 instances.
    image = Image.fromarray(mask.astype(np.int32) if mask.dtype == np.uint32 else mask)
    if palette and mask.dtype == np.uint8:
        image.putpalette(palette_bytes(palette))
    stream = io.BytesIO()
    image.save(stream, format="TIFF", compression="tiff_adobe_deflate")
    return stream.getvalue()


def write_mask(path: PathLike, mask: AnyMask, palette: Mapping[int, Color] | None = None) -> None:
    """Write a mask; the suffix of the path decides the type of file.

    Args:
        path: Ends in ``.png``, ``.tif``, ``.tiff`` or ``.npy``. Missing folders are made.
        mask: (H, W) uint8, uint16 or (not PNG) uint32; for NPY also (H, W, C).
        palette: Color of every value of a uint8 mask; without it, PNG and TIFF are gray.

    Raises:
        OptionError: If the suffix is of no such file, it is not a mask, or the file cannot hold it.
        OutputError: If the file cannot be written.

    Examples:
        >>> mask = np.array([[0, 1], [1, 255]], dtype=np.uint8)
        >>> mf.write_mask("mask.png", mask, {0: (0, 0, 0), 1: (230, 60, 60), 255: (224, 224, 192)})
    """
    suffix = as_path(path).suffix.lower().removeprefix(".")
    write_given(path, encode_mask(mask, "tiff" if suffix == "tif" else suffix, palette))


def read_mask(
    path: PathLike, window: tuple[int, int, int, int] | None = None, *, step: int = 1
) -> NDArray[Any]:
    """Read a mask that ``write_mask`` wrote: values as they are, palettes not applied.

    Args:
        path: PNG, TIFF or NPY, or a page of a stack, as in ``volume.tif#12``.
        window: Left, top, width and height in pixels of the part that is wanted; None for all. Of a
            TIFF file nothing else is decoded, so masks may be larger than the memory.
        step: Of every so many rows and columns of it, the first is returned.

    Returns:
        (H, W) uint8, uint16 or uint32, or for NPY also (H, W, C).

    Raises:
        DatasetError: If the file cannot be read, or holds colors or negative values, or the part is
            not inside it.
        OptionError: If ``window`` or ``step`` cannot be used.

    Examples:
        >>> mf.write_mask("mask.npy", np.array([[0, 300]], dtype=np.uint16))
        >>> mf.read_mask("mask.npy")
        array([[  0, 300]], dtype=uint16)
    """
    path = as_source(path)
    part = None if window is None else _window(window)
    if not isinstance(step, int) or step < 1:
        raise OptionError(f"step must be a whole number from 1 on, found {shorten(step)}")
    array = read_values(path, window=part, step=step)
    if array.dtype != np.int32:
        return array
    if array.min() < 0:
        raise DatasetError("holds negative values, and is not a mask", origin=Origin(path, ""))
    return array.astype(np.uint32)


def _window(window: object) -> Window:
    try:
        left, top, width, height = map(operator.index, window)  # type: ignore[call-overload]
    except (TypeError, ValueError):
        text = f"a part is (left, top, width, height) in pixels, found {shorten(window)}"
        raise OptionError(text) from None
    return Window(left, top, width, height)
