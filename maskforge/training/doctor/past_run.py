"""A run that was: how it went, and whether its data are what they were."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from maskforge.checks.base import CheckPlace
from maskforge.errors import MaskforgeError, TrainingError
from maskforge.examples.example import ExampleSet
from maskforge.examples.split import Split
from maskforge.examples.splitfile import SplitEntry, recorded_split, splits_of
from maskforge.examples.statistics import statistics_of
from maskforge.files import read_bytes
from maskforge.issues import Origin
from maskforge.nn.modelfile import ModelDescription, read_description
from maskforge.outputs.csvtable import read_table
from maskforge.training.run_folder import HISTORY, SPLIT, RunRecord, read_record


@dataclass(frozen=True, slots=True, kw_only=True)
class PastRun:
    """A run, or a fold of one.

    Attributes:
        folder: Its folder.
        name: Name of the fold; empty if there are no folds.
        record: Its record.
        history: Columns of its history by name, a number per epoch; NaN where there is none.
        description: Of its model; None if there is none.
    """

    folder: Path
    name: str
    record: RunRecord
    history: dict[str, list[float]]
    description: ModelDescription | None


def read_runs(folder: Path) -> tuple[PastRun, ...]:
    """Return a run, or its folds.

    Raises:
        TrainingError: If there is no run, or its files cannot be understood.
    """
    record = read_record(folder)
    if not record.folds:
        return (_read(folder, "", record),)
    there = [name for name in record.folds if (folder / name).is_dir()]
    return tuple(_read(folder / name, name, read_record(folder / name)) for name in there)


def _read(folder: Path, name: str, record: RunRecord) -> PastRun:
    description = None
    with contextlib.suppress(MaskforgeError):  # of a run that was ended early
        description = read_description(folder)
    return PastRun(
        folder=folder,
        name=name,
        record=record,
        history=_history(folder / HISTORY),
        description=description,
    )


def _history(path: Path) -> dict[str, list[float]]:
    if not path.is_file():
        return {}
    try:
        columns, rows = read_table(read_bytes(path).decode())
        return {name: [float(row[name] or "nan") for row in rows] for name in columns}
    except (OSError, ValueError) as error:
        raise TrainingError(
            f"is not the history of a run: {error}", origin=Origin(path, "")
        ) from None


def recorded(folder: Path, examples: ExampleSet) -> tuple[Sequence[Split], tuple[CheckPlace, ...]]:
    """Return the split of a run for the examples that are there now, and what has changed.

    Args:
        folder: Folder of the run.
        examples: The examples.

    Raises:
        TrainingError: If the run has no split.
        DatasetError: If its split cannot be understood.
    """
    record = recorded_split(folder / SPLIT)
    if record is None:
        raise TrainingError("holds no split of a run", origin=Origin(folder / SPLIT, ""))
    by_name = {one.name: one for one in examples}
    known = {one.name for one in record.examples}
    changed = [
        CheckPlace(name=one.name, message="is new, and in no part")
        for one in examples
        if one.name not in known
    ]
    there: list[SplitEntry] = []
    for entry in record.examples:
        one = by_name.get(entry.name)
        if one is None:
            changed.append(CheckPlace(name=entry.name, message=f"was in {entry.part}, and is gone"))
            continue
        there.append(entry)
        seen = statistics_of(one)
        for what, then, now in (
            ("image", entry.image, seen.image_digest),
            ("mask", entry.mask, seen.mask_digest),
        ):
            if then not in ("", now):
                place = CheckPlace(name=one.name, image=str(one.image), mask=str(one.mask))
                changed.append(place.saying(f"the {what} of {entry.part} is another one"))
    return splits_of(there, Origin(folder / SPLIT, "")), tuple(changed)
