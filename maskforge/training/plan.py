"""From options and examples to a plan with nothing left open."""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from maskforge.augmentation.augment_options import resolve
from maskforge.batches.batch_options import BatchOptions
from maskforge.batches.batches import Batches
from maskforge.choices import Head
from maskforge.errors import OptionError, TrainingError
from maskforge.examples.example import Example, ExampleSet
from maskforge.examples.groups import check_grouping
from maskforge.examples.scaling import choose_scaling
from maskforge.examples.split import Split
from maskforge.examples.statistics import class_pixels
from maskforge.images.intensity import ScalingRecord
from maskforge.masks.classes import BACKGROUND, ClassMap
from maskforge.masks.resize import padded_size, parse_size
from maskforge.masks.targets import channel_ids
from maskforge.nn.loss_catalog import (
    LossTerm,
    check_pairing,
    check_weighting,
    default_loss,
    format_loss,
    loss_parameters,
    parse_loss,
)
from maskforge.nn.network_catalog import stride_of
from maskforge.shapes import Size
from maskforge.training.classweights import (
    ClassWeights,
    check_weights,
    class_weights,
    named_class_weights,
)
from maskforge.training.diagnostics import check_distribution
from maskforge.training.splits import check_split
from maskforge.training.train_options import TrainOptions

_CROP = 256
_MOST_WORKERS = 8
_LARGEST_SEED = 2**32 - 1  # that NumPy's legacy generator takes


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainPlan:
    """What a training will do.

    Attributes:
        options: The options, with nothing on ``auto`` but precision, backend and devices.
        classes: The class map.
        train: Training examples.
        validation: Validation examples.
        test: Examples that are not looked at.
        head: Head of the network.
        scaling: Of the input.
        stride: Of the network.
        resize: Size to which every image is scaled; None keeps it.
        tile: Size of the input in training.
        channel_weights: Weight of every channel in the loss; None for none.
        pixels: Pixels per class id in the training examples.
        validation_has_foreground: Whether the validation examples can tell good from bad.
        warnings: What looks wrong already.
    """

    options: TrainOptions
    classes: ClassMap
    train: tuple[Example, ...]
    validation: tuple[Example, ...]
    test: tuple[Example, ...]
    head: Head
    scaling: ScalingRecord
    stride: int
    resize: Size | None
    tile: Size
    channel_weights: tuple[float, ...] | None
    pixels: dict[int, int]
    validation_has_foreground: bool
    warnings: tuple[str, ...]

    @property
    def channel_ids(self) -> tuple[int, ...]:
        """Class id of every channel of the output."""
        return channel_ids(self.classes, self.head)

    def batches(self) -> Batches:
        """Return the batches of the training."""
        crop = self.options.input.crop
        assert crop != "auto"
        return Batches(
            self.train,
            BatchOptions(
                head=self.head,
                classes=self.classes,
                scaling=self.scaling,
                batch_size=self.options.batch_size,
                crop=crop,
                crops_per_image=self.options.input.crops_per_image,
                rare_share=self.options.input.rare_share,
                equal_regions=self.options.input.equal_regions,
                resize=self.resize,
                stride=self.stride,
                augment=resolve(self.options.augment),
                seed=self.options.seed,
                hold=self.options.data.hold,
            ),
        )

    def workers(self) -> int:
        """Return the number of threads that prepare batches."""
        return self.options.data.workers or min(os.cpu_count() or 1, _MOST_WORKERS)


def make_plan(options: TrainOptions, examples: ExampleSet, split: Split) -> TrainPlan:
    """Settle everything that can be settled without Keras.

    Args:
        options: The options.
        examples: All examples.
        split: Which part each of them is in.

    Raises:
        OptionError: If options contradict each other or the examples.
        TrainingError: If there is nothing to learn.
    """
    check_options(options)
    train, validation = examples.subset(split.train), examples.subset(split.validation)
    if not len(train):
        raise TrainingError("there is no training example", hint="change the split")
    classes = examples.classes
    if not classes.foreground_ids:
        raise TrainingError("the class map has no class but the background")
    head = _choose_head(options, examples)
    terms = _loss_terms(options, head)
    for encoding in {one.encoding for one in train}:
        check_pairing(head, terms, encoding=encoding)
    stride = stride_of(options.network)
    resize = parse_size(options.input.resize) if options.input.resize else None
    crop = _choose_crop(options, train.examples, resize, stride)
    color = options.input.color
    if options.network.encoder is not None and color == "auto":
        color = "rgb" if options.network.encoder_weights != "none" else color
    scaling = choose_scaling(train.examples, kind=options.input.scaling, color=color)
    pixels = class_pixels(train)
    weights = _weigh(options, classes, head, pixels)
    in_validation = class_pixels(validation) if validation.examples else {}
    warnings = check_distribution(classes, pixels, in_validation)
    if weights is not None:
        warnings += [
            f"the balanced weight of class {classes.names[id_]!r} would be larger; it was capped"
            for id_ in weights.capped
        ]
    return TrainPlan(
        options=replace(
            options,
            head=head,
            loss=format_loss(terms),
            input=replace(
                options.input, crop=crop, color="gray" if scaling.channels == 1 else "rgb"
            ),
        ),
        classes=classes,
        train=train.examples,
        validation=validation.examples,
        test=examples.subset(split.test).examples,
        head=head,
        scaling=scaling,
        stride=stride,
        resize=resize,
        tile=Size(crop, crop) if crop else _largest(train.examples, resize, stride),
        channel_weights=weights and weights.values,
        pixels=dict(pixels),
        validation_has_foreground=any(in_validation.get(id_) for id_ in classes.foreground_ids),
        warnings=tuple(warnings),
    )


