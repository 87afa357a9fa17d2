"""A model in ONNX alone: it is loaded at once, and no framework is needed."""

from __future__ import annotations

from pathlib import Path

import model_folders as models
import numpy as np

from maskforge.nn.modelfile import write_description
from maskforge.prediction import converted

DIGEST = "5" * 64


def save_brightness(folder: Path, cuts=(0.4, 0.8), gain=100.0) -> Path:
    """Write a model that says ``sigmoid(gain * (x - cut))`` for every channel."""
    from onnx import TensorProto, helper, numpy_helper, save

    count = len(cuts)
    factors = np.full((1, 1, 1, count), gain, np.float32)
    shifts = (-gain * np.array(cuts, np.float32)).reshape(1, 1, 1, count)
    nodes = [
        helper.make_node("Mul", ["x", "factors"], ["scaled"]),
        helper.make_node("Add", ["scaled", "shifts"], ["logits"]),
        helper.make_node("Sigmoid", ["logits"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "brightness",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ("b", "h", "w", 1))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ("b", "h", "w", count))],
        [numpy_helper.from_array(factors, "factors"), numpy_helper.from_array(shifts, "shifts")],
    )
    folder.mkdir(parents=True, exist_ok=True)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    save(model, folder / "model.onnx")
    write_description(folder, models.describe("sigmoid", weights_digest=DIGEST))
    converted.record(folder / "model.onnx", DIGEST, "onnx")
    return folder
