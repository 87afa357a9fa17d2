"""The folder of a training run: its files, its record and its history."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

import msgspec

from maskforge import files
from maskforge.display.brief import Brief
from maskforge.display.table import Table, as_html
from maskforge.errors import OutputExistsError, TrainingError
from maskforge.files import CONFIG, LOCK, OVERLAYS, RECORD, dump_record, unwritable, write_whole
from maskforge.issues import Origin
from maskforge.masks.post_processing import PostProcessing, in_words
from maskforge.nn.modelfile import DESCRIPTION, WEIGHTS
from maskforge.outputs.csvtable import write_table
from maskforge.outputs.folder import OutputFolder
from maskforge.outputs.links import check_links, is_link

SCHEMA = 1
SPLIT = "split.json"
HISTORY = "history.csv"
CURVES = "curves.png"
CHECKPOINT = "checkpoint.npz"
UNFINISHED_CHECKPOINT = "checkpoint.part"
TENSORBOARD = "tensorboard"

_FILES = (
    CONFIG,
    SPLIT,
    HISTORY,
    CURVES,
    CHECKPOINT,
    UNFINISHED_CHECKPOINT,
    WEIGHTS,
    DESCRIPTION,
    RECORD,
    ".*.????????.part",
)
OVERLAY_NAMES = ("best-*.png", "worst-*.png", ".*.????????.part")
_EVENTS = ("events.out.tfevents.*",)
"""Names of the files that a run writes."""


class Scores(msgspec.Struct, frozen=True, kw_only=True):
    """Scores of one epoch on one part of the examples; None where undefined.

    Attributes:
        dice: Mean Dice of the foreground classes.
        iou: Mean IoU of the foreground classes.
        accuracy: Share of pixels that are right.
        class_dice: Dice per foreground class.
        class_iou: IoU per foreground class.
    """

    dice: float | None = None
    iou: float | None = None
    accuracy: float | None = None
    class_dice: dict[str, float | None] = {}
    class_iou: dict[str, float | None] = {}


class RunRecord(Brief, msgspec.Struct, kw_only=True):
    """What a run was and how it went: ``run.json``.

    Attributes:
        schema: Version of this document.
        name: Name of the run's folder.
        state: ``running``, ``finished``, ``interrupted``, ``failed``, or ``stopped`` by a search
            that had seen enough.
        network: Architecture, preset or encoder.
        init: Folder of the model whose weights the training began with; empty for random ones.
        init_digest: SHA-256 of these weights.
        parameters: Number of weights.
        augmentation: Preset, and whether it was changed.
        head: ``softmax`` or ``sigmoid``.
        loss: The loss.
        precision: Of the computation.
        backend: Backend of Keras and the devices.
        examples: Number of examples per part.
        classes: Names of the classes.
        epochs: Epochs that were finished.
        best_epoch: Epoch whose weights were kept, from 1; 0 if none is better than the initial
            weights.
        train: Scores of the best epoch on the batches of the training.
        validation: Scores of the best epoch on whole validation images, post-processed.
        post_processing: What was chosen for the regions of a class, by class name.
        seconds: Duration of all sittings; of one that was killed, up to its last whole epoch.
        peak_memory: Most bytes held, on the GPU if there is one (on JAX, trials of kernels while
            it compiled included); 0 if unknown.
        images_per_second: Images or crops per second of training, without validation.
        warnings: What looked wrong.
        folds: Folders of the folds of a cross-validation.
    """

    schema: int = SCHEMA
    name: str
    state: str = "running"
    network: str = ""
    init: str = ""
    init_digest: str = ""
    parameters: int = 0
    augmentation: str = ""
    head: str = ""
    loss: str = ""
    precision: str = ""
    backend: str = ""
    examples: dict[str, int] = {}
    classes: list[str] = []
    epochs: int = 0
    best_epoch: int = 0
    train: Scores = Scores()
    validation: Scores = Scores()
    post_processing: dict[str, PostProcessing] = {}
    seconds: float = 0.0
    peak_memory: int = 0
    images_per_second: float = 0.0
    warnings: list[str] = []
    folds: list[str] = []

    def _repr_html_(self) -> str:
        said = (*in_words(self.post_processing), *self.warnings)
        return as_html((runs_table([self]), best_epoch(self), *said))


def runs_table(records: Sequence[RunRecord]) -> Table:
    """Return a row for every run, with the scores of training and validation."""
    return Table(
        "Runs (scores of the best epoch: training / validation)",
        ("run", "network", "augmentation", "loss", "Dice", "IoU", "accuracy", "epoch", "time"),
        [
            (
                _run_name(one),
                one.network,
                one.augmentation,
                one.loss,
                *(
                    f"{_score(getattr(one.train, name))} / {_score(getattr(one.validation, name))}"
                    for name in ("dice", "iou", "accuracy")
                ),
                f"{one.best_epoch or ('0' if one.init else '-')} of {one.epochs}",
                f"{one.seconds / 60:.1f} min",
            )
            for one in records
        ],
    )


def best_epoch(record: RunRecord) -> Table:
    """Return the scores of every class on the validation examples; no rows if none is defined."""
    scores = record.validation
    defined = any(dice is not None for dice in scores.class_dice.values())
    title = f"Best epoch {record.best_epoch} on the validation examples"
    if record.folds:
        title = f"Mean of {len(record.folds)} folds, each on its own validation examples"
    return Table(
        title,
        ("class", "Dice", "IoU"),
        [
            (name, _precise(dice), _precise(scores.class_iou.get(name)))
            for name, dice in scores.class_dice.items()
            if defined
        ],
    )


def _run_name(record: RunRecord) -> str:
    notes = [f"mean of {len(record.folds)} folds"] if record.folds else []
    notes += [] if record.state == "finished" else [record.state]
    return f"{record.name} ({', '.join(notes)})" if notes else record.name


def _score(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _precise(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.4f}"


class TrainingStopped(Exception):  # noqa: N818 - nothing is wrong
    """Ends a training in good order, without a model; whoever watches it raises it."""


class Epoch(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the history.

    Attributes:
        epoch: Number, from 1.
        loss: Mean loss of the steps.
        learning_rate: At the end of the epoch.
        seconds: Duration with validation.
        train: Scores on the batches.
        validation: Scores on whole validation images; None if there was no validation.
    """

    epoch: int
    loss: float
    learning_rate: float
    seconds: float
    train: Scores
    validation: Scores | None = None


