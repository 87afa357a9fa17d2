"""Networks that TensorFlow can compile once for all sizes.

Where height and width are open, Keras' own upsampling (seen with 3.15) does not serve: the bilinear
one compares the size with zero in Python, which fails while TensorFlow traces it, and after the
nearest one the number of channels is unknown, so that LiteRT has no convolution for what follows.
"""

from __future__ import annotations

import keras
from keras import KerasTensor, ops

_INTERPOLATIONS = ("nearest", "bilinear")


class Enlarging(keras.layers.Layer):
    """Does what ``UpSampling2D(factor, interpolation)`` does, by sums of neighbors.

    Pixel centers are at halves, edges are continued: doubled, there are ``(3 a + b) / 4`` and
    ``(a + 3 b) / 4`` between neighbors a and b, or a and b themselves if it takes the nearest.
    (B, H, W, C) becomes (B, factor H, factor W, C).

    Args:
        factor: By how much the sides grow.
        interpolation: ``nearest`` or ``bilinear``.
        **kwargs: What every Keras layer takes.
    """

    def __init__(self, factor: int, interpolation: str, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.factor = factor
        self.interpolation = interpolation

    def call(self, inputs: KerasTensor) -> KerasTensor:
        """Return the enlarged features."""
        batch, height, width, channels = ops.shape(inputs)
        before = ops.concatenate([inputs[:, :1], inputs[:, :-1]], axis=1)
        after = ops.concatenate([inputs[:, 1:], inputs[:, -1:]], axis=1)
        rows = ops.stack(self._between(before, inputs, after), axis=2)
        tall = ops.reshape(rows, (batch, self.factor * height, width, channels))
        before = ops.concatenate([tall[:, :, :1], tall[:, :, :-1]], axis=2)
        after = ops.concatenate([tall[:, :, 1:], tall[:, :, -1:]], axis=2)
        columns = ops.stack(self._between(before, tall, after), axis=3)
        shape = (batch, self.factor * height, self.factor * width, channels)
        return ops.reshape(columns, shape)

    def _between(
        self, before: KerasTensor, here: KerasTensor, after: KerasTensor
    ) -> list[KerasTensor]:
        """Return the new pixels that lie in an old one, from first to last."""
        if self.interpolation == "nearest":
            return [here] * self.factor
        distances = [(place + 0.5) / self.factor - 0.5 for place in range(self.factor)]
        return [
            (1 - abs(one)) * here + abs(one) * (before if one < 0 else after) for one in distances
        ]

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the shape of the output."""
        batch, *sides, channels = input_shape
        return (batch, *(side and self.factor * side for side in sides), channels)


def with_open_sizes(model: keras.Model) -> keras.Model:
    """Return a model with the same weights and output, without Keras' own upsampling."""

    def replaced(layer: keras.Layer) -> keras.Layer:
        if not _enlarges(layer):
            return layer
        size, interpolation = layer.size, layer.interpolation
        return Enlarging(size[0], interpolation, name=layer.name, dtype=layer.dtype_policy)

    if not any(map(_enlarges, model.layers)):
        return model
    return keras.models.clone_model(model, clone_function=replaced)


def _enlarges(layer: keras.Layer) -> bool:
    return (
        isinstance(layer, keras.layers.UpSampling2D)
        and layer.interpolation in _INTERPOLATIONS
        and layer.size[0] == layer.size[1]
        and layer.data_format == "channels_last"
    )
