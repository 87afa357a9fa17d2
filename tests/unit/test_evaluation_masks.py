"""Folders of masks compared with each other, from files to report."""

from dataclasses import replace

import numpy as np
import pytest
from builders import files, grid, image, labelme, run, shape, square

from maskforge.errors import DatasetError, OptionError, OutputExistsError
from maskforge.evaluation.evaluate import evaluate
from maskforge.evaluation.evaluate_options import EvaluateOptions
from maskforge.evaluation.measures.measure_options import MeasureOptions
from maskforge.masks.classes import ClassMap, MaskClass
from maskforge.masks.maskfile import write_mask

QUICK = EvaluateOptions(bootstrap=0, charts=False, worst=0)

A_TRUTH = grid(
    "11..22",
    "11..22",
    "......",
    "VV...1",
)
A_PREDICTED = grid(
    "11...2",
    "1....2",
    "...11.",
    "11...1",
)
B_TRUTH = grid("......", ".11...")
B_PREDICTED = grid("......", "......")
C = grid("......", "......")


def masks(folder, suffix="png", **arrays):
    for name, array in arrays.items():
        write_mask(folder / f"{name}.{suffix}", array.astype(np.uint8))
    return folder


def two_classes():
    return ClassMap(tuple(MaskClass(id_, f"class {id_}", (id_, 0, 0), ()) for id_ in (1, 2)))


@pytest.fixture
def folders(tmp_path):
    """Three images; of the second nothing was predicted, on the third there is nothing."""
    masks(tmp_path / "truth", a=A_TRUTH, b=B_TRUTH, c=C)
    masks(tmp_path / "predicted", a=A_PREDICTED, b=B_PREDICTED, c=C)
    return tmp_path / "predicted", tmp_path / "truth"


def by_name(report):
    return {one.name: one for one in report.classes}


def test_scores_of_two_folders_by_hand(folders):
    report = evaluate(*folders, options=QUICK)
    assert report.images == 3
    assert report.exit_code == 0
    first, second, background = report.classes
    assert (first.name, second.name, background.name) == ("class 1", "class 2", "background")
    # Class 1: 3 of the 4 and the single one of a; nothing of the 2 of b; 2 invented.
    cells = (first.true_positive, first.false_positive, first.false_negative, first.true_negative)
    assert cells == (4, 2, 3, 22 + 12 + 12 - 4 - 2 - 3)
    assert first.dice == pytest.approx(8 / 13)
    assert first.iou == pytest.approx(4 / 9)
    assert first.precision == pytest.approx(4 / 6)
    assert first.recall == pytest.approx(4 / 7)
    assert second.dice == pytest.approx(2 * 2 / (2 * 2 + 2))
    overall = report.overall
    assert overall.foreground["dice"] == pytest.approx((8 / 13 + 4 / 6) / 2)
    assert overall.with_background["dice"] == pytest.approx((8 / 13 + 4 / 6 + background.dice) / 3)
    # 46 pixels: 9 foreground in a and 2 in b; 3 + 2 are missed, 2 invented.
    assert overall.background_accuracy == pytest.approx((46 - 11) / 46)
    assert overall.accuracy == pytest.approx((46 - 7) / 46)
    assert report.confusion.names == ("background", "class 1", "class 2")
    assert report.confusion.pixels == ((33, 2, 0), (3, 4, 0), (2, 0, 2))


def test_lesions_images_and_outlines_by_hand(folders):
    first, second, _ = evaluate(*folders, options=QUICK).classes
    # In a: a square, half hidden, and a pixel that a predicted line touches only at a corner.
    lesions = first.lesions
    assert (lesions.truth, lesions.found, lesions.predicted, lesions.false) == (3, 2, 2, 0)
    assert lesions.sensitivity == pytest.approx(2 / 3)
    assert lesions.false_per_image == 0
    images = first.images
    assert (images.positive, images.negative, images.found, images.false) == (2, 1, 1, 0)
    assert (images.sensitivity, images.specificity) == (0.5, 1.0)
    assert images.auc == pytest.approx(0.75)  # b has the score of c
    assert (first.surface.images, first.surface.only_truth) == (1, 1)
    assert (second.surface.images, second.surface.only_truth) == (1, 0)
    assert second.surface.hd95_mean == 1.0
    assert second.surface.surface_dice_mean == 1.0
    strict = replace(QUICK, measure=MeasureOptions(tolerance=0.5))
    second = evaluate(*folders, options=strict).classes[1]
    assert second.surface.surface_dice_mean == pytest.approx((2 + 2) / (4 + 2))


