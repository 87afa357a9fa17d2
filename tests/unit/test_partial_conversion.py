"""What could not be read is not background: outcomes of images, and void for lost shapes."""

import json
import pickle

import msgspec
import numpy as np
import pytest
from builders import (
    corners,
    grid,
    image,
    instance,
    labelme,
    manifest,
    region,
    run,
    shape,
    square,
    superannotate,
    vott,
)

import maskforge as mf
from maskforge.dataset.manifest import ManifestEntry

GOOD = square("a", 0, 0, 2, 2)
TEXT = [*corners(4, 1, 7, 4), ["?", "?"]]
STRAY = shape("a", [[5, 5], [6, 5]])
POINT = shape("b", [[5, 5]], "point")
UNLABELED = square("", 4, 1, 7, 4)
HEART = shape("a", corners(4, 1, 7, 4), "heart")
BROKEN = shape("a", TEXT)
NOWHERE = shape("a", "?")
PASTED = shape("a", [[4, 1], [6, 3]], "mask", mask="no PNG")


def converted(folder, *shapes, **options):
    labelme(folder / "x.json", *shapes)
    (read,) = mf.read(folder / "x.json")
    classes = mf.ClassMap((mf.MaskClass(1, "a", (9, 9, 9), ("a", "b")),), ignored=("text",))
    return mf.convert_image(pickle.loads(pickle.dumps(read)), classes, **options)


@pytest.mark.parametrize("lost", [BROKEN, HEART, NOWHERE, PASTED, UNLABELED, 5, shape("a", [])])
def test_an_image_that_lost_some_is_partial_and_one_that_lost_all_is_refused(tmp_path, lost):
    some = converted(tmp_path, GOOD, lost)
    assert (some.outcome, some.entry.outcome, some.entry.shapes["drawn"]) == (*["partial"] * 2, 1)
    assert some.mask.sum() == 4
    every = converted(tmp_path, lost, POINT, square("text", 0, 0, 1, 1))
    assert (every.outcome, every.entry.outcome, every.mask) == ("refused", "refused", None)
    assert "nothing-known" in {one.code for one in every.entry.issues}
    counts = every.entry.shapes
    assert counts["found"] == 3 == sum(counts[one] for one in ("ignored", "skipped", "refused"))


@pytest.mark.parametrize("harmless", [POINT, STRAY, square("text", 4, 1, 7, 4)])
def test_what_has_no_area_or_is_not_wanted_leaves_no_doubt(tmp_path, harmless):
    assert converted(tmp_path, GOOD, harmless).outcome == "drawn"


def test_a_stray_click_matters_only_where_nothing_else_is(tmp_path):
    assert converted(tmp_path, STRAY).outcome == "refused"
    assert converted(tmp_path, POINT).outcome == "drawn"
    assert converted(tmp_path).outcome == "drawn"


@pytest.mark.parametrize(
    ("unlabeled", "outcome"),
    [(None, "partial"), ("error", "partial"), ("skip", "drawn"), ("a", "drawn")],
)
def test_what_somebody_decides_leaves_no_doubt(tmp_path, unlabeled, outcome):
    assert converted(tmp_path, GOOD, UNLABELED, unlabeled=unlabeled).outcome == outcome


def test_a_point_without_label_has_no_area_all_the_same(tmp_path):
    found = converted(tmp_path, GOOD, shape("", [[5, 5]], "point"))
    assert (found.outcome, [one.code for one in found.entry.issues][-1]) == ("drawn", "no-area")
    assert converted(tmp_path, GOOD, shape("", [[5, 5]], "point"), point_radius=1.0).outcome == (
        "partial"
    )


VOID = grid("11......", *["11..VVV."], *["....VVV."] * 2, *["........"] * 2)


@pytest.mark.parametrize("lost", [BROKEN, HEART, PASTED, UNLABELED])
@pytest.mark.parametrize("encoding", ["integer", "multihot"])
def test_a_lost_shape_becomes_void_where_its_place_is_known(tmp_path, lost, encoding):
    found = converted(tmp_path, GOOD, lost, refused="void", encoding=encoding)
    assert found.outcome == "drawn"
    assert np.array_equal(found.mask.reshape(6, 8), VOID)
    assert found.entry.pixels["void"] == 9
    counts = {key: count for key, count in found.entry.shapes.items() if count}
    assert counts == {"found": 2, "drawn": 1, "void": 1}
    assert {one.level for one in found.issues if one.loses_record} == {mf.Level.VOID}


def test_an_image_on_which_all_is_void_is_drawn(tmp_path):
    found = converted(tmp_path, BROKEN, refused="void")
    assert (found.outcome, found.entry.pixels) == ("drawn", {"background": 39, "void": 9})


