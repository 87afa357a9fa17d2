"""Measures the conversion of LabelMe files to palette PNG masks: maskforge beside others.

Every converter runs in a process of its own. They take turns, a whole set per turn, so that a
machine that becomes slower or faster does so for all of them. Prints Markdown tables.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.metadata
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
FLOOR, OWN = "floor", "maskforge"
INSTALL = {
    FLOOR: "pip install orjson",
    OWN: "pip install -e .",
    "maskforge, classes given": "pip install -e .",
    "labelme": 'pip install "labelme>=5.8,<7"',
    "pycocotools": "pip install pycocotools",
}
"""The converters, in the order of the table, and the command that installs each."""


@dataclass
class Worker:
    """One converter in a process of its own.

    Attributes:
        name: Name of the converter.
        out: Folder that it writes its masks into.
        seconds: Duration of every turn.
        peak: Most memory it ever had, in MB.
    """

    name: str
    out: Path
    seconds: list[float] = field(default_factory=list)
    peak: float = 0.0

    def __post_init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / "converters.py"), self.name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            # LabelMe logs every picture, and moves its functions from version to version.
            env=os.environ
            | {"LOGURU_LEVEL": "WARNING", "PYTHONWARNINGS": "ignore::DeprecationWarning"},
        )
        self.missing: str | None = self._answer()["missing"]

    def turn(self, source: Path, *, counts: bool = True) -> None:
        """Convert a folder."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([str(source), str(self.out)]) + "\n")
        self._process.stdin.flush()
        answer = self._answer()
        self.peak = answer["peak"]
        if counts:
            self.seconds.append(answer["seconds"])

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"the process of {self.name} has ended")
        return json.loads(line)


def versions() -> str:
    """Return what was compared, for the line above the tables."""
    names = ("maskforge", "numpy", "opencv-python-headless", "isal", "orjson", "pillow")
    peers = ("labelme", "pycocotools")
    known = []
    for name in (*names, *peers):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            known.append(f"{name} {importlib.metadata.version(name)}")
    python = f"Python {platform.python_version()}"
    return f"{python} on {platform.system()}, {os.cpu_count()} cores; {', '.join(known)}"


def measure(source: Path, scratch: Path, rounds: int) -> list[Worker]:
    """Let all converters take turns on a folder; the first turn of each is not counted."""
    workers = [Worker(name, scratch / name.replace(", ", "-")) for name in INSTALL]
    present = [worker for worker in workers if worker.missing is None]
    for number in range(rounds + 1):
        for worker in present:
            worker.turn(source, counts=number > 0)
    for worker in workers:
        worker.close()
    return workers


def ratio(worker: Worker, other: Worker) -> str:
    """Return the median of the ratios of two converters' turns in the same round."""
    pairs = zip(worker.seconds, other.seconds, strict=True)
    return f"{statistics.median(mine / theirs for mine, theirs in pairs):.2f}"


def wrong_pixels(out: Path, reference: Path) -> float:
    """Return in how many pixels per image the masks of a converter differ from exact ones."""
    import numpy as np
    from PIL import Image

    references = sorted(reference.rglob("*.png"))
    return sum(
        int((np.asarray(Image.open(one)) != np.asarray(Image.open(other))).sum())
        for one, other in zip(references, sorted(out.rglob("*.png")), strict=True)
    ) / len(references)


def print_table(title: str, workers: Sequence[Worker], images: int) -> None:
    """Print what was measured on one set."""
    known = {worker.name: worker for worker in workers if worker.missing is None}
    print(f"\n{title}\n")
    print(
        "| converter | ms per image | times the floor | times maskforge | peak MB | wrong px |\n"
        "|---|---:|---:|---:|---:|---:|"
    )
    for worker in known.values():
        cells = (
            worker.name,
            f"{statistics.median(worker.seconds) / images * 1000:.1f}",
            ratio(worker, known[FLOOR]) if FLOOR in known else "",
            ratio(worker, known[OWN]),
            f"{worker.peak:.0f}",
            f"{wrong_pixels(worker.out, known[OWN].out):.0f}",
        )
        print(f"| {' | '.join(cells)} |", flush=True)
    for worker in workers:
        if worker.missing is not None:
            print(f"\nLeft out: {worker.name} ({worker.missing}): {INSTALL[worker.name]}")


def multiply(source: Path, target: Path, times: int) -> None:
    """Make a larger set of links to the files of a set, in folders beside each other."""
    for number in range(times):
        folder = target / f"{number:03}"
        folder.mkdir(parents=True)
        for file in source.iterdir():
            os.link(file, folder / file.name)


def print_memory(rows: Sequence[tuple[str, int, Worker]]) -> None:
    """Print how maskforge's memory depends on the number of images."""
    print("\nmaskforge, memory by number of images\n")
    print("| set | images | peak MB |\n|---|---:|---:|")
    for title, images, worker in rows:
        print(f"| {title} | {images} | {worker.peak:.0f} |")


def main() -> None:
    """Generate the sets, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=40, help="images per set")
    parser.add_argument("--rounds", type=int, default=5, help="turns of every converter")
    parser.add_argument("--times", type=int, default=10, help="how often the large set repeats")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rows: list[tuple[str, int, Worker]] = []
    print(versions())
    with tempfile.TemporaryDirectory(prefix="maskforge-benchmark-") as scratch:
        for title, flags in (("without imageData", []), ("with imageData", ["--embed"])):
            source = Path(scratch, title)
            command = [sys.executable, str(HERE / "generated_set.py"), str(source), *flags]
            count, seed = f"--images={options.images}", f"--seed={options.seed}"
            subprocess.run([*command, count, seed], check=True)
            workers = measure(source, Path(scratch), options.rounds)
            print_table(f"{options.images} images, {title}", workers, options.images)
            large = Path(scratch, f"large {title}")
            multiply(source, large, options.times)
            for images, folder in (
                (options.images, source),
                (options.images * options.times, large),
            ):
                worker = Worker(OWN, Path(scratch, "memory"))
                worker.turn(folder)
                worker.close()
                rows.append((title, images, worker))
    print_memory(rows)


if __name__ == "__main__":
    main()