def test_options_reach_the_lesions(folders):
    def lesions(**options):
        chosen = replace(QUICK, measure=MeasureOptions(**options))
        return evaluate(*folders, options=chosen).classes[0].lesions

    # With corners apart, the line is a lesion of its own, and invented.
    assert lesions(connectivity=4).false == 1
    assert lesions(match_iou=0.5).found == 1
    assert lesions(min_size=3).truth == 1


def test_images_are_listed_the_worst_first(folders):
    report = evaluate(*folders, options=QUICK)
    assert [(row.name, row.dice) for row in report.rows] == [
        ("b", 0.0),
        ("a", pytest.approx(2 * 6 / (2 * 6 + 2 + 3))),
        ("c", None),
    ]
    assert report.rows[0].missed_lesions == 1
    row = report.rows[1].classes["class 1"]
    assert (row.truth_pixels, row.predicted_pixels, row.lesions) == (5, 6, 2)
    assert report.rows[2].classes["class 1"].dice is None
    assert report.rows[2].classes["class 1"].hd95 is None


def test_void_of_the_truth_does_not_count_whatever_was_predicted(folders, tmp_path):
    other = A_PREDICTED.copy()
    other[A_TRUTH == 255] = 2
    masks(tmp_path / "other", a=other, b=B_PREDICTED, c=C)
    first = evaluate(*folders, options=QUICK)
    second = evaluate(tmp_path / "other", tmp_path / "truth", options=QUICK)
    assert second.classes == first.classes
    assert second.rows == first.rows


def test_void_of_the_prediction_is_background_and_said(folders, tmp_path):
    other = A_PREDICTED.copy()
    other[0, 0] = 255
    masks(tmp_path / "other", a=other, b=B_PREDICTED, c=C)
    report = evaluate(tmp_path / "other", tmp_path / "truth", options=QUICK)
    assert report.classes[0].true_positive == 3
    assert any("void pixels of 1 predictions" in note and "a" in note for note in report.notes)


def test_masks_without_partner_are_counted_and_named(folders, tmp_path):
    masks(tmp_path / "truth", lonely=C)
    masks(tmp_path / "predicted", stray=C)
    report = evaluate(*folders, options=QUICK)
    assert report.images == 3
    assert report.unpaired_truth == ("lonely",)
    assert report.unpaired_predictions == ("stray",)
    assert report.exit_code == 1


def test_a_mask_of_another_size_is_named_and_the_others_are_compared(folders, tmp_path):
    masks(tmp_path / "predicted", b=np.zeros((3, 6)))
    report = evaluate(*folders, options=QUICK)
    assert report.images == 2
    (problem,) = report.problems
    assert "b.png" in problem
    assert "the truth has 6 x 2 px, the prediction 6 x 3 px" in problem
    assert report.exit_code == 1


def test_nothing_in_common_is_an_error(folders, tmp_path):
    masks(tmp_path / "others", x=C, y=C)
    with pytest.raises(DatasetError, match=r"no mask of .* has the name of one of"):
        evaluate(tmp_path / "others", tmp_path / "truth", options=QUICK)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError, match="holds no masks"):
        evaluate(tmp_path / "empty", tmp_path / "truth", options=QUICK)
    with pytest.raises(DatasetError, match="does not exist"):
        evaluate(tmp_path / "nowhere", tmp_path / "truth", options=QUICK)


def test_binary_masks_are_understood_and_this_is_said(tmp_path):
    masks(tmp_path / "truth", x=grid("..VV"))
    masks(tmp_path / "predicted", x=grid(".VVV"))
    report = evaluate(tmp_path / "predicted", tmp_path / "truth", options=QUICK)
    assert report.classes[0].dice == pytest.approx(4 / 5)
    assert any("binary" in note for note in report.notes)


