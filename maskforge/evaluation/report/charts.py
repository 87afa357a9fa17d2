"""Charts of a report: confusion matrix, ROC curve, free-response curve, calibration."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from maskforge.display.visible import replace_hidden
from maskforge.evaluation.measures.imagelevel import AUC, IMAGE_SENSITIVITY
from maskforge.evaluation.measures.lesions import FALSE_LESIONS_PER_IMAGE, LESION_SENSITIVITY
from maskforge.evaluation.report.records import Confusion, Evaluation, UnitReport
from maskforge.evaluation.report.report_files import CHARTS
from maskforge.outputs.plain_charts import plain_charts

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CONFUSION, ROC, FREE_RESPONSE, CALIBRATION, UNIT_ROC = CHARTS

_LARGEST = 25.0  # inches: as large as a few dozen classes need
_LONGEST_NAME = 60
_MOST_NUMBERS = 20  # classes up to which the shares stand in the cells


def draw_charts(report: Evaluation) -> Iterator[tuple[str, bytes]]:
    """Draw what there is: confusion matrix, ROC and free-response curves, calibration.

    Yields:
        Name and content of every image.
    """
    with plain_charts():
        contents = {name: _png(figure) for name, figure in _figures(report).items()}
    yield from contents.items()


def _figures(report: Evaluation) -> dict[str, Figure]:
    figures = {}
    if report.confusion is not None:
        figures[CONFUSION] = _confusion(report.confusion)
    if any(one.images and one.images.sensitivities for one in report.classes):
        figures[ROC] = _roc(report)
    if any(
        one.lesions and one.lesions.truth and one.lesions.operating_points for one in report.classes
    ):
        figures[FREE_RESPONSE] = _free_response(report)
    if any(one.calibration for one in report.classes):
        figures[CALIBRATION] = _calibration(report)
    if report.units is not None and report.units.sensitivities:
        figures[UNIT_ROC] = _unit_roc(report.units)
    return figures


def _png(figure: Figure) -> bytes:
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=120, bbox_inches="tight")
    return stream.getvalue()


def _figure(width: float, height: float, columns: int = 1) -> tuple[Figure, list[Axes]]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height))  # without pyplot: no window, no global state
    axes = figure.subplots(1, columns, squeeze=False)
    return figure, list(axes[0])


def _name(name: str) -> str:
    """Return the name of a class as Matplotlib shows it: not as a formula, nor as one to hide."""
    shown = replace_hidden(name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}...")
    return f"{' ' * shown.startswith('_')}{shown}".replace("$", r"\$")


def _confusion(confusion: Confusion) -> Figure:
    names, pixels = [*map(_name, confusion.names)], np.array(confusion.pixels, dtype=np.float64)
    totals = pixels.sum(axis=1, keepdims=True)
    shares = np.divide(pixels, totals, out=np.full_like(pixels, np.nan), where=totals > 0)
    side = min(2.5 + 0.7 * len(names), _LARGEST)
    figure, (axes,) = _figure(side, side)
    shown = axes.imshow(shares, vmin=0, vmax=1, cmap="Blues")
    axes.set_xticks(range(len(names)), names, rotation=45, ha="right")
    axes.set_yticks(range(len(names)), names)
    axes.set(xlabel="predicted", ylabel="truth", title="Share of the true pixels of each class")
    if len(names) <= _MOST_NUMBERS:
        for (row, column), share in np.ndenumerate(shares):
            text = "none" if np.isnan(share) else f"{share:.1%}"
            color = "white" if share > 0.5 else "black"
            axes.text(column, row, text, ha="center", va="center", color=color, fontsize=8)
    figure.colorbar(shown, ax=axes, fraction=0.045)
    return figure


def _roc(report: Evaluation) -> Figure:
    figure, (axes,) = _figure(5.5, 5.5)
    for one in report.classes:
        if one.images is None or not one.images.sensitivities:
            continue
        label = f"{_name(one.name)}: {AUC.title} {one.images.auc:.3f}"
        (line,) = axes.plot(one.images.false_positive_rates, one.images.sensitivities, label=label)
        if one.images.specificity is not None:
            axes.plot(
                1 - one.images.specificity, one.images.sensitivity or 0, "o", color=line.get_color()
            )
    axes.plot((0, 1), (0, 1), color="gray", linestyle=":")
    axes.set(
        xlabel="share of the images without the class that are flagged (1 - specificity)",
        ylabel=f"{IMAGE_SENSITIVITY.meaning} (sensitivity)",
        title=f"Is there any? Score: {report.image_score}\nDots: as predicted",
        aspect="equal",
    )
    axes.legend(loc="lower right")
    axes.grid(alpha=0.3)
    return figure


def _unit_roc(units: UnitReport) -> Figure:
    figure, (axes,) = _figure(5.5, 5.5)
    (line,) = axes.plot(units.false_positive_rates, units.sensitivities)
    if units.specificity is not None and units.sensitivity is not None:
        axes.plot(1 - units.specificity, units.sensitivity, "o", color=line.get_color())
    axes.plot((0, 1), (0, 1), color="gray", linestyle=":")
    axes.set(
        xlabel="share of the units without a lesion that are marked (1 - specificity)",
        ylabel="share of the units with a lesion that are marked (sensitivity)",
        title=f"Units: is there any? {AUC.title} {units.auc:.3f}\nDot: as predicted",
        aspect="equal",
    )
    axes.grid(alpha=0.3)
    return figure


def _free_response(report: Evaluation) -> Figure:
    figure, (axes,) = _figure(6.5, 5.5)
    for one in report.classes:
        lesions = one.lesions
        if lesions is None or lesions.sensitivity is None or lesions.false_per_image is None:
            continue
        points = lesions.operating_points
        rates, found = (
            [point.false_per_image for point in points],
            [point.sensitivity or 0.0 for point in points],
        )
        (line,) = axes.plot(rates, found, marker=".", label=_name(one.name))
        for point, rate, share in list(zip(points, rates, found, strict=True))[1::4]:
            axes.annotate(f"{point.threshold:g}", (rate, share), fontsize=8)
        axes.plot(lesions.false_per_image, lesions.sensitivity, "o", color=line.get_color())
    axes.set(
        xlabel=FALSE_LESIONS_PER_IMAGE.meaning,
        ylabel=LESION_SENSITIVITY.meaning,
        title="Lesions at other thresholds (small numbers)\nDots: as predicted",
        ylim=(0, 1.02),
    )
    axes.set_xlim(left=0)
    axes.legend(loc="lower right")
    axes.grid(alpha=0.3)
    return figure


def _calibration(report: Evaluation) -> Figure:
    figure, (axes, below) = _figure(11, 5, 2)
    for one in report.classes:
        if one.calibration is None:
            continue
        filled = [part for part in one.calibration.bins if part.pixels]
        error = "" if one.calibration.error is None else f": ECE {one.calibration.error:.4f}"
        axes.plot(
            [part.predicted or 0.0 for part in filled],
            [part.true or 0.0 for part in filled],
            marker="o",
            label=f"{_name(one.name)}{error}",
        )
        below.stairs(
            [part.pixels for part in one.calibration.bins],
            [*(part.low for part in one.calibration.bins), 1.0],
            label=_name(one.name),
        )
    axes.plot((0, 1), (0, 1), color="gray", linestyle=":")
    axes.set(xlabel="predicted probability", ylabel="share that is true", title="Calibration")
    axes.legend(loc="upper left")
    axes.grid(alpha=0.3)
    below.set(xlabel="predicted probability", ylabel="pixels", yscale="log", title="Pixels per bin")
    below.grid(alpha=0.3)
    return figure
