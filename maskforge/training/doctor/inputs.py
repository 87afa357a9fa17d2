"""Whether what was drawn reaches the network, and counts there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from maskforge.checks.base import CheckPlace
from maskforge.nn.loss_catalog import parse_loss
from maskforge.nn.network_catalog import cell_of
from maskforge.training.doctor.crops import Crops, drawn_word
from maskforge.training.doctor.outlook import Outlook
from maskforge.training.doctor.shrinking import SPECK
from maskforge.training.plan import TrainPlan

_LEAST_LOST = 0.01
_MANY = 0.25
_SELDOM = 0.02
_SPARSE = 0.01
_PLAIN = {"bce", "cce", "sparse-cce"}
"""Losses in which every pixel counts as much as any other."""


def lost_region(outlook: Outlook) -> Iterator[CheckPlace]:
    """Yield the classes of which resizing leaves no pixel of some regions."""
    if outlook.shrinking is not None:
        yield from _told(outlook, outlook.shrinking.lost, "have no pixel left")


def small_region(outlook: Outlook) -> Iterator[CheckPlace]:
    """Yield the classes of which resizing leaves a few pixels of some regions."""
    if outlook.shrinking is not None:
        yield from _told(outlook, outlook.shrinking.small, f"have fewer than {SPECK} px left")


def _told(
    outlook: Outlook, places: Mapping[int, Sequence[CheckPlace]], what: str
) -> Iterator[CheckPlace]:
    shrinking = outlook.shrinking
    assert shrinking is not None
    for id_, found in places.items():
        total = shrinking.regions[id_]
        if len(found) < _LEAST_LOST * total:
            continue
        name = outlook.survey.classes.names[id_]
        for number, one in enumerate(found):
            whole = f"; {len(found)} of {total} regions of {name!r} {what} in {shrinking.size} px"
            yield one.saying(f"{name!r}: {one.message}{'' if number else whole}", box=one.box)


def coarse_network(outlook: Outlook) -> Iterator[CheckPlace]:
    """Yield the classes of which many regions are smaller than what the network decides on."""
    for plan in outlook.plans[:1]:
        side = cell_of(plan.options.network)
        if side == 1:
            continue
        for id_ in outlook.survey.classes.foreground_ids:
            sizes = [np.empty(0)]
            for one in outlook.survey.masked:
                if id_ in one.regions and one.size is not None:
                    size = plan.resize or one.size
                    scale = size.width * size.height / (one.size.width * one.size.height)
                    sizes.append(one.regions[id_].sizes * scale)
            areas = np.concatenate(sizes)
            small = int(np.count_nonzero(areas < side**2))
            if areas.size and small >= _MANY * areas.size:
                yield CheckPlace(
                    message=f"{small} of {areas.size} regions of "
                    f"{outlook.survey.classes.names[id_]!r} are smaller than {side} x {side} px, "
                    f"on which {plan.options.network.arch} decides as a whole"
                )


def unmet_class(outlook: Outlook) -> Iterator[CheckPlace]:
    """Yield classes that the training examples have, and no crop of an epoch shows."""
    for crops, plan, id_ in _learned(outlook):
        if not crops.met[id_] and crops.drawn == crops.of:
            yield CheckPlace(
                message=f"{plan.classes.names[id_]!r} is in none of the {crops.of:,} "
                f"{drawn_word(plan)} of an epoch"
            )


def seldom_met(outlook: Outlook) -> Iterator[CheckPlace]:
    """Yield classes that few crops show."""
    for crops, plan, id_ in _learned(outlook):
        count = crops.met[id_]
        if count < _SELDOM * crops.drawn and (count or crops.drawn < crops.of):
            yield CheckPlace(
                message=f"{plan.classes.names[id_]!r} is in {count:,} of {crops.drawn:,} "
                f"{drawn_word(plan)}"
            )


def sparse_foreground(outlook: Outlook) -> Iterator[CheckPlace]:
    """Yield classes that hardly count in the loss."""
    for crops, plan, id_ in _learned(outlook):
        options = plan.options
        is_plain = all(term.name in _PLAIN for term in parse_loss(options.loss))
        share = crops.shown[id_] / max(crops.pixels, 1)
        if is_plain and options.class_weights == "none" and crops.met[id_] and share < _SPARSE:
            yield CheckPlace(
                message=f"{plan.classes.names[id_]!r} is {share:.2%} of the pixels that the "
                f"network is shown, and the loss is {options.loss}"
            )


def _learned(outlook: Outlook) -> Iterator[tuple[Crops, TrainPlan, int]]:
    """Yield crops, plan and id of every class that the training examples have."""
    if outlook.crops is not None:
        plan = outlook.plans[0]
        for id_ in plan.classes.foreground_ids:
            if plan.pixels.get(id_):
                yield outlook.crops, plan, id_
