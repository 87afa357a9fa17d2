"""Options of a command that stand for fields of a dataclass of options.

Type and default are those of the field; here stands what the command line has to add. A command
names a group of flags where its parameters are::

    @with_flags
    def predict(out: ..., *, chosen: Annotated[Given, Flags(PredictOptions, Flag(...), ...)])

and is given what was said as ``chosen``, by the names of the fields.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, Literal, TypeAlias, get_type_hints

import typer

from maskforge.choices import alternatives
from maskforge.cli.console import reported_errors

Given: TypeAlias = dict[str, Any]
"""What was said on the command line, by the names of fields; what nobody said is not in it."""

_PATHS = ("DIR", "FILE")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """An option that stands for a field.

    Attributes:
        key: The field, with its groups: ``network.filters``.
        help: One sentence.
        panel: Heading above it in the help; None for the first part.
        metavar: What stands for the value; ``DIR`` and ``FILE`` are paths, everything else is text.
        default: What the help says about the default, if that is not the field's; empty for
            nothing.
        name: Of the option, if it is not that of the field.
        read: Makes the value of what was typed.
        many: Whether it may be repeated.
    """

    key: str
    help: str
    panel: str | None = None
    metavar: str | None = None
    default: str | None = None
    name: str | None = None
    read: Callable[[Any], object] | None = None
    many: bool = False

    @property
    def parameter(self) -> str:
        """Name of the parameter."""
        return self.name or self.key.rpartition(".")[2]

    def option(self, class_: type) -> inspect.Parameter:
        """Return the parameter from which Typer makes the option."""
        hint, default = _field(class_, self.key)
        shown = _shown(default) if self.default is None else self.default
        is_word = self.parameter.endswith("_")  # such as "as", which no parameter can be called
        option = typer.Option(
            *([f"--{self.parameter.rstrip('_')}"] if is_word else []),
            help=self.help,
            rich_help_panel=self.panel,
            metavar=self.metavar,
            show_default=shown or False,
        )
        return inspect.Parameter(
            self.parameter,
            inspect.Parameter.KEYWORD_ONLY,
            # Nothing is a default, so that a file is not overruled by what nobody said.
            default=None,
            annotation=Annotated[self._type(hint) | None, option],
        )

    def _type(self, hint: object) -> Any:  # noqa: ANN401 - what Typer makes of it is its own
        words, types = alternatives(hint)
        if self.many:
            return list[str]
        if self.metavar is not None and self.read is not None:
            return str
        if self.metavar in _PATHS:
            return Path
        if words:
            return Literal[words] if self.metavar is None else str
        return next(one for one in types if one is not NoneType)

    def value(self, typed: Any) -> object:  # noqa: ANN401 - whatever Typer gives
        """Return the value of the field."""
        if self.read is not None:
            return self.read(typed)
        return str(typed) if isinstance(typed, Path) else typed


class Flags:
    """A group of options that stand for fields of one class.

    Args:
        class_: The dataclass.
        flags: The options, in the order of the help.
    """

    def __init__(self, class_: type, *flags: Flag) -> None:
        self.class_ = class_
        self.flags = flags

    def parameters(self) -> list[inspect.Parameter]:
        """Return the parameters from which Typer makes the options."""
        return [flag.option(self.class_) for flag in self.flags]

    def given(self, typed: dict[str, Any]) -> Given:
        """Take what belongs to this group out of all that was typed."""
        values = {flag: typed.pop(flag.parameter) for flag in self.flags}
        return {flag.key: flag.value(one) for flag, one in values.items() if one not in (None, [])}


def with_flags(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command for Typer: every group of flags becomes its options, errors are reported."""
    hints = get_type_hints(command, include_extras=True)
    groups: dict[str, Flags] = {}
    parameters: list[inspect.Parameter] = []
    for name, parameter in inspect.signature(command).parameters.items():
        extras = getattr(hints[name], "__metadata__", ())
        if found := [one for one in extras if isinstance(one, Flags)]:
            groups[name] = found[0]
            parameters += found[0].parameters()
        else:
            kind = inspect.Parameter.KEYWORD_ONLY
            parameters.append(parameter.replace(annotation=hints[name], kind=kind))

    @functools.wraps(command)
    def run(**typed: Any) -> None:  # noqa: ANN401 - whatever Typer gives
        with reported_errors():
            given = {name: flags.given(typed) for name, flags in groups.items()}
            command(**typed, **given)

    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # for Typer
    run.__annotations__ = {one.name: one.annotation for one in parameters}
    return run


def _shown(default: object) -> str:
    if default in (None, (), {}):
        return ""
    if isinstance(default, bool):
        return "yes" if default else "no"
    return f"{default:g}" if isinstance(default, float) else str(default)


def _field(class_: type, key: str) -> tuple[Any, Any]:
    """Return type and default of a field, named with its groups."""
    *groups, name = key.split(".")
    for group in groups:
        class_ = get_type_hints(class_)[group]
    field = next(one for one in dataclasses.fields(class_) if one.name == name)
    default = field.default
    if field.default_factory is not dataclasses.MISSING:
        default = field.default_factory()
    return get_type_hints(class_)[name], default
