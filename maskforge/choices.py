"""The values that options can take, and options given as keywords; light enough for every help."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping
from types import UnionType
from typing import (
    TYPE_CHECKING,
    Any,
    Literal,
    TypeAlias,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from maskforge.errors import OptionError, did_you_mean, shorten

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Encoding: TypeAlias = Literal["integer", "onehot", "multihot"]
FileType: TypeAlias = Literal["png", "tiff", "npy"]
Overlap: TypeAlias = Literal["order", "area", "priority", "error"]
MultiTag: TypeAlias = Literal["first", "last", "all", "error"]
SizeMismatch: TypeAlias = Literal["error", "scale"]
FailOn: TypeAlias = Literal["warning", "error", "never"]
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
Upsampling: TypeAlias = Literal["transpose", "nearest", "bilinear"]
Normalization: TypeAlias = Literal["none", "batch", "group", "layer"]
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


Progress: TypeAlias = Callable[[str, int, int | None], None]
"""Called with the name of the phase, the number of images done, and their total if known."""

Options = TypeVar("Options", bound="DataclassInstance")

_WHY_NOT = dict.fromkeys(
    ("jpg", "jpeg"), "JPEG changes pixel values when it compresses, so class ids would be lost; "
)
_CALLED = {int: "a whole number", float: "a number", Mapping: "values by name"}

_hints = functools.cache(get_type_hints)  # finding them takes as long as drawing a small image


def with_keywords(
    class_: type[Options], options: Options | None, keywords: Mapping[str, Any]
) -> Options:
    """Return options with some of them replaced by keywords, every choice checked.

    Args:
        class_: A frozen dataclass whose fields are the options.
        options: What the keywords change; the defaults if None.
        keywords: Values by name. For options that are a group themselves, a mapping changes some
            of the group; an option of one group alone can be given by its own name as well.

    Raises:
        OptionError: If an option does not exist, or is none of the words that it can be.

    Examples:
        >>> from maskforge import EvaluateOptions
        >>> with_keywords(EvaluateOptions, None, {"worst": 3, "measure": {"min_size": 5}}).worst
        3
        >>> with_keywords(EvaluateOptions, None, {"min_size": 5}).measure.min_size
        5
    """
    if options is None:
        options = class_()
    elif not isinstance(options, class_):
        raise OptionError(
            f"options must be {class_.__name__}, found {shorten(options)}",
            hint=f"give single options by name, such as {dataclasses.fields(class_)[0].name}=...",
        )
    if not keywords:
        check_choices(options)
        return options
    known = _hints(class_)
    changes: dict[str, Any] = {}
    for name in sorted(keywords, key=lambda name: name not in known):  # whole groups first
        value = keywords[name]
        group = name if name in known else _group_with(name, known)
        if not dataclasses.is_dataclass(known[group]):
            changes[name] = value
            continue
        if group != name:
            value = {name: value}
        if isinstance(value, Mapping):
            before = changes.get(group, getattr(options, group))
            value = with_keywords(known[group], before, value)
        elif not isinstance(value, known[group]):
            raise OptionError(
                f"{name} is a group of options, found {shorten(value)}",
                hint=f"give a {known[group].__name__}, or a mapping of names to values",
            )
        changes[group] = value
    changed = dataclasses.replace(options, **changes)
    check_choices(changed)
    return changed


def _group_with(name: str, known: Mapping[str, Any]) -> str:
    """Return the one group that has an option of this name."""
    inner = {
        group: [one.name for one in dataclasses.fields(hint)]
        for group, hint in known.items()
        if dataclasses.is_dataclass(hint)
    }
    owners = [group for group, names in inner.items() if name in names]
    if len(owners) > 1:
        raise OptionError(
            f"the option {name!r} is not clear: {' and '.join(owners)} have one",
            hint=f"write {' or '.join(f'{group}={{{name!r}: ...}}' for group in owners)}",
        )
    if not owners:
        names = [*known, *(one for names in inner.values() for one in names)]
        raise OptionError(
            f"there is no option {name!r}{did_you_mean(name, names)}",
            hint=f"the options are {', '.join(known)}",
        )
    return owners[0]


@functools.cache
def alternatives(hint: Any) -> tuple[tuple[Any, ...], tuple[Any, ...]]:  # noqa: ANN401 - any type
    """Return the words that a type allows, and the other types that stand beside them."""
    origin = get_origin(hint)
    if origin is Literal:
        return get_args(hint), ()
    if origin in (Union, UnionType):
        words, types = zip(*map(alternatives, get_args(hint)), strict=True)
        return sum(words, ()), sum(types, ())
    return (), (origin or hint,)


def check_choices(options: DataclassInstance) -> None:
    """Make sure that options with a fixed set of words have one of these.

    Raises:
        OptionError: Naming the option and its words.
    """
    for name, hint in _hints(type(options)).items():
        value = getattr(options, name)
        if dataclasses.is_dataclass(hint):
            check_choices(value)
        else:
            check_choice(name, value, hint)


def check_choice(name: str, value: object, choices: object) -> None:
    """Make sure that a value is one of the words of a type, or of another type that it allows.

    Raises:
        OptionError: Naming the option and its words.
    """
    words, types = alternatives(choices)
    if not words or value in words or isinstance(value, types):
        return
    others = [_CALLED[one] for one in types if one in _CALLED]
    raise OptionError(
        f"{name} cannot be {shorten(value)}{did_you_mean(str(value), map(str, words))}",
        hint=_WHY_NOT.get(str(value), "")
        + f"choose one of {', '.join(map(str, words))}"
        + (f", or give {' or '.join(others)}" if others else ""),
    )
