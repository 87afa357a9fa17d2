"""Reading files of VoTT version 1: three units, keys of three kinds, marks of empty images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from vott_documents import bounds, codes, image_file, points, read_all, read_one, vertices, write

from maskforge.issues import Code, Level
from maskforge.shapes import ImageState, PointSet, Polyline, Size

CORNERS = ("x1", "y1", "x2", "y2")


def corners(*numbers: float) -> dict[str, float]:
    return dict(zip(CORNERS, numbers, strict=True))


def displayed(*numbers: float, size: tuple[float, float], **keys: Any) -> dict[str, Any]:
    """A region of before 1.5: corners as displayed, and the displayed size."""
    rest = {"UID": "c77e3f70", "id": 1, "type": "Rectangle", "tags": ["caries"], "name": 1}
    return corners(*numbers) | {"width": size[0], "height": size[1]} | rest | keys


def boxed(*numbers: float, size: tuple[float, float] = (200, 100), **keys: Any) -> dict[str, Any]:
    """A region of 1.5 and later: the corners are in pixels, and ``box`` repeats them."""
    return displayed(*numbers, size=size) | {"box": corners(*numbers)} | keys


def document(frames: dict[str, Any], /, **keys: Any) -> dict[str, Any]:
    return {
        "frames": frames,
        "framerate": "1",
        "inputTags": "caries,crown,",
        "suggestiontype": "track",
        "scd": False,
        "visitedFrames": list(frames),
        "tag_colors": ["#f9e90c", "#09ada0"],
    } | keys


def write_one(folder: Path, *regions: Any, **keys: Any) -> Path:
    return write(folder / "teeth.json", document({"tooth.png": list(regions)}, **keys))


# Units


def test_displayed_units_are_scaled_to_the_image(tmp_path):
    """The image is twice as wide and four times as high as it was on the screen."""
    image_file(tmp_path / "teeth" / "tooth.png", (200, 200))
    image = read_one(write_one(tmp_path, displayed(10, 5, 30, 20, size=(100, 50))))
    assert bounds(image.shapes[0]) == (20, 20, 60, 80)
    assert image.image.size == Size(200, 200)
    assert codes(image) == [Code.SIZE_SCALED]


def test_displayed_units_without_the_image_are_refused(tmp_path):
    image = read_one(write_one(tmp_path, displayed(10, 5, 30, 20, size=(100, 50))))
    assert codes(image) == [Code.SIZE_UNKNOWN]
    assert image.image.size is None


def test_displayed_at_full_size_needs_no_scaling(tmp_path):
    image_file(tmp_path / "teeth" / "tooth.png", (200, 100))
    image = read_one(write_one(tmp_path, displayed(10, 5, 30, 20, size=(200, 100))))
    assert bounds(image.shapes[0]) == (10, 5, 30, 20)
    assert codes(image) == []


def test_window_resized_between_two_regions(tmp_path):
    """Both regions cover the same quarter of the image."""
    image_file(tmp_path / "teeth" / "tooth.png", (200, 100))
    small = displayed(0, 0, 25.25, 12.75, size=(50.5, 25.5))
    image = read_one(write_one(tmp_path, displayed(0, 0, 40, 20, size=(80, 40)), small))
    for shape in image.shapes:
        np.testing.assert_allclose(bounds(shape), (0, 0, 100, 50), rtol=1e-12)


def test_box_is_in_pixels_of_the_image(tmp_path):
    image = read_one(write_one(tmp_path, boxed(10.5, 5, 30, 20)))
    assert bounds(image.shapes[0]) == (10.5, 5, 30, 20)
    assert image.image.size == Size(200, 100)
    assert codes(image) == []


@pytest.mark.parametrize("real", [(200, 100), (301, 77)])
def test_box_added_to_an_older_region_tells_the_size_of_the_image(tmp_path, real):
    """1.5 and later add ``box`` and leave the displayed corners as they were."""
    width, height = real
    old = displayed(9, 7, 30, 20, size=(97, 53))
    sx, sy = width / 97, height / 53
    image = read_one(write_one(tmp_path, old | {"box": corners(9 * sx, 7 * sy, 30 * sx, 20 * sy)}))
    assert image.image.size == Size(width, height)
    np.testing.assert_allclose(bounds(image.shapes[0]), (9 * sx, 7 * sy, 30 * sx, 20 * sy))


def test_box_at_the_corner_of_the_image_tells_its_size_just_as_well(tmp_path):
    old = displayed(0, 0, 30, 20, size=(100, 50)) | {"box": corners(0, 0, 60, 80)}
    assert read_one(write_one(tmp_path, old)).image.size == Size(200, 200)


def test_old_and_new_regions_on_one_image(tmp_path):
    """The new region's size gives the scale of the old one, even without the image."""
    old = displayed(10, 5, 30, 20, size=(100, 50))
    image = read_one(write_one(tmp_path, old, boxed(1, 2, 3, 4, size=(200, 200))))
    assert [bounds(shape) for shape in image.shapes] == [(20, 20, 60, 80), (1, 2, 3, 4)]
    assert image.image.size == Size(200, 200)


