"""Layers that Keras does not have; importing this module lets Keras load models with them."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import keras
from keras import KerasTensor, ops

from maskforge.choices import Scaling


@keras.saving.register_keras_serializable("maskforge")
class RegionPooling(keras.layers.Layer):
    """Averages over a grid of regions that covers the features, whatever their size is.

    Region ``i`` of ``bins`` reaches from row ``floor(i H / bins)`` to ``ceil((i + 1) H / bins)``,
    likewise in columns. (B, H, W, C) becomes (B, bins, bins, C).

    Args:
        bins: Regions along each side.
        **kwargs: What every Keras layer takes.
    """

    def __init__(self, bins: int, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.bins = bins

    def call(self, inputs: KerasTensor) -> KerasTensor:
        """Return the means."""
        _, height, width, _ = ops.shape(inputs)
        rows, columns = (ops.cast(self._regions(side), inputs.dtype) for side in (height, width))
        narrow = ops.einsum("jw,bhwc->bhjc", columns, inputs)
        return ops.einsum("ih,bhjc->bijc", rows, narrow)

    def _regions(self, side: int | KerasTensor) -> KerasTensor:
        """Return the share (bins, side) of every row, or column, in every region."""
        number = ops.arange(self.bins, dtype="int32")[:, None]
        first = ops.floor_divide(number * side, self.bins)
        last = ops.floor_divide((number + 1) * side + self.bins - 1, self.bins)
        place = ops.arange(side, dtype="int32")[None, :]
        inside = ops.cast(ops.logical_and(place >= first, place < last), "float32")
        return inside / ops.cast(last - first, "float32")

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the shape of the output."""
        return (input_shape[0], self.bins, self.bins, input_shape[3])

    def get_config(self) -> dict[str, Any]:
        """Return the arguments."""
        return {**super().get_config(), "bins": self.bins}


@keras.saving.register_keras_serializable("maskforge")
class ResizeLike(keras.layers.Layer):
    """Interpolates features bilinearly to the size of others, whatever that is.

    Called with ``[features, others]``; pixel centers are at halves, edges are continued.
    """

    def call(self, inputs: list[KerasTensor]) -> KerasTensor:
        """Return the interpolated features."""
        features, others = inputs
        _, height, width, _ = ops.shape(others)
        _, rows, columns, _ = features.shape
        vertical = ops.cast(_interpolation(height, rows), features.dtype)
        horizontal = ops.cast(_interpolation(width, columns), features.dtype)
        tall = ops.einsum("hi,bijc->bhjc", vertical, features)
        return ops.einsum("wj,bhjc->bhwc", horizontal, tall)

    def compute_output_shape(
        self, input_shape: list[tuple[int | None, ...]]
    ) -> tuple[int | None, ...]:
        """Return the shape of the output."""
        features, others = input_shape
        return (*others[:3], features[3])


def _interpolation(side: int | KerasTensor, count: int) -> KerasTensor:
    """Return the weights (side, count) of ``count`` points for ``side`` pixels."""
    pixel = ops.cast(ops.arange(side, dtype="int32"), "float32") + 0.5
    place = ops.clip(pixel * (count / ops.cast(side, "float32")) - 0.5, 0.0, count - 1.0)
    points = ops.arange(count, dtype="float32")
    return ops.maximum(1.0 - ops.abs(place[:, None] - points[None, :]), 0.0)


@keras.saving.register_keras_serializable("maskforge")
class MaxUnpooling(keras.layers.Layer):
    """Puts features back to where a 2x2 max-pooling took its maxima from; zero elsewhere.

    Called with ``[features, before]``: (B, H, W, C), and what was pooled (B, 2H, 2W, C). The
    place is found again rather than kept, so the pooling is Keras' own; of several equal maxima
    it is the first.
    """

    def call(self, inputs: list[KerasTensor]) -> KerasTensor:
        """Return the features at the places of the maxima."""
        features, before = inputs
        corners = [before[:, row::2, column::2] for row in (0, 1) for column in (0, 1)]
        largest = functools.reduce(ops.maximum, corners)
        # An argmax would say the same, but ONNX and OpenVINO cannot hold what it becomes.
        parts, left = [], ops.ones_like(largest)
        for corner in corners:
            here = ops.cast(ops.equal(corner, largest), left.dtype) * left
            left = left - here
            parts.append(features * ops.cast(here, features.dtype))
        batch, height, width, channels = ops.shape(before)
        upper, lower = (
            ops.reshape(ops.stack(pair, axis=3), (batch, height // 2, 1, width, channels))
            for pair in (parts[:2], parts[2:])
        )
        whole = ops.concatenate([upper, lower], axis=2)
        return ops.reshape(whole, (batch, height, width, channels))

    def compute_output_shape(
        self, input_shape: list[tuple[int | None, ...]]
    ) -> tuple[int | None, ...]:
        """Return the shape of the output."""
        return tuple(input_shape[1])


@keras.saving.register_keras_serializable("maskforge")
class ImageNetInput(keras.layers.Layer):
    """Turns scaled images into what a backbone was trained on, in float32.

    Gray is repeated for red, green and blue. Per-image z-scores get the mean and deviation of
    ImageNet back.

    Args:
        colors: ``caffe``, ``torch``, ``tf`` or ``raw``, as in ``keras.applications``.
        scaling: How the images were scaled.
        **kwargs: What every Keras layer takes.
    """

    def __init__(self, colors: str, scaling: Scaling = "zero-one", **kwargs: object) -> None:
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.colors = colors
        self.scaling = scaling

    def call(self, inputs: KerasTensor) -> KerasTensor:
        """Return (B, H, W, 3)."""
        factor, offset = _TO_BYTES[self.scaling]
        x = inputs * factor + offset
        if x.shape[-1] == 1:
            x = ops.concatenate([x, x, x], axis=-1)
        if self.colors == "caffe":
            return ops.flip(x, axis=-1) - ops.convert_to_tensor([103.939, 116.779, 123.68])
        if self.colors == "torch":
            deviation = ops.convert_to_tensor([0.229, 0.224, 0.225])
            return (x / 255.0 - ops.convert_to_tensor([0.485, 0.456, 0.406])) / deviation
        return x / 127.5 - 1.0 if self.colors == "tf" else x

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the shape of the output."""
        return (*input_shape[:3], 3)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments."""
        return {**super().get_config(), "colors": self.colors, "scaling": self.scaling}


_TO_BYTES: Mapping[Scaling, tuple[float, float]] = {
    "zero-one": (255.0, 0.0),
    "percentile": (255.0, 0.0),
    "minus-one-one": (127.5, 127.5),
    "z-score": (255 * 0.226, 255 * 0.449),  # means over the channels of ImageNet
}
