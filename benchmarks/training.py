"""Measures how fast a U-Net is trained: maskforge on its backends beside plain PyTorch.

Run with ``python benchmarks/training.py``. Every trainer runs in a process of its own; what is not
installed is named and left out. They take turns of an epoch, so that a machine that becomes slower
or faster does so for all of them; ratios are medians over the rounds. The first epoch, in which
graphs are compiled, does not count. On a CPU the network is maskforge's default U-Net with 16
filters, on a GPU one of 31 million parameters. Prints Markdown tables.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.metadata
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from trainers import TRAINERS, Settings, operations

HERE = Path(__file__).resolve().parent
MATRIX = "matrix product"
COMPARED = {
    "cpu": (
        "PyTorch float32",
        "PyTorch bfloat16",
        "maskforge, tensorflow, float32",
        "maskforge, tensorflow, bfloat16",
        "maskforge, jax, float32",
        "maskforge, torch, float32",
        MATRIX,
    ),
    "gpu": (
        "PyTorch bfloat16, compiled",
        "PyTorch bfloat16",
        "maskforge, tensorflow, bfloat16",
        "maskforge, jax, bfloat16",
        "maskforge, torch, bfloat16",
        MATRIX,
    ),
}
"""What is compared by default; the first is what the others are divided by."""

ENVIRONMENT = {
    "cpu": {"CUDA_VISIBLE_DEVICES": "", "JAX_PLATFORMS": "cpu"},
    # The processes share the GPU, so none of them may take all memory beforehand.
    "gpu": {"XLA_PYTHON_CLIENT_PREALLOCATE": "false"},
}


@dataclass
class Trainer:
    """A trainer, its process, and what was measured of it.

    Attributes:
        name: Its name in trainers.py.
        process: Where it runs.
        errors: What the process says besides.
        seconds: Duration of every turn.
        rates: Operations per second of every turn; for the matrix product.
        peak: Most memory that it ever had, in MB.
        parameters: Weights that are learned.
        missing: Why it cannot run, or None.
    """

    name: str
    process: subprocess.Popen[str]
    errors: Path
    seconds: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    peak: float = 0.0
    parameters: int = 0
    missing: str | None = None

    @classmethod
    def start(cls, name: str, settings: Settings, errors: Path) -> Trainer:
        """Start the process, and let it have the turn that does not count."""
        with errors.open("w") as stream:
            process = subprocess.Popen(
                [sys.executable, str(HERE / "trainers.py"), name, json.dumps(asdict(settings))],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stream,
                text=True,
                env=os.environ | ENVIRONMENT[settings.device] | {"TF_CPP_MIN_LOG_LEVEL": "2"},
            )
        trainer = cls(name, process, errors)
        if name != MATRIX:
            trainer.parameters = trainer._answer().get("parameters", 0)
        trainer.turn()
        trainer.seconds.clear()
        trainer.rates.clear()
        return trainer

    def turn(self) -> None:
        """Train for an epoch."""
        if self.missing is not None:
            return
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write("\n")
            self.process.stdin.flush()
        answer = self._answer()
        if self.missing is None:
            self.seconds.append(answer["seconds"])
            self.rates += [answer["rate"]] if "rate" in answer else []
            self.peak = answer.get("peak", 0.0)

    def end(self) -> None:
        """Let the process end."""
        with contextlib.suppress(BrokenPipeError):
            self.process.communicate()

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if line:
            answer: dict[str, Any] = json.loads(line)
            return answer
        self.process.wait()
        said = self.errors.read_text().strip().splitlines()
        self.missing = said[-1] if said else f"ended with status {self.process.returncode}"
        return {}


def make_data_set(folder: Path, size: int, count: int) -> None:
    """Write images with an ellipse in noise, and its mask."""
    import cv2
    import numpy as np

    rng = np.random.default_rng(1)
    for kind in ("images", "masks"):
        (folder / kind).mkdir(parents=True)
    for number in range(count):
        mask = np.zeros((size, size), dtype=np.uint8)
        center, axes = rng.integers(size // 4, 3 * size // 4, 2), rng.integers(4, size // 4, 2)
        cv2.ellipse(mask, center.tolist(), axes.tolist(), 0, 0, 360, 1, -1)
        image = (mask * 80 + rng.integers(0, 120, mask.shape)).astype(np.uint8)
        cv2.imwrite(str(folder / "images" / f"{number:04}.png"), image)
        cv2.imwrite(str(folder / "masks" / f"{number:04}.png"), mask)


def measure(settings: Settings, names: Sequence[str], rounds: int) -> list[Trainer]:
    """Let all trainers take turns."""
    trainers: list[Trainer] = []
    with tempfile.TemporaryDirectory(prefix="maskforge-benchmark-") as scratch:
        try:
            for name in names:
                print(f"starting {name}", file=sys.stderr)
                trainers.append(Trainer.start(name, settings, Path(scratch, f"{name}.txt")))
            for done in range(rounds):
                print(f"round {done + 1} of {rounds}", file=sys.stderr)
                for trainer in trainers:
                    trainer.turn()
        finally:
            for trainer in trainers:
                trainer.end()
    return trainers


def rows(settings: Settings, trainers: Sequence[Trainer]) -> list[dict[str, Any]]:
    """Return what was measured, a dictionary for every trainer."""
    matrix = next((one for one in trainers if one.name == MATRIX), None)
    shown = [one for one in trainers if one is not matrix]
    first = shown[0] if shown[0].missing is None else None
    images = settings.steps * settings.batch
    table = []
    for one in shown:
        row: dict[str, Any] = {"trainer": one.name, "missing": one.missing}
        if one.missing is None:
            row["images_per_second"] = images / statistics.median(one.seconds)
            row["peak_mb"] = one.peak
            row["parameters"] = one.parameters
            pairs = zip(first.seconds, one.seconds, strict=True) if first else ()
            row["ratio"] = statistics.median([a / b for a, b in pairs]) if first else None
            rates = [images * operations(settings) / seconds for seconds in one.seconds]
            known = zip(rates, matrix.rates, strict=True) if matrix and not matrix.missing else ()
            shares = [rate / most for rate, most in known] if one.parameters else []
            row["share_of_matrix_rate"] = statistics.median(shares) if shares else None
        table.append(row)
    return table


def print_table(
    settings: Settings, trainers: Sequence[Trainer], table: Sequence[dict[str, Any]]
) -> None:
    """Print the rows as Markdown."""
    known = [row for row in table if row["missing"] is None]
    counts = sorted({f"{row['parameters']:,}" for row in known if row["parameters"]})
    print(
        f"\nU-Net with {' / '.join(counts)} parameters, {settings.batch} images of "
        f"{settings.size} x {settings.size} px per step, "
        f"{operations(settings) / 1e9:.1f} GFLOP per image\n"
    )
    print(f"| trainer | images/s | times {table[0]['trainer']} | peak MB | of the matrix rate |")
    print("|---|---:|---:|---:|---:|")
    for row in known:
        cells = (
            row["trainer"],
            f"{row['images_per_second']:.3g}",
            "" if row["ratio"] is None else f"{row['ratio']:.2f}",
            f"{row['peak_mb']:.0f}" if row["peak_mb"] else "",
            "" if row["share_of_matrix_rate"] is None else f"{row['share_of_matrix_rate']:.0%}",
        )
        print(f"| {' | '.join(cells)} |")
    for one in trainers:
        if one.missing is not None:
            print(f"\nLeft out: {one.name} ({one.missing})")
        elif one.rates:
            print(f"\nMatrix rate: {statistics.median(one.rates) / 1e12:.3g} TFLOP/s in bfloat16")


def versions(device: str) -> str:
    """Return what was compared, for the line above the tables."""
    names = ("maskforge", "keras", "tensorflow", "tensorflow-cpu", "jax", "torch", "numpy")
    known = []
    for name in names:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            known.append(f"{name} {importlib.metadata.version(name)}")
    where = f"{os.cpu_count()} cores"
    if device == "gpu":
        command = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
        found = subprocess.run(command, capture_output=True, text=True, check=False)
        where = found.stdout.strip() or "a GPU"
    python = f"Python {platform.python_version()}"
    return f"{python} on {platform.system()}, {where}; {', '.join(known)}"


def main() -> None:
    """Make images, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", choices=("auto", "cpu", "gpu"), default="auto")
    parser.add_argument("--filters", type=int, help="default: 16 on a CPU, else the preset's 64")
    parser.add_argument("--normalization", choices=("batch", "none"), default="batch")
    parser.add_argument("--size", type=int, nargs="+", help="default: 256, on a GPU 256 and 512")
    parser.add_argument("--batch", type=int, help="default: 4; on a GPU 32, above 256 px 16")
    parser.add_argument("--steps", type=int, help="per turn; default: 10, on a GPU 40")
    parser.add_argument("--rounds", type=int, default=7, help="turns of every trainer")
    parser.add_argument("--only", nargs="+", choices=TRAINERS, metavar="NAME", help="trainers")
    parser.add_argument(
        "--processor-time", action="store_true", help="for a CPU that is busy with other work, too"
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    options = parser.parse_args()
    device = options.device
    if device == "auto":
        device = "gpu" if shutil.which("nvidia-smi") else "cpu"
    gpu = device == "gpu"
    filters = options.filters if options.filters is not None else (0 if gpu else 16)
    results = []
    if not options.json:
        print(versions(device), flush=True)
    for size in options.size or ((256, 512) if gpu else (256,)):
        batch = options.batch or ((32 if size <= 256 else 16) if gpu else 4)
        with tempfile.TemporaryDirectory(prefix="maskforge-benchmark-") as folder:
            settings = Settings(
                folder=folder,
                device=device,
                filters=filters,
                normalization=options.normalization,
                size=size,
                batch=batch,
                steps=options.steps or (40 if gpu else 10),
                processor_time=options.processor_time,
            )
            make_data_set(Path(folder), size, batch)
            trainers = measure(settings, options.only or COMPARED[device], options.rounds)
        table = rows(settings, trainers)
        if not options.json:
            print_table(settings, trainers, table)
        rates = [rate for one in trainers for rate in one.rates]
        facts = {name: value for name, value in asdict(settings).items() if name != "folder"}
        facts["matrix_rate"] = statistics.median(rates) if rates else None
        results.append(facts | {"gflop": operations(settings) / 1e9, "trainers": table})
    if options.json:
        print(json.dumps({"versions": versions(device), "results": results}, indent=1))


if __name__ == "__main__":
    main()
