"""Choosing a runtime: the fastest that is installed and that the model can be had for."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Literal, TypeAlias

from maskforge.choices import ModelPrecision
from maskforge.choices import Runtime as RuntimeName
from maskforge.errors import (
    MaskforgeError,
    OptionError,
    is_installed,
    missing,
    require,
)
from maskforge.nn.modelfile import Agreement
from maskforge.prediction import converted
from maskforge.prediction.runtimes.base import Computed, Runtime

_Chosen: TypeAlias = Literal["keras", "onnx", "openvino"]

_PACKAGES: dict[_Chosen, str] = {"openvino": "openvino", "onnx": "onnxruntime", "keras": "keras"}
"""Packages of the runtimes, the fastest on a CPU first."""

_GPU_CONTROL = Path("/dev/nvidiactl")

_PRECISIONS: dict[_Chosen, tuple[ModelPrecision, ...]] = {
    "openvino": ("auto", "float32", "bfloat16", "int8"),
    "onnx": ("auto", "float32"),
    "keras": ("auto", "float32", "bfloat16"),
}

LEAST_AGREEMENT = 0.99
"""Dice of the masks of every class with those of float32, from which on bfloat16 is chosen."""

_EXTRAS: dict[_Chosen, str] = {"openvino": "openvino", "onnx": "onnx", "keras": "train"}


def load_runtime(
    folder: Path,
    digest: str,
    runtime: RuntimeName = "auto",
    precision: ModelPrecision = "auto",
    agreement: Agreement | None = None,
) -> Runtime:
    """Load a model in a runtime.

    Args:
        folder: Folder of the model.
        digest: SHA-256 of its weights.
        runtime: Which; ``auto`` takes OpenVINO before ONNX Runtime before Keras, and Keras first
            where there is an NVIDIA GPU, which the others would not use.
        precision: ``auto`` is bfloat16 in OpenVINO where the CPU has it and the masks stay the
            same, else float32.
        agreement: How far they do.

    Raises:
        MissingDependencyError: If the runtime is not installed, or none is.
        ModelError: If the model cannot be loaded or converted.
        OptionError: If the runtime does not compute in this precision, or the model was not
            exported for it.
    """
    if runtime == "auto":
        return _fastest(folder, digest, precision, agreement)
    require(_PACKAGES[runtime], f"maskforge[{_EXTRAS[runtime]}]")
    if precision not in _PRECISIONS[runtime]:
        able = [name for name, known in _PRECISIONS.items() if precision in known]
        raise OptionError(
            f"the runtime {runtime} does not compute in {precision} here",
            hint=f"use the runtime {' or '.join(able)}, or float32",
        )
    return _load(folder, digest, runtime, precision, agreement)


def _fastest(
    folder: Path, digest: str, precision: ModelPrecision, agreement: Agreement | None
) -> Runtime:
    notes: list[str] = []
    failure: MaskforgeError | None = None
    names = sorted(_PACKAGES, key=lambda name: name != "keras") if _has_gpu() else _PACKAGES
    for name in names:
        if precision not in _PRECISIONS[name] or not is_installed(_PACKAGES[name]):
            continue
        try:
            chosen = _load(folder, digest, name, precision, agreement)
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


def _load(
    folder: Path,
    digest: str,
    runtime: _Chosen,
    precision: ModelPrecision,
    agreement: Agreement | None,
) -> Runtime:
    if runtime == "keras":
        from maskforge.prediction.runtimes.keras import load

        return load(folder, "bfloat16" if precision == "bfloat16" else "float32")
    if precision == "int8":
        from maskforge.prediction.runtimes import openvino

        return openvino.load(_exported(folder, digest), "int8")
    path = converted.find(folder, digest, runtime) or converted.convert(folder, digest, runtime)
    if runtime == "onnx":
        from maskforge.prediction.runtimes import onnx

        return onnx.load(path)
    from maskforge.prediction.runtimes import openvino

    if precision != "auto":
        return openvino.load(path, precision)
    if not openvino.can_gain_from_bfloat16():
        return openvino.load(path, "float32")
    computed, notes = _safe_precision(agreement)
    return dataclasses.replace(openvino.load(path, computed), notes=notes)


def _exported(folder: Path, digest: str) -> Path:
    path = converted.find(folder, digest, "openvino-int8")
    if path is None:
        raise OptionError(
            f"{folder} holds no INT8 model of its weights",
            hint=f"make one: maskforge export-model {folder} --to openvino --precision int8",
        )
    return path


def _safe_precision(agreement: Agreement | None) -> tuple[Computed, tuple[str, ...]]:
    """Return the precision for a CPU that has bfloat16, and a note that says why."""
    lowest = None if agreement is None else agreement.lowest
    if agreement is None or lowest is None:
        return "float32", (
            "float32, although this CPU has bfloat16: the model does not say how far its masks "
            "would change; --precision bfloat16 takes it nevertheless.",
        )
    images = f"of {agreement.images} validation images"
    if lowest < LEAST_AGREEMENT:
        return "float32", (
            f"float32, although this CPU has bfloat16: the masks {images} would agree to a Dice of "
            f"{lowest:.4f} only, less than {LEAST_AGREEMENT}; --precision bfloat16 takes it "
            "nevertheless.",
        )
    return "bfloat16", (
        f"bfloat16, because this CPU has it and the masks {images} agree with those of float32 to "
        f"a Dice of {lowest:.4f}.",
    )
