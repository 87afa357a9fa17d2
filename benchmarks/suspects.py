"""Measures how many planted errors `maskforge suspects` finds, beside cleanlab's pixel method.

Makes radiographs with the generator of the samples, plants errors of four kinds into their
annotations, cross-validates one short training on them, and asks both methods which labels look
wrong, from the same probabilities. A region that a method lists is right if its box and that of a
planted error have an IoU of at least a quarter; every error can be found once. Prints Markdown
tables.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from planted_errors import KINDS, LESION, OTHER, Box, Error, plant

import maskforge
from maskforge.evaluation.comparison import open_comparison
from maskforge.evaluation.evaluate_options import EvaluateOptions
from maskforge.prediction.model_options import ModelOptions

HERE = Path(__file__).resolve().parent
RECIPE = HERE.parent / "docs" / "recipes" / "caries-ten-minutes.toml"
GENERATOR = HERE.parent / "samples" / "generate.py"
CLASSES = HERE.parent / "samples" / "classes.toml"
FIRST_SEED = 1000  # of the radiographs: others than those of samples and other benchmarks
SAME = 0.25  # IoU of the boxes of what was found and what was planted
SMALLEST = 4  # pixels of a region, for both methods
RANKS = (10, 20, 50)


class Found(NamedTuple):
    """A region that a method lists."""

    image: str
    box: Box
    score: float


@dataclass(frozen=True)
class Probabilities:
    """What the network says of every image that it has not learned from.

    Attributes:
        names: Of the N images.
        labels: (N, H, W) int64: what is drawn; 0 is the background.
        likely: (N, K, H, W) float32: a probability of each class, background first.
    """

    names: list[str]
    labels: NDArray[np.int64]
    likely: NDArray[np.float32]


def run(*arguments: object) -> None:
    """Run a command of maskforge."""
    print("$ maskforge", *arguments, file=sys.stderr, flush=True)
    command = [sys.executable, "-m", "maskforge", *map(str, arguments)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def train(work: Path, options: argparse.Namespace, seed: int) -> list[Error]:
    """Make a set with errors, and train on it; return the errors."""
    drawn, seeds = work / "drawn", ("--seed", FIRST_SEED + seed)
    generate = [GENERATOR, "--out", drawn, "--count", options.count, *seeds]
    subprocess.run([sys.executable, *map(str, generate)], check=True)
    errors = plant(drawn, options.share, seed)
    run("convert", drawn, "--out", work / "masks", "--classes", CLASSES)
    run(
        *("train", work / "masks", "--out", work / "cv", "--config", RECIPE, "--folds", 3),
        *("--only", LESION, "--only", OTHER, "--set", "head=softmax", "--set", "loss=auto"),
        *("--epochs", options.epochs, "--set", f"validate_every={options.epochs}"),
        *("--seed", seed),
    )
    return errors


def ask_maskforge(work: Path) -> list[Found]:
    """Return the regions of ``maskforge suspects``, the most suspicious first."""
    report = maskforge.suspects(work / "cv", work / "masks", min_size=SMALLEST, runtime="keras")
    return [Found(one.image, one.box, one.score) for one in report.suspects]


def predict(work: Path) -> Probabilities:
    """Return what each network says of the images that it has not learned from."""
    task = open_comparison(
        work / "cv", work / "masks", EvaluateOptions(model=ModelOptions(runtime="keras")), None
    )
    labels, likely = [], []
    for example in task.examples:
        regions, predicted = task.sides.regions(example)
        labels.append(regions.truth.argmax(axis=0))
        classes = np.moveaxis(np.asarray(predicted.probabilities, np.float32), -1, 0)
        likely.append(np.concatenate([1 - classes.sum(axis=0, keepdims=True), classes]))
    names = [example.name for example in task.examples]
    return Probabilities(names, np.stack(labels), np.stack(likely).clip(0, 1))


def ask_cleanlab(given: Probabilities) -> list[Found]:
    """Return connected regions of pixels that cleanlab flags, by the mean of their scores."""
    from cleanlab.segmentation.filter import find_label_issues
    from cleanlab.segmentation.rank import get_label_quality_scores

    flagged = find_label_issues(given.labels, given.likely, n_jobs=1, verbose=False)
    _, quality = get_label_quality_scores(given.labels, given.likely, verbose=False)
    found = []
    for name, plane, good in zip(given.names, flagged, quality, strict=True):
        count, numbers, stats, _ = cv2.connectedComponentsWithStats(plane.astype(np.uint8))
        for number in range(1, count):
            left, top, width, height, area = map(int, stats[number])
            if area >= SMALLEST:
                box = (left, top, left + width, top + height)
                found.append(Found(name, box, float(1 - good[numbers == number].mean())))
    return sorted(found, key=lambda one: -one.score)


def images_of_cleanlab(given: Probabilities) -> list[str]:
    """Return the images as cleanlab ranks them, the most suspicious first."""
    from cleanlab.segmentation.rank import get_label_quality_scores

    scores, _ = get_label_quality_scores(given.labels, given.likely, verbose=False)
    return [given.names[at] for at in np.argsort(scores, kind="stable")]


def judge(found: Iterable[Found], errors: Sequence[Error]) -> list[Error | None]:
    """Return for every region which error it found; None for a false one, or one once more."""
    left = list(errors)
    judged: list[Error | None] = []
    for one in found:
        best = max(
            (error for error in left if error.image == one.image),
            key=lambda error: overlap(error.box, one.box),
            default=None,
        )
        hit = best if best is not None and overlap(best.box, one.box) >= SAME else None
        if hit is not None:
            left.remove(hit)
        judged.append(hit)
    return judged


def overlap(one: Box, two: Box) -> float:
    """Return the IoU of two boxes."""
    sides = [max(0.0, min(one[at + 2], two[at + 2]) - max(one[at], two[at])) for at in (0, 1)]
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, two)]
    common = sides[0] * sides[1]
    return common / (sum(areas) - common)


def print_table(head: Sequence[object], rows: Iterable[Sequence[object]]) -> None:
    """Print a Markdown table."""
    print(f"\n| {' | '.join(map(str, head))} |\n|{'---|' * len(head)}")
    for row in rows:
        cells = (f"{cell:.2f}" if isinstance(cell, float) else str(cell) for cell in row)
        print(f"| {' | '.join(cells)} |", flush=True)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--count", type=int, default=120, help="radiographs (default 120)")
    parser.add_argument("--share", type=float, default=0.15, help="of lesions (default 0.15)")
    parser.add_argument("--epochs", type=int, default=20, help="of each training (default 20)")
    parser.add_argument("--keep", type=Path, help="new folder for the runs (default: removed)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        measure(options.keep or Path(temporary), options)


def measure(folder: Path, options: argparse.Namespace) -> None:
    """Print the tables."""
    methods = ("maskforge suspects", "cleanlab")
    regions, images = [], []
    found_kinds, planted = Counter[tuple[str, str]](), Counter[str]()
    for seed in options.seeds:
        work = folder / f"seed-{seed}"
        work.mkdir(parents=True)
        began = time.monotonic()
        errors = train(work, options, seed)
        print(f"seed {seed}: {(time.monotonic() - began) / 60:.1f} min", file=sys.stderr)
        planted.update(error.kind for error in errors)
        wrong = {error.image for error in errors}
        given = predict(work)
        lists = dict(zip(methods, (ask_maskforge(work), ask_cleanlab(given)), strict=True))
        orders = (in_order(lists[methods[0]]), images_of_cleanlab(given))
        for (name, found), order in zip(lists.items(), orders, strict=True):
            hits = judge(found, errors)
            right = [hit is not None for hit in hits]
            shares = [sum(right[:rank]) / rank for rank in (*RANKS, len(errors))]
            regions.append((seed, name, len(found), *shares, sum(right) / len(errors)))
            first = filter(None, hits[: len(errors)])
            found_kinds.update((name, error.kind) for error in first)
            images.append(
                (
                    seed,
                    name,
                    *(sum(one in wrong for one in order[:rank]) / rank for rank in RANKS[:2]),
                )
            )
    count = sum(planted.values())
    print(f"{count} errors in {len(options.seeds)} x {options.count} radiographs")
    print_table(
        (
            *("seed", "method", "regions"),
            *(f"right of the first {rank}" for rank in RANKS),
            *("of as many as were planted", "planted errors in the whole list"),
        ),
        regions,
    )
    print_table(
        ("planted", "errors", *(f"{name}: among the first" for name in methods)),
        [(kind, planted[kind], *(found_kinds[name, kind] for name in methods)) for kind in KINDS],
    )
    print_table(
        ("seed", "images by", *(f"with an error of the first {rank}" for rank in RANKS[:2])), images
    )


def in_order(found: Iterable[Found]) -> list[str]:
    """Return images by the most suspicious region in each."""
    return list(dict.fromkeys(one.image for one in found))


if __name__ == "__main__":
    main()
