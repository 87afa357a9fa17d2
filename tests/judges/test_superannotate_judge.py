"""SuperAnnotate's own schemas and client find nothing wrong with what is written for it."""

from __future__ import annotations

import json

import numpy as np
import onnx_models
import pytest
from judges.environments import PROGRAMS, in_environment
from PIL import Image

import maskforge as mf
from maskforge.formats.registry import FORMATS
from maskforge.masks.classes import ClassMap, MaskClass


@pytest.mark.parametrize("project", ["vector", "pixel"])
def test_files_from_every_format_are_valid(project, samples, tmp_path):
    classes = mf.load_class_map(samples / "classes.toml")
    writer = {"vector": "superannotate", "pixel": "superannotate-pixel"}[project]
    for source in FORMATS:
        mf.export(samples / source, tmp_path / source, format=writer, classes=classes)
    scored = {"label": "caries", "points": [[1, 1], [9, 1], [9, 9]], "score": 0.256}
    document = {"shapes": [scored], "imagePath": "a.png", "imageWidth": 20, "imageHeight": 20}
    (tmp_path / "scored.json").write_text(json.dumps(document))
    mf.export(tmp_path / "scored.json", tmp_path / "scored", format=writer)
    (tmp_path / "scored.json").unlink()
    verdicts = in_environment(
        "superannotate", PROGRAMS / "superannotate_files.py", tmp_path, project
    )
    assert len(verdicts) > 10
    assert {name: text for name, text in verdicts.items() if text} == {}


def test_the_client_uploads_priorities_as_they_are_written(tmp_path):
    classes = ClassMap((MaskClass(1, "caries", (255, 0, 0), ("caries",)),))
    model = onnx_models.save_folds(tmp_path / "cv", classes=classes)
    rng = np.random.default_rng(0)
    (tmp_path / "images").mkdir()
    for number in range(12):
        pixels = rng.integers(0, 20, (64, 64)).astype(np.uint8)
        pixels[10:20, 10:20] = 70 + 8 * number
        Image.fromarray(pixels).save(tmp_path / "images" / f"x{number}.png")
    report = mf.rank(model, tmp_path / "images", tmp_path / "out", runtime="onnx")
    sent = in_environment(
        "superannotate-client",
        PROGRAMS / "superannotate_priorities.py",
        tmp_path / "out" / "superannotate-priority.json",
    )
    assert [one["name"] for one in sent] == [f"{one.image}.png" for one in report.images]
    values = [one["entropy_value"] for one in sent]
    assert values == [one.priority for one in report.images]  # it cuts off further decimals
    assert values[0] > values[-1]
