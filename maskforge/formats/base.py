"""What an annotation format has to provide, and what it is given to work with.

A new format is three files: a package here with a ``FORMAT``, its name in ``registry``, and a page
in ``docs/formats``. With the drawing of ``bitewing-01.jpg`` that all formats share, and one empty
image, in ``samples/NAME``, it takes part in ``tests/contract/test_format_contract.py``, which asks
of it what is said here:

- It recognizes its own files by their keys, no file of another format, and says why either way.
- A document is never trusted: a value of a wrong type or size costs the record, image or file that
  it is in, as a ``AnnotationError`` or an issue with its place. ``jsonio.structure`` checks types,
  ``geometry`` coordinates.
- A large document is decoded entry by entry, when one is asked for (``large_json``): a format goes
  through all images one after the other, and collects none of them.
- It reads its own form strictly. What other programs make of it, where only one meaning is left, is
  the business of ``plainform``, the same for all formats.
- Every record becomes a shape or gets one issue that loses it, at its place in the list of records
  or below. Damage to one record changes no other. The issue of a record that cannot be read has the
  box around what the record still tells of its place; ``known_box`` finds it.
- Whatever tells nothing about geometry and labels is kept: keys of a record in ``Shape.extra``,
  the numbers of a shape that is turned into polygons in ``Shape.primitive``, the rest in
  ``ImageRecord.extra``. No megabytes of an image, and no copies.
- It says what the file writes about the image, and looks at no image itself; finding it, its size
  and frame are the business of ``frame``.
- An issue or error names file and place, and text from the file only through ``errors.shorten``.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from maskforge.errors import LimitError
from maskforge.formats.codepages import CodePages
from maskforge.formats.jsonio import Document, load
from maskforge.formats.pixels import PixelNames
from maskforge.geometry import COORDINATE_LIMIT, bounds
from maskforge.images.embedded import EmbeddedImage
from maskforge.issues import Box, Code, Issue, Level, Origin
from maskforge.limits.allowance import Allowance, Limit
from maskforge.shapes import ImageState, Polygon, Shape, Size


@dataclass(frozen=True, slots=True)
class Recognition:
    """Whether a document is of a format, and why.

    Attributes:
        variant: Which of the format's files it is, such as ``project``; empty if it is none.
        reason: For people: the keys that decided, or the ones that are missing.
        auxiliary: The file belongs to the format, but holds no images itself (a class list); it is
            used by the files around it.
    """

    variant: str
    reason: str
    auxiliary: bool = False

    @classmethod
    def no(cls, reason: str) -> Recognition:
        """Return the answer of a format that does not know the document."""
        return cls("", reason)


@dataclass(frozen=True, slots=True, eq=False)
class ImageRecord:
    """What an annotation file says about one image, before anybody has looked for the file.

    Attributes:
        name: File name of the image, decoded, without folders; it names the mask, too.
        written: Paths or names of the image that the file writes, decoded, with forward slashes,
            most trusted first; relative ones are relative to the annotation file.
        shapes: In drawing order.
        state: Whether anybody looked at the image.
        origin: File and JSON path of the image's record.
        declared: Size that the file gives, or None.
        upright: Whether the tool shows the image with its EXIF orientation applied while people
            draw. Decides only where sizes cannot.
        scale_to_image: The coordinates are in units of ``declared`` by design, and must be
            scaled to the real size of the image.
        is_normalized: The coordinates are fractions of the width and height of the image.
        upward: Whether y is counted from the lower edge of the image.
        own: What the image may be called after the annotation file.
        beside: Folders in which the tool has images, relative to the annotation file.
        masks: Files from which shapes were made; none of them is the image.
        embedded: The image inside the annotation file; None if there is none.
        own_folders: Names of folders that the format itself makes, so that they tell no images
            apart, in lower case.
        unless_found: Loses the image unless a file is found, if the record is about something else
            of which somebody may have made an image, such as a frame of a video.
        tags: Labels of the image as a whole.
        issues: Findings, with a line for every record that is not in ``shapes``.
        extra: What ``AnnotatedImage.extra`` will be.
    """

    name: str
    written: tuple[str, ...]
    shapes: tuple[Shape, ...]
    state: ImageState
    origin: Origin
    declared: Size | None = None
    upright: bool = False
    scale_to_image: bool = False
    is_normalized: bool = False
    upward: bool = False
    own: tuple[str, ...] = ()
    beside: tuple[str, ...] = (".",)
    masks: Collection[Path] = ()
    embedded: EmbeddedImage | None = None
    own_folders: frozenset[str] = frozenset()
    unless_found: Issue | None = None
    tags: tuple[str, ...] = ()
    issues: tuple[Issue, ...] = ()
    extra: Mapping[str, object] = field(default_factory=dict)


def places_in(origin: Origin, numbers: Iterable[int]) -> list[Origin]:
    """Return the places of some entries of a list."""
    return [origin.at(f"[{number}]") for number in numbers]


def too_many(count: int, origin: Origin) -> Issue | None:
    """Return why an image with very many records is refused; None if they are not so many."""
    try:
        Allowance(Limit.RECORDS).take(count)
    except LimitError as error:
        return Issue(Code.TOO_MANY_SHAPES, error.message, origin, error.hint)
    return None


def left_over(
    key: str,
    records: Sequence[object],
    shapes: Sequence[Shape],
    origin: Origin,
    places: Sequence[Origin] | None = None,
) -> dict[str, list[object]]:
    """Return the records that became no shape, for ``ImageRecord.extra``.

    Args:
        key: Where a file of the format keeps its records.
        records: All of them.
        shapes: Those that became one.
        origin: Place of the list of records.
        places: The place of each, if the list holds more than these.

    Returns:
        A list below the key; empty if each record is a shape, or there are more than are read.
    """
    if len(shapes) == len(records) or too_many(len(records), origin) is not None:
        return {}
    if not shapes:
        return {key: list(records)}
    drawn = {shape.origin for shape in shapes}
    places = places_in(origin, range(len(records))) if places is None else places
    return {key: [one for one, at in zip(records, places, strict=True) if at not in drawn]}


def with_left_over(
    shapes: Sequence[Shape], records: Sequence[object], rest: object
) -> list[object]:
    """Return the records of shapes together with those that became none, each in its old place.

    Args:
        shapes: The shapes of an image, read from this format.
        records: What is written for each.
        rest: What ``left_over`` kept of the image; anything else than a list is nothing.
    """
    if not isinstance(rest, list):
        return list(records)
    written = list(records)
    taken = [index for index in map(record_index, shapes) if index is not None]
    free = sorted(set(range(len(taken) + len(rest))).difference(taken))
    for index, record in zip(free, rest, strict=False):
        written.insert(min(index, len(written)), record)
    return written


def record_index(shape: Shape) -> int | None:
    """Return the place of a shape's record among those of its image; None if it has none."""
    found = _INDEX.search(shape.origin.pointer)
    return int(found[1]) if found else None


