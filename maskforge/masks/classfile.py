"""Class maps as people write them: TOML and JSON files, and ``NAME=ID`` options."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import msgspec

from maskforge.display.colors import Color, default_color
from maskforge.errors import LabelError, OptionError, shorten
from maskforge.files import PathLike, as_path, dump_record, read_bytes
from maskforge.issues import Origin
from maskforge.masks.classes import BACKGROUND, BACKGROUND_NAME, VOID, ClassMap, MaskClass

_MOST_DIGITS = 10


def parse_assignments(assignments: Sequence[str], *, fold_case: bool = False) -> ClassMap:
    """Return the class map of ``NAME=ID`` options.

    Several names with one id are one class, called by the first of them; id 0 is the background,
    and shapes with its names cut holes into those drawn before. Instead of an id,
    ``ignore`` leaves the shapes out and ``void`` draws them with the value 255.

    Raises:
        LabelError: If an assignment cannot be understood.
    """
    groups: dict[int, list[str]] = {}
    ignored: list[str] = []
    void: list[str] = []
    for text in assignments:
        name, separator, value = text.rpartition("=")
        name, value = name.strip(), value.strip().lower()
        if not separator or not name:
            raise LabelError(f"{shorten(text)} is not NAME=ID", hint="for example --class caries=1")
        if value == "ignore":
            ignored.append(name)
        elif value == "void" or value == str(VOID):
            void.append(name)
        elif value.isascii() and value.isdigit() and len(value) < _MOST_DIGITS:
            groups.setdefault(int(value), []).append(name)
        else:
            raise LabelError(
                f"{shorten(value)} in {shorten(text)} is not an id",
                hint="write a number, `ignore` or `void`",
            )
    background = MaskClass(BACKGROUND, BACKGROUND_NAME, (0, 0, 0), tuple(groups.pop(0, ())))
    classes = (
        background,
        *(
            MaskClass(id_, names[0], default_color(index), tuple(names))
            for index, (id_, names) in enumerate(groups.items())
        ),
    )
    return ClassMap(classes, tuple(ignored), tuple(void), fold_case)


class _ClassEntry(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """A class in a file."""

    id: int | None = None
    name: str = ""
    color: str = ""
    labels: list[str] | None = None


class _ClassFile(msgspec.Struct, forbid_unknown_fields=True):
    """A class map in a file; written as JSON, read as JSON or TOML."""

    classes: list[_ClassEntry | str] | dict[str, int | _ClassEntry]
    ignore: list[str] = []
    void: list[str] = []
    fold_case: bool = False


def load_class_map(path: PathLike) -> ClassMap:
    """Read a class map from a TOML file, or from JSON such as the saved ``classes.json``.

    Raises:
        LabelError: If the file cannot be read or is not a class map.

    Examples:
        >>> classes = mf.load_class_map("samples/classes.toml")
        >>> classes.value("caries"), classes.names[5]
        (5, 'caries')
    """
    path = as_path(path)
    origin = Origin(path)
    try:
        data = read_bytes(path)
        if path.suffix.lower() == ".toml":
            raw = tomllib.loads(data.decode("utf-8-sig"))
        else:
            raw = msgspec.json.decode(data.removeprefix(b"\xef\xbb\xbf"))
    except OSError as error:
        raise LabelError(f"cannot be read: {error.strerror or error}", origin=origin) from None
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise LabelError(f"is not valid TOML or JSON: {error}", origin=origin) from None
    return parse_class_map(raw, origin)


def parse_class_map(document: object, origin: Origin | None = None) -> ClassMap:
    """Return the class map of a document as it stands in a class map file.

    Raises:
        LabelError: If it is not a class map.
    """
    try:
        content = msgspec.convert(document, _ClassFile)
    except msgspec.ValidationError as error:
        text, _, place = str(error).partition(" - at `")
        raise LabelError(
            f"is not a class map: {text}",
            origin=origin and Origin(origin.file, place.removesuffix("`") or "$"),
            hint='the documentation of classes shows an example: [[classes]] name = "caries" ...',
        ) from None
    return ClassMap(
        _classes(content, origin),
        tuple(content.ignore),
        tuple(content.void),
        content.fold_case,
        origin,
    )


def _classes(content: _ClassFile, origin: Origin | None) -> tuple[MaskClass, ...]:
    entries: list[_ClassEntry] = []
    if isinstance(content.classes, list):
        entries = [
            _ClassEntry(name=one) if isinstance(one, str) else one for one in content.classes
        ]
    else:
        for name, value in content.classes.items():
            entry = _ClassEntry(id=value) if isinstance(value, int) else value
            entry.name = entry.name or name
            entries.append(entry)
    with_id = [entry for entry in entries if entry.id is not None]
    if with_id and len(with_id) != len(entries):
        raise LabelError("give every class an id, or none", origin=origin)
    if not with_id and len(entries) >= VOID:
        raise LabelError(f"{len(entries)} classes need ids of their own", origin=origin)
    classes = []
    for index, entry in enumerate(entries):
        place = origin and origin.at(f".classes[{index}]")
        if not entry.name:
            raise LabelError("a class has no name", origin=place)
        id_ = index + 1 if entry.id is None else entry.id
        color = (0, 0, 0) if id_ == BACKGROUND else default_color(index)
        if entry.color:
            color = _parse_color(entry.color, place)
        default_labels = () if id_ == BACKGROUND else (entry.name,)
        labels = default_labels if entry.labels is None else tuple(entry.labels)
        classes.append(MaskClass(id_, entry.name, color, labels))
    return tuple(classes)


def _parse_color(text: str, origin: Origin | None) -> Color:
    digits = text.removeprefix("#")
    try:
        red, green, blue = bytes.fromhex(digits)
    except ValueError:
        raise LabelError(
            f"{shorten(text)} is not a color, expected #rrggbb", origin=origin
        ) from None
    return red, green, blue


def dump_class_map(classes: ClassMap) -> bytes:
    """Return a class map as JSON; ``load_class_map`` reads it back unchanged."""
    content = _ClassFile(
        [
            _ClassEntry(one.id, one.name, "#" + bytes(one.color).hex(), list(one.labels))
            for one in classes.classes
        ],
        list(classes.ignored),
        list(classes.void),
        classes.fold_case,
    )
    return dump_record(content)


def choose_class_map(
    file: Path | None, assignments: Sequence[str], *, fold_case: bool = False
) -> ClassMap | None:
    """Return the class map of a file or of ``NAME=ID`` options; None if neither is given.

    Raises:
        OptionError: If both are given.
        LabelError: If the class map cannot be used.
    """
    if file is not None and assignments:
        raise OptionError(
            "a class file and single classes were given", hint="write the classes into the file"
        )
    if file is not None:
        classes = load_class_map(file)
        return replace(classes, fold_case=True) if fold_case else classes
    return parse_assignments(assignments, fold_case=fold_case) if assignments else None
