"""What is known of the networks without building one: options, defaults, presets, strides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal, TypeAlias, get_args

from maskforge.choices import (
    Among,
    Between,
    Encoder,
    Normalization,
    Range,
    Scaling,
    Upsampling,
    check_choices,
)
from maskforge.errors import OptionError, nearest, shorten

Architecture: TypeAlias = Literal[
    "unet",
    "unetpp",
    "attention_unet",
    "resunet",
    "fcn8",
    "segnet",
    "pspnet",
    "cnn",
]
"""Names of the networks; each is the name of a module in ``maskforge.nn.networks``."""

Preset: TypeAlias = Literal["unet-transpose", "unet-upsampling", "unet-zhixuhao"]

DropoutPlace: TypeAlias = Literal["last-skip", "before-bottleneck", "bottleneck"]

ACTIVATIONS = ("relu", "leaky_relu", "elu", "selu", "gelu", "silu", "mish", "hard_silu", "tanh")
ENCODER_DEPTH = 5
"""Every encoder halves the sides five times."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkOptions:
    """Which network, and its details; None takes what the architecture or preset has.

    Attributes:
        arch: The architecture.
        preset: A published network; sets the options below as its authors had them.
        filters: Filters of the first level.
        depth: Number of poolings.
        convolutions: Convolutions per level.
        kernel: Side of their kernels.
        upsampling: How a level becomes larger again.
        normalization: After every convolution.
        dropout: Rate.
        activation: After every convolution.
        stem_stride: Pixels along each side that the first convolution makes one of. The network
            works on the smaller image, and its last convolution enlarges the logits again: faster
            by nearly the square, at the price of details as fine as that. 1 works on every pixel.
        deep_supervision: Whether U-Net++ has a loss at every level.
        encoder: Backbone of keras.applications instead of the network's own encoder.
        encoder_weights: ``imagenet``, ``none`` or a weights file.
        freeze_encoder: Epochs in which the encoder does not learn; -1 for all.
    """

    arch: Architecture = "unet"
    preset: Preset | None = None
    filters: Annotated[int | None, Range(1, 4096), Among((16, 24, 32))] = None
    depth: Annotated[int | None, Range(1, 8), Between(3, 5)] = None
    convolutions: Annotated[int | None, Range(1, 16)] = None
    kernel: Annotated[int | None, Range(1, 31)] = None
    upsampling: Upsampling | None = None
    normalization: Annotated[Normalization | None, Among(("none", "batch", "group"))] = None
    dropout: Annotated[float | None, Range(0, 1, below=True)] = None
    activation: str | None = None
    stem_stride: Annotated[int | None, Range(1, 8)] = None
    deep_supervision: bool = False
    encoder: Encoder | None = None
    encoder_weights: str = "imagenet"
    freeze_encoder: Annotated[int, Range(-1, 1_000_000)] = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkPlan:
    """Options of a network with nothing left open.

    The first attributes are those of ``NetworkOptions``; an architecture that does not take one of
    them ignores it.

    Attributes:
        scaling: How the images are scaled, which matters to a pretrained encoder.
        upsampling_kernel: Side of the kernel that follows, or is, the upsampling.
        upsampling_activation: Whether it has an activation.
        dropout_places: Where features are dropped: after the last level before the bottleneck
            (both for its skip connection and for what is pooled), between the last pooling and
            the bottleneck, or after the bottleneck.
        head_filters: Filters of a further 3x3 convolution before the head; 0 for none.
    """

    arch: Architecture
    filters: int = 16
    depth: int = 4
    convolutions: int = 2
    kernel: int = 3
    upsampling: Upsampling = "transpose"
    normalization: Normalization = "none"
    dropout: float = 0.0
    activation: str = "relu"
    stem_stride: int = 1
    deep_supervision: bool = False
    encoder: Encoder | None = None
    encoder_weights: str = "none"
    scaling: Scaling = "zero-one"
    upsampling_kernel: int = 2
    upsampling_activation: bool = False
    dropout_places: tuple[DropoutPlace, ...] = ("last-skip", "bottleneck")
    head_filters: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Facts:
    takes: tuple[str, ...]
    plan: NetworkPlan
    stride: int | None = None  # None: 2 to the power of the depth
    cell: int = 1
    encoders: tuple[str, ...] = ()


