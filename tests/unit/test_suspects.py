"""Labels that a model contradicts: which, how surely, and who may judge them."""

import csv
import json

import numpy as np
import pytest
from example_files import save
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from typer.testing import CliRunner

import maskforge as mf
from maskforge.cli.app import app
from maskforge.errors import DatasetError, OutputExistsError
from maskforge.evaluation.measures.regions import regions
from maskforge.masks.classes import ClassMap, MaskClass
from maskforge.review.suspect import compared

CLASSES = ClassMap(
    (MaskClass(1, "caries", (255, 0, 0), ()), MaskClass(2, "filling", (0, 0, 255), ()))
)


def disc(row, column, radius, size=(48, 64)):
    rows, columns = np.ogrid[: size[0], : size[1]]
    return (rows - row) ** 2 + (columns - column) ** 2 <= radius**2


def found(drawn, predicted, probabilities=None, **options):
    """Contradictions of masks (H, W) of class ids, sure ones by default."""
    if probabilities is None:
        probabilities = np.stack([predicted == 1, predicted == 2], axis=-1).astype(np.float32)
    image = regions(drawn, predicted, CLASSES, "softmax")
    return [one for one in compared(image, probabilities, **options) if one.score]


def mask(**discs):
    """A mask with discs of classes: ``caries=(row, column, radius)``."""
    result = np.zeros((48, 64), np.uint8)
    for name, places in discs.items():
        for place in places:
            result[disc(*place)] = {"caries": 1, "filling": 2}[name]
    return result


def test_what_agrees_is_not_suspicious():
    one = mask(caries=[(10, 10, 5), (30, 40, 3)], filling=[(30, 10, 6)])
    assert found(one, one) == []


def test_a_lesion_that_nobody_drew():
    predicted = mask(caries=[(10, 10, 5), (30, 40, 3)])
    probabilities = np.stack([predicted * 0.8, predicted * 0.0], axis=-1)
    (one,) = found(mask(caries=[(10, 10, 5)]), predicted, probabilities)
    assert (one.kind, one.number, one.area) == ("missed", 1, int(disc(30, 40, 3).sum()))
    assert one.score == pytest.approx(0.8)
    assert one.box == (37, 27, 44, 34)


def test_a_drawn_lesion_where_there_is_nothing():
    drawn = mask(caries=[(10, 10, 5), (30, 40, 3)])
    probabilities = np.full((48, 64, 2), 0.1)
    probabilities[disc(10, 10, 5), 0] = 0.9
    (one,) = found(drawn, mask(caries=[(10, 10, 5)]), probabilities)
    assert (one.kind, one.number, one.box) == ("invented", 1, (37, 27, 44, 34))
    assert one.score == pytest.approx(0.9)


def test_a_lesion_of_another_class():
    drawn = mask(caries=[(10, 10, 5)])
    predicted = mask(filling=[(10, 11, 5)])
    probabilities = np.zeros((48, 64, 2))
    probabilities[..., 0], probabilities[..., 1] = 0.2, 0.7
    (one,) = found(drawn, predicted, probabilities)
    assert (one.kind, one.number, one.other) == ("class", 1, 2)
    assert one.score == pytest.approx(0.5)


@pytest.mark.parametrize(("shift", "suspicious"), [(0, False), (2, False), (3, True), (6, True)])
def test_an_outline_that_was_shifted_by_more_than_the_tolerance(shift, suspicious):
    drawn = mask(caries=[(20, 20, 8)])
    result = found(drawn, mask(caries=[(20, 20 + shift, 8)]), tolerance=2.0)
    assert [one.kind for one in result] == ["outline"] * suspicious


def test_the_score_of_an_outline_counts_the_pixels_beyond_the_tolerance():
    drawn = np.zeros((48, 64), np.uint8)
    drawn[10:20, 10:20] = 1
    predicted = drawn.copy()
    predicted[10:20, 20:26] = 1  # six columns more, of which four are beyond 2 px
    probabilities = np.zeros((48, 64, 2))
    probabilities[..., 0] = 0.75
    (one,) = found(drawn, predicted, probabilities, tolerance=2.0)
    assert one.score == pytest.approx(0.5 * 4 * 10 / (10 * 16))
    assert (one.area, one.box) == (100, (10, 10, 20, 20))


def test_a_prediction_over_two_drawn_regions_is_compared_with_each():
    drawn = mask(caries=[(20, 10, 4), (20, 22, 4)])
    predicted = drawn.copy()
    predicted[18:23, 10:22] = 1  # a bridge of five rows
    assert found(drawn, predicted, tolerance=4.0) == []
    assert len(found(drawn, predicted, tolerance=1.0)) == 2


def test_regions_at_the_border_and_smaller_ones():
    drawn = mask(caries=[(0, 0, 4)])
    predicted = mask(caries=[(0, 0, 4), (47, 63, 1)])
    (one,) = found(drawn, predicted)
    assert (one.area, one.box) == (3, (62, 46, 64, 48))
    assert found(drawn, predicted, min_size=4) == []


