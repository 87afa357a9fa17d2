"""Keras' own layers, computed in another form that is faster where they run.

A layer keeps its class, name, weights and configuration, so no saved file tells the difference. It
gets another ``call``, in this process alone; copies of it compute as Keras does.
"""

from __future__ import annotations

from types import MethodType

import keras
from keras import KerasTensor, ops

from maskforge.nn.backend import on_cpu


def with_faster_layers(model: keras.Model) -> keras.Model:
    """Return a model itself, whose layers give the same to rounding, sooner.

    A transposed convolution whose kernel is as large as its stride makes every output pixel of a
    single input pixel: a product of matrices, and a reordering. XLA and TensorFlow on a CPU, the
    latter above all in bfloat16, have no good kernel for it; cuDNN has.
    """
    backend = keras.config.backend()
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            with_faster_layers(layer)
        elif _is_product(layer):
            if backend == "jax" or (
                backend == "torch" and on_cpu() and layer.compute_dtype == "float32"
            ):
                layer.call = MethodType(_multiply, layer)
            elif backend == "tensorflow" and on_cpu():
                layer.call = MethodType(_multiply_by_row, layer)
    return model


def _is_product(layer: keras.Layer) -> bool:
    return (
        type(layer) is keras.layers.Conv2DTranspose
        and layer.kernel_size == layer.strides
        and layer.dilation_rate == (1, 1)
        and layer.output_padding is None
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
