"""Deep residual U-Net (Zhang, Liu, Wang 2018, https://arxiv.org/abs/1711.10684)."""

from __future__ import annotations

from keras import KerasTensor, layers

from maskforge.nn.network_catalog import NetworkPlan
from maskforge.nn.networks.blocks import (
    INITIALIZER,
    convolution,
    drop,
    head,
    interpolate,
    normalize,
    upsample,
)


def build(x: KerasTensor, outputs: int, plan: NetworkPlan) -> KerasTensor:
    """Return logits.

    Two convolutions with pre-activation and an identity mapping on every level; a stride of 2
    takes the place of pooling, and interpolation without a convolution that of upsampling.
    """
    first = convolution(x, plan.filters, plan)
    first = layers.Add()(
        [_convolve(first, plan.filters, plan), _shortcut(x, plan.filters, 1, plan)]
    )
    features = [first]
    for level in range(1, plan.depth + 1):
        features.append(_unit(features[-1], plan.filters * 2**level, plan, strides=2))
    x = drop(features[-1], plan)
    for level in reversed(range(plan.depth)):
        filters = plan.filters * 2**level
        transposed = plan.upsampling == "transpose"
        x = upsample(x, filters, plan) if transposed else interpolate(x, plan)
        x = _unit(layers.Concatenate()([features[level], x]), filters, plan)
    return head(x, outputs, plan)


def _unit(x: KerasTensor, filters: int, plan: NetworkPlan, strides: int = 1) -> KerasTensor:
    active = layers.Activation(plan.activation)
    inner = _convolve(active(normalize(x, plan)), filters, plan, strides)
    inner = _convolve(layers.Activation(plan.activation)(normalize(inner, plan)), filters, plan)
    return layers.Add()([inner, _shortcut(x, filters, strides, plan)])


def _convolve(x: KerasTensor, filters: int, plan: NetworkPlan, strides: int = 1) -> KerasTensor:
    return layers.Conv2D(
        filters, plan.kernel, strides=strides, padding="same", kernel_initializer=INITIALIZER
    )(x)


def _shortcut(x: KerasTensor, filters: int, strides: int, plan: NetworkPlan) -> KerasTensor:
    return convolution(x, filters, plan, kernel=1, strides=strides, active=False)
