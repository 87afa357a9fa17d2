"""Pixels of images as they are in the file, in the frame of the mask."""

import struct

import cv2
import numpy as np
import pytest
from example_files import image_of, mask_of, save
from PIL import Image

from maskforge.errors import DatasetError
from maskforge.examples.example import Example
from maskforge.examples.pixels import read_image, read_target
from maskforge.examples.sources import open_examples
from maskforge.images.deep_color import turn
from maskforge.images.pixels import decode
from maskforge.masks.classes import ClassMap
from maskforge.shapes import Size

GRAY = np.array([[0, 1, 2, 250], [9, 8, 7, 6], [5, 4, 3, 255]], dtype=np.uint8)
COLOR = np.dstack([GRAY, GRAY[::-1], GRAY[:, ::-1]])
DEEP = GRAY.astype(np.uint16) * 257 - np.uint16(1) * (GRAY > 100)
DEEP_COLOR = np.dstack([DEEP, DEEP[::-1], DEEP[:, ::-1]])


def indexed():
    image = Image.new("P", (4, 3))
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.putpixel((1, 0), 1)
    return image


def with_alpha(mode):
    image = Image.fromarray(COLOR if mode == "RGBA" else GRAY).convert(mode)
    image.putalpha(77)
    return image


@pytest.mark.parametrize(
    ("name", "image", "expected"),
    [
        ("gray.png", Image.fromarray(GRAY), GRAY[..., None]),
        ("color.png", Image.fromarray(COLOR), COLOR),
        ("color.tif", Image.fromarray(COLOR), COLOR),
        ("alpha.png", with_alpha("RGBA"), COLOR),
        ("gray-alpha.png", with_alpha("LA"), GRAY[..., None]),
        ("deep.png", Image.fromarray(DEEP), DEEP[..., None]),
        ("deep.tif", Image.fromarray(DEEP), DEEP[..., None]),
        ("32bit.tif", Image.fromarray(DEEP.astype(np.int32)), DEEP[..., None]),
        ("bits.png", Image.fromarray(GRAY > 7), ((GRAY > 7) * 255)[..., None]),
    ],
)
def test_values_are_those_of_the_file(tmp_path, name, image, expected):
    image.save(tmp_path / name)
    found = decode(tmp_path / name, upright=False)
    assert np.array_equal(found, expected)
    assert found.dtype == (np.uint16 if expected.max() > 255 else np.uint8)


def test_palettes_are_applied(tmp_path):
    indexed().save(tmp_path / "a.png")
    found = decode(tmp_path / "a.png", upright=False)
    assert found[0, :2].tolist() == [[10, 20, 30], [40, 50, 60]]


@pytest.mark.parametrize("suffix", [".png", ".tif", ".ppm"])
def test_colors_of_16_bits_keep_them(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    cv2.imwrite(str(path), DEEP_COLOR[..., ::-1])
    found = decode(path, upright=False)
    assert found.dtype == np.uint16
    assert np.array_equal(found, DEEP_COLOR)


def test_the_alpha_of_16_bits_is_dropped(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), np.dstack([DEEP_COLOR[..., ::-1], DEEP]))
    assert np.array_equal(decode(tmp_path / "a.png", upright=False), DEEP_COLOR)


def test_an_8_bit_portable_pixmap_stays_one(tmp_path):
    Image.fromarray(COLOR).save(tmp_path / "a.ppm")
    found = decode(tmp_path / "a.ppm", upright=False)
    assert found.dtype == np.uint8
    assert np.array_equal(found, COLOR)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.full((3, 4), 0.5, dtype=np.float32), "fractions"),
        (np.full((3, 4), -1, dtype=np.int32), "values from -1 to -1"),
        (np.full((3, 4), 70000, dtype=np.int32), "values from 70000 to 70000"),
    ],
)
def test_values_that_are_no_brightness_are_refused(tmp_path, values, message):
    Image.fromarray(values).save(tmp_path / "a.tif")
    with pytest.raises(DatasetError, match=message) as caught:
        decode(tmp_path / "a.tif", upright=False)
    assert "a.tif" in str(caught.value)


def shown(pixels, orientation):
    """Return pixels as Pillow shows them."""
    from PIL import ImageOps

    image = Image.fromarray(pixels)
    image.getexif()[0x0112] = orientation
    return np.asarray(ImageOps.exif_transpose(image))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_turning_is_that_of_pillow_and_can_be_undone(orientation):
    turned = turn(COLOR, orientation)
    assert np.array_equal(turned, shown(COLOR, orientation))
    assert np.array_equal(turn(turned, orientation, back=True), COLOR)


