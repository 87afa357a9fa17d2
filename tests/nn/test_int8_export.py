"""INT8 models: calibrated on the right images, compared on others, found by predictions."""

from __future__ import annotations

import dataclasses
import importlib.util
import shutil

import model_folders as models
import numpy as np
import pytest
from training_runs import DISC, discs, options, split_of

from maskforge.errors import (
    DatasetError,
    MissingDependencyError,
    ModelError,
    OptionError,
    OutputExistsError,
)
from maskforge.examples.splitfile import write_split
from maskforge.prediction.predictor import Predictor
from maskforge.shapes import Size
from maskforge.training import int8_export
from maskforge.training.configfile import dump_config
from maskforge.training.model_export import export_model

IMAGE = np.random.default_rng(0).integers(0, 256, (37, 50), dtype=np.uint8)
VALUES = {"0": "background", "1": "disc"}
LEARNED, HELD = ("x0", "x1", "x2"), ("x3", "x4")


@pytest.fixture(scope="module")
def trained(tmp_path_factory, running_backend):
    """A model that marks what is bright, converted for OpenVINO, in a folder as of its training."""
    if running_backend == "jax" or importlib.util.find_spec("openvino") is None:
        pytest.skip("NO openvino: it is not installed, or this backend does not write it")
    root = tmp_path_factory.mktemp("int8")
    examples = discs(root / "data", 5)
    table = root / "table.csv"
    rows = [f"{one.name},{one.image},{one.mask}" for one in examples]
    table.write_text("\n".join(["name,image,mask", *rows]))
    run = models.save(root / "run", models.brightness([0.4]), head="sigmoid", classes=DISC)
    chosen = options(data={"dataset": str(table), "mask_values": VALUES})
    (run / "config.toml").write_text(dump_config(chosen))
    write_split(run / "split.json", examples, [split_of(examples, HELD)])
    export_model(run, format="openvino")
    return run, table


@pytest.fixture
def run(trained, tmp_path):
    return shutil.copytree(trained[0], tmp_path / "run")


@pytest.fixture
def calibrated(monkeypatch):
    """Stand in for NNCF: note the images and what is seen of them; the model stays as it is."""
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: name == "nncf" or real(name, *a)
    )
    seen = []

    def quantize(model, images, batch_of, out):
        seen.extend((one.image.stem, batch_of(one)) for one in images)
        for suffix in (".xml", ".bin"):
            shutil.copy(model.with_suffix(suffix), out.with_suffix(suffix))

    monkeypatch.setattr(int8_export, "quantize", quantize)
    return seen


def export(run, *arguments, **options):
    return export_model(run, *arguments, format="openvino", precision="int8", **options)


def test_it_is_calibrated_on_training_images_and_compared_on_the_others(run, calibrated):
    steps = []
    report = export(run, progress=lambda *one: steps.append(one))
    assert [name for name, _ in calibrated] == list(LEARNED)
    assert all(batch.shape == (1, 32, 32, 1) for _, batch in calibrated)
    assert all(0 <= batch.min() < batch.max() <= 1 for _, batch in calibrated)
    assert report.path == run / "model-int8.xml"
    assert (report.format, report.backend, report.difference) == ("openvino", "nncf", 0)
    scores = report.int8
    assert (scores.calibrated, scores.images, scores.part) == (3, 2, "validation")
    assert scores.float32_dice == scores.int8_dice == {"disc": 1.0}
    assert scores.agreement == {"disc": 1.0}
    assert [one for one in steps if one[0] != "looking at masks"] == [
        *(("calibrating", n, 3) for n in (1, 2, 3)),
        *(("comparing", n, 2) for n in (1, 2)),
    ]


def test_what_it_costs_is_measured(run, calibrated, monkeypatch):
    """Half of what is marked is lost: Dice 2 x 1/2 / (1/2 + 1) = 2/3, with truth and float32."""
    from maskforge.prediction.runtimes import openvino

    real = openvino.load

    def load(path, precision):
        loaded = real(path, precision)
        if precision != "int8":
            return loaded

        def infer(batch):
            result = loaded.infer(batch).copy()
            marked = np.flatnonzero(result > 0.5)
            result.reshape(-1)[marked[::2]] = 0.25
            return result

        return dataclasses.replace(loaded, infer=infer)

    monkeypatch.setattr(openvino, "load", load)
    report = export(run)
    assert report.int8.float32_dice == {"disc": 1.0}
    assert report.int8.int8_dice["disc"] == pytest.approx(2 / 3, abs=0.005)
    assert report.int8.agreement["disc"] == pytest.approx(2 / 3, abs=0.005)
    assert report.difference == pytest.approx(0.75, abs=0.01)


def test_predictions_take_it_on_demand_only(run, calibrated):
    with pytest.raises(OptionError, match="holds no INT8 model of its weights") as raised:
        Predictor.load(run, precision="int8")
    assert f"maskforge export-model {run} --to openvino --precision int8" in raised.value.hint
    export(run)
    predictor = Predictor.load(run, precision="int8")
    assert (predictor.runtime.name, predictor.runtime.precision) == ("openvino", "int8")
    assert predictor.predict(IMAGE).mask.shape == IMAGE.shape
    assert Predictor.load(run, runtime="openvino").runtime.precision == "float32"


