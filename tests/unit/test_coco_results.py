"""COCO's result files: what a network has found, with pycocotools as the judge."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from coco_files import CATEGORIES, HEIGHT, RUNS, SQUARE, WIDTH, image, pixels, read, write
from PIL import Image

import maskforge as mf
from maskforge.issues import Code
from maskforge.shapes import ImageState

IMAGES = [image(1, "a.png"), image(2, "b.png"), image(3, "c.png")]


def result(image_id: object = 1, score: float = 0.75, **keys: Any) -> dict[str, Any]:
    return {"image_id": image_id, "category_id": 3, "score": score} | keys


def write_results(folder: Path, *results: Any, name: str = "results.json") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(json.dumps(results))
    return folder / name


def test_images_and_categories_are_those_of_the_file_beside(tmp_path):
    write(tmp_path, images=IMAGES)
    path = write_results(
        tmp_path,
        result(2, segmentation=[SQUARE]),
        result(1, 0.5, segmentation=RUNS, category_id=7),
        result(1, 0.25, bbox=[0, 0, 2, 1]),
    )
    detection = mf.detect(path)
    assert (detection.format, detection.variant) == ("coco", "results")
    first, second, third = read(path)
    assert [one.image.name for one in (first, second, third)] == ["a.png", "b.png", "c.png"]
    assert [(one.labels, one.kind, one.score) for one in first.shapes] == [
        (("pulp",), "rle", 0.5),
        (("caries",), "bbox", 0.25),
    ]
    assert [one.score for one in second.shapes] == [0.75]
    assert second.shapes[0].origin.file == path
    assert second.shapes[0].origin.pointer == "$[0]"
    assert (first.state, third.state) == (ImageState.ANNOTATED, ImageState.EMPTY)
    expected = np.zeros((HEIGHT, WIDTH), int)
    expected[1:3, 1:3] = 1
    assert (pixels(second) == expected).all()


def test_the_file_that_knows_most_of_the_images_is_taken(tmp_path):
    folder = tmp_path / "annotations"
    folder.mkdir()
    write(folder, images=[image(2, "of-training.png")], name="a_train.json")
    write(folder, images=IMAGES, name="b_val.json")
    (folder / "notes.json").write_text('{"images": 5, "categories": "x"}')
    (folder / "cut.json").write_text('{"images": [], "categories"')
    path = write_results(tmp_path / "results", result(1), result(2), result(9))
    found = read(path)
    assert [one.image.name for one in found[:3]] == ["a.png", "b.png", "c.png"]
    assert found[3].refusal.code is Code.UNLISTED_IMAGE


def test_results_alone_say_what_they_need(tmp_path):
    path = write_results(tmp_path, result(segmentation=[SQUARE]))
    write(tmp_path, images=[image(5)], name="others.json")
    reader = mf.read(path)
    assert list(reader) == []
    (issue,) = reader.issues
    assert issue.code is Code.INVALID_FILE
    assert "annotation file" in issue.hint


@pytest.mark.parametrize(
    "damage", [5, {"image_id": 1, "category_id": 3, "score": 1}, result(1, segmentation="x")]
)
def test_a_damaged_result_costs_itself_alone(tmp_path, damage):
    write(tmp_path, images=IMAGES)
    found = read(write_results(tmp_path, result(segmentation=[SQUARE]), damage))
    assert sum(len(one.shapes) for one in found) == 1
    lost = [issue for one in found for issue in one.issues if issue.loses_record]
    assert [issue.origin.pointer[:4] for issue in lost] == ["$[1]"]


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_pycocotools_loads_the_same(tmp_path):
    judge = pytest.importorskip("pycocotools.coco")
    coco_masks = pytest.importorskip("pycocotools.mask")
    random = np.random.default_rng(3)
    results = []
    for id_ in (1, 2, 3):
        for _ in range(5):
            drawn = np.asfortranarray(random.integers(0, 2, (HEIGHT, WIDTH), dtype=np.uint8))
            runs = coco_masks.encode(drawn)
            runs["counts"] = runs["counts"].decode()
            category = int(random.choice([3, 7]))
            results.append(result(id_, float(random.random()), segmentation=runs))
            results[-1]["category_id"] = category
    listing = write(tmp_path, images=IMAGES)
    path = write_results(tmp_path, *results)
    with contextlib.redirect_stdout(io.StringIO()):
        truth = judge.COCO(str(listing))
        told = truth.loadRes(str(path))
    names = {one["id"]: one["name"] for one in CATEGORIES}
    for one in read(path):
        annotations = told.imgToAnns[one.extra["id"]]
        assert len(annotations) == len(one.shapes) == 5
        for shape, annotation in zip(one.shapes, annotations, strict=True):
            drawn = mf.rasterize([shape.geometry], one.image.size) > 0
            assert (drawn == told.annToMask(annotation).astype(bool)).all()
            assert shape.labels == (names[annotation["category_id"]],)
            assert shape.score == annotation["score"]


def test_results_become_annotations_of_another_tool(tmp_path):
    source = tmp_path / "in"
    source.mkdir()
    write(source, images=IMAGES[:1])
    path = write_results(source, result(segmentation=RUNS))
    Image.new("L", (WIDTH, HEIGHT)).save(source / "a.png")
    for format_ in ("labelme", "coco"):
        report = mf.export(path, tmp_path / format_, format=format_)
        assert not report.different
        (found,) = mf.read(tmp_path / format_)
        assert [(one.labels, one.score) for one in found.shapes] == [(("caries",), 0.75)]
