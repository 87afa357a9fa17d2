"""Draws polygons as the scripts of Cityscapes do."""

from __future__ import annotations

from typing import Any

import numpy as np
from cityscapesscripts.helpers.annotation import Annotation
from cityscapesscripts.helpers.labels import labels
from cityscapesscripts.preparation.json2instanceImg import createInstanceImage
from cityscapesscripts.preparation.json2labelImg import createLabelImage


def main(path: str) -> dict[str, Any]:
    """Return the label image and the map of objects of a file, and the table of labels."""
    annotation = Annotation()
    annotation.fromJsonFile(path)
    return {
        "labelIds": np.array(createLabelImage(annotation, "ids")).tolist(),
        "labelTrainIds": np.array(createLabelImage(annotation, "trainIds")).tolist(),
        "instanceIds": np.array(createInstanceImage(annotation, "ids")).tolist(),
        "labels": [
            [one.name, one.id, one.trainId, one.category, list(one.color), one.hasInstances]
            for one in labels
        ],
    }
