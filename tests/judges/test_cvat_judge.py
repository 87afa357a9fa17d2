"""CVAT's library and Datumaro read what is written for CVAT as it is read here."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from judges.environments import PROGRAMS, in_environment

import maskforge as mf
from maskforge.formats.runlength import alternating
from maskforge.shapes import Bitmap


def test_run_lengths_are_those_of_the_tool(tmp_path):
    generator = np.random.default_rng(3)
    bitmaps = [generator.random((h, w)) < 0.4 for h, w in ((1, 1), (5, 9), (40, 30), (64, 1))]
    for one in bitmaps:  # the tool cuts them to what they cover
        one[0, 0] = one[-1, -1] = True
    np.savez(tmp_path / "bitmaps.npz", *bitmaps)
    verdicts = in_environment("cvat", PROGRAMS / "cvat_masks.py", tmp_path / "bitmaps.npz")
    for one, verdict in zip(bitmaps, verdicts, strict=True):
        height, width = one.shape
        assert [*alternating(one), 0, 0, width - 1, height - 1] == verdict


def as_read(folder: Path) -> dict[str, list[object]]:
    found: dict[str, list[object]] = {}
    for image in mf.read(folder, format="cvat"):
        width, height = image.image.size
        shapes: list[object] = []
        for shape in image.shapes:
            if isinstance(shape.geometry, Bitmap):
                pixels = mf.rasterize([shape.geometry], (width, height)) > 0
                drawn = [[height, width], hashlib.sha256(pixels.tobytes()).hexdigest()]
                shapes.append(["Mask", shape.labels[0], drawn])
            elif shape.kind == "polygon":
                ring = shape.geometry.parts[0].exterior
                shapes.append(["Polygon", shape.labels[0], ring.ravel().tolist()])
        found[str(image.extra["name"]).rpartition(".")[0]] = shapes
    return found


def judged(folder: Path) -> dict[str, list[object]]:
    verdicts = in_environment("datumaro", PROGRAMS / "cvat_datumaro.py", folder)
    return {
        name: [
            ["Mask" if "Mask" in kind else kind, label, drawn]
            for kind, label, _, drawn in shapes
            if "Mask" in kind or kind == "Polygon"
        ]
        for name, shapes in verdicts.items()
    }


@pytest.mark.parametrize("source", ["labelme", "superannotate", "coco"])
def test_what_is_written_is_read_alike(tmp_path, samples, source):
    classes = mf.load_class_map(samples / "classes.toml")
    out = tmp_path / "out"
    mf.export(samples / source, out, format="cvat", classes=classes, image_files="copy")
    expected = as_read(out)
    assert sum(map(len, expected.values())) > 40
    rounded = judged(out)
    for name, shapes in expected.items():
        for one, other in zip(shapes, rounded[name], strict=True):
            assert one[:2] == other[:2]
            if one[0] == "Mask":
                assert one[2] == other[2]
            else:  # it rounds to two decimals
                np.testing.assert_allclose(one[2], other[2], atol=0.0051)