_LEVELS = ("filters", "depth", "convolutions", "kernel")
_BLOCK = ("normalization", "dropout", "activation")
_ALL = (*_LEVELS, "upsampling", *_BLOCK, "stem_stride")

_FACTS: Mapping[Architecture, _Facts] = {
    "unet": _Facts(
        takes=(*_ALL, "preset"),
        plan=NetworkPlan(arch="unet", normalization="batch"),
        encoders=get_args(Encoder),
    ),
    "unetpp": _Facts(
        takes=(*_ALL, "deep_supervision"),
        plan=NetworkPlan(arch="unetpp", normalization="batch"),
        encoders=get_args(Encoder),
    ),
    "attention_unet": _Facts(
        takes=_ALL,
        plan=NetworkPlan(arch="attention_unet", normalization="batch"),
        encoders=get_args(Encoder),
    ),
    "resunet": _Facts(
        takes=(*(name for name in _ALL if name != "convolutions"),),
        plan=NetworkPlan(arch="resunet", upsampling="nearest", normalization="batch"),
    ),
    "fcn8": _Facts(
        takes=("filters", "dropout", "activation"),
        plan=NetworkPlan(arch="fcn8", filters=64, depth=5, dropout=0.5),
        stride=32,
        cell=8,
        encoders=("vgg16",),
    ),
    "segnet": _Facts(
        takes=("filters", "kernel", *_BLOCK),
        plan=NetworkPlan(arch="segnet", filters=64, depth=5, normalization="batch"),
        stride=32,
    ),
    "pspnet": _Facts(
        takes=("filters", "convolutions", *_BLOCK),
        plan=NetworkPlan(arch="pspnet", depth=3, normalization="batch", dropout=0.1),
        stride=8,
        cell=8,
    ),
    "cnn": _Facts(
        takes=(*_LEVELS, *_BLOCK),
        plan=NetworkPlan(arch="cnn", filters=64, depth=3, convolutions=1),
        stride=1,
    ),
}

_PRESETS: Mapping[Preset, NetworkPlan] = {
    "unet-transpose": NetworkPlan(
        arch="unet", filters=64, dropout=0.5, dropout_places=("before-bottleneck",)
    ),
    "unet-upsampling": NetworkPlan(
        arch="unet",
        filters=64,
        dropout=0.5,
        upsampling="nearest",
        upsampling_kernel=3,
        upsampling_activation=True,
    ),
    "unet-zhixuhao": NetworkPlan(
        arch="unet",
        filters=64,
        dropout=0.5,
        upsampling="nearest",
        upsampling_kernel=2,
        upsampling_activation=True,
        head_filters=2,
    ),
}

_OPEN = (*_ALL, "preset", "deep_supervision")


def plan_network(options: NetworkOptions, scaling: Scaling = "zero-one") -> NetworkPlan:
    """Return the options of a network with what is open taken from preset and architecture.

    Args:
        options: The options.
        scaling: How the images are scaled.

    Raises:
        OptionError: If the architecture does not take an option, or a value is impossible.
    """
    check_choices(options)
    facts = _FACTS[options.arch]
    _check_fit(options, facts)
    plan = facts.plan if options.preset is None else _PRESETS[options.preset]
    given: dict[str, Any] = {
        name: getattr(options, name) for name in _ALL if getattr(options, name) is not None
    }
    if options.preset is None and given.get("upsampling", plan.upsampling) != "transpose":
        # an even kernel would move everything by half a pixel
        given |= {"upsampling_kernel": 3, "upsampling_activation": True}
    if options.encoder is not None:
        given.setdefault("depth", ENCODER_DEPTH)
        given |= {"encoder": options.encoder, "encoder_weights": options.encoder_weights}
    plan = replace(plan, scaling=scaling, deep_supervision=options.deep_supervision, **given)
    _check_values(plan)
    return plan


