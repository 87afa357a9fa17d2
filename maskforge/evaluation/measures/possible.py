"""Which pairs of Dice and IoU there can be."""

from __future__ import annotations

_ROUNDING = 0.005
"""Of numbers that are written with three digits, the bounds are met within this."""


def why_impossible(dice: float | None, iou: float | None, *, is_mean: bool) -> str:
    """Return why a Dice score and an IoU cannot be of the same masks; empty if they can.

    On the same pixels, Dice = 2 IoU / (1 + IoU). This curve bends down and lies above the IoU, so a
    mean of Dice scores is at least the mean of the IoUs, and at most what the curve makes of that
    mean (Jensen's inequality).

    Args:
        dice: Dice score; None if it is not known.
        iou: IoU; likewise.
        is_mean: Whether both are means, over images, classes or folds.

    Examples:
        >>> from maskforge.evaluation.measures.possible import why_impossible
        >>> why_impossible(0.663, 0.785, is_mean=True)
        'Dice 0.663 with IoU 0.785: Dice is never below IoU, and here it is 0.785 to 0.880'
        >>> why_impossible(0.880, 0.785, is_mean=True)
        ''
    """
    for name, value in (("Dice", dice), ("IoU", iou)):
        if value is not None and not 0 <= value <= 1:
            return f"{name} {value:.3f}: it is never outside 0 to 1"
    if dice is None or iou is None:
        return ""
    most = 2 * iou / (1 + iou)
    least = iou if is_mean else most
    if least - _ROUNDING <= dice <= most + _ROUNDING:
        return ""
    said = f"Dice {dice:.3f} with IoU {iou:.3f}"
    possible = f"{least:.3f} to {most:.3f}" if is_mean else f"{most:.3f}"
    if dice < iou:
        return f"{said}: Dice is never below IoU, and here it is {possible}"
    return f"{said}: with this IoU, Dice is {possible}"
