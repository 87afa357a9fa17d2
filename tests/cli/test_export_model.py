"""``maskforge export-model``: what it prints, and its exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from builders import run

from maskforge.nn.export import ModelExportReport
from maskforge.training import model_export as exporting


@pytest.fixture
def asked(monkeypatch):
    """What the function behind the command was asked for; it writes nothing."""
    calls = []

    def export_model(model, out, **chosen):
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
    assert asked == [(Path("run"), None, {"format": "onnx", "overwrite": False})]


def test_the_report_can_be_had_as_json(asked):
    arguments = ("--to", "litert", "--out", "net.tflite", "--overwrite", "--json")
    result = run("export-model", "run", *arguments)
    assert json.loads(result.stdout) == {
        "path": "net.tflite",
        "format": "litert",
        "backend": "tensorflow",
        "difference": 2.5e-7,
    }
    chosen = {"format": "litert", "overwrite": True}
    assert asked == [(Path("run"), Path("net.tflite"), chosen)]


@pytest.mark.parametrize("arguments", [("nowhere", "--to", "onnx"), ("nowhere", "--to", "pickle")])
def test_wrong_use_ends_with_two(arguments):
    result = run("export-model", *arguments)
    assert result.exit_code == 2
    assert "Traceback" not in result.stderr
