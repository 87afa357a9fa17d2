"""``maskforge preview``: overlays and contact sheets."""

import json

import numpy as np
import pytest
from builders import files, image, labelme, manifest, run, square, tree
from PIL import Image


@pytest.fixture
def results(tmp_path):
    """Two annotated images with their files: x with a square of 3 px, y with nothing."""
    image(tmp_path / "in" / "x.png")
    image(tmp_path / "in" / "sub" / "y.png")
    labelme(tmp_path / "in" / "x.json", square("caries", 1, 1, 4, 4))
    labelme(tmp_path / "in" / "sub" / "y.json")
    run("convert", tmp_path / "in", "--out", tmp_path / "out")
    return tmp_path / "out"


def shown(path):
    with Image.open(path) as opened:
        return np.asarray(opened.convert("RGB"))


def test_every_mask_gets_an_overlay_in_its_sub_folder(results, tmp_path):
    before = tree(results)
    result = run("preview", results, "--out", tmp_path / "look")
    assert result.exit_code == 0
    assert files(tmp_path / "look") == {"x.png", "sub/y.png", "contact-sheet-1.png"}
    assert "2 overlays" in result.stdout
    assert tree(results) == before


def test_the_class_is_shown_in_its_color_where_it_is(results, tmp_path):
    """8 x 6 px are enlarged by 900 // 8 = 112; the image is black, a title stands above it."""
    run("preview", results, "--out", tmp_path / "look", "--opacity", "1")
    classes = json.loads((results / "classes.json").read_bytes())["classes"]
    color = tuple(bytes.fromhex(classes[1]["color"][1:]))
    overlay = shown(tmp_path / "look" / "x.png")
    covered = (overlay == color).all(axis=-1)
    rows, columns = np.nonzero(covered[: 22 + 6 * 112])
    assert (columns.min(), columns.max()) == (1 * 112, 4 * 112 - 1)
    assert (rows.min() - 22, rows.max() - 22) == (1 * 112, 4 * 112 - 1)
    assert len(rows) == 9 * 112**2
    assert not (shown(tmp_path / "look" / "sub" / "y.png")[22:] == color).all(axis=-1).any()


def test_an_upright_image_fits_its_mask(tmp_path):
    """The image is stored as 8 x 6 px and shown as 6 x 8 px; its left column is white, shown."""
    pixels = np.zeros((6, 8, 3), dtype=np.uint8)
    pixels[5, :] = 255  # orientation 6 turns a quarter clockwise: the last row becomes the left
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(pixels).save(tmp_path / "x.png", exif=exif)
    labelme(tmp_path / "x.json", square("a", 5, 0, 6, 1), width=6, height=8)
    run("convert", tmp_path / "x.json", "--out", tmp_path / "out")
    assert run("preview", tmp_path / "out", "--out", tmp_path / "look").exit_code == 0
    overlay = shown(tmp_path / "look" / "x.png")
    side = 900 // 8
    assert (overlay[22 : 22 + 8 * side, :side] == 255).all()
    assert (overlay[22 + side : 22 + 8 * side, side:] == 0).all()


@pytest.mark.parametrize("encoding", ["onehot", "multihot"])
def test_every_encoding_is_shown_alike(tmp_path, results, encoding):
    options = ("--encoding", encoding, "--file-type", "npy")
    run("convert", tmp_path / "in", "--out", tmp_path / "channels", *options)
    for folder in ("out", "channels"):
        run("preview", tmp_path / folder, "--out", tmp_path / f"look-{folder}")
    one, other = (shown(tmp_path / f"look-{folder}" / "x.png") for folder in ("out", "channels"))
    assert np.array_equal(one, other)


