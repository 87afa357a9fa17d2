"""Reading LabelMe and X-AnyLabeling files: every trap that such files are known to hold."""

from __future__ import annotations

import base64
import io
import json
import math
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from maskforge.errors import FormatError
from maskforge.issues import Code, Level
from maskforge.model import (
    AnnotatedImage,
    Area,
    Bitmap,
    ImageState,
    Points,
    PointSet,
    Polyline,
    Shape,
    Size,
)
from maskforge.reading import detect, read

TRIANGLE = [[1.5, 2.0], [20.25, 3.0], [9.0, 30.5]]


def shape(points=TRIANGLE, label="caries", **keys):
    return {"label": label, "points": points, **keys}


def document(*shapes, **keys):
    return {
        "version": "5.4.1",
        "flags": {},
        "shapes": list(shapes),
        "imagePath": "tooth.png",
        "imageData": None,
        "imageHeight": 80,
        "imageWidth": 100,
    } | keys


def write(folder: Path, content: object, name: str = "tooth.json") -> Path:
    path = folder / name
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    path.write_bytes(data)
    return path


def read_one(path: Path, **options) -> AnnotatedImage:
    reader = read(path, format="labelme", **options)
    (image,) = list(reader)
    return image


def read_shape(folder: Path, record: object) -> Shape:
    image = read_one(write(folder, document(record)))
    assert [issue for issue in image.issues if issue.loses_record] == []
    (found,) = image.shapes
    return found


def exterior(found: Shape) -> Points:
    assert isinstance(found.geometry, Area)
    (part,) = found.geometry.parts
    assert part.holes == ()
    return part.exterior


def codes(image: AnnotatedImage) -> list[Code]:
    return [issue.code for issue in image.issues if issue.code is not Code.IMAGE_MISSING]


def encoded(pixels, mode: str | None = None, file_type: str = "PNG") -> str:
    array = np.asarray(pixels)
    picture = Image.fromarray(array)
    if mode is not None:
        picture = picture.convert(mode)
    buffer = io.BytesIO()
    picture.save(buffer, file_type)
    return base64.b64encode(buffer.getvalue()).decode()


def save_picture(path: Path, size: tuple[int, int], orientation: int = 1) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.new("L", size).save(path, exif=exif)


# Shapes


@pytest.mark.parametrize(
    ("record", "kind", "expected"),
    [
        pytest.param(shape(), "polygon", TRIANGLE, id="no shape_type (before 3.6.12)"),
        pytest.param(shape(shape_type=None), "polygon", TRIANGLE, id="shape_type null"),
        pytest.param(shape(shape_type="polygon"), "polygon", TRIANGLE, id="polygon"),
        pytest.param(shape([*TRIANGLE, TRIANGLE[0]]), "polygon", TRIANGLE, id="closed polygon"),
        pytest.param(
            shape([[-3.5, -1], [120, 5], [4, 300]]),
            "polygon",
            [[-3.5, -1], [120, 5], [4, 300]],
            id="outside the image",
        ),
        pytest.param(
            shape([[4, 5], [9, 5], [12, 9], [3, 9]], shape_type="oriented_rectangle"),
            "oriented_rectangle",
            [[4, 5], [9, 5], [12, 9], [3, 9]],
            id="oriented_rectangle",
        ),
        pytest.param(
            shape([[6, 5], [9, 8], [6, 11], [3, 8]], shape_type="rotation", direction=0.785),
            "rotation",
            [[6, 5], [9, 8], [6, 11], [3, 8]],
            id="rotation (X-AnyLabeling)",
        ),
        pytest.param(
            shape([[6, 5], [30, 8], [6, 11], [3, 8]], shape_type="quadrilateral"),
            "quadrilateral",
            [[6, 5], [30, 8], [6, 11], [3, 8]],
            id="quadrilateral (X-AnyLabeling)",
        ),
    ],
)
def test_outlines_are_kept_as_they_are(tmp_path, record, kind, expected):
    found = read_shape(tmp_path, record)
    assert found.kind == kind
    assert found.converted == ""
    np.testing.assert_array_equal(exterior(found), expected)


