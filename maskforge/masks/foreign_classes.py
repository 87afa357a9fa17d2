"""Class files of labeling tools: recognized by what they hold, whatever they are called.

A reader per kind. Each returns the classes of a file that is of its kind, or None; it refuses one
that is of its kind, but damaged. In all of them 0 is the background, so classes that are counted
from 0 elsewhere, as in YOLO, are counted from 1.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple, TypeAlias

import msgspec

from maskforge.display.colors import Color, default_color
from maskforge.errors import FormatError, LabelError, shorten
from maskforge.formats.jsonio import decode_yaml
from maskforge.formats.labelmap import parse_labelmap
from maskforge.formats.yolo.names import names_of
from maskforge.issues import Origin
from maskforge.masks.classes import BACKGROUND, BACKGROUND_NAME, VOID, ClassMap, MaskClass
from maskforge.masks.labels import as_entry

_BACKGROUNDS = ("_background_", BACKGROUND_NAME)
_VOID = "__ignore__"
_LONGEST_NAME = 200


class _Named(NamedTuple):
    """A class as a tool has it."""

    name: str
    color: Color | None = None
    id: int | None = None


class _Entry(msgspec.Struct):
    name: str
    color: object = None


class _GrayMap(msgspec.Struct):
    colors: dict[str, int]
    label_priority: dict[str, int] = {}


class _ColorMap(msgspec.Struct):
    colors: dict[str, tuple[int, int, int]]
    label_priority: dict[str, int] = {}


class _VottProject(msgspec.Struct):
    tags: list[_Entry]


class _Category(msgspec.Struct):
    id: int
    name: str


class _CocoFile(msgspec.Struct):
    categories: list[_Category]


_DocumentReader: TypeAlias = Callable[[object, Origin], ClassMap | None]
_TextReader: TypeAlias = Callable[[Sequence[str], Origin], ClassMap | None]


def from_document(document: object, origin: Origin) -> ClassMap | None:
    """Return the class map of a decoded JSON file of another tool; None if it is not one.

    Raises:
        LabelError: If it is one that cannot be used.
    """
    try:
        return next(filter(None, (read(document, origin) for read in _OF_DOCUMENTS)), None)
    except msgspec.ValidationError as error:
        text, _, place = str(error).partition(" - at `")
        raise LabelError(
            f"is not a class file that can be used: {text}",
            origin=Origin(origin.file, place.removesuffix("`") or "$"),
        ) from None


def from_text(text: str, origin: Origin) -> ClassMap | None:
    """Return the class map of a text file of another tool; None if it is not one.

    Raises:
        LabelError: If it is one that cannot be used.
    """
    lines = text.rstrip().splitlines()
    if not lines or any(unicodedata.category(one) == "Cc" for line in lines for one in line):
        return None
    return next(filter(None, (read(lines, origin) for read in _OF_TEXTS)), None)


def _class_map(
    classes: Sequence[_Named], kind: str, origin: Origin, notes: Sequence[str] = ()
) -> ClassMap:
    """Return classes with the ids that they have, or else counted from 1 in their order."""
    made: list[MaskClass] = []
    void: list[str] = []
    next_id = 0
    for one in classes:
        if one.name == _VOID:
            void.append(one.name)
            continue
        id_ = one.id
        if one.name in _BACKGROUNDS and id_ is None:
            id_ = BACKGROUND
        if id_ is None:
            next_id += 1 + (next_id + 1 == VOID)
            id_ = next_id
        color = one.color or ((0, 0, 0) if id_ == BACKGROUND else default_color(len(made)))
        name = BACKGROUND_NAME if id_ == BACKGROUND and one.name in _BACKGROUNDS else one.name
        made.append(MaskClass(id_, name, color, (as_entry(one.name),)))
    count = sum(one.id != BACKGROUND for one in made)
    said = [f"{kind}: {count} {'class' if count == 1 else 'classes'}", *notes]
    said += [f"{shorten(one)} is void" for one in void]
    said += [
        f"{shorten(one.labels[0])} is the background"
        for one in made
        if one.id == BACKGROUND and one.labels[0] != BACKGROUND_NAME
    ]
    return ClassMap(tuple(made), void=tuple(void), recognized="; ".join(said), origin=origin)


def _x_anylabeling(document: object, origin: Origin) -> ClassMap | None:
    """Read ``{"type": "grayscale" or "rgb", "colors": {label: value}}``.

    As in the source of the tool (``label_converter.py``, ``custom_to_mask``), ``label_priority``
    says what is drawn later.
    """
    match document:
        case {"type": "grayscale", "colors": {}}:
            gray = msgspec.convert(document, _GrayMap)
            priority = gray.label_priority
            values = list(gray.colors.values())
            kept = len(set(values)) == len(values) and all(0 <= one < VOID for one in values)
            named = [
                _Named(label, _gray(value, label, origin), value if kept else None)
                for label, value in gray.colors.items()
            ]
            kind = "grayscale map of X-AnyLabeling"
            note = (
                "the gray values are the ids"
                if kept
                else "ids are counted from 1, because gray values repeat or are 255, which is void"
            )
        case {"type": "rgb", "colors": {}}:
            colored = msgspec.convert(document, _ColorMap)
            priority = colored.label_priority
            named = [
                _Named(label, _color(color, label, origin))
                for label, color in colored.colors.items()
            ]
            kind, note = "color map of X-AnyLabeling", "ids are counted from 1"
        case _:
            return None
    classes = _class_map(named, kind, origin, [note])
    order = sorted(classes.classes, key=lambda one: priority.get(one.name, 0))
    return replace(classes, classes=tuple(order))


def _superannotate(document: object, origin: Origin) -> ClassMap | None:
    """Read a list of ``{"name", "color"}``; its ids are those of a data base."""
    if not isinstance(document, list) or not document:
        return None
    if not all(isinstance(one, dict) and {"name", "color"} <= one.keys() for one in document):
        return None
    return _listed(msgspec.convert(document, list[_Entry]), "class list of SuperAnnotate", origin)


def _vott(document: object, origin: Origin) -> ClassMap | None:
    match document:
        case {"tags": [{"name": _}, *_]}:
            tags = msgspec.convert(document, _VottProject).tags
            return _listed(tags, "tags of a VoTT project", origin)
    return None


def _coco(document: object, origin: Origin) -> ClassMap | None:
    """Read the categories of COCO, whose ids are kept if none of them is 0."""
    match document:
        case {"categories": [{"id": _, "name": _}, *_]}:
            categories = msgspec.convert(document, _CocoFile).categories
        case _:
            return None
    shift = int(any(one.id == 0 and one.name not in _BACKGROUNDS for one in categories))
    note = "ids are those of the categories" + (", plus 1" if shift else "")
    named = _shifted([(one.id, one.name) for one in categories], shift)
    return _class_map(named, "categories of COCO", origin, [note])


def _listed(entries: Sequence[_Entry], kind: str, origin: Origin) -> ClassMap:
    unique = {one.name: _Named(one.name, _hex(one.color)) for one in entries}
    return _class_map(list(unique.values()), kind, origin, ["ids are counted from 1"])


def _cvat(lines: Sequence[str], origin: Origin) -> ClassMap | None:
    """Read lines of ``label:color_rgb:parts:actions``."""
    labels = parse_labelmap(lines)
    if labels is None:
        return None
    named = [
        _Named(name, _color(numbers, name, origin) if numbers else None) for name, numbers in labels
    ]
    return _class_map(named, "labelmap.txt of CVAT", origin, ["ids are counted from 1"])


def _yolo_data(lines: Sequence[str], origin: Origin) -> ClassMap | None:
    """Read the key ``names`` of a YAML file: a list, or names by number."""
    start = next((i for i, line in enumerate(lines) if re.match(r"names\s*:", line)), None)
    if start is None:
        return None
    place = Origin(origin.file, f"line {start + 1}")
    try:
        document = decode_yaml("\n".join(lines), origin)
        names = document.get("names") if isinstance(document, dict) else None
        numbered = sorted(names_of(names or None, place).items())
    except FormatError as error:
        raise LabelError(error.message, origin=error.origin, hint=error.hint) from None
    shift = 0 if numbered[0][0] == 0 and numbered[0][1] in _BACKGROUNDS else 1
    note = "ids are those of YOLO plus 1, because 0 is the background"
    named = _shifted(numbered, shift)
    return _class_map(named, "data.yaml of YOLO", origin, [note] if shift else [])


def _shifted(numbered: Sequence[tuple[int, str]], shift: int) -> list[_Named]:
    """Return classes with their numbers plus ``shift`` as ids, and one more from void on."""
    ids = [(number + shift, name) for number, name in numbered]
    return [
        _Named(name, None, None if name in _BACKGROUNDS else id_ + (id_ >= VOID))
        for id_, name in ids
    ]


def _name_list(lines: Sequence[str], origin: Origin) -> ClassMap | None:
    """Read a name per line, as LabelMe and YOLO write them.

    LabelMe's own converter to VOC draws ``__ignore__`` as 255 and ``_background_`` as 0.
    """
    names = [line.strip() for line in lines]
    is_list = origin.file.suffix.lower() in _LIST_SUFFIXES and not any(map(_is_prose, names))
    commas = {name.count(",") for name in names}
    is_table = len(names) > 1 and commas != {0} and len(commas) == 1
    if not is_list or is_table or all(map(_NUMBERS.fullmatch, names)):
        return None
    if "" in names:
        raise LabelError(
            "an empty line leaves open how the classes below it are counted",
            origin=Origin(origin.file, f"line {names.index('') + 1}"),
            hint="remove the line, or write a class map with ids",
        )
    conventional = _VOID in names or "_background_" in names
    kind = "labels.txt of LabelMe" if conventional else "list of names, as YOLO and LabelMe have it"
    return _class_map([_Named(one) for one in names], kind, origin, ["ids are counted from 1"])


_LIST_SUFFIXES = ("", ".txt", ".names", ".labels")
_NUMBERS = re.compile(r"[-+.\deE]+(?:[\s,;]+[-+.\deE]+)+")


def _is_prose(line: str) -> bool:
    """Tell a line that is not the name of a class: long, or markup."""
    return len(line) > _LONGEST_NAME or line.startswith(("{", "[", "<", "//", "/*"))


def _gray(value: int, label: str, origin: Origin) -> Color:
    return _color((value, value, value), label, origin)


def _color(numbers: Sequence[int], label: str, origin: Origin) -> Color:
    if not all(0 <= one <= 255 for one in numbers):
        raise LabelError(
            f"the color of {shorten(label)} is not made of numbers from 0 to 255", origin=origin
        )
    red, green, blue = numbers
    return red, green, blue


def _hex(text: object) -> Color | None:
    """Return a color such as ``#ecb65f``; a class file of another tool may have any others."""
    if not isinstance(text, str) or not re.fullmatch(r"#[0-9a-fA-F]{6}", text):
        return None
    red, green, blue = bytes.fromhex(text[1:])
    return red, green, blue


_OF_DOCUMENTS: tuple[_DocumentReader, ...] = (_x_anylabeling, _superannotate, _vott, _coco)
_OF_TEXTS: tuple[_TextReader, ...] = (_yolo_data, _cvat, _name_list)
