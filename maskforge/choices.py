"""The values that options can take, and options given as keywords; light enough for every help.

A choice is a ``Literal`` here, the numbers that are possible stand beside the field of the option:
``Annotated[int, Range(1, 100)]``. What a search of options tries stands there, too, as ``Between``
or ``Among``.
"""

from __future__ import annotations

import dataclasses
import functools
import numbers
from collections.abc import Callable, Iterator, Mapping
from types import NoneType, UnionType
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

from maskforge.errors import OptionError, check_type, did_you_mean, shorten

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Encoding: TypeAlias = Literal["integer", "binary", "onehot", "multihot"]
FileType: TypeAlias = Literal["png", "tiff", "npy"]
Overlap: TypeAlias = Literal["order", "area", "priority", "error"]
ClosedLines: TypeAlias = Literal["line", "area"]
InnerRings: TypeAlias = Literal["area", "hole"]
MultiTag: TypeAlias = Literal["first", "last", "all", "error"]
SizeMismatch: TypeAlias = Literal["error", "scale"]
HoleForm: TypeAlias = Literal["rings", "background", "cut", "bitmap"]
ChosenHoles: TypeAlias = Literal["auto", "rings", "background", "cut", "bitmap"]
ImageFiles: TypeAlias = Literal["reference", "copy", "embed"]
Match: TypeAlias = Literal[
    "path", "beside", "images", "folders", "content", "name", "extracted", "none"
]
Unfinished: TypeAlias = Literal["error", "use"]
FailOn: TypeAlias = Literal["warning", "error", "never"]
Unvisited: TypeAlias = Literal["skip", "background"]
Refused: TypeAlias = Literal["leave-out", "void"]
Outcome: TypeAlias = Literal["drawn", "partial", "ignored", "refused"]
PartName: TypeAlias = Literal["auto", "test", "validation", "train", "all"]
Partial: TypeAlias = Literal["skip", "use", "error"]
Made: TypeAlias = Literal["drawn", "predicted", "corrected", "confirmed"]
Correction: TypeAlias = Literal["new", "changed", "confirmed", "untouched"]
Untouched: TypeAlias = Literal["skip", "confirm", "keep"]
Head: TypeAlias = Literal["sigmoid", "softmax"]
Connectivity: TypeAlias = Literal[4, 8]
Consensus: TypeAlias = Literal["majority", "staple"]
VoidWhere: TypeAlias = Literal["tie", "disagree"]
Scaling: TypeAlias = Literal["zero-one", "minus-one-one", "z-score", "percentile"]
Color: TypeAlias = Literal["auto", "gray", "rgb"]
Holding: TypeAlias = Literal["auto", "memory", "stream"]
Backend: TypeAlias = Literal["auto", "tensorflow", "jax", "torch"]
Precision: TypeAlias = Literal["auto", "float32", "bfloat16", "float16"]
ModelPrecision: TypeAlias = Literal["auto", "float32", "bfloat16", "int8"]
FoldWeights: TypeAlias = Literal["equal", "validation"]
ChosenPostProcessing: TypeAlias = Literal["auto", "none"]
UsedPostProcessing: TypeAlias = Literal["stored", "none"]
Optimizer: TypeAlias = Literal["adam", "adamw", "nadam", "rmsprop", "sgd"]
Schedule: TypeAlias = Literal["constant", "cosine", "exponential", "plateau"]
Symmetry: TypeAlias = Literal["flip_horizontal", "flip_vertical", "transpose"]
AugmentPreset: TypeAlias = Literal["none", "flips", "light", "medium", "strong"]
Runtime: TypeAlias = Literal["auto", "keras", "onnx", "openvino"]
ExportFormat: TypeAlias = Literal["onnx", "openvino", "saved-model", "litert"]
ExportPrecision: TypeAlias = Literal["float32", "int8"]
Compared: TypeAlias = Literal["auto", "folds", "flips", "thresholds"]
Suspicion: TypeAlias = Literal["missed", "invented", "class", "outline"]
Tracker: TypeAlias = Literal["none", "tensorboard", "mlflow", "wandb", "trackio"]
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

MATCHES: dict[Match, str] = {
    "path": "it is where the annotation file says",
    "beside": "it has the name, and lies beside the annotation file",
    "images": "it has the name, and lies in a folder that was given for images",
    "folders": "it has the name, and the folders around it fit those of the annotation",
    "content": "it shows what the image in the annotation file shows",
    "name": "it has the name, and nothing else is known: look at it",
    "extracted": "it was in the annotation file",
    "none": "there is no image",
}
"""By which evidence an image was found, and what that means."""

Progress: TypeAlias = Callable[[str, int, int | None], None]
"""Called with the name of the phase, the number of images done, and their total if known."""

Options = TypeVar("Options", bound="DataclassInstance")

_WHY_NOT = dict.fromkeys(
    ("jpg", "jpeg"), "JPEG changes pixel values when it compresses, so class ids would be lost; "
)
_WIDE = 100
_ROUNDED = 1 + 1e-9  # 1e-4 * 100 is above 1e-2
_CALLED = {int: "a whole number", float: "a number", Mapping: "values by name"}

_hints = functools.cache(get_type_hints)  # finding them takes as long as drawing a small image


