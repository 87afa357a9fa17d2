"""Precision of the computation: what the hardware is fast at, and back to float32."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import keras
import numpy as np
from keras import KerasTensor, ops
from numpy.typing import NDArray

from maskforge.choices import Precision
from maskforge.errors import OptionError
from maskforge.nn.backend import multiplies_bfloat16

FLOAT32 = "float32"
"""The dtype policy that leaves every digit."""

_POLICIES = {
    "float32": FLOAT32,
    "bfloat16": "mixed_bfloat16",
    "float16": "mixed_float16",
}


def resolve_precision(precision: Precision = "auto") -> str:
    """Return the Keras dtype policy of a precision: float32, mixed_bfloat16 or mixed_float16.

    ``auto`` is bfloat16 on CUDA GPUs of compute capability 8 and above, float16 on older ones
    with tensor cores (7 and above), bfloat16 on Linux CPUs that multiply it (avx512_bf16,
    amx_bf16), else float32. On CPUs JAX stays at float32, which is the faster one there. The
    weights are float32 whatever the policy.

    Raises:
        OptionError: If there is no such precision.
    """
    if precision == "auto":
        return _POLICIES[_fastest(keras.config.backend(), gpu_capability())]
    if precision not in _POLICIES:
        raise OptionError(
            f"there is no precision {precision!r}",
            hint=f"use auto or one of {', '.join(_POLICIES)}",
        )
    return _POLICIES[precision]


def is_policy(name: str) -> bool:
    """Tell whether a name is that of a dtype policy that ``resolve_precision`` returns."""
    return name in _POLICIES.values()


@contextmanager
def using_policy(policy: str) -> Iterator[None]:
    """Build networks under a dtype policy; the one before is in force again afterwards."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def to_float32(network: keras.Model) -> keras.Model:
    """Return a copy of a network that computes in float32, with equal weights of its own.

    For prediction and for the saved model: what was trained in mixed precision has float32
    weights already, and its graph would be slow, or impossible, on other hardware.
    """
    copy = type(network).from_config(_float32(network.get_config()))
    copy.set_weights(network.get_weights())
    return copy


def _float32(config: object) -> object:
    if isinstance(config, dict):
        if config.get("class_name") == "DTypePolicy":
            return {**config, "config": {**config["config"], "name": "float32"}}
        return {
            key: "float32"
            if key == "dtype" and value in ("bfloat16", "float16", *_POLICIES.values())
            else _float32(value)
            for key, value in config.items()
        }
    if isinstance(config, list | tuple):
        return type(config)(_float32(value) for value in config)
    return config


def rounding_layers(model: keras.Model) -> keras.Model:
    """Return a float32 model itself, changed to round to bfloat16 between its layers.

    Its weights are rounded, except for biases and what else is a number per channel: runtimes keep
    those in float32. So is the output of every layer except the last one, which gives the
    probabilities.
    """
    model.set_weights([round_array(one) if one.ndim > 1 else one for one in model.get_weights()])
    for layer in _layers(model):
        if layer is not model.layers[-1] and not isinstance(layer, keras.layers.InputLayer):
            layer.call = _rounding(layer.call)
    return model


def _layers(model: keras.Model) -> Iterator[keras.Layer]:
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _layers(layer)
        else:
            yield layer


def _rounding(call: Callable[..., KerasTensor]) -> Callable[..., KerasTensor]:
    @functools.wraps(call)  # Keras looks at the arguments
    def rounded(*arguments: object, **options: object) -> KerasTensor:
        return _round(call(*arguments, **options))

    return rounded


def _round(values: KerasTensor) -> KerasTensor:
    if keras.config.backend() == "jax":
        import jax

        # XLA leaves out conversions there and back.
        return jax.lax.reduce_precision(values, exponent_bits=8, mantissa_bits=7)
    return ops.cast(ops.cast(values, "bfloat16"), "float32")


def round_array(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the nearest numbers that bfloat16 has, as float32; of two as near, the even one."""
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    nearest = (bits + (0x7FFF + ((bits >> 16) & 1))) & 0xFFFF0000
    return nearest.astype(np.uint32).view(np.float32)


def _fastest(backend: str, capability: tuple[int, int] | None) -> str:
    if capability is not None:
        return (
            "bfloat16" if capability >= (8, 0) else "float16" if capability >= (7, 0) else "float32"
        )
    return "bfloat16" if backend != "jax" and multiplies_bfloat16() else "float32"


def gpu_capability() -> tuple[int, int] | None:
    """Return the lowest compute capability of the CUDA GPUs; None without any."""
    backend = keras.config.backend()
    found: list[tuple[int, int]] = []
    if backend == "tensorflow":
        import tensorflow as tf

        for device in tf.config.list_physical_devices("GPU"):
            details = tf.config.experimental.get_device_details(device)
            found += [details["compute_capability"]] if "compute_capability" in details else []
    elif backend == "torch":
        import torch

        found = [torch.cuda.get_device_capability(n) for n in range(torch.cuda.device_count())]
    else:
        import jax

        for device in jax.devices():
            major, point, minor = str(getattr(device, "compute_capability", "")).partition(".")
            found += [(int(major), int(minor))] if point else []
    return min(found, default=None)