@pytest.mark.parametrize("kind", ["rectangle", "rotation"])
@pytest.mark.parametrize(
    "points",
    [
        pytest.param([[10.5, 20], [30, 44.25]], id="top left, bottom right"),
        pytest.param([[30, 44.25], [10.5, 20]], id="bottom right, top left"),
        pytest.param([[30, 20], [10.5, 44.25]], id="top right, bottom left"),
        pytest.param([[10.5, 44.25], [30, 20]], id="bottom left, top right"),
        pytest.param([[10.5, 20], [30, 20], [30, 44.25], [10.5, 44.25]], id="four in turn"),
        pytest.param([[30, 20], [10.5, 20], [10.5, 44.25], [30, 44.25]], id="four the other way"),
        pytest.param([[10.5, 20], [10.5, 44.25], [30, 20], [30, 44.25]], id="four in Z order"),
        pytest.param(
            [[10.5, 20], [30, 20], [30, 44.25], [10.5, 44.25], [10.5, 20]], id="four and closed"
        ),
    ],
)
def test_rectangle_in_any_order_of_corners(tmp_path, points, kind):
    found = read_shape(tmp_path, shape(points, shape_type=kind))
    ring = exterior(found)
    assert {tuple(corner) for corner in ring.tolist()} == {
        (10.5, 20),
        (30, 20),
        (30, 44.25),
        (10.5, 44.25),
    }
    # Each side is parallel to an axis, so the outline does not cross itself.
    steps = np.abs(np.roll(ring, -1, axis=0) - ring)
    assert ((steps == 0).sum(axis=1) == 1).all()
    assert found.converted == ""


@pytest.mark.parametrize(
    "corners",
    [
        pytest.param([[6, 5], [9, 8], [6, 11], [3, 8]], id="tilted"),
        pytest.param([[0, 0], [10, 0], [10, 5], [10, 5]], id="one corner twice"),
    ],
)
def test_four_corners_of_no_upright_rectangle_stay_in_turn(tmp_path, corners):
    ring = exterior(read_shape(tmp_path, shape(corners, shape_type="rectangle")))
    np.testing.assert_array_equal(ring, corners)


@pytest.mark.parametrize(
    ("centre", "rim", "radius"),
    [
        pytest.param((50, 40), (53, 44), 5, id="inside"),
        pytest.param((2, 3), (2, 23), 20, id="partly outside the image"),
        pytest.param((-40, -40), (-40, -39), 1, id="wholly outside the image"),
    ],
)
def test_circle_is_converted_and_not_clamped(tmp_path, centre, rim, radius):
    found = read_shape(tmp_path, shape([centre, rim], shape_type="circle"))
    assert (found.kind, found.converted) == ("circle", "circle")
    ring = exterior(found)
    np.testing.assert_allclose(np.hypot(*(ring - centre).T), radius, rtol=1e-12)
    x, y = ring.T
    area = abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2
    assert area == pytest.approx(math.pi * radius**2, rel=0.002)


@pytest.mark.parametrize("kind", ["line", "linestrip"])
def test_lines_have_no_area_of_their_own(tmp_path, kind):
    found = read_shape(tmp_path, shape([[1, 2], [30, 40.5]], shape_type=kind))
    assert isinstance(found.geometry, Polyline)
    np.testing.assert_array_equal(found.geometry.points, [[1, 2], [30, 40.5]])
    assert found.converted == ""


def test_point_has_no_area_of_its_own(tmp_path):
    found = read_shape(tmp_path, shape([[7.5, 8]], shape_type="point"))
    assert isinstance(found.geometry, PointSet)
    np.testing.assert_array_equal(found.geometry.points, [[7.5, 8]])


def test_cuboid_covers_the_outline_of_front_and_rear_face(tmp_path):
    front = [[10, 20], [30, 20], [30, 50], [10, 50]]
    rear = [[x + 8, y - 6] for x, y in front]
    found = read_shape(tmp_path, shape([*front, *rear], shape_type="cuboid"))
    assert found.converted == "cuboid"
    # Worked out on paper: the two corners that both faces hide lie inside.
    assert {tuple(point) for point in exterior(found).tolist()} == {
        (10, 20),
        (18, 14),
        (38, 14),
        (38, 44),
        (30, 50),
        (10, 50),
    }


