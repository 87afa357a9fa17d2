"""Measures how long COCO files take to become masks: maskforge beside pycocotools.

Both read the same file of generated outlines, once as polygons and once as run lengths, and draw a
mask of class ids for every image. They take turns, so that a machine that becomes slower or faster
does so for both. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_masks
from pycocotools.coco import COCO

import maskforge

WIDTH, HEIGHT = 640, 480
OBJECTS, VERTICES, CLASSES = 12, 40, 5


def write_file(path: Path, images: int, *, as_runs: bool) -> None:
    """Write a COCO file; the same outlines each time."""
    generator = np.random.default_rng(0)
    listed = [
        {"id": number, "file_name": f"{number}.jpg", "width": WIDTH, "height": HEIGHT}
        for number in range(images)
    ]
    annotations: list[dict[str, Any]] = []
    for number in range(images * OBJECTS):
        angle = np.arange(VERTICES) * (2 * np.pi / VERTICES)
        radius = generator.uniform(10, 90) * generator.uniform(0.7, 1.3, VERTICES)
        center = generator.uniform((0, 0), (WIDTH, HEIGHT))
        ring = center + radius[:, None] * np.column_stack((np.cos(angle), np.sin(angle)))
        segmentation: object = [np.round(ring, 2).ravel().tolist()]
        if as_runs:
            runs = coco_masks.merge(coco_masks.frPyObjects(segmentation, HEIGHT, WIDTH))
            segmentation = {"size": [HEIGHT, WIDTH], "counts": runs["counts"].decode()}
        annotations.append(
            {
                "id": number + 1,
                "image_id": number // OBJECTS,
                "category_id": 1 + number % CLASSES,
                "segmentation": segmentation,
                "iscrowd": 0,
            }
        )
    categories = [{"id": one, "name": f"class {one}"} for one in range(1, CLASSES + 1)]
    document = {"images": listed, "annotations": annotations, "categories": categories}
    path.write_text(json.dumps(document))


def by_pycocotools(path: Path) -> list[NDArray[np.uint8]]:
    """Return the masks as its own functions make them."""
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(str(path))
    masks = []
    for image in coco.getImgIds():
        mask = np.zeros((HEIGHT, WIDTH), np.uint8)
        for annotation in coco.loadAnns(coco.getAnnIds(image)):
            mask[coco.annToMask(annotation) == 1] = annotation["category_id"]
        masks.append(mask)
    return masks


def by_maskforge(path: Path) -> list[NDArray[np.uint8]]:
    """Return the masks as maskforge makes them, with all its checks."""
    classes = maskforge.load_class_map(path)
    masks = (maskforge.draw(image, classes).mask for image in maskforge.read(path))
    return [one.astype(np.uint8) for one in masks if isinstance(one, np.ndarray)]


def seconds(make: Callable[[Path], list[NDArray[np.uint8]]], path: Path) -> float:
    """Return how long it takes to make all masks of a file."""
    start = time.perf_counter()
    make(path)
    return time.perf_counter() - start


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=100, help="images (default 100)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds (default 5)")
    options = parser.parse_args()
    print("| annotations | pycocotools, ms per image | maskforge, ms per image | ratio | pixels |")
    print("|---|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "annotations.json"
        for name in ("polygons", "run lengths"):
            write_file(path, options.images, as_runs=name == "run lengths")
            pairs = zip(by_maskforge(path), by_pycocotools(path), strict=True)
            different = sum(int(np.count_nonzero(one != other)) for one, other in pairs)
            turns = [
                (seconds(by_pycocotools, path), seconds(by_maskforge, path))
                for _ in range(options.rounds)
            ]
            theirs, own = (statistics.median(one) for one in zip(*turns, strict=True))
            cells = (
                name,
                f"{theirs / options.images * 1000:.1f}",
                f"{own / options.images * 1000:.1f}",
                f"{statistics.median(first / second for first, second in turns):.2f}",
                f"{different / options.images:.0f} differ",
            )
            print(f"| {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
