"""Exporting a model so that prediction finds it."""

from __future__ import annotations

from maskforge.choices import ExportFormat
from maskforge.files import PathLike, as_path, as_source
from maskforge.nn import export
from maskforge.nn.export import ModelExportReport
from maskforge.nn.modelfile import model_folder, read_description
from maskforge.prediction import converted


def export_model(
    model: PathLike,
    out: PathLike | None = None,
    *,
    format: ExportFormat,  # noqa: A002 - the option is called so everywhere
    overwrite: bool = False,
) -> ModelExportReport:
    """Write a model in another format, and compare what both say.

    Height, width (multiples of the network's stride) and batch stay open. An ONNX or OpenVINO file
    under its usual name in the model's folder is used by later predictions.

    Args:
        model: Folder of the model, or a file in it.
        out: The file to write (a folder for ``saved-model``); the usual name in the model's folder
            if None.
        format: ``onnx``, ``openvino``, ``saved-model`` or ``litert``.
        overwrite: Whether an earlier file may be replaced.

    Raises:
        MissingDependencyError: If no backend that can write the format is installed, or a library
            is missing.
        ModelError: If the model cannot be loaded or converted, or probabilities differ by more
            than 0.0001 afterwards.
        OptionError: If Keras runs on a backend that cannot write the format, or the name of the
            file does not fit the format.
        OutputExistsError: If the file is there and ``overwrite`` is not set.
        OutputError: If the file cannot be written.

    Examples:
        >>> report = mf.export_model("runs/caries", "caries.onnx", format="onnx")
        >>> report.path.name, report.difference < 1e-4
        ('caries.onnx', True)
    """
    report = export.export_model(
        as_source(model), None if out is None else as_path(out), format=format, overwrite=overwrite
    )
    folder = model_folder(as_source(model))
    if format in ("onnx", "openvino"):
        digest = converted.weights_digest(folder, read_description(folder).weights_digest)
        converted.record_if_usual(folder, report.path, digest, format)
    return report
