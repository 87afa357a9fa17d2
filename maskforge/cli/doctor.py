"""``maskforge doctor``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from maskforge.checks.check_options import CheckOptions
from maskforge.cli import options as shared
from maskforge.cli.check import REPORTING, print_findings
from maskforge.cli.console import print_json, progress, say
from maskforge.cli.dataoptions import Data, Dataset
from maskforge.cli.flags import Flags, Given, with_flags
from maskforge.cli.trainoptions import Chosen, Config, Settings, options_of, said
from maskforge.display.visible import replace_hidden
from maskforge.errors import OptionError

if TYPE_CHECKING:
    from maskforge.training.doctor.doctor_report import DoctorReport


@with_flags
def doctor(
    dataset: Dataset = None,
    run: Annotated[
        Path | None,
        typer.Argument(
            metavar="RUN",
            help="Folder of a run, whose options and split are taken, and whose history is looked "
            "at.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder for the report, a page that shows it, and an overlay of each place.",
            show_default=False,
        ),
    ] = None,
    *,
    how: Annotated[Given, Flags(CheckOptions, *REPORTING)],
    data: Data,
    chosen: Chosen,
    config: Config = None,
    set_: Settings = None,
    overwrite: shared.Overwrite = False,
    json: shared.Json = False,
) -> None:
    """Say what will go wrong in a training, before it costs a night. It takes the options of train.

    Exit codes: 0 nothing was found, or nothing but notes; 1 something was; 2 wrong use.

    Example: maskforge doctor masks/ --only caries --resize 256x256
    """
    from maskforge.training.doctor.doctor import doctor as look

    values = said(None, data, chosen, set_)
    if run is not None and (values or config is not None):
        raise OptionError(
            "options are given, and a run, which has its own", hint="leave one of the two out"
        )
    options = options_of(config, values)
    with progress() as update:
        report = look(dataset, run, out, options, overwrite=overwrite, progress=update, **how)
    if json:
        print_json(report)
    else:
        _print(report)
        if out is not None:
            say(f"Look at it: {out}/doctor.html")
    raise typer.Exit(report.exit_code)


def _print(report: DoctorReport) -> None:
    from maskforge.training.doctor.doctor_report import installed, summary

    for line in (*report.notes, *report.plan, report.device, *installed(report)):
        say(replace_hidden(line))
    say(replace_hidden(summary(report)), bold=True)
    print_findings(report.findings)
