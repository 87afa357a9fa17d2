"""Targets in every form that masks have, brought into one, with what is void taken out."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

import keras
from keras import ops

from maskforge.choices import Head
from maskforge.errors import OptionError
from maskforge.masks.classes import VOID

Tensor: TypeAlias = Any


class Prepared(NamedTuple):
    """Targets and outputs that every loss can compute with; all float32.

    Attributes:
        truth: (B, ..., K), 1 where the class is and 0 elsewhere, and where the pixel is void.
        valid: 1 where the target is known, 0 where it is void; (B, ..., 1) for softmax, (B, ..., K)
            for sigmoid, whose channels may be void one by one.
        logits: (B, ..., K); 0 where the target is void, so that nothing flows back from there.
    """

    truth: Tensor
    valid: Tensor
    logits: Tensor


def read_targets(y_true: Tensor, outputs: int, head: Head) -> tuple[Tensor, Tensor]:
    """Bring targets into the form of the outputs.

    - Integer (B, H, W) or (B, H, W, 1): for softmax the index of the channel; for sigmoid 0 for
      background, k for channel k - 1. 255 is void.
    - One-hot (B, H, W, channels with the background): a pixel of zeros is void.
    - Multi-hot (B, H, W, K), for sigmoid: 255 makes that channel of the pixel void.

    Shares between 0 and 1 are accepted in the last two. Any other value means that the masks are
    not what they are taken for; it makes the loss NaN, because a compiled graph cannot raise.

    Args:
        y_true: The targets.
        outputs: Channels of the network.
        head: ``sigmoid`` or ``softmax``.

    Returns:
        ``truth`` and ``valid``, as ``Prepared`` has them.

    Raises:
        OptionError: If the number of channels fits neither.
    """
    y_true = ops.cast(y_true, "float32")
    channels = y_true.shape[-1]
    integer = len(y_true.shape) == 3 or (channels == 1 and outputs > 1)
    if head == "softmax":
        if outputs == 1:
            raise OptionError(
                "softmax over a single channel is 1 everywhere",
                hint="use a channel for the background, too, or the sigmoid head",
            )
        if integer:
            truth, valid = _from_integer(y_true, outputs)
            return truth, valid
        if channels != outputs:
            raise _mismatch(channels, outputs, head, f"1 (integer) or {outputs} (one-hot)")
        return _from_one_hot(y_true)
    if integer:
        truth, valid = _from_integer(y_true, outputs + 1)
        return truth[..., 1:], ops.repeat(valid, outputs, axis=-1)
    if channels == outputs + 1:
        truth, valid = _from_one_hot(y_true)
        return truth[..., 1:], ops.repeat(valid, outputs, axis=-1)
    if channels != outputs:
        wanted = f"{outputs} (multi-hot), {outputs + 1} (one-hot) or 1 (integer)"
        raise _mismatch(channels, outputs, head, wanted)
    void = ops.equal(y_true, VOID)
    truth = _checked(ops.where(void, 0.0, y_true))
    return truth, 1.0 - ops.cast(void, "float32")


def prepare(y_true: Tensor, y_pred: Tensor, *, head: Head, from_logits: bool) -> Prepared:
    """Bring targets into the form of the outputs, and these into logits, in float32.

    Probabilities are cut off at ``keras.config.epsilon()`` on both sides.

    Args:
        y_true: Targets as ``read_targets`` takes them.
        y_pred: (B, H, W, K) logits or probabilities.
        head: ``sigmoid`` or ``softmax``.
        from_logits: Whether ``y_pred`` are logits.

    Raises:
        OptionError: If targets and outputs do not fit.
    """
    logits = ops.cast(y_pred, "float32")
    truth, valid = read_targets(y_true, logits.shape[-1], head)
    known = ops.broadcast_to(valid, ops.shape(truth)) > 0
    if not from_logits:
        epsilon = keras.config.epsilon()
        if head == "sigmoid":
            logits = ops.clip(ops.where(known, logits, 0.5), epsilon, 1.0 - epsilon)
            logits = ops.log(logits) - ops.log1p(-logits)
        else:
            logits = ops.log(ops.clip(ops.where(known, logits, 0.5), epsilon, 1.0))
    return Prepared(truth, valid, ops.where(known, logits, 0.0))


def log_probabilities(logits: Tensor, head: Head) -> Tensor:
    """Return the logarithm of the probability of every channel."""
    return -ops.softplus(-logits) if head == "sigmoid" else ops.log_softmax(logits, axis=-1)


def probabilities(logits: Tensor, head: Head) -> Tensor:
    """Return the probability of every channel."""
    return ops.sigmoid(logits) if head == "sigmoid" else ops.softmax(logits, axis=-1)


def _from_integer(y_true: Tensor, count: int) -> tuple[Tensor, Tensor]:
    values = y_true if len(y_true.shape) > 3 else ops.expand_dims(y_true, -1)
    void = ops.equal(values, VOID)
    truth = ops.cast(ops.equal(values, ops.arange(count, dtype="float32")), "float32")
    known = ops.logical_or(void, ops.any(truth > 0, axis=-1, keepdims=True))
    return ops.where(known, truth, float("nan")), 1.0 - ops.cast(void, "float32")


def _from_one_hot(y_true: Tensor) -> tuple[Tensor, Tensor]:
    void = ops.all(ops.equal(y_true, 0), axis=-1, keepdims=True)
    return _checked(y_true), 1.0 - ops.cast(void, "float32")


def _checked(truth: Tensor) -> Tensor:
    return ops.where(ops.logical_and(truth >= 0, truth <= 1), truth, float("nan"))


def _mismatch(channels: int | None, outputs: int, head: Head, wanted: str) -> OptionError:
    return OptionError(
        f"the targets have {channels} channels, but the {head} network has {outputs}",
        hint=f"targets for it have {wanted} channels",
    )
