"""A prediction in the place of each of several annotators."""

import numpy as np
import pytest
from predicted_sets import masks, predicted, save_images

import maskforge as mf
from maskforge.evaluation.against_annotators import annotator_report

QUICK = {"charts": False, "worst": 0}

DICE = {  # of raters 0, 2 and 3, who are people, and 1, which is the prediction
    **{(0, 1): 0.5, (1, 2): 0.6, (1, 3): 0.7},
    **{(0, 2): 0.9, (0, 3): 0.8, (2, 3): 0.4},
}


def test_every_annotator_is_left_out_in_turn():
    dice = {pair: np.array([value]) for pair, value in DICE.items()}
    report = annotator_report(("anna", "the prediction", "ben", "carl"), dice, 5)
    assert report.annotators == ("anna", "ben", "carl")
    found = {one.annotator: one for one in report.left_out}
    assert found["anna"].prediction_dice == pytest.approx((0.6 + 0.7) / 2)
    assert found["anna"].annotator_dice == pytest.approx((0.9 + 0.8) / 2)
    assert found["ben"].prediction_dice == pytest.approx((0.5 + 0.7) / 2)
    assert found["ben"].annotator_dice == pytest.approx((0.9 + 0.4) / 2)
    assert found["carl"].difference == pytest.approx((0.5 + 0.6) / 2 - (0.8 + 0.4) / 2)
    assert report.prediction_dice == pytest.approx(0.6)
    assert report.annotators_dice == pytest.approx(0.7)
    assert report.difference == pytest.approx(-0.1)
    assert report.difference == pytest.approx(np.mean([one.difference for one in report.left_out]))
    assert report.interval is None
    assert "Without an interval" in report.verdict


@pytest.mark.parametrize(
    ("shift", "words"), [(-0.5, "more than they"), (0.5, "less than they"), (0.1, "do not show")]
)
def test_the_verdict_is_that_of_the_interval(shift, words):
    """The prediction is as good as the people, but for a shift and what the images add to it."""
    drawn = np.linspace(-0.05, 0.05, 201)
    dice = {
        pair: np.full(202, 0.7) if 1 not in pair else np.r_[0.6 + shift, 0.6 + shift + drawn]
        for pair in DICE
    }
    report = annotator_report(("a", "p", "b", "c"), dice, 5)
    assert words in report.verdict
    low, high = report.interval
    assert low == pytest.approx(shift - 0.1 - 0.0475)
    assert high == pytest.approx(shift - 0.1 + 0.0475)


@pytest.fixture
def sets(tmp_path):
    images = save_images(tmp_path / "images", "xyz")
    drawn = {
        "anna": masks(x=("33......",) * 6, y=("33......",) * 6, z=("33......",) * 6),
        "ben": masks(x=("333.....",) * 6, y=("33......",) * 6),
        "model": masks(x=("33......",) * 6, y=("3.......",) * 6, z=("........",) * 6),
    }
    return {name: predicted(tmp_path / name, images, one) for name, one in drawn.items()}


def test_images_that_an_annotator_lacks_are_left_out_of_the_comparison_alone(sets):
    report = mf.evaluate(sets["model"], [sets["anna"], sets["ben"]], bootstrap=0, **QUICK)
    assert (report.images, report.exit_code) == (3, 0)
    alone = mf.evaluate(sets["model"], sets["anna"], bootstrap=0, **QUICK)
    assert report.overall == alone.overall
    assert report.classes == alone.classes
    beside = report.annotators
    assert beside.images == 2
    # On x and y: Anna 12 + 12 px, Ben 18 + 12, the model 12 + 6; all of the less in the more.
    assert beside.annotators_dice == pytest.approx(2 * 24 / (24 + 30))
    assert beside.prediction_dice == pytest.approx((2 * 18 / (18 + 24) + 2 * 18 / (18 + 30)) / 2)
    assert any("1 images of which ben has no mask: z" in note for note in report.notes)


def test_the_interval_is_that_of_the_differences_of_drawn_sets(sets):
    """Every set is drawn once for all: its difference, not the difference of two intervals."""
    report = mf.evaluate(
        sets["model"], [sets["anna"], sets["ben"]], bootstrap=60, seed=3, **QUICK
    ).annotators
    differences = []
    for x, y in ((2, 0), (1, 1), (0, 2)):  # of two images, there are three kinds of sets
        anna, ben, model = 12 * x + 12 * y, 18 * x + 12 * y, 12 * x + 6 * y
        with_model = (2 * model / (model + anna) + 2 * model / (model + ben)) / 2
        differences.append(with_model - 2 * anna / (anna + ben))
    assert report.interval == pytest.approx((min(differences), max(differences)))


def test_examples_can_be_the_first_annotator(sets):
    examples = mf.open_examples(sets["anna"], only=["caries"])
    report = mf.evaluate(sets["model"], [examples, sets["ben"]], bootstrap=0, **QUICK)
    assert report.annotators.annotators == ("anna", "ben")


@pytest.mark.parametrize("truth", [[], ["anna", None], ["anna", 7]])
def test_what_is_no_annotator_is_refused(sets, truth):
    given = [sets.get(one, one) for one in truth]
    with pytest.raises(mf.errors.OptionError):
        mf.evaluate(sets["model"], given, bootstrap=0, **QUICK)
