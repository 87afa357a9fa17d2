"""Processes that share work: their order, their errors, and their end."""

import os
import signal
from pathlib import Path

import pytest

from maskforge.errors import (
    GeometryError,
    MaskforgeError,
    MissingDependencyError,
    OptionError,
    OutputError,
)
from maskforge.issues import Code, Origin
from maskforge.processes import worker_pool
from maskforge.processes.worker_pool import WorkerPool, available_cores

TWO = 2


def tenfold(number: int) -> int:
    return 10 * number


def refusing(number: int) -> int:
    if number == 1:
        raise OutputError("is full", origin=Origin(Path("x.png"), ""), hint="free some space")
    return number


def refusing_geometry(number: int) -> int:
    raise GeometryError(Code.TOO_FEW_POINTS, f"{number}", origin=Origin(Path("x.json")))


def killed(number: int) -> int:
    if number == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def leaving_a_file(path: Path) -> Path:
    path.touch()
    return path


def forgotten(result: object) -> None:
    """Drop nothing."""


def test_results_come_in_the_order_of_their_tasks_which_are_taken_a_few_ahead():
    taken = []

    def tasks():
        for number in range(50):
            taken.append(number)
            yield number

    with WorkerPool(TWO) as pool:
        results = pool.in_order(tenfold, tasks(), forgotten)
        assert next(results) == 0
        assert len(taken) < 10
        assert list(results) == [10 * number for number in range(1, 50)]


def test_an_error_comes_back_as_it_was():
    with WorkerPool(TWO) as pool:
        results = pool.in_order(refusing, range(5), forgotten)
        assert next(results) == 0
        with pytest.raises(OutputError) as caught:
            next(results)
        assert (caught.value.message, caught.value.hint) == ("is full", "free some space")
        assert caught.value.origin == Origin(Path("x.png"), "")
        with pytest.raises(GeometryError) as refused:
            list(pool.in_order(refusing_geometry, [7], forgotten))
        assert (refused.value.code, refused.value.message) == (Code.TOO_FEW_POINTS, "7")


@pytest.mark.skipif(os.name == "nt", reason="Windows knows no signals")
def test_a_process_that_the_system_ends_is_an_error_and_no_wait():
    with (
        WorkerPool(TWO) as pool,
        pytest.raises(MaskforgeError, match="was ended from outside") as caught,
    ):
        list(pool.in_order(killed, range(20), forgotten))
    assert "--workers" in caught.value.hint


def test_what_nobody_takes_any_more_is_dropped(tmp_path):
    with WorkerPool(TWO) as pool:
        paths = [tmp_path / str(number) for number in range(20)]
        results = pool.in_order(leaving_a_file, paths, Path.unlink)
        first = next(results)
        results.close()
    assert list(tmp_path.iterdir()) == [first]


def test_cores_are_those_that_the_process_may_use(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(6)), raising=False)
    monkeypatch.setattr(worker_pool, "_QUOTA", tmp_path / "cpu.max")
    assert available_cores() == 6
    for text, cores in (("max 100000", 6), ("150000 100000", 2), ("1000000 100000", 6), ("x", 6)):
        (tmp_path / "cpu.max").write_text(text)
        assert available_cores() == cores


def test_processes_start_only_for_many_images_unless_they_are_asked_for(monkeypatch):
    monkeypatch.setattr(worker_pool, "available_cores", lambda: 8)
    assert WorkerPool(None).workers == 8
    assert [WorkerPool(None).is_worth(count) for count in (10, 499, 500)] == [False, False, True]
    assert [WorkerPool(TWO).is_worth(count) for count in (1, 2)] == [False, True]
    assert not WorkerPool(1).is_worth(10_000)


def test_dask_is_needed_only_for_clusters(monkeypatch):
    monkeypatch.setattr("maskforge.errors.is_installed", lambda package: False)
    with (
        pytest.raises(MissingDependencyError, match="Dask clusters need distributed") as error,
        WorkerPool(1, dask="tcp://127.0.0.1:9"),
    ):
        pass
    assert "maskforge[dask]" in error.value.hint
    with pytest.raises(OptionError, match="workers of its own"):
        WorkerPool(TWO, dask="tcp://127.0.0.1:9")
