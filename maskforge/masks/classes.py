"""Class maps: which label becomes which value in a mask."""

from __future__ import annotations

import colorsys
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeAlias

import numpy as np

from maskforge.errors import LabelError, nearest, shorten
from maskforge.issues import Origin

Color: TypeAlias = tuple[int, int, int]
"""Red, green and blue, 0 to 255."""

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


@dataclass(frozen=True)
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
    """

    classes: tuple[MaskClass, ...]
    ignored: tuple[str, ...] = ()
    void: tuple[str, ...] = ()
    fold_case: bool = False
    origin: Origin | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
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
    def paint_rank(self) -> Mapping[int, int]:
        """Rank of every value for ``--overlap priority``: higher is drawn later; void last."""
        ranks = {one.id: rank for rank, one in enumerate(self.classes)}
        return ranks | {VOID: len(self.classes)}

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
        try:
            return self._values[self._key(label)]
        except KeyError:
            self.require({label: 1})
            raise AssertionError from None  # require() raises for a label without value

    def require(self, counts: Mapping[str, int]) -> None:
        """Make sure that every label is known.

        Args:
            counts: How many shapes have each label.

        Raises:
            LabelError: With all unknown labels, their counts and the nearest known name.
        """
        unknown = {
            label: count for label, count in counts.items() if self._key(label) not in self._values
        }
        if not unknown:
            return
        known = {self._key(label): label for label in self._all_labels()}
        lines = []
        for label, count in sorted(unknown.items(), key=lambda item: (-item[1], item[0])):
            shapes = "1 shape" if count == 1 else f"{count} shapes"
            near = nearest(self._key(label), known)
            guess = f"; did you mean {shorten(known[near])}?" if near is not None else ""
            lines.append(f"{shorten(label)} ({shapes}{guess})")
        noun = "label is" if len(unknown) == 1 else "labels are"
        raise LabelError(
            f"{len(unknown)} {noun} in no class: {', '.join(lines)}",
            origin=self.origin,
            hint="add each to a class with NAME=ID, or leave its shapes out with NAME=ignore",
        )

    def _key(self, label: str) -> str:
        return fold(label) if self.fold_case else label

    def _all_labels(self) -> list[str]:
        drawn = [label for one in self.classes for label in one.labels]
        return [*drawn, *self.ignored, *self.void]


def fold(label: str) -> str:
    """Return a label in the form in which case and surplus spaces make no difference."""
    return " ".join(label.casefold().split())


def default_color(index: int) -> Color:
    """Return a bright color; neighboring indices differ as much as hues can."""
    golden_ratio = 0.618033988749895
    red, green, blue = colorsys.hsv_to_rgb((index * golden_ratio) % 1.0, 0.75, 0.96)
    return round(red * 255), round(green * 255), round(blue * 255)


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
