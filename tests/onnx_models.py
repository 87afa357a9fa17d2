"""A model in ONNX alone: it is loaded at once, and no framework is needed."""

from __future__ import annotations

from pathlib import Path

import model_folders as models
import numpy as np

from maskforge.nn.modelfile import Member, write_description
from maskforge.prediction import converted

DIGEST = "5" * 64


def save_brightness(
    folder: Path, cuts=(0.4, 0.8), gain=100.0, *, shift=0, head="sigmoid", **description
) -> Path:
    """Write a model that says ``sigmoid(gain * (x - cut))`` for every channel, or the softmax.

    It sees everything so many pixels too far to the right.
    """
    from onnx import TensorProto, helper, numpy_helper, save

    count = len(cuts)
    factors = np.full((1, 1, 1, count), gain, np.float32)
    shifts = (-gain * np.array(cuts, np.float32)).reshape(1, 1, 1, count)
    constants = {"factors": factors, "shifts": shifts}
    constants |= {
        "start": np.array([0]),
        "stop": np.array([-shift or 2**31]),
        "axis": np.array([2]),
    }
    constants |= {"pads": np.array([0, 0, shift, 0, 0, 0, 0, 0])}
    nodes = [
        helper.make_node("Slice", ["x", "start", "stop", "axis"], ["cut"]),
        helper.make_node("Pad", ["cut", "pads"], ["moved"]),
        helper.make_node("Mul", ["moved", "factors"], ["scaled"]),
        helper.make_node("Add", ["scaled", "shifts"], ["logits"]),
        helper.make_node(head.capitalize(), ["logits"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "brightness",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ("b", "h", "w", 1))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ("b", "h", "w", count))],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    folder.mkdir(parents=True, exist_ok=True)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    save(model, folder / "model.onnx")
    write_description(folder, models.describe(head, weights_digest=DIGEST, **description))
    converted.record(folder / "model.onnx", DIGEST, "onnx")
    return folder


def save_folds(folder: Path, cuts=(0.3, 0.6), gain=60.0, **description) -> Path:
    """Write the model of a cross-validation: of one channel, each fold with a cut of its own."""
    members = []
    for number, cut in enumerate(cuts, 1):
        members.append(Member(folder=f"fold-{number}", weights_digest=DIGEST))
        save_brightness(folder / f"fold-{number}", (cut,), gain, **description)
    write_description(folder, models.describe("sigmoid", members=tuple(members), **description))
    return folder
