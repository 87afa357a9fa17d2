"""Models evaluated on data sets: the parts of a split, leaks, thresholds."""

from dataclasses import replace

import numpy as np
import pytest
from example_files import folder, save
from msgspec.structs import replace as replaced

from maskforge.errors import DatasetError, ModelError, OptionError
from maskforge.evaluation.agreement.agree import agree
from maskforge.evaluation.evaluate import evaluate
from maskforge.evaluation.evaluate_options import EvaluateOptions
from maskforge.examples.sources import open_examples
from maskforge.examples.split import Split
from maskforge.examples.splitfile import write_split
from maskforge.examples.statistics import data_digest
from maskforge.images.intensity import ScalingRecord
from maskforge.masks.classes import ClassMap, MaskClass
from maskforge.masks.post_processing import PostProcessing
from maskforge.nn.modelfile import (
    ModelDescription,
    class_map_document,
    read_description,
    write_description,
)
from maskforge.prediction.model_options import ModelOptions
from maskforge.prediction.predictor import Predictor
from maskforge.prediction.runtimes.base import Runtime
from maskforge.processes.worker_pool import WorkerPool

QUICK = EvaluateOptions(bootstrap=0, charts=False, worst=0)

CLASSES = ClassMap((MaskClass(1, "caries", (255, 0, 0), ("caries",)),))

# Three images: found, half found, missed; a fourth without caries.
MASKS = {
    "a": [[0, 1, 1, 0], [0, 1, 1, 0]],
    "b": [[0, 1, 1, 0], [0, 0, 0, 0]],
    "c": [[0, 0, 0, 1], [0, 0, 0, 1]],
    "d": [[0, 0, 0, 0], [0, 0, 0, 0]],
}
BRIGHTNESS = {
    "a": [[0, 200, 200, 0], [70, 200, 200, 0]],
    "b": [[0, 200, 100, 0], [0, 0, 0, 0]],
    "c": [[0, 0, 0, 90], [0, 0, 0, 80]],
    "d": [[0, 0, 0, 70], [0, 0, 0, 0]],
}


@pytest.fixture
def data(tmp_path):
    """Images and masks 0 and 1, whose class map says caries."""
    for name, mask in MASKS.items():
        save(tmp_path / "data" / "images" / f"{name}.png", np.array(BRIGHTNESS[name], np.uint8))
        save(tmp_path / "data" / "masks" / f"{name}.png", np.array(mask, np.uint8))
    return open_examples(tmp_path / "data", classes=CLASSES)


@pytest.fixture
def model(tmp_path, monkeypatch):
    """Returns a maker of models for which caries is as probable as a pixel is bright."""

    def infer(batch):
        if read_description(tmp_path / "model").head == "sigmoid":
            return batch[..., :1]
        return np.concatenate([1 - batch[..., :1], batch[..., :1]], axis=-1)

    def load(path, *, runtime="auto", precision="auto", fold_weights="equal"):
        description = read_description(path)
        runs = Runtime("test", "float32", infer)
        return Predictor(path, description, description.classes, runs)

    def make(head="sigmoid", name="caries", **keys):
        (tmp_path / "model").mkdir(exist_ok=True)
        classes = ClassMap((MaskClass(1, name, (255, 0, 0), ()),))
        description = ModelDescription(
            class_map=class_map_document(classes),
            head=head,
            scaling=ScalingRecord(),
            stride=1,
            tile=(4, 2),
            thresholds=(0.5,) if head == "sigmoid" else (),
            **keys,
        )
        write_description(tmp_path / "model", description)
        return tmp_path / "model"

    monkeypatch.setattr(Predictor, "load", load)
    return make


@pytest.mark.parametrize("head", ["sigmoid", "softmax"])
def test_a_model_is_evaluated_on_whole_images(model, data, head):
    report = evaluate(model(head), data, options=QUICK)
    caries = report.classes[0]
    assert report.images == 4
    assert (caries.true_positive, caries.false_positive, caries.false_negative) == (5, 0, 3)
    assert caries.dice == pytest.approx(10 / 13)
    assert (caries.lesions.truth, caries.lesions.found) == (3, 2)
    assert caries.images.sensitivity == pytest.approx(2 / 3)
    assert caries.images.auc == 1.0  # the brightest pixel of d is darker than that of c
    assert report.image_score == "largest probability"
    assert caries.calibration.bins[0].pixels > 0
    assert [row.name for row in report.rows] == ["c", "b", "a", "d"]
    assert report.part == "all"


