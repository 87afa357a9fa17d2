"""LabelMe files: where the image is, how large it is, and which way up it was drawn on."""

from __future__ import annotations

import numpy as np
import pytest
from labelme_files import codes, document, encoded, read_one, save_image, shape, write

from maskforge.issues import Code, Level
from maskforge.shapes import Size


@pytest.mark.parametrize(
    ("written", "image_file", "name"),
    [
        pytest.param("tooth.png", "tooth.png", "tooth.png", id="beside"),
        pytest.param("../raw/tooth.png", "../raw/tooth.png", "tooth.png", id="other folder"),
        pytest.param("..\\raw\\tooth.png", "../raw/tooth.png", "tooth.png", id="backslashes"),
        pytest.param("D:\\study\\tooth.png", "tooth.png", "tooth.png", id="another drive"),
        pytest.param("/home/x/tooth.png", "tooth.png", "tooth.png", id="another machine"),
        pytest.param("old name.png", "a1.jpg", "old name.png", id="renamed with its JSON file"),
        pytest.param("a1.png", "a1.tif", "a1.png", id="converted"),
        pytest.param("a1.png", "a1.JPG", "a1.png", id="suffix in capitals"),
        pytest.param("a1.json", "a1.jpg", "a1", id="own JSON file as imagePath"),
        pytest.param("", "a1.jpeg", "a1", id="empty imagePath"),
        pytest.param(None, "a1.bmp", "a1", id="null imagePath"),
        pytest.param("Z%C3%A4hne%20(1).png", "Zähne (1).png", "Z%C3%A4hne%20(1).png", id="percent"),
        pytest.param("Za\u0308hne.png", "Z\u00e4hne.png", "Za\u0308hne.png", id="decomposed"),
    ],
)
def test_image_is_found(tmp_path, written, image_file, name):
    folder = tmp_path / "labels"
    folder.mkdir()
    (tmp_path / "raw").mkdir()
    save_image(folder / image_file, (100, 80))
    image = read_one(write(folder, document(shape(), imagePath=written), "a1.json"))
    assert image.image.file is not None
    assert image.image.file.samefile(folder / image_file)
    assert image.image.name == name
    assert image.image.size == Size(100, 80)
    assert image.issues == ()


def test_image_of_a_json_file_that_bears_its_whole_name(tmp_path):
    save_image(tmp_path / "a1.png", (100, 80))
    image = read_one(write(tmp_path, document(imagePath=None), "a1.png.json"))
    assert image.image.file == tmp_path / "a1.png"
    assert image.image.name == "a1.png"


def test_image_path_goes_before_the_name_of_the_json_file(tmp_path):
    save_image(tmp_path / "named.png", (100, 80))
    save_image(tmp_path / "a1.png", (100, 80))
    image = read_one(write(tmp_path, document(imagePath="named.png"), "a1.json"))
    assert image.image.file == tmp_path / "named.png"


def test_image_in_a_folder_given_by_the_user(tmp_path):
    images = tmp_path / "elsewhere" / "deep"
    images.mkdir(parents=True)
    (tmp_path / "labels").mkdir()
    save_image(images / "tooth.png", (100, 80))
    path = write(tmp_path / "labels", document(shape()))
    image = read_one(path, images=tmp_path / "elsewhere")
    assert image.image.file == images / "tooth.png"


def test_image_that_is_nowhere_is_noted_and_the_size_of_the_file_used(tmp_path):
    image = read_one(write(tmp_path, document(shape())))
    assert image.image.file is None
    assert image.image.size == Size(100, 80)
    assert [issue.code for issue in image.issues] == [Code.IMAGE_MISSING]
    assert image.refusal is None


# Sizes


def jpeg(width: int, height: int) -> str:
    return encoded(np.zeros((height, width), np.uint8), file_type="JPEG")


NO_SIZE = {"imageHeight": None, "imageWidth": None}


def test_size_of_the_embedded_image_is_used_if_there_is_no_other(tmp_path):
    path = write(tmp_path, document(shape(), imageData=jpeg(33, 22), **NO_SIZE))
    assert read_one(path).image.size == Size(33, 22)


def test_embedded_image_is_not_looked_at_if_there_is_another_size(tmp_path):
    image = read_one(write(tmp_path, document(shape(), imageData="no image at all")))
    assert image.image.size == Size(100, 80)
    assert codes(image) == []


@pytest.mark.parametrize("data", ["AAAA", "no base64", "Ä"])
def test_embedded_image_that_is_none_leaves_the_size_unknown(tmp_path, data):
    image = read_one(write(tmp_path, document(shape(), imageData=data, **NO_SIZE)))
    assert codes(image) == [Code.IMAGE_UNREADABLE, Code.SIZE_UNKNOWN]


def test_size_that_nothing_tells_refuses_the_image(tmp_path):
    path = write(tmp_path, document(shape(), **NO_SIZE))
    image = read_one(path)
    assert image.image.size is None
    assert image.refusal is not None
    assert image.refusal.code is Code.SIZE_UNKNOWN
    assert "--images" in image.refusal.hint
    assert len(image.shapes) == 1


