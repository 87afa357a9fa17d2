"""What the first epoch shows to the network: its crops are drawn as the training will draw them."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from maskforge.choices import Progress
from maskforge.masks.classes import VOID
from maskforge.masks.targets import to_channels
from maskforge.training.plan import TrainPlan

_MOST_PIXELS = 2**26  # 1,024 crops of 256 px


@dataclass(frozen=True, slots=True, eq=False)
class Crops:
    """Crops, or whole images, that were drawn.

    Attributes:
        drawn: How many.
        of: How many an epoch has.
        pixels: Their pixels, without void.
        met: Crops that show a class, per class id.
        shown: Pixels of a class, per class id.
    """

    drawn: int
    of: int
    pixels: int
    met: Counter[int] = field(default_factory=Counter)
    shown: Counter[int] = field(default_factory=Counter)


def draw_crops(plan: TrainPlan, progress: Progress | None = None) -> Crops:
    """Draw the first epoch of a training, or, of a long one, batches from all over it.

    Args:
        plan: The plan.
        progress: Called after every batch.

    Raises:
        DatasetError: If a file cannot be read, or is not what was expected.
    """
    batches = plan.batches()
    size = plan.options.batch_size
    most = max(1, _MOST_PIXELS // (size * plan.tile.width * plan.tile.height))
    steps = np.unique(np.linspace(0, len(batches) - 1, min(most, len(batches))).astype(int))
    drawn, pixels, met, shown = 0, 0, Counter[int](), Counter[int]()
    with ThreadPoolExecutor(plan.workers()) as threads:
        targets = threads.map(lambda step: batches.batch(0, step)[1], steps.tolist())
        for done, (step, target) in enumerate(zip(steps.tolist(), targets, strict=True), 1):
            new = target[: batches.count - step * size]  # the last batch is filled up
            drawn += len(new)
            for one in new:
                counted, counts = _count(one, plan)
                pixels += counted
                for id_, count in counts.items():
                    shown[id_] += count
                    met[id_] += count > 0
            if progress is not None:
                progress("drawing crops", done, len(steps))
    return Crops(drawn, batches.count, pixels, met, shown)


def _count(target: NDArray[np.uint8], plan: TrainPlan) -> tuple[int, dict[int, int]]:
    """Return the pixels of a crop without void, and those of every foreground class."""
    values = target[..., 0] if plan.head == "softmax" else target
    channels = to_channels(values, plan.classes, plan.head)
    counts = (channels == 1).sum(axis=(0, 1)).tolist()
    of_class = dict(zip(plan.channel_ids, counts, strict=True))
    valid = int(np.count_nonzero(channels[..., 0] != VOID))
    return valid, {id_: of_class[id_] for id_ in plan.classes.foreground_ids}


def drawn_word(plan: TrainPlan) -> str:
    """Return what is drawn: crops, or whole images."""
    return "crops" if plan.options.input.crop else "images"


def describe_crops(crops: Crops, plan: TrainPlan) -> str:
    """Return what the network is shown, as a line for people."""
    shares = ", ".join(
        f"{plan.classes.names[id_]} in {crops.met[id_] / crops.drawn:.0%}, "
        f"{crops.shown[id_] / max(crops.pixels, 1):.2%} of the pixels"
        for id_ in plan.classes.foreground_ids
    )
    return f"{drawn_word(plan)} drawn: {crops.drawn:,} of the {crops.of:,} of an epoch; {shares}"
