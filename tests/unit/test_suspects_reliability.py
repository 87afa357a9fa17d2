"""How far a network is trusted with regions of a size, as other labels show."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskforge.review.reliability import reliabilities
from maskforge.review.suspect import Compared

BOX = (0, 0, 1, 1)


def region(kind, area, score, number=1):
    return Compared(kind, number, 2 if kind == "class" else 0, score, area, BOX)


def seen(area, score=0.0, number=1):
    return region("outline", area, score, number)


def test_without_others_the_score_stays():
    alone = [
        region("missed", 9, 0.8),
        region("invented", 9, 0.8, 1),
        region("outline", 9, 0.8, 2),
        region("class", 9, 0.8, 3),
    ]
    assert reliabilities(alone) == [1, 1, 1, 1]


def test_what_is_seldom_seen_at_a_size_says_little_there():
    """Of 20 others nearest in area: small ones of which 2 are seen, large ones of which all are."""
    small = [*[seen(10)] * 2, *[region("invented", 10, 0.9)] * 18]
    large = [seen(1000)] * 20
    missed = region("invented", 10, 0.9), region("invented", 1000, 0.9)
    weights = reliabilities([missed[0], *small, missed[1], *large])
    assert weights[0] == pytest.approx((1 + 2) / (1 + 20))
    assert weights[21] == 1


def test_what_a_network_often_invents_itself_says_little():
    """A quarter of the predicted regions of the size are drawn, and nothing else counts."""
    predicted = [*[region("missed", 10, 0.0)] * 5, *[region("missed", 10, 0.9)] * 15]
    drawn = [seen(10)] * 30
    other_class = [region("missed", 10, 0.0, number=2)] * 30
    weights = reliabilities([region("missed", 10, 0.9), *predicted, *drawn, *other_class])
    assert weights[0] == pytest.approx((1 + 5) / (1 + 20))


def test_another_class_is_believed_as_far_as_its_own_regions_are():
    """Class 2 is seen in 20 other drawn regions, of which 15 are drawn as it; none else counts."""
    second = [*[seen(10, number=2)] * 15, *[region("class", 10, 0.9)] * 5]
    others = [
        *[region("missed", 10, 0.9, 2)] * 30,
        *[region("invented", 10, 0.9, 2)] * 30,
        *[seen(10)] * 30,
    ]
    assert reliabilities([region("class", 10, 0.9), *second, *others])[0] == pytest.approx(
        (1 + 15) / (1 + 20)
    )


def test_an_outline_is_measured_by_those_that_are_seen():
    """Ten stray less, five more; four lesions are not seen, and say nothing of outlines."""
    others = [
        *[seen(10, 0.1)] * 10,
        *[seen(10, 0.5)] * 5,
        *[region("invented", 10, 0.9)] * 4,
    ]
    assert reliabilities([seen(10, 0.3), *others])[0] == pytest.approx((1 + 10) / (1 + 15))


@given(
    st.lists(
        st.builds(
            region,
            st.sampled_from(["missed", "invented", "outline", "class"]),
            st.integers(1, 50),
            st.floats(0, 1),
            st.integers(1, 2),
        )
    )
)
def test_weights_are_shares_and_do_not_come_from_the_region_itself(found):
    weights = reliabilities(found)
    assert len(weights) == len(found)
    assert all(0 < one <= 1 for one in weights)
    for index, one in enumerate(found):
        if one.kind in ("invented", "class"):
            changed = [*found]
            changed[index] = one._replace(score=1 - one.score)
            assert reliabilities(changed)[index] == weights[index]
