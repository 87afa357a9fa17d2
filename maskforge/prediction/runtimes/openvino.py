"""OpenVINO: the fastest on a CPU, and the only one there with bfloat16."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from maskforge.errors import ModelError, not_loaded
from maskforge.issues import Origin
from maskforge.nn.telemetry import refuse_telemetry
from maskforge.prediction.runtimes.base import Runtime
from maskforge.prediction.runtimes.graphfile import check_openvino


def load(path: Path, precision: Literal["float32", "bfloat16"]) -> Runtime:
    """Load an OpenVINO model.

    Args:
        path: The ``.xml`` file; its weights are beside it.
        precision: To compute in. Left alone, OpenVINO would choose bfloat16 where the CPU has it.

    Raises:
        MissingDependencyError: If the runtime itself cannot be loaded.
        ModelError: If the model cannot be loaded.
    """
    refuse_telemetry()
    try:
        import openvino
    except Exception as error:
        raise not_loaded("openvino", error) from None

    check_openvino(path)
    core = openvino.Core()
    able = "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    notes: tuple[str, ...] = ()
    if precision == "bfloat16" and not able:
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
