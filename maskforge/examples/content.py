"""The content of image files, each read once, and what it is told by."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from maskforge.errors import DatasetError
from maskforge.files import read_bytes
from maskforge.images.containers.openslide_file import is_for_openslide
from maskforge.images.decoder import Source, read_stored
from maskforge.images.page import split_page
from maskforge.issues import Origin
from maskforge.outputs.folder import digest_of

_MOST_BYTES = 2**28


def read_content(path: Path) -> tuple[Source, str]:
    """Return what an image can be decoded from, and its SHA-256 in hexadecimal.

    Returns:
        The content of the file with its digest; if it is large, or a folder, its path with that;
        for a page of a stack, which is not worth reading all its siblings, its path with the digest
        of its pixels.

    Raises:
        DatasetError: If it cannot be read.
    """
    try:
        if split_page(path)[1] is None:
            is_one_file = not path.is_dir() and not is_for_openslide(path)
            if not is_one_file or path.stat().st_size > _MOST_BYTES:
                return path, digest_of(path)
            data = read_bytes(path)
            return data, sha256(data).hexdigest()
        stored = read_stored(path, checked=True)
        digest = sha256(f"{stored.values.shape} {stored.values.dtype.str}".encode())
        digest.update(stored.values.tobytes())
        if stored.palette is not None:
            digest.update(stored.palette.tobytes())
        return path, digest.hexdigest()
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = getattr(error, "strerror", None) or error
        raise DatasetError(f"cannot be read: {reason}", origin=Origin(path, "")) from None
