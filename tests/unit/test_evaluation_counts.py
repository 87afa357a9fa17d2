"""Counts and scores of pixels: worked out by hand, and compared with scikit-learn."""

import numpy as np
import pytest
from builders import grid

from maskforge.evaluation.measures import ratios, scores
from maskforge.evaluation.measures.catalog import measures_of
from maskforge.evaluation.measures.counts import ClassCounts, confusion, count
from maskforge.evaluation.measures.measure import PixelMeasure
from maskforge.evaluation.measures.regions import regions
from maskforge.masks.classes import ClassMap, MaskClass

VOID = 255


def class_map(*ids):
    return ClassMap(tuple(MaskClass(id_, f"class {id_}", (id_ % 256, 0, 0), ()) for id_ in ids))


TRUTH = grid(
    "1100",
    "1100",
    "22VV",
)
PREDICTED = grid(
    "1110",
    "1000",
    "2012",
)
# By hand, of 10 valid pixels: class 1 is found 3 times, once missed, once invented.
CELLS = {0: (3, 2, 1, 4), 1: (3, 1, 1, 5), 2: (1, 0, 1, 8)}


def counted(*pairs, classes, head="softmax"):
    counts = ClassCounts(classes, head)
    for truth, prediction in pairs:
        counts.add(np.array(truth), np.array(prediction))
    return counts


def test_cells_are_counted_per_class_without_void():
    result = count(regions(TRUTH, PREDICTED, class_map(1, 2), "softmax"))
    assert [tuple(row) for row in result.cells.tolist()] == list(CELLS.values())
    assert (result.right, result.valid, result.background) == (7, 10, 4)


def test_the_confusion_matrix_has_the_truth_in_its_rows():
    matrix = confusion(regions(TRUTH, PREDICTED, class_map(1, 2), "softmax"))
    assert matrix.tolist() == [[3, 1, 0], [1, 3, 0], [1, 0, 1]]


def test_the_target_of_a_softmax_head_holds_ranks_not_ids():
    counts = counted((TRUTH, PREDICTED), classes=class_map(7, 40))
    assert counts.dice() == {
        "background": pytest.approx(2 * 3 / (2 * 3 + 3)),
        "class 7": pytest.approx(0.75),
        "class 40": pytest.approx(2 / 3),
    }
    assert counts.iou()["class 7"] == pytest.approx(3 / 5)
    assert counts.mean_dice() == pytest.approx((0.75 + 2 / 3) / 2)
    assert counts.mean_iou() == pytest.approx((3 / 5 + 1 / 2) / 2)
    assert counts.accuracy() == 0.7
    assert counts.background_accuracy() == 0.4


def test_channels_of_a_sigmoid_head_may_overlap():
    """Two classes over four pixels; the last is void in one channel, so in all."""
    truth = np.array([[[1, 0], [1, 1], [0, 0], [0, 255]]], dtype=np.uint8)
    prediction = np.array([[[1, 1], [1, 1], [0, 0], [1, 1]]], dtype=np.uint8)
    counts = counted((truth, prediction), classes=class_map(3, 5), head="sigmoid")
    assert counts.counts.cells.tolist() == [[1, 0, 0, 2], [2, 0, 0, 1], [1, 1, 0, 1]]
    assert counts.accuracy() == pytest.approx(2 / 3)  # the first pixel has a class too many
    assert counts.background_accuracy() == pytest.approx(1 / 3)
    assert counts.dice() == {
        "background": 1.0,
        "class 3": 1.0,
        "class 5": pytest.approx(2 / 3),
    }


def test_scores_are_those_of_all_pixels_not_means_over_images():
    """One large bad image and one small good one: 2 * 1 / (1 + 9), not (0 + 1) / 2."""
    classes = class_map(1)
    big_truth, nothing = np.ones((1, 8), dtype=np.uint8), np.zeros((1, 8), dtype=np.uint8)
    one = np.ones((1, 1), dtype=np.uint8)
    counts = counted((big_truth, nothing), (one, one), classes=classes)
    assert counts.dice()["class 1"] == pytest.approx(2 / (1 + 9))


