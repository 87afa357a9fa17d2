"""The values that options can take; light enough for the command line's help to import."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeAlias, get_args

Encoding: TypeAlias = Literal["integer", "onehot", "multihot"]
FileType: TypeAlias = Literal["png", "tiff", "npy"]
Overlap: TypeAlias = Literal["order", "area", "priority", "error"]
MultiTag: TypeAlias = Literal["first", "last", "all", "error"]
SizeMismatch: TypeAlias = Literal["error", "scale"]
Unvisited: TypeAlias = Literal["skip", "background"]
Head: TypeAlias = Literal["sigmoid", "softmax"]
Scaling: TypeAlias = Literal["zero-one", "minus-one-one", "z-score", "percentile"]
Color: TypeAlias = Literal["auto", "gray", "rgb"]
Holding: TypeAlias = Literal["auto", "memory", "stream"]
Backend: TypeAlias = Literal["auto", "tensorflow", "jax", "torch"]
Precision: TypeAlias = Literal["auto", "float32", "bfloat16", "float16"]
Optimizer: TypeAlias = Literal["adam", "adamw", "nadam", "rmsprop", "sgd"]
Schedule: TypeAlias = Literal["constant", "cosine", "exponential", "plateau"]
Symmetry: TypeAlias = Literal["flip_horizontal", "flip_vertical", "transpose"]
AugmentPreset: TypeAlias = Literal["none", "flips", "light", "medium", "strong"]
Runtime: TypeAlias = Literal["auto", "keras", "onnx", "openvino"]
ExportFormat: TypeAlias = Literal["onnx", "openvino", "saved-model", "litert"]
Architecture: TypeAlias = Literal[
    "unet", "unetpp", "attention_unet", "resunet", "fcn8", "segnet", "pspnet", "cnn"
]
Upsampling: TypeAlias = Literal["transpose", "nearest", "bilinear"]
Normalization: TypeAlias = Literal["none", "batch", "group", "layer"]
Preset: TypeAlias = Literal["unet-transpose", "unet-upsampling", "unet-zhixuhao"]
Encoder: TypeAlias = Literal[
    "vgg16",
    "vgg19",
    "resnet50",
    "resnet101",
    "efficientnetv2b0",
    "efficientnetv2s",
    "mobilenetv2",
    "mobilenetv3small",
    "mobilenetv3large",
    "densenet121",
]

SYMMETRIES: tuple[Symmetry, ...] = get_args(Symmetry)


Progress: TypeAlias = Callable[[str, int, int | None], None]
"""Called with the name of the phase, the number of images done, and their total if known."""
