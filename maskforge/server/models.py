"""The models that are served, by name; newer ones take their places while they are used."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from maskforge.errors import MaskforgeError, ModelError, OptionError, listing
from maskforge.files import PathLike, as_source
from maskforge.nn.modelfile import DESCRIPTION, WEIGHTS, model_folder
from maskforge.prediction.model_options import ModelOptions
from maskforge.prediction.predictor import Predictor, load_as

_log = logging.getLogger("maskforge.server")


class ServedModel:
    """A model under a name.

    Attributes:
        name: Its name, unique among those that are served.
        predictor: The model as it is now. Whoever needs it twice keeps it: between two looks a
            newer one may have taken its place.
    """

    def __init__(self, name: str, path: Path, options: ModelOptions) -> None:
        """Load a model.

        Raises:
            MissingDependencyError: If a runtime is not installed.
            ModelError: If it cannot be used.
            OptionError: If the options do not fit it.
        """
        self.name = name
        self._folder = model_folder(path)
        self._options = options
        self._seen = self._signature()
        self._failed: tuple[object, ...] | None = None
        self.predictor = self._load()

    @property
    def options(self) -> ModelOptions:
        """How it is run."""
        return self._options

    @property
    def digest(self) -> str:
        """SHA-256 of its weights."""
        return self.predictor.description.weights_digest

    def refresh(self) -> bool:
        """Take up a newer model in the folder; one that cannot be used leaves the older in place.

        Returns:
            Whether there was one.
        """
        now = self._signature()
        if now == self._seen:
            return False
        try:
            newer = self._load()
        except Exception as error:
            if now != self._failed:  # its other half may still be written: it is tried once more
                self._failed = now
                return False
            self._seen = now
            known = isinstance(error, MaskforgeError)
            message = "%s: the newer model is not used: %s"
            _log.warning(message, self.name, error, exc_info=None if known else error)
            return False
        self._seen = now
        older, self.predictor = self.predictor, newer
        _log.info(
            "%s: a newer model is used, of %s; the older was of %s",
            self.name,
            newer.description.created,
            older.description.created,
        )
        return True

    def _load(self) -> Predictor:
        chosen = self._options
        loaded = load_as(self._folder, chosen)
        loaded.thresholds(chosen)  # refused now rather than image by image
        return loaded

    def _signature(self) -> tuple[object, ...]:
        """Return what changes when the files of the model do."""
        found: list[object] = []
        for name in (DESCRIPTION, WEIGHTS):
            try:
                status = (self._folder / name).stat()
            except OSError:
                found.append(None)
            else:
                found.append((status.st_mtime_ns, status.st_size, status.st_ino))
        return tuple(found)


class Models(Mapping[str, ServedModel]):
    """The models by name, in the order in which they were given; the first is the default."""

    def __init__(self, paths: Sequence[PathLike], options: ModelOptions) -> None:
        """Load the models; each has the name of its folder.

        Raises:
            MissingDependencyError: If a runtime is not installed.
            ModelError: If one cannot be used.
            OptionError: If two have one name.
        """
        self._models: dict[str, ServedModel] = {}
        for path in map(as_source, paths):
            name = model_folder(path).resolve().name
            if name in self._models:
                raise OptionError(
                    f"two models are called {name!r}", hint="rename the folder of one of them"
                )
            self._models[name] = ServedModel(name, path, options)

    def __getitem__(self, name: str) -> ServedModel:
        return self._models[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._models)

    def __len__(self) -> int:
        return len(self._models)

    def find(self, name: str | None) -> ServedModel:
        """Return a model by name, or the default.

        Raises:
            ModelError: If there is none of the name.
        """
        if name is None:
            return next(iter(self._models.values()))
        try:
            return self._models[name]
        except KeyError:
            raise ModelError(
                f"there is no model {name!r}", hint=f"there are: {listing(self._models)}"
            ) from None
