"""Names, parameters and sums of losses, and which of them belong to which head."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from maskforge.choices import Encoding, Head
from maskforge.errors import OptionError, did_you_mean, shorten


@dataclass(frozen=True, slots=True)
class Parameter:
    """A number that a loss can be told.

    Attributes:
        default: Its value if nothing is said; None where it depends on the head.
        meaning: One line for people.
        low: Smallest value.
        high: Largest value.
        switch: Whether it is a yes or no, given as 1 or 0.
        above_low: Whether ``low`` itself is too small.
    """

    default: float | bool | None
    meaning: str
    low: float = 0.0
    high: float = math.inf
    switch: bool = False
    above_low: bool = False

    def check(self, name: str, value: float) -> float | bool:
        """Return a value in its type.

        Raises:
            OptionError: If it is out of range.
        """
        fits = math.isfinite(value) and self.low <= value <= self.high
        if self.switch and value not in (0, 1):
            raise OptionError(
                f"{name} is {value:g}, but it is a yes or no", hint="give 1 for yes, 0 for no"
            )
        if not fits or (self.above_low and value == self.low):
            bound = f"above {self.low:g}" if self.above_low else f"at least {self.low:g}"
            upper = f" and at most {self.high:g}" if self.high < math.inf else ""
            raise OptionError(f"{name} is {value:g}, but must be {bound}{upper}")
        return bool(value) if self.switch else float(value)


@dataclass(frozen=True, slots=True)
class LossDescription:
    """What is to be known of a loss before anything computes it.

    Attributes:
        title: For people.
        heads: The heads whose output it can judge.
        paper: Where it was published.
        module: Module that holds it.
        class_name: Its class there.
        parameters: What it can be told, by name.
        aliases: Other names for it.
        per_pixel: Whether it is a mean over pixels, so that class weights mean something to it.
    """

    title: str
    heads: tuple[Head, ...]
    paper: str
    module: str
    class_name: str
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()
    per_pixel: bool = False


class LossTerm(NamedTuple):
    """One loss of a sum.

    Attributes:
        name: Its name in ``LOSSES``.
        weight: Its factor in the sum.
    """

    name: str
    weight: float = 1.0


_SMOOTH = Parameter(
    1.0, "pixels added to numerator and denominator: an empty class that stays empty costs nothing"
)
_PER_IMAGE = Parameter(
    False, "whether every image has its own ratio, instead of one over the batch", switch=True
)
_BACKGROUND = Parameter(
    False, "whether the background of a softmax head counts as a class", switch=True
)
_OVERLAP = {"smooth": _SMOOTH, "per_image": _PER_IMAGE, "include_background": _BACKGROUND}
_MISSED = Parameter(0.7, "weight of missed pixels (false negatives)")
_FALSE_ALARM = Parameter(0.3, "weight of wrongly marked pixels (false positives)")
_BOTH: tuple[Head, ...] = ("sigmoid", "softmax")

LOSSES: Mapping[str, LossDescription] = {
    "bce": LossDescription(
        "Binary cross-entropy",
        ("sigmoid",),
        "Good 1952, Rational Decisions",
        "maskforge.nn.losses.binary_crossentropy",
        "BinaryCrossentropy",
        aliases=("binary-crossentropy", "binary-cross-entropy"),
        per_pixel=True,
    ),
    "cce": LossDescription(
        "Categorical cross-entropy",
        ("softmax",),
        "Good 1952, Rational Decisions",
        "maskforge.nn.losses.categorical_crossentropy",
        "CategoricalCrossentropy",
        aliases=("categorical-crossentropy", "categorical-cross-entropy"),
        per_pixel=True,
    ),
    "sparse-cce": LossDescription(
        "Sparse categorical cross-entropy",
        ("softmax",),
        "Good 1952, Rational Decisions",
        "maskforge.nn.losses.sparse_categorical_crossentropy",
        "SparseCategoricalCrossentropy",
        aliases=("sparse-categorical-crossentropy", "sparse-categorical-cross-entropy", "scce"),
        per_pixel=True,
    ),
    "dice": LossDescription(
        "Soft Dice",
        _BOTH,
        "Milletari et al. 2016, V-Net",
        "maskforge.nn.losses.dice",
        "Dice",
        {
            **_OVERLAP,
            "squared": Parameter(
                False, "whether the denominator has squared probabilities", switch=True
            ),
        },
        aliases=("soft-dice", "f1"),
    ),
    "jaccard": LossDescription(
        "Soft Jaccard (IoU)",
        _BOTH,
        "Rahman & Wang 2016, Optimizing Intersection-Over-Union",
        "maskforge.nn.losses.jaccard",
        "Jaccard",
        _OVERLAP,
        aliases=("iou", "soft-jaccard"),
    ),
    "focal": LossDescription(
        "Focal loss",
        _BOTH,
        "Lin et al. 2017, Focal Loss for Dense Object Detection",
        "maskforge.nn.losses.focal",
        "Focal",
        {
            "gamma": Parameter(2.0, "how fast well-classified pixels lose their weight"),
            "alpha": Parameter(
                None, "sigmoid: weight of foreground pixels, 1 - alpha of the others", high=1.0
            ),
        },
        aliases=("binary-focal", "categorical-focal"),
        per_pixel=True,
    ),
    "tversky": LossDescription(
        "Tversky loss",
        _BOTH,
        "Salehi et al. 2017, Tversky loss function for image segmentation",
        "maskforge.nn.losses.tversky",
        "Tversky",
        {"alpha": _MISSED, "beta": _FALSE_ALARM, **_OVERLAP},
    ),
    "focal-tversky": LossDescription(
        "Focal Tversky loss",
        _BOTH,
        "Abraham & Khan 2019, A Novel Focal Tversky Loss Function",
        "maskforge.nn.losses.focal_tversky",
        "FocalTversky",
        {
            "alpha": _MISSED,
            "beta": _FALSE_ALARM,
            "gamma": Parameter(0.75, "exponent of the Tversky loss", above_low=True),
            **_OVERLAP,
        },
    ),
    "lovasz": LossDescription(
        "Lovász hinge (sigmoid) and Lovász softmax",
        _BOTH,
        "Berman et al. 2018, The Lovász-Softmax loss",
        "maskforge.nn.losses.lovasz",
        "Lovasz",
        aliases=("lovász", "lovasz-softmax", "lovasz-hinge"),
    ),
}
"""Every loss by the name that options and configurations have for it."""

_NAMES = {alias: name for name, loss in LOSSES.items() for alias in (name, *loss.aliases)}


def parse_loss(text: str) -> tuple[LossTerm, ...]:
    """Read a loss or a sum of losses, such as ``dice+bce`` or ``0.5 * dice + bce``.

    Args:
        text: Names of ``LOSSES`` or their aliases, each with a factor before it if wanted.

    Raises:
        OptionError: If it is no such sum, or a name is unknown.
    """
    terms: list[LossTerm] = []
    for part in text.split("+"):
        before, star, name = part.rpartition("*")
        weight = _weight(before, text) if star else 1.0
        terms.append(LossTerm(_known(name, text), weight))
        if [term.name for term in terms].count(terms[-1].name) > 1:
            raise OptionError(
                f"{terms[-1].name} stands twice in the loss {shorten(text)}",
                hint=f"give it a factor instead: 2*{terms[-1].name}",
            )
    return tuple(terms)


def format_loss(terms: Iterable[LossTerm]) -> str:
    """Return a sum of losses as ``parse_loss`` reads it."""
    return "+".join(
        name if weight == 1 else f"{weight!r}*{name}".replace("e+", "e") for name, weight in terms
    )


def _weight(text: str, whole: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        weight = math.nan
    if not (math.isfinite(weight) and weight > 0):
        raise OptionError(
            f"{shorten(text.strip())} is not a factor of a loss (in {shorten(whole)})",
            hint="write a sum as dice+bce, with factors as 0.5*dice+bce",
        )
    return weight


def _known(text: str, whole: str) -> str:
    name = text.strip().lower().replace("_", "-").replace(" ", "-")
    if name not in _NAMES:
        where = "" if text.strip() == whole.strip() else f" (in {shorten(whole)})"
        guess = did_you_mean(name, _NAMES)
        what = f"{shorten(text.strip())} is not a known loss" if name else "a loss has no name"
        raise OptionError(f"{what}{where}{guess}", hint=f"the losses are {', '.join(LOSSES)}")
    return _NAMES[name]


def default_loss(head: Head) -> str:
    """Return the loss for a head of which nothing is said.

    A sum of Dice and cross-entropy: the ratio keeps rare classes alive, the cross-entropy gives a
    smooth gradient from the first step and probabilities that mean something. It is also what
    nnU-Net trains with, and in the comparison of Ma et al. 2021 (Loss odyssey in medical image
    segmentation) compounds of Dice were the most robust.
    """
    return "dice+bce" if head == "sigmoid" else "dice+cce"


def check_pairing(
    head: Head, terms: Iterable[LossTerm], *, encoding: Encoding | None = None
) -> None:
    """Refuse losses and masks that do not belong to a head.

    Args:
        head: Of the network.
        terms: The losses of the sum.
        encoding: How the masks were written, if it is known.

    Raises:
        OptionError: With the reason, and the options that fit.
    """
    if head == "softmax" and encoding == "multihot":
        raise OptionError(
            "the masks are multi-hot, where a pixel may belong to several classes, but softmax "
            "gives every pixel exactly one",
            hint="use --head sigmoid, or write the masks with --encoding integer or onehot",
        )
    for name, _ in terms:
        if head in LOSSES[name].heads:
            continue
        if head == "softmax":
            raise OptionError(
                f"{name} treats every channel by itself, but softmax makes the channels compete",
                hint=f"use {name.replace('bce', 'cce')}, or --head sigmoid",
            )
        raise OptionError(
            f"{name} needs channels that compete for every pixel, but sigmoid decides each channel "
            "by itself: nothing would teach the network what is background",
            hint="use bce, or --head softmax",
        )


def check_weighting(terms: Iterable[LossTerm]) -> None:
    """Refuse class weights where nothing in a sum of losses uses them.

    Raises:
        OptionError: With the losses that do.
    """
    names = [name for name, _ in terms]
    if not any(LOSSES[name].per_pixel for name in names):
        using = [name for name, loss in LOSSES.items() if loss.per_pixel]
        raise OptionError(
            f"class weights mean nothing to {'+'.join(names)}: it gives every class the same say",
            hint=f"leave them out, or add one of {', '.join(using)} to the loss",
        )


def loss_parameters(
    terms: Sequence[LossTerm], options: Mapping[str, float]
) -> dict[str, dict[str, float | bool]]:
    """Distribute options over the losses that they belong to.

    Args:
        terms: The losses of the sum.
        options: Values by name. ``gamma`` is for every loss of the sum that has it; where it means
            different things to them, ``focal.gamma`` says which one.

    Returns:
        For every loss, what it is told.

    Raises:
        OptionError: If no loss of the sum has such a parameter, the value is out of its range, or
            it is not clear which loss is meant.
    """
    told: dict[str, dict[str, float | bool]] = {term.name: {} for term in terms}
    for key in sorted(options, key=lambda key: "." in key):  # what names its loss has the last word
        option = key.rpartition(".")[2].strip().lower().replace("-", "_")
        for name in _owners(key, option, list(told)):
            told[name][option] = LOSSES[name].parameters[option].check(key, options[key])
    return told


def _owners(key: str, option: str, names: list[str]) -> list[str]:
    """Return the losses that an option is for."""
    prefix = key.rpartition(".")[0]
    if prefix:
        named = _known(prefix, prefix)
        if named not in names:
            raise OptionError(
                f"{key} is for the loss {named}, but the loss is {'+'.join(names)}",
            )
        names = [named]
    owners = [name for name in names if option in LOSSES[name].parameters]
    if not owners:
        known = sorted({one for name in names for one in LOSSES[name].parameters})
        has = f"it has {', '.join(known)}" if known else "it has no options"
        raise OptionError(
            f"the loss {'+'.join(names)} has no option {shorten(key)}{did_you_mean(option, known)}",
            hint=has,
        )
    if len({id(LOSSES[name].parameters[option]) for name in owners}) > 1:
        raise OptionError(
            f"{option} means different things to {' and '.join(owners)}",
            hint=f"write {' or '.join(f'{name}.{option}' for name in owners)}",
        )
    return owners


def checked_parameters(name: str, **values: float | None) -> dict[str, float | bool | None]:
    """Return parameters of a loss in their types; None stays None.

    Raises:
        OptionError: If a value is out of its range.
    """
    known = LOSSES[name].parameters
    return {
        key: None if value is None else known[key].check(f"{name}.{key}", value)
        for key, value in values.items()
    }
