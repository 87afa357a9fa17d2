"""Damaged VoTT files end in shapes and issues, never in a traceback or a wrong shape."""

from __future__ import annotations

import copy
import csv
import io
import json
import math
import re
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from maskforge.formats.reader import AnnotationReader, read
from maskforge.images.annotated_image import AnnotatedImage
from maskforge.issues import Code
from maskforge.shapes import Area, PointSet, Polyline, Shape

FILES = settings(
    deadline=None,
    derandomize=True,
    max_examples=150,
    suppress_health_check=[HealthCheck.too_slow],
)

POINTS = [{"x": 1.5, "y": 2}, {"x": 20.25, "y": 3}, {"x": 9, "y": 30.5}]
BOX = {"left": 2.5, "top": 3, "width": 10, "height": 6}
CORNERS = {"x1": 2.5, "y1": 3, "x2": 12.5, "y2": 9}
KINDS = ("RECTANGLE", "SQUARE", "POLYGON", "POLYLINE", "POINT")


def regions() -> list[dict[str, Any]]:
    return [
        {"id": kind, "type": kind, "tags": tags, "boundingBox": BOX, "points": POINTS}
        for kind, tags in zip(KINDS, ([], ["a"], ["a", "b"], ["b"], ["c"]), strict=True)
    ]


def asset(id_: str, state: int, type_: int = 1) -> dict[str, Any]:
    size = {"width": 40, "height": 50}
    name = f"{id_}%20(1).png"
    path = f"file:/Users/x/{name}"
    return {"id": id_, "name": name, "path": path, "size": size, "state": state, "type": type_}


def metadata(id_: str, state: int = 2, type_: int = 1) -> dict[str, Any]:
    return {"asset": asset(id_, state, type_), "regions": regions(), "version": "2.1.0"}


def version1_region(kind: str, *, old: bool) -> dict[str, Any]:
    rest = {"width": 40, "height": 50, "type": kind, "tags": ["a"], "UID": "1", "points": POINTS}
    return CORNERS | rest | ({} if old else {"box": CORNERS})


PROJECT = {
    "name": "p",
    "sourceConnection": {"providerOptions": {"encrypted": "abc"}},
    "tags": [{"name": "a", "color": "#fff"}, {"name": "b", "color": "#000"}],
    "assets": {
        "aa": asset("aa", 2),
        "bb": asset("bb", 1),
        "cc": asset("cc", 0),
        "dd": asset("dd", 2, 2),
        "ee": asset("ee", 2, 3),
    },
}
DOCUMENTS: dict[str, Any] = {
    "p.vott": PROJECT,
    "aa-asset.json": metadata("aa"),
    "ee-asset.json": metadata("ee", type_=3),
    "orphan-asset.json": metadata("orphan"),
    "vott-json-export/p-export.json": PROJECT
    | {"assets": {"aa": metadata("aa"), "new": metadata("new"), "bb": metadata("bb", 1)}},
    "first.json": {
        "frames": {
            "a.png": [version1_region("rect", old=True), version1_region("Square", old=False)],
            "b.png": [
                version1_region(kind, old=False) for kind in ("polygon", "polyline", "point")
            ],
            "c.png": [{}],
            "d.png": [],
        },
        "inputTags": "a,b,",
        "visitedFrames": ["a.png", "d.png", "e.png"],
        "tag_colors": ["#f9e90c"],
    },
}
TABLE = [
    ["image", "xmin", "ymin", "xmax", "ymax", "label"],
    ["s%20(1).png", "1", "2.5", "3", "4", "a"],
    ["s%20(1).png", "1", "2.5", "3", "4", "b"],
    ["t.png", "5", "6", "70", "-8", "a"],
    ["t.png", "5", "6", "70", "-9", ""],
]

JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 5),
    st.sampled_from([2**31, -(2**63), 10**30, 10**400, 1e300, 5e-324, 0.5, -0.0]),
    st.sampled_from([math.nan, math.inf, -math.inf]),
    st.sampled_from(["", "POINT", "..", "../../etc/passwd.png", "C:\\a\\b.png", "\0", "#t=1", "9"]),
    st.sampled_from(["https://[::1/a.png?x", "file:", "%", "%00", "%ff%fe.png", "a?b.png"]),
    st.text(max_size=5),
    st.just("x" * 5000),
    st.recursive(
        st.sampled_from([None, 1, "a", math.nan]),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
        max_leaves=8,
    ),
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    keys: Any = ()
    if isinstance(value, dict):
        keys = list(value)
    elif isinstance(value, list):
        keys = range(len(value))
    for key in keys:
        yield (*path, key)
        yield from places(value[key], (*path, key))


