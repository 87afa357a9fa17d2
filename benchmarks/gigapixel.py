"""Measures what one image of 40,000 x 40,000 pixels costs: masks, a prediction, an evaluation.

The annotation has 200 large outlines of 400 vertices, and many small ones of 24. The prediction is
that of a U-Net of 4 filters with random weights in the fastest runtime, of an image in JPEG tiles
(this needs Keras with TensorFlow, a runtime and imagecodecs); the evaluation compares two masks of
such annotations. Prints the peak of memory and the processor time of each in a process of its own,
and the size of the files.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from prediction import make_model

SIDE = 40_000

MEASURE = """
import json, resource, sys, maskforge
name, options, *given = sys.argv[1:]
getattr(maskforge, name)(*given, **json.loads(options))
usage = resource.getrusage(resource.RUSAGE_SELF)
scale = 2**20 if sys.platform == "darwin" else 2**10
print(usage.ru_maxrss / scale, usage.ru_utime + usage.ru_stime)
"""

RUNS: tuple[tuple[str, dict[str, object]], ...] = (
    ("mask", {}),
    ("mask with pyramid, instance map", {"pyramid": True, "instances": True}),
)


def outlines(small: int) -> Iterator[dict[str, Any]]:
    """Yield the shapes of a LabelMe file."""
    chance = random.Random(0)
    for number in range(200 + small):
        label, vertices, least, most = (
            ("tumor", 400, 500, 5000) if number < 200 else ("cell", 24, 8, 30)
        )
        x, y, radius = (chance.uniform(*one) for one in ((0, SIDE), (0, SIDE), (least, most)))
        points = []
        for one in range(vertices):
            angle = 2 * math.pi * one / vertices
            reach = radius * (0.7 + 0.3 * math.sin(5 * angle))
            points.append((x + reach * math.cos(angle), y + reach * math.sin(angle)))
        yield {"label": label, "points": points, "shape_type": "polygon", "flags": {}}


def annotate(file: Path, shapes: list[dict[str, Any]]) -> None:
    size = {"imageHeight": SIDE, "imageWidth": SIDE, "imageData": None}
    content: dict[str, Any] = {"version": "5.8.1", "flags": {}, "imagePath": "x.tif", **size}
    file.write_text(json.dumps({**content, "shapes": shapes}))


def show(shapes: int, what: str, name: str, options: dict[str, object], *given: Path) -> None:
    """Run a function in a process of its own, and print a row; the last path is what it writes."""
    command = [sys.executable, "-c", MEASURE, name, json.dumps(options), *map(str, given)]
    result = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    peak, seconds = map(float, result.stdout.split())
    written = sum(one.stat().st_size for one in given[-1].rglob("*.tiff")) / 1e6
    print(f"| {shapes:,} | {what} | {peak:.0f} | {seconds:.0f} | {written:.0f} |", flush=True)


def convert(small: int, folder: Path) -> None:
    annotate(folder / "x.json", list(outlines(small)))
    for number, (what, options) in enumerate(RUNS):
        show(small + 200, what, "convert", options, folder / "x.json", folder / f"out-{number}")


def evaluate(small: int, folder: Path) -> None:
    """Compare masks of which one is moved by 3 px, and lacks every seventh shape."""
    for name in ("predicted", "truth"):
        shapes = list(outlines(small))
        if name == "predicted":
            shapes = [one for number, one in enumerate(shapes) if number % 7]
            for one in shapes:
                one["points"] = [(x + 3, y + 3) for x, y in one["points"]]
        annotate(folder / "x.json", shapes)
        arguments = ("convert", folder / "x.json", "--out", folder / name)
        command = [sys.executable, "-m", "maskforge", *map(str, arguments)]
        subprocess.run(command, check=True, capture_output=True)
    given = folder / "predicted", folder / "truth", folder / "report"
    show(small + 200, "two masks compared", "evaluate", {"charts": False}, *given)


def tiles() -> Iterator[NDArray[np.uint8]]:
    """Yield the tiles of an image, in colors."""
    import cv2

    random = np.random.default_rng(0)
    coarse = random.integers(0, 256, (20, 20, 3), dtype=np.uint8)
    tile = cv2.resize(coarse, (512, 512), interpolation=cv2.INTER_CUBIC) // 2
    tile += random.integers(0, 16, tile.shape, dtype=np.uint8)
    for number in range((-(-SIDE // 512)) ** 2):
        yield np.roll(tile, 37 * number, axis=(0, 1))


def predict(folder: Path) -> None:
    import tifffile

    make_model(folder / "model", filters=4, channels=3)
    form: dict[str, Any] = {"tile": (512, 512), "photometric": "rgb", "compression": "jpeg"}
    tifffile.imwrite(
        folder / "x.tif", tiles(), shape=(SIDE, SIDE, 3), dtype=np.uint8, bigtiff=True, **form
    )
    options: dict[str, object] = {"pyramid": True, "overlap": 0.25, "batch_size": 1}
    what = "prediction with pyramid"
    show(0, what, "predict", options, folder / "model", folder / "x.tif", folder / "predicted")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", type=int, nargs="+", default=[20_000, 90_000])
    parser.add_argument("--what", nargs="+", default=["convert", "evaluate", "predict"])
    given = parser.parse_args()
    print("| shapes | what | peak MB | seconds of processor | MB of files |")
    print("|---:|---|---:|---:|---:|")
    for name in given.what:
        for small in given.small:
            with tempfile.TemporaryDirectory() as folder:
                if name == "predict":
                    predict(Path(folder))
                    break
                {"convert": convert, "evaluate": evaluate}[name](small, Path(folder))


if __name__ == "__main__":
    main()
