"""Measuring many images, a few at a time, and keeping what is small."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from maskforge.choices import Progress
from maskforge.errors import DatasetError, MaskforgeError, listing
from maskforge.evaluation.measures.histogram import ProbabilityHistogram
from maskforge.evaluation.measures.image_measures import ImageMeasures, measure
from maskforge.evaluation.measures.measure_options import MeasureOptions
from maskforge.evaluation.measures.measured import Measured, join
from maskforge.evaluation.measures.regions import Regions
from maskforge.evaluation.predictions import Predicted
from maskforge.examples.example import Example
from maskforge.issues import Origin

Compared: TypeAlias = tuple[Regions, Predicted]

_Result = TypeVar("_Result")

_THREADS = 2
_WAITING = 4  # images that are read or measured at once: the bound of the memory


@dataclass(frozen=True, slots=True)
class Gathered:
    """What was measured on all images.

    Attributes:
        arrays: A row per image.
        kept: The images.
        matrix: Sum of the confusion matrices; None if pixels have several classes.
        histogram: Sum of the histograms; None without probabilities.
        by_threshold: (K, T, 4) sum of the lesions at every threshold; None without probabilities.
        notes: What was noticed.
        problems: Why images are missing.
    """

    arrays: Measured
    kept: tuple[Example, ...]
    matrix: NDArray[np.int64] | None
    histogram: ProbabilityHistogram | None
    by_threshold: NDArray[np.int64] | None
    notes: tuple[str, ...]
    problems: tuple[MaskforgeError, ...]


def gather(
    examples: Sequence[Example],
    compare: Callable[[Example], Compared],
    options: MeasureOptions,
    progress: Progress | None = None,
    each: Callable[[Example, Measured], None] | None = None,
) -> Gathered:
    """Measure images; those that cannot be read are left out, and named.

    Args:
        examples: The truths.
        compare: Returns truth and prediction of one; called in several threads.
        options: How they are measured.
        progress: Called after every image.
        each: Given what was measured on every image, as soon as it was.

    Raises:
        DatasetError: If no image is left.
    """

    def one(example: Example) -> tuple[ImageMeasures, bool] | MaskforgeError:
        try:
            image, predicted = compare(example)
            void = bool((predicted.planes.void & image.valid).any())
            return measure(image, predicted.probabilities, options), void
        except MaskforgeError as error:
            return error
        except ValueError as error:
            return DatasetError(str(error), origin=Origin(example.mask, ""))

    rows: list[Measured] = []
    matrices: list[NDArray[np.int64] | None] = []
    kept: list[Example] = []
    problems: list[MaskforgeError] = []
    void_names: list[str] = []
    histogram: ProbabilityHistogram | None = None
    by_threshold: NDArray[np.int64] | None = None
    for done, (example, result) in enumerate(_in_order(one, examples), 1):
        if isinstance(result, MaskforgeError):
            problems.append(result)
        else:
            measures, void = result
            if measures.histogram is not None:
                histogram = histogram or ProbabilityHistogram(measures.row.scores.shape[1])
                histogram.merge(measures.histogram)
            if measures.by_threshold is not None:
                by_threshold = measures.by_threshold + (0 if by_threshold is None else by_threshold)
            rows.append(measures.row)
            if each is not None:
                each(example, measures.row)
            matrices.append(measures.matrix)
            kept.append(example)
            if void:
                void_names.append(example.name)
        if progress is not None:
            progress("evaluating", done, len(examples))
    if not rows:
        raise DatasetError(
            f"none of {len(examples)} images could be compared; the first: {problems[0]}"
        )
    known = [one for one in matrices if one is not None]
    note = (
        f"void pixels of {len(void_names)} predictions count as background: {listing(void_names)}"
    )
    return Gathered(
        arrays=join(rows),
        kept=tuple(kept),
        matrix=np.sum(known, axis=0) if len(known) == len(rows) else None,
        histogram=histogram,
        by_threshold=by_threshold,
        notes=(note,) if void_names else (),
        problems=tuple(problems),
    )


def _in_order(
    function: Callable[[Example], _Result], examples: Sequence[Example]
) -> Iterator[tuple[Example, _Result]]:
    """Yield the results of a function in order, a few of them computed ahead in threads."""
    waiting: deque[tuple[Example, Future[_Result]]] = deque()
    with ThreadPoolExecutor(_THREADS) as pool:
        try:
            for example in examples:
                waiting.append((example, pool.submit(function, example)))
                if len(waiting) == _WAITING:
                    first, future = waiting.popleft()
                    yield first, future.result()
            while waiting:
                first, future = waiting.popleft()
                yield first, future.result()
        finally:
            for _, future in waiting:
                future.cancel()
