"""Reading and writing Supervisely: pixels by their numbers, bitmaps, classes, old files."""

from __future__ import annotations

import base64
import io
import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import maskforge as mf
from maskforge.errors import FormatError
from maskforge.geometry import point_arrays
from maskforge.issues import Code
from maskforge.limits.allowance import FACTOR, Limit

SQUARE = [[2, 2], [8, 2], [8, 8], [2, 8]]
HOLE = [[4, 4], [6, 4], [6, 6], [4, 6]]


def thing(kind: str | None, title: str = "caries", **keys: Any) -> dict[str, Any]:
    return {"classTitle": title, "tags": []} | ({"geometryType": kind} if kind else {}) | keys


def drawn(kind: str | None, exterior: Any, *interior: Any, **keys: Any) -> dict[str, Any]:
    return thing(kind, points={"exterior": exterior, "interior": [*interior]}, **keys)


def bitmap(data: str, column: float = 3, row: float = 5, kind: str = "bitmap") -> dict[str, Any]:
    return thing(kind, bitmap={"data": data, "origin": [column, row]})


def packed(image: Image.Image, **options: Any) -> str:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", **options)
    return base64.b64encode(zlib.compress(buffer.getvalue())).decode()


def save(folder: Path, *objects: Any, meta: Any = None, **keys: Any) -> Path:
    path = folder / "ds" / "ann" / "a.png.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    root = {"description": "", "tags": [], "size": {"height": 20, "width": 30}}
    path.write_text(json.dumps(root | {"objects": [*objects]} | keys), "utf-8")
    (folder / "meta.json").write_text(json.dumps(meta or {"classes": [], "tags": []}))
    return folder


def read_one(folder: Path, *objects: Any, **keys: Any) -> mf.AnnotatedImage:
    (image,) = mf.read(save(folder, *objects, **keys), format="supervisely")
    return image


def points_of(folder: Path, record: Any) -> list[Any]:
    (shape,) = read_one(folder, record).shapes
    return [one.tolist() for one in point_arrays(shape.geometry)]


def pixels_of(image: mf.AnnotatedImage) -> list[tuple[int, int]]:
    """Return row and column of the pixels of the first shape."""
    mask = mf.rasterize([image.shapes[0].geometry], image.image.size)
    return [(int(row), int(column)) for row, column in zip(*np.nonzero(mask), strict=True)]


def test_recognized_by_its_keys(tmp_path):
    meta = {"classes": [{"title": "a", "shape": "any", "color": "#FF0000"}], "tags": []}
    save(tmp_path, meta=meta)
    detection = mf.detect(tmp_path / "ds" / "ann" / "a.png.json")
    assert (detection.format, detection.variant) == ("supervisely", "image")
    assert (mf.detect(tmp_path / "meta.json").variant) == "meta"
    save(tmp_path, framesCount=3, frames=[])
    with pytest.raises(FormatError, match="video"):
        mf.detect(tmp_path / "ds" / "ann" / "a.png.json")


def test_points_name_pixels(tmp_path):
    """What the tool gets when files are sent to it: half a pixel more; the whole last pixel."""
    assert points_of(tmp_path, drawn("polygon", SQUARE, HOLE)) == [
        [[2.5, 2.5], [8.5, 2.5], [8.5, 8.5], [2.5, 8.5]],
        [[4.5, 4.5], [6.5, 4.5], [6.5, 6.5], [4.5, 6.5]],
    ]
    assert points_of(tmp_path, drawn("line", [[0, 1], [3.25, 7]])) == [[[0.5, 1.5], [3.75, 7.5]]]
    assert points_of(tmp_path, drawn("point", [[4, 1]])) == [[[4.5, 1.5]]]
    image = read_one(tmp_path, drawn("rectangle", [[5, 4], [3, 3]]))
    assert pixels_of(image) == [(3, 3), (3, 4), (3, 5), (4, 3), (4, 4), (4, 5)]


def test_a_turned_box_is_turned_clockwise_about_its_center(tmp_path):
    record = thing("oriented_bbox", points=[[2, 4], [9, 5]], angle=np.pi / 2)
    (ring,) = points_of(tmp_path, record)
    # The box from (2, 4) to (10, 6) has its center at (6, 5).
    assert ring == pytest.approx(np.array([[7, 1], [7, 9], [5, 9], [5, 1]]))


def test_parts_and_holes(tmp_path):
    parts = [{"exterior": SQUARE, "interior": [HOLE]}, {"exterior": [[12, 2], [15, 2], [15, 6]]}]
    (shape,) = read_one(tmp_path, thing("multipolygon", parts=parts)).shapes
    assert [len(part.holes) for part in shape.geometry.parts] == [1, 0]
    assert int(mf.rasterize([shape.geometry], (30, 20)).sum()) == 6 * 6 - 2 * 2 + 6


PIXELS = np.array([[0, 1, 1, 0], [1, 1, 0, 1]], np.uint8)


