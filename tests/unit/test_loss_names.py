"""Names and sums of losses, their options, what belongs to which head, and class weights."""

import ast
import importlib.util
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskforge.errors import OptionError
from maskforge.nn.loss_catalog import (
    LOSSES,
    LossTerm,
    check_pairing,
    default_loss,
    format_loss,
    loss_parameters,
    parse_loss,
)
from maskforge.training.classweights import LARGEST_WEIGHT, class_weights, named_class_weights


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("dice", [("dice", 1)]),
        ("dice+bce", [("dice", 1), ("bce", 1)]),
        (" 0.5 * Dice + bce ", [("dice", 0.5), ("bce", 1)]),
        ("2*focal-tversky+1e-3*cce", [("focal-tversky", 2), ("cce", 0.001)]),
        ("iou", [("jaccard", 1)]),
        ("binary_crossentropy", [("bce", 1)]),
        ("Focal Tversky", [("focal-tversky", 1)]),
        ("Lovász", [("lovasz", 1)]),
    ],
)
def test_sums_are_read(text, terms):
    assert list(parse_loss(text)) == [LossTerm(name, weight) for name, weight in terms]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("dise", ["'dise' is not a known loss", "did you mean 'dice'", "focal-tversky"]),
        ("dice+focl", ["'focl' is not a known loss (in 'dice+focl')", "did you mean 'focal'"]),
        ("", ["a loss has no name", "bce"]),
        ("dice+", ["a loss has no name"]),
        ("x*dice", ["'x' is not a factor", "0.5*dice+bce"]),
        ("-1*dice", ["'-1' is not a factor"]),
        ("0*dice", ["'0' is not a factor"]),
        ("nan*dice", ["'nan' is not a factor"]),
        ("2*3*dice", ["'2*3' is not a factor"]),
        ("dice+jaccard+iou", ["jaccard stands twice", "2*jaccard"]),
    ],
)
def test_what_is_no_sum_is_refused(text, words):
    with pytest.raises(OptionError) as refusal:
        parse_loss(text)
    for word in words:
        assert word in str(refusal.value)


@given(
    st.dictionaries(
        st.sampled_from(sorted(LOSSES)),
        st.floats(1e-30, 1e30),
        min_size=1,
    )
)
def test_a_sum_is_read_back_as_it_was_written(weights):
    terms = tuple(LossTerm(name, weight) for name, weight in weights.items())
    assert parse_loss(format_loss(terms)) == terms


def test_defaults_belong_to_their_heads():
    for head in ("sigmoid", "softmax"):
        check_pairing(head, parse_loss(default_loss(head)))
    assert default_loss("sigmoid") == "dice+bce"
    assert default_loss("softmax") == "dice+cce"


@pytest.mark.parametrize(
    ("head", "loss", "words"),
    [
        ("softmax", "dice+bce", ["softmax makes the channels compete", "use cce, or --head sigm"]),
        ("sigmoid", "cce", ["sigmoid decides each channel by itself", "use bce, or --head softm"]),
        ("sigmoid", "dice+sparse-cce", ["sparse-cce needs channels that compete"]),
    ],
)
def test_the_wrong_pairing_is_refused_with_the_reason(head, loss, words):
    with pytest.raises(OptionError) as refusal:
        check_pairing(head, parse_loss(loss))
    for word in words:
        assert word in str(refusal.value)


def test_masks_that_overlap_are_refused_by_softmax():
    with pytest.raises(OptionError, match=r"multi-hot.*exactly one"):
        check_pairing("softmax", parse_loss("cce"), encoding="multihot")
    check_pairing("sigmoid", parse_loss("bce"), encoding="multihot")
    check_pairing("softmax", parse_loss("cce"), encoding="onehot")


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_every_description_names_a_class_that_exists(name):
    description = LOSSES[name]
    spec = importlib.util.find_spec("maskforge")
    path = Path(spec.origin).parents[1] / f"{description.module.replace('.', '/')}.py"
    classes = [
        node.name for node in ast.parse(path.read_text()).body if isinstance(node, ast.ClassDef)
    ]
    assert description.class_name in classes


def told(loss, options):
    return loss_parameters(parse_loss(loss), options)