@pytest.mark.parametrize(
    ("size", "pointers"),
    [
        pytest.param({"imageHeight": 0}, ["$.imageHeight", "$"], id="zero"),
        pytest.param({"imageHeight": -80}, ["$.imageHeight", "$"], id="negative"),
        pytest.param({"imageHeight": 80.5}, ["$.imageHeight", "$"], id="fraction"),
        pytest.param({"imageHeight": float("nan")}, ["$.imageHeight", "$"], id="NaN"),
        pytest.param({"imageWidth": 10**400}, ["$.imageWidth", "$"], id="huge"),
        pytest.param({"imageWidth": 1e300}, ["$.imageWidth", "$"], id="large"),
        pytest.param({"imageWidth": "100"}, ["$.imageWidth", "$"], id="text"),
        pytest.param({"imageWidth": True}, ["$.imageWidth", "$"], id="truth value"),
        pytest.param({"imageWidth": None}, ["$"], id="only one"),
        pytest.param(
            {"imageWidth": -1, "imageHeight": -1}, ["$.imageWidth", "$.imageHeight"], id="both"
        ),
    ],
)
def test_declared_size_that_is_none_is_noted(tmp_path, size, pointers):
    path = write(tmp_path, document(shape(), **size))
    image = read_one(path)
    notes = [issue for issue in image.issues if issue.code is Code.INVALID_IMAGE_RECORD]
    assert [issue.origin.pointer for issue in notes] == pointers
    assert {issue.level for issue in notes} == {Level.NOTE}
    assert image.refusal is not None
    assert image.refusal.code is Code.SIZE_UNKNOWN

    save_image(tmp_path / "tooth.png", (64, 48))
    image = read_one(path)
    assert image.image.size == Size(64, 48)
    assert image.refusal is None


def test_size_in_floats_is_read(tmp_path):
    image = read_one(write(tmp_path, document(imageHeight=80.0, imageWidth=100.0)))
    assert image.image.size == Size(100, 80)
    assert codes(image) == []


def test_size_that_fits_no_memory_is_refused(tmp_path):
    image = read_one(write(tmp_path, document(shape(), imageHeight=10**6, imageWidth=10**6)))
    assert image.image.size is None
    assert image.refusal is not None
    assert image.refusal.code is Code.TOO_LARGE
    assert "1000000 x 1000000" in image.refusal.message


@pytest.mark.parametrize("key", ["imagePath", "imageData", "flags", "tags"])
def test_damaged_key_of_the_image_is_noted(tmp_path, key):
    image = read_one(write(tmp_path, document(shape(), **{key: 3})))
    (issue,) = [issue for issue in image.issues if issue.code is Code.INVALID_IMAGE_RECORD]
    assert issue.origin.pointer == f"$.{key}"
    assert issue.level is Level.NOTE
    assert image.refusal is None


def test_mismatch_of_sizes_names_both(tmp_path):
    save_image(tmp_path / "tooth.png", (64, 48))
    image = read_one(write(tmp_path, document(shape())))
    assert image.refusal is not None
    assert image.refusal.code is Code.SIZE_MISMATCH
    assert "100 x 80" in image.refusal.message
    assert "64 x 48" in image.refusal.message
    assert image.image.size is None


@pytest.mark.parametrize(
    ("declared", "upright"),
    [
        pytest.param((80, 100), True, id="as the image is shown"),
        pytest.param((100, 80), False, id="as the pixels are stored"),
    ],
)
def test_declared_size_decides_the_frame_of_a_rotated_image(tmp_path, declared, upright):
    save_image(tmp_path / "tooth.jpg", (100, 80), orientation=6)
    width, height = declared
    keys = {"imagePath": "tooth.jpg", "imageWidth": width, "imageHeight": height}
    image = read_one(write(tmp_path, document(shape(), **keys)))
    assert image.image.size == Size(*declared)
    assert (image.image.orientation, image.image.upright) == (6, upright)
    assert codes(image) == [Code.EXIF_ROTATED]


@pytest.mark.parametrize(
    ("dialect", "upright"), [({}, True), ({"checked": False}, False)], ids=["LabelMe", "X-Any"]
)
def test_habit_of_the_tool_decides_where_sizes_cannot(tmp_path, dialect, upright):
    save_image(tmp_path / "tooth.jpg", (100, 80), orientation=3)
    image = read_one(write(tmp_path, document(shape(), imagePath="tooth.jpg", **dialect)))
    assert image.image.upright is upright
    assert codes(image) == [Code.EXIF_AMBIGUOUS]


def test_rotated_image_without_declared_size_is_taken_as_it_is_shown(tmp_path):
    save_image(tmp_path / "tooth.jpg", (100, 80), orientation=8)
    image = read_one(write(tmp_path, document(shape(), imagePath="tooth.jpg", **NO_SIZE)))
    assert image.image.size == Size(80, 100)
    assert codes(image) == [Code.EXIF_AMBIGUOUS]
