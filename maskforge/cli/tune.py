"""``maskforge tune``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from maskforge.cli import options as shared
from maskforge.cli.console import print_compared, print_json, progress, say
from maskforge.cli.dataoptions import Data, Dataset
from maskforge.cli.flags import Flag, Flags, Given, with_flags
from maskforge.cli.trainoptions import Chosen, Config, Settings, options_of, said
from maskforge.errors import OptionError, shorten
from maskforge.training.tuning.tune_options import TuneOptions

_SECONDS = {"d": 86_400, "h": 3600, "m": 60, "s": 1}
_DURATION = re.compile(r"(?:([0-9]{1,9}(?:\.[0-9]{1,9})?)([dhms]))")


def parse_duration(text: str) -> float:
    """Return the seconds of a time such as ``8h`` or ``1h30m``.

    Raises:
        OptionError: If it is none.
    """
    parts = _DURATION.findall(text)
    if not parts or "".join(map("".join, parts)) != text:
        raise OptionError(
            f"{shorten(text)} is not a time", hint="for example --time 8h, 90m or 1h30m"
        )
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)


def _searches(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(texts)


_HOW = Flags(
    TuneOptions,
    Flag(
        key="time",
        metavar="TIME",
        help="All trainings together, such as 8h or 90m; the same command with more goes on.",
        default="no limit",
        read=parse_duration,
    ),
    Flag(key="trials", help="Number of trainings.", default="no limit"),
    Flag(
        key="search",
        metavar="KEY[=VALUES]",
        help="What is searched: default, or a key, with LOW..HIGH or A,B,C; may be repeated.",
        default="default",
        many=True,
        read=_searches,
    ),
    Flag(key="startup", help="Trainings from which nothing is concluded yet."),
    Flag(key="prune", help="Stop a training whose score falls behind the median of the others."),
)


@with_flags
def tune(
    dataset: Dataset = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of the search.", show_default=False),
    ] = None,
    *,
    how: Annotated[Given, _HOW],
    data: Data,
    chosen: Chosen,
    config: Config = None,
    set_: Settings = None,
    overwrite: shared.Overwrite = False,
    json: shared.Json = False,
) -> None:
    """Search for better options of a training, within a time.

    The same command goes on with a search that was ended.

    Exit codes: 0 searched; 1 no trial but the given options finished; 2 wrong use, or the training
    with the given options fails; 130 interrupted.

    Example: maskforge tune masks/ --out tuned --test 0.2 --epochs 30 --time 8h
    """
    from maskforge.training.tuning.tune import tune as run
    from maskforge.training.tuning.tune_report import shown

    options = options_of(config, said(dataset, data, chosen, set_))
    if out is None:
        raise OptionError("--out is missing", hint="name the folder of the search")
    with progress() as update:
        report = run(
            None,
            out,
            overwrite=overwrite,
            progress=update,
            log=lambda line: say(line, err=True),
            train=options,
            **how,
        )
    if json:
        print_json(report)
    else:
        print_compared(shown(report), (), report.notes)
        if report.best is not None:
            say(f"the best model: {out}/best; its configuration: {out}/best/config.toml")
    if report.state == "interrupted":
        raise KeyboardInterrupt
    raise typer.Exit(report.exit_code)
