"""The key ``labels`` of a data set of nnU-Net: names of values, or of sets of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from maskforge.errors import FormatError, shorten
from maskforge.formats.pixels import BACKGROUND, VOID
from maskforge.issues import Code, Origin
from maskforge.shapes import Shape

_BACKGROUND = "background"
_IGNORE = "ignore"
_LARGEST = 2**16 - 1


@dataclass(frozen=True, slots=True)
class Labels:
    """What the values of masks are called.

    Attributes:
        names: Name of every value; of several, that with the fewest values.
        all_names: All names of a value that has several.
    """

    names: Mapping[int, str]
    all_names: Mapping[int, tuple[str, ...]]

    def complete(self, shape: Shape) -> Shape:
        """Return a shape with all its labels."""
        value = (shape.primitive or {}).get("value")
        labels = self.all_names.get(value) if isinstance(value, int) else None
        return replace(shape, labels=labels) if labels else shape


def read_labels(written: Mapping[object, object], origin: Origin) -> Labels:
    """Return the names of values.

    Version 2 writes ``{"caries": 1}`` or ``{"tooth": [1, 2]}``, version 1 ``{"1": "caries"}``.

    Raises:
        FormatError: If a value is not one, or two names mean the same.
    """
    by_name: dict[str, tuple[int, ...]] = {}
    for key, value in written.items():
        match key, value:
            case str(digits), str(name) if digits.isascii() and digits.isdecimal():
                values: object = (int(digits),) if len(digits) < 6 else ()
            case str(name), int(number) if not isinstance(number, bool):
                values = (number,)
            case str(name), [*numbers]:
                values = tuple(numbers)
            case _:
                name, values = shorten(key), ()
        if not _are_values(values):
            raise FormatError(
                Code.INVALID_FILE,
                f"expected values from 0 to 65535 for {shorten(key)}, found {shorten(value)}",
                origin=origin,
                hint='write it as "labels": {"background": 0, "caries": 1}',
            )
        assert isinstance(values, tuple)
        by_name[name] = values
    found: dict[int, list[str]] = {}
    for name, meant in sorted(by_name.items(), key=lambda item: len(item[1])):
        for value in meant:
            found.setdefault(value, []).append(name)
    names = {value: _name(called) for value, called in found.items()} | {0: BACKGROUND}
    several = {
        value: tuple(called)
        for value, called in found.items()
        if len(called) > 1 and names[value] not in (BACKGROUND, VOID)
    }
    return Labels(names, several)


def _name(called: Sequence[str]) -> str:
    special = {_BACKGROUND: BACKGROUND, _IGNORE: VOID}
    return next((special[one] for one in called if one in special), called[0])


def _are_values(values: object) -> bool:
    return (
        isinstance(values, tuple)
        and bool(values)
        and all(type(one) is int and 0 <= one <= _LARGEST for one in values)
    )
