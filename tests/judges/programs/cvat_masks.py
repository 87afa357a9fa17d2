"""Encodes masks as CVAT's own library does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from cvat_sdk.masks import encode_mask


def main(bitmaps: str) -> list[Any]:
    """Return run lengths and the box of every bitmap of a file.

    Args:
        bitmaps: File with an .npz of boolean arrays (H, W).
    """
    with np.load(Path(bitmaps)) as arrays:
        found = [encode_mask(arrays[name]) for name in arrays.files]
    return json.loads(json.dumps(found, default=int))
