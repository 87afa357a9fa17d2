"""Kappa on teeth: in which of them does each annotator see a lesion?"""

import numpy as np
import pytest
from builders import grid, run
from predicted_sets import predicted, save_images

import maskforge as mf
from maskforge.errors import OptionError

TEETH = mf.ClassMap((mf.MaskClass(1, "tooth", (0, 0, 255), ()),))
LESIONS = mf.ClassMap((mf.MaskClass(3, "caries", (255, 0, 0), ()),))

# Four teeth on x, three on y; a lesion of two pixels counts, one of a single pixel does not.
TOOTH_ROWS = {
    "x": ("1111.1111.1111.1111",) * 2,
    "y": ("1111.1111.1111.....",) * 2,
}
ANNA = {
    "x": ("33...33...3........", "..................."),
    "y": ("33...3.............", "..................."),
}
BEN = {
    "x": ("33........33.......", "..................."),
    "y": ("33.................", "......3333........."),
}
CARL = {
    "x": ("33...33...33...33..", "..................."),
    "y": ("...................", "..................."),
}


def drawn(rows):
    return {name: grid(*one).astype(np.uint8) for name, one in rows.items()}


@pytest.fixture
def folders(tmp_path):
    images = save_images(tmp_path / "images", "xy", size=(19, 2))
    for name, rows in (("anna", ANNA), ("ben", BEN), ("carl", CARL)):
        predicted(tmp_path / name, images, drawn(rows), classes=LESIONS)
    predicted(tmp_path / "teeth", images, drawn(TOOTH_ROWS), classes=TEETH)
    return tmp_path


def options(folders, **others):
    return {"units": folders / "teeth", "unit_class": ["tooth"], "unit_pixels": 2} | others


def test_kappa_of_teeth_by_hand(folders):
    """Seven teeth. Anna: x1, x2, y1. Ben: x1, x3, y1, y2. Carl: x1 to x4."""
    places = [folders / name for name in ("anna", "ben", "carl")]
    report = mf.agree(places, bootstrap=0, per_unit=options(folders))
    assert (report.unit, report.units, report.images) == ("unit", 7, 2)
    (caries,) = report.classes
    assert caries.positive == {"anna": 3, "ben": 4, "carl": 4}
    # Anna and Ben: both x1 and y1; Anna alone x2; Ben alone x3 and y2; neither x4 and y3.
    chance = 3 / 7 * 4 / 7 + 4 / 7 * 3 / 7
    first, second, third = (pair.classes[0].kappa for pair in report.pairs)
    assert first == pytest.approx((4 / 7 - chance) / (1 - chance))
    # Anna and Carl: both x1, x2; Anna alone y1; Carl alone x3, x4; neither y2, y3.
    assert second == pytest.approx(first)
    # Ben and Carl: both x1, x3; Ben alone y1, y2; Carl alone x2, x4; neither y3.
    chance = 4 / 7 * 4 / 7 + 3 / 7 * 3 / 7
    assert third == pytest.approx((3 / 7 - chance) / (1 - chance))
    # Of the three pairs of answers about each tooth agree 3, 1, 1, 1, 1, 1 and 3.
    observed, yes = (3 + 1 + 1 + 1 + 1 + 1 + 3) / 3 / 7, 11 / 21
    chance = yes**2 + (1 - yes) ** 2
    assert caries.fleiss_kappa == pytest.approx((observed - chance) / (1 - chance))
    # Areas and Dice are not about teeth.
    alone = mf.agree(places, bootstrap=0)
    assert alone.pairs[0].classes[0].dice == report.pairs[0].classes[0].dice
    assert (alone.unit, alone.units) == ("image", 2)


def test_teeth_of_an_image_are_drawn_together(folders):
    """Of two images there are three kinds of sets; kappa is computed for each."""
    places = [folders / name for name in ("anna", "ben")]
    report = mf.agree(places, bootstrap=60, seed=3, per_unit=options(folders))
    kappas = []
    for x, y in ((2, 0), (1, 1), (0, 2)):
        both, anna, ben, neither = x + y, x, x + y, x + y
        count = both + anna + ben + neither
        chance = (both + anna) * (both + ben) + (neither + anna) * (neither + ben)
        chance /= count**2
        kappas.append(((both + neither) / count - chance) / (1 - chance))
    assert report.pairs[0].classes[0].intervals["kappa"] == pytest.approx(
        (min(kappas), max(kappas))
    )


def test_images_without_teeth_count_in_the_other_scores_alone(folders):
    (folders / "teeth" / "masks" / "y.png").unlink()
    (folders / "teeth" / "manifest.jsonl").unlink()
    places = [folders / name for name in ("anna", "ben")]
    report = mf.agree(places, bootstrap=10, per_unit=options(folders))
    assert (report.units, report.images) == (4, 2)
    assert report.classes[0].positive == {"anna": 2, "ben": 2}
    assert any("without units" in note for note in report.notes)


def test_teeth_that_somebody_left_void_count_for_nobody(folders):
    """Dora is not sure about x1, but for a pixel, and about a half of x2."""
    unsure = drawn(CARL)
    unsure["x"][:, :4] = unsure["x"][:, 5:7] = 255
    unsure["x"][1, 3] = 0
    predicted(folders / "dora", folders / "images", unsure, classes=LESIONS)
    places = [folders / name for name in ("anna", "ben", "dora")]
    report = mf.agree(places, bootstrap=0, per_unit=options(folders))
    assert report.units == 6
    # The lesions of x2 lie where she is not sure.
    assert report.classes[0].positive == {"anna": 1, "ben": 3, "dora": 2}


def test_teeth_of_the_first_annotator(tmp_path):
    """Lesions hide the teeth that they lie in, and these get their pixels back."""
    classes = mf.ClassMap((*TEETH.classes[-1:], *LESIONS.classes[-1:]))
    images = save_images(tmp_path / "images", "xy", size=(19, 2))
    for name, rows in (("anna", ANNA), ("ben", BEN)):
        teeth, lesions = drawn(TOOTH_ROWS), drawn(rows)
        both = {one: np.where(lesions[one], 3, teeth[one]).astype(np.uint8) for one in teeth}
        predicted(tmp_path / name, images, both, classes=classes)
    wanted = {"unit_class": ["tooth"], "unit_pixels": 2}
    report = mf.agree([tmp_path / "anna", tmp_path / "ben"], bootstrap=0, per_unit=wanted)
    tooth, caries = report.classes
    assert report.units == 7
    assert (tooth.positive, tooth.fleiss_kappa) == ({}, None)
    assert report.pairs[0].classes[0].kappa is None
    assert report.pairs[0].classes[0].dice is not None
    assert caries.positive == {"anna": 3, "ben": 4}


def test_the_command_line(folders):
    places = [folders / name for name in ("anna", "ben")]
    given = ("--units", folders / "teeth", "--unit-class", "tooth", "--unit-pixels", "2")
    result = run("agree", *places, *given, "--bootstrap", "20", "--html", folders / "page.html")
    assert result.exit_code == 0, result.output
    assert "4 of 7 units" in result.stdout
    assert "7 units" in (folders / "page.html").read_text("utf-8")


@pytest.mark.parametrize(
    "wrong", [{"unit_class": ["toth"]}, {"lesion_class": ["tooth"]}, {"unit_class": "tooth"}]
)
def test_units_that_there_are_not(folders, wrong):
    places = [folders / name for name in ("anna", "ben")]
    with pytest.raises(OptionError):
        mf.agree(places, bootstrap=0, per_unit=options(folders, **wrong))
