"""One mask of several: by majority, by hand; by STAPLE, as SimpleITK makes it."""

import numpy as np
import pytest
from builders import grid

from maskforge.errors import MissingDependencyError
from maskforge.evaluation.agreement.consensus import consensus
from maskforge.evaluation.measures.regions import Planes


def planes(*rows, classes=2):
    mask = grid(*rows)
    numbers = np.arange(1, classes + 1)[:, None, None]
    return Planes(mask == numbers, mask == 255)


def shown(found):
    """A consensus with one character per pixel; several classes are letters."""
    values = sum(plane.astype(int) << number for number, plane in enumerate(found.planes))
    letters = np.array(list(".12b"))[values]
    letters[found.void] = "V"
    assert not (found.planes & found.void).any()
    return ["".join(row) for row in letters]


THREE = (
    planes("1112.1V"),
    planes("112..2V"),
    planes("12.2V1V"),
)
# 1,1,1; 1,1,2; 1,2,nothing; 2,nothing,2; nothing twice and one is void; 1,2,1; void alone


@pytest.mark.parametrize(("void_where", "expected"), [("tie", "11V2.1V"), ("disagree", "1VVV.VV")])
def test_a_majority_by_hand(void_where, expected):
    assert shown(consensus(THREE, "majority", void_where, exclusive=True)) == [expected]


@pytest.mark.parametrize(("void_where", "expected"), [("tie", "1VV."), ("disagree", "1VV.")])
def test_two_who_differ_leave_a_pixel_void(void_where, expected):
    two = planes("11.."), planes("1.2.")
    assert shown(consensus(two, "majority", void_where, exclusive=True)) == [expected]


def test_those_who_say_void_do_not_vote():
    two = planes("1V.V"), planes("V2VV")
    assert shown(consensus(two, "majority", "disagree", exclusive=True)) == ["12.V"]


@pytest.mark.parametrize(("void_where", "expected"), [("tie", "b1."), ("disagree", "bVV")])
def test_classes_that_overlap_are_decided_one_by_one(void_where, expected):
    void = np.zeros((1, 3), bool)
    first = Planes(np.array([[[1, 1, 1]], [[1, 1, 0]]], bool), void)
    second = Planes(np.array([[[1, 1, 0]], [[1, 0, 0]]], bool), void)
    third = Planes(np.array([[[1, 1, 0]], [[1, 0, 0]]], bool), void)
    found = consensus((first, second, third), "majority", void_where, exclusive=False)
    assert shown(found) == [expected]


def test_staple_without_its_library_says_what_to_install(monkeypatch):
    monkeypatch.setattr("maskforge.errors.is_installed", lambda name: name != "SimpleITK")
    with pytest.raises(MissingDependencyError, match="SimpleITK") as caught:
        consensus(THREE, "staple", "tie", exclusive=True)
    assert "maskforge[staple]" in caught.value.hint
    assert "majority" in caught.value.hint


@pytest.fixture
def simple_itk():
    return pytest.importorskip("SimpleITK", reason="NO STAPLE: SimpleITK is not installed")


def noisy(classes):
    """A truth, and what a good, a fair and a careless annotator make of it."""
    random = np.random.default_rng(5)
    truth = np.zeros((24, 30), int)
    truth[4:12, 3:13] = 1
    truth[14:20, 12:26] = classes
    masks = []
    for share in (0.02, 0.06, 0.25):
        mask = truth.copy()
        wrong = random.random(truth.shape) < share
        mask[wrong] = random.integers(0, classes + 1, wrong.sum())
        masks.append(mask)
    return truth, masks


def of_mask(mask, classes):
    return Planes(mask == np.arange(1, classes + 1)[:, None, None], np.zeros(mask.shape, bool))


def test_staple_of_one_class_is_that_of_simple_itk(simple_itk):
    truth, masks = noisy(1)
    found = consensus([of_mask(one, 1) for one in masks], "staple", "tie", exclusive=True)
    images = [simple_itk.GetImageFromArray(one.astype(np.uint8)) for one in masks]
    likely = simple_itk.GetArrayFromImage(simple_itk.STAPLE(images, 1.0))
    assert (found.planes[0] == (likely > 0.5)).all()
    wrong = (found.planes[0] != (truth == 1)).sum()
    assert wrong < min((one != truth).sum() for one in masks)


def test_staple_of_two_classes_is_that_of_simple_itk(simple_itk):
    truth, masks = noisy(2)
    found = consensus([of_mask(one, 2) for one in masks], "staple", "tie", exclusive=True)
    images = [simple_itk.GetImageFromArray(one.astype(np.uint16)) for one in masks]
    expected = simple_itk.GetArrayFromImage(simple_itk.MultiLabelSTAPLE(images, 3))
    for number in (1, 2):
        assert (found.planes[number - 1] == (expected == number)).all()
    assert (found.void == (expected == 3)).all()
    assert (found.planes[1] != (truth == 2)).sum() < (masks[1] != truth).sum()


@pytest.mark.parametrize("exclusive", [True, False])
def test_staple_leaves_void_what_anybody_left_void(simple_itk, exclusive):
    marked = planes("11..V"), planes("11..."), planes("11.1.")
    found = consensus(marked, "staple", "tie", exclusive=exclusive)
    assert shown(found) == ["11..V"]
    found = consensus(marked, "staple", "disagree", exclusive=exclusive)
    assert shown(found) == ["11.VV"]


@pytest.mark.parametrize("classes", [1, 2])
def test_staple_of_two_who_cannot_be_told_apart_is_void(simple_itk, classes):
    """One marks a pixel and the other does not: either is right."""
    marked = planes("..", ".1", classes=classes), planes("..", "..", classes=classes)
    assert shown(consensus(marked, "staple", "tie", exclusive=True)) == ["..", ".V"]


@pytest.mark.parametrize("row", ["....", "1111", "1122"])
def test_staple_of_equal_masks_is_that_mask(simple_itk, row):
    assert shown(consensus([planes(row)] * 3, "staple", "tie", exclusive=True)) == [row]
