"""Pixels of images in the frame of the mask."""

import cv2
import numpy as np
import pytest
from builders import labelme, run, square
from example_files import image_of, mask_of, save
from PIL import Image, ImageOps

import maskforge as mf
from maskforge.errors import DatasetError
from maskforge.examples.example import Example
from maskforge.examples.sources import open_examples
from maskforge.masks.classes import ClassMap
from maskforge.shapes import Size

GRAY = image_of(3)


def shown(pixels, orientation):
    """Return pixels as Pillow shows them."""
    image = Image.fromarray(pixels)
    image.getexif()[0x0112] = orientation
    return np.asarray(ImageOps.exif_transpose(image))


DEEP = image_of(5).astype(np.uint16) * 257 - 3


@pytest.mark.parametrize(
    ("name", "image", "expected"),
    [
        ("a.png", GRAY, GRAY[..., None]),
        ("a.png", np.dstack([GRAY, GRAY.T.reshape(3, 4), GRAY]), None),
        ("a.png", DEEP, DEEP[..., None]),
        ("a.png", np.dstack([DEEP, DEEP // 2, DEEP // 3]), None),
        ("a.tif", np.dstack([DEEP, DEEP // 2, DEEP // 3]), None),
        ("a.png", GRAY > 99, ((GRAY > 99) * np.uint8(255))[..., None]),
        ("a.tif", DEEP.astype(np.int32), DEEP[..., None]),
    ],
)
def test_data_sets_and_examples_give_the_values_of_the_file(tmp_path, name, image, expected):
    """Whatever the depth: colors of 16 bits were cut to 8 once."""
    if image.dtype == np.uint16 and image.ndim == 3:
        cv2.imwrite(str(tmp_path / name), image[..., ::-1])
    else:
        save(tmp_path / name, image)
    labelme(tmp_path / "a.json", square("x", 1, 1, 3, 3), image=name, width=4, height=3)
    assert run("convert", tmp_path / "a.json", "--out", tmp_path / "out").exit_code == 0
    (item,) = mf.open_dataset(tmp_path / "out")
    (example,) = mf.open_examples(tmp_path / "out")
    for found in (item.read_image(), example.read_image()):
        assert found.dtype == (image if expected is None else expected).dtype
        assert np.array_equal(found, image if expected is None else expected)


def test_the_mask_tells_whether_the_image_is_turned(tmp_path):
    """Stored with 4 x 3 px, shown with 3 x 4 px."""
    exif = Image.Exif()
    exif[0x0112] = 6
    for name, mask in (("a", mask_of(0, 255)), ("b", mask_of(0, 255).T)):
        save(tmp_path / "images" / f"{name}.png", GRAY, exif=exif)
        save(tmp_path / "masks" / f"{name}.png", mask)
    a, b = open_examples(tmp_path)
    assert (a.upright, b.upright) == (False, True)
    assert np.array_equal(a.read_image()[..., 0], GRAY)
    assert np.array_equal(b.read_image()[..., 0], shown(GRAY, 6))


def test_a_turn_that_keeps_the_size_is_taken_and_said(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 3
    save(tmp_path / "images" / "a.png", GRAY, exif=exif)
    save(tmp_path / "masks" / "a.png", mask_of(0, 255))
    found = open_examples(tmp_path)
    assert found.examples[0].upright
    assert "taken as turned (1): a" in found.notes[-1]
    assert np.array_equal(found.examples[0].read_image()[..., 0], GRAY[::-1, ::-1])


def an_example(tmp_path, **keys):
    save(tmp_path / "i.png", image_of(1))
    save(tmp_path / "m.png", mask_of(0, 1))
    given = {"size": Size(4, 3)} | keys
    return Example(name="a", image=tmp_path / "i.png", mask=tmp_path / "m.png", **given)


@pytest.mark.parametrize(
    "read", [Example.read_image, lambda one: one.read_target(ClassMap(()), "softmax")]
)
def test_files_that_changed_their_size_are_refused(tmp_path, read):
    with pytest.raises(DatasetError, match=r"has 4 x 3 px.*5 x 3"):
        read(an_example(tmp_path, size=Size(5, 3)))


@pytest.mark.parametrize("head", ["softmax", "sigmoid"])
def test_values_that_no_class_has_are_refused(tmp_path, head):
    with pytest.raises(DatasetError, match=r"m\.png.*1"):
        an_example(tmp_path).read_target(ClassMap(()), head)


@pytest.mark.parametrize("encoding", ["onehot", "multihot"])
def test_a_mask_of_another_encoding_is_refused(tmp_path, encoding):
    one = an_example(tmp_path, encoding=encoding, channels=(0, 1))
    with pytest.raises(DatasetError, match=f"is not a mask of the encoding {encoding}"):
        one.read_target(ClassMap(()), "softmax")