def group_numbers(shapes: Sequence[Shape], first: int) -> dict[str, int]:
    """Return a whole number for every instance of an image: its own where it is one.

    Args:
        shapes: The shapes of the image.
        first: The smallest number that a group can have.
    """
    names = list(dict.fromkeys(one.instance for one in shapes if one.instance is not None))
    numbers = {name: int(name) for name in names if name.isdecimal() and str(int(name)) == name}
    numbers = {name: number for name, number in numbers.items() if number >= first}
    free = max(numbers.values(), default=first - 1) + 1
    for name in names:
        if name not in numbers:
            numbers[name] = free
            free += 1
    return numbers


def is_upright_box(polygon: Polygon) -> bool:
    """Tell whether a polygon is a box as ``rectangle`` makes it, without holes."""
    left, top, right, bottom = bounds(polygon.exterior)
    corners = [[left, top], [right, top], [right, bottom], [left, bottom]]
    return not polygon.holes and polygon.exterior.tolist() == corners


def beyond_limit(error: LimitError, origin: Origin, count: int) -> list[Issue]:
    """Return the findings about an image whose shapes would take more than it may.

    Args:
        error: What was beyond which limit.
        origin: Place of the list of records.
        count: How many of them have no issue of their own.
    """
    text = f"records that are not drawn, because the image is refused: {count}"
    lost = Issue(Code.NOT_DRAWABLE, text, origin, override=Level.REFUSED, records=count)
    return [error.issue(origin), lost]


