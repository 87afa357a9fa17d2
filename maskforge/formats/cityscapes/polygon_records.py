"""The entries of ``objects`` in a file of polygons, one by one."""

from __future__ import annotations

from maskforge.errors import RecordError, shorten
from maskforge.formats.base import known_box
from maskforge.formats.cityscapes.labels import BY_NAME
from maskforge.formats.jsonio import fields_of, numbers
from maskforge.formats.plainform import PlainForm
from maskforge.geometry import outline
from maskforge.issues import Code, Issue, Origin
from maskforge.shapes import Shape

RECORDS = "objects"
_GROUP = "group"
_KIND = "polygon"
_OWN_PLACE = frozenset({"label", "polygon"})


def read_polygon(record: object, origin: Origin) -> Shape:
    """Read one entry.

    Args:
        record: The decoded JSON value.
        origin: Its place.

    Raises:
        RecordError: If it was deleted, is malformed, or cannot be drawn.
    """
    fields = fields_of(record, origin)
    if fields.get("deleted"):
        raise RecordError(Code.NOT_A_SHAPE, "was deleted in the labeling tool", origin=origin)
    if "polygon" not in fields:
        raise RecordError(Code.INVALID_RECORD, "the object has no `polygon`", origin=origin)
    place = origin.at(".polygon")
    points = numbers(fields["polygon"], list[tuple[float, float]], place)
    geometry = outline(points, place)
    written = fields.get("label")
    if not isinstance(written, str | None):
        text = f"expected text, found {shorten(written)}"
        raise RecordError(Code.INVALID_RECORD, text, origin=origin.at(".label"))
    label = class_of(written or "")
    issue = None if label.strip() else Issue(Code.NO_LABEL, "the object has no label", origin)
    extra = {key: value for key, value in fields.items() if key not in _OWN_PLACE}
    if label != written:
        extra["label"] = written
    return Shape(() if issue else (label,), geometry, _KIND, origin, extra=extra, label_issue=issue)


def class_of(label: str) -> str:
    """Return the label of a group of objects that nobody told apart.

    Examples:
        >>> class_of("cargroup"), class_of("polegroup"), class_of("car")
        ('car', 'polegroup', 'car')
    """
    if label in BY_NAME or not label.endswith(_GROUP):
        return label
    one = label.removesuffix(_GROUP)
    return one if one in BY_NAME else label


FORM = PlainForm("pairs", "type", (), place_of=lambda record: known_box(record.get("polygon")))
"""How Cityscapes writes an object."""
