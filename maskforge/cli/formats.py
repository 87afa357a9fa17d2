"""``maskforge formats``."""

from __future__ import annotations

from maskforge.cli import options as shared
from maskforge.cli.console import print_json, print_table
from maskforge.display.table import Table


def formats(json: shared.Json = False) -> None:
    """List the annotation formats that are read, from which versions, and which shapes."""
    from maskforge.formats.registry import FORMATS, get_format

    known = [get_format(name) for name in FORMATS]
    if json:
        keys = ("name", "title", "versions", "geometry")
        entries = [{key: getattr(one, key) for key in keys} for one in known]
        print_json({"schema": 1, "formats": entries})
        return
    print_table(
        Table(
            "Formats",
            ("name", "tool", "versions and files", "shapes"),
            [(one.name, one.title, one.versions, one.geometry) for one in known],
        )
    )
