"""Choosing a runtime: the fastest that is installed and that the model can be had for."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Literal, TypeAlias

from maskforge.choices import Precision
from maskforge.choices import Runtime as RuntimeName
from maskforge.errors import (
    MaskforgeError,
    OptionError,
    is_installed,
    missing,
    require,
)
from maskforge.prediction import converted
from maskforge.prediction.runtimes.base import Runtime

_Computed: TypeAlias = Literal["float32", "bfloat16"]
_Chosen: TypeAlias = Literal["keras", "onnx", "openvino"]

_PACKAGES: dict[_Chosen, str] = {"openvino": "openvino", "onnx": "onnxruntime", "keras": "keras"}
"""Packages of the runtimes, the fastest on a CPU first."""

_GPU_CONTROL = Path("/dev/nvidiactl")

_EXTRAS: dict[_Chosen, str] = {"openvino": "openvino", "onnx": "onnx", "keras": "train"}


def load_runtime(
    folder: Path, digest: str, runtime: RuntimeName = "auto", precision: Precision = "auto"
) -> Runtime:
    """Load a model in a runtime.

    Args:
        folder: Folder of the model.
        digest: SHA-256 of its weights.
        runtime: Which; ``auto`` takes OpenVINO before ONNX Runtime before Keras, and Keras first
            where there is an NVIDIA GPU, which the others would not use.
        precision: ``auto`` is float32, so that an image has the same mask on every machine.

    Raises:
        MissingDependencyError: If the runtime is not installed, or none is.
        ModelError: If the model cannot be loaded or converted.
        OptionError: If the runtime does not compute in this precision.
    """
    computed: _Computed = "bfloat16" if precision == "bfloat16" else "float32"
    if runtime != "auto":
        require(_PACKAGES[runtime], f"maskforge[{_EXTRAS[runtime]}]")
        return _load(folder, digest, runtime, computed)
    return _fastest(folder, digest, computed)


def _fastest(folder: Path, digest: str, precision: _Computed) -> Runtime:
    notes: list[str] = []
    failure: MaskforgeError | None = None
    names = sorted(_PACKAGES, key=lambda name: name != "keras") if _has_gpu() else _PACKAGES
    for name in names:
        package = _PACKAGES[name]
        if name == "onnx" and precision == "bfloat16":
            continue  # which ONNX Runtime does not have on a CPU
        if not is_installed(package):
            continue
        try:
            chosen = _load(folder, digest, name, precision)
        except MaskforgeError as error:
            failure = failure or error
            notes.append(f"{name} is not used: {error.message}.")
        else:
            if name == "keras" and not notes and not _has_gpu():
                notes.append(
                    "Keras runs the model; on a CPU a runtime of its own is about three times as "
                    "fast: pip install 'maskforge[openvino]'."
                )
            return dataclasses.replace(chosen, notes=(*notes, *chosen.notes))
    if failure is not None:
        raise failure
    raise missing("openvino", "maskforge[openvino]")


def _has_gpu() -> bool:
    """Tell whether there is an NVIDIA GPU, without loading a framework, which takes seconds."""
    return _GPU_CONTROL.exists()


def _load(folder: Path, digest: str, runtime: _Chosen, precision: _Computed) -> Runtime:
    if runtime == "keras":
        from maskforge.prediction.runtimes.keras import load

        return load(folder, precision)
    if runtime == "onnx" and precision == "bfloat16":
        raise OptionError(
            "ONNX Runtime does not compute in bfloat16",
            hint="use the runtime openvino or keras, or float32",
        )
    path = converted.find(folder, digest, runtime) or converted.convert(folder, digest, runtime)
    if runtime == "onnx":
        from maskforge.prediction.runtimes import onnx

        return onnx.load(path)
    from maskforge.prediction.runtimes import openvino

    return openvino.load(path, precision)