def test_one_that_was_made_of_other_weights_is_not_taken(run, calibrated, tmp_path):
    export(run)
    models.save(run, models.brightness([0.7]), head="sigmoid", classes=DISC)
    with pytest.raises(OptionError, match="holds no INT8 model of its weights"):
        Predictor.load(run, precision="int8")


def test_it_can_be_written_elsewhere(run, calibrated, tmp_path):
    before = sorted(run.iterdir())
    report = export(run, tmp_path / "deep" / "small.xml")
    assert report.path == tmp_path / "deep" / "small.xml"
    assert sorted(one.name for one in report.path.parent.iterdir()) == ["small.bin", "small.xml"]
    assert sorted(run.iterdir()) == before


def test_it_is_replaced_only_on_demand(run, calibrated):
    export(run)
    with pytest.raises(OutputExistsError):
        export(run)
    export(run, overwrite=True)


def test_other_images_can_be_named(run, calibrated, tmp_path):
    """Of images that the split of the training does not know, a fifth is held out."""
    others = discs(tmp_path / "others", 10)
    table = tmp_path / "others.csv"
    table.write_text("\n".join(["image,mask", *(f"{one.image},{one.mask}" for one in others)]))
    report = export(run, dataset=table)
    assert (report.int8.calibrated, report.int8.images) == (8, 2)
    assert report.int8.part == "held out"


def test_not_more_images_than_needed_are_calibrated_on(run, calibrated, monkeypatch):
    monkeypatch.setattr(int8_export, "_MOST_CALIBRATED", 2)
    assert export(run).int8.calibrated == 2
    assert [name for name, _ in calibrated] == ["x0", "x2"]


def test_a_large_image_gives_one_tile(run, calibrated, monkeypatch):
    monkeypatch.setattr("maskforge.prediction.predictor.auto_tile", lambda *_: Size(16, 12))
    export(run)
    assert [batch.shape for _, batch in calibrated] == [(1, 12, 16, 1)] * 3


@pytest.mark.parametrize(
    ("damage", "error", "reason"),
    [
        (lambda run: (run / "config.toml").unlink(), OptionError, "does not say which images"),
        (lambda run: (run / "maskforge.json").unlink(), ModelError, "holds no trained model"),
    ],
)
def test_what_is_missing_is_named(run, calibrated, damage, error, reason):
    damage(run)
    with pytest.raises(error, match=reason):
        export(run)
    assert not (run / "model-int8.xml").exists()


def test_images_that_have_gone_are_asked_for(run, calibrated):
    config = run / "config.toml"
    config.write_text(config.read_text().replace("table.csv", "gone.csv"))
    with pytest.raises(OptionError, match="cannot be used") as raised:
        export(run)
    assert "--dataset" in raised.value.hint
    with pytest.raises(DatasetError):
        export(run, dataset=run / "nowhere")


@pytest.mark.parametrize(
    ("chosen", "reason"),
    [
        ({"format": "onnx", "precision": "int8"}, "onnx is not written in INT8"),
        ({"format": "openvino", "precision": "int4"}, "precision cannot be 'int4'"),
        ({"format": "openvino", "dataset": "masks"}, "needs no data set"),
    ],
)
def test_combinations_that_make_no_sense_are_refused(run, chosen, reason):
    with pytest.raises(OptionError, match=reason):
        export_model(run, **chosen)


def test_the_missing_package_is_named(run, monkeypatch):
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name == "nncf" else real(name, *a)
    )
    with pytest.raises(MissingDependencyError, match=r"pip install 'maskforge\[int8\]'"):
        export(run)


def test_nncf_writes_a_model_that_says_nearly_the_same(tmp_path, trained):
    if importlib.util.find_spec("nncf") is None:
        pytest.skip("NO nncf: it is not installed, so no INT8 model is really written")
    run = shutil.copytree(trained[0], tmp_path / "run")
    models.save(run, models.network("sigmoid", outputs=1), head="sigmoid", classes=DISC)
    export_model(run, format="openvino", overwrite=True)
    report = export(run)
    assert 0 < report.difference < 0.2
    low, plain = (
        Predictor.load(run, runtime="openvino", precision=one) for one in ("int8", "float32")
    )
    found, expected = (one.predict(IMAGE).probabilities for one in (low, plain))
    assert 1e-6 < np.abs(found - expected).max() < 0.2
    assert '"FakeQuantize"' in report.path.read_text()


def test_an_image_that_cannot_be_read_is_named(tmp_path, trained):
    if importlib.util.find_spec("nncf") is None:
        pytest.skip("NO nncf: it is not installed, so no INT8 model is really written")
    table = trained[1]
    folder = shutil.copytree(table.parent, tmp_path / "moved")
    config = folder / "run" / "config.toml"
    config.write_text(config.read_text().replace(str(table), str(folder / "table.csv")))
    rows = (folder / "table.csv").read_text().replace(str(table.parent), str(folder))
    (folder / "table.csv").write_text(rows)
    real = int8_export.quantize

    def quantize(model, images, batch_of, out):
        images[1].image.write_bytes(b"nothing")
        real(model, images, batch_of, out)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(int8_export, "quantize", quantize)
        with pytest.raises(DatasetError, match=r"x1\.png"):
            export(folder / "run")
    assert not (folder / "run" / "model-int8.xml").exists()
