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


def evaluated(folder, truth, *flags, code=0):
    result = run(
        *("evaluate", folder, truth, "--part", "all", "--unit-pixels", 4, *flags),
        *("--mask-value", "1=caries", "--mask-value", "0=background"),
        *("--no-charts", "--worst", 0, "--json"),
    )
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


@pytest.fixture
def both(drawn, tmp_path):
    """A truth of caries alone, and teeth in a folder of their own."""
    return truth_and_units(drawn, tmp_path, "folder of instances")


def test_a_lesion_belongs_to_the_tooth_of_its_group(tmp_path):
    """The nearest tooth of its left column is the other one, and its group knows better."""
    for name, group in (("grouped", 37), ("alone", None)):
        lesion = square("caries", 8, 1, 10, 4, group_id=group)
        labelme(tmp_path / "in" / f"{name}.json", tooth(0, 36), tooth(8, 37), lesion, **SIZE)
        image(tmp_path / "in" / f"{name}.png", **SIZE)
    run("convert", tmp_path / "in", "--out", tmp_path / "truth", "--instances")
    truth = tmp_path / "truth"
    report = evaluated(truth, truth, "--unit-class", "tooth", "--unit-pixels", 6)["units"]
    rows = {(one["image"], one["name"]): (one["pixels"], one["truth"]) for one in report["rows"]}
    assert rows["grouped", "36"] == (48, False)
    assert rows["grouped", "37"] == (48, True)
    assert rows["alone", "36"] == (51, False)
    assert rows["alone", "37"] == (45, False)
    assert report["lost_units"] == 0


def test_teeth_that_other_shapes_hide_are_counted(tmp_path):
    cover = square("crown", 8, 0, 16, 9)
    labelme(tmp_path / "in" / "x.json", tooth(0, 36), tooth(8, 37), cover, **SIZE)
    image(tmp_path / "in" / "x.png", **SIZE)
    run("convert", tmp_path / "in", "--out", tmp_path / "truth", "--instances")
    truth, page = tmp_path / "truth", tmp_path / "report.html"
    flags = ("--unit-class", "tooth", "--lesion-class", "crown", "--html", page)
    report = evaluated(truth, truth, *flags)["units"]
    assert [one["name"] for one in report["rows"]] == ["36"]
    assert report["lost_units"] == 1
    assert "1 unit cannot be seen in the instance maps" in page.read_text("utf-8")


def test_a_plain_map_of_numbered_teeth_will_do(both, tmp_path):
    truth, _ = both
    for name in ("p1-a", "p1-b", "p2-c"):
        numbers = np.zeros((HEIGHT, WIDTH), np.uint8)
        for number, left in ((36, 0), (37, 8), (38, 16)):
            numbers[1:7, left : left + 8] = number
        write_mask(tmp_path / "numbers" / f"{name}.png", numbers)
    folder, _ = predicted(tmp_path / "predicted")
    report = evaluated(folder, truth, "--units", tmp_path / "numbers")["units"]
    rows = [(one["image"], one["name"], str(one["truth"])) for one in report["rows"]]
    assert rows == TRUE


def test_a_folder_in_which_lesions_lie_on_the_teeth_is_known_by_its_classes(drawn, tmp_path):
    """Whoever names the masks of the truth as those of the units gets the same numbers."""
    truth, flags = truth_and_units(drawn, tmp_path, "own instances")
    folder, _ = predicted(tmp_path / "predicted")
    own = evaluated(folder, truth, *flags)
    again = evaluated(folder, truth, *flags, "--units", truth)
    assert again["units"] == own["units"] | {"source": str(truth)}
    (note,) = [one for one in own["notes"] if "lesions hide the units" in one]
    assert note in again["notes"]


def test_images_without_units_are_named_and_count_nowhere(both, tmp_path):
    truth, _ = both
    numbers = np.zeros((HEIGHT, WIDTH), np.uint8)
    numbers[1:7, :8] = 11
    write_mask(tmp_path / "numbers" / "p1-a.png", numbers)
    folder, _ = predicted(tmp_path / "predicted")
    report = evaluated(folder, truth, "--units", tmp_path / "numbers")
    assert (report["images"], report["units"]["images"], report["units"]["units"]) == (3, 1, 1)
    note = "images without units, in none of the numbers per unit (2): p1-b, p2-c"
    assert note in report["notes"]


