"""An image and a mask that are said to belong together, before anybody has looked at them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from maskforge.choices import Encoding, Outcome
from maskforge.errors import listing
from maskforge.masks.classes import ClassMap
from maskforge.shapes import Spacing


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An image and its mask.

    Attributes:
        name: Unique name.
        image: The image.
        mask: The mask.
        upright: Whether the mask fits the upright image; None if nobody said.
        encoding: What the mask holds; None if nobody said.
        outcome: What the manifest says of the mask; None if the pair is from elsewhere.
        spacing: Size of a pixel in millimeters; None if nobody said.
        columns: Further columns.
    """

    name: str
    image: Path
    mask: Path
    upright: bool | None = None
    encoding: Encoding | None = None
    outcome: Outcome | None = None
    spacing: Spacing | None = None
    columns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Files that make no pair, for one reason.

    Attributes:
        what: What they are, in the plural, such as ``images without mask``.
        files: The files by their names, for people.
    """

    what: str
    files: Mapping[str, Path]

    def __str__(self) -> str:
        return f"{self.what}, left out ({len(self.files)}): {listing(self.files)}"


@dataclass(frozen=True, slots=True)
class Candidates:
    """What a source offers.

    Attributes:
        pairs: Images and masks.
        source: The source, for people.
        classes: The class map that came with the masks, if any.
        notes: What has to be known besides.
        left_out: Files that make no pair.
        unreadable: What cannot be read, a sentence for each folder and file.
    """

    pairs: tuple[Candidate, ...]
    source: str
    classes: ClassMap | None = None
    notes: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    unreadable: tuple[str, ...] = ()
