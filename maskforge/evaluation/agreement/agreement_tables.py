"""The tables of a report on agreement, printed or on a page."""

from __future__ import annotations

from collections.abc import Iterator

from maskforge.display.table import Shown, Table
from maskforge.errors import listing
from maskforge.evaluation.agreement.agreement_records import Agreement, PairClass
from maskforge.evaluation.measures.measure import Unit, as_text
from maskforge.evaluation.report.records import Interval

_SHOWN = 5
_LARGE = 100
"""Areas from which on fractions do not matter."""


def shown(report: Agreement, *, rows: int = _SHOWN) -> Iterator[Shown]:
    """Yield the tables of a report with what has to be known to read them.

    Args:
        report: The report.
        rows: Most images that are listed.
    """
    yield _classes(report)
    yield _pairs(report)
    yield _areas(report)
    yield (
        "Kappa is 1 for perfect agreement and 0 for that of chance. Dice of small lesions is low "
        "also where people agree on what is there.\n"
    )
    names = tuple(report.annotators)
    yield Table(
        f"The {min(rows, len(report.rows))} of {report.images} images on which they differ most",
        ("image", "mean Dice", *(f"pixels: {name}" for name in names)),
        [
            (
                row.name,
                as_text(row.dice, "score"),
                *(sum(one[name] for one in row.pixels.values()) for name in names),
            )
            for row in report.rows[:rows]
        ],
    )
    for name, lacking in report.missing.items():
        if lacking:
            yield f"left out: {len(lacking)} images of which {name} has no mask: {listing(lacking)}"
    if report.consensus is not None:
        made = report.consensus
        yield (
            f"{made.masks} masks of the consensus ({made.method}) are in {made.out}; "
            f"{made.void_pixels:,} of their pixels are void"
        )


def _classes(report: Agreement) -> Table:
    names = tuple(report.annotators)
    return Table(
        f"{len(names)} annotators on {report.images} images",
        ("class", "mean Dice", "95 %", "Fleiss' kappa", "95 %", *names),
        [
            (
                one.name,
                as_text(one.dice, "score"),
                _limits(one.intervals.get("dice")),
                as_text(one.fleiss_kappa, "score"),
                _limits(one.intervals.get("fleiss_kappa")),
                *(
                    f"{one.positive[name]} of {report.units} {report.unit}s" if one.positive else ""
                    for name in names
                ),
            )
            for one in report.classes
        ],
    )


def _pairs(report: Agreement) -> Table:
    down, right = report.options["spacing"]
    unit = "px" if down == right == 1 else f"units of {down:g}x{right:g}"
    columns: tuple[tuple[str, str, str, Unit], ...] = (
        ("Dice", "dice", "dice", "score"),
        (f"HD95 ({unit})", "hd95_mean", "hd95", "distance"),
        ("lesion F1", "lesion_f1", "lesion_f1", "score"),
        ("Cohen's kappa", "kappa", "kappa", "score"),
    )

    def cells(one: PairClass) -> Iterator[str]:
        for _, key, name, kind in columns:
            yield as_text(getattr(one, key), kind)
            yield _limits(one.intervals.get(name))

    heads = [head for title, *_ in columns for head in (title, "95 %")]
    return Table(
        "Every two annotators",
        ("annotators", "class", *heads),
        [
            (f"{pair.first} and {pair.second}", one.name, *cells(one))
            for pair in report.pairs
            for one in pair.classes
        ],
    )


def _areas(report: Agreement) -> Table:
    return Table(
        "Areas of the first minus those of the second (Bland-Altman), per image",
        ("annotators", "class", "images", "bias", "95 %", "limits of agreement"),
        [
            (
                f"{pair.first} and {pair.second}",
                one.name,
                one.areas.images,
                _number(one.areas.bias),
                " to ".join(map(_number, one.areas.intervals.get("bias") or ())),
                ""
                if one.areas.lower is None
                else f"{_number(one.areas.lower)} to {_number(one.areas.upper)}",
            )
            for pair in report.pairs
            for one in pair.classes
        ],
    )


def _number(value: float | None) -> str:
    if value is None:
        return "undefined"
    return f"{value:,.0f}" if abs(value) >= _LARGE else f"{value:.3g}"


def _limits(limits: Interval | None) -> str:
    return "" if limits is None else "{:.3f} to {:.3f}".format(*limits)
