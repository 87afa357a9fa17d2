"""Reading images: of every kind, by one contract, from a path, bytes or an open file.

A path may name a page of a stack, as in ``volume.tif#12``; a stack by itself stands for its first
page.
"""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import IO, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from maskforge.errors import DatasetError, LimitError
from maskforge.files import PathLike, open_regular
from maskforge.images.containers.base import ImageHeader, OpenFile, Window
from maskforge.images.containers.registry import container_of
from maskforge.images.page import STACK_SUFFIXES, page_path, split_page
from maskforge.images.stored import Pixels, Stored
from maskforge.images.suffixes import is_bare_name
from maskforge.issues import Origin
from maskforge.limits.allowance import Allowance, Limit
from maskforge.shapes import MOST_PIXELS

Source: TypeAlias = PathLike | bytes | IO[bytes]
"""A file by its path, its content, or itself, opened for reading bytes and searchable."""


@contextlib.contextmanager
def _open(source: Source) -> Iterator[tuple[OpenFile, int]]:
    """Open a file; yield it and the page that is meant. Everything that fails is an OSError."""
    page: int | None = None
    try:
        if isinstance(source, (str, os.PathLike)):
            path, page = split_page(source)
            opening: AbstractContextManager[IO[bytes]] = open_regular(path)
        elif isinstance(source, bytes):
            opening = io.BytesIO(source)
        else:
            opening = contextlib.nullcontext(source)
        with opening as stream, container_of(stream).open(stream) as file:
            if page is not None and page > file.count():
                raise OSError(f"it has {file.count()} pages, and no page {page}")
            yield file, page or 1
    except OSError:
        raise
    except MemoryError:
        raise OSError("there is not enough memory") from None
    except LimitError as error:
        raise OSError(f"it {error.message}; {error.hint}") from None
    except Exception as error:  # the decoders raise whatever they run into
        raise OSError(str(error) or type(error).__name__) from error


def read_header(source: Source) -> ImageHeader:
    """Read size, EXIF orientation and depth of an image without decoding its pixels.

    Raises:
        OSError: If the header cannot be read.
    """
    with _open(source) as (file, page):
        return file.header(page)


def list_pages(path: Path) -> list[Path]:
    """Return the images that a file holds: it alone, or, of a stack, the path of every page.

    Raises:
        OSError: If the pages of a stack cannot be counted, or are very many: to reach one, the
            decoders go through all before it.
    """
    file, page = split_page(path)
    may_be_stack = file.suffix.lower() in STACK_SUFFIXES or is_bare_name(file.name)
    if page is not None or not may_be_stack:
        return [path]
    with _open(path) as (opened, _):
        count = opened.count()
        Allowance(Limit.PAGES).take(count)
    return [path] if count == 1 else [page_path(path, number) for number in range(1, count + 1)]


def image_suffix(image: bytes) -> str:
    """Return the suffix that fits the content of an encoded image, such as ``.jpg``.

    Raises:
        OSError: If it cannot be read.
    """
    name = read_header(image).format
    return {"jpeg": ".jpg", "mpo": ".jpg", "tiff": ".tif", "dicom": ".dcm"}.get(name, f".{name}")


def read_stored(
    source: Source, *, upright: bool = False, checked: bool = False, step: int = 1
) -> Stored:
    """Decode an image to what its file holds.

    Args:
        source: The image.
        upright: Whether to apply the EXIF orientation.
        checked: Whether to look at the checksums of a PNG first: where every value counts, because
            decoding alone overlooks most damage.
        step: How much smaller the image may be; the smaller JPEG is faster, too.

    Raises:
        OSError: If it cannot be decoded, or is larger than a mask may be.
    """
    with _open(source) as (file, page):
        header = file.header(page)
        if header.stored.width * header.stored.height > MOST_PIXELS:
            if step > 1:
                return _part(file, page, Window(0, 0, *header.stored), step)
            text = f"{header.stored} px are more than {MOST_PIXELS:,}"
            raise OSError(f"{text}; read it in parts, or cut it into tiles")
        stored = file.read(page, checked=checked, step=step)
        return stored.turned(header.orientation, upright=upright)


