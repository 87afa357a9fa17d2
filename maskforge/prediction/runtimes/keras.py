"""Keras itself: always possible where models are trained."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from maskforge.nn.backend import start
from maskforge.prediction.runtimes.base import Runtime


def load(folder: Path, precision: Literal["float32", "bfloat16"]) -> Runtime:
    """Load ``model.keras``.

    Raises:
        MissingDependencyError: If Keras or its backend is not installed.
        ModelError: If the model cannot be loaded.
    """
    backend = start()
    from maskforge.nn.inference import compiled
    from maskforge.nn.modelio import load_model

    model, _ = load_model(folder)
    return Runtime(f"keras-{backend}", precision, compiled(model, precision))
