"""Layers in faster forms: what they give is what Keras' own give."""

import json
import zipfile
from types import MethodType

import keras
import numpy as np
import pytest
from gradients import gradient

from maskforge.nn import fasterlayers
from maskforge.nn.fasterlayers import with_faster_layers
from maskforge.nn.inference import compiled
from maskforge.nn.precision import using_policy

FORMS = [fasterlayers._multiply, fasterlayers._multiply_by_row]


def array(tensor):
    return keras.ops.convert_to_numpy(keras.ops.cast(tensor, "float32"))


def features(*shape):
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def enlarging(kernel=2, filters=3, **options):
    """A transposed convolution of five channels with weights that are all different."""
    layer = keras.layers.Conv2DTranspose(filters, kernel, **{"strides": kernel, **options})
    layer.build((None, None, None, 5))
    layer.set_weights([features(*one.shape) for one in layer.weights])
    return layer


def in_form(form, layer):
    """Return a copy that computes in a form."""
    copy = type(layer).from_config(layer.get_config())
    copy.build((None, None, None, 5))
    copy.set_weights(layer.get_weights())
    copy.call = MethodType(form, copy)
    return copy


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("kernel", "options"),
    [
        (2, {"padding": "same"}),
        (2, {"padding": "valid", "use_bias": False, "activation": "relu"}),
        ((2, 3), {"padding": "same", "activation": "tanh"}),
        ((3, 1), {"padding": "valid", "filters": 1}),
        (4, {"padding": "same", "dtype": "mixed_bfloat16"}),
        (2, {"padding": "same", "dtype": "mixed_bfloat16", "activation": "relu"}),
    ],
)
def test_a_product_is_the_transposed_convolution(form, kernel, options):
    own = enlarging(kernel, **options)
    other = in_form(form, own)
    inputs = features(2, 4, 6, 5)
    expected, found = own(inputs), other(inputs)
    assert found.shape == expected.shape
    assert keras.backend.standardize_dtype(found.dtype) == own.compute_dtype
    # A bfloat16 has 8 bits; some backends round within the sum, too.
    tolerance = 0.05 if own.compute_dtype == "bfloat16" else 1e-5
    np.testing.assert_allclose(array(found), array(expected), atol=tolerance, rtol=tolerance)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kernel", [2, (2, 3)])
def test_the_gradients_are_those_of_the_transposed_convolution(form, kernel):
    own = enlarging(kernel, activation="tanh", padding="same")
    inputs = features(2, 3, 4, 5)
    weights = keras.ops.convert_to_tensor(features(*own(inputs).shape))

    def slopes(layer):
        """Gradients of the features, the kernel and the bias."""

        def of(position):
            def loss(_, value):
                values = [
                    keras.ops.convert_to_tensor(one) for one in (inputs, *layer.get_weights())
                ]
                values[position] = value
                outputs, _ = layer.stateless_call(values[1:], [], values[0])
                return keras.ops.sum(outputs * weights)

            return gradient(loss, None, (inputs, *layer.get_weights())[position])[1]

        return [of(position) for position in range(3)]

    for found, expected in zip(slopes(in_form(form, own)), slopes(own), strict=True):
        assert np.abs(expected).max() > 0.1
        np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (1, 1, 6, 1), (1, 1, 1, 2)])
def test_a_doubling_is_the_interpolation(shape):
    own = keras.layers.UpSampling2D(2, interpolation="bilinear")
    inputs = features(*shape)
    found = fasterlayers._double(own, keras.ops.convert_to_tensor(inputs))
    expected = own(inputs)
    assert found.shape == expected.shape
    np.testing.assert_allclose(array(found), array(expected), atol=1e-6)
    weights = keras.ops.convert_to_tensor(features(*expected.shape))
    slopes = [
        gradient(lambda _, x, call=call: keras.ops.sum(call(x) * weights), None, inputs)[1]
        for call in (lambda x: fasterlayers._double(own, x), own)
    ]
    np.testing.assert_allclose(*slopes, atol=1e-5)


def test_only_jax_doubles_in_this_form(forms, running_backend):
    for given in ({"interpolation": "bilinear"}, {"interpolation": "nearest"}, {"size": 3}):
        layer = keras.layers.UpSampling2D(**given)
        is_changed = fasterlayers.faster_call(layer) is not None
        assert is_changed == (running_backend == "jax" and given == {"interpolation": "bilinear"})


@pytest.fixture
def forms(monkeypatch):
    """The forms of a CPU, on whatever there is."""
    monkeypatch.setattr(fasterlayers, "on_cpu", lambda: True)


def small_network(*, normalize=False, **options):
    keras.utils.set_random_seed(3)
    source = keras.Input((None, None, 1))
    inner = keras.layers.Conv2D(5, 3, strides=2, padding="same", activation="relu")(source)
    if normalize:
        inner = keras.layers.BatchNormalization(momentum=0.8)(inner)
    upper = keras.layers.Conv2DTranspose(4, 2, strides=2, padding="same", **options)(inner)
    return keras.Model(source, keras.layers.Conv2D(1, 1, dtype="float32")(upper))


def changed(model):
    """Return the layers that were changed; convolutions have a form of their own on PyTorch."""
    return [
        layer.name
        for layer in model.layers
        if "call" in vars(layer) and type(layer) is not keras.layers.Conv2D
    ]


@pytest.mark.parametrize(
    "options",
    [
        {"kernel_size": 3, "strides": 2},
        {"kernel_size": 4, "strides": 2},
        {"kernel_size": 2, "strides": 1, "dilation_rate": 2},
        {"kernel_size": 2, "strides": 2, "output_padding": 1},
    ],
)
def test_other_layers_stay_as_they_are(forms, options):
    source = keras.Input((None, None, 5))
    model = keras.Model(source, keras.layers.Conv2DTranspose(2, **options)(source))
    assert changed(with_faster_layers(model)) == []


