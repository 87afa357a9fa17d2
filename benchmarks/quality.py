"""Measures how good trained models are, on one public and one synthetic set, with fixed recipes.

``isbi`` trains on the membranes of the ISBI 2012 challenge: 30 slices of 512x512 px, of which the
last six, as a block, are the test. ``caries`` makes 200 and 50 radiographs with the generator of
the samples and other seeds than theirs. Every training is one ``maskforge train`` with a recipe of
the documentation. Prints Markdown tables; ``CPU, s`` is the processor time of the whole training.

What a recipe says is not chosen on the test: ``isbi --folds 3`` cross-validates on the first 24
slices, in blocks, and ``caries --test-seed 303 --test-count 100`` scores on further radiographs.
"""

from __future__ import annotations

import argparse
import json
import resource
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


def train(*arguments: object) -> float:
    """Train; return the processor time in seconds."""

    def spent() -> float:
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    before = spent()
    run("train", *arguments)
    return spent() - before


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


def _blocks(folds: int) -> list[tuple[list[str], list[str], list[str]]]:
    """Return names of the training, of the test, and of what neither sees."""
    names = [str(number) for number in range(SLICES)]
    learned, test = names[:LEARNED], names[LEARNED:]
    if not folds:
        return [(learned, test, [])]
    size = -(-LEARNED // folds)
    blocks = [learned[first : first + size] for first in range(0, LEARNED, size)]
    return [([one for one in learned if one not in block], block, test) for block in blocks]


def isbi(data: Path, work: Path, recipe: Path, seeds: Sequence[int], folds: int) -> None:
    """Print the table of the membranes."""
    folders = ("--images", data / "image", "--masks", data / "label")
    meaning = ("--mask-value", "0=membrane", "--mask-value", "255=background")
    print("| test slices | seed | CPU, s | minutes | Dice | IoU | Dice, test-time augmentation |")
    print("|---|---|---|---|---|---|---|")
    rows = []
    for learned, tested, unused in _blocks(folds):
        block = f"{tested[0]}-{tested[-1]}"
        split = work / f"split-{block}.json"
        parts = {"train": learned, "validation": [], "test": tested, "unused": unused}
        split.write_text(json.dumps(parts), encoding="utf-8")
        for seed in seeds:
            out = work / f"test-{block}-seed-{seed}"
            began = time.monotonic()
            known = (*folders, *meaning, "--split", split)
            spent = train("--config", recipe, *known, "--seed", seed, "--out", out)
            minutes = (time.monotonic() - began) / 60
            test = (out, *known, "--part", "test")
            plain, turned = evaluate(*test), evaluate(*test, "--tta")
            iou = next(one["iou"] for one in plain["classes"] if one["name"] == "membrane")
            scores = (dice_of(plain, "membrane"), iou, dice_of(turned, "membrane"))
            rows.append((spent, minutes, *scores))
            _print_row((block, seed), rows[-1])
    _print_row(("mean", ""), [statistics.fmean(column) for column in zip(*rows, strict=True)])


def caries(work: Path, recipe: Path, seeds: Sequence[int], test_seed: int, test_count: int) -> None:
    """Print the table of the synthetic lesions."""
    masks = {}
    for part, count, seed in (("train", 200, TRAIN_SEED), ("test", test_count, test_seed)):
        drawn = work / f"{part}-drawn"
        generate = [GENERATOR, "--out", drawn, "--count", count, "--seed", seed]
        subprocess.run([sys.executable, *map(str, generate)], check=True)
        masks[part] = work / part
        run("convert", drawn, "--out", masks[part], "--classes", CLASSES)
    print(f"best range of brightness: Dice {best_brightness(masks['test']):.4f}\n")
    print(
        "| seed | CPU, s | minutes | Dice | with test-time augmentation | lesions found "
        f"| false per image | found with at most {FALSE_ALARMS} | images without caries right |\n"
        "|---|---|---|---|---|---|---|---|---|"
    )
    rows = []
    for seed in seeds:
        out = work / f"seed-{seed}"
        began = time.monotonic()
        spent = train(masks["train"], "--config", recipe, "--seed", seed, "--out", out)
        minutes = (time.monotonic() - began) / 60
        # Regions of at least that size count, and none that a model was told to remove.
        counted = ("--min-size", SMALLEST, "--post-processing", "none")
        test = (out, masks["test"], "--part", "all", *counted)
        plain, turned = evaluate(*test), evaluate(*test, "--tta")
        found = next(one for one in turned["classes"] if one["name"] == "caries")
        lesions = found["lesions"]
        accepted = [
            point["sensitivity"]
            for point in (lesions, *lesions["operating_points"])
            if point["false_per_image"] <= FALSE_ALARMS
        ]
        scores = (dice_of(plain, "caries"), dice_of(turned, "caries"))
        tuned = (lesions["sensitivity"], lesions["false_per_image"])
        right = found["images"]["specificity"]
        rows.append((spent, minutes, *scores, *tuned, max(accepted, default=0.0), right))
        _print_row((seed,), rows[-1])
    _print_row(("mean",), [statistics.fmean(column) for column in zip(*rows, strict=True)])


def _print_row(names: Sequence[object], values: Sequence[float]) -> None:
    spent, minutes, *scores = values
    cells = [*map(str, names), f"{spent:.0f}", f"{minutes:.1f}"]
    cells += [f"{score:.4f}" for score in scores]
    print(f"| {' | '.join(cells)} |", flush=True)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("set", choices=("isbi", "caries"))
    parser.add_argument("--data", type=Path, help="folder with image/ and label/, for isbi")
    parser.add_argument("--recipe", type=Path, help="instead of that of the documentation")
    parser.add_argument("--folds", type=int, default=0, help="blocks of training slices, for isbi")
    parser.add_argument("--test-seed", type=int, default=TEST_SEED, help="of radiographs")
    parser.add_argument("--test-count", type=int, default=50, help="number of radiographs")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--keep", type=Path, help="new folder for the runs (default: removed)")
    options = parser.parse_args()
    if options.set == "isbi" and options.data is None:
        parser.error("--data is missing")
    with tempfile.TemporaryDirectory() as temporary:
        work = options.keep or Path(temporary)
        work.mkdir(parents=True, exist_ok=True)
        if options.set == "isbi":
            recipe = options.recipe or RECIPES / "isbi-membranes.toml"
            isbi(options.data, work, recipe, options.seeds, options.folds)
        else:
            recipe = options.recipe or RECIPES / "caries-ten-minutes.toml"
            caries(work, recipe, options.seeds, options.test_seed, options.test_count)


if __name__ == "__main__":
    main()
