"""The best and the worst validation images: what was drawn beside what was predicted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from maskforge.examples.example import Example
from maskforge.images.decoder import read_to_show
from maskforge.images.png import write_png
from maskforge.masks.classes import BACKGROUND
from maskforge.masks.overlay import overlay, with_legend
from maskforge.masks.post_processing import PostProcessing, post_process
from maskforge.masks.targets import decide, to_ids
from maskforge.training.plan import TrainPlan
from maskforge.training.run_folder import OVERLAY_NAMES, remove_named

_LONGEST_SIDE = 2048  # pixels; of longer images, every second pixel is shown, and so on

Predict: TypeAlias = Callable[
    [Sequence[Example]],
    Iterable[tuple[Example, NDArray[np.float32], NDArray[np.uint8]]],
]


def draw_extremes(
    folder: Path,
    plan: TrainPlan,
    chosen: Mapping[str, Sequence[str]],
    dice: Mapping[str, float],
    predict: Predict,
    thresholds: Sequence[float],
    post_processing: Mapping[str, PostProcessing],
) -> None:
    """Draw images with their masks on the left and with the prediction on the right.

    Args:
        folder: Where the images go; those of an earlier sitting are removed.
        plan: The plan.
        chosen: Names of validation examples by what they are an example of, in order.
        dice: Dice of every example by name.
        predict: Gives examples, probabilities and targets.
        thresholds: Of a sigmoid head.
        post_processing: By class name.

    Raises:
        OutputError: If an image cannot be written.
    """
    if folder.is_dir():
        remove_named(folder, OVERLAY_NAMES)
    by_name = {one.name: one for one in plan.validation}
    for kind, names in chosen.items():
        examples = [by_name[name] for name in names]
        for rank, (example, probabilities, target) in enumerate(predict(examples), 1):
            decided = decide(probabilities, plan.head, thresholds)
            decided = post_process(decided, plan.classes, plan.head, post_processing)
            drawn = [to_ids(one, plan.classes, plan.head) for one in (target, decided)]
            present = sorted({int(id_) for ids in drawn for id_ in np.unique(ids)} - {BACKGROUND})
            step = -(-max(target.shape[:2]) // _LONGEST_SIDE)
            image = read_to_show(example.image, upright=example.upright, step=step)
            halves = [overlay(image, ids[::step, ::step], plan.classes.colors) for ids in drawn]
            page = with_legend(
                np.concatenate(halves, axis=1),
                f"{example.name}: drawn (left) and predicted, Dice {dice[example.name]:.3f}",
                [(plan.classes.names[id_], plan.classes.colors[id_]) for id_ in present],
            )
            name = example.name.replace("/", "_")
            write_png(folder / f"{kind}-{rank}-{name}.png", np.asarray(page))
