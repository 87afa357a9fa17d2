"""A model as other processes come to it: they load it, and keep it for their next task."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from maskforge.choices import FoldWeights, ModelPrecision
from maskforge.choices import Runtime as RuntimeName
from maskforge.errors import MaskforgeError, ModelError, OptionError
from maskforge.issues import Origin
from maskforge.prediction.model_options import ModelOptions
from maskforge.prediction.predictor import Predictor


class NotLoadedError(ModelError):
    """A worker cannot use the model; that will be so for every image."""


@dataclass(frozen=True, slots=True)
class ModelSource:
    """A model that any process can load.

    Attributes:
        folder: Its folder.
        digest: SHA-256 of its weights.
        runtime: What it runs in, as ``Runtime.name``.
        precision: What it computes in.
        fold_weights: How the networks of a cross-validation are weighed.
    """

    folder: Path
    digest: str
    runtime: str
    precision: str
    fold_weights: FoldWeights

    @classmethod
    def of(cls, model: Predictor, options: ModelOptions) -> ModelSource:
        """Return how to load a model again that was loaded with options."""
        return cls(
            model.folder.absolute(),
            model.description.weights_digest,
            model.runtime.name,
            model.runtime.precision,
            options.fold_weights if model.description.members else "equal",
        )

    def load(self) -> Predictor:
        """Return the model, which this process may have loaded already.

        Raises:
            NotLoadedError: If it cannot be loaded here, is another one, or runs otherwise.
        """
        with _turn:
            if self not in _models:
                model = self._loaded()
                options = ModelOptions(fold_weights=self.fold_weights)
                if ModelSource.of(model, options) != self:
                    raise self._error("it is another one there, or runs otherwise")
                if len(_models) == _MOST_HELD:
                    _models.clear()
                _models[self] = model
            return _models[self]

    def _loaded(self) -> Predictor:
        name = cast("RuntimeName", self.runtime.partition("-")[0])
        precision = cast("ModelPrecision", self.precision)
        try:
            return Predictor.load(
                self.folder, runtime=name, precision=precision, fold_weights=self.fold_weights
            )
        except MaskforgeError as error:
            raise self._error(error.message) from None

    def _error(self, reason: str) -> NotLoadedError:
        return NotLoadedError(
            f"cannot be used by a worker: {reason}",
            origin=Origin(self.folder, ""),
            hint="have the same folder and the same packages on all machines",
        )


_MOST_HELD = 10
"""Models: a cross-validation has one for each fold."""

_models: dict[ModelSource, Predictor] = {}
_turn = threading.Lock()


def check_again(model: object) -> None:
    """Make sure that others can load a model as it was loaded.

    Raises:
        OptionError: If nobody knows how.
    """
    if isinstance(model, Predictor) and model.description.members:
        raise OptionError(
            "the networks of a cross-validation are loaded by each worker of a Dask cluster",
            hint="give the folder of the run instead of a predictor",
        )
