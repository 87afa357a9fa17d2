"""The network of a plan, built and compiled: with its loss and its optimizer."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from maskforge.nn.fasterlayers import with_faster_layers
from maskforge.nn.losses import deep_supervision_weights, make_loss
from maskforge.nn.networks import build_network
from maskforge.training.loop.schedules import make_optimizer
from maskforge.training.plan import TrainPlan

_AVERAGED = 200
"""Images or crops over which batch normalization averages, where the training is long enough."""

_LAST_SHARE = 0.05
"""Of the steps of a training, over which it averages at most."""


def new_network(plan: TrainPlan) -> keras.Model:
    """Build the network of a plan, under the dtype policy that is in force; it gives logits."""
    network = build_network(
        plan.options.network,
        input_shape=(None, None, plan.scaling.channels),
        outputs=len(plan.channel_ids),
        scaling=plan.scaling.kind,
    )
    steps = plan.options.epochs * len(plan.batches())
    _average_long_enough(network, min(_AVERAGED / plan.options.batch_size, _LAST_SHARE * steps))
    return with_faster_layers(network)


def _average_long_enough(network: keras.Model, steps: float) -> None:
    """Have batch normalization average over at least so many steps.

    In use it takes averages of what it has seen in training. Those of a few small batches differ
    from what images are like, and a good network is judged as a bad one (Wu and Johnson 2021,
    "Rethinking Batch in BatchNorm", section 3).
    """
    for layer in network.layers:
        if isinstance(layer, keras.Model):
            _average_long_enough(layer, steps)
        elif isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = max(layer.momentum, 1 - 1 / max(steps, 1.0))


def compile_network(
    network: keras.Model,
    plan: TrainPlan,
    *,
    steps_per_epoch: int,
    metrics: Sequence[keras.metrics.Metric] = (),
) -> keras.Optimizer:
    """Give a network the loss of every output, a new optimizer, and metrics of its first output.

    Returns:
        The optimizer; in float16 the network has it inside one that scales the loss.
    """
    options = plan.options
    levels = len(network.outputs)
    losses = [
        make_loss(
            options.loss,
            head=plan.head,
            outputs=len(plan.channel_ids),
            class_weights=plan.channel_weights,
            options=options.loss_options,
            from_logits=True,
        )
        for _ in range(levels)
    ]
    optimizer = make_optimizer(options, steps_per_epoch)
    several = levels > 1
    network.compile(
        optimizer=optimizer,
        loss=losses if several else losses[0],
        loss_weights=list(deep_supervision_weights(levels)) if several else None,
        metrics=[list(metrics), *([] for _ in range(levels - 1))] if several else list(metrics),
    )
    optimizer.build(network.trainable_variables)
    return optimizer