@pytest.mark.parametrize(
    ("record", "code", "level", "place", "words"),
    [
        pytest.param(
            shape(TRIANGLE[:2]),
            Code.TOO_FEW_POINTS,
            Level.SKIPPED,
            ".points",
            "at least 3",
            id="polygon of two points",
        ),
        pytest.param(
            shape([[1, 1], [5, 5], [1, 1]]),
            Code.TOO_FEW_POINTS,
            Level.SKIPPED,
            ".points",
            "2 different points",
            id="closed polygon of two points",
        ),
        pytest.param(
            shape([]), Code.TOO_FEW_POINTS, Level.SKIPPED, ".points", "0 different", id="no points"
        ),
        pytest.param(
            shape([[1, 1]], shape_type="linestrip"),
            Code.TOO_FEW_POINTS,
            Level.SKIPPED,
            ".points",
            "at least 2 points, found 1",
            id="line of one point",
        ),
        pytest.param(
            shape([[i, 0] for i in range(8)], shape_type="cuboid"),
            Code.TOO_FEW_POINTS,
            Level.SKIPPED,
            ".points",
            "no area",
            id="flat cuboid",
        ),
        pytest.param(
            shape(TRIANGLE, shape_type="points"),
            Code.NOT_DRAWABLE,
            Level.SKIPPED,
            "",
            "prompt",
            id="prompt points",
        ),
        pytest.param(
            shape(shape_type="ellipse"),
            Code.UNKNOWN_KIND,
            Level.REFUSED,
            ".shape_type",
            "'ellipse'",
            id="unknown kind",
        ),
        pytest.param(
            shape(shape_type=3),
            Code.INVALID_RECORD,
            Level.REFUSED,
            ".shape_type",
            "found 3",
            id="kind is a number",
        ),
        pytest.param(
            shape([[1, 1], [2, 2], [3, 3]], shape_type="rectangle"),
            Code.INVALID_RECORD,
            Level.REFUSED,
            ".points",
            "4 corners, found 3",
            id="rectangle of three points",
        ),
        pytest.param(
            shape([[1, 1], [2, 2]], shape_type="oriented_rectangle"),
            Code.INVALID_RECORD,
            Level.REFUSED,
            ".points",
            "4 corners, found 2",
            id="oriented rectangle of two points",
        ),
        pytest.param(
            shape(TRIANGLE, shape_type="circle"),
            Code.INVALID_RECORD,
            Level.REFUSED,
            ".points",
            "the centre and a point on the rim",
            id="circle of three points",
        ),
        pytest.param(
            shape(TRIANGLE, shape_type="point"),
            Code.INVALID_RECORD,
            Level.REFUSED,
            ".points",
            "1 point",
            id="three points as one",
        ),
        pytest.param(
            shape(TRIANGLE, shape_type="cuboid"),
            Code.INVALID_RECORD,
            Level.REFUSED,
            ".points",
            "8 corners",
            id="cuboid of three points",
        ),
        pytest.param(
            shape([[1, 2], [float("nan"), 3], [4, 5]]),
            Code.INVALID_COORDINATES,
            Level.REFUSED,
            ".points",
            "x of point 1 is nan",
            id="NaN token",
        ),
        pytest.param(
            shape([[5, 6], [float("nan"), 2]], shape_type="rectangle"),
            Code.INVALID_COORDINATES,
            Level.REFUSED,
            ".points",
            "x of point 1 is nan",
            id="NaN corner",
        ),
        pytest.param(
            shape([[1, 2], [3, float("-inf")]], shape_type="circle"),
            Code.INVALID_COORDINATES,
            Level.REFUSED,
            ".points",
            "y of point 1 is -inf",
            id="infinite rim",
        ),
        pytest.param(
            shape([[1, 2], [3, 1e10], [4, 5]]),
            Code.INVALID_COORDINATES,
            Level.REFUSED,
            ".points",
            "2^31",
            id="huge number",
        ),
        pytest.param(
            shape([[1, 2], [3, 10**400], [4, 5]]),
            Code.INVALID_COORDINATES,
            Level.REFUSED,
            ".points[1][1]",
            "out of range",
            id="number that no float holds",
        ),
        pytest.param(
            shape([[1, 2], [3, None], [4, 5]]),
            Code.INVALID_COORDINATES,
            Level.REFUSED,
            ".points[1][1]",
            "found None",
            id="null coordinate",
        ),
        pytest.param(
            shape([[1, 2], [3], [4, 5]]),
            Code.INVALID_COORDINATES,
            Level.REFUSED,
            ".points[1]",
            "length 2",
            id="half a point",
        ),
        pytest.param(
            shape([[1, 2], ["3", "4"], [4, 5]]),
            Code.INVALID_COORDINATES,
            Level.REFUSED,
            ".points[1][0]",
            "'3'",
            id="text coordinates",
        ),
        pytest.param(
            shape([1, 2, 3, 4, 5, 6]),
            Code.INVALID_COORDINATES,
            Level.REFUSED,
            ".points[0]",
            "found 1",
            id="flat list",
        ),
        pytest.param(
            shape(None),
            Code.INVALID_COORDINATES,
            Level.REFUSED,
            ".points",
            "found None",
            id="null points",
        ),
        pytest.param(
            {"label": "caries"},
            Code.INVALID_RECORD,
            Level.REFUSED,
            "",
            "no `points`",
            id="no points key",
        ),
        pytest.param(
            shape(label=["caries"]),
            Code.INVALID_RECORD,
            Level.REFUSED,
            ".label",
            "['caries']",
            id="label is a list",
        ),
        pytest.param(
            shape(label=True),
            Code.INVALID_RECORD,
            Level.REFUSED,
            ".label",
            "True",
            id="label is a truth value",
        ),
        pytest.param(
            shape(group_id=[1]),
            Code.INVALID_RECORD,
            Level.REFUSED,
            ".group_id",
            "[1]",
            id="group is a list",
        ),
        pytest.param(
            shape(group_id=True),
            Code.INVALID_RECORD,
            Level.REFUSED,
            ".group_id",
            "True",
            id="group is a truth value",
        ),
        pytest.param(
            "caries", Code.INVALID_RECORD, Level.REFUSED, "", "'caries'", id="text for a shape"
        ),
        pytest.param(None, Code.INVALID_RECORD, Level.REFUSED, "", "None", id="null for a shape"),
    ],
)
def test_a_shape_that_cannot_be_drawn_is_named_and_the_others_stay(
    tmp_path, record, code, level, place, words
):
    path = write(tmp_path, document(shape(label="first"), record, shape(label="last")))
    image = read_one(path)
    assert [found.labels for found in image.shapes] == [("first",), ("last",)]
    (issue,) = [issue for issue in image.issues if issue.loses_record]
    assert (issue.code, issue.level) == (code, level)
    assert issue.origin.file == path
    assert issue.origin.pointer == f"$.shapes[1]{place}"
    assert words in issue.message
    assert image.record_count == 3
    assert image.state is ImageState.ANNOTATED


