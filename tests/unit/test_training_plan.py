"""From options and examples to a plan, without Keras."""

from __future__ import annotations

import math
import sys
from dataclasses import replace

import numpy as np
import pytest
from training_runs import BOTH, DISC, disc, discs, options, split_of, write

from maskforge.errors import MissingDependencyError, OptionError, TrainingError
from maskforge.examples.example import ExampleSet
from maskforge.examples.split import Split
from maskforge.shapes import Size
from maskforge.training.configfile import build_options
from maskforge.training.plan import check_options, describe_plan, make_plan
from maskforge.training.train import train


@pytest.fixture
def examples(tmp_path):
    return discs(tmp_path, 4)


def plan(examples, *validation, **changed):
    return make_plan(options(**changed), examples, split_of(examples, validation or ["x3"]))


def overlapping(folder):
    """Two images with multi-hot masks of two classes."""
    found = []
    for number in range(2):
        image, mask = disc(number)
        both = np.stack([mask, np.ones_like(mask)], axis=-1)
        encoded = {"encoding": "multihot", "channels": (1, 4)}
        found.append(write(folder, f"x{number}", image, both, **encoded))
    return ExampleSet(tuple(found), BOTH, "both")


@pytest.mark.parametrize(
    ("classes", "changed", "head", "loss"),
    [
        (DISC, {}, "sigmoid", "dice+bce"),
        (BOTH, {}, "softmax", "dice+cce"),
        (BOTH, {"head": "sigmoid"}, "sigmoid", "dice+bce"),
        (DISC, {"head": "softmax"}, "softmax", "dice+cce"),
        (BOTH, {"loss": "bce"}, "sigmoid", "bce"),
        (DISC, {"loss": "cce"}, "softmax", "cce"),
        (DISC, {"loss": "Dice"}, "sigmoid", "dice"),
        (DISC, {"loss": "focal-tversky + 0.5*bce"}, "sigmoid", "focal-tversky+0.5*bce"),
    ],
)
def test_heads_and_losses_that_belong_together(tmp_path, classes, changed, head, loss):
    made = plan(discs(tmp_path, 4, classes=classes), **changed)
    assert made.head == made.options.head == head
    assert made.options.loss == loss
    assert made.channel_ids == (classes.foreground_ids if head == "sigmoid" else classes.ids)


def test_overlapping_classes_have_a_channel_each(tmp_path):
    made = plan(overlapping(tmp_path), "x1")
    assert made.head == "sigmoid"
    assert made.channel_ids == (1, 4)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"head": "softmax", "loss": "bce"}, "bce"),
        ({"head": "sigmoid", "loss": "cce"}, "cce"),
        ({"loss": "bce+cce"}, "cce"),
        ({"loss": "dise"}, "did you mean 'dice'"),
        ({"loss_options": {"gama": 2}}, "no option 'gama'"),
        ({"class_weights": {"disk": 2.0}}, "did you mean 'disc'"),
        ({"network": {"arch": "cnn", "preset": "unet-transpose"}}, "preset"),
        ({"input": {"resize": "64"}}, "64"),
    ],
)
def test_contradictions_are_refused(examples, changed, message):
    with pytest.raises(OptionError, match=message):
        plan(examples, **changed)


def test_overlapping_classes_need_a_sigmoid(tmp_path):
    with pytest.raises(OptionError, match="softmax"):
        plan(overlapping(tmp_path), "x1", head="softmax")


def test_nothing_to_learn_from(examples):
    everything = Split(train=(), validation=tuple(one.name for one in examples))
    with pytest.raises(TrainingError, match="no training example"):
        make_plan(options(), examples, everything)


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({"epochs": 0}, "epochs cannot be 0, expected 1 to 1000000"),
        ({"batch_size": 0}, "batch_size"),
        ({"patience": -1}, "patience"),
        ({"validate_every": 0}, "validate_every"),
        ({"warmup": -0.5}, "warmup"),
        ({"warmup": math.nan}, "warmup"),
        ({"weight_decay": -1.0}, "weight_decay"),
        ({"gradient_clip": math.inf}, "gradient_clip"),
        ({"learning_rate": 0.0}, "learning_rate"),
        ({"learning_rate": math.nan}, "learning_rate"),
        ({"learning_rate": math.inf}, "learning_rate"),
        ({"devices": -1}, "devices"),
        ({"data": {"workers": -1}}, "data.workers"),
        ({"input": {"crop": -1}}, "input.crop"),
        ({"input": {"rare_share": 1.5}}, "input.rare_share"),
        (
            {"split": {"validation": 1.0}},
            "split.validation cannot be 1.0, expected 0 to below 1",
        ),
        ({"split": {"folds": -1}}, "split.folds cannot be -1, expected 0 to 1000"),
        ({"split": {"folds": 1}}, "2 folds or more, found 1"),
        ({"network": {"freeze_encoder": -2}}, "network.freeze_encoder"),
        ({"seed": -1}, "seed"),
    ],
)
def test_numbers_that_make_no_sense(changed, name):
    with pytest.raises(OptionError, match=name):
        check_options(options(**changed))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"network": {"filters": 512}}, r"network like this takes 9\.7 GB of memory or more"),
        ({"network": {"arch": "fcn8", "filters": 64}}, "network like this"),
        ({"batch_size": 65_536, "input": {"crop": 256}}, r"batch like this takes 17\.2 GB"),
    ],
)
def test_what_no_memory_holds_is_never_built(examples, monkeypatch, changed, message):
    """One of 3 x 3 pixels from 8,192 to as many filters has 604 million weights of 16 bytes."""
    network = {"depth": 4, "convolutions": 2} | changed.pop("network", {})
    if network.get("arch") == "fcn8":
        network = {"arch": "fcn8", "filters": 64}
    monkeypatch.setattr("maskforge.training.plan.available_memory", lambda: 10**9)
    chosen = build_options({"network": network} | changed)
    with pytest.raises(OptionError, match=message):
        make_plan(chosen, examples, split_of(examples, ["x3"]))


