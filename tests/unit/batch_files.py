"""Small images and masks in files, and batches of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from maskforge.batches.batch_options import BatchOptions
from maskforge.batches.batches import Batches
from maskforge.examples.example import Example
from maskforge.images.intensity import ScalingRecord
from maskforge.masks.classes import ClassMap, MaskClass
from maskforge.shapes import Size

CLASSES = ClassMap((MaskClass(1, "a", (255, 0, 0), ()), MaskClass(4, "b", (0, 255, 0), ())))


def write(folder: Path, name: str, image: np.ndarray, mask: np.ndarray) -> Example:
    """Write an image and an integer mask of class ids."""
    paths = folder / f"{name}.png", folder / f"{name}-mask.png"
    for path, values in zip(paths, (image, mask), strict=True):
        Image.fromarray(values).save(path)
    return Example(name=name, image=paths[0], mask=paths[1], size=Size(*mask.shape[::-1]))


def patterned(folder: Path, count: int, height: int = 24, width: int = 40) -> list[Example]:
    """Images of noise whose masks follow from them: 4 above 200, else 1 above 150; some void."""
    examples = []
    for number in range(count):
        image = np.random.default_rng(number).integers(0, 250, (height, width), dtype=np.uint8)
        mask = np.select([image > 240, image > 200, image > 150], [255, 4, 1]).astype(np.uint8)
        examples.append(write(folder, f"x{number}", image, mask))
    return examples


def batches(examples: list[Example], **options: object) -> Batches:
    given = {"head": "softmax", "classes": CLASSES, "scaling": ScalingRecord(), "batch_size": 4}
    return Batches(examples, BatchOptions(**given | options))
