"""``maskforge formats``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maskforge.cli import options as shared
from maskforge.cli.console import print_json, print_table
from maskforge.display.table import Table

if TYPE_CHECKING:
    from maskforge.formats.writer import Holds

_SHAPES = {"areas": "polygons", "bitmaps": "bitmaps", "lines": "lines", "points": "points"}
_BESIDE = {
    "parts": "parts",
    "instances": "groups",
    "scores": "scores",
    "labels": "several labels",
    "unlabeled": "no label",
    "tags": "labels of images",
    "embeds": "images",
    "unvisited": "unvisited images",
}


def formats(json: shared.Json = False) -> None:
    """List the formats that are read, with their shapes, and those that are written."""
    from maskforge.formats.registry import FORMATS, WRITERS, get_format, get_writer

    known = [get_format(name) for name in FORMATS]
    writers = {name: get_writer(name) for name in WRITERS}
    if json:
        keys = ("name", "title", "versions", "geometry")
        read = [{key: getattr(one, key) for key in keys} for one in known]
        written = [
            {"name": name, "title": one.title, "holds": one.holds} for name, one in writers.items()
        ]
        print_json({"schema": 1, "formats": read, "writers": written})
        return
    print_table(
        Table(
            "What is read (convert, inspect, export)",
            ("name", "tool", "versions and files", "shapes"),
            [(one.name, one.title, one.versions, one.geometry) for one in known],
        )
    )
    print_table(
        Table(
            "What is written (export, predict --as)",
            ("name", "tool", "shapes", "holes", "holds also"),
            [(name, one.title, *_held(one.holds)) for name, one in writers.items()],
        )
    )


def _held(holds: Holds) -> tuple[str, str, str]:
    if holds.pixels:
        return "pixels", "pixels", ""
    shapes, beside = (
        ", ".join(text for key, text in words.items() if getattr(holds, key))
        for words in (_SHAPES, _BESIDE)
    )
    return shapes, ", ".join(holds.holes), beside
