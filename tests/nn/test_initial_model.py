"""Trainings that begin with the weights of an earlier model."""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from training_runs import BOTH, DISC, disc, discs, options, split_of, step_by_step, write

from maskforge.errors import ModelError, OptionError
from maskforge.examples.example import ExampleSet
from maskforge.examples.splitfile import write_split
from maskforge.masks.classes import ClassMap, MaskClass
from maskforge.nn.kerasfile import digest_of
from maskforge.nn.modelfile import read_description, write_description
from maskforge.nn.network_catalog import NetworkOptions
from maskforge.training.configfile import build_options, read_config
from maskforge.training.run_folder import read_record
from maskforge.training.train import resume_training, train
from maskforge.training.train_options import InputOptions

keras = pytest.importorskip("keras", reason="NO NETWORKS: Keras is not installed")

from maskforge.nn.modelio import load_model, save_model  # noqa: E402
from maskforge.nn.networks import build_network  # noqa: E402

pytestmark = pytest.mark.usefixtures("eager")

NETWORK = {"filters": 6, "depth": 1, "convolutions": 1, "normalization": "batch"}
DESTROYED = {"learning_rate": 50.0, "optimizer": "sgd", "loss": "bce"}
"""Nothing that was learned survives an epoch of this."""


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """Five images, and a run that has learned something from three of them."""
    root = tmp_path_factory.mktemp("first")
    examples = discs(root / "data", 5)
    write_split(root / "split.json", examples, split_of(examples, ["x3", "x4"]))
    chosen = options(
        epochs=4,
        learning_rate=0.01,
        network=NETWORK,
        input={"scaling": "z-score", "resize": "34x32", "offset": "0.5,-1"},
        split={"file": str(root / "split.json")},
    )
    with step_by_step():
        train(examples, root / "run", chosen)
    return examples, root / "run"


def begun(examples, run, out, said=None, *, network=None, input_=None, **changed):
    """Train on; nothing is said about the network but what is given."""
    chosen = replace(
        options(**{"epochs": 1, "init": str(run), **changed}),
        network=NetworkOptions(**network or {}),
        input=InputOptions(crop=0, **input_ or {}),
    )
    return train(examples, out, chosen, log=said.append if said is not None else None)


def weights(run):
    return load_model(run)[0].get_weights()


def test_it_begins_with_what_the_old_model_knows(first, tmp_path):
    """As no epoch is better than the beginning, the model that is kept is the old one."""
    examples, run = first
    said = []
    record = begun(examples, run, tmp_path / "run", said, **DESTROYED)
    (line,) = [one for one in said if one.startswith("before the first epoch")]
    with (run / "history.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    best = max(float(row["validation_dice.disc"]) for row in rows)
    assert line == f"before the first epoch: validation Dice disc {best:.4f}"
    assert best > 0.5
    assert (record.best_epoch, record.epochs) == (0, 1)
    for here, there in zip(weights(tmp_path / "run"), weights(run), strict=True):
        np.testing.assert_array_equal(here, there)
    old, new = read_description(run), read_description(tmp_path / "run")
    assert (new.scores["dice"], new.thresholds) == (old.scores["dice"], old.thresholds)


def test_what_is_not_said_is_as_in_the_old_model(first, tmp_path):
    examples, run = first
    said = []
    record = begun(examples, run, tmp_path / "run", said, epochs=2, learning_rate=0.01)
    old, new = read_description(run), read_description(tmp_path / "run")
    for name in ("network", "head", "scaling", "offset", "resize", "stride", "class_map"):
        assert getattr(new, name) == getattr(old, name)
    assert record.validation.dice >= old.scores["dice"]
    assert (record.init, record.init_digest) == (str(run), digest_of(run / "model.keras"))
    assert read_record(tmp_path / "run") == record
    assert f"weights: begins with those of {run}" in said
    written = build_options(read_config(tmp_path / "run" / "config.toml"))
    assert (written.init, written.network.filters) == (str(run), 6)


def test_examples_stay_in_their_parts_and_new_ones_are_divided(first, tmp_path):
    examples, run = first
    more = [write(tmp_path / "more", f"y{one}", *disc(10 + one)) for one in range(5)]
    grown = ExampleSet((*examples.examples, *more), DISC, "grown")
    said = []
    begun(grown, run, tmp_path / "run", said)
    split = json.loads((tmp_path / "run" / "split.json").read_bytes())["examples"]
    part = {one["name"]: one["part"] for one in split}
    assert [part[f"x{one}"] for one in range(5)] == ["train"] * 3 + ["validation"] * 2
    # A fifth of ten are two, and these are there already.
    assert [part[f"y{one}"] for one in range(5)] == ["train"] * 5
    assert any(line.startswith("5 of 10 examples stay in the part") for line in said)


def test_a_split_that_tests_with_what_was_learned_is_noticed(first, tmp_path):
    examples, run = first
    split = tmp_path / "split.json"
    write_split(split, examples, split_of(examples, ["x0", "x4"]))
    record = begun(examples, run, tmp_path / "run", split={"file": str(split)})
    (warning,) = record.warnings
    assert warning.startswith(f"1 of 2 validation images were used to train {run}")
    assert warning.endswith("x0")


SQUARE = MaskClass(2, "square", (0, 255, 0), ())


@pytest.mark.parametrize(
    ("classes", "changed", "message", "hint"),
    [
        (DISC, {"network": {"filters": 8}}, "network.filters is 8, and that of .* is 6", "leave"),
        (DISC, {"network": {"depth": 2}}, "network.depth is 2, .* is 1", "without --init"),
        (DISC, {"network": {"arch": "unetpp"}}, "network.arch is unetpp, .* is unet", "leave"),
        (DISC, {"network": {"dropout": 0.5}}, "network.dropout is 0.5, .* is not set", "leave"),
        (DISC, {"head": "softmax"}, "head is softmax, .* is sigmoid", "leave"),
        (DISC, {"input_": {"color": "rgb"}}, "input.color is rgb, .* is gray", "leave"),
        (DISC, {"input_": {"scaling": "percentile"}}, "input.scaling is percentile", "leave"),
        (BOTH, {}, "has learned disc, and nothing of bar", "--only disc, or"),
        (ClassMap((SQUARE,)), {}, "has no class disc", "the class map of the data set"),
    ],
)
def test_what_does_not_fit_the_old_model_is_refused(
    first, tmp_path, classes, changed, message, hint
):
    examples, run = first
    with pytest.raises(OptionError, match=message) as caught:
        begun(replace(examples, classes=classes), run, tmp_path / "run", **changed)
    assert hint in caught.value.hint
    assert not (tmp_path / "run" / "run.json").exists()


def test_classes_in_another_order_are_refused(tmp_path):
    """Channels would change places: the ids decide their order, whatever they are."""
    first, second = (MaskClass(id_, "a", (255, 0, 0), ()) for id_ in (1, 9))
    other = MaskClass(4, "b", (0, 255, 0), ())
    examples = discs(tmp_path / "data", 3, classes=ClassMap((first, other)))
    train(examples, tmp_path / "old", options(epochs=1))
    turned = replace(examples, classes=ClassMap((other, second)))
    with pytest.raises(OptionError, match=r"has learned a, b, and .* in the order b, a"):
        begun(turned, tmp_path / "old", tmp_path / "new")


def test_a_model_is_not_replaced_by_the_run_that_begins_with_it(first):
    examples, run = first
    for out in (run, run.parent):
        with pytest.raises(OptionError, match="is the folder of the model that the training begin"):
            train(examples, out, init=str(run), overwrite=True)
    assert (run / "model.keras").is_file()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (shutil.rmtree, "does not exist"),
        (lambda folder: (folder / "model.keras").write_bytes(b"?"), "is not a .keras file"),
        (lambda folder: _tell(folder, network={"arch": "nice"}), "does not know"),
        (lambda folder: _tell(folder, network={**NETWORK, "filters": 8}), "another network"),
    ],
)
def test_a_model_that_cannot_be_used_is_refused(first, tmp_path, damage, message):
    examples, run = first
    folder = tmp_path / "old"
    shutil.copytree(run, folder)
    damage(folder)
    with pytest.raises(ModelError, match=message):
        begun(examples, folder, tmp_path / "run")


