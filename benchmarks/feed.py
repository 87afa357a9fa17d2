"""Measures how many crops a second the feed of a training prepares, without a network.

The crops are cut from images in memory, with augmentation, by one thread, by two, and so on. All
numbers of threads take turns, so that a machine that becomes slower or faster does so for all. The
processor time of crops of 16 px shows what the interpreter takes for a crop of any size: one thread
at a time can do that, so it limits what many threads can do together. Prints Markdown tables.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import get_args

import cv2
import numpy as np

from maskforge.augmentation.augment_options import PRESETS
from maskforge.batches.batch_options import BatchOptions
from maskforge.batches.batches import Batches
from maskforge.choices import AugmentPreset
from maskforge.examples.example import Example
from maskforge.images.intensity import ScalingRecord
from maskforge.images.png import write_png
from maskforge.masks.classes import ClassMap, MaskClass
from maskforge.nn import backend
from maskforge.shapes import Size

IMAGES, SIDE = 16, 1024
CLASSES = ClassMap((MaskClass(1, "spot", (255, 0, 0), ()),))
SMALL = 16  # px: next to no arithmetic


def write_examples(folder: Path, channels: int) -> list[Example]:
    """Write images of smooth noise; their masks are what is bright."""
    examples = []
    for number in range(IMAGES):
        noise = np.random.default_rng(number).random((SIDE // 16, SIDE // 16, channels))
        image = cv2.resize(noise * 255, (SIDE, SIDE)).reshape(SIDE, SIDE, channels).astype(np.uint8)
        paths = (folder / f"{number}.png", folder / f"{number}-mask.png")
        write_png(paths[0], image if channels == 3 else image[..., 0])
        write_png(paths[1], (image[..., 0] > 170).astype(np.uint8))
        size = Size(SIDE, SIDE)
        examples.append(Example(name=str(number), image=paths[0], mask=paths[1], size=size))
    return examples


def batches_of(
    examples: list[Example], channels: int, crop: int, batch: int, steps: int, preset: AugmentPreset
) -> Batches:
    """Return epochs of so many steps, with all images decoded."""
    options = BatchOptions(
        head="softmax",
        classes=CLASSES,
        scaling=ScalingRecord(channels=channels),
        batch_size=batch,
        crop=crop,
        crops_per_image=-(-batch * steps // IMAGES),
        rare_share=0.5,
        augment=PRESETS[preset],
        hold="memory",
    )
    batches = Batches(examples, options)
    for step in range(len(batches)):
        batches[step]
    return batches


def measure(batches: Batches, threads: int) -> tuple[float, float]:
    """Return crops per second, and seconds of processor time per crop."""
    from maskforge.training.loop.feed import Feed

    with Feed(batches, threads, epochs=1) as feed:
        feed.begin(0)
        began, before = time.perf_counter(), time.process_time()
        for step in range(len(feed)):
            feed[step]
        seconds, busy = time.perf_counter() - began, time.process_time() - before
    crops = len(batches) * batches.options.batch_size
    return crops / seconds, busy / crops


def compare(batches: Batches, workers: list[int], rounds: int) -> list[tuple[float, float, float]]:
    """Return crops per second, times one worker, and processor time per crop of each."""
    found = [[measure(batches, threads) for threads in workers] for _ in range(rounds)]
    return [
        (
            statistics.median(row[place][0] for row in found),
            statistics.median(row[place][0] / row[0][0] for row in found),
            statistics.median(row[place][1] for row in found),
        )
        for place in range(len(workers))
    ]


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4, 8, 16])
    parser.add_argument("--sizes", type=int, nargs="+", default=[256, 512])
    parser.add_argument("--channels", type=int, nargs="+", choices=[1, 3], default=[1, 3])
    parser.add_argument("--preset", choices=get_args(AugmentPreset), default="light")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--steps", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    backend.start()
    print("| channels | crop | workers | crops/s | times the first | processor ms per crop |")
    print("|---:|---:|---:|---:|---:|---:|")
    for channels in given.channels:
        with tempfile.TemporaryDirectory() as folder:
            examples = write_examples(Path(folder), channels)
            for crop in (SMALL, *given.sizes):
                made = batches_of(examples, channels, crop, given.batch, given.steps, given.preset)
                workers = given.workers[:1] if crop == SMALL else given.workers
                rows = compare(made, workers, given.rounds)
                for threads, (speed, ratio, busy) in zip(workers, rows, strict=True):
                    print(
                        f"| {channels} | {crop} | {threads} | {speed:.0f} | {ratio:.2f} "
                        f"| {busy * 1e3:.2f} |",
                        flush=True,
                    )


if __name__ == "__main__":
    main()
