"""``maskforge agree``, and ``maskforge evaluate`` against several annotators."""

import json

import numpy as np
import pytest
from builders import files, run, tree

from maskforge.masks.maskfile import write_mask

BOX = np.zeros((12, 12), np.uint8)
BOX[2:8, 2:8] = 1
VALUES = ("--mask-value", "0=background", "--mask-value", "1=caries")


@pytest.fixture
def annotators(tmp_path):
    """Twenty-four images; Ben is one pixel to the right of Anna, and Carl one further down."""
    shifts = {"anna": (0, 0), "ben": (0, 1), "carl": (1, 1)}
    for name, shift in shifts.items():
        for number in range(24):
            mask = np.roll(BOX, (shift[0], shift[1] + number % 2), axis=(0, 1))
            write_mask(tmp_path / name / f"i{number:02}.png", mask)
    return [tmp_path / name for name in shifts]


def test_tables(annotators):
    result = run("agree", *annotators, *VALUES, "--bootstrap", "20")
    assert result.exit_code == 0, result.output
    words = ("3 annotators on 24 images", "anna and ben", "anna and carl", "ben and carl")
    for text in (*words, "Cohen's kappa", "Fleiss' kappa", "lesion F1", "HD95 (px)", "bias"):
        assert text in result.stdout
    # Boxes of 36 px that share 30 and 25.
    assert "0.8333" in result.stdout
    assert "0.6944" in result.stdout


def test_json_files_and_consensus(annotators, tmp_path):
    out, page, together = (tmp_path / name for name in ("out", "page.html", "together"))
    result = run(
        *("agree", *annotators, *VALUES, "--bootstrap", "20", "--json", "--worst", "2"),
        *("--out", out, "--html", page, "--consensus", together, "--void-where", "disagree"),
        *("--spacing", "0.1x0.2", "--connectivity", "4", "--group-pattern", "i."),
    )
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert report["dice"] == pytest.approx((2 * 30 / 72 + 2 * 30 / 72 + 2 * 25 / 72) / 3)
    assert report["options"]["connectivity"] == 4
    assert report["pairs"][0]["classes"][0]["hd95_mean"] == pytest.approx(0.2)
    assert report["consensus"]["masks"] == 24
    assert report["consensus"]["void_pixels"] == 24 * (36 + 6 + 6 - 25)
    assert {row["group"] for row in report["rows"]} == {"i0", "i1", "i2"}
    assert len(files(together / "masks")) == 24
    assert {"report.json", "per-pair.csv", "per-image.csv"} < files(out)
    assert page.stat().st_size > 1000
    before = tree(together)
    again = run("agree", *annotators, *VALUES, "--consensus", together)
    assert again.exit_code == 2
    assert tree(together) == before


def test_an_image_that_somebody_lacks(annotators):
    (annotators[1] / "i05.png").unlink()
    result = run("agree", *annotators, *VALUES, "--bootstrap", "0")
    assert result.exit_code == 1
    assert "left out: 1 images of which ben has no mask: i05" in result.stdout


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda places: places[:1], "two or more"),
        (lambda places: [*places, "nowhere"], "nowhere: does not exist"),
        (lambda places: [*places, "--spacing", "wide"], "is not a size of a pixel"),
        (lambda places: [*places, "--html", "page.txt"], "must end in .html"),
        (lambda places: [*places, "--group-pattern", "("], "is not a regular expression"),
        (lambda places: [*places, "--group-column", "who"], "there is no column 'who'"),
    ],
)
def test_wrong_use(annotators, tmp_path, change, reason):
    before = tree(tmp_path)
    result = run("agree", *change(annotators), *VALUES)
    assert result.exit_code == 2
    assert reason in result.stderr
    assert tree(tmp_path) == before


def test_a_prediction_beside_annotators(annotators, tmp_path):
    """What Anna and Ben have in common is nearer to both than they are to each other."""
    for number in range(24):
        both = BOX & np.roll(BOX, 1, axis=1)
        write_mask(tmp_path / "model" / f"i{number:02}.png", np.roll(both, number % 2, axis=1))
        far = np.roll(BOX, (0, number % 2 - 2), axis=(0, 1))
        write_mask(tmp_path / "far" / f"i{number:02}.png", far)
    quick = (*VALUES, "--bootstrap", "50", "--no-charts")
    result = run("evaluate", tmp_path / "model", *annotators[:2], *quick, "--json")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert report["truth"] == str(annotators[0])
    beside = report["annotators"]
    assert beside["annotators"] == ["anna", "ben"]
    # 30 of 36 pixels of each; Anna and Ben share 30 of 36 as well.
    assert beside["prediction_dice"] == pytest.approx(2 * 30 / 66)
    assert beside["annotators_dice"] == pytest.approx(2 * 30 / 72)
    assert beside["difference"] == pytest.approx(60 / 66 - 60 / 72)
    assert beside["interval"][0] > 0
    assert "less than they" in beside["verdict"]

    result = run("evaluate", tmp_path / "far", *annotators, *quick)
    assert result.exit_code == 0, result.output
    assert "Mean Dice with 3 annotators, on 24 images" in result.stdout
    assert "differs from the annotators more than they from each other" in result.stdout


def test_one_truth_says_nothing_about_annotators(annotators):
    result = run("evaluate", *annotators[:2], *VALUES, "--bootstrap", "0", "--no-charts", "--json")
    assert json.loads(result.stdout)["annotators"] is None


def test_a_truth_is_not_given_twice(annotators):
    result = run("evaluate", annotators[1], annotators[0], annotators[0], *VALUES)
    assert result.exit_code == 2
    assert "is given 2 times" in result.stderr
