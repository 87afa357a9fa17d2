"""COCO: one JSON file for many images, with outlines, run lengths and boxes, or PNGs of segments.

What the keys mean was read in cocodataset/cocoapi: ``PythonAPI/pycocotools/coco.py`` and
``common/maskApi.c``.
"""

from __future__ import annotations

from collections.abc import Iterator

from maskforge.formats.base import ImageRecord, ReadContext, Recognition
from maskforge.formats.coco.recognition import recognize
from maskforge.formats.jsonio import Document


class Coco:
    """The format of COCO's JSON files; see ``maskforge.formats.base.Format``."""

    name = "coco"
    title = "COCO"
    versions = "instances, detection, key points (their outlines and boxes); panoptic; results"
    geometry = "polygons in parts, run lengths, boxes, segments of a PNG; crowds as void"
    marks = ("images", "annotations", "categories", "category_id")
    suffixes = (".json",)

    def recognize(self, document: Document) -> Recognition:
        """Tell COCO files by their lists of images and annotations."""
        return recognize(document)

    def read(self, document: Document, context: ReadContext) -> Iterator[ImageRecord]:
        """Yield the images of a file.

        Raises:
            FormatError: If a list of the file is not one.
        """
        from maskforge.formats.coco.instances import read_instances
        from maskforge.formats.coco.panoptic import read_panoptic
        from maskforge.formats.coco.results import read_results

        read = {"panoptic": read_panoptic, "results": read_results}
        return read.get(recognize(document).variant, read_instances)(document, context)


FORMAT = Coco()
