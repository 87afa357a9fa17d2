"""A network in its runtime: errors of one family, and nothing but probabilities."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from maskforge.errors import MaskforgeError, ModelError
from maskforge.issues import Origin
from maskforge.prediction.runtimes.base import Runtime
from maskforge.prediction.tiling import Floats

_ROUNDING = 1e-3
"""By how much probabilities may leave 0 to 1."""


class NoProbabilitiesError(ModelError):
    """What a network gives is not probabilities; that will be so for every image."""


class Network:
    """Runs a network; several threads may use it at once.

    Attributes:
        runtime: What it runs in.
    """

    def __init__(self, folder: Path, runtime: Runtime, channels: int) -> None:
        """Take a network.

        Args:
            folder: Of the model.
            runtime: What it runs in.
            channels: Of its output.
        """
        self.runtime = runtime
        self._folder = folder
        self._channels = channels
        self._turn: AbstractContextManager[Any] = (
            contextlib.nullcontext() if runtime.parallel else threading.Lock()
        )

    def infer(self, batch: Floats) -> Floats:
        """Run the network over a batch (B, H, W, C), and check what it gives.

        Raises:
            ModelError: If it cannot be run, or gives no probabilities.
        """
        with self._errors(), self._turn:
            result = self.runtime.infer(batch)
        return self._checked(result, batch)

    def start(self, batch: Floats) -> Callable[[], Floats]:
        """Begin to run the network over a batch, in the background if the runtime can do so.

        Returns:
            Waits for the result, checks and returns it.

        Raises:
            ModelError: If it cannot be run.
        """
        if self.runtime.start is None:
            return partial(self.infer, batch)
        with self._errors():
            wait = self.runtime.start(batch)

        def result() -> Floats:
            with self._errors():
                found = wait()
            return self._checked(found, batch)

        return result

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        """Turn whatever a runtime raises into an error of the family."""
        try:
            yield
        except (MaskforgeError, MemoryError):
            raise
        except Exception as error:  # each runtime raises what it likes
            reason = " ".join(str(error).split())[:300] or type(error).__name__
            raise ModelError(
                f"cannot be predicted: {reason}", origin=Origin(self._folder, "")
            ) from None

    def _checked(self, result: Any, batch: Floats) -> Floats:  # noqa: ANN401 - of a runtime
        """Return what a network gives if it is probabilities.

        Raises:
            NoProbabilitiesError: If it is not.
        """
        shape = (*batch.shape[:3], self._channels)
        if isinstance(result, np.ndarray) and result.shape == shape and result.dtype.kind == "f":
            low, high = result.min(), result.max()  # not a number if any is
            if low >= -_ROUNDING and high <= 1 + _ROUNDING:
                return result
            found = f"numbers from {low:.3g} to {high:.3g}"
        else:
            found = f"an array {np.shape(result)} instead of {shape}"
        raise NoProbabilitiesError(
            f"the network gives no probabilities, but {found}",
            origin=Origin(self._folder, ""),
            hint="its weights or its description are damaged: copy the model again, or train anew",
        )
