"""Writing a trained model for other runtimes, and making sure that it says the same there.

Height, width and batch stay open in every format. ``main`` converts in a process of its own, so
that whoever wants the converted file need not load a training framework.
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from maskforge.choices import Backend, ExportFormat
from maskforge.errors import (
    MaskforgeError,
    MissingDependencyError,
    ModelError,
    OptionError,
    OutputExistsError,
    is_installed,
    require,
)
from maskforge.files import unwritable
from maskforge.issues import Origin
from maskforge.nn import backend
from maskforge.nn.modelfile import ModelDescription, network_folder
from maskforge.nn.telemetry import refuse_telemetry

if TYPE_CHECKING:
    from collections.abc import Sequence

    import keras

FILE_NAMES: dict[ExportFormat, str] = {
    "onnx": "model.onnx",
    "openvino": "model.xml",
    "saved-model": "saved_model",
    "litert": "model.tflite",
}
"""Name of the exported file or folder; OpenVINO's weights lie beside it, in ``.bin``."""

LARGEST_DIFFERENCE = 1e-4

_BACKENDS: dict[ExportFormat, tuple[Backend, ...]] = {
    "onnx": ("tensorflow", "torch"),
    "openvino": ("tensorflow", "torch"),
    "saved-model": ("tensorflow",),
    "litert": ("tensorflow",),
}

# What is imported for a format, and how it is installed.
_NEEDED: dict[ExportFormat, dict[str, str]] = {
    "onnx": {"onnxruntime": "maskforge[onnx]"},
    "openvino": {"openvino": "maskforge[openvino]"},
    "saved-model": {},
    "litert": {},
}
_NEEDED_BY_BACKEND: dict[tuple[str, str], dict[str, str]] = {
    ("onnx", "tensorflow"): {"tf2onnx": "tf2onnx"},
    ("onnx", "torch"): {"onnx": "onnx"},
}

