"""What holds of every image that is read, whatever its format, and whatever is wrong with it."""

from __future__ import annotations

import contextlib
import json
import pickle
import re
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from maskforge.images.annotated_image import AnnotatedImage
from maskforge.issues import Code
from maskforge.shapes import Area, Bitmap, PointSet, Polyline, Shape

LARGEST = 2.0**31
IN_WORDS = re.compile(r"\[\w+ .*\]$")
"""What stands for the place of an image in a file that only lists the records of all images."""

AXES = ("all_points_x", "all_points_y")


def at(root: Any, pointer: str) -> Any:
    """Follow a JSON path such as ``$.assets['a b'].regions[3]``; None if it leads nowhere."""
    steps = list(re.finditer(r"\.(\w[\w.-]*?)(?=[.\[]|$)|\['(.*?)'\]|\[(\d+)\]", pointer))
    if sum(len(step[0]) for step in steps) != len(pointer) - 1:
        return None
    for step in steps:
        word, text, index = step.groups()
        try:
            root = root[int(index)] if index else root[word or text]
        except (KeyError, IndexError, TypeError):
            return None
    return root


def index_of(pointer: str, place: str) -> int:
    return int(pointer.removeprefix(f"{place}[").partition("]")[0])


# --- Shapes


def arrays(shape: Shape) -> list[np.ndarray]:
    match shape.geometry:
        case Area(parts):
            return [ring for part in parts for ring in part.rings]
        case Polyline(points) | PointSet(points):
            return [points]
        case _:
            return []


def bounds_of(shape: Shape) -> np.ndarray:
    """Return points as (N, 2) such that what a shape covers lies in the box around them."""
    if isinstance(shape.geometry, Bitmap):
        corner = np.array((shape.geometry.column, shape.geometry.row))
        return np.array((corner, corner + shape.geometry.pixels.shape[::-1]))
    return np.concatenate(arrays(shape))


def drawing(shape: Shape) -> tuple[Any, ...]:
    """Return all that is drawn of a shape, without its labels, to compare it."""
    covered: list[Any] = [one.tobytes() for one in arrays(shape)]
    if isinstance(shape.geometry, Bitmap):
        bitmap = shape.geometry
        covered = [bitmap.row, bitmap.column, bitmap.pixels.shape, bitmap.pixels.tobytes()]
    return (shape.kind, shape.instance, shape.converted, type(shape.geometry), *covered)


def check_shape(shape: Shape) -> None:
    for one in arrays(shape):
        assert one.dtype == np.float64
        assert one.shape[1] == 2
        assert (np.abs(one) <= 3 * LARGEST).all()  # False for NaN
        assert not one.flags.writeable
        assert len(one) >= {Area: 3, Polyline: 2, PointSet: 1}[type(shape.geometry)]
    if isinstance(shape.geometry, Bitmap):
        pixels = shape.geometry.pixels
        assert (pixels.dtype, pixels.ndim) == (bool, 2)
        assert pixels.any()
        assert not pixels.flags.writeable
    assert all(isinstance(label, str) and label.strip() for label in shape.labels)
    assert bool(shape.labels) == (shape.label_issue is None)


def numbers(value: Any) -> Iterator[float]:
    """Yield the numbers of a record in the order in which they make points."""
    if isinstance(value, dict) and {"all_points_x", "all_points_y"} <= value.keys():
        yield from numbers([[*pair] for pair in zip(*map(value.get, AXES), strict=True)])
    elif isinstance(value, dict):
        yield from numbers(
            [value["x"], value["y"]] if {"x", "y"} <= value.keys() else [*value.values()]
        )
    elif isinstance(value, list):
        for one in value:
            yield from numbers(one)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield value
    elif isinstance(value, str) and re.fullmatch(r"\s*[-+]?[0-9.]+(e[-+]?[0-9]+)?\s*", value):
        with contextlib.suppress(ValueError):
            yield float(value)  # a number as text is one


def corners_of(record: dict[str, Any]) -> list[float] | None:
    """Return x and y, x and y of the corners that a record of any tool gives its box by."""
    points = record.get("points")
    match record:
        case {"bbox": [x, y, width, height]}:
            x, y, width, height = numbers([x, y, width, height])
            return [x, y, x + width, y + height]
        case {"boundingBox": {"left": x, "top": y, "width": width, "height": height}} | {
            "bbox": {"left": x, "top": y, "width": width, "height": height}
        }:
            x, y, width, height = numbers([x, y, width, height])
            return [x, y, x + width, y + height]
        case {"box": {"x1": x, "y1": y, "x2": other_x, "y2": other_y}}:
            return list(numbers([x, y, other_x, other_y]))
        case {"points": {"x1": x, "y1": y, "x2": other_x, "y2": other_y}}:
            return list(numbers([x, y, other_x, other_y]))
        case {"shape_attributes": {"x": x, "y": y, "width": width, "height": height}}:
            x, y, width, height = numbers([x, y, width, height])
            return [x, y, x + width, y + height]
    return list(numbers(points)) if isinstance(points, list) else None


