"""The images of a file of SuperAnnotate, each with its part of the file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from maskforge.errors import shorten
from maskforge.formats.jsonio import Document, as_list
from maskforge.formats.superannotate.image import ImageEntry
from maskforge.formats.superannotate.recognition import VERSION_KEY, image_of
from maskforge.issues import Code, Issue, Origin

_EXPORT_HINT = "export the annotations from SuperAnnotate again"
_DESKTOP_FOLDERS = (".", "images")


def entries(document: Document) -> Iterator[ImageEntry]:
    """Yield the images of a file.

    Raises:
        FormatError: If ``instances`` is not a list.
    """
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
