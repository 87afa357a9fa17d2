"""Scaling of pixel values, with values worked out by hand."""

import numpy as np
import pytest

from maskforge.errors import DatasetError
from maskforge.images.intensity import ScalingRecord, scale, white_level


def gray(*values, dtype=np.uint8):
    return np.array([values], dtype=dtype)[..., None]


@pytest.mark.parametrize(
    ("kind", "white", "image", "expected"),
    [
        ("zero-one", 255, gray(0, 51, 255), [0, 0.2, 1]),
        ("zero-one", 4095, gray(0, 819, 4095, dtype=np.uint16), [0, 0.2, 1]),
        ("zero-one", 4095, gray(8190, dtype=np.uint16), [2]),
        ("minus-one-one", 255, gray(0, 51, 255), [-1, -0.6, 1]),
        ("minus-one-one", 65535, gray(0, 65535, dtype=np.uint16), [-1, 1]),
        ("z-score", 255, gray(1, 3), [-1, 1]),
        ("z-score", 255, gray(0, 0, 6, 6, 3), [-1.118034, -1.118034, 1.118034, 1.118034, 0]),
        ("z-score", 255, gray(7, 7, 7), [0, 0, 0]),
        ("z-score", 65535, gray(*[60001] * 9, dtype=np.uint16), [0] * 9),
        ("percentile", 255, gray(7, 7, 7), [0, 0, 0]),
        # 101 values from 0 to 100: the percentiles are 1 and 99.
        ("percentile", 255, gray(*range(101)), [0, *(np.arange(99) / 98), 1]),
        # A single pixel stands out, so that both percentiles are 5.
        ("percentile", 255, gray(*[5] * 999, 10), [0] * 999 + [1]),
        # Sets may mix depths.
        ("zero-one", 4095, gray(0, 51, 255), [0, 0.2, 1]),
        ("minus-one-one", 65535, gray(255), [1]),
        # 16 bits that need no more than 8.
        ("zero-one", 255, gray(255, dtype=np.uint16), [1]),
        ("z-score", 255, gray(100, 300, dtype=np.uint16), [-1, 1]),
    ],
)
def test_values(kind, white, image, expected):
    before = image.copy()
    scaled = scale(image, ScalingRecord(kind=kind, white=white))
    assert scaled.dtype == np.float32
    assert scaled.shape == image.shape
    np.testing.assert_allclose(scaled.ravel(), expected, rtol=1e-5, atol=1e-6)
    assert np.array_equal(image, before)


def test_gray_becomes_three_equal_channels():
    scaled = scale(gray(0, 255), ScalingRecord(channels=3))
    assert scaled.tolist() == [[[0, 0, 0], [1, 1, 1]]]


def test_color_becomes_luma():
    """ITU-R BT.601: 0.299 red, 0.587 green, 0.114 blue."""
    colors = 255 * np.eye(3, dtype=np.uint8)[None]
    scaled = scale(colors, ScalingRecord(channels=1))
    assert scaled.shape == (1, 3, 1)
    np.testing.assert_allclose(scaled.ravel(), [0.299, 0.587, 0.114], rtol=1e-6)


def test_rounding_does_not_make_noise_of_a_flat_image():
    colors = np.tile(np.array([10, 20, 31], dtype=np.uint8), (37, 41, 1))
    assert not scale(colors, ScalingRecord(kind="z-score", channels=1)).any()


def test_images_without_channel_axis_get_one():
    assert scale(np.zeros((2, 3), dtype=np.uint8), ScalingRecord()).shape == (2, 3, 1)


def test_the_z_score_of_colors_keeps_their_relation():
    """Mean 2 and deviation sqrt(2 / 3) over all channels."""
    scaled = scale(
        np.array([[[1, 2, 3]]], dtype=np.uint8), ScalingRecord(kind="z-score", channels=3)
    )
    np.testing.assert_allclose(scaled.ravel(), [-1.2247449, 0, 1.2247449], rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("kind", ["zero-one", "minus-one-one"])
def test_more_bits_than_in_training_are_refused(kind):
    with pytest.raises(DatasetError, match="values up to 256, those of the training up to 255"):
        scale(gray(256, dtype=np.uint16), ScalingRecord(kind=kind))


@pytest.mark.parametrize(
    ("largest", "white"),
    [
        (0, 255),
        (255, 255),
        (256, 1023),
        (1024, 4095),
        (4096, 16383),
        (16384, 65535),
        (65535, 65535),
    ],
)
def test_white_is_the_smallest_usual_one(largest, white):
    assert white_level(largest) == white
