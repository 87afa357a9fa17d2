"""SuperAnnotate's instances: every kind, and every way in which one can be damaged."""

import json
import math

import numpy as np
import pytest

from maskforge.formats.reader import read
from maskforge.images.annotated_image import AnnotatedImage
from maskforge.issues import Code, Level
from maskforge.shapes import Area, PointSet, Polyline

METADATA = {"name": "a.png", "width": 200, "height": 100, "status": "Completed"}
FLAT = [0, 0, 8, 0, 8, 8]


@pytest.fixture
def read_instances(tmp_path):
    def read_(*instances: object) -> AnnotatedImage:
        text = json.dumps({"metadata": METADATA, "instances": list(instances)})
        (tmp_path / "a.png.json").write_text(text)
        (image,) = read(tmp_path / "a.png.json", format="superannotate")
        assert image.record_count == len(instances)
        return image

    return read_


def instance(kind: object, **keys: object) -> dict[str, object]:
    return {"type": kind, "className": "tooth"} | keys


def ring_of(shape) -> list[list[float]]:
    assert isinstance(shape.geometry, Area)
    (polygon,) = shape.geometry.parts
    return polygon.exterior.tolist()


def findings(image: AnnotatedImage) -> list[tuple[Code, Level, str]]:
    return [
        (issue.code, issue.level, issue.origin.pointer)
        for issue in image.issues
        if issue.code is not Code.IMAGE_MISSING
    ]


def test_a_polygon_is_a_flat_list_of_coordinates(read_instances):
    (shape,) = read_instances(instance("polygon", points=[1.5, 2, 9, 2.25, 9, -7])).shapes
    assert ring_of(shape) == [[1.5, 2], [9, 2.25], [9, -7]]
    assert (shape.kind, shape.converted, shape.labels) == ("polygon", "", ("tooth",))


@pytest.mark.parametrize("exclude", [None, [], "absent"])
def test_a_polygon_needs_no_holes(read_instances, exclude):
    keys = {} if exclude == "absent" else {"exclude": exclude}
    (shape,) = read_instances(instance("polygon", points=FLAT, **keys)).shapes
    assert shape.geometry.parts[0].holes == ()


def test_exclude_cuts_holes_out_of_a_polygon(read_instances):
    outline = [0, 0, 20, 0, 20, 20, 0, 20]
    holes = [[2, 2, 6, 2, 6, 6, 2, 6], [10, 10, 14, 10, 14, 14]]
    (shape,) = read_instances(instance("polygon", points=outline, exclude=holes)).shapes
    (polygon,) = shape.geometry.parts
    assert polygon.exterior.tolist() == [[0, 0], [20, 0], [20, 20], [0, 20]]
    assert [hole.tolist() for hole in polygon.holes] == [
        [[2, 2], [6, 2], [6, 6], [2, 6]],
        [[10, 10], [14, 10], [14, 14]],
    ]
    assert "exclude" not in shape.extra


def test_exclude_means_holes_on_polygons_only(read_instances):
    box = instance("bbox", points={"x1": 0, "y1": 0, "x2": 9, "y2": 9}, exclude=[[1, 1, 2, 2]])
    (shape,) = read_instances(box).shapes
    assert shape.geometry.parts[0].holes == ()
    assert shape.extra["exclude"] == [[1, 1, 2, 2]]


def test_a_hole_without_area_is_a_note_and_a_damaged_one_costs_the_shape(read_instances):
    image = read_instances(
        instance("polygon", points=FLAT, exclude=[[1, 1, 2, 2], [3, 3]]),
        instance("polygon", points=FLAT, exclude=[[1, 1, 2, 2, 3]]),
        instance("polygon", points=FLAT, exclude=[[1, 1, 2, None, 3, 3]]),
        instance("polygon", points=FLAT, exclude={"0": []}),
        instance("polygon", points=FLAT, exclude=[[]]),
    )
    assert len(image.shapes) == 1
    assert findings(image) == [
        (Code.TOO_FEW_POINTS, Level.NOTE, "$.instances[0].exclude[0]"),
        (Code.TOO_FEW_POINTS, Level.NOTE, "$.instances[0].exclude[1]"),
        (Code.INVALID_COORDINATES, Level.REFUSED, "$.instances[1].exclude[0]"),
        (Code.INVALID_COORDINATES, Level.REFUSED, "$.instances[2].exclude[0][3]"),
        (Code.INVALID_RECORD, Level.REFUSED, "$.instances[3].exclude"),
        (Code.INVALID_COORDINATES, Level.REFUSED, "$.instances[4].exclude[0]"),
    ]