def test_shapes_stay_in_drawing_order_with_their_places(tmp_path):
    labels = ["tooth", "_background_", "caries", "__ignore__", "むし歯", "caries-2"]
    image = read_one(write(tmp_path, document(*(shape(label=label) for label in labels))))
    assert [found.labels for found in image.shapes] == [(label,) for label in labels]
    assert [found.origin.pointer for found in image.shapes] == [
        f"$.shapes[{index}]" for index in range(len(labels))
    ]


@pytest.mark.parametrize(
    ("label", "expected"),
    [("caries ", "caries "), (3, "3"), (0, "0"), (2.5, "2.5"), (10**400, str(10**400))],
)
def test_label_is_kept_as_it_is_written(tmp_path, label, expected):
    found = read_shape(tmp_path, shape(label=label))
    assert found.labels == (expected,)
    assert found.label_issue is None


@pytest.mark.parametrize("label", [None, "", "  ", float("nan")])
def test_shape_without_label_is_kept_and_says_so(tmp_path, label):
    found = read_shape(tmp_path, shape(label=label))
    assert found.labels == ()
    assert found.label_issue is not None
    assert found.label_issue.code is Code.NO_LABEL
    assert found.label_issue.origin.pointer == "$.shapes[0].label"


def test_shape_without_the_key_label_is_kept_and_says_so(tmp_path):
    found = read_shape(tmp_path, {"points": TRIANGLE})
    assert found.labels == ()
    assert found.label_issue is not None


@pytest.mark.parametrize(
    ("group", "instance"), [(None, None), (0, "0"), (7, "7"), (7.0, "7"), ("a", "a"), ("", None)]
)
def test_group_is_the_instance(tmp_path, group, instance):
    assert read_shape(tmp_path, shape(group_id=group)).instance == instance


def test_other_keys_of_a_shape_are_kept(tmp_path):
    others = {
        "flags": {"deep": True},
        "description": "distal",
        "difficult": True,
        "score": 0.75,
        "attributes": {"grade": "D2"},
        "kie_linking": [],
        "visible": False,
        "my own key": [1, {"a": None}],
    }
    found = read_shape(tmp_path, shape(shape_type="polygon", group_id=1, **others))
    assert found.properties == others


# Masks

BLOB = np.array([[0, 1, 1, 0], [1, 1, 1, 1], [0, 0, 1, 0]], dtype=bool)


def mask_shape(corners, mask):
    return shape(corners, shape_type="mask", mask=mask)


@pytest.mark.parametrize(
    ("mask", "expected"),
    [
        pytest.param(encoded(BLOB.astype(np.uint8)), BLOB, id="0 and 1"),
        pytest.param(encoded(BLOB.astype(np.uint8) * 255), BLOB, id="0 and 255"),
        pytest.param(encoded(BLOB), BLOB, id="1 bit"),
        pytest.param(encoded(BLOB.astype(np.uint16) * 1000), BLOB, id="16 bit"),
        pytest.param(encoded(BLOB.astype(np.uint8) * 255, "P"), BLOB, id="palette"),
        pytest.param(encoded(np.zeros((3, 4), np.uint8)), np.zeros((3, 4)), id="nothing set"),
    ],
)
def test_mask_is_set_where_the_png_is_above_zero(tmp_path, mask, expected):
    found = read_shape(tmp_path, mask_shape([[10, 20], [13, 22]], mask))
    assert isinstance(found.geometry, Bitmap)
    assert (found.geometry.row, found.geometry.column) == (20, 10)
    np.testing.assert_array_equal(found.geometry.pixels, expected)
    assert found.geometry.pixels.dtype == bool
    assert found.kind == "mask"
    assert found.converted == ""
    assert "mask" not in found.properties


