"""Scores on whole validation images, as the finished model will see them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskforge.choices import Symmetry
from maskforge.evaluation.measures.counts import ClassCounts
from maskforge.examples.example import Example
from maskforge.masks.classes import BACKGROUND
from maskforge.masks.post_processing import PostProcessing, post_process
from maskforge.masks.targets import decide
from maskforge.nn.modelfile import Agreement
from maskforge.prediction.bands import Bands
from maskforge.prediction.tiling import Infer, auto_tile, join
from maskforge.training.plan import TrainPlan
from maskforge.training.run_folder import Scores

Probabilities = NDArray[np.float32]


def predict_examples(
    infer: Infer,
    plan: TrainPlan,
    examples: Sequence[Example],
    *,
    symmetries: Collection[Symmetry] = (),
) -> Iterator[tuple[Example, Probabilities, NDArray[np.uint8]]]:
    """Yield every example with its probabilities (H, W, K) and its target.

    The next image is read while the network computes.

    Args:
        infer: Runs the network.
        plan: The plan.
        examples: What is to be predicted.
        symmetries: Flips and transpose over which the probabilities are averaged.
    """
    with ThreadPoolExecutor(1) as reader:
        waiting = [reader.submit(_read, plan, one) for one in examples[:1]]
        for number, example in enumerate(examples):
            waiting += [reader.submit(_read, plan, one) for one in examples[number + 1 :][:1]]
            image, target = waiting.pop(0).result()
            bands = Bands(
                image,
                scaling=plan.scaling,
                offset=plan.offset,
                resize=plan.resize,
                tile=partial(auto_tile, trained=plan.tile),
                stride=plan.stride,
                batch_size=plan.options.batch_size,
                symmetries=symmetries,
            )
            yield example, join(bands.by(infer), len(image)), target


def _read(plan: TrainPlan, example: Example) -> tuple[NDArray[Any], NDArray[np.uint8]]:
    return example.read_image(plan.scaling.window), example.read_target(plan.classes, plan.head)


def validate(infer: Infer, plan: TrainPlan, examples: Sequence[Example]) -> ClassCounts:
    """Count right and wrong pixels, at a probability of 0.5 with a sigmoid head."""
    counts = ClassCounts(plan.classes, plan.head)
    for _, probabilities, target in predict_examples(infer, plan, examples):
        counts.add(target, decide(probabilities, plan.head))
    return counts


def agreement(
    infer: Infer,
    other: Infer,
    plan: TrainPlan,
    examples: Sequence[Example],
    thresholds: Sequence[float],
    post_processing: Mapping[str, PostProcessing],
) -> Agreement:
    """Compare the masks that two ways to run a network make of some examples."""
    counts = ClassCounts(plan.classes, plan.head)
    both = (predict_examples(one, plan, examples) for one in (infer, other))
    for (_, expected, _), (_, found, _) in zip(*both, strict=True):
        masks = (decide(one, plan.head, thresholds) for one in (expected, found))
        counts.add(*(post_process(one, plan.classes, plan.head, post_processing) for one in masks))
    dice = scores_of(counts, plan.classes.names[BACKGROUND]).class_dice
    return Agreement(images=len(examples), class_dice=dice)


def scores_of(counts: ClassCounts, background: str) -> Scores:
    """Return counted pixels as scores.

    Args:
        counts: The counts.
        background: Name of the class that is not foreground.
    """
    return Scores(
        dice=counts.mean_dice(),
        iou=counts.mean_iou(),
        accuracy=counts.accuracy(),
        class_dice={name: one for name, one in counts.dice().items() if name != background},
        class_iou={name: one for name, one in counts.iou().items() if name != background},
    )
