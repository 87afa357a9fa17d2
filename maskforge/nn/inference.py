"""Running a network fast: compiled, without gradients, without the loop of ``Model.predict``."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TypeAlias

import keras
import numpy as np
from numpy.typing import NDArray

from maskforge.choices import Precision
from maskforge.nn.fasterlayers import with_faster_layers
from maskforge.nn.openshape import with_open_sizes
from maskforge.nn.precision import round_array, rounding_layers, to_float32

_Floats: TypeAlias = NDArray[np.float32]
_Start: TypeAlias = Callable[[_Floats], Callable[[], _Floats]]
_Function: TypeAlias = Callable[[_Floats], _Floats]


def compiled(model: keras.Model, precision: Precision = "float32") -> _Function:
    """Return a function from (B, H, W, C) float32 to what the model makes of it, float32.

    Args:
        model: A ``keras.Model`` with one input and one output.
        precision: As in ``started``.
    """
    start = started(model, precision)
    return lambda batch: start(batch)()


def started(model: keras.Model, precision: Precision = "float32") -> _Start:
    """Return a function that begins to run a model, and returns what waits for the result.

    The batch is (B, H, W, C) float32, and so is what the model makes of it. GPUs compute in the
    background until the result is waited for, and so does JAX on a CPU.

    TensorFlow traces the model once for all sizes, PyTorch runs it without gradients; JAX compiles
    once for every size, so that images of many sizes are better cut into tiles. When the model
    learns on, so does the function.

    Args:
        model: A ``keras.Model`` with one input and one output.
        precision: ``bfloat16`` computes in mixed precision; the weights stay float32.
    """
    if precision == "bfloat16":
        model = _in_bfloat16(model)
    return _compiled(with_faster_layers(model))


def rounding_to_bfloat16(model: keras.Model) -> _Function:
    """Return the same as ``compiled``, as it would be on hardware that computes in bfloat16.

    Products are summed in float32, as such hardware does; weights, and what goes from layer to
    layer, are rounded. That is as fast as float32 everywhere, where bfloat16 itself may be slow, or
    may be computed more exactly than on hardware that has it.

    Args:
        model: A ``keras.Model`` that gives probabilities; it is left as it is.
    """
    start = _compiled(rounding_layers(with_faster_layers(to_float32(model))))
    return lambda batch: start(round_array(batch))()


def _compiled(model: keras.Model) -> _Start:
    backend = keras.config.backend()
    if backend == "tensorflow":
        return _tensorflow(model)
    if backend == "jax":
        return _jax(model)
    return _torch(model)


def _in_bfloat16(model: keras.Model) -> keras.Model:
    """Return a copy whose layers compute in bfloat16, but for those that were made float32."""

    def copy(layer: keras.Layer) -> keras.Layer:
        if isinstance(layer, keras.layers.Activation) and layer is model.layers[-1]:
            return layer
        config = layer.get_config()
        config["dtype"] = "mixed_bfloat16"
        return layer.__class__.from_config(config)

    lowered = keras.models.clone_model(model, clone_function=copy)
    lowered.set_weights(model.get_weights())
    return lowered


def _tensorflow(model: keras.Model) -> _Start:
    import tensorflow as tf

    model = with_open_sizes(model)
    channels = model.inputs[0].shape[-1]
    function = tf.function(lambda batch: model(batch, training=False), autograph=False)
    # Layers that must know the size make this fail: then TensorFlow traces once for every size.
    with contextlib.suppress(Exception):
        spec = tf.TensorSpec((None, None, None, channels), tf.float32)
        function = function.get_concrete_function(spec)

    def start(batch: _Floats) -> Callable[[], _Floats]:
        result: Callable[[], _Floats] = tf.cast(function(tf.constant(batch)), tf.float32).numpy
        return result

    return start


def _jax(model: keras.Model) -> _Start:
    import jax

    @jax.jit
    def function(
        batch: jax.Array, trainable: list[jax.Array], others: list[jax.Array]
    ) -> jax.Array:
        outputs, _ = model.stateless_call(trainable, others, batch, training=False)
        return outputs

    def start(batch: _Floats) -> Callable[[], _Floats]:
        # Of a network that is still learning, the weights are others at every call.
        trainable = [variable.value for variable in model.trainable_variables]
        others = [variable.value for variable in model.non_trainable_variables]
        outputs = function(batch, trainable, others)
        return lambda: np.asarray(outputs, dtype=np.float32)

    return start


def _torch(model: keras.Model) -> _Start:
    import torch

    def start(batch: _Floats) -> Callable[[], _Floats]:
        with torch.inference_mode():
            outputs = model(batch, training=False).float()

        def wait() -> _Floats:
            result: _Floats = outputs.cpu().numpy()
            return result

        return wait

    return start