@st.composite
def damaged(draw: st.DrawFn) -> tuple[str, Any]:
    """The name of one of the documents, and the document with one to three changes."""
    name = draw(st.sampled_from(sorted(DOCUMENTS)))
    root = copy.deepcopy(DOCUMENTS[name])
    for _ in range(draw(st.integers(1, 3))):
        every = list(places(root))
        if not every:
            break
        *path, last = draw(st.sampled_from(every))
        parent = root
        for key in path:
            parent = parent[key]
        match draw(st.sampled_from(["replace", "drop", "rename", "repeat"])):
            case "replace":
                parent[last] = draw(JUNK)
            case "drop":
                del parent[last]
            case "rename" if isinstance(parent, dict):
                parent[draw(st.text(max_size=4))] = parent.pop(last)
            case _ if isinstance(parent, list):
                parent.append(copy.deepcopy(parent[last]))
    return name, root


def write_all(folder: Path, changed: dict[str, bytes]) -> None:
    (folder / "vott-json-export").mkdir()
    (folder / "vott-csv-export").mkdir()
    files = {name: json.dumps(root).encode() for name, root in DOCUMENTS.items()}
    for name, content in (files | changed).items():
        (folder / name).write_bytes(content)


def read_all(folder: Path) -> tuple[list[AnnotatedImage], AnnotationReader]:
    reader = read(folder, format="vott")
    return list(reader), reader


def check_shapes(image: AnnotatedImage) -> None:
    assert image.image.name
    assert "/" not in image.image.name
    for shape in image.shapes:
        assert isinstance(shape.geometry, Area | Polyline | PointSet)
        arrays = (
            [part.exterior for part in shape.geometry.parts]
            if isinstance(shape.geometry, Area)
            else [shape.geometry.points]
        )
        for array in arrays:
            assert array.dtype == np.float64
            assert array.shape[1] == 2
            assert np.isfinite(array).all()
            assert not array.flags.writeable
        assert all(isinstance(label, str) and label for label in shape.labels)
        assert (shape.label_issue is None) == bool(shape.labels)


def at(root: Any, pointer: str) -> Any:
    """Follow a JSON path such as ``$.assets['a b'].regions[3]``."""
    for word, text, index in re.findall(
        r"\.(\w[\w.-]*?)(?=[.\[]|$)|\['(.*?)'\]|\[(\d+)\]", pointer
    ):
        root = root[int(index)] if index else root[word or text]
    return root


def check_geometry(shape: Shape, record: dict[str, Any]) -> None:
    """Compare a shape with its record, whatever the damage has made of the record."""
    match shape.geometry:
        case Area((part,)):
            found = part.exterior
        case Polyline(found) | PointSet(found):
            pass
    if "box" in record and shape.kind.lower() in {"rect", "rectangle", "square"}:
        corners = [record["box"][key] for key in ("x1", "y1", "x2", "y2")]
    elif shape.kind.lower() in {"rectangle", "square"} and record.get("boundingBox"):
        left, top = record["boundingBox"]["left"], record["boundingBox"]["top"]
        width, height = (record["boundingBox"][key] for key in ("width", "height"))
        corners = [left, top, left + width, top + height]
    elif shape.kind.lower() in {"polygon", "polyline", "point"}:
        written = [(point["x"], point["y"]) for point in record["points"]]
        assert isinstance(shape.geometry, Area) == (shape.kind.lower() == "polygon")
        assert found.tolist() == [list(pair) for pair in written[: len(found)]]
        assert set(written[len(found) :]) <= {written[0]}  # the repeated first vertex of a ring
        return
    else:
        return  # its unit is that of a display
    assert [*found.min(axis=0), *found.max(axis=0)] == [
        min(corners[::2]),
        min(corners[1::2]),
        max(corners[::2]),
        max(corners[1::2]),
    ]


def count_records(root: Any, pointer: str) -> int | None:
    """Count the regions at the place of an image; None if the place is none of one."""
    try:
        value = at(root, pointer)
    except (KeyError, IndexError, TypeError):
        return None
    if isinstance(value, dict) and isinstance(value.get("asset"), dict):
        value = value.get("regions")
    return len(value) if isinstance(value, list) else None


def outcome(image: AnnotatedImage) -> Any:
    """Everything about an image that another file's damage must not change."""
    shapes = [(shape.kind, shape.labels, shape.origin.pointer) for shape in image.shapes]
    return image.image.name, image.state, shapes, [issue.code for issue in image.issues]


