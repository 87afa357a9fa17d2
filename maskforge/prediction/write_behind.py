"""Writing what is predicted while the next image is."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

_T = TypeVar("_T")


def write_behind(write: Callable[[_T], None], things: Iterable[_T]) -> Generator[None, None, None]:
    """Write things in their order, each in a thread while the next is made; yield after each.

    Whatever ends this, nothing is being written any more afterwards. What ``write`` raises ends it
    after the next thing is made.
    """
    with ThreadPoolExecutor(1, "maskforge-writer") as writer:
        written: Future[None] | None = None
        for thing in things:
            if written is not None:
                written.result()
                yield
            written = writer.submit(write, thing)
        if written is not None:
            written.result()
            yield