def test_values_can_be_named(tmp_path):
    masks(tmp_path / "truth", x=grid("..99"))
    masks(tmp_path / "predicted", x=grid(".999"))
    options = replace(QUICK, mask_values={"0": "background", "9": "caries"})
    report = evaluate(tmp_path / "predicted", tmp_path / "truth", options=options)
    assert by_name(report)["caries"].dice == pytest.approx(4 / 5)


def test_classes_are_compared_by_name_not_by_id(tmp_path):
    """One run of convert gives caries the id 1, the other 5; pulp is in one of them alone."""
    for name, classes in (("one", ("caries=1",)), ("two", ("caries=5", "pulp=1"))):
        shapes = [square("caries", 1, 1, 4, 4)]
        if name == "two":
            shapes.append(square("pulp", 5, 1, 7, 2))
        labelme(tmp_path / f"{name}-in" / "x.json", *shapes)
        options = [part for one in classes for part in ("--class", one)]
        run("convert", tmp_path / f"{name}-in", "--out", tmp_path / name, *options)
    report = evaluate(tmp_path / "two", tmp_path / "one", options=QUICK)
    assert [one.name for one in report.classes] == ["caries", "background"]
    assert report.classes[0].id == 1
    assert report.classes[0].dice == 1.0
    assert any("prediction alone count as background: pulp" in note for note in report.notes)
    back = evaluate(tmp_path / "one", tmp_path / "two", options=QUICK)
    assert back.classes[0].id == 5
    assert any("truth alone count as background: pulp" in note for note in back.notes)


def test_two_single_classes_are_compared_whatever_their_names(tmp_path):
    for name in ("lesion", "caries"):
        labelme(tmp_path / f"{name}-in" / "x.json", square(name, 1, 1, 4, 4))
        run("convert", tmp_path / f"{name}-in", "--out", tmp_path / name)
    report = evaluate(tmp_path / "lesion", tmp_path / "caries", options=QUICK)
    assert report.classes[0].dice == 1.0
    assert any("'lesion' of the prediction is compared with 'caries'" in n for n in report.notes)


def test_no_class_in_common_is_an_error(tmp_path):
    for name, labels in (("one", ("a", "b")), ("two", ("c", "d"))):
        shapes = [square(label, 1, 1, 4, 4) for label in labels]
        labelme(tmp_path / f"{name}-in" / "x.json", *shapes)
        run("convert", tmp_path / f"{name}-in", "--out", tmp_path / name)
    with pytest.raises(DatasetError, match="no class in common: c, d and a, b"):
        evaluate(tmp_path / "one", tmp_path / "two", options=QUICK)


def test_overlapping_classes_are_compared_channel_by_channel(tmp_path):
    """Class a is a square of 9 px, b one of 9 px that overlaps it by 2 px."""
    labelme(tmp_path / "in" / "x.json", square("a", 1, 1, 4, 4), square("b", 3, 2, 6, 5))
    options = ("--encoding", "multihot", "--file-type", "npy")
    run("convert", tmp_path / "in", "--out", tmp_path / "truth", *options)
    run("convert", tmp_path / "in", "--out", tmp_path / "predicted")  # b lies over a
    report = evaluate(tmp_path / "predicted", tmp_path / "truth", options=QUICK)
    scores = by_name(report)
    assert (scores["a"].true_positive, scores["a"].false_negative) == (7, 2)
    assert scores["b"].dice == 1.0
    assert report.confusion is None
    assert report.overall.accuracy == pytest.approx((48 - 2) / 48)


def test_masks_are_paired_by_their_image_and_then_by_their_file_name(tmp_path):
    image(tmp_path / "in" / "x.png")
    labelme(tmp_path / "in" / "x.json", square("a", 1, 1, 4, 4))
    labelme(tmp_path / "other" / "renamed.json", square("a", 1, 1, 4, 4), image="../in/x.png")
    run("convert", tmp_path / "in", "--out", tmp_path / "truth")
    run("convert", tmp_path / "other", "--images", tmp_path / "in", "--out", tmp_path / "predicted")
    (tmp_path / "predicted" / "masks" / "x.png").rename(
        tmp_path / "predicted" / "masks" / "renamed.png"
    )
    manifest = tmp_path / "predicted" / "manifest.jsonl"
    manifest.write_text(manifest.read_text().replace("masks/x.png", "masks/renamed.png"))
    report = evaluate(tmp_path / "predicted", tmp_path / "truth", options=QUICK)
    assert report.classes[0].dice == 1.0
    assert "1 masks of other names were paired by their image" in report.notes
    masks(tmp_path / "flat", x=grid("11"), y=grid("1."))
    masks(tmp_path / "deep" / "sub", x=grid("11"), y=grid("1."))
    report = evaluate(tmp_path / "flat", tmp_path / "deep", options=QUICK)
    assert report.images == 2
    assert any("2 masks of other names were paired by their file name" in n for n in report.notes)


