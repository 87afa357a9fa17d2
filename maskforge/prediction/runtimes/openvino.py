"""OpenVINO: the fastest on a CPU, and the only one there with bfloat16 and int8."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskforge.errors import ModelError, not_loaded
from maskforge.issues import Origin
from maskforge.nn.backend import multiplies_bfloat16
from maskforge.nn.telemetry import refuse_telemetry
from maskforge.prediction.runtimes.base import Computed, Runtime
from maskforge.prediction.runtimes.graphfile import check_openvino


def can_gain_from_bfloat16() -> bool:
    """Tell whether the CPU multiplies bfloat16, and OpenVINO makes use of it.

    OpenVINO alone would also say yes where it only converts numbers there and back.

    Raises:
        MissingDependencyError: If the runtime itself cannot be loaded.
    """
    return multiplies_bfloat16() and _computes_bfloat16(_core())


def load(path: Path, precision: Computed) -> Runtime:
    """Load an OpenVINO model.

    Args:
        path: The ``.xml`` file; its weights are beside it.
        precision: To compute in; int8 is in the model itself, and what is left is float32. Left
            alone, OpenVINO would choose bfloat16 where the CPU has it.

    Raises:
        MissingDependencyError: If the runtime itself cannot be loaded.
        ModelError: If the model cannot be loaded.
    """
    core = _core()
    check_openvino(path)
    notes: tuple[str, ...] = ()
    if precision == "bfloat16" and not _computes_bfloat16(core):
        precision = "float32"
        notes = ("This CPU does not compute in bfloat16; float32 is used.",)
    options = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": "bf16" if precision == "bfloat16" else "f32",
    }
    try:
        network = core.compile_model(str(path), "CPU", options)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:300]
        raise ModelError(f"cannot be loaded: {reason}", origin=Origin(path, "")) from None
    idle: SimpleQueue[Any] = SimpleQueue()

    def start(batch: NDArray[np.float32]) -> Callable[[], NDArray[np.float32]]:
        try:
            request = idle.get_nowait()
        except Empty:
            request = network.create_infer_request()
        request.start_async([batch], share_inputs=True)

        def wait() -> NDArray[np.float32]:
            assert batch is not None  # which the request reads, but does not hold
            request.wait()
            result: NDArray[np.float32] = request.get_output_tensor(0).data.copy()
            idle.put(request)
            return result

        return wait

    return Runtime("openvino", precision, lambda batch: start(batch)(), notes, start=start)


def _core() -> Any:  # noqa: ANN401 - of a package without types
    refuse_telemetry()
    try:
        import openvino
    except Exception as error:
        raise not_loaded("openvino", error) from None
    return openvino.Core()


def _computes_bfloat16(core: Any) -> bool:  # noqa: ANN401 - of a package without types
    return "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
