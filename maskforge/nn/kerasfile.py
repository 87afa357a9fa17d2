"""Making sure that a ``.keras`` file is data: numbers and a plan of known layers, never code."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from maskforge.errors import ModelError, shorten
from maskforge.files import open_regular
from maskforge.issues import Origin

_MEMBERS = {"metadata.json", "config.json", "model.weights.h5"}
_LARGEST_CONFIG = 64 * 2**20
_LARGEST_WEIGHTS = 16 * 2**30
_LARGEST_RATIO = 100  # of unpacked to packed weights; trained numbers hardly shrink
_SMALL_WEIGHTS = 16 * 2**20  # below that the ratio does not matter

# Layers that carry code, or run a file of their own.
_FORBIDDEN = {"Lambda", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer"}

_NOT_KERAS = {
    ".h5": "the old HDF5 format, which may hold code",
    ".hdf5": "the old HDF5 format, which may hold code",
    ".pkl": "a pickle, which runs code when it is opened",
    ".pickle": "a pickle, which runs code when it is opened",
    ".pt": "a PyTorch pickle, which runs code when it is opened",
    ".pth": "a PyTorch pickle, which runs code when it is opened",
    ".ckpt": "a checkpoint, which may be a pickle",
    ".joblib": "a pickle, which runs code when it is opened",
    ".py": "a program",
    ".pb": "a SavedModel, which maskforge does not read",
}

_HINT = "name a folder that `maskforge train` wrote"


def refuse_other_files(path: Path) -> None:
    """Say why a file of another kind is no model for maskforge.

    Raises:
        ModelError: If the suffix is that of a model file that is not a ``.keras`` file.
    """
    reason = _NOT_KERAS.get(path.suffix.lower())
    if reason is not None:
        raise ModelError(f"is {reason}", origin=Origin(path, ""), hint=_HINT)


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file.

    Raises:
        ModelError: If it cannot be read.
    """
    try:
        with open_regular(path) as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(
            f"cannot be read: {error.strerror or error}", origin=Origin(path, "")
        ) from None


def check_keras_file(path: Path) -> None:
    """Make sure that a file can be loaded without running code that it brings along.

    Raises:
        ModelError: If it is not a ``.keras`` archive, holds other files than Keras writes, unpacks
            to far more than its size, or names layers or functions that neither Keras nor maskforge
            has.
    """
    origin = Origin(path, "")
    refuse_other_files(path)
    try:
        with open_regular(path) as stream, zipfile.ZipFile(stream) as archive:
            _check_members(archive, origin)
            config = json.loads(archive.read("config.json"))
    except OSError as error:
        raise ModelError(f"cannot be read: {error.strerror or error}", origin=origin) from None
    except (zipfile.BadZipFile, ValueError, RecursionError, NotImplementedError) as error:
        raise ModelError(f"is not a .keras file: {error}", origin=origin, hint=_HINT) from None
    try:
        for part in _parts(config):
            _check_part(part, origin)
    except RecursionError:
        raise ModelError("is nested too deeply", origin=origin) from None


def _check_members(archive: zipfile.ZipFile, origin: Origin) -> None:
    members = {one.filename: one for one in archive.infolist()}
    surplus = sorted(set(members) - _MEMBERS)
    missing = sorted(_MEMBERS - {"metadata.json"} - set(members))
    if surplus or missing or len(members) < len(archive.infolist()):
        found = f"holds {shorten(surplus[0])}" if surplus else f"lacks {', '.join(missing)}"
        raise ModelError(f"is not a .keras file of a network: {found}", origin=origin, hint=_HINT)
    for name, limit in (
        ("config.json", _LARGEST_CONFIG),
        ("metadata.json", _LARGEST_CONFIG),
        ("model.weights.h5", _LARGEST_WEIGHTS),
    ):
        if name not in members:
            continue
        size, packed = members[name].file_size, members[name].compress_size
        if size > limit or size > max(_SMALL_WEIGHTS, _LARGEST_RATIO * packed):
            raise ModelError(
                f"unpacks {name} from {packed:,} to {size:,} bytes, which no network needs",
                origin=origin,
                hint=_HINT,
            )


def _parts(node: object) -> Iterator[dict[str, Any]]:
    """Yield every serialized object in a configuration."""
    if isinstance(node, dict):
        if "class_name" in node:
            yield node
        for value in node.values():
            yield from _parts(value)
    elif isinstance(node, list):
        for value in node:
            yield from _parts(value)


def _check_part(part: dict[str, Any], origin: Origin) -> None:
    name = part["class_name"]
    if name in _FORBIDDEN or name == "__lambda__":
        raise ModelError(
            f"holds a {name} layer, which is code that would run when the model is loaded"
            if name != "__lambda__"
            else "holds a Python function, which would run when the model is loaded",
            origin=origin,
            hint="use a model whose layers are all Keras' own",
        )
    module, registered = part.get("module"), part.get("registered_name")
    if isinstance(registered, str) and registered.startswith("maskforge>"):
        return
    of_keras = module is None or module == "keras" or str(module).startswith("keras.")
    is_named = module == "builtins" and name in ("function", "slice", "tuple", "dict")
    if not of_keras and not is_named:
        raise ModelError(
            f"needs {shorten(registered or name)} of {shorten(module)}, "
            "which neither Keras nor maskforge has",
            origin=origin,
            hint="use a model whose layers are all Keras' own",
        )