def test_what_a_network_predicts_is_measured_by_several_processes_alike(
    model, data, tmp_path, monkeypatch
):
    (tmp_path / "data" / "images" / "b.png").write_bytes(b"no image")
    shared, in_order = [], WorkerPool.in_order

    def counted(self, *arguments, **keywords):
        shared.append(self.workers)
        return in_order(self, *arguments, **keywords)

    monkeypatch.setattr(WorkerPool, "in_order", counted)
    one, two = (evaluate(model(), data, options=QUICK, workers=number) for number in (1, 2))
    assert shared == [2]
    assert (one.images, len(one.problems)) == (3, 1)
    assert replaced(one, created="", seconds=0) == replaced(two, created="", seconds=0)


def test_the_report_says_which_weights_these_are(model, data):
    report = evaluate(model(weights_digest="ab" * 32), data, options=QUICK)
    assert report.model_digest == "ab" * 32
    assert report.data_digest == data_digest(data)
    assert f">{'ab' * 32}<" in report._repr_html_()


def test_the_threshold_can_be_chosen(model, data):
    lower = replace(QUICK, model=ModelOptions(thresholds=0.3))
    assert evaluate(model(), data, options=lower).classes[0].dice == 1.0
    with pytest.raises(OptionError, match="there is no threshold"):
        evaluate(model("softmax"), data, options=lower)


def test_post_processing_is_used_and_named_unless_it_is_left_out(model, data):
    """What is predicted of the lesion in b is a single pixel."""
    rules = {"caries": PostProcessing(min_size=2, lesion_f1=(0.5, 0.625))}
    place = model(post_processing=rules)
    report = evaluate(place, data, options=QUICK)
    assert (report.classes[0].lesions.found, report.classes[0].true_positive) == (1, 4)
    (said,) = (one for one in report.notes if "post-processing" in one)
    assert said == (
        "post-processing of caries: regions of fewer than 2 px are removed "
        "(lesion F1 on validation images 0.500 without, 0.625 with it)"
    )
    bare = evaluate(place, data, options=QUICK, model={"post_processing": "none"})
    assert (bare.classes[0].lesions.found, bare.classes[0].true_positive) == (2, 5)
    assert not any("post-processing" in one for one in bare.notes)


def test_a_data_set_can_be_named(model, data, tmp_path):
    options = replace(QUICK, classes=CLASSES)
    assert evaluate(model(), tmp_path / "data", options=options).classes[0].dice == 10 / 13


def test_a_model_beside_annotators(model, data, tmp_path):
    """One of them is the truth; the other draws as the model does, so it differs more from him."""
    for name, rows in BRIGHTNESS.items():
        drawn = (np.array(rows) > 127).astype(np.uint8)
        save(tmp_path / "other" / f"{name}.png", drawn)
    others = replace(QUICK, classes=CLASSES)
    report = evaluate(model(), [data, tmp_path / "other"], options=others)
    alone = evaluate(model(), data, options=QUICK)
    assert report.classes == alone.classes
    beside = report.annotators
    assert beside.images == 4
    assert beside.annotators_dice == pytest.approx(10 / 13)
    assert beside.prediction_dice == pytest.approx((10 / 13 + 1) / 2)


def test_a_model_among_annotators(model, data, tmp_path):
    """It predicts the images of the first, and is compared like a person."""
    del data
    report = agree([tmp_path / "data", model()], classes=CLASSES, bootstrap=0)
    assert report.pairs[0].classes[0].dice == pytest.approx(10 / 13)
    assert list(report.annotators) == ["data", "model"]
    with pytest.raises(OptionError, match="the first annotator"):
        agree([model(), tmp_path / "data"], classes=CLASSES, bootstrap=0)


def test_an_image_that_has_gone_is_named(model, data, tmp_path):
    (tmp_path / "data" / "images" / "b.png").unlink()
    report = evaluate(model(), data, options=QUICK)
    assert report.images == 3
    assert "b.png" in report.problems[0]
    assert report.exit_code == 1


def test_the_test_part_of_the_training_is_taken_by_itself(model, data):
    write_split(model() / "split.json", data, Split(("a",), ("b",), ("c", "d")))
    report = evaluate(model(), data, options=QUICK)
    assert report.part == "test"
    assert {row.name for row in report.rows} == {"c", "d"}
    assert not any("WARNING" in note for note in report.notes)
    assert any("part 'test' of" in note and "2 of 4 images" in note for note in report.notes)
    assert report.unpaired_truth == ()


def test_without_test_part_it_is_validation_and_this_is_said(model, data):
    write_split(model() / "split.json", data, Split(("a", "c", "d"), ("b",)))
    report = evaluate(model(), data, options=QUICK)
    assert report.part == "validation"
    assert any("chose the best epoch" in note for note in report.notes)


