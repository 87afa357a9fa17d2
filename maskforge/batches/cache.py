"""Keeping the images that were used last."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

_Value = TypeVar("_Value")


class RecentlyUsed(Generic[_Value]):
    """Values that are made when they are first asked for; the longest unused one goes first.

    Several threads may ask at once: one of them makes the value, the others wait for it.
    """

    def __init__(self, make: Callable[[int], _Value], capacity: int) -> None:
        """Take what makes the value of a key, and the largest number of values to keep."""
        self._make = make
        self._capacity = capacity
        self._values: OrderedDict[int, Future[_Value]] = OrderedDict()
        self._lock = threading.Lock()

    def __getitem__(self, key: int) -> _Value:
        with self._lock:
            future = self._values.get(key)
            first = future is None
            if future is None:
                future = self._values[key] = Future()
                if len(self._values) > self._capacity:
                    self._values.popitem(last=False)
            self._values.move_to_end(key)
        if first:
            try:
                future.set_result(self._make(key))
            except BaseException as error:
                with self._lock:
                    self._values.pop(key, None)
                future.set_exception(error)
        return future.result()
