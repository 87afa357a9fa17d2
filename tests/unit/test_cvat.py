"""CVAT's XML: what is read of it, and what is written."""

from __future__ import annotations

import math
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from rewriting import area, bitmap, facts, made, points, rewritten, shape, write_images

import maskforge as mf
from maskforge.images.annotated_image import AnnotatedImage
from maskforge.issues import Code, Level
from maskforge.shapes import Area, Bitmap, PointSet, Polyline, Shape

META = "<version>1.1</version><meta><task><name>t</name></task></meta>"
CORNERS = (
    'xtl1="2" ytl1="2" xbl1="2" ybl1="8" xtr1="6" ytr1="2" xbr1="6" ybr1="8" '
    'xtl2="5" ytl2="0" xbl2="5" ybl2="6" xtr2="9" ytr2="0" xbr2="9" ybr2="6"'
)
EVERYTHING = f"""
  <polygon label="caries" source="manual" occluded="1" points="1.50,2.00;20.25,3.00;9.00,30.50"
    z_order="2" group_id="3" mine="kept"><attribute name="grade">D2</attribute></polygon>
  <box label="pulp" xtl="12" ytl="9" xbr="2" ybr="3" occluded="0" z_order="-1"/>
  <box label="pulp" xtl="10" ytl="10" xbr="20" ybr="14" rotation="90.0" occluded="0"/>
  <skeleton label="jaw" z_order="0"><points label="1" outside="0" occluded="0" points="1,2">
    <attribute name="a">b</attribute></points></skeleton>
  <ellipse label="pulp" cx="20" cy="15" rx="6" ry="3" rotation="30" occluded="0"/>
  <mask label="pulp" rle="1, 2, 3, 1, 1" left="5" top="-1" width="4" height="2" occluded="0"/>
  <polyline label="crack" points="1,2;3,4;9,9" occluded="0"/>
  <points label="tip" points="5,6;7.5,8" occluded="0"/>
  <cuboid label="caries" occluded="0" {CORNERS}/>
  <polygon label="caries" points="1,1;5,1;5,5;1,1"/>
  <polygon points="1,1;5,1;5,5"/>
  <tag label="blurred" source="manual"><attribute name="much">yes</attribute></tag>
"""


def write(folder: Path, *images: str, head: str = META) -> Path:
    path = folder / "annotations.xml"
    path.write_text(f"<?xml version='1.0'?><annotations>{head}{''.join(images)}</annotations>")
    return path


def image(inner: str = "", name: str = "sub/tooth.png", **keys: str) -> str:
    rest = "".join(f' {key}="{value}"' for key, value in ({"id": "7"} | keys).items())
    return f'<image name="{name}" width="40" height="30"{rest}>{inner}</image>'


def read_one(folder: Path, inner: str) -> AnnotatedImage:
    (found,) = mf.read(write(folder, image(inner)))
    return found


def read_shape(folder: Path, inner: str) -> Shape:
    (found,) = read_one(folder, inner).shapes
    return found


def lost(found: AnnotatedImage) -> list[mf.Issue]:
    return [issue for issue in found.issues if issue.loses_record]


# --- What is read


def test_an_image_and_its_shapes(tmp_path):
    found = read_one(tmp_path, EVERYTHING)
    assert found.image.name == "tooth.png"
    assert found.image.size == (40, 30)
    assert found.state is mf.ImageState.ANNOTATED
    assert found.tags == ("blurred",)
    kinds = [one.kind for one in found.shapes]
    # The box on level -1 lies below the others, the polygon on level 2 above.
    assert kinds[0] == "box"
    assert kinds[1:-1] == [
        "box", "ellipse", "mask", "polyline", "points", "cuboid", "polygon", "polygon",
    ]  # fmt: skip
    first = found.shapes[-1]
    assert (first.kind, first.labels, first.instance) == ("polygon", ("caries",), "3")
    assert first.extra == {
        "source": "manual",
        "occluded": "1",
        "z_order": "2",
        "mine": "kept",
        "attributes": {"grade": "D2"},
    }
    assert points(first) == [[[[1.5, 2.0], [20.25, 3.0], [9.0, 30.5]]]]
    assert first.origin.pointer == "$.image[0][0]"
    assert [one.code for one in lost(found)] == [Code.NOT_DRAWABLE, Code.NOT_A_SHAPE]
    assert found.shapes[-2].label_issue.code is Code.NO_LABEL


