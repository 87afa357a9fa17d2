"""Keras' own layers, computed in another form that is faster where they run.

A layer keeps its class, name, weights and configuration, so no saved file tells the difference. It
gets another ``call``, in this process alone; copies of it compute as Keras does.
"""

from __future__ import annotations

from collections.abc import Callable
from types import MethodType

import keras
from keras import KerasTensor, ops

from maskforge.nn.backend import on_cpu


def with_faster_layers(model: keras.Model) -> keras.Model:
    """Return a model itself, whose layers give the same to rounding, sooner.

    A transposed convolution whose kernel is as large as its stride makes every output pixel of a
    single input pixel: a product of matrices, and a reordering. XLA has no good kernel for it, nor
    has TensorFlow on a CPU in bfloat16; cuDNN has. In training, TensorFlow and PyTorch can
    normalize a batch in one operation; Keras uses several, and computes them in float32. JAX
    interpolates by products with matrices as large as the image, of which all but two numbers in a
    row are 0. PyTorch gets other layers in a form of its own, too.
    """
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            with_faster_layers(layer)
        elif (call := faster_call(layer)) is not None:
            layer.call = MethodType(call, layer)
    return model


def faster_call(layer: keras.Layer) -> Callable[..., KerasTensor] | None:
    """Return what is measured to be faster than the layer's own call here."""
    backend = keras.config.backend()
    if backend == "torch":
        return _faster_on_torch(layer)
    if _is_product(layer):
        if backend == "jax":
            return _multiply
        if backend == "tensorflow" and on_cpu():
            return _multiply_by_row
    elif backend == "jax" and _is_doubling(layer):
        return _double
    elif backend == "tensorflow" and on_cpu() and _is_plain_normalization(layer):
        return _normalize
    return None


def _faster_on_torch(layer: keras.Layer) -> Callable[..., KerasTensor] | None:
    from maskforge.nn import torchlayers

    if _is_product(layer):
        in_float32 = on_cpu() and layer.compute_dtype == "float32"
        return _multiply if in_float32 else torchlayers.enlarge
    if _is_plain_normalization(layer):
        return torchlayers.normalize
    return torchlayers.torch_form(layer)


def _is_product(layer: keras.Layer) -> bool:
    return (
        type(layer) is keras.layers.Conv2DTranspose
        and layer.kernel_size == layer.strides
        and layer.dilation_rate == (1, 1)
        and layer.output_padding is None
        and layer.data_format == "channels_last"
    )


def _is_plain_normalization(layer: keras.Layer) -> bool:
    return (
        type(layer) is keras.layers.BatchNormalization
        and layer.input_spec.ndim == 4
        and layer.axis in (-1, 3)
        and layer.center
        and layer.scale
        and not layer.synchronized
        and not getattr(layer, "renorm", False)  # older Keras has none
    )


def _is_doubling(layer: keras.Layer) -> bool:
    return (
        type(layer) is keras.layers.UpSampling2D
        and layer.size == (2, 2)
        and layer.interpolation == "bilinear"
        and layer.data_format == "channels_last"
    )


def _multiply(layer: keras.layers.Conv2DTranspose, inputs: KerasTensor) -> KerasTensor:
    """Give (B, H, W, C) as (B, kernel H, kernel W, filters)."""
    rows, columns, filters, channels = layer.kernel.shape
    matrix = ops.reshape(ops.transpose(layer.kernel, (3, 0, 1, 2)), (channels, -1))
    batch, height, width, _ = ops.shape(inputs)
    products = ops.matmul(ops.reshape(inputs, (-1, channels)), matrix)
    products = ops.reshape(products, (batch, height, width, rows, columns, filters))
    products = ops.transpose(products, (0, 1, 3, 2, 4, 5))
    shape = (batch, height * rows, width * columns, filters)
    return _finish(layer, ops.reshape(products, shape))


def _multiply_by_row(layer: keras.layers.Conv2DTranspose, inputs: KerasTensor) -> KerasTensor:
    """Do the same with a product for every row of the kernel, so that whole rows are reordered."""
    rows, columns, filters, channels = layer.kernel.shape
    matrices = ops.reshape(layer.kernel, (rows, columns * filters, channels))
    batch, height, width, _ = ops.shape(inputs)
    pixels = ops.reshape(inputs, (-1, channels))
    products = [
        ops.reshape(
            ops.matmul(pixels, ops.transpose(matrices[row])),
            (batch, height, width * columns * filters),
        )
        for row in range(rows)
    ]
    shape = (batch, height * rows, width * columns, filters)
    return _finish(layer, ops.reshape(ops.stack(products, axis=2), shape))


def _finish(layer: keras.layers.Conv2DTranspose, outputs: KerasTensor) -> KerasTensor:
    if layer.use_bias:
        outputs = ops.add(outputs, layer.bias)
    return outputs if layer.activation is None else layer.activation(outputs)


def _part(features: KerasTensor, axis: int, start: int | None, stop: int | None) -> KerasTensor:
    return features[(*[slice(None)] * axis, slice(start, stop))]


def _double(layer: keras.layers.UpSampling2D, inputs: KerasTensor) -> KerasTensor:
    """Give (B, H, W, C) as (B, 2H, 2W, C): each pixel has parts of two neighbors on each axis."""
    del layer
    outputs = inputs
    for axis in (1, 2):
        before = ops.concatenate(
            [_part(outputs, axis, None, 1), _part(outputs, axis, None, -1)], axis
        )
        after = ops.concatenate(
            [_part(outputs, axis, 1, None), _part(outputs, axis, -1, None)], axis
        )
        pair = [0.25 * before + 0.75 * outputs, 0.75 * outputs + 0.25 * after]
        shape = list(ops.shape(outputs))
        shape[axis] *= 2
        outputs = ops.reshape(ops.stack(pair, axis=axis + 1), shape)
    return outputs


def _normalize(
    layer: keras.layers.BatchNormalization,
    inputs: KerasTensor,
    training: bool | None = None,
    mask: KerasTensor | None = None,
) -> KerasTensor:
    """Normalize features (B, H, W, C) over the batch, in one operation of TensorFlow."""
    if not training or not layer.trainable or mask is not None:
        own: KerasTensor = type(layer).call(layer, inputs, training=training, mask=mask)
        return own
    import tensorflow as tf

    outputs, mean, variance = tf.compat.v1.nn.fused_batch_norm(
        tf.cast(inputs, layer.compute_dtype),
        layer.gamma.value,
        layer.beta.value,
        epsilon=layer.epsilon,
    )
    # TensorFlow estimates the variance of all pixels there could be, Keras keeps that of the batch.
    count = tf.cast(tf.size(inputs) // inputs.shape[-1], variance.dtype)
    variance *= tf.maximum(count - 1, 1) / count
    for average, now in ((layer.moving_mean, mean), (layer.moving_variance, variance)):
        average.assign(average * layer.momentum + now * (1.0 - layer.momentum))
    return outputs
