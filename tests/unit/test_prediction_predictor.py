"""From an image to a mask, with networks whose output is known in advance."""

import pickle
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import model_folders as models
import numpy as np
import pytest
from PIL import Image

from maskforge.choices import SYMMETRIES
from maskforge.errors import DatasetError, ModelError, OptionError
from maskforge.images.intensity import ScalingRecord
from maskforge.images.offset import Offset
from maskforge.masks.classes import ClassMap, MaskClass
from maskforge.masks.maskfile import read_mask
from maskforge.masks.post_processing import PostProcessing
from maskforge.prediction.model_options import ModelOptions
from maskforge.prediction.predict import predict
from maskforge.prediction.predictor import Predictor
from maskforge.prediction.runtimes.base import Runtime

IMAGE = np.array([[0, 51, 102], [153, 204, 255]], dtype=np.uint8)  # 0, 0.2, 0.4 ... 1


def predictor(infer, head="sigmoid", *, parallel=False, **description):
    described = models.describe(head, **description)
    runtime = Runtime("test", "float32", infer, parallel=parallel)
    return Predictor(Path("model"), described, described.classes, runtime)


def same(batch):
    """Probability of caries is the brightness, that of crown 0.5."""
    return np.concatenate([batch, np.full_like(batch, 0.5)], axis=-1)


def test_thresholds_decide_and_the_most_probable_of_overlapping_classes_is_shown():
    result = predictor(same, thresholds=(0.4, 0.45)).predict(IMAGE)
    np.testing.assert_allclose(result.probabilities[..., 0], IMAGE / 255, atol=1e-7)
    assert result.probabilities.dtype == np.float32
    assert result.target.tolist() == [[[0, 1], [0, 1], [1, 1]], [[1, 1], [1, 1], [1, 1]]]
    assert result.mask.tolist() == [[7, 7, 7], [3, 3, 3]]
    assert result.mask.dtype == np.uint8


@pytest.mark.parametrize(
    ("given", "mask"),
    [
        (None, [[0, 0, 3], [3, 3, 3]]),
        (0.9, [[0, 0, 0], [0, 0, 3]]),
        ({"caries": 0.7}, [[0, 0, 0], [0, 3, 3]]),
        ({"caries": 0.7, "crown": 0.5}, [[7, 7, 7], [7, 3, 3]]),
        (1.0, [[0, 0, 0], [0, 0, 3]]),
    ],
)
def test_thresholds_can_be_overridden_for_all_classes_or_one(given, mask):
    result = predictor(same, thresholds=(0.4, 0.6)).predict(IMAGE, thresholds=given)
    assert result.mask.tolist() == mask


@pytest.mark.parametrize(
    ("head", "given", "reason"),
    [
        ("sigmoid", {"carries": 0.5}, "no class 'carries'"),
        ("sigmoid", {"background": 0.5}, "no class 'background'"),
        ("sigmoid", 1.5, "1.5"),
        ("sigmoid", float("nan"), "nan"),
        ("softmax", 0.5, "exclusive"),
    ],
)
def test_thresholds_that_mean_nothing_are_refused(head, given, reason):
    with pytest.raises(OptionError, match=reason):
        predictor(same, head).predict(IMAGE, thresholds=given)


SPOTS = np.array([[255, 0, 153, 255, 0, 204]], dtype=np.uint8)
SMALL = {"caries": PostProcessing(min_size=2)}


@pytest.mark.parametrize("keep", [True, False])
def test_post_processing_removes_regions_and_shows_what_was_beneath(keep):
    """Crown is everywhere with 0.5, and caries where it is brighter: of two spots one is small."""
    model = predictor(same, thresholds=(0.55, 0.5), post_processing=SMALL)
    result = model.predict(SPOTS, keep_probabilities=keep)
    assert result.mask.tolist() == [[7, 7, 3, 3, 7, 7]]
    assert result.target[..., 0].tolist() == [[0, 0, 1, 1, 0, 0]]
    assert result.target[..., 1].all()
    assert (result.probabilities is not None) == keep
    assert model.predict(SPOTS, post_processing="none").mask.tolist() == [[3, 7, 3, 3, 7, 3]]
    # Whatever the threshold is: at 0.9 both spots are small.
    assert not model.predict(SPOTS, thresholds={"caries": 0.9}).target[..., 0].any()
    assert model.post_processing() == SMALL
    assert model.post_processing(post_processing="none") == {}


