"""In which order crops of images come in an epoch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Item(NamedTuple):
    """One image or crop of an epoch.

    Attributes:
        example: Index of the image.
        crop: Number of the crop of this image.
        turn: 0; 1 and so on where the epoch was filled up by beginning again.
    """

    example: int
    crop: int
    turn: int


def epoch_order(
    crops: Sequence[int],
    *,
    batch_size: int,
    window: int,
    shuffle: bool,
    seed: int,
    epoch: int,
) -> list[Item]:
    """Return the items of an epoch; whole batches, filled up from the beginning.

    Crops of one image lie in a window of so many images, so that an image need not be decoded
    once per crop. Images are shuffled among windows, and crops within them.

    Args:
        crops: Number of crops of every image.
        batch_size: The number of items is a multiple of it.
        window: Images per window.
        shuffle: Whether to shuffle; else images and crops come in their order.
        seed: Another seed gives another order.
        epoch: So does another epoch.
    """
    rng = np.random.default_rng((seed, epoch))
    examples = rng.permutation(len(crops)) if shuffle else np.arange(len(crops))
    items: list[tuple[int, int]] = []
    for start in range(0, len(examples), window):
        part = [
            (example, crop)
            for example in examples[start : start + window].tolist()
            for crop in range(crops[example])
        ]
        items += [part[place] for place in rng.permutation(len(part))] if shuffle else part
    count = -(-len(items) // batch_size) * batch_size
    return [Item(*items[place % len(items)], place // len(items)) for place in range(count)]
