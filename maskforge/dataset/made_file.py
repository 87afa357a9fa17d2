"""The files of an image, encoded before anybody knows their names."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from maskforge.display.colors import Color
from maskforge.errors import OutputError
from maskforge.files import (
    EXTRACTED,
    INSTANCES,
    MASKS,
    OVERLAYS,
    PROBABILITIES,
    aside_of,
    unwritable,
)
from maskforge.images.decoder import image_suffix
from maskforge.images.tiled_tiff import Banded, write_tiled
from maskforge.issues import Origin
from maskforge.masks.maskfile import AnyMask, encode_mask
from maskforge.outputs.folder import digest_of

Kind: TypeAlias = Literal["mask", "instances", "image", "probabilities", "overlay"]

_FOLDERS: dict[Kind, str] = {
    "mask": MASKS,
    "instances": INSTANCES,
    "image": EXTRACTED,
    "probabilities": PROBABILITIES,
    "overlay": OVERLAYS,
}


@dataclass(frozen=True, slots=True)
class MadeFile:
    """A file that is not in its place.

    Attributes:
        kind: What of the image it is: the key of its path in the manifest, which may have one.
        suffix: With the dot.
        content: Its content, unless it is in a file already.
        aside: That file, on the same disk as its place will be.
        digest: SHA-256 of what is in it.
    """

    kind: Kind
    suffix: str
    content: bytes
    aside: Path | None = None
    digest: str = ""

    def name_of(self, mask: str) -> str:
        """Return its name in the output folder.

        Args:
            mask: The name of the mask.
        """
        return f"{_FOLDERS[self.kind]}/{mask}{self.suffix}"

    def put_aside(self, folder: Path) -> MadeFile:
        """Write it to a file in a folder, as another process does for the one that names it.

        Raises:
            OutputError: If it cannot be written.
        """
        aside = aside_of(folder / f"made{self.suffix}")
        try:
            with aside.open("xb") as stream:
                stream.write(self.content)
        except OSError as error:
            aside.unlink(missing_ok=True)
            raise unwritable(aside, error) from None
        digest = hashlib.sha256(self.content).hexdigest()
        return MadeFile(self.kind, self.suffix, b"", aside, digest)

    def drop(self) -> None:
        """Remove what is aside."""
        if self.aside is not None:
            self.aside.unlink(missing_ok=True)


def mask_files(
    mask: AnyMask,
    instances: AnyMask | None,
    file_type: str,
    colors: Mapping[int, Color],
    *,
    palette: bool = True,
) -> Iterator[MadeFile]:
    """Encode the masks of one image.

    Args:
        mask: The mask.
        instances: The instance map, or None.
        file_type: ``png``, ``tiff`` or ``npy``.
        colors: Color of every value.
        palette: Whether the values of the mask are class ids, which have colors.

    Raises:
        MemoryError: If there is too little memory.
    """
    yield MadeFile(
        "mask", f".{file_type}", encode_mask(mask, file_type, colors if palette else None)
    )
    if instances is not None:
        wide = instances.dtype.itemsize > 2  # more than a PNG can hold
        type_ = "tiff" if wide and file_type == "png" else file_type
        yield MadeFile("instances", f".{type_}", encode_mask(instances, type_, colors))


def tiled_files(
    mask: Banded,
    instances: Banded | None,
    colors: Mapping[int, Color],
    folder: Path,
    *,
    palette: bool = True,
    pyramid: bool = False,
) -> Iterator[MadeFile]:
    """Write the masks of one image that are too large for arrays to files in a folder.

    Args:
        mask: The mask.
        instances: The instance map, or None.
        colors: Color of every value.
        folder: Where they are put aside.
        palette: As for ``mask_files``.
        pyramid: Whether to add smaller versions.

    Raises:
        OutputError: If they cannot be written.
    """
    yield _tiled("mask", mask, colors if palette else None, folder, pyramid=pyramid)
    if instances is not None:
        yield _tiled("instances", instances, colors, folder, pyramid=pyramid)


def _tiled(
    kind: Kind, values: Banded, colors: Mapping[int, Color] | None, folder: Path, *, pyramid: bool
) -> MadeFile:
    aside = aside_of(folder / "made.tiff")
    try:
        with aside.open("x+b") as stream:
            write_tiled(stream, values, colors, pyramid=pyramid)
        return MadeFile(kind, ".tiff", b"", aside, digest_of(aside))
    except BaseException as error:
        aside.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise unwritable(aside, error) from None
        raise


def image_file(image: bytes) -> MadeFile:
    """Return an image that was embedded in an annotation file, as it is."""
    return MadeFile("image", image_suffix(image), image)


def no_memory(origin: Origin) -> OutputError:
    """Return the error for a mask that cannot be encoded."""
    return OutputError("there is not enough memory to encode the mask", origin=origin)
