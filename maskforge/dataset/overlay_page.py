"""The mask of one image over that image, with title and legend: what any process can draw."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from maskforge.dataset.manifest import DatasetItem, integer_mask
from maskforge.display.colors import Color
from maskforge.errors import DatasetError, MaskforgeError
from maskforge.images.decoder import read_header, read_to_show
from maskforge.images.png import write_png
from maskforge.issues import Origin
from maskforge.masks.classes import BACKGROUND, ClassMap
from maskforge.masks.overlay import class_entries, overlay, step_to_show, with_legend
from maskforge.shapes import MOST_PIXELS, Size

TILE = Size(320, 260)


@dataclass(frozen=True, slots=True)
class OverlayTask:
    """An overlay that is to be written.

    Attributes:
        item: The image with its mask.
        classes: The class map of the data set.
        name: For its title.
        path: Where it goes.
        opacity: Of the colors inside the outlines.
    """

    item: DatasetItem
    classes: ClassMap
    name: str
    path: Path
    opacity: float


def write_overlay(task: OverlayTask) -> Image.Image | str:
    """Write an overlay.

    Returns:
        A small version of it, or why there is none.

    Raises:
        OutputError: If it cannot be written.
    """
    try:
        shown, page = _images(task)
    except MaskforgeError as error:
        return str(error)
    except MemoryError:
        return f"{task.item.mask_path}: there is not enough memory to show it"
    write_png(task.path, np.asarray(page))
    shown.thumbnail(TILE)
    return shown


def _images(task: OverlayTask) -> tuple[Image.Image, Image.Image]:
    """Return the overlay by itself, and with title and legend."""
    item, classes = task.item, task.classes
    step = step_to_show((item.size.height, item.size.width))
    if item.size.width * item.size.height > MOST_PIXELS:
        small, entries = integer_mask(item, classes, step=step), _listed_entries(item, classes)
    else:
        mask = integer_mask(item, classes)
        small, entries = mask[::step, ::step], class_entries(mask, classes)
    if item.image_path is None:
        image = np.zeros((*small.shape, 3), dtype=np.uint8)
    else:
        image = read_to_show(item.image_path, upright=item.entry.upright, step=step)
        size = read_header(item.image_path).shown(upright=item.entry.upright)
        if size != item.size:
            raise DatasetError(
                f"the image has {size} px, the mask {item.size} px",
                origin=Origin(item.mask_path, ""),
                hint="convert the annotations again",
            )
    shown = overlay(image, small, classes.colors, opacity=task.opacity)
    title = f"{task.name}  {item.size} px" + ("" if entries else "  (nothing marked)")
    if item.image_path is None:
        title += "  (image not found)"
    if item.entry.outcome == "partial":
        title += "  (partial)"
    return Image.fromarray(shown), with_legend(shown, title, entries)


def _listed_entries(item: DatasetItem, classes: ClassMap) -> list[tuple[str, Color]]:
    """Return the lines of a legend, as ``class_entries`` does, with the pixels of the manifest."""
    return [
        (f"{name}  {item.entry.pixels[name]} px", classes.colors[id_])
        for id_, name in classes.names.items()
        if id_ != BACKGROUND and item.entry.pixels.get(name)
    ]
