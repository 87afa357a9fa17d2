"""Which image belongs to a record, and in which frame its mask is drawn."""

import base64
import io

import numpy as np
import pytest
from builders import image as image_file
from builders import labelme, shape, square
from PIL import Image

from maskforge import read
from maskforge.issues import Code
from maskforge.shapes import Area

DECLARED_SHOWN, DECLARED_STORED = (6, 8), (8, 6)


def settled(path, *shapes, **keys):
    """Write a LabelMe file and read it back."""
    options = {key: keys.pop(key) for key in ("images", "size_mismatch") if key in keys}
    labelme(path, *(shapes or [square("a", 1, 1, 3, 3)]), **keys)
    (image,) = read(path, format="labelme", **options)
    return image


def codes(image):
    return [issue.code for issue in image.issues]


def exterior(image):
    geometry = image.shapes[0].geometry
    assert isinstance(geometry, Area)
    return geometry.parts[0].exterior.tolist()


@pytest.mark.parametrize(
    ("orientation", "declared", "size", "upright", "code"),
    [
        (1, DECLARED_STORED, DECLARED_STORED, True, None),
        (6, DECLARED_SHOWN, DECLARED_SHOWN, True, Code.EXIF_ROTATED),
        (6, DECLARED_STORED, DECLARED_STORED, False, Code.EXIF_ROTATED),
        (8, DECLARED_SHOWN, DECLARED_SHOWN, True, Code.EXIF_ROTATED),
        (5, DECLARED_STORED, DECLARED_STORED, False, Code.EXIF_ROTATED),
        (3, DECLARED_STORED, DECLARED_STORED, True, Code.EXIF_AMBIGUOUS),
        (2, DECLARED_STORED, DECLARED_STORED, True, Code.EXIF_AMBIGUOUS),
        (6, None, DECLARED_SHOWN, True, Code.EXIF_AMBIGUOUS),
    ],
)
def test_exif_orientation_is_settled_by_the_declared_size(
    tmp_path, orientation, declared, size, upright, code
):
    """8 x 6 px are stored. Where sizes do not tell, LabelMe's habit counts: it turns images."""
    image_file(tmp_path / "x.jpg", 8, 6, orientation=orientation)
    width, height = declared or (None, None)
    image = settled(tmp_path / "x.json", image="x.jpg", width=width, height=height)
    assert image.image.size == size
    assert image.image.orientation == orientation
    assert image.image.upright == upright
    assert codes(image) == ([code] if code else [])


def test_a_square_image_with_orientation_is_ambiguous(tmp_path):
    image_file(tmp_path / "x.jpg", 8, 8, orientation=6)
    image = settled(tmp_path / "x.json", image="x.jpg", width=8, height=8)
    assert codes(image) == [Code.EXIF_AMBIGUOUS]
    assert "preview" in image.issues[0].hint


def test_a_size_that_fits_neither_frame_is_refused(tmp_path):
    image_file(tmp_path / "x.jpg", 8, 6, orientation=6)
    image = settled(tmp_path / "x.json", image="x.jpg", width=80, height=80)
    assert image.refusal.code is Code.SIZE_MISMATCH
    assert "80 x 80" in image.refusal.message
    assert "6 x 8" in image.refusal.message
    assert image.image.size is None


@pytest.mark.parametrize("policy", ["error", "scale"])
@pytest.mark.parametrize(
    ("real", "scalable"),
    [((16, 12), True), ((4, 3), True), ((1600, 1203), True), ((16, 16), False), ((6, 8), False)],
)
def test_other_sizes_are_scaled_only_if_asked_for_and_of_one_ratio(
    tmp_path, policy, real, scalable
):
    image_file(tmp_path / "x.png", *real)
    image = settled(tmp_path / "x.json", size_mismatch=policy)
    if policy == "scale" and scalable:
        assert codes(image) == [Code.SIZE_SCALED]
        assert image.image.size == real
        factors = np.array(real) / (8, 6)
        corners = np.array([[1, 1], [3, 1], [3, 3], [1, 3]]) * factors
        assert np.allclose(exterior(image), corners)
    else:
        assert image.refusal.code is Code.SIZE_MISMATCH
        assert ("--size-mismatch scale" in image.refusal.hint) == scalable
        assert exterior(image) == [[1, 1], [3, 1], [3, 3], [1, 3]]


def test_a_shape_keeps_the_numbers_that_it_was_made_from_unless_it_is_scaled(tmp_path):
    points = [[4, 3], [4, 5]]
    record = shape("a", points, "circle")
    assert settled(tmp_path / "x.json", record).shapes[0].primitive == {"points": points}
    image_file(tmp_path / "x.png", 16, 12)
    scaled = settled(tmp_path / "x.json", record, size_mismatch="scale")
    assert scaled.shapes[0].primitive is None


def test_bitmaps_are_never_scaled(tmp_path):
    """That would need resampling, and change the annotation."""
    buffer = io.BytesIO()
    Image.fromarray(np.ones((2, 2), dtype=np.uint8)).save(buffer, "PNG")
    mask = base64.b64encode(buffer.getvalue()).decode()
    image_file(tmp_path / "x.png", 16, 12)
    record = shape("a", [[1, 1], [2, 2]], "mask", mask=mask)
    image = settled(tmp_path / "x.json", record, size_mismatch="scale")
    assert image.refusal.code is Code.SIZE_MISMATCH


