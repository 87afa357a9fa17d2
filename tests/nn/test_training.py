"""Trainings of seconds, from options to a model in its folder."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from PIL import Image
from training_runs import BOTH, DISC, disc, discs, options, split_of, step_by_step, write

from maskforge.errors import DatasetError, MaskforgeError, OutputExistsError, TrainingError
from maskforge.evaluation.evaluate import evaluate
from maskforge.evaluation.evaluate_options import EvaluateOptions
from maskforge.examples.example import ExampleSet
from maskforge.examples.splitfile import write_split
from maskforge.nn.modelfile import read_description
from maskforge.prediction.model_options import ModelOptions
from maskforge.prediction.predictor import Predictor
from maskforge.shapes import Size
from maskforge.training.configfile import build_options, read_config
from maskforge.training.plan import make_plan
from maskforge.training.run_folder import Scores, read_record
from maskforge.training.train import choose_splits, resume_training, train

keras = pytest.importorskip("keras", reason="NO NETWORKS: Keras is not installed")


def history(run):
    with (run / "history.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def evaluated(run, examples):
    """Evaluate a run on its validation part, without any conversion to another runtime."""
    chosen = EvaluateOptions(
        part="validation",
        bootstrap=0,
        worst=0,
        charts=False,
        model=ModelOptions(runtime="keras", precision="float32"),
    )
    return evaluate(run, examples, options=chosen)


def assert_scores_are_those_of_evaluate(run, examples):
    report = evaluated(run, examples)
    stored = read_description(run).scores
    assert stored["class_dice"].keys() == {one.name for one in report.classes} - {"background"}
    for one in report.classes:
        if one.name != "background":
            assert stored["class_dice"][one.name] == pytest.approx(one.dice, abs=1e-6)
            assert stored["class_iou"][one.name] == pytest.approx(one.iou, abs=1e-6)


@pytest.fixture(scope="module")
def learned(tmp_path_factory):
    """A run that knows four images by heart; a fifth, in a folder, is for validation."""
    root = tmp_path_factory.mktemp("learned")
    validation = write(root / "data", "later/x4", *disc(4))
    examples = ExampleSet((*discs(root / "data", 4).examples, validation), DISC, "discs")
    write_split(root / "split.json", examples, [split_of(examples, ["later/x4"])])
    said, steps = [], []
    chosen = options(
        epochs=25,
        optimizer="adam",
        learning_rate=0.02,
        network={"depth": 2, "convolutions": 2, "normalization": "batch"},
        split={"file": str(root / "split.json")},
    )
    record = train(
        examples,
        root / "run",
        chosen,
        log=said.append,
        progress=lambda *one: steps.append(one),
    )
    return examples, root / "run", record, said, steps


def test_a_tiny_network_learns_four_images_by_heart(learned):
    _, _, record, _, _ = learned
    assert record.state == "finished"
    assert record.train.dice > 0.95
    assert record.validation.dice > 0.95


def test_the_model_predicts_what_the_validation_has_seen(learned):
    examples, run, record, _, _ = learned
    (example,) = examples.subset(["later/x4"])
    predictor = Predictor.load(run, runtime="keras", precision="float32")
    marked = predictor.predict(example.read_image()).mask == 1
    drawn = example.read_target(examples.classes, "sigmoid")[..., 0] == 1
    dice = 2 * np.count_nonzero(marked & drawn) / (marked.sum() + drawn.sum())
    assert record.validation.class_dice["disc"] == pytest.approx(dice, abs=1e-9)
    assert_scores_are_those_of_evaluate(run, examples)


def test_everything_about_the_run_is_in_its_folder(learned):
    _, run, record, _, _ = learned
    assert {path.name for path in run.iterdir()} == {
        "config.toml",
        "curves.png",
        "history.csv",
        "maskforge.json",
        "model.keras",
        "overlays",
        "run.json",
        "split.json",
    }
    assert read_record(run) == record
    assert (record.examples, record.epochs) == ({"train": 4, "validation": 1, "test": 0}, 25)
    assert record.peak_memory > 1e7
    assert record.images_per_second > 0
    again = build_options(read_config(run / "config.toml"))
    assert (again.head, again.loss, again.input.color) == ("sigmoid", "dice+bce", "gray")
    split = json.loads((run / "split.json").read_bytes())
    assert {one["name"]: one["part"] for one in split["examples"]}["later/x4"] == "validation"
    rows = history(run)
    assert [int(row["epoch"]) for row in rows] == list(range(1, 26))
    best = max(rows, key=lambda row: float(row["validation_dice"]))
    assert int(best["epoch"]) == record.best_epoch
    assert float(rows[-1]["learning_rate"]) == 0  # the end of the cosine
    assert sum(float(row["seconds"]) for row in rows) <= record.seconds
    description = read_description(run)
    assert description.tile == (32, 32)
    assert len(description.thresholds) == 1
    assert description.calibration
    assert description.bfloat16.images == 1
    assert 0.9 < description.bfloat16.lowest <= 1
    assert (description.scores["part"], description.scores["epoch"]) == (
        "validation",
        record.best_epoch,
    )
    with Image.open(run / "curves.png") as curves:
        assert curves.size == (1200, 360)
    (overlay,) = (run / "overlays").iterdir()
    assert overlay.name == "worst-1-later_x4.png"


def test_the_header_says_what_there_is(learned):
    _, _, record, said, _ = learned
    text = "\n".join(said)
    assert record.backend in text
    for words in ("of memory available", "held in memory", "4 training, 1 validation", "unet"):
        assert words in text
    assert sum(line.startswith("epoch ") for line in said) == 25


def test_progress_is_told_for_every_step(learned):
    *_, steps = learned
    assert [one for one in steps if one[0] == "epoch 2/25"] == [
        ("epoch 2/25", 2, 4),
        ("epoch 2/25", 4, 4),
    ]


def test_a_pause_for_the_compiler_is_announced_once(learned, running_backend):
    *_, said, steps = learned
    compiles = running_backend == "jax"  # on a CPU, the only one
    assert sum("compiling the network" in line for line in said) == compiles
    assert (("epoch 1/25", 0, 4) in steps) == compiles
    assert not [one for one in steps if one[0] != "epoch 1/25" and one[1] == 0]


@pytest.mark.usefixtures("eager")
def test_data_and_options_are_named_in_the_call(tmp_path):
    """The configuration in the folder of the run says what was said in the call."""
    rows = [f"{one.image},{one.mask}" for one in discs(tmp_path / "data", 3)]
    table = tmp_path / "table.csv"
    table.write_text("\n".join(["image,mask", *rows]))
    changed = {"epochs": 1, "filters": 2, "network": {"depth": 1}, "validation": 0.4}
    record = train(table, tmp_path / "run", options(), **changed)
    assert record.examples == {"train": 2, "validation": 1, "test": 0}
    written = build_options(read_config(tmp_path / "run" / "config.toml"))
    assert (written.data.dataset, written.epochs) == (str(table), 1)
    assert (written.network.filters, written.network.depth) == (2, 1)
    with pytest.raises(TrainingError, match="has finished"):
        resume_training(str(tmp_path / "run"))


def test_an_earlier_run_is_safe_from_options_that_cannot_work(learned):
    examples, run, record, _, _ = learned
    with pytest.raises(OutputExistsError):
        train(examples, run, options())
    for changed in (
        {"epochs": 0},
        {"loss": "dise"},
        {"head": "softmax", "loss": "bce"},
        {"network": {"arch": "cnn", "preset": "unet-zhixuhao"}},
        {"loss": "dice", "class_weights": {"disc": 2.0}},
        {"devices": 99},
        {"split": {"file": str(run / "none.json")}},
    ):
        with pytest.raises(MaskforgeError):
            train(examples, run, options(**changed), overwrite=True)
        assert read_record(run) == record


def several(folder):
    """Color images of several sizes, with two exclusive classes and void, as one-hot masks."""
    found = []
    for number, size in enumerate([Size(40, 33), Size(34, 50), Size(41, 36)]):
        gray, mask = disc(number, size)
        mask[-6:] = 4
        mask[:3] = 255
        image = np.stack([gray, gray // 2, gray // 3], axis=-1)
        planes = np.stack([mask == id_ for id_ in (0, 1, 4)], axis=-1).astype(np.uint8)
        if number:
            found.append(write(folder, f"x{number}", image, mask))
        else:
            encoded = {"encoding": "onehot", "channels": (0, 1, 4)}
            found.append(write(folder, f"x{number}", image, planes, **encoded))
    return ExampleSet(tuple(found), BOTH, "several")


def overlapping(folder):
    """Images of 16 bits with classes that overlap."""
    found = []
    for number in range(3):
        gray, mask = disc(number)
        bar = np.zeros_like(mask)
        bar[10:20] = 1
        both = np.stack([mask, bar], axis=-1)
        both[:, :2] = 255
        encoded = {"encoding": "multihot", "channels": (1, 4)}
        found.append(write(folder, f"x{number}", gray.astype(np.uint16) * 100, both, **encoded))
    return ExampleSet(tuple(found), BOTH, "overlapping")


@pytest.mark.parametrize(
    ("make", "changed", "head", "validated"),
    [
        (
            several,
            {
                "input": {"crop": 0, "scaling": "z-score"},
                "class_weights": {"disc": 3.0, "background": 0.5},
                "loss": "tversky+cce",
                "loss_options": {"tversky.alpha": 0.3, "tversky.beta": 0.7},
                "precision": "bfloat16",
                "gradient_clip": 1.0,
                "optimizer": "sgd",
                "schedule": "exponential",
                "warmup": 0.5,
            },
            "softmax",
            [1, 2],
        ),
        (
            overlapping,
            {
                "input": {"crop": 16, "rare_share": 1.0, "scaling": "percentile"},
                "network": {"arch": "unetpp", "depth": 2, "deep_supervision": True},
                "class_weights": "balanced",
                "augment": {"preset": "strong"},
                "data": {"hold": "stream", "workers": 2},
                "validate_every": 2,
                "epochs": 3,
            },
            "sigmoid",
            [2, 3],
        ),
        (
            several,
            {
                "input": {"resize": "24x20", "offset": "0.5,-1", "color": "gray"},
                "head": "sigmoid",
                "precision": "float16",
                "optimizer": "rmsprop",
                "schedule": "constant",
            },
            "sigmoid",
            [1, 2],
        ),
    ],
)
def test_all_kinds_of_examples(tmp_path, make, changed, head, validated, capfd):
    """Validation comes every so many epochs, and after the last."""
    examples = make(tmp_path / "data")
    write_split(tmp_path / "split.json", examples, [split_of(examples, ["x0"])])
    said = []
    split = {"file": str(tmp_path / "split.json")}
    chosen = options(split=split, **changed)
    record = train(examples, tmp_path / "run", chosen, log=said.append)
    assert (record.state, record.head) == ("finished", head)
    assert set(record.validation.class_dice) == {"disc", "bar"}
    rows = history(tmp_path / "run")
    assert [int(row["epoch"]) for row in rows if row["validation_dice"]] == validated
    assert_scores_are_those_of_evaluate(tmp_path / "run", examples)
    output = capfd.readouterr()
    assert output.out == output.err == "", "Keras is quiet"


@pytest.mark.usefixtures("eager")
def test_a_loss_that_is_no_number_names_its_images(tmp_path):
    examples = discs(tmp_path / "data", 4)
    chosen = options(
        epochs=30, optimizer="sgd", learning_rate=100, schedule="constant", validate_every=30
    )
    with pytest.raises(TrainingError, match=r"loss is not finite in epoch .*x[0-3], x[0-3]") as why:
        train(examples, tmp_path / "run", chosen)
    assert "--learning-rate" in why.value.hint
    assert read_record(tmp_path / "run").state == "failed"


@pytest.mark.usefixtures("eager")
def test_an_image_that_cannot_be_read_is_named(tmp_path):
    """It is cut off after its size, and first decoded in the middle of the training."""
    examples = discs(tmp_path / "data", 4)
    path = examples.examples[1].image
    path.write_bytes(path.read_bytes()[:200])
    split = split_of(examples, ["x3"])
    write_split(tmp_path / "split.json", examples, [split])
    chosen = options(split={"file": str(tmp_path / "split.json")})
    with pytest.raises(DatasetError, match=r"x1\.png"):
        train(examples, tmp_path / "run", chosen)
    assert read_record(tmp_path / "run").state == "failed"


@pytest.mark.parametrize(
    "error",
    [MemoryError(), RuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying to allocate")],
)
def test_too_little_memory_is_explained(tmp_path, monkeypatch, error):
    from maskforge.training.loop import fit

    def fail(*_):
        raise error

    monkeypatch.setattr(fit._Session, "run", fail)
    with pytest.raises(TrainingError, match=r"not enough memory on the device\n.*--batch-size"):
        train(discs(tmp_path / "data", 3), tmp_path / "run", options())


@pytest.mark.usefixtures("eager")
def test_without_foreground_in_the_validation_the_last_epoch_is_kept(tmp_path):
    empty = write(tmp_path / "data", "empty", disc(9)[0], np.zeros((32, 32), np.uint8))
    examples = ExampleSet((*discs(tmp_path / "data", 2).examples, empty), DISC, "some empty")
    write_split(tmp_path / "split.json", examples, [split_of(examples, ["empty"])])
    chosen = options(epochs=3, patience=1, split={"file": str(tmp_path / "split.json")})
    said = []
    record = train(examples, tmp_path / "run", chosen, log=said.append)
    assert record.best_epoch == record.epochs == 3
    assert "no foreground at all" in record.warnings[0]
    assert any("warning: the validation examples have no foreground" in line for line in said)


@pytest.mark.usefixtures("eager")
def test_the_weights_of_the_best_epoch_are_kept(tmp_path):
    """The first epoch is called the best of three, so the model is that of one epoch alone."""
    from maskforge.nn.modelio import load_model
    from maskforge.training.loop import epochs

    falling = iter([0.9, 0.5, 0.4])
    examples = discs(tmp_path / "data", 4)
    common = {"schedule": "constant", "augment": {"preset": "strong"}}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(epochs, "scores_of", lambda *_: Scores(dice=next(falling)))
        record = train(examples, tmp_path / "three", options(epochs=3, **common))
    train(examples, tmp_path / "one", options(epochs=1, **common))
    assert (record.best_epoch, record.epochs) == (1, 3)
    three, one = (load_model(tmp_path / name)[0].get_weights() for name in ("three", "one"))
    for here, there in zip(three, one, strict=True):
        np.testing.assert_array_equal(here, there)
    symmetries = read_description(tmp_path / "one").symmetries
    assert symmetries == ("flip_horizontal", "flip_vertical", "transpose")


@pytest.fixture(scope="module")
def unsure(tmp_path_factory):
    """Cross-entropy alone begins with the share of the disc, so no probability reaches 0.5."""
    root = tmp_path_factory.mktemp("unsure")
    examples = discs(root / "data", 4)
    augment = {"preset": "none", "flip_horizontal": 0.5}
    chosen = options(epochs=3, optimizer="adam", learning_rate=0.003, loss="bce", augment=augment)
    with step_by_step():
        train(examples, root / "run", chosen)
    split = json.loads((root / "run" / "split.json").read_bytes())
    names = [one["name"] for one in split["examples"] if one["part"] == "validation"]
    predictor = Predictor.load(root / "run", runtime="keras", precision="float32")
    return predictor, examples.subset(names), examples.classes


@pytest.mark.parametrize("tta", [False, True])
def test_the_threshold_is_the_best_of_the_validation_images(unsure, tta):
    predictor, examples, classes = unsure
    (threshold,) = predictor.thresholds(tta=tta)
    assert predictor.thresholds(tta=tta) != predictor.thresholds(tta=not tta)

    def dice(limit):
        common = marked = drawn = 0
        for example in examples:
            mask = predictor.predict(example.read_image(), thresholds=limit, tta=tta).mask == 1
            truth = example.read_target(classes, "sigmoid")[..., 0] == 1
            common += np.count_nonzero(mask & truth)
            marked, drawn = marked + np.count_nonzero(mask), drawn + np.count_nonzero(truth)
        return 2 * common / (marked + drawn)

    others = np.linspace(0.02, 0.98, 49)
    assert dice(threshold) >= max(map(dice, others))
    assert dice(threshold) > dice(0.5)


@pytest.mark.parametrize(
    ("changed", "momentum"),
    [
        ({"epochs": 5000, "batch_size": 2}, 1 - 2 / 200),
        ({"epochs": 5000, "batch_size": 40}, 0.9),
        ({"epochs": 200, "batch_size": 2}, 1 - 1 / 20),
        ({"epochs": 1, "batch_size": 1}, 0.9),
    ],
)
def test_batch_normalization_averages_over_many_images_or_a_part_of_the_training(
    tmp_path, changed, momentum
):
    """200 images, or a twentieth of the steps; 10 steps at least."""
    chosen = options(network={"normalization": "batch"}, split={"validation": 0.2}, **changed)
    examples = discs(tmp_path, 5)
    (split,) = choose_splits(chosen.split, examples)
    from maskforge.training.loop.network import new_network

    network = new_network(make_plan(chosen, examples, split))
    found = {
        layer.momentum
        for layer in network.layers
        if isinstance(layer, keras.layers.BatchNormalization)
    }
    assert [*found] == [pytest.approx(momentum)]


@pytest.mark.usefixtures("eager")
def test_patience_ends_a_training(tmp_path):
    """Without any learning rate to speak of, no epoch is better than the first."""
    examples = discs(tmp_path / "data", 3)
    chosen = options(epochs=9, patience=2, learning_rate=1e-30)
    said = []
    record = train(examples, tmp_path / "run", chosen, log=said.append)
    assert (record.state, record.best_epoch, record.epochs) == ("finished", 1, 3)
    assert "no better score for 2 validations: stopped" in said
