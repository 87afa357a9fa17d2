"""The values that options can take, and options given as keywords; light enough for every help."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias, TypeVar, get_args, get_origin, get_type_hints

from maskforge.errors import OptionError, did_you_mean, shorten

Encoding: TypeAlias = Literal["integer", "onehot", "multihot"]
FileType: TypeAlias = Literal["png", "tiff", "npy"]
Overlap: TypeAlias = Literal["order", "area", "priority", "error"]
MultiTag: TypeAlias = Literal["first", "last", "all", "error"]
SizeMismatch: TypeAlias = Literal["error", "scale"]
Unvisited: TypeAlias = Literal["skip", "background"]
Head: TypeAlias = Literal["sigmoid", "softmax"]
Scaling: TypeAlias = Literal["zero-one", "minus-one-one", "z-score", "percentile"]
Color: TypeAlias = Literal["auto", "gray", "rgb"]
Holding: TypeAlias = Literal["auto", "memory", "stream"]
Backend: TypeAlias = Literal["auto", "tensorflow", "jax", "torch"]
Precision: TypeAlias = Literal["auto", "float32", "bfloat16", "float16"]
Optimizer: TypeAlias = Literal["adam", "adamw", "nadam", "rmsprop", "sgd"]
Schedule: TypeAlias = Literal["constant", "cosine", "exponential", "plateau"]
Symmetry: TypeAlias = Literal["flip_horizontal", "flip_vertical", "transpose"]
AugmentPreset: TypeAlias = Literal["none", "flips", "light", "medium", "strong"]
Runtime: TypeAlias = Literal["auto", "keras", "onnx", "openvino"]
ExportFormat: TypeAlias = Literal["onnx", "openvino", "saved-model", "litert"]
Architecture: TypeAlias = Literal[
    "unet", "unetpp", "attention_unet", "resunet", "fcn8", "segnet", "pspnet", "cnn"
]
Upsampling: TypeAlias = Literal["transpose", "nearest", "bilinear"]
Normalization: TypeAlias = Literal["none", "batch", "group", "layer"]
Preset: TypeAlias = Literal["unet-transpose", "unet-upsampling", "unet-zhixuhao"]
Encoder: TypeAlias = Literal[
    "vgg16",
    "vgg19",
    "resnet50",
    "resnet101",
    "efficientnetv2b0",
    "efficientnetv2s",
    "mobilenetv2",
    "mobilenetv3small",
    "mobilenetv3large",
    "densenet121",
]

SYMMETRIES: tuple[Symmetry, ...] = get_args(Symmetry)

_WHY_NOT = dict.fromkeys(
    ("jpg", "jpeg"), "JPEG changes pixel values when it compresses, so class ids would be lost; "
)

Progress: TypeAlias = Callable[[str, int, int | None], None]
"""Called with the name of the phase, the number of images done, and their total if known."""

Options = TypeVar("Options")

_hints = functools.cache(get_type_hints)  # finding them takes as long as drawing a small image


def with_keywords(
    class_: type[Options], options: Options | None, keywords: Mapping[str, Any]
) -> Options:
    """Return options with some of them replaced by keywords, every choice checked.

    Args:
        class_: A frozen dataclass whose fields are the options.
        options: What the keywords change; the defaults if None.
        keywords: Values by name. For options that are a group themselves, a mapping changes some
            of the group.

    Raises:
        OptionError: If an option does not exist, or is none of the words that it can be.

    Example:
        >>> from maskforge import EvaluateOptions
        >>> with_keywords(EvaluateOptions, None, {"worst": 3, "measure": {"min_size": 5}}).worst
        3
    """
    if options is None:
        options = class_()
    elif not isinstance(options, class_):
        raise OptionError(
            f"options must be {class_.__name__}, found {shorten(options)}",
            hint=f"give single options by name, such as {dataclasses.fields(class_)[0].name}=...",  # type: ignore[arg-type]
        )
    known = {field.name: getattr(options, field.name) for field in dataclasses.fields(class_)}  # type: ignore[arg-type]
    changes = {}
    for name, value in keywords.items():
        if name not in known:
            raise OptionError(
                f"there is no option {name!r}{did_you_mean(name, known)}",
                hint=f"the options are {', '.join(known)}",
            )
        group = known[name]
        if dataclasses.is_dataclass(group) and isinstance(value, Mapping):
            value = with_keywords(type(group), group, value)  # noqa: PLW2901
        changes[name] = value
    changed = dataclasses.replace(options, **changes)  # type: ignore[type-var]
    check_choices(changed)
    return changed


def check_choices(options: object) -> None:
    """Make sure that options with a fixed set of words have one of these.

    Raises:
        OptionError: Naming the option and its words.
    """
    for name, hint in _hints(type(options)).items():  # type: ignore[arg-type]
        value = getattr(options, name)
        if dataclasses.is_dataclass(value):
            check_choices(value)
        elif get_origin(hint) is Literal:
            check_choice(name, value, hint)


def check_choice(name: str, value: object, choices: object) -> None:
    """Make sure that a value is one of the words of a Literal.

    Raises:
        OptionError: Naming the option and its words.
    """
    if value not in get_args(choices):
        words = [str(one) for one in get_args(choices)]
        raise OptionError(
            f"{name} cannot be {shorten(value)}{did_you_mean(str(value), words)}",
            hint=f"{_WHY_NOT.get(str(value), '')}choose one of {', '.join(words)}",
        )