def images_of_pixels() -> dict[str, str]:
    gray = Image.fromarray(PIXELS * 255)
    palette = Image.fromarray(PIXELS)
    palette.putpalette([0, 0, 0, 255, 255, 255])
    turned = Image.fromarray(1 - PIXELS)
    turned.putpalette([0, 0, 0, 255, 255, 255])
    clear = Image.new("RGBA", gray.size, (9, 9, 9))
    clear.putalpha(gray)
    bare = base64.b64encode(zlib.decompress(base64.b64decode(packed(clear)))).decode()
    return {
        "one bit": packed(gray.convert("1")),
        "gray": packed(gray),
        "opacity": packed(clear),
        "palette as the tool writes it": packed(palette, transparency=0),
        "palette whose second color is clear": packed(turned, transparency=1),
        "not packed": bare,
    }


@pytest.mark.parametrize("kind", images_of_pixels())
def test_every_png_that_holds_a_bitmap(tmp_path, kind):
    image = read_one(tmp_path, bitmap(images_of_pixels()[kind], 3.7, 5))
    assert pixels_of(image) == [(5, 4), (5, 5), (6, 3), (6, 4), (6, 6)]


@pytest.mark.parametrize(
    ("record", "code"),
    [
        (bitmap("AAAA"), Code.INVALID_BITMAP),
        (bitmap("?"), Code.INVALID_BITMAP),
        (bitmap(packed(Image.new("L", (3, 2)))), Code.NOT_DRAWABLE),
        (bitmap(packed(Image.new("L", (3, 2), 1)), 3e9), Code.INVALID_COORDINATES),
        (thing("bitmap", bitmap=None), Code.INVALID_BITMAP),
        (drawn("rectangle", SQUARE), Code.INVALID_COORDINATES),
        (drawn("polygon", SQUARE[:2]), Code.TOO_FEW_POINTS),
        (drawn("line", SQUARE[:1]), Code.TOO_FEW_POINTS),
        (drawn("polygon", None), Code.INVALID_COORDINATES),
        (thing("multipolygon", parts=[]), Code.TOO_FEW_POINTS),
        (thing("graph", nodes={}), Code.NOT_DRAWABLE),
        (drawn("ellipse", SQUARE), Code.UNKNOWN_KIND),
        (drawn(None, SQUARE), Code.INVALID_RECORD),
    ],
)
def test_what_cannot_be_drawn_costs_itself_alone(tmp_path, record, code):
    image = read_one(tmp_path, drawn("polygon", SQUARE), record)
    assert len(image.shapes) == 1
    (issue,) = [one for one in image.issues if one.loses_record]
    assert issue.code is code
    assert issue.origin.pointer.startswith("$.objects[1]")


def test_many_large_bitmaps_are_refused_before_they_fill_memory(tmp_path, monkeypatch):
    monkeypatch.setenv(FACTOR, str(100_000 / Limit.BITMAP_PIXELS.most))
    large = packed(Image.new("1", (200, 200), 1))
    image = read_one(tmp_path, *[bitmap(large)] * 3)
    assert image.shapes == ()
    assert image.refusal is not None
    assert "pixels of bitmaps" in image.refusal.message


def test_a_hole_without_area_takes_nothing_away(tmp_path):
    image = read_one(tmp_path, drawn("polygon", SQUARE, HOLE[:2]))
    assert len(pixels_of(image)) == 36
    assert [one.level for one in image.issues if one.code is Code.TOO_FEW_POINTS] == [mf.Level.NOTE]


def test_classes_tags_and_instances(tmp_path):
    classes = [{"id": 7, "title": "pulp", "shape": "polygon", "color": "#00FF00"}]
    image = read_one(
        tmp_path,
        drawn("polygon", SQUARE, classId=7, instance="9f3c") | {"classTitle": ""},
        drawn("polygon", SQUARE, tags=[{"name": "confidence", "value": 0.75}]),
        drawn("polygon", SQUARE, classId=8) | {"classTitle": ""},
        drawn("polygon", SQUARE) | {"classTitle": None},
        drawn(None, SQUARE) | {"classTitle": "pulp"},
        meta={"classes": classes, "tags": []},
        tags=[{"name": "left"}, {"name": "left"}, {"name": "blurred", "value": "very"}],
    )
    assert [one.labels for one in image.shapes] == [("pulp",), ("caries",), (), (), ("pulp",)]
    assert (image.shapes[0].instance, image.shapes[1].score) == ("9f3c", 0.75)
    problems = [one.label_issue.code for one in image.shapes if one.label_issue]
    assert problems == [Code.UNRESOLVED_CLASS, Code.NO_LABEL]
    assert image.tags == ("left", "blurred")


