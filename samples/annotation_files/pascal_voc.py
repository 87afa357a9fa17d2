"""Pascal VOC: masks of classes and of objects, and a box of every object."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.etree.ElementTree import Element, ElementTree, SubElement, indent

import numpy as np
from numpy.typing import NDArray

from annotation_files.marks import Sheet
from annotation_files.masks import write_labelmap
from annotation_files.pixels import painted, write_palette_png

HOLDS_HOLES = False


def write_set(folder: Path, sheets: Sequence[Sheet], colors: Mapping[str, str]) -> None:
    """Write images, masks and annotations.

    Args:
        folder: Must exist.
        sheets: What to write; polygons without holes.
        colors: The classes in the order of their values; the format has colors of its own.
    """
    labels = list(colors)
    palette = {value: _color(value) for value in range(256)}
    for one in ("JPEGImages", "Annotations", "ImageSets/Segmentation"):
        (folder / one).mkdir(parents=True)
    for sheet in sheets:
        stem = Path(sheet.name).stem
        (folder / "JPEGImages" / sheet.name).write_bytes(sheet.jpeg())
        classes, marks = painted(sheet, labels)
        visible = [number for number in np.unique(marks).tolist() if number]
        objects = np.zeros_like(marks)
        for number, mark in enumerate(visible, 1):
            objects[marks == mark] = number
        write_palette_png(folder / "SegmentationClass" / f"{stem}.png", classes, palette)
        write_palette_png(folder / "SegmentationObject" / f"{stem}.png", objects, palette)
        names = [sheet.marks[mark - 1].labels[0] for mark in visible]
        root = _annotation(sheet, objects, names)
        ElementTree(root).write(folder / "Annotations" / f"{stem}.xml", "utf-8")
    stems = "".join(f"{Path(sheet.name).stem}\n" for sheet in sheets)
    (folder / "ImageSets" / "Segmentation" / "train.txt").write_text(stems, "utf-8")
    write_labelmap(folder / "labelmap.txt", {one: palette[i] for i, one in enumerate(labels, 1)})


def _annotation(sheet: Sheet, objects: NDArray[np.uint8], names: Sequence[str]) -> Element:
    root = Element("annotation")
    SubElement(root, "folder").text = "caries"
    SubElement(root, "filename").text = sheet.name
    size = SubElement(root, "size")
    for key, value in {"width": sheet.width, "height": sheet.height, "depth": 1}.items():
        SubElement(size, key).text = str(value)
    SubElement(root, "segmented").text = str(int(bool(names)))
    for number, name in enumerate(names, 1):
        one = SubElement(root, "object")
        for key, text in {"name": name, "pose": "Unspecified", "truncated": "0"}.items():
            SubElement(one, key).text = text
        SubElement(one, "difficult").text = "0"
        rows, columns = np.nonzero(objects == number)
        box = SubElement(one, "bndbox")
        for key, values in (("xmin", columns), ("ymin", rows), ("xmax", columns), ("ymax", rows)):
            edge = values.min() if key.endswith("min") else values.max()
            SubElement(box, key).text = str(int(edge) + 1)
    indent(root)
    return root


def _color(value: int) -> str:
    """Return the color that the challenge has for a value: its bits, spread over the channels."""
    channels = [
        sum((value >> (3 * bit + channel) & 1) << (7 - bit) for bit in range(3))
        for channel in range(3)
    ]
    return "#" + bytes(channels).hex()
