"""What a writer of annotation files has to provide, and what it is given to work with.

A writer gets images one by one, each with shapes that its format can hold: the room ``exports``
turns what it cannot hold into something it can, by what the writer says in ``holds``, and counts
what was turned or left out. So a writer only says in its own words what it is given. It takes part
in ``tests/contract/test_writer_contract.py`` by existing:

- What it says that it holds comes back when its files are read again; the mask of every image is
  the same to the last pixel.
- Images of its own format (``WrittenImage.is_own``) come back with everything that was in the file:
  kinds and primitives of shapes, keys that nobody knows, records that became no shape.
- Same images, same bytes: no clock, no random ids. Text is UTF-8.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, NamedTuple, Protocol

from maskforge.choices import HoleForm, ImageFiles
from maskforge.images.suffixes import suffix_of
from maskforge.issues import Origin
from maskforge.shapes import ImageState, Points, Shape, Size

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Holds:
    """What the files of a format can hold.

    Attributes:
        areas: Polygons.
        holes: How holes can be written, the best way first. ``rings``: as rings of the polygon;
            ``background``: as a later shape labeled ``_background_``; ``cut``: the outline runs
            into the hole and back on the same line; ``bitmap``: the shape is written as pixels.
        parts: Several polygons in one record. Without, every part is a record of its own.
        bitmaps: Regions given pixel by pixel.
        lines: Open lines.
        points: Single points; ``point_sets`` if there can be several in one record.
        point_sets: See ``points``.
        labels: Several labels of one record. Without, it is written once for every label.
        unlabeled: Records without a label.
        instances: Which records are one object.
        scores: How sure a network is.
        tags: Labels of an image as a whole.
        overlaps: Whether shapes may lie on top of each other, the later one above.
        embeds: An image inside the annotation file.
        unvisited: Whether a file tells an image that nobody looked at from one without shapes.
        draws: Pixels beside all of the above: the writer asks ``WrittenImage.draw``.
        pixels: Nothing but pixels, drawn by the class map: the writer asks ``WrittenImage.draw``,
            and all of the above is left False.
        decimals: To how many decimals coordinates are rounded; None if they are written whole.
        upright: Whether coordinates refer to the image with its EXIF orientation applied.
    """

    areas: bool = True
    holes: tuple[HoleForm, ...] = ("cut",)
    parts: bool = False
    bitmaps: bool = False
    lines: bool = False
    points: bool = False
    point_sets: bool = False
    labels: bool = False
    unlabeled: bool = False
    instances: bool = False
    scores: bool = False
    tags: bool = False
    embeds: bool = False
    overlaps: bool = True
    unvisited: bool = False
    draws: bool = False
    pixels: bool = False
    decimals: int | None = None
    upright: bool = True


class WrittenClass(NamedTuple):
    """A class as a writer needs it.

    Attributes:
        id: Value in masks: 0 is the background, 255 void.
        name: Its name, which is the label of shapes, too.
        color: Red, green, blue.
    """

    id: int
    name: str
    color: tuple[int, int, int]

    @property
    def is_foreground(self) -> bool:
        """Whether it is neither the background nor void."""
        return self.id not in (0, 255)

    @property
    def hex_color(self) -> str:
        """Its color as ``#rrggbb``."""
        return f"#{bytes(self.color).hex()}"


