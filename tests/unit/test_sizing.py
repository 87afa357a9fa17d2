"""Sizes, resizing and padding: images and masks stay registered."""

import numpy as np
import pytest

from maskforge.errors import OptionError
from maskforge.masks.resize import pad_to, padded_size, parse_size, resize_image, resize_mask
from maskforge.shapes import Size


@pytest.mark.parametrize("text", ["640x480", " 640X480 ", "640 x 480", "640×480"])
def test_a_size_is_width_and_height(text):
    assert parse_size(text) == Size(640, 480)


@pytest.mark.parametrize("text", ["", "640", "640x", "0x5", "-1x5", "64.5x3", "99999x99999", "axb"])
def test_what_is_no_size_is_refused_by_its_text(text):
    with pytest.raises(OptionError, match="is not a size") as caught:
        parse_size(text)
    assert repr(text) in str(caught.value)


PLANE = Size(192, 160)


def disc():
    """Center (86.3, 69.2), radius 37.4, in pixels of an image of 192 x 160."""
    x, y = np.arange(192) + 0.5 - 86.3, np.arange(160) + 0.5 - 69.2
    return (np.add.outer(y**2, x**2) < 37.4**2).astype(np.uint8)


def centroid(weights):
    """As share of width and height."""
    rows, columns = np.indices(weights.shape) + 0.5
    total = weights.sum(dtype=np.float64)
    height, width = weights.shape
    return np.array([(columns * weights).sum() / width, (rows * weights).sum() / height]) / total


@pytest.mark.parametrize(
    "size",
    [(384, 320), (96, 80), (64, 40), (576, 480), (192, 320), (384, 80), (133, 227), (48, 40)],
)
@pytest.mark.parametrize("channels", [(), (1,), (3,), (6,)])
def test_resized_images_and_masks_lie_on_the_same_places(size, channels):
    """Half a pixel, old or new, would be further off than is allowed here."""
    size = Size(*size)
    mask = disc()
    layers = mask.reshape(160, 192, *(1 for _ in channels)) * np.ones(channels, np.uint8)
    image = resize_image(layers.astype(np.float32), size)
    small = resize_mask(layers, size)
    assert image.shape == small.shape == (size.height, size.width, *channels)
    assert set(np.unique(small)) == {0, 1}
    pixel = [max(1 / size.width, 1 / 192), max(1 / size.height, 1 / 160)]
    for layer in np.ndindex(*channels):
        assert (abs(centroid(image[..., *layer]) - centroid(mask)) / pixel < 0.03).all()
        assert (abs(centroid(small[..., *layer]) - centroid(mask)) / pixel < 0.12).all()


@pytest.mark.parametrize("side", [3, 5, 7, 10, 20, 40, 64, 100, 200, 333])
def test_a_mask_takes_the_pixel_in_which_the_new_center_lies(side):
    """Where the center is on an edge, either neighbor holds it."""
    mask = np.arange(100, dtype=np.uint8)[None].repeat(2, axis=0)
    resized = resize_mask(mask, Size(side, 2))
    for k, value in enumerate(resized[0].tolist()):
        assert value <= (k + 0.5) * 100 / side <= value + 1
    shift = resized[0] + 0.5 - (np.arange(side) + 0.5) * 100 / side
    assert abs(shift.mean()) < 0.5 * 100 / side / 10 + 0.02


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_smaller_images_hold_means(dtype):
    image = np.array([[10, 20, 30, 50], [30, 40, 50, 70]], dtype=dtype)[..., None]
    resized = resize_image(image, Size(2, 1))
    assert resized.dtype == dtype
    assert resized[..., 0].tolist() == [[25, 50]]


def test_a_side_that_becomes_smaller_is_averaged_though_the_other_grows():
    image = np.array([[0, 0, 0, 8, 4, 0, 0, 0]], dtype=np.float32)
    assert resize_image(image, Size(2, 3)).tolist() == [[2.0, 1.0]] * 3


def test_void_stays_void_and_nothing_else_arises():
    mask = np.array([[0, 255], [7, 7]], dtype=np.uint8)
    assert resize_mask(mask, Size(4, 4)).tolist() == [
        [0, 0, 255, 255],
        [0, 0, 255, 255],
        [7, 7, 7, 7],
        [7, 7, 7, 7],
    ]


def test_the_same_size_costs_nothing():
    image = np.zeros((3, 4, 1), np.uint8)
    assert resize_image(image, Size(4, 3)) is image
    assert resize_mask(image, Size(4, 3)) is image
    assert pad_to(image, Size(4, 3), "reflect") is image


@pytest.mark.parametrize(
    ("size", "stride", "padded"),
    [
        ((640, 480), 32, (640, 480)),
        ((641, 479), 32, (672, 480)),
        ((1, 1), 16, (16, 16)),
        ((5, 7), 1, (5, 7)),
    ],
)
def test_padded_sizes_are_the_next_multiples(size, stride, padded):
    assert padded_size(Size(*size), stride) == Size(*padded)


def test_padding_adds_to_the_right_and_below():
    """Mirrored without repeating the edge, then, where that is used up, the edge goes on."""
    row = np.array([[1, 2, 3]], dtype=np.uint16)
    assert pad_to(row, Size(5, 1), "reflect").tolist() == [[1, 2, 3, 2, 1]]
    assert pad_to(row, Size(7, 2), "reflect").tolist() == [[1, 2, 3, 2, 1, 1, 1]] * 2
    assert pad_to(row, Size(4, 2), "void").tolist() == [[1, 2, 3, 255], [255] * 4]
    assert pad_to(row[..., None], Size(4, 2), "void").shape == (2, 4, 1)


def test_padding_makes_nothing_smaller():
    with pytest.raises(ValueError, match="4 x 3 px cannot be padded to 3 x 9 px"):
        pad_to(np.zeros((3, 4)), Size(3, 9), "void")
