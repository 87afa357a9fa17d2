"""Measure what every rasterizer does to areas, edges and time; print a Markdown table.

Run with ``python benchmarks/rasterizers.py``; it takes about half a minute. All methods draw the
same shapes, made from a fixed seed, and their times are taken in turns.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np
import shapely
import skimage.draw
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from maskforge.geometry import ellipse
from maskforge.issues import Origin
from maskforge.raster.registry import RASTERIZERS
from maskforge.raster.scan import scan
from maskforge.raster.segments import Segments
from maskforge.shapes import Area, Points, Polygon, Size

Mask: TypeAlias = NDArray[np.uint8]
Draw: TypeAlias = Callable[[Sequence[Polygon], Size], Mask]

RADII = (3, 5, 8, 15, 40)
SHAPES = 144
TILINGS = 6
REPETITIONS = 15
SPEED_SIZE = Size(2000, 1500)
HERE = Origin(Path(__file__))


@dataclass(frozen=True)
class Shape:
    """A polygon, the canvas it is drawn on, and the area that it has there."""

    polygon: Polygon
    size: Size
    area: float


def drawn_by(rasterizer: str) -> Draw:
    """Return a function that draws with one of maskforge's rasterizers."""

    def draw(polygons: Sequence[Polygon], size: Size) -> Mask:
        runs = scan([Area((polygon,)) for polygon in polygons], size, rasterizer)
        segments = Segments(runs, size)
        inside = np.ones(len(polygons), dtype=np.uint8)
        mask: Mask = segments.fill(segments.paint(inside, np.arange(len(polygons))))
        return mask

    return draw


def usual_opencv(polygons: Sequence[Polygon], size: Size) -> Mask:
    """cv2.fillPoly on rounded vertices."""
    canvas = np.zeros((size.height, size.width), dtype=np.uint8)
    for polygon in polygons:
        cv2.fillPoly(canvas, [np.rint(ring).astype(np.int32) for ring in polygon.rings], 1)
    return canvas


def usual_pillow(polygons: Sequence[Polygon], size: Size) -> Mask:
    """ImageDraw.polygon on vertices as they are, holes drawn with 0 afterwards."""
    image = Image.new("L", size)
    pen = ImageDraw.Draw(image)
    for polygon in polygons:
        for number, ring in enumerate(polygon.rings):
            pen.polygon(ring.ravel().tolist(), fill=int(number == 0))
    return np.array(image)


def usual_skimage(polygons: Sequence[Polygon], size: Size) -> Mask:
    """skimage.draw.polygon on vertices as they are, holes drawn with 0 afterwards."""
    fill: Any = skimage.draw.polygon
    canvas = np.zeros((size.height, size.width), dtype=np.uint8)
    for polygon in polygons:
        for number, ring in enumerate(polygon.rings):
            canvas[fill(ring[:, 1], ring[:, 0], canvas.shape)] = number == 0
    return canvas


METHODS: dict[str, Draw] = {
    **{f"`{name}`": drawn_by(name) for name in RASTERIZERS},
    "cv2.fillPoly(round(points))": usual_opencv,
    "ImageDraw.polygon(points)": usual_pillow,
    "skimage.draw.polygon(points)": usual_skimage,
}
FIRST = "cv2.fillPoly(round(points))"
"""The method whose time is 1."""


def offsets(random: np.random.Generator) -> Points:
    """Return (SHAPES, 2) numbers from 0 to 1, one in each cell of a square grid.

    They leave less to chance than independent numbers.
    """
    side = math.isqrt(SHAPES)
    corners = np.stack(np.meshgrid(np.arange(side), np.arange(side)), axis=-1).reshape(-1, 2)
    places: Points = (corners + random.uniform(0, 1, corners.shape)) / side
    return places


def blob(random: np.random.Generator, center: Points, radius: float, count: int) -> Points:
    """Return a star-shaped ring of ``count`` vertices with a wavy outline."""
    turn = np.sort(random.uniform(0, 2 * np.pi, count))
    wave = 1 + 0.15 * np.sin(3 * turn + random.uniform(0, 6)) + random.uniform(-0.04, 0.04, count)
    ring: Points = center + radius * (wave * np.array((np.cos(turn), np.sin(turn)))).T
    return ring


def placed(polygon: Polygon, size: Size) -> Shape:
    """Return a polygon with the area that it has inside the image."""
    region = shapely.make_valid(shapely.Polygon(polygon.exterior, polygon.holes))
    return Shape(polygon, size, region.intersection(shapely.box(0, 0, *size)).area)


def circles(random: np.random.Generator, radius: float) -> Iterator[Shape]:
    """Yield circles with random centers."""
    size = Size(int(2 * radius + 8), int(2 * radius + 8))
    for x, y in radius + 3 + offsets(random):
        yield placed(ellipse(x, y, radius, radius, 0, HERE), size)


def slivers(random: np.random.Generator) -> Iterator[Shape]:
    """Yield rectangles of 40 x 1 to 40 x 3 px at any angle."""
    for center in 25 + offsets(random):
        angle = random.uniform(0, np.pi)
        along = 20 * np.array((np.cos(angle), np.sin(angle)))
        across = random.uniform(0.5, 1.5) * np.array((-np.sin(angle), np.cos(angle)))
        corners = [along + across, along - across, -along - across, across - along]
        yield placed(Polygon(np.array(corners) + center), Size(51, 51))


