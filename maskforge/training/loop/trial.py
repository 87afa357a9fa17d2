"""Which precision trains faster on a CPU: a few steps in each tell."""

from __future__ import annotations

import time

import numpy as np

from maskforge.errors import MaskforgeError
from maskforge.nn.backend import on_cpu
from maskforge.nn.precision import FLOAT32, resolve_precision, using_policy
from maskforge.training.loop.epochs import Log
from maskforge.training.loop.network import compile_network, new_network
from maskforge.training.plan import TrainPlan

_LEAST_STEPS = 500  # of a training; for fewer, the trial takes longer than it can save
_TRIED_STEPS = 3  # after the one that compiles
_LEAST_GAIN = 1.1  # for less, nobody gives up the digits of float32


def choose_policy(plan: TrainPlan, log: Log) -> str:
    """Return the Keras dtype policy of a training.

    Where ``auto`` would be bfloat16 on a CPU, it has to be faster than float32 by a tenth. Both are
    tried for four steps on random numbers, unless the training is so short that this would not pay:
    then it is bfloat16.
    """
    policy = resolve_precision(plan.options.precision)
    steps = plan.options.epochs * len(plan.batches())
    if plan.options.precision != "auto" or policy == FLOAT32 or not on_cpu():
        return policy
    if steps < _LEAST_STEPS:
        return policy
    try:
        low, full = (seconds_per_step(plan, one) for one in (policy, FLOAT32))
    except MaskforgeError:
        raise
    except Exception:  # the training itself will stumble over it, and says so better
        return policy
    chosen = policy if low * _LEAST_GAIN <= full else FLOAT32
    log(f"a step takes {low:.2g} s in {policy}, {full:.2g} s in {FLOAT32}: {chosen} is taken")
    return chosen


def seconds_per_step(plan: TrainPlan, policy: str) -> float:
    """Return how long the fastest of some steps takes, with a network that is then thrown away."""
    batches = plan.batches()
    random = np.random.default_rng(0)
    inputs = random.random(batches.shape, dtype=np.float32)
    masks = 1 if plan.head == "softmax" else len(plan.channel_ids)
    target = random.integers(0, 2, (*batches.shape[:3], masks), dtype=np.uint8)
    with using_policy(policy):
        network = new_network(plan)
        compile_network(network, plan, steps_per_epoch=len(batches))
        targets = (target,) * len(network.outputs) if len(network.outputs) > 1 else target
        seconds = []
        for _ in range(1 + _TRIED_STEPS):
            began = time.perf_counter()
            network.train_on_batch(inputs, targets)
            seconds.append(time.perf_counter() - began)
    return min(seconds[1:])