def test_without_an_image_the_declared_size_counts(tmp_path):
    image = settled(tmp_path / "x.json")
    assert image.image.size == (8, 6)
    assert image.image.file is None
    assert codes(image) == [Code.IMAGE_MISSING]
    assert image.refusal is None


@pytest.mark.parametrize("missing", [{"width": None}, {"height": None}, {"width": 0}])
def test_without_any_size_the_image_is_refused(tmp_path, missing):
    image = settled(tmp_path / "x.json", **missing)
    assert image.refusal.code is Code.SIZE_UNKNOWN
    assert "--images" in image.refusal.hint
    assert image.image.size is None
    assert len(image.shapes) == 1


def test_an_image_that_cannot_be_read_leaves_the_declared_size(tmp_path):
    (tmp_path / "x.png").write_bytes(b"no image")
    image = settled(tmp_path / "x.json")
    assert codes(image) == [Code.IMAGE_UNREADABLE]
    assert image.image.size == (8, 6)
    assert str(tmp_path / "x.png") in image.issues[0].message


def test_the_embedded_image_is_the_last_source_of_the_size(tmp_path):
    data = base64.b64encode(image_file(tmp_path / "p.png", 21, 13).read_bytes()).decode()
    image = settled(tmp_path / "x.json", width=None, height=None, imageData=data)
    assert image.image.size == (21, 13)
    image_file(tmp_path / "x.png", 8, 6)
    image = settled(tmp_path / "x.json", imageData=data)
    assert image.image.size == (8, 6)


def test_an_image_of_another_size_than_the_embedded_one_is_not_it(tmp_path):
    data = base64.b64encode(image_file(tmp_path / "p.png", 21, 13).read_bytes()).decode()
    image_file(tmp_path / "x.png", 8, 6)
    image = settled(tmp_path / "x.json", width=None, height=None, imageData=data)
    assert image.image.size == (21, 13)
    assert image.image.file is None
    assert codes(image) == [Code.IMAGE_DIFFERS]


def test_the_embedded_image_is_not_decoded_if_the_size_is_known(tmp_path):
    image = settled(tmp_path / "x.json", imageData="this is not a base64 text!")
    assert image.image.size == (8, 6)
    assert codes(image) == [Code.IMAGE_MISSING]


@pytest.mark.parametrize("data", ["this is not a base64 text!", "AAAA", "é"])
def test_a_damaged_embedded_image_is_named(tmp_path, data):
    image = settled(tmp_path / "x.json", width=None, height=None, imageData=data)
    assert codes(image) == [Code.IMAGE_MISSING, Code.IMAGE_UNREADABLE, Code.SIZE_UNKNOWN]


def test_an_image_found_by_name_alone_must_have_the_size(tmp_path):
    """Below the source folder lies a namesake: its size decides whether it is the image."""
    image_file(tmp_path / "other" / "x.png", 9, 9)
    labelme(tmp_path / "in" / "x.json", square("a", 1, 1, 3, 3))
    (image,) = read(tmp_path, format="labelme")
    assert image.image.file is None
    assert image.refusal is None
    assert "taken for another image" in image.issues[0].message
    image_file(tmp_path / "other" / "x.png", 8, 6)
    (image,) = read(tmp_path, format="labelme")
    assert image.image.file == tmp_path / "other" / "x.png"


def test_an_image_in_the_folder_of_images_must_fit(tmp_path):
    """The user named that folder, so another size is an error and not another image."""
    image_file(tmp_path / "images" / "x.png", 9, 9)
    image = settled(tmp_path / "in" / "x.json", images=tmp_path / "images")
    assert image.refusal.code is Code.SIZE_MISMATCH


def test_images_that_fit_alike_are_named_and_none_is_used(tmp_path):
    for mode in ("L", "RGB"):
        image_file(tmp_path / "images" / mode / "x.png", mode=mode)
    image = settled(tmp_path / "in" / "x.json", images=tmp_path / "images")
    assert codes(image) == [Code.IMAGE_AMBIGUOUS]
    assert image.image.file is None
    assert image.refusal is None


@pytest.mark.parametrize(
    ("width", "height", "fits"),
    [
        (2**17, 2**17, True),
        (2**17, 2**17 + 1, False),
        (2**27, 8, True),
        (2**25, 9, True),
        (2**27, 9, False),
        (9, 2**31, False),
    ],
)
def test_the_largest_mask(tmp_path, width, height, fits):
    image = settled(tmp_path / "x.json", width=width, height=height)
    assert (image.image.size is not None) == fits
    if not fits:
        assert image.refusal.code is Code.TOO_LARGE
        assert f"{width} x {height}" in image.refusal.message


def test_of_a_stack_the_first_page_is_annotated_and_that_is_said(tmp_path):
    pages = [Image.new("L", (8, 6)), Image.new("L", (4, 3))]
    pages[0].save(tmp_path / "x.tif", save_all=True, append_images=pages[1:])
    image = settled(tmp_path / "x.json", image_file="x.tif", width=8, height=6)
    assert image.image.size == (8, 6)
    assert codes(image) == [Code.IMAGE_STACK]
