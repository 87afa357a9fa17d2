"""What all commands print alike: progress, tables, errors, exit codes."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import typer

from maskforge.display.table import Shown, Table, cell_text
from maskforge.errors import MaskforgeError

if TYPE_CHECKING:
    from rich.progress import TaskID

    from maskforge.dataset.conversion_report import Finding

EXIT_REFUSED = 1
EXIT_WRONG_USE = 2
EXIT_INTERRUPTED = 130

_COLORS = {"refused": "red", "skipped": "yellow"}
_EXAMPLES = 3
_REFUSED_SHOWN = 50
_SECONDS_BETWEEN_LINES = 5.0


@contextlib.contextmanager
def reported_errors() -> Iterator[None]:
    """Print errors as people want them, and leave with the documented exit code."""
    try:
        yield
    except MaskforgeError as error:
        typer.secho("error: ", fg="red", bold=True, err=True, nl=False)
        typer.echo(str(error), err=True)
        raise typer.Exit(EXIT_WRONG_USE) from None
    except KeyboardInterrupt:
        typer.echo("interrupted; files that were finished are whole", err=True)
        raise typer.Exit(EXIT_INTERRUPTED) from None


@contextlib.contextmanager
def progress() -> Iterator[Callable[[str, int, int | None], None]]:
    """Show progress with rate and remaining time on stderr; plain lines if it is not a terminal."""
    if sys.stderr.isatty():
        with _live_progress() as update:
            yield update
    else:
        yield _PlainProgress()


@contextlib.contextmanager
def _live_progress() -> Iterator[Callable[[str, int, int | None], None]]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    tasks: dict[str, TaskID] = {}
    starts: dict[str, float] = {}
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:

        def update(phase: str, done: int, total: int | None) -> None:
            if phase not in tasks:
                for task in bars.tasks:  # one epoch after the other would fill the terminal
                    bars.update(task.id, visible=not task.finished)
                tasks[phase] = bars.add_task(phase, total=total, rate="")
                starts[phase] = time.monotonic()
            elapsed = time.monotonic() - starts[phase]
            rate = f"{done / elapsed:.0f} images/s" if elapsed > 0 else ""
            bars.update(tasks[phase], completed=done, total=total, rate=rate)

        yield update


class _PlainProgress:
    """Progress as plain lines, a few seconds apart."""

    def __init__(self) -> None:
        self._phase = ""
        self._start = self._last = time.monotonic()

    def __call__(self, phase: str, done: int, total: int | None) -> None:
        now = time.monotonic()
        if phase != self._phase:
            self._phase, self._start, self._last = phase, now, now
        if now - self._last < _SECONDS_BETWEEN_LINES:
            return
        self._last = now
        rate = done / (now - self._start)
        known = f" of {total}, {(total - done) / rate:.0f} s left" if total else ""
        typer.echo(f"{phase}: {done} images{known}, {rate:.0f} images/s", err=True)


def print_shown(parts: Iterable[Shown]) -> None:
    """Print the tables and sentences of a report on stdout."""
    for part in parts:
        if isinstance(part, str):
            typer.echo(part)
        else:
            print_table(part)


def print_table(table: Table) -> None:
    """Print a table on stdout; columns that hold numbers are aligned right."""
    from rich import box
    from rich import table as rich_table
    from rich.console import Console

    if not table.rows:
        return
    shown = rich_table.Table(box=box.SIMPLE_HEAD)
    for index, name in enumerate(table.columns):
        numeric = table.is_number(index)
        shown.add_column(
            name, justify="right" if numeric else "left", overflow="fold", no_wrap=numeric
        )
    for row in table.rows:
        shown.add_row(*(printable(cell_text(cell)) for cell in row))
    # Pipes and files get long lines rather than folded ones.
    width = None if sys.stdout.isatty() else 160
    console = Console(width=width, highlight=False, markup=False)
    console.print(table.title, style="bold", soft_wrap=True)  # wider than the table, perhaps
    console.print(shown)


def printable(text: str) -> str:
    """Return text without anything that would steer a terminal."""
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in text)


def print_findings(findings: Iterable[Finding]) -> None:
    """Print findings, each with its first places."""
    for level, code, count, group in findings:
        typer.secho(f"{level}: {code} ({count})", fg=_COLORS.get(level), bold=True)
        # What was refused has to be looked into one by one; of the rest, examples do.
        shown = group[: _REFUSED_SHOWN if level == "refused" else _EXAMPLES]
        for issue in shown:
            typer.echo(printable(f"  {issue.file} {issue.pointer}: {issue.message}"))
        if len(group) > len(shown):
            typer.echo(f"  ... and {count - len(shown)} more; --json names them")
        for hint in [one for one in dict.fromkeys(issue.hint for issue in group) if one][
            :_EXAMPLES
        ]:
            typer.echo(f"  hint: {hint}")


def print_json(content: object) -> None:
    """Print one JSON object on stdout."""
    import msgspec

    # As bytes: JSON is UTF-8, whatever the terminal speaks.
    typer.echo(msgspec.json.format(msgspec.json.encode(content), indent=2))