def check_run_folder(folder: OutputFolder, *, overwrite: bool) -> None:
    """Make sure that a run can be written into a folder without harm to anything else.

    Raises:
        OutputExistsError: If the folder holds anything, and it is not an earlier run or
            ``overwrite`` is not set.
        OutputError: If a folder of results is a link.
    """
    check_run_links(folder.path)
    if all(one.name == LOCK for one in folder.path.iterdir()):
        return
    is_run = folder.is_abandoned or all((folder.path / one).is_file() for one in (CONFIG, RECORD))
    if not is_run or not overwrite:
        raise OutputExistsError(
            "already holds a run" if is_run else "exists, and is not a run of maskforge",
            origin=Origin(folder.path, ""),
            hint="choose another folder, continue it with --resume, or replace it with --overwrite"
            if is_run
            else "choose another folder",
        )


def check_run_links(folder: Path) -> None:
    """Make sure that a run writes through no link.

    Raises:
        OutputError: If a folder of results is one.
    """
    for place in (folder, *_folds(folder)):
        check_links(place, (OVERLAYS, TENSORBOARD, *(one.name for one in _folds(place))))


def _folds(folder: Path) -> list[Path]:
    return [one for one in folder.glob("fold-*") if one.name.removeprefix("fold-").isdecimal()]


def remove_run(folder: Path) -> None:
    """Remove what an earlier run wrote, by its name; everything else in the folder stays.

    Raises:
        OutputError: If a file cannot be removed.
    """
    try:
        for place in (*_folds(folder), folder):
            for inner, patterns in ((OVERLAYS, OVERLAY_NAMES), (TENSORBOARD, _EVENTS)):
                for path, _, _ in os.walk(place / inner, topdown=False):  # follows no link
                    remove_named(Path(path), patterns)
                    with contextlib.suppress(OSError):  # other files are in it
                        Path(path).rmdir()
            remove_named(place, _FILES)
            if place != folder:
                with contextlib.suppress(OSError):
                    place.rmdir()
    except OSError as error:
        raise unwritable(folder, error) from None


def remove_named(folder: Path, patterns: Collection[str]) -> None:
    """Remove the files of a folder whose names fit one of the patterns, the record last.

    Raises:
        OSError: If one cannot be removed.
    """
    # Until the record goes, the folder is known as that of a run.
    for path in sorted(folder.iterdir(), key=lambda one: one.name == RECORD):
        is_ours = any(fnmatchcase(path.name, one) for one in patterns)
        if is_ours and path.is_file() and not is_link(path):
            path.unlink()


def write_record(folder: Path, record: RunRecord) -> None:
    """Write the record of a run.

    Raises:
        OutputError: If it cannot be written.
    """
    write_whole(folder / RECORD, dump_record(record))


def read_record(folder: Path) -> RunRecord:
    """Read the record of a run.

    Raises:
        TrainingError: If there is none, or it cannot be understood.
    """
    return files.read_record(
        folder / RECORD,
        RunRecord,
        TrainingError,
        what="the record of a run",
        hint="name a folder that `maskforge train` wrote",
    )


def write_history(path: Path, epochs: Sequence[Epoch]) -> None:
    """Write the history of a run as CSV, one line per epoch.

    Raises:
        OutputError: If it cannot be written.
    """
    rows = [_row(one) for one in epochs]
    columns = dict.fromkeys(name for row in rows for name in row)
    write_whole(path, write_table(rows, list(columns)))


def _row(epoch: Epoch) -> Mapping[str, object]:
    row: dict[str, object] = {
        "epoch": epoch.epoch,
        "loss": f"{epoch.loss:.6g}",
        "learning_rate": f"{epoch.learning_rate:.6g}",
        "seconds": f"{epoch.seconds:.2f}",
    }
    for part, scores in (("train", epoch.train), ("validation", epoch.validation)):
        if scores is None:
            continue
        single = {"dice": scores.dice, "iou": scores.iou, "accuracy": scores.accuracy}
        per_class = {
            f"{measure}.{name}": value
            for measure, values in (("dice", scores.class_dice), ("iou", scores.class_iou))
            for name, value in values.items()
        }
        for name, value in (single | per_class).items():
            row[f"{part}_{name}"] = "" if value is None else f"{value:.6f}"
    return row
