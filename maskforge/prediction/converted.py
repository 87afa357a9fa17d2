"""Models converted for another runtime: kept beside the weights they were made from.

A converted model is used only if its record says that it was made from exactly the weights that are
there, and that its own files are still as they were written.
"""

from __future__ import annotations

import atexit
import functools
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Literal, TypeAlias

import msgspec

from maskforge.errors import MaskforgeError, ModelError
from maskforge.files import write_whole
from maskforge.issues import Origin
from maskforge.nn.kerasfile import digest_of
from maskforge.nn.modelfile import WEIGHTS
from maskforge.remote.address import cache_folder

Converted: TypeAlias = Literal["onnx", "openvino", "openvino-int8"]

_FILES: dict[Converted, tuple[str, ...]] = {
    "onnx": ("model.onnx",),
    "openvino": ("model.xml", "model.bin"),
    "openvino-int8": ("model-int8.xml", "model-int8.bin"),
}
_LONGEST_CONVERSION = 600  # seconds; a conversion takes a few
_PROGRAM = (
    "import sys; sys.path.append(sys.argv.pop(1)); "
    "from maskforge.nn.export import main; sys.exit(main(sys.argv[1:]))"
)


class _Record(msgspec.Struct, frozen=True):
    """What a converted model was made from.

    Attributes:
        weights: SHA-256 of ``model.keras``.
        files: SHA-256 of every converted file, by name.
    """

    weights: str
    files: dict[str, str]


def find(folder: Path, digest: str, runtime: Converted) -> Path | None:
    """Return the converted model that was made from the weights with this digest, if there is one.

    Args:
        folder: Folder of the model; the user's cache is searched too.
        digest: SHA-256 of the weights.
        runtime: What it is for.
    """
    for place in _places(folder, digest):
        if _is_current(place, digest, runtime):
            return place / _FILES[runtime][0]
    return None


def convert(folder: Path, digest: str, runtime: Converted) -> Path:
    """Convert a model in another process, and keep the result in its folder or the user's cache.

    Where neither can be written, it is kept until this process ends.

    Raises:
        ModelError: With the reason, if that is not possible.
    """
    writable = (place for place in _places(folder, digest) if _can_write(place))
    path = (next(writable, None) or _temporary()) / _FILES[runtime][0]
    _run(folder, runtime, path)
    record(path, digest, runtime)
    return path


def record(path: Path, digest: str, runtime: Converted) -> None:
    """Write down that a converted model was just made from the weights with this digest.

    Raises:
        OutputError: If that cannot be written.
    """
    files = {name: digest_of(path.parent / name) for name in _FILES[runtime]}
    write_whole(_record(path.parent, runtime), msgspec.json.encode(_Record(digest, files)))


def record_if_usual(folder: Path, path: Path, digest: str, runtime: Converted) -> None:
    """Call ``record`` if a converted model lies where ``find`` looks for it."""
    usual = folder / _FILES[runtime][0]
    if usual.exists() and path.samefile(usual):
        record(path, digest, runtime)


def weights_digest(folder: Path, described: str) -> str:
    """Return the SHA-256 of the weights; what the description says if only converted ones are kept.

    Raises:
        ModelError: If the weights are not those that the description is about.
    """
    weights = folder / WEIGHTS
    if described and not weights.exists():
        return described
    digest = digest_of(weights)
    if described and digest != described:
        raise ModelError(
            "is not the file that maskforge.json describes: its SHA-256 differs",
            origin=Origin(weights, ""),
            hint="copy both files of the model again",
        )
    return digest


def _record(folder: Path, runtime: Converted) -> Path:
    return folder / f"{_FILES[runtime][0]}.json"


def _is_current(folder: Path, digest: str, runtime: Converted) -> bool:
    try:
        known = msgspec.json.decode(_record(folder, runtime).read_bytes(), type=_Record)
        return known.weights == digest and all(
            known.files.get(name) == digest_of(folder / name) for name in _FILES[runtime]
        )
    except (OSError, msgspec.MsgspecError, MaskforgeError, ValueError):
        return False


def _places(folder: Path, digest: str) -> list[Path]:
    """Return where a converted model may be: beside its weights, or in the user's cache."""
    cache = cache_folder()
    name = hashlib.sha256(digest.encode()).hexdigest()[:32]
    return [folder] if cache is None else [folder, cache / "models" / name]


@functools.cache
def _temporary() -> Path:
    """Return a folder that is removed when this process ends."""
    folder = Path(tempfile.mkdtemp(prefix="maskforge-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _can_write(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def isolated() -> dict[str, str]:
    """Return the environment of a Python process that imports nothing from the working folder.

    An empty part of ``PYTHONPATH``, as a colon at its end leaves one, means the working folder.
    """
    environment = {**os.environ, "PYTHONSAFEPATH": "1"}
    parts = environment.pop("PYTHONPATH", "").split(os.pathsep)
    if named := [str(Path(part).absolute()) for part in parts if part]:
        environment["PYTHONPATH"] = os.pathsep.join(named)
    return environment


def _run(folder: Path, runtime: Converted, path: Path) -> None:
    """Convert where Keras may start on another backend, and then give its memory back."""
    # Where this package lies comes last, so that it is found, and takes the place of nothing else.
    command = [sys.executable, "-P", "-c", _PROGRAM, str(Path(__file__).parents[2])]
    command += [str(folder), runtime, str(path)]
    try:
        result = subprocess.run(
            command,
            env=isolated(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=_LONGEST_CONVERSION,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ModelError(f"cannot be converted: {error}", origin=Origin(folder, "")) from None
    if result.returncode:
        lines = (result.stdout or result.stderr).strip().splitlines()
        reason = lines[-1] if lines else f"exit code {result.returncode}"
        raise ModelError(
            f"cannot be converted for {runtime}: {reason[:300]}", origin=Origin(folder, "")
        )
