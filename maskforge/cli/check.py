"""``maskforge check``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from maskforge.checks.check_options import CheckOptions
from maskforge.cli import options as shared
from maskforge.cli.console import print_json, progress, say
from maskforge.cli.dataoptions import COLUMNS, MASK_NAME, MASK_VALUES
from maskforge.cli.flags import Flag, Flags, Given, with_flags
from maskforge.display.visible import replace_hidden

if TYPE_CHECKING:
    from maskforge.checks.check_report import CheckFinding

_COLORS = {"error": "red", "warning": "yellow"}
_PLACES = 3

REPORTING = (
    Flag(key="places", help="Overlays per kind of finding in --out."),
    Flag(key="fail_on", help="The least severe findings with which the exit code is 1."),
)
_HOW = Flags(
    CheckOptions,
    Flag(
        key="images",
        metavar="PATH",
        help="Folder of images, together with --masks instead of SOURCE; with annotation files, "
        "where to look for their images.",
    ),
    Flag(key="masks", metavar="PATH", help="Folder of masks, paired with the images by name."),
    MASK_NAME,
    *COLUMNS,
    Flag(key="classes", metavar="FILE", help="Class map: TOML, JSON, or a classes.json."),
    MASK_VALUES,
    Flag(key="fold_case", help="Labels that differ only in case or spaces are one."),
    Flag(key="format", help="Annotation format; auto tells it by the keys of each file."),
    Flag(key="class_from", metavar="KEY", help="Take the class of a shape from this key."),
    Flag(
        key="allow_outside_images",
        help="Look at images outside of the sources where annotation files name them.",
    ),
    Flag(
        key="size_mismatch",
        help="If file and image disagree on the size: refuse, or scale equal ratios.",
    ),
    Flag(
        key="text_encoding",
        metavar="NAME",
        help="Code page of annotation files that are not UTF-8, such as gb18030.",
    ),
    Flag(key="split", metavar="FILE", help="Split file, to find images on both sides of it."),
    *REPORTING,
)


@with_flags
def check(
    sources: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="SOURCE",
            help="Annotation files or folders; or a data set, a folder with images/ and masks/, or "
            "a CSV table.",
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
    how: Annotated[Given, _HOW],
    overwrite: shared.Overwrite = False,
    as_json: shared.Json = False,
) -> None:
    """Look for what looks wrong in annotations, or in images with masks, before a training.

    Exit codes: 0 nothing was found, or nothing but notes; 1 something was; 2 wrong use.

    Example: maskforge check masks/ --out masks/check
    """
    from maskforge.checks.check import check as run
    from maskforge.checks.check_report import summary

    with progress() as update:
        report = run(sources or None, out, overwrite=overwrite, progress=update, **how)
    if as_json:
        print_json(report)
    else:
        say(replace_hidden(summary(report)))
        print_findings(report.findings)
        if out is not None:
            say(f"Look at it: {out}/check.html")
    raise typer.Exit(report.exit_code)


def print_findings(findings: Iterable[CheckFinding]) -> None:
    """Print what was found, what to do, and the first places."""
    from maskforge.checks.check_report import place_text

    for finding in findings:
        severity = finding.severity
        say(
            f"{severity}: {finding.code} ({len(finding.places)})",
            fg=_COLORS.get(severity),
            bold=True,
            nl=False,
        )
        say(f"  {finding.meaning}")
        for place in finding.places[:_PLACES]:
            say(replace_hidden(f"  {place_text(place)}"))
        if len(finding.places) > _PLACES:
            say(f"  ... and {len(finding.places) - _PLACES} more; --json names them")
        say(f"  what to do: {finding.advice}")
