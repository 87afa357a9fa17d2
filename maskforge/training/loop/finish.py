"""From the best weights to a model that can be used: what decides, calibration, scores, images."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import keras
import msgspec
import numpy as np
from numpy.typing import NDArray

from maskforge.augmentation.augment_options import resolve
from maskforge.choices import Symmetry
from maskforge.evaluation.measures import ratios
from maskforge.evaluation.measures import scores as formulas
from maskforge.evaluation.measures.calibration import calibrate
from maskforge.evaluation.measures.counts import ClassCounts, count
from maskforge.evaluation.measures.post_processing_choice import LEAST_LESIONS, PostProcessingTuner
from maskforge.evaluation.measures.regions import regions
from maskforge.evaluation.measures.thresholds import ThresholdTuner
from maskforge.examples.statistics import data_digest
from maskforge.files import OVERLAYS
from maskforge.masks.classes import BACKGROUND
from maskforge.masks.post_processing import PostProcessing, in_words, post_process
from maskforge.masks.targets import decide, to_channels
from maskforge.nn.backend import versions
from maskforge.nn.heads import probabilities as with_probabilities
from maskforge.nn.inference import compiled, rounding_to_bfloat16
from maskforge.nn.modelfile import Agreement, ModelDescription, class_map_document
from maskforge.nn.modelio import save_model
from maskforge.nn.precision import to_float32
from maskforge.prediction.tiling import Infer
from maskforge.training.extremes import draw_extremes
from maskforge.training.loop.validation import agreement, predict_examples, scores_of
from maskforge.training.plan import TrainPlan
from maskforge.training.run_folder import Scores

_SHOWN = 4  # of the best, and of the worst
_COMPARED = 8  # images, besides the one with most pixels of every class


def finish(
    network: keras.Model,
    plan: TrainPlan,
    folder: Path,
    precision: str,
    best_epoch: int,
    log: Callable[[str], None],
) -> tuple[Scores, dict[str, PostProcessing]]:
    """Write the model and its images.

    Args:
        network: The trained network with its best weights.
        plan: The plan.
        folder: Folder of the run.
        precision: Dtype policy of the training.
        best_epoch: Number of the epoch whose weights these are.
        log: Takes a line about the post-processing.

    Returns:
        The scores of the model on the validation examples, with its own thresholds and its own
        post-processing, and the latter.

    Raises:
        OutputError: If a file cannot be written.
    """
    model = to_float32(with_probabilities(network, plan.head))
    infer = compiled(model)
    tuner = _tuner(infer, plan)
    thresholds = tuner.best() if plan.head == "sigmoid" else ()
    symmetries = resolve(plan.options.augment).symmetries
    wanted = plan.options.post_processing == "auto" and bool(plan.validation)
    rules = PostProcessingTuner(plan.classes, plan.head) if wanted else None
    scored = _score(infer, plan, thresholds, {}, rules)
    post_processing = {} if rules is None else _choose(rules, log)
    if post_processing:
        scored = _score(infer, plan, thresholds, post_processing)
    scores = scores_of(scored.counts, plan.classes.names[BACKGROUND])
    names = [plan.classes.names[id_] for id_ in plan.channel_ids]
    description = ModelDescription(
        class_map=class_map_document(plan.classes),
        head=plan.head,
        scaling=plan.scaling,
        stride=plan.stride,
        tile=(plan.tile.width, plan.tile.height),
        symmetries=symmetries,
        offset=plan.offset,
        resize=plan.resize and (plan.resize.width, plan.resize.height),
        thresholds=thresholds,
        averaged_thresholds=(
            _tuner(infer, plan, symmetries).best() if thresholds and symmetries else ()
        ),
        post_processing=post_processing,
        network=_without_none(asdict(plan.options.network)),
        precision=precision,
        bfloat16=_try_bfloat16(model, infer, plan, thresholds, post_processing, scored.marked),
        scores={
            "part": "validation",
            "examples": len(plan.validation),
            "epoch": best_epoch,
            **msgspec.to_builtins(scores),
        },
        calibration=msgspec.to_builtins(calibrate(tuner.histogram, names))
        if plan.validation
        else {},
        versions=versions(),
        data_digest=data_digest(plan.train),
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    )
    save_model(folder, model, description)
    single = scored.dice
    ranked = sorted(single, key=lambda name: (single[name], name))
    worst = ranked[: min(_SHOWN, -(-len(ranked) // 2))]
    best = ranked[max(len(worst), len(ranked) - _SHOWN) :][::-1]
    draw_extremes(
        folder / OVERLAYS,
        plan,
        {"worst": worst, "best": best},
        single,
        lambda examples: predict_examples(infer, plan, examples),
        thresholds,
        post_processing,
    )
    return scores, post_processing


@dataclass(frozen=True, slots=True, eq=False)
class _Scored:
    """What was counted on the validation examples.

    Attributes:
        counts: Right and wrong pixels.
        dice: Mean Dice of the foreground classes by name of the example, where it is defined.
        marked: Of every example, how many pixels of each class were marked.
    """

    counts: ClassCounts
    dice: dict[str, float]
    marked: list[NDArray[np.int64]]


def _score(
    infer: Infer,
    plan: TrainPlan,
    thresholds: Sequence[float],
    post_processing: Mapping[str, PostProcessing],
    tuner: PostProcessingTuner | None = None,
) -> _Scored:
    """Score the validation examples; the tuner is shown what is decided about them."""
    scored = _Scored(ClassCounts(plan.classes, plan.head), {}, [])
    for example, probabilities, target in predict_examples(infer, plan, plan.validation):
        decided = decide(probabilities, plan.head, thresholds)
        if tuner is not None:
            tuner.add(target, decided, example.group or example.name)
        decided = post_process(decided, plan.classes, plan.head, post_processing)
        scored.counts.add(target, decided)
        cells = count(regions(target, decided, plan.classes, plan.head)).cells[1:]
        scored.marked.append(cells[:, 0] + cells[:, 1])
        dice = ratios.mean(formulas.dice(cells))
        if not np.isnan(dice):
            scored.dice[example.name] = float(dice)
    return scored


def _choose(tuner: PostProcessingTuner, log: Callable[[str], None]) -> dict[str, PostProcessing]:
    """Choose the post-processing, and say it."""
    chosen = tuner.best()
    for line in in_words(chosen):
        log(f"post-processing of {line}")
    for name, lesions in tuner.too_few().items():
        log(
            f"no post-processing of {name}: the validation examples have {lesions} lesions, and "
            f"{LEAST_LESIONS} are needed to choose it"
        )
    return chosen


def _tuner(infer: Infer, plan: TrainPlan, symmetries: Collection[Symmetry] = ()) -> ThresholdTuner:
    """Return the tuner with the probabilities of the validation examples."""
    tuner = ThresholdTuner(len(plan.channel_ids))
    for _, probabilities, target in predict_examples(
        infer, plan, plan.validation, symmetries=symmetries
    ):
        tuner.add(probabilities, to_channels(target, plan.classes, plan.head))
    return tuner


def _try_bfloat16(
    model: keras.Model,
    infer: Infer,
    plan: TrainPlan,
    thresholds: Sequence[float],
    post_processing: Mapping[str, PostProcessing],
    marked: Sequence[NDArray[np.int64]],
) -> Agreement | None:
    """Return how far masks would stay the same; None if there are no validation examples."""
    compared = [plan.validation[number] for number in _to_compare(marked)]
    if not compared:
        return None
    other = rounding_to_bfloat16(model)
    return agreement(infer, other, plan, compared, thresholds, post_processing)


def _to_compare(pixels: Sequence[NDArray[np.int64]]) -> list[int]:
    """Return the numbers of a few images in which something was marked, in even steps.

    Among them is the one with most pixels of every class.

    Args:
        pixels: Of every image, how many pixels of each class were marked.
    """
    if not pixels:
        return []
    table = np.array(pixels)
    something = np.flatnonzero(table.any(axis=1))
    steps = np.linspace(0, len(something) - 1, min(_COMPARED, len(something))).astype(int)
    return sorted({*table.argmax(axis=0).tolist(), *something[steps].tolist()})


def _without_none(document: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in document.items() if value is not None}
