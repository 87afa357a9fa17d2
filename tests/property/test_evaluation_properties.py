"""Laws that hold for whatever is compared."""

from __future__ import annotations

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from random_examples import examples

from maskforge.evaluation.measures import ratios, scores
from maskforge.evaluation.measures.bootstrap import interval, resampled_weights
from maskforge.evaluation.measures.catalog import measures_of
from maskforge.evaluation.measures.counts import confusion, count
from maskforge.evaluation.measures.image_measures import measure
from maskforge.evaluation.measures.imagelevel import auc
from maskforge.evaluation.measures.lesions import LesionMatcher
from maskforge.evaluation.measures.measure import PixelMeasure
from maskforge.evaluation.measures.measure_options import MeasureOptions
from maskforge.evaluation.measures.measured import join
from maskforge.evaluation.measures.outlines import border_distances
from maskforge.evaluation.measures.regions import regions
from maskforge.evaluation.measures.sample_statistics import class_statistics, overall_statistics
from maskforge.evaluation.measures.surface import hd95, surface_dice
from maskforge.evaluation.measures.thresholds import ThresholdTuner
from maskforge.masks.classes import ClassMap, MaskClass
from maskforge.masks.targets import decide

CLASSES = ClassMap(tuple(MaskClass(id_, f"class {id_}", (id_, 0, 0), ()) for id_ in (1, 2)))
VOID = 255

shapes = st.tuples(st.integers(1, 8), st.integers(1, 8))
values = st.sampled_from([0, 1, 2])
values_and_void = st.sampled_from([0, 0, 1, 2, VOID])


@st.composite
def pairs(draw):
    """A truth with void and a prediction."""
    shape = draw(shapes)
    truth = draw(hnp.arrays(np.uint8, shape, elements=values_and_void))
    return truth, draw(hnp.arrays(np.uint8, shape, elements=values))


@st.composite
def regions_of_equal_size(draw):
    shape = draw(shapes)
    return tuple(draw(hnp.arrays(np.bool_, shape)) for _ in range(2))


def measured(truth, prediction):
    return measure(regions(truth, prediction, CLASSES, "softmax"), None, MeasureOptions()).row


@given(pairs())
def test_cells_add_up(pair):
    image = regions(*pair, CLASSES, "softmax")
    result = count(image)
    assert (result.cells.sum(axis=1) == result.valid).all()
    assert result.cells.min() >= 0
    matrix = confusion(image)
    assert (matrix.sum(axis=1) == result.cells[:, 0] + result.cells[:, 2]).all()
    assert (matrix.sum(axis=0) == result.cells[:, 0] + result.cells[:, 1]).all()
    assert matrix.trace() == result.right


@given(pairs())
def test_a_perfect_prediction_has_perfect_scores_or_none(pair):
    truth, _ = pair
    result = measured(truth, np.where(truth == VOID, 0, truth))
    for score in measures_of(PixelMeasure):
        found = score.formula(result.cells)
        assert ((found == 1) | np.isnan(found)).all()
    for name, best in (("hd95", 0), ("surface_dice", 1)):
        assert ((result.outlines[name] == best) | np.isnan(result.outlines[name])).all()
    assert (result.lesions[..., 0] == result.lesions[..., 1]).all()
    assert (result.lesions[..., 3] == 0).all()


@given(pairs())
def test_dice_and_iou_do_not_know_who_is_right_and_agree(pair):
    truth, prediction = (np.where(one == VOID, 0, one) for one in pair)
    first = count(regions(truth, prediction, CLASSES, "softmax")).cells
    second = count(regions(prediction, truth, CLASSES, "softmax")).cells
    np.testing.assert_array_equal(scores.dice(first), scores.dice(second))
    np.testing.assert_array_equal(scores.precision(first), scores.recall(second))
    iou = scores.iou(first)
    np.testing.assert_allclose(scores.dice(first), 2 * iou / (1 + iou))


@given(pairs(), st.data())
def test_what_is_predicted_on_void_changes_no_score_and_makes_no_lesion_false(pair, data):
    truth, prediction = pair
    other = data.draw(hnp.arrays(np.uint8, truth.shape, elements=values))
    first, second = (
        measured(truth, np.where(truth == VOID, one, prediction)) for one in (0, other)
    )
    for name in ("cells", "outlines", "scores"):
        np.testing.assert_equal(getattr(first, name), getattr(second, name))
    np.testing.assert_array_equal(first.lesions[..., :2], second.lesions[..., :2])
    assert (second.lesions[..., 2:] <= first.lesions[..., 2:]).all()