def test_derived_layers_stay_as_they_are(forms):
    class Derived(keras.layers.Conv2DTranspose):
        pass

    source = keras.Input((None, None, 5))
    model = keras.Model(source, Derived(2, 2, strides=2)(source))
    assert changed(with_faster_layers(model)) == []


def test_layers_of_a_network_inside_of_another_are_changed(forms):
    inner = small_network()
    source = keras.Input((None, None, 1))
    model = keras.Model(source, inner(source))
    assert with_faster_layers(model) is model
    assert len(changed(inner)) == 1


def test_a_gpu_keeps_what_cudnn_computes(monkeypatch, running_backend):
    monkeypatch.setattr(fasterlayers, "on_cpu", lambda: False)
    model = with_faster_layers(small_network())
    assert len(changed(model)) == (running_backend != "tensorflow")
    if running_backend == "torch":  # as a convolution, with no copy of its features
        assert model.layers[2].call.__func__.__name__ == "enlarge"


def test_the_file_does_not_tell_the_difference(forms, tmp_path):
    def config(path):
        with zipfile.ZipFile(path) as archive:
            return archive.read("config.json")

    model = small_network()
    batch = features(1, 6, 4, 1)
    expected = array(model(batch))
    model.save(tmp_path / "before.keras")
    assert len(changed(with_faster_layers(model))) == 1
    model.save(tmp_path / "after.keras")
    assert config(tmp_path / "after.keras") == config(tmp_path / "before.keras")
    assert "maskforge" not in json.dumps(json.loads(config(tmp_path / "after.keras")))
    loaded = keras.saving.load_model(tmp_path / "after.keras", compile=False)
    assert changed(loaded) == []
    np.testing.assert_allclose(array(loaded(batch)), expected, atol=1e-6)
    faster = keras.saving.load_model(tmp_path / "before.keras", compile=False)
    np.testing.assert_allclose(compiled(faster)(batch), expected, atol=1e-6)
    assert len(changed(faster)) == 1


@pytest.mark.parametrize("size", [(2, 2), (6, 10)])
def test_one_function_takes_all_sizes(forms, size):
    model = small_network()
    batch = features(3, *size, 1)
    expected = array(model(batch))
    np.testing.assert_allclose(compiled(model)(batch), expected, atol=1e-6)


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_a_training_has_the_same_losses_and_averages(forms, running_backend, policy):
    def trained(prepare):
        with using_policy(policy):
            model = prepare(small_network(normalize=True))
        model.compile(keras.optimizers.Adam(0.01), "mse")
        inputs = features(2, 8, 8, 1)
        losses = [float(model.train_on_batch(inputs, inputs > 0)) for _ in range(4)]
        return model, losses

    model, expected = trained(lambda model: model)
    other, found = trained(with_faster_layers)
    assert len(changed(other)) == (1 if running_backend == "jax" else 2)
    assert expected[-1] < expected[0]
    exact = policy == "float32"
    np.testing.assert_allclose(found, expected, rtol=1e-5 if exact else 2e-2)
    for one, own in zip(other.weights, model.weights, strict=True):
        if "moving" in one.path:
            np.testing.assert_allclose(
                array(one), array(own), rtol=1e-4 if exact else 5e-2, atol=1e-6
            )


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize("shape", [(3, 4, 6, 5), (1, 1, 1, 5)])
def test_a_normalization_in_one_operation(running_backend, dtype, shape):
    if running_backend != "tensorflow":
        pytest.skip("NO TENSORFLOW: this is an operation of its own")

    def normalization(form=None):
        layer = keras.layers.BatchNormalization(momentum=0.8, dtype=dtype)
        layer.build(shape)
        layer.set_weights([np.abs(features(*one.shape)) for one in layer.weights])
        assert fasterlayers._is_plain_normalization(layer)
        if form is not None:
            layer.call = MethodType(form, layer)
        return layer

    own, other = normalization(), normalization(fasterlayers._normalize)
    inputs = 3 * features(*shape) + 2
    weights = features(*shape)
    tolerance = 1e-5 if dtype == "float32" else 2e-2
    for training in (False, True, False):
        expected, found = (array(layer(inputs, training=training)) for layer in (own, other))
        np.testing.assert_allclose(found, expected, atol=tolerance, rtol=tolerance)
    for one, expected in zip(other.get_weights(), own.get_weights(), strict=True):
        np.testing.assert_allclose(one, expected, rtol=1e-5 if dtype == "float32" else 1e-2)
    slopes = [
        gradient(
            lambda _, x, layer=layer: keras.ops.sum(
                keras.ops.cast(layer(x, training=True), "float32") * weights
            ),
            None,
            inputs,
        )[1]
        for layer in (other, own)
    ]
    np.testing.assert_allclose(*slopes, atol=tolerance)


@pytest.mark.parametrize(
    "options", [{"center": False}, {"scale": False}, {"axis": 1}, {"renorm": True}]
)
def test_other_normalizations_stay_as_they_are(forms, options):
    source = keras.Input((4, 4, 4))
    model = keras.Model(source, keras.layers.BatchNormalization(**options)(source))
    assert changed(with_faster_layers(model)) == []


def test_a_normalization_that_rests_does_not_learn(forms):
    source = keras.Input((4, 4, 2))
    model = with_faster_layers(keras.Model(source, keras.layers.BatchNormalization()(source)))
    model.layers[1].trainable = False
    before = model.get_weights()
    model.layers[1](features(2, 4, 4, 2), training=True)
    for one, expected in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, expected)
