"""LabelMe and X-AnyLabeling open what is written for them, draw it, and save it without loss."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from judges.environments import PROGRAMS, in_environment

import maskforge as mf
from maskforge.formats.registry import FORMATS
from maskforge.shapes import Area

LABELME = {"polygon", "rectangle", "oriented_rectangle", "circle", "line", "linestrip", "point"}
X_ANYLABELING = {
    *("polygon", "rectangle", "rotation", "quadrilateral", "circle"),
    *("line", "linestrip", "point", "cuboid"),
}
BOX = [[4, 4], [16, 4], [16, 12], [4, 12]]
TURNED = [[30, 4], [38, 8], [34, 16], [26, 12]]
RECORDS = [
    *(("rectangle", BOX[::2]), ("rectangle", BOX), ("rectangle", TURNED)),
    *(("oriented_rectangle", TURNED), ("rotation", TURNED), ("quadrilateral", TURNED)),
    *(("circle", [[20, 30], [26, 30]]), ("line", [[1, 1], [9, 9]]), ("point", [[5, 5]])),
    *(("linestrip", [[1, 1], [9, 9], [20, 3]]), ("polygon", [*TURNED, TURNED[0]])),
    ("cuboid", [*BOX, *([x + 3, y - 2] for x, y in BOX)]),
]


def save_every_kind(folder: Path) -> None:
    """Write a file with all that either tool draws, and with keys that nobody knows."""
    shapes = [
        {"label": "caries", "points": points, "shape_type": kind, "group_id": None, "flags": {}}
        | {"mine": number}
        for number, (kind, points) in enumerate(RECORDS)
    ]
    document = {"version": "5.4.1", "flags": {"seen": True}, "shapes": shapes, "mine": [1]}
    document |= {"imagePath": "kinds.png", "imageData": None}
    folder.mkdir()
    (folder / "kinds.json").write_text(
        json.dumps(document | {"imageWidth": 60, "imageHeight": 50}), "utf-8"
    )
    mf.write_mask(folder / "kinds.png", np.zeros((50, 60), np.uint8))


@pytest.fixture(scope="module", params=["labelme", "x-anylabeling"])
def judged(request, samples, tmp_path_factory) -> tuple[str, Path, Path, Any]:
    """Return the writer, what it wrote, what its tool saved of that, and what the tool said."""
    writer = request.param
    folder = tmp_path_factory.mktemp(writer)
    classes = mf.load_class_map(samples / "classes.toml")
    save_every_kind(folder / "kinds")
    for source in [*(samples / one for one in FORMATS), folder / "kinds"]:
        out = folder / "written" / source.name
        mf.export(source, out, format=writer, classes=classes, image_files="copy")
    shapes = [shape for image in mf.read(folder / "written") for shape in image.shapes]
    labels = {label for shape in shapes for label in shape.labels}
    values = {label: classes.value(label) or 0 for label in labels}
    if writer == "labelme":
        program, extra = "labelme_files.py", [json.dumps(values)]
    else:
        program, extra = "x_anylabeling_files.py", []
    verdicts = in_environment(
        writer, PROGRAMS / program, folder / "written", folder / "saved", *extra
    )
    return writer, folder / "written", folder / "saved", verdicts


def test_every_file_is_opened(judged):
    writer, _, _, verdicts = judged
    assert len(verdicts) > 10
    assert {name: one["error"] for name, one in verdicts.items() if "error" in one} == {}
    kinds = {kind for one in verdicts.values() for kind in one["kinds"]}
    assert kinds == (LABELME | {"mask"} if writer == "labelme" else X_ANYLABELING)


def test_what_the_tool_saves_is_what_was_written(judged, samples):
    """Unknown keys, scores and tags, too; pixel for pixel."""
    _, written, saved, _ = judged
    classes = mf.load_class_map(samples / "classes.toml")
    before = {image.origin.file.relative_to(written): image for image in mf.read(written)}
    after = {
        image.origin.file.relative_to(saved): image for image in mf.read(saved, images=written)
    }
    assert after.keys() == before.keys()
    for name, image in before.items():
        again = after[name]
        assert again.tags == image.tags
        assert again.extra.get("mine") == image.extra.get("mine")
        for one, other in zip(image.shapes, again.shapes, strict=True):
            assert (one.labels, one.kind, one.instance) == (
                other.labels,
                other.kind,
                other.instance,
            )
            assert (one.score, one.extra.get("mine")) == (other.score, other.extra.get("mine"))
        assert (mf.draw(again, classes).mask == mf.draw(image, classes).mask).all(), name


def test_labelme_draws_the_same_but_for_the_rim(judged, samples):
    """LabelMe fills the outline itself, too, so regions grow by up to a pixel; see the docs."""
    writer, written, saved, _ = judged
    if writer != "labelme":
        pytest.skip("only LabelMe draws masks")
    classes = mf.load_class_map(samples / "classes.toml")
    pixels = differing = 0
    for image in mf.read(written):
        ours = mf.draw(image, classes).mask
        theirs = np.load(saved / image.origin.file.relative_to(written).with_suffix(".npy"))
        is_other = ours != theirs
        rim = np.pad(np.zeros_like(ours), ((0, 1), (0, 1)))  # outlines end at the edges
        for shape in image.shapes:
            for part in shape.geometry.parts if isinstance(shape.geometry, Area) else ():
                cv2.polylines(rim, [np.floor(part.exterior).astype(int)], isClosed=True, color=1)
        near = cv2.dilate(rim, np.ones((3, 3)))[:-1, :-1] > 0
        assert not (is_other & ~near).any(), image.origin.file
        pixels += ours.size
        differing += int(is_other.sum())
    assert 0 < differing < pixels / 20


def test_labelme_5_opens_every_file_too(tmp_path, samples):
    """Many still use it."""
    classes = mf.load_class_map(samples / "classes.toml")
    for source in FORMATS:
        mf.export(
            samples / source,
            tmp_path / source,
            format="labelme",
            classes=classes,
            image_files="copy",
        )
    documents = {
        path.relative_to(tmp_path).as_posix(): json.loads(path.read_text("utf-8"))
        for path in tmp_path.rglob("[!.]*.json")
    }
    labels = {shape["label"] for one in documents.values() for shape in one["shapes"]}
    values = json.dumps({label: number for number, label in enumerate(labels, 1)})
    found = in_environment("labelme-5", PROGRAMS / "labelme_5_files.py", tmp_path, values)
    assert found.keys() == documents.keys()
    for name, document in documents.items():
        assert len(found[name]["shapes"]) == len(document["shapes"])
        assert (found[name]["drawn"] > 0) == bool(document["shapes"])
        for theirs, ours in zip(found[name]["shapes"], document["shapes"], strict=True):
            assert theirs.items() <= ours.items()
