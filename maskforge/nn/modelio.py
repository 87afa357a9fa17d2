"""Writing and reading the folder of a trained model; reading runs no code of the model's."""

from __future__ import annotations

import contextlib
import secrets
from pathlib import Path

import keras
import msgspec

from maskforge.errors import MaskforgeError, ModelError
from maskforge.files import unwritable
from maskforge.issues import Origin
from maskforge.nn.kerasfile import check_keras_file, digest_of, refuse_other_files
from maskforge.nn.modelfile import (
    WEIGHTS,
    ModelDescription,
    network_folder,
    read_description,
    write_description,
)
from maskforge.nn.networks import layers as _registered  # noqa: F401 - Keras must know its layers


def save_model(folder: Path, model: keras.Model, description: ModelDescription) -> ModelDescription:
    """Write a model into its folder, so that at any time an old or a new one is there whole.

    Args:
        folder: Made if missing.
        model: A ``keras.Model`` from (B, H, W, C) to probabilities (B, H, W, K) in float32.
        description: What must be known to use it.

    Returns:
        The description that was written, with the digest of the weights.

    Raises:
        ModelError: If model and description disagree on channels or classes.
        OutputError: If a file cannot be written.
    """
    path = folder / WEIGHTS
    check_shapes(model, description, Origin(path, ""))
    aside = path.with_name(f".{secrets.token_hex(4)}.{WEIGHTS}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            model.save(aside)
            described = msgspec.structs.replace(description, weights_digest=digest_of(aside))
            aside.replace(path)
        finally:
            with contextlib.suppress(OSError):
                aside.unlink(missing_ok=True)
    except OSError as error:
        if isinstance(error, MaskforgeError):
            raise
        raise unwritable(path, error) from None
    write_description(folder, described)
    return described


def load_model(path: Path) -> tuple[keras.Model, ModelDescription]:
    """Load a model and its description.

    Args:
        path: Folder of the model, or a file in it.

    Returns:
        The ``keras.Model``, which gives probabilities, and the description.

    Raises:
        ModelError: If there is no model, its weights are not those that the description is about,
            it holds code, or it does not fit its description.
    """
    refuse_other_files(path)
    folder = network_folder(path)
    description = read_description(folder)
    weights = folder / WEIGHTS
    origin = Origin(weights, "")
    check_keras_file(weights)
    if description.weights_digest and digest_of(weights) != description.weights_digest:
        raise ModelError(
            "is not the file that maskforge.json describes: its SHA-256 differs",
            origin=origin,
            hint="copy both files of the model again",
        )
    try:
        model = keras.saving.load_model(weights, compile=False, safe_mode=True)
    except MemoryError:
        raise
    except Exception as error:  # Keras raises whatever it runs into
        reason = str(error).strip().split("\n")[0][:300] or type(error).__name__
        raise ModelError(f"cannot be loaded: {reason}", origin=origin) from None
    check_shapes(model, description, origin)
    return model, description


def check_shapes(model: keras.Model, description: ModelDescription, origin: Origin) -> None:
    """Make sure that channels and classes of a network are those of its description.

    Raises:
        ModelError: Naming what differs.
    """
    inputs, outputs = getattr(model, "inputs", None), getattr(model, "outputs", None)
    if not inputs or not outputs or len(inputs) != 1 or len(outputs) != 1:
        raise ModelError("must have one input and one output", origin=origin)
    for what, tensor, expected in (
        ("input", inputs[0], description.scaling.channels),
        ("output", outputs[0], len(description.channel_ids)),
    ):
        shape = tuple(tensor.shape)
        if len(shape) != 4 or shape[-1] != expected:
            raise ModelError(
                f"has the {what} {shape}, the description says {expected} channels", origin=origin
            )
    if any(side is not None for side in inputs[0].shape[:3]):
        shape = tuple(inputs[0].shape)
        raise ModelError(
            f"takes {shape} only; height, width and batch must be left open", origin=origin
        )
