"""The course of a training as an image."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

from maskforge.files import write_whole
from maskforge.outputs.plain_charts import plain_charts
from maskforge.training.run_folder import Epoch

_LABELS = {"dice": "Dice", "iou": "IoU"}


def draw_curves(path: Path, epochs: Sequence[Epoch]) -> None:
    """Draw loss, Dice and learning rate over the epochs as a PNG.

    Raises:
        MissingDependencyError: If Matplotlib is not installed.
        OutputError: If the file cannot be written.
    """
    with plain_charts():
        content = _draw(epochs)
    write_whole(path, content)


def _draw(epochs: Sequence[Epoch]) -> bytes:
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(12, 3.6), layout="constrained")
    losses, scores, rates = figure.subplots(1, 3)
    numbers = [one.epoch for one in epochs]
    losses.plot(numbers, [one.loss for one in epochs], marker=".")
    losses.set_title("Loss on the training batches")
    validated = [one for one in epochs if one.validation is not None]
    for measure, style in (("dice", "-"), ("iou", "--")):
        scores.plot(
            numbers,
            [_number(getattr(one.train, measure)) for one in epochs],
            style,
            color="tab:blue",
            marker=".",
            label=f"{_LABELS[measure]}, training",
        )
        scores.plot(
            [one.epoch for one in validated],
            [_number(getattr(one.validation, measure)) for one in validated],
            style,
            color="tab:orange",
            marker=".",
            label=f"{_LABELS[measure]}, validation",
        )
    scores.set(title="Mean over the foreground classes", ylim=(0, 1))
    scores.legend(fontsize="small")
    rates.plot(numbers, [one.learning_rate for one in epochs], marker=".")
    rates.set_title("Learning rate")
    for axes in (losses, scores, rates):
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=100)
    return stream.getvalue()


def _number(value: float | None) -> float:
    return float("nan") if value is None else value
