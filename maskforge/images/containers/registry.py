"""The kinds of image files by name, in the order in which they are asked."""

from __future__ import annotations

import importlib
from functools import cache
from typing import IO

from maskforge.images.containers.base import Container

CONTAINERS = ("npy", "dicom", "pillow")
"""Each is the name of a module here that defines ``CONTAINER``; the last takes everything else."""

_BEGINNING = 256


def container_of(stream: IO[bytes]) -> Container:
    """Return the kind of a file, which is at its beginning then."""
    stream.seek(0)
    start = stream.read(_BEGINNING)
    stream.seek(0)
    return next(one for one in map(_load, CONTAINERS) if one.recognizes(start))


@cache
def _load(name: str) -> Container:
    container: Container = importlib.import_module(f"maskforge.images.containers.{name}").CONTAINER
    return container
