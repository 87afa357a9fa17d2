"""CVAT for images 1.1: one XML file for all images of a task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.etree.ElementTree import Element, ElementTree, SubElement, indent

from annotation_files.marks import Mark, Sheet

HOLDS_HOLES = False


def write_set(folder: Path, sheets: Sequence[Sheet], colors: Mapping[str, str]) -> None:
    """Write images and ``annotations.xml``, as CVAT exports a task with its images.

    Args:
        folder: Must exist.
        sheets: What to write; polygons alone.
        colors: Color of each label.
    """
    (folder / "images").mkdir()
    root = Element("annotations")
    SubElement(root, "version").text = "1.1"
    task = SubElement(SubElement(root, "meta"), "task")
    for key, value in {"id": "1", "name": "caries", "size": str(len(sheets))}.items():
        SubElement(task, key).text = value
    SubElement(task, "mode").text = "annotation"
    labels = SubElement(task, "labels")
    for name, color in colors.items():
        label = SubElement(labels, "label")
        for key, value in {"name": name, "color": color, "type": "any"}.items():
            SubElement(label, key).text = value
        SubElement(label, "attributes")
    for number, sheet in enumerate(sheets):
        (folder / "images" / sheet.name).write_bytes(sheet.jpeg())
        size = {"width": str(sheet.width), "height": str(sheet.height)}
        image = SubElement(root, "image", {"id": str(number), "name": sheet.name, **size})
        for mark in sheet.marks:
            SubElement(image, mark.kind, _attributes(mark))
    indent(root)
    ElementTree(root).write(folder / "annotations.xml", "utf-8", xml_declaration=True)


def _attributes(mark: Mark) -> dict[str, str]:
    return {
        "label": mark.labels[0],
        "source": "manual",
        "occluded": "0",
        "points": ";".join(f"{x:.2f},{y:.2f}" for x, y in mark.points),
        "z_order": "0",
    }
