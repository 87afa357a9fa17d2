"""``maskforge export-model``: what it prints, and its exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from builders import run

from maskforge.nn.export import Int8Scores, ModelExportReport
from maskforge.training import model_export as exporting

PLAIN = {"precision": "float32", "dataset": None, "overwrite": False}


@pytest.fixture
def asked(monkeypatch):
    """What the function behind the command was asked for; it writes nothing."""
    calls = []

    def export_model(model, out, *, progress, **chosen):
        assert callable(progress)
        calls.append((model, out, chosen))
        return ModelExportReport(
            out or model / "model.onnx", chosen["format"], "tensorflow", 2.5e-7
        )

    monkeypatch.setattr(exporting, "export_model", export_model)
    return calls


def test_the_file_and_the_difference_are_told(asked):
    result = run("export-model", "run", "--to", "onnx")
    assert result.exit_code == 0
    assert str(Path("run/model.onnx")) in result.stdout
    assert "differ by 2.5e-07 at most" in result.stdout
    assert asked == [(Path("run"), None, {"format": "onnx", **PLAIN})]


def test_the_report_can_be_had_as_json(asked):
    arguments = ("--to", "litert", "--out", "net.tflite", "--overwrite", "--json")
    result = run("export-model", "run", *arguments)
    assert json.loads(result.stdout) == {
        "path": "net.tflite",
        "format": "litert",
        "backend": "tensorflow",
        "difference": 2.5e-7,
        "int8": None,
    }
    chosen = {"format": "litert", **PLAIN, "overwrite": True}
    assert asked == [(Path("run"), Path("net.tflite"), chosen)]


def test_what_int8_costs_is_told_for_every_class(monkeypatch):
    scores = Int8Scores(
        calibrated=40,
        images=9,
        part="validation",
        float32_dice={"caries": 0.81236, "crown": None},
        int8_dice={"caries": 0.80111, "crown": 0.0},
        agreement={"caries": 0.97, "crown": 0.0},
    )
    report = ModelExportReport(Path("run/model-int8.xml"), "openvino", "nncf", 0.25, scores)
    asked = []

    def export_model(model, out, **chosen):
        asked.append((chosen["precision"], chosen["dataset"]))
        return report

    monkeypatch.setattr(exporting, "export_model", export_model)
    arguments = ("run", "--to", "openvino", "--precision", "int8", "--dataset", "masks")
    result = run("export-model", *arguments)
    assert result.exit_code == 0
    assert asked == [("int8", Path("masks"))]
    assert "9 images (validation), calibrated on 40 others" in result.stdout
    lines = [line.split() for line in result.stdout.splitlines()]
    assert ["caries", "0.8124", "0.8011", "0.9700"] in lines
    assert ["crown", "undefined", "0.0000", "0.0000"] in lines
    printed = json.loads(run("export-model", *arguments, "--json").stdout)
    assert printed["int8"]["agreement"] == {"caries": 0.97, "crown": 0.0}


@pytest.mark.parametrize("arguments", [("nowhere", "--to", "onnx"), ("nowhere", "--to", "pickle")])
def test_wrong_use_ends_with_two(arguments):
    result = run("export-model", *arguments)
    assert result.exit_code == 2
    assert "Traceback" not in result.stderr