def check_geometry(shape: Shape, record: dict[str, Any]) -> None:
    """Compare a shape with its record, whatever the damage has made of the record."""
    if "x1" in record and record.get("box") is None:
        return  # its unit is that of a display
    if {"original_width", "original_height"} & record.keys():
        return  # its unit is percent of the image
    if "classTitle" in record:
        return  # its numbers name pixels
    kind = shape.kind.lower()
    if kind in {"rect", "rectangle", "square", "bbox", "rotation"}:
        low, high = arrays(shape)[0].min(axis=0), arrays(shape)[0].max(axis=0)
        corners = corners_of(record)
        assert corners is not None
        x, y = corners[::2], corners[1::2]
        assert [*low, *high] == [min(x), min(y), max(x), max(y)]
    elif shape.primitive is None:
        written = list(numbers(record))
        for one in arrays(shape):
            flat = one.ravel().tolist()
            assert any(
                written[i : i + len(flat)] == flat for i in range(len(written) - len(flat) + 1)
            )
    elif "points" in shape.primitive:
        assert all(abs(one) <= LARGEST for one in numbers(shape.primitive["points"]))


# --- Images


def check_image(image: AnnotatedImage) -> None:
    assert image.image.name
    assert "/" not in image.image.name
    assert (image.image.size is None) == (image.refusal is not None)
    for shape in image.shapes:
        check_shape(shape)
    for issue in image.issues:
        assert issue.message
        assert len(issue.message) < 1000
    assert pickle.loads(pickle.dumps(image)).image == image.image


def record_keys(images: Iterable[AnnotatedImage]) -> frozenset[str]:
    """Return where files of a format keep the records of an image, below the image.

    A key that begins at the root is that of one list for all images of a file.
    """
    return frozenset(
        shape.origin.pointer.removeprefix(image.origin.pointer).rpartition("[")[0]
        for image in images
        for shape in image.shapes
    )


def records_of(image: AnnotatedImage, root: Any, keys: Iterable[str]) -> tuple[str, Any]:
    """Return the place of an image's records and what is there now."""
    if not IN_WORDS.search(image.origin.pointer):
        keys = [key for key in keys if key != "$"]
    places = [image.origin.pointer + key for key in keys if not key.startswith("$")]
    places += [key for key in keys if key.startswith("$")]
    found = [(place, at(root, place)) for place in places]
    lists = [(place, one) for place, one in found if isinstance(one, list)]
    return next(((place, one) for place, one in lists if not are_images(one)), ("", None))


def are_images(records: list[Any]) -> bool:
    """Tell the annotations of COCO that are images with lists of their own from records."""
    return any(isinstance(one, dict) and "segments_info" in one for one in records)


def check_account(images: Iterable[AnnotatedImage], root: Any, keys: Iterable[str]) -> None:
    """Every record of a file is a shape or has an issue of one image, and none is both."""
    found: dict[str, list[int]] = {}
    lists: dict[str, Any] = {}
    for image in images:
        place, records = records_of(image, root, keys)
        spoiled = any(
            one.loses_image and one.code is Code.INVALID_IMAGE_RECORD for one in image.issues
        )
        if records is None or spoiled:
            assert image.record_count == 0
            continue
        lists[place] = records
        own = own_indices(image, place)
        assert image.record_count == len(own)
        found.setdefault(place, []).extend(own)
        for shape in image.shapes:
            check_geometry(shape, records[index_of(shape.origin.pointer, place)])
    for place, indices in found.items():
        assert sorted(indices) == list(range(len(lists[place])))


def own_indices(image: AnnotatedImage, place: str) -> list[int]:
    """Return the indices of the records that an image has as shapes or as issues."""
    pointers = [shape.origin.pointer for shape in image.shapes]
    pointers += [issue.origin.pointer for issue in image.issues if issue.loses_record]
    return [index_of(one, place) for one in pointers]


# --- What is kept


def text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)  # NaN equals itself there


def leaves(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Yield all that is not empty, with the key under which it stands."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner, key)
    elif value not in (None, ""):
        yield key, value if key != "imageData" else True


def check_keys(image: AnnotatedImage, root: Any, keys: Iterable[str]) -> None:
    """Each value of an image's record is in ``extra``, ``primitive``, or what was made of it."""
    place, records = records_of(image, root, keys)
    record = at(root, image.origin.pointer)
    if isinstance(record, dict):
        name = place.removeprefix(f"{image.origin.pointer}.")
        beside = {key: value for key, value in record.items() if key != name}
        assert set(leaves(beside)) <= set(leaves(image.extra))
    shapes = {index_of(shape.origin.pointer, place): shape for shape in image.shapes}
    rest = [records[one] for one in sorted({*own_indices(image, place)} - shapes.keys())]
    assert not rest or text(rest) in map(text, image.extra.values())
    for index, shape in shapes.items():
        check_keys_of_shape(shape, records[index])


def check_keys_of_shape(shape: Shape, record: dict[str, Any]) -> None:
    kept = {**shape.extra, **(shape.primitive or {})}
    made = {*shape.labels, shape.kind, shape.instance}
    made.update(*(one.ravel().tolist() for one in arrays(shape)))
    for key, value in record.items():
        if key in kept:
            assert text(kept[key]) == text(value)
        elif not isinstance(shape.geometry, Bitmap) or key != "mask":
            unit = "x1" in record and "box" not in record and key not in kept
            found = {one for _, one in leaves(value)}
            assert unit or found <= made or found <= {0} or {*map(str, found)} <= made, key
