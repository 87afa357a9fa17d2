"""One image with its mask, and a set of them with its class map."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from maskforge.choices import Encoding, Head
from maskforge.display.brief import Brief
from maskforge.display.colors import default_color
from maskforge.display.table import Swatch, Table, as_html
from maskforge.errors import DatasetError, MaskforgeError, check_type
from maskforge.examples.maskvalues import read_values
from maskforge.examples.network_target import network_target
from maskforge.images.decoder import read_image, read_to_show
from maskforge.images.page import is_there
from maskforge.images.stored import Pixels
from maskforge.issues import Origin
from maskforge.masks.classes import BACKGROUND, VOID, VOID_COLOR, ClassMap
from maskforge.masks.encoding import from_multi_hot, from_one_hot
from maskforge.shapes import Size, Spacing


@dataclass(frozen=True, slots=True)
class Statistics:
    """What one look at image and mask has shown.

    Attributes:
        pixels: Pixels per class id, 0 for background and 255 for void among them. Where classes
            overlap, a pixel counts for each of them.
        image_digest: SHA-256 of the image file, in hexadecimal; of a page of a stack that of its
            pixels.
        mask_digest: SHA-256 of the mask file, likewise.
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
        name: Unique in its set; a relative path without suffix, with forward slashes. That of a
            page of a stack is ``volume#12``.
        image: The image; a page of a stack is ``volume.tif#12``.
        mask: The mask, likewise.
        size: Size of the mask.
        upright: Whether the mask fits the image after its EXIF orientation was applied.
        encoding: What the mask holds.
        channels: Class id of every channel of a one-hot or multi-hot mask.
        values: Class id of every value of an integer mask file, 255 for void; None if the values
            are class ids already. Binary masks of 0 and 255 have one.
        spacing: Size of a pixel in millimeters; None if neither manifest nor image tells.
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
    spacing: Spacing | None = None
    group: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    statistics: Statistics | None = None

    def read_image(self, window: str = "voi") -> Pixels:
        """Return the image in the frame of its mask.

        Palettes are applied, opacity is dropped, single bits become 0 and 255; 16-bit values stay
        as they are, but for those of DICOM files, which become brightness. The EXIF orientation is
        applied exactly if the mask was drawn on the turned image.

        Args:
            window: Which values of a DICOM file are black and white: ``voi`` as it asks for,
                ``full`` for all its bits, or ``CENTER/WIDTH``.

        Returns:
            (H, W, 1) or (H, W, 3), uint8 or uint16.

        Raises:
            DatasetError: If the image cannot be read, is not of the mask's size, or holds fractions
                or values that do not fit into 16 bits.

        Examples:
            >>> mf.open_examples("masks").examples[0].read_image().shape
            (432, 576, 1)
        """
        pixels = read_image(self.image, upright=self.upright, window=window)
        if pixels.shape[:2] != (self.size.height, self.size.width):
            raise DatasetError(
                f"the image has {Size(pixels.shape[1], pixels.shape[0])} px, "
                f"its mask {self.size} px",
                origin=Origin(self.image, ""),
                hint="the image has changed since the mask was made",
            )
        return pixels

    def read_target(self, classes: ClassMap, head: Head) -> NDArray[np.uint8]:
        """Return the mask as a network with that head learns it.

        Args:
            classes: The classes of the set; pixels of other classes are background.
            head: ``softmax`` for exclusive classes, ``sigmoid`` for one channel per class.

        Returns:
            For softmax (H, W) uint8: the index of the class in ``classes.ids``, 255 for void. For
            sigmoid (H, W, C) uint8 of 0 and 1, 255 for void, with a channel for each of
            ``classes.foreground_ids``.

        Raises:
            DatasetError: If the mask cannot be read, or is not what it was.
            OptionError: If classes overlap and the head is softmax.

        Examples:
            >>> examples = mf.open_examples("masks", only=["caries"])
            >>> target = examples.examples[0].read_target(examples.classes, "sigmoid")
            >>> target.shape, np.unique(target).tolist()
            ((432, 576, 1), [0, 1])
        """
        check_type("classes", classes, ClassMap)
        values = read_values(self.mask)
        origin = Origin(self.mask, "")
        if values.shape[:2] != (self.size.height, self.size.width):
            raise DatasetError(
                f"the mask has {Size(values.shape[1], values.shape[0])} px, expected {self.size}",
                origin=origin,
            )
        return network_target(
            values, self.encoding, self.channels, self.values, classes, head, origin
        )

    def _repr_png_(self) -> bytes | None:
        from maskforge.masks.overlay import overlay_png

        image = None
        try:
            mask = read_values(self.mask)
            if self.encoding != "integer":
                decode = from_one_hot if self.encoding == "onehot" else from_multi_hot
                mask = decode(mask, self.channels)
            elif self.values is not None:
                mask = np.select([mask == value for value in self.values], [*self.values.values()])
            if is_there(self.image):
                image = read_to_show(self.image, upright=self.upright)
        except MaskforgeError:  # whatever is wrong, its text must be there to look into it
            return None
        ids = np.unique(mask).tolist()
        return overlay_png(
            image, mask, {id_: default_color(id_ - 1) for id_ in ids} | {VOID: VOID_COLOR}
        )


@dataclass(frozen=True, slots=True, repr=False)
class ExampleSet(Brief):
    """Images with their masks from anywhere, every file looked at once: what is learned from.

    Use it to train, to split and to evaluate. A [`Dataset`][maskforge.Dataset] is a folder that
    ``convert`` wrote, opened to look at its masks.

    Attributes:
        examples: The images; no two have one name.
        classes: The class map of the masks.
        source: What the set was made from, for people.
        notes: What was recognized or left out, one sentence each, to be shown.
        partial: Names of the images that were left out because their masks are partial.

    Examples:
        >>> examples = mf.open_examples("masks")
        >>> [one.name for one in examples][:2], examples.subset(["bitewing-01"]).examples[0].size
        (['bitewing-01', 'bitewing-02'], Size(width=576, height=432))
    """

    examples: tuple[Example, ...]
    classes: ClassMap
    source: str
    notes: tuple[str, ...] = ()
    partial: tuple[str, ...] = ()

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
