"""``maskforge evaluate``: tables, files and exit codes."""

import csv
import json

import numpy as np
import pytest
from builders import files, run, tree

from maskforge.masks.maskfile import read_mask, write_mask

QUICK = ("--bootstrap", "50", "--no-charts", "--worst", "0")


@pytest.fixture(scope="module")
def truth(tmp_path_factory, samples):
    """The masks of the bundled LabelMe samples."""
    folder = tmp_path_factory.mktemp("truth") / "masks"
    run("convert", samples / "labelme", "--out", folder, "--class", "caries=1", *others(samples))
    return folder


def others(samples):
    """Options that leave all other labels out."""
    labels = {
        shape["label"]
        for path in (samples / "labelme").glob("*.json")
        for shape in json.loads(path.read_bytes())["shapes"]
    }
    return [part for label in labels - {"caries"} for part in ("--class", f"{label}=ignore")]


@pytest.fixture
def damaged(truth, samples, tmp_path):
    """The same masks, one of them damaged: lesions gone, something invented."""
    folder = tmp_path / "predicted"
    run("convert", samples / "labelme", "--out", folder, "--class", "caries=1", *others(samples))
    path = folder / "masks" / "bitewing-01.png"
    mask = read_mask(path).copy()
    mask[:, :400] = 0
    mask[:20, -30:] = 1
    write_mask(path, mask)
    return folder


def evaluated(*arguments, code=0):
    result = run("evaluate", *arguments, *QUICK, "--json")
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def test_masks_equal_to_the_truth_are_perfect(truth):
    report = evaluated(truth, truth)
    assert report["schema"] == 1
    assert report["images"] == 4
    caries = report["classes"][0]
    assert (caries["name"], caries["dice"], caries["iou"]) == ("caries", 1.0, 1.0)
    assert caries["surface"]["hd95_mean"] == 0.0
    assert caries["lesions"]["sensitivity"] == 1.0
    assert caries["lesions"]["false"] == 0
    assert caries["images"]["sensitivity"] == 1.0
    assert report["overall"]["accuracy"] == 1.0
    assert 0.9 < report["overall"]["background_accuracy"] < 1


def test_damage_is_found_where_it_is(truth, damaged):
    """Counted once more with plain NumPy."""
    report = evaluated(damaged, truth)
    caries = report["classes"][0]
    names = [f"bitewing-0{number}.png" for number in range(1, 5)]
    one, two = (
        np.concatenate([read_mask(folder / "masks" / name).ravel() == 1 for name in names])
        for folder in (truth, damaged)
    )
    assert caries["true_positive"] == (one & two).sum()
    assert caries["false_negative"] == (one & ~two).sum() > 0
    assert caries["false_positive"] == (two & ~one).sum() >= 500
    assert caries["dice"] == pytest.approx(2 * (one & two).sum() / (one.sum() + two.sum()))
    low, high = caries["intervals"]["dice"]
    assert low <= caries["dice"] <= high
    assert report["rows"][0]["name"] == "bitewing-01"
    assert report["rows"][0]["false_lesions"] == 1
    assert report["rows"][0]["missed_lesions"] > 0
    assert report["rows"][1]["dice"] in (1.0, None)


def test_the_tables_put_the_foreground_first(truth, damaged):
    result = run("evaluate", damaged, truth, *QUICK)
    assert result.exit_code == 0
    lines = [line.split() for line in result.stdout.splitlines()]
    first = [line[0] for line in lines if line]
    assert first.index("caries") < first.index("background")
    assert "a prediction of background alone has 0.9" in result.stdout
    for text in ("HD95", "surface Dice", "false per image", "AUC", "bitewing-01", "mean of these"):
        assert text in result.stdout


