"""SegNet (Badrinarayanan, Kendall, Cipolla 2015, https://arxiv.org/abs/1511.00561)."""

from __future__ import annotations

from keras import KerasTensor, layers

from maskforge.nn.network_catalog import NetworkPlan
from maskforge.nn.networks.blocks import convolution, drop, head
from maskforge.nn.networks.fcn8 import BLOCKS
from maskforge.nn.networks.layers import MaxUnpooling


def build(x: KerasTensor, outputs: int, plan: NetworkPlan) -> KerasTensor:
    """Return logits.

    The 13 convolutions of VGG16, and their mirror image with max-unpooling: no features but the
    places of the maxima go from the encoder to the decoder.
    """
    pooled = []
    for multiple, count in BLOCKS:
        for _ in range(count):
            x = convolution(x, plan.filters * multiple, plan)
        pooled.append(x)
        x = layers.MaxPooling2D(2)(x)
    x = drop(x, plan)
    finer = [1, *(multiple for multiple, _ in BLOCKS[:-1])]
    for (multiple, count), before, next_multiple in reversed(
        [*zip(BLOCKS, pooled, finer, strict=True)]
    ):
        x = MaxUnpooling()([x, before])
        for _ in range(count - 1):
            x = convolution(x, plan.filters * multiple, plan)
        x = convolution(x, plan.filters * next_multiple, plan)
    return head(x, outputs, plan)
