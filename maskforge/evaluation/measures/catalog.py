"""The table of measures, from which reports, files, printed tables and intervals are made."""

from __future__ import annotations

from typing import TypeVar

from maskforge.evaluation.measures.imagelevel import AUC, IMAGE_SENSITIVITY, IMAGE_SPECIFICITY
from maskforge.evaluation.measures.lesions import (
    FALSE_LESIONS_PER_IMAGE,
    LESION_F1,
    LESION_SENSITIVITY,
)
from maskforge.evaluation.measures.measure import Measure
from maskforge.evaluation.measures.scores import DICE, IOU, PRECISION, RECALL, SPECIFICITY
from maskforge.evaluation.measures.surface import HD95, SURFACE_DICE

MEASURES: tuple[Measure, ...] = (
    DICE,
    IOU,
    PRECISION,
    RECALL,
    SPECIFICITY,
    HD95,
    SURFACE_DICE,
    LESION_SENSITIVITY,
    FALSE_LESIONS_PER_IMAGE,
    LESION_F1,
    IMAGE_SENSITIVITY,
    IMAGE_SPECIFICITY,
    AUC,
)
"""All measures, in the order of tables. A new one is a module of this folder and a line here."""

Kind = TypeVar("Kind", bound=Measure)


def measures_of(kind: type[Kind]) -> tuple[Kind, ...]:
    """Return the measures of a kind; all for ``Measure`` itself."""
    return tuple(one for one in MEASURES if isinstance(one, kind))
