"""From what lies in the units of every image to the part of a report about them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskforge.evaluation.measures.bootstrap import interval
from maskforge.evaluation.measures.depths import (
    DEPTH_NAMES,
    NO_LESION,
    UNKNOWN,
    depth_confusion,
    depth_sensitivities,
)
from maskforge.evaluation.measures.imagelevel import roc_curve
from maskforge.evaluation.measures.ratios import defined
from maskforge.evaluation.measures.unit_rows import UnitQuestion, UnitRows
from maskforge.evaluation.measures.units import UnitTable, cells_of, unit_statistics
from maskforge.evaluation.report.records import UnitDepth, UnitReport, UnitRow


def unit_report(
    question: UnitQuestion,
    measured: Sequence[UnitRows | None],
    names: Sequence[str],
    groups: Sequence[str | None],
    weights: NDArray[np.uint16],
) -> UnitReport:
    """Return the report about the units of N images.

    Args:
        question: What was asked.
        measured: What lies in the units of every image; None where nothing is known of them.
        names: Of the images.
        groups: Of the images.
        weights: (B, N): how often each image is in each resampled data set.
    """
    known = [(image, one) for image, one in enumerate(measured) if one is not None]
    rows = [one for _, one in known]
    table = UnitTable(
        images=np.repeat([image for image, _ in known], [len(one.names) for one in rows]).astype(
            np.int64
        ),
        truth=_joined([one.truth for one in rows], np.bool_),
        predicted=_joined([one.predicted for one in rows], np.bool_),
        scores=_joined([one.scores for one in rows], np.float64),
    )
    everything = np.ones((1, len(measured)))
    point = {name: defined(one[0]) for name, one in unit_statistics(table, everything).items()}
    resampled = unit_statistics(table, weights) if len(weights) else {}
    found, false, missed, rest = cells_of(table, everything)[0].astype(int)
    rates, sensitivities = roc_curve(table.truth, table.scores)
    drawn = point["auc"] is not None
    outside = np.sum([one.outside for one in rows], axis=0, dtype=int) if rows else [0] * 4
    depths = [one.depths for one in rows if one.depths is not None]
    both = np.concatenate(depths, axis=1) if depths else None
    return UnitReport(
        source=question.source,
        classes=question.unit_classes,
        lesion_classes=question.lesion_classes,
        unit_pixels=question.least,
        images=len(rows),
        units=len(table.truth),
        positive=int(found + missed),
        negative=int(false + rest),
        found=int(found),
        false=int(false),
        **point,
        intervals={name: interval(values) for name, values in resampled.items()},
        false_positive_rates=tuple(rates.tolist()) if drawn else (),
        sensitivities=tuple(sensitivities.tolist()) if drawn else (),
        lost_units=sum(one.lost for one in rows),
        outside_pixels=int(outside[0]),
        outside_lesions=int(outside[1]),
        outside_predicted_pixels=int(outside[2]),
        outside_predicted_lesions=int(outside[3]),
        depths=() if both is None else tuple(_depths(table, both, weights)),
        depth_names=() if both is None else DEPTH_NAMES,
        depth_confusion=()
        if both is None
        else tuple(map(tuple, depth_confusion(both[0], both[1]).tolist())),
        rows=tuple(row for image, one in known for row in _rows(one, names[image], groups[image])),
    )


def _joined(parts: Sequence[NDArray[Any]], dtype: type[np.generic]) -> NDArray[Any]:
    return np.concatenate([np.zeros(0, dtype), *parts])


def _depths(
    table: UnitTable, depths: NDArray[np.uint8], weights: NDArray[np.uint16]
) -> Iterator[UnitDepth]:
    """Yield what was found of every depth; unknown ones only if there are some."""
    truth = depths[0]
    shares = depth_sensitivities(table, truth, np.ones((1, weights.shape[1])))[0]
    resampled = depth_sensitivities(table, truth, weights.astype(np.float64))
    for number, name in enumerate(DEPTH_NAMES):
        units = truth == number
        if name == NO_LESION or (name == UNKNOWN and not units.any()):
            continue
        yield UnitDepth(
            depth=name,
            units=int(units.sum()),
            marked=int((units & table.predicted).sum()),
            sensitivity=defined(shares[number]),
            interval=interval(resampled[:, number]) if len(weights) else None,
        )


def _rows(measured: UnitRows, image: str, group: str | None) -> Iterator[UnitRow]:
    for number, name in enumerate(measured.names):
        truth_depth, predicted_depth = (
            ("", "")
            if measured.depths is None
            else (DEPTH_NAMES[one] for one in measured.depths[:, number])
        )
        yield UnitRow(
            image=image,
            group=group,
            unit=number + 1,
            name=name,
            pixels=int(measured.pixels[number]),
            truth=bool(measured.truth[number]),
            predicted=bool(measured.predicted[number]),
            score=defined(measured.scores[number]),
            truth_depth=truth_depth,
            predicted_depth=predicted_depth,
        )