def holed(random: np.random.Generator) -> Iterator[Shape]:
    """Yield wavy shapes of 12 px radius with a hole of half that radius."""
    for center in 20 + offsets(random):
        hole = blob(random, center, 6, 40)
        yield placed(Polygon(blob(random, center, 12, 40), (hole,)), Size(41, 41))


def bordering(random: np.random.Generator) -> Iterator[Shape]:
    """Yield wavy shapes of 12 px radius whose centers lie on the border of the image."""
    for number, place in enumerate(random.uniform(0, 60, SHAPES)):
        center = np.array(((place, 0), (place, 60), (0, place), (60, place))[number % 4], float)
        yield placed(Polygon(blob(random, center, 12, 40)), Size(60, 60))


def snapped(random: np.random.Generator) -> Iterator[Shape]:
    """Yield wavy shapes of 12 px radius whose vertices are multiples of half a pixel."""
    for center in 20 + offsets(random):
        ring = np.round(blob(random, center, 12, 16) * 2) / 2
        yield placed(Polygon(ring), Size(41, 41))


def area_error(draw: Draw, shapes: Sequence[Shape]) -> str:
    """Return the mean error of the area, signed, in percent of the true area."""
    drawn = sum(int(draw([shape.polygon], shape.size).sum()) for shape in shapes)
    true = sum(shape.area for shape in shapes)
    error = round(100 * (drawn / true - 1), 1)
    return f"{error:+.1f}" if error else "0.0"


def wrong_pixels(draw: Draw, shapes: Sequence[Shape]) -> str:
    """Return the mean number of pixels per shape that differ from the exact rule."""
    exact = METHODS["`exact`"]
    wrong = sum(
        int((draw([shape.polygon], shape.size) != exact([shape.polygon], shape.size)).sum())
        for shape in shapes
    )
    return f"{wrong / len(shapes):.1f}" if wrong else "0"


def tilings(random: np.random.Generator) -> list[list[Polygon]]:
    """Return triangulations of an image of 100 x 100 px; vertices are whole, half or any."""
    result = []
    for number in range(TILINGS):
        points = random.uniform(0, 100, (150, 2))
        if number % 3 < 2:
            points = np.round(points * (number % 3 + 1)) / (number % 3 + 1)
        frame = np.array([(-9, -9), (109, -9), (109, 109), (-9, 109)])
        triangles = shapely.delaunay_triangles(shapely.MultiPoint(np.concatenate((points, frame))))
        result.append(
            [Polygon(shapely.get_coordinates(one)[:-1]) for one in shapely.get_parts(triangles)]
        )
    return result


def shared_edges(draw: Draw, triangulations: list[list[Polygon]]) -> list[str]:
    """Return the pixels claimed by several triangles, and by none, per 1000."""
    size = Size(100, 100)
    twice = missed = 0
    for triangles in triangulations:
        claims = np.sum([draw([triangle], size) for triangle in triangles], axis=0)
        twice += int((claims > 1).sum())
        missed += int((claims == 0).sum())
    pixels = len(triangulations) * size.width * size.height / 1000
    return [f"{count / pixels:.1f}" if count else "0" for count in (twice, missed)]


def times(polygons: Sequence[Polygon]) -> dict[str, float]:
    """Return the median processor time in ms to draw all polygons on a new canvas, in turns."""
    taken: dict[str, list[float]] = {name: [] for name in METHODS}
    for _ in range(REPETITIONS):
        for name, draw in METHODS.items():
            begin = time.process_time()
            draw(polygons, SPEED_SIZE)
            taken[name].append(1000 * (time.process_time() - begin))
    return {name: statistics.median(values) for name, values in taken.items()}


def main() -> None:
    random = np.random.default_rng(1)
    families = {f"r {radius}": list(circles(random, radius)) for radius in RADII}
    families |= {
        "sliver": list(slivers(random)),
        "hole": list(holed(random)),
        "border": list(bordering(random)),
    }
    tied = list(snapped(random))
    every = [shape for shapes in families.values() for shape in shapes]
    triangulations = tilings(random)
    centers = np.column_stack((random.uniform(99, 1900, 20), random.uniform(99, 1400, 20)))
    milliseconds = times([Polygon(blob(random, center, 100, 60)) for center in centers])
    fastest = milliseconds[FIRST]
    head = ["", *families, "wrong px", "wrong px, ties", "twice", "missed", "time"]
    print("|", " | ".join(head), "|")
    print("|---|" + "---:|" * (len(head) - 1))
    for name, draw in METHODS.items():
        ratio = milliseconds[name] / fastest
        cells = [
            name,
            *(area_error(draw, shapes) for shapes in families.values()),
            wrong_pixels(draw, every),
            wrong_pixels(draw, tied),
            *shared_edges(draw, triangulations),
            f"{ratio:.1f}" if ratio < 100 else f"{ratio:.0f}",
        ]
        print("|", " | ".join(cells), "|", flush=True)
    print(f"\nTime 1.0 is {fastest:.2f} ms here.")


if __name__ == "__main__":
    main()
