"""Writing checkpoints while the training goes on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any

from numpy.typing import NDArray

from maskforge.training.loop.checkpoint import Checkpoint, pack, save_checkpoint
from maskforge.training.run_folder import CHECKPOINT, HISTORY, Epoch, write_history


class CheckpointWriter:
    """Writes checkpoint and history of a run in a thread, one after the other.

    The history follows its checkpoint, so that it is never ahead of it. Leaving the context waits
    for the last of them.

    Args:
        folder: Folder of the run.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="checkpoint")
        self._writing: Future[None] | None = None

    def wait(self) -> None:
        """Wait until everything is in its file.

        Raises:
            OutputError: If it cannot be written.
        """
        if self._writing is not None:
            writing, self._writing = self._writing, None
            writing.result()

    def begin(self, checkpoint: Checkpoint) -> None:
        """Begin to write a checkpoint; its progress may change meanwhile, its arrays may not.

        Raises:
            OutputError: If the one before could not be written.
        """
        self.wait()
        history = tuple(checkpoint.progress.history)
        self._writing = self._pool.submit(self._write, pack(checkpoint), history)

    def _write(self, arrays: Mapping[str, NDArray[Any]], history: Sequence[Epoch]) -> None:
        save_checkpoint(self._folder / CHECKPOINT, arrays)
        write_history(self._folder / HISTORY, history)

    def __enter__(self) -> CheckpointWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._pool.shutdown()
        if error is None:
            self.wait()