@pytest.mark.parametrize(
    "corners", [(1, 2, 30, 40), (30, 40, 1, 2), (1, 40, 30, 2), (30, 2, 1, 40)]
)
def test_a_box_has_two_corners_in_any_order(read_instances, corners):
    x1, y1, x2, y2 = corners
    points = {"x2": x2, "x1": x1, "y2": y2, "y1": y1}
    (shape,) = read_instances(instance("bbox", points=points)).shapes
    assert ring_of(shape) == [[1, 2], [30, 2], [30, 40], [1, 40]]


def test_a_box_may_hang_over_the_edge(read_instances):
    points = {"x1": -202, "y1": 10, "x2": 500, "y2": 20}
    (shape,) = read_instances(instance("bbox", points=points)).shapes
    assert ring_of(shape) == [[-202, 10], [500, 10], [500, 20], [-202, 20]]


def test_a_rotated_box_has_four_corners_in_turn(read_instances):
    points = {"x1": 10, "y1": 0, "x2": 20, "y2": 10, "x3": 10, "y3": 20, "x4": 0, "y4": 10}
    (shape,) = read_instances(instance("rbbox", points=points)).shapes
    assert ring_of(shape) == [[10, 0], [20, 10], [10, 20], [0, 10]]
    assert (shape.kind, shape.converted) == ("rbbox", "")


def test_an_ellipse_is_turned_clockwise_by_degrees(read_instances):
    """The long half axis of 20 px, turned by -30 degrees, points to the right and up.

    Its end is at (100 + 20 cos 30, 50 - 20 sin 30); the short one of 10 px points to the right and
    down, to (100 + 10 sin 30, 50 + 10 cos 30). y grows downwards.
    """
    points = {"cx": 100, "cy": 50, "rx": 20, "ry": 10, "angle": -30}
    (shape,) = read_instances(instance("ellipse", **points)).shapes
    ring = np.array(ring_of(shape))
    assert shape.converted == "ellipse"
    for x, y in (
        (100 + 20 * math.cos(math.pi / 6), 40),
        (100 - 20 * math.cos(math.pi / 6), 60),
        (105, 50 + 10 * math.cos(math.pi / 6)),
        (95, 50 - 10 * math.cos(math.pi / 6)),
    ):
        assert np.hypot(*(ring - (x, y)).T).min() < 0.2  # no vertex need be exactly there
    along = (ring - (100, 50)) @ (math.cos(math.pi / 6), -0.5)
    across = (ring - (100, 50)) @ (0.5, math.cos(math.pi / 6))
    assert np.allclose((along / 20) ** 2 + (across / 10) ** 2, 1)
    assert np.allclose(ring[0], (100 + 20 * math.cos(math.pi / 6), 40))


def test_an_ellipse_without_angle_is_upright(read_instances):
    (shape,) = read_instances(instance("ellipse", cx=100, cy=50, rx=20, ry=10)).shapes
    ring = np.array(ring_of(shape))
    assert np.allclose(ring.min(axis=0), (80, 40), atol=0.001)
    assert np.allclose(ring.max(axis=0), (120, 60), atol=0.001)


@pytest.mark.parametrize("swapped", [False, True])
def test_a_cuboid_covers_the_outline_of_its_body(read_instances, swapped):
    """The front face is (0, 0) to (10, 10), the rear one (5, -5) to (15, 5).

    Drawn by hand, the outline runs along both faces and over the two edges that join them at the
    corners which stick out, lower right and upper left.
    """
    front, rear = [{"x": 0, "y": 0}, {"x": 10, "y": 10}], [{"x": 5, "y": -5}, {"x": 15, "y": 5}]
    if swapped:
        front.reverse()
    points = dict(zip(("f1", "f2", "r1", "r2"), front + rear, strict=True))
    (shape,) = read_instances(instance("cuboid", points=points)).shapes
    assert shape.converted == "cuboid"
    assert {tuple(point) for point in ring_of(shape)} == {
        (0, 0),
        (5, -5),
        (15, -5),
        (15, 5),
        (10, 10),
        (0, 10),
    }


