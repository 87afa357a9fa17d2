"""Reading the JSON, CSV, XML, YAML and text that labeling tools and people really write.

Files with a byte order mark, with the bare tokens ``NaN`` and ``Infinity``, or in a code page that
is certain (see ``codepages``) are read; all else that is not JSON is an error with its place. XML
with entities and YAML with aliases are refused: a few bytes of these can fill the memory.
"""

from __future__ import annotations

import contextlib
import csv
import functools
import io
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, overload

import msgspec

from maskforge.errors import (
    AnnotationError,
    FormatError,
    GeometryError,
    LimitError,
    RecordError,
    shorten,
)
from maskforge.files import read_bytes
from maskforge.formats import large_json
from maskforge.formats.codepages import CodePages
from maskforge.images.suffixes import IMAGE_SUFFIXES
from maskforge.issues import Code, Issue, Origin
from maskforge.limits.allowance import Allowance, Limit

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

T = TypeVar("T")


class Point(msgspec.Struct):
    """A point as many formats write it."""

    x: float
    y: float


_LONE_SURROGATE = re.compile("[\ud800-\udfff]")

_OBJECT, _LIST, _VALUE, _ROW = 200, 90, 50, 300  # bytes in memory
_MARKS = {
    ".json": {b"{": _OBJECT, b"[": _LIST, b",": _VALUE},
    ".ndjson": {b"{": _OBJECT, b"[": _LIST, b",": _VALUE, b"\n": _LIST},
    ".csv": {b"\n": _ROW, b",": _VALUE, b";": _VALUE, b"\t": _VALUE},
    ".txt": {b"\n": _LIST, b" ": _VALUE},
    ".xml": {b"<": _OBJECT, b"=": _VALUE},
}
"""What a file may hold, by the bytes with which it is written: counted before it is made."""

_YAML_VALUE = 16  # bytes of other text that are read in the time of one value

SURPLUS_CELLS = "(surplus cells)"
"""Key of a CSV row that has more cells than the header; cells that a row lacks are empty."""


@dataclass(frozen=True, slots=True)
class Document:
    """One decoded file, or one of the documents that a file holds as a list.

    Attributes:
        path: The file.
        root: The decoded JSON or YAML value; for CSV a list with one ``{column: text}`` dict per
            row; for NDJSON a list with one value per line; for XML the root element; for ``.txt``
            the text; for an image None.
        issues: What was noticed while decoding.
        pointer: JSON path of the root.
        separator: What separates the cells of a CSV file.
    """

    path: Path
    root: Any
    issues: tuple[Issue, ...] = ()
    pointer: str = "$"
    separator: str = ","

    @property
    def origin(self) -> Origin:
        """The document as a whole."""
        return Origin(self.path, self.pointer)

    @property
    def is_item(self) -> bool:
        """Whether it is one of several documents in the file."""
        return self.pointer != "$"

    def items(self) -> Sequence[Document]:
        """Return the documents that the file holds as a list of objects; none if it does not."""
        if self.is_csv or not isinstance(self.root, list):
            return []
        return _Items(self) if all(isinstance(one, dict) for one in self.root) else []

    @property
    def is_csv(self) -> bool:
        """Whether the document holds the rows of a CSV file."""
        return self.path.suffix.lower() == ".csv"


@dataclass(frozen=True, slots=True)
class _Items(Sequence[Document]):
    """The documents of a list, each made when it is asked for."""

    document: Document

    def __len__(self) -> int:
        return len(self.document.root)

    @overload
    def __getitem__(self, index: int) -> Document: ...
    @overload
    def __getitem__(self, index: slice) -> list[Document]: ...
    def __getitem__(self, index: int | slice) -> Document | list[Document]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        number = range(len(self))[index]
        return replace(self.document, root=self.document.root[number], pointer=f"$[{number}]")


def load(path: Path, code_pages: CodePages | None = None) -> Document:
    """Read and decode one file; its suffix tells the kind, and what has none of these is JSON.

    Images are not read: their format does that, when it is asked for the shapes.

    Args:
        path: The file.
        code_pages: Decodes what is not Unicode; by default the file alone has to tell.

    Raises:
        FormatError: If the file cannot be opened or decoded, or is too large.
    """
    kind = kind_of(path)
    if kind in IMAGE_SUFFIXES:
        return Document(path, None)
    data = _bytes(path)
    check = functools.partial(_check_memory, marks=_MARKS.get(kind, {}), origin=Origin(path))
    if kind != ".json":
        check(data)
    code_pages = code_pages or CodePages()
    if kind == ".xml":
        return Document(path, _xml(data, Origin(path)))
    if kind in _DECODERS:
        text, issues = code_pages.decode(data, path)
        return Document(path, _DECODERS[kind](text, Origin(path)), issues)
    if kind == ".csv":
        text, issues = code_pages.decode(data, path)
        separator = _separator(text)
        rows = _rows(text, separator, Origin(path))
        if separator != ",":
            found = f"the cells are separated by {separator!r} instead of commas"
            issues = (*issues, Issue(Code.LENIENT, found, Origin(path, "line 1")))
        return Document(path, rows, issues, separator=separator)
    try:
        return Document(path, large_json.decode(data, check))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        check(data)  # stricter than the files that exist: decode again with the tolerant reader
    text, issues = code_pages.decode(data, path)
    return Document(path, _tolerant(text, Origin(path)), issues)


