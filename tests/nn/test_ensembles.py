"""The model of a cross-validation: the mean of the networks of its folds."""

import json

import model_folders as models
import numpy as np
import pytest
from PIL import Image
from training_runs import discs, options

from maskforge.errors import ModelError, OptionError
from maskforge.evaluation.evaluate import evaluate
from maskforge.examples.sources import open_examples
from maskforge.examples.split import Split
from maskforge.examples.splitfile import write_split
from maskforge.masks.classes import ClassMap, MaskClass
from maskforge.masks.post_processing import PostProcessing
from maskforge.nn.modelfile import read_description
from maskforge.prediction.predict import predict
from maskforge.prediction.predictor import Predictor
from maskforge.training.fold_summary import describe
from maskforge.training.initial_model import take_over
from maskforge.training.model_export import export_model
from maskforge.training.run_folder import RunRecord, Scores, read_record
from maskforge.training.train import train

CLASSES = ClassMap((MaskClass(1, "caries", (255, 0, 0), ("caries",)),))
IMAGE = np.array([[0, 51, 102, 110], [128, 153, 204, 255]], dtype=np.uint8)
GAIN = 20.0


def probability(image, cut):
    return 1 / (1 + np.exp(-GAIN * (image / 255 - cut)))


def fold(folder, number, cut, *, dice, threshold=0.5, **description):
    models.save(
        folder / f"fold-{number}",
        models.brightness((cut,), gains=(GAIN,)),
        head="sigmoid",
        classes=CLASSES,
        thresholds=(threshold,),
        **description,
    )
    return RunRecord(name=f"fold-{number}", validation=Scores(dice=dice))


@pytest.fixture
def folds(tmp_path):
    """Two networks: from 0.2 and from 0.6 on, pixels are more likely caries than not."""
    folder = tmp_path / "cv"
    records = [
        fold(folder, 1, 0.2, dice=0.9, threshold=0.4, tile=(64, 32)),
        fold(folder, 2, 0.6, dice=0.3, threshold=0.7, tile=(32, 64)),
    ]
    assert describe(folder, records) == ""
    return folder


@pytest.mark.parametrize(
    ("weights", "shares"), [("equal", (0.5, 0.5)), ("validation", (0.75, 0.25))]
)
def test_probabilities_are_averaged_and_so_are_thresholds(folds, weights, shares):
    model = Predictor.load(folds, runtime="keras", fold_weights=weights)
    found = model.predict(IMAGE)
    expected = sum(
        share * probability(IMAGE, cut) for share, cut in zip(shares, (0.2, 0.6), strict=True)
    )
    np.testing.assert_allclose(found.probabilities[..., 0], expected, atol=1e-5)
    assert model.description.thresholds == pytest.approx((0.55,))
    assert model.description.tile == (64, 64)
    assert found.mask.tolist() == (expected >= 0.55).astype(int).tolist()


def test_post_processing_is_what_most_folds_do(tmp_path):
    rules = (
        {"caries": PostProcessing(min_size=40, one_per="image", lesion_f1=(0.5, 0.6))},
        {"caries": PostProcessing(min_size=7, fill_holes=True, one_per="image")},
        {},
        {"caries": PostProcessing(min_size=9, fill_holes=True, one_per="image")},
    )
    records = [
        fold(tmp_path, number, 0.2, dice=0.5, post_processing=rule)
        for number, rule in enumerate(rules, 1)
    ]
    describe(tmp_path, records[:3])
    expected = PostProcessing(min_size=7, one_per="image")
    assert read_description(tmp_path).post_processing == {"caries": expected}
    describe(tmp_path, records)  # two of four fill holes, which is no majority
    assert read_description(tmp_path).post_processing == {"caries": expected}
    describe(tmp_path, records[2:])
    assert read_description(tmp_path).post_processing == {}


def test_a_folder_is_predicted_and_the_report_says_by_what(folds, tmp_path):
    Image.fromarray(IMAGE).save(tmp_path / "x.png")
    report = predict(folds, tmp_path / "x.png", tmp_path / "out", runtime="keras")
    assert report.images["predicted"] == 1
    assert "predicted by the mean of 2 networks, one for each fold" in report.notes


@pytest.fixture
def data(tmp_path, folds):
    """Two images; the first is in fold 1, so only network 1 has not seen it."""
    for name in ("a", "b"):
        for kind, values in (("images", IMAGE), ("masks", (IMAGE >= 153).astype(np.uint8))):
            (tmp_path / "data" / kind).mkdir(parents=True, exist_ok=True)
            Image.fromarray(values).save(tmp_path / "data" / kind / f"{name}.png")
    examples = open_examples(tmp_path / "data", classes=CLASSES)
    parts = [Split(("b",), ("a",)), Split(("a",), ("b",))]
    write_split(folds / "split.json", examples, parts)
    return examples


@pytest.mark.parametrize("part", ["auto", "validation"])
def test_images_of_the_folds_are_evaluated_by_the_network_that_has_not_seen_them(data, folds, part):
    report = evaluate(folds, data, bootstrap=0, part=part, charts=False, runtime="keras")
    assert report.part == "validation"
    assert "out of fold" in " ".join(report.notes)
    assert "WARNING" not in " ".join(report.notes)
    assert "mean of" not in " ".join(report.notes)
    dice = {row.name: row.dice for row in report.rows}
    # Network 1 marks all but the black pixel, 3 of 7 rightly; network 2 marks 2, both rightly.
    assert dice == pytest.approx({"a": 2 * 3 / (7 + 3), "b": 2 * 2 / (2 + 3)})


