"""Reads CVAT's XML as Datumaro does, the library with which CVAT imports projects."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from datumaro import Dataset


def main(folder: str) -> dict[str, Any]:
    """Return the shapes of every image: kind, label, and what was drawn.

    Args:
        folder: A folder with ``annotations.xml``.
    """
    dataset = Dataset.import_from(folder, "cvat")
    names = {index: one.name for index, one in enumerate(dataset.categories()[_LABEL])}
    return {item.id: [_shape(one, names) for one in item.annotations] for item in dataset}


_LABEL = next(iter(Dataset.from_iterable([], categories=["a"]).categories()))


def _shape(one: Any, names: dict[int, str]) -> Any:
    kind = type(one).__name__
    drawn: Any = getattr(one, "points", None)
    if kind in ("Mask", "ExtractedMask", "RleMask"):
        pixels = np.ascontiguousarray(one.image, dtype=bool)
        drawn = [list(pixels.shape), hashlib.sha256(pixels.tobytes()).hexdigest()]
    elif drawn is not None:
        drawn = [float(number) for number in np.ravel(drawn)]
    return [kind, names.get(one.label), one.z_order if hasattr(one, "z_order") else 0, drawn]