def test_lines_and_points_have_no_area(read_instances):
    line, point = read_instances(
        instance("polyline", points=[1, 2, 3, 4.5]), instance("point", x=7, y=8.5)
    ).shapes
    assert isinstance(line.geometry, Polyline)
    assert line.geometry.points.tolist() == [[1, 2], [3, 4.5]]
    assert isinstance(point.geometry, PointSet)
    assert point.geometry.points.tolist() == [[7, 8.5]]


@pytest.mark.parametrize("kind", ["comment", "comment_inst", "tag", "meta", "event", "entity"])
def test_records_that_are_no_shapes_are_counted(read_instances, kind):
    image = read_instances(instance(kind, x=1, y=2), instance("polygon", points=FLAT))
    assert findings(image) == [(Code.NOT_A_SHAPE, Level.IGNORED, "$.instances[0]")]
    assert len(image.shapes) == 1


def test_templates_describe_no_region(read_instances):
    points = [{"id": 1, "x": 5, "y": 6}, {"id": 2, "x": 7, "y": 8}]
    connections = [{"id": 1, "from": 1, "to": 2}]
    image = read_instances(instance("template", points=points, connections=connections))
    assert findings(image) == [(Code.NOT_DRAWABLE, Level.SKIPPED, "$.instances[0]")]


@pytest.mark.parametrize(
    ("record", "code", "place"),
    [
        (None, Code.INVALID_RECORD, ""),
        ("polygon", Code.INVALID_RECORD, ""),
        ([1, 2], Code.INVALID_RECORD, ""),
        ({}, Code.INVALID_RECORD, ".type"),
        ({"className": "tooth", "points": FLAT}, Code.INVALID_RECORD, ".type"),
        (instance(None, points=FLAT), Code.INVALID_RECORD, ".type"),
        (instance(4, points=FLAT), Code.INVALID_RECORD, ".type"),
        (instance(["polygon"], points=FLAT), Code.INVALID_RECORD, ".type"),
        (instance("hexagon", points=FLAT), Code.UNKNOWN_KIND, ".type"),
        (instance("polygons", points=FLAT), Code.UNKNOWN_KIND, ".type"),
        (instance("polygon"), Code.INVALID_RECORD, ""),
        (instance("polygon", points=None), Code.INVALID_RECORD, ""),
        (instance("polygon", points={"x1": 1}), Code.INVALID_COORDINATES, ".points"),
        (instance("polygon", points="0,0,8,0"), Code.INVALID_COORDINATES, ".points"),
        (
            instance("polygon", points=[[0, 0], [8, 0], [8, 8, 1]]),
            Code.INVALID_COORDINATES,
            ".points[0]",
        ),
        (instance("polygon", points=[0, 0, 8, None, 8, 8]), Code.INVALID_COORDINATES, ".points[3]"),
        (
            instance("polygon", points=[0, 0, "8x", 0, 8, 8]),
            Code.INVALID_COORDINATES,
            ".points[2]",
        ),
        (instance("polygon", points=[0, 0, 8, 0, True, 8]), Code.INVALID_COORDINATES, ".points[4]"),
        (instance("polygon", points=[0, 0, 8, 0, 8]), Code.INVALID_COORDINATES, ".points"),
        (
            instance("polygon", points=[0, 0, math.nan, 0, 8, 8]),
            Code.INVALID_COORDINATES,
            ".points",
        ),
        (
            instance("polygon", points=[0, 0, math.inf, 0, 8, 8]),
            Code.INVALID_COORDINATES,
            ".points",
        ),
        (instance("polygon", points=[0, 0, 1e300, 0, 8, 8]), Code.INVALID_COORDINATES, ".points"),
        (instance("polygon", points=[0, 0, 10**400, 0]), Code.INVALID_COORDINATES, ".points[2]"),
        (instance("polygon", points=[]), Code.INVALID_COORDINATES, ".points"),
        (instance("polygon", points=[0, 0, 8, 8]), Code.TOO_FEW_POINTS, ".points"),
        (instance("polygon", points=[0, 0, 8, 8, 0, 0]), Code.TOO_FEW_POINTS, ".points"),
        (instance("polyline", points=[4, 4]), Code.TOO_FEW_POINTS, ".points"),
        (instance("bbox", points={"x1": 1, "y1": 2, "x2": 3}), Code.INVALID_COORDINATES, ".points"),
        (
            instance("bbox", points={"x1": 1, "y1": 2, "x2": None, "y2": 3}),
            Code.INVALID_COORDINATES,
            ".points.x2",
        ),
        (
            instance("bbox", points={"x1": math.nan, "y1": 2, "x2": 3, "y2": 3}),
            Code.INVALID_COORDINATES,
            ".points",
        ),
        (instance("bbox", points=[1, 2, 3, 4]), Code.INVALID_COORDINATES, ".points"),
        (
            instance("rbbox", points={"x1": 1, "y1": 2, "x2": 3, "y2": 4}),
            Code.INVALID_COORDINATES,
            ".points",
        ),
        (instance("ellipse", cx=1, cy=2, rx=3), Code.INVALID_COORDINATES, ""),
        (instance("ellipse", cx=1, cy=2, rx=-3, ry=4, angle=0), Code.INVALID_COORDINATES, ""),
        (instance("ellipse", cx=1, cy=2, rx=3, ry=4, angle=math.nan), Code.INVALID_COORDINATES, ""),
        (
            instance("ellipse", cx=1, cy=2, rx=3, ry="4x", angle=0),
            Code.INVALID_COORDINATES,
            ".ry",
        ),
        (instance("point", x=1), Code.INVALID_COORDINATES, ""),
        (instance("point", x=1, y=math.inf), Code.INVALID_COORDINATES, ""),
        (instance("cuboid", points={"f1": {"x": 1, "y": 2}}), Code.INVALID_COORDINATES, ".points"),
        (
            instance("cuboid", points={key: {"x": 5, "y": 5} for key in ("f1", "f2", "r1", "r2")}),
            Code.TOO_FEW_POINTS,
            ".points",
        ),
        (instance("polygon", points=FLAT, className=7), Code.INVALID_RECORD, ".className"),
        (instance("polygon", points=FLAT, groupId="one"), Code.INVALID_RECORD, ".groupId"),
        (instance("mask"), Code.INVALID_RECORD, ".parts"),
    ],
)
def test_a_damaged_record_is_refused_by_its_place_and_the_others_stay(
    read_instances, record, code, place
):
    image = read_instances(
        instance("polygon", points=FLAT), record, instance("polygon", points=FLAT)
    )
    assert [shape.origin.pointer for shape in image.shapes] == ["$.instances[0]", "$.instances[2]"]
    (issue,) = [issue for issue in image.issues if issue.loses_record]
    assert (issue.code, issue.origin.pointer) == (code, f"$.instances[1]{place}")
    assert image.refusal is None