def test_what_is_not_a_shape_is_kept(tmp_path):
    found = read_one(tmp_path, EVERYTHING)
    assert found.extra["id"] == "7"
    skeleton, tag = found.extra["records"]
    assert skeleton["type"] == "skeleton"
    assert skeleton["elements"][0]["points"] == "1,2"
    assert skeleton["elements"][0]["attributes"] == {"a": "b"}
    assert tag["attributes"] == {"much": "yes"}


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ('box label="a" xtl="12" ytl="9" xbr="2" ybr="3"', [[2, 3], [12, 3], [12, 9], [2, 9]]),
        (
            'box label="a" xtl="10" ytl="10" xbr="20" ybr="14" rotation="90"',
            [[17, 7], [17, 17], [13, 17], [13, 7]],  # clockwise about (15, 12)
        ),
        (
            'box label="a" xtl="0" ytl="0" xbr="2" ybr="2" rotation="45"',
            [[1, 1 - 2**0.5], [1 + 2**0.5, 1], [1, 1 + 2**0.5], [1 - 2**0.5, 1]],
        ),
        (f'cuboid label="a" {CORNERS}', [[5, 0], [2, 2], [2, 8], [6, 8], [9, 6], [9, 0]]),
    ],
)
def test_corners(tmp_path, record, expected):
    (part,) = read_shape(tmp_path, f"<{record}/>").geometry.parts
    assert len(part.exterior) == len(expected)
    for corner in expected:
        assert np.abs(part.exterior - corner).sum(axis=1).min() < 1e-12


def test_an_ellipse_is_turned_clockwise(tmp_path):
    found = read_shape(tmp_path, '<ellipse label="a" cx="20" cy="15" rx="6" ry="3" rotation="30"/>')
    assert found.converted == "ellipse"
    assert found.primitive == {"cx": "20", "cy": "15", "rx": "6", "ry": "3", "rotation": "30"}
    x, y = (found.geometry.parts[0].exterior - (20, 15)).T
    cosine, sine = math.cos(math.pi / 6), math.sin(math.pi / 6)
    along, across = x * cosine + y * sine, y * cosine - x * sine
    np.testing.assert_allclose((along / 6) ** 2 + (across / 3) ** 2, 1)


def test_the_runs_of_a_mask_go_along_the_rows_of_its_box(tmp_path):
    found = read_shape(
        tmp_path, '<mask label="a" rle="1, 2, 3, 1, 1" left="5" top="-1" width="4" height="2"/>'
    )
    # .##.
    # ..#.
    assert points(found) == (-1, 6, [[True, True], [False, True]])
    assert isinstance(found.geometry, Bitmap)


def test_lines_and_points(tmp_path):
    line = read_shape(tmp_path, '<polyline label="a" points="1,2;3,4;9,9"/>')
    assert isinstance(line.geometry, Polyline)
    marks = read_shape(tmp_path, '<points label="a" points="5,6;7.5,8"/>')
    assert isinstance(marks.geometry, PointSet)
    assert points(marks) == [[5, 6], [7.5, 8]]


def test_levels_order_shapes_and_the_file_orders_those_of_one_level(tmp_path):
    inner = "".join(
        f'<polygon label="{name}" points="1,1;5,1;5,5" z_order="{level}"/>'
        for name, level in zip("abcdef", (3, 0, 10, 0, -2, 3), strict=True)
    )
    found = read_one(tmp_path, inner)
    assert [one.labels[0] for one in found.shapes] == list("ebdafc")


