"""FCN-8s on VGG16 (Long, Shelhamer, Darrell 2015, https://arxiv.org/abs/1411.4038)."""

from __future__ import annotations

from keras import KerasTensor, layers

from maskforge.nn.network_catalog import NetworkPlan
from maskforge.nn.networks import encoders
from maskforge.nn.networks.blocks import INITIALIZER, drop, head

BLOCKS = ((1, 2), (2, 2), (4, 3), (8, 3), (8, 3))
"""Multiple of the first filters, and number of convolutions, of the blocks of VGG16."""


def encode(x: KerasTensor, plan: NetworkPlan) -> list[KerasTensor]:
    """Return what VGG16 has after its third, fourth and fifth pooling."""
    if plan.encoder:
        return encoders.encode(x, plan, ("block3_pool", "block4_pool", "block5_pool"))
    features = []
    for multiple, count in BLOCKS:
        for _ in range(count):
            x = _convolve(x, plan.filters * multiple, 3, plan)
        x = layers.MaxPooling2D(2)(x)
        features.append(x)
    return features[2:]


def build(x: KerasTensor, outputs: int, plan: NetworkPlan) -> KerasTensor:
    """Score the poolings of strides 8, 16 and 32, and add them up from the coarsest."""
    pool3, pool4, x = encode(x, plan)
    width = 64 * plan.filters  # 4096 as published
    x = drop(_convolve(x, width, 7, plan), plan)
    x = drop(_convolve(x, width, 1, plan), plan)
    x = _enlarge(head(x, outputs, plan, name="score"), outputs, 2)
    x = layers.Add(dtype="float32")([x, head(pool4, outputs, plan, name="score_pool4")])
    x = _enlarge(x, outputs, 2)
    x = layers.Add(dtype="float32")([x, head(pool3, outputs, plan, name="score_pool3")])
    return _enlarge(x, outputs, 8, name="logits")


def _convolve(x: KerasTensor, filters: int, kernel: int, plan: NetworkPlan) -> KerasTensor:
    return layers.Conv2D(
        filters,
        kernel,
        padding="same",
        activation=plan.activation,
        kernel_initializer=INITIALIZER,
    )(x)


def _enlarge(x: KerasTensor, outputs: int, factor: int, name: str | None = None) -> KerasTensor:
    return layers.Conv2DTranspose(
        outputs,
        2 * factor,
        strides=factor,
        padding="same",
        use_bias=False,
        dtype="float32",
        name=name,
    )(x)
