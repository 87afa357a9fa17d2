"""Annotations and masks written as files of labeling tools."""

from __future__ import annotations

import base64
import json

import numpy as np
import pytest
from builders import corners, instance, labelme, square, superannotate, vott, write_json
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from random_examples import examples

import maskforge as mf
from maskforge.exports.fitted import cut
from maskforge.geometry import oriented
from maskforge.images.stored import turn
from maskforge.shapes import Size

HOLE = [4, 2, 6, 2, 6, 4, 4, 4]
"""Four pixels in the middle of the image."""


def records(folder, name="a.json"):
    return json.loads((folder / name).read_text())["shapes"]


def with_hole(folder, *below):
    superannotate(
        folder / "a.png.json",
        *below,
        instance("caries", corners(2, 1, 8, 6), exclude=[HOLE]),
    )
    return folder


def mask_of(folder, classes=None):
    classes = classes or mf.ClassMap(
        (
            mf.MaskClass(1, "caries", (255, 0, 0), ("caries",)),
            mf.MaskClass(2, "enamel", (0, 255, 0), ("enamel",)),
        )
    )
    (image,) = mf.read(folder)
    return mf.draw(image, classes).mask.tolist()


# --- Holes


def test_a_hole_over_nothing_is_a_later_shape_of_background(tmp_path):
    report = mf.export(with_hole(tmp_path / "in"), tmp_path / "out", format="labelme")
    outer, hole = records(tmp_path / "out")
    assert (outer["label"], hole["label"]) == ("caries", "_background_")
    assert outer["points"] == corners(2, 1, 8, 6)
    assert hole["points"] == [[4, 2], [6, 2], [6, 4], [4, 4]]
    assert report.changed == {"holes written as later shapes of background": 1}
    assert mask_of(tmp_path / "out") == mask_of(tmp_path / "in")


def test_a_hole_that_shows_something_else_is_cut(tmp_path):
    source = with_hole(tmp_path / "in", instance("enamel", corners(0, 0, 8, 6)))
    report = mf.export(source, tmp_path / "out", format="labelme")
    assert [one["label"] for one in records(tmp_path / "out")] == ["enamel", "caries"]
    assert report.changed == {"holes cut into the outline": 1}
    assert not report.different
    assert mask_of(tmp_path / "out") == mask_of(tmp_path / "in")
    assert mask_of(tmp_path / "out")[2][3:7] == [1, 2, 2, 1]


@pytest.mark.parametrize(
    ("holes", "kinds"),
    [("background", ["polygon"] * 2), ("cut", ["polygon"]), ("bitmap", ["mask"])],
)
def test_the_form_of_holes_can_be_chosen(tmp_path, holes, kinds):
    mf.export(with_hole(tmp_path / "in"), tmp_path / "out", format="labelme", holes=holes)
    assert [one["shape_type"] for one in records(tmp_path / "out")] == kinds
    assert mask_of(tmp_path / "out") == mask_of(tmp_path / "in")


def test_a_form_that_the_format_has_not_is_refused(tmp_path):
    with pytest.raises(mf.errors.OptionError, match="cannot hold holes as rings") as caught:
        mf.export(with_hole(tmp_path / "in"), tmp_path / "out", format="labelme", holes="rings")
    assert "background, cut, bitmap" in caught.value.hint
    assert not (tmp_path / "out").exists()


coordinates = st.integers(-4, 44).map(lambda one: one / 2)
rings = st.lists(st.tuples(coordinates, coordinates), min_size=3, max_size=7, unique=True)


@given(rings, st.lists(rings, max_size=3))
@settings(max_examples=examples(80))
def test_a_cut_outline_covers_the_same_pixels(outer, holes):
    polygon = mf.Polygon(np.array(outer, float), tuple(np.array(one, float) for one in holes))
    expected = mf.rasterize([polygon], (20, 20))
    assert (mf.rasterize([mf.Polygon(cut(polygon))], (20, 20)) == expected).all()


# --- What else a format cannot hold


def test_several_labels_become_several_records_with_the_first_on_top(tmp_path):
    points = [{"x": x, "y": y} for x, y in corners(1, 1, 5, 4)]
    region = {"id": "r", "type": "POLYGON", "tags": ["caries", "enamel"], "points": points}
    vott(tmp_path / "in", {"a.png": (2, [region])})
    report = mf.export(tmp_path / "in", tmp_path / "out", format="labelme")
    assert [one["label"] for one in records(tmp_path / "out")] == ["enamel", "caries"]
    assert report.changed == {"records written once for each of several labels": 1}
    assert mask_of(tmp_path / "out") == mask_of(tmp_path / "in")


