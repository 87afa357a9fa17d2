"""An evaluation for people: a few numbers about every class, and what they mean."""

from __future__ import annotations

from collections.abc import Iterator

from maskforge.evaluation.measures.imagelevel import IMAGE_SPECIFICITY
from maskforge.evaluation.measures.lesions import FALSE_LESIONS_PER_IMAGE, LESION_SENSITIVITY
from maskforge.evaluation.measures.scores import DICE
from maskforge.evaluation.report.evaluation_report import EvaluationReport
from maskforge.evaluation.report.records import ClassReport
from maskforge.server.records import FindingRecord, NumberRecord

_CHIEF = (LESION_SENSITIVITY, FALSE_LESIONS_PER_IMAGE, DICE, IMAGE_SPECIFICITY)


def findings(report: EvaluationReport) -> tuple[FindingRecord, ...]:
    """Return what was found of every class, without the background."""
    return tuple(
        FindingRecord(name=one.name, numbers=tuple(_numbers(one)), sentences=())
        for one in report.classes[:-1]
    )


def _numbers(one: ClassReport) -> Iterator[NumberRecord]:
    for measure in _CHIEF:
        section = getattr(one, measure.section) if measure.section else one
        limits = one.intervals.get(measure.name)
        yield NumberRecord(
            title=measure.title,
            value=measure.text(getattr(section, measure.keys[0])),
            interval="" if limits is None else " to ".join(map(measure.text, limits)),
        )
