"""Reading a folder of masks back, whole or damaged."""

import json

import numpy as np
import pytest
from builders import image as image_file
from builders import labelme, pixels, square
from PIL import Image

from maskforge import convert, open_dataset, open_examples
from maskforge.dataset.manifest import is_dataset, is_inside, relative
from maskforge.errors import DatasetError, LabelError


@pytest.fixture
def results(tmp_path):
    image_file(tmp_path / "in" / "x.png")
    labelme(tmp_path / "in" / "x.json", square("a", 1, 1, 4, 4))
    labelme(tmp_path / "in" / "lost.json", square("a", 1, 1, 4, 4), width=None)
    convert(tmp_path / "in", tmp_path / "out", instances=True)
    return tmp_path / "out"


def test_items_are_the_images_with_masks_and_entries_are_all(results):
    dataset = open_dataset(results)
    assert len(dataset) == 1
    assert len(list(dataset)) == len(list(dataset)) == 1
    assert [entry.mask for entry in dataset.entries] == [None, "masks/x.png"]
    assert dataset.folder == results
    assert dataset.classes.names == {0: "background", 1: "a", 255: "void"}


def test_what_was_found_names_file_place_and_remedy_also_in_manifests_of_before(results):
    lost, _ = open_dataset(results).entries
    (found,) = [one for one in lost.issues if one.code == "size-unknown"]
    assert (found.level, found.scope, found.pointer) == ("refused", "image", "$")
    assert found.file == lost.source == "../in/lost.json"
    assert found.hint
    manifest = results / "manifest.jsonl"
    lines = [json.loads(line) for line in manifest.read_text().splitlines()]
    for issue in (issue for line in lines for issue in line["issues"]):
        del issue["scope"], issue["file"], issue["hint"]
    manifest.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    lost, _ = open_dataset(results).entries
    assert [one.message for one in lost.issues if one.code == "size-unknown"] == [found.message]


def test_an_item_gives_masks_size_and_image(results):
    (item,) = open_dataset(results)
    assert item.size == (8, 6)
    assert item.read_mask().sum() == 9
    assert item.read_mask().dtype == np.uint8
    assert np.array_equal(item.read_mask(), pixels(item.mask_path))
    assert item.read_instances().dtype == np.uint16
    assert item.image_path.is_file()
    assert item.mask_path.is_file()


def test_without_instances_and_image_there_is_none(tmp_path):
    labelme(tmp_path / "x.json")
    convert(tmp_path, tmp_path / "out")
    (item,) = open_dataset(tmp_path / "out")
    assert item.read_instances() is None
    assert item.image_path is None
    assert item.read_image() is None


def test_a_data_set_can_be_moved_with_its_images(results, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    for name in ("in", "out"):
        (tmp_path / name).rename(tmp_path / "elsewhere" / name)
    (item,) = open_dataset(tmp_path / "elsewhere" / "out")
    assert item.image_path.is_file()
    assert item.read_mask().sum() == 9


@pytest.mark.parametrize("size", [(5, 5), (6, 8), (8, 7)])
@pytest.mark.parametrize("name", ["masks/x.png", "instances/x.png"])
def test_a_mask_of_another_size_is_no_mask_of_this_image(results, size, name):
    Image.new("L", size).save(results / name)
    (item,) = open_dataset(results)
    with pytest.raises(DatasetError, match="the manifest says 8 x 6") as caught:
        item.read_mask() if name.startswith("masks") else item.read_instances()
    assert caught.value.origin.file == results / name


@pytest.mark.parametrize(
    "array",
    [np.zeros((6, 8), np.int64), np.zeros((6, 8)), np.zeros(48, np.uint8)],
)
def test_arrays_that_are_no_masks_are_refused(results, array):
    lines = (results / "manifest.jsonl").read_text().replace("masks/x.png", "masks/x.npy")
    (results / "manifest.jsonl").write_text(lines)
    np.save(results / "masks" / "x.npy", array)
    (item,) = open_dataset(results)
    with pytest.raises(DatasetError):
        item.read_mask()


def test_a_mask_that_is_gone_is_named(results):
    (item,) = open_dataset(results)
    item.mask_path.unlink()
    with pytest.raises(DatasetError, match="No such file"):
        item.read_mask()


GOOD = {
    "image": None,
    "mask": "masks/x.png",
    "width": 8,
    "height": 6,
    "state": "annotated",
    "format": "labelme",
    "source": "x.json",
    "pointer": "$",
    "encoding": "integer",
    "pixels": {},
    "shapes": {},
    "class_shapes": {},
}


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({}, None),
        ({"more": "keys of a later version"}, None),
        ({"mask": None, "width": None, "height": None}, None),
        ({"mask": "../x.png"}, "leads out of the data set"),
        ({"mask": "masks/../../x.png"}, "leads out of the data set"),
        ({"mask": "/etc/passwd"}, "leads out of the data set"),
        ({"mask": "C:/x.png"}, "leads out of the data set"),
        ({"mask": "..\\x.png"}, "leads out of the data set"),
        ({"instances": "../x.png"}, "leads out of the data set"),
        ({"width": None}, "a mask without size"),
        ({"width": "8"}, "is not a manifest"),
        ({"state": "perhaps"}, "is not a manifest"),
        ({"encoding": "rgb"}, "is not a manifest"),
        ({"pixels": {"a": "many"}}, "is not a manifest"),
    ],
)
def test_lines_of_a_manifest_are_checked(results, change, text):
    (results / "manifest.jsonl").write_text(json.dumps(GOOD) + "\n" + json.dumps(GOOD | change))
    if text is None:
        assert len(open_dataset(results).entries) == 2
    else:
        with pytest.raises(DatasetError, match=text) as caught:
            open_dataset(results)
        assert str(caught.value.origin).endswith("manifest.jsonl line 2")


