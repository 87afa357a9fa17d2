"""Processes that work beside this one: how many, how they start, and how they end."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from maskforge.errors import MaskforgeError, OptionError

if TYPE_CHECKING:
    from concurrent.futures import Executor, Future
    from multiprocessing.process import BaseProcess

    from maskforge.processes.dask_cluster import DaskCluster

Task = TypeVar("Task")
Result = TypeVar("Result")

TASKS_AHEAD = 3
"""For each worker: enough that none waits for this process, and results do not fill its memory."""

LARGE_TASKS_AHEAD = 2
"""The same for tasks or results that hold images themselves."""

_MANY = 500
"""Images from which on processes pay for their start."""

_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def available_cores() -> int:
    """Return how many cores this process may use: not those that it or its container is denied."""
    cores = os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    with contextlib.suppress(OSError, ValueError, ZeroDivisionError):
        quota, period = _QUOTA.read_text(encoding="ascii").split()
        cores = min(cores, -(-int(quota) // int(period)))  # "max" is no number
    return max(1, cores)


class WorkerPool:
    """An executor that starts with its first task, and ends with everything that waits in it."""

    def __init__(self, workers: int | None, *, loads: Sequence[str] = (), dask: str = "") -> None:
        """Start nothing yet.

        Args:
            workers: Number of processes, at least for two images; with 1, all work is done in this
                one. None for one for each core, if there are many images.
            loads: Modules of the functions that they run, which are loaded only once.
            dask: Address of the scheduler of a Dask cluster, whose workers do all work instead.

        Raises:
            OptionError: If there shall be both.
        """
        if dask and workers not in (None, 1):
            raise OptionError(
                "a Dask cluster has workers of its own, as many as were started",
                hint="leave out --workers or --dask",
            )
        self._dask = dask
        self._cluster: DaskCluster | None = None
        self._loads = loads
        self.workers = available_cores() if workers is None else workers
        self._least = _MANY if workers is None else 2
        self._executor: Executor | None = None

    def __enter__(self) -> WorkerPool:
        if self._dask:
            from maskforge.processes.dask_cluster import DaskCluster

            self._executor = self._cluster = DaskCluster(self._dask)
            self.workers, self._least = max(2, self._cluster.threads), 1
        return self

    def share(self, places: Iterable[Path]) -> None:
        """Make sure that workers on other machines see the files and folders that they need.

        Raises:
            MaskforgeError: If one does not.
        """
        if self._cluster is not None:
            self._cluster.share(places)

    def __exit__(self, *error: object) -> None:
        if self._executor is not None:
            self._executor.shutdown(cancel_futures=True)

    def _started(self) -> Executor:
        if self._executor is None:
            import multiprocessing
            from concurrent.futures import ProcessPoolExecutor

            # A process that forks while threads run may never go on: a bar of progress is one.
            methods = multiprocessing.get_all_start_methods()
            method = "forkserver" if "forkserver" in methods else "spawn"
            context = multiprocessing.get_context(method)
            if method == "forkserver":
                context.set_forkserver_preload(["__main__", *self._loads])
            self._executor = ProcessPoolExecutor(self.workers, context, initializer=_begin)
        return self._executor

    def is_worth(self, count: int) -> bool:
        """Tell whether processes save more time than their start takes.

        Args:
            count: Number of images or files.
        """
        return self.workers > 1 and count >= self._least

    def each(
        self,
        function: Callable[[Task], Result],
        tasks: Iterable[Task],
        count: int,
        *,
        ahead: int = TASKS_AHEAD,
    ) -> Generator[Result]:
        """Yield the results of tasks in their order: from this process alone if that is faster.

        Args:
            function: As for ``in_order``; what it leaves may stay if nobody takes its result.
            tasks: As for ``in_order``.
            count: How many tasks there are.
            ahead: As for ``in_order``.

        Raises:
            MaskforgeError: What the function raised, or that a process was ended.
        """
        if self.is_worth(count):
            yield from self.in_order(function, tasks, forget, ahead=ahead)
        else:
            yield from map(function, tasks)

    def in_order(
        self,
        function: Callable[[Task], Result],
        tasks: Iterable[Task],
        drop: Callable[[Result], None],
        *,
        ahead: int = TASKS_AHEAD,
    ) -> Generator[Result]:
        """Yield the results of tasks in the order of these, while others are worked on.

        Args:
            function: Of a module, so that another process finds it.
            tasks: What it is called with; taken one by one, a few ahead.
            drop: Is given results that nobody takes any more.
            ahead: How many for each worker.

        Raises:
            MaskforgeError: What the function raised, or that a process was ended.
        """
        from concurrent.futures import wait
        from concurrent.futures.process import BrokenProcessPool

        remaining = iter(tasks)
        executor = self._started()
        waiting: deque[Future[Result]] = deque()
        try:
            for task in itertools.islice(remaining, self.workers * ahead):
                waiting.append(executor.submit(function, task))
            while waiting:
                result = self._result(waiting.popleft())
                for task in itertools.islice(remaining, 1):
                    waiting.append(executor.submit(function, task))
                yield result
        except BrokenProcessPool:
            raise MaskforgeError(
                "a worker process was ended from outside, perhaps for want of memory",
                hint="run the command again with fewer --workers",
            ) from None
        finally:
            for future in waiting:
                future.cancel()
            if self._cluster is None:  # whose workers may go on, in a folder that vanishes
                wait(waiting)
                for future in waiting:
                    if not future.cancelled() and future.exception() is None:
                        drop(future.result())

    def _result(self, future: Future[Result]) -> Result:
        return future.result() if self._cluster is None else self._cluster.result(future)


def forget(result: object) -> None:
    """Leave nothing behind, and so remove nothing."""


def _begin() -> None:
    """Leave Ctrl-C to the process that waits, and end with it."""
    import multiprocessing

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: BaseProcess) -> None:
    parent.join()
    os._exit(1)
