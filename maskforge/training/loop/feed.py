"""Batches as Keras takes them, prepared by threads while the network computes."""

from __future__ import annotations

import math
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import cv2
import keras
import numpy as np
from numpy.typing import NDArray

from maskforge.batches.batches import Batches

Batch = tuple[NDArray[np.float32], NDArray[np.uint8]]

# Batches that lie ready or are prepared: so many per thread, of no more than this in bytes.
_AHEAD = 4
_AHEAD_BYTES = 2**31


class Feed(keras.utils.PyDataset):
    """The batches of one epoch after the other.

    Keras' own threads may carry batches over from one epoch to the next, so that two runs with one
    seed differ; these depend on epoch and step alone. While the last batches of an epoch are
    computed and the network is validated, the first ones of the next epoch are prepared.

    Until the feed is closed, OpenCV computes in the thread that calls it: threads of its own would
    take the cores from those that prepare the other batches.

    Args:
        batches: The batches.
        threads: Threads that prepare them.
        epochs: Epochs in all; none is prepared after them.

    Attributes:
        copies: Outputs of the network, each of which gets the targets.
        failure: Why a batch could not be made: TensorFlow hides the error in one of its own.
    """

    def __init__(self, batches: Batches, threads: int, epochs: int) -> None:
        super().__init__(workers=1)
        self.batches = batches
        self.copies = 1
        self.failure: Exception | None = None
        self._end = epochs * len(batches)
        most = _AHEAD_BYTES // (math.prod(batches.shape) * np.dtype(np.float32).itemsize)
        self._ahead = min(threads * _AHEAD, max(2, most))
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="batch")
        self._waiting: dict[int, Future[Batch]] = {}  # by number, counted from the first epoch
        self._threads_of_opencv = cv2.getNumThreads()
        cv2.setNumThreads(1)

    def __len__(self) -> int:
        return len(self.batches)

    @property
    def num_batches(self) -> int:
        """Steps per epoch."""
        return len(self)

    def begin(self, epoch: int) -> None:
        """Make the batches those of an epoch, counted from 0."""
        for number in list(self._waiting):
            if not 0 <= number - epoch * len(self) < self._ahead:
                self._waiting.pop(number).cancel()
        self.batches.epoch = epoch

    def __getitem__(self, step: int) -> Batch | tuple[Any, tuple[Any, ...]]:
        """Return a batch; those that follow are prepared meanwhile."""
        number = self.batches.epoch * len(self) + step
        for following in range(number, min(number + self._ahead, self._end)):
            if following not in self._waiting:
                self._waiting[following] = self._pool.submit(
                    self.batches.batch, *divmod(following, len(self))
                )
        try:
            inputs, targets = self._waiting.pop(number).result()
        except Exception as error:
            self.failure = error
            raise
        return (inputs, targets) if self.copies == 1 else (inputs, (targets,) * self.copies)

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown(cancel_futures=True)
        cv2.setNumThreads(self._threads_of_opencv)

    def __enter__(self) -> Feed:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
