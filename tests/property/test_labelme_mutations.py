"""Damaged LabelMe files end in shapes and issues, never in a traceback or a wrong shape."""

from __future__ import annotations

import base64
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

from maskforge.formats.reader import AnnotationReader, read
from maskforge.images.annotated_image import AnnotatedImage
from maskforge.shapes import Area, Bitmap, Shape

settings.register_profile(
    "files",
    deadline=None,
    derandomize=True,
    max_examples=300,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
FILES = settings.get_profile("files")


def png(mode: str, size: tuple[int, int]) -> str:
    buffer = io.BytesIO()
    Image.new(mode, size, 1).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def shape(kind: str | None, points: list[list[float]], **keys: Any) -> dict[str, Any]:
    return {"label": "caries", "points": points, "shape_type": kind, "flags": {}} | keys


BOX = [[2.0, 3.0], [12.0, 3.0], [12.0, 9.0], [2.0, 9.0]]
VALID: dict[str, Any] = {
    "version": "5.4.1",
    "flags": {"bitewing": True, "blurred": False},
    "shapes": [
        shape("polygon", [[1.5, 2.0], [20.25, 3.0], [9.0, 30.5]], group_id=1),
        shape(None, BOX, description="distal", score=0.5),
        shape("rectangle", [[12.0, 9.0], [2.0, 3.0]]),
        shape("rectangle", BOX, attributes={"grade": "D2"}),
        shape("oriented_rectangle", [[6, 5], [9, 8], [6, 11], [3, 8]]),
        shape("circle", [[5, 5], [8, 9]]),
        shape("line", [[5, 5], [8, 9]]),
        shape("linestrip", [[5, 5], [8, 9], [1, 1]]),
        shape("point", [[5, 5]]),
        shape("points", [[5, 5], [8, 9]]),
        shape("mask", [[2, 3], [5, 5]], mask=png("1", (4, 3))),
        shape("cuboid", [*BOX, *([x + 4, y - 2] for x, y in BOX)]),
    ],
    "imagePath": "tooth.png",
    "imageData": png("L", (40, 30)),
    "imageHeight": 30,
    "imageWidth": 40,
}

JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.sampled_from([2**31, -(2**63), 10**30, 10**400, 1e300, 5e-324, 0.5, -0.0]),
    st.sampled_from([math.nan, math.inf, -math.inf]),
    st.sampled_from(["", "circle", "mask", "points", "../../etc/passwd.png", "C:\\a\\b.png", "\0"]),
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
    items = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, inner in items:
        found += places(inner, (*path, key))
    return found


@st.composite
def damage(draw: st.DrawFn, within: tuple[str | int, ...] = ()) -> dict[str, Any]:
    """A valid document after one to three changes at or below a place."""
    root = json.loads(json.dumps(VALID))  # shares no list between shapes, unlike deepcopy
    for _ in range(draw(st.integers(1, 3))):
        inside = [path for path in places(root) if path[: len(within)] == within]
        if not inside:
            break
        path = draw(st.sampled_from(inside))
        parent: Any = root
        for key in path[:-1]:
            parent = parent[key]
        action = draw(st.sampled_from(["replace", "drop", "insert", "wrap"]))
        if action == "drop" and path != within:
            del parent[path[-1]]
        elif action == "insert" and isinstance(parent, list) and path != within:
            parent.insert(path[-1], draw(JUNK))
        elif action == "wrap":
            parent[path[-1]] = [parent[path[-1]]]
        else:
            parent[path[-1]] = draw(JUNK)
    return root


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("labelme")


def read_all(path: Path) -> tuple[AnnotationReader, list[AnnotatedImage]]:
    reader = read(path, format="labelme")
    return reader, list(reader)


def check_outcome(path: Path, root: object) -> None:
    """Every record is a shape or an issue; a file that gives no image gives the reason."""
    reader, images = read_all(path)
    if not images:
        (issue,) = reader.issues
        assert issue.level == "refused"
        assert issue.origin.file == path
        assert issue.message
        return
    (image,) = images
    assert isinstance(root, dict)
    assert image.record_count == len(root["shapes"])
    lost = [issue.origin.pointer for issue in image.issues if issue.loses_record]
    kept = [found.origin.pointer for found in image.shapes]
    owners = [pointer.partition("]")[0] for pointer in (*lost, *kept)]
    assert sorted(owners) == sorted(f"$.shapes[{index}" for index in range(len(root["shapes"])))
    assert (image.image.size is None) == (image.refusal is not None)
    assert all(len(issue.message) < 1000 for issue in image.issues)
    assert all(is_sound(found) for found in image.shapes)
    for found in image.shapes:
        index = int(found.origin.pointer.removeprefix("$.shapes[").removesuffix("]"))
        numbers = [number for point in root["shapes"][index]["points"] for number in point]
        assert all(abs(number) <= 2**31 for number in numbers)  # False for NaN


def is_sound(found: Shape) -> bool:
    match found.geometry:
        case Area(parts):
            arrays = [part.exterior for part in parts]
            enough = all(len(array) >= 3 for array in arrays)
        case Bitmap(_, _, pixels):
            return pixels.dtype == bool and pixels.ndim == 2 and not pixels.flags.writeable
        case line_or_points:
            arrays, enough = [line_or_points.points], True
    return enough and all(
        array.dtype == np.float64
        and array.shape[1] == 2
        and bool((np.abs(array) <= 2.0**31 * 3).all())
        for array in arrays
    )


@FILES
@given(damage())
def test_changed_documents(folder, root):
    path = folder / "tooth.json"
    path.write_text(json.dumps(root), encoding="utf-8")
    check_outcome(path, root)


@FILES
@given(st.integers(0, len(VALID["shapes"]) - 1).flatmap(lambda i: damage(("shapes", i))))
def test_damage_inside_one_shape_leaves_the_others_alone(folder, root):
    path = folder / "tooth.json"
    path.write_text(json.dumps(VALID), encoding="utf-8")
    expected = {found.origin.pointer: found for found in read_all(path)[1][0].shapes}
    changed = {
        f"$.shapes[{index}]"
        for index, (one, other) in enumerate(zip(root["shapes"], VALID["shapes"], strict=True))
        if json.dumps(one) != json.dumps(other)
    }
    assert len(changed) <= 1
    path.write_text(json.dumps(root), encoding="utf-8")
    reader, images = read_all(path)
    if not images:  # text that is not valid Unicode spoils the whole file
        assert reader.issues
        return
    found = {one.origin.pointer: one for one in images[0].shapes}
    assert set(expected) - changed == set(found) - changed
    for pointer in set(expected) - changed:
        assert drawing(found[pointer]) == drawing(expected[pointer])


def drawing(found: Shape) -> tuple[object, ...]:
    match found.geometry:
        case Area(parts):
            covered = [ring.tobytes() for part in parts for ring in part.rings]
        case Bitmap(row, column, pixels):
            covered = [row, column, pixels.shape, pixels.tobytes()]
        case other:
            covered = [other.points.tobytes()]
    return (found.kind, found.labels, found.instance, found.converted, *covered)


@FILES
@given(st.data())
def test_truncated_and_overwritten_text(folder, data):
    text = json.dumps(VALID).encode()
    start = data.draw(st.integers(0, len(text)))
    if data.draw(st.booleans()):
        text = text[:start]
    else:
        junk = data.draw(st.binary(min_size=1, max_size=4))
        text = text[:start] + junk + text[start + len(junk) :]
    path = folder / "tooth.json"
    path.write_bytes(text)
    reader, images = read_all(path)
    for image in images:
        assert all(is_sound(found) for found in image.shapes)
    assert images or [issue.level for issue in reader.issues][-1:] == ["refused"]


@FILES
@given(st.binary(min_size=1, max_size=8), st.integers(0, 200), st.booleans())
def test_damaged_mask_is_read_or_refused(folder, junk, start, is_cut):
    data = base64.b64decode(VALID["shapes"][10]["mask"])
    damaged = data[:start] if is_cut else data[:start] + junk + data[start + len(junk) :]
    record = shape("mask", [[2, 3], [5, 5]], mask=base64.b64encode(damaged).decode())
    root = VALID | {"shapes": [record]}
    path = folder / "tooth.json"
    path.write_text(json.dumps(root), encoding="utf-8")
    check_outcome(path, root)
