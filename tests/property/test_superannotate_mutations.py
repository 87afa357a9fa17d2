"""Damaged SuperAnnotate files end in shapes and issues, never in a traceback or a wrong shape."""

from __future__ import annotations

import copy
import io
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from maskforge.errors import MaskforgeError
from maskforge.formats.reader import detect, read
from maskforge.images.annotated_image import AnnotatedImage
from maskforge.shapes import Area, Bitmap, PointSet, Polyline, Shape

FILES = settings(
    deadline=None,
    derandomize=True,
    max_examples=200,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def corner(x: float, y: float) -> dict[str, float]:
    return {"x": x, "y": y}


VECTOR: list[Any] = [
    {"type": "comment", "x": 1.5, "y": 2, "comments": [{"text": "?", "id": "a@example.org"}]},
    {
        "type": "polygon",
        "classId": 70,
        "className": "Enamel",
        "points": [1.5, 2, 20.25, 3, 9, 30.5],
        "exclude": [[6, 8, 10, 8, 9, 12]],
        "groupId": 1,
        "visible": False,
        "attributes": [{"id": 1, "groupId": 2, "name": "a"}],
    },
    {"type": "bbox", "classId": 71, "points": {"x1": 9, "y1": 8, "x2": 2.5, "y2": 3}},
    {
        "type": "rbbox",
        "className": "Pulp",
        "points": {"x1": 9, "y1": 0, "x2": 12, "y2": 3, "x3": 9, "y3": 6, "x4": 6, "y4": 3},
    },
    {"type": "ellipse", "classId": -1, "cx": 20, "cy": 20, "rx": 5, "ry": 3, "angle": -45.5},
    {
        "type": "cuboid",
        "className": "Pulp",
        "points": {
            "f1": corner(0, 0),
            "f2": corner(9, 9),
            "r1": corner(4, -4),
            "r2": corner(13, 5),
        },
    },
    {"type": "polyline", "className": "Crack", "points": [1, 2, 3, 4, 9, 9]},
    {"type": "point", "className": "Tip", "x": 5, "y": 6},
    {"type": "template", "className": "Jaw", "points": [{"id": 1, "x": 1, "y": 2}]},
    {"type": "tag", "className": "Blurred", "probability": 100},
]
PIXEL: list[Any] = [
    {"classId": 70, "visible": True, "parts": [{"color": "#00000f"}, {"color": "#00010e"}]},
    {"type": "mask", "className": "Pulp", "parts": [{"color": "#00001e"}]},
]
META: list[Any] = [
    {"type": "meta", "name": "imageAttributes", "width": 40, "height": 30, "status": "Completed"},
    {"type": "meta", "name": "lastAction", "timestamp": 1},
]
METADATA = {"name": "a.png", "width": 40, "height": 30, "status": "Completed", "pinned": False}
BESIDE = {"tags": ["left"], "comments": [{"x": 1, "y": 2, "correspondence": []}]}

VALID: dict[str, tuple[str, Any]] = {
    "project of lists": ("annotations.json", {"a.png": VECTOR + META, "b.png": PIXEL}),
    "project of objects": (
        "annotations.json",
        {
            "___sa_version___": "1.0.0",
            "a.png": {"instances": VECTOR, "metadata": METADATA, **BESIDE},
        },
    ),
    "list": ("a.png___objects.json", VECTOR + PIXEL + META),
    "suffixed": (
        "a.png___pixel.json",
        {"metadata": METADATA, "instances": PIXEL + VECTOR, **BESIDE},
    ),
    "current": ("a.png.json", {"metadata": METADATA, "instances": VECTOR + PIXEL, **BESIDE}),
}
CLASSES = [
    {"id": 70, "name": "Enamel", "color": "#00ff00", "attribute_groups": []},
    {"id": 71, "name": "Pulp", "color": "#ff0000", "attribute_groups": []},
]

JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.sampled_from([2**31, -(2**63), 10**30, 10**400, 1e300, 5e-324, 0.5, -0.0]),
    st.sampled_from([math.nan, math.inf, -math.inf]),
    st.sampled_from(["", "mask", "polygon", "meta", "../../etc/passwd.png", "C:\\a.png", "\0"]),
    st.sampled_from([["#00000f"], {"color": "#00000f"}, {"timeline": {}}, {"instances": []}]),
    st.text(max_size=5),
    st.just("x" * 5000),
    st.recursive(
        st.sampled_from([None, 1, "a", math.nan]),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
        max_leaves=8,
    ),
)


