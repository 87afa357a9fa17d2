"""U-Net (Ronneberger, Fischer, Brox 2015, https://arxiv.org/abs/1505.04597)."""

from __future__ import annotations

from keras import KerasTensor, layers

from maskforge.nn.network_catalog import NetworkPlan
from maskforge.nn.networks import encoders
from maskforge.nn.networks.blocks import (
    INITIALIZER,
    convolutions,
    drop,
    head,
    upsample,
)


def encode(x: KerasTensor, plan: NetworkPlan) -> list[KerasTensor]:
    """Return the features of every level, from the finest to the bottleneck.

    A pretrained encoder has none of stride 1: there the image itself is convolved.
    """
    if plan.encoder:
        return [convolutions(x, plan.filters, plan), *encoders.encode(x, plan)]
    features = []
    for level in range(plan.depth):
        x = convolutions(x, plan.filters * 2**level, plan)
        if level == plan.depth - 1 and "last-skip" in plan.dropout_places:
            x = drop(x, plan)
        features.append(x)
        x = layers.MaxPooling2D(2)(x)
    if "before-bottleneck" in plan.dropout_places:
        x = drop(x, plan)
    x = convolutions(x, plan.filters * 2**plan.depth, plan)
    if "bottleneck" in plan.dropout_places:
        x = drop(x, plan)
    return [*features, x]


def build(x: KerasTensor, outputs: int, plan: NetworkPlan) -> KerasTensor:
    """Return logits.

    Each level doubles the sides, concatenates the skip connection before the upsampled features,
    and convolves.
    """
    features = encode(x, plan)
    x = features[-1]
    for level in reversed(range(plan.depth)):
        filters = plan.filters * 2**level
        x = layers.Concatenate()([features[level], upsample(x, filters, plan)])
        x = convolutions(x, filters, plan)
    if plan.head_filters:
        x = layers.Conv2D(
            plan.head_filters,
            3,
            padding="same",
            activation=plan.activation,
            kernel_initializer=INITIALIZER,
        )(x)
    return head(x, outputs, plan)
