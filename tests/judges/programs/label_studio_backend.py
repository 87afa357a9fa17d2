"""Makes a request as Label Studio does, and reads what was answered with its library."""

from __future__ import annotations

import base64
import json
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
from label_studio_sdk.converter.brush import decode_rle
from label_studio_sdk.label_interface import LabelInterface
from label_studio_sdk.label_interface.objects import PredictionValue


def main(address: str, image: str, config: str, masks: str) -> dict[str, Any]:
    """Return what the library says of the prediction of an image.

    Args:
        address: The server, with user and password.
        image: The image.
        config: A labeling configuration.
        masks: File for the pixels of the brushes, by label.
    """
    interface = LabelInterface(config)
    interface.validate()
    task = interface.generate_sample_task()
    (name,) = task
    task[name] = "data:image/png;base64," + base64.b64encode(Path(image).read_bytes()).decode()
    asked = {"tasks": [{"id": 1, "data": task}], "label_config": config, "params": {}}
    answer = _post(f"{address}/predict", asked | {"project": "1.17"})
    version = _post(f"{address}/setup", {"project": "1.17", "schema": config})["model_version"]
    (found,) = answer["results"]
    prediction = PredictionValue(**found)
    errors = interface.validate_prediction(prediction.model_dump(), return_errors=True)
    painted: dict[str, np.ndarray] = {}
    for one in prediction.result:
        if one["type"] == "brushlabels":
            height, width = one["original_height"], one["original_width"]
            pixels = decode_rle(one["value"]["rle"]).reshape(height, width, 4)[:, :, 3] > 0
            (label,) = one["value"]["brushlabels"]
            painted[label] = painted.get(label, np.zeros_like(pixels)) | pixels
    np.savez(masks, **painted)
    return {
        "errors": errors,
        "types": [one["type"] for one in prediction.result],
        "score": prediction.score,
        "versions": [prediction.model_version, version],
    }


def _post(address: str, content: object) -> Any:
    scheme, _, rest = address.partition("://")
    login, _, place = rest.partition("@")
    headers = {"Content-Type": "application/json"}
    headers["Authorization"] = "Basic " + base64.b64encode(login.encode()).decode()
    request = urllib.request.Request(
        f"{scheme}://{place}", json.dumps(content).encode(), headers, method="POST"
    )
    with urllib.request.urlopen(request, timeout=30) as reply:
        return json.load(reply)