def test_what_has_no_known_place_leaves_the_image_partial(tmp_path):
    assert converted(tmp_path, GOOD, NOWHERE, refused="void").outcome == "partial"
    assert converted(tmp_path, BROKEN, NOWHERE, refused="void").outcome == "partial"
    assert converted(tmp_path, NOWHERE, refused="void").outcome == "refused"


def test_too_few_good_points_tell_no_place(tmp_path):
    two, three = ([[0, 0], [4, 4], [1, None]], [[0, 0], [4, 4], [1, 3], [1, None]])
    assert converted(tmp_path, GOOD, shape("a", two), refused="void").outcome == "partial"
    assert converted(tmp_path, GOOD, shape("a", three), refused="void").outcome == "drawn"


def test_a_circle_is_void_as_a_whole(tmp_path):
    circle = shape(["a"], [[4, 3], [6, 3]], "circle")
    circle["points"] = [[4, 3], [6, 4]]
    mask = converted(tmp_path, circle, refused="void").mask
    rows, columns = np.mgrid[:6, :8] + 0.5
    inside = (columns - 4) ** 2 + (rows - 3) ** 2 <= 5
    assert (mask[inside] == 255).all()


def test_a_shape_without_class_lies_where_it_was_drawn_and_a_damaged_one_on_top(tmp_path):
    later = square("a", 4, 1, 6, 4)
    assert converted(tmp_path, UNLABELED, later, refused="void").entry.pixels["void"] == 3
    assert converted(tmp_path, BROKEN, later, refused="void").entry.pixels["void"] == 9
    whole = square("a", 0, 0, 8, 6)
    for overlap in ("order", "area", "priority"):
        found = converted(tmp_path, whole, UNLABELED, refused="void", overlap=overlap)
        assert found.entry.pixels == {"a": 39, "background": 0, "void": 9}


def test_several_labels_that_are_refused_are_void_if_wanted(tmp_path):
    vott(tmp_path, {"x.png": (2, [region(["a", "b"], corners(1, 1, 4, 4))])})
    options = {"multi_tag": "error", "out": tmp_path / "out"}
    assert mf.convert(tmp_path, **options).images["refused"] == 1
    assert mf.convert(tmp_path, **options, refused="void", overwrite=True).images["drawn"] == 1
    (line,) = manifest(tmp_path / "out")
    assert line["pixels"] == {"background": 39, "void": 9}


BOX = {"x1": 4, "y1": 1, "x2": 7, "y2": 4}


@pytest.mark.parametrize(
    ("write", "record"),
    [
        (superannotate, {"type": "bbox", "className": 5, "points": BOX}),
        (superannotate, instance("a", corners(4, 1, 7, 4), type="heart")),
        (superannotate, instance("a", corners(4, 1, 7, 4), exclude=[[5, 2, None, 3, 6, 3]])),
        (superannotate, {"type": "oval", "cx": 5.5, "cy": 2.5, "rx": 1.5, "ry": 0, "className": 1}),
        (vott, region([5], corners(4, 1, 7, 4))),
        (vott, region(["a"], corners(4, 1, 7, 4)) | {"type": "HEART"}),
        (vott, region(["a"], corners(4, 1, 7, 4)) | {"points": None}),
    ],
)
def test_every_format_tells_the_place(tmp_path, write, record):
    if write is vott:
        vott(tmp_path, {"x.png": (2, [record])})
    else:
        superannotate(tmp_path / "x.png.json", record)
    report = mf.convert(tmp_path, tmp_path / "out", refused="void")
    assert (report.images["drawn"], report.records["void"], report.exit_code) == (1, 1, 1)
    assert manifest(tmp_path / "out")[0]["pixels"] == {"background": 39, "void": 9}


def test_the_place_is_scaled_with_the_shapes(tmp_path):
    image(tmp_path / "x.png", 16, 12)
    labelme(tmp_path / "x.json", GOOD, BROKEN)
    options = {"size_mismatch": "scale", "refused": "void"}
    mf.convert(tmp_path / "x.json", tmp_path / "out", **options)
    assert manifest(tmp_path / "out")[0]["pixels"]["void"] == 36