def test_a_bare_nan_token_is_read_and_costs_its_shape_only(tmp_path):
    (tmp_path / "a.png.json").write_text(
        '{"metadata": {"width": 9, "height": 9}, "instances": ['
        '{"type": "bbox", "className": "a", "points": {"x1": NaN, "y1": 1, "x2": 2, "y2": 3}},'
        '{"type": "bbox", "className": "a", "points": {"x1": 1, "y1": 1, "x2": 2, "y2": 3}}]}'
    )
    (image,) = read(tmp_path / "a.png.json", format="superannotate")
    (issue,) = [issue for issue in image.issues if issue.loses_record]
    assert (issue.code, issue.origin.pointer) == (
        Code.INVALID_COORDINATES,
        "$.instances[0].points",
    )
    assert len(image.shapes) == 1


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({}, None),
        ({"groupId": None}, None),
        ({"groupId": 0}, None),
        ({"groupId": 12}, "12"),
        ({"groupId": 12.0}, "12"),
    ],
)
def test_the_group_id_joins_shapes_to_one_instance_unless_it_is_zero(
    read_instances, keys, expected
):
    (shape,) = read_instances(instance("polygon", points=FLAT, **keys)).shapes
    assert shape.instance == expected


def test_hidden_and_predicted_instances_are_read_with_all_their_keys(read_instances):
    attributes = [{"id": 1, "groupId": 2, "name": "small", "groupName": "size"}]
    keys = {"visible": False, "probability": 37, "attributes": attributes, "classId": -1}
    (shape,) = read_instances(instance("polygon", points=FLAT, groupId=4, **keys)).shapes
    assert shape.extra == keys


def test_shapes_keep_the_order_of_the_file(read_instances):
    kinds = ["polyline", "polygon", "polyline", "polygon"]
    image = read_instances(*(instance(kind, points=FLAT) for kind in kinds))
    assert [shape.kind for shape in image.shapes] == kinds