def test_lines_are_left_out_and_counted(tmp_path):
    line = square("crack", 1, 1, 4, 4) | {"shape_type": "linestrip"}
    labelme(tmp_path / "in" / "a.json", line, square("caries", 1, 1, 4, 4))
    report = mf.export(tmp_path / "in", tmp_path / "out", format="coco")
    assert report.left_out["lines"] == 1
    assert report.written_records == 1
    assert report.exit_code == 0


@pytest.mark.parametrize("format_", ["masks", "nnunet", "pascal-voc", "yolo-semantic"])
def test_what_pixels_cannot_hold_is_counted(tmp_path, format_):
    labelme(
        tmp_path / "in" / "a.json",
        square("caries", 1, 1, 4, 4, score=0.5),
        square("enamel", 3, 3, 6, 5),
        square("crack", 1, 1, 4, 4) | {"shape_type": "linestrip"},
    )
    Image.new("L", (8, 6)).save(tmp_path / "in" / "a.png")
    report = mf.export(tmp_path / "in", tmp_path / "out", format=format_)
    counts = {key: report.left_out.get(key) for key in ("lines", "points", "scores")}
    assert counts == {"lines": 1, "points": None, "scores": 1}
    assert report.left_out["pixels of further classes below another"] == 1
    assert report.compared == 0


def test_a_record_that_cannot_be_read_is_told(tmp_path):
    labelme(tmp_path / "in" / "a.json", square("caries", 1, 1, 4, 4), {"label": "pulp"})
    report = mf.export(tmp_path / "in", tmp_path / "out", format="vott")
    assert report.records == {"found": 2, "refused": 1}
    assert report.exit_code == 1
    assert [one.code for one in report.issues if one.pointer == "$.shapes[1]"] == ["invalid-record"]


def test_a_file_of_its_own_format_keeps_that_record(tmp_path):
    shapes = [{"label": "pulp"}, square("caries", 1, 1, 4, 4, my_key=[1])]
    labelme(tmp_path / "in" / "a.json", *shapes, my_key="x")
    mf.export(tmp_path / "in", tmp_path / "out", format="labelme")
    before = json.loads((tmp_path / "in" / "a.json").read_text())
    assert json.loads((tmp_path / "out" / "a.json").read_text()) == before


def test_images_that_nobody_looked_at(tmp_path):
    vott(tmp_path / "in", {"a.png": (0, []), "b.png": (1, [])})
    report = mf.export(tmp_path / "in", tmp_path / "out", format="labelme")
    assert (report.images["written"], report.images["ignored"]) == (1, 1)
    kept = mf.export(tmp_path / "in", tmp_path / "own", format="vott")
    assert kept.images["written"] == 2
    assert {one.state for one in mf.read(tmp_path / "own")} == {"unvisited", "empty"}
    options = {"format": "labelme", "unvisited": "background", "overwrite": True}
    assert mf.export(tmp_path / "in", tmp_path / "out", **options).images["written"] == 2


def test_every_image_gets_a_name_of_its_own(tmp_path):
    for folder in ("x", "y"):
        labelme(tmp_path / "in" / folder / "a.json", square("caries", 1, 1, 4, 4))
    mf.export(tmp_path / "in", tmp_path / "out", format="x-anylabeling")
    assert (tmp_path / "out" / "x" / "a.json").is_file()
    assert (tmp_path / "out" / "y" / "a.json").is_file()


# --- Images


def with_image(folder, **keys):
    folder.mkdir()
    pixels = np.arange(48, dtype=np.uint8).reshape(6, 8)
    Image.fromarray(pixels).save(folder / "a.png", **keys)
    labelme(folder / "a.json", square("caries", 1, 0, 4, 3))
    return folder


def test_images_are_referenced_copied_or_embedded(tmp_path):
    source = with_image(tmp_path / "in")
    content = (source / "a.png").read_bytes()
    for choice in ("reference", "copy", "embed"):
        out = tmp_path / choice
        mf.export(source, out, format="labelme", image_files=choice)
        document = json.loads((out / "a.json").read_text())
        assert (out / "a.png").is_file() is (choice == "copy")
        if choice == "copy":
            assert document["imagePath"] == "a.png"
            assert (out / "a.png").read_bytes() == content
        else:
            assert document["imagePath"] == "../in/a.png"
        embedded = base64.b64encode(content).decode() if choice == "embed" else None
        assert document["imageData"] == embedded
        (image,) = mf.read(out)
        assert image.image.size == (8, 6)


