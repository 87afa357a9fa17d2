"""The annotation formats by name, loaded when used. A new one is a package, and a line here."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from maskforge.choices import check_choice

if TYPE_CHECKING:
    from maskforge.formats.base import Format
    from maskforge.formats.writer import Writer

FormatName: TypeAlias = Literal[
    "vott",
    "superannotate",
    "labelme",
    "cityscapes",
    "coco",
    "cvat",
    "darwin",
    "isat",
    "label-studio",
    "labelbox",
    "masks",
    "nnunet",
    "pascal-voc",
    "supervisely",
    "via",
    "yolo",
]
"""Names of the formats; each is a package here, with ``_`` for ``-``, that defines ``FORMAT``."""

FORMATS: tuple[str, ...] = get_args(FormatName)

WriterName: TypeAlias = Literal[
    "labelme",
    "x-anylabeling",
    "vott",
    "superannotate",
    "superannotate-pixel",
    "cityscapes",
    "coco",
    "cvat",
    "darwin",
    "dicom-seg",
    "isat",
    "label-studio",
    "labelbox",
    "masks",
    "nnunet",
    "pascal-voc",
    "supervisely",
    "via",
    "yolo",
    "yolo-semantic",
]
"""Names of what is written."""

WRITERS: tuple[str, ...] = get_args(WriterName)

_READ_BY = {
    "yolo-semantic": "yolo",
    "superannotate-pixel": "superannotate",
    "x-anylabeling": "labelme",
}
"""Formats that are written under another name than the one of the format that reads them."""


def get_format(name: str) -> Format:
    """Return the format called ``name``.

    Raises:
        OptionError: If there is no such format.
    """
    check_choice("format", name, FormatName)
    format_: Format = _package(name).FORMAT
    return format_


def _package(name: str, module: str = "") -> ModuleType:
    return importlib.import_module(f"maskforge.formats.{name.replace('-', '_')}{module}")


def format_of(writer: str) -> str:
    """Return the name of the format that reads what a writer writes."""
    return _READ_BY.get(writer, writer)


def get_writer(name: str) -> type[Writer]:
    """Return the writer called ``name``.

    Raises:
        OptionError: If there is no such writer.
    """
    check_choice("format", name, WriterName)
    writer: type[Writer] = _package(format_of(name), ".writer").WRITERS[name]
    return writer


READ_AGAIN = tuple(one for one in WRITERS if format_of(one) in FORMATS)
"""Names of what is written for tools that draw, so that it is read again."""
