"""In which order crops of images come in an epoch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def epoch_order(
    crops: Sequence[int],
    *,
    batch_size: int,
    window: int,
    shuffle: bool,
    seed: int,
    epoch: int,
) -> NDArray[np.uint32]:
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

    Returns:
        (N, 3): index of the image, number of its crop, and the turn: 0; 1 and so on where the
        epoch was filled up by beginning again.
    """
    rng = np.random.default_rng((seed, epoch))
    examples = rng.permutation(len(crops)) if shuffle else np.arange(len(crops))
    counts = np.array(crops)[examples]
    parts = []
    for start in range(0, len(examples), window):
        each = counts[start : start + window]
        part = np.zeros((each.sum(), 3), dtype=np.uint32)
        part[:, 0] = np.repeat(examples[start : start + window], each)
        part[:, 1] = np.arange(len(part)) - np.repeat(each.cumsum() - each, each)
        parts.append(part[rng.permutation(len(part))] if shuffle else part)
    items = np.concatenate(parts)
    turns, places = np.divmod(np.arange(-(-len(items) // batch_size) * batch_size), len(items))
    order = items[places]
    order[:, 2] = turns
    return order
