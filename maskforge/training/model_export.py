"""A model in another format, so that prediction finds it."""

from __future__ import annotations

from maskforge.choices import ExportFormat, ExportPrecision, Progress, check_choice
from maskforge.errors import OptionError
from maskforge.files import PathLike, as_path, as_source
from maskforge.nn import export
from maskforge.nn.export import ModelExportReport
from maskforge.nn.modelfile import network_folder, read_description
from maskforge.prediction import converted
from maskforge.remote.address import check_local
from maskforge.training.int8_export import export_int8


def export_model(
    model: PathLike,
    out: PathLike | None = None,
    *,
    format: ExportFormat,  # noqa: A002 - the option is called so everywhere
    precision: ExportPrecision = "float32",
    dataset: PathLike | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> ModelExportReport:
    """Write a model in another format, and compare what both say.

    Height, width (multiples of the network's stride) and batch stay open. An ONNX or OpenVINO file
    under its usual name in the model's folder is used by later predictions; one in INT8 by those
    with ``precision="int8"``.

    An INT8 model takes about 0.6 of the time on a CPU, a quarter of the space, and gives other
    masks; how far, is measured on images that it was not calibrated on.

    Args:
        model: Folder of the model, or a file in it.
        out: The file to write (a folder for ``saved-model``); the usual name in the model's folder
            if None.
        format: ``onnx``, ``openvino``, ``saved-model`` or ``litert``.
        precision: ``int8`` for OpenVINO only.
        dataset: Images with masks that an INT8 model is calibrated on and compared on; those of the
            training if None.
        overwrite: Whether an earlier file may be replaced.
        progress: Called with phase, images done, and their number, for INT8.

    Raises:
        MissingDependencyError: If no backend that can write the format is installed, or a library
            is missing.
        ModelError: If the model cannot be loaded or converted, or probabilities differ by more
            than 0.0001 afterwards.
        DatasetError: If an image or a mask cannot be used.
        OptionError: If Keras runs on a backend that cannot write the format, the name of the file
            does not fit the format, or the images of the training are not known.
        OutputExistsError: If the file is there and ``overwrite`` is not set.
        OutputError: If the file cannot be written.

    Examples:
        >>> report = mf.export_model("runs/caries", "caries.onnx", format="onnx")
        >>> report.path.name, report.difference < 1e-4
        ('caries.onnx', True)
    """
    check_choice("precision", precision, ExportPrecision)
    source, target = as_source(model), None if out is None else as_path(out)
    check_local(target or source, "the file")
    if precision == "int8":
        if format != "openvino":
            raise OptionError(f"{format} is not written in INT8", hint="use openvino")
        data = None if dataset is None else as_source(dataset)
        return export_int8(source, target, data, overwrite=overwrite, progress=progress)
    if dataset is not None:
        raise OptionError(
            "a model in float32 needs no data set", hint="leave it out, or write INT8"
        )
    report = export.export_model(source, target, format=format, overwrite=overwrite)
    folder = network_folder(source)
    if format in ("onnx", "openvino"):
        digest = converted.weights_digest(folder, read_description(folder).weights_digest)
        converted.record_if_usual(folder, report.path, digest, format)
    return report
