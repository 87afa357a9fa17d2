"""The entries of an ISAT file's `objects`, one by one."""

from __future__ import annotations

import math
from typing import Any

from maskforge.errors import RecordError
from maskforge.formats.base import known_box
from maskforge.formats.fields import as_labels, group_of
from maskforge.formats.jsonio import fields_of, numbers, structure
from maskforge.formats.plainform import PlainForm
from maskforge.geometry import outline
from maskforge.issues import Box, Code, Issue, Origin
from maskforge.shapes import Shape

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
    fields = fields_of(record, origin)
    place = origin.at(".segmentation")
    points = numbers(fields.get("segmentation"), list[tuple[float, float]], place)
    geometry = outline(points, place)
    layer = fields.get("layer")
    if layer is not None and not math.isfinite(structure(layer, float, origin.at(".layer"))):
        text = f"expected a number, found {layer}"
        raise RecordError(Code.INVALID_RECORD, text, origin=origin.at(".layer"))
    labels, label_issue = _labels(fields.get("category"), origin.at(".category"))
    own_place = {"group", "segmentation", *(() if BACKGROUND_LABEL in labels else ("category",))}
    is_closed = len(geometry.parts[0].exterior) != len(points)
    return Shape(
        labels,
        geometry,
        "polygon",
        origin,
        instance=group_of(fields.get("group"), origin.at(".group"), none="0"),
        primitive={"segmentation": fields["segmentation"]} if is_closed else None,
        extra={key: value for key, value in fields.items() if key not in own_place},
        label_issue=label_issue,
    )


def layer_of(shape: Shape) -> float:
    """Return how high a shape lies above the others."""
    layer = shape.extra.get("layer")
    return float(layer) if isinstance(layer, int | float) else _USUAL_LAYER


def place_of(record: dict[str, Any]) -> Box | None:
    """Return the box in which an object lies that cannot be read; None if it does not tell."""
    return known_box(record.get("segmentation")) or known_box(record.get("bbox"))


FORM = PlainForm("pairs", "", (), place_of=place_of)
"""How ISAT writes an object."""


def _labels(category: object, origin: Origin) -> tuple[tuple[str, ...], Issue | None]:
    labels, issue = as_labels(category, origin)
    return ((BACKGROUND_LABEL,) if labels == (BACKGROUND,) else labels), issue
