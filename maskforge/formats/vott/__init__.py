"""VoTT, Microsoft's Visual Object Tagging Tool: projects, asset files, exports, version 1.

What the keys mean was read in the tool's source, microsoft/VoTT: ``src/models/applicationState.ts``
and ``src/services`` for version 2, the branch v1 for version 1. Connections of a project may be
encrypted; they are never looked at.
"""

from __future__ import annotations

from collections.abc import Iterator

from maskforge.formats.base import ImageRecord, ReadContext, Recognition
from maskforge.formats.jsonio import Document
from maskforge.formats.vott.recognition import recognize


class Vott:
    """The files of VoTT; see ``maskforge.formats.base.Format``."""

    name = "vott"
    title = "VoTT (Visual Object Tagging Tool)"
    versions = "2.x: .vott projects, asset files, JSON and CSV exports; 1.x: JSON files"
    geometry = "rectangle, square, polygon, polyline, point; boxes only from CSV"
    marks = ("assets", "asset", "regions", "visitedFrames", "xmin", "-asset")
    suffixes = (".vott", ".json", ".csv")

    def recognize(self, document: Document) -> Recognition:
        """Tell the files of VoTT by their keys."""
        return recognize(document)

    def read(self, document: Document, context: ReadContext) -> Iterator[ImageRecord]:
        """Yield every image of a file.

        Raises:
            FormatError: If something outside the single images is malformed.
        """
        from maskforge.formats.vott.csv_export import read_csv
        from maskforge.formats.vott.project import read_asset_file, read_export, read_project
        from maskforge.formats.vott.version1 import read_version1

        read = {
            "project": read_project,
            "asset": read_asset_file,
            "json-export": read_export,
            "csv-export": read_csv,
            "version-1": read_version1,
        }
        return read[recognize(document).variant](document, context)


FORMAT = Vott()
