"""Measures the conversion of LabelMe files to palette PNG masks: maskforge beside others.

Every converter runs in processes of its own. They take turns, a whole set per turn, so that a
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
from collections.abc import Callable, Iterator, Mapping, Sequence
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
class Converter:
    """A converter and what was measured of it.

    Attributes:
        name: Its name in converters.py.
        out: Folder that it writes its masks into.
        seconds: Duration of every turn.
        peak: Most memory that it ever had, in MB.
        missing: Why it cannot run, or None.
        python: The Python that it is installed for.
    """

    name: str
    out: Path
    seconds: list[float] = field(default_factory=list)
    peak: float = 0.0
    missing: str | None = None
    python: str = sys.executable

    @contextlib.contextmanager
    def started(self, source: Path) -> Iterator[Callable[[], dict[str, float]]]:
        """Start a process; give a function that converts a folder there and returns how long.

        ``seconds`` went by, ``processor`` were spent by all threads.
        """
        # LabelMe logs every image, and moves its functions from version to version.
        quiet = {"LOGURU_LEVEL": "WARNING", "PYTHONWARNINGS": "ignore::DeprecationWarning"}
        with subprocess.Popen(
            [self.python, HERE / "converters.py", self.name, source, self.out],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | quiet,
        ) as process:
            asked, answers = process.stdin, process.stdout
            assert asked is not None
            assert answers is not None

            def answer() -> dict[str, Any]:
                line = answers.readline()
                if not line:
                    sys.exit(f"{self.name} gave up")
                result: dict[str, Any] = json.loads(line)
                return result

            def convert() -> dict[str, float]:
                print(file=asked, flush=True)
                result = answer()
                self.peak = max(self.peak, result["peak"])
                return result

            self.missing = answer()["missing"]
            yield convert

    def turn(self, source: Path, *, warm: bool = True) -> None:
        """Convert a folder in a new process; if warm, once before the time is taken.

        A new process each time, because how fast one gets its memory is a matter of luck that lasts
        as long as the process.
        """
        with self.started(source) as convert:
            if self.missing is None:
                if warm:
                    convert()
                self.seconds.append(convert()["seconds"])


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


def measure(source: Path, scratch: Path, rounds: int) -> list[Converter]:
    """Let all converters take turns on a folder."""
    converters = [Converter(name, scratch / name.replace(", ", "-")) for name in INSTALL]
    for _ in range(rounds):
        for converter in converters:
            if converter.missing is None:
                converter.turn(source)
    return converters


def ratio(one: Converter, other: Converter) -> str:
    """Return the median of the ratios of two converters' turns in the same round."""
    pairs = zip(one.seconds, other.seconds, strict=True)
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


def print_table(title: str, converters: Sequence[Converter], images: int) -> None:
    """Print what was measured on one set."""
    known = {one.name: one for one in converters if one.missing is None}
    print(f"\n{title}\n")
    print(
        "| converter | ms per image | times the floor | times maskforge | peak MB | wrong px |\n"
        "|---|---:|---:|---:|---:|---:|"
    )
    for one in known.values():
        cells = (
            one.name,
            f"{statistics.median(one.seconds) / images * 1000:.1f}",
            ratio(one, known[FLOOR]) if FLOOR in known else "",
            ratio(one, known[OWN]),
            f"{one.peak:.0f}",
            f"{wrong_pixels(one.out, known[OWN].out):.0f}",
        )
        print(f"| {' | '.join(cells)} |")
    for one in converters:
        if one.missing is not None:
            print(f"\nLeft out: {one.name} ({one.missing}): {INSTALL[one.name]}")


def multiply(source: Path, target: Path, times: int) -> None:
    """Make a larger set of links to the files of a set, in folders beside each other."""
    for number in range(times):
        folder = target / f"{number:03}"
        folder.mkdir(parents=True)
        for file in source.iterdir():
            os.link(file, folder / file.name)


def print_memory(tables: Mapping[str, Mapping[int, float]]) -> None:
    """Print how maskforge's memory depends on the number of images."""
    print("\nmaskforge, memory by number of images\n")
    print("| set | images | peak MB |\n|---|---:|---:|")
    for title, peaks in tables.items():
        for images, peak in peaks.items():
            print(f"| {title} | {images} | {peak:.0f} |")


def main() -> None:
    """Generate the sets, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=40, help="images per set")
    parser.add_argument("--rounds", type=int, default=5, help="turns of every converter")
    parser.add_argument("--times", type=int, default=10, help="how often the large set repeats")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    print(versions(), flush=True)
    with tempfile.TemporaryDirectory(prefix="maskforge-benchmark-") as scratch:
        tables = []
        for title, flags in (("without imageData", []), ("with imageData", ["--embed"])):
            folder = Path(scratch, title)
            source, large = folder / "source", folder / "large"
            command = [sys.executable, str(HERE / "generated_set.py"), str(source), *flags]
            count, seed = f"--images={options.images}", f"--seed={options.seed}"
            subprocess.run([*command, count, seed], check=True)
            converters = measure(source, folder, options.rounds)
            multiply(source, large, options.times)
            peaks = {}
            for times, files in ((1, source), (options.times, large)):
                converter = Converter(OWN, folder / "memory")
                converter.turn(files, warm=False)
                peaks[times * options.images] = converter.peak
            tables.append((title, converters, peaks))
        # Not earlier: NumPy makes this process large, and a new process starts as large as it.
        for title, converters, _ in tables:
            print_table(f"{options.images} images, {title}", converters, options.images)
        print_memory({title: peaks for title, _, peaks in tables})


if __name__ == "__main__":
    main()
