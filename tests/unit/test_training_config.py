"""Training options as TOML: read, checked, changed, written."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskforge.cli.trainoptions import parse_weights
from maskforge.errors import OptionError
from maskforge.issues import Origin
from maskforge.nn.network_catalog import NetworkOptions
from maskforge.training.configfile import (
    build_options,
    dump_config,
    parse_setting,
    read_config,
    set_value,
)
from maskforge.training.train_options import DataOptions, InputOptions, SplitOptions, TrainOptions


def test_nothing_said_is_all_defaults():
    assert build_options({}) == TrainOptions()


shares = st.floats(0, 0.9)
texts = st.text(max_size=8).filter(lambda text: "\r" not in text)
some_options = st.builds(
    TrainOptions,
    data=st.builds(
        DataOptions,
        dataset=st.none() | texts,
        only=st.lists(texts, max_size=3).map(tuple),
        mask_values=st.dictionaries(texts, texts, max_size=2),
        workers=st.integers(0, 9),
    ),
    split=st.builds(SplitOptions, validation=shares, folds=st.integers(0, 9)),
    input=st.builds(InputOptions, crop=st.sampled_from(["auto", 0, 64]), resize=st.none() | texts),
    network=st.builds(NetworkOptions, filters=st.none() | st.integers(1, 99), dropout=shares),
    class_weights=st.sampled_from(["none", "balanced"])
    | st.dictionaries(texts, st.floats(0.1, 9), min_size=1, max_size=3),
    loss_options=st.dictionaries(texts, st.floats(0, 9), max_size=2),
    learning_rate=st.floats(1e-9, 1),
    seed=st.integers(0, 2**31),
    track=st.sampled_from(["none", "mlflow"]),
)


@given(some_options)
def test_what_is_written_is_read_again(tmp_path_factory, chosen):
    path = tmp_path_factory.mktemp("config") / "run.toml"
    path.write_text(dump_config(chosen), encoding="utf-8", newline="")
    assert build_options(read_config(path)) == chosen


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"epoch": 3}, "there is no option epoch\n  hint: did you mean epochs?"),
        ({"network": {"filter": 3}}, "no option network.filter\n  hint: did you mean network.filt"),
        ({"filters": 3}, "there is no option filters\n  hint: did you mean network.filters?"),
        ({"Learning-Rate": 3}, "did you mean learning_rate?"),
        ({"qqqq": 3}, "hint: known are data, split, "),
        ({"network": {"zzzzzz": 3}}, "hint: known are arch, preset, filters"),
        ({"network": 3}, "network must be a table of options"),
        ({"epochs": "many"}, "epochs: Expected `int`, got `str`"),
        ({"network": {"arch": "unett"}}, "network.arch: Invalid enum value 'unett'"),
        ({"network": {"arch": "unett"}}, "hint: one of unet, unetpp, "),
        ({"optimizer": "lion"}, "hint: one of adam, adamw, nadam, rmsprop, sgd"),
        ({"input": {"crop": "all"}}, "input.crop: "),
        ({"data": {"only": "caries"}}, "data.only: Expected `array`, got `str`"),
        ({"class_weights": {"caries": "x"}}, "class_weights"),
        ({"augment": {"rotat": 1}}, "did you mean augment.rotate?"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path, document, message):
    with pytest.raises(OptionError) as refusal:
        build_options(document, Origin(tmp_path / "run.toml", ""))
    assert message in str(refusal.value)
    assert "run.toml" in str(refusal.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"epochs = ", "is not valid TOML"), (b"\xff\xfe", "is not valid TOML"), (None, "cannot be")],
)
def test_files_that_are_no_configuration(tmp_path, content, message):
    path = tmp_path / "run.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(OptionError, match=f"run.toml.*{message}"):
        read_config(path)


def test_a_byte_order_mark_is_no_key(tmp_path):
    (tmp_path / "run.toml").write_bytes(b"\xef\xbb\xbfepochs = 3\n")
    assert build_options(read_config(tmp_path / "run.toml")).epochs == 3


@pytest.mark.parametrize(
    ("text", "setting"),
    [
        ("epochs=3", ("epochs", 3)),
        (" network.arch = unetpp", ("network.arch", "unetpp")),
        ('loss="dice+bce"', ("loss", "dice+bce")),
        ("loss=dice+bce", ("loss", "dice+bce")),
        ("augment.rotate=[-3, 3.5]", ("augment.rotate", [-3, 3.5])),
        ("network.deep_supervision=true", ("network.deep_supervision", True)),
        ("data.only=['a', 'b']", ("data.only", ["a", "b"])),
        ("data.dataset=C:\\masks", ("data.dataset", "C:\\masks")),
        ("loss=", ("loss", "")),
    ],
)
def test_single_settings(text, setting):
    assert parse_setting(text) == setting


@pytest.mark.parametrize("value", ["9" * 5000, "[" * 5000 + "]" * 5000, "{a=" * 5000 + "}" * 5000])
def test_values_without_end_are_an_error(tmp_path, value):
    with pytest.raises(OptionError, match=r"too many digits|nested too deeply"):
        parse_setting(f"epochs={value}")
    (tmp_path / "run.toml").write_text(f"epochs = {value}")
    with pytest.raises(OptionError, match=r"run\.toml: is not valid TOML"):
        read_config(tmp_path / "run.toml")


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("network.filters=1000000000", "network.filters cannot be 1000000000, expected 1 to 4096"),
        ("network.convolutions=1000000", "network.convolutions cannot be"),
        ("epochs=0x" + "f" * 5000, "epochs cannot be a number of 6,021 digits"),
        ("learning_rate=nan", "learning_rate cannot be nan, expected above 0 to 100"),
        ("class_weights.caries=inf", "class_weights of 'caries' cannot be inf"),
    ],
)
def test_numbers_out_of_range_name_key_and_file(tmp_path, setting, message):
    document = {}
    set_value(document, *parse_setting(setting))
    with pytest.raises(OptionError) as refusal:
        build_options(document, Origin(tmp_path / "run.toml", ""))
    assert message in str(refusal.value)
    assert "run.toml" in str(refusal.value)


@pytest.mark.parametrize("text", ["epochs", "=3", ""])
def test_settings_without_key(text):
    with pytest.raises(OptionError, match="is not KEY=VALUE"):
        parse_setting(text)


def test_a_setting_changes_one_value():
    document = {"network": {"filters": 4, "depth": 2}}
    set_value(document, "network.filters", 8)
    set_value(document, "input.crop", 64)
    assert document == {"network": {"filters": 8, "depth": 2}, "input": {"crop": 64}}
    expected = replace(
        TrainOptions(),
        network=NetworkOptions(filters=8, depth=2),
        input=InputOptions(crop=64),
    )
    assert build_options(document) == expected


def test_no_table_lies_below_a_value():
    with pytest.raises(OptionError, match="epochs is not a table"):
        set_value({"epochs": 3}, "epochs.many", 8)


@pytest.mark.parametrize(
    ("text", "weights"),
    [
        ("balanced", "balanced"),
        ("caries=5", {"caries": 5.0}),
        ("caries=5, old crown=0.5", {"caries": 5.0, "old crown": 0.5}),
        ("a=b=2", {"a=b": 2.0}),
    ],
)
def test_class_weights(text, weights):
    assert parse_weights(text) == weights


@pytest.mark.parametrize("text", ["caries=x", "caries=5,enamel", "=3", "a=1,,b=2"])
def test_class_weights_that_make_no_sense(text):
    with pytest.raises(OptionError, match="is not NAME=WEIGHT"):
        parse_weights(text)
