"""What is written beside the masks of a prediction: probabilities and overlays."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from maskforge.dataset.manifest import mask_name
from maskforge.errors import OutputExistsError
from maskforge.files import MASKS, PROBABILITIES, write_whole
from maskforge.images.decoder import read_to_show
from maskforge.issues import Origin
from maskforge.masks.classes import BACKGROUND, ClassMap
from maskforge.masks.encoding import Mask
from maskforge.masks.overlay import overlay, with_legend
from maskforge.shapes import Size

OVERLAYS = "overlays"

_SUFFIXES = {PROBABILITIES: ".npy", OVERLAYS: ".png"}


def check_other_results(folder: Path, *, is_ours: bool) -> None:
    """Make sure that folders for probabilities and overlays hold nothing of somebody else's.

    Raises:
        OutputExistsError: If they exist and no earlier prediction is beside them.
    """
    present = [name for name in _SUFFIXES if (folder / name).exists()]
    if present and not is_ours:
        raise OutputExistsError(
            f"holds {', '.join(present)} that maskforge did not write",
            origin=Origin(folder, ""),
            hint="choose another folder, or remove them",
        )


def remove_other_results(folder: Path, masks: Iterable[str]) -> None:
    """Remove probabilities and overlays that belong to the masks of an earlier run."""
    for mask in masks:
        if not mask.startswith(f"{MASKS}/"):
            continue
        for name, suffix in _SUFFIXES.items():
            with contextlib.suppress(OSError):
                (folder / name / f"{mask_name(mask)}{suffix}").unlink()


def write_probabilities(folder: Path, name: str, probabilities: NDArray[np.float32]) -> None:
    """Write (H, W, K) as float16, which is exact to 0.0003.

    Raises:
        OutputError: If the file cannot be written.
    """
    stream = io.BytesIO()
    np.save(stream, probabilities.astype(np.float16), allow_pickle=False)
    write_whole(folder / PROBABILITIES / f"{name}.npy", stream.getvalue())


def write_overlay(
    folder: Path, name: str, image: Path, mask: Mask, classes: ClassMap, *, upright: bool
) -> None:
    """Write the image with the mask laid over it, its outlines, and a legend.

    Raises:
        DatasetError: If the image cannot be read any more.
        OutputError: If the file cannot be written.
    """
    shown = overlay(read_to_show(image, upright=upright), mask, classes.colors)
    values, counts = np.unique(mask, return_counts=True)
    entries = [
        (f"{classes.names[int(value)]}  {count} px", classes.colors[int(value)])
        for value, count in zip(values, counts, strict=True)
        if value != BACKGROUND
    ]
    title = f"{name}  {Size(mask.shape[1], mask.shape[0])} px"
    page = with_legend(shown, title if entries else f"{title}  (nothing found)", entries)
    stream = io.BytesIO()
    page.save(stream, format="PNG")
    write_whole(folder / OVERLAYS / f"{name}.png", stream.getvalue())
