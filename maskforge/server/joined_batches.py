"""One network for many threads: batches that wait are computed as one."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from maskforge.prediction.predictor import Predictor
from maskforge.prediction.tiling import Infer

_MOST = 8
"""Images or tiles in a joined batch."""


@dataclass(slots=True, eq=False)
class _Job:
    batch: NDArray[np.float32]
    result: NDArray[np.float32] | None = None
    failure: Exception | None = None


class JoinedBatches:
    """A network that several threads may call: while one computes, the others' batches gather.

    Whoever comes next takes all that wait and have the same shape along. No thread of its own is
    needed, and a single caller waits for nobody.
    """

    def __init__(self, infer: Infer) -> None:
        """Wrap a network.

        Args:
            infer: Runs it; called by one thread at a time.
        """
        self._infer = infer
        self._computing = threading.Lock()
        self._waiting: deque[_Job] = deque()

    def __call__(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the probabilities of a batch (B, H, W, C)."""
        job = _Job(batch)
        self._waiting.append(job)
        with self._computing:
            if job.result is None and job.failure is None:
                self._compute(job)
        if job.failure is not None:
            raise job.failure
        assert job.result is not None
        return job.result

    def _compute(self, first: _Job) -> None:
        waiting = [self._waiting.popleft() for _ in range(len(self._waiting))]
        joined, size = [first], len(first.batch)
        for job in waiting:
            if job is first:
                continue
            if job.batch.shape[1:] == first.batch.shape[1:] and size + len(job.batch) <= _MOST:
                joined.append(job)
                size += len(job.batch)
            else:
                self._waiting.append(job)
        try:
            whole = (
                first.batch if len(joined) == 1 else np.concatenate([one.batch for one in joined])
            )
            result = self._infer(whole)
            if len(joined) > 1 and len(result) != size:
                raise ValueError(f"{len(result)} results of {size} images")
        except Exception as error:
            for job in joined:
                job.failure = error
            return
        top = 0
        for job in joined:
            job.result = result[top : top + len(job.batch)]
            top += len(job.batch)


def with_joined_batches(predictor: Predictor) -> Predictor:
    """Return a predictor whose callers' batches are joined, if its runtime takes one at a time."""
    runtime = predictor.runtime
    if runtime.parallel:
        return predictor
    return replace(
        predictor, runtime=replace(runtime, infer=JoinedBatches(runtime.infer), parallel=True)
    )
