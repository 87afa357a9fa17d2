"""The elements ``object`` of an annotation of Pascal VOC: names and boxes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from maskforge.errors import GeometryError, RecordError, shorten
from maskforge.formats.base import known_box
from maskforge.formats.plainform import PlainForm
from maskforge.geometry import checked_points, rectangle
from maskforge.issues import Box, Code, Issue, Origin
from maskforge.shapes import Area, Shape

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_SIDES = ("xmin", "ymin", "xmax", "ymax")
_OWN_PLACE = frozenset({"name", "bndbox"})
_DEEPEST = 20


def as_plain(element: Element, depth: int = _DEEPEST) -> Any:  # noqa: ANN401 - text, or a mapping
    """Return an element as text, or as a mapping if it has others inside."""
    inner = list(element) if depth else []
    if not inner:
        return (element.text or "").strip()
    found: dict[str, Any] = {}
    for one in inner:
        value = as_plain(one, depth - 1)
        if one.tag in found:
            before = found[one.tag]
            found[one.tag] = [*before, value] if isinstance(before, list) else [before, value]
        else:
            found[one.tag] = value
    return found


def read_object(record: object, origin: Origin) -> Shape:
    """Read an object as its box.

    Corners are pixels counted from 1, and both belong to the box.

    Args:
        record: The element as plain values.
        origin: Its place.

    Raises:
        RecordError: If it has no box that can be drawn.
    """
    if not isinstance(record, dict) or not isinstance(record.get("bndbox"), dict):
        text = f"expected an object with `bndbox`, found {shorten(record)}"
        raise RecordError(Code.INVALID_RECORD, text, origin=origin)
    left, top, right, bottom = _corners(record["bndbox"], origin.at(".bndbox"))
    box = rectangle(left - 1, top - 1, right, bottom, origin.at(".bndbox"))
    label, issue = label_of(record, origin)
    return Shape(
        (label,) if label else (),
        Area((box,)),
        "bndbox",
        origin,
        primitive={"bndbox": record["bndbox"]},
        extra=extra_of(record),
        label_issue=issue,
    )


def label_of(record: object, origin: Origin) -> tuple[str, Issue | None]:
    """Return the name of an object, or why there is none."""
    name = record.get("name") if isinstance(record, dict) else None
    if isinstance(name, str) and name.strip():
        return name, None
    return "", Issue(Code.NO_LABEL, "the object has no name", origin)


def extra_of(record: dict[str, Any]) -> dict[str, Any]:
    """Return what a record says beside name and box."""
    return {key: value for key, value in record.items() if key not in _OWN_PLACE}


def _place_of(record: dict[str, Any]) -> Box | None:
    box = record.get("bndbox")
    return known_box(list(map(box.get, _SIDES))) if isinstance(box, dict) else None


FORM = PlainForm("pairs", "", (), place_of=_place_of)
"""How Pascal VOC writes an object."""


def _corners(box: dict[str, Any], origin: Origin) -> tuple[float, float, float, float]:
    """Return the smaller and the larger x and y, in the order left, top, right, bottom."""
    numbers = []
    for side in _SIDES:
        try:
            numbers.append(float(box[side]))
        except (KeyError, TypeError, ValueError):
            text = f"expected a number as `{side}`, found {shorten(box.get(side))}"
            raise GeometryError(Code.INVALID_COORDINATES, text, origin=origin) from None
    x0, y0, x1, y1 = checked_points(numbers, origin).ravel().tolist()
    return min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)
