"""V7's library reads what is written for it, and real files, as they are read here."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from judges.environments import PROGRAMS, in_environment

import maskforge as mf
from maskforge.shapes import Area, Bitmap

DRAWN = {"polygon", "ellipse", "bounding_box", "line", "keypoint", "mask", "cuboid"}


def compare(folder: Path) -> Counter[str]:
    """Compare images, labels and paths of a folder, and return how many shapes of a kind agree."""
    verdicts = in_environment("darwin", PROGRAMS / "darwin_files.py", folder)
    found: Counter[str] = Counter()
    files = {}
    for image in mf.read(folder, format="darwin", size=(1, 1)):
        files.setdefault(image.origin.file.relative_to(folder).as_posix(), []).append(image)
    for name, images in files.items():
        _, size, annotations = verdicts[name]
        if size[0] is not None:
            assert [*images[0].image.size] == size
        shapes = [shape for image in images for shape in image.shapes]
        by_id = {one.extra["id"]: one for one in shapes}
        layers = {}
        for kind, _, drawn, _ in annotations:
            if kind == "raster_layer":
                layers |= drawn
        for kind, label, drawn, id_ in annotations:
            shape = by_id.pop(id_, None)
            if shape is None:
                assert kind not in DRAWN
                continue
            assert shape.labels == (label,)
            assert shape.kind == kind
            found[kind] += 1
            if kind == "polygon":
                assert isinstance(shape.geometry, Area)
                rings = [ring.tolist() for part in shape.geometry.parts for ring in part.rings]
                assert sorted(rings) == sorted(map(open_path, drawn))
            elif kind == "mask":
                assert isinstance(shape.geometry, Bitmap)
                pixels = mf.rasterize([shape.geometry], images[0].image.size).ravel() > 0
                edges = np.flatnonzero(pixels)
                assert [len(edges), edges[0], edges[-1]] == layers[id_]
        assert not by_id
    return found


def open_path(path: list[dict[str, float]]) -> list[list[float]]:
    """Return a path without the first point once more at its end."""
    points = [[one["x"], one["y"]] for one in path]
    return points[:-1] if points[0] == points[-1] else points


@pytest.mark.parametrize("source", ["labelme", "superannotate"])
def test_what_is_written_is_read_alike(tmp_path, samples, source):
    classes = mf.load_class_map(samples / "classes.toml")
    out = tmp_path / "out"
    mf.export(samples / source, out, format="darwin", classes=classes, image_files="copy")
    found = compare(out)
    assert found["polygon"] > 40
    assert found["mask"] == (4 if source == "labelme" else 0) or source == "superannotate"


def test_real_files_are_read_alike(corpus):
    found = compare(corpus / "darwin")
    assert found["polygon"] == 41
    assert found["mask"] > 40
