"""SuperAnnotate: the project file of its desktop application, and three generations of its export.

========== ================================= ==============================================
generation file                              holds
========== ================================= ==============================================
0          ``annotations.json``              records of all images, by name of the image
1 (2020)   ``image.jpg___objects.json``      a list: instances, size, comments and tags
2 (2021)   the same                          ``metadata``, ``instances``, ``tags``, ``comments``
3 (2022-)  ``image.jpg.json``                the same
========== ================================= ==============================================

Pixel projects write ``___pixel.json`` and ``___save.png`` (see
``maskforge.formats.superannotate.pixel``); all have a ``classes/classes.json``.
"""

from __future__ import annotations

from collections.abc import Iterator

from maskforge.formats.base import ImageRecord, ReadContext, Recognition
from maskforge.formats.jsonio import Document
from maskforge.formats.superannotate.recognition import recognize


class SuperAnnotate:
    """The format of SuperAnnotate's JSON files; see ``maskforge.formats.base.Format``."""

    name = "superannotate"
    title = "SuperAnnotate"
    versions = (
        "desktop annotations.json; exports of image projects since 2020: ___objects.json, "
        "___vector.json, ___pixel.json with ___save.png, image.jpg.json; classes/classes.json"
    )
    geometry = (
        "polygon (exclude: holes), bbox, rbbox, ellipse, cuboid, polyline, point; pixel instances"
    )
    marks = ("instances", "className", "classId", "___")
    suffixes = (".json",)

    def recognize(self, document: Document) -> Recognition:
        """Tell SuperAnnotate's files by the keys of their records, and an empty list by name."""
        return recognize(document)

    def read(self, document: Document, context: ReadContext) -> Iterator[ImageRecord]:
        """Yield the images of a file.

        Raises:
            FormatError: If ``instances`` is not a list.
        """
        from maskforge.formats.superannotate.classlist import ClassLists
        from maskforge.formats.superannotate.entries import entries
        from maskforge.formats.superannotate.image import read_image

        lists = context.memory.setdefault(self.name, ClassLists(context))
        assert isinstance(lists, ClassLists)
        classes = lists.near(document.path.parent)
        for entry in entries(document):
            yield read_image(entry, classes)


FORMAT = SuperAnnotate()
