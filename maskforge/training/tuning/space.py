"""What a search tries: options of a training, each with its values."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, TypeAlias, get_origin, get_type_hints

from maskforge.augmentation.augment_options import resolve
from maskforge.choices import Among, Between, Searched, alternatives
from maskforge.errors import OptionError, did_you_mean, shorten
from maskforge.nn.network_catalog import plan_network
from maskforge.training.configfile import (
    build_options,
    parse_setting,
    set_value,
    to_document,
)
from maskforge.training.initial_model import take_over
from maskforge.training.plan import check_options
from maskforge.training.train_options import TrainOptions
from maskforge.training.tuning.tune_options import DEFAULT

Value: TypeAlias = bool | int | float | str
Space: TypeAlias = Mapping[str, Searched]
"""What is tried, by the key of the option in a configuration."""

_SAME_FOR_ALL = ("data", "split", "init", "seed", "backend", "devices", "track")
"""With other data or parts scores cannot be compared; the rest does not make a network better."""

_CROP = "input.crop"
_HOW = "write --search KEY=LOW..HIGH or --search KEY=VALUE,VALUE"


def search_space(searches: Sequence[str], options: TrainOptions) -> Space:
    """Return what is searched.

    Options that are searched by default are left out, wholly or with some of their values, where
    they do not fit the others, such as the depth of a network that has a fixed one.

    Args:
        searches: ``default``, keys, and keys with what is tried, as in ``TuneOptions``.
        options: The options of which some are searched. The value that such an option has is
            always among those that are tried.

    Raises:
        OptionError: If a key is unknown, or a value cannot be one of that option or does not fit
            the others.
    """
    known = dict(_searchable(TrainOptions))
    space: dict[str, Searched] = {}
    for text in searches:
        if text.strip() == DEFAULT:
            for key, hint in known.items():
                found = _said_by(hint)
                if found is not None and (fitting := _fitting(key, found, options)) is not None:
                    space[key] = fitting
            continue
        key, values = _read(text, known)
        _check(key, values, options)
        space[key] = values
    given = given_values(space, options)
    space = {key: _with(one, given.get(key)) for key, one in space.items()}
    if not any(isinstance(one, Between) or one.values[1:] for one in space.values()):
        raise OptionError("there is nothing to search", hint=_HOW)
    return space


def without_large_crops(space: Space, side: int) -> Space:
    """Return a space without crops that are larger than any image, which would be padded.

    Args:
        space: What is searched.
        side: The shorter side of the largest image in pixels.
    """
    crops = space.get(_CROP)
    if not isinstance(crops, Among):
        return space
    left = Among(tuple(one for one in crops.values if not isinstance(one, int) or one <= side))
    without = {key: one for key, one in space.items() if key != _CROP}
    return {**without, _CROP: left} if left.values[1:] else without


def written(space: Space) -> dict[str, str]:
    """Return a space as it stands in reports and behind ``--search``."""
    return {key: str(one) for key, one in space.items()}


def given_values(space: Space, options: TrainOptions) -> dict[str, Value]:
    """Return the values that options have, by key; of those that are open, what they come to."""
    network = dataclasses.asdict(plan_network(options.network))
    augment = dataclasses.asdict(resolve(options.augment))
    given = {f"network.{name}": value for name, value in network.items()}
    given |= {f"augment.{name}": value for name, value in augment.items()}
    given |= flat(to_document(options))
    return {key: given[key] for key in space if isinstance(given.get(key), Value)}


def with_values(options: TrainOptions, values: Mapping[str, Value]) -> TrainOptions:
    """Return options with some values changed.

    Raises:
        OptionError: If an option cannot have its value.
    """
    document = to_document(options)
    for key, value in values.items():
        set_value(document, key, value)
    return build_options(document)


def flat(document: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return the options of a configuration by their keys, such as ``network.filters``."""
    values: dict[str, Any] = {}
    for key, value in document.items():
        is_group = isinstance(value, Mapping)
        values |= flat(value, f"{prefix}{key}.") if is_group else {f"{prefix}{key}": value}
    return values


