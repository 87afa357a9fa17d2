"""Making sure that a ``.keras`` file is data: numbers and a plan of known layers, never code.

All of it is looked at before Keras is given the file, which makes layers of whatever size it is
told to.
"""

from __future__ import annotations

import hashlib
import io
import json
import lzma
import math
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from maskforge.errors import ModelError, shorten
from maskforge.files import open_regular
from maskforge.issues import Origin

_MEMBERS = {"metadata.json", "config.json", "model.weights.h5"}
_LARGEST_CONFIG = 64 * 2**20
_LARGEST_WEIGHTS = 16 * 2**30
_LARGEST_RATIO = 100  # of unpacked to packed weights; trained numbers hardly shrink
_SMALL_WEIGHTS = 16 * 2**20  # below that the ratio does not matter

_ENCRYPTED = 1  # a bit of the flags
_MOST_PARTS = 50_000  # the largest network has some thousand

_LAYERS_WITH_WEIGHTS = {
    "BatchNormalization",
    "Conv2D",
    "Conv2DTranspose",
    "DepthwiseConv2D",
    "GroupNormalization",
    "LayerNormalization",
    "Normalization",
}
_LAYERS = {
    "Activation",
    "Add",
    "Average",
    "AveragePooling2D",
    "Concatenate",
    "Dropout",
    "GlobalAveragePooling2D",
    "InputLayer",
    "MaxPooling2D",
    "Multiply",
    "ReLU",
    "Rescaling",
    "Reshape",
    "UpSampling2D",
    "ZeroPadding2D",
    *_LAYERS_WITH_WEIGHTS,
}
KNOWN: Mapping[str | None, set[str]] = {
    None: {"__keras_tensor__"},
    "keras": {"DTypePolicy"},
    "keras.initializers": {"GlorotUniform", "HeNormal", "Ones", "VarianceScaling", "Zeros"},
    "keras.layers": _LAYERS,
    "keras.src.models.functional": {"Functional"},
    "keras.src.ops.numpy": {"Add", "Multiply"},
    "maskforge.nn.networks.layers": {
        "ImageNetInput",
        "MaxUnpooling",
        "RegionPooling",
        "ResizeLike",
    },
}
"""Modules and classes of which the networks are made, as they stand in a configuration."""

_REGISTERED: dict[str, tuple[str | None, ...]] = {
    name: (f"maskforge>{name}",) for name in KNOWN["maskforge.nn.networks.layers"]
}
"""What else a class is called, if that is not its name."""

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

# What a damaged archive makes the standard library raise; RuntimeError: a password is needed.
_DAMAGE = (
    EOFError,
    OverflowError,
    RuntimeError,
    ValueError,
    lzma.LZMAError,
    zipfile.BadZipFile,
    zlib.error,
)


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
            to far more than its size, names layers or functions that the networks of maskforge do
            not have, or its layers need more weights than it holds, or these are not finite.
    """
    origin = Origin(path, "")
    refuse_other_files(path)
    try:
        with open_regular(path) as stream, zipfile.ZipFile(stream) as archive:
            _check_members(archive, origin)
            config = json.loads(archive.read("config.json"))
            needed = _weights_needed(config, origin)
            _check_weights(io.BytesIO(archive.read("model.weights.h5")), needed, origin)
    except OSError as error:
        raise ModelError(f"cannot be read: {error.strerror or error}", origin=origin) from None
    except ModelError:
        raise
    except RecursionError:
        raise ModelError("is nested too deeply", origin=origin) from None
    except _DAMAGE as error:
        reason = str(error) or type(error).__name__
        raise ModelError(f"is not a .keras file: {reason}", origin=origin, hint=_HINT) from None


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
        if members[name].flag_bits & _ENCRYPTED:
            raise ModelError(f"holds {name} encrypted", origin=origin, hint=_HINT)
        size, packed = members[name].file_size, members[name].compress_size
        if size > limit or size > max(_SMALL_WEIGHTS, _LARGEST_RATIO * packed):
            raise ModelError(
                f"unpacks {name} from {packed:,} to {size:,} bytes, which no network needs",
                origin=origin,
                hint=_HINT,
            )


def _weights_needed(config: object, origin: Origin) -> int:
    """Return how many numbers Keras would make for a network, without the biases."""
    needed = 0
    for number, part in enumerate(_parts(config)):
        _check_part(part, origin)
        if number == _MOST_PARTS:
            raise ModelError(f"has more than {_MOST_PARTS:,} parts", origin=origin, hint=_HINT)
        if part["class_name"] in _LAYERS_WITH_WEIGHTS:
            try:
                needed += _weights_of(part)
            except (AttributeError, LookupError, TypeError, ValueError):
                name = shorten(part.get("name"))
                raise ModelError(
                    f"does not say how large the layer {name} is", origin=origin, hint=_HINT
                ) from None
    return needed


def _weights_of(layer: dict[str, Any]) -> int:
    config, inputs = layer["config"], layer["build_config"]["input_shape"]
    if config.get("data_format", "channels_last") != "channels_last":
        raise ValueError
    counts: list[int] = [
        *(inputs[axis] for axis in _as_list(config.get("axis", -1))),
        *_as_list(config.get("kernel_size", 1)),
        config.get("filters", 1),
        config.get("depth_multiplier", 1),
    ]
    groups = config.get("groups", 1) if "filters" in config else 1
    if not all(type(one) is int and one > 0 for one in (*counts, groups)):
        raise ValueError
    return max(1, math.prod(counts) // groups)


def _as_list(value: object) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _check_weights(stream: IO[bytes], needed: int, origin: Origin) -> None:
    from maskforge.nn.weightsfile import count_weights

    found = count_weights(stream, origin)
    if needed > found:
        raise ModelError(
            f"describes a network of {needed:,} weights or more, and holds {found:,}",
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
    name, module, registered = (
        part.get(key) for key in ("class_name", "module", "registered_name")
    )
    if all(one is None or isinstance(one, str) for one in (name, module, registered)):
        is_known = name in KNOWN.get(module, set())
        if is_known and registered in _REGISTERED.get(str(name), (None, name)):
            return
    if isinstance(name, str) and name in ("Lambda", "__lambda__"):
        raise ModelError(
            f"holds a {name} layer, which is code that would run when the model is loaded"
            if name == "Lambda"
            else "holds a Python function, which would run when the model is loaded",
            origin=origin,
            hint=_HINT,
        )
    raise ModelError(
        f"needs {shorten(registered or name)} of {shorten(module)}, of which no network of "
        "maskforge is made",
        origin=origin,
        hint=_HINT,
    )
