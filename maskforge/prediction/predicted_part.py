"""Predicting a few images: what any process that can load the model does for the one that lists."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

from maskforge.prediction.image_list import ImageFile
from maskforge.prediction.made_prediction import MadePrediction, make_prediction, write_large
from maskforge.prediction.model_source import ModelSource
from maskforge.prediction.outcomes import predict_each
from maskforge.prediction.predict_options import PredictOptions
from maskforge.prediction.predictor import Predictor
from maskforge.prediction.read_ahead import Known, read_ahead
from maskforge.processes.worker_pool import WorkerPool

_IMAGES_OF_PART = 8


@dataclass(frozen=True, slots=True)
class PredictTask:
    """A few images to be predicted by any process.

    Attributes:
        model: The model.
        options: How.
        images: The images, and what is known of each.
        out: The output folder.
        aside: Folder into which files are written.
    """

    model: ModelSource
    options: PredictOptions
    images: Sequence[tuple[ImageFile, Known]]
    out: Path
    aside: Path


def predict_part(task: PredictTask) -> list[MadePrediction]:
    """Predict a few images.

    Raises:
        MaskforgeError: If the model cannot be used, or a file cannot be made.
    """
    model, options = task.model.load(), task.options
    known = iter([one for _, one in task.images])
    images = [image for image, _ in task.images]
    window = model.description.scaling.window
    with (
        contextlib.closing(
            read_ahead(images, lambda _: next(known), 1, options.tiled_above, window)
        ) as loaded,
        contextlib.closing(
            predict_each(
                model,
                loaded,
                options.model,
                keep_probabilities=options.probabilities,
                write=partial(write_large, options, lambda: task.aside),
            )
        ) as each,
    ):
        made = (make_prediction(model, options, one, task.out, task.aside) for one in each)
        return [one.light() for one in made]


def predict_parts(
    pool: WorkerPool,
    model: Predictor,
    options: PredictOptions,
    images: Iterable[ImageFile],
    recall: Callable[[ImageFile], Known],
    out: Path,
    aside: Path,
) -> Generator[MadePrediction]:
    """Yield what becomes of images, in their order, as other processes predict them.

    Args:
        pool: The processes.
        model: The model.
        options: How.
        images: The images.
        recall: Called in their order.
        out: The output folder.
        aside: Folder for files, removed when they have their places.

    Raises:
        MaskforgeError: As ``predict_part``, or if the processes are lost.
    """
    source = ModelSource.of(model, options.model)

    def tasks() -> Iterator[PredictTask]:
        remaining = iter(images)
        while part := [(one, recall(one)) for one in islice(remaining, _IMAGES_OF_PART)]:
            yield PredictTask(source, options, part, out, aside)

    with contextlib.closing(pool.in_order(predict_part, tasks(), _drop)) as parts:
        for part in parts:
            yield from part


def _drop(part: Iterable[MadePrediction]) -> None:
    """Remove files that nobody will give a name."""
    for file in (one for made in part for one in made.files):
        file.drop()
