"""Files in buckets that a file names, such as the images of a manifest or a table."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from maskforge.remote.address import address_of


def fetch_linked(folder: Path, names: Iterable[str]) -> None:
    """Bring into the cache what a file names, as far as it lies in buckets.

    Args:
        folder: The folder that names start from: that of the file.
        names: Paths as ``address.localized`` returns them.

    Raises:
        StorageError: If a store refuses or cannot be reached.
    """
    is_stored = address_of(folder) is not None
    paths = [
        Path(os.path.normpath(folder / name))
        for name in dict.fromkeys(names)
        if is_stored or address_of(Path(name)) is not None
    ]
    if paths:
        from maskforge.remote.mirror import mirror_files

        mirror_files(paths)
