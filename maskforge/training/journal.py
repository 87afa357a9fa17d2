"""The table of runs: a lab notebook of what was tried and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from maskforge.errors import TrainingError
from maskforge.issues import Origin
from maskforge.training.runfolder import RECORD, RunRecord, read_record


def compare_runs(folders: Sequence[Path]) -> list[RunRecord]:
    """Read the records of runs, the best validation Dice first.

    Args:
        folders: Folders of runs, or folders that hold some; folds of a cross-validation count as
            runs of their own.

    Raises:
        TrainingError: If a folder holds no run, or a record cannot be understood.
    """
    found: dict[Path, RunRecord] = {}
    for folder in folders:
        runs = sorted({path.parent for path in folder.rglob(RECORD)})
        if not runs:
            raise TrainingError(
                "holds no run",
                origin=Origin(folder, ""),
                hint="name a folder that `maskforge train` wrote",
            )
        for run in runs:
            record = read_record(run)
            if not record.folds:  # its folds stand for it
                record.name = run.name if run == folder else run.relative_to(folder).as_posix()
                found.setdefault(run.resolve(), record)
    # Undefined scores last; of equal ones, the name decides.
    return sorted(found.values(), key=lambda one: (-(one.validation.dice or -1.0), one.name))
