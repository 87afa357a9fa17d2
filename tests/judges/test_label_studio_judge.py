"""Label Studio's library accepts what is written for it, and decodes the same pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx_models
import pytest
from judges.environments import PROGRAMS, in_environment
from PIL import Image

import maskforge as mf
from maskforge.geometry import point_arrays
from maskforge.masks.classes import ClassMap, MaskClass
from maskforge.shapes import Bitmap


@pytest.mark.parametrize("source", ["labelme", "superannotate"])
def test_what_is_written_is_accepted_and_means_the_same(tmp_path, samples, source):
    classes = mf.load_class_map(samples / "classes.toml")
    out = tmp_path / "out"
    mf.export(samples / source, out, format="label-studio", classes=classes, image_files="copy")
    verdict = in_environment("label-studio", PROGRAMS / "label_studio_files.py", out)
    assert verdict["wrong"] == []
    images = list(mf.read(out))
    assert verdict["results"] == sum(len(image.shapes) for image in images) > 40
    edges = []
    for image in images:
        for shape in image.shapes:
            if isinstance(shape.geometry, Bitmap):
                pixels = mf.rasterize([shape.geometry], image.image.size) > 0
                flat = np.concatenate(([0], pixels.ravel(), [0]))
                edges.append(np.flatnonzero(np.diff(flat)).tolist())
    assert len(edges) > 3
    assert [one["edges"] for one in verdict["brushes"]] == edges
    assert all(one["same"] for one in verdict["brushes"])  # byte by byte


def test_ranked_tasks_are_accepted(tmp_path):
    classes = ClassMap((MaskClass(1, "caries", (255, 0, 0), ("caries",)),))
    model = onnx_models.save_folds(tmp_path / "cv", classes=classes)
    (tmp_path / "images").mkdir()
    for number in range(3):
        pixels = np.full((64, 64), 10, np.uint8)
        pixels[10:20, 10 : 20 + number] = 160 + 20 * number
        Image.fromarray(pixels).save(tmp_path / "images" / f"x{number}.png")
    mf.rank(model, tmp_path / "images", tmp_path / "out", runtime="onnx")
    folder = tmp_path / "out" / "label-studio"
    verdict = in_environment("label-studio", PROGRAMS / "label_studio_files.py", folder)
    assert (verdict["wrong"], verdict["results"]) == ([], 3)
    assert verdict["scores"] == sorted(verdict["scores"])


def facts_of(path: Path) -> dict[str, list[tuple]]:
    return {
        image.image.name: [
            (one.labels, one.kind, *(ring.tolist() for ring in point_arrays(one.geometry)))
            for one in image.shapes
        ]
        for image in mf.read(path, size=(500, 500))
    }


@pytest.mark.parametrize("kind", ["json_min/data", "yolo/data", "yolo/data_obb"])
def test_the_short_export_of_real_tasks_says_the_same(tmp_path, corpus, kind):
    group, _, name = kind.partition("/")
    folder = next((corpus / "label_studio").rglob(f"test_export_{group}"))
    config = folder / f"{name.replace('data', 'label_config')}.xml"
    program = PROGRAMS / "label_studio_min.py"
    in_environment("label-studio", program, config, folder / f"{name}.json", tmp_path)
    before, after = facts_of(folder / f"{name}.json"), facts_of(tmp_path / "result.json")
    assert before == after
    assert any(before.values())
