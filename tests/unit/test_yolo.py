"""Data sets of YOLO: what each line becomes, which images there are, and what is written."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import yaml

import maskforge as mf
from maskforge.formats.yolo.rings import joined, split_at_bridges
from maskforge.formats.yolo.writer import clipped
from maskforge.images.annotated_image import AnnotatedImage
from maskforge.issues import Code
from maskforge.shapes import ImageState, Size

WIDTH, HEIGHT = 8, 4
SQUARE = "0.125 0.25 0.375 0.25 0.375 0.75 0.125 0.75"
"""Rows 1 and 2 of columns 1 and 2."""

TWO_BY_TWO = np.zeros((HEIGHT, WIDTH), int)
TWO_BY_TWO[1:3, 1:3] = 1


def save_image(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    mf.write_mask(path, np.zeros((HEIGHT, WIDTH), np.uint8))


def data_set(folder: Path, data: str = "train: images/train", **labels: str | None) -> Path:
    """Write a data set with the lines of every image; None is an image without label file."""
    (folder / "data.yaml").write_text(f"{data}\nnames: [caries, pulp]\n")
    for name, text in labels.items():
        save_image(folder / "images" / "train" / f"{name}.png")
        if text is not None:
            path = folder / "labels" / "train" / f"{name}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    return folder


def read(source: Path, **options: object) -> list[AnnotatedImage]:
    return list(mf.read(source, **options))


def read_lines(folder: Path, *lines: str, data: str = "train: images/train") -> AnnotatedImage:
    (image,) = read(data_set(folder, data, a="\n".join(lines)))
    return image


def pixels(image: AnnotatedImage) -> np.ndarray:
    made = [
        mf.MaskClass(id_, name, (id_, 0, 0), (name,)) for id_, name in ((1, "caries"), (2, "pulp"))
    ]
    return mf.draw(image, mf.ClassMap(tuple(made))).mask


# --- Data sets


def test_an_empty_file_is_an_empty_image_and_a_missing_one_is_not(tmp_path):
    found = read(data_set(tmp_path, a=f"0 {SQUARE}", b="", c="\n \n", d=None))
    assert {one.image.name: one.state for one in found} == {
        "a.png": ImageState.ANNOTATED,
        "b.png": ImageState.EMPTY,
        "c.png": ImageState.EMPTY,
        "d.png": ImageState.UNVISITED,
    }
    assert {one.format for one in found} == {"yolo"}
    assert all(one.image.match == "path" for one in found)


def test_labels_without_image_are_told(tmp_path):
    data_set(tmp_path, a="")
    (tmp_path / "labels" / "train" / "b.txt").write_text(f"0 {SQUARE}")
    first, second = read(tmp_path)
    assert (first.refusal, second.refusal.code) == (None, Code.SIZE_UNKNOWN)
    assert second.record_count == 1
    (image,) = [one for one in read(tmp_path, size=(WIDTH, HEIGHT)) if one.shapes]
    assert (pixels(image) == TWO_BY_TWO).all()


@pytest.mark.parametrize(
    "names", ["[caries, pulp]", "{0: caries, 1: pulp}", "{'1': pulp, '0': caries}"]
)
def test_names_are_a_list_or_by_number(tmp_path, names):
    data_set(tmp_path, a=f"1 {SQUARE}\n0 {SQUARE}\n5 {SQUARE}")
    (tmp_path / "data.yaml").write_text(f"train: images/train\nnames: {names}\n")
    (image,) = read(tmp_path)
    assert [shape.labels for shape in image.shapes] == [("pulp",), ("caries",), ()]
    assert image.shapes[2].label_issue.code is Code.UNRESOLVED_CLASS


@pytest.mark.parametrize(
    "data",
    [
        "path: .\ntrain: images",
        "path: ../elsewhere\ntrain: images/train",  # as it was on another machine
        "train: ../images/train",  # as Roboflow writes it
        "train: [images/train]\nval: images/train",
        "train: list.txt",
        "path: /datasets/x\nval: images",
    ],
)
def test_folders_are_found_as_ultralytics_and_roboflow_write_them(tmp_path, data):
    data_set(tmp_path, data, a=f"0 {SQUARE}")
    (tmp_path / "list.txt").write_text("./images/train/a.png\n")
    (image,) = read(tmp_path)
    assert (pixels(image) == TWO_BY_TWO).all()


def test_labels_may_lie_beside_the_images(tmp_path):
    save_image(tmp_path / "all" / "a.png")
    (tmp_path / "all" / "a.txt").write_text(f"0 {SQUARE}")
    (tmp_path / "all" / "classes.txt").write_text("caries\n")
    (tmp_path / "data.yaml").write_text("train: all\nnames: [caries]\n")
    (image,) = read(tmp_path)
    assert (pixels(image) == TWO_BY_TWO).all()


def test_nothing_outside_of_the_source_is_looked_at(tmp_path):
    save_image(tmp_path / "secret" / "images" / "a.png")
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "data.yaml").write_text("path: ..\ntrain: secret/images\nnames: [caries]\n")
    reader = mf.read(inner / "data.yaml")
    assert list(reader) == []
    assert {issue.code for issue in reader.issues} == {Code.INVALID_FILE}


@pytest.mark.parametrize(
    "text",
    [
        "train: a\nepochs: 3",
        "- train",
        "jobs:\n  test: {runs-on: x}",
        "a: &a [*a]\ntrain: x",
    ],
)
def test_other_yaml_is_passed_over_without_a_word(tmp_path, text):
    (tmp_path / "config.yaml").write_text(text)
    reader = mf.read(tmp_path)
    assert list(reader) == []
    assert reader.issues == []


def test_damaged_names_cost_the_data_set(tmp_path):
    data_set(tmp_path, a="")
    (tmp_path / "data.yaml").write_text("train: images/train\nnames: [a, [b]]\n")
    reader = mf.read(tmp_path)
    assert list(reader) == []
    assert [issue.code for issue in reader.issues] == [Code.INVALID_FILE]


# --- Text files alone


def test_text_files_are_read_if_the_format_is_named(tmp_path):
    save_image(tmp_path / "a.png")
    (tmp_path / "a.txt").write_text(f"1 {SQUARE}")
    (tmp_path / "notes.txt").write_text("a tooth\n")
    assert read(tmp_path) == []
    reader = mf.read(tmp_path, format="yolo")
    (image,) = reader
    assert image.shapes[0].labels == ("1",)
    (tmp_path / "classes.txt").write_text("caries\npulp\n")
    (image,) = read(tmp_path, format="yolo")
    assert image.shapes[0].labels == ("pulp",)
    assert (pixels(image) == TWO_BY_TWO * 2).all()


def test_a_label_file_finds_its_image_and_its_names(tmp_path):
    data_set(tmp_path, a=f"1 {SQUARE}")
    (image,) = read(tmp_path / "labels", format="yolo", images=tmp_path / "images")
    assert image.shapes[0].labels == ("1",)  # nothing above the source is looked at
    assert image.image.file == tmp_path / "images" / "train" / "a.png"


# --- Lines


def test_polygons_boxes_and_scores(tmp_path):
    box = "0.25 0.5 0.25 0.5"
    image = read_lines(tmp_path, f"0 {SQUARE}", f"0 {box}", f"0 {box} 0.75", f"0 {SQUARE} 0.5")
    assert [shape.kind for shape in image.shapes] == ["polygon", "bbox", "bbox", "polygon"]
    assert [shape.score for shape in image.shapes] == [None, None, 0.75, 0.5]
    for shape in image.shapes:
        assert (mf.rasterize([shape.geometry], (WIDTH, HEIGHT)) == TWO_BY_TWO).all()
    assert image.shapes[1].primitive == {"coordinates": box}


def test_key_points_are_kept_beside_their_box(tmp_path):
    line = "0 0.25 0.5 0.25 0.5 0.1 0.1 2"
    image = read_lines(tmp_path, line, data="train: images/train\nkpt_shape: [1, 3]")
    (shape,) = image.shapes
    assert (shape.kind, shape.extra) == ("bbox", {"class": 0, "rest": "0.1 0.1 2"})
    assert (pixels(image) == TWO_BY_TWO).all()


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("x 0.1 0.2 0.3 0.4", Code.INVALID_RECORD),
        ("0.5 0.1 0.2 0.3 0.4", Code.INVALID_RECORD),
        ("-1 0.1 0.2 0.3 0.4", Code.INVALID_RECORD),
        ("0 0.1 0.2 0.3 nan", Code.INVALID_COORDINATES),
        ("0 0.1 0.2 -0.3 0.4", Code.INVALID_COORDINATES),
        ("0 120 33 150 41", Code.INVALID_COORDINATES),
        ("0 0.1 0.2", Code.TOO_FEW_POINTS),
        ("0 0.1 0.2 0.3", Code.INVALID_COORDINATES),
        ("0", Code.INVALID_COORDINATES),
        ("0 0.1 0.1 0.2 0.2 0.1 0.1", Code.TOO_FEW_POINTS),
        ("0 0,1 0,2 0,3 0,4", Code.INVALID_COORDINATES),
    ],
)
def test_what_cannot_be_read_costs_the_line_alone(tmp_path, line, code):
    image = read_lines(tmp_path, f"0 {SQUARE}", "", line)
    (issue,) = image.issues
    assert (issue.code, issue.origin.pointer) == (code, "line 3")
    assert (pixels(image) == TWO_BY_TWO).all()
    assert image.extra["lines"] == [line]


def test_bytes_that_are_no_text_cost_their_file_alone(tmp_path):
    data_set(tmp_path, a="", b="")
    (tmp_path / "labels" / "train" / "b.txt").write_bytes(b"\xff\x00\x81 0.1")
    reader = mf.read(tmp_path)
    assert [image.image.name for image in reader] == ["a.png"]
    assert [issue.origin.file.name for issue in reader.issues] == ["b.txt"]


# --- Rings


def ring(*points: tuple[float, float]) -> np.ndarray:
    return np.array(points, float)


OUTER = ring((0, 0), (8, 0), (8, 4), (0, 4))
INNER = ring((1, 1), (3, 1), (3, 3), (1, 3))
APART = ring((9, 0), (12, 0), (12, 3))


def test_parts_become_one_ring_and_parts_again():
    together = joined([OUTER, APART])
    area = split_at_bridges(together)
    assert len(area.parts) == 2
    size = (14, 5)
    expected = mf.rasterize([mf.Polygon(OUTER), mf.Polygon(APART)], size)
    for polygon in (mf.Polygon(together), *[area]):
        assert (mf.rasterize([polygon], size) == (expected > 0)).all()


def test_a_hole_that_was_cut_becomes_a_hole_again():
    """By hand: along the outer ring, into the hole, around it, and back."""
    cut = ring((0, 0), (1, 1), (1, 3), (3, 3), (3, 1), (1, 1), (0, 0), (8, 0), (8, 4), (0, 4))
    (part,) = split_at_bridges(cut).parts
    assert {tuple(one) for one in part.exterior} == {tuple(one) for one in OUTER}
    (hole,) = part.holes
    assert {tuple(one) for one in hole} == {tuple(one) for one in INNER}


def test_rings_that_cannot_be_sorted_cover_the_same_pixels():
    random = np.random.default_rng(1)
    for _ in range(50):
        rings = [random.integers(0, 12, (5, 2)).astype(float) for _ in range(4)]
        together = rings[0]
        for one in rings[1:]:
            at = int(random.integers(0, len(together)))
            together = np.concatenate((together[: at + 1], one, one[:1], together[at:]))
        expected = np.zeros((12, 12), int)
        for one in rings:
            expected ^= mf.rasterize([mf.Polygon(one)], (12, 12))
        assert (mf.rasterize([split_at_bridges(together)], (12, 12)) == expected).all()


def test_parts_that_overlap_stay_apart():
    assert joined([OUTER, INNER]) is None


def test_what_is_outside_is_cut_off_and_covers_the_same_pixels():
    random = np.random.default_rng(2)
    size = Size(8, 6)
    for number in range(400):
        points = np.round(random.uniform(-6, 14, (7, 2)) * 2) / 2
        if number % 2:
            points = np.round(random.uniform(-6, 14, (7, 2)), 2)
        inside = clipped(points, size)
        expected = mf.rasterize([mf.Polygon(points)], size)
        if inside is None:
            assert not expected.any()
        else:
            assert inside.min() >= 0
            assert (inside <= size).all()
            assert (mf.rasterize([mf.Polygon(inside)], size) == expected).all()


# --- Writing


def test_coordinates_come_back_to_the_last_bit(tmp_path):
    """Halves and hundredths, in an image whose sides no fraction divides evenly."""
    random = np.random.default_rng(3)
    width, height = 577, 433
    points = [np.round(random.uniform(0, 433, (9, 2)) * 2) / 2 for _ in range(20)]
    points += [np.round(random.uniform(0, 433, (9, 2)), 2) for _ in range(20)]
    shapes = [
        {"label": "caries", "points": one.tolist(), "shape_type": "polygon", "flags": {}}
        for one in points
    ]
    (tmp_path / "in").mkdir()
    size = {"imageWidth": width, "imageHeight": height, "imagePath": "a.png", "imageData": None}
    document = {"version": "5.4.1", "flags": {}, "shapes": shapes} | size
    (tmp_path / "in" / "a.json").write_text(json.dumps(document))
    mf.write_mask(tmp_path / "in" / "a.png", np.zeros((height, width), np.uint8))
    mf.export(tmp_path / "in", tmp_path / "out", format="yolo")
    (image,) = read(tmp_path / "out")
    for shape, expected in zip(image.shapes, points, strict=True):
        assert (shape.geometry.parts[0].exterior == expected).all()


def test_own_data_sets_keep_their_parts_names_and_lines(tmp_path):
    source = tmp_path / "in"
    source.mkdir()
    data = "train: images/train\nval: images/val\nlicense: MIT\nnc: 2"
    lines = [f"1 {SQUARE}", "0 0.25 0.5 0.25 0.5", "0 0.1 0.2"]
    data_set(source, data, a="\n".join(lines))
    save_image(source / "images" / "val" / "b.png")
    (source / "labels" / "val").mkdir()
    (source / "labels" / "val" / "b.txt").write_text("")
    mf.export(source, tmp_path / "out", format="yolo")
    out = tmp_path / "out"
    assert (out / "labels" / "train" / "a.txt").read_text().splitlines() == lines
    assert (out / "labels" / "val" / "b.txt").read_text() == ""
    assert (out / "images" / "val" / "b.png").is_file()
    assert yaml.safe_load((out / "data.yaml").read_text()) == {
        "path": ".",
        "train": "images/train",
        "val": "images/val",
        "names": {0: "caries", 1: "pulp"},
        "license": "MIT",
    }