_Run = Callable[[NDArray[np.float32]], NDArray[np.float32]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Int8Scores:
    """What INT8 does to the masks of images that it was not calibrated on.

    Attributes:
        calibrated: Number of images that the ranges of values were taken from.
        images: Number of other images, whose masks are compared.
        part: Which: ``validation`` or ``test`` of the training, or ``held out`` of other images.
        float32_dice: Dice of the masks in float32 with the truth, per foreground class; None where
            undefined.
        int8_dice: Likewise in INT8.
        agreement: Dice of the two masks with each other.
    """

    calibrated: int
    images: int
    part: str
    float32_dice: dict[str, float | None]
    int8_dice: dict[str, float | None]
    agreement: dict[str, float | None]


@dataclass(frozen=True, slots=True)
class ModelExportReport:
    """What was written.

    Attributes:
        path: The file, or the folder of a SavedModel.
        format: Its format.
        backend: The backend of Keras that wrote it, or ``nncf``.
        difference: Largest absolute difference of a probability on the inputs that were compared.
        int8: What that does to the masks; None if the model is in float32.
    """

    path: Path
    format: ExportFormat
    backend: str
    difference: float
    int8: Int8Scores | None = None


def export_model(
    model: Path,
    out: Path | None = None,
    *,
    format: ExportFormat,  # noqa: A002 - the option is called so everywhere
    overwrite: bool = False,
) -> ModelExportReport:
    """Write a model in another format and compare what both say.

    Starts Keras on a backend that can write the format, whichever the model was trained on.

    Args:
        model: Folder of the model, or a file in it.
        out: The file to write; the usual name in the model's folder if None.
        format: The format.
        overwrite: Whether an earlier file may be replaced.

    Raises:
        MissingDependencyError: If no backend that can write the format is installed, or a library
            is missing.
        ModelError: If the model cannot be loaded or converted, or says something else afterwards.
        OptionError: If Keras runs on a backend that cannot write the format, or the name of the
            file does not fit the format.
        OutputExistsError: If the file is there and ``overwrite`` is not set.
        OutputError: If the file cannot be written.
    """
    folder = network_folder(model)
    target = choose_target(folder / FILE_NAMES[format], out, overwrite=overwrite)
    refuse_telemetry()
    started = _start(format)
    from maskforge.nn.modelio import load_model
    from maskforge.nn.openshape import with_open_sizes

    network, description = load_model(folder)
    with tempfile.TemporaryDirectory(prefix="maskforge-") as name:
        written = Path(name) / FILE_NAMES[format]
        try:
            with quiet():
                _write(with_open_sizes(network), format, written, started, description)
                difference = _compare(network, _reader(format, written), description)
        except MaskforgeError:
            raise
        except Exception as error:  # every converter raises whatever it runs into
            reason = " ".join(str(error).split())[:300] or type(error).__name__
            raise ModelError(
                f"cannot be written as {format}: {reason}", origin=Origin(folder, "")
            ) from None
        if not difference <= LARGEST_DIFFERENCE:
            raise ModelError(
                f"says something else as {format}: probabilities differ by up to {difference:.2g}",
                origin=Origin(folder, ""),
                hint="use another format, or report this network",
            )
        move(written, target)
    return ModelExportReport(target, format, started, difference)


def choose_target(usual: Path, out: Path | None, *, overwrite: bool) -> Path:
    """Return where a model is written.

    Args:
        usual: Where it is written by itself; its suffix is that of the format.
        out: Where else, or None.
        overwrite: Whether an earlier file may be replaced.

    Raises:
        OptionError: If the name of the file does not fit the format.
        OutputExistsError: If the file is there and ``overwrite`` is not set.
    """
    target = out or usual
    if usual.suffix and target.suffix != usual.suffix:
        raise OptionError(f"{target} must end in {usual.suffix} for this format")
    if target.exists() and not overwrite:
        raise OutputExistsError(
            "already exists",
            origin=Origin(target, ""),
            hint="choose another name with --out, or replace it with --overwrite",
        )
    return target


def _start(format_: ExportFormat) -> str:
    """Start Keras on the first backend that is installed and can write the format."""
    able = _BACKENDS[format_]
    for package, install in _NEEDED[format_].items():
        require(package, install, f"{format_} files")
    if "keras" in sys.modules:
        running = backend.start()
        if running not in able:
            raise OptionError(
                f"Keras runs on {running}, which cannot write {format_}",
                hint=f"set the environment variable KERAS_BACKEND={able[0]} before the start",
            )
    else:
        installed = [one for one in able if is_installed(one)]
        if not installed:
            raise MissingDependencyError(
                f"{format_} is written by Keras on {' or '.join(able)}, and neither is installed"
                if len(able) > 1
                else f"{format_} is written by Keras on {able[0]}, which is not installed",
                hint="install it with: pip install 'maskforge[train]'",
            )
        running = backend.start(installed[0])
    for package, install in _NEEDED_BY_BACKEND.get((format_, running), {}).items():
        require(package, install, f"{format_} files")
    return running


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep the converters' warnings and progress to themselves."""
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        yield


def _write(
    network: keras.Model,
    format_: ExportFormat,
    path: Path,
    running: str,
    description: ModelDescription,
) -> None:
    if running == "torch":
        _write_with_torch(network, format_, path, description)
        return
    import keras

    names = {"saved-model": "tf_saved_model"}
    shape = (None, None, None, description.scaling.channels)
    network.export(
        str(path),
        format=names.get(format_, format_),
        verbose=False,
        input_signature=[keras.InputSpec("float32", shape, name="image")],
    )


def _write_with_torch(
    network: keras.Model, format_: ExportFormat, path: Path, description: ModelDescription
) -> None:
    """Trace the network; Keras itself would fix the size of the input to 1 x 1."""
    import torch

    side = 4 * description.stride
    sample = torch.zeros((2, side, side + description.stride, description.scaling.channels))
    network.eval()
    if format_ == "onnx":
        axes = {0: "batch", 1: "height", 2: "width"}
        torch.onnx.export(
            network,
            (sample,),
            str(path),
            input_names=["image"],
            output_names=["probabilities"],
            dynamic_axes={"image": axes, "probabilities": axes},
            dynamo=False,
        )
        return
    import openvino

    with torch.no_grad():
        traced = torch.jit.trace(network, (sample,), check_trace=False)
    converted = openvino.convert_model(traced, example_input=sample)
    converted.reshape([-1, -1, -1, description.scaling.channels])
    openvino.save_model(converted, str(path), compress_to_fp16=False)


def _reader(format_: ExportFormat, path: Path) -> _Run:
    """Return what the written file makes of an input, in its own runtime."""
    if format_ == "onnx":
        import onnxruntime

        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        name = session.get_inputs()[0].name
        return lambda batch: session.run(None, {name: batch})[0]
    if format_ == "openvino":
        import openvino

        # By itself OpenVINO computes in bfloat16 where the CPU has it.
        options = {"INFERENCE_PRECISION_HINT": "f32"}
        network = openvino.Core().compile_model(str(path), "CPU", options)
        return lambda batch: network(batch)[0]
    import tensorflow as tf

    if format_ == "saved-model":
        loaded = tf.saved_model.load(str(path))
        return lambda batch: loaded.serve(batch).numpy()
    interpreter = tf.lite.Interpreter(str(path))
    source = interpreter.get_input_details()[0]["index"]
    result = interpreter.get_output_details()[0]["index"]

    def run(batch: NDArray[np.float32]) -> NDArray[np.float32]:
        interpreter.resize_tensor_input(source, batch.shape)
        interpreter.allocate_tensors()
        interpreter.set_tensor(source, batch)
        interpreter.invoke()
        values: NDArray[np.float32] = interpreter.get_tensor(result)
        return values

    return run


def _compare(network: keras.Model, run: _Run, description: ModelDescription) -> float:
    """Return the largest difference on random input of several sizes, also the trained one."""
    from keras.ops import convert_to_numpy

    random = np.random.default_rng(0)
    stride = description.stride
    width, height = (-(-side // stride) * stride for side in description.tile)
    shapes: Sequence[tuple[int, int, int]] = (
        (1, height, width),
        (3, 2 * stride, 4 * stride),
        (2, 5 * stride, 3 * stride),
    )
    differences = []
    for shape in shapes:
        batch = random.random((*shape, description.scaling.channels), dtype=np.float32)
        expected = convert_to_numpy(network(batch, training=False))
        found = run(batch)
        if found.shape != expected.shape:
            return float("inf")
        differences.append(np.abs(found - expected).max())
    return float(np.max(differences))  # not a number if any is


def move(written: Path, target: Path) -> None:
    """Put what was written in its place; the file that is looked for comes last."""
    pairs = [(written, target)]
    if (weights := written.with_suffix(".bin")).exists():
        pairs.insert(0, (weights, target.with_suffix(".bin")))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        for source, place in pairs:
            aside = place.with_name(f".{os.getpid()}.{place.name}")
            shutil.move(source, aside)
            if place.is_dir():
                shutil.rmtree(place)
            aside.replace(place)
    except OSError as error:
        raise unwritable(target, error) from None


def main(arguments: list[str]) -> int:
    """Convert as told on the command line; what went wrong is printed."""
    folder, format_, out = arguments
    try:
        # Not text of people's: maskforge.prediction.converted passes one of its formats.
        export_model(Path(folder), Path(out), format=format_, overwrite=True)  # type: ignore[arg-type]
    except MaskforgeError as error:
        print(error.message)  # stdout is free of what the libraries have to say
        return 1
    return 0