def stride_of(options: NetworkOptions) -> int:
    """Return the number of pixels of which the sides of an input must be multiples.

    Raises:
        OptionError: If the options do not fit together.
    """
    plan = plan_network(options)
    stride = _FACTS[options.arch].stride
    return plan.stem_stride * 2**plan.depth if stride is None else stride


def cell_of(options: NetworkOptions) -> int:
    """Return the side of the squares of pixels that a network decides on; between them it blends.

    It is 1 if the finest features that it sees are those of single pixels.
    """
    return (options.stem_stride or 1) * _FACTS[options.arch].cell


def least_weights(options: NetworkOptions) -> int:
    """Return a number of weights that a network has at least: those of its widest convolutions.

    Raises:
        OptionError: If the options do not fit together.
    """
    plan = plan_network(options)
    if plan.arch == "fcn8":
        return 49 * 8 * 64 * plan.filters**2 if plan.encoder is None else 0
    if plan.arch == "segnet":
        return 10 * (8 * plan.filters * plan.kernel) ** 2
    if plan.arch == "pspnet":
        return (2 * plan.convolutions - 1) * (16 * plan.filters * plan.kernel) ** 2
    halved = plan.arch == "cnn" or plan.encoder is not None
    widest = plan.filters << (plan.depth - halved)
    return (
        plan.convolutions * (widest * plan.kernel) ** 2 // 2
    )  # the first of them has fewer inputs


def _check_fit(options: NetworkOptions, facts: _Facts) -> None:
    for name in _OPEN:
        value = getattr(options, name)
        if name not in facts.takes and value is not None and value is not False:
            others = [arch for arch, other in _FACTS.items() if name in other.takes]
            raise OptionError(
                f"{options.arch} does not take {name}",
                hint=f"leave it out (it is taken by {', '.join(others)}); "
                f"{options.arch} takes {', '.join(facts.takes)}",
            )
    if options.encoder is None:
        for name, unused in (("encoder_weights", "imagenet"), ("freeze_encoder", 0)):
            if getattr(options, name) != unused:
                raise OptionError(
                    f"{name} is given, but no encoder", hint="name the encoder, or leave it out"
                )
        return
    if not facts.encoders:
        others = [arch for arch, other in _FACTS.items() if other.encoders]
        raise OptionError(
            f"{options.arch} has its own encoder and takes no other",
            hint=f"encoders fit {', '.join(others)}",
        )
    if options.encoder not in facts.encoders:
        raise OptionError(
            f"{options.arch} does not take the encoder {options.encoder!r}",
            hint=_nearest(options.encoder, facts.encoders),
        )
    if options.preset is not None:
        raise OptionError(
            f"the preset {options.preset} has its own encoder",
            hint="leave out the preset or the encoder",
        )


def _check_values(plan: NetworkPlan) -> None:
    if plan.kernel % 2 == 0:
        raise OptionError(
            f"kernel is {plan.kernel}, but must be odd",
            hint="an even kernel moves what it sees by half a pixel",
        )
    if plan.encoder and plan.stem_stride > 1:
        raise OptionError(
            f"stem_stride is {plan.stem_stride}, but the encoder {plan.encoder} has its own stem",
            hint="leave out stem_stride or the encoder",
        )
    if plan.encoder and plan.depth > ENCODER_DEPTH:
        raise OptionError(f"depth is {plan.depth}, but can be at most {ENCODER_DEPTH}")
    if plan.activation not in ACTIVATIONS:
        raise OptionError(
            f"there is no activation {shorten(plan.activation)}",
            hint=_nearest(plan.activation, ACTIVATIONS),
        )


def _nearest(name: str, choices: tuple[str, ...]) -> str:
    near = nearest(name, [str(choice) for choice in choices])
    listed = f"possible are {', '.join(choices)}"
    return f"did you mean {near}? {listed}" if near else listed
