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


def main(address: str, images: str, configs: str, masks: str) -> list[dict[str, Any]]:
    """Return what the library says of the prediction of every image, by every configuration.

    Args:
        address: The server, with user and password.
        images: A folder with images.
        configs: JSON list of labeling configurations.
        masks: File for the pixels of brushes, by number of the configuration, image and label.
    """
    painted: dict[str, np.ndarray] = {}
    found = []
    for number, config in enumerate(json.loads(configs)):
        interface = LabelInterface(config)
        interface.validate()
        tasks = []
        paths = sorted(Path(images).glob("*.png"))
        for path in paths:
            task = interface.generate_sample_task()
            (name,) = task
            task[name] = "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()
            tasks.append({"id": len(tasks) + 1, "data": task})
        project = {"project": "1.17"}
        asked = {"tasks": tasks, "label_config": config, "params": {}, **project}
        answer = _post(f"{address}/predict", asked)
        version = _post(f"{address}/setup", {"schema": config, **project})["model_version"]
        for path, one in zip(paths, answer["results"], strict=True):
            prediction = PredictionValue(**one)
            errors = interface.validate_prediction(prediction.model_dump(), return_errors=True)
            for region in prediction.result:
                if region["type"] == "brushlabels":
                    pixels = _pixels(region)
                    place = f"{number}-{path.stem}-{region['value']['brushlabels'][0]}"
                    painted[place] = painted.get(place, np.zeros_like(pixels)) | pixels
            found.append(
                {
                    "config": number,
                    "errors": errors,
                    "types": sorted({region["type"] for region in prediction.result}),
                    "score": prediction.score,
                    "versions": [prediction.model_version, version],
                }
            )
    np.savez(masks, **painted)
    return found


def _pixels(region: dict[str, Any]) -> np.ndarray:
    height, width = region["original_height"], region["original_width"]
    return decode_rle(region["value"]["rle"]).reshape(height, width, 4)[:, :, 3] > 0


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
