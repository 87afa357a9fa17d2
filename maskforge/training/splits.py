"""Dividing examples as the options of a training say."""

from __future__ import annotations

from pathlib import Path

from maskforge.examples.example import ExampleSet
from maskforge.examples.split import Split, check_leaks, check_shares, make_folds, make_split
from maskforge.examples.splitfile import read_splits
from maskforge.training.initial_model import InitialModel, earlier_parts
from maskforge.training.train_options import SplitOptions


def check_split(options: SplitOptions) -> None:
    """Refuse what makes no sense with any examples.

    Raises:
        OptionError: With the option and what it can be.
    """
    folds = options.folds or None
    check_shares(0.0 if folds else options.validation, options.test, folds)


def choose_splits(
    options: SplitOptions, examples: ExampleSet, initial: InitialModel | None = None
) -> list[Split]:
    """Divide examples as options say: one split, or one for every fold.

    Args:
        options: The options.
        examples: The examples.
        initial: The model that the training begins with. In a single split without a file, what
            it was trained on is not divided anew.

    Raises:
        OptionError: If the examples cannot be divided like that.
        DatasetError: If the split file does not fit the examples, or something is on both sides.
    """
    test, seed, stratify = options.test, options.seed, options.stratify
    if options.file is not None:
        splits = read_splits(Path(options.file), examples)
    elif options.folds:
        splits = make_folds(examples, options.folds, test=test, seed=seed, stratify=stratify)
    else:
        splits = [
            make_split(
                examples,
                validation=options.validation,
                test=test,
                seed=seed,
                stratify=stratify,
                keep=earlier_parts(initial, examples),
            )
        ]
    for split in splits:
        check_leaks(examples, split)
    return splits