def kind_of(path: Path) -> str:
    """Return the suffix of the kind of file that something is read as."""
    suffix = path.suffix.lower()
    known = suffix in (".csv", ".xml") or suffix in _DECODERS or suffix in IMAGE_SUFFIXES
    return suffix if known else ".json"


def _bytes(path: Path) -> bytes:
    origin = Origin(path)
    try:
        Allowance(Limit.FILE_BYTES).take(path.stat().st_size)
        data = read_bytes(path)
    except LimitError as error:
        raise _too_large(error, origin) from None
    except OSError as error:
        reason = f"cannot be read: {error.strerror or error}"
    except MemoryError:
        reason = "is larger than the memory"
    except ValueError as error:  # a NUL inside the path
        reason = str(error)
    else:
        return data
    raise _unreadable(reason, origin)


def _check_memory(*parts: bytes, marks: Mapping[bytes, int], origin: Origin) -> None:
    """Make sure that parts of a file do not fill the memory when they are decoded."""
    with contextlib.suppress(LimitError):  # counting takes time that few files are worth
        Allowance(Limit.FILE_MEMORY).take(sum(map(len, parts)) * max(marks.values(), default=0))
        return
    try:
        allowance = Allowance(Limit.FILE_MEMORY)
        for part in parts:
            allowance.take(sum(part.count(one) * marks[one] for one in marks))
    except LimitError as error:
        raise _too_large(error, origin) from None


def _too_large(error: LimitError, origin: Origin) -> FormatError:
    return FormatError(Code.FILE_TOO_LARGE, error.message, origin=origin, hint=error.hint)


def _unreadable(text: str, origin: Origin, hint: str = "") -> FormatError:
    return FormatError(Code.UNREADABLE_FILE, text, origin=origin, hint=hint)


def is_cut_off(data: bytes) -> bool:
    """Tell whether JSON ends before it is whole, as far as that can be told."""
    text = data.decode("utf-8-sig", errors="replace").strip()
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return error.pos >= len(text) or error.msg.startswith("Unterminated")
    except (RecursionError, ValueError):
        return False
    return False


def _tolerant(text: str, origin: Origin) -> object:
    if not text.strip():
        raise _unreadable("is empty", origin, hint="export the annotation again")
    try:
        root = json.loads(text)
    except json.JSONDecodeError as error:
        raise _unreadable(
            f"is not valid JSON: {error.msg} in line {error.lineno}, column {error.colno}",
            origin,
            hint="the file may be cut off or edited by hand; export the annotation again",
        ) from None
    except (RecursionError, ValueError) as error:
        raise _unreadable(f"is not usable JSON: {error}", origin) from None
    if _LONE_SURROGATE.search(text) or re.search(r"\\u[dD][89a-fA-F]", text):
        try:
            msgspec.json.encode(root)
        except (UnicodeEncodeError, msgspec.MsgspecError, ValueError, OverflowError):
            raise _unreadable("holds text that is not valid Unicode", origin) from None
    return root


def _xml(data: bytes, origin: Origin) -> Element:
    """Return the root element; XML names its own encoding."""
    from defusedxml.common import DefusedXmlException
    from defusedxml.ElementTree import fromstring

    try:
        root: Element = fromstring(data, forbid_dtd=True)
    except DefusedXmlException:
        raise _unreadable(
            "holds a document type or entities, which are not read",
            origin,
            hint="remove the <!DOCTYPE> from the file",
        ) from None
    except (SyntaxError, ValueError, LookupError, RecursionError) as error:
        raise _unreadable(
            f"is not valid XML: {error}",
            origin,
            hint="the file may be cut off or edited by hand; export the annotation again",
        ) from None
    return root


