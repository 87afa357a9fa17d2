"""Measures what it gains to label the images that ``maskforge rank`` puts first.

On radiographs of the generator of the samples. A first network is trained on a few of them. In
every round the same number of images is labeled further, chosen by the network or at random, and
the training goes on with all labeled images, for the same number of steps in both arms. Both arms
begin with the same network, and are tested on the same images, which nobody chooses. Prints two
Markdown tables: what the first network gets wrong in the images that are chosen first, and learning
curves.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import maskforge as mf

HERE = Path(__file__).resolve().parent
GENERATOR = HERE.parent / "samples" / "generate.py"
CLASSES = HERE.parent / "samples" / "classes.toml"
POOL_SEED, TEST_SEED = 404, 505
VALIDATION = 6  # the first images of the pool, which tune thresholds in all trainings
BATCH = 16
SMALLEST = 10  # pixels of a region that counts as a lesion
NETWORK = {"arch": "unet", "filters": 8, "depth": 5}
INPUT = {"crop": 96, "rare_share": 0.7, "equal_regions": True}
AUGMENT = {"preset": "light", "flip_vertical": 0.5, "contrast": 0.2, "noise": 0.02}


class Score(NamedTuple):
    """What a model is worth on the images of the test."""

    dice: float
    sensitivity: float
    false: float
    f1: float


def make(work: Path, part: str, count: int, seed: int) -> mf.ExampleSet:
    """Draw radiographs, and open them with the masks of their caries."""
    drawn = work / f"{part}-drawn"
    command = [GENERATOR, "--out", drawn, "--count", count, "--seed", seed]
    subprocess.run([sys.executable, *map(str, command)], check=True)
    mf.convert(drawn, work / part, classes=mf.load_class_map(CLASSES))
    return mf.open_examples(work / part, only=["caries"])


def train(
    pool: mf.ExampleSet,
    labeled: Sequence[str],
    out: Path,
    *,
    steps: int,
    epochs: int,
    seed: int,
    init: Path | None = None,
) -> Path:
    """Train on the images that are labeled, for a number of steps whatever their number."""
    validation = tuple(one.name for one in pool)[:VALIDATION]
    used = pool.subset([*labeled, *validation])
    split = out.with_suffix(".json")
    mf.write_split(split, used, mf.Split(tuple(sorted(labeled)), tuple(sorted(validation))))
    crops = round(steps * BATCH / (epochs * len(labeled)))
    mf.train(
        used,
        out,
        head="sigmoid",
        loss="dice+bce",
        batch_size=BATCH,
        patience=0,
        epochs=epochs,
        validate_every=epochs,
        learning_rate=4e-3 if init is None else 2e-3,
        warmup=0.5,
        seed=seed,
        init=None if init is None else str(init),
        split={"file": str(split)},
        network=NETWORK,
        input={**INPUT, "crops_per_image": crops},
        augment=AUGMENT,
    )
    return out


def evaluate(model: Path, test: mf.ExampleSet) -> mf.EvaluationReport:
    """Evaluate a model on images that it has not learned from."""
    return mf.evaluate(model, test, part="all", bootstrap=0, worst=0, min_size=SMALLEST)


def score(report: mf.EvaluationReport) -> Score:
    """Return the numbers of the tables."""
    caries = next(one for one in report.classes if one.name == "caries")
    lesions = caries.lesions
    assert lesions is not None
    return Score(
        caries.dice or 0.0,
        lesions.sensitivity or 0.0,
        lesions.false_per_image or 0.0,
        lesions.f1 or 0.0,
    )


def ranked(model: Path, images: mf.ExampleSet, **options: Any) -> list[str]:
    """Return the names of images in the order in which they should be labeled."""
    names = {str(one.image): one.name for one in images}
    report = mf.rank(model, list(names), **options)
    return [names[str(one.file)] for one in report.images]


def errors_of_first(
    model: Path, images: mf.ExampleSet, count: int
) -> tuple[dict[str, float], list[str]]:
    """Return lesion errors per image: of all, and of the first by several orders; and the order."""
    wrong = {
        row.name: row.missed_lesions + row.false_lesions for row in evaluate(model, images).rows
    }
    drawn = {one.name: 0.0 for one in images} | wrong
    orders = {by: ranked(model, images, by=by, diversity=0) for by in ("flips", "thresholds")}
    order = ranked(model, images)
    orders["flips, varied"] = order
    means = {"all": statistics.fmean(drawn.values())}
    means |= {
        name: statistics.fmean(drawn[one] for one in names[:count])
        for name, names in orders.items()
    }
    return means, order


def curves(work: Path, seeds: Sequence[int], options: argparse.Namespace) -> None:
    """Print both tables."""
    pool = make(work, "pool", options.pool + VALIDATION, POOL_SEED)
    test = make(work, "test", options.test, TEST_SEED)
    names = [one.name for one in pool][VALIDATION:]
    errors: list[dict[str, float]] = []
    found: dict[tuple[str, int], list[Score]] = {}

    def note(arm: str, labeled: int, model: Path, seed: int) -> None:
        scores = score(evaluate(model, test))
        found.setdefault((arm, labeled), []).append(scores)
        print(f"seed {seed}: {labeled} images, {arm}: {scores}", file=sys.stderr, flush=True)

    for seed in seeds:
        shuffled = np.random.default_rng(seed).permutation(names).tolist()
        first = shuffled[: options.first]
        base = train(pool, first, work / f"{seed}-base", steps=options.steps, epochs=8, seed=seed)
        note("first", len(first), base, seed)
        left = pool.subset(set(names) - set(first))
        means, order = errors_of_first(base, left, options.more)
        errors.append(means)
        print(f"seed {seed}: {means}", file=sys.stderr, flush=True)
        for arm in ("ranked", "random"):
            model, labeled = base, list(first)
            for number in range(options.rounds):
                left = pool.subset(set(names) - set(labeled))
                if arm == "random":
                    order = [one for one in shuffled if one not in labeled]
                elif number:
                    order = ranked(model, left)
                labeled += order[: options.more]
                model = train(
                    pool,
                    labeled,
                    work / f"{seed}-{arm}-{number}",
                    steps=options.further,
                    epochs=4,
                    seed=seed,
                    init=model,
                )
                note(arm, len(labeled), model, seed)
    _print_errors(errors, seeds)
    _print_curves(found, seeds)


def _print_errors(errors: Sequence[dict[str, float]], seeds: Sequence[int]) -> None:
    names = list(errors[0])
    print(f"| seed | {' | '.join(names)} |\n|---|{'---|' * len(names)}")
    for seed, one in zip(seeds, errors, strict=True):
        print(f"| {seed} | {' | '.join(f'{one[name]:.2f}' for name in names)} |")
    means = (statistics.fmean(one[name] for one in errors) for name in names)
    print(f"| mean | {' | '.join(f'{mean:.2f}' for mean in means)} |\n")


def _print_curves(found: dict[tuple[str, int], list[Score]], seeds: Sequence[int]) -> None:
    print(
        f"| images | chosen | {' | '.join(f'Dice, seed {one}' for one in seeds)} | Dice, mean "
        f"| lesions found | false per image | lesion F1 |\n|---|---|{'---|' * (len(seeds) + 4)}"
    )
    for (arm, labeled), scores in sorted(found.items(), key=lambda one: (one[0][1], one[0][0])):
        each = [f"{one.dice:.3f}" for one in scores]
        means = [f"{statistics.fmean(column):.3f}" for column in zip(*scores, strict=True)]
        print(f"| {labeled} | {arm} | {' | '.join([*each, *means])} |")


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--pool", type=int, default=60, help="images that can be labeled")
    parser.add_argument("--test", type=int, default=24, help="images of the test")
    parser.add_argument("--first", type=int, default=8, help="images of the first training")
    parser.add_argument("--more", type=int, default=8, help="images that a round adds")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--steps", type=int, default=600, help="of the first training")
    parser.add_argument("--further", type=int, default=200, help="steps of every further one")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        curves(Path(work), options.seeds, options)


if __name__ == "__main__":
    main()
