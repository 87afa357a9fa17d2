"""Measures what it takes to start: `maskforge convert` for one file, beside Python and libraries.

All commands take turns, each in a process of its own. Times are those of the processor, ratios
medians of the ratios within a round. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
LIBRARIES = "import msgspec, numpy, PIL.Image, shapely, isal, rich.table, typer, pydantic"


def commands(scratch: Path) -> dict[str, list[str]]:
    """Return what is measured, by its name in the table."""
    file, out = scratch / "set" / "image-0000.json", scratch / "masks"
    own = ["-m", "maskforge"]
    return {
        "python -c pass": ["-c", "pass"],
        "its libraries, imported": ["-c", LIBRARIES],
        "maskforge --help": [*own, "--help"],
        "maskforge convert, one file": [
            *own,
            "convert",
            str(file),
            "--out",
            str(out),
            "--overwrite",
        ],
    }


def processor_seconds(command: list[str]) -> float:
    """Run Python once and return what it used of the processor."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *command], stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def ratio(used: Sequence[float], other: Sequence[float]) -> float:
    """Return the median of the ratios within a round."""
    return statistics.median(mine / theirs for mine, theirs in zip(used, other, strict=True))


def main() -> None:
    """Generate the file, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # users have compiled modules
    with tempfile.TemporaryDirectory(prefix="maskforge-benchmark-") as scratch:
        generate = [sys.executable, str(HERE / "generated_set.py"), f"{scratch}/set", "--images=1"]
        subprocess.run(generate, check=True)
        seconds: dict[str, list[float]] = {name: [] for name in commands(Path(scratch))}
        for number in range(options.rounds + 1):
            for name, command in commands(Path(scratch)).items():
                taken = processor_seconds(command)
                if number:  # the first round only fills the caches
                    seconds[name].append(taken)
    first, libraries, *_ = seconds
    print("| command | s | times the libraries | times python |\n|---|---:|---:|---:|")
    for name, used in seconds.items():
        ratios = [ratio(used, seconds[one]) for one in (libraries, first)]
        print(f"| {name} | {statistics.median(used):.2f} | {ratios[0]:.2f} | {ratios[1]:.0f} |")


if __name__ == "__main__":
    main()
