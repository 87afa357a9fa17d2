"""One image with its mask, and a set of them with its class map."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from maskforge.choices import Encoding
from maskforge.masks.classes import BACKGROUND, VOID, ClassMap
from maskforge.shapes import Size


@dataclass(frozen=True, slots=True)
class Statistics:
    """What one look at image and mask has shown.

    Attributes:
        pixels: Pixels per class id, 0 for background and 255 for void among them. Where classes
            overlap, a pixel counts for each of them.
        image_digest: SHA-256 of the image file, in hexadecimal.
        mask_digest: SHA-256 of the mask file.
    """

    pixels: Mapping[int, int]
    image_digest: str
    mask_digest: str

    @property
    def present(self) -> frozenset[int]:
        """Ids of the classes that have pixels, without background and void."""
        return frozenset(
            id_ for id_, count in self.pixels.items() if count and id_ not in (BACKGROUND, VOID)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One image with its mask.

    Attributes:
        name: Unique in its set; a relative path without suffix, with forward slashes.
        image: The image.
        mask: The mask.
        size: Size of the mask.
        upright: Whether the mask fits the image after its EXIF orientation was applied.
        encoding: What the mask holds.
        channels: Class id of every channel of a one-hot or multi-hot mask.
        values: Class id of every value of an integer mask file, 255 for void; None if the values
            are class ids already. Binary masks of 0 and 255 have one.
        group: What must not be on both sides of a split, such as a patient; None if every image
            stands for itself.
        columns: Further columns of the manifest or table, as text, for tables by group.
        statistics: What one look at the files has shown; None if nobody has looked yet.
    """

    name: str
    image: Path
    mask: Path
    size: Size
    upright: bool = False
    encoding: Encoding = "integer"
    channels: tuple[int, ...] = ()
    values: Mapping[int, int] | None = None
    group: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    statistics: Statistics | None = None


@dataclass(frozen=True, slots=True)
class ExampleSet:
    """Images with their masks.

    Attributes:
        examples: The images; no two have one name.
        classes: The class map of the masks.
        source: What the set was made from, for people.
        notes: What was recognized or left out, one sentence each, to be shown.
    """

    examples: tuple[Example, ...]
    classes: ClassMap
    source: str
    notes: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[Example]:
        return iter(self.examples)

    def __len__(self) -> int:
        return len(self.examples)

    def subset(self, names: Collection[str]) -> ExampleSet:
        """Return the examples with these names, in the order of this set."""
        wanted = frozenset(names)
        kept = tuple(one for one in self.examples if one.name in wanted)
        return replace(self, examples=kept)
