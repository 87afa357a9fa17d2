"""Measure how masks become outlines, and what is left of them; print Markdown tables.

Run with ``python benchmarks/vectorize.py``; it takes about a minute. All methods trace the same
masks, made from a fixed seed, and their times are taken in turns.
"""

from __future__ import annotations

import importlib.util
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

import maskforge as mf

Mask: TypeAlias = NDArray[np.uint8]
Outline: TypeAlias = tuple[int, mf.Area]
Trace: TypeAlias = Callable[[Mask], Any]

SIZE = mf.Size(2048, 1536)
ACROSS, DOWN = 25, 20
ROUNDS = 15
RADII = (3, 5, 8, 15, 40)
DISCS = 100


def wavy(random: np.random.Generator, x: float, y: float, radius: float) -> NDArray[np.float64]:
    turn = np.linspace(0, 2 * np.pi, 90, endpoint=False)
    waves = sum(
        0.5 ** (count - 1) * np.sin(count * turn + random.uniform(0, 6.3)) for count in (2, 3, 5)
    )
    distance = radius * (1 + 0.15 * waves)
    return np.column_stack((x + distance * np.cos(turn), y + distance * np.sin(turn)))


def objects(classes: int) -> Mask:
    """Return a mask of 500 wavy regions, every fifth with a hole."""
    random = np.random.default_rng(0)
    regions, values = [], []
    for number in range(ACROSS * DOWN):
        x = (number % ACROSS + 0.5) * SIZE.width / ACROSS + random.uniform(-4, 4)
        y = (number // ACROSS + 0.5) * SIZE.height / DOWN + random.uniform(-4, 4)
        holes = (wavy(random, x, y, 8),) if number % 5 == 0 else ()
        regions.append(mf.Polygon(wavy(random, x, y, random.uniform(18, 28)), holes))
        values.append(1 + number % classes)
    return mf.rasterize(regions, SIZE, values).astype(np.uint8)


def with_opencv(mask: Mask) -> list[tuple[int, Any, Any]]:
    """cv2.findContours, once for each class."""
    values = [int(one) for one in np.flatnonzero(np.bincount(mask.ravel())) if one]
    if values == [1]:
        return [(1, *cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE))]
    return [
        (
            value,
            *cv2.findContours(
                (mask == value).view(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE
            ),
        )
        for value in values
    ]


def opencv_outlines(found: list[tuple[int, Any, Any]]) -> list[Outline]:
    """Outlines and holes, each a part of its own: the even-odd rule needs them together."""
    outlines = []
    for value, contours, hierarchy in found:
        rings = [one[:, 0, :] + 0.5 for one in contours]
        for number, (_, _, _, parent) in enumerate(hierarchy[0]):
            holes = [one for one, links in enumerate(hierarchy[0]) if links[3] == number]
            if parent < 0 and len(rings[number]) > 2:
                inner = tuple(rings[hole] for hole in holes if len(rings[hole]) > 2)
                outlines.append((value, mf.Area((mf.Polygon(rings[number], inner),))))
    return outlines


def with_rasterio(mask: Mask) -> list[Any]:
    from rasterio import features

    return list(features.shapes(mask, mask=mask > 0, connectivity=8))


def rasterio_outlines(found: list[Any]) -> list[Outline]:
    outlines = []
    for record, value in found:
        first, *others = (np.array(ring[:-1], float) for ring in record["coordinates"])
        outlines.append((int(value), mf.Area((mf.Polygon(first, tuple(others)),))))
    return outlines


def own_outlines(found: mf.Vectorized) -> list[Outline]:
    return [(int(one.labels[0]), one.geometry) for one in found]  # type: ignore[misc]  # areas alone


METHODS: dict[str, tuple[Trace, Callable[[Any], list[Outline]]]] = {
    "cv2.findContours": (with_opencv, opencv_outlines),
    "maskforge": (mf.vectorize, own_outlines),
    "maskforge, tolerance=0": (lambda mask: mf.vectorize(mask, tolerance=0), own_outlines),
    "maskforge, tolerance=1": (lambda mask: mf.vectorize(mask, tolerance=1), own_outlines),
    "rasterio.features.shapes": (with_rasterio, rasterio_outlines),
}


def wrong_pixels(mask: Mask, outlines: Sequence[Outline]) -> int:
    """Return how many pixels differ after the exact rasterizer has drawn the outlines."""
    size = (mask.shape[1], mask.shape[0])
    drawn = mf.rasterize([area for _, area in outlines], size, [value for value, _ in outlines])
    return int(np.count_nonzero(drawn != mask))


def times(mask: Mask, methods: Sequence[str]) -> dict[str, tuple[float, float]]:
    """Return the median processor time of every method, in ms, and of its ratio to the first."""
    taken: dict[str, list[float]] = {name: [] for name in methods}
    for _ in range(ROUNDS + 1):
        for name in methods:
            start = time.process_time()
            METHODS[name][0](mask)
            taken[name].append(time.process_time() - start)
    first = taken[methods[0]][1:]
    return {
        name: (
            1000 * statistics.median(some[1:]),
            statistics.median(a / b for a, b in zip(some[1:], first, strict=True)),
        )
        for name, some in taken.items()
    }


def lost(radius: float, method: str) -> float:
    """Return the share of pixels of discs at any place that is lost when outlines are drawn."""
    random = np.random.default_rng(0)
    before = after = 0
    for _ in range(DISCS):
        side = int(2 * radius + 6)
        x, y = side / 2 + random.uniform(-0.5, 0.5, 2)
        rows, columns = np.indices((side, side)) + 0.5
        disc = (np.hypot(columns - x, rows - y) <= radius).astype(np.uint8)
        trace, outlines = METHODS[method]
        before += int(disc.sum())
        after += wrong_pixels(disc, outlines(trace(disc)))
    return after / before


def main() -> None:
    """Print the tables."""
    cv2.setNumThreads(1)
    has_rasterio = importlib.util.find_spec("rasterio") is not None
    methods = [name for name in METHODS if has_rasterio or "rasterio" not in name]
    if not has_rasterio:
        print("rasterio is not installed and left out\n")
    for classes in (1, 5):
        mask = objects(classes)
        measured = times(mask, methods)
        print(f"{ACROSS * DOWN} regions of {classes} class{'es' * (classes > 1)}, {SIZE} px:\n")
        print("| method | ms | times cv2 | vertices | wrong px |\n|---|---:|---:|---:|---:|")
        for name in methods:
            trace, outlines = METHODS[name]
            areas = outlines(trace(mask))
            rings = [ring for _, area in areas for part in area.parts for ring in part.rings]
            (taken, ratio), wrong = measured[name], wrong_pixels(mask, areas)
            print(f"| {name} | {taken:.1f} | {ratio:.2f} | {sum(map(len, rings))} | {wrong} |")
        print()
    print("Pixels of discs that are lost or added, in percent, by radius:\n")
    print("| method |", " | ".join(f"r {radius}" for radius in RADII), "|")
    print("|---|" + "---:|" * len(RADII))
    for name in methods:
        cells = (f"{100 * lost(radius, name):.1f}" for radius in RADII)
        print("|", " | ".join((name, *cells)), "|")


if __name__ == "__main__":
    main()
