"""Class maps of public data sets, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from maskforge.display.colors import Color
from maskforge.formats.cityscapes.labels import LABELS, StreetLabel
from maskforge.masks.classes import BACKGROUND, BACKGROUND_NAME, VOID, ClassMap, MaskClass
from maskforge.masks.labels import as_entry

_VOID_CATEGORY = "void"


def _by_category() -> ClassMap:
    """Return the 8 categories: ``void`` is the background, so that it hides what lies below."""
    categories: dict[str, list[StreetLabel]] = {}
    for one in LABELS:
        if one.id >= 0:
            categories.setdefault(one.category, []).append(one)
    hidden = categories.pop(_VOID_CATEGORY)
    classes = [
        MaskClass(id_, name, _color(labels[0]), tuple(as_entry(one.name) for one in labels))
        for id_, (name, labels) in enumerate(categories.items(), 1)
    ]
    return ClassMap((_background(hidden), *classes), tuple(_not_drawn()))


def _by_train_id() -> ClassMap:
    """Return the 19 classes of the benchmark, counted from 1; what does not count is void."""
    counted = sorted((one for one in LABELS if 0 <= one.train_id < VOID), key=lambda x: x.train_id)
    classes = [
        MaskClass(one.train_id + 1, one.name, _color(one), (as_entry(one.name),)) for one in counted
    ]
    void = tuple(as_entry(one.name) for one in LABELS if one.train_id == VOID)
    return ClassMap(tuple(classes), tuple(_not_drawn()), void)


def _by_label() -> ClassMap:
    """Return all labels with their own ids."""
    hidden = [one for one in LABELS if one.id == BACKGROUND]
    classes = [
        MaskClass(one.id, one.name, _color(one), (as_entry(one.name),))
        for one in LABELS
        if one.id > BACKGROUND
    ]
    return ClassMap((_background(hidden), *classes), tuple(_not_drawn()))


def _background(labels: list[StreetLabel]) -> MaskClass:
    names = tuple(as_entry(one.name) for one in labels)
    return MaskClass(BACKGROUND, BACKGROUND_NAME, (0, 0, 0), names)


def _not_drawn() -> Iterator[str]:
    return (as_entry(one.name) for one in LABELS if one.id < 0)


def _color(label: StreetLabel) -> Color:
    red, green, blue = label.color.to_bytes(3)
    return red, green, blue


PRESETS: Mapping[str, Callable[[], ClassMap]] = {
    "cityscapes": _by_category,
    "cityscapes-train": _by_train_id,
    "cityscapes-labels": _by_label,
}
"""What makes each class map; their names stand in the place of a class file."""
