"""Masks as networks learn them, and back."""

import numpy as np
import pytest

from maskforge.errors import OptionError
from maskforge.masks.classes import ClassMap, MaskClass
from maskforge.masks.targets import to_channels, to_ids, to_target

CLASSES = ClassMap((MaskClass(3, "a", (1, 1, 1), ()), MaskClass(300, "b", (2, 2, 2), ())))
MASK = np.array([[0, 3, 300, 255]], dtype=np.uint16)
CHANNELS = [[1, 0, 0], [0, 1, 0], [0, 0, 1], [255] * 3]


def test_softmax_learns_the_rank_of_the_class():
    target = to_target(MASK, CLASSES, "softmax")
    assert (target.tolist(), target.dtype) == ([[0, 1, 2, 255]], np.uint8)
    np.testing.assert_array_equal(to_ids(target, CLASSES, "softmax"), MASK)
    assert to_channels(target, CLASSES, "softmax").tolist() == [CHANNELS]


def test_sigmoid_learns_a_channel_for_each_class_but_the_background():
    target = to_target(MASK, CLASSES, "sigmoid")
    assert target.tolist() == [[one[1:] for one in CHANNELS]]
    np.testing.assert_array_equal(to_ids(target, CLASSES, "sigmoid"), MASK)
    assert to_channels(target, CLASSES, "sigmoid") is target


def test_of_overlapping_classes_the_most_probable_one_is_on_top():
    both = np.ones((1, 2, 2), dtype=np.uint8)
    probabilities = np.array([[[0.9, 0.8], [0.8, 0.9]]], dtype=np.float32)
    assert to_ids(both, CLASSES, "sigmoid", probabilities).tolist() == [[3, 300]]
    assert to_ids(both, CLASSES, "sigmoid").tolist() == [[300, 300]]


@pytest.mark.parametrize("head", ["softmax", "sigmoid"])
def test_values_without_a_class_are_refused(head):
    with pytest.raises(ValueError, match="7"):
        to_target(np.array([[0, 7]], dtype=np.uint8), CLASSES, head)


def test_a_softmax_target_tells_255_classes_apart():
    most = ClassMap(tuple(MaskClass(id_, str(id_), (0, 0, 0), ()) for id_ in range(1, 255)))
    everything = np.arange(255, dtype=np.uint8)[None]
    assert (to_ids(to_target(everything, most, "softmax"), most, "softmax") == everything).all()
    more = ClassMap((*most.classes, MaskClass(256, "256", (0, 0, 0), ())))
    with pytest.raises(OptionError, match="256 classes"):
        to_target(everything, more, "softmax")
