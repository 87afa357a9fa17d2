"""Measures what the masks of one image of 40,000 x 40,000 pixels cost.

The annotation has 200 large outlines of 400 vertices, and many small ones of 24. Prints the peak of
memory and the processor time of `convert` in a process of its own, and the size of the files.
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

SIDE = 40_000

MEASURE = """
import json, resource, sys, maskforge
maskforge.convert(sys.argv[1], sys.argv[2], **json.loads(sys.argv[3]))
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", type=int, nargs="+", default=[20_000, 90_000])
    counts = parser.parse_args().small
    print("| shapes | what | peak MB | seconds of processor | MB of files |")
    print("|---:|---|---:|---:|---:|")
    for small in counts:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "x.json")
            size = {"imageHeight": SIDE, "imageWidth": SIDE, "imageData": None}
            content: dict[str, Any] = {
                "version": "5.8.1",
                "flags": {},
                "imagePath": "x.tif",
                **size,
            }
            file.write_text(json.dumps({**content, "shapes": list(outlines(small))}))
            for number, (name, options) in enumerate(RUNS):
                out = Path(folder, f"out-{number}")
                command = [sys.executable, "-c", MEASURE, str(file), str(out), json.dumps(options)]
                result = subprocess.run(command, check=True, capture_output=True, text=True)
                peak, seconds = map(float, result.stdout.split())
                written = sum(one.stat().st_size for one in out.rglob("*.tiff")) / 1e6
                print(f"| {small + 200:,} | {name} | {peak:.0f} | {seconds:.0f} | {written:.0f} |")


if __name__ == "__main__":
    main()