@pytest.mark.parametrize(
    ("size", "given", "crop", "tile"),
    [
        (Size(32, 32), {}, 0, (32, 32)),
        (Size(33, 30), {}, 0, (36, 32)),
        (Size(300, 258), {}, 256, (256, 256)),
        (Size(300, 100), {}, 0, (300, 100)),
        (Size(300, 258), {"crop": 0}, 0, (300, 260)),
        (Size(300, 258), {"resize": "50x40"}, 0, (52, 40)),
        (Size(32, 32), {"crop": 30}, 32, (32, 32)),
    ],
)
def test_the_size_of_the_input(tmp_path, size, given, crop, tile):
    """Sides are multiples of 4 with two poolings; images above 256 px on both sides are cut."""
    made = plan(
        discs(tmp_path, 2, size=size), "x1", input={"crop": "auto"} | given, network={"depth": 2}
    )
    assert made.options.input.crop == crop
    assert made.tile == Size(*tile)


def test_images_of_several_sizes_are_cut(tmp_path):
    two = discs(tmp_path / "a", 1), discs(tmp_path / "b", 2, size=Size(48, 32))
    mixed = ExampleSet((*two[0].examples, *two[1].examples[1:]), DISC, "mixed")
    fields = split_of(mixed, [])
    assert make_plan(options(input={"crop": "auto"}), mixed, fields).options.input.crop == 256
    assert make_plan(options(input={"crop": 0}), mixed, fields).tile == Size(48, 32)


def test_weights_follow_from_the_pixels(tmp_path):
    """A quarter of the pixels is foreground: the mean of the weights per pixel is 1."""
    image = np.zeros((8, 8), np.uint8)
    mask = np.zeros((8, 8), np.uint8)
    mask[:4, :4] = 1
    found = tuple(write(tmp_path, name, image, mask) for name in ("x0", "x1"))
    made = plan(ExampleSet(found, DISC, "quarter"), "x1", head="softmax", class_weights="balanced")
    background, foreground = made.channel_weights
    assert foreground / background == pytest.approx(3)
    named = plan(
        ExampleSet(found, DISC, "quarter"), "x1", head="softmax", class_weights={"disc": 7.0}
    )
    assert named.channel_weights == (1, 7)


def test_missing_classes_are_said(tmp_path):
    examples = discs(tmp_path, 4, classes=BOTH)
    warnings = plan(examples).warnings
    assert len(warnings) == 1
    assert "'bar' appears in no training example" in warnings[0]


def test_validation_without_foreground_is_said(tmp_path):
    empty = write(tmp_path, "empty", disc(9)[0], np.zeros((32, 32), np.uint8))
    examples = ExampleSet((*discs(tmp_path, 2).examples, empty), DISC, "some empty")
    made = plan(examples, "empty")
    assert not made.validation_has_foreground
    assert "no foreground at all" in made.warnings[0]
    assert plan(examples, "x1").validation_has_foreground
    assert plan(examples, "x1").warnings == ()


@pytest.mark.parametrize("equal", [True, False])
def test_how_crops_are_chosen_reaches_the_batches(examples, equal):
    chosen = {"crop": 16, "rare_share": 0.25, "equal_regions": equal}
    made = plan(examples, input=chosen).batches().options
    assert (made.crop, made.rare_share, made.equal_regions) == (16, 0.25, equal)


def test_training_without_validation_is_said_once(examples):
    made = make_plan(options(), examples, split_of(examples, []))
    assert not made.validation_has_foreground
    assert len(made.warnings) == 1
    assert "no validation examples" in made.warnings[0]


def test_the_header_names_what_was_settled(examples):
    text = "\n".join(describe_plan(plan(examples)))
    for words in ("3 training, 1 validation, 0 test", "32 x 32 px", "1 channel", "sigmoid", "disc"):
        assert words in text


def test_matplotlib_is_missed_before_anything_is_done(tmp_path, monkeypatch, examples):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingDependencyError, match="matplotlib"):
        train(examples, tmp_path / "run", options())
    assert not (tmp_path / "run").exists()


def test_predictions_that_nobody_confirmed_are_noticed_among_the_training_masks(examples):
    made = ("drawn", "predicted", "corrected", "predicted")
    told = [replace(one, columns={"made": how}) for one, how in zip(examples, made, strict=True)]
    warnings = plan(replace(examples, examples=tuple(told)), "x3").warnings
    (warning,) = [one for one in warnings if "nobody has confirmed" in one]
    assert warning.startswith("1 of 3 training masks are predictions")
    assert warning.endswith("x1")
    assert not [one for one in plan(examples, "x3").warnings if "confirmed" in one]