@pytest.mark.parametrize(
    ("corners", "row", "column"),
    [
        pytest.param([[10.4, 20.4], [13.4, 22.4]], 20, 10, id="rounded down"),
        pytest.param([[10.6, 20.6], [13.6, 22.6]], 21, 11, id="rounded up"),
        pytest.param([[10.5, 21.5], [13.5, 23.5]], 22, 10, id="halves to even, as NumPy does"),
        pytest.param([[10.7, 20.7], [13.3, 22.3]], 21, 11, id="corners rounded apart"),
        pytest.param([[10, 20], [14, 23]], 20, 10, id="corners exclusive"),
        pytest.param([[13, 22], [10, 20]], 20, 10, id="corners swapped"),
        pytest.param([[-2, -1], [1, 1]], -1, -2, id="over the top left edge"),
        pytest.param([[98, 79], [101, 81]], 79, 98, id="over the bottom right edge"),
        pytest.param([[-2.6, -1.6], [0.4, 0.4]], -2, -3, id="negative fractions"),
    ],
)
def test_mask_keeps_its_own_size_at_the_rounded_corner(tmp_path, corners, row, column):
    found = read_shape(tmp_path, mask_shape(corners, encoded(BLOB)))
    assert isinstance(found.geometry, Bitmap)
    assert (found.geometry.row, found.geometry.column) == (row, column)
    np.testing.assert_array_equal(found.geometry.pixels, BLOB)


