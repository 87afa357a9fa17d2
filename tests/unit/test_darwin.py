"""Darwin's JSON files: what is read of them, and what is written."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from rewriting import area, bitmap, facts, made, points, rewritten, shape, write_images

import maskforge as mf
from maskforge.formats.darwin.writer import is_even_odd
from maskforge.geometry import by_even_odd
from maskforge.images.annotated_image import AnnotatedImage
from maskforge.issues import Code
from maskforge.shapes import Area, PointSet, Polygon, Polyline, Shape, Size

TRIANGLE = [{"x": 1.5, "y": 2}, {"x": 20.25, "y": 3.0}, {"x": 9, "y": 30.5}]
CORNERS = [[1.5, 2], [20.25, 3], [9, 30.5]]
BOX = {"x": 2.5, "y": 3, "w": 10, "h": 6.5}
# Four pixels in a row from the 44th pixel of 40 x 30 px, then a pixel of another mask.
LAYER = {
    "dense_rle": [0, 43, 1, 4, 0, 3, 2, 1, 0, 1149],
    "mask_annotation_ids_mapping": {"m1": 1, "m2": 2},
    "total_pixels": 1200,
}


def square(left: float, top: float, side: float) -> list[dict[str, float]]:
    right, bottom = left + side, top + side
    return [
        {"x": x, "y": y} for x, y in ((left, top), (right, top), (right, bottom), (left, bottom))
    ]


def annotation(name: object = "caries", /, **keys: Any) -> dict[str, Any]:
    return {"id": "a1", "name": name, "slot_names": ["0"]} | keys


def slot(name: str = "0", **keys: Any) -> dict[str, Any]:
    return {"slot_name": name, "type": "image", "width": 40, "height": 30} | keys


def document(*listed: Any, **keys: Any) -> dict[str, Any]:
    item = {"name": "tooth.png", "path": "/a", "slots": [slot()]} | keys
    return {"version": "2.0", "schema_ref": "s", "item": item, "annotations": list(listed)}


def write(folder: Path, root: Any) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / "tooth.json"
    path.write_text(json.dumps(root))
    return path


def read_one(folder: Path, *listed: Any, **keys: Any) -> AnnotatedImage:
    (found,) = mf.read(write(folder, document(*listed, **keys)))
    return found


def read_shape(folder: Path, record: Any, **keys: Any) -> Shape:
    (found,) = read_one(folder, record, **keys).shapes
    return found


def lost(found: AnnotatedImage) -> list[mf.Issue]:
    return [issue for issue in found.issues if issue.loses_record]


# --- Shapes


def test_a_polygon_and_what_stands_beside_it(tmp_path):
    record = annotation(
        polygon={"paths": [TRIANGLE]},
        bounding_box=BOX,
        instance_id={"value": 3},
        inference={"confidence": 0.25, "model": {"name": "m"}},
        mine=[1],
    )
    found = read_shape(tmp_path, record)
    assert points(found) == [[CORNERS]]
    assert (found.labels, found.kind, found.instance) == (("caries",), "polygon", "3")
    assert (found.score, found.primitive) == (0.25, None)
    assert found.extra["bounding_box"] == BOX
    assert found.extra["mine"] == [1]
    assert found.origin.pointer == "$.annotations[0]"


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        ([square(0, 0, 9), square(2, 2, 3)], [(0, [2])]),
        ([square(2, 2, 3), square(0, 0, 9)], [(0, [2])]),  # in any order
        ([square(0, 0, 9), square(20, 0, 9)], [(0, []), (20, [])]),
        (
            [square(0, 0, 9), square(1, 1, 7), square(2, 2, 5), square(3, 3, 3), square(20, 0, 9)],
            [(0, [1]), (2, [3]), (20, [])],
        ),
    ],
)
def test_paths_in_paths_are_holes(tmp_path, paths, expected):
    found = read_shape(tmp_path, annotation(polygon={"paths": paths}))
    parts = found.geometry.parts
    assert [(one.exterior[0, 0], [hole[0, 0] for hole in one.holes]) for one in parts] == expected
    assert found.primitive == {"polygon": {"paths": paths}}


@pytest.mark.parametrize(
    ("paths", "covered"),
    [
        ([square(0, 0, 9), square(2, 2, 3)], 81 - 9),
        ([square(0, 0, 9), square(6, 6, 9)], 81 + 81 - 2 * 9),  # across each other
        ([square(0, 0, 9), square(0, 0, 9)], 0),
        ([square(0, 0, 9), square(9, 0, 9)], 2 * 81),  # side by side
    ],
)
def test_paths_are_filled_by_the_even_odd_rule(tmp_path, paths, covered):
    found = read_shape(tmp_path, annotation(polygon={"paths": paths}))
    assert int(mf.rasterize([found.geometry], (40, 30)).sum()) == covered


def test_any_rings_cover_what_lies_in_an_odd_number_of_them():
    generator = np.random.default_rng(2)
    for _ in range(60):
        rings = []
        for _ in range(generator.integers(1, 7)):
            left, top = generator.integers(0, 18, 2) * 2 + 0.25
            side = float(generator.integers(1, 9) * 2)
            rings.append(np.array([[one["x"], one["y"]] for one in square(left, top, side)]))
        singly = [mf.rasterize([Polygon(one)], (60, 60)).astype(int) for one in rings]
        both = mf.rasterize([by_even_odd(rings)], (60, 60))
        assert (both == sum(singly) % 2).all()


def test_an_ellipse_is_turned_clockwise_by_radians(tmp_path):
    oval = {"center": {"x": 20, "y": 15}, "radius": {"x": 6, "y": 3}, "angle": math.pi / 6}
    found = read_shape(tmp_path, annotation(ellipse=oval))
    assert (found.converted, found.primitive) == ("ellipse", {"ellipse": oval})
    x, y = (found.geometry.parts[0].exterior - (20, 15)).T
    cosine, sine = math.cos(math.pi / 6), math.sin(math.pi / 6)
    along, across = x * cosine + y * sine, y * cosine - x * sine
    np.testing.assert_allclose((along / 6) ** 2 + (across / 3) ** 2, 1)


def test_boxes_bodies_lines_and_points(tmp_path):
    box = read_shape(tmp_path, annotation(bounding_box=BOX))
    assert points(box) == [[[[2.5, 3], [12.5, 3], [12.5, 9.5], [2.5, 9.5]]]]
    body = {"back": BOX, "front": BOX | {"x": 0, "y": 4}}
    hull = points(read_shape(tmp_path, annotation(cuboid=body)))[0][0]
    assert sorted(hull) == [[0, 4], [0, 10.5], [2.5, 3], [10, 10.5], [12.5, 3], [12.5, 9.5]]
    line = read_shape(tmp_path, annotation(line={"path": TRIANGLE}))
    assert isinstance(line.geometry, Polyline)
    spot = read_shape(tmp_path, annotation(keypoint={"x": 5, "y": 6.5}))
    assert isinstance(spot.geometry, PointSet)
    assert (points(line), points(spot)) == (CORNERS, [[5, 6.5]])


def test_masks_are_in_the_raster_layer(tmp_path):
    found = read_one(
        tmp_path,
        annotation("pulp", id="m2", mask={}),
        annotation("__raster_layer__", raster_layer=LAYER),
        annotation(id="m1", mask={}),
        annotation(id="m3", mask={}),
    )
    assert [(one.labels, points(one)) for one in found.shapes] == [
        (("pulp",), (1, 10, [[True]])),
        (("caries",), (1, 3, [[True] * 4])),
    ]
    assert [one.code for one in lost(found)] == [Code.NOT_A_SHAPE, Code.INVALID_BITMAP]


@pytest.mark.parametrize(
    "change",
    [
        {"dense_rle": [0, 43, 1, 4]},
        {"dense_rle": [0, 43, 1]},
        {"dense_rle": [0, -3, 1, 1203]},
        {"dense_rle": "x"},
        {"mask_annotation_ids_mapping": ["m1"]},
    ],
)
def test_a_damaged_raster_layer_costs_itself_and_its_masks(tmp_path, change):
    found = read_one(
        tmp_path,
        annotation(polygon={"paths": [TRIANGLE]}),
        annotation(raster_layer=LAYER | change),
        annotation(id="m1", mask={}),
    )
    assert len(found.shapes) == 1
    assert [one.code for one in lost(found)] == [Code.INVALID_BITMAP] * 2


def test_pixels_of_no_mask_are_told(tmp_path):
    layer = LAYER | {"mask_annotation_ids_mapping": {"m1": 1}}
    found = read_one(tmp_path, annotation(raster_layer=layer), annotation(id="m1", mask={}))
    (issue,) = [one for one in found.issues if one.code is Code.UNLISTED_PIXELS]
    assert "1 pixels" in issue.message


@pytest.mark.parametrize(
    ("record", "code", "box"),
    [
        (annotation(polygon={"paths": [TRIANGLE[:2]]}), Code.TOO_FEW_POINTS, None),
        (annotation(polygon={"paths": []}), Code.TOO_FEW_POINTS, None),
        (annotation(polygon={}, bounding_box=BOX), Code.INVALID_COORDINATES,
         (2.5, 3, 12.5, 9.5)),
        (annotation(polygon={"paths": [[*TRIANGLE, {"x": 3}]]}), Code.INVALID_COORDINATES,
         (1.5, 2, 20.25, 30.5)),
        (annotation(ellipse={"center": {"x": 9, "y": 9}, "radius": {"x": -1, "y": 2}}),
         Code.INVALID_COORDINATES, (6, 6, 12, 12)),
        (annotation(line={"path": TRIANGLE[:1]}), Code.TOO_FEW_POINTS, None),
        (annotation(bounding_box={"x": 1, "y": 2, "w": 3}), Code.INVALID_COORDINATES, None),
        (annotation(skeleton={"nodes": []}), Code.NOT_DRAWABLE, None),
        (annotation(tag={}), Code.NOT_A_SHAPE, None),
        (annotation(heart={"x": 1}), Code.UNKNOWN_KIND, None),
        (annotation(7, bounding_box=BOX), Code.INVALID_RECORD, (2.5, 3, 12.5, 9.5)),
        (annotation(bounding_box=BOX, instance_id={"value": [1]}), Code.INVALID_RECORD,
         (2.5, 3, 12.5, 9.5)),
        (7, Code.INVALID_RECORD, None),
    ],
)  # fmt: skip
def test_damage_costs_one_annotation_and_tells_its_place(tmp_path, record, code, box):
    good = annotation(polygon={"paths": [TRIANGLE]})
    found = read_one(tmp_path, good, record, good)
    assert [one.origin.pointer for one in found.shapes] == ["$.annotations[0]", "$.annotations[2]"]
    (issue,) = lost(found)
    assert (issue.code, issue.box if code.level is mf.Level.REFUSED else None) == (code, box)
    assert found.refusal is None


def test_a_path_without_area_changes_nothing(tmp_path):
    found = read_one(tmp_path, annotation(polygon={"paths": [TRIANGLE, TRIANGLE[:2]]}))
    assert points(found.shapes[0]) == [[CORNERS]]
    notes = [one.code for one in found.issues if one.level is mf.Level.NOTE]
    assert Code.TOO_FEW_POINTS in notes


# --- Items


def test_an_item_of_several_slots_is_several_images(tmp_path):
    slots = [
        slot(one, source_files=[{"file_name": f"{one}.png"}]) for one in ("left", "right", "top")
    ]
    found = list(
        mf.read(
            write(
                tmp_path,
                document(
                    annotation(bounding_box=BOX, slot_names=["right"]),
                    annotation("blurred", tag={}, slot_names=["right"]),
                    annotation(bounding_box=BOX, slot_names=["left"]),
                    slots=slots,
                ),
            )
        )
    )
    assert [one.image.name for one in found] == ["left.png", "right.png", "top.png"]
    places = [[shape.origin.pointer for shape in one.shapes] for one in found]
    assert places == [["$.annotations[2]"], ["$.annotations[0]"], []]
    assert [one.tags for one in found] == [(), ("blurred",), ()]
    assert found[2].state is mf.ImageState.EMPTY
    again = {
        one.image.name: one
        for one in rewritten(tmp_path / "tooth.json", "darwin", tmp_path / "out")
    }
    assert again.keys() == {"left.png", "right.png", "top.png"}
    for one in found:
        assert [points(shape) for shape in again[one.image.name].shapes] == [
            points(shape) for shape in one.shapes
        ]


def test_videos_are_refused(tmp_path):
    frames = annotation(frames={"0": {"bounding_box": BOX}})
    for found in (
        read_one(tmp_path, frames),
        read_one(tmp_path, annotation(bounding_box=BOX), slots=[slot(type="video")]),
    ):
        assert found.refusal.code is Code.VIDEO
        assert found.record_count == 1


def test_version_1(tmp_path):
    image = {"width": 40, "height": 30, "filename": "1.png", "original_filename": "tooth.png"}
    records = [
        annotation(polygon={"path": square(0, 0, 9), "additional_paths": [square(2, 2, 3)]}),
        annotation(complex_polygon={"path": [square(0, 0, 9), square(2, 2, 3)]}),
        annotation(polygon={"path": square(0, 0, 9)}),
    ]
    path = write(tmp_path / "in", {"dataset": "d", "image": image, "annotations": records})
    (found,) = mf.read(path)
    assert (found.image.name, found.image.size) == ("tooth.png", (40, 30))
    sums = [int(mf.rasterize([one.geometry], (40, 30)).sum()) for one in found.shapes]
    assert sums == [72, 72, 81]
    (again,) = rewritten(path, "darwin", tmp_path / "out")
    assert facts(again) == facts(found)


@pytest.mark.parametrize("place", ["a/tooth.png", "images/a/tooth.png", "../images/tooth.png"])
def test_images_are_found(tmp_path, place):
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / place).parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (40, 30)).save(tmp_path / "x" / place)
    write(tmp_path / "x", document(annotation(bounding_box=BOX)))
    (found,) = mf.read(tmp_path)
    assert found.image.file.resolve() == (tmp_path / "x" / place).resolve()


@pytest.mark.parametrize(
    "root",
    [
        {"item": {"id": 3}, "annotations": []},
        {"image": "a.png", "annotations": []},
        {"item": {"slots": []}},
    ],
)
def test_other_files_are_not_recognized(tmp_path, root):
    path = write(tmp_path, root)
    with pytest.raises(mf.MaskforgeError, match="not darwin: "):
        mf.detect(path)


# --- What is written


def records(folder: Path, name: str = "tooth") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((folder / f"annotations/{name}.json").read_text())[
        "annotations"
    ]
    return found


def test_a_file_of_its_own_comes_back_whole(tmp_path):
    root = document(
        annotation(polygon={"paths": [TRIANGLE]}, bounding_box=BOX, instance_id={"value": 3}),
        annotation(polygon={"paths": [TRIANGLE, square(8, 8, 2)]}, mine=[1]),
        annotation("pulp", id="m1", mask={}),
        annotation("jaw", skeleton={"nodes": []}),
        annotation("pulp", bounding_box=BOX),
        annotation(ellipse={"center": {"x": 9, "y": 9}, "radius": {"x": 1, "y": 2}, "angle": 1}),
        annotation("__raster_layer__", raster_layer=LAYER),
        annotation(line={"path": TRIANGLE}),
        annotation(keypoint={"x": 5, "y": 6.5}),
        annotation("blurred", tag={}),
    )
    path = write(tmp_path / "in", root)
    (before,) = mf.read(path)
    (after,) = rewritten(path, "darwin", tmp_path / "out")
    assert facts(after) == facts(before)
    assert json.loads((tmp_path / "out/annotations/tooth.json").read_text()) == root


def test_shapes_of_another_format(tmp_path):
    ring = ((1.1, 1), (9, 1), (9, 1 / 3 + 9))
    parts = Area(
        (
            *area(*ring, holes=[[(5, 2), (8, 2), (8, 5)]]).parts,
            *area((20, 0), (30, 0), (30, 9)).parts,
        )
    )
    drawn = made(
        shape(parts, instance="tooth 3", score=0.5),
        shape(Polyline(np.array([(1.0, 2.0), (3.0, 4.0)])), "crack"),
        shape(PointSet(np.array([(1.0, 2.0)])), "tip"),
        tags=("blurred",),
    )
    write_images("darwin", tmp_path, [drawn, made(name="a/b")])
    images = {one.image.name: one for one in mf.read(tmp_path)}
    first = images["tooth.png"]
    assert [points(one) for one in first.shapes] == [
        points(shape(parts)),
        [[1, 2], [3, 4]],
        [[1, 2]],
    ]
    assert (first.shapes[0].score, first.tags) == (0.5, ("blurred",))
    assert first.shapes[0].instance == "1"
    assert images["b.png"].state is mf.ImageState.EMPTY
    assert images["b.png"].extra["item"]["path"] == "/a"
    ids = [one["id"] for one in records(tmp_path)]
    assert len(set(ids)) == len(ids)


def test_parts_that_overlap_are_annotations_of_one_instance(tmp_path):
    parts = (
        *area((0, 0), (9, 0), (9, 9), (0, 9)).parts,
        *area((5, 5), (14, 5), (14, 14), (5, 14)).parts,
    )
    assert not is_even_odd(Area(parts))
    write_images("darwin", tmp_path, [made(shape(Area(parts)))])
    (found,) = mf.read(tmp_path)
    assert [points(one) for one in found.shapes] == [[[part.exterior.tolist()]] for part in parts]
    assert [one.instance for one in found.shapes] == ["1", "1"]


def test_pixels_are_in_one_raster_layer_without_what_is_hidden(tmp_path):
    drawn = made(
        shape(bitmap(2, 1, "##", "##"), "pulp"),
        shape(bitmap(5, 5, "#"), "hidden"),
        shape(bitmap(3, 2, "##", "##")),
        shape(bitmap(5, 5, "#"), "seen"),
        shape(bitmap(-1, -1, "##", "##"), "corner"),
        size=Size(8, 7),
    )
    context = write_images("darwin", tmp_path, [drawn])
    (found,) = mf.read(tmp_path)
    assert [(one.labels[0], points(one)) for one in found.shapes] == [
        ("pulp", (2, 1, [[True, True], [True, False]])),
        ("caries", (3, 2, [[True, True], [True, True]])),
        ("seen", (5, 5, [[True]])),
        ("corner", (0, 0, [[True]])),
    ]
    assert context.lost == {
        "pixels of masks that lie under other masks": 2,
        "masks without a visible pixel": 1,
    }
    (layer,) = [one["raster_layer"] for one in records(tmp_path) if "raster_layer" in one]
    assert layer["total_pixels"] == sum(layer["dense_rle"][1::2]) == 56