def _part(file: OpenFile, page: int, window: Window, step: int) -> Stored:
    header = file.header(page)
    width, height = header.stored
    left, top, across, down = window
    if not (0 <= left < left + across <= width and 0 <= top < top + down <= height):
        raise OSError(f"the part {tuple(window)} is not inside its {header.stored} px")
    if -(-across // step) * -(-down // step) > MOST_PIXELS:
        raise OSError(f"the part of {across} x {down} px is more than {MOST_PIXELS:,} px")
    if header.orientation != 1:
        raise OSError("it lies on its side or is mirrored (EXIF), and cannot be read in parts")
    found = file.read_part(page, window, step)
    if found is not None:
        return found
    if width * height > MOST_PIXELS:
        raise OSError(f"it has {header.stored} px; of such images only TIFF files can be read")
    stored = file.read(page, checked=False, step=1)
    values = stored.values[top : top + down : step, left : left + across : step]
    return replace(stored, values=np.ascontiguousarray(values))


def read_part(source: Source, window: Window, *, step: int = 1) -> Stored:
    """Decode a part of an image that lies upright; of a TIFF file, without decoding the rest.

    Args:
        source: The image.
        window: The part.
        step: Of every so many rows and columns of the part, the first is returned.

    Raises:
        OSError: If it cannot be decoded, or the part is not inside the image.
    """
    with _open(source) as (file, page):
        return _part(file, page, window, step)


def read_image(source: Source, *, upright: bool, window: str = "voi") -> Pixels:
    """Return an image: the values of the file, with palettes applied and opacity dropped.

    Single bits become 0 and 255; 16-bit values stay as they are, but for those of DICOM files,
    which become brightness.

    Args:
        source: The image.
        upright: Whether to apply the EXIF orientation.
        window: Which values of a DICOM file are black and white; see ``GrayScale.levels``.

    Returns:
        (H, W, 1) or (H, W, 3), uint8 or uint16.

    Raises:
        DatasetError: If it cannot be read, or holds fractions or values beyond 16 bits.
    """
    with _named("image", source):
        return read_stored(source, upright=upright).image(window)


def read_to_show(source: PathLike | bytes, *, upright: bool, step: int = 1) -> NDArray[np.uint8]:
    """Return an image as (H, W, 3) to look at; what has more than 8 bits is stretched.

    Args:
        source: The image.
        upright: Whether to apply the EXIF orientation.
        step: Of every so many rows and columns, one is returned. A JPEG is decoded in a smaller
            size then, so that a pixel may be the mean of those around it.

    Raises:
        DatasetError: If it cannot be read.
    """
    with _named("image", source):
        shown = read_stored(source, upright=upright, step=step).colors()
        if step == 1:
            return shown
        whole, (height, width, _) = read_header(source).shown(upright=upright), shown.shape
        rows = np.arange(0, whole.height, step) * height // whole.height
        columns = np.arange(0, whole.width, step) * width // whole.width
        small: NDArray[np.uint8] = shown[rows[:, None], columns]
        return small


def read_values(
    source: Source, path: Path | None = None, *, window: Window | None = None, step: int = 1
) -> NDArray[Any]:
    """Return the values of a mask, as stored: palettes not applied, opacity dropped.

    Single bits are 0 and 1; colors with equal channels are taken as gray.

    Args:
        source: The mask.
        path: What errors name, if the source is not a path.
        window: The part that is wanted; None for all.
        step: Of every so many rows and columns of it, the first is returned.

    Returns:
        (H, W) of any numbers, or (H, W, C) for NPY files with channels.

    Raises:
        DatasetError: If it cannot be read, or holds colors.
    """
    with _named("mask", source if path is None else path):
        if window is None and step == 1:
            return read_stored(source, checked=True).numbers()
        if window is None:
            window = Window(0, 0, *read_header(source).stored)
        return read_part(source, window, step=step).numbers()


@contextlib.contextmanager
def _named(what: str, source: Source) -> Iterator[None]:
    origin = Origin(Path(source), "") if isinstance(source, (str, os.PathLike)) else None
    try:
        yield
    except DatasetError as error:
        raise DatasetError(error.message, origin=origin, hint=error.hint) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        message = f"cannot be read as {'an' if what == 'image' else 'a'} {what}: {reason}"
        raise DatasetError(message, origin=origin) from None
    except MemoryError:
        message = "cannot be read: there is not enough memory"
        raise DatasetError(message, origin=origin) from None
