"""Measures what a task costs that does nothing, in a Dask cluster of this machine and in processes.

Prints processor time: of the process that hands out tasks, and of all others together, without what
they use while they wait.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from math import sqrt
from pathlib import Path

from workers import cluster, used_below

from maskforge.processes.worker_pool import WorkerPool, forget

WORKERS = 2
IDLE = 10.0


def used() -> tuple[float, float]:
    """Return the processor time of this process, and of all below it."""
    known: dict[int, float] = {}
    used_below(os.getpid(), known, {})
    return time.process_time(), sum(known.values())


def measure(pool: WorkerPool, count: int) -> tuple[float, float, float]:
    """Return what tasks cost here and elsewhere, and what waiting costs in a second.

    Args:
        pool: What they are given to.
        count: How many they are.
    """
    list(pool.in_order(sqrt, range(WORKERS), forget))  # all have started
    before = used()
    time.sleep(IDLE)
    idle = (used()[1] - before[1]) / IDLE
    before, start = used(), time.perf_counter()
    list(pool.in_order(sqrt, range(count), forget))
    seconds, after = time.perf_counter() - start, used()
    return after[0] - before[0], after[1] - before[1] - idle * seconds, idle


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=2000)
    count = parser.parse_args().tasks
    print("| who | ms here | ms elsewhere | of a processor, waiting |")
    print("|---|---:|---:|---:|")
    show("processes", WorkerPool(WORKERS), count)
    with tempfile.TemporaryDirectory() as scratch, cluster(WORKERS, Path(scratch)) as share:
        show("Dask", WorkerPool(1, dask=share.partition("=")[2]), count)


def show(name: str, pool: WorkerPool, count: int) -> None:
    """Print a row."""
    with pool:
        here, elsewhere, idle = measure(pool, count)
    costs = f"{1000 * here / count:.1f} | {1000 * elsewhere / count:.1f}"
    print(f"| {name} | {costs} | {idle:.0%} |", flush=True)


if __name__ == "__main__":
    main()
