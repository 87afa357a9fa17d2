"""YOLO's text files: a line for every object, with coordinates as fractions of the image."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from maskforge.errors import GeometryError, RecordError, shorten
from maskforge.formats.base import ImageRecord, ReadContext, as_score, left_over
from maskforge.formats.jsonio import Document
from maskforge.formats.plainform import PlainForm, read_each
from maskforge.formats.yolo.names import names_near
from maskforge.formats.yolo.rings import split_at_bridges
from maskforge.geometry import rectangle, ring
from maskforge.issues import Code, Issue, Origin
from maskforge.shapes import Area, ImageState, Shape

_FARTHEST = 100.0
"""Sides of an image by which a coordinate may be outside; anything beyond is no fraction."""

_BOX = 4
_FORM = PlainForm("flat", "", ())


def is_labels(text: object) -> bool:
    """Tell whether a text file has a line of a class and coordinates, or is empty."""
    return isinstance(text, str) and (not text.strip() or any(map(_is_line, text.splitlines())))


def read_alone(document: Document, context: ReadContext) -> Iterator[ImageRecord]:
    """Yield the image of a label file that no ``data.yaml`` leads to."""
    names = names_near(document.path, context)
    yield label_record(document, None, names)


def label_record(
    document: Document,
    image: Path | None,
    names: Mapping[int, str] | None,
    extra: Mapping[str, object] = {},
    *,
    is_pose: bool = False,
) -> ImageRecord:
    """Return the image of a label file.

    Args:
        document: The label file.
        image: The image, if it is known.
        names: Names of classes by number; None if there are none, so that numbers are the labels.
        extra: What the data set says about the image.
        is_pose: Whether lines are boxes with key points.
    """
    origin = Origin(document.path, "")
    lines = [" ".join(line.split()) for line in document.root.splitlines()]
    numbers = [number for number, line in enumerate(lines) if line]
    places = [Origin(document.path, f"line {number + 1}") for number in numbers]
    written = [lines[number] for number in numbers]
    read = partial(_shape, names=names, is_pose=is_pose)
    shapes, issues = read_each(written, origin, read, _FORM, places)
    folder = document.path.parent
    return ImageRecord(
        document.path.stem if image is None else image.name,
        () if image is None else (Path(os.path.relpath(image, folder)).as_posix(),),
        tuple(shapes),
        ImageState.ANNOTATED if shapes or issues else ImageState.EMPTY,
        origin,
        upright=True,
        own=(document.path.stem,),
        beside=_folders(folder),
        is_normalized=True,
        issues=tuple(issues),
        extra={**extra, **left_over("lines", written, shapes, origin, places)},
    )


def _folders(folder: Path) -> tuple[str, ...]:
    """Return where the image of a label file may be: ``images`` instead of ``labels``."""
    up: list[str] = []
    for one in (folder, *folder.parents):
        if one.name == "labels":
            below = folder.relative_to(one)
            return (".", Path(*up, "..", "images", below).as_posix())
        up.append("..")
    return (".", "images", "../images")


def _is_line(line: str) -> bool:
    words = line.split()
    try:
        return len(words) > _BOX and all(math.isfinite(float(word)) for word in words)
    except ValueError:
        return False


def _shape(
    line: object, origin: Origin, names: Mapping[int, str] | None, *, is_pose: bool
) -> Shape:
    words = str(line).split()
    number = _class(words[0], origin)
    numbers = [_fraction(word, origin) for word in words[1:]]
    count = _BOX if is_pose else len(numbers)
    score = None
    if count % 2 and count > _BOX:  # the last one says how sure a network is
        count -= 1
        score = as_score(numbers[count])
    written: dict[str, object] = {"coordinates": " ".join(words[1 : count + 1])}
    if count == _BOX:
        kind, area = "bbox", _box(numbers[:count], origin)
    else:
        kind, area = "polygon", split_at_bridges(ring(numbers[:count], origin))
    label = str(number) if names is None else names.get(number, "")
    issue = None
    if not label.strip():
        text = f"the class {number} has no name"
        issue = Issue(Code.UNRESOLVED_CLASS, text, origin, "add it to `names` of data.yaml")
    rest = words[count + 1 :]
    return Shape(
        () if issue else (label,),
        area,
        kind,
        origin,
        primitive=written,
        extra={"class": number} | ({"rest": " ".join(rest)} if rest else {}),
        label_issue=issue,
        score=score,
    )


def _number(word: str) -> float:
    try:
        return float(word)
    except ValueError:
        return math.nan


def _class(word: str, origin: Origin) -> int:
    number = _number(word)
    if not 0 <= number < 2**31 or number != int(number):
        raise RecordError(
            Code.INVALID_RECORD,
            f"expected the number of a class, found {shorten(word)}",
            origin=origin,
        )
    return int(number)


def _fraction(word: str, origin: Origin) -> float:
    number = _number(word)
    if not abs(number) <= _FARTHEST:  # False for NaN, too
        raise GeometryError(
            Code.INVALID_COORDINATES,
            f"expected a fraction of the image's side, found {shorten(word)}",
            origin=origin,
            hint="YOLO divides coordinates by the width and height of the image",
        )
    return number


def _box(numbers: list[float], origin: Origin) -> Area:
    x, y, width, height = numbers
    if min(width, height) < 0:
        raise GeometryError(Code.INVALID_COORDINATES, f"a box of {width} x {height}", origin=origin)
    left, top = x - width / 2, y - height / 2
    return Area((rectangle(left, top, x + width / 2, y + height / 2, origin),))
