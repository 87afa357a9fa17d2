"""Decodes brush strokes, and checks tasks, as the library of Label Studio does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from label_studio_sdk.converter.brush import decode_rle, mask2rle
from label_studio_sdk.label_interface import LabelInterface


def main(folder: str) -> dict[str, Any]:
    """Return what the library says of a configuration, of tasks, and of their results.

    Args:
        folder: A folder with ``tasks.json`` and ``label_config.xml``.
    """
    config = Path(folder, "label_config.xml").read_text("utf-8")
    interface = LabelInterface(config)
    interface.validate()
    brushes, wrong, scores = [], [], []
    results = 0
    for task in json.loads(Path(folder, "tasks.json").read_text("utf-8")):
        if not interface.validate_task({"data": task["data"]}):
            wrong.append(task["data"])
        for one in task.get("predictions", ()):
            wrong += interface.validate_prediction(one, return_errors=True)
            scores.append(one.get("score"))
        for key in ("annotations", "predictions"):
            for one in task.get(key, ()):
                results += len(one["result"])
                for result in one["result"]:
                    if not interface.validate_region(result):
                        wrong.append(result["type"])
                    if result["type"] == "brushlabels":
                        brushes.append(_brush(result))
    return {"wrong": wrong, "results": results, "brushes": brushes, "scores": scores}


def _brush(result: dict[str, Any]) -> dict[str, Any]:
    height, width = result["original_height"], result["original_width"]
    rle = result["value"]["rle"]
    pixels = decode_rle(rle).reshape(height, width, 4)[:, :, 3]
    starts = np.flatnonzero(np.diff(np.concatenate(([0], pixels.ravel() > 0, [0]))))
    return {"edges": starts.tolist(), "same": mask2rle(pixels) == rle}
