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

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from maskforge.errors import shorten
from maskforge.formats.base import ImageRecord, ReadContext, Recognition
from maskforge.formats.jsonio import Document, as_list
from maskforge.formats.superannotate.classlist import ClassLists
from maskforge.formats.superannotate.image import ImageEntry, read_image
from maskforge.formats.superannotate.recognition import VERSION_KEY, image_of, recognize
from maskforge.formats.superannotate.writer import SuperAnnotatePixelWriter, SuperAnnotateWriter
from maskforge.formats.writer import Writer
from maskforge.issues import Code, Issue, Origin

_EXPORT_HINT = "export the annotations from SuperAnnotate again"
_DESKTOP_FOLDERS = (".", "images")


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
    writers: ClassVar[Mapping[str, type[Writer]]] = {
        "superannotate": SuperAnnotateWriter,
        "superannotate-pixel": SuperAnnotatePixelWriter,
    }
    suffixes = (".json",)

    def recognize(self, document: Document) -> Recognition:
        """Tell SuperAnnotate's files by the keys of their records, and an empty list by name."""
        return recognize(document)

    def read(self, document: Document, context: ReadContext) -> Iterator[ImageRecord]:
        """Yield the images of a file.

        Raises:
            FormatError: If ``instances`` is not a list.
        """
        lists = context.memory.setdefault(self.name, ClassLists(context))
        assert isinstance(lists, ClassLists)
        classes = lists.near(document.path.parent)
        for entry in _entries(document):
            yield read_image(entry, classes)


def _entries(document: Document) -> Iterator[ImageEntry]:
    root, origin = document.root, document.origin
    name = image_of(document.path)
    if isinstance(root, list):
        yield ImageEntry(name, origin, root, origin)
    elif "instances" in root:
        as_list(root["instances"], "instances", origin.at(".instances"), _EXPORT_HINT)
        yield _entry(name, origin, root)
    else:
        for key, value in root.items():
            if key != VERSION_KEY:
                yield _project_entry(key, origin.at(f"[{shorten(key)}]"), value)


def _entry(
    name: str, origin: Origin, fields: dict[str, Any], folders: tuple[str, ...] = (".",)
) -> ImageEntry:
    return ImageEntry(
        name,
        origin,
        fields["instances"],
        origin.at(".instances"),
        fields.get("metadata"),
        fields.get("tags"),
        fields.get("comments"),
        folders,
        extra={key: value for key, value in fields.items() if key != "instances"},
    )


def _project_entry(name: str, origin: Origin, value: object) -> ImageEntry:
    if isinstance(value, list):
        return ImageEntry(name, origin, value, origin, folders=_DESKTOP_FOLDERS)
    if isinstance(value, dict) and isinstance(value.get("instances"), list):
        return _entry(name, origin, value, _DESKTOP_FOLDERS)
    problem = Issue(
        Code.INVALID_IMAGE_RECORD,
        f"expected a list of records or an object with `instances`, found {shorten(value)}",
        origin,
        _EXPORT_HINT,
    )
    extra = value if isinstance(value, dict) else {}
    return ImageEntry(
        name, origin, [], origin, folders=_DESKTOP_FOLDERS, problem=problem, extra=extra
    )


FORMAT = SuperAnnotate()
