"""Measures how good trained models are, on one public and one synthetic set, with fixed recipes.

``isbi`` trains on the membranes of the ISBI 2012 challenge: 30 slices of 512x512 px, of which the
last six, as a block, are the test. ``caries`` makes 200 and 50 radiographs with the generator of
the samples and other seeds than theirs. Every training is one ``maskforge train`` with a recipe of
the documentation. Prints Markdown tables.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import maskforge

HERE = Path(__file__).resolve().parent
RECIPES = HERE.parent / "docs" / "recipes"
GENERATOR = HERE.parent / "samples" / "generate.py"
CLASSES = HERE.parent / "samples" / "classes.toml"
SLICES = 30
LEARNED = 24  # slices before this number; what follows is the test
TRAIN_SEED, TEST_SEED = 101, 202
SMALLEST = 10  # pixels of a region that counts as a lesion
FALSE_ALARMS = 0.5  # false lesions per image that are accepted


def run(*arguments: object) -> str:
    """Run a command of maskforge; return what it says on stdout."""
    command = [sys.executable, "-m", "maskforge", *map(str, arguments)]
    print("$ maskforge", *arguments, file=sys.stderr, flush=True)
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def evaluate(*arguments: object) -> dict[str, Any]:
    """Evaluate; return the report."""
    report: dict[str, Any] = json.loads(run("evaluate", *arguments, "--json", "--bootstrap", 0))
    return report


def dice_of(report: dict[str, Any], name: str) -> float:
    """Return the Dice of a class."""
    return float(next(one["dice"] for one in report["classes"] if one["name"] == name))


def best_brightness(folder: Path) -> float:
    """Return the Dice of the best range of brightness, chosen on the very images it marks."""
    dataset = maskforge.open_dataset(folder)
    caries = next(one.id for one in dataset.classes.classes if one.name == "caries")
    counts = np.zeros((2, 256), dtype=np.int64)
    for item in dataset:
        image, mask = item.read_image(), item.read_mask()
        assert image is not None  # the generator wrote it
        for number, region in enumerate((mask != caries, mask == caries)):
            counts[number] += np.bincount(image[region].ravel(), minlength=256)
    false, found = np.pad(counts.cumsum(axis=1), ((0, 0), (1, 0)))
    # [low, high]: pixels from one brightness to the other.
    common, marked = (one[None, 1:] - one[:-1, None] for one in (found, found + false))
    return float(np.max(np.triu(2 * common / np.maximum(marked + found[-1], 1))))


def isbi(data: Path, work: Path, seeds: Sequence[int]) -> None:
    """Print the table of the membranes."""
    folders = ("--images", data / "image", "--masks", data / "label")
    meaning = ("--mask-value", "0=membrane", "--mask-value", "255=background")
    names = [str(number) for number in range(SLICES)]
    split = work / "split.json"
    parts = {"train": names[:LEARNED], "validation": [], "test": names[LEARNED:]}
    split.write_text(json.dumps(parts), encoding="utf-8")
    print("| seed | training, min | Dice | IoU | Dice, test-time augmentation |")
    print("|---|---|---|---|---|")
    rows = []
    for seed in seeds:
        out = work / f"seed-{seed}"
        began = time.monotonic()
        recipe = RECIPES / "isbi-membranes.toml"
        train = ("train", "--config", recipe, *folders, *meaning, "--split", split)
        run(*train, "--seed", seed, "--out", out)
        minutes = (time.monotonic() - began) / 60
        test = (out, *folders, *meaning, "--split", split, "--part", "test")
        plain, turned = evaluate(*test), evaluate(*test, "--tta")
        iou = next(one["iou"] for one in plain["classes"] if one["name"] == "membrane")
        rows.append((minutes, dice_of(plain, "membrane"), iou, dice_of(turned, "membrane")))
        _print_row(seed, rows[-1])
    _print_row("mean", [statistics.fmean(column) for column in zip(*rows, strict=True)])


def caries(work: Path, seeds: Sequence[int]) -> None:
    """Print the table of the synthetic lesions."""
    masks = {}
    for part, count, seed in (("train", 200, TRAIN_SEED), ("test", 50, TEST_SEED)):
        drawn = work / f"{part}-drawn"
        generate = [GENERATOR, "--out", drawn, "--count", count, "--seed", seed]
        subprocess.run([sys.executable, *map(str, generate)], check=True)
        masks[part] = work / part
        run("convert", drawn, "--out", masks[part], "--classes", CLASSES)
    print(f"best range of brightness: Dice {best_brightness(masks['test']):.4f}\n")
    print(
        "| seed | training, min | Dice | with test-time augmentation | lesions found "
        f"| false per image | found with at most {FALSE_ALARMS} |\n|---|---|---|---|---|---|---|"
    )
    rows = []
    for seed in seeds:
        out = work / f"seed-{seed}"
        began = time.monotonic()
        recipe = RECIPES / "caries-ten-minutes.toml"
        run("train", masks["train"], "--config", recipe, "--seed", seed, "--out", out)
        minutes = (time.monotonic() - began) / 60
        test = (out, masks["test"], "--part", "all", "--min-size", SMALLEST)
        plain, turned = evaluate(*test), evaluate(*test, "--tta")
        lesions = next(one["lesions"] for one in turned["classes"] if one["name"] == "caries")
        accepted = [
            point["sensitivity"]
            for point in (lesions, *lesions["operating_points"])
            if point["false_per_image"] <= FALSE_ALARMS
        ]
        scores = (dice_of(plain, "caries"), dice_of(turned, "caries"))
        tuned = (lesions["sensitivity"], lesions["false_per_image"])
        rows.append((minutes, *scores, *tuned, max(accepted, default=0.0)))
        _print_row(seed, rows[-1])
    _print_row("mean", [statistics.fmean(column) for column in zip(*rows, strict=True)])


def _print_row(name: object, values: Sequence[float]) -> None:
    minutes, *scores = values
    cells = [str(name), f"{minutes:.1f}", *(f"{score:.4f}" for score in scores)]
    print(f"| {' | '.join(cells)} |", flush=True)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("set", choices=("isbi", "caries"))
    parser.add_argument("--data", type=Path, help="folder with image/ and label/, for isbi")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--keep", type=Path, help="new folder for the runs (default: removed)")
    options = parser.parse_args()
    if options.set == "isbi" and options.data is None:
        parser.error("--data is missing")
    with tempfile.TemporaryDirectory() as temporary:
        work = options.keep or Path(temporary)
        work.mkdir(parents=True, exist_ok=True)
        if options.set == "isbi":
            isbi(options.data, work, options.seeds)
        else:
            caries(work, options.seeds)


if __name__ == "__main__":
    main()
