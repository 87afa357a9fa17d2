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
from maskforge.issues import Origin
from maskforge.prediction.prediction import Prediction, overlay_page

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


def write_overlay(folder: Path, name: str, prediction: Prediction) -> None:
    """Write the image with the mask laid over it, its outlines, and a legend.

    Raises:
        OutputError: If the file cannot be written.
    """
    write_whole(folder / OVERLAYS / f"{name}.png", overlay_page(prediction, name))
