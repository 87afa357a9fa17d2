"""Searching folders, and the names of what maskforge itself writes into them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

MANIFEST = "manifest.jsonl"
CLASSES = "classes.json"
MASKS = "masks"
INSTANCES = "instances"
EXTRACTED = "extracted-images"
PROBABILITIES = "probabilities"
"""Folder beside masks with ``NAME.npy``: the probabilities that they were made from."""

RESULT_FOLDERS = (MASKS, INSTANCES, EXTRACTED)
CONTACT_SHEET = "contact-sheet"


def walk(
    root: Path, failed: Callable[[Path, str], None] | None = None
) -> Iterator[tuple[Path, list[str]]]:
    """Yield every folder from ``root`` downwards with the sorted names of its files.

    Folders of masks and of previews that earlier runs wrote are left out; if ``root`` itself is
    one, only what was written into it is. Links to folders are followed after everything else, and
    no folder is visited twice.

    Args:
        root: Where to start.
        failed: Called with every folder that cannot be searched, and the reason.
    """

    def report(error: OSError) -> None:
        if failed is not None:
            failed(Path(error.filename), error.strerror or str(error))

    visited: set[tuple[int, int]] = set()
    waiting = [root]
    while waiting:
        for name, folders, files in os.walk(waiting.pop(0), onerror=report):
            folder = Path(name)
            status = folder.stat()
            identity = (status.st_dev, status.st_ino)
            is_result = MANIFEST in files or f"{CONTACT_SHEET}-1.png" in files
            if identity in visited or (is_result and folder != root):
                folders.clear()
                continue
            visited.add(identity)
            ours = {*RESULT_FOLDERS, MANIFEST, CLASSES} if MANIFEST in files else set()
            for unreadable in (one for one in folders if not is_text(one)):
                if failed is not None:
                    failed(Path(as_text(folder / unreadable)), "the name is not valid Unicode")
            folders[:] = sorted(one for one in folders if one not in ours and is_text(one))
            waiting += [folder / one for one in folders if (folder / one).is_symlink()]
            yield folder, sorted(one for one in files if one not in ours)


def is_text(path: str | os.PathLike[str]) -> bool:
    """Tell whether a path can be written into JSON: not every name on a disk is valid Unicode."""
    try:
        os.fspath(path).encode()
    except UnicodeEncodeError:
        return False
    return True


def as_text(path: str | os.PathLike[str]) -> str:
    """Return a path for people, with a replacement for whatever is not valid Unicode."""
    return os.fspath(path).encode(errors="replace").decode()
