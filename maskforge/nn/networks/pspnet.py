"""PSPNet (Zhao et al. 2017, https://arxiv.org/abs/1612.01105)."""

from __future__ import annotations

from dataclasses import replace

from keras import KerasTensor, layers

from maskforge.nn.network_catalog import NetworkPlan
from maskforge.nn.networks.blocks import convolution, drop, head
from maskforge.nn.networks.layers import RegionPooling, ResizeLike

STAGES = ((2, 2, 1), (4, 2, 1), (8, 1, 2), (16, 1, 4))
"""Multiple of the first filters, stride and dilation of the residual stages."""
BINS = (1, 2, 3, 6)


def build(x: KerasTensor, outputs: int, plan: NetworkPlan) -> KerasTensor:
    """Return logits.

    The encoder is a small residual network like ResNet-18, dilated so that it ends at stride 8.
    The pyramid divides its features into 1, 2x2, 3x3 and 6x6 regions relative to their size, so
    inputs may have another size than in training; it has no normalization, because the variance
    of a single region is nothing to divide by.
    """
    x = convolution(x, plan.filters, plan, strides=2)
    x = convolution(x, 2 * plan.filters, plan)
    for multiple, strides, dilation in STAGES:
        for number in range(plan.convolutions):
            filters = plan.filters * multiple
            x = _residual(x, filters, plan, strides if number == 0 else 1, dilation)
    filters = plan.filters * STAGES[-1][0] // len(BINS)
    plain = replace(plan, normalization="none")
    regions = [convolution(RegionPooling(bins)(x), filters, plain, kernel=1) for bins in BINS]
    x = layers.Concatenate()([x, *(ResizeLike()([region, x]) for region in regions)])
    x = drop(convolution(x, filters, plan), plan)
    enlarge = layers.UpSampling2D(8, interpolation="bilinear", dtype="float32", name="logits")
    return enlarge(head(x, outputs, plan, name="score"))


def _residual(
    x: KerasTensor, filters: int, plan: NetworkPlan, strides: int, dilation: int
) -> KerasTensor:
    inner = convolution(x, filters, plan, strides=strides, dilation=1 if strides > 1 else dilation)
    inner = convolution(inner, filters, plan, dilation=dilation, active=False)
    if strides > 1 or x.shape[-1] != filters:
        x = convolution(x, filters, plan, kernel=1, strides=strides, active=False)
    return layers.Activation(plan.activation)(layers.Add()([x, inner]))