def png_header_only(width: int, height: int) -> str:
    """A PNG that promises many pixels and holds none."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    data = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + data).decode()


BOX = [[10, 20], [13, 22]]


@pytest.mark.parametrize(
    ("record", "words"),
    [
        pytest.param(mask_shape(BOX, "no base64!"), "base64", id="no base64"),
        pytest.param(mask_shape(BOX, "Ä"), "base64", id="not ASCII"),
        pytest.param(mask_shape(BOX, encoded(BLOB)[:60]), "base64", id="cut off"),
        pytest.param(mask_shape(BOX, png_header_only(4, 3)), "base64", id="no pixels inside"),
        pytest.param(mask_shape(BOX, ""), "base64", id="empty"),
        pytest.param(mask_shape(BOX, None), "None", id="null"),
        pytest.param(shape(BOX, shape_type="mask"), "None", id="no mask"),
        pytest.param(mask_shape(BOX, [[0, 1]]), "[[0, 1]]", id="list"),
        pytest.param(
            mask_shape(BOX, encoded(BLOB.astype(np.uint8), file_type="BMP")), "PNG", id="BMP"
        ),
        pytest.param(mask_shape(BOX, encoded(BLOB, "RGB")), "colours", id="colours"),
        pytest.param(
            mask_shape(BOX, encoded(BLOB.astype(np.uint8), "LA")), "transparency", id="transparency"
        ),
        pytest.param(
            mask_shape([[10, 20], [30, 22]], encoded(BLOB)),
            "the bitmap has 4 x 3 px, its box in `points` 21 x 3 px",
            id="box of another size",
        ),
        pytest.param(
            mask_shape(BOX, png_header_only(50_000, 50_000)), "50000 x 50000", id="small box, bomb"
        ),
        pytest.param(
            mask_shape([[0, 0], [49_999, 49_999]], png_header_only(50_000, 50_000)),
            "larger than",
            id="large box, bomb",
        ),
    ],
)
def test_mask_that_cannot_be_used_is_refused(tmp_path, record, words):
    image = read_one(write(tmp_path, document(record, shape())))
    (issue,) = [issue for issue in image.issues if issue.loses_record]
    assert issue.code is Code.INVALID_BITMAP
    assert issue.origin.pointer == "$.shapes[0].mask"
    assert words in issue.message
    assert len(issue.message) < 200
    assert len(image.shapes) == 1


def test_mask_with_one_corner_is_refused(tmp_path):
    image = read_one(write(tmp_path, document(mask_shape([[10, 20]], encoded(BLOB)))))
    (issue,) = [issue for issue in image.issues if issue.loses_record]
    assert issue.code is Code.INVALID_RECORD


# Versions, dialects, encodings


def test_version_2_without_shape_type_size_and_flags(tmp_path):
    save_picture(tmp_path / "tooth.png", (64, 48))
    path = write(
        tmp_path,
        {
            "shapes": [
                {"label": "caries", "points": TRIANGLE, "line_color": None, "fill_color": [0] * 4}
            ],
            "lineColor": [0, 255, 0, 128],
            "fillColor": [255, 0, 0, 128],
            "imagePath": "tooth.png",
            "imageData": None,
        },
    )
    assert detect(path).variant == "labelme"
    image = read_one(path)
    assert image.image.size == Size(64, 48)
    assert image.image.file == tmp_path / "tooth.png"
    assert image.issues == ()
    (found,) = image.shapes
    assert found.kind == "polygon"
    assert found.properties == {"line_color": None, "fill_color": [0, 0, 0, 0]}


def test_x_anylabeling(tmp_path):
    box = [[10, 20], [30, 20], [30, 40], [10, 40]]
    path = write(
        tmp_path,
        {
            "version": "3.3.5",
            "flags": {"good": True},
            "checked": True,
            "shapes": [
                {
                    "label": "tooth",
                    "score": None,
                    "points": box,
                    "group_id": 3,
                    "description": "",
                    "difficult": False,
                    "shape_type": "rectangle",
                    "flags": {},
                    "attributes": {},
                    "kie_linking": [],
                }
            ],
            "imagePath": "tooth.png",
            "imageData": None,
            "imageHeight": 80,
            "imageWidth": 100,
            "tags": ["upper jaw", "good"],
        },
    )
    assert detect(path).variant == "x-anylabeling"
    image = read_one(path)
    assert image.tags == ("good", "upper jaw")
    (found,) = image.shapes
    np.testing.assert_array_equal(exterior(found), box)
    assert found.instance == "3"
    assert found.properties["score"] is None


def test_byte_order_mark(tmp_path):
    data = json.dumps(document(shape(label="Zähne")), ensure_ascii=False).encode("utf-8-sig")
    assert read_one(write(tmp_path, data)).shapes[0].labels == ("Zähne",)


def test_windows_code_page_is_read_and_noted(tmp_path):
    data = json.dumps(document(shape(label="Zähne")), ensure_ascii=False).encode("cp1252")
    reader = read(write(tmp_path, data), format="labelme")
    (image,) = list(reader)
    assert image.shapes[0].labels == ("Zähne",)
    assert [issue.code for issue in reader.issues] == [Code.NOT_UTF8]


def test_cut_off_file_is_refused_with_its_place(tmp_path):
    path = write(tmp_path, json.dumps(document(shape())).encode()[:-40])
    reader = read(path, format="labelme")
    assert list(reader) == []
    (issue,) = reader.issues
    assert issue.code is Code.UNREADABLE_FILE
    assert issue.origin.file == path
    assert "line 1, column" in issue.message


@pytest.mark.parametrize("shapes", [None, {}, "caries", 3])
def test_shapes_that_are_no_list_refuse_the_file(tmp_path, shapes):
    path = write(tmp_path, document(shape()) | {"shapes": shapes})
    reader = read(path, format="labelme")
    assert list(reader) == []
    (issue,) = reader.issues
    assert issue.code is Code.INVALID_FILE
    assert issue.origin.pointer == "$.shapes"


# State and tags


def test_no_shapes_means_seen_and_empty(tmp_path):
    image = read_one(write(tmp_path, document()))
    assert image.state is ImageState.EMPTY
    assert image.shapes == ()
    assert image.refusal is None
    assert image.record_count == 0


def test_flags_that_are_set_are_tags(tmp_path):
    flags = {"bitewing": True, "blurred": False, "überlagert": True}
    assert read_one(write(tmp_path, document(flags=flags))).tags == ("bitewing", "überlagert")


@pytest.mark.parametrize("flags", [None, {}])
def test_flags_may_be_missing(tmp_path, flags):
    image = read_one(write(tmp_path, document(flags=flags)))
    assert image.tags == ()
    assert codes(image) == []


# Pictures


@pytest.mark.parametrize(
    ("written", "picture", "name"),
    [
        pytest.param("tooth.png", "tooth.png", "tooth.png", id="beside"),
        pytest.param("../raw/tooth.png", "../raw/tooth.png", "tooth.png", id="other folder"),
        pytest.param("..\\raw\\tooth.png", "../raw/tooth.png", "tooth.png", id="backslashes"),
        pytest.param("D:\\study\\tooth.png", "tooth.png", "tooth.png", id="another drive"),
        pytest.param("/home/x/tooth.png", "tooth.png", "tooth.png", id="another machine"),
        pytest.param("old name.png", "a1.jpg", "old name.png", id="renamed with its JSON file"),
        pytest.param("a1.png", "a1.tif", "a1.png", id="converted"),
        pytest.param("a1.png", "a1.JPG", "a1.png", id="suffix in capitals"),
        pytest.param("a1.json", "a1.jpg", "a1", id="own JSON file as imagePath"),
        pytest.param("", "a1.jpeg", "a1", id="empty imagePath"),
        pytest.param(None, "a1.bmp", "a1", id="null imagePath"),
        pytest.param("Z%C3%A4hne%20(1).png", "Zähne (1).png", "Z%C3%A4hne%20(1).png", id="percent"),
        pytest.param("Za\u0308hne.png", "Z\u00e4hne.png", "Za\u0308hne.png", id="decomposed"),
    ],
)
def test_picture_is_found(tmp_path, written, picture, name):
    folder = tmp_path / "labels"
    folder.mkdir()
    (tmp_path / "raw").mkdir()
    save_picture(folder / picture, (100, 80))
    image = read_one(write(folder, document(shape(), imagePath=written), "a1.json"))
    assert image.image.file is not None
    assert image.image.file.samefile(folder / picture)
    assert image.image.name == name
    assert image.image.size == Size(100, 80)
    assert image.issues == ()


def test_picture_of_a_json_file_that_bears_its_whole_name(tmp_path):
    save_picture(tmp_path / "a1.png", (100, 80))
    image = read_one(write(tmp_path, document(imagePath=None), "a1.png.json"))
    assert image.image.file == tmp_path / "a1.png"
    assert image.image.name == "a1.png"


def test_image_path_goes_before_the_name_of_the_json_file(tmp_path):
    save_picture(tmp_path / "named.png", (100, 80))
    save_picture(tmp_path / "a1.png", (100, 80))
    image = read_one(write(tmp_path, document(imagePath="named.png"), "a1.json"))
    assert image.image.file == tmp_path / "named.png"


def test_picture_in_a_folder_given_by_the_user(tmp_path):
    pictures = tmp_path / "elsewhere" / "deep"
    pictures.mkdir(parents=True)
    (tmp_path / "labels").mkdir()
    save_picture(pictures / "tooth.png", (100, 80))
    path = write(tmp_path / "labels", document(shape()))
    image = read_one(path, images=tmp_path / "elsewhere")
    assert image.image.file == pictures / "tooth.png"


def test_picture_that_is_nowhere_is_noted_and_the_size_of_the_file_used(tmp_path):
    image = read_one(write(tmp_path, document(shape())))
    assert image.image.file is None
    assert image.image.size == Size(100, 80)
    assert [issue.code for issue in image.issues] == [Code.IMAGE_MISSING]
    assert image.refusal is None


# Sizes


def jpeg(width: int, height: int) -> str:
    return encoded(np.zeros((height, width), np.uint8), file_type="JPEG")


NO_SIZE = {"imageHeight": None, "imageWidth": None}


def test_size_of_the_embedded_picture_is_used_if_there_is_no_other(tmp_path):
    path = write(tmp_path, document(shape(), imageData=jpeg(33, 22), **NO_SIZE))
    assert read_one(path).image.size == Size(33, 22)


def test_embedded_picture_is_not_looked_at_if_there_is_another_size(tmp_path):
    image = read_one(write(tmp_path, document(shape(), imageData="no picture at all")))
    assert image.image.size == Size(100, 80)
    assert codes(image) == []


@pytest.mark.parametrize("data", ["AAAA", "no base64", "Ä"])
def test_embedded_picture_that_is_none_leaves_the_size_unknown(tmp_path, data):
    image = read_one(write(tmp_path, document(shape(), imageData=data, **NO_SIZE)))
    assert codes(image) == [Code.IMAGE_UNREADABLE, Code.SIZE_UNKNOWN]


def test_size_that_nothing_tells_refuses_the_image(tmp_path):
    path = write(tmp_path, document(shape(), **NO_SIZE))
    image = read_one(path)
    assert image.image.size is None
    assert image.refusal is not None
    assert image.refusal.code is Code.SIZE_UNKNOWN
    assert "--images" in image.refusal.hint
    assert len(image.shapes) == 1


@pytest.mark.parametrize(
    ("size", "pointers"),
    [
        pytest.param({"imageHeight": 0}, ["$.imageHeight", "$"], id="zero"),
        pytest.param({"imageHeight": -80}, ["$.imageHeight", "$"], id="negative"),
        pytest.param({"imageHeight": 80.5}, ["$.imageHeight", "$"], id="fraction"),
        pytest.param({"imageHeight": float("nan")}, ["$.imageHeight", "$"], id="NaN"),
        pytest.param({"imageWidth": 10**400}, ["$.imageWidth", "$"], id="huge"),
        pytest.param({"imageWidth": 1e300}, ["$.imageWidth", "$"], id="large"),
        pytest.param({"imageWidth": "100"}, ["$.imageWidth", "$"], id="text"),
        pytest.param({"imageWidth": True}, ["$.imageWidth", "$"], id="truth value"),
        pytest.param({"imageWidth": None}, ["$"], id="only one"),
        pytest.param(
            {"imageWidth": -1, "imageHeight": -1}, ["$.imageWidth", "$.imageHeight"], id="both"
        ),
    ],
)
def test_declared_size_that_is_none_is_noted(tmp_path, size, pointers):
    path = write(tmp_path, document(shape(), **size))
    image = read_one(path)
    notes = [issue for issue in image.issues if issue.code is Code.INVALID_IMAGE_RECORD]
    assert [issue.origin.pointer for issue in notes] == pointers
    assert {issue.level for issue in notes} == {Level.NOTE}
    assert image.refusal is not None
    assert image.refusal.code is Code.SIZE_UNKNOWN

    save_picture(tmp_path / "tooth.png", (64, 48))
    image = read_one(path)
    assert image.image.size == Size(64, 48)
    assert image.refusal is None


def test_size_in_floats_is_read(tmp_path):
    image = read_one(write(tmp_path, document(imageHeight=80.0, imageWidth=100.0)))
    assert image.image.size == Size(100, 80)
    assert codes(image) == []


def test_size_that_fits_no_memory_is_refused(tmp_path):
    image = read_one(write(tmp_path, document(shape(), imageHeight=10**6, imageWidth=10**6)))
    assert image.image.size is None
    assert image.refusal is not None
    assert image.refusal.code is Code.INVALID_IMAGE_RECORD
    assert "1000000 x 1000000" in image.refusal.message


@pytest.mark.parametrize("key", ["imagePath", "imageData", "flags", "tags"])
def test_damaged_key_of_the_image_is_noted(tmp_path, key):
    image = read_one(write(tmp_path, document(shape(), **{key: 3})))
    (issue,) = [issue for issue in image.issues if issue.code is Code.INVALID_IMAGE_RECORD]
    assert issue.origin.pointer == f"$.{key}"
    assert issue.level is Level.NOTE
    assert image.refusal is None


def test_mismatch_of_sizes_names_both(tmp_path):
    save_picture(tmp_path / "tooth.png", (64, 48))
    image = read_one(write(tmp_path, document(shape())))
    assert image.refusal is not None
    assert image.refusal.code is Code.SIZE_MISMATCH
    assert "100 x 80" in image.refusal.message
    assert "64 x 48" in image.refusal.message
    assert image.image.size is None


@pytest.mark.parametrize(
    ("declared", "upright"),
    [
        pytest.param((80, 100), True, id="as the picture is shown"),
        pytest.param((100, 80), False, id="as the pixels are stored"),
    ],
)
def test_declared_size_decides_the_frame_of_a_rotated_picture(tmp_path, declared, upright):
    save_picture(tmp_path / "tooth.jpg", (100, 80), orientation=6)
    width, height = declared
    keys = {"imagePath": "tooth.jpg", "imageWidth": width, "imageHeight": height}
    image = read_one(write(tmp_path, document(shape(), **keys)))
    assert image.image.size == Size(*declared)
    assert (image.image.orientation, image.image.upright) == (6, upright)
    assert codes(image) == [Code.EXIF_ROTATED]


@pytest.mark.parametrize(
    ("dialect", "upright"), [({}, True), ({"checked": False}, False)], ids=["LabelMe", "X-Any"]
)
def test_habit_of_the_tool_decides_where_sizes_cannot(tmp_path, dialect, upright):
    save_picture(tmp_path / "tooth.jpg", (100, 80), orientation=3)
    image = read_one(write(tmp_path, document(shape(), imagePath="tooth.jpg", **dialect)))
    assert image.image.upright is upright
    assert codes(image) == [Code.EXIF_AMBIGUOUS]


def test_rotated_picture_without_declared_size_is_taken_as_it_is_shown(tmp_path):
    save_picture(tmp_path / "tooth.jpg", (100, 80), orientation=8)
    image = read_one(write(tmp_path, document(shape(), imagePath="tooth.jpg", **NO_SIZE)))
    assert image.image.size == Size(80, 100)
    assert codes(image) == [Code.EXIF_AMBIGUOUS]


# Recognition


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(document(shape()), "`shapes` and `imagePath`", id="usual"),
        pytest.param(document(), "`shapes` and `imagePath`", id="empty"),
        pytest.param(
            {"shapes": [shape()], "imageHeight": 1}, "`shapes` and `imageHeight`", id="size only"
        ),
        pytest.param(
            {"shapes": [shape()], "version": "5.0"}, "`shapes` and `version`", id="version only"
        ),
    ],
)
def test_recognised_by_its_keys(tmp_path, content, reason):
    detection = detect(write(tmp_path, content))
    assert detection.format == "labelme"
    assert detection.variant == "labelme"
    assert reason in detection.reason
    assert not detection.auxiliary


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param([document(shape())], "the root is not an object", id="list"),
        pytest.param(3, "the root is not an object", id="number"),
        pytest.param(
            {"images": [], "annotations": [], "categories": []}, "no `shapes` list", id="COCO"
        ),
        pytest.param(
            {"annotation": {"filename": "a.jpg", "object": [{"name": "tooth"}]}},
            "MIT CSAIL",
            id="LabelMe web tool",
        ),
        pytest.param(
            {"version": 0, "tags": [], "shapes": [{"label": "a", "points": [1.0, 2.0, 3.0, 4.0]}]},
            "none of `imagePath`",
            id="CVAT's internal export",
        ),
        pytest.param(
            {"version": 1, "shapes": []}, "none of `imagePath`", id="empty list of anything"
        ),
        pytest.param(
            {"imagePath": "a.png", "shapes": [{"kind": "box", "x": 1}]},
            "no entry of `shapes` has `label` or `points`",
            id="other shapes",
        ),
    ],
)
def test_not_recognised_for_a_reason(tmp_path, content, reason):
    path = write(tmp_path, content)
    with pytest.raises(FormatError, match="not labelme: ") as caught:
        detect(path)
    assert reason in caught.value.message
    assert caught.value.code is Code.UNKNOWN_FORMAT
