"""Healthy sets and runs in which ``doctor`` finds nothing, made without Keras."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
from model_folders import describe
from training_runs import DISC, SMALL, discs, split_of, write

from maskforge.examples.example import Example, ExampleSet
from maskforge.examples.splitfile import write_split
from maskforge.files import CONFIG, write_whole
from maskforge.masks.classes import ClassMap
from maskforge.nn.modelfile import write_description
from maskforge.training.configfile import build_options, dump_config
from maskforge.training.doctor.machine import Machine, Package
from maskforge.training.run_folder import (
    HISTORY,
    Epoch,
    RunRecord,
    Scores,
    write_history,
    write_record,
)
from maskforge.training.splits import choose_splits
from maskforge.training.train_options import TrainOptions

COUNT = 25
"""Of these, 20 are for training, and 5 for validation."""

RUNTIME = Package(name="openvino", version="1", purpose="predictions", install="pip install it")
HEALTHY = Machine(packages=(RUNTIME,), device="Keras 3 on tensorflow 2, CPU with 2 cores")


def chosen(**changed: object) -> TrainOptions:
    """Return options with which nothing is wrong; tables replace those of the defaults."""
    document = {key: value for key, value in SMALL.items() if key != "epochs"}
    return build_options(document | {"epochs": 50} | changed)


def healthy(folder: Path, **options: object) -> ExampleSet:
    return discs(folder, COUNT, **options)


def changed(examples: ExampleSet, **fields: object) -> ExampleSet:
    """Return examples with other fields: each a function of the number of the example."""
    made = [
        replace(one, **{key: value(number) for key, value in fields.items()})
        for number, one in enumerate(examples)
    ]
    return replace(examples, examples=tuple(made))


def spots(
    folder: Path, side: int = 4, *, only: int = COUNT, classes: ClassMap = DISC
) -> ExampleSet:
    """Write images of 64 x 64 px with a bright square; beyond some, with nothing.

    A square of up to 5 px lies between the pixels that are left in 8 x 8 px.
    """

    def made(number: int) -> Example:
        image = np.random.default_rng(number).integers(20, 60, (64, 64)).astype(np.uint8)
        mask = np.zeros((64, 64), np.uint8)
        if number < only:
            mask[5 : 5 + side, 5 : 5 + side] = 1
        return write(folder, f"x{number}", image + 150 * mask, mask)

    return ExampleSet(tuple(map(made, range(COUNT))), classes, "spots")


def split_file(path: Path, examples: ExampleSet, validation: list[str]) -> str:
    """Write a split with these validation examples, and return its path."""
    write_split(path, examples, split_of(examples, validation))
    return str(path)


def run_folder(
    folder: Path,
    examples: ExampleSet,
    *,
    validation_dice: tuple[float, ...] = (0.5, 0.7, *[0.8] * 10),
    loss: float = 0.2,
    threshold: float = 0.5,
    **record: object,
) -> Path:
    """Write the folder of a run of 12 epochs, without weights."""
    options = chosen(epochs=12)
    folder.mkdir()
    write_whole(folder / CONFIG, dump_config(options).encode())
    write_split(folder / "split.json", examples, choose_splits(options.split, examples))
    scores = Scores(dice=0.85, class_dice={"disc": 0.85})
    history = [
        Epoch(
            epoch=number,
            loss=loss if number == 3 else 0.3,
            learning_rate=1e-3,
            seconds=1.0,
            train=scores,
            validation=Scores(dice=None if math.isnan(dice) else dice),
        )
        for number, dice in enumerate(validation_dice, 1)
    ]
    write_history(folder / HISTORY, history)
    validation = Scores(dice=0.8, class_dice={"disc": 0.8})
    fields = {"state": "finished", "epochs": 12, "train": scores, "validation": validation}
    write_record(folder, RunRecord(name=folder.name, **(fields | record)))
    described = describe("sigmoid", classes=DISC, thresholds=(threshold,), weights_digest="0" * 64)
    write_description(folder, described)
    return folder
