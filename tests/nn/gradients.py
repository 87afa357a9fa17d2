"""The gradient of a loss by whatever backend Keras runs on."""

import keras
import numpy as np


def compiled_gradient(loss):
    """Return a function of targets and outputs that is faster than ``gradient`` from the third."""
    if keras.config.backend() != "tensorflow":
        return lambda y_true, y_pred: gradient(loss, y_true, y_pred)
    import tensorflow as tf

    @tf.function(autograph=False)
    def compiled(y_true, outputs):
        with tf.GradientTape() as tape:
            tape.watch(outputs)
            value = loss(y_true, outputs)
        return value, tape.gradient(value, outputs)

    def of(y_true, y_pred):
        outputs = tf.convert_to_tensor(np.asarray(y_pred, dtype=np.float32))
        value, slope = compiled(tf.convert_to_tensor(y_true), outputs)
        return float(value), slope.numpy()

    return of


def gradient(loss, y_true, y_pred):
    """Return the value of a loss and its gradient with respect to the outputs, as NumPy."""
    running = keras.config.backend()
    y_pred = np.asarray(y_pred, dtype=np.float32)
    if running == "tensorflow":
        import tensorflow as tf

        outputs = tf.convert_to_tensor(y_pred)
        with tf.GradientTape() as tape:
            tape.watch(outputs)
            value = loss(y_true, outputs)
        slope = tape.gradient(value, outputs)
    elif running == "jax":
        import jax

        value, slope = jax.value_and_grad(lambda outputs: loss(y_true, outputs))(y_pred)
    else:
        import torch

        outputs = torch.tensor(y_pred, requires_grad=True)
        value = loss(y_true, outputs)
        value.backward()
        slope = outputs.grad
        value = value.detach()
    return float(value), np.asarray(slope)