def test_a_file_name_that_is_there_twice_decides_nothing(tmp_path):
    masks(tmp_path / "flat", x=grid("11"), y=grid("1."))
    masks(tmp_path / "deep" / "one", x=grid("11"), y=grid("1."))
    masks(tmp_path / "deep" / "two", x=grid(".1"))
    report = evaluate(tmp_path / "flat", tmp_path / "deep", options=QUICK)
    assert [row.name for row in report.rows] == ["one/y"]
    assert set(report.unpaired_truth) == {"one/x", "two/x"}


def test_groups_have_tables_of_their_own(tmp_path):
    labelme(tmp_path / "in" / "x.json", square("a", 1, 1, 4, 4))
    labelme(tmp_path / "in" / "y.json", square("a", 1, 1, 4, 4))
    labelme(tmp_path / "in" / "z.json")
    for name in "xyz":
        image(tmp_path / "in" / f"{name}.png")
    run("convert", tmp_path / "in", "--out", tmp_path / "truth")
    run("convert", tmp_path / "in", "--out", tmp_path / "predicted")
    masks(tmp_path / "predicted" / "masks", y=np.zeros((6, 8)))
    options = replace(QUICK, group_column="state")
    report = evaluate(tmp_path / "predicted", tmp_path / "truth", options=options)
    annotated, empty = report.groups
    assert (annotated.value, annotated.images, empty.value, empty.images) == (
        *("annotated", 2),
        *("empty", 1),
    )
    assert annotated.dice == pytest.approx(2 * 9 / (2 * 9 + 9))
    assert annotated.classes["a"]["lesion_sensitivity"] == 0.5
    assert annotated.classes["a"]["image_sensitivity"] == 0.5
    assert empty.dice is None
    assert empty.classes["a"]["image_specificity"] == 1.0
    options = replace(QUICK, group_column="town")
    with pytest.raises(OptionError, match="the truth has no column 'town'"):
        evaluate(tmp_path / "predicted", tmp_path / "truth", options=options)


def with_probabilities(folder, **arrays):
    (folder / "probabilities").mkdir(exist_ok=True)
    for name, array in arrays.items():
        np.save(folder / "probabilities" / f"{name}.npy", np.array(array, dtype=np.float16))


def test_probabilities_beside_the_masks_give_roc_and_calibration(tmp_path):
    """Nothing is predicted in y, but its lesion has a higher probability than z."""
    masks(tmp_path / "truth", x=grid("11"), y=grid("1."), z=grid(".."))
    folder = masks(tmp_path / "predicted", x=grid("11"), y=grid(".."), z=grid(".."))
    without = evaluate(folder, tmp_path / "truth", options=QUICK)
    assert without.classes[0].images.auc == pytest.approx(0.75)
    assert without.image_score == "share of the pixels that were predicted"
    assert without.classes[0].calibration is None
    with_probabilities(folder, x=[[[0.9], [0.8]]], y=[[[0.4], [0.1]]], z=[[[0.3], [0.1]]])
    report = evaluate(folder, tmp_path / "truth", options=QUICK)
    assert report.classes[0].images.auc == 1.0
    assert report.image_score == "largest probability"
    filled = [one for one in report.classes[0].calibration.bins if one.pixels]
    assert [(one.pixels, one.true) for one in filled] == [(2, 0), (1, 0), (1, 1), (1, 1), (1, 1)]
    points = {one.threshold: one for one in report.classes[0].lesions.operating_points}
    rates = [(points[at].sensitivity, points[at].false_per_image) for at in (0.25, 0.35, 0.45, 0.9)]
    assert rates == [(1, 1 / 3), (1, 0), (0.5, 0), (0.5, 0)]
    assert without.classes[0].lesions.operating_points == ()
    # Mean of the two largest: 0.85, 0.25 and 0.2; and of a softmax head the second channel counts.
    options = replace(QUICK, measure=MeasureOptions(top_pixels=2))
    assert evaluate(folder, tmp_path / "truth", options=options).rows[0].classes[
        "foreground"
    ].score == pytest.approx(0.25, abs=1e-3)
    with_probabilities(
        folder,
        x=[[[0.1, 0.9], [0.2, 0.8]]],
        y=[[[0.6, 0.4], [0.9, 0.1]]],
        z=[[[0.7, 0.3], [0.9, 0.1]]],
    )
    assert evaluate(folder, tmp_path / "truth", options=QUICK).classes == report.classes


