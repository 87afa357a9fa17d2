"""Training options as a TOML document: read, checked key by key, changed, written."""

from __future__ import annotations

import dataclasses
import numbers
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias, get_type_hints

import msgspec
import tomli_w

from maskforge.choices import check_choices
from maskforge.display.aliases import named
from maskforge.errors import OptionError, nearest, shorten
from maskforge.files import read_bytes
from maskforge.issues import Origin
from maskforge.training.train_options import TrainOptions

Document: TypeAlias = dict[str, Any]


def read_config(path: Path) -> Document:
    """Read a configuration file; nothing in it is checked yet.

    Raises:
        OptionError: If it cannot be read or is not TOML.
    """
    try:
        return tomllib.loads(read_bytes(path).decode("utf-8-sig"))
    except OSError as error:
        reason = error.strerror or error
        raise OptionError(f"cannot be read: {reason}", origin=Origin(path, "")) from None
    except (ValueError, RecursionError) as error:
        raise OptionError(f"is not valid TOML: {_reason(error)}", origin=Origin(path, "")) from None


def set_value(document: Document, key: str, value: object) -> None:
    """Set a value by its dotted key, such as ``network.filters``.

    Raises:
        OptionError: If the way to the key leads through something that is not a table.
    """
    *tables, last = key.split(".")
    for name in tables:
        inner = document.setdefault(name, {})
        if not isinstance(inner, dict):
            raise OptionError(f"{key}: {name} is not a table of options")
        document = inner
    document[last] = value


def parse_setting(text: str) -> tuple[str, object]:
    """Return key and value of ``KEY=VALUE``, where the value is written as in TOML.

    What is not a TOML value is a string, so that quotes can be left out.

    Raises:
        OptionError: If there is no key.
    """
    key, separator, value = text.partition("=")
    if not separator or not key.strip():
        raise OptionError(
            f"{shorten(text)} is not KEY=VALUE", hint="for example --set network.filters=32"
        )
    try:
        return key.strip(), tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return key.strip(), value.strip()
    except (ValueError, RecursionError) as error:
        raise OptionError(f"{shorten(text)} cannot be read: {_reason(error)}") from None


def _reason(error: ValueError | RecursionError) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    is_toml = isinstance(error, (tomllib.TOMLDecodeError, UnicodeDecodeError))
    return str(error) if is_toml else "a number has too many digits, or a date does not exist"


def build_options(document: Mapping[str, Any], origin: Origin | None = None) -> TrainOptions:
    """Turn a document into options.

    Args:
        document: Tables and values as in the file.
        origin: The file, for errors.

    Raises:
        OptionError: If a key is unknown, with the nearest that is known; or a value does not fit.
    """
    _check_keys(document, TrainOptions, "", origin)
    try:
        options = msgspec.convert(document, TrainOptions)
        check_choices(options)
    except msgspec.ValidationError as error:
        text, _, place = str(error).partition(" - at `")
        key = place.removesuffix("`").removeprefix("$.") or "the configuration"
        raise OptionError(f"{key}: {text}", origin=origin, hint=_choices(key)) from None
    except OptionError as error:
        raise OptionError(error.message, origin=origin, hint=error.hint) from None
    return options


def _check_keys(document: object, type_: type, prefix: str, origin: Origin | None) -> None:
    if not isinstance(document, Mapping):
        return
    hints = get_type_hints(type_)
    for key, value in document.items():
        if key not in hints:
            known = [
                *hints,
                *(f"{name}.{inner}" for name in hints for inner in _names(hints[name])),
            ]
            elsewhere = [name for name in known if name.endswith(f".{key}")]
            near = elsewhere[0] if elsewhere else nearest(key, known, likeness=0.5)
            raise OptionError(
                f"there is no option {prefix}{key}",
                origin=origin,
                hint=f"did you mean {prefix}{near}?" if near else f"known are {', '.join(hints)}",
            )
        if dataclasses.is_dataclass(hints[key]):
            if not isinstance(value, Mapping):
                raise OptionError(f"{prefix}{key} must be a table of options", origin=origin)
            _check_keys(value, hints[key], f"{prefix}{key}.", origin)


def _names(type_: object) -> list[str]:
    if not dataclasses.is_dataclass(type_):
        return []
    return [field.name for field in dataclasses.fields(type_)]


def _choices(key: str) -> str:
    """Return the values that an option can take, if they are few."""
    type_: Any = TrainOptions
    for name in key.split("."):
        hints = get_type_hints(type_) if dataclasses.is_dataclass(type_) else {}
        if name not in hints:
            return ""
        type_ = hints[name]
    names = [str(one) for one in _literals(type_)]
    return f"one of {', '.join(names)}" if names else ""


def _literals(type_: Any) -> list[object]:  # noqa: ANN401 - an annotation can be anything
    arguments = getattr(type_, "__args__", ())
    if all(isinstance(one, str) for one in arguments):
        return list(arguments)
    return [one for inner in arguments for one in _literals(inner)]


def to_document(options: TrainOptions) -> Document:
    """Return options as a document; what is None is left out.

    Raises:
        OptionError: If values lie within each other without end.
    """
    try:
        document: Document = _without_none(msgspec.to_builtins(options, enc_hook=_plain))
    except RecursionError:
        raise OptionError("the options are nested too deeply") from None
    return document


def _plain(value: object) -> object:
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, numbers.Integral):  # one of NumPy's, likewise below
        return int(value)
    return float(value) if isinstance(value, numbers.Real) else shorten(value)


def _without_none(value: Any) -> Any:  # noqa: ANN401 - a TOML value can be anything
    if isinstance(value, dict):
        return {key: _without_none(one) for key, one in value.items() if one is not None}
    return value


def dump_config(options: TrainOptions) -> str:
    """Return options as the text of a configuration file."""
    document = to_document(options)
    # Tables last, as TOML wants values that belong to no table before the first one.
    ordered = sorted(document.items(), key=lambda item: isinstance(item[1], dict))
    return named(tomli_w.dumps(dict(ordered)))
