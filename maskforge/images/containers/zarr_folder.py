"""Zarr: arrays in folders of chunks, version 2 and 3, alone or as OME-Zarr (OME-NGFF) images."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskforge.errors import listing, require, shorten
from maskforge.files import read_bytes
from maskforge.images.containers.base import ImageHeader, OpenFile, Window
from maskforge.images.stored import Stored
from maskforge.shapes import MOST_PIXELS, Size

_ARRAY, _GROUP, _ATTRIBUTES, _VERSION_3 = ".zarray", ".zgroup", ".zattrs", "zarr.json"
_MOST_BYTES = 2**22  # of what describes an array; images have some kilobytes
_CODECS = frozenset(
    """adler32 blosc bytes bz2 crc32 crc32c delta fixedscaleoffset gzip lz4 lzma packbits
    sharding_indexed shuffle transpose zlib zstd""".split()  # noqa: SIM905
)
"""Codecs that only compute; one of numcodecs runs code that a file brings along."""


def is_zarr(path: Path) -> bool:
    """Tell whether a folder is a Zarr array or group."""
    return any((path / name).is_file() for name in (_VERSION_3, _ARRAY, _GROUP))


def _described(folder: Path) -> dict[str, Any] | None:
    """Return what is written about an array or group, attributes among it; None if it is none."""
    if (folder / _VERSION_3).is_file():
        return _read(folder / _VERSION_3)
    kind = next((one for one in (_ARRAY, _GROUP) if (folder / one).is_file()), None)
    if kind is None:
        return None
    attributes = folder / _ATTRIBUTES
    return {
        **_read(folder / kind),
        "node_type": "array" if kind == _ARRAY else "group",
        "attributes": _read(attributes) if attributes.is_file() else {},
    }


def _read(file: Path) -> dict[str, Any]:
    if file.stat().st_size > _MOST_BYTES:
        raise ValueError(f"{file.name} is larger than {_MOST_BYTES:,} bytes")
    return dict(_mapping(json.loads(read_bytes(file))))


def _array_of(folder: Path, *, inside: bool = False) -> tuple[Path, dict[str, Any], str]:
    """Return the array of an image, the largest of OME-Zarr, what is written about it, its axes.

    Args:
        folder: An array or group.
        inside: Whether it is in another group.

    Raises:
        ValueError: If it is not clear which one that is.
    """
    described = _described(folder)
    if described is None:
        raise ValueError("it is not a Zarr array or group")
    attributes = _mapping(described.get("attributes"))
    if described.get("node_type") == "array":
        return folder, described, _named_axes(described, attributes)
    attributes = _mapping(attributes.get("ome")) or attributes
    if "bioformats2raw.layout" in attributes and not inside:
        return _array_of(folder / "0", inside=True)  # the others are labels and photos of a slide
    scales = attributes.get("multiscales")
    if not isinstance(scales, list) or not scales:
        inner = [one.name for one in sorted(folder.iterdir()) if is_zarr(one)]
        text = f": {listing(inner)}" if inner else ""
        raise ValueError(
            f"it is a Zarr group without an OME-Zarr image; name one of what it holds{text}"
        )
    scale = _mapping(scales[0])
    levels = scale.get("datasets")
    path = _mapping(levels[0]).get("path") if isinstance(levels, list) and levels else None
    if not isinstance(path, str) or {"..", "/"} & set(PurePosixPath(path).parts):
        raise ValueError(f"its largest array is said to be {shorten(path)}")
    level = _described(folder / path)
    if level is None or level.get("node_type") != "array":
        raise ValueError(f"its largest array {path!r} is missing")
    axes = scale.get("axes")
    names = [_mapping(one).get("name", one) for one in axes] if isinstance(axes, list) else None
    known = _letters(names) if names else "tczyx"[-_dimensions(level) :]  # as OME-Zarr 0.1 has them
    return folder / path, level, known


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _dimensions(described: Mapping[str, Any]) -> int:
    shape = described.get("shape")
    return len(shape) if isinstance(shape, list) else 0


def _letters(names: Sequence[object]) -> str:
    return "".join(str(one)[:1].lower() for one in names)


def _named_axes(described: Mapping[str, Any], attributes: Mapping[str, Any]) -> str:
    """Return a letter for every axis of an array, as far as they are named; else as of images."""
    names = described.get("dimension_names") or attributes.get("_ARRAY_DIMENSIONS")
    if isinstance(names, list) and all(names):
        return _letters(names)
    shape = described.get("shape")
    if isinstance(shape, list) and len(shape) == 3:
        return "cyx" if shape[0] in (1, 3) and shape[2] not in (1, 3, 4) else "yxc"
    return "yx"


def _check_codecs(described: Mapping[str, Any]) -> None:
    """Make sure that chunks are decoded by what only computes.

    Raises:
        ValueError: If another codec is named.
    """
    version_2 = [described.get("compressor"), *(described.get("filters") or ())]
    waiting: list[object] = [one for one in version_2 if one is not None]
    waiting += described.get("codecs") or ()
    while waiting:
        one = _mapping(waiting.pop())
        name = str(one.get("id", one.get("name")))
        if name.removeprefix("numcodecs.") not in _CODECS:
            raise ValueError(f"its chunks are made with the codec {shorten(name)}")
        inside = _mapping(one.get("configuration"))
        waiting += [*(inside.get("codecs") or ()), *(inside.get("index_codecs") or ())]


class _ZarrImage:
    """An array whose last axes are those of an image; all other axes count pages."""

    def __init__(self, folder: Path) -> None:
        place, described, axes = _array_of(folder)
        _check_codecs(described)
        require("zarr", "maskforge[zarr]", "Zarr images")
        import zarr

        self._array = zarr.open_array(store=place, mode="r")
        shape, chunk = self._array.shape, self._array.chunks
        if len(axes) != len(shape) or not {"y", "x"} <= set(axes) or len(set(axes)) < len(axes):
            raise ValueError(f"it has the shape {shape}, and axes are {axes!r}")
        if self._array.dtype.kind not in "biuf":
            raise ValueError(f"it holds {self._array.dtype}")
        if math.prod(chunk) * self._array.dtype.itemsize > MOST_PIXELS:
            raise ValueError(f"its chunks of {chunk} values are too large")
        self._axes = axes
        self._sizes = dict(zip(axes, shape, strict=True))
        self._others = [one for one in axes if one not in "cyx"]
        if self._sizes.get("c", 1) not in (1, 3, 4):
            count = self._sizes["c"]
            raise ValueError(f"it has {count} channels, expected gray or red, green, blue")

    def count(self) -> int:
        return math.prod(self._sizes[one] for one in self._others)

    def header(self, page: int) -> ImageHeader:
        dtype = self._array.dtype
        return ImageHeader(
            Size(self._sizes["x"], self._sizes["y"]),
            channels=3 if self._sizes.get("c", 1) > 1 else 1,
            bits=1 if dtype == np.bool_ else 8 * dtype.itemsize,
            format="zarr",
        )

    def read(self, page: int, *, checked: bool, step: int) -> Stored:
        return self.read_part(page, Window(0, 0, *self.header(page).stored), step)

    def read_part(self, page: int, window: Window, step: int) -> Stored:
        left, top, width, height = window
        where: dict[str, slice | int] = {
            "y": slice(top, top + height, step),
            "x": slice(left, left + width, step),
            "c": slice(None),
        }
        place = np.unravel_index(page - 1, [self._sizes[one] for one in self._others])
        where |= {one: int(number) for one, number in zip(self._others, place, strict=True)}
        part: NDArray[Any] = np.asarray(self._array[tuple(where[one] for one in self._axes)])
        kept = [one for one in self._axes if one in "cyx"]
        channels = self._sizes.get("c", 1)
        order = [kept.index(one) for one in ("y", "x", "c") if one in kept]
        values = np.ascontiguousarray(part.transpose(order))
        if channels == 1 and "c" in kept:
            values = values[..., 0]
        return Stored(values, alpha=channels == 4, color=channels > 1)


@contextlib.contextmanager
def open_zarr(folder: Path) -> Iterator[OpenFile]:
    """Open a folder for which ``is_zarr`` holds; anything may be raised."""
    yield _ZarrImage(folder)