def test_an_image_without_shapes_is_empty(tmp_path):
    assert read_one(tmp_path, "").state is mf.ImageState.EMPTY
    assert read_one(tmp_path, '<tag label="blurred"/>').state is mf.ImageState.EMPTY


def test_a_score_is_an_attribute(tmp_path):
    record = (
        '<polygon label="a" points="1,1;5,1;5,5"><attribute name="score">{}</attribute></polygon>'
    )
    for text, score in [("0.25", 0.25), ("1", 1.0), ("7", None), ("high", None), ("", None)]:
        found = read_shape(tmp_path, record.format(text))
        assert found.score == score
        assert found.extra["attributes"] == {"score": text}


@pytest.mark.parametrize(
    ("record", "code", "box"),
    [
        ('polygon label="a" points="1,1;5,1"', Code.TOO_FEW_POINTS, None),
        ('polygon label="a" points="1,1;5,1;5,5;"', Code.INVALID_COORDINATES, (1, 1, 5, 5)),
        ('polygon label="a" points="1,1;5,nan;5,5"', Code.INVALID_COORDINATES, None),
        ('polygon label="a" points="1,1;5,1_0;5,5;9,9"', Code.INVALID_COORDINATES, (1, 1, 9, 10)),
        ('polygon label="a" points="1,1,1;5,1;5,5"', Code.INVALID_COORDINATES, (1, 1, 5, 5)),
        ('polygon label="a" points=""', Code.INVALID_COORDINATES, None),
        ('polygon label="a"', Code.INVALID_RECORD, None),
        ('polyline label="a" points="1,1"', Code.TOO_FEW_POINTS, None),
        ('box label="a" xtl="1" ytl="1" xbr="5"', Code.INVALID_RECORD, None),
        ('box label="a" xtl="1" ytl="1" xbr="5" ybr="x"', Code.INVALID_COORDINATES, None),
        ('box label="a" xtl="1" ytl="1" xbr="5" ybr="1e300"', Code.INVALID_COORDINATES, None),
        ('box label="a" xtl="1" ytl="1" xbr="5" ybr="4" rotation="?"', Code.INVALID_COORDINATES,
         (0.5, 0, 5.5, 5)),
        ('ellipse label="a" cx="5" cy="5" rx="-3" ry="4"', Code.INVALID_COORDINATES,
         (-2, -2, 12, 12)),
        ('mask label="a" rle="1,2,3" left="5" top="1" width="4" height="2"', Code.INVALID_BITMAP,
         (5, 1, 9, 3)),
        ('mask label="a" rle="8" left="5" top="1" width="4" height="2"', Code.INVALID_BITMAP,
         (5, 1, 9, 3)),
        ('mask label="a" rle="1,-2,9" left="5" top="1" width="4" height="2"', Code.INVALID_BITMAP,
         (5, 1, 9, 3)),
        ('mask label="a" rle="1,x" left="5" top="1" width="4" height="2"', Code.INVALID_BITMAP,
         (5, 1, 9, 3)),
        ('mask label="a" rle="" left="5" top="1" width="4" height="2"', Code.INVALID_BITMAP,
         (5, 1, 9, 3)),
        ('mask label="a" rle="0,0" left="5" top="1" width="0" height="0"', Code.INVALID_BITMAP,
         None),
        ('mask label="a" rle="0,8" left="5.5" top="1" width="4" height="2"', Code.INVALID_BITMAP,
         (5.5, 1, 9.5, 3)),
        ('mask label="a" rle="0,9999999999" left="0" top="0" width="100000" height="99999"',
         Code.INVALID_BITMAP, (0, 0, 100000, 99999)),
        ('heart label="a" points="1,1;5,1;5,5"', Code.UNKNOWN_KIND, (1, 1, 5, 5)),
        (f'cuboid label="a" {CORNERS.replace("xtl1", "x")}', Code.INVALID_RECORD, (2, 0, 9, 8)),
    ],
)  # fmt: skip
def test_damage_costs_one_record_and_tells_its_place(tmp_path, record, code, box):
    good = '<polygon label="b" points="1,1;5,1;5,5"/>'
    found = read_one(tmp_path, f"{good}<{record}/>{good}")
    assert [one.origin.pointer for one in found.shapes] == ["$.image[0][0]", "$.image[0][2]"]
    (issue,) = lost(found)
    assert (issue.code, issue.origin.pointer[:13]) == (code, "$.image[0][1]")
    assert found.refusal is None
    if issue.box is not None or box is not None:
        assert issue.box == box