def test_units_of_another_size_are_a_problem_of_their_image(both, tmp_path):
    truth, (_, teeth) = both
    write_mask(teeth / "masks" / "p1-b.png", np.ones((HEIGHT, 7), np.uint8))
    folder, _ = predicted(tmp_path / "predicted")
    report = evaluated(folder, truth, "--units", teeth, code=1)
    (problem,) = report["problems"]
    assert problem.endswith("teeth/masks/p1-b.png: the mask has 7 x 9 px, expected 24 x 9")
    assert report["units"]["units"] == 6


def test_instance_maps_that_are_not_what_the_manifest_says_harm_nothing(both, tmp_path):
    truth, (_, teeth) = both
    folder, _ = predicted(tmp_path / "predicted")
    lines = (teeth / "manifest.jsonl").read_text().splitlines()
    entries = [json.loads(line) for line in lines]
    entries[0]["instance_names"] = ["36"]
    del entries[1]["instance_names"]
    (teeth / "manifest.jsonl").write_text("".join(f"{json.dumps(one)}\n" for one in entries))
    numbers = np.zeros((HEIGHT, WIDTH), np.uint16)
    numbers[1:7, :8], numbers[1:7, 8:] = 3, 65_535
    write_mask(teeth / entries[1]["instances"], numbers)
    (teeth / entries[2]["instances"]).unlink()
    report = evaluated(folder, truth, "--units", teeth, code=1)
    rows = [(one["image"], one["name"], one["pixels"]) for one in report["units"]["rows"]]
    first = [("p1-a", name, 48) for name in ("36", "", "")]
    assert rows == [*first, ("p1-b", "", 48)]
    (problem,) = report["problems"]
    assert "instances/p2-c.png: cannot be read" in problem
    assert report["units"]["lost_units"] == 2


def test_void_pixels_count_in_no_unit(both, tmp_path):
    """Tooth 36 of the first image is void, and so is the lesion that reaches into it."""
    truth, flags = both
    folder, _ = predicted(tmp_path / "predicted", p1_a=[(2, 3, 4, 5)])
    for path in (truth / "masks").glob("*.png"):
        mask = np.array(mf.read_mask(path))
        if path.stem == "p1-a":
            mask[:, :8] = 255
        write_mask(tmp_path / "void" / path.name, mask)
    void = ("--mask-value", "255=void")
    report = evaluated(folder, tmp_path / "void", *flags, *void)["units"]
    rows = {(one["image"], one["name"]): one["truth"] for one in report["rows"]}
    assert ("p1-a", "36") not in rows
    assert (len(rows), report["positive"], report["found"], report["false"]) == (8, 2, 0, 0)
    assert report["outside_predicted_pixels"] == 0


@pytest.mark.parametrize(("pixels", "judged"), [(3, True), (4, False)])
def test_nobody_judges_a_unit_without_lesion_of_which_a_lesion_is_void(
    both, tmp_path, pixels, judged
):
    """As in a consensus, where one of two drew it; a lesion has 4 pixels. In 37 is one, too."""
    truth, flags = both
    folder, _ = predicted(tmp_path / "predicted", p2_c=[(1, 1, 7, 3)])
    for path in (truth / "masks").glob("*.png"):
        mask = np.array(mf.read_mask(path))
        if path.stem == "p2-c":
            mask[2, 2 : 2 + pixels] = 255
        if path.stem == "p1-a":
            mask[1, 10:14] = 255
        write_mask(tmp_path / "void" / path.name, mask)
    void = ("--mask-value", "255=void")
    report = evaluated(folder, tmp_path / "void", *flags, *void)["units"]
    rows = {(one["image"], one["name"]): one for one in report["rows"]}
    assert (("p2-c", "36") in rows) is judged
    assert (len(rows), report["positive"]) == (8 + judged, 3)
    assert report["false"] == judged
    assert report["outside_predicted_pixels"] == 0


