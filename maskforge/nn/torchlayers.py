"""Layers of Keras on PyTorch: one operation each, on features that nobody copies.

Keras lays out features as (B, H, W, C). Seen with the channels in front, this is what PyTorch calls
channels-last, and what its convolutions are fastest at; but Keras copies every input to the other
layout and back, and the copies stay in memory until the gradients are known.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import torch
from torch.nn import functional

Form = Callable[..., torch.Tensor]

_WORD = 0xFFFFFFFF  # PyTorch has no unsigned integers to compute with


def torch_form(layer: keras.Layer) -> Form | None:
    """Return the form of a layer; None if Keras' own has to do."""
    kind = type(layer)
    if kind is keras.layers.Conv2D and layer.data_format == "channels_last":
        return _convolve
    if kind is keras.layers.MaxPooling2D and layer.data_format == "channels_last":
        return _pool if layer.padding == "valid" else None
    if kind is keras.layers.Dropout and layer.noise_shape is None and layer.rate < 1:
        return _drop
    return None


def _to_front(features: torch.Tensor) -> torch.Tensor:
    return features.permute(0, 3, 1, 2)


def _to_back(features: torch.Tensor) -> torch.Tensor:
    return features.permute(0, 2, 3, 1)


def _kernel(layer: keras.Layer) -> torch.Tensor:
    kernel = layer.kernel.value.permute(3, 2, 0, 1)
    return kernel.contiguous(memory_format=torch.channels_last)


def _finish(layer: keras.Layer, outputs: torch.Tensor) -> torch.Tensor:
    outputs = _to_back(outputs)
    return outputs if layer.activation is None else layer.activation(outputs)


def _convolve(layer: keras.layers.Conv2D, inputs: torch.Tensor) -> torch.Tensor:
    features = _to_front(inputs)
    padding = _padding(layer, features.shape[2:]) if layer.padding == "same" else [(0, 0), (0, 0)]
    (top, bottom), (left, right) = padding
    if (top, left) != (bottom, right):
        features = functional.pad(features, (left, right, top, bottom))
        top = left = 0
    outputs = functional.conv2d(
        features,
        _kernel(layer),
        layer.bias.value if layer.use_bias else None,
        stride=layer.strides,
        padding=(top, left),
        dilation=layer.dilation_rate,
        groups=layer.groups,
    )
    return _finish(layer, outputs)


def _padding(layer: keras.layers.Conv2D, sides: Sequence[int]) -> list[tuple[int, int]]:
    """Return how many pixels ``same`` adds before and after each side."""
    padding = []
    for side, kernel, stride, dilation in zip(
        sides, layer.kernel_size, layer.strides, layer.dilation_rate, strict=True
    ):
        seen = (-(-side // stride) - 1) * stride + (kernel - 1) * dilation + 1
        added = max(seen - side, 0)
        padding.append((added // 2, added - added // 2))
    return padding


def enlarge(layer: keras.layers.Conv2DTranspose, inputs: torch.Tensor) -> torch.Tensor:
    """Apply a transposed convolution whose kernel is as large as its stride."""
    outputs = functional.conv_transpose2d(
        _to_front(inputs),
        _kernel(layer),
        layer.bias.value if layer.use_bias else None,
        stride=layer.strides,
    )
    return _finish(layer, outputs)


def _pool(layer: keras.layers.MaxPooling2D, inputs: torch.Tensor) -> torch.Tensor:
    return _to_back(functional.max_pool2d(_to_front(inputs), layer.pool_size, layer.strides))


def normalize(
    layer: keras.layers.BatchNormalization,
    inputs: torch.Tensor,
    training: bool | None = None,
    mask: Any = None,  # noqa: ANN401 - a tensor
) -> torch.Tensor:
    """Normalize features (B, H, W, C) over the batch."""
    count = inputs.numel() // inputs.shape[-1]
    learns = bool(training) and layer.trainable
    if mask is not None or (learns and count == 1):  # PyTorch refuses a single value
        own: torch.Tensor = type(layer).call(layer, inputs, training=training, mask=mask)
        return own
    averages = [layer.moving_mean, layer.moving_variance]
    values = [torch.zeros_like(one.value) if learns else one.value for one in averages]
    outputs = functional.batch_norm(
        _to_front(inputs),
        *values,
        # Keras rounds them to the precision of the features.
        layer.gamma.value.float(),
        layer.beta.value.float(),
        training=learns,
        momentum=1.0,
        eps=layer.epsilon,
    )
    if learns:
        # PyTorch estimates the variance of all pixels there could be; Keras keeps the batch's own.
        mean, variance = values[0], values[1] * ((count - 1) / count)
        for average, now in zip(averages, (mean, variance), strict=True):
            average.assign(average.value * layer.momentum + now * (1.0 - layer.momentum))
    return _to_back(outputs)


def _drop(
    layer: keras.layers.Dropout, inputs: torch.Tensor, training: bool = False
) -> torch.Tensor:
    """Drop features at random.

    Keras seeds a generator at every step: the device is waited for, and nothing can be compiled.
    Here a number is made of the seed, the step and the position, and is at random as well.
    """
    if not training or not layer.rate:
        return inputs
    seed, step = layer.seed_generator.next().long().unbind()
    number = torch.arange(inputs.numel(), device=inputs.device)
    number = _mixed(_mixed(_mixed(number) ^ (step & _WORD)) ^ (seed & _WORD))
    kept = (number >= int(layer.rate * (_WORD + 1))).reshape(inputs.shape)
    return torch.where(kept, inputs / (1.0 - layer.rate), 0.0)


def _mixed(number: torch.Tensor) -> torch.Tensor:
    """Mix the bits of numbers below 2**32: lowbias32 of Chris Wellons' hash prospector."""
    number = (number ^ (number >> 16)) * 0x7FEB352D & _WORD
    number = (number ^ (number >> 15)) * 0x846CA68B & _WORD
    return number ^ (number >> 16)
