"""The networks by name, each loaded when it is built.

A new one is a module here that defines ``build``, and a line in ``maskforge.nn.network_catalog``:
``build(x, outputs, plan)`` returns logits, or with deep supervision a list of them.
"""

from __future__ import annotations

import importlib

import keras

from maskforge.choices import Scaling
from maskforge.errors import OptionError
from maskforge.nn.network_catalog import NetworkOptions, plan_network, stride_of
from maskforge.nn.networks.blocks import stem


def build_network(
    options: NetworkOptions,
    *,
    input_shape: tuple[int | None, int | None, int],
    outputs: int,
    scaling: Scaling = "zero-one",
) -> keras.Model:
    """Build a network that gives logits.

    The weights are drawn from the random generators that ``keras.utils.set_random_seed`` (or
    ``maskforge.nn.backend.seed_everything``) sets: called with the same seed just before, the same
    network begins with the same weights on the same backend. The precision is that of the dtype
    policy in force; logits are float32 always.

    Args:
        options: The network.
        input_shape: Height, width (None for any multiple of the stride) and channels.
        outputs: Channels of the output.
        scaling: How the images are scaled, for a pretrained encoder.

    Returns:
        A functional ``keras.Model`` from (B, H, W, C) to float32 logits (B, H, W, K); with deep
        supervision a list of them, that of the deepest network first.

    Raises:
        OptionError: If the options do not fit together, or the sides are not multiples of the
            stride.
        TrainingError: If the weights of an encoder cannot be downloaded.
        ModelError: If a weights file of an encoder does not fit.
    """
    plan = plan_network(options, scaling)
    stride = stride_of(options)
    for side in input_shape[:2]:
        if side is not None and side % stride:
            raise OptionError(
                f"the input of {plan.arch} has a side of {side} px, no multiple of {stride}",
                hint=f"use {max(round(side / stride), 1) * stride} px",
            )
    x = keras.Input(input_shape, name="image")
    network = importlib.import_module(f"maskforge.nn.networks.{plan.arch}")
    return keras.Model(x, network.build(stem(x, plan), outputs, plan), name=plan.arch)
