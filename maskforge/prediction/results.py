"""What is written beside the masks of a prediction: probabilities and overlays."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray

from maskforge.dataset.writer import DatasetWriter
from maskforge.files import OVERLAYS, PROBABILITIES
from maskforge.prediction.prediction import Prediction, overlay_page


def write_probabilities(
    writer: DatasetWriter, name: str, probabilities: NDArray[np.float32]
) -> None:
    """Write (H, W, K) as float16, which is exact to 0.0003.

    Raises:
        OutputError: If the file cannot be written.
    """
    stream = io.BytesIO()
    np.save(stream, probabilities.astype(np.float16), allow_pickle=False)
    writer.write_file(f"{PROBABILITIES}/{name}.npy", stream.getvalue())


def write_overlay(writer: DatasetWriter, name: str, prediction: Prediction) -> None:
    """Write the image with the mask laid over it, its outlines, and a legend.

    Raises:
        OutputError: If the file cannot be written.
    """
    writer.write_file(f"{OVERLAYS}/{name}.png", overlay_page(prediction, name))