def _searchable(class_: type, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every option that can be searched: its key and its annotated type."""
    for name, hint in get_type_hints(class_, include_extras=True).items():
        if prefix or name not in _SAME_FOR_ALL:
            if dataclasses.is_dataclass(hint) and isinstance(hint, type):
                yield from _searchable(hint, f"{name}.")
            else:
                yield f"{prefix}{name}", hint


def _said_by(hint: object) -> Searched | None:
    """Return what an annotated type says that is tried."""
    said = [one for one in getattr(hint, "__metadata__", ()) if isinstance(one, Searched)]
    return said[0] if said else None


def _read(text: str, known: Mapping[str, Any]) -> tuple[str, Searched]:
    """Return key and values of ``KEY``, ``KEY=LOW..HIGH`` or ``KEY=VALUE,VALUE``."""
    name, equals, values = (one.strip() for one in text.partition("="))
    key = _key(name, known)
    hint = known[key]
    words, types = alternatives(hint.__origin__ if get_origin(hint) is Annotated else hint)
    if not equals:
        found = _said_by(hint) or Among((False, True) if bool in types else words)
        if found == Among(()):
            raise OptionError(f"nothing says what is tried of {key}", hint=_HOW)
        return key, found
    if ".." not in values:
        return key, Among(tuple(dict.fromkeys(_value(key, one) for one in values.split(","))))
    low, high = (_value(key, one) for one in values.split("..", 1))
    is_whole = int in types and float not in types
    fitting = (int,) if is_whole else (int, float)
    is_number = all(isinstance(one, fitting) and not isinstance(one, bool) for one in (low, high))
    if not is_number or not {int, float} & {*types}:
        raise OptionError(
            f"{key} cannot be searched between {shorten(low)} and {shorten(high)}",
            hint=f"give {'whole ' * is_whole}numbers, or write --search {key}=VALUE,VALUE"
            if {int, float} & {*types}
            else f"write --search {key}=VALUE,VALUE",
        )
    if not low < high:  # type: ignore[operator]  # both are numbers
        raise OptionError(f"{key} cannot be searched between {low} and {high}: nothing is there")
    bounds = (low, high) if is_whole else (float(low), float(high))
    return key, Between(*bounds)  # type: ignore[arg-type]  # likewise


def _key(name: str, known: Mapping[str, object]) -> str:
    """Return the key of an option, which may be named without its group."""
    if name in known:
        return name
    found = [key for key in known if key.rpartition(".")[2] == name]
    if len(found) == 1:
        return found[0]
    if found:
        raise OptionError(f"{name} could be {' or '.join(found)}", hint="write it with its group")
    if name.partition(".")[0] in _SAME_FOR_ALL:
        raise OptionError(
            f"{name} cannot be searched", hint="all trainings of a search have the same"
        )
    names = [*known, *(key.rpartition(".")[2] for key in known)]
    raise OptionError(
        f"there is no option {shorten(name)} to search{did_you_mean(name, names)}",
        hint="the keys are those of a configuration; `maskforge train --print-config` shows them",
    )


def _value(key: str, text: str) -> Value:
    """Return a value that is written as in a configuration."""
    value = parse_setting(f"{key}={text.strip()}")[1]
    if not isinstance(value, Value) or value == "":
        raise OptionError(f"{key} cannot be searched at {shorten(text)}", hint=_HOW)
    return value


def _check(key: str, values: Searched, options: TrainOptions) -> None:
    """Refuse values that an option cannot have together with the others."""
    for one in _ends(values):
        changed, _ = take_over(with_values(options, {key: one}))
        check_options(changed)


def _with(values: Searched, given: Value | None) -> Searched:
    """Return values with the one that is given among them, unless it is a number elsewhere."""
    if isinstance(values, Between) or given is None or given in values:
        return values
    # What is open by default is not: it could come to the same.
    return Among((given, *(one for one in values.values if one != "auto")))


def _fitting(key: str, values: Searched, options: TrainOptions) -> Searched | None:
    """Return those values that an option can have together with the others; None if none."""
    fitting = []
    for one in _ends(values):
        try:
            _check(key, Among((one,)), options)
        except OptionError:
            continue
        fitting.append(one)
    if isinstance(values, Between):
        return values if len(fitting) == len(_ends(values)) else None
    return Among(tuple(fitting)) if fitting else None


def _ends(values: Searched) -> tuple[Value, ...]:
    return values.values if isinstance(values, Among) else (values.low, values.high)