def test_a_format_without_images_embeds_none(tmp_path):
    with pytest.raises(mf.errors.OptionError, match="coco cannot hold images"):
        mf.export(with_image(tmp_path / "in"), tmp_path / "out", format="coco", image_files="embed")


def test_an_image_that_is_nowhere_else_stays_embedded(tmp_path):
    source = with_image(tmp_path / "in")
    content = (source / "a.png").read_bytes()
    labelme(source / "a.json", imageData=base64.b64encode(content).decode())
    (source / "a.png").unlink()
    mf.export(source, tmp_path / "out", format="labelme")
    document = json.loads((tmp_path / "out" / "a.json").read_text())
    assert base64.b64decode(document["imageData"]) == content
    mf.export(source, tmp_path / "coco", format="coco")
    assert [one.read_bytes() for one in (tmp_path / "coco").rglob("*.png")] == [content]


def test_shapes_are_turned_into_the_frame_of_the_tool(tmp_path):
    """X-AnyLabeling shows the stored pixels, LabelMe the image after its EXIF orientation."""
    exif = Image.Exif()
    exif[0x0112] = 6
    source = with_image(tmp_path / "in", exif=exif)
    labelme(source / "a.json", square("caries", 1, 0, 4, 3), width=6, height=8)
    mf.export(source, tmp_path / "out", format="x-anylabeling")
    document = json.loads((tmp_path / "out" / "a.json").read_text())
    assert (document["imageWidth"], document["imageHeight"]) == (8, 6)
    # (x, y) of the upright image of 6 x 8 px is (y, 6 - x) of the stored one.
    assert document["shapes"][0]["points"] == [[0, 5], [0, 2], [3, 2], [3, 5]]


@given(st.integers(1, 8), rings)
def test_turned_shapes_cover_the_turned_pixels(orientation, outer):
    """Coordinates are moved off the centers of pixels, where the sides are not alike."""
    area = mf.Area((mf.Polygon(np.add(outer, (0.2137, 0.3711))),))
    size = Size(13, 9)
    stored = mf.rasterize([area], size)
    upright = turn(stored, orientation)
    shown = Size(upright.shape[1], upright.shape[0])
    turned = oriented(area, size, orientation)
    assert (mf.rasterize([turned], shown) == upright).all()
    back = oriented(turned, shown, orientation, back=True)
    assert back.parts[0].exterior == pytest.approx(area.parts[0].exterior)
    bitmap = oriented(mf.Bitmap(0, 0, stored.astype(bool)), size, orientation)
    assert (mf.rasterize([bitmap], shown) == upright).all()


# --- Masks


@pytest.fixture
def masks(tmp_path):
    """A data set of one image with two lesions, one of them a single pixel, and void."""
    labelme(
        tmp_path / "in" / "a.json",
        square("caries", 1, 1, 4, 4, group_id=1),
        square("caries", 6, 5, 7, 6, group_id=2),
        square("__ignore__", 6, 0, 8, 2),
    )
    mf.convert(tmp_path / "in", tmp_path / "masks", instances=True)
    return tmp_path / "masks"


def test_masks_become_outlines_and_masks_again(tmp_path, masks):
    report = mf.export(masks, tmp_path / "out", format="labelme")
    assert report.images["written"] == 1
    assert [one["label"] for one in records(tmp_path / "out")] == [
        "caries",
        "__ignore__",
        "caries",
    ]
    assert mask_of(tmp_path / "out") == mask_of(tmp_path / "in")
    groups = [one["group_id"] for one in records(tmp_path / "out")]
    assert groups[0] != groups[2]
    assert records(tmp_path / "out")[0]["points"] == corners(1, 1, 4, 4)


def test_small_shapes_are_left_out_and_counted(tmp_path, masks):
    report = mf.export(masks, tmp_path / "out", format="labelme", min_area=2)
    assert len(records(tmp_path / "out")) == 2
    assert report.left_out == {"shapes smaller than the minimum area": 1}


