"""Where crops are cut."""

from __future__ import annotations

import numpy as np

from maskforge.batches.loading import LoadedPair


def draw_corner(
    pair: LoadedPair, crop: int, rare_share: float, rng: np.random.Generator
) -> tuple[int, int]:
    """Return column and row of the upper left corner of a random crop.

    With the probability ``rare_share``, a foreground class of the picture is drawn, the rarer the
    more likely (inversely proportional to its pixels), then one of its places, and the crop is laid
    so that this pixel is at most a quarter of the side from its centre, as far as the edges of the
    picture allow. Pictures without foreground give crops from anywhere.
    """
    height, width = pair.image.shape[:2]
    last_row, last_column = height - crop, width - crop
    if rng.random() < rare_share and pair.places:
        rarity = 1 / np.array(pair.counts)
        places = pair.places[rng.choice(len(rarity), p=rarity / rarity.sum())]
        row, column = places[rng.integers(len(places))].tolist()
        down, right = rng.integers(-(crop // 4), crop // 4, 2, endpoint=True).tolist()
        row, column = row + down - crop // 2, column + right - crop // 2
        return min(max(column, 0), last_column), min(max(row, 0), last_row)
    return int(rng.integers(last_column + 1)), int(rng.integers(last_row + 1))
