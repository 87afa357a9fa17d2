"""A report for people: a page of words, tables, curves and images, for files and notebooks."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

import numpy as np
from PIL import Image

from maskforge.display.page import MOST_ROWS, Figure, Items, Panels, Part, Section, as_page
from maskforge.display.table import Table
from maskforge.errors import MissingDependencyError
from maskforge.evaluation.measures.catalog import measures_of
from maskforge.evaluation.measures.measure import Measure
from maskforge.evaluation.report.charts import draw_charts
from maskforge.evaluation.report.plain_words import explanations, in_words, warnings
from maskforge.evaluation.report.records import ClassReport, Confusion, Evaluation
from maskforge.evaluation.report.report_files import CHARTS
from maskforge.evaluation.report.report_tables import shown
from maskforge.images.thumbnail import thumbnail

_MOST_CELLS = 12  # classes up to which the confusion matrix is a table as well
_CHART_SIDE = 1000
_CHART_BYTES = 300_000

Charts: TypeAlias = Mapping[str, bytes] | str
"""Charts by name, or why there are none."""

_VIEWS = (
    "Each image is shown as it is, with the areas in the truth, with those in the prediction, and "
    "with the difference: found is in both, missed is in the truth alone, invented is in the "
    "prediction alone."
)
_CAPTIONS = dict(
    zip(
        CHARTS,
        (
            (
                "Confusion matrix",
                "Each row is a class in the truth, each column what was predicted there. The "
                "darker the diagonal, the better.",
            ),
            (
                "ROC curve",
                "How well images with and without the class can be told apart. The nearer to the "
                "upper left corner, the better.",
            ),
            (
                "Free-response curve",
                "Lesions found, and false ones per image, at other thresholds: a lower threshold "
                "finds more and invents more.",
            ),
            (
                "Calibration",
                "Whether 8 of 10 pixels with a probability of 0.8 have the class: on the dotted "
                "line, probabilities can be believed.",
            ),
            (
                "ROC curve of units",
                "How well units with and without a lesion can be told apart. The nearer to the "
                "upper left corner, the better.",
            ),
        ),
        strict=True,
    )
)


def report_page(
    report: Evaluation, charts: Charts, worst: Sequence[Panels], best: Sequence[Panels]
) -> bytes:
    """Return a report as an HTML file of less than 10 MB that needs no other.

    Args:
        report: The report.
        charts: Its charts by name, or why there are none.
        worst: The worst images.
        best: The best images.
    """
    summary, *others = sections(report, charts)
    cases = [
        Section(f"The {len(panels)} {kind} of {report.images:,} images", (_VIEWS, *panels))
        for kind, panels in (("worst", worst), ("best", best))
        if panels
    ]
    return as_page(
        "Evaluation report",
        f"{report.images:,} images: a prediction compared with the truth, on {report.created[:10]}",
        [summary, *cases, *others],
        f"Written by maskforge {report.versions.get('maskforge', '')}. These numbers are about "
        "areas in images; they are not a diagnosis.",
    )


def sections(report: Evaluation, charts: Charts | None = None) -> list[Section]:
    """Return the parts of a report that need no images, the summary first.

    Args:
        report: The report.
        charts: Its charts by name, or why there are none; by default they are drawn now.
    """
    charts = drawn_charts(report) if charts is None else charts
    confusion = () if report.confusion is None else (_confusion(report.confusion),)
    return [
        Section(
            "Summary",
            (
                *(Items(sentences, title) for title, sentences in in_words(report)),
                Items([*warnings(report)], "Before you rely on this", "warning"),
                Items([*explanations(report)], "What the words mean"),
            ),
        ),
        Section("Curves", _curves(charts)),
        Section("Tables", (*shown(report, worst=MOST_ROWS), *confusion, _scores(report))),
        Section(
            "How it was made",
            (
                _problems(report),
                Items(report.notes),
                _origin(report),
                _options(report),
                _meanings(),
            ),
        ),
    ]


def _curves(charts: Charts) -> list[Part]:
    if isinstance(charts, str):
        return [charts]
    return [_chart(name, content) for name, content in charts.items()]


def drawn_charts(report: Evaluation) -> Charts:
    """Return the charts of a report by name; without Matplotlib, what is missing."""
    try:
        return dict(draw_charts(report))
    except MissingDependencyError as error:
        return f"There are no curves: {error}"


def _chart(name: str, content: bytes) -> Figure:
    title, meaning = _CAPTIONS[name]
    if len(content) > _CHART_BYTES:
        with Image.open(io.BytesIO(content)) as image:
            content = thumbnail(np.asarray(image.convert("RGB")), _CHART_SIDE, _CHART_BYTES)
    return Figure(content, f"{title}; its numbers are in the tables", f"{title}. {meaning}")


def _scores(report: Evaluation) -> Table:
    return Table(
        f"Every score of {report.images} images with its interval",
        ("class", "score", "value", "95 % interval"),
        [
            (one.name, measure.title, *_value(one, measure))
            for one in report.classes[:-1]
            for measure in measures_of(Measure)
        ],
    )


def _value(one: ClassReport, measure: Measure) -> Iterator[str]:
    """Yield a score and its interval."""
    section = getattr(one, measure.section) if measure.section else one
    yield measure.text(getattr(section, measure.keys[0]))
    limits = one.intervals.get(measure.name)
    yield "" if limits is None else " to ".join(map(measure.text, limits))


def _meanings() -> Table:
    return Table(
        "What the scores are",
        ("score", "better", "what it is"),
        [(one.title, one.better, one.meaning.split(". (")[0]) for one in measures_of(Measure)],
    )


def _confusion(confusion: Confusion) -> Table:
    small = len(confusion.names) <= _MOST_CELLS
    return Table(
        "Pixels of each class in the truth (rows), and what was predicted there (columns)",
        ("truth", *confusion.names),
        [
            (name, *pixels)
            for name, pixels in zip(confusion.names, confusion.pixels, strict=True)
            if small
        ],
    )


def _problems(report: Evaluation) -> Table:
    without = "the prediction is missing"
    return Table(
        "Not compared",
        ("image", "why"),
        [
            *((name, without) for name in report.unpaired_truth),
            *(("", problem) for problem in report.problems),
        ],
    )


def _origin(report: Evaluation) -> Table:
    return Table(
        "Origin",
        ("what", "value"),
        [
            ("prediction", report.prediction),
            ("truth", report.truth),
            ("part of the truth", report.part),
            ("images", f"{report.images:,}"),
            ("SHA-256 of the data", report.data_digest or "unknown"),
            ("SHA-256 of the model", report.model_digest or "no model: masks were compared"),
            *report.versions.items(),
            ("date", report.created),
            ("duration", f"{report.seconds:.0f} s"),
        ],
    )


def _options(report: Evaluation) -> Table:
    return Table("Options", ("option", "value"), list(_flat(report.options)))


def _flat(options: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, object]]:
    for name, value in options.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", "" if value is None else str(value)
