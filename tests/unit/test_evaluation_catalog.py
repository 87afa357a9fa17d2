"""A measure is one object and one line: everything else finds it in the table."""

import csv
import json

import numpy as np
import pytest
from builders import image, labelme, run, square

from maskforge.evaluation.evaluate import evaluate
from maskforge.evaluation.measures import catalog
from maskforge.evaluation.measures.measure import (
    ImageMeasure,
    LesionMeasure,
    OutlineMeasure,
    PixelMeasure,
)
from maskforge.masks.maskfile import write_mask

WORDS = {"name": "toy", "title": "Toy of mine", "meaning": "half of what it counts"}

TOYS = {
    # Pixels of the class in x, y and z: 9, 9 and 0; predicted: 9, 4 and 0.
    "pixels": (PixelMeasure(**WORDS, formula=lambda cells: cells[..., 0] / 2), (4.5, 2, 0), 6.5),
    "outlines": (
        OutlineMeasure(**WORDS, formula=lambda one: one.predicted.sum() / 2),
        (4.5, 2, None),
        3.25,
    ),
    "lesions": (LesionMeasure(**WORDS, formula=lambda sample: sample.lesions[..., 0] / 2), (), 1),
    "images": (ImageMeasure(**WORDS, formula=lambda sample: sample.images[..., 0] / 2), (), 1),
}
SECTIONS = {"pixels": "", "outlines": "surface", "lesions": "lesions", "images": "images"}


@pytest.fixture
def folders(tmp_path):
    """Three images of class a: x is found, of y a part; on z there is nothing."""
    labelme(tmp_path / "in" / "x.json", square("a", 1, 1, 4, 4))
    labelme(tmp_path / "in" / "y.json", square("a", 1, 1, 4, 4))
    labelme(tmp_path / "in" / "z.json")
    for name in "xyz":
        image(tmp_path / "in" / f"{name}.png")
    for name in ("truth", "predicted"):
        run("convert", tmp_path / "in", "--out", tmp_path / name)
    part = np.zeros((6, 8), dtype=np.uint8)
    part[1:3, 1:3] = 1
    write_mask(tmp_path / "predicted" / "masks" / "y.png", part)
    return tmp_path / "predicted", tmp_path / "truth"


@pytest.mark.parametrize("kind", TOYS)
def test_a_new_measure_is_everywhere_without_any_other_change(kind, folders, tmp_path, monkeypatch):
    toy, by_image, expected = TOYS[kind]
    monkeypatch.setattr(catalog, "MEASURES", (*catalog.MEASURES, toy))
    options = ("--bootstrap", "40", "--by", "state", "--worst", "0", "--no-charts")
    result = run("evaluate", *folders, *options, "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    report = json.loads((tmp_path / "out" / "report.json").read_bytes())
    first, background = report["classes"]
    section, keys = SECTIONS[kind], toy.keys
    assert (first[section] if section else first)[keys[0]] == expected
    if kind == "outlines":
        assert first["surface"]["toy_median"] == 3.25
    low, high = first["intervals"]["toy"]
    assert low <= expected <= high
    groups = {one["value"]: one["classes"]["a"]["toy"] for one in report["groups"]}
    assert groups["annotated"] == expected
    rows = {row["name"]: row["classes"]["a"] for row in report["rows"]}
    assert [rows[name]["toy"] for name in "xyz" if by_image] == list(by_image)
    if kind == "pixels":
        assert background["toy"] == report["overall"]["with_background"]["toy"] * 2 - expected
        assert report["overall"]["foreground"]["toy"] == expected
        assert report["overall"]["intervals"]["toy"] == [low, high]

    with (tmp_path / "out" / "per-class.csv").open(newline="") as stream:
        row = next(csv.DictReader(stream))
    assert float(row[f"{section}_{keys[0]}".strip("_")]) == expected
    assert [float(row["toy_low"]), float(row["toy_high"])] == [low, high]
    with (tmp_path / "out" / "per-image.csv").open(newline="") as stream:
        cells = {row["image"]: row.get("toy") for row in csv.DictReader(stream)}
    shown = ["" if value is None else str(float(value)) for value in by_image]
    assert [cells[name] for name in "xyz"] == (shown or [None] * 3)
    # Once in the table of its kind, once in that by group.
    assert result.stdout.count("Toy of mine") == 2
    assert f"{expected:.4f}" in result.stdout


def test_a_value_without_a_type_of_its_own_stands_beside_those_that_have_one(folders, monkeypatch):
    monkeypatch.setattr(catalog, "MEASURES", (*catalog.MEASURES, TOYS["pixels"][0]))
    found = evaluate(*folders).classes[0]
    assert (found.toy, found.dice) == (6.5, pytest.approx(2 * 13 / (2 * 13 + 5)))


def test_names_and_places_are_taken_once():
    measures = catalog.MEASURES
    assert len({one.name for one in measures}) == len(measures)
    places = [(one.section, key) for one in measures for key in one.keys]
    assert len(set(places)) == len(places)
