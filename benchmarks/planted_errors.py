"""Errors of known kinds in known places, planted into LabelMe files of synthetic radiographs."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import shapely
from numpy.typing import NDArray

Ring: TypeAlias = NDArray[np.float64]
Box: TypeAlias = tuple[float, float, float, float]

KINDS = ("missed", "invented", "class", "outline")
LESION, OTHER = "caries", "restoration"
_LEAST_AREA = 30.0  # square pixels of a lesion that is changed; fewer are hardly visible
_DISTANCE = 8.0  # pixels from an invented lesion to everything else that is drawn as one
_GROWTH, _SHIFT = 1.6, 0.5  # of an outline: its size afterwards; its way as a part of its size
_TRIES = 50


@dataclass(frozen=True)
class Error:
    """An error that was planted.

    Attributes:
        image: Name of the image without suffix.
        kind: One of ``KINDS``.
        box: Left, top, right and bottom of what is wrong, and of what was drawn, in pixels.
    """

    image: str
    kind: str
    box: Box


@dataclass
class _File:
    path: Path
    content: dict[str, Any]

    @property
    def shapes(self) -> list[dict[str, Any]]:
        shapes: list[dict[str, Any]] = self.content["shapes"]
        return shapes

    def rings(self, *labels: str) -> Iterator[shapely.Polygon]:
        return (shapely.Polygon(one["points"]) for one in self.shapes if one["label"] in labels)

    @property
    def frame(self) -> shapely.Polygon:
        return shapely.box(0, 0, self.content["imageWidth"], self.content["imageHeight"])


def plant(folder: Path, share: float, seed: int) -> list[Error]:
    """Change LabelMe files so that as many errors of every kind are in them.

    Args:
        folder: With the files that ``samples/generate.py`` wrote.
        share: Errors of all kinds together, as a part of the number of lesions.
        seed: Another one plants other errors.
    """
    rng = np.random.default_rng(seed)
    files = [
        _File(path, json.loads(path.read_text("utf-8"))) for path in sorted(folder.glob("*.json"))
    ]
    lesions = [
        (file, shape)
        for file in files
        for shape in file.shapes
        if shape["label"] == LESION and shapely.Polygon(shape["points"]).area >= _LEAST_AREA
    ]
    count = round(share * len(lesions) / len(KINDS))
    order = rng.permutation(len(lesions))
    parts = [
        [lesions[at] for at in order[start * count :][:count]] for start in range(len(KINDS) - 1)
    ]
    models = [np.array(shape["points"]) for _, shape in lesions]
    # Before any lesion is erased: where one was, there is nothing to be invented.
    invented = (_invent(files[at], models, rng) for at in rng.permutation(len(files)))
    errors = list(itertools.islice(filter(None, invented), count))
    errors += [_miss(file, shape) for file, shape in parts[0]]
    errors += [_confuse(file, shape) for file, shape in parts[1]]
    errors += [_redraw(file, shape, rng) for file, shape in parts[2]]
    for file in files:
        file.path.write_text(json.dumps(file.content), "utf-8")
    return errors


def _miss(file: _File, shape: dict[str, Any]) -> Error:
    file.shapes.remove(shape)
    return Error(file.path.stem, "missed", shapely.Polygon(shape["points"]).bounds)


def _confuse(file: _File, shape: dict[str, Any]) -> Error:
    shape["label"] = OTHER
    return Error(file.path.stem, "class", shapely.Polygon(shape["points"]).bounds)


def _redraw(file: _File, shape: dict[str, Any], rng: np.random.Generator) -> Error:
    """Draw an outline too large, or beside what it should surround."""
    ring = np.array(shape["points"])
    center = ring.mean(axis=0)
    if rng.random() < 0.5:
        drawn = center + _GROWTH * (ring - center)
    else:
        angle = rng.uniform(0, 2 * np.pi)
        drawn = ring + _SHIFT * np.ptp(ring, axis=0) * (np.cos(angle), np.sin(angle))
    shape["points"] = drawn.round(2).tolist()
    both = shapely.union(shapely.Polygon(ring).buffer(0), shapely.Polygon(drawn).buffer(0))
    return Error(file.path.stem, "outline", shapely.intersection(both, file.frame).bounds)


def _invent(file: _File, models: Sequence[Ring], rng: np.random.Generator) -> Error | None:
    """Draw the outline of another lesion along the rim of a tooth's enamel, away from others.

    Returns None if there is no place for it.
    """
    taken = shapely.union_all([one.buffer(0) for one in file.rings(LESION, OTHER)])
    rims = [np.array(one.exterior.coords) for one in file.rings("enamel")]
    for _ in range(_TRIES if rims else 0):
        rim = rims[rng.integers(len(rims))]
        model = models[int(rng.integers(len(models)))]
        drawn = model - model.mean(axis=0) + rim[rng.integers(len(rim))]
        place = shapely.Polygon(drawn)
        if file.frame.contains(place) and place.distance(taken) > _DISTANCE:
            points = drawn.round(2).tolist()
            file.shapes.append({"label": LESION, "shape_type": "polygon", "points": points})
            return Error(file.path.stem, "invented", place.bounds)
    return None
