"""What ``check`` finds, and that it finds nothing in healthy sets."""

import json
import re

import check_sets as sets
import numpy as np
import pytest
import skimage.draw
from builders import image, labelme, run, square, tree
from check_sets import NAMES, Annotations, Pairs
from example_files import class_map, save

import maskforge as mf
from maskforge.checks import subjects
from maskforge.checks.alignment import align
from maskforge.checks.base import Broken, CheckPlace, ImageFacts, Survey
from maskforge.checks.catalog import CHECKS
from maskforge.errors import DatasetError, LabelError, OptionError, OutputExistsError

BY_CODE = {one.code: one for one in CHECKS}

FAULTS = {
    "unreadable": (sets.unreadable, Pairs),
    "own-mask": (sets.own_mask, Pairs),
    "unknown-value": (sets.unknown_value, Pairs, sets.with_classes),
    "refused-part": (sets.refused_part, Annotations),
    "contradicting-masks": (sets.contradicting_masks, Pairs),
    "split-leak": (sets.copied_image, Pairs, sets.with_split),
    "near-leak": (sets.near_copy, Pairs, sets.with_split),
    "no-image": (sets.no_image, Pairs),
    "no-mask": (sets.no_mask, Pairs),
    "unclear-pair": (sets.unclear_pair, Pairs),
    "mask-like-image": (sets.mask_like_image, lambda root: Pairs(root, "SegmentationObject")),
    "instance-labels": (sets.instance_labels, Annotations),
    "twin-labels": (sets.twin_labels, Annotations),
    "rare-class": (sets.rare_class, Pairs),
    "one-class": (sets.one_class, Pairs),
    "far-outside": (sets.far_outside, Annotations),
    "speck": (sets.speck, Pairs),
    "shifted-mask": (sets.shifted_mask, Pairs),
    "offset-masks": (sets.offset_masks, Pairs),
    "mirrored-mask": (sets.mirrored_mask, Pairs),
    "empty-mask": (sets.empty_mask, Pairs),
    "copied-image": (sets.copied_image, Pairs),
    "odd-image": (sets.odd_image, Pairs),
}
"""Per check the fault that it finds, the set that is broken, and what else is told."""

NOT_ON_DISK = {"weak-match", "unfinished"}
"""Checks of what the numbers of an image alone can say."""

ALSO = {
    "split-leak": {"copied-image"},
    "instance-labels": {"rare-class"},
    "twin-labels": {"rare-class"},
}
"""What else follows from a fault."""


def codes(report):
    return {one.code for one in report.findings}


def look(made):
    if isinstance(made, Annotations):
        made.write()
    return mf.check(**made.options)


def test_every_check_has_a_fault():
    assert set(BY_CODE) == set(FAULTS) | NOT_ON_DISK


@pytest.mark.parametrize("code", FAULTS)
def test_a_check_finds_its_fault_and_nothing_in_the_healthy_twin(code, tmp_path):
    fault, make, *others = FAULTS[code]
    healthy = make(tmp_path / "healthy")
    broken = make(tmp_path / "broken")
    for one in (healthy, broken):
        for other in others:
            other(one)
    fault(broken)
    assert not look(healthy).findings
    report = look(broken)
    assert codes(report) == {code} | ALSO.get(code, set())
    found = next(one for one in report.findings if one.code == code)
    assert found.severity == BY_CODE[code].severity
    named = [one.name for one in found.places]
    of_the_set = code in ("instance-labels", "offset-masks")
    assert len(named) == 1 if of_the_set else (named == ["p3"] or code == "no-image")
    assert all(one.message for one in found.places)


def test_evidence_by_name_alone_is_found():
    images = [
        ImageFacts(place=CheckPlace(name=match, image=f"{match}.png"), match=match)
        for match in ("path", "beside", "images", "folders", "content", "extracted", "none", "name")
    ]
    found = BY_CODE["weak-match"].find(Survey(tuple(images), class_map("caries")))
    assert [one.name for one in found] == ["name"]


