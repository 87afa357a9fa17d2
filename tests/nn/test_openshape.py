"""Networks with upsampling, compiled for all sizes at once."""

import keras
import numpy as np
import pytest

from maskforge.nn.inference import compiled
from maskforge.nn.openshape import Enlarging, with_open_sizes

INTERPOLATIONS = ("nearest", "bilinear")


def network(factor=2, interpolation="bilinear"):
    keras.utils.set_random_seed(0)
    source = keras.Input((None, None, 2))
    features = keras.layers.Conv2D(3, 3, padding="same", strides=factor)(source)
    return keras.Model(
        source, keras.layers.UpSampling2D(factor, interpolation=interpolation)(features)
    )


@pytest.mark.parametrize("interpolation", INTERPOLATIONS)
@pytest.mark.parametrize("factor", [1, 2, 3, 8])
@pytest.mark.parametrize("size", [(1, 1), (1, 3), (4, 5)])
def test_the_layer_does_what_that_of_keras_does(factor, size, interpolation):
    features = np.random.default_rng(0).random((2, *size, 3), dtype=np.float32)
    expected = keras.layers.UpSampling2D(factor, interpolation=interpolation)(features)
    found = Enlarging(factor, interpolation)(features)
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(found), keras.ops.convert_to_numpy(expected), atol=1e-6
    )


def test_a_row_worked_out_by_hand():
    row = np.array([0.0, 4.0], dtype=np.float32).reshape(1, 1, 2, 1)
    found = keras.ops.convert_to_numpy(Enlarging(2, "bilinear")(row))
    assert found[0, 0, :, 0].tolist() == [0.0, 1.0, 3.0, 4.0]
    assert found.shape == (1, 2, 4, 1)


@pytest.mark.parametrize("interpolation", INTERPOLATIONS)
@pytest.mark.parametrize("factor", [2, 4])
def test_weights_and_output_stay(factor, interpolation):
    model = network(factor, interpolation)
    opened = with_open_sizes(model)
    assert not any(isinstance(one, keras.layers.UpSampling2D) for one in opened.layers)
    for size in ((8, 8), (16, 24)):
        batch = np.random.default_rng(1).random((2, *size, 2), dtype=np.float32)
        expected = keras.ops.convert_to_numpy(model(batch))
        np.testing.assert_allclose(compiled(model)(batch), expected, atol=1e-6)
        np.testing.assert_allclose(keras.ops.convert_to_numpy(opened(batch)), expected, atol=1e-6)


def test_other_networks_are_left_alone():
    source = keras.Input((None, None, 1))
    model = keras.Model(source, keras.layers.UpSampling2D((2, 3))(source))
    assert with_open_sizes(model) is model
