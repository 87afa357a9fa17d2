"""Running a network over the batches of many images: ahead of what is read, on a GPU joined."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeAlias, TypeVar

import numpy as np

from maskforge.prediction.network import Network
from maskforge.prediction.tiling import Floats

_MOST_OPEN = 4
"""Calls of different sizes for which further batches are awaited."""

_T = TypeVar("_T")

Answer: TypeAlias = Callable[[], Floats]
"""Waits for what the network says about a batch, and raises what it raised."""


def answers(
    requests: Iterable[tuple[_T, Floats | None]], network: Network
) -> Iterator[tuple[_T, Answer | None]]:
    """Yield what the network says about batches, in their order.

    Where the runtime computes in the background, the next call is begun before the result of the
    last is yielded. Where it is faster with several images at once, batches of one size are joined
    into a call; those of other sizes in between do not end it.

    Args:
        requests: Batches (B, h, w, C), each with what it belongs to; None where there is nothing
            for the network.
        network: What is run.
    """
    ahead = 0 if network.runtime.start is None else 1
    waiting: deque[_Waiting[_T]] = deque()
    open_calls: dict[tuple[int, ...], _Call] = {}
    begun: list[_Call] = []

    def begin(call: _Call) -> None:
        del open_calls[call.shape]
        call.begin()
        begun.append(call)

    def oldest() -> tuple[_T, Answer | None]:
        one = waiting.popleft()
        if one.call is None:
            return one.tag, None
        if not one.call.is_begun:
            begin(one.call)
        if one.call.hand_out():
            begun.remove(one.call)
        return one.tag, one.answer

    for tag, batch in requests:
        if batch is None:
            waiting.append(_Waiting(tag))
        else:
            shape = batch.shape[1:]
            if shape in open_calls and not open_calls[shape].has_room(len(batch)):
                begin(open_calls[shape])
            call = open_calls.setdefault(shape, _Call(network, shape))
            waiting.append(_Waiting(tag, call, call.add(batch)))
            if not call.has_room(len(batch)):
                begin(call)
            elif len(open_calls) > _MOST_OPEN:
                begin(next(iter(open_calls.values())))
        while waiting and (waiting[0].call is None or len(begun) > ahead):
            yield oldest()
    while waiting:
        yield oldest()


class _Waiting(Generic[_T]):
    """A batch that is not yielded yet, with the call that it is part of."""

    def __init__(self, tag: _T, call: _Call | None = None, answer: Answer | None = None) -> None:
        self.tag = tag
        self.call = call
        self.answer = answer


class _Call:
    """One run of the network over the batches of one or several images.

    Attributes:
        shape: (h, w, C) of the batches.
        is_begun: Whether no more batches can be added.
    """

    def __init__(self, network: Network, shape: tuple[int, ...]) -> None:
        self.shape = shape
        self.is_begun = False
        self._network = network
        self._most = network.runtime.joined_pixels // (shape[0] * shape[1])
        self._batches: list[Floats] = []
        self._count = 0
        self._left = 0
        self._wait: Answer | None = None
        self._result: Floats | None = None

    def has_room(self, count: int) -> bool:
        """Tell whether a batch of so many inputs can be added."""
        return not self._batches or self._count + count <= self._most

    def add(self, batch: Floats) -> Answer:
        """Add a batch, and return what waits for its result."""
        first = self._count
        self._batches.append(batch)
        self._count += len(batch)
        self._left += 1
        return lambda: self._part(batch, first)

    def begin(self) -> None:
        """Start the network; what goes wrong is raised where the results are waited for."""
        self.is_begun = True
        joined = self._joined()
        try:
            self._wait = self._network.start(joined)
        except Exception:
            self._wait = None
        self._batches.clear()

    def hand_out(self) -> bool:
        """Count a batch as yielded, and tell whether it was the last."""
        self._left -= 1
        return not self._left

    def _joined(self) -> Floats:
        missing = max(0, self._most - self._count) if self._network.runtime.compiles else 0
        if len(self._batches) == 1 and not missing:
            return self._batches[0]
        return np.concatenate([*self._batches, np.zeros((missing, *self.shape), np.float32)])

    def _part(self, batch: Floats, first: int) -> Floats:
        """Return the result of a batch; of one alone if those that are joined have none."""
        if self._result is None and self._wait is not None:
            wait, self._wait = self._wait, None
            try:
                self._result = wait()
            except Exception:
                if len(batch) == self._count:
                    raise
        if self._result is None:
            return self._network.infer(batch)
        return self._result[first : first + len(batch)]
