"""Class maps: which label becomes which value in a mask."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from maskforge.display.colors import Color, default_color
from maskforge.display.table import Shown, Swatch, Table, as_html
from maskforge.errors import LabelError, check_type, listing, nearest, shorten
from maskforge.issues import Origin

BACKGROUND = 0
"""Value of pixels that no shape covers."""

BACKGROUND_NAME = "background"

VOID = 255
"""Value of pixels that say nothing: to be ignored by losses and metrics."""

VOID_COLOR: Color = (224, 224, 192)

LARGEST_ID = 65535

# Labels with which LabelMe's users cut holes and mark unclear regions, in its own examples.
_BACKGROUND_LABEL = "_background_"
_VOID_LABEL = "__ignore__"


@dataclass(frozen=True, slots=True)
class MaskClass:
    """One class of a mask.

    Attributes:
        id: Value of its pixels.
        name: Name.
        color: Color in the palette of PNG masks and in overlays.
        labels: Labels in the annotation files that become this class.
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
        ignored: Labels of shapes that are not drawn.
        void: Labels of shapes that are drawn with the value 255.
        fold_case: Whether labels are compared without regard to case and surplus spaces.
        origin: The file that the map was read from, for errors; None if there is none.

    Raises:
        LabelError: If ids, names or labels repeat, or an id is out of range.

    Examples:
        >>> classes = mf.ClassMap((mf.MaskClass(1, "caries", (230, 60, 60), ("caries", "lesion")),))
        >>> classes.value("lesion"), classes.ids, classes.names[1]
        (1, (0, 1), 'caries')
    """

    classes: tuple[MaskClass, ...]
    ignored: tuple[str, ...] = ()
    void: tuple[str, ...] = ()
    fold_case: bool = False
    origin: Origin | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        check_type("classes", self.classes, tuple)
        for one in self.classes:
            check_type("a class", one, MaskClass)
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
            ("label", [self._key(label) for label in self._all_labels()]),
        ):
            repeated = [value for value, count in Counter(values).items() if count > 1]
            if repeated:
                raise LabelError(f"{what} {repeated[0]!r} is used twice", origin=self.origin)
        for one in self.classes:
            if one.id == VOID:
                raise LabelError(
                    f"class {one.name!r} has the id 255, which is the void value",
                    origin=self.origin,
                    hint="give it another id, or list its labels under `void`",
                )
            if not 0 <= one.id <= LARGEST_ID:
                raise LabelError(
                    f"class {one.name!r} has the id {one.id}, expected 0 to {LARGEST_ID}",
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
    def _values(self) -> Mapping[str, int | None]:
        values: dict[str, int | None] = {
            self._key(_BACKGROUND_LABEL): BACKGROUND,
            self._key(_VOID_LABEL): VOID,
        }
        for one in self.classes:
            values |= {self._key(label): one.id for label in one.labels}
        values |= {self._key(label): VOID for label in self.void}
        values |= {self._key(label): None for label in self.ignored}
        return values

    def value(self, label: str) -> int | None:
        """Return the mask value of a label, or None if shapes with it are not drawn.

        Raises:
            LabelError: If the map does not know the label.
        """
        check_type("label", label, str)
        try:
            return self._values[self._key(label)]
        except KeyError:
            raise _unknown(self, {label: 1}) from None

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
        return fold(label) if self.fold_case else label

    def _all_labels(self) -> list[str]:
        drawn = [label for one in self.classes for label in one.labels]
        return [*drawn, *self.ignored, *self.void]


def check_labels(classes: ClassMap, counts: Mapping[str, int]) -> None:
    """Make sure that a class map knows every label.

    Args:
        classes: The class map.
        counts: How many shapes have each label.

    Raises:
        LabelError: With all unknown labels, their counts and the nearest known name.
    """
    unknown = {
        label: count
        for label, count in counts.items()
        if classes._key(label) not in classes._values
    }
    if unknown:
        raise _unknown(classes, unknown)


def _unknown(classes: ClassMap, counts: Mapping[str, int]) -> LabelError:
    known = {classes._key(label): label for label in classes._all_labels()}
    lines = []
    for label, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        shapes = "1 shape" if count == 1 else f"{count} shapes"
        near = nearest(classes._key(label), known)
        guess = f"; did you mean {shorten(known[near])}?" if near is not None else ""
        lines.append(f"{shorten(label)} ({shapes}{guess})")
    noun = "label is" if len(counts) == 1 else "labels are"
    return LabelError(
        f"{len(counts)} {noun} in no class: {', '.join(lines)}",
        origin=classes.origin,
        hint="add each to a class with NAME=ID, or leave its shapes out with NAME=ignore",
    )


def fold(label: str) -> str:
    """Return a label in the form in which case and surplus spaces make no difference."""
    return " ".join(label.casefold().split())


def infer(labels: Iterable[str], *, fold_case: bool = False) -> ClassMap:
    """Return a class map with one class per label: sorted by name, ids from 1.

    A label ``background`` is the background. With ``fold_case``, labels that differ only in case
    or spaces become one class.
    """
    special = {fold(_BACKGROUND_LABEL), fold(_VOID_LABEL)} if fold_case else set()
    groups: dict[str, list[str]] = {}
    for label in sorted(set(labels)):
        key = fold(label) if fold_case else label
        if label not in (_BACKGROUND_LABEL, _VOID_LABEL) and key not in special:
            groups.setdefault(key, []).append(label)
    background = tuple(groups.pop(BACKGROUND_NAME, ())[:1])
    classes = [MaskClass(BACKGROUND, BACKGROUND_NAME, (0, 0, 0), background)]
    id_ = 0
    for index, names in enumerate(groups.values()):
        id_ += 1
        if id_ == VOID:
            id_ += 1
        # With fold_case one spelling stands for all of them.
        classes.append(MaskClass(id_, names[0], default_color(index), (names[0],)))
    return ClassMap(tuple(classes), fold_case=fold_case)