def places(value: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Every place in a JSON value, the deep ones too."""
    found = [path] if path else []
    items: Any = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    for key, inner in items:
        found += places(inner, (*path, key))
    return found


def change(draw: st.DrawFn, root: Any, within: tuple[str | int, ...] = ()) -> None:
    """Change one place at or below another one; the list that holds ``within`` keeps its length."""
    path = draw(st.sampled_from([one for one in places(root) if one[: len(within)] == within]))
    parent: Any = root
    for key in path[:-1]:
        parent = parent[key]
    action = draw(st.sampled_from(["replace", "drop", "insert", "wrap"]))
    junk = copy.deepcopy(draw(JUNK))  # or the next change would change the strategy, too
    if action == "drop" and path != within:
        del parent[path[-1]]
    elif action == "insert" and isinstance(parent, list) and path != within:
        parent.insert(path[-1], junk)
    elif action == "wrap":
        parent[path[-1]] = [parent[path[-1]]]
    else:
        parent[path[-1]] = junk


def parts_image() -> bytes:
    pixels = np.zeros((30, 40, 4), dtype=np.uint8)
    pixels[2:9, 3:12] = (0, 0, 15, 255)
    pixels[20:25, 30:40] = (0, 1, 14, 255)
    pixels[12:18, 0:20] = (0, 0, 30, 255)
    pixels[14, 5:9] = 0
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


PARTS = parts_image()


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A folder with images, the pixels of parts, and a class list."""
    path: Path = tmp_path_factory.mktemp("superannotate")
    for name in ("a.png", "b.png"):
        Image.new("L", (40, 30)).save(path / name)
        (path / f"{name}___save.png").write_bytes(PARTS)
    (path / "classes").mkdir()
    (path / "classes" / "classes.json").write_text(json.dumps(CLASSES))
    return path


def write(folder: Path, name: str, root: object) -> Path:
    # Only an annotation file changes from one example to the next.
    (folder / name).write_text(json.dumps(root), encoding="utf-8")
    return folder / name


def check(image: AnnotatedImage) -> None:
    for shape in image.shapes:
        if isinstance(shape.geometry, Area):
            rings = [ring for part in shape.geometry.parts for ring in part.rings]
            assert all(len(ring) >= 3 for ring in rings)
            assert all(np.isfinite(ring).all() for ring in rings)
        elif isinstance(shape.geometry, Bitmap):
            assert shape.geometry.pixels.any()
        assert len(shape.labels) <= 1
        assert bool(shape.labels) == (shape.label_issue is None)
    for issue in image.issues:
        assert issue.message
        assert len(issue.message) < 1000


def counted(root: Any) -> list[int]:
    """Count the records of every image of a document that is well-formed down to them."""
    if isinstance(root, list):
        return [len(root)]
    if isinstance(root.get("instances"), list):
        return [len(root["instances"])]
    images = [value for key, value in root.items() if key != "___sa_version___"]
    lists = [value.get("instances") if isinstance(value, dict) else value for value in images]
    return [len(value) if isinstance(value, list) else 0 for value in lists]


@pytest.mark.parametrize("generation", VALID)
@given(data=st.data())
@settings(FILES)
def test_a_changed_document_is_read_or_refused_and_every_record_is_counted(
    folder, generation, data
):
    name, valid = VALID[generation]
    root = copy.deepcopy({"root": valid})
    for _ in range(data.draw(st.integers(1, 3))):
        if places(root):
            change(data.draw, root)
    path = write(folder, name, root.get("root"))
    reader = read(path, format="superannotate")
    images = list(reader)
    for image in images:
        check(image)
    if reader.issues:
        assert images == []
    elif images:
        assert [image.record_count for image in images] == counted(root["root"])


@pytest.mark.parametrize("generation", ["list", "current"])
@given(data=st.data())
@settings(FILES)
def test_damage_of_one_record_leaves_the_others_as_they_are(folder, generation, data):
    name, valid = VALID[generation]
    before = {shape.origin.pointer: shape for shape in shapes(write(folder, name, valid))}
    root = copy.deepcopy(valid)
    records = root if generation == "list" else root["instances"]
    index = data.draw(st.integers(0, len(records) - 1))
    within = (index,) if generation == "list" else ("instances", index)
    change(data.draw, root, within)
    (image,) = read(write(folder, name, root), format="superannotate")
    if image.refusal is not None:  # a video, or another size
        return
    prefix = "$" if generation == "list" else "$.instances"
    after = {shape.origin.pointer: shape for shape in image.shapes}
    for pointer in (before.keys() | after.keys()) - {f"{prefix}[{index}]"}:
        assert same(before[pointer], after[pointer])


def shapes(path: Path) -> list[Shape]:
    return [shape for image in read(path, format="superannotate") for shape in image.shapes]


def same(one: Shape, other: Shape) -> bool:
    return (one.labels, one.kind, one.instance) == (
        other.labels,
        other.kind,
        other.instance,
    ) and numbers(one) == numbers(other)


def numbers(shape: Shape) -> object:
    match shape.geometry:
        case Area(parts):
            return [[ring.tolist() for ring in part.rings] for part in parts]
        case Bitmap(row, column, pixels):
            return row, column, pixels.tolist()
        case Polyline(points) | PointSet(points):
            return points.tolist()


@pytest.mark.parametrize("generation", VALID)
@given(data=st.data())
@settings(FILES, max_examples=60)
def test_a_file_that_is_cut_off_is_refused(folder, generation, data):
    name, valid = VALID[generation]
    text = json.dumps(valid).encode()
    path = folder / name
    path.write_bytes(text[: data.draw(st.integers(0, len(text) - 1))])
    reader = read(path)
    assert list(reader) == []
    assert len(reader.issues) == 1


@given(root=JUNK | st.lists(JUNK, max_size=4) | st.dictionaries(st.text(max_size=9), JUNK))
@settings(FILES)
def test_any_json_is_recognized_or_refused(folder, root):
    for name in ("classes.json", "annotations.json", "x.png___objects.json", "x.json"):
        path = folder / "any" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(root))
        try:
            detect(path)
        except MaskforgeError:
            continue
        for image in read(path):
            check(image)


