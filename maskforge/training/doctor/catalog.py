"""All that is looked for beside the checks of the data. A new one is a function and a line here."""

from __future__ import annotations

from maskforge.checks.base import Check, Survey
from maskforge.checks.catalog import CHECKS
from maskforge.training.doctor import history, inputs, parts, surroundings
from maskforge.training.doctor.outlook import Outlook, concern

_HARMFUL = (
    *("unreadable", "own-mask", "contradicting-masks", "split-leak", "near-leak"),
    *("mask-like-image", "one-class", "shifted-mask", "offset-masks", "mirrored-mask"),
)

DATA_CHECKS: tuple[Check[Survey], ...] = tuple(one for one in CHECKS if one.code in _HARMFUL)
"""Of the checks of the data those that find what a training suffers from."""

DIAGNOSES: tuple[Check[Outlook], ...] = (
    Check(
        "cannot-train",
        "error",
        "The training would stop before its first epoch has ended.",
        "Change what the message names.",
        surroundings.cannot_train,
    ),
    Check(
        "missing-package",
        "error",
        "A package that the training needs is not installed.",
        "Install it with the command.",
        surroundings.missing_package,
    ),
    Check(
        "unmet-class",
        "error",
        "A class is in the training examples, and in nothing that an epoch shows to the network.",
        "Use a larger --rare-share, more of input.crops_per_image, or no --resize.",
        inputs.unmet_class,
    ),
    Check(
        "changed-data",
        "error",
        "The data are not those of the run.",
        "Take the data that the run was made with, or train anew.",
        history.changed_data,
    ),
    Check(
        "not-finite",
        "error",
        "The loss of the run was not a finite number.",
        "Use a lower --learning-rate, --precision float32, or a gradient_clip of 1.",
        history.not_finite,
    ),
    Check(
        "no-validation",
        "warning",
        "There are no validation examples.",
        "Give --validation a share, or use --folds.",
        concern("no-validation"),
    ),
    Check(
        "empty-validation",
        "warning",
        "The validation examples have no foreground.",
        "Use another split.seed, more validation examples, or --folds.",
        concern("empty-validation"),
    ),
    Check(
        "not-in-training",
        "warning",
        "A class is in no training example.",
        "Leave it out with --only, label some, or divide the examples in another way.",
        concern("not-in-training"),
    ),
    Check(
        "not-in-validation",
        "warning",
        "A class is in no validation example.",
        "Use more validation examples, or --folds.",
        concern("not-in-validation"),
    ),
    Check(
        "few-groups",
        "warning",
        "The training learns from few groups, or from few images.",
        "Label more patients; until then use --folds, and a strong --augment.",
        parts.few_groups,
    ),
    Check(
        "small-validation",
        "warning",
        "Few groups or images choose the best epoch and the threshold of a class.",
        "Use a larger --validation, or --folds.",
        parts.small_validation,
    ),
    Check(
        "seen-before",
        "warning",
        "The model that the training begins with has learned from images that are to measure it.",
        "Use the split of that model.",
        concern("seen-before"),
    ),
    Check(
        "unconfirmed-masks",
        "warning",
        "Masks are predictions that nobody has confirmed.",
        "Correct them, or leave them out.",
        concern("unconfirmed-masks"),
    ),
    Check(
        "lost-region",
        "warning",
        "Resizing leaves no pixel of regions that somebody drew.",
        "Use crops instead of --resize, or a larger size.",
        inputs.lost_region,
    ),
    Check(
        "coarse-network",
        "warning",
        "The network is too coarse for many of the regions.",
        "Use a network that works on every pixel, such as unet, or larger images.",
        inputs.coarse_network,
    ),
    Check(
        "seldom-met",
        "warning",
        "A class is in few of the crops of an epoch.",
        "Use a larger --rare-share, or train this class by itself with --only.",
        inputs.seldom_met,
    ),
    Check(
        "sparse-foreground",
        "warning",
        "A class is a small share of the pixels, and the loss counts all pixels alike.",
        "Use a loss with dice or tversky in it, such as the default.",
        inputs.sparse_foreground,
    ),
    Check(
        "few-steps",
        "warning",
        "The training ends after few steps.",
        "Use more --epochs, a smaller --batch-size, or more of input.crops_per_image.",
        parts.few_steps,
    ),
    Check(
        "idle-gpu",
        "warning",
        "There is a GPU, and the backend does not find it.",
        "Install the build of the backend for the GPU.",
        surroundings.idle_gpu,
    ),
    Check(
        "slow-precision",
        "warning",
        "The CPU does not compute in the precision that is asked for, and emulates it slowly.",
        "Leave --precision at auto, or use float32.",
        surroundings.slow_precision,
    ),
    Check(
        "not-finished",
        "warning",
        "The run has not finished.",
        "Go on with `maskforge train --out RUN --resume`.",
        history.not_finished,
    ),
    Check(
        "run-warning",
        "warning",
        "The run has warned of something.",
        "Do what the message says.",
        history.warned,
    ),
    Check(
        "missed-class",
        "warning",
        "The network of the run finds hardly anything of a class.",
        "See the page about rare classes.",
        history.missed_class,
    ),
    Check(
        "overfitted",
        "warning",
        "The network of the run is much better on the training examples than on others.",
        "Label more patients, use a stronger --augment, or a smaller network.",
        history.overfitted,
    ),
    Check(
        "extreme-threshold",
        "warning",
        "A threshold of the run is close to 0 or to 1.",
        "Look at the validation images: there may be few of them, or masks may be wrong.",
        history.extreme_threshold,
    ),
    Check(
        "small-region",
        "note",
        "Resizing leaves a few pixels of regions that somebody drew.",
        "Use crops instead of --resize, or a larger size.",
        inputs.small_region,
    ),
    Check(
        "capped-weight",
        "note",
        "A balanced weight was limited.",
        "Use a loss that compares areas instead of weights.",
        concern("capped-weight"),
    ),
    Check(
        "still-rising",
        "note",
        "The run was getting better when its last epoch came.",
        "Train for more --epochs.",
        history.still_rising,
    ),
    Check(
        "slow-prediction",
        "note",
        "Neither OpenVINO nor ONNX Runtime is installed, which predict faster on CPUs.",
        "Install one of them.",
        surroundings.slow_prediction,
    ),
)
"""The errors first, then the warnings and the notes."""
