"""Plain convolutions without pooling: what a network without any context can do."""

from __future__ import annotations

from keras import KerasTensor

from maskforge.nn.network_catalog import NetworkPlan
from maskforge.nn.networks.blocks import convolutions, drop, head


def build(x: KerasTensor, outputs: int, plan: NetworkPlan) -> KerasTensor:
    """Return logits; every level has twice the filters of the one before."""
    for level in range(plan.depth):
        x = convolutions(x, plan.filters * 2**level, plan)
    return head(drop(x, plan), outputs, plan)
