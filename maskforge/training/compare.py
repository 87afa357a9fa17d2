"""The table of runs: a lab notebook of what was tried and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from maskforge.errors import TrainingError
from maskforge.evaluation.measures.possible import why_impossible
from maskforge.files import RECORD, PathLike, as_paths, as_source
from maskforge.issues import Origin
from maskforge.training.run_folder import RunRecord, Scores, read_record


def compare_runs(
    folders: PathLike | Iterable[PathLike],
    *,
    problem: Callable[[TrainingError], None] | None = None,
) -> list[RunRecord]:
    """Read the records of runs, the best validation Dice first.

    Args:
        folders: A folder of a run, or one that holds some; or several of them. A cross-validation
            counts as a run, with the mean scores of its folds, and so does each of its folds.
        problem: Takes an error about a folder, and the others are read nonetheless.

    Raises:
        TrainingError: If a folder holds no run, or a record cannot be understood or has scores that
            no masks can have together, and ``problem`` is None.

    Examples:
        >>> [(run.name, run.state) for run in mf.compare_runs("runs")]
        [('caries', 'finished')]
    """
    found: dict[Path, RunRecord] = {}
    for folder in map(as_source, as_paths(folders)):
        runs = sorted({path.parent for path in folder.rglob(RECORD)})
        if not runs:
            _tell(_no_run(folder), problem)
        for run in runs:
            try:
                record = read_record(run)
                _check_scores(run, record)
            except TrainingError as error:
                _tell(error, problem)
                continue
            record.name = run.name if run == folder else run.relative_to(folder).as_posix()
            found.setdefault(run.resolve(), record)
    return sorted(found.values(), key=_rank)


def _check_scores(run: Path, record: RunRecord) -> None:
    """Make sure that the scores of a run can be of one prediction.

    Raises:
        TrainingError: Naming those that cannot.
    """
    for part in ("train", "validation"):
        scores: Scores = getattr(record, part)
        named = scores.class_dice.keys() | scores.class_iou.keys()
        pairs = [("", scores.dice, scores.iou, True)] + [
            (name, scores.class_dice.get(name), scores.class_iou.get(name), bool(record.folds))
            for name in sorted(named)
        ]
        for name, dice, iou, is_mean in pairs:
            why = why_impossible(dice, iou, is_mean=is_mean)
            if why:
                raise TrainingError(
                    f"has scores of {name or 'the mean'} that no masks can have: {why}",
                    origin=Origin(run / RECORD, f"$.{part}"),
                    hint="somebody or something has changed the file: train or evaluate again",
                )


def _rank(record: RunRecord) -> tuple[float, str]:
    dice = record.validation.dice
    return (1.0 if dice is None else -dice, record.name)


def _no_run(folder: Path) -> TrainingError:
    return TrainingError(
        "holds no run" if folder.exists() else "does not exist",
        origin=Origin(folder, ""),
        hint="name a folder that `maskforge train` wrote",
    )


def _tell(error: TrainingError, problem: Callable[[TrainingError], None] | None) -> None:
    if problem is None:
        raise error
    problem(error)
