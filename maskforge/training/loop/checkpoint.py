"""The state of a training in one file, so that it can go on as if nothing had happened."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import msgspec
import numpy as np
from numpy.typing import NDArray

from maskforge.errors import TrainingError
from maskforge.files import open_regular, unwritable
from maskforge.issues import Origin
from maskforge.training.diagnostics import Watch
from maskforge.training.run_folder import UNFINISHED_CHECKPOINT, Epoch

Arrays = list[NDArray[Any]]


class Progress(msgspec.Struct, kw_only=True):
    """What a training has come to, without its arrays.

    Attributes:
        history: The epochs that were finished.
        best_epoch: Number of the best of them, from 1; 0 if none was better than the beginning.
        best_score: Its score; None if undefined.
        waited: Validations since then.
        seconds: Duration of all sittings.
        warnings: What looked wrong.
        watch: What was looked at for that.
    """

    history: list[Epoch] = []
    best_epoch: int = 0
    best_score: float | None = None
    waited: int = 0
    seconds: float = 0.0
    warnings: list[str] = []
    watch: Watch = msgspec.field(default_factory=Watch)


@dataclass(slots=True)
class Checkpoint:
    """Where a training was left, or begins.

    Attributes:
        progress: What it has come to.
        state: Values of ``state_of``; empty before the first epoch.
        best: Weights of the best epoch; empty if there is none.
    """

    progress: Progress
    state: Arrays = field(default_factory=list)
    best: Arrays = field(default_factory=list)


def state_of(model: keras.Model) -> list[keras.Variable]:
    """Return everything that a step changes: weights, random states, and the optimizer."""
    return [*model.variables, *model.optimizer.variables]


def arrays_of(variables: Sequence[keras.Variable]) -> Arrays:
    """Return copies of the values of variables, in the memory of the host."""
    return [keras.ops.convert_to_numpy(one.value) for one in variables]


def assign(variables: Sequence[keras.Variable], arrays: Sequence[NDArray[Any]]) -> None:
    """Give variables the values of arrays."""
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)


def pack(checkpoint: Checkpoint) -> Mapping[str, NDArray[Any]]:
    """Return what the file of a checkpoint holds: its arrays, and its progress as it is now."""
    arrays = {f"state_{index}": array for index, array in enumerate(checkpoint.state)}
    arrays |= {f"best_{index}": array for index, array in enumerate(checkpoint.best)}
    arrays["progress"] = np.frombuffer(msgspec.json.encode(checkpoint.progress), dtype=np.uint8)
    return arrays


def save_checkpoint(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write a checkpoint; the one before stays until the new one is whole.

    Args:
        path: The file.
        arrays: The checkpoint as ``pack`` returns it.

    Raises:
        OutputError: If it cannot be written.
    """
    unfinished = path.with_name(UNFINISHED_CHECKPOINT)
    try:
        unfinished.unlink(missing_ok=True)
        with unfinished.open("xb") as stream:
            np.savez(stream, allow_pickle=False, **arrays)
            stream.flush()
            os.fsync(stream.fileno())
        unfinished.replace(path)
    except OSError as error:
        raise unwritable(path, error) from None


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint as it was saved.

    Raises:
        TrainingError: If it cannot be read, or is damaged.
    """
    try:
        with open_regular(path) as stream, np.load(stream, allow_pickle=False) as arrays:
            progress = msgspec.json.decode(arrays["progress"].tobytes(), type=Progress)
            state, best = (
                [arrays[f"{kind}_{index}"] for index in range(_count(arrays.files, kind))]
                for kind in ("state", "best")
            )
    except Exception as error:  # NumPy raises whatever it runs into
        raise _refusal(f"is not a checkpoint: {error or type(error).__name__}", path) from None
    is_there = 0 <= progress.best_epoch <= len(progress.history)
    if not is_there or (progress.best_epoch and not best):
        raise _refusal("contradicts itself: it does not hold its best epoch", path)
    return Checkpoint(progress, state, best)


def _refusal(reason: str, path: Path) -> TrainingError:
    return TrainingError(reason, origin=Origin(path, ""), hint="start anew with --overwrite")


def _count(names: Sequence[str], kind: str) -> int:
    return sum(name.startswith(f"{kind}_") for name in names)


def restore(path: Path, model: keras.Model, state: Arrays) -> None:
    """Put a model and its optimizer into a saved state.

    Raises:
        TrainingError: If the state is that of another network.
    """
    model.optimizer.build(model.trainable_variables)
    variables = state_of(model)
    check_fit(path, variables, state)
    assign(variables, state)


def check_fit(path: Path, variables: Sequence[keras.Variable], arrays: Arrays) -> None:
    """Make sure that saved values are those of certain variables.

    Raises:
        TrainingError: If they are those of another network, or no numbers.
    """
    shapes = [tuple(one.shape) for one in variables]
    are_numbers = all(one.dtype.kind in "fiub" for one in arrays)
    if shapes != [one.shape for one in arrays] or not are_numbers:
        raise _refusal("was written by another network, or by another version of Keras", path)
