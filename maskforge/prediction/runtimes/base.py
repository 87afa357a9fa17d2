"""What every runtime is: a function over batches with a name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from maskforge.prediction.tiling import Floats, Infer

Start: TypeAlias = Callable[[Floats], Callable[[], Floats]]
"""Begins what ``infer`` does; what it returns waits for the result."""

JOINED_PIXELS = 2**22
"""On a GPU: 16 tiles of 512 px. A U-Net with 64 filters needs about 1 kB for every pixel."""

Computed: TypeAlias = Literal["float32", "bfloat16", "int8"]


@dataclass(frozen=True, slots=True)
class Runtime:
    """A network that is ready to run.

    Attributes:
        name: ``keras``, ``onnx`` or ``openvino``; with the backend, for Keras.
        precision: ``float32``, ``bfloat16`` or ``int8``: what it really computes in.
        infer: From (B, H, W, C) float32 to probabilities (B, H, W, K) float32.
        notes: What differs from what was asked for, one sentence each.
        parallel: Whether several threads may call ``infer`` at once.
        start: As ``infer``, but the network runs in the background; None if it cannot. Several
            threads may call it at once.
        joined_pixels: How many pixels of several images go through the network at once in the
            prediction of a folder; 0 for one image at a time. On a GPU that is faster; the last
            bits of a result may then depend on the other images.
        compiles: Whether the network is compiled for every shape of a batch, so that joined ones
            are filled up to a single shape for each size of image.
    """

    name: str
    precision: str
    infer: Infer
    notes: tuple[str, ...] = ()
    parallel: bool = False
    start: Start | None = None
    joined_pixels: int = 0
    compiles: bool = False
