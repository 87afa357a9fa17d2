"""Masks over images, as arrays."""

import numpy as np
import pytest
from builders import grid
from PIL import Image

from maskforge.errors import DatasetError
from maskforge.images.decoder import read_stored, read_to_show
from maskforge.masks.classes import ClassMap, MaskClass
from maskforge.masks.overlay import class_entries, contact_sheet, overlay, with_legend
from maskforge.shapes import Size

RED, VOID = (200, 0, 0), (224, 224, 192)
COLORS = {0: (0, 0, 0), 1: RED, 255: VOID}

MASK = grid(
    ".....",
    ".111.",
    ".111.",
    ".111.",
    ".....",
).astype(np.uint8)


def drawn(mask=MASK, shade=100, **keys):
    """Return an overlay with one pixel per pixel of the mask."""
    image = np.full((*mask.shape, 3), shade, dtype=np.uint8)
    shown = overlay(image, mask, COLORS, **keys)
    factor = shown.shape[0] // mask.shape[0]
    assert shown.shape == (mask.shape[0] * factor, mask.shape[1] * factor, 3)
    return shown[factor // 2 :: factor, factor // 2 :: factor]


def test_the_background_is_the_image():
    shown = drawn()
    assert (shown[MASK == 0] == 100).all()


def test_the_inside_is_mixed_with_the_color():
    shown = drawn(opacity=0.25)
    assert shown[2, 2].tolist() == [125, 75, 75]
    assert drawn(opacity=0.0)[2, 2].tolist() == [100, 100, 100]
    assert drawn(opacity=1.0)[2, 2].tolist() == list(RED)


def test_outlines_have_the_full_color_and_lie_inside_their_class():
    image = np.full((5, 5, 3), 100, dtype=np.uint8)
    large = overlay(image, MASK, COLORS, opacity=0.0)
    factor = large.shape[0] // 5
    outlined = (large == RED).all(axis=-1)
    rows, columns = np.nonzero(outlined)
    assert (rows.min(), rows.max()) == (factor, 4 * factor - 1)
    assert (columns.min(), columns.max()) == (factor, 4 * factor - 1)
    assert outlined.sum() == 4 * (3 * factor - 1)


def test_void_is_shown_and_values_without_class_are_black():
    mask = MASK.copy()
    mask[2, 2], mask[0, 0] = 255, 77
    shown = drawn(mask, opacity=1.0)
    assert shown[2, 2].tolist() == list(VOID)
    assert shown[0, 0].tolist() == [0, 0, 0]


def test_ids_of_sixteen_bits_are_shown():
    mask = MASK.astype(np.uint16) * 65535
    image = np.zeros((5, 5, 3), dtype=np.uint8)
    shown = overlay(image, mask, {0: (0, 0, 0), 65535: RED}, opacity=1.0)
    assert (shown == RED).all(axis=-1).sum() * 25 == 9 * shown.shape[0] * shown.shape[1]


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((1, 1), (900, 900)),
        ((450, 100), (900, 200)),
        ((1, 5000), (1, 2500)),
        ((5000, 3), (2500, 2)),
        ((901, 10), (901, 10)),
        ((4096, 8), (4096, 8)),
        ((8193, 6000), (2731, 2000)),
    ],
)
def test_the_size_shown_is_bounded(shape, expected):
    shown = overlay(np.zeros((*shape, 3), np.uint8), np.zeros(shape, np.uint8), COLORS)
    assert shown.shape[:2] == expected


def test_the_image_is_not_changed():
    image = np.full((5, 5, 3), 100, dtype=np.uint8)
    image.flags.writeable = False
    overlay(image, MASK, COLORS)
    assert (image == 100).all()


def test_the_legend_has_a_line_for_every_class():
    image = np.zeros((50, 500, 3), dtype=np.uint8)
    plain = with_legend(image, "title", [])
    page = with_legend(image, "title", [("one", RED), ("two", (0, 200, 0)), ("three", VOID)])
    assert page.width == 500
    assert page.height - plain.height == 2 * 22
    below = np.asarray(page)[72:]
    for color in (RED, (0, 200, 0), VOID):
        assert (below == color).all(axis=-1).sum() >= 100


@pytest.mark.parametrize("title", ["", "x" * 10_000, "歯 Zähne", "two\nlines", "\ud800"])
def test_titles_and_names_may_be_anything(title):
    image = np.zeros((5, 5, 3), dtype=np.uint8)
    with_legend(image, title, [(title, RED)])
    contact_sheet([(title, Image.new("RGB", (5, 5)))], Size(32, 26))


@pytest.mark.parametrize("size", [(1, 1), (4000, 1), (1, 4000), (320, 260), (50, 900)])
def test_a_contact_sheet_takes_images_of_every_size(size):
    sheet = contact_sheet([("x", Image.new("RGB", size, RED))] * 5, Size(320, 260))
    assert sheet.width == 4 * 328 + 8
    assert sheet.height == 2 * 282 + 8
    assert (np.asarray(sheet) == RED).all(axis=-1).any()


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([[1000, 1100]], np.uint16), [0, 255]),
        (np.array([[-5, 5]], np.int32), [0, 255]),
        (np.array([[0.25, 0.75]], np.float32), [0, 255]),
        (np.array([[7, 7]], np.uint16), [0, 0]),
        (np.array([[np.nan, 1.0]], np.float32), [0, 255]),
        (np.array([[3, 200]], np.uint8), [3, 200]),
    ],
)
def test_what_has_more_than_eight_bits_is_stretched(tmp_path, values, expected):
    Image.fromarray(values).save(tmp_path / "x.tif")
    image = read_to_show(tmp_path / "x.tif", upright=False)
    assert image.dtype == np.uint8
    assert image[0, :, 0].tolist() == expected


