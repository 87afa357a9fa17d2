"""Class maps: which label becomes which value in a mask."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from maskforge.display.colors import Color, default_color
from maskforge.display.table import Shown, Swatch, Table, as_html
from maskforge.errors import LabelError, check_type, listing, nearest, shorten
from maskforge.files import is_text
from maskforge.issues import Origin
from maskforge.masks.labels import as_entry, compile_pattern, composed, exact_label, fold

BACKGROUND = 0
"""Value of pixels that no shape covers."""

BACKGROUND_NAME = "background"

VOID = 255
"""Value of pixels that say nothing: to be ignored by losses and metrics."""

VOID_COLOR: Color = (224, 224, 192)

LARGEST_ID = 65535
MOST_CLASSES = LARGEST_ID - 1
"""Most classes beside the background: neither 0 nor 255 can be the id of one."""

_ALL_OTHERS = "*"
_MOST_NAMED = 10

# Labels with which LabelMe's users cut holes and mark unclear regions, in its own examples.
BACKGROUND_LABEL = "_background_"
VOID_LABEL = "__ignore__"


@dataclass(frozen=True, slots=True)
class MaskClass:
    """One class of a mask.

    Attributes:
        id: Value of its pixels.
        name: Name.
        color: Color in the palette of PNG masks and in overlays.
        labels: Labels in the annotation files that become this class. One with ``*`` is a pattern:
            ``cell*`` fits every label that begins with ``cell``, ``cell[0-9]*`` those that go on
            with a digit, and in a pattern ``?`` is any one character; ``*`` alone fits what nothing
            else does. ``a[*]b`` is the label ``a*b`` alone.
    """

    id: int
    name: str
    color: Color
    labels: tuple[str, ...]


@dataclass(frozen=True, repr=False)
class ClassMap:
    """Ordered classes and what becomes of every label.

    Attributes:
        classes: The classes, background (id 0) among them, in drawing order for
            ``--overlap priority``.
        ignored: Labels of shapes that are not drawn; patterns as in a class.
        void: Labels of shapes that are drawn with the value 255; patterns as in a class.
        fold_case: Whether labels are compared without regard to case, surplus spaces and invisible
            characters. How letters are composed never matters: names are kept, and labels compared,
            in the Unicode form NFC.
        class_from: Key of a shape's record that holds its label, such as ``group_id`` or
            ``attributes.tooth``; empty for the label itself.
        recognized: What was understood of a class file of another tool, or empty.
        origin: The file that the map was read from, for errors; None if there is none.

    Raises:
        LabelError: If ids, names or labels repeat, an id is out of range, or a name or label is not
            valid Unicode.

    Examples:
        >>> classes = mf.ClassMap((mf.MaskClass(1, "caries", (230, 60, 60), ("caries", "lesion")),))
        >>> classes.value("lesion"), classes.ids, classes.names[1]
        (1, (0, 1), 'caries')
        >>> cells = mf.ClassMap((mf.MaskClass(1, "cell", (230, 60, 60), ("cell*",)),))
        >>> cells.value("cell12")
        1
    """

    classes: tuple[MaskClass, ...]
    ignored: tuple[str, ...] = ()
    void: tuple[str, ...] = ()
    fold_case: bool = False
    class_from: str = ""
    recognized: str = field(default="", compare=False)
    origin: Origin | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        check_type("classes", self.classes, tuple)
        for one in self.classes:
            check_type("a class", one, MaskClass)
        for text in (*(one.name for one in self.classes), *(entry for entry, _ in self._entries)):
            if not is_text(text):
                raise LabelError(f"{shorten(text)} is not valid Unicode", origin=self.origin)
        names = [composed(one.name) for one in self.classes]
        if names != [one.name for one in self.classes]:
            named = zip(self.classes, names, strict=True)
            classes = tuple(replace(one, name=name) for one, name in named)
            object.__setattr__(self, "classes", classes)
        if not any(one.id == BACKGROUND for one in self.classes):
            if any(one.name == BACKGROUND_NAME for one in self.classes):
                raise LabelError(
                    f"class {BACKGROUND_NAME!r} must have the id {BACKGROUND}", origin=self.origin
                )
            background = MaskClass(BACKGROUND, BACKGROUND_NAME, (0, 0, 0), ())
            object.__setattr__(self, "classes", (background, *self.classes))
        for what, values in (
            ("id", [one.id for one in self.classes]),
            ("class name", [one.name for one in self.classes]),
            ("label", [entry for entry, _ in self._entries]),
            ("label", [key for (exact, key), _ in self._meanings if exact]),
            ("pattern", [key for (exact, key), _ in self._meanings if not exact]),
        ):
            repeated = [value for value, count in Counter(values).items() if count > 1]
            if repeated:
                raise LabelError(f"{what} {shorten(repeated[0])} is used twice", origin=self.origin)
        for one in self.classes:
            if one.id == VOID:
                raise LabelError(
                    f"class {shorten(one.name)} has the id 255, which is the void value",
                    origin=self.origin,
                    hint="give it another id; for labels that nobody can tell, write NAME=void, "
                    "or list them under `void` in a file",
                )
            if not 0 <= one.id <= LARGEST_ID:
                raise LabelError(
                    f"class {shorten(one.name)} has the id {one.id}, expected 0 to {LARGEST_ID}",
                    origin=self.origin,
                )

    @cached_property
    def dtype(self) -> np.dtype[np.uint8] | np.dtype[np.uint16]:
        """Smallest integer type that holds every id and the void value."""
        wide = max(one.id for one in self.classes) > VOID
        return np.dtype(np.uint16) if wide else np.dtype(np.uint8)

    @cached_property
    def ids(self) -> tuple[int, ...]:
        """Ids in rising order: the channels of a one-hot mask."""
        return tuple(sorted(one.id for one in self.classes))

    @cached_property
    def foreground_ids(self) -> tuple[int, ...]:
        """Ids without the background, in rising order: the channels of a multi-hot mask."""
        return tuple(id_ for id_ in self.ids if id_ != BACKGROUND)

    @cached_property
    def names(self) -> Mapping[int, str]:
        """Name of every value that a mask can hold; no two have the same."""
        names = {one.id: one.name for one in self.classes}
        return names | {VOID: "void" if "void" not in names.values() else f"void ({VOID})"}

    @cached_property
    def colors(self) -> Mapping[int, Color]:
        """Color of every value that a mask can hold."""
        return {one.id: one.color for one in self.classes} | {VOID: VOID_COLOR}

    @cached_property
    def _entries(self) -> tuple[tuple[str, int | None], ...]:
        return (
            *((label, one.id) for one in self.classes for label in one.labels),
            *((label, VOID) for label in self.void),
            *((label, None) for label in self.ignored),
        )

    @cached_property
    def _meanings(self) -> tuple[tuple[tuple[bool, str], int | None], ...]:
        """Every label and pattern in the form in which it is compared, once for each value."""
        exact = ((exact_label(entry), entry, value) for entry, value in self._entries)
        return tuple(
            dict.fromkeys(
                ((label is not None, self._key(entry if label is None else label)), value)
                for label, entry, value in exact
            )
        )

    @cached_property
    def _values(self) -> dict[str, int | None]:
        return {
            self._key(BACKGROUND_LABEL): BACKGROUND,
            self._key(VOID_LABEL): VOID,
        } | {key: value for (exact, key), value in self._meanings if exact}

    @cached_property
    def _patterns(self) -> tuple[tuple[str, re.Pattern[str], int | None], ...]:
        return tuple(
            (key, compile_pattern(key), value)
            for (exact, key), value in self._meanings
            if not exact
        )

    def value(self, label: str) -> int | None:
        """Return the mask value of a label, or None if shapes with it are not drawn.

        Raises:
            LabelError: If the map does not know the label, or patterns of different classes fit it.
        """
        check_type("label", label, str)
        if not self._knows(label):
            raise _unknown(self, {label: 1})
        return self._values[self._key(label)]

    def _knows(self, label: str) -> bool:
        """Tell whether a label has a value; one that a pattern gives is kept in ``_values``."""
        key = self._key(label)
        if key in self._values:
            return True
        fitting: dict[int | None, str] = {}
        for text, pattern, value in self._patterns:
            if pattern.match(key) and text != _ALL_OTHERS:
                fitting.setdefault(value, text)
        if not fitting:
            fitting = {value: text for text, _, value in self._patterns if text == _ALL_OTHERS}
        if len(fitting) > 1:
            patterns = " and ".join(map(shorten, fitting.values()))
            raise LabelError(
                f"{shorten(label)} fits the patterns {patterns}, which are not of one class",
                origin=self.origin,
                hint="name the label itself in its class; that comes before all patterns",
            )
        self._values.update((key, value) for value in fitting)
        return bool(fitting)

    def __repr__(self) -> str:
        return f"ClassMap({listing(f'{one.name}={one.id}' for one in self.classes)})"

    def _repr_html_(self) -> str:
        rows = [
            (str(one.id), Swatch(*one.color), one.name, listing(map(repr, one.labels)))
            for one in self.classes
        ]
        parts: list[Shown] = [Table("Classes", ("id", "color", "class", "labels"), rows)]
        for labels, what in ((self.void, "void"), (self.ignored, "not drawn")):
            parts += [f"{what}: {listing(map(repr, labels))}"] if labels else []
        return as_html(parts)

    def _key(self, label: str) -> str:
        return fold(label) if self.fold_case else composed(label)


def check_labels(classes: ClassMap, counts: Mapping[str, int]) -> None:
    """Make sure that a class map knows every label.

    Args:
        classes: The class map.
        counts: How many shapes have each label.

    Raises:
        LabelError: With the most frequent of the unknown labels, their counts and the nearest
            known name; or if patterns of different classes fit a label.
    """
    unknown = {label: count for label, count in counts.items() if not classes._knows(label)}
    if unknown:
        raise _unknown(classes, unknown)


def _unknown(classes: ClassMap, counts: Mapping[str, int]) -> LabelError:
    known = {classes._key(entry): entry for entry, _ in classes._entries}
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    lines = []
    for label, count in ranked[:_MOST_NAMED]:
        shapes = "1 shape" if count == 1 else f"{count} shapes"
        near = nearest(classes._key(label), known)
        guess = f"; did you mean {shorten(known[near])}?" if near is not None else ""
        lines.append(f"{shorten(label)} ({shapes}{guess})")
    noun = "label is" if len(counts) == 1 else "labels are"
    more = f" and {len(counts) - len(lines)} more" if len(counts) > len(lines) else ""
    return LabelError(
        f"{len(counts)} {noun} in no class: {', '.join(lines)}{more}",
        origin=classes.origin,
        hint="add each to a class with NAME=ID, or leave its shapes out with NAME=ignore",
    )


def mask_values(classes: ClassMap) -> dict[str, str]:
    """Return labels of the values and colors of masks, as `read` takes them.

    A class map names values by ids, colors by those of its classes, and either by labels such as
    ``7`` or ``#ff0040``. A color of several classes names none.
    """
    named: dict[str, str] = {}
    colors = Counter(one.color for one in classes.classes)
    for one in classes.classes:
        exact = filter(None, map(exact_label, one.labels))
        label = BACKGROUND_NAME if one.id == BACKGROUND else next(exact, one.name)
        named[str(one.id)] = label
        if colors[one.color] == 1:
            named[f"#{bytes(one.color).hex()}"] = label
    for entry, _ in classes._entries:
        if re.fullmatch(r"\d{1,5}|#[0-9a-fA-F]{6}", entry):
            named[entry.lower()] = entry
    return named


def infer(labels: Iterable[str], *, fold_case: bool = False) -> ClassMap:
    """Return a class map with one class per label: sorted by name, ids from 1.

    A label ``background`` is the background. Labels that are all whole numbers are sorted as
    numbers, and are the ids if each can be one. With ``fold_case``, labels that differ only in
    case, spaces or invisible characters become one class, and numbers are told without these.

    Raises:
        LabelError: If there are more labels than ids.
    """
    groups = _groups(labels, fold_case=fold_case)
    background = groups.get(BACKGROUND_NAME)
    names = _names(groups, fold_case=fold_case)
    if len(names) > MOST_CLASSES:
        raise LabelError(
            f"{len(names):,} labels cannot be a class each: masks hold {MOST_CLASSES:,} at most",
            hint="group them with patterns in a class map, such as --class 'cell*=1'",
        )
    if are_numbers(names):
        names.sort(key=_natural)
    ids = {name: index + (index >= VOID) for index, name in enumerate(names, 1)}
    if are_numbers(names) and why_not_ids(names) is None:
        ids = {name: int(name) for name in names}
    named = () if background is None else (as_entry(background),)
    return ClassMap(
        (
            MaskClass(BACKGROUND, BACKGROUND_NAME, (0, 0, 0), named),
            *(
                MaskClass(id_, name, default_color(index), (as_entry(name),))
                for index, (name, id_) in enumerate(ids.items())
            ),
        ),
        fold_case=fold_case,
    )


def names_of_labels(labels: Iterable[str], *, fold_case: bool = False) -> list[str]:
    """Return the names of the classes that labels become if there is no class map, in order."""
    return _names(_groups(labels, fold_case=fold_case), fold_case=fold_case)


def _names(groups: Mapping[str, str], *, fold_case: bool) -> list[str]:
    spellings = {key: name for key, name in groups.items() if key != BACKGROUND_NAME}
    return sorted(spellings if fold_case and are_numbers(spellings) else spellings.values())


def _groups(labels: Iterable[str], *, fold_case: bool) -> dict[str, str]:
    """Return the spelling that stands for all that count as one label; the plainest comes first."""
    key = fold if fold_case else composed
    special = {key(BACKGROUND_LABEL), key(VOID_LABEL)}
    groups: dict[str, str] = {}
    for label in sorted(set(map(composed, labels)), key=lambda one: (_has_surplus(one), one)):
        if key(label) not in special:
            groups.setdefault(key(label), label)
    return groups


def _has_surplus(label: str) -> bool:
    return fold(label) != composed(label.casefold())


def are_numbers(labels: Iterable[str]) -> bool:
    """Tell whether labels are whole numbers, all of them and at least one."""
    all_labels = list(labels)
    return bool(all_labels) and all(one.isascii() and one.isdigit() for one in all_labels)


def why_not_ids(labels: Iterable[str]) -> str | None:
    """Return why labels that are whole numbers cannot all be the ids of their classes, or None."""
    seen: dict[str, str] = {}
    for label in labels:
        digits = label.lstrip("0")
        if not digits:
            return f"{shorten(label)} is the background"
        if digits == str(VOID):
            return f"{shorten(label)} is void"
        if len(digits) > len(str(LARGEST_ID)) or int(digits) > LARGEST_ID:
            return f"{shorten(label)} is above {LARGEST_ID}"
        if digits in seen:
            return f"{shorten(seen[digits])} and {shorten(label)} are the same number"
        seen[digits] = label
    return None


def _natural(label: str) -> tuple[int, str, str]:
    """Return what sorts numbers by their size, however long they are."""
    digits = label.lstrip("0")
    return len(digits), digits, label
