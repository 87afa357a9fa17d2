"""Records that are one object, written as one record in parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from maskforge.shapes import Area, Bitmap, PointSet, Polyline, Shape

_MOST_SHAPES = 3000
"""Of more shapes, nobody asks which lie between the parts of an object."""

_Key: TypeAlias = tuple[tuple[str, ...], str]


def united(shapes: Sequence[Shape]) -> list[Shape]:
    """Return shapes with the outlines of each object as parts of one, where the last of them lies.

    They stay apart if one of them is not an outline, if their scores differ, or if another shape
    may lie between them. Where nothing is left to group, there is no group.

    Args:
        shapes: In drawing order.
    """
    members: dict[_Key, list[int]] = {}
    for index, shape in enumerate(shapes):
        if shape.instance is not None:
            members.setdefault((shape.labels, shape.instance), []).append(index)
    if not members or len(shapes) > _MOST_SHAPES:
        return list(shapes)
    boxes = np.array([_box(shape) for shape in shapes])
    result: list[Shape | None] = list(shapes)
    for group in members.values():
        own = [shapes[index] for index in group]
        last = replace(own[-1], instance=None)
        if len(own) > 1:
            areas = [one.geometry for one in own if isinstance(one.geometry, Area)]
            is_one = len(areas) == len(own) and len({one.score for one in own}) == 1
            if not is_one or _is_between(group, boxes):
                continue
            whole = Area(tuple(part for area in areas for part in area.parts))
            last = replace(last, geometry=whole, kind="polygon", primitive=None, converted="")
        for index in group:
            result[index] = None
        result[group[-1]] = last
    return [one for one in result if one is not None]


def _is_between(group: Sequence[int], boxes: NDArray[np.float64]) -> bool:
    """Tell whether the box around another shape between them meets one of the shapes."""
    others = np.setdiff1d(np.arange(group[0], group[-1]), group)
    for index in group[:-1]:
        later = boxes[others[others > index]]
        box = boxes[index]
        if ((later[:, :2] < box[2:]) & (later[:, 2:] > box[:2])).all(axis=1).any():
            return True
    return False


def _box(shape: Shape) -> list[float]:
    match shape.geometry:
        case Area(parts):
            points = np.concatenate([part.exterior for part in parts])
        case Polyline(points) | PointSet(points):
            pass
        case Bitmap(row, column, pixels):
            height, width = pixels.shape
            return [column, row, column + width, row + height]
    return [*points.min(axis=0).tolist(), *points.max(axis=0).tolist()]