def test_post_processing_of_exclusive_classes_leaves_background():
    def infer(batch):
        return np.concatenate([0.5 - batch / 2, batch / 2, np.full_like(batch, 0.1)], axis=-1)

    model = predictor(infer, "softmax", post_processing=SMALL)
    assert model.predict(SPOTS).mask.tolist() == [[0, 0, 3, 3, 0, 0]]


def test_softmax_takes_the_most_probable_class():
    def infer(batch):
        return np.concatenate([0.5 - batch / 2, batch / 2, np.full_like(batch, 0.45)], axis=-1)

    result = predictor(infer, "softmax").predict(IMAGE)
    # background 0.5 0.4 0.3 0.2 0.1 0; caries 0 0.1 0.2 0.3 0.4 0.5; crown 0.45
    assert result.mask.tolist() == [[0, 7, 7], [7, 7, 3]]
    assert result.target.tolist() == [[0, 2, 2], [2, 2, 1]]


def test_ids_beyond_a_byte_make_a_wide_mask():
    wide = ClassMap((MaskClass(300, "caries", (1, 2, 3), ()),))
    model = predictor(lambda batch: batch, classes=wide, thresholds=(0.5,))
    mask = model.predict(IMAGE).mask
    assert mask.dtype == np.uint16
    assert mask.tolist() == [[0, 0, 0], [300, 300, 300]]


def test_gray_and_color_become_what_the_network_knows():
    seen = []

    def infer(batch):
        seen.append(batch)
        return batch[..., :2]

    color = np.stack([IMAGE, IMAGE, IMAGE], axis=-1)
    predictor(infer, channels=3).predict(IMAGE)
    predictor(infer, scaling=ScalingRecord(white=65535.0, channels=3)).predict(
        color.astype(np.uint16) * 257
    )
    np.testing.assert_allclose(seen[0], seen[1], atol=1e-6)
    assert seen[0].shape == (1, 4, 4, 3)  # the stride is 4


def test_an_image_is_resized_for_the_network_and_its_probabilities_back():
    seen = []

    def infer(batch):
        seen.append(batch.shape)
        return same(batch)

    image = np.zeros((40, 60), dtype=np.uint8)
    image[:, 30:] = 255
    result = predictor(infer, resize=(12, 8)).predict(image)
    assert seen == [(1, 8, 12, 1)]
    assert result.probabilities.shape == (40, 60, 2)
    assert (result.mask[:, :27] == 7).all()
    assert (result.mask[:, 33:] == 3).all()
    assert (result.mask[0] == 3).argmax() in (30, 31)


@pytest.mark.parametrize("tta", [False, True])
def test_an_image_is_moved_before_a_network_sees_it_turned(tta):
    image = np.random.default_rng(0).integers(0, 256, (8, 8), dtype=np.uint8)
    model = predictor(same, offset=Offset(-1, 2), symmetries=SYMMETRIES)
    found = model.predict(image, tta=tta, tile=4).probabilities[..., 0]
    np.testing.assert_allclose(found[2:, :-1], image[:-2, 1:] / 255, atol=1e-6)


@pytest.mark.parametrize("keep", [True, False])
def test_tiles_give_the_same_as_the_whole(keep):
    image = np.random.default_rng(0).integers(0, 256, (150, 130), dtype=np.uint8)
    model = predictor(same, thresholds=(0.401, 0.6))  # between two values of the image
    whole = model.predict(image, tile="whole")
    tiled = model.predict(image, tile=32, keep_probabilities=keep)
    np.testing.assert_array_equal(tiled.mask, whole.mask)
    np.testing.assert_array_equal(tiled.target, whole.target)
    assert (tiled.probabilities is not None) == keep


def test_large_images_are_tiled_by_themselves():
    shapes = set()

    def infer(batch):
        shapes.add(batch.shape[1:3])
        return same(batch)

    model = predictor(infer)
    model.predict(np.zeros((1200, 1240), dtype=np.uint8))
    assert shapes == {(1200, 1240)}
    model.predict(np.zeros((1200, 1260), dtype=np.uint8), overlap=0.1)
    assert shapes == {(1200, 1240), (512, 512)}


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((4, 4), dtype=np.float32),
        np.zeros((4, 4), dtype=np.int32),
        np.zeros((0, 4), dtype=np.uint8),
        np.zeros(4, dtype=np.uint8),
        np.zeros((1, 4, 4, 1), dtype=np.uint8),
    ],
)
def test_arrays_that_are_no_images_are_refused(image):
    with pytest.raises(OptionError, match="image"):
        predictor(same).predict(image)