def test_what_a_data_set_says_of_itself_is_found():
    partial = ImageFacts(place=CheckPlace(name="a"), is_partial=True)
    broken = (Broken("unfinished", CheckPlace(file="masks")),)
    survey = Survey((partial, ImageFacts(place=CheckPlace(name="b"))), class_map("caries"), broken)
    assert [one.name for one in BY_CODE["refused-part"].find(survey)] == ["a"]
    assert [one.file for one in BY_CODE["unfinished"].find(survey)] == ["masks"]


# What is told of a place


def place_of(made, code):
    return next(one for one in look(made).findings if one.code == code).places[0]


def test_a_speck_is_shown_where_it_is(tmp_path):
    pairs = Pairs(tmp_path)
    sets.speck(pairs)
    place = place_of(pairs, "speck")
    assert place.box == (4, 4, 6, 6)
    assert place.message.startswith("4 px of 'class 1', which usually has ")


def test_a_speck_beside_a_region_is_part_of_an_outline(tmp_path):
    pairs = Pairs(tmp_path)
    mask = sets.discs(3)
    row, column = np.argwhere(mask == 1)[0]
    mask[row - 3, column] = 1
    pairs.write("p3", mask)
    assert not look(pairs).findings


def test_a_shift_is_told_as_the_way_to_go(tmp_path):
    pairs = Pairs(tmp_path)
    sets.shifted_mask(pairs)
    assert place_of(pairs, "shifted-mask").message.endswith("times as well 5 px left and 4 px down")


def test_a_set_that_is_shifted_as_a_whole_is_found_by_less(tmp_path):
    pairs = Pairs(tmp_path)
    for number, name in enumerate(NAMES):
        pairs.write(name, np.roll(sets.discs(number), 3, axis=1))
    (found,) = look(pairs).findings
    assert (found.code, len(found.places)) == ("shifted-mask", len(NAMES))
    assert found.places[0].message.endswith("3 px left, as for 8 of 8 images")


@pytest.mark.parametrize("moved", [True, False])
def test_coordinates_that_were_taken_for_indices_of_pixels_are_found(tmp_path, moved):
    """The most frequent way of drawing polygons; the right one subtracts half a pixel."""
    pairs = Pairs(tmp_path)
    for number, name in enumerate(NAMES):
        mask = np.zeros((sets.SIDE, sets.SIDE), np.uint8)
        for id_, center, radius in (
            (1, (34 + number % 3, 60 - number), 22),
            (2, (72 - number % 2, 28 + number), 13),
        ):
            columns, rows = np.transpose(sets.circle(*center, radius)) - 0.5 * moved
            mask[skimage.draw.polygon(rows, columns, mask.shape)] = id_
        pairs.write(name, mask)
    if moved:
        assert not look(pairs).findings
    else:
        told = place_of(pairs, "offset-masks").message
        found = re.search(r"(\S+) px to the left and (\S+) px up", told)
        assert [float(one) for one in found.groups()] == pytest.approx([0.5, 0.5], abs=0.1)


def test_a_part_of_a_pixel_is_told_as_what_moves_the_images(tmp_path):
    pairs = Pairs(tmp_path)
    sets.offset_masks(pairs)
    told = place_of(pairs, "offset-masks").message
    found = re.fullmatch(
        r"8 of 8 masks fit the edges best (\S+) px to the left and (\S+) px down"
        r"; input\.offset=(\S+),-(\S+) moves the images instead",
        told,
    )
    left, down, right, up = map(float, found.groups())
    assert (right, up) == (left, down)
    assert (left, down) == pytest.approx((0.5, 0.5), abs=0.1)


@pytest.mark.parametrize("factor", [1, 11, 16])
def test_masks_in_their_place_lie_beside_no_edge(factor):
    """Also in images that are reduced, by 2 and by 3, before one looks at them."""
    found = []
    for number in range(6):
        mask = sets.discs(number, 96 * factor)
        rows, columns = np.mgrid[: 96 * factor, : 96 * factor]
        center, radius = np.array([300.25, 290.6]) + number, 201.3 + number
        if factor > 1:
            mask = (np.hypot(rows - center[0], columns - center[1]) < radius).astype(np.uint8)
        found.append(align(sets.photo(mask, number)[..., None], mask).between)
    np.testing.assert_allclose(np.median(found, axis=0), 0, atol=0.08)


