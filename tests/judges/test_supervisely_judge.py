"""Supervisely's own package reads what is written for it, and real files, as they are read here."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from judges.environments import PROGRAMS, in_environment

import maskforge as mf
from maskforge.geometry import point_arrays
from maskforge.shapes import Area, Bitmap, Shape


def compare(folder: Path, whole: str = "") -> Counter[str]:
    """Compare every object of a folder, and return how many of each kind agree."""
    verdicts = in_environment("supervisely", PROGRAMS / "supervisely_projects.py", folder, whole)
    found: Counter[str] = Counter()
    for image in mf.read(folder, format="supervisely"):
        verdict = verdicts.pop(image.origin.file.relative_to(folder).as_posix())
        assert [*image.image.size] == verdict["size"]
        assert [*image.tags] == verdict["tags"]
        for shape, told in zip(image.shapes, verdict["objects"], strict=True):
            assert shape.labels == (told["class"],)
            assert shape.kind == told["kind"]
            assert shape.instance == told["instance"]
            assert shape.score == told["tags"].get("confidence")
            check_geometry(shape, told)
            found[shape.kind] += 1
    assert not verdicts
    return found


def check_geometry(shape: Shape, told: dict) -> None:
    """Compare a shape with what the tool gets, which counts from the corners of pixels."""
    match shape.geometry:
        case Bitmap(row, column, pixels):
            digest = hashlib.sha256(pixels.tobytes()).hexdigest()
            assert told["bitmap"] == [row, column, [*pixels.shape], digest]
        case Area((polygon,)) if shape.kind == "rectangle":
            low, high = polygon.exterior.min(axis=0), polygon.exterior.max(axis=0)
            assert told["sent"]["points"]["exterior"] == [low.tolist(), high.tolist()]
        case geometry if shape.kind != "cuboid":
            points = told["sent"]["points"]
            sent = [points["exterior"], *points["interior"]]
            rings = point_arrays(geometry)
            assert len(rings) == len(sent)
            for ring, one in zip(rings, sent, strict=True):
                assert ring.ravel().tolist() == pytest.approx(np.ravel(one), rel=0, abs=1e-9)


@pytest.mark.parametrize("source", ["labelme", "superannotate", "vott"])
def test_what_is_written_is_read_alike(tmp_path, samples, source):
    classes = mf.load_class_map(samples / "classes.toml")
    out = tmp_path / "out"
    mf.export(
        samples / source,
        out,
        format="supervisely",
        classes=classes,
        source_format=source,
        unvisited="background",
    )
    found = compare(out, "whole")
    assert found["polygon"] > 40
    assert (found["line"] > 0) is (source != "vott")
    assert found["bitmap"] >= (4 if source == "labelme" else 0)


def test_samples_are_a_project(samples):
    assert compare(samples / "supervisely", "whole")["polygon"] > 20


def test_real_files_are_read_alike(corpus):
    found = compare(corpus / "supervisely")
    assert found == {"bitmap": 8, "polygon": 3, "rectangle": 2, "point": 2, "line": 1, "cuboid": 1}
