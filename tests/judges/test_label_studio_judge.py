"""Label Studio's library accepts what is written for it, and decodes the same pixels."""

from __future__ import annotations

import numpy as np
import pytest
from judges.environments import PROGRAMS, in_environment

import maskforge as mf
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
