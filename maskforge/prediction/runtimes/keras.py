"""Keras itself: always possible where models are trained."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from maskforge.nn.backend import on_cpu, start
from maskforge.prediction.runtimes.base import JOINED_PIXELS, Runtime


def load(folder: Path, precision: Literal["float32", "bfloat16"]) -> Runtime:
    """Load ``model.keras``.

    Raises:
        MissingDependencyError: If Keras or its backend is not installed.
        ModelError: If the model cannot be loaded.
    """
    backend = start()
    from maskforge.nn.inference import started
    from maskforge.nn.modelio import load_model

    model, _ = load_model(folder)
    begin = started(model, precision)
    on_gpu = not on_cpu()
    return Runtime(
        f"keras-{backend}",
        precision,
        lambda batch: begin(batch)(),
        start=begin if on_gpu or backend == "jax" else None,
        joined_pixels=JOINED_PIXELS if on_gpu else 0,
        compiles=backend == "jax",
    )
