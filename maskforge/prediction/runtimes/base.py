"""What every runtime is: a function over batches with a name."""

from __future__ import annotations

from dataclasses import dataclass

from maskforge.prediction.tiling import Infer


@dataclass(frozen=True, slots=True)
class Runtime:
    """A network that is ready to run.

    Attributes:
        name: ``keras``, ``onnx`` or ``openvino``; with the backend, for Keras.
        precision: ``float32`` or ``bfloat16``: what it really computes in.
        infer: From (B, H, W, C) float32 to probabilities (B, H, W, K) float32.
        notes: What differs from what was asked for, one sentence each.
        parallel: Whether several threads may call ``infer`` at once.
    """

    name: str
    precision: str
    infer: Infer
    notes: tuple[str, ...] = ()
    parallel: bool = False
