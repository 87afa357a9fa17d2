"""Backbones of keras.applications as encoders, with what they were trained to see and know."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import keras

from maskforge.choices import Encoder
from maskforge.errors import ModelError, TrainingError, shorten
from maskforge.issues import Origin
from maskforge.nn.network_catalog import NetworkPlan
from maskforge.nn.networks.layers import ImageNetInput

NAME = "encoder"
"""Name of the layer that holds the backbone."""


@dataclass(frozen=True, slots=True)
class Backbone:
    """A network of keras.applications.

    Attributes:
        model: Name of its function.
        colors: What it was trained to see: ``caffe`` (blue, green, red around 0), ``torch``
            (standardized), ``tf`` (-1 to 1), or ``raw`` (0 to 255, the rest is built in).
        layers: Names of the layers with the features of strides 2, 4, 8, 16 and 32.
    """

    model: str
    colors: str
    layers: tuple[str, str, str, str, str]


_RESNET50 = (
    "conv1_relu",
    "conv2_block3_out",
    "conv3_block4_out",
    "conv4_block6_out",
    "conv5_block3_out",
)

BACKBONES: Mapping[Encoder, Backbone] = {
    "vgg16": Backbone(
        "VGG16",
        "caffe",
        ("block2_conv2", "block3_conv3", "block4_conv3", "block5_conv3", "block5_pool"),
    ),
    "vgg19": Backbone(
        "VGG19",
        "caffe",
        ("block2_conv2", "block3_conv4", "block4_conv4", "block5_conv4", "block5_pool"),
    ),
    "resnet50": Backbone("ResNet50", "caffe", _RESNET50),
    "resnet101": Backbone(
        "ResNet101", "caffe", (*_RESNET50[:3], "conv4_block23_out", "conv5_block3_out")
    ),
    "efficientnetv2b0": Backbone(
        "EfficientNetV2B0",
        "raw",
        (
            "block1a_project_activation",
            "block2b_add",
            "block3b_add",
            "block5e_add",
            "top_activation",
        ),
    ),
    "efficientnetv2s": Backbone(
        "EfficientNetV2S",
        "raw",
        ("block1b_add", "block2d_add", "block3d_add", "block5i_add", "top_activation"),
    ),
    "mobilenetv2": Backbone(
        "MobileNetV2",
        "tf",
        (
            "block_1_expand_relu",
            "block_3_expand_relu",
            "block_6_expand_relu",
            "block_13_expand_relu",
            "out_relu",
        ),
    ),
    "mobilenetv3small": Backbone(
        "MobileNetV3Small",
        "raw",
        (
            "conv_bn",
            "expanded_conv_project_bn",
            "expanded_conv_2_add",
            "expanded_conv_7_add",
            "expanded_conv_10_add",
        ),
    ),
    "mobilenetv3large": Backbone(
        "MobileNetV3Large",
        "raw",
        (
            "expanded_conv_add",
            "expanded_conv_2_add",
            "expanded_conv_5_add",
            "expanded_conv_11_add",
            "expanded_conv_14_add",
        ),
    ),
    "densenet121": Backbone(
        "DenseNet121", "torch", ("conv1_relu", "pool2_relu", "pool3_relu", "pool4_relu", "relu")
    ),
}


def encode(
    x: keras.KerasTensor, plan: NetworkPlan, names: tuple[str, ...] | None = None
) -> list[keras.KerasTensor]:
    """Return features of a pretrained backbone.

    Pixel values scaled as the plan says become what the backbone was trained on inside the
    network; a gray channel is repeated.

    Args:
        x: Scaled images.
        plan: Names the encoder, its weights, and how many strides are wanted.
        names: Layers whose features are wanted; those of strides 2 to ``2**plan.depth`` if None.

    Raises:
        TrainingError: If the weights of ImageNet are not there and cannot be downloaded.
        ModelError: If a weights file does not fit.
    """
    assert plan.encoder is not None
    backbone = BACKBONES[plan.encoder]
    whole = create(plan.encoder, plan.encoder_weights)
    wanted = names or backbone.layers[: plan.depth]
    outputs = [whole.get_layer(name).output for name in wanted]
    x = ImageNetInput(backbone.colors, plan.scaling, name="encoder_input")(x)
    features = keras.Model(whole.input, outputs, name=NAME)(x)
    return features if isinstance(features, list) else [features]


def create(encoder: Encoder, weights: str) -> keras.Model:
    """Return a backbone without its classifier, for images of any size.

    Args:
        encoder: Its name.
        weights: ``imagenet``, ``none``, or a file (.weights.h5, .h5 or .keras).

    Raises:
        TrainingError: If the weights of ImageNet are not there and cannot be downloaded.
        ModelError: If the weights file does not fit.
    """
    builder: Callable[..., keras.Model] = getattr(keras.applications, BACKBONES[encoder].model)
    shared = {"include_top": False, "input_shape": (None, None, 3)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MobileNets warn that any size is none of ImageNet's
        if weights == "imagenet":
            return _download(builder, encoder, shared)
        backbone = builder(weights=None, **shared)
    if weights != "none":
        _load(backbone, encoder, Path(weights))
    return backbone


def set_encoder_trainable(network: keras.Model, trainable: bool) -> None:
    """Freeze the encoder of a network, or let it learn; compile the network again afterwards.

    While it is frozen its batch normalization keeps the statistics that it has.

    Raises:
        TrainingError: If the network has no encoder from keras.applications.
    """
    if not any(layer.name == NAME for layer in network.layers):
        raise TrainingError("the network has no pretrained encoder", hint="name an encoder")
    network.get_layer(NAME).trainable = trainable


def _download(
    builder: Callable[..., keras.Model], encoder: Encoder, shared: Mapping[str, object]
) -> keras.Model:
    try:
        return builder(weights="imagenet", **shared)
    except Exception as error:  # Keras raises just that
        address = re.search(r"https?://\S+?(?=:? |$)", str(error))
        if not address:
            raise TrainingError(
                f"the weights of {encoder} for ImageNet cannot be used: {shorten(str(error))}",
                hint="use --encoder-weights none, or name a weights file",
            ) from None
        url = address.group()
        raise TrainingError(
            f"the weights of {encoder} for ImageNet cannot be downloaded from {url}",
            hint=f"download {url} elsewhere and save it as ~/.keras/models/{_file_name(url)}, "
            "or name the file with --encoder-weights FILE; --encoder-weights none starts without",
        ) from None


def _file_name(url: str) -> str:
    return url.rpartition("/")[2]


def _load(backbone: keras.Model, encoder: Encoder, file: Path) -> None:
    hint = (
        f"give the weights of {encoder} of keras.applications without its classifier "
        "(include_top=False, 'notop' in the file's name) as .weights.h5, .h5 or .keras"
    )
    if not file.is_file():
        raise ModelError("there is no such weights file", origin=Origin(file, ""), hint=hint)
    try:
        backbone.load_weights(file)
    except Exception as error:  # h5py, zipfile and Keras each raise their own
        raise ModelError(
            f"holds no weights of {encoder}: {shorten(str(error))}",
            origin=Origin(file, ""),
            hint=hint,
        ) from None
