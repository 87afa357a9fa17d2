"""Which options fit which network; known without building one."""

from __future__ import annotations

import subprocess
import sys
from typing import get_args

import pytest

from maskforge.errors import OptionError
from maskforge.nn.network_catalog import (
    Architecture,
    NetworkOptions,
    Preset,
    plan_network,
    stride_of,
)


@pytest.mark.parametrize(
    ("options", "stride"),
    [
        ({}, 16),
        ({"depth": 3}, 8),
        ({"preset": "unet-upsampling"}, 16),
        ({"encoder": "resnet50"}, 32),
        ({"encoder": "vgg16", "depth": 3}, 8),
        ({"arch": "unetpp", "depth": 5}, 32),
        ({"arch": "attention_unet"}, 16),
        ({"arch": "resunet", "depth": 2}, 4),
        ({"stem_stride": 1}, 16),
        ({"arch": "unetpp", "depth": 3, "stem_stride": 2}, 16),
        ({"depth": 2, "stem_stride": 3}, 12),
        ({"arch": "fcn8"}, 32),
        ({"arch": "segnet"}, 32),
        ({"arch": "pspnet"}, 8),
        ({"arch": "cnn"}, 1),
    ],
)
def test_strides(options, stride):
    assert stride_of(NetworkOptions(**options)) == stride


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"deep_supervision": True}, "unet does not take deep_supervision.*taken by unetpp"),
        ({"arch": "cnn", "preset": "unet-upsampling"}, "cnn does not take preset.*taken by unet"),
        ({"arch": "fcn8", "upsampling": "nearest"}, "fcn8 does not take upsampling"),
        ({"arch": "segnet", "depth": 3}, "segnet does not take depth"),
        ({"arch": "unett"}, "arch cannot be 'unett'; did you mean 'unet'"),
        ({"preset": "unet-upsample"}, "preset cannot be.*did you mean 'unet-upsampling'"),
        ({"activation": "rellu"}, "no activation 'rellu'.*did you mean relu"),
        ({"normalization": "bach"}, "normalization cannot be 'bach'; did you mean 'batch'"),
        ({"upsampling": "cubic"}, "upsampling cannot be 'cubic'.*transpose, nearest, bilinear"),
        ({"filters": 0}, "filters cannot be 0, expected 1 to 4096"),
        ({"depth": 9}, "depth cannot be 9, expected 1 to 8"),
        ({"stem_stride": 9}, "stem_stride cannot be 9, expected 1 to 8"),
        ({"arch": "segnet", "stem_stride": 2}, "segnet does not take stem_stride"),
        ({"encoder": "vgg16", "stem_stride": 2}, "stem_stride is 2, but the encoder vgg16 has its"),
        ({"kernel": 4}, "kernel is 4, but must be odd"),
        ({"dropout": 1.0}, "dropout cannot be 1.0, expected 0 to below 1"),
        ({"encoder": "resnet5"}, "encoder cannot be 'resnet5'; did you mean 'resnet50'"),
        ({"encoder": "vgg16", "depth": 6}, "depth is 6, but can be at most 5"),
        ({"encoder": "vgg16", "preset": "unet-upsampling"}, "has its own encoder"),
        (
            {"arch": "fcn8", "encoder": "vgg19"},
            "fcn8 does not take the encoder.*possible are vgg16",
        ),
        ({"arch": "segnet", "encoder": "vgg16"}, "own encoder.*unet, unetpp, attention_unet, fcn8"),
        ({"encoder_weights": "none"}, "encoder_weights is given, but no encoder"),
        ({"freeze_encoder": 3}, "freeze_encoder is given, but no encoder"),
    ],
)
def test_unsuitable_options_are_named_with_what_is_possible(options, message):
    for known in (plan_network, stride_of):
        with pytest.raises(OptionError, match=f"(?s){message}"):
            known(NetworkOptions(**options))


@pytest.mark.parametrize("arch", get_args(Architecture))
def test_every_architecture_has_a_plan(arch):
    assert plan_network(NetworkOptions(arch=arch)).arch == arch


@pytest.mark.parametrize("preset", get_args(Preset))
def test_options_change_a_preset(preset):
    published = plan_network(NetworkOptions(preset=preset))
    assert (published.filters, published.depth, published.dropout) == (64, 4, 0.5)
    changed = plan_network(NetworkOptions(preset=preset, filters=8, dropout=0.0))
    assert (changed.filters, changed.depth, changed.dropout) == (8, 4, 0.0)
    assert changed.upsampling_kernel == published.upsampling_kernel


def test_interpolation_is_followed_by_a_kernel_that_moves_nothing():
    assert plan_network(NetworkOptions(upsampling="nearest")).upsampling_kernel == 3


def test_strides_need_no_keras():
    program = (
        "import sys; from maskforge.nn.network_catalog import stride_of;"
        "from maskforge.training.train_options import NetworkOptions; stride_of(NetworkOptions());"
        "assert 'keras' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