def test_version_1_tells_the_place_only_in_pixels(tmp_path):
    bad = {"type": "heart", "points": [{"x": x, "y": y} for x, y in corners(4, 1, 7, 4)]}
    screen = {"x1": 0, "y1": 0, "x2": 4, "y2": 3, "width": 16, "height": 12, "tags": ["a"]}
    for name, regions in {"p": [bad], "s": [bad, screen | {"type": "Rectangle"}]}.items():
        image(tmp_path / name / f"{name}.png")
        content = {"frames": {f"{name}.png": regions}, "inputTags": "a"}
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    mf.convert(tmp_path, tmp_path / "out", refused="void")
    assert {line["source"][-6:]: line["outcome"] for line in manifest(tmp_path / "out")} == {
        "p.json": "drawn",
        "s.json": "partial",
    }


# --- Reports


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "in"
    for name, shapes in {"good": [GOOD], "some": [GOOD, BROKEN], "lost": [BROKEN]}.items():
        image(folder / f"{name}.png")
        labelme(folder / f"{name}.json", *shapes)
    return folder


def test_partial_images_are_named_everywhere(tmp_path, source):
    result = run("convert", source, "--out", tmp_path / "out")
    assert result.exit_code == 1
    assert "1 image is partial" in result.stdout
    assert "(--partial): some\n" in result.stdout
    outcomes = [line["outcome"] for line in manifest(tmp_path / "out")]
    assert outcomes == ["drawn", "refused", "partial"]
    for looked_at in (source, tmp_path / "out"):
        inspection = mf.inspect(looked_at)
        counts = [inspection.images[one] for one in ("drawn", "partial", "ignored", "refused")]
        assert counts == [1, 1, 0, 1]
        assert "partial" in run("inspect", looked_at).stdout
    assert "1 of them partial" in mf.open_dataset(tmp_path / "out")._repr_html_()
    report = mf.preview(tmp_path / "out", tmp_path / "seen")
    assert (report.partial, len(report.overlays)) == (1, 2)
    seen = run("preview", tmp_path / "out", "--out", tmp_path / "seen", "--overwrite")
    assert "1 masks are partial" in seen.stdout


def test_a_dry_run_names_them_as_the_run_does(tmp_path, source):
    assert mf.convert(source, tmp_path / "out", dry_run=True).partial == ["some"]


def test_without_any_mask_nothing_says_where_masks_are(tmp_path):
    labelme(tmp_path / "x.json", BROKEN)
    result = run("convert", tmp_path / "x.json", "--out", tmp_path / "out")
    assert "No mask could be made; manifest.jsonl in" in result.stdout
    assert "are in" not in result.stdout
    assert "preview" not in result.stdout


def test_strict_writes_nothing_for_void_either(tmp_path, source):
    report = mf.convert(source, tmp_path / "out", strict=True, refused="void")
    assert (report.written, report.records["void"]) == (False, 2)


# --- Earlier manifests


@pytest.mark.parametrize(
    ("shapes", "outcome"),
    [([GOOD, POINT], "drawn"), ([GOOD, BROKEN], "partial"), ([GOOD, UNLABELED], "partial")],
)
def test_the_issues_tell_the_outcome_where_a_manifest_does_not(tmp_path, shapes, outcome):
    labelme(tmp_path / "x.json", *shapes)
    mf.convert(tmp_path / "x.json", tmp_path / "out")
    _forget_outcomes(tmp_path / "out")
    (entry,) = mf.open_dataset(tmp_path / "out").entries
    assert entry.outcome == outcome


@pytest.mark.parametrize(
    ("keys", "outcome"),
    [
        ({"mask": "masks/x.png", "issues": [("invalid-record", "refused", "record")]}, "refused"),
        ({"mask": "masks/x.png", "issues": [("later-code", "refused", "record")]}, "refused"),
        ({"mask": "masks/x.png", "issues": [("later-code", "skipped", "record")]}, "drawn"),
        ({"mask": None, "issues": [("size-unknown", "refused", "image")]}, "refused"),
        ({"mask": None, "issues": [("unvisited", "ignored", "image")]}, "ignored"),
    ],
)
def test_masks_of_background_in_earlier_manifests_are_known_for_what_they_are(keys, outcome):
    found = [
        {"code": code, "level": level, "scope": scope, "pointer": "$", "message": ""}
        for code, level, scope in keys["issues"]
    ]
    line = {"image": None, "width": 4, "height": 4, "state": "annotated", "format": "labelme"}
    line |= {"source": "", "pointer": "$", "encoding": "integer", "pixels": {}, "class_shapes": {}}
    line |= {"shapes": {"found": 1, "drawn": 0}, "mask": keys["mask"], "issues": found}
    assert msgspec.json.decode(json.dumps(line), type=ManifestEntry).outcome == outcome


def _forget_outcomes(out):
    lines = [{k: v for k, v in line.items() if k != "outcome"} for line in manifest(out)]
    (out / "manifest.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
