"""Reading the JSON and CSV that labeling tools and people really write.

Files with a byte order mark, with the bare tokens ``NaN`` and ``Infinity``, or written in a Windows
code page are read; everything else that is not JSON is an error with its place.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from maskforge.errors import AnnotationError, FormatError, RecordError, shorten
from maskforge.files import read_bytes
from maskforge.issues import Code, Issue, Origin

T = TypeVar("T")

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")

SURPLUS_CELLS = "(surplus cells)"
"""Key of a CSV row that has more cells than the header; cells that a row lacks are empty."""


@dataclass(frozen=True, slots=True)
class Document:
    """One decoded file.

    Attributes:
        path: The file.
        root: The decoded JSON value; for CSV a list with one ``{column: text}`` dict per row.
        issues: What was noticed while decoding.
    """

    path: Path
    root: Any
    issues: tuple[Issue, ...] = ()

    @property
    def origin(self) -> Origin:
        """The document as a whole."""
        return Origin(self.path)

    @property
    def is_csv(self) -> bool:
        """Whether the document holds the rows of a CSV file."""
        return self.path.suffix.lower() == ".csv"


def load(path: Path) -> Document:
    """Read and decode one JSON file, or a CSV file if its name ends in ``.csv``.

    Raises:
        FormatError: If the file cannot be opened or decoded.
    """
    origin = Origin(path)
    try:
        data = read_bytes(path)
    except OSError as error:
        raise FormatError(
            Code.UNREADABLE_FILE, f"cannot be read: {error.strerror or error}", origin=origin
        ) from None
    except MemoryError:
        raise FormatError(
            Code.UNREADABLE_FILE, "is larger than the memory", origin=origin
        ) from None
    except ValueError as error:  # a NUL inside the path
        raise FormatError(Code.UNREADABLE_FILE, str(error), origin=origin) from None
    if path.suffix.lower() == ".csv":
        text, issues = _text(data, origin)
        return Document(path, _rows(text, origin), issues)
    try:
        return Document(path, msgspec.json.decode(data))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        pass  # stricter than the files that exist: decode again with the tolerant reader
    text, issues = _text(data, origin)
    return Document(path, _tolerant(text, origin), issues)


def _text(data: bytes, origin: Origin) -> tuple[str, tuple[Issue, ...]]:
    encoding = next((name for mark, name in _BYTE_ORDER_MARKS if data.startswith(mark)), "utf-8")
    try:
        return data.decode(encoding), ()
    except UnicodeDecodeError as error:
        if encoding != "utf-8":
            raise FormatError(
                Code.UNREADABLE_FILE, f"is not valid {encoding}: {error.reason}", origin=origin
            ) from None
    issue = Issue(
        Code.NOT_UTF8,
        "is not UTF-8; read as Windows-1252",
        origin,
        "save the file as UTF-8 if labels or names show wrong letters",
    )
    return data.decode("cp1252", errors="replace"), (issue,)


def _tolerant(text: str, origin: Origin) -> object:
    if not text.strip():
        raise FormatError(
            Code.UNREADABLE_FILE, "is empty", origin=origin, hint="export the annotation again"
        )
    try:
        root = json.loads(text)
    except json.JSONDecodeError as error:
        raise FormatError(
            Code.UNREADABLE_FILE,
            f"is not valid JSON: {error.msg} in line {error.lineno}, column {error.colno}",
            origin=origin,
            hint="the file may be cut off or edited by hand; export the annotation again",
        ) from None
    except (RecursionError, ValueError) as error:
        raise FormatError(
            Code.UNREADABLE_FILE, f"is not usable JSON: {error}", origin=origin
        ) from None
    if _LONE_SURROGATE.search(text) or re.search(r"\\u[dD][89a-fA-F]", text):
        try:
            msgspec.json.encode(root)
        except (UnicodeEncodeError, msgspec.MsgspecError, ValueError, OverflowError):
            raise FormatError(
                Code.UNREADABLE_FILE, "holds text that is not valid Unicode", origin=origin
            ) from None
    return root


def _rows(text: str, origin: Origin) -> list[dict[str, str]]:
    try:
        reader = csv.DictReader(
            io.StringIO(text, newline=""), restkey=SURPLUS_CELLS, restval="", strict=True
        )
        return [{str(key): str(value) for key, value in row.items()} for row in reader]
    except csv.Error as error:
        raise FormatError(
            Code.UNREADABLE_FILE, f"is not valid CSV: {error}", origin=origin
        ) from None


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
    """
    try:
        return msgspec.convert(value, type_)
    except msgspec.ValidationError as problem:
        text, _, place = str(problem).partition(" - at `$")
        place = place.removesuffix("`")
        raise error(
            code,
            f"{text[:1].lower()}{text[1:]}, found {shorten(_leaf(value, place))}",
            origin=origin.at(place),
        ) from None


def _leaf(value: object, place: str) -> object:
    """Follow a JSON path such as ``.points[2][0]`` as far as it goes."""
    for key, index in re.findall(r"\.(\w+)|\[(\d+)\]", place):
        if key and isinstance(value, dict) and key in value:
            value = value[key]
        elif index and isinstance(value, list) and int(index) < len(value):
            value = value[int(index)]
    return value