@pytest.mark.parametrize("line", [b"", b"[]", b"null", b"{", b"\xff", b"[" * 5000, b'"\\ud800"'])
def test_lines_that_are_none_are_named(results, line):
    content = (results / "manifest.jsonl").read_bytes()
    (results / "manifest.jsonl").write_bytes(content + line + b"\n")
    with pytest.raises(DatasetError, match="line 3"):
        open_dataset(results)


def test_a_manifest_without_lines_is_a_data_set_without_images(results):
    (results / "manifest.jsonl").write_text("")
    assert len(open_dataset(results)) == 0


def test_what_is_no_data_set_is_named(results, tmp_path):
    assert is_dataset(results)
    assert not is_dataset(tmp_path)
    assert not is_dataset(results / "manifest.jsonl")
    for folder in (tmp_path, tmp_path / "nowhere", results / "manifest.jsonl"):
        with pytest.raises(DatasetError, match="cannot be read") as caught:
            open_dataset(folder)
        assert "maskforge convert" in caught.value.hint
    (results / "classes.json").unlink()
    with pytest.raises(LabelError, match="cannot be read"):
        open_dataset(results)


@pytest.mark.parametrize(
    ("name", "inside"),
    [
        ("masks/x.png", True),
        ("x", True),
        ("a..b/x", True),
        ("../x", False),
        ("a/../x", False),
        ("/x", False),
        ("a\\x", False),
        ("C:x", False),
    ],
)
def test_paths_that_stay_inside(name, inside):
    assert is_inside(name) == inside


def test_paths_are_relative_to_the_real_folder(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "a" / "b")
    path = tmp_path / "c" / "x.png"
    assert relative(path, tmp_path / "a") == "../c/x.png"
    assert relative(path, tmp_path / "link") == "../../c/x.png"
    assert relative(tmp_path / "link" / "x.png", tmp_path) == "a/b/x.png"
    assert relative(None, tmp_path) is None


def _rotated(path, size):
    """Write an image that is stored lying: white in its first stored row, to be turned by 90°."""
    stored = np.zeros((size[1], size[0]), dtype=np.uint8)
    stored[0] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # turn clockwise: the first row becomes the last column
    Image.fromarray(stored).save(path, exif=exif)


@pytest.mark.parametrize(("declared", "lit"), [((6, 4), "row"), ((4, 6), "column")])
def test_the_image_comes_in_the_frame_of_the_mask(tmp_path, declared, lit):
    _rotated(tmp_path / "a.png", (6, 4))
    width, height = declared
    labelme(tmp_path / "a.json", square("x", 1, 1, 3, 3), width=width, height=height)
    convert(tmp_path / "a.json", tmp_path / "out")
    (item,) = open_dataset(tmp_path / "out")
    image, mask = item.read_image(), item.read_mask()
    assert image.shape[:2] == mask.shape == declared[::-1]
    expected = np.zeros(declared[::-1], dtype=np.uint8)
    expected[(0,) if lit == "row" else (slice(None), -1)] = 255
    assert (image[..., 0] == expected).all()


def test_an_image_that_changed_its_size_is_refused(tmp_path):
    Image.new("L", (6, 4)).save(tmp_path / "a.png")
    labelme(tmp_path / "a.json", square("x", 1, 1, 3, 3), width=6, height=4)
    convert(tmp_path / "a.json", tmp_path / "out")
    Image.new("L", (5, 4)).save(tmp_path / "a.png")
    (item,) = open_dataset(tmp_path / "out")
    with pytest.raises(DatasetError, match="the image has 5 x 4 px"):
        item.read_image()


@pytest.mark.parametrize(
    "damage", [b'"\xb3": 1', b'"image": "a\\u0000b"', b'"mask": "masks/\\u0000.png"']
)
def test_damaged_keys_and_paths_are_named_with_their_line(tmp_path, damage):
    labelme(tmp_path / "x.json", square("a", 1, 1, 4, 4))
    convert(tmp_path / "x.json", tmp_path / "out")
    path = tmp_path / "out" / "manifest.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"state"', damage + b', "state"'))
    for use in (open_dataset, open_examples):
        with pytest.raises(DatasetError, match=r"manifest\.jsonl line 1"):
            use(tmp_path / "out")