def check_options(options: TrainOptions) -> None:
    """Refuse whatever makes no sense with any examples.

    Raises:
        OptionError: With the option and what it can be.
    """
    least = {
        "epochs": (options.epochs, 1),
        "batch_size": (options.batch_size, 1),
        "patience": (options.patience, 0),
        "validate_every": (options.validate_every, 1),
        "warmup": (options.warmup, 0),
        "weight_decay": (options.weight_decay, 0),
        "gradient_clip": (options.gradient_clip, 0),
        "devices": (options.devices, 0),
        "data.workers": (options.data.workers, 0),
        "input.crops_per_image": (options.input.crops_per_image, 0),
        "network.freeze_encoder": (options.network.freeze_encoder, -1),
        "seed": (options.seed, 0),
    }
    for name, (value, low) in least.items():
        if not value >= low or math.isinf(value):
            raise OptionError(f"{name} is {value}, but must be at least {low}")
    if not 0 <= options.input.rare_share <= 1:
        raise OptionError(f"input.rare_share is {options.input.rare_share}, but is a share: 0 to 1")
    if not 0 < options.learning_rate < math.inf:
        raise OptionError(f"learning_rate is {options.learning_rate}, but must be above 0")
    if options.seed > _LARGEST_SEED:
        raise OptionError(f"seed is {options.seed}, but must be at most {_LARGEST_SEED}")
    crop = options.input.crop
    if crop != "auto" and crop < 0:
        raise OptionError(f"input.crop is {crop}, but must be a number of pixels, or 0 for none")
    check_split(options.split)
    check_grouping(options.data.group_column, options.data.group_pattern)
    if options.input.resize:
        parse_size(options.input.resize)
    stride_of(options.network)
    weights = options.network.encoder_weights
    if weights not in ("imagenet", "none") and not Path(weights).is_file():
        raise OptionError(
            f"network.encoder_weights is {weights}, which is not a file",
            hint="use imagenet, none, or a file of weights",
        )
    resolve(options.augment)
    _fitting_heads(options)
    if isinstance(options.class_weights, Mapping):
        check_weights(options.class_weights)


def _loss_terms(options: TrainOptions, head: Head) -> tuple[LossTerm, ...]:
    """Return the losses of the sum, with a head.

    Raises:
        OptionError: If they do not fit the head, or an option does not fit them.
    """
    terms = parse_loss(default_loss(head) if options.loss == "auto" else options.loss)
    check_pairing(head, terms)
    loss_parameters(terms, options.loss_options)
    if options.class_weights != "none":
        check_weighting(terms)
    return terms


def _fitting_heads(options: TrainOptions) -> list[Head]:
    """Return the heads that the options leave.

    Raises:
        OptionError: If there is none.
    """
    heads: tuple[Head, ...] = ("sigmoid", "softmax") if options.head == "auto" else (options.head,)
    fitting: list[Head] = []
    problems: list[OptionError] = []
    for head in heads:
        try:
            _loss_terms(options, head)
        except OptionError as error:
            problems.append(error)
        else:
            fitting.append(head)
    if not fitting:
        raise problems[0]
    return fitting


def _choose_head(options: TrainOptions, examples: ExampleSet) -> Head:
    fitting = _fitting_heads(options)
    if len(fitting) == 1:  # the loss was chosen, so it says which head was meant
        return fitting[0]
    overlapping = any(one.encoding == "multihot" for one in examples)
    return "sigmoid" if overlapping or len(examples.classes.foreground_ids) == 1 else "softmax"


def _choose_crop(
    options: TrainOptions, train: Sequence[Example], resize: Size | None, stride: int
) -> int:
    crop = options.input.crop
    if crop == "auto":
        sizes = [resize] if resize else [one.size for one in train]
        larger = [min(size) > _CROP for size in sizes]
        same = len(set(sizes)) == 1
        crop = _CROP if any(larger) or not same else 0
    return -(-crop // stride) * stride


def _largest(train: Sequence[Example], resize: Size | None, stride: int) -> Size:
    sizes = [resize] if resize else [one.size for one in train]
    widest = Size(max(one.width for one in sizes), max(one.height for one in sizes))
    return padded_size(widest, stride)


def _weigh(
    options: TrainOptions, classes: ClassMap, head: Head, pixels: dict[int, int]
) -> ClassWeights | None:
    ids = channel_ids(classes, head)
    if options.class_weights == "none":
        return None
    if options.class_weights == "balanced":
        return class_weights(pixels, ids, "balanced")
    return named_class_weights(options.class_weights, classes.names, ids)


def describe_plan(plan: TrainPlan) -> list[str]:
    """Return the header of a run, one line each."""
    options = plan.options
    total = sum(plan.pixels.values()) or 1
    shares = ", ".join(
        f"{plan.classes.names[id_]} {plan.pixels.get(id_, 0) / total:.2%}"
        for id_ in plan.classes.ids
        if id_ != BACKGROUND
    )
    groups = Counter(one.group for one in plan.train if one.group is not None)
    of_groups = f" of {len(groups)} groups" if groups else ""
    size = f"crops of {plan.tile} px" if options.input.crop else f"images padded to {plan.tile} px"
    return [
        f"examples: {len(plan.train)} training{of_groups}, {len(plan.validation)} validation, "
        f"{len(plan.test)} test",
        f"classes: {shares} of the training pixels",
        f"input: {size}, {plan.scaling.channels} channel"
        f"{'s' if plan.scaling.channels > 1 else ''}, {plan.scaling.kind}, "
        f"augmentation {options.augment.preset}",
        f"head {plan.head}, loss {options.loss}, {options.optimizer} "
        f"{options.learning_rate:g} {options.schedule}",
    ]