def test_scores_are_the_largest_probabilities_and_patients_are_drawn_whole(both, tmp_path):
    truth, (_, teeth) = both
    folder, _ = predicted(tmp_path / "masks", p1_a=[(2, 3, 4, 5)], p1_b=[(17, 1, 19, 3)])
    likely = {
        "p1-a": (0.9, 0.3, 0.2),
        "p1-b": (0.4, 0.1, 0.8),
        "p2-c": (0.35, 0.0, 0.05),
    }
    (tmp_path / "probabilities").mkdir()
    for name, three in likely.items():
        values = np.zeros((HEIGHT, WIDTH, 1), np.float32)
        for number, one in enumerate(three):
            values[3, 8 * number + 4] = one
        np.save(tmp_path / "probabilities" / f"{name}.npy", values)
    flags = ("--units", teeth, "--group-pattern", "p.", "--bootstrap", 200)
    found = evaluated(folder, truth, *flags)["units"]
    scores = [one["score"] for one in found["rows"]]
    assert scores == pytest.approx([one for three in likely.values() for one in three])
    # Of 18 pairs, 0.9 and 0.8 win 6 each; 0.3 wins against 0.2, 0.1, 0.05 and 0.
    assert found["auc"] == pytest.approx(16 / 18)
    assert found["sensitivities"][-1] == 1
    # Two patients: both images of the first, or the one of the second, in which all are sound.
    low, high = found["intervals"]["accuracy"]
    assert found["accuracy"] == pytest.approx(8 / 9)
    assert (low, high) == pytest.approx((5 / 6, 1))
    assert found["intervals"]["sensitivity"] == pytest.approx([2 / 3, 2 / 3])
    assert {one["group"] for one in found["rows"]} == {"p1", "p2"}


def test_the_curve_of_units_is_drawn_if_there_are_probabilities(both, tmp_path):
    truth, flags = both
    folder, _ = predicted(tmp_path / "masks", p1_a=[(2, 3, 4, 5)])
    options = ("--mask-value", "1=caries", "--mask-value", "0=background", "--worst", 0)
    run("evaluate", folder, truth, *flags, *options, "--out", tmp_path / "without")
    (tmp_path / "probabilities").mkdir()
    for name in ("p1-a", "p1-b", "p2-c"):
        np.save(tmp_path / "probabilities" / f"{name}.npy", np.zeros((HEIGHT, WIDTH, 1), "f4"))
    page = tmp_path / "page.html"
    run("evaluate", folder, truth, *flags, *options, "--out", tmp_path / "with", "--html", page)
    assert not (tmp_path / "without" / "roc-units.png").exists()
    assert (tmp_path / "with" / "roc-units.png").read_bytes().startswith(b"\x89PNG")
    assert "ROC curve of units" in page.read_text("utf-8")


def test_the_page_says_it_in_words(both, tmp_path):
    truth, (_, teeth) = both
    folder, _ = predicted(tmp_path / "predicted", p1_a=[(2, 3, 4, 5), (17, 3, 19, 5)])
    page = tmp_path / "page.html"
    flags = ("--units", teeth, "--html", page, "--bootstrap", 0)
    evaluated(folder, truth, *flags)
    text = page.read_text("utf-8")
    assert "marks a lesion in 1 of 3 units that have one (sensitivity 33.3%)" in text
    assert "leaves 5 of 6 without one alone (specificity 83.3%)" in text
    assert "It has a lesion if one lies in it with at least 4 pixels." in text


def test_an_earlier_table_of_units_goes_with_its_report(both, tmp_path):
    truth, (_, teeth) = both
    folder, _ = predicted(tmp_path / "predicted")
    out = tmp_path / "report"
    evaluated(folder, truth, "--units", teeth, "--out", out)
    assert (out / "per-unit.csv").exists()
    evaluated(folder, truth, "--out", out, "--overwrite")
    assert not (out / "per-unit.csv").exists()


def test_other_processes_find_the_same_units(both, tmp_path):
    truth, (_, teeth) = both
    folder, _ = predicted(tmp_path / "predicted", p1_a=[(2, 3, 4, 5)])
    one, two = (
        evaluated(folder, truth, "--units", teeth, "--workers", workers)["units"]
        for workers in (1, 2)
    )
    assert one == two