@pytest.mark.parametrize(
    "options",
    [{"tile": 0}, {"tile": "all"}, {"tile": 1.5}, {"tile": True}, {"overlap": 2, "tile": 8}],
)
def test_options_out_of_range_are_refused(options):
    with pytest.raises(OptionError):
        predictor(same).predict(IMAGE, **options)


@pytest.mark.parametrize(
    ("trained_with", "views"),
    [(("flip_horizontal",), 2), (("flip_horizontal", "flip_vertical"), 4), ((), 8)],
)
def test_averages_over_the_flips_and_turns_of_the_training(trained_with, views):
    calls = []

    def counted(batch):
        calls.append(batch)
        return same(batch)

    model = predictor(counted, symmetries=trained_with)
    square = np.zeros((8, 8), dtype=np.uint8)
    model.predict(square)
    assert len(calls) == 1
    model.predict(square, tta=True)
    assert len(calls) == 1 + views


def test_averages_have_thresholds_of_their_own():
    model = predictor(
        same,
        thresholds=(0.8, 0.7),
        averaged_thresholds=(0.4, 0.3),
        symmetries=("flip_horizontal",),
    )
    assert model.thresholds() == (0.8, 0.7)
    assert model.thresholds(tta=True) == (0.4, 0.3)
    assert model.thresholds(thresholds={"crown": 0.1}, tta=True) == (0.4, 0.1)
    square = np.full((8, 8), 128, dtype=np.uint8)
    assert not model.predict(square).target.any()
    assert model.predict(square, tta=True).target.all()


def test_averages_of_a_model_without_thresholds_for_them_take_the_others():
    model = predictor(same, thresholds=(0.8, 0.7))
    assert model.thresholds(tta=True) == (0.8, 0.7)


def test_keywords_change_what_the_options_say():
    model = predictor(same, thresholds=(0.4, 0.6))
    options = ModelOptions(thresholds={"crown": 0.5}, runtime="onnx")  # for which it is too late
    assert model.predict(IMAGE, options).mask.tolist() == [[7, 7, 7], [3, 3, 3]]
    assert not model.predict(IMAGE, options, thresholds=1.0).target[:, :2].any()


@pytest.mark.parametrize("option", [{"runtime": "onnx"}, {"precision": "bfloat16"}])
def test_what_is_settled_when_a_model_is_loaded_is_refused_later(tmp_path, option):
    (name,) = option
    with pytest.raises(OptionError, match=rf"(?s)loaded already.*Predictor.load\(model, {name}="):
        predictor(same).predict(IMAGE, **option)
    with pytest.raises(OptionError, match="loaded already"):
        predict(predictor(same), tmp_path, tmp_path / "out", **option)


@pytest.mark.parametrize("parallel", [False, True])
def test_several_threads_predict_what_one_does(parallel):
    """A runtime with one buffer, as some have, is asked by one thread at a time."""
    held, together = {}, threading.Barrier(4, timeout=30)

    def infer(batch):
        if parallel:
            together.wait()  # which nobody passes alone
            return same(batch)
        held["input"] = batch
        time.sleep(0.005)  # gives the others the chance to disturb
        return same(held["input"])

    model = predictor(infer, parallel=parallel)
    images = [np.full((8, 8), 16 * number, dtype=np.uint8) for number in range(16)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(model.predict, images))
    alone = predictor(same)
    for image, one in zip(images, found, strict=True):
        expected = alone.predict(image)
        np.testing.assert_array_equal(one.probabilities, expected.probabilities)
        np.testing.assert_array_equal(one.mask, expected.mask)


def test_files_are_predicted_as_they_are_shown(tmp_path):
    """EXIF orientation 6: what is stored has to be turned to the right."""
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(IMAGE).save(tmp_path / "a.png", exif=exif)
    model = predictor(same)
    expected = model.predict(np.rot90(IMAGE, -1).copy())
    for image in (tmp_path / "a.png", str(tmp_path / "a.png"), (tmp_path / "a.png").read_bytes()):
        found = model.predict(image)
        np.testing.assert_array_equal(found.probabilities, expected.probabilities)
    for image in (tmp_path / "gone.png", b"none"):
        with pytest.raises(DatasetError):
            model.predict(image)


