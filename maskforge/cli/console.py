"""What all commands print alike: progress, tables, errors, exit codes."""

from __future__ import annotations

import contextlib
import itertools
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import typer

from maskforge.cli.streams import Ended
from maskforge.display.table import Shown, Table, cell_text
from maskforge.display.visible import replace_hidden, visible, visible_json
from maskforge.errors import MaskforgeError

if TYPE_CHECKING:
    from rich.progress import TaskID

    from maskforge.dataset.conversion_report import Finding
    from maskforge.dataset.issue_record import IssueRecord

EXIT_REFUSED = 1
EXIT_WRONG_USE = 2
EXIT_INTERRUPTED = 130
EXIT_TERMINATED = 143

_COLORS = {"refused": "red", "void": "yellow", "skipped": "yellow"}
_EXAMPLES = 3
_MOST_ROWS = 1000
_SECONDS_BETWEEN_LINES = 5.0


def say(text: str, *, err: bool = False, nl: bool = True, **style: Any) -> None:  # noqa: ANN401 - as click has them
    """Print text, with whatever would steer a terminal made visible.

    Args:
        text: The text; it may have several lines.
        err: Whether it goes to stderr.
        nl: Whether the line ends.
        **style: Colors, as ``click.style`` takes them.
    """
    typer.secho(visible(text), err=err, nl=nl, **style)


@contextlib.contextmanager
def reported_errors() -> Iterator[None]:
    """Print errors as people want them, and leave with the documented exit code."""
    try:
        yield
    except (MaskforgeError, OSError) as error:
        say("error: ", fg="red", bold=True, err=True, nl=False)
        say(_described(error), err=True)
        raise typer.Exit(EXIT_WRONG_USE) from None
    except KeyboardInterrupt:
        what = "terminated" if Ended.by_signal else "interrupted"
        say(f"{what}; files that were finished are whole", err=True)
        raise typer.Exit(EXIT_TERMINATED if Ended.by_signal else EXIT_INTERRUPTED) from None


def _described(error: Exception) -> str:
    if isinstance(error, OSError) and not isinstance(error, MaskforgeError):
        place = f"{error.filename}: " if error.filename is not None else ""
        return f"{place}{error.strerror or error}"
    return str(error)


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
        say(f"{phase}: {done} images{known}, {rate:.0f} images/s", err=True)


def print_shown(parts: Iterable[Shown]) -> None:
    """Print the tables and sentences of a report on stdout."""
    for part in parts:
        if isinstance(part, str):
            say(part)
        else:
            print_table(part)


def print_compared(
    parts: Iterable[Shown],
    problems: Iterable[str],
    notes: Iterable[str],
) -> None:
    """Print a report about images that were compared.

    Args:
        parts: Its tables and sentences.
        problems: Why images are missing; told on stderr.
        notes: What has to be known.
    """
    print_shown(parts)
    for problem in problems:
        say(f"refused: {problem}", err=True)
    for note in notes:
        say(f"note: {note}", fg="yellow" if note.startswith("WARNING") else None)


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
            cell_text(name),
            justify="right" if numeric else "left",
            overflow="fold",
            no_wrap=numeric,
        )
    for row in table.rows[:_MOST_ROWS]:
        shown.add_row(*map(cell_text, row))
    # Pipes and files get long lines rather than folded ones.
    width = None if sys.stdout.isatty() else 160
    console = Console(width=width, highlight=False, markup=False)
    console.print(
        cell_text(table.title), style="bold", soft_wrap=True
    )  # wider than the table, perhaps
    console.print(shown)
    if len(table.rows) > _MOST_ROWS:
        console.print(f"... and {len(table.rows) - _MOST_ROWS:,} more")


def print_findings(findings: Iterable[Finding]) -> None:
    """Print findings, those of one cause once, with a count and their first places."""
    for (level, code), group in itertools.groupby(findings, lambda one: (one.level, one.code)):
        kinds = list(group)
        count = sum(one.count for one in kinds)
        say(f"{level}: {code} ({count})", fg=_COLORS.get(level), bold=True)
        # What was refused has to be looked into one by one, unless it has one cause.
        if level == "refused":
            for one in kinds:
                is_few = one.count <= len(one.examples)
                _print_examples(one.examples if is_few else one.examples[:_EXAMPLES])
                if not is_few:
                    say(f"  ... and {one.count - _EXAMPLES} more like these")
        else:
            examples = [issue for one in kinds for issue in one.examples][:_EXAMPLES]
            _print_examples(examples)
            if count > len(examples):
                say(f"  ... and {count - len(examples)} more; --json names them")
        hints = dict.fromkeys(issue.hint for one in kinds for issue in one.examples)
        for hint in list(filter(None, hints))[:_EXAMPLES]:
            say(f"  hint: {hint}")


def _print_examples(issues: Iterable[IssueRecord]) -> None:
    for issue in issues:
        say(replace_hidden(f"  {issue.file} {issue.pointer}: {issue.message}"))


def print_json(content: object) -> None:
    """Print one JSON object on stdout."""
    import msgspec

    text = msgspec.json.format(msgspec.json.encode(content), indent=2).decode()
    # As bytes: JSON is UTF-8, whatever the terminal speaks.
    typer.echo(visible_json(text).encode())
