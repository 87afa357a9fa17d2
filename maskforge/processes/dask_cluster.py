"""The workers of a Dask cluster, in the place of processes of this machine."""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import pickle
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError, Executor, Future
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import maskforge
from maskforge.errors import MaskforgeError, OptionError, require
from maskforge.remote.address import address_of, cache_folder

if TYPE_CHECKING:
    from distributed import Client

Task = TypeVar("Task")
Result = TypeVar("Result")

_PATIENCE = 30.0
"""Seconds in which a scheduler must answer, and have a worker."""

_ALWAYS_CHECKED = 50
"""Folders that a worker looks for again before a task, in case that it came later."""

_GLANCE = 1.0
"""Seconds after which it is made sure that there still are workers."""

_AGAIN = "run the command again, which goes on"
_START = "start it with `dask scheduler`, and workers with `dask worker ADDRESS --nthreads 1`"
_ALIKE = "install the same Python and maskforge on all machines, and start the workers again"


@dataclass(frozen=True, slots=True)
class _Needs:
    """What a worker must have.

    Attributes:
        version: Of Python and maskforge.
        folders: That it must see.
        cache: The user's cache, if some of them are in it.
    """

    version: str
    folders: tuple[str, ...] = ()
    cache: str = ""


class DaskCluster(Executor):
    """An executor of which every task is run by a worker somewhere.

    A task whose worker is lost is run again by another one: it may have been run already, or may
    even be running still.

    Attributes:
        threads: How many tasks the workers run at once.
    """

    def __init__(self, address: str) -> None:
        """Connect.

        Args:
            address: Of the scheduler, such as ``tcp://10.0.0.1:8786``.

        Raises:
            MaskforgeError: If it does not answer, has no workers, or these are not alike.
            MissingDependencyError: If Dask is not installed.
        """
        require("distributed", "maskforge[dask]", "Dask clusters")
        from distributed import Client

        self._address = address
        self._needs = _Needs(_version())
        self._alone_since: float | None = None
        self._is_lost = False
        with contextlib.ExitStack() as stack:
            stack.enter_context(_quiet())
            try:
                self._client: Client = Client(address, timeout=_PATIENCE, set_as_default=False)
            except (OSError, ValueError, ImportError, RuntimeError, TypeError) as error:
                raise OptionError(
                    f"no Dask scheduler answers at {address}: {_told(error)}", hint=_START
                ) from None
            stack.callback(self._close)
            try:
                self._client.wait_for_workers(1, timeout=_PATIENCE)
            except TimeoutError:
                raise self._no_workers() from None
            self._check_workers(self._needs)
            self.threads = sum(self._client.nthreads().values())
            self._executor = self._client.get_executor(pure=False)
            self._open = stack.pop_all()

    def share(self, places: Iterable[Path]) -> None:
        """Make sure that all workers see files and folders, now and whenever they do a task.

        Args:
            places: Absolute; of files their folders are enough.

        Raises:
            MaskforgeError: If a worker does not.
        """
        folders = tuple(dict.fromkeys(one if one.is_dir() else one.parent for one in places))
        is_cached = any(address_of(one) is not None for one in folders)
        cache = str(cache_folder()) if is_cached else ""
        needs = _Needs(self._needs.version, tuple(map(str, folders)), cache)
        self._check_workers(needs)
        self._needs = replace(needs, folders=needs.folders[:_ALWAYS_CHECKED])

    def _check_workers(self, needs: _Needs) -> None:
        lacking = self._client.run(_lacking, needs, on_error="return")
        for worker, found in lacking.items():
            if found is not None:
                told = found if isinstance(found, MaskforgeError) else _cannot_run(found)
                raise MaskforgeError(f"{told.message} (it is at {worker})", hint=told.hint)

    def submit(  # type: ignore[override]  # one argument is enough
        self, function: Callable[[Task], Result], task: Task, /
    ) -> Future[Any]:
        """Have a worker call a function of a module with a task."""
        # Dask would look for futures of its own in whatever is inside.
        pickled = pickle.dumps((function, task), pickle.HIGHEST_PROTOCOL)
        try:
            submitted: Future[Any] = self._executor.submit(_run, self._needs, pickled)
        except Exception as error:
            raise self._failure(error) from None
        return submitted

    def result(self, future: Future[Any]) -> Any:  # noqa: ANN401 - of the function of the task
        """Wait for what the function of a task returned.

        Raises:
            MaskforgeError: What it raised, or that scheduler or workers are lost.
        """
        while True:
            try:
                found = future.result(_GLANCE)
                break
            except TimeoutError as error:
                if future.done():
                    raise self._failure(error) from None
                self._check_alone()
            except Exception as error:
                raise self._failure(error) from None
        if isinstance(found, _Raised):
            raise found.error
        return found

    def _check_alone(self) -> None:
        """Make sure that there is a worker, or may be one soon: they are started again.

        Raises:
            MaskforgeError: If there has been none for a while, or no scheduler: of one that is lost
                not every future is told.
        """
        try:
            error = None if self._client.nthreads() else self._no_workers()
        except Exception:  # each layer below raises what it likes
            error = self._lost()
        if error is None:
            self._alone_since, self._is_lost = None, False
        elif self._alone_since is None:
            self._alone_since = time.monotonic()
        elif time.monotonic() - self._alone_since > _PATIENCE:
            raise error

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Close the connection; whatever is still going on is of no use to anybody."""
        del wait, cancel_futures
        self._open.close()

    def _close(self) -> None:
        # A scheduler that is lost answers nothing, and has been waited for already.
        self._client.close(timeout=_GLANCE if self._is_lost else _PATIENCE)

    def _no_workers(self) -> MaskforgeError:
        return MaskforgeError(
            f"the Dask scheduler at {self._address} has no workers",
            hint=f"start some with `dask worker {self._address} --nthreads 1`, and {_AGAIN}",
        )

    def _lost(self) -> MaskforgeError:
        self._is_lost = True
        return MaskforgeError(
            f"the Dask scheduler at {self._address} was lost", hint=f"start it, and {_AGAIN}"
        )

    def _failure(self, error: BaseException) -> MaskforgeError:
        """Return the error for what Dask says of a task."""
        from distributed import KilledWorker

        if isinstance(error, KilledWorker):
            return MaskforgeError(
                "one Dask worker after the other was ended by the same images, perhaps for want "
                "of memory",
                hint=f"give the workers more memory or fewer threads, and {_AGAIN}",
            )
        if isinstance(error, CancelledError) or self._client.status != "running":
            return self._lost()
        return _cannot_run(error)


@dataclass(frozen=True, slots=True)
class _Raised:
    """What a function of a task raised: no failure of the worker, and no reason to try again."""

    error: MaskforgeError


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Have Dask log nothing: what matters comes as an error."""
    names = ("distributed", "distributed.client")
    before = {name: logging.getLogger(name).level for name in names}
    for name in names:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)