@given(data=st.data())
@settings(FILES)
def test_a_damaged_class_list_leaves_shapes_and_names_as_they_are(folder, data):
    root = copy.deepcopy({"root": CLASSES})
    change(data.draw, root)
    place = folder / "damaged"
    (place / "classes").mkdir(parents=True, exist_ok=True)
    write(place / "classes", "classes.json", root.get("root"))
    (image,) = read(write(place, "a.png___objects.json", VECTOR + META), format="superannotate")
    assert len(image.shapes) == 7
    check(image)
    assert image.shapes[0].labels == ("Enamel",)


@given(data=st.data())
@settings(FILES, max_examples=400)
def test_a_damaged_png_gives_the_true_pixels_or_none(folder, data):
    place = folder / "png"
    place.mkdir(exist_ok=True)
    path = write(place, "a.png___pixel.json", PIXEL + META)
    (place / "a.png___save.png").write_bytes(PARTS)
    before = shapes(path)
    damaged = bytearray(PARTS)
    match data.draw(st.sampled_from(["change", "cut", "insert", "drop"])):
        case "change":
            index = data.draw(st.integers(0, len(damaged) - 1))
            damaged[index] ^= data.draw(st.integers(1, 255))
        case "cut":
            del damaged[data.draw(st.integers(0, len(damaged) - 1)) :]
        case "insert":
            index = data.draw(st.integers(0, len(damaged)))
            damaged[index:index] = data.draw(st.binary(min_size=1, max_size=9))
        case "drop":
            start = data.draw(st.integers(0, len(damaged) - 1))
            del damaged[start : start + data.draw(st.integers(1, 9))]
    (place / "a.png___save.png").write_bytes(damaged)
    (image,) = read(path, format="superannotate")
    assert image.record_count == 4
    for one in image.shapes:
        (true,) = [shape for shape in before if shape.origin == one.origin]
        assert same(one, true)