@cache
def undamaged() -> dict[str, list[Any]]:
    """What is read of each file when all are whole."""
    with tempfile.TemporaryDirectory() as temporary:
        write_all(Path(temporary), {})
        images, _ = read_all(Path(temporary))
    found: dict[str, list[Any]] = {}
    for image in images:
        found.setdefault(image.origin.file.name, []).append(outcome(image))
    return found


@FILES
@given(damaged())
def test_damaged_values(change):
    """Every record of the damaged file is accounted for, and the other files are read as ever."""
    name, root = change
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_all(folder, {name: json.dumps(root).encode()})
        images, reader = read_all(folder)
        own = [image for image in images if image.origin.file == folder / name]
        for image in images:
            check_shapes(image)
        for image in own:
            expected = count_records(root, image.origin.pointer)
            if expected is None:  # listed without regions, or refused as a whole
                assert image.record_count == 0
            elif Code.INVALID_IMAGE_RECORD not in codes(image):
                assert image.record_count == expected
            for shape in image.shapes:
                check_geometry(shape, at(root, shape.origin.pointer))
        if not own and name != "p.vott" and not name.startswith("vott-json"):
            # Nothing of it was read: then the file is in the report, or the project that lists it.
            reported = [issue.origin.file.name for issue in reader.issues]
            assert Path(name).name in reported or "p.vott" in {
                image.origin.file.name for image in images if image.refusal
            } | set(reported)


def codes(image: AnnotatedImage) -> set[Code]:
    return {issue.code for issue in image.issues}


@FILES
@given(damaged())
def test_damage_stays_in_its_file(change):
    """Version 1 files stand alone: damage to one of the others leaves their images as they are."""
    name, root = change
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_all(folder, {name: json.dumps(root).encode()})
        images, _ = read_all(folder)
    alone = {"first.json", "orphan-asset.json", "ee-asset.json"} - {name}
    if name == "p.vott":
        alone = {"first.json"}  # who is an orphan depends on the project
    for file in alone:
        found = [outcome(image) for image in images if image.origin.file.name == file]
        assert found == undamaged()[file]


@FILES
@given(st.sampled_from(sorted(DOCUMENTS)), st.floats(0, 1), st.binary(max_size=3))
def test_truncated_files(name, part, tail):
    content = json.dumps(DOCUMENTS[name]).encode()
    content = content[: int(part * len(content))] + tail
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_all(folder, {name: content})
        images, reader = read_all(folder)
        for image in images:
            check_shapes(image)
        try:
            json.loads(content)
        except ValueError:
            assert Path(name).name in [issue.origin.file.name for issue in reader.issues]


@FILES
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["s%20(1).png", "t.png", "", "..", "a/b.png"]),
            *[st.sampled_from(["1", "2.5", "-8", "", "x", "nan", "inf", "1e99", "9" * 400])] * 4,
            st.sampled_from(["a", "b", "", "c,d"]),
        )
        | st.sampled_from(TABLE[1:]).map(tuple),
        max_size=8,
    ),
    st.integers(0, 8),
)
def test_tables(rows, cut):
    """Each row is a region, one more tag of a region, or an issue with its line."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerows([*TABLE, *rows])
    short = ["t.png", "1"][:cut]
    writer.writerow(short)
    written = TABLE[1:] + [list(row) for row in rows] + ([short] if short else [])
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary) / "p-export.csv"
        path.write_text(buffer.getvalue(), encoding="utf-8")
        reader = read(path, format="vott")
        images = list(reader)
    accounted = 0
    for image in images:
        check_shapes(image)
        accounted += sum(issue.loses_record for issue in image.issues)
        accounted += sum(max(len(shape.labels), 1) for shape in image.shapes)
    # A row without a label that a later row gives one adds nothing that could be counted.
    assert accounted == len(written) - merged_without_label(written)


def merged_without_label(rows: list[list[str]]) -> int:
    """Count the regions that begin with a row without a label and get one from a later row."""
    first: dict[tuple[str, ...], str] = {}
    merged = set()
    for row in rows:
        if len(row) == 6 and all(is_number(cell) for cell in row[1:5]):
            key = (row[0], *(str(float(cell)) for cell in row[1:5]))
            if first.setdefault(key, row[5]) == "" and row[5]:
                merged.add(key)
    return len(merged)


def is_number(text: str) -> bool:
    try:
        return abs(float(text)) <= 2**31
    except ValueError:
        return False
