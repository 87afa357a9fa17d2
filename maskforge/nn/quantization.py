"""INT8 models for OpenVINO: ranges of values are taken from images, weights become 8 bits."""

from __future__ import annotations

import contextlib
import io
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from maskforge.errors import ModelError, not_loaded
from maskforge.issues import Origin
from maskforge.nn.telemetry import refuse_telemetry

Image = TypeVar("Image")


def quantize(
    model: Path,
    images: Sequence[Image],
    batch_of: Callable[[Image], NDArray[np.float32]],
    out: Path,
) -> None:
    """Write an OpenVINO model whose convolutions compute in INT8.

    Activations get one range per layer, weights one per channel; biases are corrected for the mean
    error (the post-training quantization of NNCF).

    Args:
        model: The ``.xml`` file of the model in float32.
        images: What the ranges of values are taken from.
        batch_of: What the network sees of an image: (B, H, W, C) float32.
        out: The ``.xml`` file that is written, with its weights beside it.

    Raises:
        MissingDependencyError: If NNCF cannot be loaded.
        ModelError: If the model cannot be converted.
        MaskforgeError: What ``batch_of`` raises.
    """
    refuse_telemetry()
    stumbled: list[Exception] = []

    def seen(image: Image) -> NDArray[np.float32]:
        try:
            return batch_of(image)
        except Exception as error:
            stumbled.append(error)
            raise

    with contextlib.redirect_stdout(io.StringIO()):  # bars of its own
        try:
            import nncf
            import openvino
        except Exception as error:
            raise not_loaded("nncf", error) from None
        # Its own function for this changes handlers of whoever logs in this process.
        logger = logging.getLogger("nncf")
        level = logger.level
        logger.setLevel(logging.ERROR)
        try:
            quantized = nncf.quantize(
                openvino.Core().read_model(model),
                nncf.Dataset(images, seen),
                preset=nncf.QuantizationPreset.MIXED,
                subset_size=len(images),
            )
            openvino.save_model(quantized, out, compress_to_fp16=False)
        except Exception as error:  # it raises whatever it runs into
            if stumbled:
                raise stumbled[0] from None
            reason = " ".join(str(error).split())[:300] or type(error).__name__
            raise ModelError(
                f"cannot be written in INT8: {reason}", origin=Origin(model, "")
            ) from None
        finally:
            logger.setLevel(level)
