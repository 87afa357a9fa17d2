"""From options and examples to a plan with nothing left open."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from maskforge.augmentation.augment_options import resolve
from maskforge.batches.batch_options import BatchOptions
from maskforge.batches.batches import Batches
from maskforge.batches.memory import available_memory
from maskforge.choices import Head, check_choices
from maskforge.errors import OptionError, TrainingError, listing
from maskforge.examples.example import Example, ExampleSet
from maskforge.examples.groups import check_grouping
from maskforge.examples.scaling import choose_scaling
from maskforge.examples.split import Split
from maskforge.examples.statistics import class_pixels
from maskforge.images.gray_scale import check_window
from maskforge.images.intensity import ScalingRecord
from maskforge.images.offset import Offset, parse_offset
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
from maskforge.nn.network_catalog import least_weights, stride_of
from maskforge.shapes import Size
from maskforge.training.classweights import (
    ClassWeights,
    class_weights,
    named_class_weights,
)
from maskforge.training.diagnostics import Concern, check_distribution
from maskforge.training.initial_model import InitialModel, check_classes, warn_of_leaks
from maskforge.training.splits import check_split
from maskforge.training.train_options import TrainOptions

_CROP = 256
_MOST_WORKERS = 8
_BYTES_PER_NUMBER = 4
_BYTES_PER_WEIGHT = 16  # the weight, two averages of its gradient, and the best one so far


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
        offset: How far every image is moved; None for not at all.
        resize: Size to which every image is scaled; None keeps it.
        tile: Size of the input in training.
        channel_weights: Weight of every channel in the loss; None for none.
        pixels: Pixels per class id in the training examples.
        validation_has_foreground: Whether the validation examples can tell good from bad.
        concerns: What looks wrong already.
        initial: The model whose weights the training begins with; None for random ones.
    """

    options: TrainOptions
    classes: ClassMap
    train: tuple[Example, ...]
    validation: tuple[Example, ...]
    test: tuple[Example, ...]
    head: Head
    scaling: ScalingRecord
    stride: int
    offset: Offset | None
    resize: Size | None
    tile: Size
    channel_weights: tuple[float, ...] | None
    pixels: dict[int, int]
    validation_has_foreground: bool
    concerns: tuple[Concern, ...]
    initial: InitialModel | None = None

    @property
    def channel_ids(self) -> tuple[int, ...]:
        """Class id of every channel of the output."""
        return channel_ids(self.classes, self.head)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What looks wrong already, in words."""
        return tuple(one.text for one in self.concerns)

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
                offset=self.offset,
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


def make_plan(
    options: TrainOptions,
    examples: ExampleSet,
    split: Split,
    initial: InitialModel | None = None,
) -> TrainPlan:
    """Settle everything that can be settled without Keras.

    Args:
        options: The options.
        examples: All examples.
        split: Which part each of them is in.
        initial: The model that the training begins with; its options have been taken over.

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
    if initial is not None:
        check_classes(initial, classes)
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
    if initial is not None:
        scaling = initial.description.scaling
    else:
        scaling = choose_scaling(
            train.examples, options.input.scaling, color, options.input.dicom_window
        )
    pixels = class_pixels(train)
    tile = Size(crop, crop) if crop else _largest(train.examples, resize, stride)
    _check_memory(options, tile, scaling.channels)
    weights = _weigh(options, classes, head, pixels)
    in_validation = class_pixels(validation) if validation.examples else {}
    concerns = check_distribution(classes, pixels, in_validation)
    if weights is not None:
        concerns += [
            Concern(
                "capped-weight",
                f"the balanced weight of class {classes.names[id_]!r} would be larger; it was "
                "capped",
            )
            for id_ in weights.capped
        ]
    predicted = [one.name for one in train if one.columns.get("made") == "predicted"]
    if predicted:
        text = (
            f"{len(predicted)} of {len(train)} training masks are predictions that nobody has "
            f"confirmed, so the network learns its own mistakes: {listing(predicted)}"
        )
        concerns.append(Concern("unconfirmed-masks", text))
    test = examples.subset(split.test)
    if initial is not None:
        for part, there in (("validation", validation), ("test", test)):
            concerns += [
                Concern("seen-before", text) for text in warn_of_leaks(initial, part, there)
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
        test=test.examples,
        head=head,
        scaling=scaling,
        stride=stride,
        offset=parse_offset(options.input.offset),
        resize=resize,
        tile=tile,
        channel_weights=weights and weights.values,
        pixels=dict(pixels),
        validation_has_foreground=any(in_validation.get(id_) for id_ in classes.foreground_ids),
        concerns=tuple(concerns),
        initial=initial,
    )


def check_options(options: TrainOptions) -> None:
    """Refuse whatever makes no sense with any examples.

    Raises:
        OptionError: With the option and what it can be.
    """
    check_choices(options)
    check_split(options.split)
    check_grouping(options.data.group_column, options.data.group_pattern)
    parse_offset(options.input.offset)
    if options.input.resize:
        parse_size(options.input.resize)
    check_window(options.input.dicom_window)
    stride_of(options.network)
    weights = options.network.encoder_weights
    if weights not in ("imagenet", "none") and not Path(weights).is_file():
        raise OptionError(
            f"network.encoder_weights is {weights}, which is not a file",
            hint="use imagenet, none, or a file of weights",
        )
    resolve(options.augment)
    _fitting_heads(options)


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


def _check_memory(options: TrainOptions, tile: Size, channels: int) -> None:
    """Refuse what cannot fit into the memory of the machine, whatever computes.

    Raises:
        OptionError: If the copies of the weights that a training keeps there, or a single batch,
            are larger than what is available.
    """
    available = available_memory()
    batch = options.batch_size * tile.width * tile.height * channels * _BYTES_PER_NUMBER
    for what, needed, hint in (
        ("network", least_weights(options.network) * _BYTES_PER_WEIGHT, "filters or a lower depth"),
        ("batch", batch, "images in a batch, or smaller crops"),
    ):
        if needed > available:
            raise OptionError(
                f"a {what} like this takes {needed / 1e9:,.1f} GB of memory or more, and there are "
                f"{available / 1e9:,.1f} GB",
                hint=f"use fewer {hint}",
            )


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
    begin = [] if plan.initial is None else [f"weights: begins with those of {plan.initial.folder}"]
    return [
        f"examples: {len(plan.train)} training{of_groups}, {len(plan.validation)} validation, "
        f"{len(plan.test)} test",
        f"classes: {shares} of the training pixels",
        f"input: {size}, {plan.scaling.channels} channel"
        f"{'s' if plan.scaling.channels > 1 else ''}, {plan.scaling.kind}, "
        f"augmentation {options.augment.preset}",
        f"head {plan.head}, loss {options.loss}, {options.optimizer} "
        f"{options.learning_rate:g} {options.schedule}",
        *begin,
    ]
