"""Tables as reports fill them; the command line prints them, notebooks show them as HTML."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import NamedTuple, TypeAlias

from maskforge.display.visible import replace_hidden, visible

_LONGEST_CELL = 200
_MOST_ROWS = 60


class Table(NamedTuple):
    """A table with its title.

    Attributes:
        title: What stands above it.
        columns: Names of the columns.
        rows: A value for every column; whole numbers get separators for thousands.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[object]]

    def is_number(self, column: int) -> bool:
        """Tell whether a column holds nothing but numbers, which are aligned right."""
        return all(isinstance(row[column], (int, float)) for row in self.rows)


class Swatch(NamedTuple):
    """A cell that shows a color."""

    red: int
    green: int
    blue: int


Shown: TypeAlias = Table | str
"""What a report shows: tables, and sentences between them."""


def cell_text(value: object) -> str:
    """Return the text of a cell, never much longer than a line, with nothing hidden in it."""
    text = f"{value:,}" if isinstance(value, int) else replace_hidden(str(value))
    return text if len(text) <= _LONGEST_CELL else f"{text[:_LONGEST_CELL]}..."


def as_html(parts: Iterable[Shown]) -> str:
    """Return tables and sentences as HTML that shows every text as it is, tags in it, too."""
    return "".join(
        f"<p>{escape(visible(part))}</p>" if isinstance(part, str) else _table(part)
        for part in parts
    )


def _table(table: Table) -> str:
    if not table.rows:
        return ""
    sides = ["right" if table.is_number(column) else "left" for column in range(len(table.columns))]
    head = _row("th", table.columns, sides)
    body = "".join(_row("td", row, sides) for row in table.rows[:_MOST_ROWS])
    more = len(table.rows) - _MOST_ROWS
    rest = f"<p>... and {more:,} more</p>" if more > 0 else ""
    caption = f"<caption><b>{escape(cell_text(table.title))}</b></caption>"
    return f"<table>{caption}<thead>{head}</thead><tbody>{body}</tbody></table>{rest}"


def _row(tag: str, cells: Sequence[object], sides: Sequence[str]) -> str:
    inner = "".join(
        f'<{tag} style="text-align: {side}">{_cell(cell)}</{tag}>'
        for cell, side in zip(cells, sides, strict=True)
    )
    return f"<tr>{inner}</tr>"


def _cell(value: object) -> str:
    if isinstance(value, Swatch):
        color = f"#{value.red:02x}{value.green:02x}{value.blue:02x}"
        return f'<span style="background: {color}; padding: 0 1em"></span> <code>{color}</code>'
    return escape(cell_text(value))