def test_what_is_probable_in_void_is_no_false_lesion_at_any_threshold(tmp_path):
    """At 0.05 it is part of a region most of which lies where nothing is drawn."""
    masks(tmp_path / "truth", x=np.array([[1, 0, 0, 255, 0]], dtype=np.uint8))
    folder = masks(tmp_path / "predicted", x=grid("1...."))
    with_probabilities(folder, x=[[[0.9], [0.01], [0.1], [0.9], [0.1]]])
    report = evaluate(folder, tmp_path / "truth", options=QUICK)
    points = {one.threshold: one for one in report.classes[0].lesions.operating_points}
    assert (points[0.5].sensitivity, points[0.5].false_per_image) == (1, 0)
    assert (points[0.05].sensitivity, points[0.05].false_per_image) == (1, 1)


def test_probabilities_of_some_masks_alone_are_not_used_and_this_is_said(tmp_path):
    masks(tmp_path / "truth", x=grid("11"), y=grid(".."))
    folder = masks(tmp_path / "predicted", x=grid("11"), y=grid(".."))
    with_probabilities(folder, x=[[[0.9], [0.8]]])
    report = evaluate(folder, tmp_path / "truth", options=QUICK)
    assert report.classes[0].calibration is None
    assert any("probabilities are not used: 1 masks have none" in one for one in report.notes)


@pytest.mark.parametrize(
    "values", [np.zeros((2, 2, 1)), np.zeros((1, 2, 5)), np.full((1, 2, 1), np.nan), np.zeros(3)]
)
def test_probabilities_that_do_not_fit_are_named(tmp_path, values):
    masks(tmp_path / "truth", x=grid("11"), y=grid(".."))
    folder = masks(tmp_path / "predicted", x=grid("11"), y=grid(".."))
    with_probabilities(folder, x=[[[0.9], [0.8]]], y=values)
    report = evaluate(folder, tmp_path / "truth", options=QUICK)
    assert report.images == 1
    assert len(report.problems) == 1
    (folder / "probabilities" / "y.npy").write_bytes(b"nothing")
    (problem,) = evaluate(folder, tmp_path / "truth", options=QUICK).problems
    assert "y.npy" in problem


def test_intervals_contain_the_score_and_follow_groups(tmp_path):
    generator = np.random.default_rng(0)
    truth = {f"i{n}": (generator.random((8, 8)) < 0.3).astype(int) for n in range(12)}
    flips = {name: generator.random((8, 8)) < 0.02 * n for n, name in enumerate(truth)}
    masks(tmp_path / "truth", **truth)
    masks(tmp_path / "predicted", **{k: np.where(flips[k], 1 - v, v) for k, v in truth.items()})
    options = replace(QUICK, bootstrap=300)
    report = evaluate(tmp_path / "predicted", tmp_path / "truth", options=options)
    first = report.classes[0]
    for name in ("dice", "iou", "precision", "recall", "specificity"):
        low, high = first.intervals[name]
        assert low < getattr(first, name) < high
    low, high = first.intervals["hd95"]
    assert low < first.surface.hd95_mean < high
    low, high = report.overall.intervals["dice"]
    assert low < report.overall.foreground["dice"] < high
    again = evaluate(tmp_path / "predicted", tmp_path / "truth", options=options)
    assert again.classes == report.classes
    other = evaluate(tmp_path / "predicted", tmp_path / "truth", options=replace(options, seed=1))
    assert other.classes[0].intervals != first.intervals
    assert other.classes[0].dice == first.dice


