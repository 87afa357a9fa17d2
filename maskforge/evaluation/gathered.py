"""Measuring many images, a few at a time, and keeping what is small."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from maskforge.choices import Progress
from maskforge.errors import DatasetError, MaskforgeError, listing
from maskforge.evaluation import measured_image
from maskforge.evaluation.measured_image import MeasuredImage, MeasureTask, measure_image
from maskforge.evaluation.measures.histogram import ProbabilityHistogram
from maskforge.evaluation.measures.measure_options import MeasureOptions
from maskforge.evaluation.measures.measured import Measured, join
from maskforge.evaluation.measures.unit_rows import UnitRows
from maskforge.evaluation.predictions import Sides, absolute
from maskforge.evaluation.units.unit_source import UnitSource
from maskforge.examples.example import Example
from maskforge.processes.worker_pool import (
    LARGE_TASKS_AHEAD,
    TASKS_AHEAD,
    WorkerPool,
    forget,
)

_Result: TypeAlias = MeasuredImage | MaskforgeError

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
        units: What lies in the units of every image; None where nothing is known of them.
        notes: What was noticed.
        problems: Why images are missing.
        pairs: Every two raters, with a row for each image that all have; empty without raters.
        paired: Numbers of these images among those that were kept.
        ratings: For each of these, (U, K, A) where every rater marked a lesion in its units.
    """

    arrays: Measured
    kept: tuple[Example, ...]
    matrix: NDArray[np.int64] | None
    histogram: ProbabilityHistogram | None
    by_threshold: NDArray[np.int64] | None
    units: tuple[UnitRows | None, ...]
    notes: tuple[str, ...]
    problems: tuple[MaskforgeError, ...]
    pairs: tuple[Measured, ...] = ()
    paired: tuple[int, ...] = ()
    ratings: tuple[NDArray[np.bool_] | None, ...] = ()


def gather(
    examples: Sequence[Example],
    sides: Sides,
    options: MeasureOptions,
    progress: Progress | None = None,
    each: Callable[[Example, Measured], None] | None = None,
    workers: int | None = 1,
    dask: str = "",
    units: UnitSource | None = None,
) -> Gathered:
    """Measure images; those that cannot be read are left out, and named.

    Args:
        examples: The truths.
        sides: Truth and predictions of these; asked in several threads.
        options: How they are measured.
        progress: Called after every image.
        each: Given what was measured on every image, as soon as it was.
        workers: Processes that measure; None for one for each core, if there are many images.
        dask: Address of the scheduler of a Dask cluster that does it instead.
        units: Their units; None if nobody asked.

    Raises:
        DatasetError: If no image is left.
    """
    rows: list[Measured] = []
    matrices: list[NDArray[np.int64] | None] = []
    kept: list[Example] = []
    unit_rows: list[UnitRows | None] = []
    problems: list[MaskforgeError] = []
    void_names: list[str] = []
    pairs: list[tuple[Measured, ...]] = []
    paired: list[int] = []
    ratings: list[NDArray[np.bool_] | None] = []
    histogram: ProbabilityHistogram | None = None
    by_threshold: NDArray[np.int64] | None = None
    with contextlib.closing(_measured(examples, sides, options, workers, dask, units)) as results:
        for done, (example, result) in enumerate(zip(examples, results, strict=True), 1):
            if isinstance(result, MaskforgeError):
                problems.append(result)
            else:
                measures = result.measures
                if measures.histogram is not None:
                    histogram = histogram or ProbabilityHistogram(measures.row.scores.shape[1])
                    histogram.merge(measures.histogram)
                if measures.by_threshold is not None:
                    by_threshold = measures.by_threshold + (
                        0 if by_threshold is None else by_threshold
                    )
                rows.append(measures.row)
                if each is not None:
                    each(example, measures.row)
                matrices.append(measures.matrix)
                if result.pairs:
                    pairs.append(result.pairs)
                    paired.append(len(kept))
                    ratings.append(result.ratings)
                kept.append(example)
                unit_rows.append(result.units)
                if result.has_void:
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
        units=tuple(unit_rows),
        notes=(note,) if void_names else (),
        problems=tuple(problems),
        pairs=tuple(map(join, zip(*pairs, strict=True))),
        paired=tuple(paired),
        ratings=tuple(ratings),
    )


def _measured(
    examples: Sequence[Example],
    sides: Sides,
    options: MeasureOptions,
    workers: int | None,
    dask: str,
    units: UnitSource | None,
) -> Generator[_Result]:
    """Yield what was measured in order: by other processes, or ahead in threads."""
    with WorkerPool(workers, loads=(measured_image.__name__,), dask=dask) as pool:
        if not pool.is_worth(len(examples)):
            yield from _in_threads(MeasureTask(one, sides, options, units) for one in examples)
            return
        if dask:
            pool.share((*_folders(examples), *sides.places()))
        tasks = (_task(one, sides, options, units, anywhere=dask != "") for one in examples)
        ahead = LARGE_TASKS_AHEAD if sides.holds_images else TASKS_AHEAD
        yield from pool.in_order(measure_image, tasks, forget, ahead=ahead)


def _task(
    example: Example,
    sides: Sides,
    options: MeasureOptions,
    units: UnitSource | None,
    *,
    anywhere: bool,
) -> MeasureTask:
    return MeasureTask(
        absolute(example) if anywhere else example,
        sides.alone(example, anywhere=anywhere),
        options,
        units and units.alone(example, anywhere=anywhere),
    )


def _folders(examples: Sequence[Example]) -> Iterator[Path]:
    """Yield the folders of masks and images, as far as they are there."""
    folders = dict.fromkeys(file.parent for one in examples for file in (one.mask, one.image))
    return (one.absolute() for one in folders if one.is_dir())


def _in_threads(tasks: Iterable[MeasureTask]) -> Generator[_Result]:
    waiting: deque[Future[_Result]] = deque()
    with ThreadPoolExecutor(_THREADS) as pool:
        try:
            for task in tasks:
                waiting.append(pool.submit(measure_image, task))
                if len(waiting) == _WAITING:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
