"""Records that other programs write in another form, but with only one meaning.

Points as objects with x and y, as pairs or as one flat list, numbers as text, a kind of shape in
other letter case: each format has one form of its own, and this module brings a record into it.
Nothing is guessed. Four bare numbers may be two corners, or a corner and a size; a kind that is
spelled otherwise may be another kind: such records stay as they are, and the format refuses them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias, TypeVar

from maskforge.errors import LimitError, RecordError
from maskforge.formats.base import beyond_limit, places_in, too_many
from maskforge.geometry import least_crossings
from maskforge.issues import Box, Code, Issue, Origin
from maskforge.limits.allowance import Allowance, Limit
from maskforge.shapes import Shape, Size

T = TypeVar("T")
PointForm: TypeAlias = Literal["pairs", "objects", "flat", "parts"]
_Pair: TypeAlias = tuple[float, float]

_NUMBER = re.compile(r"\s*[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]{1,3})?\s*")
_NUMBER_KEYS = re.compile(
    r"[xy][1-4]?|[cr][xy]|radius[XY]|rotation|r|angle|theta|left|top|width|height|w|h"
)
_CORNER_KEYS = frozenset(
    (
        *("points", "boundingBox", "box", "bbox", "bounding_box", "point"),
        *("f1", "f2", "r1", "r2", "center", "radius", "back", "front"),
    )
)
_OTHER_FORM = frozenset({Code.INVALID_RECORD, Code.INVALID_COORDINATES, Code.UNKNOWN_KIND})
_COUNTED_TOGETHER = 1000
"""Of fewer shapes, what drawing them takes is counted when they are drawn."""

_LEAST_FLAT = 6
"""Fewer numbers may be a corner and a size."""


def _nowhere(record: dict[str, Any]) -> None:
    """Know no place of any record."""


@dataclass(frozen=True, slots=True)
class PlainForm:
    """The form in which a format expects its records.

    Attributes:
        points: How points are written: as pairs, as objects with x and y, as x, y, x, y, ..., or
            as a list of parts, each x, y, x, y, ..., under ``segmentation``.
        kind_key: Where the kind of shape stands.
        kinds: The kinds, as the format spells them.
        kind_of: Returns the kind of a record that does not name one, or None if it can be several.
        place_of: Returns the box in which a record lies that cannot be read, or None if it does not
            tell.
        inside: Keys of objects inside a record that hold all this, too.
    """

    points: PointForm
    kind_key: str
    kinds: Iterable[str]
    kind_of: Callable[[Mapping[str, Any]], str | None] | None = None
    place_of: Callable[[dict[str, Any]], Box | None] = _nowhere
    inside: tuple[str, ...] = ()

    def of(self, record: object) -> tuple[dict[str, Any], list[str]] | None:
        """Return a record in this form and the keys that had another one; None if none had."""
        if not isinstance(record, dict):
            return None
        plain = {key: self._value(key, value) for key, value in record.items()}
        kind = self._kind(plain)
        if kind is not None:
            plain[self.kind_key] = kind
        changed = [key for key, value in plain.items() if value != record.get(key)]
        for key in self.inside:
            if found := replace(self, inside=()).of(plain.get(key)):
                plain[key] = found[0]
                changed += [f"{key}.{inner}" for inner in found[1]]
        return (plain, changed) if changed else None

    def _value(self, key: str, value: object) -> object:
        if _NUMBER_KEYS.fullmatch(key):
            return _number(value)
        if key in _CORNER_KEYS and isinstance(value, dict):
            return {inner: self._value(inner, one) for inner, one in value.items()}
        return self._list(key, value) if isinstance(value, list) else value

    def _list(self, key: str, value: list[Any]) -> object:
        match key:
            case "points" | "segmentation" | "polygon" | "line" | "exterior":
                return self._points(value)
            case "exclude" | "interior" | "parts":
                return [self._value("points", one) for one in value]
            case "path" | "paths" | "additional_paths":
                is_nested = bool(value) and all(isinstance(one, list) for one in value)
                several = is_nested and not any(map(_is_pair, value))
                return [self._points(one) for one in value] if several else self._points(value)
            case "tags":
                return [_name(one) for one in value]
            case "bbox" | "all_points_x" | "all_points_y":
                return [_number(one) for one in value]
        return value

    def _points(self, value: object) -> object:
        if self.points == "parts" and isinstance(value, list):
            return _parts(value)
        pairs = _pairs(value)
        if not pairs:
            return value
        match self.points:
            case "pairs":
                return [list(pair) for pair in pairs]
            case "objects":
                assert isinstance(value, list)
                kept = value if len(value) == len(pairs) else [None] * len(pairs)
                return [
                    {**(old if isinstance(old, dict) else {}), "x": x, "y": y}
                    for old, (x, y) in zip(kept, pairs, strict=True)
                ]
            case "flat" | "parts":
                return _flat(pairs)

    def _kind(self, record: Mapping[str, Any]) -> str | None:
        written = record.get(self.kind_key)
        if isinstance(written, str) and written:
            folded = _folded(written)
            return next((kind for kind in self.kinds if _folded(kind) == folded), None)
        return self.kind_of(record) if self.kind_of and not written else None


def read_each(
    records: Sequence[object],
    origin: Origin,
    read: Callable[[object, Origin], T],
    form: PlainForm,
    places: Sequence[Origin] | None = None,
    size: Size | None = None,
) -> tuple[list[T], list[Issue]]:
    """Read records one by one; one that cannot be read costs only itself.

    Args:
        records: The records of one image.
        origin: Place of their list.
        read: Reads one at its place, or raises a ``RecordError``.
        form: How the format writes them; a record of another form gets a second try in this one.
        places: The place of each, if the list holds more than these.
        size: Of the image, if it is known: then shapes that nobody could draw are not all read.

    Returns:
        What was read; and an issue for every record that was not, or was in another form.
    """
    refusal = too_many(len(records), origin)
    if refusal is not None:
        return [], [refusal]
    results: list[T] = []
    issues: list[Issue] = []
    crossings = Allowance(Limit.CROSSINGS)
    places = places_in(origin, range(len(records))) if places is None else places
    for record, place in zip(records, places, strict=True):
        try:
            results.append(read(record, place))
            if size is not None and len(results) % _COUNTED_TOGETHER == 0:
                last = results[-_COUNTED_TOGETHER:]
                shapes = [one.geometry for one in last if isinstance(one, Shape)]
                crossings.take(least_crossings(shapes, size))
        except RecordError as error:
            result, issue = _second_try(record, place, read, form, error)
            results += result
            issues.append(issue)
        except LimitError as error:
            lost = sum(one.loses_record for one in issues)
            count = len(records) - lost
            return [], [*issues, *beyond_limit(error, origin, count)]
    return results, issues


def _second_try(
    record: object,
    place: Origin,
    read: Callable[[object, Origin], T],
    form: PlainForm,
    error: RecordError,
) -> tuple[list[T], Issue]:
    found = form.of(record) if error.code in _OTHER_FORM else None
    if found is None:
        return [], error.issue(box=form.place_of(record) if isinstance(record, dict) else None)
    plain, changed = found
    try:
        result = read(plain, place)
    except RecordError as other:
        return [], other.issue(box=form.place_of(plain))
    keys = ", ".join(f"`{key}`" for key in changed)
    return [result], Issue(Code.LENIENT, f"{keys} in another form than usual", place)


def _folded(kind: str) -> str:
    return re.sub(r"[\s_-]", "", kind).casefold()


def _flat(pairs: Iterable[_Pair]) -> list[float]:
    return [number for pair in pairs for number in pair]


def _parts(value: list[Any]) -> list[Any]:
    """Return the parts of a region, each as flat numbers; what is something else stays as it is."""
    single = None if any(isinstance(one, list) for one in value) else _pairs(value)
    if single:
        return [_flat(single)]
    return [_flat(pairs) if (pairs := _pairs(one)) else one for one in value]


def _number(value: object) -> object:
    """Return the number that text holds; anything else as it is."""
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        number = float(value)
        return int(number) if number.is_integer() and abs(number) < 2**53 else number
    return value


def _name(tag: object) -> object:
    """Return the name of a tag that is written as an object."""
    return tag["name"] if isinstance(tag, dict) and isinstance(tag.get("name"), str) else tag


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_pair(value: list[object]) -> bool:
    return len(value) == 2 and not isinstance(value[0], list | dict)


def _is_nested(value: list[object]) -> bool:
    return all(isinstance(one, dict | list) for one in value)


def _pairs(value: object) -> list[_Pair] | None:
    """Return points, however they are nested; None if they can be read in several ways."""
    if not isinstance(value, list) or not value:
        return None
    if len(value) == 1 and isinstance(value[0], list) and _is_nested(value[0]):
        return _pairs(value[0])
    flat: list[object] = []
    for point in value:
        match point:
            case {"x": x, "y": y} | [x, y]:
                flat += [_number(x), _number(y)]
            case dict() | list():
                return None
            case number:
                flat.append(_number(number))
    nested = sum(isinstance(point, dict | list) for point in value)
    if nested not in (0, len(value)) or not all(map(_is_number, flat)):
        return None
    if not nested and (len(flat) < _LEAST_FLAT or len(flat) % 2):
        return None
    return list(zip(flat[::2], flat[1::2], strict=True))  # type: ignore[arg-type]