def test_box_without_the_size_takes_the_size_of_the_image(tmp_path):
    image_file(tmp_path / "teeth" / "tooth.png", (200, 100))
    record = {"box": corners(1, 2, 3, 4), "tags": ["caries"]}
    image = read_one(write_one(tmp_path, record))
    assert bounds(image.shapes[0]) == (1, 2, 3, 4)
    assert image.image.size == Size(200, 100)
    assert image.shapes[0].kind == "rect"


def test_boxes_on_images_of_different_sizes_contradict_each_other(tmp_path):
    image = read_one(write_one(tmp_path, boxed(1, 2, 3, 4), boxed(1, 2, 3, 4, size=(90, 80))))
    assert len(image.shapes) == 1
    (issue,) = image.issues[:1]
    assert issue.code is Code.INVALID_RECORD
    assert issue.origin.pointer == "$.frames['tooth.png'][1]"
    assert "90 x 80" in issue.message
    assert "200 x 100" in issue.message


def test_image_of_another_size_than_the_boxes_is_a_mismatch(tmp_path):
    image_file(tmp_path / "teeth" / "tooth.png", (400, 200))
    assert codes(read_one(write_one(tmp_path, boxed(1, 2, 3, 4)))) == [Code.SIZE_MISMATCH]


# Regions


@pytest.mark.parametrize("kind", ["rect", "Rectangle", "Square", "", None])
def test_boxes_of_every_name(tmp_path, kind):
    (shape,) = read_one(write_one(tmp_path, boxed(30, 20, 10, 5, type=kind))).shapes
    assert bounds(shape) == (10, 5, 30, 20)
    assert len(vertices(shape)) == 4


@pytest.mark.parametrize(("kind", "class_"), [("polyline", Polyline), ("point", PointSet)])
def test_lines_and_points(tmp_path, kind, class_):
    record = boxed(1, 2, 3, 4, type=kind, points=points((1, 2), (3, 4)))
    (shape,) = read_one(write_one(tmp_path, record)).shapes
    assert isinstance(shape.geometry, class_)
    np.testing.assert_array_equal(shape.geometry.points, [(1, 2), (3, 4)])


def test_polygon_is_its_points_and_not_its_box(tmp_path):
    record = boxed(1, 2, 9, 9, type="polygon", points=points((1, 2), (9, 2), (5, 9)))
    (shape,) = read_one(write_one(tmp_path, record)).shapes
    np.testing.assert_array_equal(vertices(shape), [(1, 2), (9, 2), (5, 9)])


@pytest.mark.parametrize(
    ("tags", "labels"), [(["crown", "caries"], ("crown", "caries")), ([], ()), (None, ())]
)
def test_tags(tmp_path, tags, labels):
    (shape,) = read_one(write_one(tmp_path, boxed(1, 2, 3, 4, tags=tags))).shapes
    assert shape.labels == labels
    assert (shape.label_issue is None) == bool(labels)
    assert shape.extra == {"UID": "c77e3f70", "id": 1, "name": 1}


@pytest.mark.parametrize(
    ("record", "code"),
    [
        ("text", Code.INVALID_RECORD),
        (boxed(1, 2, 3, 4, type="circle"), Code.UNKNOWN_KIND),
        (boxed(1, 2, 3, 4, type=3), Code.INVALID_RECORD),
        (boxed(1, 2, 3, 4, tags=[None]), Code.INVALID_RECORD),
        (boxed(1, 2, 3, 4, box={"x1": 1}), Code.INVALID_COORDINATES),
        (boxed(1, 2, 3, 4, box=corners(1, 2, 3, float("nan"))), Code.INVALID_COORDINATES),
        (displayed(1, 2, 3, 4, size=(0, 50)), Code.INVALID_COORDINATES),
        (displayed(1, 2, 3, 4, size=(100, float("inf"))), Code.INVALID_COORDINATES),
        ({"x1": 1, "y1": 2, "x2": 3, "y2": 4, "tags": []}, Code.INVALID_COORDINATES),
        (boxed(1, 2, 3, 4, type="polygon"), Code.INVALID_RECORD),
        (boxed(1, 2, 3, 4, type="polygon", points=points((1, 2))), Code.TOO_FEW_POINTS),
        (displayed(1, 2, 3, 4, size=(10, 5), box=None, type="POLYLINE"), Code.INVALID_RECORD),
    ],
)
def test_a_bad_region_costs_only_itself(tmp_path, record, code):
    image = read_one(write_one(tmp_path, boxed(1, 2, 3, 4), record, boxed(5, 6, 7, 8)))
    assert [bounds(shape) for shape in image.shapes] == [(1, 2, 3, 4), (5, 6, 7, 8)]
    (issue,) = [issue for issue in image.issues if issue.loses_record]
    assert issue.code is code
    assert issue.origin.pointer.startswith("$.frames['tooth.png'][1]")
    assert image.record_count == 3


# Images and their states


