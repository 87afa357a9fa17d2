"""Measures commands of maskforge in one process and in several, as ratios in one run.

Prints the time by the clock, and what all processes used of the processors together: on a machine
that does nothing else, the time by the clock cannot be less than that divided by the cores.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

COMMANDS = {
    "convert": ["convert", "set", "--out", "masks"],
    "preview": ["preview", "masks", "--out", "overlays"],
    "evaluate": ["evaluate", "masks", "masks", "--bootstrap=0", "--worst=0", "--no-charts"],
    "export annotations": ["export", "set", "--format=coco", "--out", "coco"],
    "export masks": ["export", "masks", "--format=labelme", "--out", "labelme"],
}
"""In an order in which each finds what it needs."""

HERE = Path(__file__).resolve().parent
TICKS = os.sysconf("SC_CLK_TCK")
PEAK = re.compile(r"VmHWM:\s*(\d+) kB")


@dataclass
class Turn:
    """One conversion: seconds by the clock, and of the processors; the processes' MiB at the peak.

    The first process is the one that was started.
    """

    clock: float
    processors: float
    peaks: list[float]


def used_below(process: int, known: dict[int, float], peaks: dict[int, float]) -> None:
    """Bring up to date what each process below another has used.

    Args:
        process: The other one.
        known: The seconds of the processor.
        peaks: The memory at its peak, in MiB.
    """
    parents: dict[int, list[tuple[int, float, float]]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = stat.read_text().rpartition(")")[2].split()
            peak = PEAK.search(stat.with_name("status").read_text())
        except OSError:
            continue  # it has ended
        used = (int(words[11]) + int(words[12])) / TICKS
        memory = int(peak[1]) / 2**10 if peak else 0.0
        parents.setdefault(int(words[1]), []).append((int(stat.parent.name), used, memory))
    waiting = [process]
    while waiting:
        for child, used, memory in parents.get(waiting.pop(), []):
            known[child] = used
            peaks[child] = max(memory, peaks.get(child, 0))
            waiting.append(child)


def run(command: list[str], scratch: Path, share: str, *, anew: bool = True) -> Turn:
    """Run a command in a new process.

    Args:
        command: What it is called with.
        scratch: Folder in which it runs.
        share: The option that says who shares the work.
        anew: Whether to replace what is there, or to go on.
    """
    start = time.perf_counter()
    known: dict[int, float] = {}
    peaks: dict[int, float] = {}
    used_below(os.getpid(), known, peaks)
    before = sum(known.values())
    with subprocess.Popen(
        [
            *(sys.executable, "-m", "maskforge", *command, share),
            *(["--overwrite"] if anew else []),
        ],
        cwd=scratch,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        while process.poll() is None:
            used_below(os.getpid(), known, peaks)
            time.sleep(0.02)
    if process.returncode:
        sys.exit(f"maskforge {command[0]} ended with {process.returncode}")
    return Turn(time.perf_counter() - start, sum(known.values()) - before, list(peaks.values()))


@contextlib.contextmanager
def cluster(workers: int, scratch: Path) -> Iterator[str]:
    """Start a Dask cluster, and yield the option that has it share the work; nothing without any.

    Args:
        workers: Number of its workers.
        scratch: Folder in which it runs.
    """
    if not workers:
        yield ""
        return
    about = scratch / "scheduler.json"
    dask = [sys.executable, "-m", "distributed.cli.dask_{}", f"--scheduler-file={about}"]
    options = {
        "scheduler": ["--host=127.0.0.1", "--port=0", "--no-dashboard"],
        "worker": [f"--nworkers={workers}", "--nthreads=1", "--no-dashboard"],
    }
    with contextlib.ExitStack() as stack:
        for name, chosen in options.items():
            command = [one.format(name) for one in (*dask, *chosen)]
            process = stack.enter_context(subprocess.Popen(command, stderr=subprocess.DEVNULL))
            stack.callback(process.terminate)
            while not about.exists():
                time.sleep(0.1)
        time.sleep(5)  # until the workers have loaded what they need
        yield f"--dask={json.loads(about.read_text())['address']}"


def main() -> None:
    """Generate the set, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=40, help="images that are generated")
    parser.add_argument("--times", type=int, default=125, help="how often the set repeats them")
    parser.add_argument("--commands", nargs="+", choices=COMMANDS, default=list(COMMANDS))
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--dask", type=int, default=0, help="workers of a Dask cluster")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="maskforge-benchmark-") as scratch:
        source = Path(scratch, "source")
        generate = [sys.executable, str(HERE / "generated_set.py"), str(source)]
        subprocess.run([*generate, f"--images={options.images}"], check=True)
        for number in range(options.times):
            folder = Path(scratch, "set", f"{number:04}")
            folder.mkdir(parents=True)
            for file in source.iterdir():
                os.link(file, folder / file.name)
        print("| command | workers | s | times as fast | processor s | times the processor |")
        print("|---|---:|---:|---:|---:|---:|")
        with cluster(options.dask, Path(scratch)) as dask:
            shares = {str(one): f"--workers={one}" for one in options.workers}
            shares |= {f"{options.dask} of Dask": dask} if dask else {}
            for name in options.commands:
                turns: dict[str, list[Turn]] = {one: [] for one in shares}
                for _ in range(options.rounds):
                    for workers, done in turns.items():
                        done.append(run(COMMANDS[name], Path(scratch), shares[workers]))
                show(name, turns)


def show(name: str, turns: dict[str, list[Turn]]) -> None:
    """Print a row for each number of processes."""
    first = next(iter(turns.values()))
    for workers, done in turns.items():
        pairs = list(zip(first, done, strict=True))
        faster = statistics.median(one.clock / other.clock for one, other in pairs)
        used = statistics.median(other.processors / one.processors for one, other in pairs)
        clock = statistics.median(one.clock for one in done)
        processors = statistics.median(one.processors for one in done)
        cells = f"{clock:.1f} | {faster:.2f} | {processors:.1f} | {used:.2f}"
        print(f"| {name} | {workers} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