def test_boxes_are_not_expected_to_follow_edges(tmp_path):
    pairs = Pairs(tmp_path)
    for number, name in enumerate(NAMES):
        mask = np.zeros((96, 96), np.uint8)
        mask[8:56, 8 + number : 76 + number], mask[60:90, 20 + number : 60 + number] = 1, 2
        pairs.write(name, mask)
    report = look(pairs)
    assert not report.findings
    assert report.images == {"found": 8, "masked": 8, "aligned": 0}


def test_places_in_annotations_have_a_pointer(tmp_path):
    made = Annotations(tmp_path)
    sets.far_outside(made)
    sets.refused_part(made)
    report = look(made)
    assert {one.code: one.places[0].pointer for one in report.findings} == {
        "refused-part": "$.shapes[3].points[1][0]",
        "far-outside": "$.shapes[2]",
    }
    assert report.findings[0].places[0].file.endswith("p3.json")


def test_every_lost_part_is_told(tmp_path):
    made = Annotations(tmp_path)
    sets.refused_part(made)
    made.shapes["p3"].insert(0, made.shapes["p3"][0] | {"label": ""})
    (found,) = look(made).findings
    pointers = [one.pointer for one in found.places]
    assert pointers == ["$.shapes[3].points[1][0]", "$.shapes[0].label"]


def test_annotations_in_a_code_page_are_checked(tmp_path):
    made = Annotations(tmp_path)
    made.write()
    for file in tmp_path.glob("*.json"):
        file.write_bytes(file.read_text().replace("caries", "龋齿").encode("gb18030"))
    assert codes(mf.check(tmp_path)) >= {"refused-part"}
    report = mf.check(tmp_path, text_encoding="gb18030")
    assert (report.findings, report.classes) == ([], ["tooth", "龋齿"])


@pytest.mark.parametrize("how", ["option", "class map"])
def test_the_class_is_read_from_the_key_that_is_told(tmp_path, how):
    image(tmp_path / "in" / "x.png")
    labelme(tmp_path / "in" / "x.json", square("tooth", 1, 1, 4, 4, group_id=11))
    (tmp_path / "map.toml").write_text('class_from = "group_id"\n[classes]\n"1*" = 1\n')
    told = {"class_from": "group_id"} if how == "option" else {"classes": tmp_path / "map.toml"}
    report = mf.check(tmp_path / "in", **told)
    assert report.classes == [{"option": "11", "class map": "1"}[how]]
    assert report.images["masked"] == 1


def test_images_outside_are_looked_at_if_allowed(tmp_path):
    image(tmp_path / "elsewhere" / "x.png")
    labelme(tmp_path / "in" / "x.json", square("a", 1, 1, 4, 4), image="../elsewhere/x.png")
    assert "no-image" in codes(mf.check(tmp_path / "in"))
    assert "no-image" not in codes(mf.check(tmp_path / "in", allow_outside_images=True))


@pytest.mark.parametrize(
    ("labels", "found"),
    [
        (["tooth11", "tooth12", "tooth21"], False),
        (["tooth3", "tooth4", "tooth5"], False),
        (["grade1", "grade2", "grade2", "grade3"], False),
        (["cell1", "cell2"], False),
        (["cell0", "cell1", "cell2"], True),
        (["cell_01", "cell_02", "cell_03", "cell_04"], True),
        (["1", "2", "3"], False),
    ],
)
def test_labels_that_count_objects(labels, found):
    uses = {label: labels.count(label) for label in labels}
    images = (ImageFacts(place=CheckPlace(name="a"), labels=uses),)
    survey = Survey(images, class_map(*uses))
    assert bool(list(BY_CODE["instance-labels"].find(survey))) == found