@pytest.mark.parametrize("name", ["a.png.json", "a.json"])
def test_the_image_is_found_beside_the_folder_of_annotations(tmp_path, name):
    """Older projects name a file without the suffix of its image."""
    save(tmp_path, drawn("polygon", SQUARE))
    (tmp_path / "ds" / "ann" / "a.png.json").rename(tmp_path / "ds" / "ann" / name)
    (tmp_path / "ds" / "img").mkdir()
    Image.new("L", (30, 20)).save(tmp_path / "ds" / "img" / "a.png")
    (image,) = mf.read(tmp_path)
    assert image.image.file == tmp_path / "ds" / "img" / "a.png"


# --- Writing


def export(source: Path, out: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    report = mf.export(source, out, format="supervisely")
    assert not report.different
    (file,) = out.rglob("ann/*.json")
    return json.loads((out / "meta.json").read_text()), json.loads(file.read_text())


def test_own_files_come_back_as_they_were(tmp_path):
    meta = {
        "classes": [{"id": 7, "title": "caries", "shape": "polygon", "color": "#00FF00"}],
        "tags": [{"name": "left", "value_type": "none", "color": "#0000FF"}],
        "projectType": "images",
        "own": 1,
    }
    objects = [
        drawn("polygon", [*SQUARE, SQUARE[0]], HOLE, id=3, classId=7, instance="b", instanceOf=1),
        drawn("graph", SQUARE, nodes={"a": 1}),
        drawn("rectangle", [[9, 9], [3, 3.123456789012345]], bitmap=None),
        bitmap(images_of_pixels()["one bit"]),
        thing("oriented_bbox", points=[[2, 4], [9, 5]], angle=0.5),
    ]
    source = save(tmp_path / "in", *objects, meta=meta, tags=[{"name": "left", "id": 4}], own=2)
    Image.new("L", (30, 20)).save(tmp_path / "in" / "a.png")
    written, annotation = export(source, tmp_path / "out")
    assert annotation == json.loads((source / "ds" / "ann" / "a.png.json").read_text())
    # Objects of this class are of several kinds now.
    meta["classes"][0]["shape"] = "any"
    assert written == meta


def test_shapes_of_other_tools(tmp_path):
    shapes = [
        {"label": "caries", "shape_type": "polygon", "points": [[0.5, 1], [9, 1], [9, 8]]},
        {"label": "bone", "shape_type": "linestrip", "points": [[0.1, 1], [9.25, 1]]},
        {"label": "fork", "shape_type": "point", "points": [[3, 4]], "score": 0.5, "group_id": 2},
    ]
    image = {"imagePath": "a.png", "imageData": None, "imageWidth": 30, "imageHeight": 20}
    record = {"version": "5.4.1", "flags": {}, "shapes": [one | {"flags": {}} for one in shapes]}
    (tmp_path / "in" / "b" / "c").mkdir(parents=True)
    (tmp_path / "in" / "b" / "c" / "a.json").write_text(json.dumps(record | image))
    Image.new("L", (30, 20)).save(tmp_path / "in" / "b" / "c" / "a.png")
    meta, annotation = export(tmp_path / "in", tmp_path / "out")
    assert annotation["size"] == {"height": 20, "width": 30}
    assert [(one["classTitle"], one["geometryType"]) for one in annotation["objects"]] == [
        ("caries", "polygon"),
        ("bone", "line"),
        ("fork", "point"),
    ]
    assert [one["points"]["exterior"] for one in annotation["objects"]] == [
        [[0.0, 0.5], [8.5, 0.5], [8.5, 7.5]],
        [[-0.4, 0.5], [8.75, 0.5]],
        [[2.5, 3.5]],
    ]
    assert annotation["objects"][2]["tags"] == [{"name": "confidence", "value": 0.5}]
    assert annotation["objects"][2]["instance"] == "2"
    assert [one["title"] for one in meta["classes"]] == ["caries", "bone", "fork"]
    assert [one["name"] for one in meta["tags"]] == ["confidence"]
    (again,) = mf.read(tmp_path / "out")
    assert point_arrays(again.shapes[1].geometry)[0].tolist() == [[0.1, 1.0], [9.25, 1.0]]


def test_data_sets_lie_in_data_sets(tmp_path):
    record = {"version": "5.4.1", "flags": {}, "shapes": [], "imageData": None}
    for folder, name in [("b", "x"), ("b/c", "y"), (".", "z")]:
        place = tmp_path / "in" / folder
        place.mkdir(parents=True, exist_ok=True)
        Image.new("L", (30, 20), ord(name)).save(place / f"{name}.png")
        (place / f"{name}.json").write_text(json.dumps(record | {"imagePath": f"{name}.png"}))
    mf.export(tmp_path / "in", tmp_path / "out", format="supervisely")
    files = {one.relative_to(tmp_path / "out").as_posix() for one in tmp_path.rglob("ann/*.json")}
    assert files == {"b/ann/x.png.json", "b/datasets/c/ann/y.png.json", "ds/ann/z.png.json"}
