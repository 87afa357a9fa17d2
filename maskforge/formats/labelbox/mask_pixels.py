"""Masks: a PNG in the file, or one that somebody has downloaded beside it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskforge.errors import GeometryError, shorten
from maskforge.files import read_bytes
from maskforge.formats.addresses import image_path
from maskforge.formats.base import ReadContext
from maskforge.formats.fields import bad_bitmap
from maskforge.formats.pixels import MOST_MASK_PIXELS
from maskforge.formats.runlength import cropped
from maskforge.images.decoder import read_header, read_stored
from maskforge.images.embedded import decoded_base64
from maskforge.issues import Code, Origin
from maskforge.limits.allowance import Allowance, Limit
from maskforge.shapes import Bitmap, Size

FOLDERS = (".", "masks", "bitmasks")
"""Where downloaded masks are looked for, below the folder of the export."""

_ID = re.compile(r"[\w-]+")


@dataclass(slots=True)
class MaskPixels:
    """Reads the masks of one image.

    Attributes:
        folder: Folder of the annotation file.
        context: Claims the files that were read.
        size: Size of the image, as the file says or else as the first mask has it.
    """

    folder: Path
    context: ReadContext
    size: Size | None = None
    _pixels: Allowance = field(default_factory=lambda: Allowance(Limit.BITMAP_PIXELS))

    def inline(self, text: object, origin: Origin) -> Bitmap:
        """Return the mask in base64 text: every pixel above zero."""
        try:
            data = decoded_base64(text if isinstance(text, str) else "")
        except ValueError:
            data = b""
        values = self._values(data, origin, shorten(text))
        flat = values.reshape(*values.shape[:2], -1)
        inside: NDArray[np.bool_] = (flat != 0).max(axis=2)
        return self._bitmap(inside, origin)

    def downloaded(self, fields: dict[str, Any], origin: Origin) -> Bitmap:
        """Return a mask that is a web address, if somebody has put its file beside the export."""
        color = None
        composite = fields.get("composite_mask")
        names = [fields.get("featureId"), fields.get("feature_id")]
        if isinstance(composite, dict):
            color = composite.get("color_rgb")
            names = [composite.get("mask_id"), _last_part(composite.get("url"))]
        path = next(filter(None, map(self._file, names)), None)
        if path is None:
            raise bad_bitmap(
                "the mask is a web address, and those are not opened",
                origin,
                hint="download the masks into a folder `masks` beside the file, each under its id: "
                f"{shorten(names[0])[1:-1]}.png",
            )
        self.context.claimed.add(path)
        try:
            data = read_bytes(path)
        except OSError:
            data = b""
        values = self._values(data, origin, str(path))
        pixels = values.reshape(*values.shape[:2], -1)
        if color is not None:
            wanted = np.array(color if _is_color(color) else (), dtype=np.int64)
            fits = pixels.shape[2] >= 3 and wanted.shape == (3,)
            inside = (pixels[..., :3] == wanted).all(axis=2) if fits else pixels[..., 0] < 0
        else:
            inside = (pixels[..., :3] > 0).any(axis=2)
        return self._bitmap(inside, origin)

    def _file(self, name: object) -> Path | None:
        if not isinstance(name, str) or not _ID.fullmatch(name):
            return None
        paths = (self.folder / folder / f"{name}.png" for folder in FOLDERS)
        return next((path for path in paths if path.is_file()), None)

    def _values(self, data: bytes, origin: Origin, found: str) -> NDArray[Any]:
        try:
            header = read_header(data)
            size = header.stored
            if header.format == "png" and size.width * size.height <= MOST_MASK_PIXELS:
                self._check_size(size, origin)
                self._pixels.take(size.width * size.height)
                values: NDArray[Any] = read_stored(data, checked=True).values
                return values
        except OSError:
            pass
        raise bad_bitmap(
            f"expected a whole PNG of at most {MOST_MASK_PIXELS:,} px, found {found}", origin
        )

    def _check_size(self, size: Size, origin: Origin) -> None:
        if self.size is not None and size != self.size:
            text = f"the mask has {size} px, the image {self.size} px"
            raise bad_bitmap(text, origin)
        self.size = size

    def _bitmap(self, inside: NDArray[np.bool_], origin: Origin) -> Bitmap:
        found = cropped(Bitmap(0, 0, inside), Size(inside.shape[1], inside.shape[0]))
        if not found.pixels.size:
            raise GeometryError(Code.NOT_DRAWABLE, "the mask has no pixels", origin=origin)
        pixels = found.pixels.copy()
        pixels.flags.writeable = False
        return Bitmap(found.row, found.column, pixels)


def _is_color(value: object) -> bool:
    return isinstance(value, list) and all(type(one) is int and 0 <= one <= 255 for one in value)


def _last_part(address: object) -> str:
    return PurePosixPath(image_path(address)).name if isinstance(address, str) else ""
