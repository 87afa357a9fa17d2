"""What the networks are made of."""

from __future__ import annotations

import math
import random

from keras import KerasTensor, layers

from maskforge.nn.network_catalog import NetworkPlan

INITIALIZER = "he_normal"


def convolution(
    x: KerasTensor,
    filters: int,
    plan: NetworkPlan,
    *,
    kernel: int | None = None,
    strides: int = 1,
    dilation: int = 1,
    active: bool = True,
) -> KerasTensor:
    """Apply a ``same`` convolution, the normalization and the activation of the plan.

    With a normalization the convolution has no bias, which the normalization would take away.
    """
    plain = plan.normalization == "none"
    x = layers.Conv2D(
        filters,
        kernel or plan.kernel,
        strides=strides,
        dilation_rate=dilation,
        padding="same",
        use_bias=plain,
        kernel_initializer=INITIALIZER,
        activation=plan.activation if plain and active else None,
    )(x)
    if plain:
        return x
    x = normalize(x, plan)
    return layers.Activation(plan.activation)(x) if active else x


def convolutions(x: KerasTensor, filters: int, plan: NetworkPlan) -> KerasTensor:
    """Apply as many convolutions as a level of the plan has."""
    for _ in range(plan.convolutions):
        x = convolution(x, filters, plan)
    return x


def normalize(x: KerasTensor, plan: NetworkPlan) -> KerasTensor:
    """Apply the normalization of the plan.

    ``group`` has up to 8 groups of channels; ``layer`` normalizes over the channels of each pixel.
    """
    if plan.normalization == "batch":
        # Keras' 0.99 needs hundreds of steps until predictions are as good as the training; a
        # training that has as many comes nearer to it.
        return layers.BatchNormalization(momentum=0.9)(x)
    if plan.normalization == "group":
        return layers.GroupNormalization(math.gcd(8, x.shape[-1]))(x)
    if plan.normalization == "layer":
        return layers.LayerNormalization()(x)
    return x


def drop(x: KerasTensor, plan: NetworkPlan) -> KerasTensor:
    """Drop features in training, at the rate of the plan."""
    if not plan.dropout:
        return x
    # Without a seed of its own PyTorch draws outside of the state that a checkpoint holds. The seed
    # is drawn as Keras draws its default.
    return layers.Dropout(plan.dropout, seed=random.randint(1, 10**9))(x)


def upsample(x: KerasTensor, filters: int, plan: NetworkPlan) -> KerasTensor:
    """Double the sides, and set the number of channels.

    ``transpose`` is one transposed convolution of stride 2, the others interpolate and convolve.
    """
    kernel = plan.upsampling_kernel
    activation = plan.activation if plan.upsampling_activation else None
    common = {
        "padding": "same",
        "kernel_initializer": INITIALIZER,
        "activation": activation,
    }
    if plan.upsampling == "transpose":
        return layers.Conv2DTranspose(filters, kernel, strides=2, **common)(x)
    return layers.Conv2D(filters, kernel, **common)(interpolate(x, plan))


def interpolate(x: KerasTensor, plan: NetworkPlan) -> KerasTensor:
    """Double the sides by interpolation."""
    return layers.UpSampling2D(2, interpolation=plan.upsampling)(x)


def stem(x: KerasTensor, plan: NetworkPlan) -> KerasTensor:
    """Make an image smaller by the stride of the plan's stem, with one convolution.

    Its kernel is twice as large as the stride, so that neighbors share what lies on their border.
    """
    stride = plan.stem_stride
    return (
        x if stride == 1 else convolution(x, plan.filters, plan, kernel=2 * stride, strides=stride)
    )


def head(x: KerasTensor, outputs: int, plan: NetworkPlan, *, name: str = "logits") -> KerasTensor:
    """Turn features into float32 logits of every pixel, whatever the precision of the rest is."""
    common = {"dtype": "float32", "name": name}
    if (stride := plan.stem_stride) > 1:
        return layers.Conv2DTranspose(outputs, stride, strides=stride, **common)(x)
    return layers.Conv2D(outputs, 1, **common)(x)
