"""``maskforge train``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from maskforge.cli import options as shared
from maskforge.cli.console import print_json, print_table, progress, say
from maskforge.cli.dataoptions import Data, Dataset
from maskforge.cli.flags import with_flags
from maskforge.cli.trainoptions import RUN, Chosen, Config, Settings, options_of, said
from maskforge.errors import OptionError

if TYPE_CHECKING:
    from maskforge.training.run_folder import RunRecord


@with_flags
def train(
    dataset: Dataset = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of the run.", show_default=False),
    ] = None,
    *,
    data: Data,
    chosen: Chosen,
    config: Config = None,
    set_: Settings = None,
    print_config: Annotated[
        bool,
        typer.Option(
            "--print-config",
            help="Print the configuration as TOML, and do nothing.",
            rich_help_panel=RUN,
        ),
    ] = False,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Go on with the run in --out after it was killed.",
            rich_help_panel=RUN,
        ),
    ] = False,
    overwrite: shared.Overwrite = False,
    json: shared.Json = False,
) -> None:
    """Train a segmentation network on images and masks.

    Exit codes: 0 trained; 2 wrong use, or the training cannot go on; 130 interrupted (the best
    model so far is saved).

    Example: maskforge train masks/ --out runs/first --only caries --epochs 30
    """
    from maskforge.training.configfile import dump_config
    from maskforge.training.initial_model import take_over
    from maskforge.training.plan import check_options

    values = said(dataset, data, chosen, set_)
    options = options_of(config, values)
    if print_config:
        options, _ = take_over(options)
        check_options(options)
        say(dump_config(options), nl=False)
        raise typer.Exit
    if out is None:
        raise OptionError("--out is missing", hint="name the folder of the run")
    if resume and (values or config is not None):
        raise OptionError(
            "--resume takes the options of the run itself",
            hint="leave out everything but --out",
        )

    from maskforge.training.train import resume_training
    from maskforge.training.train import train as run

    with progress() as update:
        if resume:
            record = resume_training(out, progress=update, log=_log)
        else:
            record = run(None, out, options, overwrite=overwrite, progress=update, log=_log)
    if json:
        print_json(record)
    else:
        _print_record(record, out)
    if record.state == "interrupted":
        raise KeyboardInterrupt


def _log(line: str) -> None:
    say(line, err=True)


def _print_record(record: RunRecord, out: Path) -> None:
    from maskforge.masks.post_processing import in_words
    from maskforge.training.run_folder import best_epoch

    print_table(best_epoch(record))
    for line in in_words(record.post_processing):
        say(f"post-processing of {line}")
    for warning in record.warnings:
        say("warning: ", fg="yellow", nl=False)
        say(warning)
    say(f"model, history and images: {out}")