def test_what_is_nowhere_has_no_score_and_is_in_no_mean():
    empty = np.zeros((2, 2), dtype=np.uint8)
    found = np.array([[1, 0], [0, 0]], dtype=np.uint8)
    counts = counted((empty, empty), classes=class_map(1, 2))
    assert counts.dice() == {"background": 1.0, "class 1": None, "class 2": None}
    assert counts.iou()["class 1"] is None
    assert counts.mean_dice() is None
    counts.add(found, found)
    assert counts.mean_dice() == 1.0
    counts = counted((empty, found), classes=class_map(1))
    assert counts.dice()["class 1"] == 0.0  # invented: bad, not undefined


def test_an_image_that_is_all_void_says_nothing():
    void = np.full((2, 2), VOID, dtype=np.uint8)
    counts = counted((void, np.ones((2, 2), dtype=np.uint8)), classes=class_map(1))
    assert counts.dice() == {"background": None, "class 1": None}
    assert counts.accuracy() is None


def test_void_in_the_prediction_is_background():
    truth = np.array([[0, 1]], dtype=np.uint8)
    counts = counted((truth, np.full((1, 2), VOID, np.uint8)), classes=class_map(1))
    assert counts.counts.cells.tolist() == [[1, 1, 0, 0], [0, 0, 1, 1]]


@pytest.mark.parametrize(
    ("truth", "prediction", "head"),
    [
        ((2, 2), (2, 3), "softmax"),
        ((2, 2, 1), (2, 2, 1), "softmax"),
        ((2, 2), (2, 2), "sigmoid"),
        ((2, 2, 3), (2, 2, 3), "sigmoid"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(truth, prediction, head):
    with pytest.raises(ValueError, match=r"shape|truth is"):
        counted((np.zeros(truth), np.zeros(prediction)), classes=class_map(1, 2), head=head)


def test_scores_equal_those_of_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics", reason="NO PEER: scikit-learn is missing")
    generator = np.random.default_rng(4)
    classes = class_map(1, 2, 3)
    truths = [generator.integers(0, 4, (31, 17)).astype(np.uint8) for _ in range(5)]
    predictions = [
        np.where(generator.random(one.shape) < 0.6, one, generator.integers(0, 4, one.shape))
        for one in truths
    ]
    for one in truths:
        one[generator.random(one.shape) < 0.1] = VOID
    total = count(regions(truths[0], predictions[0], classes, "softmax"))
    matrix = confusion(regions(truths[0], predictions[0], classes, "softmax"))
    for truth, prediction in zip(truths[1:], predictions[1:], strict=True):
        image = regions(truth, prediction, classes, "softmax")
        total, matrix = total + count(image), matrix + confusion(image)
    flat = np.concatenate([one.ravel() for one in truths])
    valid = flat != VOID
    flat = flat[valid]
    guess = np.concatenate([one.ravel() for one in predictions])[valid]
    for ours, theirs in (
        (scores.dice, metrics.f1_score),
        (scores.iou, metrics.jaccard_score),
        (scores.precision, metrics.precision_score),
        (scores.recall, metrics.recall_score),
    ):
        np.testing.assert_allclose(ours(total.cells), theirs(flat, guess, average=None), 1e-12)
    for index in range(4):  # specificity is the recall of "not this class"
        expected = metrics.recall_score(flat != index, guess != index)
        assert scores.specificity(total.cells)[index] == pytest.approx(expected, abs=1e-12)
    assert total.right / total.valid == pytest.approx(metrics.accuracy_score(flat, guess))
    assert matrix.tolist() == metrics.confusion_matrix(flat, guess).tolist()


def test_undefined_scores_are_nan_and_left_out_of_means():
    nothing = np.zeros((1, 4), dtype=np.int64)
    for score in measures_of(PixelMeasure):
        assert np.isnan(score.formula(nothing)).all()
    assert ratios.mean(np.array([np.nan, 0.2, 0.4])) == pytest.approx(0.3)
    assert np.isnan(ratios.mean(np.array([np.nan])))
