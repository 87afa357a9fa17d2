"""Small models with weights that were chosen, not trained."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from maskforge.images.intensity import ScalingRecord
from maskforge.masks.classes import ClassMap, MaskClass
from maskforge.nn.modelfile import ModelDescription, class_map_document

CLASSES = ClassMap(
    (MaskClass(3, "caries", (255, 0, 0), ("caries",)), MaskClass(7, "crown", (0, 255, 0), ()))
)


def describe(head="softmax", *, classes=CLASSES, channels=1, **other) -> ModelDescription:
    """A description that fits ``network``."""
    thresholds = (0.5,) * len(classes.foreground_ids) if head == "sigmoid" else ()
    fields = {
        "class_map": class_map_document(classes),
        "head": head,
        "scaling": ScalingRecord(channels=channels),
        "stride": 4,
        "tile": (64, 64),
        "thresholds": thresholds,
    }
    return ModelDescription(**(fields | other))


def network(head="softmax", *, outputs=3, channels=1, seed=0):
    """Two poolings, a skip and a transposed convolution; random weights, so that shifts show."""
    import keras

    keras.utils.set_random_seed(seed)
    layers = keras.layers
    source = keras.Input((None, None, channels))
    first = layers.Conv2D(4, 3, padding="same", activation="relu")(source)
    inner = layers.Conv2D(6, 3, padding="same", activation="relu")(layers.MaxPooling2D(4)(first))
    upper = layers.Conv2DTranspose(4, 4, strides=4, padding="same")(inner)
    joined = layers.Concatenate()([first, upper])
    logits = layers.Conv2D(outputs, 1, kernel_initializer="he_normal")(joined)
    return keras.Model(source, layers.Activation(head, dtype="float32")(logits))


def brightness(cuts, head="sigmoid", *, gains=(100.0,)):
    """A network that says ``sigmoid(gain * (x - cut))`` for every channel."""
    import keras

    source = keras.Input((None, None, 1))
    layer = keras.layers.Conv2D(len(cuts), 1)
    logits = layer(source)
    factors = np.broadcast_to(gains, len(cuts))
    layer.set_weights([factors.reshape(1, 1, 1, -1), -factors * np.array(cuts)])
    return keras.Model(source, keras.layers.Activation(head, dtype="float32")(logits))


def save(folder: Path, model=None, **description) -> Path:
    """Write a model folder."""
    from maskforge.nn.modelio import save_model

    described = describe(**description)
    if model is None:
        model = network(described.head, outputs=len(described.channel_ids))
    save_model(folder, model, described)
    return folder
