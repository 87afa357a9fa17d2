"""What another process, which has read some of the files, tells the one that reads the rest."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from maskforge.images.claims import Claims
from maskforge.issues import Issue


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