def deep_tiff(pixels, orientation):
    """Return an uncompressed TIFF of 16-bit colors, written by hand after the TIFF 6.0 text."""
    height, width, _ = pixels.shape
    data = pixels.astype("<u2").tobytes()
    tags = [
        (256, 3, 1, width),
        (257, 3, 1, height),
        (258, 3, 3, 0),  # set below
        (259, 3, 1, 1),
        (262, 3, 1, 2),
        (273, 4, 1, 0),  # set below
        (274, 3, 1, orientation),
        (277, 3, 1, 3),
        (278, 3, 1, height),
        (279, 4, 1, len(data)),
    ]
    behind = 8 + 2 + 12 * len(tags) + 4
    places = {258: behind, 273: behind + 8}
    lines = [struct.pack("<HHII", t, kind, n, places.get(t, v)) for t, kind, n, v in tags]
    head = struct.pack("<2sHIH", b"II", 42, 8, len(tags))
    bits = struct.pack("<HHHH", 16, 16, 16, 0)
    return head + b"".join(lines) + struct.pack("<I", 0) + bits + data


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["jpeg", "tiff", "deep tiff", "deep png"])
def test_the_orientation_is_applied_if_the_mask_was_drawn_so(tmp_path, kind, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / ("a.png" if "png" in kind else "a.tif" if "tiff" in kind else "a.jpg")
    if kind == "deep tiff":
        path.write_bytes(deep_tiff(DEEP_COLOR, orientation))
    elif kind == "deep png":
        Image.fromarray(COLOR).save(tmp_path / "plain.png", exif=exif)
        chunk = (tmp_path / "plain.png").read_bytes()
        start = chunk.index(b"eXIf") - 4
        length = struct.unpack(">I", chunk[start : start + 4])[0] + 12
        cv2.imwrite(str(path), DEEP_COLOR[..., ::-1])
        whole = path.read_bytes()
        path.write_bytes(whole[:33] + chunk[start : start + length] + whole[33:])
    else:
        Image.fromarray(COLOR).save(path, exif=exif)
    stored = decode(path, upright=False)
    if "deep" in kind:
        assert np.array_equal(stored, DEEP_COLOR)
    assert stored.shape == (3, 4, 3)
    assert np.array_equal(decode(path, upright=True), turn(stored, orientation))


def test_the_mask_tells_whether_the_image_is_turned(tmp_path):
    """Stored with 4 x 3 px, shown with 3 x 4 px."""
    exif = Image.Exif()
    exif[0x0112] = 6
    for name, mask in (("a", mask_of(0, 255)), ("b", mask_of(0, 255).T)):
        save(tmp_path / "images" / f"{name}.png", GRAY, exif=exif)
        save(tmp_path / "masks" / f"{name}.png", mask)
    a, b = open_examples(tmp_path)
    assert (a.upright, b.upright) == (False, True)
    assert np.array_equal(read_image(a)[..., 0], GRAY)
    assert np.array_equal(read_image(b)[..., 0], shown(GRAY, 6))


def test_a_turn_that_keeps_the_size_is_taken_and_said(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 3
    save(tmp_path / "images" / "a.png", GRAY, exif=exif)
    save(tmp_path / "masks" / "a.png", mask_of(0, 255))
    found = open_examples(tmp_path)
    assert found.examples[0].upright
    assert "taken as turned (1): a" in found.notes[-1]
    assert np.array_equal(read_image(found.examples[0])[..., 0], GRAY[::-1, ::-1])


def an_example(tmp_path, **keys):
    save(tmp_path / "i.png", image_of(1))
    save(tmp_path / "m.png", mask_of(0, 1))
    given = {"size": Size(4, 3)} | keys
    return Example(name="a", image=tmp_path / "i.png", mask=tmp_path / "m.png", **given)


@pytest.mark.parametrize(
    "read", [read_image, lambda one: read_target(one, ClassMap(()), "softmax")]
)
def test_files_that_changed_their_size_are_refused(tmp_path, read):
    with pytest.raises(DatasetError, match=r"has 4 x 3 px.*5 x 3"):
        read(an_example(tmp_path, size=Size(5, 3)))


@pytest.mark.parametrize("head", ["softmax", "sigmoid"])
def test_values_that_no_class_has_are_refused(tmp_path, head):
    with pytest.raises(DatasetError, match=r"m\.png.*1"):
        read_target(an_example(tmp_path), ClassMap(()), head)


@pytest.mark.parametrize("encoding", ["onehot", "multihot"])
def test_a_mask_of_another_encoding_is_refused(tmp_path, encoding):
    one = an_example(tmp_path, encoding=encoding, channels=(0, 1))
    with pytest.raises(DatasetError, match=f"is no {encoding} mask"):
        read_target(one, ClassMap(()), "softmax")
