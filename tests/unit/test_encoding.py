"""Integer, one-hot and multi-hot masks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from maskforge.errors import OptionError
from maskforge.masks.encoding import from_multi_hot, from_one_hot, multi_hot, one_hot

MASK = np.array([[0, 1, 1], [5, 255, 0]], dtype=np.uint8)


def test_one_hot_has_a_channel_for_the_background() -> None:
    encoded = one_hot(MASK, (0, 1, 5))
    assert encoded.dtype == np.uint8
    assert encoded.tolist() == [
        [[1, 0, 0], [0, 1, 0], [0, 1, 0]],
        [[0, 0, 1], [0, 0, 0], [1, 0, 0]],
    ]


def test_multi_hot_has_no_channel_for_the_background() -> None:
    assert multi_hot(MASK, (1, 5)).tolist() == [
        [[0, 0], [1, 0], [1, 0]],
        [[0, 1], [255, 255], [0, 0]],
    ]


def test_later_channels_of_a_multi_hot_mask_lie_on_top() -> None:
    encoded = np.array([[[1, 1, 0], [1, 0, 0], [0, 0, 0], [255, 255, 255]]], dtype=np.uint8)
    assert from_multi_hot(encoded, (2, 4, 9)).tolist() == [[4, 2, 0, 255]]


@given(
    arrays(
        np.uint16,
        st.tuples(st.integers(0, 6), st.integers(0, 6)),
        elements=st.sampled_from([0, 2, 255, 256, 4000]),
    )
)
def test_both_encodings_can_be_undone(mask: np.ndarray) -> None:
    assert (from_one_hot(one_hot(mask, (0, 2, 256, 4000)), (0, 2, 256, 4000)) == mask).all()
    assert (from_multi_hot(multi_hot(mask, (2, 256, 4000)), (2, 256, 4000)) == mask).all()


def test_eight_bits_are_kept_where_they_do() -> None:
    assert from_one_hot(one_hot(MASK, (0, 1, 5)), (0, 1, 5)).dtype == np.uint8
    assert from_one_hot(np.zeros((1, 1, 2), np.uint8), (0, 300)).dtype == np.uint16


@pytest.mark.parametrize("encode", [one_hot, multi_hot])
@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (MASK, "holds values that no class has: 5"),
        (MASK.astype(float), "whole numbers, found float64"),
        (MASK == 1, "whole numbers, found bool"),
        (MASK.astype(np.int16) - 1, "no class has: -1, 4, 254"),
        ([[0, 1]], "whole numbers, found \\[\\[0, 1\\]\\]"),
    ],
)
def test_masks_that_are_none_are_refused(encode, mask, message) -> None:
    with pytest.raises(OptionError, match=message) as caught:
        encode(mask, (0, 1))
    assert caught.value.hint


@pytest.mark.parametrize("ids", [None, 1, "01", (0, "a"), (0, 0), (0, -1), (0, 255), (0, 65536)])
@pytest.mark.parametrize("convert", [one_hot, multi_hot, from_one_hot, from_multi_hot])
def test_ids_must_be_different_ids(convert, ids) -> None:
    with pytest.raises(OptionError, match="ids must be different numbers") as caught:
        convert(np.zeros((1, 1, 2), np.uint8), ids)
    assert "class map" in caught.value.hint


def test_two_ones_in_a_one_hot_pixel_are_refused() -> None:
    for pixel in ([1, 1], [255, 0], [-1, 1]):
        with pytest.raises(OptionError, match="more than a single one"):
            from_one_hot(np.array([[pixel]]), (0, 1))


def test_other_values_in_a_multi_hot_pixel_are_refused() -> None:
    with pytest.raises(OptionError, match="neither 0, 1 nor 255"):
        from_multi_hot(np.full((1, 1, 2), 2, np.uint8), (1, 2))


@pytest.mark.parametrize("shape", [(2, 2), (2, 2, 3), (2,)])
def test_a_wrong_number_of_channels_is_refused(shape: tuple[int, ...]) -> None:
    for decode in (from_one_hot, from_multi_hot):
        with pytest.raises(OptionError, match="a channel for every id, found uint8"):
            decode(np.zeros(shape, np.uint8), (0, 1))