@pytest.mark.parametrize(("part", "seen"), [("train", "1 of 1"), ("all", "1 of 4")])
def test_images_of_the_training_are_warned_of(model, data, part, seen):
    write_split(model() / "split.json", data, Split(("a",), ("b",), ("c", "d")))
    report = evaluate(model(), data, options=replace(QUICK, part=part))
    assert any(
        note.startswith(f"WARNING: {seen} images were used to train") for note in report.notes
    )


def test_an_image_of_the_training_is_known_by_its_content(model, data, tmp_path):
    """In another data set, under another name."""
    write_split(model() / "split.json", data, Split(("a",), ("b",), ("c", "d")))
    other = folder(tmp_path / "other", {"x": np.array(MASKS["a"], np.uint8)})
    save(other / "images" / "x.png", np.array(BRIGHTNESS["a"], np.uint8))
    report = evaluate(model(), other, options=replace(QUICK, classes=CLASSES))
    assert report.part == "all"
    assert any("WARNING: 1 of 1 images were used to train" in note for note in report.notes)
    save(other / "images" / "x.png", np.array(BRIGHTNESS["b"], np.uint8))
    report = evaluate(model(), other, options=replace(QUICK, classes=CLASSES))
    assert not any("WARNING" in note for note in report.notes)


def test_other_images_of_the_same_patients_are_warned_of(model, data, tmp_path):
    grouped = open_examples(tmp_path / "data", classes=CLASSES, group_pattern="[a-d]")
    write_split(model() / "split.json", grouped, Split(("a", "c"), ("b",), ("d",)))
    other = folder(tmp_path / "other", {"a2": np.array(MASKS["a"], np.uint8)})
    examples = open_examples(other, classes=CLASSES, group_pattern="[a-d]")
    report = evaluate(model(), examples, options=QUICK)
    assert any("belong to groups that this model was trained on: a2" in n for n in report.notes)


def test_after_a_cross_validation_all_but_test_are_warned_of(model, data):
    folds = [Split(("a",), ("b",), ("c", "d")), Split(("b",), ("a",), ("c", "d"))]
    write_split(model() / "split.json", data, folds)
    assert evaluate(model(), data, options=QUICK).part == "test"
    folds = [Split(("a", "c"), ("b", "d")), Split(("b", "d"), ("a", "c"))]
    write_split(model() / "split.json", data, folds)
    report = evaluate(model(), data, options=QUICK)
    assert report.part == "all"
    assert any("WARNING: 4 of 4 images" in note for note in report.notes)


def test_a_split_file_can_be_given(model, data, tmp_path):
    path = tmp_path / "mine.json"
    path.write_text('{"train": ["a"], "validation": ["b"], "test": ["c"], "unused": ["d"]}')
    options = replace(QUICK, split=path)
    assert [row.name for row in evaluate(model(), data, options=options).rows] == ["c"]
    report = evaluate(model(), data, options=replace(options, part="train"))
    assert [row.name for row in report.rows] == ["a"]


def test_a_part_that_is_not_there_is_refused(model, data, tmp_path):
    with pytest.raises(OptionError, match="there is no split of which 'test'"):
        evaluate(model(), data, options=replace(QUICK, part="test"))
    write_split(model() / "split.json", data, Split(("a", "c", "d"), ("b",)))
    with pytest.raises(OptionError, match=r"the part 'test' of .* is empty"):
        evaluate(model(), data, options=replace(QUICK, part="test"))


def test_a_model_of_another_class_is_compared_if_both_have_one(model, data):
    report = evaluate(model(name="decay"), data, options=QUICK)
    assert report.classes[0].dice == pytest.approx(10 / 13)
    assert any("'decay' of the prediction is compared with 'caries'" in n for n in report.notes)


def test_a_model_needs_images(model, data, tmp_path):
    with pytest.raises(DatasetError):
        evaluate(model(), tmp_path / "data" / "masks", options=QUICK)


def test_a_training_that_has_not_finished_is_told_from_a_folder_of_masks(tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    (run / "run.json").write_text('{"name": "run", "state": "running"}')
    (run / "curves.png").touch()
    with pytest.raises(ModelError, match="without a model") as caught:
        evaluate(run, tmp_path, options=QUICK)
    assert caught.value.hint.endswith(f"--resume --out {run}")


def test_the_report_says_why_the_model_computes_as_it_does(model, data):
    predictor = Predictor.load(model())
    noted = replace(predictor, runtime=replace(predictor.runtime, notes=("bfloat16, because.",)))
    assert "bfloat16, because." in evaluate(noted, data, options=QUICK).notes
