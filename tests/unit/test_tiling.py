"""Tiles without seams: compared with the whole image, and with sums worked out by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_examples import examples
from scipy import ndimage

from maskforge.choices import SYMMETRIES
from maskforge.errors import OptionError
from maskforge.prediction.tiling import Tiles, auto_tile, join
from maskforge.shapes import Size


def predict_tiled(infer, image, **arguments):
    return join(bands_of(infer, image, **arguments), len(image))


def bands_of(infer, image, **arguments):
    tiles = Tiles(image, **arguments)
    return tiles.bands(map(infer, tiles.batches()))


def image_file(height, width, channels=1, seed=0):
    return np.random.default_rng(seed).random((height, width, channels), dtype=np.float32)


def blur(radius):
    """A network that looks ``radius`` pixels far and sees zeros beyond its input."""

    def infer(batch):
        kernel = np.random.default_rng(1).random((2 * radius + 1, 2 * radius + 1))
        kernel /= kernel.sum()
        planes = [
            ndimage.convolve(one[..., 0].astype(np.float64), kernel, mode="constant")
            for one in batch
        ]
        stacked = np.stack(planes)
        return np.stack([stacked, 1 - stacked], axis=-1).astype(np.float32)

    return infer


def pooled(stride):
    """A network that depends on where its grid of ``stride`` pixels lies."""

    def infer(batch):
        count, height, width, channels = batch.shape
        cells = batch.reshape(count, height // stride, stride, width // stride, stride, channels)
        return cells.max(axis=(2, 4)).repeat(stride, axis=1).repeat(stride, axis=2)

    return infer


@pytest.mark.parametrize("size", [(96, 128), (100, 131), (64, 200), (33, 300)])
@pytest.mark.parametrize("overlap", [0.5, 0.25])
def test_tiles_make_the_whole_image(size, overlap):
    image = image_file(*size)
    infer = blur(int(overlap * 64 / 4))
    whole = predict_tiled(infer, image, tile=None, stride=4)
    tiled = predict_tiled(infer, image, tile=Size(64, 64), overlap=overlap, stride=4, batch_size=3)
    np.testing.assert_allclose(tiled, whole, atol=2e-6)


def test_a_larger_receptive_field_is_no_longer_exact():
    image = image_file(128, 128)
    whole = predict_tiled(blur(20), image, tile=None, stride=4)
    tiled = predict_tiled(blur(20), image, tile=Size(64, 64), overlap=0.25, stride=4)
    assert 1e-4 < np.abs(tiled - whole).max() < 0.5


@settings(max_examples=examples(30))
@given(
    st.integers(1, 90),
    st.integers(1, 90),
    st.integers(1, 40),
    st.integers(1, 40),
    st.sampled_from([1, 2, 8]),
    st.floats(0, 0.9),
    st.integers(1, 5),
)
def test_every_size_tile_and_overlap_keeps_the_grid(
    height, width, across, down, stride, overlap, batch_size
):
    image = image_file(height, width)
    arguments = {"stride": stride, "batch_size": batch_size}
    whole = predict_tiled(pooled(stride), image, tile=None, **arguments)
    tiled = predict_tiled(
        pooled(stride), image, tile=Size(across, down), overlap=overlap, **arguments
    )
    assert tiled.dtype == np.float32
    np.testing.assert_allclose(tiled, whole, atol=1e-6)


def test_the_network_sees_tiles_of_one_size_in_batches():
    seen = []

    def infer(batch):
        seen.append(batch.shape)
        return batch

    predict_tiled(infer, image_file(70, 200, 3), tile=Size(60, 30), stride=16, batch_size=4)
    assert {shape[1:] for shape in seen} == {(32, 64, 3)}
    assert max(shape[0] for shape in seen) == 4
    # Tiles of 64 px over 208 px, a step of 32 at most: 0, 28.8, ... that is 6; 32 over 80: 4.
    assert sum(shape[0] for shape in seen) == 6 * 4


def test_a_small_image_is_reflected_to_the_stride():
    seen = []

    def infer(batch):
        seen.append(batch[0, ..., 0])
        return batch

    image = np.arange(6, dtype=np.float32).reshape(2, 3, 1)
    result = predict_tiled(infer, image, tile=Size(512, 512), stride=4)
    assert seen[0].tolist() == [[0, 1, 2, 1], [3, 4, 5, 4], [0, 1, 2, 1], [3, 4, 5, 4]]
    np.testing.assert_array_equal(result, image)


def test_the_middle_of_a_tile_counts_more_than_its_edge():
    """Two tiles of 64 px that overlap by 32: weights exp(-d^2 / 2 / 8^2), 8 px cut off."""
    value = iter((0.0, 1.0))
    image = np.zeros((64, 96, 1), dtype=np.float32)
    result = predict_tiled(
        lambda batch: np.full_like(batch, next(value)),
        image,
        tile=Size(64, 64),
        stride=1,
        batch_size=1,
    )
    row = result[10, :, 0]
    assert (row[:40] == 0).all()
    assert (row[-40:] == 1).all()
    first, second = np.exp(-((44 - 31.5) ** 2) / 128), np.exp(-((44 - 63.5) ** 2) / 128)
    assert row[44] == pytest.approx(second / (first + second))
    assert (np.diff(row) >= 0).all()


def test_rows_come_in_bands_from_the_top():
    image = image_file(300, 40)
    arguments = {"tile": Size(64, 64), "stride": 4}
    bands = list(bands_of(blur(8), image, **arguments))
    assert max(map(len, bands)) <= 64
    assert len(bands) > 4
    joined = np.concatenate(bands)
    np.testing.assert_allclose(joined, predict_tiled(blur(8), image, **arguments))


@pytest.mark.parametrize(
    ("size", "transposed"), [((32, 32), True), ((32, 64), False)], ids=["square", "oblong"]
)
def test_augmentation_averages_flips_and_turns(size, transposed):
    image = image_file(*size)
    views = [(image, lambda array: array)]
    if transposed:
        views.append((image.transpose(1, 0, 2), lambda array: array.transpose(1, 0, 2)))
    infer = blur(5)
    expected = []
    for view, back in views:
        expected.append(back(infer(view[None])[0]))
        expected.append(back(infer(view[None, ::-1])[0][::-1]))
        expected.append(back(infer(view[None, :, ::-1])[0][:, ::-1]))
        expected.append(back(infer(view[None, ::-1, ::-1])[0][::-1, ::-1]))
    result = predict_tiled(infer, image, tile=None, stride=4, symmetries=SYMMETRIES)
    np.testing.assert_allclose(result, np.mean(expected, axis=0), atol=1e-6)
    assert len(expected) == (8 if transposed else 4)
    assert np.abs(result - infer(image[None])[0]).max() > 1e-3


def test_augmentation_leaves_the_input_upright_for_a_network_that_works_pixel_by_pixel():
    image = image_file(50, 70)
    result = predict_tiled(
        lambda b: b * 0.5, image, tile=Size(32, 32), stride=8, symmetries=SYMMETRIES
    )
    np.testing.assert_allclose(result, image * 0.5, atol=1e-6)


@pytest.mark.parametrize(
    ("size", "trained", "tile"),
    [
        (Size(1200, 1200), Size(256, 256), None),
        (Size(1600, 1600), Size(256, 256), Size(512, 512)),
        (Size(3000, 1000), Size(640, 320), Size(640, 512)),
        (Size(1600, 1600), Size(1600, 1600), None),
    ],
)
def test_tiles_are_for_large_images(size, trained, tile):
    assert auto_tile(size, trained) == tile


@pytest.mark.parametrize(
    "wrong",
    [{"overlap": 1.0}, {"overlap": -0.1}, {"overlap": float("nan")}, {"batch_size": 0}],
)
def test_options_out_of_range_are_refused(wrong):
    with pytest.raises(OptionError):
        predict_tiled(lambda b: b, image_file(8, 8), **{"tile": Size(8, 8), "stride": 4} | wrong)


@pytest.mark.parametrize(
    ("symmetries", "calls"),
    [(("flip_horizontal",), 2), (("transpose",), 2), (("flip_horizontal", "flip_vertical"), 4)],
)
def test_only_the_given_symmetries_are_averaged(symmetries, calls):
    image = image_file(32, 32)
    infer, seen = blur(5), []

    def counted(batch):
        seen.append(batch)
        return infer(batch)

    result = predict_tiled(counted, image, tile=None, stride=4, symmetries=symmetries)
    views = {
        "flip_horizontal": image[:, ::-1],
        "flip_vertical": image[::-1],
        "transpose": image.transpose(1, 0, 2),
    }
    assert len(seen) == calls
    assert all(any(np.array_equal(one[0], views[name]) for one in seen) for name in symmetries)
    assert not any(
        np.array_equal(one[0], views[name]) for one in seen for name in set(views) - set(symmetries)
    )
    assert np.abs(result - infer(image[None])[0]).max() > 1e-3
