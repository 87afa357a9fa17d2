"""A report on agreement for people: a page of tables and images, for files and notebooks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from maskforge.display.page import MOST_ROWS, Items, Panels, Section, as_page
from maskforge.display.table import Table, cell_text
from maskforge.evaluation.agreement.agreement_records import Agreement
from maskforge.evaluation.agreement.agreement_tables import shown
from maskforge.evaluation.report.summary import FEW_UNITS

_VIEWS = (
    "Each image is shown as it is, as each annotator marked it, and with the pixels on which they "
    "agree and differ."
)
_MEANINGS = (
    "Dice tells how well areas agree: 1 for the same pixels, 0 for none in common; here it is the "
    "mean over every two annotators.",
    "Kappa tells how often they agree beyond chance on whether an image, or a unit such as a "
    "tooth, has the class at all: 1 is always, 0 is as often as by chance.",
    "The limits of agreement tell between which values about 95 % of the differences in area lie.",
    "A 95 % interval tells between which values a number would probably be with other images of "
    "the same kind.",
)


def agreement_page(report: Agreement, cases: Sequence[Panels]) -> bytes:
    """Return a report as an HTML file of less than 10 MB that needs no other.

    Args:
        report: The report.
        cases: Images on which the annotators differ.
    """
    summary, *others = sections(report)
    images = [Section("Where they differ most", (_VIEWS, *cases))] if cases else []
    return as_page(
        "Agreement of annotators",
        f"{', '.join(map(cell_text, report.annotators))} on {report.images:,} images, "
        f"on {report.created[:10]}",
        [summary, *images, *others],
        f"Written by maskforge {report.versions.get('maskforge', '')}. These numbers are about "
        "areas in images; they are not a diagnosis.",
    )


def sections(report: Agreement) -> list[Section]:
    """Return the parts of a report that need no images, the summary first."""
    return [
        Section(
            "Summary",
            (
                Items([*_in_words(report)]),
                Items([*_warnings(report)], "Before you rely on this", "warning"),
                Items(_MEANINGS, "What the words mean"),
            ),
        ),
        Section("Tables", (*shown(report, rows=MOST_ROWS),)),
        Section(
            "How it was made",
            (
                Table("Not compared", ("why",), [(one,) for one in report.problems]),
                Items(report.notes),
                Table("Annotators", ("name", "masks"), [*report.annotators.items()]),
                Table(
                    "Origin",
                    ("what", "value"),
                    [*report.versions.items(), ("date", report.created)],
                ),
                Table("Options", ("option", "value"), [*_written(report.options)]),
            ),
        ),
    ]


def _in_words(report: Agreement) -> Iterator[str]:
    for one in report.classes:
        name = cell_text(one.name)
        if one.dice is None:
            yield f"{name}: nobody marked any."
            continue
        kappa = "is not defined" if one.fleiss_kappa is None else f"is {one.fleiss_kappa:.2f}"
        agreed = f"{name}: the mean Dice of every two annotators is {one.dice:.2f}"
        if not one.positive:
            yield f"{agreed}."
            continue
        marked = ", ".join(f"{who} in {count:,}" for who, count in one.positive.items())
        yield (
            f"{agreed}; kappa {kappa}. Of {report.units:,} {report.unit}s, it was marked by "
            f"{cell_text(marked)}."
        )


def _warnings(report: Agreement) -> Iterator[str]:
    lacking = sum(map(len, report.missing.values()))
    if lacking:
        yield f"{lacking:,} masks are missing, and no number here counts these images."
    if report.problems:
        yield f"{len(report.problems):,} images could not be compared: see Not compared."
    if report.images < FEW_UNITS:
        yield f"Only {report.images:,} images: with others, the numbers may be quite different."
    if report.interval is None:
        yield "There are no intervals, so nobody can tell how far to trust the numbers."


def _written(options: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    for name, value in options.items():
        yield name, "" if value is None else str(value)
