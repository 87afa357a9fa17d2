"""The network of a plan, built and compiled: with its loss and its optimizer."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from maskforge.nn.fasterlayers import with_faster_layers
from maskforge.nn.losses import deep_supervision_weights, make_loss
from maskforge.nn.networks import build_network
from maskforge.training.loop.schedules import make_optimizer
from maskforge.training.plan import TrainPlan


def new_network(plan: TrainPlan) -> keras.Model:
    """Build the network of a plan, under the dtype policy that is in force; it gives logits."""
    network = build_network(
        plan.options.network,
        input_shape=(None, None, plan.scaling.channels),
        outputs=len(plan.channel_ids),
        scaling=plan.scaling.kind,
    )
    return with_faster_layers(network)


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