@dataclasses.dataclass(frozen=True, slots=True)
class Range:
    """The numbers that an option can be.

    Attributes:
        low: The smallest.
        high: The largest.
        above: Whether it must be above ``low``.
        below: Whether it must be below ``high``.

    Examples:
        >>> str(Range(1, 65_536)), str(Range(0, 1, above=True)), 2 in Range(0, 1)
        ('1 to 65536', 'above 0 to 1', False)
    """

    low: float
    high: float
    above: bool = False
    below: bool = False

    def __contains__(self, value: float) -> bool:
        """Tell whether a number is possible; what is not a number never is."""
        is_outer = (self.above and value == self.low) or (self.below and value == self.high)
        return self.low <= value <= self.high and not is_outer

    def __str__(self) -> str:
        low, high = (f"{one:.15g}" for one in (self.low, self.high))
        return f"{'above ' * self.above}{low} to {'below ' * self.below}{high}"


@dataclasses.dataclass(frozen=True, slots=True)
class Between:
    """The numbers that a search of options tries.

    Attributes:
        low: The smallest.
        high: The largest. If it is a hundred times as large or more, equal factors are equally
            likely, otherwise equal differences.

    Examples:
        >>> str(Between(0.0001, 0.01)), Between(0.0001, 0.01).is_wide, 0.5 in Between(0, 1)
        ('0.0001..0.01', True, True)
    """

    low: float
    high: float

    @property
    def is_wide(self) -> bool:
        """Whether equal factors are equally likely."""
        return 0 < _WIDE * self.low <= self.high * _ROUNDED

    def __contains__(self, value: object) -> bool:
        """Tell whether a value is one of the numbers."""
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return False
        return self.low <= value <= self.high

    def __str__(self) -> str:
        return f"{self.low:.15g}..{self.high:.15g}"


@dataclasses.dataclass(frozen=True, slots=True)
class Among:
    """The values that a search of options tries.

    Attributes:
        values: The values.

    Examples:
        >>> str(Among(("auto", 128, True)))
        'auto,128,true'
    """

    values: tuple[bool | int | float | str, ...]

    def __contains__(self, value: object) -> bool:
        """Tell whether a value is one of them."""
        return value in self.values

    def __str__(self) -> str:
        return ",".join(
            str(one).lower() if isinstance(one, bool) else str(one) for one in self.values
        )


Searched: TypeAlias = Between | Among
"""What a search of options tries."""


def with_keywords(
    class_: type[Options], options: Options | None, keywords: Mapping[str, Any]
) -> Options:
    """Return options with some of them replaced by keywords, every choice and number checked.

    Args:
        class_: A frozen dataclass whose fields are the options.
        options: What the keywords change; the defaults if None.
        keywords: Values by name. For options that are a group themselves, a mapping changes some
            of the group; an option of one group alone can be given by its own name as well.

    Raises:
        OptionError: If an option does not exist, or is none of the words or numbers that it can be.

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


def check_choices(options: DataclassInstance, group: str = "") -> None:
    """Make sure that options have one of the words, or a number in the range, that they can be.

    Args:
        options: A dataclass of options, and of groups of them.
        group: What stands before the names in errors, such as ``network.``.

    Raises:
        OptionError: Naming the option, and its words or its range.
    """
    ranges = ranges_of(type(options))
    for name, hint in _hints(type(options)).items():
        value = getattr(options, name)
        if dataclasses.is_dataclass(hint):
            check_choices(value, f"{group}{name}.")
            continue
        for one, choices in _chosen(value, hint):
            check_choice(f"{group}{name}", one, choices)
        types = alternatives(hint)[1]
        structures = [one for one in types if dataclasses.is_dataclass(one)]
        if structures and {*structures, NoneType} >= {*types}:
            check_type(f"{group}{name}", value, *types)
        if name in ranges:
            _check_number(f"{group}{name}", value, hint, ranges[name])


def _chosen(value: object, hint: object) -> Iterator[tuple[object, object]]:
    """Yield what was chosen, each of several one by one, with the type of what it can be."""
    if get_origin(hint) is tuple and isinstance(value, (tuple, list)):
        yield from ((one, get_args(hint)[0]) for one in value)
    else:
        yield value, hint


@functools.cache
def ranges_of(class_: type) -> Mapping[str, Range]:
    """Return the ranges of a class of options by the names of its fields."""
    hints = get_type_hints(class_, include_extras=True)
    return {
        name: one
        for name, hint in hints.items()
        for one in getattr(hint, "__metadata__", ())
        if isinstance(one, Range)
    }


def _check_number(name: str, value: object, hint: object, possible: Range) -> None:
    words, types = alternatives(hint)
    if value in words or (value is None and NoneType in types):
        return
    wanted = int if int in types and float not in types else float
    kind: Any = numbers.Integral if wanted is int else numbers.Real
    for called, one in _numbers(name, value, types):
        if isinstance(one, bool) or not isinstance(one, kind):
            raise OptionError(f"{called} must be {_CALLED[wanted]}, found {shorten(one)}")
        if one not in possible:
            raise OptionError(f"{called} cannot be {shorten(one)}, expected {possible}")


def _numbers(name: str, value: Any, types: tuple[Any, ...]) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - any value
    """Yield the numbers of an option, with what each is called."""
    if isinstance(value, Mapping) and Mapping in types:
        yield from ((f"{name} of {shorten(key)}", one) for key, one in value.items())
    elif isinstance(value, (tuple, list)) and tuple in types:
        yield from ((name, one) for one in value)
    else:
        yield name, value


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