def test_what_is_no_image_is_named(tmp_path):
    (tmp_path / "x.png").write_bytes(b"nonsense")
    for path in (tmp_path / "x.png", tmp_path / "y.png", tmp_path):
        with pytest.raises(DatasetError, match="cannot be read") as caught:
            read_to_show(path, upright=True)
        assert caught.value.origin.file == path


@pytest.mark.parametrize("orientation", [1, 3, 6])
@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_every_so_many_rows_and_columns_are_shown(tmp_path, suffix, orientation):
    """A smooth image, so that a pixel of a JPEG differs little from the mean around it."""
    rows, columns = np.mgrid[0:203, 0:301]
    values = np.stack((rows, columns * 0.8, rows * 0), axis=-1).astype(np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"x{suffix}"
    Image.fromarray(values).save(path, exif=exif, quality=100, subsampling=0)
    for step in (2, 4, 5):
        whole = read_to_show(path, upright=True)[::step, ::step].astype(int)
        small = read_to_show(path, upright=True, step=step)
        assert small.shape == whole.shape
        if suffix == ".png":
            assert (small == whole).all()
            continue
        # Up to 4 pixels of a slope of 1 become their mean, 1.5 from the first; a shift by one of
        # the pixels shown would be 2 or more. The decoder rounds by 3 on either side.
        assert np.abs((small - whole).mean(axis=(0, 1))).max() < 1.6
        assert np.abs(small - whole).max() <= 1.5 + 3 + 3


@pytest.mark.parametrize(
    ("mode", "suffix"),
    [
        *((mode, ".png") for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")),
        *((mode, ".tif") for mode in ("1", "L", "P", "RGB", "I;16", "I", "F", "CMYK")),
        *((mode, ".bmp") for mode in ("L", "RGB")),
        ("P", ".gif"),
    ],
)
def test_an_image_of_any_kind_is_kept_no_larger_than_it_is_shown(tmp_path, mode, suffix):
    """The first of so many rows and columns, and never a second copy of the whole image."""
    values = np.random.default_rng(0).integers(0, 256, (41, 30, 4), dtype=np.uint8)
    image = Image.fromarray(values).convert("RGB" if mode in ("P", "CMYK") else "RGBA")
    image = image.convert({"I;16": "L"}.get(mode, mode))
    if mode == "I;16":
        image = Image.fromarray(np.asarray(image).astype(np.uint16) * 257)
    image.save(tmp_path / f"x{suffix}")
    whole = read_stored(tmp_path / f"x{suffix}")
    for step in (2, 3, 7):
        small = read_stored(tmp_path / f"x{suffix}", step=step)
        assert small.values.dtype == whole.values.dtype
        assert (small.values == whole.values[::step, ::step]).all()
        assert (small.color, small.alpha, small.upright) == (
            whole.color,
            whole.alpha,
            whole.upright,
        )
        if whole.palette is not None:
            assert (small.palette == whole.palette).all()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "I;16"])
def test_a_large_image_is_taken_over_in_parts(tmp_path, monkeypatch, mode):
    values = np.random.default_rng(1).integers(0, 256, (41, 30, 4), dtype=np.uint8)
    image = Image.fromarray(values).convert("RGB").convert("L" if mode == "I;16" else mode)
    if mode == "I;16":
        image = Image.fromarray(np.asarray(image).astype(np.uint16) * 257)
    image.save(tmp_path / "x.png")
    whole = read_stored(tmp_path / "x.png")
    monkeypatch.setattr("maskforge.images.containers.pillow._PIXELS_AT_A_TIME", 70)
    parts = read_stored(tmp_path / "x.png")
    assert parts.values.dtype == whole.values.dtype
    assert (parts.values == whole.values).all()


def test_a_jpeg_is_decoded_no_larger_than_it_is_shown(tmp_path):
    Image.new("RGB", (301, 203)).save(tmp_path / "x.jpg")
    sizes = [read_stored(tmp_path / "x.jpg", step=step).values.shape for step in (1, 2, 3, 5, 9)]
    expected = [(203, 301, 3), (102, 151, 3), (102, 151, 3), (51, 76, 3), (26, 38, 3)]
    assert sizes == expected


def test_the_legend_counts_pixels_in_parts(monkeypatch):
    monkeypatch.setattr("maskforge.masks.overlay._COUNTED", 7)
    classes = ClassMap((MaskClass(0, "b", (0, 0, 0), ("b",)), MaskClass(1, "a", RED, ("a",))))
    mask = np.array([[1] * 10, [0] * 10, [1] * 9 + [300]], np.uint16)
    assert class_entries(mask, classes) == [("a  19 px", RED), ("300  1 px", (0, 0, 0))]
    assert class_entries(np.zeros((0, 4), np.uint8), classes) == []
