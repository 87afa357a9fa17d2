"""Images are moved by parts of a pixel, so that what they show lies below their masks."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskforge.errors import OptionError
from maskforge.images.offset import Offset, move_image, parse_offset


@pytest.mark.parametrize(
    ("text", "offset"),
    [("-0.5,0.25", (-0.5, 0.25)), (" 1 , -8 ", (1, -8)), ("0,0", (0, 0)), ("1e-1,.5", (0.1, 0.5))],
)
def test_an_offset_is_pixels_to_the_right_and_down(text, offset):
    assert parse_offset(text) == offset
    assert parse_offset(str(Offset(*offset))) == offset


def test_none_is_no_offset():
    assert parse_offset(None) is None


def test_no_zero_is_negative():
    assert str(Offset(-0.0, -0.25)) == "0,-0.25"


@pytest.mark.parametrize("text", ["", "1", "1,", "1,2,3", "a,b", "1x2", "nan,0", "0,inf", "64.1,0"])
def test_what_is_no_offset_is_refused_by_its_text(text):
    with pytest.raises(OptionError, match="is not how far images are moved") as caught:
        parse_offset(text)
    assert text in str(caught.value)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("channels", [(), (1,), (3,), (6,)])
@pytest.mark.parametrize(("right", "down"), [(0, 0), (3, 0), (-8, 8), (1, -2)])
def test_whole_pixels_are_moved_as_they_are(dtype, channels, right, down):
    image = np.random.default_rng(0).integers(0, 255, (13, 17, *channels)).astype(dtype)
    moved = move_image(image, Offset(right, down))
    rows = np.clip(np.arange(13) - down, 0, 12)
    columns = np.clip(np.arange(17) - right, 0, 16)
    assert moved.dtype == dtype
    np.testing.assert_array_equal(moved, image[rows[:, None], columns])


parts = st.fractions(-8, 8, max_denominator=64)


@given(parts, parts, st.tuples(*[st.integers(-3, 3)] * 6))
def test_a_surface_of_degree_two_is_moved_without_an_error(right, down, factors):
    """Keys' kernel reproduces quadratic polynomials; worked out in fractions."""

    def surface(x, y):
        a, b, c, d, e, f = factors
        return a + b * x + c * y + d * x * x + e * x * y + f * y * y

    rows, columns = np.mgrid[:30, :34].astype(object)
    image = surface(columns, rows).astype(np.float32)
    moved = move_image(image, Offset(float(right), float(down)))
    expected = surface(columns - Fraction(right), rows - Fraction(down)).astype(np.float64)
    inner = slice(10, -10)
    np.testing.assert_allclose(moved[inner, inner], expected[inner, inner], rtol=1e-4, atol=2e-2)


def test_values_stay_those_of_the_type():
    """The kernel overshoots beside a step."""
    image = np.zeros((4, 12), np.uint8)
    image[:, 6:] = 255
    moved = move_image(image, Offset(-0.5, 0))
    assert moved[0].tolist() == [0, 0, 0, 0, 0, 128, 255, 255, 255, 255, 255, 255]