def test_a_kind_in_other_letters_is_read(tmp_path):
    found = read_one(tmp_path, '<Polygon label="b" points="1,1;5,1;5,5"/>')
    assert [one.kind for one in found.shapes] == ["polygon"]
    assert [one.code for one in found.issues if one.scope.name == "RECORD"] == [Code.LENIENT]


def test_more_pixels_than_an_image_may_take_cost_the_image(tmp_path, monkeypatch):
    monkeypatch.setenv("MASKFORGE_LIMIT_FACTOR", "1e-5")
    mask = '<mask label="a" rle="0,40000" left="0" top="0" width="200" height="200"/>'
    found = read_one(tmp_path, mask)
    assert found.refusal.code is Code.TOO_COSTLY
    assert found.record_count == 1


@pytest.mark.parametrize("name", ["", "..", "a/.."])
def test_an_image_without_a_name_is_refused(tmp_path, name):
    (found,) = mf.read(write(tmp_path, image(EVERYTHING, name)))
    assert found.refusal.code is Code.INVALID_IMAGE_RECORD
    assert found.record_count == 0


def test_a_size_that_is_none_is_noted(tmp_path):
    text = image().replace('width="40"', 'width="forty"')
    (found,) = mf.read(write(tmp_path, text))
    notes = [one for one in found.issues if one.code is Code.INVALID_IMAGE_RECORD]
    assert [one.level for one in notes] == [Level.NOTE]
    assert found.refusal.code is Code.SIZE_UNKNOWN


def test_a_video_is_refused_and_says_how_to_get_images(tmp_path):
    track = '<track id="0" label="a"><box frame="0" xtl="1" ytl="1" xbr="5" ybr="5"/></track>'
    (found,) = mf.read(write(tmp_path, track, track))
    assert found.refusal.code is Code.VIDEO
    assert "CVAT for images 1.1" in found.refusal.hint
    assert found.record_count == 2


def test_images_lie_in_their_folders(tmp_path):
    from PIL import Image

    for place in ("images/a/one.png", "images/train/two.png"):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (40, 30)).save(tmp_path / place)
    path = write(
        tmp_path, image(name="a/one.png"), image(name="two.png", subset="train", task_id="4")
    )
    one, two = mf.read(path)
    assert one.image.file == tmp_path / "images/a/one.png"
    assert two.image.file == tmp_path / "images/train/two.png"
    assert two.extra["task_id"] == "4"


@pytest.mark.parametrize(
    "content",
    [
        "<annotation><object/></annotation>",
        "<annotations/>",
        "<annotations id='3'><other/></annotations>",
        "<svg xmlns='http://www.w3.org/2000/svg'/>",
    ],
)
def test_other_xml_is_not_recognized(tmp_path, content):
    (tmp_path / "a.xml").write_text(content)
    with pytest.raises(mf.MaskforgeError, match="not cvat: "):
        mf.detect(tmp_path / "a.xml")
    if "annotation" not in content:  # many programs write such files
        reader = mf.read(tmp_path)
        assert (list(reader), reader.issues) == ([], [])


# --- What is written


