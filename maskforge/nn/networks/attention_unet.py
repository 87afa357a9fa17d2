"""Attention U-Net (Oktay et al. 2018, https://arxiv.org/abs/1804.03999)."""

from __future__ import annotations

from keras import KerasTensor, layers

from maskforge.nn.network_catalog import NetworkPlan
from maskforge.nn.networks.blocks import INITIALIZER, convolutions, head, upsample
from maskforge.nn.networks.unet import encode


def build(x: KerasTensor, outputs: int, plan: NetworkPlan) -> KerasTensor:
    """Return logits: the U-Net with a gate in every skip connection."""
    features = encode(x, plan)
    x = features[-1]
    for level in reversed(range(plan.depth)):
        filters = plan.filters * 2**level
        skip = _gate(features[level], x, filters)
        x = layers.Concatenate()([skip, upsample(x, filters, plan)])
        x = convolutions(x, filters, plan)
    return head(x, outputs, plan)


def _gate(skip: KerasTensor, signal: KerasTensor, filters: int) -> KerasTensor:
    """Scale every pixel of a skip connection by its additive attention, from 0 to 1.

    ``sigmoid(psi(relu(theta(skip) + phi(signal))))``, computed at the size of the coarser signal
    and interpolated; ``theta`` is a 2x2 convolution of stride 2, the others are 1x1.
    """
    inner = max(filters // 2, 1)
    theta = layers.Conv2D(inner, 2, strides=2, use_bias=False, kernel_initializer=INITIALIZER)(skip)
    phi = layers.Conv2D(inner, 1, kernel_initializer=INITIALIZER)(signal)
    both = layers.Activation("relu")(layers.Add()([theta, phi]))
    attention = layers.Conv2D(1, 1, activation="sigmoid")(both)
    return layers.Multiply()([skip, layers.UpSampling2D(2, interpolation="bilinear")(attention)])
