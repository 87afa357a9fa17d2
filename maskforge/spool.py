"""Annotated images parked between reading and drawing: in memory while few, then on disk."""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from maskforge.model import AnnotatedImage

_BYTES_IN_MEMORY = 16 * 2**20


class ImageSpool:
    """Keeps images in their order, in bounded memory.

    Classes are known only when everything has been read, and nothing may be drawn before; the
    spool saves reading every file twice. Its file is private, temporary and already deleted.
    """

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=_BYTES_IN_MEMORY)  # noqa: SIM115
        self._count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()

    def __len__(self) -> int:
        return self._count

    def append(self, image: AnnotatedImage) -> None:
        """Park one more image."""
        pickle.dump(image, self._file, protocol=pickle.HIGHEST_PROTOCOL)
        self._count += 1

    def __iter__(self) -> Iterator[AnnotatedImage]:
        """Iterate over all images from the first one on."""
        self._file.seek(0)
        for _ in range(self._count):
            image: AnnotatedImage = pickle.load(self._file)
            yield image