def _tell(folder, **changed):
    description = read_description(folder)
    write_description(folder, type(description)(**{**_fields(description), **changed}))


def _fields(struct):
    return {name: getattr(struct, name) for name in struct.__struct_fields__}


def test_a_run_that_was_ended_remembers_its_beginning(first, tmp_path):
    examples, run = first

    def end(phase, done, total):
        if phase == "epoch 2/2":
            raise KeyboardInterrupt

    chosen = replace(
        options(init=str(run), **DESTROYED), network=NetworkOptions(), input=InputOptions(crop=0)
    )
    assert train(examples, tmp_path / "run", chosen, progress=end).state == "interrupted"
    record = resume_training(tmp_path / "run", examples)
    assert (record.state, record.best_epoch, record.epochs) == ("finished", 0, 2)
    for here, there in zip(weights(tmp_path / "run"), weights(run), strict=True):
        np.testing.assert_array_equal(here, there)


@pytest.mark.parametrize(
    "network",
    [
        {"arch": "unetpp", "deep_supervision": True},
        {"arch": "attention_unet"},
        {"arch": "resunet", "convolutions": None},
        {"encoder": "mobilenetv3small", "encoder_weights": "none", "depth": 3},
    ],
    ids=lambda one: one.get("arch", "encoder"),
)
def test_weights_of_every_kind_of_network_find_their_places(tmp_path, network):
    """Networks with several outputs, attention, or one network in another."""
    from model_folders import describe

    from maskforge.nn.heads import probabilities
    from maskforge.nn.precision import to_float32
    from maskforge.training.initial_model import InitialModel
    from maskforge.training.loop.fit import _take_weights

    chosen = NetworkOptions(**{**NETWORK, "filters": 2, "depth": 2, **network})
    built = [
        build_network(chosen, input_shape=(None, None, 1), outputs=1, scaling="zero-one")
        for _ in range(2)
    ]
    for number, one in enumerate(built):
        random = np.random.default_rng(number)
        one.set_weights([random.uniform(0.1, 1, one.shape) for one in one.weights])
    description = describe("sigmoid", classes=DISC)
    save_model(tmp_path, to_float32(probabilities(built[0], "sigmoid")), description)
    _take_weights(built[1], InitialModel(tmp_path, description, "", {}))
    image = np.random.default_rng(2).random((1, 32, 32, 1), np.float32)
    outputs = [keras.tree.flatten(one(image, training=False)) for one in built]
    for here, there in zip(*outputs, strict=True):
        np.testing.assert_array_equal(*map(keras.ops.convert_to_numpy, (here, there)))