@pytest.mark.parametrize(
    ("keywords", "text"),
    [
        ({"measure": {"tolerance": -1}}, "tolerance cannot be -1"),
        ({"measure": {"tolerance": float("nan")}}, "tolerance cannot be nan"),
        ({"measure": {"connectivity": 6}}, "connectivity cannot be 6"),
        ({"measure": {"match_iou": 1.5}}, "match_iou cannot be 1.5"),
        ({"measure": {"min_size": 0}}, "min_size cannot be 0"),
        ({"measure": {"top_pixels": 0}}, "top_pixels cannot be 0"),
        ({"measure": {"spacing": (0.0, 1.0)}}, "spacing cannot be"),
        ({"bootstrap": -1}, "bootstrap cannot be -1"),
        ({"part": "tset"}, "part cannot be 'tset'; did you mean 'test'"),
        ({"split": "nowhere.json"}, r"split file nowhere\.json does not exist"),
        ({"tolerence": 1}, "there is no option 'tolerence'"),
    ],
)
def test_options_that_cannot_be_used_are_refused_before_anything_is_opened(keywords, text):
    with pytest.raises(OptionError, match=text):
        evaluate("nowhere", "nowhere", **keywords)


def test_options_can_be_given_by_name_and_together(folders, tmp_path):
    (tmp_path / "split.json").write_text('{"train": ["a"], "validation": ["b"], "test": ["c"]}')
    split = str(tmp_path / "split.json")
    report = evaluate(*folders, None, QUICK, split=split, part="train", measure={"min_size": 3})
    assert [row.name for row in report.rows] == ["a"]
    assert report.options["split"] == split
    assert report.classes[0].intervals == {}
    assert report.classes[0].lesions.truth == 1


def test_a_report_is_not_replaced_unless_that_was_asked_for(folders, tmp_path):
    evaluate(*folders, tmp_path / "out", QUICK)
    assert files(tmp_path / "out") == {"report.json", "per-class.csv", "per-image.csv"}
    with pytest.raises(OutputExistsError, match=r"already holds report\.json"):
        evaluate(*folders, tmp_path / "out", QUICK)
    evaluate(*folders, tmp_path / "out", QUICK, overwrite=True)


def test_the_class_map_can_be_given(tmp_path):
    """Without it, the single values 1 and 2 of the masks would be binary and one class."""
    masks(tmp_path / "truth", x=grid("1122"))
    masks(tmp_path / "predicted", x=grid("1111"))
    options = replace(QUICK, classes=two_classes())
    report = evaluate(tmp_path / "predicted", tmp_path / "truth", options=options)
    assert by_name(report)["class 1"].dice == pytest.approx(4 / 6)
    assert by_name(report)["class 2"].dice == 0.0


def test_points_of_a_label_that_is_not_drawn_do_no_harm(tmp_path):
    labelme(tmp_path / "in" / "x.json", shape("a", [[1, 1]], "point"), square("b", 1, 1, 4, 4))
    run("convert", tmp_path / "in", "--out", tmp_path / "truth")
    report = evaluate(tmp_path / "truth", tmp_path / "truth", options=QUICK)
    assert by_name(report)["b"].dice == 1.0
    assert by_name(report)["a"].dice is None


def test_intervals_of_few_images_are_called_so_and_one_image_has_none(tmp_path):
    for name in ("truth", "predicted"):
        masks(tmp_path / name, a=grid("11.."))
    options = replace(QUICK, bootstrap=50)
    report = evaluate(tmp_path / "predicted", tmp_path / "truth", options=options)
    assert report.classes[0].intervals == {}
    assert not any("intervals" in note for note in report.notes)
    for name in ("truth", "predicted"):
        masks(tmp_path / name, b=grid("11.."))
    report = evaluate(tmp_path / "predicted", tmp_path / "truth", options=options)
    assert report.classes[0].intervals["dice"] == (1.0, 1.0)
    assert "the 95 % intervals rest on 2 images: too few to rely on" in report.notes
