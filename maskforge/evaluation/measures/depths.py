"""How deep lesions reach into a tooth: outer and inner half of the enamel, thirds of the dentine.

The classes are those of radiographs in ICDAS and in the caries classification of the American
Dental Association: E1 and E2, the outer and the inner half of the enamel; D1, D2 and D3, the outer,
middle and inner third of the dentine (Gomez 2015, BMC Oral Health 15 Suppl 1: S3, table 2; Young et
al. 2015, J Am Dent Assoc 146: 79-86). What reaches the pulp, which is 6 there, is D3 here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from maskforge.evaluation.measures.lesions import components
from maskforge.evaluation.measures.measure_options import Spacing
from maskforge.evaluation.measures.ratios import divide
from maskforge.evaluation.measures.units import UnitMap, UnitTable, holding

NO_LESION, UNKNOWN = "none", "unknown"

DEPTHS = ("E1", "E2", "D1", "D2", "D3")
"""From the surface of the tooth to its pulp."""

DEPTH_NAMES = (NO_LESION, *DEPTHS, UNKNOWN)
"""What the numbers of depths mean. Of a lesion that lies in none of the tissues, nothing is known.
"""

_ROUNDING = 1e-6


def depth_zones(
    units: UnitMap, tissues: NDArray[np.bool_], spacing: Spacing = (1.0, 1.0)
) -> NDArray[np.uint8]:
    """Return how deep in its unit each pixel lies.

    A pixel of the enamel lies between the surface, where the unit ends, and the dentine: it is E1
    if its center is at most half way. A pixel of the dentine lies between the enamel, or the
    surface where there is none, and the pulp; thirds of the way are D1, D2 and D3. All distances
    are straight, to the nearest pixel, and within one unit, so the tooth beside it does not matter.
    Neither the edge of the image nor a hole in a unit is a surface.

    Args:
        units: The units of an image, such as teeth.
        tissues: (3, H, W) bool: enamel, dentine and pulp. Where they overlap, the inner one counts.
        spacing: Height and width of a pixel.

    Returns:
        (H, W): a number of ``DEPTH_NAMES``; 0 where there is neither tissue nor unit, and where the
        unit lacks the dentine or the pulp that is needed to tell.
    """
    zones = np.zeros(units.numbers.shape, dtype=np.uint8)
    for number, part in enumerate(ndimage.find_objects(units.numbers, len(units)), 1):
        wide = tuple(slice(max(0, one.start - 1), one.stop + 1) for one in part)
        unit = units.numbers[wide] == number
        enamel, dentine, pulp = (plane[wide] & unit for plane in tissues)
        dentine &= ~pulp
        enamel &= ~(dentine | pulp)
        inner = dentine | pulp
        around = _around(unit)
        own = np.zeros_like(zones[wide])
        own[pulp] = DEPTH_NAMES.index("D3")
        _part(own, enamel, around, inner, ("E1", "E2"), spacing)
        _part(own, dentine, around | enamel, pulp, ("D1", "D2", "D3"), spacing)
        zones[wide][unit] = own[unit]
    return zones


def _around(unit: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return what surrounds a unit (H, W), without the holes in it."""
    regions, sizes = components(~unit, 4)
    is_outer = np.zeros(len(sizes), dtype=np.bool_)
    for rim in (regions[0], regions[-1], regions[:, 0], regions[:, -1]):
        is_outer[rim] = True
    is_outer[0] = False  # the unit itself
    return is_outer[regions]


def _part(
    zones: NDArray[np.uint8],
    layer: NDArray[np.bool_],
    outer: NDArray[np.bool_],
    inner: NDArray[np.bool_],
    names: Sequence[str],
    spacing: Spacing,
) -> None:
    """Divide a layer by how far its pixels are on the way from what is outside to what is inside.

    Distances go from center to center, so half a pixel of each lies beyond the layer.
    """
    if not layer.any() or not inner.any():
        return
    half = min(spacing) / 2
    from_outer, from_inner = (
        ndimage.distance_transform_edt(~other, sampling=spacing)[layer] - half
        if other.any()
        else np.inf
        for other in (outer, inner)
    )
    if np.isscalar(from_outer):  # the surface is beyond the edge of the image
        return
    way = from_outer / (from_outer + from_inner)
    reached = np.ceil(way * len(names) - _ROUNDING).clip(1, len(names))
    zones[layer] = DEPTH_NAMES.index(names[0]) - 1 + reached.astype(np.uint8)


def deepest(
    units: UnitMap, zones: NDArray[np.uint8], lesions: NDArray[np.bool_]
) -> NDArray[np.uint8]:
    """Return how deep lesions reach in every unit.

    Args:
        units: The units of an image.
        zones: (H, W) of ``depth_zones``.
        lesions: (H, W) bool: what counts, as of ``counted_lesions``.

    Returns:
        (U,): a number of ``DEPTH_NAMES``.
    """
    reached = np.zeros(len(units) + 1, dtype=np.uint8)
    inside = units.covered & lesions
    hit, depth = units.numbers[inside], zones[inside]
    np.maximum.at(reached, hit, depth)
    depths = reached[1:]
    depths[holding(units, inside) & (depths == 0)] = DEPTH_NAMES.index(UNKNOWN)
    return depths


def depth_confusion(truth: NDArray[np.uint8], predicted: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return how many units of each depth (row) were predicted to have each depth (column).

    Returns:
        (D, D) for ``DEPTH_NAMES``.
    """
    size = len(DEPTH_NAMES)
    places = truth.astype(np.int64) * size + predicted
    return np.bincount(places, minlength=size * size).reshape(size, size)


def depth_sensitivities(
    table: UnitTable, truth: NDArray[np.uint8], weights: NDArray[Any]
) -> NDArray[np.float64]:
    """Return the share of the units of each depth that are marked, however deep.

    Args:
        table: The units.
        truth: (U,) depth of every unit.
        weights: (B, N): how often each image is in each data set.

    Returns:
        (B, D) for ``DEPTH_NAMES``; NaN where no unit is so deep.
    """
    kinds = [truth == one for one in range(len(DEPTH_NAMES))]
    marked = [one & table.predicted for one in kinds]
    found, all_ = (weights @ table.per_image(one, weights.shape[1]) for one in (marked, kinds))
    return divide(found, all_)
