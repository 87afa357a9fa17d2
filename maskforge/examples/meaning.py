"""What the values of masks mean: told by a class map or by hand, or recognized."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from maskforge.choices import Encoding
from maskforge.display.colors import default_color
from maskforge.errors import (
    DatasetError,
    LabelError,
    OptionError,
    check_type,
    did_you_mean,
    listing,
    shorten,
)
from maskforge.examples.maskvalues import MaskLook
from maskforge.masks.classes import BACKGROUND, BACKGROUND_NAME, VOID, ClassMap, MaskClass
from maskforge.masks.labels import composed

_FOREGROUND_NAME = "foreground"
_VOID_NAME = "void"
_MOST_RECOGNISED = 100


@dataclass(frozen=True, slots=True)
class Meaning:
    """What masks mean.

    Attributes:
        classes: The class map.
        values: Class id of every value of integer masks; None if values are ids.
        channels: Class id of every channel of masks with channels.
        encoding: Of masks with channels.
        notes: What was recognized.
    """

    classes: ClassMap
    values: Mapping[int, int] | None = None
    channels: tuple[int, ...] = ()
    encoding: Encoding = "integer"
    notes: tuple[str, ...] = ()


def given_meaning(mask_values: Mapping[str, str], classes: ClassMap | None) -> Meaning:
    """Return the meaning that was given value by value.

    Args:
        mask_values: Value in the file to class name, ``background`` or ``void``.
        classes: Class map with the ids of the names; without it they are 1, 2, ... in the order
            in which they are given.

    Raises:
        OptionError: If a value is not a number from 0 to 65535.
        LabelError: If a name is in no class.
    """
    values: dict[int, int] = {}
    named: dict[str, int] = {BACKGROUND_NAME: BACKGROUND, _VOID_NAME: VOID}
    if classes is not None:
        named |= {one.name: one.id for one in classes.classes}
    created: list[MaskClass] = []
    for text, written in mask_values.items():
        check_type(f"the meaning of {shorten(text)}", written, str)
        name = composed(written.strip())
        digits = str(text).strip()
        if not (digits.isascii() and digits.isdigit() and int(digits) < 2**16):
            raise OptionError(
                f"{digits!r} is not a value of a mask, expected 0 to 65535",
                hint="write VALUE=NAME, for example 255=caries",
            )
        if name not in named:
            if classes is not None:
                raise LabelError(
                    f"{name!r} is in no class{did_you_mean(name, named)}", origin=classes.origin
                )
            id_ = len(created) + 1 + (len(created) + 1 >= VOID)
            named[name] = id_
            created.append(MaskClass(id_, name, default_color(len(created)), (name,)))
        values[int(digits)] = named[name]
    return Meaning(ClassMap(tuple(created)) if classes is None else classes, values)


def recognize(looks: Sequence[MaskLook], classes: ClassMap | None) -> Meaning:
    """Find out what masks mean that nobody has described.

    With a class map, values are ids, and the number of channels tells one-hot from multi-hot.
    Without one, masks of one value beside 0 are binary; more values are a class each, 255 is void.

    Raises:
        DatasetError: If the masks cannot be understood.
    """
    channels = {one.channels for one in looks}
    if len(channels) > 1:
        raise DatasetError(
            f"masks with different numbers of channels: {listing(map(str, sorted(channels)))}",
            hint="give all masks the same encoding",
        )
    count = channels.pop() if channels else 0
    if count:
        return _recognize_channels(looks, count, classes)
    found: set[int] = set().union(*(one.counts for one in looks))
    if any(one.lossy for one in looks) and not found <= {0, VOID}:
        raise DatasetError(
            f"masks are JPEG, which changes values: they hold {len(found)} different ones",
            hint="save masks as PNG, from the data that the JPEG files were made of",
        )
    if classes is not None:
        return _with_class_map(found, classes)
    if found <= {0, 1} or found <= {0, VOID}:
        return _binary(found)
    return _one_class_per_value(looks, found)


def _with_class_map(found: set[int], classes: ClassMap) -> Meaning:
    single = classes.foreground_ids
    if found == {BACKGROUND, VOID} and len(single) == 1:
        name = classes.names[single[0]]
        return Meaning(
            classes,
            {BACKGROUND: BACKGROUND, VOID: single[0]},
            notes=(f"masks are binary: 0 and 255; 255 is taken as class {name!r}",),
        )
    return Meaning(classes)


def _binary(found: set[int]) -> Meaning:
    on = VOID if VOID in found else 1
    one = MaskClass(1, _FOREGROUND_NAME, default_color(0), (_FOREGROUND_NAME,))
    note = f"masks are binary: 0 and {on}; {on} is taken as class {_FOREGROUND_NAME!r}"
    if found <= {0}:
        note = f"masks hold nothing but 0; class {_FOREGROUND_NAME!r} is in none of them"
    return Meaning(ClassMap((one,)), {0: BACKGROUND, on: 1}, notes=(note,))


def _one_class_per_value(looks: Sequence[MaskLook], found: set[int]) -> Meaning:
    many = max(len(one.counts) for one in looks)
    if many > _MOST_RECOGNISED or len(found) > VOID:
        raise DatasetError(
            f"masks hold up to {many} different values, {len(found)} in all: these are shades, not "
            "class ids",
            hint="masks must be neither JPEG nor resized with interpolation, and not the images "
            "themselves; if the values are class ids, name them with --classes",
        )
    ids = sorted(found - {BACKGROUND, VOID})
    classes = tuple(
        MaskClass(id_, f"class {id_}", default_color(index), (f"class {id_}",))
        for index, id_ in enumerate(ids)
    )
    void = "; 255 is taken as void" if VOID in found else ""
    note = f"masks hold the values {listing(map(str, sorted(found)))}: a class each{void}"
    return Meaning(ClassMap(classes), notes=(note,))


def _recognize_channels(looks: Sequence[MaskLook], count: int, classes: ClassMap | None) -> Meaning:
    if classes is not None:
        for encoding, ids in (
            ("onehot", classes.ids),
            ("multihot", classes.foreground_ids),
        ):
            if len(ids) == count:
                return Meaning(classes, None, ids, "onehot" if encoding == "onehot" else "multihot")
        raise DatasetError(
            f"masks have {count} channels, the class map has {len(classes.ids)} classes with "
            f"background and {len(classes.foreground_ids)} without",
            origin=classes.origin,
        )
    exclusive = all(value.bit_count() == 1 for one in looks for value in one.counts)
    ids = tuple(range(count)) if exclusive else tuple(range(1, count + 1))
    if exclusive:
        note = f"masks are one-hot with {count} channels; the first is taken as background"
    else:
        note = f"masks are multi-hot with {count} channels: a class each"
    created = tuple(
        MaskClass(id_, f"class {id_}", default_color(index), (f"class {id_}",))
        for index, id_ in enumerate(id_ for id_ in ids if id_ != BACKGROUND)
    )
    encoding_: Encoding = "onehot" if exclusive else "multihot"
    return Meaning(ClassMap(created), None, ids, encoding_, (note,))


def keep_only(classes: ClassMap, only: Sequence[str]) -> ClassMap:
    """Return the class map with some classes alone; their ids stay.

    Raises:
        LabelError: If a class does not exist.
    """
    if not only:
        return classes
    names = [one.name for one in classes.classes if one.id != BACKGROUND]
    only = [composed(name) for name in only]
    for name in only:
        if name not in names:
            raise LabelError(
                f"there is no class {name!r}{did_you_mean(name, names)}; "
                f"the classes are {listing(names)}",
                origin=classes.origin,
            )
    kept = tuple(one for one in classes.classes if one.id == BACKGROUND or one.name in only)
    return replace(classes, classes=kept)