def test_void_pixels_are_not_judged():
    drawn = mask(caries=[(10, 10, 5)])
    drawn[30:40, 30:50] = 255
    assert found(drawn, mask(caries=[(10, 10, 5), (34, 40, 4)])) == []


planes = arrays.arrays(np.uint8, (12, 14), elements=st.sampled_from([0, 0, 0, 1, 2, 255]))


@given(planes, planes, st.floats(0, 5), st.integers(1, 5), st.sampled_from([4, 8]))
def test_scores_and_boxes_make_sense(drawn, predicted, tolerance, min_size, connectivity):
    options = {"tolerance": tolerance, "min_size": min_size, "connectivity": connectivity}
    for one in found(drawn, predicted, **options):
        assert 0 <= one.score <= 1
        left, top, right, bottom = one.box
        assert 0 <= left < right <= 14
        assert 0 <= top < bottom <= 12
        assert min_size <= one.area <= (right - left) * (bottom - top)
    assert found(drawn, drawn, **options) == []


@pytest.fixture
def sets(tmp_path):
    """A data set with a lesion too many in a and one too few in b, and predictions of it."""
    drawn = {"a": mask(caries=[(10, 10, 5), (30, 40, 3)]), "b": mask(caries=[(10, 10, 5)])}
    seen = {"a": mask(caries=[(10, 10, 5)]), "b": mask(caries=[(10, 10, 5), (30, 40, 3)])}
    for name, truth in drawn.items():
        save(tmp_path / "data" / "images" / f"{name}.png", seen[name] * np.uint8(200))
        save(tmp_path / "data" / "masks" / f"{name}.png", truth)
        save(tmp_path / "seen" / "masks" / f"{name}.png", seen[name])
        likely = np.where(seen[name] == 1, 0.95 if name == "b" else 0.9, 0.2).astype(np.float32)
        (tmp_path / "seen" / "probabilities").mkdir(exist_ok=True)
        np.save(tmp_path / "seen" / "probabilities" / f"{name}.npy", likely[..., None])
    one = ClassMap((MaskClass(1, "caries", (255, 0, 0), ()),))
    return tmp_path, mf.open_examples(tmp_path / "data", classes=one)


def test_the_surest_come_first(sets):
    folder, data = sets
    report = mf.suspects(folder / "seen" / "masks", data)
    assert [(one.kind, one.image) for one in report.suspects] == [
        ("missed", "b"),
        ("invented", "a"),
    ]
    assert [one.score for one in report.suspects] == [0.95, 0.8]
    assert (report.images, report.exit_code) == (2, 0)


def test_page_and_table(sets):
    folder, data = sets
    report = mf.suspects(folder / "seen" / "masks", data, folder / "out", most=1)
    assert sorted(report.digests) == ["suspects.csv", "suspects.html"]
    with (folder / "out" / "suspects.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["kind"], row["image"], row["left"]) for row in rows] == [
        ("missed", "b", "37"),
        ("invented", "a", "37"),
    ]
    page = (folder / "out" / "suspects.html").read_text(encoding="utf-8")
    assert page.count('<figure class="panels">') == 1
    assert "1. b: not drawn (caries), 29 px at 37, 27; score 0.950" in page
    with pytest.raises(OutputExistsError):
        mf.suspects(folder / "seen" / "masks", data, folder / "out")
    mf.suspects(folder / "seen" / "masks", data, folder / "out", most=0, overwrite=True)
    page = (folder / "out" / "suspects.html").read_text(encoding="utf-8")
    assert "panels" not in page.partition("<body>")[2]


def test_masks_without_probabilities_are_refused(sets):
    folder, data = sets
    (folder / "seen" / "probabilities" / "a.npy").unlink()
    with pytest.raises(DatasetError, match="has no probabilities"):
        mf.suspects(folder / "seen" / "masks", data)


def test_on_the_command_line(sets):
    folder, _ = sets
    arguments = [
        "suspects",
        *map(str, (folder / "seen" / "masks", folder / "data")),
        "--tolerance",
        "1",
    ]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.stderr
    assert "2 images: 1 not drawn, 1 drawn where there is nothing" in result.stdout
    wrong = CliRunner().invoke(app, [*arguments, "--min-size", "0"])
    assert wrong.exit_code == 2


def test_a_report_of_outlines_is_written(tmp_path):
    """Through the file, whose numbers must be plain."""
    for name, column in (("data", 20), ("seen", 25)):
        save(tmp_path / name / "images" / "a.png", np.zeros((48, 64), np.uint8))
        save(tmp_path / name / "masks" / "a.png", mask(caries=[(20, column, 8)]))
    (tmp_path / "seen" / "probabilities").mkdir()
    np.save(tmp_path / "seen" / "probabilities" / "a.npy", np.ones((48, 64, 1), np.float32))
    mf.suspects(tmp_path / "seen" / "masks", tmp_path / "data", tmp_path / "out")
    report = json.loads((tmp_path / "out" / "suspects.json").read_bytes())
    assert [one["kind"] for one in report["suspects"]] == ["outline"]