def other_masks(folder, **images):
    """What somebody else drew on images: all but the white pixel."""
    for name, image in images.items():
        for kind, values in (("images", image), ("masks", (image < 255).astype(np.uint8))):
            (folder / kind).mkdir(parents=True, exist_ok=True)
            Image.fromarray(values).save(folder / kind / f"{name}.png")
    return open_examples(folder, classes=CLASSES)


def test_masks_of_somebody_else_are_compared_out_of_fold_too(folds, tmp_path):
    images = {"a": IMAGE, "b": IMAGE[::-1].copy()}
    examples = other_masks(tmp_path / "first", **images)
    write_split(folds / "split.json", examples, [Split(("b",), ("a",)), Split(("a",), ("b",))])
    # Neither names nor all of the images have to be the same.
    truth = other_masks(tmp_path / "second", **{"2b": images["b"]})
    report = evaluate(folds, truth, bootstrap=0, charts=False, runtime="keras")
    assert "out of fold" in " ".join(report.notes)
    # Network 2 marks 2 pixels, of which all but the white one are in the truth of 7.
    assert {row.name: row.dice for row in report.rows} == pytest.approx({"2b": 2 * 1 / (2 + 7)})


@pytest.mark.parametrize("known", [True, False])
def test_images_of_which_no_fold_is_known_are_predicted_by_all(data, folds, tmp_path, known):
    """The two images of the set are the same, so both networks have seen them."""
    images = {"x": IMAGE} if known else {"x": IMAGE // 2}
    report = evaluate(
        folds, other_masks(tmp_path / "other", **images), bootstrap=0, charts=False, runtime="keras"
    )
    assert report.part == "all"
    assert ("WARNING" in " ".join(report.notes)) == known


def test_the_mean_of_networks_that_have_seen_the_images_is_warned_of(data, folds):
    report = evaluate(folds, data, bootstrap=0, part="all", charts=False, runtime="keras")
    assert "2 of 2 images were used to train this model" in " ".join(report.notes)


def test_a_single_network_has_no_folds_to_weigh(folds):
    with pytest.raises(OptionError, match="is a single network"):
        Predictor.load(folds / "fold-1", fold_weights="validation")


def test_folds_without_scores_cannot_be_weighed_by_them(folds):
    path = folds / "maskforge.json"
    document = json.loads(path.read_bytes())
    for one in document["members"]:
        one["dice"] = None
    path.write_text(json.dumps(document))
    with pytest.raises(OptionError, match="have no Dice"):
        Predictor.load(folds, runtime="keras", fold_weights="validation")


USES = {
    "export": lambda folder: export_model(folder, format="onnx"),
    "init": lambda folder: take_over(options(init=str(folder))),
}


@pytest.mark.parametrize("use", USES)
def test_what_needs_one_network_names_a_fold(folds, use):
    with pytest.raises(ModelError, match="mean of 2 networks") as caught:
        USES[use](folds)
    assert str(folds / "fold-1") in (caught.value.hint or "")


def test_a_fold_that_was_trained_anew_is_refused(folds):
    fold(folds, 2, 0.7, dice=0.3)
    with pytest.raises(ModelError, match="SHA-256 differs"):
        Predictor.load(folds, runtime="keras")


@pytest.mark.parametrize("name", ["../fold-1", "/fold-1", "", "a/b", ".."])
def test_networks_outside_the_folder_are_refused(folds, name):
    path = folds / "maskforge.json"
    document = json.loads(path.read_bytes())
    document["members"][0]["folder"] = name
    path.write_text(json.dumps(document))
    with pytest.raises(ModelError, match="members"):
        read_description(folds)


def test_folds_that_see_images_differently_are_not_one_model(tmp_path):
    records = [fold(tmp_path, 1, 0.2, dice=0.9), fold(tmp_path, 2, 0.2, dice=0.9, stride=8)]
    assert "differ in stride" in describe(tmp_path, records)
    assert not (tmp_path / "maskforge.json").exists()


@pytest.mark.usefixtures("eager")
def test_a_cross_validation_leaves_a_model(tmp_path):
    record = train(
        discs(tmp_path / "data", 4), tmp_path / "cv", options(epochs=1, split={"folds": 2})
    )
    assert "Mean of 2 folds, each on its own validation examples" in record._repr_html_()
    made = read_description(tmp_path / "cv")
    parts = [read_description(tmp_path / "cv" / one.folder) for one in made.members]
    assert [one.folder for one in made.members] == ["fold-1", "fold-2"]
    assert [one.weights_digest for one in made.members] == [one.weights_digest for one in parts]
    dice = [read_record(tmp_path / "cv" / one.folder).validation.dice for one in made.members]
    assert [one.dice for one in made.members] == dice
    means = np.mean([one.thresholds for one in parts], axis=0)
    assert made.thresholds == pytest.approx(means)
    assert Predictor.load(tmp_path / "cv", runtime="keras").predict(IMAGE).mask.shape == (2, 4)
