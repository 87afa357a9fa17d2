"""Ready-made masks as annotations: every region comes back to the last pixel, or is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
from builders import run
from mask_images import (
    BLACK,
    BLUE,
    GREEN,
    RED,
    WHITE,
    Folder,
    colored,
    regions,
    save,
    values,
    written_image,
)
from PIL import Image

import maskforge as mf
from maskforge.formats.masks.writer import MasksWriter
from maskforge.shapes import Bitmap

BOX = (1, 2, 1, 5, 3)
OTHER = (2, 5, 3, 8, 6)
TWO = values(BOX, OTHER)
FIRST, SECOND = TWO == 1, TWO == 2
NAMES = {"#ff0000": "caries", "#0000ff": "pulp"}


def only(folder, **keywords):
    """Read the masks of a folder, which is one image without any finding."""
    reader = mf.read(folder, format="masks", **keywords)
    (image,) = reader
    assert not reader.issues
    assert not image.issues or image.image.file is None
    return image


def refusal(folder, **keywords):
    (image,) = mf.read(folder, format="masks", **keywords)
    assert image.refusal is not None
    assert not image.shapes
    return image.refusal


def same(found, **expected):
    assert found.keys() == expected.keys()
    for label, pixels in expected.items():
        assert (found[label] == pixels).all(), label


# --- Values


def test_every_value_is_a_region(tmp_path):
    save(tmp_path / "masks/7.png", TWO)
    image = only(tmp_path)
    assert (image.image.name, image.image.size, image.state) == ("7", (8, 6), "annotated")
    same(regions(image), **{"1": FIRST, "2": SECOND})
    first = image.shapes[0]
    assert isinstance(first.geometry, Bitmap)
    assert (first.geometry.row, first.geometry.column) == (1, 2)
    assert (first.kind, first.primitive, first.origin.pointer) == ("value", {"value": 1}, "value 1")


@pytest.mark.parametrize("on", [1, 255])
def test_black_and_white(tmp_path, on):
    save(tmp_path / "7.png", values((on, 2, 1, 5, 3)))
    same(regions(only(tmp_path)), **{str(on): FIRST})
    same(regions(only(tmp_path, mask_values={"0": "background", str(on): "a"})), a=FIRST)


def test_single_bits_are_0_and_1(tmp_path):
    Image.fromarray(FIRST).save(tmp_path / "7.png")
    same(regions(only(tmp_path)), **{"1": FIRST})


def test_nothing_but_0_is_an_empty_image(tmp_path):
    save(tmp_path / "7.png", values())
    image = only(tmp_path)
    assert (image.state, image.shapes) == ("empty", ())


def test_255_is_void_where_masks_hold_more_than_black_and_white(tmp_path):
    save(tmp_path / "6.png", values((255, 0, 0, 3, 3)))
    (image,) = mf.read(tmp_path, format="masks")
    assert [one.labels for one in image.shapes] == [("255",)]
    save(tmp_path / "7.png", TWO)
    first, _ = mf.read(tmp_path, format="masks")
    assert [one.labels for one in first.shapes] == [("__ignore__",)]


def test_16_bits(tmp_path):
    save(tmp_path / "7.png", values((300, 2, 1, 5, 3), (40000, 5, 3, 8, 6), dtype=np.uint16))
    same(regions(only(tmp_path)), **{"300": FIRST, "40000": SECOND})


def test_values_may_be_named_background(tmp_path):
    save(tmp_path / "7.png", values((255, 2, 1, 5, 3)))
    found = regions(only(tmp_path, mask_values={"0": "membrane", "255": "background"}))
    same(found, membrane=~FIRST)


@pytest.mark.parametrize("key", ["red", "#ff00", "-1", "65536", "1.5", "٣"])
def test_what_is_neither_value_nor_color_has_no_name(tmp_path, key):
    with pytest.raises(mf.errors.OptionError, match="neither a value nor a color"):
        mf.read(tmp_path, mask_values={key: "caries"})


def test_values_without_name_are_refused_and_counted(tmp_path):
    save(tmp_path / "7.png", TWO)
    issue = refusal(tmp_path, mask_values={"1": "caries"})
    assert str(issue.code) == "unknown-value"
    assert "values that no class has: 2 (9 px)" in issue.message


# --- Palettes, colors, opacity


def test_a_palette_counts_by_value_or_by_color(tmp_path):
    save(tmp_path / "7.png", TWO, {1: RED, 2: BLUE})
    same(regions(only(tmp_path)), **{"1": FIRST, "2": SECOND})
    same(regions(only(tmp_path, mask_values=NAMES)), caries=FIRST, pulp=SECOND)
    by_value = {"1": "a", "2": "b", "#00ff00": "c"}
    same(regions(only(tmp_path, mask_values=by_value)), a=FIRST, b=SECOND)


def test_colors(tmp_path):
    save(tmp_path / "7.png", colored(TWO, {1: RED, 2: BLUE}))
    same(regions(only(tmp_path)), **{"#ff0000": FIRST, "#0000ff": SECOND})
    same(regions(only(tmp_path, mask_values=NAMES)), caries=FIRST, pulp=SECOND)


def test_colors_without_name_are_refused_and_counted(tmp_path):
    save(tmp_path / "7.png", colored(TWO, {1: RED, 2: (254, 0, 0)}))
    issue = refusal(tmp_path, mask_values=NAMES)
    assert str(issue.code) == "unknown-value"
    assert "colors that no class has: #fe0000 (9 px)" in issue.message


def test_gray_saved_as_colors_is_gray(tmp_path):
    save(tmp_path / "7.png", np.stack([TWO] * 3, axis=-1))
    same(regions(only(tmp_path)), **{"1": FIRST, "2": SECOND})
    save(tmp_path / "7.png", colored(TWO, {1: WHITE}))
    same(regions(only(tmp_path, mask_values={"#ffffff": "a"})), a=FIRST)


def test_opacity_is_the_mask_of_a_single_color(tmp_path):
    pixels = np.zeros((6, 8, 4), np.uint8)
    pixels[..., :3] = GREEN
    pixels[FIRST, 3] = 255
    save(tmp_path / "7.png", pixels)
    same(regions(only(tmp_path)), **{"255": FIRST})
    same(regions(only(tmp_path, mask_values={"#00ff00": "a"})), a=FIRST)


def test_transparent_pixels_are_background(tmp_path):
    alpha = np.where(FIRST | SECOND, 255, 0).astype(np.uint8)
    seen = np.dstack([colored(TWO, {0: GREEN, 1: RED, 2: BLUE}), alpha])
    save(tmp_path / "7.png", seen)
    same(regions(only(tmp_path)), **{"#ff0000": FIRST, "#0000ff": SECOND})
    gray = np.dstack([np.where(TWO == 0, 9, TWO).astype(np.uint8), alpha])
    Image.fromarray(gray, "LA").save(tmp_path / "7.png")
    same(regions(only(tmp_path)), **{"1": FIRST, "2": SECOND})


def test_half_transparent_pixels_are_refused(tmp_path):
    alpha = np.where(FIRST, 128, 255).astype(np.uint8)
    save(tmp_path / "7.png", np.dstack([colored(TWO, {1: RED}), alpha]))
    assert "6 half transparent pixels" in refusal(tmp_path).message


# --- JPEG and other change


def test_jpeg_is_refused_unless_a_tolerance_allows_for_its_change(tmp_path):
    big = np.kron(TWO, np.ones((8, 8), np.uint8))
    colors = colored(big, {1: RED, 2: BLUE})
    save(tmp_path / "7.jpg", colors)
    stored = np.asarray(Image.open(tmp_path / "7.jpg")).astype(int)
    changed = (stored != colors).any(axis=-1).sum()
    assert changed
    issue = refusal(tmp_path, mask_values=NAMES)
    assert (str(issue.code), "--mask-tolerance" in issue.hint) == ("invalid-mask", True)
    assert "#" in refusal(tmp_path, mask_values=NAMES, mask_tolerance=0).message
    (image,) = mf.read(tmp_path, format="masks", mask_values=NAMES, mask_tolerance=120)
    found = {one.labels[0]: mf.rasterize([one.geometry], (64, 48)) for one in image.shapes}
    distance = {
        label: np.abs(stored - color).max(axis=-1)
        for label, color in (("", BLACK), ("caries", RED), ("pulp", BLUE))
    }
    nearest = np.stack([*distance.values()]).argmin(axis=0)
    assert (found["caries"] == (nearest == 1)).all()
    assert (found["pulp"] == (nearest == 2)).all()
    note = next(one for one in image.issues if str(one.code) == "changed-pixels")
    assert note.message.startswith(f"{changed:,} of 3,072 pixels")


def test_smooth_edges_in_gray_take_the_nearest_value(tmp_path):
    mask = values((255, 2, 1, 5, 3))
    mask[1, 2:5], mask[3, 2:5] = 200, 90
    save(tmp_path / "7.png", mask)
    assert "200 (3 px)" in refusal(tmp_path, mask_values={"255": "a"}).message
    (image,) = mf.read(tmp_path, format="masks", mask_tolerance=127)
    same(regions(image), **{"255": FIRST})
    assert "90 (3 px)" in refusal(tmp_path, mask_values={"255": "a"}, mask_tolerance=60).message
    (image,) = mf.read(tmp_path, format="masks", mask_tolerance=127, mask_values={"1": "a"})
    same(regions(image), a=FIRST)  # a value of 1 may be black
    issue = refusal(tmp_path, mask_values={"1": "a", "2": "b"}, mask_tolerance=9)
    assert "the values 0 and 1 do not differ by more" in issue.message


# --- Files that are no masks


def test_what_cannot_be_a_mask_is_refused(tmp_path):
    shades = np.arange(0, 240, 2, dtype=np.uint8).reshape(10, 12)
    for name, pixels, words in (
        ("shades.png", shades, "120 different values"),
        ("float.tif", np.full((4, 4), 0.5, np.float32), "expected values or colors"),
    ):
        path = save(tmp_path / name, pixels)
        assert words in refusal(path).message
        path.unlink()
    stack = [Image.fromarray(TWO)] * 2
    stack[0].save(tmp_path / "stack.tif", save_all=True, append_images=stack[1:])
    assert "several pages" in refusal(tmp_path / "stack.tif").message


def test_a_damaged_mask_gives_the_true_pixels_or_none(tmp_path):
    path = save(tmp_path / "7.png", TWO, {1: RED, 2: BLUE})
    whole = path.read_bytes()
    for place in range(0, len(whole), 7):
        for damaged in (whole[:place], whole[:place] + b"\xff\x00" + whole[place + 2 :]):
            path.write_bytes(damaged)
            (image,) = mf.read(tmp_path, format="masks")
            if image.refusal is None:
                same(regions(image), **{"1": FIRST, "2": SECOND})


def test_limits_hold_for_masks(tmp_path, monkeypatch):
    save(tmp_path / "7.png", TWO)
    monkeypatch.setenv("MASKFORGE_LIMIT_FACTOR", str(40 / 2**30))
    assert str(refusal(tmp_path).code) == "too-costly"


# --- One file of each class


@pytest.mark.parametrize(
    "names",
    [
        ("7_caries.png", "7_pulp.png"),
        ("masks/caries/7.png", "masks/pulp/7.png"),
        ("7/caries.png", "7/pulp.png"),
        ("7-Caries_mask.png", "7-PULP_mask.png"),
    ],
)
def test_masks_of_single_classes_are_one_image(tmp_path, names):
    overlap = values((9, 4, 2, 8, 6)) == 9
    save(tmp_path / names[0], FIRST.astype(np.uint8) * 255)
    save(tmp_path / names[1], overlap.astype(np.uint8))
    image = only(tmp_path, mask_values={"1": "caries", "2": "pulp"})
    assert image.image.name == "7"
    same(regions(image), caries=FIRST, pulp=overlap)


def test_numbers_behind_the_class_are_objects(tmp_path):
    save(tmp_path / "7_caries_1.png", values((255, 2, 1, 5, 3)))
    save(tmp_path / "7_caries_2.png", values((255, 5, 3, 8, 6)))
    image = only(tmp_path, mask_values={"1": "caries"})
    assert [(one.labels, one.instance) for one in image.shapes] == [
        (("caries",), "1"),
        (("caries",), "2"),
    ]


def test_a_mask_of_a_single_class_holds_one_value(tmp_path):
    save(tmp_path / "7_caries.png", TWO)
    assert "alone, and holds 2 values" in refusal(tmp_path, mask_values={"1": "caries"}).message
    save(tmp_path / "7_caries.png", values(BOX))
    save(tmp_path / "7_pulp.png", np.zeros((5, 8), np.uint8))
    issue = refusal(tmp_path, mask_values={"1": "caries", "2": "pulp"})
    assert "has 8 x 5 px, the mask beside it 8 x 6 px" in issue.message


# --- What lies beside


def test_a_map_of_objects_tells_them_apart(tmp_path):
    save(tmp_path / "masks/7.png", values((1, 2, 1, 5, 3), (1, 5, 3, 8, 6), (2, 0, 0, 1, 1)))
    objects = values((1, 2, 1, 5, 3), (2, 5, 3, 8, 6), dtype=np.uint16)
    save(tmp_path / "instances/7.png", objects)
    image = only(tmp_path)
    found = [(one.labels[0], one.instance, one.origin.pointer) for one in image.shapes]
    assert found == [
        ("1", "1", "value 1, object 1"),
        ("1", "2", "value 1, object 2"),
        ("2", None, "value 2"),
    ]
    assert (regions(image)["1"] == (FIRST | SECOND)).all()


def test_a_saved_class_map_names_the_values(tmp_path):
    classes = [
        {"id": 0, "name": "background", "color": "#000000", "labels": []},
        {"id": 1, "name": "lesion", "color": "#ff0000", "labels": ["caries", "decay"]},
        {"id": 2, "name": "pulp", "color": "#0000ff", "labels": ["pulp"]},
    ]
    (tmp_path / "masks").mkdir()
    (tmp_path / "classes.json").write_text(json.dumps({"classes": classes}))
    save(tmp_path / "masks/a/7.png", TWO)
    for source in (tmp_path, tmp_path / "masks"):
        same(regions(only(source)), caries=FIRST, pulp=SECOND)
    (tmp_path / "classes.json").write_text(json.dumps([{"id": 5, "name": "Enamel"}]))
    same(regions(only(tmp_path)), **{"1": FIRST, "2": SECOND})


def test_labelmap_names_the_colors(tmp_path):
    lines = ["# label:color_rgb:parts:actions", "background:0,0,0::", "pulp:255,0,0::"]
    (tmp_path / "labelmap.txt").write_text("\n".join([*lines, "caries:0,0,255::"]))
    save(tmp_path / "7.png", TWO, {1: BLUE, 2: RED})
    same(regions(only(tmp_path)), caries=FIRST, pulp=SECOND)


def test_images_are_found_and_are_no_masks(tmp_path):
    photo = np.random.default_rng(1).integers(0, 255, (6, 8, 3), np.uint8)
    save(tmp_path / "images/7.jpg", photo)
    save(tmp_path / "masks/7.png", TWO)
    save(tmp_path / "side/8.png", photo)
    save(tmp_path / "side/8_mask.png", TWO)
    reader = mf.read(tmp_path, format="masks")
    first, second = reader
    assert (first.image.file, second.image.file) == (
        tmp_path / "images/7.jpg",
        tmp_path / "side/8.png",
    )
    assert not reader.issues
    assert set(reader.files_read) == {tmp_path / "masks/7.png", tmp_path / "side/8_mask.png"}
    (alone,) = mf.read(tmp_path / "masks/7.png", format="masks", images=tmp_path / "images")
    assert alone.image.file == tmp_path / "images/7.jpg"


def test_a_mask_is_not_its_own_image(tmp_path):
    save(tmp_path / "results/7.png", TWO)
    save(tmp_path / "results/8.png", TWO)
    for image in mf.read(tmp_path, format="masks"):
        assert image.image.file is None
        assert [str(one.code) for one in image.issues] == ["image-missing"]


def test_a_mask_of_another_size_than_its_image_is_refused(tmp_path):
    save(tmp_path / "images/7.png", np.zeros((12, 16, 3), np.uint8))
    save(tmp_path / "masks/7.png", TWO)
    (image,) = mf.read(tmp_path, format="masks", size_mismatch="scale")
    assert image.refusal is not None
    assert str(image.refusal.code) == "size-mismatch"


def test_masks_are_read_only_if_asked_for(tmp_path):
    save(tmp_path / "masks/7.png", TWO)
    assert not list(mf.read(tmp_path))
    with pytest.raises(mf.MaskforgeError):
        mf.detect(tmp_path / "masks/7.txt")


# --- Conversion


def test_a_class_map_names_values_and_colors(tmp_path):
    classes = mf.ClassMap(
        (
            mf.MaskClass(1, "lesion", RED, ("caries", "decay")),
            mf.MaskClass(2, "pulp", BLUE, ("pulp", "7")),
        )
    )
    masks = tmp_path / "in"
    save(masks / "1.png", TWO)
    save(masks / "2.png", colored(TWO, {1: RED, 2: BLUE}))
    save(masks / "3.png", values(BOX, (7, 5, 3, 8, 6)))
    mf.convert(masks, tmp_path / "out", classes=classes, format="masks")
    for item in mf.open_dataset(tmp_path / "out"):
        assert (item.read_mask() == TWO).all()


def test_the_one_class_of_a_map_is_white(tmp_path):
    save(tmp_path / "in/1.png", values((255, 2, 1, 5, 3)))
    save(tmp_path / "in/2.png", values())
    run(
        "convert", tmp_path / "in", "--out", tmp_path / "out", "--format", "masks", "--class", "a=3"
    )
    first, second = mf.open_dataset(tmp_path / "out")
    assert (first.read_mask() == 3 * FIRST).all()
    assert not second.read_mask().any()


def test_masks_that_were_converted_come_back(tmp_path, samples):
    mf.convert(samples / "labelme", tmp_path / "out", instances=True)
    before = mf.open_dataset(tmp_path / "out")
    mf.convert(tmp_path / "out/masks", tmp_path / "back", format="masks", classes=before.classes)
    after = mf.open_dataset(tmp_path / "back")
    assert len(before) == len(after) == 4
    for one, other in zip(before, after, strict=True):
        assert (one.read_mask() == other.read_mask()).all()


def test_unknown_colors_stop_one_image_and_not_the_others(tmp_path):
    save(tmp_path / "in/1.png", colored(TWO, {1: RED, 2: BLUE}))
    save(tmp_path / "in/2.png", colored(TWO, {1: RED}))
    (tmp_path / "classes.toml").write_text('[[classes]]\nname = "a"\ncolor = "#ff0000"\n')
    result = run(
        *("convert", tmp_path / "in", "--out", tmp_path / "out", "--format", "masks"),
        *("--classes", tmp_path / "classes.toml"),
    )
    assert result.exit_code == 1
    assert "#0000ff (9 px)" in " ".join(result.output.split())
    assert len(mf.open_dataset(tmp_path / "out")) == 1


# --- Writing


def test_written_masks_are_ids_and_come_back(tmp_path, samples):
    classes = mf.load_class_map(samples / "classes.toml")
    folder = Folder(tmp_path, classes)
    writer = MasksWriter(folder)
    images = list(mf.read(samples / "labelme"))
    for image in images:
        writer.add(written_image(image, classes))
    writer.finish()
    assert not folder.lost
    for image in images:
        path = tmp_path / "masks" / f"{image.image.name[:-4]}.png"
        drawn = mf.draw(image, classes).mask
        assert (np.asarray(Image.open(path)) == drawn).all()
    back = list(mf.read(tmp_path, format="masks"))
    assert [one.image.file for one in back] == sorted((tmp_path / "images").iterdir())
    for image, other in zip(images, back, strict=True):
        first = mf.draw(image, classes, instances=True)
        second = mf.draw(other, mf.load_class_map(tmp_path / "classes.json"), instances=True)
        assert (first.mask == second.mask).all()
        assert first.instances is not None
        assert second.instances is not None
        pairs = set(zip(first.instances.ravel(), second.instances.ravel(), strict=True))
        assert len(pairs) == len({one for one, _ in pairs}) == len({one for _, one in pairs})
