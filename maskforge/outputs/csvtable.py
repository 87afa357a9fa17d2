"""CSV tables: safe to open in a spreadsheet, and read back as they were written."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence

from maskforge.display.aliases import named

# Where a comma is the decimal point, spreadsheets take semicolons for the ends of cells, and
# quotes inside a line for text.
_BEGIN = r"(?:^|(?<=[;\t\r\n]))"
_SIGN = r"'*[=+\-@\t\r\n\uff0b\uff0d\uff1d\uff20]"
_FORMULA = re.compile(_BEGIN + _SIGN)
_MARKED = re.compile(f"{_BEGIN}'(?={_SIGN})")
_SPECIAL = re.compile(r'[",\r\n]')
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def write_table(
    rows: Iterable[Mapping[str, object]], columns: Sequence[str] | None = None
) -> bytes:
    r"""Return rows as a CSV table in UTF-8; None is an empty cell.

    A spreadsheet takes text that begins with ``=``, ``+``, ``-``, ``@``, a tab or a line break for
    a formula, so such text gets an apostrophe in front, also behind a semicolon, a tab or a line
    break. Numbers stay numbers.

    Args:
        rows: Values by column.
        columns: The columns; by default those of the first row.

    Examples:
        >>> write_table([{"name": "=1+1", "loss": -0.5}])
        b"name,loss\n'=1+1,-0.5\n"
    """
    all_rows = list(rows)
    names = list(all_rows[0] if columns is None else columns)
    lines: list[list[object]] = [
        list(names),
        *([row.get(name) for name in names] for row in all_rows),
    ]
    text = "".join(",".join(map(_cell, line)) + "\n" for line in lines)
    return text.encode(errors="replace")


def read_table(
    text: str, *, delimiters: str = ",;\t|", strict: bool = False
) -> tuple[list[str], list[dict[str, str]]]:
    r"""Read a CSV table, also one that ``write_table`` has made.

    Args:
        text: The table.
        delimiters: What may separate cells; the header decides, since paths in the rows may hold
            any of them.
        strict: Whether wrong quotes are an error.

    Returns:
        The columns without spaces around them, and the rows; what a row lacks is empty.

    Raises:
        csv.Error: If it is not a table.

    Examples:
        >>> read_table("name;loss\n'=1+1;-0.5\n")
        (['name', 'loss'], [{'name': '=1+1', 'loss': '-0.5'}])
    """
    header = text.partition("\n")[0]
    reader = csv.DictReader(
        io.StringIO(text, newline=""),
        delimiter=max(delimiters, key=header.count),
        restval="",
        strict=strict,
    )
    columns = [_bare(name.strip()) for name in reader.fieldnames or ()]
    reader.fieldnames = columns
    return columns, [
        {name: _bare(value) for name, value in row.items() if name is not None} for row in reader
    ]


def _cell(value: object) -> str:
    text = "" if value is None else named(str(value))
    if not _NUMBER.fullmatch(text):
        text = _FORMULA.sub(r"'\g<0>", text)
    # Unlike here, the module csv leaves a carriage return bare.
    return '"' + text.replace('"', '""') + '"' if _SPECIAL.search(text) else text


def _bare(text: str) -> str:
    return _MARKED.sub("", text)
