"""Small images and masks in files, and batches of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from training_runs import BOTH, write

from maskforge.batches.batch_options import BatchOptions
from maskforge.batches.batches import Batches
from maskforge.examples.example import Example
from maskforge.images.intensity import ScalingRecord


def patterned(folder: Path, count: int, height: int = 24, width: int = 40) -> list[Example]:
    """Images of noise whose masks follow from them: 4 above 200, else 1 above 150; some void."""
    examples = []
    for number in range(count):
        image = np.random.default_rng(number).integers(0, 250, (height, width), dtype=np.uint8)
        mask = np.select([image > 240, image > 200, image > 150], [255, 4, 1]).astype(np.uint8)
        examples.append(write(folder, f"x{number}", image, mask))
    return examples


def batches(examples: list[Example], **options: object) -> Batches:
    given = {"head": "softmax", "classes": BOTH, "scaling": ScalingRecord(), "batch_size": 4}
    return Batches(examples, BatchOptions(**given | options))
