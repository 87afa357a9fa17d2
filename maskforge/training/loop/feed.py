"""Batches as Keras takes them, prepared by threads while the network computes."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from maskforge.batches.batches import Batches

Batch = tuple[NDArray[np.float32], NDArray[np.uint8]]

_AHEAD = 4  # batches per thread


class Feed(keras.utils.PyDataset):
    """The batches of one epoch after the other.

    Keras' own threads may carry batches over from one epoch to the next, so that two runs with one
    seed differ; these depend on epoch and step alone.

    Args:
        batches: The batches.
        threads: Threads that prepare them.

    Attributes:
        copies: Outputs of the network, each of which gets the targets.
        failure: Why a batch could not be made: TensorFlow hides the error in one of its own.
    """

    def __init__(self, batches: Batches, threads: int) -> None:
        super().__init__(workers=1)
        self.batches = batches
        self.copies = 1
        self.failure: Exception | None = None
        self._threads = threads
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="batch")
        self._waiting: dict[int, Future[Batch]] = {}

    def __len__(self) -> int:
        return len(self.batches)

    @property
    def num_batches(self) -> int:
        """Steps per epoch."""
        return len(self)

    def begin(self, epoch: int) -> None:
        """Make the batches those of an epoch, counted from 0."""
        for future in self._waiting.values():
            future.cancel()
        self._waiting.clear()
        self.batches.epoch = epoch

    def __getitem__(self, step: int) -> Batch | tuple[Any, tuple[Any, ...]]:
        """Return a batch; those that follow are prepared meanwhile."""
        for following in range(step, min(step + self._threads * _AHEAD, len(self))):
            if following not in self._waiting:
                self._waiting[following] = self._pool.submit(self.batches.__getitem__, following)
        try:
            inputs, targets = self._waiting.pop(step).result()
        except Exception as error:
            self.failure = error
            raise
        return (inputs, targets) if self.copies == 1 else (inputs, (targets,) * self.copies)

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown(cancel_futures=True)

    def __enter__(self) -> Feed:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
