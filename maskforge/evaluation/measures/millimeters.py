"""Distances and areas in millimeters, of images that tell how large a pixel is.

They stand beside those in pixels, and only where a pixel's size is known of an image.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from maskforge.evaluation.measures.measured import Measured
from maskforge.evaluation.measures.outlines import border_distances
from maskforge.evaluation.measures.ratios import defined
from maskforge.evaluation.measures.surface import hd95
from maskforge.shapes import Spacing

DISTANCES = ("hd95_mm", "assd_mm")
AREAS = ("truth_mm2", "predicted_mm2")
MILLIMETERS = (*DISTANCES, *AREAS)
"""95th percentile of the Hausdorff distance; mean distance of all border pixels of both sides;
areas of the truth and of the prediction."""


def in_millimeters(
    truth: NDArray[np.bool_], predicted: NDArray[np.bool_], spacing: Spacing
) -> dict[str, float]:
    """Return what is measured of a class in an image; distances are NaN if one side is empty.

    Args:
        truth: (H, W) bool.
        predicted: Likewise.
        spacing: Size of a pixel.
    """
    found = border_distances(truth, predicted, (spacing.height, spacing.width))
    distances = (
        (np.nan, np.nan) if found is None else (hd95(found), float(np.concatenate(found).mean()))
    )
    pixel = spacing.width * spacing.height
    areas = (float(np.count_nonzero(one) * pixel) for one in (truth, predicted))
    return dict(zip(MILLIMETERS, (*distances, *areas), strict=True))


def images_with_spacing(measured: Measured) -> int:
    """Return of how many images the size of a pixel is known."""
    return int((~np.isnan(measured.outlines[AREAS[0]]).any(axis=1)).sum())


def distances_of_class(measured: Measured, number: int) -> Mapping[str, float | None]:
    """Return mean and median of every distance of a class; nothing if no pixel's size is known."""
    if not images_with_spacing(measured):
        return {}
    values: dict[str, float | None] = {}
    for name in DISTANCES:
        column = measured.outlines[name][:, number]
        known = column[~np.isnan(column)]
        values[f"{name}_mean"] = float(known.mean()) if len(known) else None
        values[f"{name}_median"] = float(np.median(known)) if len(known) else None
    return values


def areas_of_lesions(measured: Measured, number: int) -> Mapping[str, float | None]:
    """Return the mean area of the lesions of a class, true and predicted; nothing likewise."""
    if not images_with_spacing(measured):
        return {}
    values: dict[str, float | None] = {}
    for name, counted in zip(AREAS, (0, 2), strict=True):
        areas = measured.outlines[name][:, number]
        lesions = measured.lesions[~np.isnan(areas), number, counted].sum()
        values[f"mean_{name}"] = float(np.nansum(areas) / lesions) if lesions else None
    return values


def millimeters_of_image(measured: Measured, image: int, number: int) -> dict[str, float | None]:
    """Return what is known of a class in an image; nothing if no pixel's size is known."""
    if not images_with_spacing(measured):
        return {}
    return {name: defined(measured.outlines[name][image, number]) for name in MILLIMETERS}