@pytest.mark.parametrize(
    ("first", "second", "found"),
    [
        (("caries", 40), ("cariess", 1), True),
        (("caries", 40), ("carise", 1), True),
        (("caries", 40), ("caroes", 2), True),
        (("caries", 40), ("cariess", 10), False),
        (("caries", 4), ("cariess", 1), False),
        (("molar l", 40), ("molar r", 1), False),
        (("tooth 11", 40), ("tooth 12", 1), False),
        (("cat", 40), ("rat", 1), False),
        (("pulp", 4), ("Pulp", 4), True),
        (("root canal", 4), ("root_canal", 4), True),
        (("pulp", 4), ("pulp\u200b", 4), True),
    ],
)
def test_labels_that_are_slips_of_others(first, second, found):
    images = (ImageFacts(place=CheckPlace(name="a"), labels=dict([first, second])),)
    survey = Survey(images, class_map(first[0], second[0]))
    assert bool(list(BY_CODE["twin-labels"].find(survey))) == found


def test_labels_of_one_class_are_no_twins():
    one = mf.MaskClass(1, "caries", (9, 9, 9), ("caries", "Caries"))
    images = (ImageFacts(place=CheckPlace(name="a"), labels={"caries": 3, "Caries": 3}),)
    assert not list(BY_CODE["twin-labels"].find(Survey(images, mf.ClassMap((one,)))))


# Sources


def test_a_data_set_and_a_table_are_checked_like_their_files(tmp_path):
    made = Annotations(tmp_path / "in")
    for fault in (sets.refused_part, sets.twin_labels):
        fault(made)
    direct = look(made)
    report = mf.check(**sets.as_dataset(made, tmp_path / "out"))
    assert codes(report) == codes(direct) == {"refused-part", "twin-labels", "rare-class"}
    assert report.classes == ["Caries ", "caries", "tooth"]
    assert report.findings[0].places[0].mask.endswith("p3.png")

    pairs = Pairs(tmp_path / "pairs")
    sets.speck(pairs)
    rows = "".join(f"images/{name}.png,truth/{name}.png\n" for name in NAMES)
    (tmp_path / "pairs" / "t.csv").write_text(f"image,mask\n{rows}")
    report = mf.check(tmp_path / "pairs" / "t.csv")
    assert [(one.code, one.places[0].name) for one in report.findings] == [("speck", "images/p3")]


def test_a_data_set_without_images_is_checked_as_far_as_it_goes(tmp_path):
    made = Annotations(tmp_path / "in")
    for name in NAMES:
        (tmp_path / "in" / f"{name}.png").unlink()
    for options in (made.options, sets.as_dataset(made, tmp_path / "out")):
        report = mf.check(**options)
        assert [(one.code, len(one.places)) for one in report.findings] == [("no-image", 8)]
        assert report.images["aligned"] == 0


def test_every_image_is_decoded_once_and_nothing_is_written(tmp_path, monkeypatch):
    made = Annotations(tmp_path / "in")
    sets.as_dataset(made, tmp_path / "out")
    read = subjects.read_image
    decoded = []
    monkeypatch.setattr(
        subjects, "read_image", lambda *args, **given: decoded.append(1) or read(*args, **given)
    )
    before = tree(tmp_path)
    calls = []
    for source in ("in", "out"):
        decoded.clear()
        mf.check(tmp_path / source, progress=lambda *call: calls.append(call))
        assert len(decoded) == len(NAMES)
    assert tree(tmp_path) == before
    assert ("checking", 8, 8) in calls


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({}, OptionError),
        ({"sources": []}, OptionError),
        ({"sources": "nowhere"}, OptionError),
        ({"sources": ["in", "out"]}, OptionError),
        ({"sources": "in", "masks": "in"}, OptionError),
        ({"masks": "in"}, OptionError),
        ({"sources": "in", "split": "split.json"}, OptionError),
        ({"sources": "in", "fail_on": "note"}, OptionError),
        ({"sources": "in", "places": -1}, OptionError),
        ({"sources": "in", "classes": "classes.toml"}, LabelError),
        ({"sources": "out", "classes": "classes.toml"}, OptionError),
        ({"sources": "out", "mask_values": {"1": "tooth"}}, OptionError),
        ({"images": "in", "masks": "empty"}, DatasetError),
        ({"sources": "empty"}, OptionError),
    ],
)
def test_wrong_use_is_told(tmp_path, monkeypatch, options, error):
    monkeypatch.chdir(tmp_path)
    sets.as_dataset(Annotations(tmp_path / "in"), tmp_path / "out")
    (tmp_path / "classes.toml").write_text(sets.CLASSES.replace("tooth", "teeth"))
    (tmp_path / "empty").mkdir()
    (tmp_path / "split.json").write_text("{}")
    with pytest.raises(error):
        mf.check(**options)