def _told(error: object) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__


def _version() -> str:
    python = ".".join(map(str, sys.version_info[:2]))
    return f"maskforge {maskforge.__version__} in Python {python}"


def _cannot_run(error: object) -> MaskforgeError:
    return MaskforgeError(
        f"a Dask worker cannot do its part: {_told(error)}",
        hint=f"look into its log; {_ALIKE}; then {_AGAIN}",
    )


@functools.lru_cache(maxsize=16)
def _has(needs: _Needs) -> bool:
    return _lacking(needs) is None


def _lacking(needs: _Needs) -> MaskforgeError | None:
    """Return what is wrong with this worker, if anything is."""
    if needs.version != _version():
        return MaskforgeError(
            f"a Dask worker has {_version()}, and this process has {needs.version}", hint=_ALIKE
        )
    if needs.cache not in ("", str(cache_folder())):
        return MaskforgeError(
            f"a Dask worker has another cache than {needs.cache}, where this process keeps what "
            "URLs name",
            hint="set MASKFORGE_CACHE to a folder that all machines share, for the workers, too",
        )
    for folder in needs.folders:
        if not os.path.isdir(folder):  # noqa: PTH112 - never raises
            return MaskforgeError(
                f"a Dask worker does not see the folder {folder}",
                hint="sources, models and outputs must be at the same places on all machines",
            )
    return None


def _run(needs: _Needs, pickled: bytes) -> object:
    """Run a task in a worker, which may have come after the others."""
    if not _has(needs) and (lacking := _lacking(needs)) is not None:
        return _Raised(lacking)
    function, task = pickle.loads(pickled)
    try:
        return function(task)
    except MaskforgeError as error:
        return _Raised(error)
