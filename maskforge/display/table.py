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

    def __str__(self) -> str:
        return f"#{self.red:02x}{self.green:02x}{self.blue:02x}"


Shown: TypeAlias = Table | str
"""What a report shows: tables, and sentences between them."""


def cell_text(value: object) -> str:
    """Return the text of a cell, never much longer than a line, with nothing hidden in it."""
    text = f"{value:,}" if isinstance(value, int) else replace_hidden(str(value))
    return text if len(text) <= _LONGEST_CELL else f"{text[:_LONGEST_CELL]}..."


def as_html(parts: Iterable[Shown], *, most_rows: int = _MOST_ROWS) -> str:
    """Return tables and sentences as HTML that shows every text as it is, tags in it, too.

    Args:
        parts: The tables and sentences.
        most_rows: Of tables with more rows, the first ones are shown, and the others counted.
    """
    return "".join(
        f"<p>{escape(visible(part))}</p>" if isinstance(part, str) else _table(part, most_rows)
        for part in parts
    )


def swatch_html(swatch: Swatch) -> str:
    """Return a color as HTML."""
    return f'<span class="swatch" style="background: {swatch}; padding: 0 1em"></span>'


def _table(table: Table, most_rows: int) -> str:
    if not table.rows:
        return ""
    sides = ["right" if table.is_number(column) else "left" for column in range(len(table.columns))]
    head = _row(['th scope="col"'] * len(sides), table.columns, sides)
    tags = ["td" if sides[0] == "right" else 'th scope="row"', *["td"] * (len(sides) - 1)]
    body = "".join(_row(tags, row, sides) for row in table.rows[:most_rows])
    more = len(table.rows) - most_rows
    rest = f"<p>... and {more:,} more</p>" if more > 0 else ""
    title = escape(cell_text(table.title))
    return (
        f'<div class="table" role="group" aria-label="{title}" tabindex="0"><table>'
        f"<caption><b>{title}</b></caption><thead>{head}</thead><tbody>{body}</tbody></table></div>"
        f"{rest}"
    )


def _row(tags: Sequence[str], cells: Sequence[object], sides: Sequence[str]) -> str:
    inner = "".join(
        f'<{tag} style="text-align: {side}">{_cell(cell)}</{tag[:2]}>'
        for tag, cell, side in zip(tags, cells, sides, strict=True)
    )
    return f"<tr>{inner}</tr>"


def _cell(value: object) -> str:
    if isinstance(value, Swatch):
        return f"{swatch_html(value)} <code>{value}</code>"
    return escape(cell_text(value))