# The command and its report


def test_a_healthy_set_has_one_line(tmp_path):
    pairs = Pairs(tmp_path)
    result = run("check", "--images", pairs.images, "--masks", pairs.masks)
    assert result.exit_code == 0
    (line,) = result.stdout.splitlines()
    assert line.endswith(": nothing looks wrong")


@pytest.mark.parametrize(
    ("fault", "fail_on", "code"),
    [
        (sets.empty_mask, None, 0),
        (sets.speck, None, 1),
        (sets.speck, "warning", 1),
        (sets.speck, "error", 0),
        (sets.unreadable, "error", 1),
        (sets.unreadable, "never", 0),
    ],
)
def test_exit_codes_are_for_pipelines(tmp_path, fault, fail_on, code):
    pairs = Pairs(tmp_path)
    fault(pairs)
    wanted = [] if fail_on is None else ["--fail-on", fail_on]
    result = run("check", "--images", pairs.images, "--masks", pairs.masks, *wanted)
    assert result.exit_code == code


def test_the_terminal_shows_the_first_places(tmp_path):
    pairs = Pairs(tmp_path)
    for name in NAMES[:5]:
        (pairs.images / f"{name}.png").write_bytes(b"no image")
    result = run("check", "--images", pairs.images, "--masks", pairs.masks)
    assert "error: unreadable (5)  An image or mask cannot be read" in result.stdout
    assert "  p0: " in result.stdout
    assert "  ... and 2 more; --json names them" in result.stdout
    content = json.loads(
        run("check", "--images", pairs.images, "--masks", pairs.masks, "--json").stdout
    )
    assert [one["name"] for one in content["findings"][0]["places"]] == NAMES[:5]


def test_the_folder_shows_every_place(tmp_path):
    pairs = Pairs(tmp_path)
    sets.speck(pairs)
    name = "<b>\x1b]0;\u202e.png"
    save(pairs.masks / name, sets.discs(0))
    save(pairs.images / name, sets.photo(sets.discs(0), 30)[:, ::-1])
    out = tmp_path / "report"
    report = mf.check(**pairs.options, out=out)
    assert codes(report) == {"speck", "mirrored-mask"}
    written = json.loads((out / "check.json").read_text("utf-8"))
    overlays = [place["overlay"] for one in written["findings"] for place in one["places"]]
    assert sorted(overlays) == sorted(
        path.relative_to(out).as_posix() for path in out.rglob("*.png")
    )
    assert overlays == ["overlays/speck/01-p3.png", "overlays/mirrored-mask/01-_b__]0;_.png"]
    page = (out / "check.html").read_text("utf-8")
    assert "<b>" not in page
    assert "&lt;b&gt;\\u001b]0;\\u202e: " in page
    assert page.count("data:image/jpeg;base64,") == 2
    assert "://" not in page
    with pytest.raises(OutputExistsError):
        mf.check(**pairs.options, out=out)
    assert mf.check(**pairs.options, out=out, overwrite=True, places=0).exit_code == 1
    assert "data:image" not in (out / "check.html").read_text("utf-8")


def test_a_report_is_shown_in_notebooks(tmp_path):
    pairs = Pairs(tmp_path)
    sets.speck(pairs)
    report = look(pairs)
    assert "speck" in report._repr_html_()
    assert repr(report).startswith("CheckReport(source=")
