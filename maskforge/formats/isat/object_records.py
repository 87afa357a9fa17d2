"""The entries of an ISAT file's `objects`, one by one."""

from __future__ import annotations

import math
from typing import Any

from maskforge.errors import GeometryError, RecordError, shorten
from maskforge.formats.base import known_box
from maskforge.formats.jsonio import structure
from maskforge.formats.plainform import PlainForm
from maskforge.geometry import ring
from maskforge.issues import Box, Code, Issue, Origin
from maskforge.shapes import Area, Polygon, Shape

BACKGROUND = "__background__"
"""The category with which ISAT cuts holes."""

BACKGROUND_LABEL = "_background_"
"""The label of which all formats know that."""

_USUAL_LAYER = 2.0  # what ISAT takes where there is none


def read_object(record: object, origin: Origin) -> Shape:
    """Read one entry of `objects`.

    Raises:
        RecordError: If the entry is malformed or cannot be drawn.
    """
    fields = structure(record, dict[str, Any], origin)
    place = origin.at(".segmentation")
    points = structure(
        fields.get("segmentation"),
        list[tuple[float, float]],
        place,
        Code.INVALID_COORDINATES,
        GeometryError,
    )
    exterior = ring(points, place)
    layer = fields.get("layer")
    if layer is not None and not math.isfinite(structure(layer, float, origin.at(".layer"))):
        text = f"expected a number, found {layer}"
        raise RecordError(Code.INVALID_RECORD, text, origin=origin.at(".layer"))
    labels, label_issue = _labels(fields.get("category"), origin.at(".category"))
    own_place = {"group", "segmentation", *(() if BACKGROUND_LABEL in labels else ("category",))}
    is_closed = len(exterior) != len(points)
    return Shape(
        labels,
        Area((Polygon(exterior),)),
        "polygon",
        origin,
        instance=_instance(fields.get("group"), origin.at(".group")),
        primitive={"segmentation": fields["segmentation"]} if is_closed else None,
        extra={key: value for key, value in fields.items() if key not in own_place},
        label_issue=label_issue,
    )


def layer_of(shape: Shape) -> float:
    """Return how high a shape lies above the others."""
    layer = shape.extra.get("layer")
    return float(layer) if isinstance(layer, int | float) else _USUAL_LAYER


def place_of(record: object) -> Box | None:
    """Return the box in which an object lies that cannot be read; None if it does not tell."""
    if not isinstance(record, dict):
        return None
    return known_box(record.get("segmentation")) or known_box(record.get("bbox"))


FORM = PlainForm("pairs", "", (), place_of=place_of)
"""How ISAT writes an object."""


def _labels(category: object, origin: Origin) -> tuple[tuple[str, ...], Issue | None]:
    if isinstance(category, int) and not isinstance(category, bool):
        category = str(category)
    if category is not None and not isinstance(category, str):
        text = f"expected text, found {shorten(category)}"
        raise RecordError(Code.INVALID_RECORD, text, origin=origin)
    if category and category.strip():
        return (BACKGROUND_LABEL if category == BACKGROUND else category,), None
    return (), Issue(Code.NO_LABEL, f"found {shorten(category)}", origin)


def _instance(group: object, origin: Origin) -> str | None:
    """Return the group of an object; 0 is none."""
    if isinstance(group, float) and group.is_integer():
        group = int(group)
    if isinstance(group, bool) or not isinstance(group, int | str | None):
        text = f"expected a whole number, found {shorten(group)}"
        raise RecordError(Code.INVALID_RECORD, text, origin=origin)
    text = shorten(group) if isinstance(group, int) else (group or "").strip()
    return None if text in ("", "0") else text
