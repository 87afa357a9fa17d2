"""Exported models: in the file that was asked for, and with the same output."""

import importlib.util

import model_folders as models
import numpy as np
import pytest

from maskforge.errors import (
    MissingDependencyError,
    ModelError,
    OptionError,
    OutputExistsError,
)
from maskforge.nn import export as writing
from maskforge.nn.heads import probabilities
from maskforge.nn.network_catalog import NetworkOptions
from maskforge.nn.networks import build_network
from maskforge.prediction import converted
from maskforge.prediction.predictor import Predictor
from maskforge.training.model_export import export_model

IMAGE = np.random.default_rng(0).integers(0, 256, (21, 30), dtype=np.uint8)
WRITERS = {
    "onnx": ("tensorflow", "torch"),
    "openvino": ("tensorflow", "torch"),
    "saved-model": ("tensorflow",),
    "litert": ("tensorflow",),
}
NAMES = {
    "onnx": "model.onnx",
    "openvino": "model.xml",
    "saved-model": "saved_model",
    "litert": "model.tflite",
}


@pytest.fixture
def writable(running_backend):
    """A format that the running backend can write, with a runtime that is installed."""
    if running_backend == "jax" or importlib.util.find_spec("onnxruntime") is None:
        pytest.skip("NO ONNX: this backend or machine does not write it")
    return "onnx"


@pytest.mark.parametrize("format_", WRITERS)
def test_every_format_that_the_backend_writes_is_checked(folder, running_backend, format_):
    package = {"onnx": "onnxruntime", "openvino": "openvino"}.get(format_)
    if package and importlib.util.find_spec(package) is None:
        pytest.skip(f"NO {package}: it is not installed")
    if running_backend not in WRITERS[format_]:
        with pytest.raises(OptionError, match=rf"{running_backend}, which cannot write"):
            export_model(folder, format=format_)
        return
    report = export_model(folder, format=format_)
    assert report.path == folder / NAMES[format_]
    assert report.path.exists()
    assert report.backend == running_backend
    assert report.difference < 1e-5


@pytest.mark.parametrize("upsampling", ["nearest", "bilinear"])
def test_networks_that_interpolate_are_written_for_litert(tmp_path, running_backend, upsampling):
    if running_backend != "tensorflow":
        pytest.skip("NO LITERT: this backend does not write it")
    options = NetworkOptions(
        filters=2, depth=1, convolutions=1, normalization="none", upsampling=upsampling
    )
    network = build_network(options, input_shape=(None, None, 1), outputs=3)
    folder = models.save(tmp_path / "model", probabilities(network, "softmax"))
    assert export_model(folder, format="litert").difference < 1e-5


def test_the_file_in_the_folder_is_what_prediction_uses(folder, writable, monkeypatch):
    export_model(folder, format=writable)
    monkeypatch.setattr(converted, "convert", lambda *_: pytest.fail("converted again"))
    fast = Predictor.load(folder, runtime="onnx").predict(IMAGE).probabilities
    slow = Predictor.load(folder, runtime="keras").predict(IMAGE).probabilities
    np.testing.assert_allclose(fast, slow, atol=1e-5)


def test_a_file_elsewhere_leaves_the_folder_as_it_was(folder, writable, tmp_path):
    before = sorted(folder.iterdir())
    report = export_model(folder, tmp_path / "deep" / "net.onnx", format=writable)
    assert report.path == tmp_path / "deep" / "net.onnx"
    assert report.path.stat().st_size > 500
    assert sorted(folder.iterdir()) == before
    assert [path.name for path in report.path.parent.iterdir()] == ["net.onnx"]


def test_a_file_is_replaced_only_on_demand(folder, writable):
    (folder / "model.onnx").write_bytes(b"mine")
    with pytest.raises(OutputExistsError):
        export_model(folder, format=writable)
    assert (folder / "model.onnx").read_bytes() == b"mine"
    export_model(folder, format=writable, overwrite=True)
    assert (folder / "model.onnx").read_bytes() != b"mine"


def test_a_model_that_says_something_else_is_not_written(folder, writable, monkeypatch):
    real = writing._reader
    wrong = np.float32(2e-4)
    monkeypatch.setattr(writing, "_reader", lambda *a: lambda batch: real(*a)(batch) + wrong)
    with pytest.raises(ModelError, match=r"differ by up to 0\.0002"):
        export_model(folder, format=writable)
    assert not (folder / "model.onnx").exists()


def test_a_network_that_is_not_a_number_is_not_written(folder, writable, monkeypatch):
    real = writing._reader
    monkeypatch.setattr(writing, "_reader", lambda *a: lambda batch: real(*a)(batch) * np.nan)
    with pytest.raises(ModelError, match="something else"):
        export_model(folder, format=writable)


def test_the_name_has_to_fit_the_format(folder, tmp_path):
    with pytest.raises(OptionError, match=r"\.onnx"):
        export_model(folder, tmp_path / "model.xml", format="onnx")


@pytest.mark.parametrize(
    ("format_", "command"),
    [("onnx", r"maskforge\[onnx\]"), ("openvino", r"maskforge\[openvino\]")],
)
def test_a_library_that_is_missing_is_named(folder, monkeypatch, format_, command):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingDependencyError, match=command):
        export_model(folder, format=format_)


def test_what_is_no_model_is_refused(tmp_path):
    with pytest.raises(ModelError, match="no trained model"):
        export_model(tmp_path, format="onnx")
