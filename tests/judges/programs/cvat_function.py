"""Runs a function over the images of a task as CVAT's command line does, without its server."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import numpy as np
from cvat_cli._internal.common import FunctionLoader
from cvat_cli._internal.parsers import parse_function_parameter
from cvat_sdk.auto_annotation import annotate_task, driver
from cvat_sdk.masks import decode_mask
from PIL import Image

_FIRST = 100
"""What CVAT adds to the ids of labels in this task."""


def main(libraries: str, model: str, folder: str, ways: str, masks: str) -> list[dict[str, Any]]:
    """Return what would be uploaded in some ways.

    Args:
        libraries: JSON list of folders in which the function and all that it needs is.
        model: Folder of the model.
        folder: A folder with images.
        ways: JSON list of pairs: the parameter ``shapes``, and whether masks become polygons.
        masks: File for the masks (H, W) of label ids, by number of the way and name of the image.
    """
    sys.path += json.loads(libraries)
    drawn: dict[str, np.ndarray] = {}
    found = []
    for number, (form, polygons) in enumerate(json.loads(ways)):
        given = [f"model=str:{model}", f"shapes=str:{form}"]
        chosen = dict(map(parse_function_parameter, given))
        function = FunctionLoader("maskforge.prediction.cvat", None, chosen).load()
        paths = sorted(Path(folder).glob("*.png"))
        shapes = _uploaded(function, paths, polygons)
        sure = _uploaded(function, paths, polygons, conf_threshold=0.95)
        rings: dict[str, list[Any]] = {}
        for one in shapes:
            path = paths[one["frame"]]
            width, height = Image.open(path).size
            value = one["label_id"] - _FIRST
            if one["type"] == "mask":
                inside = decode_mask(one["points"], image_width=width, image_height=height)
                place = f"{number}-{path.stem}"
                mask = drawn.setdefault(place, np.zeros((height, width), np.uint8))
                assert not mask[inside].any(), "masks overlap"
                mask[inside] = value
            else:
                rings.setdefault(path.stem, []).append([value, one["points"]])
        found.append(
            {
                "labels": {one.name: one.id for one in function.spec.labels},
                "types": sorted({one["type"] for one in shapes}),
                "scores": [one["score"] for one in shapes],
                "sure": [one["score"] for one in sure],
                "polygons": rings,
            }
        )
    np.savez(masks, **drawn)
    return found


def _uploaded(function: Any, paths: list[Path], polygons: bool, **options: Any) -> list[Any]:
    """Return the shapes that would be sent to CVAT."""
    client = mock.Mock(logger=logging.getLogger("test"))
    known = [
        SimpleNamespace(name=one.name, id=one.id + _FIRST, type="any", attributes=[], sublabels=[])
        for one in function.spec.labels
    ]
    samples = [
        SimpleNamespace(
            frame_name=path.name,
            frame_index=number,
            media=SimpleNamespace(load_image=lambda path=path: Image.open(path)),
        )
        for number, path in enumerate(paths)
    ]
    dataset = SimpleNamespace(labels=known, samples=samples)
    with mock.patch.object(driver, "TaskDataset", return_value=dataset):
        annotate_task(
            client, 7, function, clear_existing=True, conv_mask_to_poly=polygons, **options
        )
    (call,) = client.tasks.api.update_annotations.call_args_list
    return json.loads(json.dumps(call.kwargs["labeled_data_request"].to_dict(), default=str))[
        "shapes"
    ]
