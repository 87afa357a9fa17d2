"""Writing the folders of Pascal VOC: masks of classes and objects, and boxes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from xml.etree.ElementTree import Element, SubElement, indent, tostring

import numpy as np

from maskforge.formats.labelmap import LABELMAP
from maskforge.formats.pascal_voc.names import color_of
from maskforge.formats.pixels import VOID_VALUE, value_table
from maskforge.formats.writer import Holds, WriteContext, Writer, WrittenImage
from maskforge.images.index_png import encode_png
from maskforge.images.regions import Region, regions

_COLORS = {value: color_of(value) for value in range(256)}
_SET = "ImageSets/Segmentation/train.txt"


class PascalVocWriter(Writer):
    """``SegmentationClass``, ``SegmentationObject`` and ``Annotations`` of all images."""

    title = "Pascal VOC"
    holds = Holds(areas=False, holes=(), overlaps=False, pixels=True)

    def __init__(self, context: WriteContext) -> None:
        super().__init__(context)
        self._classes = {one.id: one for one in context.classes if one.is_foreground}
        ids = list(self._classes)
        self._values = {one: one for one in ids}
        if ids and max(ids) > VOID_VALUE:
            self._values = {one: number for number, one in enumerate(ids, 1)}
        self._table = value_table(self._values)
        self._written: list[str] = []

    def add(self, image: WrittenImage) -> None:
        """Write the files of one image."""
        name = image.name
        path = self._context.image_path(image, f"JPEGImages/{image.path}", _folder(name))
        mask, objects, classes = image.draw()
        values = self._table[mask]
        self._context.write(f"SegmentationClass/{name}.png", encode_png(values, _COLORS))
        found = regions(objects, lowest=1)
        numbers = {one: number for number, one in enumerate(found, 1)}
        if len(found) < VOID_VALUE:
            table = np.zeros(max(found, default=0) + 1, np.uint8)
            for before, number in numbers.items():
                table[before] = number
            shown = table[objects]
            shown[values == VOID_VALUE] = VOID_VALUE
            self._context.write(f"SegmentationObject/{name}.png", encode_png(shown, _COLORS))
        else:
            self._context.left_out("maps of more than 254 objects")
        names = {one: self._classes[classes[one - 1]].name for one in found}
        root = _annotation(image, path, found, names)
        self._context.write(f"Annotations/{name}.xml", tostring(root, "utf-8") + b"\n")
        self._written.append(name)

    def finish(self) -> None:
        """Write the list of images, and the colors of the classes."""
        lines = "".join(f"{name}\n" for name in self._written)
        self._context.write(_SET, lines.encode())
        named = {0: "background"} | {
            self._values[one]: self._classes[one].name for one in self._classes
        }
        rows = ["# label:color_rgb:parts:actions"]
        for value, name in named.items():
            rows.append(f"{name}:{','.join(map(str, color_of(value)))}::")
        self._context.write(LABELMAP, ("\n".join(rows) + "\n").encode())


def _folder(name: str) -> str:
    folder = PurePosixPath(name).parent.as_posix()
    return "Annotations" if folder == "." else f"Annotations/{folder}"


def _annotation(
    image: WrittenImage, path: str, found: Mapping[int, Region], names: Mapping[int, str]
) -> Element:
    root = Element("annotation")
    SubElement(root, "folder").text = "JPEGImages"
    SubElement(root, "filename").text = PurePosixPath(image.image).name
    SubElement(root, "path").text = path
    SubElement(SubElement(root, "source"), "database").text = "Unknown"
    size = SubElement(root, "size")
    for key, value in (("width", image.size.width), ("height", image.size.height), ("depth", 3)):
        SubElement(size, key).text = str(value)
    SubElement(root, "segmented").text = str(int(bool(found)))
    for number, region in found.items():
        one = SubElement(root, "object")
        for key, text in (("name", names[number]), ("pose", "Unspecified")):
            SubElement(one, key).text = text
        edges = (region.left, region.top)
        far = (image.size.width - region.right, image.size.height - region.bottom)
        SubElement(one, "truncated").text = str(int(0 in (*edges, *far)))
        SubElement(one, "difficult").text = "0"
        box = SubElement(one, "bndbox")
        corners = (region.left + 1, region.top + 1, region.right, region.bottom)
        for key, value in zip(("xmin", "ymin", "xmax", "ymax"), corners, strict=True):
            SubElement(box, key).text = str(value)
    indent(root)
    return root


WRITERS = {"pascal-voc": PascalVocWriter}
