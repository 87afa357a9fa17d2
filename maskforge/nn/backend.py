"""Starting Keras on a backend: what must happen before anything else here is imported."""

from __future__ import annotations

import importlib.util
import os
import sys
from typing import get_args

from maskforge.choices import Backend
from maskforge.errors import MissingDependencyError, OptionError

_ORDER = ("tensorflow", "jax", "torch")


def start(backend: Backend = "auto") -> str:
    """Import Keras on a backend.

    Must be called before any other module of this package is imported. The order is: ``backend``,
    the environment variable ``KERAS_BACKEND``, the first that is installed of TensorFlow, JAX and
    PyTorch.

    Returns:
        The name of the backend.

    Raises:
        MissingDependencyError: If Keras or the backend is not installed.
        OptionError: If Keras already runs on another backend.
    """
    if importlib.util.find_spec("keras") is None:
        raise _missing("Keras")
    if "keras" in sys.modules:
        running = str(sys.modules["keras"].config.backend())
        if backend not in ("auto", running):
            raise OptionError(
                f"Keras already runs on {running}, so {backend} cannot be used",
                hint=f"set the environment variable KERAS_BACKEND={backend} before the start",
            )
        return running
    chosen = backend if backend != "auto" else os.environ.get("KERAS_BACKEND", "")
    if not chosen:
        installed = [name for name in _ORDER if importlib.util.find_spec(name)]
        if not installed:
            raise _missing("a backend of Keras")
        chosen = installed[0]
    if chosen not in get_args(Backend):
        raise OptionError(
            f"{chosen!r} is no backend that maskforge uses", hint=f"use one of {', '.join(_ORDER)}"
        )
    if importlib.util.find_spec(chosen) is None:
        raise _missing(chosen)
    os.environ["KERAS_BACKEND"] = chosen
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # else TensorFlow's first words are warnings
    import keras

    return str(keras.config.backend())


def _missing(what: str) -> MissingDependencyError:
    return MissingDependencyError(
        f"{what} is not installed", hint="install it with: pip install 'maskforge[train]'"
    )
