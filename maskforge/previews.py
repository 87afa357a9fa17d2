"""Overlays of a whole data set, and a contact sheet."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from maskforge.classes import BACKGROUND
from maskforge.conversion import Progress
from maskforge.dataset import Dataset, DatasetItem, open_dataset
from maskforge.errors import DatasetError, MaskforgeError, OutputExistsError
from maskforge.folders import CONTACT_SHEET
from maskforge.issues import Origin
from maskforge.maskfile import write_whole
from maskforge.model import Size
from maskforge.overlay import contact_sheet, integer_mask, load_picture, overlay, with_legend
from maskforge.reading import PathLike

_TILES_PER_SHEET = 48
_TILE = Size(320, 260)


@dataclass(frozen=True, slots=True)
class PreviewReport:
    """What was made.

    Attributes:
        overlays: One picture per mask.
        sheets: Contact sheets of up to 48 masks each.
        without_picture: Masks drawn on black because their picture is not known.
        problems: Masks or pictures that could not be read, as text.
    """

    overlays: tuple[Path, ...]
    sheets: tuple[Path, ...]
    without_picture: int
    problems: tuple[str, ...]


def preview(
    folder: PathLike,
    out: PathLike,
    *,
    opacity: float = 0.35,
    limit: int | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> PreviewReport:
    """Lay every mask of a data set over its picture.

    Args:
        folder: A folder that ``convert`` wrote.
        out: Output folder; made if missing.
        opacity: Of the colours inside the outlines, 0 to 1.
        limit: Largest number of images; None for all.
        overwrite: Whether to replace pictures of an earlier preview.
        progress: Called after every image.

    Raises:
        DatasetError: If ``folder`` holds no valid manifest.
        OutputExistsError: If ``out`` holds a preview and ``overwrite`` is not set.
        OutputError: If a file cannot be written.
    """
    dataset = open_dataset(folder)
    out = Path(out)
    if (out / f"{CONTACT_SHEET}-1.png").exists() and not overwrite:
        raise OutputExistsError(
            "already holds a preview",
            origin=Origin(out, ""),
            hint="choose another folder, or replace it with --overwrite",
        )
    items = list(dataset)[:limit]
    overlays: list[Path] = []
    sheets: list[Path] = []
    problems: list[str] = []
    tiles: list[tuple[str, Image.Image]] = []
    for index, item in enumerate(items, 1):
        name = str(item.entry.mask).partition("/")[2].rpartition(".")[0]
        try:
            shown, page = _pictures(dataset, item, name, opacity)
        except MaskforgeError as error:
            problems.append(str(error))
        else:
            overlays.append(out / f"{name}.png")
            _save(overlays[-1], page)
            shown.thumbnail(_TILE)
            tiles.append((name, shown))
        if len(tiles) == _TILES_PER_SHEET or (tiles and index == len(items)):
            sheets.append(out / f"{CONTACT_SHEET}-{len(sheets) + 1}.png")
            _save(sheets[-1], contact_sheet(tiles, _TILE))
            tiles.clear()
        if progress is not None:
            progress("drawing overlays", index, len(items))
    missing = sum(item.image_path is None for item in items)
    return PreviewReport(tuple(overlays), tuple(sheets), missing, tuple(problems))


def _pictures(
    dataset: Dataset, item: DatasetItem, name: str, opacity: float
) -> tuple[Image.Image, Image.Image]:
    """Return the overlay by itself, and with title and legend."""
    mask = integer_mask(item, dataset.classes)
    if item.image_path is None:
        picture = np.zeros((*mask.shape, 3), dtype=np.uint8)
    else:
        picture = load_picture(item.image_path, upright=item.entry.upright)
    if picture.shape[:2] != mask.shape:
        raise DatasetError(
            f"the picture has {Size(picture.shape[1], picture.shape[0])} px, the mask {item.size}",
            origin=Origin(item.mask_path, ""),
            hint="convert the annotations again",
        )
    shown = overlay(picture, mask, dataset.classes.colors, opacity=opacity)
    names, colors = dataset.classes.names, dataset.classes.colors
    present = [int(value) for value in np.unique(mask) if value != BACKGROUND]
    entries = [
        (
            f"{names.get(value, value)}  {int((mask == value).sum())} px",
            colors.get(value, (0, 0, 0)),
        )
        for value in present
    ]
    title = f"{name}  {item.size} px" + ("" if entries else "  (nothing marked)")
    if item.image_path is None:
        title += "  (picture not found)"
    return Image.fromarray(shown), with_legend(shown, title, entries)


def _save(path: Path, picture: Image.Image) -> None:
    stream = io.BytesIO()
    picture.save(stream, format="PNG")
    write_whole(path, stream.getvalue())
