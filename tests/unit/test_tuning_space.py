"""What a search tries: said by the types of the options, or by whoever searches."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskforge.choices import Among, Between
from maskforge.errors import OptionError
from maskforge.training.configfile import build_options
from maskforge.training.plan import check_options
from maskforge.training.train_options import TrainOptions
from maskforge.training.tuning.space import (
    given_values,
    search_space,
    with_values,
    without_large_crops,
)

DEFAULT = search_space(["default"], TrainOptions())
BASES = [
    {},
    {"loss": "dice+cce", "class_weights": "balanced"},
    {"network": {"arch": "segnet"}, "batch_size": 3},
    {"network": {"arch": "unetpp", "deep_supervision": True}, "optimizer": "adamw"},
    {"network": {"encoder": "vgg16", "encoder_weights": "none"}},
    {"network": {"preset": "unet-zhixuhao"}, "input": {"crop": 100}},
]


def test_the_types_say_what_is_searched():
    assert DEFAULT["learning_rate"] == Between(1e-4, 1e-2)
    assert DEFAULT["batch_size"] == Among((4, 8, 16))
    assert DEFAULT["loss"].values[0] == "auto"
    assert {"network.filters", "augment.preset", "input.rare_share"} <= set(DEFAULT)
    assert not {"epochs", "seed", "optimizer"} & set(DEFAULT)


def test_what_is_given_is_among_what_is_tried():
    options = build_options({"batch_size": 6, "network": {"filters": 20}, "loss": "focal"})
    space = search_space(["default"], options)
    assert space["batch_size"] == Among((6, 4, 8, 16))
    assert space["network.filters"] == Among((20, 16, 24, 32))
    assert space["loss"] == Among(("focal", "dice", "dice+focal", "tversky", "focal-tversky"))
    values = given_values(space, options)
    assert (values["batch_size"], values["network.filters"], values["loss"]) == (6, 20, "focal")
    assert (values["network.depth"], values["network.normalization"]) == (4, "batch")  # of unet


def test_what_a_network_does_not_take_is_not_searched():
    space = search_space(["default"], build_options({"network": {"arch": "segnet"}}))
    assert "network.depth" not in space
    assert "network.filters" in space


SPACES = [
    (options, search_space(["default", "optimizer", "dropout=0..0.5", "schedule"], options))
    for options in map(build_options, BASES)
]


@given(data=st.data())
def test_whatever_is_drawn_can_be_trained(data):
    options, space = data.draw(st.sampled_from(SPACES))
    values = {
        key: data.draw(
            st.sampled_from(one.values)
            if isinstance(one, Among)
            else st.integers(one.low, one.high)
            if isinstance(one.low, int)
            else st.floats(one.low, one.high)
        )
        for key, one in space.items()
    }
    changed = with_values(options, values)
    check_options(changed)
    assert given_values(space, changed) == values


@pytest.mark.parametrize(
    ("text", "key", "expected"),
    [
        ("learning_rate=0.001..0.003", "learning_rate", Between(0.001, 0.003)),
        ("learning_rate = 1 .. 2", "learning_rate", Between(1.0, 2.0)),
        ("network.filters=8..64", "network.filters", Between(8, 64)),
        ("filters=8,48", "network.filters", Among((16, 8, 48))),
        ("loss=auto,dice+bce,2*dice+focal", "loss", Among(("auto", "dice+bce", "2*dice+focal"))),
        ("crop=auto,64", "input.crop", Among(("auto", 64))),
        ("equal_regions", "input.equal_regions", Among((False, True))),
        ("equal_regions=true", "input.equal_regions", Among((False, True))),
        ("schedule", "schedule", Among(("constant", "cosine", "exponential", "plateau"))),
        ("augment.rotate=5..30", "augment.rotate", Between(5.0, 30.0)),
        ("batch_size", "batch_size", Among((4, 8, 16))),
    ],
)
def test_what_is_asked_for(text, key, expected):
    assert search_space([text], TrainOptions()) == {key: expected}
    assert search_space(["default", text], TrainOptions())[key] == expected


def test_what_is_named_last_counts():
    space = search_space(["batch_size=8,9", "batch_size=8,10"], TrainOptions())
    assert space == {"batch_size": Among((8, 10))}
    assert search_space(["batch_size=8,9", "default"], TrainOptions()) == DEFAULT


def test_wide_ranges_are_searched_by_factors():
    assert Between(1e-4, 1e-2).is_wide
    assert not Between(1e-4, 9e-3).is_wide
    assert not Between(0, 100).is_wide
    assert (str(Between(1e-4, 1e-2)), str(Among((False, "a", 8)))) == ("0.0001..0.01", "false,a,8")
    assert True not in Between(0, 1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("learning_rat", "no option 'learning_rat' to search; did you mean 'learning_rate'"),
        ("filterz=1,2", "did you mean 'filters'"),
        ("", "there is no option ''"),
        ("learning_rate=1e-3..200", "learning_rate cannot be 200.0, expected above 0 to 100"),
        ("learning_rate=0..1", "expected above 0 to 100"),
        ("learning_rate=1e-3,fast", "learning_rate: Expected `float`"),
        ("learning_rate=0.5..0.5", "nothing is there"),
        ("learning_rate=nan..1", "nothing is there"),
        ("learning_rate=..", "cannot be searched at ''"),
        ("depth=3..4.5", "give whole numbers"),
        ("depth=3,9", "network.depth cannot be 9"),
        ("loss=a..b", "write --search loss=VALUE,VALUE"),
        ("loss=dice,dise", "did you mean 'dice'"),
        ("loss=", "cannot be searched at ''"),
        ("optimizer=adam,adm", "Invalid enum value 'adm'"),
        ("epochs", "nothing says what is tried of epochs"),
        ("loss_options=1,2", "loss_options"),
        ("deep_supervision", "unet does not take deep_supervision"),
        ("seed=1..9", "seed cannot be searched"),
        ("data.only=a,b", "data.only cannot be searched"),
        ("split.seed=1,2", "split.seed cannot be searched"),
        ("learning_rate=0.001", "there is nothing to search"),
        ("batch_size=[1,2]", "batch_size: Expected `int`"),
    ],
)
def test_what_cannot_be_searched(text, message):
    with pytest.raises(OptionError) as caught:
        search_space([text], TrainOptions())
    assert message in str(caught.value)


def test_crops_that_no_image_fills_are_left_out():
    assert without_large_crops(DEFAULT, 200)["input.crop"] == Among(("auto", 128, 192))
    assert without_large_crops(DEFAULT, 384) == DEFAULT
    assert "input.crop" not in without_large_crops(DEFAULT, 100)
    fixed = search_space(["crop=64..512"], TrainOptions())
    assert without_large_crops(fixed, 100) == fixed