def test_report_tables_and_images_are_written(truth, damaged, tmp_path):
    before = tree(damaged)
    arguments = ("--bootstrap", "20", "--worst", "2", "--out", tmp_path / "out")
    result = run("evaluate", damaged, truth, *arguments)
    assert result.exit_code == 0
    assert files(tmp_path / "out") == {
        *("report.json", "per-class.csv", "per-image.csv"),
        *("confusion-matrix.png", "roc.png"),
        *("worst/01-bitewing-01.png", "worst/02-bitewing-02.png"),
    }
    assert tree(damaged) == before
    report = json.loads((tmp_path / "out" / "report.json").read_bytes())
    with (tmp_path / "out" / "per-class.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["class"] for row in rows] == ["caries", "background"]
    assert float(rows[0]["dice"]) == report["classes"][0]["dice"]
    assert float(rows[0]["lesions_sensitivity"]) == report["classes"][0]["lesions"]["sensitivity"]
    assert float(rows[0]["dice_low"]) == report["classes"][0]["intervals"]["dice"][0]
    assert rows[1]["surface_hd95_mean"] == ""
    with (tmp_path / "out" / "per-image.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["image"] for row in rows] == [row["name"] for row in report["rows"]]
    assert float(rows[0]["dice"]) == report["rows"][0]["classes"]["caries"]["dice"]
    result = run("evaluate", damaged, truth, *arguments)
    assert result.exit_code == 2
    assert "--overwrite" in result.stderr
    assert run("evaluate", damaged, truth, *arguments, "--overwrite").exit_code == 0


def test_masks_without_prediction_end_with_one(truth, damaged):
    (damaged / "masks" / "bitewing-02.png").unlink()
    manifest = damaged / "manifest.jsonl"
    kept = [line for line in manifest.read_text().splitlines() if "bitewing-02" not in line]
    manifest.write_text("\n".join(kept) + "\n")
    report = evaluated(damaged, truth, code=1)
    assert report["unpaired_truth"] == ["bitewing-02"]
    result = run("evaluate", damaged, truth, *QUICK)
    assert result.exit_code == 1
    assert "1 masks of the truth have no prediction: bitewing-02" in result.stdout


def test_a_mask_that_cannot_be_read_is_named_and_the_others_count(truth, damaged):
    (damaged / "masks" / "bitewing-02.png").write_bytes(b"nothing")
    result = run("evaluate", damaged, truth, *QUICK)
    assert result.exit_code == 1
    assert "bitewing-02.png" in result.stderr
    assert "Pixels of 3 images" in result.stdout


def test_groups_and_parts(truth, damaged, tmp_path):
    names = [f"bitewing-0{number}" for number in range(1, 5)]
    split = {"train": names[:2], "validation": names[2:3], "test": names[3:]}
    (tmp_path / "split.json").write_text(json.dumps(split))
    arguments = ("--split", tmp_path / "split.json", "--part", "train", "--by", "state")
    report = evaluated(damaged, truth, *arguments)
    assert report["part"] == "train"
    assert {row["name"] for row in report["rows"]} == set(names[:2])
    assert report["unpaired_predictions"] == []
    assert sum(one["images"] for one in report["groups"]) == 2
    result = run("evaluate", damaged, truth, *arguments, *QUICK)
    assert "By state" in result.stdout


def test_options_reach_the_measures(truth, damaged):
    def lesions(*options):
        return evaluated(damaged, truth, *options)["classes"][0]["lesions"]

    plain = lesions()
    assert lesions("--min-size", "1000")["truth"] < plain["truth"]
    assert lesions("--min-size", "1000")["false"] == 0
    loose = evaluated(damaged, truth, "--tolerance", "10000", "--spacing", "0.5x0.25")
    assert loose["classes"][0]["surface"]["surface_dice_mean"] == 1.0
    assert loose["options"]["spacing"] == [0.5, 0.25]
    tight = evaluated(damaged, truth)
    assert loose["classes"][0]["surface"]["hd95_mean"] < tight["classes"][0]["surface"]["hd95_mean"]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("nowhere", "TRUTH"), "does not exist"),
        (("TRUTH", "nowhere"), "does not exist"),
        (("TRUTH",), "there is no truth to compare with"),
        (("TRUTH", "TRUTH", "--part", "test"), "there is no split"),
        (("TRUTH", "TRUTH", "--split", "nowhere.json"), "nowhere.json does not exist"),
        (("TRUTH", "TRUTH", "--by", "town"), "has no column 'town'"),
        (("TRUTH", "TRUTH", "--spacing", "wide"), "is not a size of a pixel"),
        (("TRUTH", "TRUTH", "--spacing", "0x1"), "spacing cannot be"),
        (("TRUTH", "TRUTH", "--tile", "-5"), "tile cannot be"),
        (("TRUTH", "TRUTH", "--threshold", "0.3"), "is not a model, so nothing is predicted"),
        (("TRUTH", "TRUTH", "--threshold", "caries=high"), "--threshold cannot be"),
        (("TRUTH", "TRUTH", "--tolerance", "nan"), ""),
        (("TRUTH", "TRUTH", "--connectivity", "6"), "--connectivity"),
        (("TRUTH", "TRUTH", "--mask-value", "1"), "is not VALUE=NAME"),
        (("TRUTH", "--images", "TRUTH"), "only one is given"),
    ],
)
def test_wrong_use_ends_with_two(truth, arguments, text):
    result = run("evaluate", *(truth if one == "TRUTH" else one for one in arguments), *QUICK)
    assert result.exit_code == 2
    assert result.stdout == ""
    plain = " ".join(result.stderr.replace("│", " ").split())
    assert text in plain
    assert "Traceback" not in result.stderr


def test_a_model_whose_description_is_broken_is_refused(truth, tmp_path):
    (tmp_path / "maskforge.json").write_text("{}")
    result = run("evaluate", tmp_path, truth, *QUICK)
    assert result.exit_code == 2
    assert "Traceback" not in result.stderr
