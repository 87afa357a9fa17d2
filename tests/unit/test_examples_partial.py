"""Partial images in split, train and evaluate: left out, used or refused, and named."""

import json
import shutil

import pytest
from builders import image, labelme, run, shape, square

import maskforge as mf
from maskforge.errors import DatasetError, OptionError
from maskforge.training.configfile import build_options

LOST = shape("a", "?")


@pytest.fixture
def dataset(tmp_path):
    """Four whole images, two partial ones, and one of which nothing is known."""
    folder = tmp_path / "in"
    for number in range(7):
        image(folder / f"i{number}.png", 8, 6 + number)
        whole = [square("a", 1, 1, 3, 3)] * (number < 6)
        damaged = [LOST] * (number > 3)
        labelme(folder / f"i{number}.json", *whole, *damaged, height=6 + number)
    mf.convert(folder, tmp_path / "masks")
    return tmp_path / "masks"


def names(examples):
    return [one.name for one in examples]


def ways(dataset):
    """Return the data set as each kind of source that can name its masks."""
    table = dataset / "table.csv"
    rows = [f"../in/i{n}.png,masks/i{n}.png" for n in range(6)]
    table.write_text("\n".join(["image,mask", *rows]))
    folders = {"images": dataset.parent / "in", "masks": dataset / "masks"}
    return [
        {"dataset": dataset},
        {"dataset": mf.open_dataset(dataset)},
        {"dataset": table},
        folders,
        folders | {"masks": dataset},
    ]


def test_partial_images_are_left_out_wherever_their_masks_are_named(dataset):
    for way in ways(dataset):
        examples = mf.open_examples(**way)
        assert names(examples) == ["i0", "i1", "i2", "i3"]
        assert examples.partial == ("i4", "i5")
        assert "partial images, left out (2): i4, i5" in examples.notes


def test_they_can_be_used_or_refused(dataset):
    for way in ways(dataset):
        examples = mf.open_examples(**way, partial="use")
        assert (len(examples), examples.partial) == (6, ())
        assert "partial images, used all the same (2): i4, i5" in examples.notes
        with pytest.raises(DatasetError, match="2 images are partial: i4, i5"):
            mf.open_examples(**way, partial="error")
    with pytest.raises(OptionError, match=r"partial cannot be 'keep'"):
        mf.open_examples(dataset, partial="keep")


def test_a_set_without_a_whole_mask_says_so(tmp_path):
    image(tmp_path / "x.png")
    labelme(tmp_path / "x.json", square("a", 1, 1, 3, 3), LOST)
    mf.convert(tmp_path / "x.json", tmp_path / "out")
    with pytest.raises(DatasetError, match=r"no whole mask is left; partial images.*: x"):
        mf.open_examples(tmp_path / "out")


def test_masks_of_background_in_earlier_data_sets_are_never_used(dataset):
    lines = [json.loads(one) for one in (dataset / "manifest.jsonl").read_text().splitlines()]
    mask = (dataset / "masks" / "i0.png").read_bytes()
    (dataset / "masks" / "i6.png").write_bytes(mask)
    for line in lines:
        del line["outcome"]
    lines[6] |= {"mask": "masks/i6.png", "height": 6, "image": lines[0]["image"]}
    (dataset / "manifest.jsonl").write_text("".join(json.dumps(one) + "\n" for one in lines))
    assert names(mf.open_examples(dataset)) == ["i0", "i1", "i2", "i3"]
    used = mf.open_examples(dataset, partial="use")
    assert names(used) == [f"i{number}" for number in range(6)]
    assert "images of which nothing is known, left out (1): i6" in used.notes


def test_split_names_them_and_keeps_them_out(dataset, tmp_path):
    result = run("split", dataset, "--out", tmp_path / "s.json", "--folds", "2")
    assert result.exit_code == 0
    assert "note: partial images, left out (2): i4, i5" in result.stdout
    written = json.loads((tmp_path / "s.json").read_text())
    assert [one["name"] for one in written["examples"]] == ["i0", "i1", "i2", "i3"]
    result = run("split", dataset, "--out", tmp_path / "t.json", "--partial", "error")
    assert (result.exit_code, "2 images are partial" in result.stderr) == (2, True)


@pytest.mark.parametrize("name", ["i4", "i4.png"])
def test_a_split_file_may_name_them(dataset, tmp_path, name):
    examples = mf.open_examples(dataset)
    parts = {"train": ["i0", "i1", name], "validation": ["i2"], "test": ["i3", "i5"]}
    (tmp_path / "s.json").write_text(json.dumps(parts))
    (split,) = mf.read_splits(tmp_path / "s.json", examples)
    assert split == mf.Split(("i0", "i1"), ("i2",), ("i3",))
    with pytest.raises(DatasetError, match="names 1 examples that are not in"):
        mf.read_splits(_other(tmp_path, parts), examples)


def _other(folder, parts):
    path = folder / "other.json"
    path.write_text(json.dumps(parts | {"test": ["i3", "i9"]}))
    return path


def test_training_takes_the_option_from_file_and_command_line():
    assert build_options({}).data.partial == "skip"
    assert build_options({"data": {"partial": "use"}}).data.partial == "use"
    shown = run("train", "masks", "--partial", "error", "--print-config")
    assert 'partial = "error"' in shown.stdout


def test_training_leaves_them_out_and_says_so(dataset, tmp_path):
    lines = []
    with pytest.raises(OptionError, match="4 examples in 4 groups cannot be divided into 5 folds"):
        mf.train(dataset, tmp_path / "run", folds=5, log=lines.append)
    assert "partial images, left out (2): i4, i5" in lines
    with pytest.raises(DatasetError, match="2 images are partial: i4, i5"):
        mf.train(dataset, tmp_path / "run", partial="error")


def test_a_partial_truth_is_not_compared(dataset, tmp_path):
    whole = shutil.copytree(dataset / "masks", tmp_path / "predicted")
    for truth in (dataset, dataset / "masks"):
        report = mf.evaluate(whole, truth, charts=False, bootstrap=0)
        assert [row.name for row in report.rows] == ["i0", "i1", "i2", "i3"]
        assert (report.unpaired_truth, report.unpaired_predictions) == ((), ())
        assert "partial images, left out (2): i4, i5" in report.notes
        assert report.exit_code == 0
        used = mf.evaluate(whole, truth, partial="use", charts=False, bootstrap=0)
        assert used.images == 6
    result = run("evaluate", whole, dataset, "--partial", "error", "--bootstrap", "0")
    assert (result.exit_code, "2 images are partial" in result.stderr) == (2, True)


def test_a_partial_prediction_is_not_compared_either(dataset):
    images = dataset.parent / "whole"
    for number in range(6):
        image(images / f"i{number}.png", 8, 6 + number)
        labelme(images / f"i{number}.json", square("a", 1, 1, 3, 3), height=6 + number)
    mf.convert(images, dataset.parent / "truth")
    report = mf.evaluate(dataset, dataset.parent / "truth", charts=False, bootstrap=0)
    assert (report.images, report.unpaired_truth, report.exit_code) == (4, (), 0)


def test_the_split_of_a_model_still_fits_if_it_was_trained_with_them(dataset, tmp_path):
    from maskforge.evaluation.parts import choose_part

    examples = mf.open_examples(dataset, partial="use")
    split = mf.Split(("i0", "i1", "i4"), ("i2", "i5"), ("i3",))
    mf.write_split(tmp_path / "split.json", examples, split)
    part = choose_part(mf.open_examples(dataset), "auto", None, tmp_path)
    assert (part.name, names(part.examples)) == ("test", ["i3"])
