"""Label Studio's tasks: what is read of them, and what is written."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image
from rewriting import area, bitmap, facts, made, points, rewritten, shape, write_images

import maskforge as mf
from maskforge.formats.label_studio.brush import packed, unpacked
from maskforge.formats.label_studio.result_records import to_percent, to_pixels
from maskforge.images.annotated_image import AnnotatedImage
from maskforge.issues import Code, Level
from maskforge.limits.allowance import Allowance, Limit
from maskforge.shapes import Area, Bitmap, PointSet, Polyline, Shape, Size

SIZE = Size(40, 30)
POINTS = [[3.75, 10], [50.625, 15], [22.5, 95]]
RLE = [0, 0, 18, 192, 57, 27, 254, 171, 0, 191, 255, 196, 128, 192, 0]
"""What label_studio_sdk makes of 40 x 30 px with the four pixels after the first 43 painted."""


def result(kind: str, /, label: object = "caries", **value: Any) -> dict[str, Any]:
    labels = {kind: [label]} if kind.endswith("labels") else {}
    frame = {"image_rotation": 0, "original_width": 40, "original_height": 30}
    return {"id": "r1", "type": kind, "value": value | labels, "from_name": "label"} | frame


def annotation(*results: Any, **keys: Any) -> dict[str, Any]:
    return {"result": list(results), "was_cancelled": False} | keys


def task(*annotations: Any, image: object = "/data/upload/3/0a1b2c3d-tooth.png", **keys: Any):
    return {"id": 4, "data": {"image": image}, "annotations": list(annotations)} | keys


def write(folder: Path, root: Any) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / "export.json"
    path.write_text(json.dumps(root))
    return path


def read_task(folder: Path, *annotations: Any, **keys: Any) -> AnnotatedImage:
    (found,) = mf.read(write(folder, [task(*annotations, **keys)]))
    return found


def read_one(folder: Path, *results: Any) -> AnnotatedImage:
    return read_task(folder, annotation(*results))


def read_shape(folder: Path, record: Any) -> Shape:
    (found,) = read_one(folder, record).shapes
    return found


def codes(found: AnnotatedImage) -> list[Code]:
    return [one.code for one in found.issues if one.code is not Code.IMAGE_MISSING]


def lost(found: AnnotatedImage) -> list[mf.Issue]:
    return [issue for issue in found.issues if issue.loses_record]


# --- Shapes


def test_percent_become_pixels(tmp_path):
    found = read_shape(tmp_path, result("polygonlabels", points=POINTS, closed=True))
    assert points(found) == [[[[1.5, 3.0], [20.25, 4.5], [9.0, 28.5]]]]
    assert (found.labels, found.kind, found.instance) == (("caries",), "polygonlabels", None)
    assert found.extra["from_name"] == "label"
    assert found.primitive["value"]["points"] == POINTS
    assert found.origin.pointer == "$[0].annotations[0].result[0]"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (
            {"x": 50, "y": 50, "width": 25, "height": 20},
            [[20, 15], [30, 15], [30, 21], [20, 21]],
        ),
        (  # a quarter clockwise about the corner
            {"x": 50, "y": 50, "width": 25, "height": 20, "rotation": 90},
            [[20, 15], [20, 25], [14, 25], [14, 15]],
        ),
        (  # in pixels: percent of an image that is not square would shear it
            {"x": 50, "y": 50, "width": 25, "height": 20, "rotation": 30},
            [
                [20, 15],
                [20 + 10 * math.cos(math.pi / 6), 20],
                [20 + 10 * math.cos(math.pi / 6) - 3, 20 + 6 * math.cos(math.pi / 6)],
                [17, 15 + 6 * math.cos(math.pi / 6)],
            ],
        ),
    ],
)
def test_a_rectangle_turns_about_its_corner(tmp_path, value, expected):
    found = read_shape(tmp_path, result("rectanglelabels", **value))
    (part,) = found.geometry.parts
    np.testing.assert_allclose(part.exterior, expected, atol=1e-12)
    assert found.primitive == {"value": value | {"rectanglelabels": ["caries"]}}


def test_an_ellipse_has_its_radii_in_percent_of_both_sides(tmp_path):
    value = {"x": 50, "y": 50, "radiusX": 15, "radiusY": 10, "rotation": 30}
    found = read_shape(tmp_path, result("ellipselabels", **value))
    assert found.converted == "ellipse"
    x, y = (found.geometry.parts[0].exterior - (20, 15)).T
    cosine, sine = math.cos(math.pi / 6), math.sin(math.pi / 6)
    along, across = x * cosine + y * sine, y * cosine - x * sine
    np.testing.assert_allclose((along / 6) ** 2 + (across / 3) ** 2, 1)


def test_open_polygons_are_lines_and_key_points_are_points(tmp_path):
    line = read_shape(tmp_path, result("polygonlabels", points=POINTS, closed=False))
    assert isinstance(line.geometry, Polyline)
    spot = read_shape(tmp_path, result("keypointlabels", x=50, y=10, width=0.3))
    assert isinstance(spot.geometry, PointSet)
    assert points(spot) == [[20, 3]]


def test_labels_can_stand_in_a_second_result_of_the_same_id(tmp_path):
    box = {"x": 50, "y": 50, "width": 25, "height": 20}
    names = result("rectangle", **box, labels=["pulp", " "]) | {"type": "labels"}
    found = read_one(tmp_path, result("rectangle", **box), names, result("choices", choices=["a"]))
    assert [one.labels for one in found.shapes] == [("pulp",)]
    assert [one.code for one in lost(found)] == [Code.NOT_A_SHAPE, Code.NOT_A_SHAPE]
    assert found.tags == ()  # the choice is about the region
    assert [one["type"] for one in found.extra["result"]] == ["labels", "choices"]


def test_several_labels_and_none(tmp_path):
    several = result("polygonlabels", points=POINTS) | {"score": 0.25}
    several["value"]["polygonlabels"] = ["caries", "pulp"]
    assert read_shape(tmp_path, several).labels == ("caries", "pulp")
    assert read_shape(tmp_path, several).score == 0.25
    for labels in ([], [""], None, [3]):
        several["value"]["polygonlabels"] = labels
        found = read_shape(tmp_path, several)
        assert found.labels == ()
        assert found.label_issue.code is Code.NO_LABEL


@pytest.mark.parametrize(
    ("record", "code", "box"),
    [
        (result("polygonlabels", points=[[0, 0], [50, 50]]), Code.TOO_FEW_POINTS, (0, 0, 20, 15)),
        (result("polygonlabels", points=[[0, 0]], closed=False), Code.TOO_FEW_POINTS, None),
        (result("polygonlabels"), Code.INVALID_COORDINATES, None),
        (result("polygonlabels", points=[[0, 0], [50, 50], [1e300, 9]]), Code.INVALID_COORDINATES,
         None),
        (result("polygonlabels", points=[[0, 0], [50, 50], [10, None], [20, 80]]),
         Code.INVALID_COORDINATES, (0, 0, 20, 24)),
        (result("rectanglelabels", x=10, y=10, width=20), Code.INVALID_COORDINATES, None),
        (result("rectanglelabels", x=10, y=10, width=20, height=20, rotation="?"),
         Code.INVALID_COORDINATES, None),
        (result("ellipselabels", x=50, y=50, radiusX=-15, radiusY=10), Code.INVALID_COORDINATES,
         (11, 6, 29, 24)),
        (result("brushlabels", rle=RLE[:-2]), Code.INVALID_BITMAP, None),
        (result("brushlabels", rle=[*RLE[:3], 196, *RLE[4:]]), Code.INVALID_BITMAP, None),
        (result("brushlabels", rle=[256]), Code.INVALID_BITMAP, None),
        (result("brushlabels", rle=[]), Code.INVALID_BITMAP, None),
        (result("brushlabels", rle="x"), Code.INVALID_BITMAP, None),
        (result("brushlabels"), Code.INVALID_BITMAP, None),
        (result("vectorlabels", x=10, y=10, width=20, height=20), Code.UNKNOWN_KIND,
         (4, 3, 12, 9)),
        (result("polygonlabels", points=POINTS) | {"image_rotation": 90}, Code.INVALID_RECORD,
         (1.5, 3, 20.25, 28.5)),
        (result("polygonlabels", points=POINTS) | {"original_width": 80}, Code.INVALID_RECORD,
         (1.5, 3, 20.25, 28.5)),
        ({"type": 3}, Code.INVALID_RECORD, None),
        (7, Code.INVALID_RECORD, None),
    ],
)  # fmt: skip
def test_damage_costs_one_result_and_tells_its_place(tmp_path, record, code, box):
    good = result("polygonlabels", points=POINTS)
    found = read_one(tmp_path, good, record, good)
    places = [one.origin.pointer.rpartition(".")[2] for one in found.shapes]
    assert places == ["result[0]", "result[2]"]
    (issue,) = lost(found)
    assert (issue.code, issue.box) == (code, box)
    assert "$[0].annotations[0].result[1]" in issue.origin.pointer
    assert found.refusal is None


# --- Brush strokes


def bits(*parts: str) -> bytes:
    text = "".join(parts)
    text += "0" * (-len(text) % 8)
    return int(text, 2).to_bytes(len(text) // 8, "big")


def allowance() -> Allowance:
    return Allowance(Limit.BITMAP_PIXELS)


def test_the_brush_of_the_tool_is_read_and_written_bit_by_bit(tmp_path):
    found = read_shape(tmp_path, result("brushlabels", format="rle", rle=RLE))
    assert points(found) == (1, 3, [[True] * 4])
    assert packed(found.geometry, SIZE) == RLE


HEAD = (f"{8:032b}", "00111", "0010", "0011", "0111", "1111")
"""Eight values, which are two pixels, of eight bits; lengths of 3, 4, 8 and 16 bits."""


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0, 0, 0, 0, 9, 9, 9, 255], (0, 1, [[True]])),
        ([0, 0, 0, 1, 9, 9, 9, 0], (0, 0, [[True]])),
        ([9, 9, 9, 0, 9, 9, 9, 0], None),
        ([0, 0, 0, 7, 0, 0, 0, 7], (0, 0, [[True, True]])),
    ],
)
def test_what_has_alpha_is_painted_whatever_its_color(values, expected):
    plain = bits(*HEAD, "0", "00", "111", *(f"{one:08b}" for one in values))
    single = (part for one in values for part in ("0", "00", "000", f"{one:08b}"))
    repeated = (part for one in values for part in ("1", "00", "000", f"{one:08b}"))
    for stream in (plain, bits(*HEAD, *single), bits(*HEAD, *repeated)):
        found = unpacked(stream, Size(2, 1), allowance())
        assert (None if found is None else points(shape(found))) == expected


def test_words_may_be_of_any_length():
    for word in (1, 5, 16, 32):
        head = (f"{8:032b}", f"{word - 1:05b}", *HEAD[2:])
        run = ("1", "00", "011", f"{1:0{word}b}", "0", "00", "011", *[f"{0:0{word}b}"] * 4)
        found = unpacked(bits(*head, *run), Size(2, 1), allowance())
        assert points(shape(found)) == (0, 0, [[True]])


def test_any_pixels_come_back():
    generator = np.random.default_rng(5)
    for width, height in ((1, 1), (7, 3), (300, 250)):
        pixels = generator.random((height, width)) < 0.5
        pixels[0, 0] = pixels[-1, -1] = True
        size = Size(width, height)
        found = unpacked(bytes(packed(Bitmap(0, 0, pixels), size)), size, allowance())
        assert (found.pixels == pixels).all()
    long = np.ones((300, 400), bool)  # longer than the longest stretch
    found = unpacked(bytes(packed(Bitmap(0, 0, long), Size(400, 300))), Size(400, 300), allowance())
    assert (found.pixels == long).all()


def test_a_stream_of_countless_stretches_costs_the_image(monkeypatch):
    monkeypatch.setenv("MASKFORGE_LIMIT_FACTOR", "1e-4")
    size = Size(1000, 1000)
    stream = bits(f"{4_000_000:032b}", *HEAD[1:], "00000000000000" * 1000)
    with pytest.raises(mf.MaskforgeError, match="beyond the limit"):
        unpacked(stream, size, allowance())


# --- Coordinates


@pytest.mark.parametrize("side", [7, 432, 576, 1333, 2000, 5720])
def test_pixels_of_ten_decimals_come_back_from_percent(side):
    generator = np.random.default_rng(side)
    halves = np.arange(-side, 2 * side) / 2
    for pixels in (halves, np.round(generator.uniform(-side, 2 * side, 5000), 9)):
        assert (to_pixels(to_percent(pixels, side), side) == pixels).all()


def test_percent_without_a_size_are_those_of_the_image(tmp_path):
    Image.new("L", (40, 30)).save(tmp_path / "tooth.png")
    records = [
        result("polygonlabels", points=POINTS),
        result("rectanglelabels", x=50, y=50, width=25, height=20, rotation=30),
        result("brushlabels", rle=RLE),
    ]
    for one in records:
        del one["original_width"]
    found = read_one(tmp_path, *records)
    assert found.image.size == SIZE
    np.testing.assert_allclose(points(found.shapes[0])[0][0], [[1.5, 3], [20.25, 4.5], [9, 28.5]])
    assert [one.code for one in lost(found)] == [Code.INVALID_RECORD, Code.INVALID_BITMAP]


# --- Tasks


def test_the_annotation_that_is_ground_truth_or_the_latest_is_drawn(tmp_path):
    def named(label: str, time: str, **keys: Any) -> dict[str, Any]:
        drawn = result("polygonlabels", label, points=POINTS)
        return annotation(drawn, updated_at=f"2024-0{time}", **keys)

    first, second, third = named("a", "3"), named("b", "9"), named("c", "5")
    found = read_task(tmp_path, first, second, third)
    assert found.shapes[0].labels == ("b",)
    assert found.origin.pointer == "$[0].annotations[1]"
    assert codes(found) == [Code.SEVERAL_ANNOTATIONS]
    assert found.extra["annotations"][2] == third
    assert "result" not in found.extra["annotations"][1]
    found = read_task(tmp_path, first | {"ground_truth": True}, second, third)
    assert found.shapes[0].labels == ("a",)
    found = read_task(tmp_path, first, second | {"was_cancelled": True}, third)
    assert found.shapes[0].labels == ("c",)


def test_whether_anybody_looked(tmp_path):
    drawn = annotation(result("polygonlabels", points=POINTS))
    Image.new("L", (40, 30)).save(tmp_path / "tooth.png")
    states = mf.ImageState
    assert read_task(tmp_path, drawn).state is states.ANNOTATED
    assert read_task(tmp_path, annotation()).state is states.EMPTY
    choices = read_task(tmp_path, annotation(result("choices", choices=["bitewing"])))
    assert (choices.state, choices.tags) == (states.EMPTY, ("bitewing",))
    assert read_task(tmp_path).state is states.UNVISITED
    skipped = read_task(tmp_path, drawn | {"was_cancelled": True})
    assert (skipped.state, skipped.shapes) == (states.UNVISITED, ())


def test_predictions_are_not_drawn(tmp_path):
    Image.new("L", (40, 30)).save(tmp_path / "tooth.png")
    drawn = {"result": [result("polygonlabels", points=POINTS)], "score": 0.5}
    found = read_task(tmp_path, predictions=[drawn])
    assert (found.state, found.shapes) == (mf.ImageState.UNVISITED, ())
    assert codes(found) == [Code.UNREVIEWED]
    assert found.extra["predictions"] == [drawn]
    found = read_task(tmp_path, annotation(), predictions=[drawn])
    assert (found.state, codes(found)) == (mf.ImageState.EMPTY, [])


@pytest.mark.parametrize(
    ("reference", "place"),
    [
        ("/data/upload/3/0a1b2c3d-tooth.png", "tooth.png"),
        ("/data/upload/3/0a1b2c3d-tooth.png", "images/0a1b2c3d-tooth.png"),
        ("/data/upload/tooth.png", "tooth.png"),
        ("http://localhost:8080/data/upload/3/0a1b2c3d-tooth.png", "tooth.png"),
        ("https://studio/data/local-files/?d=images/tooth.png", "images/tooth.png"),
        ("upload/3/0a1b2c3d-tooth.png", "upload/3/0a1b2c3d-tooth.png"),
        ("/data/local-files/?d=b/c%20d/tooth.png", "b/c d/tooth.png"),
        ("s3://bucket/b/tooth.png", "b/tooth.png"),
        ("https://example.org/b/tooth.png?token=1", "tooth.png"),
        ("b\\tooth.png", "b/tooth.png"),
    ],
)
def test_images_are_found_by_what_stands_in_a_reference(tmp_path, reference, place):
    (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (40, 30)).save(tmp_path / place)
    found = read_task(tmp_path, annotation(result("polygonlabels", points=POINTS)), image=reference)
    assert found.image.file == tmp_path / place
    assert found.image.name == "tooth.png"


@pytest.mark.parametrize(
    ("data", "name"),
    [
        ({"picture": "a/tooth.png", "text": "Is it sound?"}, "tooth.png"),
        ({"image": "/image1"}, "image1"),
        ({"images": [{"url": "a/tooth.png"}]}, "tooth.png"),
        ({"text": "Is it sound?"}, None),
        ({"left": "a.png", "right": "b.png"}, None),
        ({"images": [{"url": "a.png"}, {"url": "b.png"}]}, None),
    ],
)
def test_the_image_of_a_task(tmp_path, data, name):
    drawn = annotation(result("polygonlabels", points=POINTS))
    found = read_task(tmp_path, drawn, data=data)
    if name is None:
        assert found.refusal.code is Code.INVALID_IMAGE_RECORD
        assert found.record_count == 0
    else:
        assert (found.image.name, found.refusal) == (name, None)


def test_other_forms_of_files(tmp_path):
    drawn = annotation(result("polygonlabels", points=POINTS))
    whole = task(drawn)
    stored = drawn | {"task": {"id": 4, "data": whole["data"]}}
    old = {"data": whole["data"], "completions": [drawn]}
    for root, pointer in (
        (whole, "$.annotations[0].result[0]"),
        (stored, "$.result[0]"),
        ([old], "$[0].completions[0].result[0]"),
    ):
        (found,) = mf.read(write(tmp_path, root))
        assert [one.origin.pointer for one in found.shapes] == [pointer]
        again = rewritten(tmp_path / "export.json", "label-studio", tmp_path / "out")
        assert [points(one) for one in again[0].shapes] == [points(one) for one in found.shapes]


def test_what_is_not_a_task_in_a_list_is_told(tmp_path):
    reader = mf.read(write(tmp_path, [task(annotation()), 7, {"id": 3}]))
    assert len(list(reader)) == 1
    assert [(one.code, one.origin.pointer) for one in reader.issues] == [
        (Code.INVALID_FILE, "$[1]"),
        (Code.INVALID_FILE, "$[2]"),
    ]
    found = read_task(tmp_path, 7, {"result": 5}, annotation())
    notes = [one for one in found.issues if one.code is Code.INVALID_IMAGE_RECORD]
    assert [one.level for one in notes] == [Level.NOTE, Level.NOTE]
    assert found.origin.pointer == "$[0].annotations[2]"


# --- What is written


def tasks(folder: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((folder / "tasks.json").read_text())
    return found


def test_tasks_of_its_own_come_back_whole(tmp_path):
    kinds = [
        result("polygonlabels", points=POINTS) | {"score": 0.25, "mine": [1]},
        result("textarea", text=["?"]) | {"id": "r1"},
        result("rectanglelabels", x=50, y=50, width=25, height=20, rotation=30),
        result("ellipselabels", x=50, y=50, radiusX=15, radiusY=10, rotation=30),
        result("brushlabels", format="rle", rle=RLE),
        result("keypointlabels", x=50, y=10, width=0.3),
        result("polygonlabels", points=[[0, 0], [1, 1]]),
    ]
    root = [
        task(annotation(*kinds[:2], was_cancelled=True), annotation(*kinds, lead_time=3.5)),
        task(predictions=[{"result": kinds, "score": 0.5}], id=5, drafts=[]),
        task(annotation(), id=6, data={"image": "a.png", "width": 40, "height": 30}),
    ]
    path = write(tmp_path / "in", root)
    Image.new("L", (40, 30)).save(tmp_path / "in" / "tooth.png")
    before = list(mf.read(path))
    after = rewritten(path, "label-studio", tmp_path / "out")
    assert [facts(one)[2:] for one in after] == [facts(one)[2:] for one in before]
    assert tasks(tmp_path / "out") == root


def test_shapes_of_another_format(tmp_path):
    drawn = made(
        shape(area((1.5, 1), (5.25, 1), (5, 1 / 4)), score=0.5),
        shape(bitmap(2, -1, ".##", "#.#"), "pulp"),
        shape(Polyline(np.array([(1.0, 2.0), (3.0, 4.0)])), "crack"),
        shape(PointSet(np.array([(1.0, 2.0)])), "tip"),
        tags=("blurred",),
    )
    nobody = made(name="c", size=Size(9, 9))
    object.__setattr__(nobody, "state", mf.ImageState.UNVISITED)
    write_images("label-studio", tmp_path, [drawn, made(name="a/b"), nobody])
    first, second, third = mf.read(tmp_path)
    assert first.tags == ("blurred",)
    assert [points(one) for one in first.shapes] == [
        [[[[1.5, 1], [5.25, 1], [5, 1 / 4]]]],
        (2, 0, [[True, True], [False, True]]),
        [[1, 2], [3, 4]],
        [[1, 2]],
    ]
    assert [one.score for one in first.shapes] == [0.5, None, None, None]
    assert (second.state, second.image.size) == (mf.ImageState.EMPTY, SIZE)
    assert third.state is mf.ImageState.UNVISITED
    assert tasks(tmp_path)[1]["data"]["image"] == "/data/local-files/?d=images/a/b.png"


def test_what_a_network_made_is_a_prediction(tmp_path):
    drawn = made(
        shape(area((1, 1), (5, 1), (5, 4)), score=0.5),
        shape(area((1, 1), (5, 1), (5, 4)), score=1.0),
        is_predicted=True,
    )
    write_images("label-studio", tmp_path, [drawn])
    (written,) = tasks(tmp_path)
    assert "annotations" not in written
    (prediction,) = written["predictions"]
    assert (prediction["score"], prediction["model_version"]) == (0.75, "maskforge")
    assert [one["score"] for one in prediction["result"]] == [0.5, 1.0]
    (found,) = mf.read(tmp_path, size=(40, 30))
    assert Code.UNREVIEWED in codes(found)


def test_the_configuration_has_all_labels_and_their_colors(tmp_path):
    label = 'a "b" <c>'
    write_images("label-studio", tmp_path, [made(shape(area((1, 1), (5, 1), (5, 4)), label))])
    root = ElementTree.parse(tmp_path / "label_config.xml").getroot()
    for tag in ("PolygonLabels", "BrushLabels", "KeyPointLabels"):
        labels = {one.get("value"): one.get("background") for one in root.find(tag)}
        assert labels == {"caries": "#ff0040", "pulp": "#9b5de5", label: None}
    (found,) = tasks(tmp_path)
    assert (
        root.find(f".//*[@name='{found['annotations'][0]['result'][0]['from_name']}']") is not None
    )
    assert isinstance(next(iter(mf.read(tmp_path))).shapes[0].geometry, Area)
