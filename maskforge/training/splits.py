"""Dividing examples as the options of a training say."""

from __future__ import annotations

from pathlib import Path

from maskforge.examples.example import ExampleSet
from maskforge.examples.split import Split, check_leaks, check_shares, make_folds, make_split
from maskforge.examples.splitfile import read_splits
from maskforge.training.train_options import SplitOptions


def check_split(options: SplitOptions) -> None:
    """Refuse what makes no sense with any examples.

    Raises:
        OptionError: With the option and what it can be.
    """
    folds = options.folds or None
    check_shares(0.0 if folds else options.validation, options.test, folds)


def choose_splits(options: SplitOptions, examples: ExampleSet) -> list[Split]:
    """Divide examples as options say: one split, or one for every fold.

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
        share = options.validation
        splits = [make_split(examples, validation=share, test=test, seed=seed, stratify=stratify)]
    for split in splits:
        check_leaks(examples, split)
    return splits
