"""What goes wrong in trainings is said once, in words."""

from __future__ import annotations

import math

import msgspec
import pytest

from maskforge.masks.classes import ClassMap, MaskClass
from maskforge.training.diagnostics import Watch, check_distribution, is_better, not_finite

CLASSES = ClassMap((MaskClass(1, "caries", (1, 1, 1), ()), MaskClass(2, "crown", (2, 2, 2), ())))


@pytest.mark.parametrize(
    ("train", "validation", "words"),
    [
        ({0: 9, 1: 1, 2: 1}, {0: 9, 1: 1, 2: 1}, []),
        ({0: 9, 1: 1}, {0: 9, 1: 1, 2: 1}, ["'crown' appears in no training"]),
        ({0: 9, 1: 1, 2: 0}, {0: 9, 1: 1}, ["'crown' appears in no training"]),
        ({0: 9, 1: 1, 2: 1}, {0: 9, 1: 1}, ["'crown' appears in no validation"]),
        ({0: 9, 1: 1, 2: 1}, {}, ["no validation examples"]),
        ({0: 9, 1: 1}, {}, ["no validation examples", "'crown' appears in no training"]),
        (
            {0: 9, 1: 1, 2: 1},
            {0: 9, 255: 4},
            ["no foreground at all", "'caries' appears in no val", "'crown' appears in no val"],
        ),
    ],
)
def test_what_is_missing_in_the_examples(train, validation, words):
    warnings = [one.text for one in check_distribution(CLASSES, train, validation)]
    assert len(warnings) == len(words)
    for warning, word in zip(warnings, words, strict=True):
        assert word in warning


def rises(losses):
    watch = Watch()
    return [bool(watch.look(loss, None, None)) for loss in losses]


@pytest.mark.parametrize(
    ("losses", "said"),
    [
        ([1.0, 0.8, 0.9], [False] * 3),
        ([1.0, 0.5, 0.9], [False] * 3),  # risen, but not beyond the first
        ([1.0, 1.4], [False] * 2),
        ([1.0, 1.6, 9.0], [False, True, False]),
        ([1.0, 0.5, 1.1], [False, False, True]),
        ([0.0, 0.1], [False, True]),
    ],
)
def test_a_loss_that_rises(losses, said):
    assert rises(losses) == said


EMPTY = {"background": 1000, "caries": 0, "crown": 0}
TRUTH = {"background": 700, "caries": 200, "crown": 100}


@pytest.mark.parametrize(
    ("predicted", "said"),
    [
        ([EMPTY] * 4, [False, False, True, False]),
        ([{"background": 999, "caries": 1, "crown": 0}] * 3, [False, False, True]),  # below 1 %
        ([{"background": 0, "caries": 1000, "crown": 0}] * 3, [False, False, True]),
        ([{"background": 999, "caries": 2, "crown": 0}] * 3, [False] * 3),
        ([EMPTY, EMPTY, TRUTH, EMPTY, EMPTY], [False] * 5),
    ],
)
def test_a_prediction_that_collapsed(predicted, said):
    watch = Watch()
    assert [bool(watch.look(1.0, one, TRUTH)) for one in predicted] == said


def test_nothing_has_collapsed_where_there_is_a_single_class():
    watch = Watch()
    assert not any(watch.look(1.0, EMPTY, EMPTY) for _ in range(4))


def test_an_epoch_without_validation_says_nothing_of_it():
    watch = Watch()
    said = [bool(watch.look(1.0, *pair)) for pair in [(EMPTY, TRUTH), (None, None)] * 3]
    assert said == [False] * 4 + [True, False]


def test_a_watch_goes_on_where_it_was_written():
    watch = Watch()
    for _ in range(2):
        watch.look(1.0, EMPTY, TRUTH)
    again = msgspec.json.decode(msgspec.json.encode(watch), type=Watch)
    assert again.look(1.0, EMPTY, TRUTH)
    assert not msgspec.json.decode(msgspec.json.encode(again), type=Watch).look(1, EMPTY, TRUTH)


def test_the_images_of_a_loss_that_is_no_number_are_named():
    message, hint = not_finite(12, 3, ["a", "b", "a"], "float32")
    assert "epoch 3, step 12; the batch was made of a, b" in message
    assert "bfloat16" not in hint
    assert "--precision bfloat16" in not_finite(1, 1, ["a"], "mixed_float16")[1]


@pytest.mark.parametrize(
    ("score", "best", "better"),
    [
        (0.5, None, True),
        (0.5, 0.4, True),
        (0.5, 0.5, False),
        (0.0, None, True),
        (None, None, False),
        (None, 0.3, False),
        (math.nan, None, False),
    ],
)
def test_better_scores(score, best, better):
    assert is_better(score, best) is better