def test_outlines_that_move_further_tell_what_remains(tmp_path):
    disc = (np.hypot(*np.mgrid[-20:21, -20:21]) < 15).astype(np.uint8)
    mf.write_mask(tmp_path / "disc.png", disc)
    labelme(tmp_path / "in" / "a.json", width=41, height=41)
    points = mf.vectorize(disc)[0].geometry.parts[0].exterior.tolist()
    labelme(tmp_path / "in" / "a.json", square("x", 0, 0, 1, 1) | {"points": points}, width=41)
    write_json(
        tmp_path / "in" / "a.json",
        json.loads((tmp_path / "in" / "a.json").read_text()) | {"imageHeight": 41},
    )
    mf.convert(tmp_path / "in", tmp_path / "masks")
    exact = mf.export(tmp_path / "masks", tmp_path / "exact", format="labelme")
    loose = mf.export(tmp_path / "masks", tmp_path / "loose", format="labelme", tolerance=4)
    assert exact.iou == 1
    assert 0.7 < loose.iou < 1
    assert len(records(tmp_path / "loose")[0]["points"]) < len(
        records(tmp_path / "exact")[0]["points"]
    )


def test_an_unfinished_data_set_is_refused(tmp_path, masks):
    (masks / "manifest.jsonl").rename(masks / ".manifest.jsonl.part")
    with pytest.raises(mf.errors.DatasetError, match="is unfinished"):
        mf.export(masks, tmp_path / "out", format="labelme")


# --- The output folder


def test_an_earlier_export_is_replaced_but_never_what_somebody_changed(tmp_path):
    source = with_hole(tmp_path / "in")
    mf.export(source, tmp_path / "out", format="labelme")
    with pytest.raises(mf.errors.OutputExistsError, match="already holds an export"):
        mf.export(source, tmp_path / "out", format="labelme")
    mf.export(source, tmp_path / "out", format="coco", overwrite=True)
    assert not (tmp_path / "out" / "a.json").exists()
    mf.export(source, tmp_path / "out", format="labelme", overwrite=True)
    corrected = (tmp_path / "out" / "a.json").read_text().replace("caries", "pulp")
    (tmp_path / "out" / "a.json").write_text(corrected)
    with pytest.raises(mf.errors.OutputExistsError, match="changed since"):
        mf.export(source, tmp_path / "out", format="labelme", overwrite=True)
    assert (tmp_path / "out" / "a.json").read_text() == corrected


def test_what_was_exported_is_read_as_annotations(tmp_path):
    mf.export(with_hole(tmp_path / "in"), tmp_path / "out", format="x-anylabeling")
    report = mf.convert(tmp_path / "out", tmp_path / "masks")
    assert (report.files["found"], report.images["drawn"]) == (1, 1)


def test_nothing_to_write(tmp_path):
    (tmp_path / "in").mkdir()
    report = mf.export(tmp_path / "in", tmp_path / "out", format="labelme")
    assert report.exit_code == 2


def test_what_lies_in_a_hole_of_a_mask_is_drawn_after_it(tmp_path):
    """So no outline is cut, whatever the numbers of the classes are."""
    pixels = instance("a inner", corners(3, 2, 5, 4))
    ring = instance("b outer", corners(1, 1, 7, 5), exclude=[[3, 2, 5, 2, 5, 4, 3, 4]])
    superannotate(tmp_path / "in" / "a.png.json", pixels, ring)
    mf.convert(tmp_path / "in", tmp_path / "masks")
    report = mf.export(tmp_path / "masks", tmp_path / "out", format="labelme")
    labels = [one["label"] for one in records(tmp_path / "out")]
    assert labels == ["b outer", "_background_", "a inner"]
    assert report.changed == {"holes written as later shapes of background": 1}
    assert not report.different


def test_masks_come_back_whatever_images_and_classes_are_called(tmp_path):
    """Numbers as names of both, and a folder that is called as those of images are."""
    for name in ("0", "1"):
        path = tmp_path / "in" / "images" / f"{name}.json"
        labelme(path, square("1", 1, 1, 4, 4), square("2", 4, 1, 6, 4))
    mf.export(tmp_path / "in", tmp_path / "out", format="masks")
    classes = mf.load_class_map(tmp_path / "out" / "classes.json")
    images = {image.origin.file.stem: image for image in mf.read(tmp_path / "out", format="masks")}
    assert sorted(images) == ["0", "1"]
    for image in images.values():
        assert mf.draw(image, classes).mask.tolist()[1:3] == [[0, 1, 1, 1, 2, 2, 0, 0]] * 2
