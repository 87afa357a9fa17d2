"""Masks with a palette in a folder of their own, and CVAT's list of the colors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from annotation_files.marks import Sheet
from annotation_files.pixels import painted, write_palette_png

HOLDS_HOLES = False


def write_set(folder: Path, sheets: Sequence[Sheet], colors: Mapping[str, str]) -> None:
    """Write images and masks.

    Args:
        folder: Must exist.
        sheets: What to write.
        colors: The classes with their colors, ``#rrggbb``.
    """
    palette = dict(enumerate(colors.values(), 1))
    for sheet in sheets:
        (folder / "images").mkdir(exist_ok=True)
        (folder / "images" / sheet.name).write_bytes(sheet.jpeg())
        values, _ = painted(sheet, list(colors))
        write_palette_png(folder / "masks" / Path(sheet.name).with_suffix(".png"), values, palette)
    write_labelmap(folder / "labelmap.txt", colors)


def write_labelmap(path: Path, colors: Mapping[str, str]) -> None:
    """Write the names of the colors as CVAT does."""
    lines = ["# label:color_rgb:parts:actions", "background:0,0,0::"]
    for label, color in colors.items():
        numbers = ",".join(map(str, bytes.fromhex(color[1:])))
        lines.append(f"{label}:{numbers}::")
    path.write_text("\n".join(lines) + "\n", "utf-8")
