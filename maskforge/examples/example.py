"""One image with its mask, and a set of them with its class map."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from maskforge.choices import Encoding
from maskforge.display.brief import Brief
from maskforge.display.colors import default_color
from maskforge.display.table import Swatch, Table, as_html
from maskforge.errors import MaskforgeError, check_type
from maskforge.masks.classes import BACKGROUND, VOID, VOID_COLOR, ClassMap
from maskforge.masks.encoding import from_multi_hot, from_one_hot
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


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Example(Brief):
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

    def _repr_png_(self) -> bytes | None:
        from maskforge.examples.maskvalues import read_values
        from maskforge.masks.overlay import load_image, overlay_png

        image = None
        try:
            mask = read_values(self.mask)
            if self.encoding != "integer":
                decode = from_one_hot if self.encoding == "onehot" else from_multi_hot
                mask = decode(mask, self.channels)
            elif self.values is not None:
                mask = np.select([mask == value for value in self.values], [*self.values.values()])
            if self.image.is_file():
                image = load_image(self.image, upright=self.upright)
        except MaskforgeError:  # whatever is wrong, its text must be there to look into it
            return None
        ids = np.unique(mask).tolist()
        return overlay_png(
            image, mask, {id_: default_color(id_ - 1) for id_ in ids} | {VOID: VOID_COLOR}
        )


@dataclass(frozen=True, slots=True, repr=False)
class ExampleSet(Brief):
    """Images with their masks from anywhere, every file looked at once: what is learned from.

    Use it to train, to split and to evaluate. A :class:`~maskforge.Dataset` is a folder that
    ``convert`` wrote, opened to look at its masks.

    Attributes:
        examples: The images; no two have one name.
        classes: The class map of the masks.
        source: What the set was made from, for people.
        notes: What was recognized or left out, one sentence each, to be shown.

    Example:
        >>> examples = mf.open_examples("masks")
        >>> [one.name for one in examples][:2], examples.subset(["bitewing-01"]).examples[0].size
        (['bitewing-01', 'bitewing-02'], Size(width=576, height=432))
    """

    examples: tuple[Example, ...]
    classes: ClassMap
    source: str
    notes: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[Example]:
        return iter(self.examples)

    def __len__(self) -> int:
        return len(self.examples)

    def _repr_html_(self) -> str:
        looks = [one.statistics for one in self.examples if one.statistics is not None]
        rows = [
            (
                str(id_),
                Swatch(*self.classes.colors[id_]),
                name,
                sum(bool(one.pixels.get(id_)) for one in looks),
                sum(one.pixels.get(id_, 0) for one in looks),
            )
            for id_, name in self.classes.names.items()
            if id_ != VOID or any(one.pixels.get(VOID) for one in looks)
        ]
        title = f"{len(self)} examples of {self.source}"
        table = Table(title, ("id", "color", "class", "examples", "pixels"), rows)
        return as_html([table, *self.notes])

    def subset(self, names: Collection[str]) -> ExampleSet:
        """Return the examples with these names, in the order of this set."""
        check_type("names", names, Collection)
        wanted = frozenset(names)
        kept = tuple(one for one in self.examples if one.name in wanted)
        return replace(self, examples=kept)


def check_examples(examples: object) -> None:
    """Make sure that an argument is a set of examples, not the path of one.

    Raises:
        OptionError: With the function that opens one.
    """
    check_type("examples", examples, ExampleSet, hint="open a set with maskforge.open_examples")
