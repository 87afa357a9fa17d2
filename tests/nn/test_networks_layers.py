"""Layers that Keras does not have, beside values by hand and the functions of others."""

from __future__ import annotations

import numpy as np
import pytest

keras = pytest.importorskip("keras", reason="NO NETWORKS: Keras is not installed")

from maskforge.nn.networks.layers import (  # noqa: E402
    ImageNetInput,
    MaxUnpooling,
    RegionPooling,
    ResizeLike,
)


def run(layer, *arrays):
    inputs = [keras.ops.convert_to_tensor(np.asarray(array, "float32")) for array in arrays]
    result = layer(inputs if len(inputs) > 1 else inputs[0])
    return keras.ops.convert_to_numpy(result)


def plane(values):
    return np.asarray(values, "float32")[None, ..., None]


def test_regions_of_sides_that_cannot_be_divided_overlap():
    """Three regions of 4 rows: 0 to 1, 1 to 2, 2 to 3; three regions of 6 columns."""
    values = np.arange(24.0).reshape(4, 6)
    rows = ((0, 2), (1, 3), (2, 4))
    columns = ((0, 2), (2, 4), (4, 6))
    expected = [[values[a:b, c:d].mean() for c, d in columns] for a, b in rows]
    np.testing.assert_allclose(run(RegionPooling(3), plane(values))[0, ..., 0], expected)


def test_a_single_region_is_the_mean_of_every_channel():
    values = np.random.default_rng(0).random((2, 5, 7, 3), dtype=np.float32)
    expected = values.mean((1, 2), keepdims=True)
    np.testing.assert_allclose(run(RegionPooling(1), values), expected, rtol=1e-5)


@pytest.mark.parametrize("size", [(3, 3), (7, 4), (8, 12)])
def test_resizing_is_the_bilinear_interpolation_of_keras(size):
    values = np.random.default_rng(0).random((2, 3, 3, 2), dtype=np.float32)
    expected = keras.ops.image.resize(values, size, interpolation="bilinear")
    result = run(ResizeLike(), values, np.zeros((2, *size, 5)))
    np.testing.assert_allclose(result, keras.ops.convert_to_numpy(expected), atol=1e-6)


def test_unpooling_puts_values_where_the_maxima_were():
    before = [[1, 2, 5, 5], [3, 0, 5, 5], [0, 0, 1, 2], [0, 9, 3, 4]]
    expected = [[0, 0, 20, 0], [10, 0, 0, 0], [0, 0, 0, 0], [0, 30, 0, 40]]
    result = run(MaxUnpooling(), plane([[10, 20], [30, 40]]), plane(before))
    np.testing.assert_array_equal(result[0, ..., 0], expected)


def test_unpooling_keeps_channels_and_images_apart():
    before = np.random.default_rng(0).random((3, 6, 4, 2), dtype=np.float32)
    pooled = before.reshape(3, 3, 2, 2, 2, 2).max((2, 4))
    result = run(MaxUnpooling(), pooled, before)
    whole = pooled.repeat(2, 1).repeat(2, 2)
    np.testing.assert_array_equal(result, np.where(before == whole, before, 0))


@pytest.mark.parametrize(
    ("colors", "module"),
    [
        ("caffe", "vgg16"),
        ("caffe", "resnet50"),
        ("tf", "mobilenet_v2"),
        ("torch", "densenet"),
        ("raw", "efficientnet_v2"),
        ("raw", "mobilenet_v3"),
    ],
)
@pytest.mark.parametrize(
    ("scaling", "scale"),
    [
        ("zero-one", lambda x: x / 255),
        ("percentile", lambda x: x / 255),
        ("minus-one-one", lambda x: x / 127.5 - 1),
    ],
)
def test_backbones_see_what_they_were_trained_on(colors, module, scaling, scale):
    images = np.random.default_rng(0).integers(0, 256, (2, 4, 4, 3)).astype("float32")
    expected = getattr(keras.applications, module).preprocess_input(images.copy())
    result = run(ImageNetInput(colors, scaling), scale(images))
    np.testing.assert_allclose(result, np.asarray(expected), atol=2e-4)


def test_gray_is_repeated():
    gray = np.random.default_rng(0).random((2, 4, 4, 1), dtype=np.float32)
    layer = ImageNetInput("caffe")
    np.testing.assert_array_equal(run(layer, gray), run(layer, gray.repeat(3, -1)))


def test_standardized_images_get_the_brightness_of_imagenet():
    gray = np.random.default_rng(0).normal(size=(1, 64, 64, 1))
    result = run(ImageNetInput("torch", "z-score"), gray)
    assert abs(result.mean()) < 0.05
    assert abs(result.std() - 1) < 0.05
