"""Class files of labeling tools: recognized by what they hold, whatever they are called.

A reader per kind. Each returns the classes of a file that is of its kind, or None; it refuses one
that is of its kind, but damaged. In all of them 0 is the background, so classes that are counted
from 0 elsewhere, as in YOLO, are counted from 1.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple, TypeAlias

import msgspec

from maskforge.display.colors import Color, default_color
from maskforge.errors import LabelError, shorten
from maskforge.issues import Origin
from maskforge.masks.classes import BACKGROUND, BACKGROUND_NAME, VOID, ClassMap, MaskClass
from maskforge.masks.labels import as_entry

READ = (
    "class maps of maskforge (TOML, JSON), labels.txt of LabelMe, classes.txt, obj.names and "
    "data.yaml of YOLO, mask_grayscale_map.json and mask_color_map.json of X-AnyLabeling, "
    "labelmap.txt of CVAT, classes.json of SuperAnnotate, projects of VoTT"
)
"""The kinds of class file, for messages."""

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


def _listed(entries: Sequence[_Entry], kind: str, origin: Origin) -> ClassMap:
    unique = {one.name: _Named(one.name, _hex(one.color)) for one in entries}
    return _class_map(list(unique.values()), kind, origin, ["ids are counted from 1"])


def _cvat(lines: Sequence[str], origin: Origin) -> ClassMap | None:
    """Read lines of ``label:color_rgb:parts:actions``."""
    written = [line for line in lines if line.strip() and not line.startswith("#")]
    matches = [_LABELMAP_LINE.fullmatch(line) for line in written]
    if not matches or not all(matches):
        return None
    named = []
    for match in filter(None, matches):
        numbers = [int(one) for one in (match[2] or "").split(",") if one]
        named.append(_Named(match[1], _color(numbers, match[1], origin) if numbers else None))
    return _class_map(named, "labelmap.txt of CVAT", origin, ["ids are counted from 1"])


_LABELMAP_LINE = re.compile(r"(.+?):(\d{1,9},\d{1,9},\d{1,9})?:([^:]*):([^:]*)")


def _yolo_data(lines: Sequence[str], origin: Origin) -> ClassMap | None:
    """Read the key ``names`` of a YAML file: a list, or names by number."""
    start = next((i for i, line in enumerate(lines) if re.match(r"names\s*:", line)), None)
    if start is None:
        return None
    first = lines[start].partition(":")[2].strip()
    below = itertools.takewhile(
        lambda line: not line.strip() or line[0] in " \t-#]}", lines[start + 1 :]
    )
    is_flow = first[:1] in ("[", "{")
    names = _flow([first, *below]) if is_flow else _block(first, below)
    if not names:
        raise LabelError(
            "`names` is neither a list nor names by number",
            origin=Origin(origin.file, f"line {start + 1}"),
            hint='write it as names: ["caries", "enamel"]',
        )
    shift = 0 if names[0][0] == 0 and names[0][1] in _BACKGROUNDS else 1
    named = []
    for number, name in names:
        id_ = number + shift
        background = name in _BACKGROUNDS
        named.append(_Named(name, None, None if background else id_ + (id_ >= VOID)))
    note = "ids are those of YOLO plus 1, because 0 is the background"
    return _class_map(named, "data.yaml of YOLO", origin, [note] if shift else [])


def _flow(lines: Iterable[str]) -> list[tuple[int, str]] | None:
    """Return numbers and names of a YAML list or mapping in brackets, or None."""
    text = "".join(found[0] for line in lines if (found := _BEFORE_COMMENT.match(f" {line}")))
    match = re.fullmatch(r"\s*(?:\[(.*)\]|\{(.*)\})\s*", text)
    if match is None:
        return None
    is_list = match[1] is not None
    inner = match[1] if is_list else match[2]
    items = [one.strip() for one in _FLOW_ITEM.findall(inner) if one.strip()]
    return _listed_names(items) if is_list else _numbered_names(items)


def _block(first: str, below: Iterable[str]) -> list[tuple[int, str]] | None:
    """Return numbers and names of a YAML list or mapping with a line each, or None."""
    items = [line.strip() for line in below if line.strip() and line.strip()[0] != "#"]
    if first and not first.startswith("#"):
        return None
    if all(one.startswith("- ") for one in items):
        return _listed_names([one.removeprefix("- ") for one in items])
    return _numbered_names(items)


def _listed_names(items: Iterable[str]) -> list[tuple[int, str]]:
    return list(enumerate(map(_scalar, items)))


def _numbered_names(items: Iterable[str]) -> list[tuple[int, str]] | None:
    matches = [_NUMBERED_NAME.fullmatch(one) for one in items]
    if not all(matches):
        return None
    return sorted((int(match[1]), _scalar(match[2])) for match in filter(None, matches))


_NUMBERED_NAME = re.compile(r"(\d{1,9})\s*:\s+(.+)")
_BEFORE_COMMENT = re.compile(r"""(?:[^"'#]|"[^"]*"|'[^']*'|(?<!\s)#)*""")
_FLOW_ITEM = re.compile(r"""(?:[^,"']|"[^"]*"|'(?:[^']|'')*'|["'])+""")


def _scalar(text: str) -> str:
    """Return a YAML text without its quotes or its comment."""
    quoted = re.fullmatch(r"""(?:"([^"\\]*)"|'((?:[^']|'')*)')\s*(?:#.*)?""", text)
    if quoted:
        return quoted[1] if quoted[1] is not None else quoted[2].replace("''", "'")
    return re.split(r"\s#", text, maxsplit=1)[0].strip()


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


_OF_DOCUMENTS: tuple[_DocumentReader, ...] = (_x_anylabeling, _superannotate, _vott)
_OF_TEXTS: tuple[_TextReader, ...] = (_yolo_data, _cvat, _name_list)
