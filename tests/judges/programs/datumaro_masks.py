"""Reads masks of classes and objects with Datumaro."""

from __future__ import annotations

from typing import Any

import numpy as np
from datumaro.components.annotation import AnnotationType
from datumaro.components.dataset import Dataset


def main(folder: str, format_: str) -> dict[str, Any]:
    """Return the names of the classes, and for every image its pixels by class and by object."""
    dataset = Dataset.import_from(folder, format_)
    items = {}
    for item in dataset:
        masks = [one for one in item.annotations if one.type == AnnotationType.mask]
        shape = masks[0].image.shape if masks else (0, 0)
        classes, objects = np.zeros(shape, int), np.zeros(shape, int)
        for one in masks:
            inside = one.image.astype(bool)
            classes[inside] = one.label
            objects[inside] = one.group
        items[item.id] = {"classes": classes.tolist(), "objects": objects.tolist()}
    names = [one.name for one in dataset.categories()[AnnotationType.label].items]
    return {"names": names, "items": items}