@pytest.mark.parametrize("mode", ["L", "P", "1", "LA", "RGBA", "I;16", "I", "F", "CMYK"])
def test_images_of_every_depth_are_shown(tmp_path, mode):
    suffix = "tif" if mode in ("F", "CMYK", "I") else "png"
    image(tmp_path / "in" / f"x.{suffix}", mode=mode)
    labelme(tmp_path / "in" / "x.json", square("a", 1, 1, 4, 4), image=f"x.{suffix}")
    run("convert", tmp_path / "in", "--out", tmp_path / "out")
    result = run("preview", tmp_path / "out", "--out", tmp_path / "look")
    assert (result.exit_code, result.stderr) == (0, "")
    assert (tmp_path / "look" / "x.png").exists()


def test_sixteen_bits_are_stretched_to_what_can_be_seen(tmp_path):
    values = np.full((6, 8), 1000, dtype=np.uint16)
    values[0, 7] = 1100
    (tmp_path / "in").mkdir()
    Image.fromarray(values).save(tmp_path / "in" / "x.png")
    labelme(tmp_path / "in" / "x.json")
    run("convert", tmp_path / "in", "--out", tmp_path / "out")
    run("preview", tmp_path / "out", "--out", tmp_path / "look")
    overlay = shown(tmp_path / "look" / "x.png")
    assert overlay[22 + 50, 7 * 112 + 50].tolist() == [255, 255, 255]
    assert overlay[22 + 50, 50].tolist() == [0, 0, 0]


def test_masks_without_image_are_shown_on_black(tmp_path):
    labelme(tmp_path / "in" / "x.json", square("a", 1, 1, 4, 4))
    run("convert", tmp_path / "in", "--out", tmp_path / "out")
    result = run("preview", tmp_path / "out", "--out", tmp_path / "look")
    assert result.exit_code == 0
    assert "1 masks are shown on black" in result.stdout


@pytest.mark.parametrize(
    ("name", "harm", "text"),
    [
        ("in/x.png", None, "cannot be read as an image: No such file"),
        ("in/x.png", ("RGB", (4, 3)), "the image has 4 x 3 px, the mask 8 x 6 px"),
        ("in/x.png", 42, "cannot be read as an image"),
        ("out/masks/x.png", ("L", (5, 5)), "the mask has 5 x 5 px, the manifest says 8 x 6"),
        ("out/masks/x.png", ("RGB", (8, 6), "red"), "the mask is an image in colors"),
        ("out/masks/x.png", 60, "cannot be read as a mask"),
        ("out/masks/x.png", None, "cannot be read as a mask: No such file"),
    ],
)
def test_what_cannot_be_shown_is_named_and_the_rest_is_shown(results, tmp_path, name, harm, text):
    """A file is removed, replaced by another image, or cut off after so many bytes."""
    path = tmp_path / name
    if harm is None:
        path.unlink()
    elif isinstance(harm, int):
        path.write_bytes(path.read_bytes()[:harm])
    else:
        Image.new(*harm).save(path)
    result = run("preview", results, "--out", tmp_path / "look")
    assert result.exit_code == 1
    assert text in result.stderr
    assert "x.png" in result.stderr
    assert files(tmp_path / "look") == {"sub/y.png", "contact-sheet-1.png"}


def test_a_mask_with_other_channels_than_classes_is_named(tmp_path):
    labelme(tmp_path / "in" / "x.json", square("a", 1, 1, 4, 4))
    options = ("--encoding", "onehot", "--file-type", "npy")
    run("convert", tmp_path / "in", "--out", tmp_path / "out", *options)
    np.save(tmp_path / "out" / "masks" / "x.npy", np.zeros((6, 8, 7), dtype=np.uint8))
    result = run("preview", tmp_path / "out", "--out", tmp_path / "look")
    assert result.exit_code == 1
    assert "expected (H, W, 2)" in result.stderr


def test_a_mask_without_any_class_is_shown(tmp_path):
    labelme(tmp_path / "in" / "x.json")
    options = ("--encoding", "multihot", "--file-type", "npy")
    run("convert", tmp_path / "in", "--out", tmp_path / "out", *options)
    result = run("preview", tmp_path / "out", "--out", tmp_path / "look")
    assert (result.exit_code, result.stderr) == (0, "")