@given(st.lists(pairs(), min_size=1, max_size=5))
def test_images_together_are_one_large_image(images):
    """Pixels of all images in a row have the counts of the images added up."""
    arrays = join([measured(*one) for one in images])
    row = [np.concatenate([pair[side].ravel() for pair in images])[None] for side in (0, 1)]
    expected = count(regions(*row, CLASSES, "softmax"))
    everything = np.ones((1, len(images)), dtype=np.int64)
    points = class_statistics(arrays, everything)
    for score in measures_of(PixelMeasure):
        np.testing.assert_array_equal(points[score.name][0], score.formula(expected.cells[1:]))
    overall = overall_statistics(arrays, everything)
    np.testing.assert_array_equal(
        overall["accuracy"][0], ratios.divide(np.array(expected.right), np.array(expected.valid))
    )


@given(st.lists(pairs(), min_size=1, max_size=4), st.data())
def test_weights_are_repeated_images(images, data):
    weights = data.draw(
        st.lists(st.integers(0, 3), min_size=len(images), max_size=len(images)).filter(any)
    )
    results = [measured(*one) for one in images]
    weighted = class_statistics(join(results), np.array([weights]))
    repeated = join(
        [one for one, times in zip(results, weights, strict=True) for _ in range(times)]
    )
    expected = class_statistics(repeated, np.ones((1, sum(weights)), dtype=np.int64))
    for name, found in weighted.items():
        np.testing.assert_allclose(found, expected[name], err_msg=name)


@given(regions_of_equal_size(), st.floats(0, 10))
def test_outlines_are_compared_alike_from_both_sides(pair, tolerance):
    first, second = pair
    assume(first.any() and second.any())
    there, back = border_distances(first, second), border_distances(second, first)
    assert hd95(there) == hd95(back)
    assert surface_dice(there, tolerance) == surface_dice(back, tolerance)
    assert 0 <= surface_dice(there, tolerance) <= surface_dice(there, tolerance + 1) <= 1
    assert hd95(there) <= max(one.max() for one in there) <= np.hypot(*first.shape)
    assert surface_dice(there, max(one.max() for one in there)) == 1


@given(regions_of_equal_size(), st.sampled_from([4, 8]), st.floats(0, 1), st.integers(1, 5))
def test_lesions_are_bounded_and_stricter_matching_finds_fewer(pair, connectivity, iou, size):
    def matched(**options):
        return LesionMatcher(pair[0], connectivity=connectivity, **options).match(pair[1])

    loose, strict = matched(min_size=size), matched(min_size=size, match_iou=iou)
    assert 0 <= strict.found <= loose.found <= loose.truth == strict.truth
    assert 0 <= loose.false <= strict.false <= strict.predicted == loose.predicted
    swapped = LesionMatcher(pair[1], connectivity=connectivity).match(pair[0])
    plain = matched()
    assert swapped.found == plain.predicted - plain.false
    assert swapped.false == plain.truth - plain.found


@given(
    st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=2, max_size=12),
    st.integers(1, 9),
)
def test_the_area_depends_on_the_order_alone(images, factor):
    present = np.array([kind for kind, _ in images])
    score = np.array([value for _, value in images], dtype=np.float64)
    area = auc(present, score)
    np.testing.assert_array_equal(area, auc(present, np.exp(score * factor)))
    np.testing.assert_allclose(area, 1 - auc(~present, score))


@settings(max_examples=examples(12))
@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=12),
    st.lists(st.sampled_from(["p", "q", None]), min_size=12, max_size=12),
)
def test_intervals_lie_within_the_values_and_contain_what_never_changes(numbers, groups):
    array = np.array(numbers)
    weights = resampled_weights(groups[: len(array)], 100)
    low, high = interval(ratios.divide(weights @ array, weights.sum(axis=1)))
    assert array.min() - 1e-12 <= low <= high <= array.max() + 1e-12
    low, high = interval(ratios.divide(weights @ np.full(len(array), 0.25), weights.sum(axis=1)))
    assert low == high == 0.25


@given(
    hnp.arrays(np.float32, (5, 6, 1), elements=st.floats(0, 1, width=32)),
    hnp.arrays(np.uint8, (5, 6, 1), elements=st.sampled_from([0, 1, VOID])),
)
def test_the_tuned_threshold_is_at_least_as_good_as_a_half(probabilities, target):
    tuner = ThresholdTuner(1)
    tuner.add(probabilities, target)
    classes = ClassMap(CLASSES.classes[:2])

    def dice(threshold):
        chosen = decide(probabilities, "sigmoid", (threshold,))
        return scores.dice(count(regions(target, chosen, classes, "sigmoid")).cells)[1]

    best = dice(*tuner.best())
    assert np.isnan(best) or best >= dice(0.5)
    assert 0 < tuner.best()[0] < 1