@pytest.fixture
def prediction():
    """Caries from 153 on, and nothing else."""
    return predictor(same, thresholds=(0.5, 0.6)).predict(IMAGE)


def test_a_prediction_is_told_in_a_line(prediction):
    assert repr(prediction) == "Prediction(3 x 2 px, caries=3 px)"
    nothing = predictor(same, thresholds=(1.0, 1.0)).predict(IMAGE[:, :2])
    assert repr(nothing) == "Prediction(2 x 2 px, nothing found)"


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.npy"])
def test_a_prediction_is_saved_as_a_mask(prediction, tmp_path, name):
    prediction.save(tmp_path / name)
    assert read_mask(tmp_path / name).tolist() == [[0, 0, 0], [3, 3, 3]]
    if name == "a.png":
        assert Image.open(tmp_path / name).convert("RGB").getpixel((0, 1)) == (255, 0, 0)


def test_a_prediction_becomes_shapes_with_scores(prediction):
    (shape,) = prediction.shapes()
    assert shape.labels == ("caries",)
    assert shape.geometry.parts[0].exterior.tolist() == [[0, 1], [3, 1], [3, 2], [0, 2]]
    assert shape.score == pytest.approx((153 + 204 + 255) / 3 / 255, abs=1e-6)
    assert prediction.shapes(min_area=4).left_out == 1


def test_classes_that_overlap_become_shapes_that_overlap():
    both = predictor(same, thresholds=(0.5, 0.5)).predict(IMAGE, keep_probabilities=False)
    assert [(one.labels[0], one.score) for one in both.shapes()] == [
        ("caries", None),
        ("crown", None),
    ]
    crown = both.shapes()[1].geometry.parts[0].exterior
    assert crown.tolist() == [[0, 0], [3, 0], [3, 2], [0, 2]]


def test_exclusive_classes_become_shapes_beside_each_other():
    def shared(batch):
        return np.concatenate([1 - batch, batch * 0.75, batch * 0.25], axis=-1)

    result = predictor(shared, "softmax").predict(IMAGE)
    (shape,) = result.shapes()
    assert shape.labels == ("caries",)
    inside = np.array([153, 204, 255]) / 255 * 0.75
    assert shape.score == pytest.approx(inside.mean(), abs=1e-6)


def test_a_prediction_is_laid_over_its_image(prediction):
    shown = prediction.overlay(opacity=0.0)
    assert (shown.shape, shown.dtype) == ((2, 3, 3), np.uint8)
    assert shown[0].tolist() == [[0] * 3, [51] * 3, [102] * 3]
    assert shown[1].tolist() == [[255, 0, 0]] * 3  # the outline of caries
    wide = predictor(same, thresholds=(1.0, 1.0), scaling=ScalingRecord(white=65535.0))
    deep = wide.predict(np.array([[100, 400]], np.uint16))
    assert deep.overlay().tolist() == [[[0] * 3, [255] * 3]]


def test_a_prediction_shows_itself_in_a_notebook_and_can_be_sent(prediction):
    page = prediction._repr_png_()
    assert page.startswith(b"\x89PNG")
    again = pickle.loads(pickle.dumps(prediction))
    assert (again.mask == prediction.mask).all()
    assert again._repr_png_() == page


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf, 1.5, -0.5])
def test_what_is_no_probability_is_never_taken_for_nothing_found(number):
    model = predictor(lambda batch: np.full((*batch.shape[:3], 2), number, np.float32))
    with pytest.raises(ModelError, match=r"model: the network gives no probabilities, but numbers"):
        model.predict(IMAGE)


@pytest.mark.parametrize(
    "result",
    [
        np.zeros((1, 4, 4, 3), np.float32),
        np.zeros((1, 4, 4), np.float32),
        np.zeros((1, 4, 4, 2), np.int64),
        [1, 2],
    ],
)
def test_arrays_that_do_not_fit_are_an_error_of_the_family(result):
    with pytest.raises(ModelError, match="the network gives no probabilities, but an array"):
        predictor(lambda _: result).predict(IMAGE)


def test_what_a_runtime_raises_is_an_error_of_the_family():
    def infer(batch):
        raise KeyError("weights")

    with pytest.raises(ModelError, match="cannot be predicted: 'weights'"):
        predictor(infer).predict(IMAGE)
