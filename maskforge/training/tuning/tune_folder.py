"""The folder of a search: its files, what goes on in it, and what is removed."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path

from maskforge.errors import OptionError, OutputExistsError, listing, shorten
from maskforge.files import CONFIG, LOCK, OVERLAYS, unwritable
from maskforge.issues import Origin
from maskforge.nn.modelfile import DESCRIPTION, WEIGHTS
from maskforge.outputs.folder import OutputFolder
from maskforge.outputs.links import check_links, is_link
from maskforge.training.run_folder import (
    CHECKPOINT,
    OVERLAY_NAMES,
    SPLIT,
    UNFINISHED_CHECKPOINT,
    check_run_links,
    remove_named,
    remove_run,
)
from maskforge.training.tuning.tune_report import REPORT

STUDY = "study.db"
TRIALS = "trials"
BEST = "best"

_FILES = (STUDY, f"{STUDY}-*", CONFIG, SPLIT, REPORT, ".*.????????.part")
_MODEL = (WEIGHTS, DESCRIPTION, CHECKPOINT, UNFINISHED_CHECKPOINT)


def trial_folder(folder: Path, number: int) -> Path:
    """Return the folder of a trial in that of its search."""
    return folder / TRIALS / f"{number:04}"


def begin_folder(folder: OutputFolder, *, overwrite: bool) -> None:
    """Make sure that a search can begin or go on in a folder without harm to anything else.

    Args:
        folder: The folder.
        overwrite: Whether an earlier search is removed.

    Raises:
        OutputExistsError: If the folder holds anything that is not a search.
        OutputError: If a folder of results is a link, or a file cannot be removed.
    """
    path = folder.path
    check_links(path, (TRIALS, BEST))
    for one in _runs(path):
        check_links(one.parent, (one.name,))
        check_run_links(one)
    if all(one.name == LOCK for one in path.iterdir()):
        return
    if not (path / STUDY).is_file():
        raise OutputExistsError(
            "exists, and is not a search of maskforge",
            origin=Origin(path, ""),
            hint="choose another folder",
        )
    if overwrite:
        for one in _runs(path):
            remove_run(one)
        try:
            for place in (*_runs(path), path / TRIALS):
                with contextlib.suppress(OSError):  # other files are in it
                    place.rmdir()
            # Until the study goes, the folder is known as that of a search.
            remove_named(path, _FILES[2:])
            remove_named(path, _FILES)
        except OSError as error:
            raise unwritable(path, error) from None


def _runs(folder: Path) -> list[Path]:
    trials = [one for one in (folder / TRIALS).glob("*") if one.name.isdecimal()]
    return [one for one in (*trials, folder / BEST) if one.is_dir() or is_link(one)]


def check_same(what: str, known: Mapping[str, object], now: Mapping[str, object], at: Path) -> None:
    """Make sure that a search goes on with what it began with.

    Raises:
        OptionError: Naming what differs.
    """
    different = [
        f"{key} was {_called(known.get(key))} and is {_called(now.get(key))}"
        for key in sorted(known.keys() | now.keys())
        if known.get(key) != now.get(key)
    ]
    if different:
        raise OptionError(
            f"{what} differs from that of the search in this folder: {listing(different)}",
            origin=Origin(at, ""),
            hint="give the options that it began with, choose another folder, or start anew with "
            "--overwrite",
        )


def _called(value: object) -> str:
    return "not given" if value is None else shorten(value)


def keep_models(folder: Path, kept: Collection[int]) -> None:
    """Remove the models of all trials but some; how they were made and came out stays.

    Raises:
        OutputError: If a file cannot be removed.
    """
    names = {f"{number:04}" for number in kept}
    for one in _runs(folder):
        if one.name not in names and one.name != BEST:
            try:
                remove_named(one, _MODEL)
                if (one / OVERLAYS).is_dir():
                    remove_named(one / OVERLAYS, OVERLAY_NAMES)
                    with contextlib.suppress(OSError):  # other files are in it
                        (one / OVERLAYS).rmdir()
            except OSError as error:
                raise unwritable(one, error) from None


def copy_best(folder: Path, number: int) -> None:
    """Make the folder of the best trial what the folder ``best`` holds.

    Raises:
        OutputError: If a file cannot be written.
    """
    best = folder / BEST
    try:
        if best.is_dir():
            remove_run(best)
        shutil.copytree(trial_folder(folder, number), best, dirs_exist_ok=True)
    except OSError as error:
        raise unwritable(best, error) from None
