"""YOLO of Ultralytics: data.yaml, images, and a text file for each of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from annotation_files.marks import Mark, Sheet

HOLDS_HOLES = False


def write_set(folder: Path, sheets: Sequence[Sheet], colors: Mapping[str, str]) -> None:
    """Write images and labels, the first for training, the second to validate, and data.yaml.

    Args:
        folder: Must exist.
        sheets: What to write.
        colors: Color of each label.
    """
    splits = ("train", "val")
    for split, sheet in zip(splits, sheets, strict=True):
        _write_sheet(folder, split, sheet, list(colors))
    _write_data(folder, splits, list(colors))


def _write_sheet(folder: Path, split: str, sheet: Sheet, names: Sequence[str]) -> None:
    """Write an image and its labels.

    Args:
        folder: Must exist.
        split: For what the image is meant, such as ``train``.
        sheet: What to write; nothing but polygons without holes.
        names: All labels, in the order of their numbers.
    """
    for place in ("images", "labels"):
        (folder / place / split).mkdir(parents=True, exist_ok=True)
    (folder / "images" / split / sheet.name).write_bytes(sheet.jpeg())
    lines = [_line(mark, sheet, names) for mark in sheet.marks]
    path = (folder / "labels" / split / sheet.name).with_suffix(".txt")
    path.write_text("".join(f"{line}\n" for line in lines), "utf-8")


def _write_data(folder: Path, splits: Sequence[str], names: Sequence[str]) -> None:
    """Write data.yaml."""
    lines = [f"{split}: images/{split}" for split in splits]
    lines += [f"nc: {len(names)}", "names:", *(f"  - {name}" for name in names)]
    (folder / "data.yaml").write_text("\n".join([*lines, ""]), "utf-8")


def _line(mark: Mark, sheet: Sheet, names: Sequence[str]) -> str:
    fractions = (mark.points / (sheet.width, sheet.height)).ravel().tolist()
    return " ".join(map(str, [names.index(mark.labels[0]), *fractions]))
