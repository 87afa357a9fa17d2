"""Writing one XML file for all images, as CVAT 1.1 for images."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from maskforge.formats.base import group_numbers, with_left_over
from maskforge.formats.runlength import alternating
from maskforge.formats.writer import Holds, WriteContext, Writer, WrittenImage, is_below
from maskforge.images.suffixes import is_image_name
from maskforge.shapes import Area, Bitmap, Points, PointSet, Polyline, Shape

_FOLDER = "images/"
_SAME_POINTS = frozenset({"polygon", "polyline", "points"})
_UNWRITABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class CvatWriter(Writer):
    """``annotations.xml``, and the images in ``images`` if they are copied.

    Numbers are written in full: CVAT reads them so, and rounds to two decimals only when it
    exports.
    """

    title = "CVAT for images 1.1"
    holds = Holds(
        holes=("bitmap", "cut"),
        bitmaps=True,
        lines=True,
        points=True,
        point_sets=True,
        instances=True,
        scores=True,
        tags=True,
    )

    def __init__(self, context: WriteContext) -> None:
        super().__init__(context)
        self._images: list[bytes] = []
        self._ids: set[str] = set()
        self._names: set[str] = set()
        self._attributes: dict[str, set[str]] = {one.name: set() for one in context.classes}

    def add(self, image: WrittenImage) -> None:
        """Keep the element of an image."""
        own = image.own
        name = self._name(image, own.get("name"))
        suffix = "" if is_image_name(name) else PurePosixPath(image.image).suffix
        self._context.image_path(image, f"{_FOLDER}{name}{suffix}")
        element = Element("image", {"id": self._id(own.get("id")), "name": name})
        size = {"width": str(image.size.width), "height": str(image.size.height)}
        for key, value in {**own, **size}.items():
            if key not in element.keys() and isinstance(value, str):  # noqa: SIM118 - no mapping
                element.set(key, _legal(value))
        for record in self._records(image):
            assert isinstance(record, dict)
            self._append(element, record)
        indent(element, "  ", 1)
        self._images.append(tostring(element, "utf-8"))

    def finish(self) -> None:
        """Write the file, with the labels of all images before these."""
        root = Element("annotations")
        SubElement(root, "version").text = "1.1"
        task = SubElement(SubElement(root, "meta"), "task")
        facts = {"name": "maskforge", "size": str(len(self._images)), "mode": "annotation"}
        for key, value in facts.items():
            SubElement(task, key).text = value
        labels = SubElement(task, "labels")
        colors = {one.name: one.hex_color for one in self._context.classes}
        for name, attributes in self._attributes.items():
            label = SubElement(labels, "label")
            SubElement(label, "name").text = _legal(name)
            if name in colors:
                SubElement(label, "color").text = colors[name]
            SubElement(label, "type").text = "any"
            _add_attributes(SubElement(label, "attributes"), sorted(attributes))
        indent(root)
        head = tostring(root, "utf-8", xml_declaration=True).removesuffix(b"\n</annotations>")
        body = b"".join(b"\n  " + one for one in self._images)
        self._context.write("annotations.xml", head + body + b"\n</annotations>\n")

    def _id(self, own: object) -> str:
        """Return the number of an image: its own one, unless another has it already."""
        number = own if isinstance(own, str) and own not in self._ids else str(len(self._ids))
        while number in self._ids:
            number = str(int(number) + 1)
        self._ids.add(number)
        return number

    def _name(self, image: WrittenImage, own: object) -> str:
        """Return the name of an image: the one that the task in CVAT knows, where it has one."""
        name = image.path
        if isinstance(own, str) and own not in self._names and is_below(own):
            name = own
        self._names.add(name)
        return name

    def _records(self, image: WrittenImage) -> list[object]:
        groups = group_numbers(image.shapes, 1)  # 0 is no group
        records: list[object] = [
            _record(shape, groups, level, own=image.is_own)
            for shape, level in zip(image.shapes, _levels(image), strict=True)
        ]
        records = with_left_over(image.shapes, records, image.own.get("records"))
        source = "auto" if image.is_predicted else "manual"
        known = {one["label"] for one in records if isinstance(one, dict) and one["type"] == "tag"}
        tags = [tag for tag in image.tags if tag not in known]
        return records + [{"type": "tag", "label": tag, "source": source} for tag in tags]

    def _append(self, parent: Element, record: Mapping[str, Any]) -> None:
        """Append an element for a record as the reader makes it, and remember its attributes."""
        element = SubElement(parent, record["type"])
        for key, value in record.items():
            if key not in ("type", "attributes", "elements"):
                element.set(key, _legal(str(value)))
        for name, value in record.get("attributes", {}).items():
            SubElement(element, "attribute", {"name": name}).text = _legal(value)
        for inner in record.get("elements", ()):
            self._append(element, inner)
        known = self._attributes.setdefault(record.get("label", ""), set())
        known.update(record.get("attributes", {}))


def _record(shape: Shape, groups: Mapping[str, int], level: int, *, own: bool) -> dict[str, object]:
    own = own and (shape.primitive is not None or shape.kind in _SAME_POINTS)
    kind, drawn = (shape.kind, _own(shape)) if own else _drawn(shape)
    score = {} if shape.score is None else {"attributes": {"score": repr(shape.score)}}
    source = "manual" if shape.score is None else "auto"
    extra = shape.extra if own else {"source": source, "occluded": "0", **score}
    group = {} if shape.instance is None else {"group_id": str(groups[shape.instance])}
    label = {"label": shape.labels[0]} if shape.labels else {}
    order = {} if own and level == 0 and "z_order" not in extra else {"z_order": str(level)}
    return {"type": kind, **label, **extra, **drawn, **order, **group}


def _own(shape: Shape) -> dict[str, object]:
    """Return the attributes that the geometry was made from."""
    if shape.primitive is not None:
        return dict(shape.primitive)
    return _drawn(shape)[1]


def _drawn(shape: Shape) -> tuple[str, dict[str, object]]:
    match shape.geometry:
        case Area(parts=(polygon,)):
            return "polygon", {"points": _listed(polygon.exterior)}
        case Polyline(points):
            return "polyline", {"points": _listed(points)}
        case PointSet(points):
            return "points", {"points": _listed(points)}
        case Bitmap(row, column, pixels):
            height, width = pixels.shape
            runs = ", ".join(map(str, alternating(pixels)))
            box = {"left": column, "top": row, "width": width, "height": height}
            return "mask", {"rle": runs, **{key: str(value) for key, value in box.items()}}
    raise AssertionError(shape.geometry)


def _listed(points: Points) -> str:
    return ";".join(f"{x!r},{y!r}" for x, y in points.tolist())


def _levels(image: WrittenImage) -> list[int]:
    """Return the level of each shape: its own one where these are in order, else one for each."""
    if image.is_own:
        own = [str(shape.extra.get("z_order", "0")) for shape in image.shapes]
        if all(re.fullmatch(r"-?[0-9]{1,9}", one) for one in own):
            levels = [int(one) for one in own]
            if levels == sorted(levels):
                return levels
    return list(range(len(image.shapes)))


def _add_attributes(parent: Element, names: Iterable[str]) -> None:
    for name in names:
        attribute = SubElement(parent, "attribute")
        facts = {"name": name, "mutable": "False", "input_type": "text", "default_value": ""}
        for key, value in {**facts, "values": ""}.items():
            SubElement(attribute, key).text = _legal(value)


def _legal(text: str) -> str:
    """Return text without the control characters that no XML file can hold."""
    return _UNWRITABLE.sub("\ufffd", text)


WRITERS = {"cvat": CvatWriter}