def test_states(tmp_path):
    frames = {"a.png": [boxed(1, 2, 3, 4)], "b.png": [], "c.png": [], "d.png": [{}], "e.png": None}
    visited = ["a.png", "b.png", "f.png"]
    path = write(tmp_path / "teeth.json", document(frames, visitedFrames=visited))
    for name in "abcdef":
        image_file(tmp_path / "teeth" / f"{name}.png", (200, 100))
    image_file(tmp_path / "teeth" / "listed-nowhere.png")
    images, reader = read_all(path)
    assert {image.image.name: str(image.state) for image in images} == {
        "a.png": "annotated",
        "b.png": "empty",
        "c.png": "unvisited",
        "d.png": "empty",
        "e.png": "unvisited",
        "f.png": "empty",
    }
    (mark,) = [issue for image in images for issue in image.issues]
    assert (mark.code, mark.level) == (Code.NOT_A_SHAPE, Level.IGNORED)
    assert mark.origin.pointer == "$.frames['d.png'][0]"
    assert reader.issues == []


def test_names_are_not_percent_encoded(tmp_path):
    expected = image_file(tmp_path / "teeth" / "a%20b.png", (200, 100))
    path = write(tmp_path / "teeth.json", document({"a%20b.png": [boxed(1, 2, 3, 4)]}))
    image = read_one(path)
    assert image.image.name == "a%20b.png"
    assert image.image.file == expected


def test_positions_in_the_sorted_folder(tmp_path):
    """Before 1.0.8 or so the keys were positions, and so were the visited frames."""
    for name in ("b.jpg", "a.png", "c.JPEG", "notes.txt", "x.tif"):
        image_file(tmp_path / "teeth" / name, (200, 100))
    frames = {"0": [boxed(1, 2, 3, 4)], "2": [boxed(5, 6, 7, 8)]}
    path = write(tmp_path / "teeth.json", document(frames, visitedFrames=[0, 1, 2]))
    images, reader = read_all(path)
    assert {image.image.name: image.state for image in images} == {
        "a.png": ImageState.ANNOTATED,
        "c.JPEG": ImageState.ANNOTATED,
        "b.jpg": ImageState.EMPTY,
    }
    assert codes(reader) == [Code.LOSSY_SOURCE]


@pytest.mark.parametrize(
    ("names", "text"),
    [((), "position 1 of 0"), (("a.png",), "position 1 of 1"), (("B.png", "a.png"), "depending")],
)
def test_position_that_leads_to_no_certain_image_is_refused(tmp_path, names, text):
    for name in names:
        image_file(tmp_path / "teeth" / name)
    path = write(tmp_path / "teeth.json", document({"1": [boxed(1, 2, 3, 4)]}))
    image = read_one(path)
    assert image.refusal is not None
    assert image.refusal.code is Code.INVALID_IMAGE_RECORD
    assert text in image.refusal.message


def test_video_frames_need_images(tmp_path):
    """Version 1 exports a frame as an image called after the video and the frame's number."""
    expected = image_file(tmp_path / "frames" / "clip_frame_2.jpg", (200, 100))
    frames = {"1": [boxed(1, 2, 3, 4)], "2": [boxed(1, 2, 3, 4)], "3": []}
    write(tmp_path / "clip.mp4.json", document(frames, visitedFrames=[1, 2]))
    first, second, third = read_all(tmp_path)[0]
    assert codes(first) == [Code.VIDEO]
    assert first.refusal is not None
    assert "clip_frame_1.jpg" in first.refusal.hint
    assert second.image.file == expected
    assert second.refusal is None
    assert third.refusal is not None
    assert third.refusal.level is Level.IGNORED
    assert third.state is ImageState.UNVISITED


# The file as a whole


def test_tags_outside_the_list_are_noted(tmp_path):
    _, reader = read_all(write_one(tmp_path, boxed(1, 2, 3, 4, tags=["bone"])))
    assert codes(reader) == [Code.UNLISTED_LABEL]


@pytest.mark.parametrize("tags", ["", ",", None, []])
def test_file_without_a_list_of_tags_has_nothing_to_compare(tmp_path, tags):
    _, reader = read_all(write_one(tmp_path, boxed(1, 2, 3, 4), inputTags=tags))
    assert reader.issues == []


@pytest.mark.parametrize(
    ("keys", "pointer"),
    [
        ({"frames": []}, "$.frames"),
        ({"visitedFrames": "a.png"}, "$.visitedFrames"),
        ({"visitedFrames": [None]}, "$.visitedFrames[0]"),
        ({"inputTags": 3}, "$.inputTags"),
    ],
)
def test_malformed_top_level_refuses_the_file(tmp_path, keys, pointer):
    images, reader = read_all(write_one(tmp_path, boxed(1, 2, 3, 4), **keys))
    assert images == []
    (issue,) = reader.issues
    assert (issue.code, issue.origin.pointer) == (Code.INVALID_FILE, pointer)


@pytest.mark.parametrize(("key", "regions"), [("tooth.png", {"x1": 3}), ("", []), ("..", [])])
def test_malformed_frame_is_refused_alone(tmp_path, key, regions):
    frames = {key: regions, "molar.png": [boxed(1, 2, 3, 4)]}
    bad, good = read_all(write(tmp_path / "teeth.json", document(frames)))[0]
    assert codes(bad) == [Code.INVALID_IMAGE_RECORD]
    assert good.refusal is None