def test_options_go_to_the_losses_that_have_them():
    assert told("dice+bce", {"smooth": 2, "squared": 1}) == {
        "dice": {"smooth": 2.0, "squared": True},
        "bce": {},
    }
    assert told("dice+jaccard", {"per-image": 1, "jaccard.per-image": 0}) == {
        "dice": {"per_image": True},
        "jaccard": {"per_image": False},
    }
    assert told("focal+tversky", {"focal.alpha": 0.5, "gamma": 3}) == {
        "focal": {"alpha": 0.5, "gamma": 3.0},
        "tversky": {},
    }


@pytest.mark.parametrize(
    ("loss", "options", "words"),
    [
        ("tversky", {"alfa": 1}, ["no option 'alfa'; did you mean 'alpha'?", "it has alpha, beta"]),
        ("bce", {"gamma": 1}, ["the loss bce has no option 'gamma'", "it has no options"]),
        ("dice", {"focal.gamma": 1}, ["focal.gamma is for the loss focal, but the loss is dice"]),
        ("dice", {"fokal.gamma": 1}, ["'fokal' is not a known loss; did you mean 'focal'?"]),
        (
            "focal+tversky",
            {"alpha": 0.7},
            ["alpha means different", "focal.alpha or tversky.alpha"],
        ),
        ("focal", {"alpha": 1.5}, ["alpha is 1.5, but must be at least 0 and at most 1"]),
        ("focal", {"gamma": -1}, ["gamma is -1, but must be at least 0"]),
        ("focal-tversky", {"gamma": 0}, ["gamma is 0, but must be above 0"]),
        ("dice", {"smooth": float("nan")}, ["smooth is nan"]),
        ("dice", {"squared": 0.5}, ["squared is 0.5, but it is a yes or no"]),
    ],
)
def test_wrong_options_are_refused(loss, options, words):
    with pytest.raises(OptionError) as refusal:
        told(loss, options)
    for word in words:
        assert word in str(refusal.value)


def test_balanced_weights_for_softmax():
    # 60, 30 and 10 of 100 valid pixels, 3 classes: 100 / (3 * 60), 100 / (3 * 30), 100 / (3 * 10)
    weights = class_weights({0: 60, 1: 30, 2: 10, 255: 900}, (0, 1, 2), "balanced")
    assert weights.values == pytest.approx((5 / 9, 10 / 9, 10 / 3))
    assert (weights.absent, weights.capped) == ((), ())
    # the mean weight of a pixel is 1
    assert np.dot(weights.values, (60, 30, 10)) == pytest.approx(100)


def test_balanced_weights_are_those_of_scikit_learn():
    peer = pytest.importorskip(
        "sklearn.utils.class_weight", reason="NO COMPARISON with scikit-learn: not installed"
    )
    mask = np.repeat([0, 1, 2], [61, 29, 10])
    expected = peer.compute_class_weight("balanced", classes=np.arange(3), y=mask)
    weights = class_weights(dict(enumerate(np.bincount(mask).tolist())), (0, 1, 2), "balanced")
    assert weights.values == pytest.approx(tuple(expected))


def test_balanced_weights_for_sigmoid():
    # positive and negative pixels of a channel count the same: (100 - 25) / 25, (100 - 10) / 10
    weights = class_weights({0: 65, 3: 25, 7: 10}, (3, 7), "balanced")
    assert weights.values == pytest.approx((3, 9))


def test_absent_classes_weigh_one_and_extremes_are_cut_off():
    weights = class_weights({0: 999_999, 1: 1}, (0, 1, 2), "balanced")
    assert weights.values == pytest.approx((1_000_000 / (2 * 999_999), LARGEST_WEIGHT, 1))
    assert (weights.absent, weights.capped) == ((2,), (1,))
    full = class_weights({0: 0, 1: 10}, (1,), "balanced")
    assert full.values == (1 / LARGEST_WEIGHT,)


def test_no_weights():
    assert class_weights({0: 9, 1: 1}, (0, 1), "none").values == (1, 1)


def test_weights_by_name():
    names = {0: "background", 1: "caries", 2: "crown", 255: "void"}
    assert named_class_weights({"crown": 4}, names, (0, 1, 2)).values == (1, 1, 4)
    assert named_class_weights({"crown": 4}, names, (1, 2)).values == (1, 4)
    with pytest.raises(OptionError, match="did you mean 'caries'"):
        named_class_weights({"carie": 4}, names, (1, 2))
    with pytest.raises(OptionError, match="'background', which is not a class of the network"):
        named_class_weights({"background": 4}, names, (1, 2))
    with pytest.raises(OptionError, match="not above 0"):
        named_class_weights({"crown": 0}, names, (1, 2))