def test_values_without_class_are_shown_by_their_number(results, tmp_path):
    Image.new("L", (8, 6), 77).save(results / "masks" / "x.png")
    assert run("preview", results, "--out", tmp_path / "look").exit_code == 0


def test_an_earlier_preview_is_replaced_only_if_asked_for(results, tmp_path):
    run("preview", results, "--out", tmp_path / "look")
    before = tree(tmp_path / "look")
    result = run("preview", results, "--out", tmp_path / "look", "--opacity", "1")
    assert result.exit_code == 2
    assert "already exists" in result.stderr
    assert tree(tmp_path / "look") == before
    options = ("--opacity", "1", "--overwrite")
    assert run("preview", results, "--out", tmp_path / "look", *options).exit_code == 0
    assert tree(tmp_path / "look") != before


@pytest.mark.parametrize("options", [(), ("--overwrite",)])
@pytest.mark.parametrize("place", ["in", "out/masks"])
def test_no_image_and_no_mask_is_ever_replaced(results, tmp_path, place, options):
    before = tree(tmp_path)
    result = run("preview", results, "--out", tmp_path / place, *options)
    assert result.exit_code == 2
    assert "is a mask or an image of the data set" in result.stderr
    assert tree(tmp_path) == before


def test_an_image_may_be_called_like_a_contact_sheet(tmp_path):
    for name in ("contact-sheet-1", "contact-sheet-2", "x"):
        labelme(tmp_path / "in" / f"{name}.json", square("a", 1, 1, 4, 4))
    run("convert", tmp_path / "in", "--out", tmp_path / "out")
    result = run("preview", tmp_path / "out", "--out", tmp_path / "look")
    assert result.exit_code == 0
    assert len(files(tmp_path / "look")) == 4
    assert len(files(tmp_path / "out" / "masks")) == 3


@pytest.mark.parametrize(("count", "sheets"), [(1, 1), (48, 1), (49, 2)])
def test_contact_sheets_hold_48_images_each(tmp_path, count, sheets):
    for number in range(count):
        labelme(tmp_path / "in" / f"x{number}.json", width=950, height=10)
    run("convert", tmp_path / "in", "--out", tmp_path / "out")
    result = run("preview", tmp_path / "out", "--out", tmp_path / "look")
    assert result.stdout.count("contact sheet: ") == sheets
    assert {name for name in files(tmp_path / "look") if "sheet" in name} == {
        f"contact-sheet-{number + 1}.png" for number in range(sheets)
    }


def test_a_limit_can_be_set(results, tmp_path):
    result = run("preview", results, "--out", tmp_path / "look", "--limit", "1")
    assert result.exit_code == 0
    assert files(tmp_path / "look") == {"x.png", "contact-sheet-1.png"}


def test_masks_without_any_image_have_no_preview(tmp_path):
    labelme(tmp_path / "in" / "x.json", width=None)
    run("convert", tmp_path / "in", "--out", tmp_path / "out")
    assert len(manifest(tmp_path / "out")) == 1
    assert run("preview", tmp_path / "out", "--out", tmp_path / "look").exit_code == 2
    assert not (tmp_path / "look").exists()


@pytest.mark.parametrize(("width", "height"), [(1, 5000), (5000, 1), (1, 1), (6000, 5000)])
def test_extreme_sizes_are_shown_in_bounded_size(tmp_path, width, height):
    labelme(tmp_path / "in" / "x.json", width=width, height=height)
    run("convert", tmp_path / "in", "--out", tmp_path / "out")
    assert run("preview", tmp_path / "out", "--out", tmp_path / "look").exit_code == 0
    with Image.open(tmp_path / "look" / "x.png") as page:
        assert max(page.size) < 4096 + 100
