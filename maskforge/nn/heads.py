"""From logits to probabilities."""

from __future__ import annotations

import keras

from maskforge.choices import Head


def probabilities(network: keras.Model, head: Head) -> keras.Model:
    """Return a network that shares the weights of another and gives probabilities.

    With deep supervision they are the mean over all outputs, as in the accurate mode of U-Net++
    (Zhou et al. 2018); it costs nothing, since the last output needs all others anyway.

    Args:
        network: Network that gives float32 logits (B, H, W, K), or a list of them.
        head: ``softmax`` over the channels, or ``sigmoid`` for each of them.

    Returns:
        A ``keras.Model`` from the same input to float32 probabilities (B, H, W, K).
    """
    outputs = [
        keras.layers.Activation(head, dtype="float32", name=f"{head}_{number}")(logits)
        for number, logits in enumerate(network.outputs)
    ]
    if len(outputs) > 1:
        mean = keras.layers.Average(dtype="float32", name="probabilities")(outputs)
    else:
        mean = outputs[0]
    return keras.Model(network.input, mean, name=network.name)
