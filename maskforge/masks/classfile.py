"""Class maps as people write them: TOML, JSON, files of other tools, and ``NAME=ID`` options."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import msgspec

from maskforge.display.colors import Color, default_color
from maskforge.errors import LabelError, OptionError, shorten
from maskforge.files import PathLike, as_source, dump_record, read_bytes
from maskforge.issues import Origin
from maskforge.masks.classes import BACKGROUND, BACKGROUND_NAME, VOID, ClassMap, MaskClass
from maskforge.masks.labels import class_names

_MOST_DIGITS = 10
_MOST_BITS = 32
_READ = (
    "class maps of maskforge (TOML, JSON), labels.txt of LabelMe, classes.txt, obj.names and "
    "data.yaml of YOLO, mask_grayscale_map.json and mask_color_map.json of X-AnyLabeling, "
    "labelmap.txt of CVAT, classes.json of SuperAnnotate, projects of VoTT, "
    "files of COCO"
)
"""The kinds of class file, for messages."""

_EXAMPLE = 'the documentation of classes shows an example: [[classes]] name = "caries" ...'


def parse_assignments(assignments: Sequence[str], *, fold_case: bool = False) -> ClassMap:
    """Return the class map of ``NAME=ID`` options.

    Several names with one id are one class, called by the first of them; id 0 is the background,
    and shapes with its names cut holes into those drawn before. Instead of an id,
    ``ignore`` leaves the shapes out and ``void`` draws them with the value 255. A name with ``*``
    is a pattern; see ``MaskClass``.

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
        elif value == "void":
            void.append(name)
        elif value.isascii() and value.isdigit() and len(value) < _MOST_DIGITS:
            groups.setdefault(int(value), []).append(name)
        else:
            raise LabelError(
                f"{shorten(value)} in {shorten(text)} is not an id",
                hint="write a number, `ignore` or `void`",
            )
    background = MaskClass(BACKGROUND, BACKGROUND_NAME, (0, 0, 0), tuple(groups.pop(0, ())))
    names = class_names([labels[0] for labels in groups.values()])
    classes = (
        background,
        *(
            MaskClass(id_, name, default_color(index), tuple(labels))
            for index, (name, (id_, labels)) in enumerate(zip(names, groups.items(), strict=True))
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

    classes: list[_ClassEntry | str] | dict[str, int | str | _ClassEntry]
    ignore: list[str] = []
    void: list[str] = []
    fold_case: bool = False
    class_from: str = ""


def load_class_map(path: PathLike) -> ClassMap:
    """Read a class map from TOML, from JSON such as the saved ``classes.json``, or of another tool.

    What a file is, is told by what it holds. Of other tools are read ``labels.txt`` of LabelMe;
    ``classes.txt``, ``obj.names`` and ``data.yaml`` of YOLO; ``mask_grayscale_map.json`` and
    ``mask_color_map.json`` of X-AnyLabeling; ``labelmap.txt`` of CVAT; ``classes.json`` of
    SuperAnnotate; and the tags in a project of VoTT. ``ClassMap.recognized`` says so.

    Args:
        path: The file; or, if there is none of that name, ``cityscapes`` (8 categories),
            ``cityscapes-train`` (19 classes, counted from 1) or ``cityscapes-labels`` (33 labels).

    Raises:
        LabelError: If the file cannot be read or is not a class map.

    Examples:
        >>> classes = mf.load_class_map("samples/classes.toml")
        >>> classes.value("caries"), classes.names[5]
        (5, 'caries')
    """
    # Both need formats, which no saved class map does.
    from maskforge.masks.foreign_classes import from_document, from_text
    from maskforge.masks.presets import PRESETS

    path = as_source(path)
    if (preset := PRESETS.get(str(path))) is not None and not path.exists():
        return preset()
    origin = Origin(path)
    text = _text(path, origin)
    document = _document(text, origin)
    found = from_text(text, origin) if document is None else from_document(document, origin)
    if found is not None:
        return found
    if document is None:
        raise LabelError("is not a class file", origin=origin, hint=f"read are {_READ}")
    return parse_class_map(document, origin)


def load_saved_class_map(path: Path) -> ClassMap:
    """Read the class map that stands beside masks; files of other tools may have the same name.

    Raises:
        LabelError: If the file cannot be read or is not a class map of maskforge.
    """
    origin = Origin(path)
    return parse_class_map(_json(_text(path, origin), origin), origin)


def _text(path: Path, origin: Origin) -> str:
    try:
        return read_bytes(path).decode("utf-8-sig")
    except OSError as error:
        raise LabelError(f"cannot be read: {error.strerror or error}", origin=origin) from None
    except UnicodeDecodeError:
        raise LabelError(
            "is not UTF-8", origin=origin, hint="save the file in the encoding UTF-8"
        ) from None


def _document(text: str, origin: Origin) -> object | None:
    """Return what a file in JSON or TOML holds; None if it is in neither.

    Raises:
        LabelError: If the file says that it is in one of them, and is not.
    """
    suffix = origin.file.suffix.lower()
    if suffix == ".toml":
        return _toml(text, origin)
    if suffix == ".json" or text.lstrip()[:1] == "{":
        return _json(text, origin)
    for decode in (_json, _toml):
        try:
            document = decode(text, origin)
        except LabelError:
            continue
        if isinstance(document, dict | list) and document:
            return document
    return None


def _json(text: str, origin: Origin) -> object:
    try:
        return msgspec.json.decode(text)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise LabelError(f"is not valid JSON: {error}", origin=origin) from None


def _toml(text: str, origin: Origin) -> object:
    import tomllib

    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise LabelError(f"is not valid TOML: {error}", origin=origin) from None


def parse_class_map(document: object, origin: Origin | None = None) -> ClassMap:
    """Return the class map of a document as it stands in a class map file.

    Raises:
        LabelError: If it is not a class map.
    """
    try:
        content = msgspec.convert(document, _ClassFile)
    except msgspec.ValidationError as error:
        text, _, place = str(error).partition(" - at `")
        is_ours = isinstance(document, dict) and "classes" in document
        raise LabelError(
            f"is not a class map: {text}",
            origin=origin and Origin(origin.file, place.removesuffix("`") or "$"),
            hint=_EXAMPLE if is_ours else f"read are {_READ}",
        ) from None
    except RecursionError:
        raise LabelError("is nested too deep for a class map", origin=origin) from None
    return ClassMap(
        _classes(content, origin),
        tuple(content.ignore),
        tuple(content.void),
        content.fold_case,
        content.class_from,
        origin=origin,
    )


def _classes(content: _ClassFile, origin: Origin | None) -> tuple[MaskClass, ...]:
    entries = _entries(content, origin)
    with_id = [entry for entry in entries if entry.id is not None]
    if with_id and len(with_id) != len(entries):
        raise LabelError("give every class an id, or none", origin=origin)
    if not with_id and len(entries) >= VOID:
        raise LabelError(f"{len(entries)} classes need ids of their own", origin=origin)
    called = [one.name for one in entries if _is_label(one)]
    names = iter(class_names(called, [one.name for one in entries if not _is_label(one)]))
    classes = []
    for index, entry in enumerate(entries):
        place = origin and origin.at(f".classes[{index}]")
        if not entry.name:
            raise LabelError("a class has no name", origin=place)
        id_ = index + 1 if entry.id is None else entry.id
        if id_.bit_length() > _MOST_BITS:  # of some numbers Python does not even make text
            raise LabelError("the id is not a number from 0 to 65535", origin=place)
        color = (0, 0, 0) if id_ == BACKGROUND else default_color(index)
        if entry.color:
            color = _parse_color(entry.color, place)
        labels = tuple(_labels(entry))
        name = next(names) if _is_label(entry) else entry.name
        classes.append(MaskClass(id_, name, color, labels))
    return tuple(classes)


def _is_label(entry: _ClassEntry) -> bool:
    """Tell whether the name of a class is its label, too."""
    return entry.labels is None and entry.id != BACKGROUND


def _labels(entry: _ClassEntry) -> list[str]:
    return [entry.name] if _is_label(entry) else entry.labels or []


def _entries(content: _ClassFile, origin: Origin | None) -> list[_ClassEntry]:
    """Return the classes of a file; in a table, a label may stand with the name of its class."""
    if isinstance(content.classes, list):
        return [_ClassEntry(name=one) if isinstance(one, str) else one for one in content.classes]
    entries: list[_ClassEntry] = []
    for name, value in content.classes.items():
        if not isinstance(value, str):
            entry = _ClassEntry(id=value) if isinstance(value, int) else value
            entry.name = entry.name or name
            entries.append(entry)
    named = {entry.name: entry for entry in entries}
    for label, class_ in content.classes.items():
        if not isinstance(class_, str):
            continue
        if class_.strip().lstrip("-").isdigit():
            raise LabelError(
                f"the class of {shorten(label)} is text, {shorten(class_)}",
                origin=origin and origin.at(".classes"),
                hint="write an id without quotes",
            )
        if class_ not in named:
            named[class_] = _ClassEntry(name=class_, labels=[])
            entries.append(named[class_])
        labels = named[class_].labels = _labels(named[class_])
        labels.append(label)
    return entries


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
        classes.class_from,
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
