"""What bfloat16 would change: rounding as hardware does that has it."""

from __future__ import annotations

import model_folders as models
import numpy as np
import pytest

keras = pytest.importorskip("keras", reason="NO NETWORKS: Keras is not installed")

from maskforge.nn.inference import compiled, rounding_to_bfloat16  # noqa: E402
from maskforge.nn.precision import round_array  # noqa: E402
from maskforge.training.loop.finish import _to_compare  # noqa: E402


@pytest.mark.parametrize(
    ("number", "nearest"),
    [
        (0.0, 0.0),
        (1 + 2**-8, 1.0),  # as near to both: the even one
        (1 + 3 * 2**-8, 1 + 2**-6),
        (1 + 2**-8 + 2**-20, 1 + 2**-7),
        (-3.14159265, -3.140625),
        (301.7, 302.0),
        (65535, 65536),
    ],
)
def test_numbers_become_the_nearest_that_bfloat16_has(number, nearest):
    (found,) = round_array(np.array([number], np.float32))
    assert found == np.float32(nearest)


def single_layer(weight, bias):
    source = keras.Input((None, None, 1))
    layer = keras.layers.Conv2D(1, 1)
    outputs = keras.layers.Activation("linear", dtype="float32")(layer(source))
    layer.set_weights([np.full((1, 1, 1, 1), weight), np.array([bias])])
    return keras.Model(source, outputs)


@pytest.mark.parametrize(
    ("value", "weight", "bias", "expected"),
    [
        (1 + 2**-9, 256, -256, 0),  # the input: otherwise 0.5
        (1, 1 + 2**-9, 0, 1),  # the weight
        (1, 1, 300.7, 302),  # the output; if the bias were rounded it would be 300
        (0.5, 3, 0.25, 1.75),  # nothing
    ],
)
def test_what_goes_into_a_layer_and_out_of_it_is_rounded(value, weight, bias, expected):
    model = single_layer(weight, bias)
    batch = np.full((1, 4, 4, 1), value, np.float32)
    exact = np.float32(value) * np.float32(weight) + np.float32(bias)
    np.testing.assert_array_equal(rounding_to_bfloat16(model)(batch), np.float32(expected))
    np.testing.assert_allclose(compiled(model)(batch), exact, rtol=1e-6)  # is left as it was


def test_layers_of_a_network_inside_a_network_round_too():
    inner = single_layer(1, 300.7)
    source = keras.Input((None, None, 1))
    last = keras.layers.Activation("linear", dtype="float32")
    outer = keras.Model(source, last(keras.layers.Rescaling(1, -302)(inner(source))))
    batch = np.ones((1, 2, 2, 1), np.float32)
    np.testing.assert_array_equal(rounding_to_bfloat16(outer)(batch), 0)
    np.testing.assert_allclose(compiled(outer)(batch), -0.3, atol=1e-4)


def test_it_says_what_bfloat16_itself_says_nearly():
    model = models.network()
    batch = np.random.default_rng(0).random((1, 32, 32, 1), dtype=np.float32)
    exact, rounded = compiled(model)(batch), rounding_to_bfloat16(model)(batch)
    really = compiled(model, "bfloat16")(batch)
    assert 1e-6 < np.abs(rounded - exact).max() < 0.03
    assert np.abs(really - exact).mean() == pytest.approx(np.abs(rounded - exact).mean(), rel=0.7)


@pytest.mark.parametrize(
    ("marked", "compared"),
    [
        ([], []),
        ([[0], [0]], [0]),
        ([[0], [7], [2]], [1, 2]),
        ([[1]] * 15 + [[9]], [0, 2, 4, 6, 8, 10, 12, 15]),
        ([[1, 0]] * 9 + [[9, 0]] + [[1, 5]] + [[1, 0]] * 9, [0, 2, 5, 8, 9, 10, 13, 16, 19]),
    ],
)
def test_a_few_images_are_compared_among_them_the_one_with_most_of_every_class(marked, compared):
    assert _to_compare([np.array(one) for one in marked]) == compared
