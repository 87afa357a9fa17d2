"""Losses by their names."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import Any

from maskforge.choices import Head
from maskforge.errors import OptionError
from maskforge.nn.loss_catalog import (
    LOSSES,
    check_pairing,
    check_weighting,
    loss_parameters,
    parse_loss,
)
from maskforge.nn.losses.base import SegmentationLoss
from maskforge.nn.losses.combined import CombinedLoss


def make_loss(
    spec: str,
    *,
    head: Head,
    outputs: int,
    class_weights: Sequence[float] | None = None,
    options: Mapping[str, float] | None = None,
    from_logits: bool = True,
) -> SegmentationLoss:
    """Return the loss that a name or a sum such as ``0.5*dice+bce`` stands for.

    Args:
        spec: As ``maskforge.nn.loss_catalog.parse_loss`` reads it.
        head: Of the network.
        outputs: Channels of the network.
        class_weights: Weight of every channel; for the cross-entropies and the focal loss of the
            sum. Ratios of areas give every class the same say anyway.
        options: Parameters by name, such as ``gamma`` or ``tversky.alpha``.
        from_logits: Whether the network gives logits rather than probabilities.

    Raises:
        OptionError: If a name or parameter is unknown, the loss does not fit the head, or class
            weights are given that nothing in the sum uses.
    """
    terms = parse_loss(spec)
    check_pairing(head, terms)
    if head == "softmax" and outputs < 2:
        raise OptionError(
            "softmax needs a channel for the background and at least one more",
            hint="use --head sigmoid for a single class",
        )
    told = loss_parameters(terms, options or {})
    if class_weights is not None:
        if len(class_weights) != outputs:
            raise OptionError(
                f"there are {len(class_weights)} class weights, but the network has {outputs} "
                "channels"
            )
        if set(class_weights) != {1.0}:
            check_weighting(terms)
    losses = []
    for name, _ in terms:
        description = LOSSES[name]
        loss_class = getattr(importlib.import_module(description.module), description.class_name)
        extra: dict[str, Any] = {}
        if class_weights is not None and description.per_pixel:
            extra["class_weights"] = class_weights
        losses.append(loss_class(head=head, from_logits=from_logits, **told[name], **extra))
    if len(terms) == 1 and terms[0].weight == 1:
        single: SegmentationLoss = losses[0]
        return single
    return CombinedLoss(losses, [term.weight for term in terms])


def deep_supervision_weights(outputs: int) -> tuple[float, ...]:
    """Return the factor of the loss of each output of a network with deep supervision.

    All the same, as in U-Net++ (Zhou et al. 2019), with sum 1, so that losses with and without deep
    supervision can be compared. For ``loss_weights`` of ``keras.Model.compile``, with targets that
    are repeated as often as there are outputs.
    """
    return (1.0 / outputs,) * outputs
