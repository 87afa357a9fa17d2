"""U-Net++ (Zhou et al. 2018, https://arxiv.org/abs/1807.10165)."""

from __future__ import annotations

from keras import KerasTensor, layers

from maskforge.nn.network_catalog import NetworkPlan
from maskforge.nn.networks.blocks import convolutions, head, upsample
from maskforge.nn.networks.unet import encode


def build(x: KerasTensor, outputs: int, plan: NetworkPlan) -> KerasTensor | list[KerasTensor]:
    """Return logits.

    Node ``j`` of a level convolves all earlier nodes of its level and the upsampled node ``j - 1``
    of the level below. With deep supervision every node of the finest level has a head, and the
    list begins with the last, the deepest network.
    """
    nodes = [[feature] for feature in encode(x, plan)]
    for step in range(1, plan.depth + 1):
        for level in range(plan.depth - step + 1):
            filters = plan.filters * 2**level
            below = upsample(nodes[level + 1][step - 1], filters, plan)
            x = layers.Concatenate()([*nodes[level], below])
            nodes[level].append(convolutions(x, filters, plan))
    finest = nodes[0][1:]
    if not plan.deep_supervision:
        return head(finest[-1], outputs, plan)
    return [
        head(x, outputs, plan, name="logits" if depth == plan.depth else f"logits_{depth}")
        for depth, x in reversed([*enumerate(finest, start=1)])
    ]
