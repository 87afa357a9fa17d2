"""LabelMe files: where the image is, how large it is, and which way up it was drawn on."""

from __future__ import annotations

import pytest
from labelme_files import codes, document, read_one, save_image, shape, write

from maskforge.issues import Code, Level
from maskforge.shapes import Size


@pytest.mark.parametrize(
    ("written", "on_disk", "name"),
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
def test_image_is_found(tmp_path, written, on_disk, name):
    folder = tmp_path / "labels"
    folder.mkdir()
    (tmp_path / "raw").mkdir()
    save_image(folder / on_disk, (100, 80))
    path = write(folder, document(shape(), imagePath=written), "a1.json")
    image = read_one(path, allow_outside_images=on_disk.startswith(".."))
    assert image.image.file is not None
    assert image.image.file.samefile(folder / on_disk)
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


# Sizes


@pytest.mark.parametrize(
    "size",
    [
        pytest.param({"imageHeight": 0}, id="zero"),
        pytest.param({"imageHeight": -80}, id="negative"),
        pytest.param({"imageHeight": 80.5}, id="fraction"),
        pytest.param({"imageHeight": float("nan")}, id="NaN"),
        pytest.param({"imageWidth": 10**400}, id="huge"),
        pytest.param({"imageWidth": 1e300}, id="large"),
        pytest.param({"imageWidth": "100"}, id="text"),
        pytest.param({"imageWidth": True}, id="truth value"),
        pytest.param({"imageWidth": None}, id="only one"),
        pytest.param({"imageWidth": -1, "imageHeight": -1}, id="both"),
    ],
)
def test_declared_size_that_is_none_is_noted(tmp_path, size):
    path = write(tmp_path, document(shape(), **size))
    image = read_one(path)
    notes = [issue for issue in image.issues if issue.code is Code.INVALID_IMAGE_RECORD]
    assert [issue.origin.pointer for issue in notes] == ["$"]
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


@pytest.mark.parametrize("key", ["imagePath", "imageData", "flags", "tags"])
def test_damaged_key_of_the_image_is_noted(tmp_path, key):
    image = read_one(write(tmp_path, document(shape(), **{key: 3})))
    (issue,) = [issue for issue in image.issues if issue.code is Code.INVALID_IMAGE_RECORD]
    assert issue.origin.pointer == f"$.{key}"
    assert issue.level is Level.NOTE
    assert image.refusal is None


@pytest.mark.parametrize(
    ("dialect", "upright"), [({}, True), ({"checked": False}, False)], ids=["LabelMe", "X-Any"]
)
def test_habit_of_the_tool_decides_where_sizes_cannot(tmp_path, dialect, upright):
    save_image(tmp_path / "tooth.jpg", (100, 80), orientation=3)
    image = read_one(write(tmp_path, document(shape(), imagePath="tooth.jpg", **dialect)))
    assert image.image.upright is upright
    assert codes(image) == [Code.EXIF_AMBIGUOUS]
