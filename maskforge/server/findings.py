"""An evaluation for people: a few numbers about every class, and what they mean."""

from __future__ import annotations

from maskforge.display.table import cell_text
from maskforge.evaluation.measures.measure import Measure
from maskforge.evaluation.report.evaluation_report import EvaluationReport
from maskforge.evaluation.report.plain_words import about_class, rounded
from maskforge.evaluation.report.records import ClassReport
from maskforge.server.records import FindingRecord, NumberRecord


def findings(report: EvaluationReport) -> tuple[FindingRecord, ...]:
    """Return what was found of every class, without the background."""
    return tuple(
        FindingRecord(
            name=cell_text(one.name),
            numbers=tuple(
                NumberRecord(title=measure.title, value=_value(one, measure), meaning=sentence)
                for measure, sentence in about_class(one)
            ),
        )
        for one in report.classes[:-1]
    )


def _value(one: ClassReport, measure: Measure) -> str:
    section = getattr(one, measure.section) if measure.section else one
    return rounded(getattr(section, measure.keys[0]), measure)