def test_a_file_of_its_own_comes_back_whole(tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    path = write(source, image(EVERYTHING), image("", "empty.png", subset="x", id="9"))
    before = list(mf.read(path))
    after = rewritten(path, "cvat", tmp_path / "out")
    assert [facts(one) for one in after] == [facts(one) for one in before]
    written = ElementTree.parse(tmp_path / "out" / "annotations.xml").getroot()
    assert [one.get("name") for one in written.findall("image")] == ["sub/tooth.png", "empty.png"]
    assert [one.get("id") for one in written.findall("image")] == ["7", "9"]
    names = {
        label.findtext("name"): [one.findtext("name") for one in label.iter("attribute")]
        for label in written.iter("label")
    }
    assert names["caries"] == ["grade"]
    assert names["blurred"] == ["much"]


def test_shapes_of_another_format(tmp_path):
    drawn = made(
        shape(area((1, 1), (5.1, 1), (5, 1 / 3)), instance="tooth 3"),
        shape(bitmap(2, -1, ".##", "#.#"), "pulp", score=0.875),
        shape(Polyline(np.array([(1.0, 2.0), (3.0, 4.0)])), "crack", instance="2"),
        shape(PointSet(np.array([(1.0, 2.0), (3.0, 4.0)])), "tip"),
        tags=("blurred", "left"),
    )
    write_images("cvat", tmp_path, [drawn, made(name="a/b")])
    first, second = mf.read(tmp_path)
    assert first.tags == ("blurred", "left")
    assert [points(one) for one in first.shapes] == [
        [[[[1, 1], [5.1, 1], [5, 1 / 3]]]],
        (2, -1, [[False, True, True], [True, False, True]]),
        [[1, 2], [3, 4]],
        [[1, 2], [3, 4]],
    ]
    assert [one.instance for one in first.shapes] == ["3", None, "2", None]
    assert [one.score for one in first.shapes] == [None, 0.875, None, None]
    assert [one.extra["z_order"] for one in first.shapes] == ["0", "1", "2", "3"]
    assert (second.image.name, second.state) == ("b.png", mf.ImageState.EMPTY)
    written = ElementTree.parse(tmp_path / "annotations.xml").getroot()
    colors = {one.findtext("name"): one.findtext("color") for one in written.iter("label")}
    assert colors["caries"] == "#ff0040"
    assert {"crack", "tip", "blurred", "left"} <= colors.keys()


def test_every_bit_of_a_coordinate_comes_back(tmp_path):
    generator = np.random.default_rng(4)
    rings = [generator.uniform(-50, 5000, (5, 2)) for _ in range(20)]
    write_images("cvat", tmp_path, [made(*(shape(area(*ring)) for ring in rings))])
    (found,) = mf.read(tmp_path)
    for one, ring in zip(found.shapes, rings, strict=True):
        assert isinstance(one.geometry, Area)
        assert (one.geometry.parts[0].exterior == ring).all()


def test_text_that_xml_cannot_hold_is_replaced(tmp_path):
    label = 'a <b> & "c"\n\x01é𝄞'
    write_images("cvat", tmp_path, [made(shape(area((1, 1), (5, 1), (5, 5)), label))])
    (found,) = mf.read(tmp_path)
    assert found.shapes[0].labels == (label.replace("\x01", "\ufffd"),)


def test_levels_of_an_own_image_in_another_order_are_written_anew(tmp_path):
    from dataclasses import replace

    from rewriting import of

    inner = "".join(
        f'<polygon label="{name}" points="1,1;5,1;5,5" z_order="{level}"/>'
        for name, level in (("a", 0), ("b", 5))
    )
    written = of(read_one(tmp_path, inner), "cvat")
    write_images("cvat", tmp_path / "out", [replace(written, shapes=written.shapes[::-1])])
    (found,) = mf.read(tmp_path / "out")
    assert [one.labels[0] for one in found.shapes] == ["b", "a"]