@dataclass(frozen=True, slots=True, eq=False)
class WrittenImage:
    """One image, with shapes that the format can hold.

    Attributes:
        name: Path for its files, relative to the output folder, without suffix, with forward
            slashes; unique, also where names that differ only in case are one.
        image: File name of the image, with suffix.
        file: The image, if it is known where it is.
        size: Size of the frame of the coordinates.
        shapes: In drawing order.
        state: Whether anybody looked at it; an image that nobody looked at comes only if the
            format holds that, or was asked to take it for empty.
        tags: Labels of the image as a whole.
        is_own: Whether the image was read from this format, so that ``kind``, ``primitive`` and
            ``extra`` of its shapes, and ``extra`` here, are in the format's own words.
        extra: What the source said about the image beside that; see ``AnnotatedImage.extra``.
        origin: Where it was read, so that an own file can be looked at once more.
        is_predicted: Whether a network made the shapes.
        is_scored: Whether a shape had a score in the source, also if the format holds none.
        score: How sure a network is of the image as a whole, if that is known.
        content: The encoded image, if it is to be written into the annotation file, or is nowhere
            else.
        draw: Returns the mask (H, W) of class ids, and the instance map (H, W) with the class id
            of instance 1, 2, ...; only for formats of ``draws`` or ``pixels``.
    """

    name: str
    image: str
    file: Path | None
    size: Size
    shapes: tuple[Shape, ...]
    state: ImageState
    origin: Origin
    draw: Callable[[], tuple[NDArray[np.integer], NDArray[np.integer], tuple[int, ...]]]
    tags: tuple[str, ...] = ()
    is_own: bool = False
    extra: Mapping[str, object] = field(default_factory=dict)
    is_predicted: bool = False
    is_scored: bool = False
    score: float | None = None
    content: bytes | None = None

    @property
    def own(self) -> Mapping[str, object]:
        """What the source said about the image, if that was a file of this format."""
        return self.extra if self.is_own else {}

    @property
    def path(self) -> str:
        """Path of a copy of the image that lies as its files do: ``name`` with its suffix."""
        return self.name + suffix_of(self.image)


class WriteContext(Protocol):
    """What a writer may use.

    Attributes:
        folder: Absolute path of the output folder.
        classes: All classes, by id; with background and void only if the class map names them.
        image_files: What becomes of the images: ``reference`` their paths are written; ``copy``
            they are copied beside the annotations; ``embed`` they are written into them, where
            the format can.
    """

    folder: Path
    classes: tuple[WrittenClass, ...]
    image_files: ImageFiles

    def write(self, name: str, content: bytes) -> None:
        """Write a file.

        Args:
            name: Relative to the output folder, with forward slashes.
            content: What is in it.

        Raises:
            OutputError: If it cannot be written.
        """

    def image_path(self, image: WrittenImage, copy: str, seen_from: str = "") -> str:
        """Return the path of an image for its annotation, with forward slashes.

        If images are copied, it is copied first; so is one that was only in an annotation file, if
        the format holds none. Where no image is known, the path is the one that a copy would have.

        Args:
            image: The image.
            copy: Path of a copy, relative to the output folder.
            seen_from: Folder of the annotation file, relative to the output folder.

        Raises:
            OutputError: If it cannot be copied.
        """

    def copy_image(self, image: WrittenImage, name: str) -> bool:
        """Copy an image whatever was asked for, because the format has no other way.

        If the suffix is another one, the pixels are encoded anew without loss.

        Returns:
            False if it is not known where the image is.

        Raises:
            OutputError: If it cannot be copied.
        """

    def left_out(self, what: str, count: int = 1) -> None:
        """Count something that the format cannot hold, such as ``scores``."""


class Writer(ABC):
    """Writes the files of one run; made with the ``WriteContext`` alone.

    Attributes:
        title: Name for people.
        holds: What its files can hold.
    """

    title: ClassVar[str]
    holds: ClassVar[Holds]

    def __init__(self, context: WriteContext) -> None:
        """Write nothing yet."""
        self._context = context

    @abstractmethod
    def add(self, image: WrittenImage) -> None:
        """Write one image, or keep what is needed of it.

        Raises:
            OutputError: If a file cannot be written.
        """

    def finish(self) -> None:  # noqa: B027 - files may share nothing
        """Write what all images share, if there is anything.

        Raises:
            OutputError: If a file cannot be written.
        """


def as_objects(points: Points) -> list[dict[str, float]]:
    """Return points as many formats write them: with x and y by name."""
    return [{"x": x, "y": y} for x, y in points.tolist()]


def is_below(name: str) -> bool:
    """Tell whether a path leads to a place below a folder, on every system."""
    return not (set(name.split("/")) & {"", ".", ".."} or set(name) & set('\\:*?"<>|\0'))
