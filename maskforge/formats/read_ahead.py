"""What other processes, which read some of the files, tell the one that reads the rest."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from maskforge.images.claims import Claims
from maskforge.issues import Issue

if TYPE_CHECKING:
    from maskforge.formats.reader import AnnotationReader


@dataclass(frozen=True, slots=True)
class FilesRead:
    """What reading some files has come to, beside their images.

    Attributes:
        files: How many were read, usable or not.
        issues: As those of the reader.
        files_read: As those of the reader.
        unusable: Files of which nothing can be used.
        claims: As those of the reader.
    """

    files: int
    issues: list[Issue]
    files_read: list[Path]
    unusable: set[Path]
    claims: Claims


class ReadAhead(Protocol):
    """Has files read by other processes."""

    def __call__(
        self, reader: AnnotationReader, source: Path, files: Sequence[Path], /
    ) -> Generator[FilesRead | None]:
        """Yield what became of the files, some at a time, in their order, without the images.

        Args:
            reader: Reads them, with ``read_alone``.
            source: The source to which they belong.
            files: The files.

        Yields:
            None, and nothing after it, if the next files cannot be read apart from all others.
        """
