"""Images of a report: the worst images, and charts."""

import sys

import numpy as np
import pytest
from builders import files, grid, image, labelme, run, square
from PIL import Image

from maskforge.errors import MissingDependencyError
from maskforge.evaluation.evaluate import evaluate
from maskforge.evaluation.evaluate_options import EvaluateOptions
from maskforge.evaluation.measures.regions import Planes, compose
from maskforge.evaluation.report.worst import CONFUSED, FOUND, INVENTED, MISSED, outcomes
from maskforge.masks.maskfile import write_mask


def planes(*masks):
    void = np.any([one == 255 for one in masks], axis=0)
    return Planes(np.stack([one == 1 for one in masks]), void)


def test_every_pixel_has_one_outcome():
    truth = planes(grid("11..11V"), grid(".....11"))
    predicted = planes(grid("1.1..11"), grid("....1.."))
    # Found; missed; invented; nothing; another class; one class of two; void.
    assert outcomes(compose(truth, predicted)).tolist() == [[1, 2, 3, 0, 4, 4, 0]]


@pytest.fixture
def results(tmp_path):
    """Three images; x is half found, in y something is invented, z is empty on both sides."""
    labelme(tmp_path / "in" / "x.json", square("a", 1, 1, 5, 5))
    labelme(tmp_path / "in" / "sub" / "y.json", square("a", 1, 1, 2, 2))
    labelme(tmp_path / "in" / "z.json")
    for name in ("x", "sub/y", "z"):
        image(tmp_path / "in" / f"{name}.png")
    for name in ("truth", "predicted"):
        run("convert", tmp_path / "in", "--out", tmp_path / name)
    half = np.zeros((6, 8), dtype=np.uint8)
    half[1:5, 1:3] = 1
    write_mask(tmp_path / "predicted" / "masks" / "x.png", half)
    more = np.zeros((6, 8), dtype=np.uint8)
    more[3:5, 1:5] = 1
    more[1, 1] = 1
    write_mask(tmp_path / "predicted" / "masks" / "sub" / "y.png", more)
    return tmp_path / "predicted", tmp_path / "truth"


def test_the_worst_images_are_drawn_the_worst_first(results, tmp_path):
    options = EvaluateOptions(bootstrap=0, charts=False, worst=2)
    report = evaluate(*results, options=options, out=tmp_path / "out")
    assert [row.name for row in report.rows] == ["sub/y", "x", "z"]
    drawn = {name for name in files(tmp_path / "out") if name.startswith("worst/")}
    assert drawn == {"worst/01-sub-y.png", "worst/02-x.png"}
    with Image.open(tmp_path / "out" / "worst" / "02-x.png") as opened:
        page = np.asarray(opened.convert("RGB"))
    # 8 x 6 px are enlarged by 112 below a title of 22 px; outlines have the full color.
    assert tuple(page[22 + 112, 112]) == FOUND
    assert tuple(page[22 + 112, 5 * 112 - 1]) == MISSED
    assert not (page == INVENTED).all(axis=-1)[: 22 + 6 * 112].any()
    with Image.open(tmp_path / "out" / "worst" / "01-sub-y.png") as opened:
        page = np.asarray(opened.convert("RGB"))
    assert tuple(page[22 + 3 * 112, 112]) == INVENTED
    assert not (page == CONFUSED).all(axis=-1).any()


def test_without_image_the_outcome_is_drawn_on_black(results, tmp_path):
    (tmp_path / "in" / "x.png").unlink()
    options = EvaluateOptions(bootstrap=0, charts=False, worst=3)
    evaluate(*results, options=options, out=tmp_path / "out")
    assert "worst/02-x.png" in files(tmp_path / "out")


def test_charts_are_drawn_of_what_there_is(results, tmp_path):
    options = EvaluateOptions(bootstrap=0, worst=0)
    evaluate(*results, options=options, out=tmp_path / "out")
    tables = {"report.json", "per-class.csv", "per-image.csv"}
    assert files(tmp_path / "out") - tables == {"confusion-matrix.png", "roc.png"}
    for name in ("x", "sub/y", "z"):
        target = results[0] / "probabilities" / f"{name}.npy"
        target.parent.mkdir(parents=True, exist_ok=True)
        np.save(target, np.full((6, 8, 1), 0.25, dtype=np.float16))
    evaluate(*results, options=options, out=tmp_path / "more")
    assert {"calibration.png", "free-response.png"} <= files(tmp_path / "more")
    for path in (tmp_path / "more").glob("*.png"):
        with Image.open(path) as opened:
            assert min(opened.size) > 200
            assert len(opened.convert("RGB").getcolors(2**24) or ()) > 10


def test_charts_without_matplotlib_are_refused_before_the_work(results, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingDependencyError, match="need matplotlib"):
        evaluate(*results, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()
    options = EvaluateOptions(charts=False, bootstrap=0)
    evaluate(*results, options=options, out=tmp_path / "out")
    evaluate(*results)