def decode_yaml(text: str, origin: Origin) -> Any:  # noqa: ANN401 - as that of JSON
    """Return what YAML holds.

    Raises:
        FormatError: If it cannot be decoded, or would take very long.
    """
    import yaml

    try:
        values = sum(map(text.count, ",\n"))
        Allowance(Limit.YAML_BYTES).take(len(text) + values * _YAML_VALUE)
    except LimitError as error:
        raise _too_large(error, origin) from None

    class Loader(yaml.SafeLoader):
        def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
            if self.check_event(yaml.AliasEvent):
                raise yaml.YAMLError("aliases (*) are not read")
            return super().compose_node(parent, index)

    try:
        return yaml.load(text, Loader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        problem = " ".join(str(error).split())
        raise _unreadable(f"is not valid YAML: {problem}", origin) from None


def _lines(text: str, origin: Origin) -> list[object]:
    return [
        _tolerant(line, Origin(origin.file, f"line {number}"))
        for number, line in enumerate(text.splitlines(), 1)
        if line.strip()
    ]


def _plain(text: str, origin: Origin) -> str:
    """Return the text as it is."""
    return text


_DECODERS: dict[str, Callable[[str, Origin], object]] = {
    ".yaml": decode_yaml,
    ".yml": decode_yaml,
    ".ndjson": _lines,
    ".txt": _plain,
}


def _rows(text: str, separator: str, origin: Origin) -> list[dict[str, str]]:
    rows: list[dict[str, str]] = []
    try:
        reader = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=separator)
        header = next(reader, [])
        for cells in filter(None, reader):
            row = dict(zip_longest(header, cells[: len(header)], fillvalue=""))
            if len(cells) > len(header):
                row[SURPLUS_CELLS] = str(cells[len(header) :])
            rows.append(row)
    except csv.Error as error:
        raise _unreadable(f"is not valid CSV: {error}", origin) from None
    return rows


def _separator(text: str) -> str:
    """Return what separates the cells of a table: spreadsheets ask the country they are in."""
    header = text.partition("\n")[0]
    others = [one for one in ";\t" if one in header]
    return others[0] if len(others) == 1 and "," not in header else ","


def check_cells(row: Mapping[str, object], origin: Origin) -> None:
    """Make sure that a row of a table has no more cells than the header.

    Raises:
        RecordError: If it has.
    """
    if SURPLUS_CELLS in row:
        text = f"has more cells than the header: {shorten(row[SURPLUS_CELLS])}"
        hint = "put names with commas in double quotes"
        raise RecordError(Code.INVALID_RECORD, text, origin=origin, hint=hint)


def structure(
    value: object,
    type_: type[T],
    origin: Origin,
    code: Code = Code.INVALID_RECORD,
    error: type[AnnotationError] = RecordError,
) -> T:
    """Return a decoded JSON value as ``type_``, checked in every depth, without coercion.

    Args:
        value: What ``load`` returned, or a part of it.
        type_: Any type that msgspec can check, e.g. ``list[tuple[float, float]]`` or a Struct.
        origin: The place of ``value``; the error names the exact place below it.
        code: Issue code of the error.
        error: Class of the error.

    Raises:
        AnnotationError: Of class ``error``, if the value does not fit.
        FormatError: If it does not fit into the memory.
    """
    if isinstance(value, large_json.LazyObject | large_json.LazyArray):
        _check_memory(*large_json.undecoded(value), marks=_MARKS[".json"], origin=origin)
    try:
        return msgspec.convert(large_json.whole(value), type_)
    except msgspec.ValidationError as problem:
        text, _, place = str(problem).partition(" - at `$")
        place = place.removesuffix("`")
        raise error(
            code,
            f"{text[:1].lower()}{text[1:]}, found {shorten(_leaf(value, place))}",
            origin=origin.at(place),
        ) from None


def fields_of(record: object, origin: Origin) -> dict[str, Any]:
    """Return a record as the object that it has to be.

    Raises:
        RecordError: If it is something else.
    """
    # What is decoded from JSON has text as its keys, so that no copy has to be checked.
    return record if isinstance(record, dict) else structure(record, dict[str, Any], origin)


def numbers(value: object, type_: type[T], origin: Origin) -> T:
    """Return what ``structure`` does of a value that says where a shape is.

    Raises:
        GeometryError: If the value does not fit.
    """
    return structure(value, type_, origin, Code.INVALID_COORDINATES, GeometryError)


def as_list(
    value: object, what: str, origin: Origin, hint: str = "export the annotations again"
) -> list[Any]:
    """Return a list that a file cannot be read without.

    Raises:
        FormatError: If the value is something else.
    """
    if isinstance(value, list):
        return value
    text = f"expected a list of {what}, found {shorten(value)}"
    raise FormatError(Code.INVALID_FILE, text, origin=origin, hint=hint)


def _leaf(value: object, place: str) -> object:
    """Follow a JSON path such as ``.points[2][0]`` as far as it goes."""
    for key, index in re.findall(r"\.(\w+)|\[(\d+)\]", place):
        if key and isinstance(value, dict) and key in value:
            value = value[key]
        elif index and isinstance(value, list) and int(index) < len(value):
            value = value[int(index)]
    return value
