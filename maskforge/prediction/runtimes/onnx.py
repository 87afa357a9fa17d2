"""ONNX Runtime."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from maskforge.errors import ModelError, not_loaded
from maskforge.issues import Origin
from maskforge.prediction.runtimes.base import Runtime
from maskforge.prediction.runtimes.graphfile import check_onnx

_PROVIDERS = ("CUDAExecutionProvider", "CPUExecutionProvider")


def load(path: Path) -> Runtime:
    """Load an ONNX file; on a GPU if the installed package can use one.

    Raises:
        MissingDependencyError: If the runtime itself cannot be loaded.
        ModelError: If the model cannot be loaded.
    """
    try:
        import onnxruntime
    except Exception as error:
        raise not_loaded("onnxruntime", error) from None

    check_onnx(path)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors only
    available = onnxruntime.get_available_providers()
    providers = [one for one in _PROVIDERS if one in available]
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=providers)
    except Exception as error:  # it raises its own family of errors
        raise ModelError(f"cannot be loaded: {error}", origin=Origin(path, "")) from None
    source = session.get_inputs()[0].name

    def infer(batch: NDArray[np.float32]) -> NDArray[np.float32]:
        result: NDArray[np.float32] = session.run(None, {source: batch})[0]
        return result

    return Runtime("onnx", "float32", infer, parallel=True)