def as_score(value: object, best: float = 1.0) -> float | None:
    """Return how sure a network is as 0 to 1; None if a value says no such thing.

    Args:
        value: A decoded JSON value.
        best: What the format writes for certainty, such as 100.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value / best if 0 <= value <= best else None


def box_at(left: object, top: object, width: object, height: object) -> Box | None:
    """Return the box from a corner and size, for the issue of a record that cannot be read."""
    x, y, across, down = map(_coordinate, (left, top, width, height))
    if x is None or y is None or across is None or down is None:
        return None
    return known_box([x, y, x + across, y + down])


def box_around(x: object, y: object, *radii: object) -> Box | None:
    """Return the box in which an ellipse lies, however it is turned; likewise for an issue."""
    center_x, center_y, *reach = map(_coordinate, (x, y, *radii))
    known = [abs(one) for one in reach if one is not None]
    if center_x is None or center_y is None or len(known) < len(reach):
        return None
    far = sum(known)
    return known_box([center_x - far, center_y - far, center_x + far, center_y + far])


_INDEX = re.compile(r"\[(\d+)\]$")
_X_KEY = re.compile(r"x(\d*)")
_ENOUGH_POINTS = 3
_DEEPEST = 3


def known_box(geometry: object) -> Box | None:
    """Return the box around the points of a record that cannot be read, for its issue.

    Args:
        geometry: The part of the record that says where it is: points in any of the forms
            ``[[x, y], ...]``, ``[x, y, x, y, ...]``, ``[{"x": x, "y": y}, ...]`` and
            ``{"x1": x, "y1": y, ...}``, in any nesting, numbers also as text.

    Returns:
        None if the box is empty, or a point is damaged and fewer than three are left.
    """
    points = list(_points(geometry))
    known = [(x, y) for x, y in points if x is not None and y is not None]
    if not known or len(known) < min(len(points), _ENOUGH_POINTS):
        return None
    columns, rows = zip(*known, strict=True)
    left, top, right, bottom = min(columns), min(rows), max(columns), max(rows)
    return (left, top, right, bottom) if left < right and top < bottom else None


def _points(value: object, depth: int = _DEEPEST) -> Iterator[tuple[float | None, float | None]]:
    """Yield the points in a decoded JSON value; what is not a coordinate is None."""
    inner: list[object] = []
    if isinstance(value, dict):
        for key, one in value.items():
            if match := _X_KEY.fullmatch(str(key)):
                yield _coordinate(one), _coordinate(value.get(f"y{match[1]}"))
            elif isinstance(one, dict):
                inner.append(one)
    elif isinstance(value, list):
        inner = value
    if not any(isinstance(one, list | dict) for one in inner):
        numbers = [_coordinate(one) for one in inner]
        yield from zip(numbers[::2], numbers[1::2], strict=False)
        if len(numbers) % 2:  # one is missing, so an x may stand where a y should be
            known = [one for one in numbers if one is not None]
            yield from [(min(known), min(known)), (max(known), max(known))] if known else ()
            yield None, None
        return
    for one in inner:
        found = list(_points(one, depth - 1)) if depth else []
        yield from found or [(None, None)]


def _coordinate(value: object) -> float | None:
    if isinstance(value, int | float | str) and not isinstance(value, bool):
        with contextlib.suppress(ValueError, OverflowError):
            number = float(value)
            return number if abs(number) <= COORDINATE_LIMIT else None
    return None


@dataclass(slots=True)
class ReadContext:
    """What a format may use and must keep up to date while it reads.

    Attributes:
        source: Folder of the source that is being read.
        report: Called with every issue that belongs to a file rather than to one image.
        claimed: Files that were read as a part of another one and must not be read again.
        seen: Keys that a format has read before (such as asset ids), each with its place, so that
            exports of the same project are not read twice.
        memory: What a format wants to remember from one file to the next, by its name.
        code_pages: Decodes files that are not Unicode.
        mask_names: What the numbers of masks are called, if nothing beside them says it.
        mask_tolerance: By how much a pixel of a mask may differ from what has a name; None refuses
            masks that are JPEG.
    """

    source: Path
    report: Callable[[Issue], None]
    claimed: set[Path] = field(default_factory=set)
    seen: dict[tuple[str, str], Origin] = field(default_factory=dict)
    memory: dict[str, object] = field(default_factory=dict)
    code_pages: CodePages = field(default_factory=CodePages)
    mask_names: PixelNames = field(default_factory=PixelNames)
    mask_tolerance: int | None = None

    def load(self, path: Path) -> Document:
        """Decode a file.

        Raises:
            FormatError: If it cannot be decoded.
        """
        return load(path, self.code_pages)

    def sibling(self, path: Path) -> Document:
        """Decode another file that belongs to the one being read, and claim it.

        Raises:
            FormatError: If it cannot be decoded.
        """
        self.claimed.add(path)
        document = self.load(path)
        for issue in document.issues:
            self.report(issue)
        return document


class Format(Protocol):
    """An annotation format; every module in this folder has one as ``FORMAT``.

    Attributes:
        name: Name for the command line.
        title: Name for people.
        versions: Which versions and files are read.
        geometry: Which kinds of shape are read.
        marks: Words of which each of its files has one, in its content or its name.
        suffixes: Suffixes of its files. Those of images are looked at only if the format was
            chosen by its name: a folder of images is not a folder of annotations.
    """

    name: str
    title: str
    versions: str
    geometry: str
    marks: tuple[str, ...]
    suffixes: tuple[str, ...]

    def recognize(self, document: Document) -> Recognition:
        """Tell from the keys of a document whether it is of this format."""

    def read(self, document: Document, context: ReadContext) -> Iterator[ImageRecord]:
        """Yield every image of a document that was recognized and is not auxiliary.

        Raises:
            FormatError: If something outside the single images and records is malformed.
        """
