"""Evaluation per unit: where units come from, and what is written about them."""

import csv
import json

import numpy as np
import pytest
from builders import image, labelme, run, square

import maskforge as mf
from maskforge.masks.maskfile import write_mask

WIDTH, HEIGHT = 24, 9
SIZE = {"width": WIDTH, "height": HEIGHT}


def tooth(left, number=None):
    """A tooth of 8 x 6 pixels."""
    return square("tooth", left, 1, left + 8, 7, group_id=number)


@pytest.fixture
def drawn(tmp_path):
    """Three teeth per image, a and b of one patient; lesions at the left of some."""
    teeth = tooth(0, 36), tooth(8, 37), tooth(16, 38)
    lesions = {
        "p1-a": [square("caries", 1, 2, 4, 5), square("caries", 7, 3, 13, 5)],
        "p1-b": [square("caries", 18, 2, 20, 4)],
        "p2-c": [square("caries", 0, 8, 2, 9)],
    }
    for name, some in lesions.items():
        labelme(tmp_path / "drawn" / f"{name}.json", *teeth, *some, **SIZE)
        image(tmp_path / "drawn" / f"{name}.png", **SIZE)
    return tmp_path / "drawn"


def predicted(folder, **boxes):
    """Masks of caries: boxes of left, top, right, bottom."""
    caries = mf.ClassMap((mf.MaskClass(1, "caries", (255, 0, 0), ("caries",)),))
    for name in ("p1-a", "p1-b", "p2-c"):
        mask = np.zeros((HEIGHT, WIDTH), np.uint8)
        for left, top, right, bottom in boxes.get(name.replace("-", "_"), ()):
            mask[top:bottom, left:right] = 1
        write_mask(folder / f"{name}.png", mask)
    return folder, caries


def table(folder):
    with (folder / "per-unit.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


TRUE = [
    ("p1-a", "36", "True"),
    ("p1-a", "37", "True"),
    ("p1-a", "38", "False"),
    ("p1-b", "36", "False"),
    ("p1-b", "37", "False"),
    ("p1-b", "38", "True"),
    ("p2-c", "36", "False"),
    ("p2-c", "37", "False"),
    ("p2-c", "38", "False"),
]
"""With lesions of at least 4 pixels: of the long one, 2 lie in tooth 36 and 10 in 37."""


def truth_and_units(source, tmp_path, kind):
    """The same truth with its units in other places; return options of evaluate."""
    out = tmp_path / "truth"
    match kind:
        case "own instances":
            run("convert", source, "--out", out, "--instances")
            return out, ("--unit-class", "tooth")
        case "own channels":
            flags = ("--encoding", "multihot", "--file-type", "npy", "--instances")
            run("convert", source, "--out", out, *flags)
            return out, ("--unit-class", "tooth")
        case "folder of instances":
            run("convert", source, "--out", out, "--class", "tooth=ignore", "--class", "caries=1")
            flags = ("--class", "caries=ignore", "--class", "tooth=1", "--instances")
            run("convert", source, "--out", tmp_path / "teeth", *flags)
            return out, ("--units", tmp_path / "teeth")
        case "folder of numbers":
            run("convert", source, "--out", out, "--class", "tooth=ignore", "--class", "caries=1")
            flags = ("--class-from", "group_id", "--unlabeled", "skip")
            run("convert", source, "--out", tmp_path / "teeth", *flags)
            return out, ("--units", tmp_path / "teeth")
    raise AssertionError(kind)


KINDS = ("own instances", "own channels", "folder of instances", "folder of numbers")


@pytest.mark.parametrize("kind", KINDS)
def test_units_come_from_wherever_they_are(kind, drawn, tmp_path):
    truth, flags = truth_and_units(drawn, tmp_path, kind)
    folder, _ = predicted(tmp_path / "predicted", p1_a=[(2, 3, 4, 5), (17, 3, 19, 5)])
    result = run(
        *("evaluate", folder, truth, "--part", "all", *flags, "--unit-pixels", 4),
        *("--mask-value", "1=caries", "--mask-value", "0=background"),
        *("--no-charts", "--worst", 0, "--out", tmp_path / "report"),
    )
    assert result.exit_code == 0, result.output
    rows = table(tmp_path / "report")
    assert [(one["image"], one["name"], one["truth"]) for one in rows] == TRUE
    marked = [(one["image"], one["name"]) for one in rows if one["predicted"] == "True"]
    assert marked == [("p1-a", "36"), ("p1-a", "38")]
    assert {one["pixels"] for one in rows} == {"48"}
    report = json.loads((tmp_path / "report" / "report.json").read_bytes())
    found = report["units"]
    assert (found["positive"], found["negative"], found["found"], found["false"]) == (3, 6, 1, 1)
    assert found["sensitivity"] == pytest.approx(1 / 3)
    assert found["npv"] == pytest.approx(5 / 7)
    assert found["auc"] is None
    assert (found["outside_pixels"], found["outside_lesions"]) == (2, 1)
    assert "1 of 3" in result.stdout
