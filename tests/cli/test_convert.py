"""``maskforge convert`` from annotation files to masks, on images small enough to check by eye."""

import json

import numpy as np
import pytest
from builders import (
    assert_whole,
    convert,
    corners,
    files,
    grid,
    image,
    instance,
    labelme,
    manifest,
    pixels,
    region,
    run,
    shape,
    square,
    superannotate,
    vott,
)
from PIL import Image

BOTH = grid(
    "........",
    ".111....",
    ".11222..",
    ".11222..",
    "...222..",
    "........",
)
"""Square a at 1, 1 to 4, 4, and square b at 3, 2 to 6, 5 over it."""


def test_all_formats_in_one_run_end_in_one_folder(tmp_path):
    labelme(tmp_path / "in" / "l" / "one.json", square("caries", 1, 1, 4, 4))
    superannotate(tmp_path / "in" / "s" / "two.png.json", instance("enamel", corners(2, 0, 5, 2)))
    assets = {
        "three.jpg": (2, [region(["caries"], corners(0, 4, 8, 6))]),
        "four.jpg": (1, []),
        "five.jpg": (0, []),
    }
    vott(tmp_path / "in" / "v", assets)
    report = convert(tmp_path / "in", "--out", tmp_path / "out")
    masks = tmp_path / "out" / "masks"
    first, second, nothing = np.zeros((3, 6, 8), dtype=np.uint8)
    first[1:4, 1:4] = 1
    second[0:2, 2:5] = 2
    assert np.array_equal(pixels(masks / "l" / "one.png"), first)
    assert np.array_equal(pixels(masks / "s" / "two.png"), second)
    assert np.array_equal(pixels(masks / "v" / "four.png"), nothing)
    assert (pixels(masks / "v" / "three.png") == 1).sum() == 16
    assert not (masks / "v" / "five.png").exists()
    assert report["images"] == {
        "found": 5,
        "drawn": 4,
        "partial": 0,
        "ignored": 1,
        "refused": 0,
        "annotated": 3,
        "empty": 1,
        "unvisited": 1,
    }
    states = {line["image"] or line["mask"]: line["state"] for line in manifest(tmp_path / "out")}
    assert states["masks/v/four.png"] == "empty"
    assert [line["format"] for line in manifest(tmp_path / "out")].count("vott") == 3
    assert_whole(tmp_path / "out")


@pytest.mark.parametrize(("policy", "drawn"), [("skip", 0), ("background", 1)])
def test_images_that_nobody_looked_at(tmp_path, policy, drawn):
    vott(tmp_path / "in", {"new.jpg": (0, [])})
    options = ("--out", tmp_path / "out", "--unvisited", policy)
    report = convert(tmp_path / "in", *options)
    assert report["images"]["drawn"] == drawn
    assert report["images"]["ignored"] == 1 - drawn
    (line,) = manifest(tmp_path / "out")
    assert line["state"] == "unvisited"
    assert (line["mask"] is None) == (drawn == 0)
    if drawn:
        assert line["pixels"] == {"background": 48}


def test_palette_png_holds_the_ids_and_the_colors_of_classes_json(tmp_path, both):
    run("convert", both, "--out", tmp_path / "out")
    with Image.open(tmp_path / "out" / "masks" / "x.png") as mask:
        assert mask.mode == "P"
        assert np.array_equal(np.asarray(mask), BOTH)
        colors = np.asarray(mask.convert("RGB"))
    classes = json.loads((tmp_path / "out" / "classes.json").read_bytes())["classes"]
    assert [(one["id"], one["name"], one["labels"]) for one in classes] == [
        (0, "background", []),
        (1, "a", ["a"]),
        (2, "b", ["b"]),
    ]
    for one, (row, column) in zip(classes, [(0, 0), (1, 1), (2, 3)], strict=True):
        assert "#" + bytes(colors[row, column]).hex() == one["color"]
    assert len({one["color"] for one in classes}) == 3


@pytest.mark.parametrize(
    ("file_type", "suffix"), [("png", "png"), ("tiff", "tiff"), ("npy", "npy")]
)
def test_every_type_of_file_holds_the_same_integers(tmp_path, both, file_type, suffix):
    run("convert", both, "--out", tmp_path / "out", "--file-type", file_type)
    mask = pixels(tmp_path / "out" / "masks" / f"x.{suffix}")
    assert mask.dtype == np.uint8
    assert np.array_equal(mask, BOTH)
    assert_whole(tmp_path / "out")


def test_one_hot_masks_have_a_channel_for_the_background(tmp_path, both):
    run("convert", both, "--out", tmp_path / "out", "--encoding", "onehot", "--file-type", "npy")
    mask = pixels(tmp_path / "out" / "masks" / "x.npy")
    assert (mask.shape, mask.dtype) == ((6, 8, 3), np.uint8)
    assert np.array_equal(mask, np.stack([BOTH == 0, BOTH == 1, BOTH == 2], axis=-1))


def test_multi_hot_masks_keep_what_lies_below(tmp_path, both):
    run("convert", both, "--out", tmp_path / "out", "--encoding", "multihot", "--file-type", "npy")
    mask = pixels(tmp_path / "out" / "masks" / "x.npy")
    below, above = np.zeros((2, 6, 8), dtype=np.uint8)
    below[1:4, 1:4] = 1
    above[2:5, 3:6] = 1
    assert np.array_equal(mask, np.stack([below, above], axis=-1))
    (line,) = manifest(tmp_path / "out")
    assert line["pixels"] == {"background": 48 - 16, "a": 9, "b": 9}
    assert line["overlapped_pixels"] == 2


@pytest.mark.parametrize("file_type", ["png", "tiff", "npy"])
def test_large_ids_take_sixteen_bits(tmp_path, both, file_type):
    ids = ("--class", "a=300", "--class", "b=65535")
    run("convert", both, "--out", tmp_path / "out", "--file-type", file_type, *ids)
    (mask,) = (tmp_path / "out" / "masks").iterdir()
    assert pixels(mask).dtype == np.uint16
    assert np.array_equal(pixels(mask), np.select([BOTH == 1, BOTH == 2], [300, 65535], 0))


def test_conventions_of_labelme_void_and_holes(tmp_path):
    labelme(
        tmp_path / "x.json",
        square("a", 0, 0, 6, 6),
        square("_background_", 1, 1, 5, 5),
        square("__ignore__", 4, 4, 8, 6),
    )
    run("convert", tmp_path / "x.json", "--out", tmp_path / "out")
    expected = grid(
        "111111..",
        "1....1..",
        "1....1..",
        "1....1..",
        "1...VVVV",
        "1111VVVV",
    )
    assert np.array_equal(pixels(tmp_path / "out" / "masks" / "x.png"), expected)
    (line,) = manifest(tmp_path / "out")
    assert line["pixels"] == {"a": 17, "void": 8, "background": 48 - 25}


@pytest.mark.parametrize(
    ("encoding", "expected"),
    [
        ("onehot", {"void": [0, 0], "a": [0, 1]}),
        ("multihot", {"void": [255], "a": [1]}),
    ],
)
def test_void_in_channels(tmp_path, encoding, expected):
    labelme(tmp_path / "x.json", square("a", 0, 0, 4, 6), square("unsure", 3, 0, 5, 6))
    options = ("--encoding", encoding, "--file-type", "npy", "--class", "a=1")
    run("convert", tmp_path, "--out", tmp_path / "out", *options, "--class", "unsure=void")
    mask = pixels(tmp_path / "out" / "masks" / "x.npy")
    assert mask[0, 3].tolist() == expected["void"]
    assert mask[0, 0].tolist() == expected["a"]


@pytest.mark.parametrize(
    ("overlap", "on_top"),
    [("order", 2), ("area", 3), ("priority", 3)],
)
def test_what_lies_on_top(tmp_path, overlap, on_top):
    """The small square comes first in the file and last in the class map."""
    labelme(tmp_path / "x.json", square("small", 2, 2, 4, 4), square("large", 1, 1, 7, 5))
    options = ("--class", "large=2", "--class", "small=3", "--overlap", overlap)
    report = convert(tmp_path, "--out", tmp_path / "out", *options)
    assert pixels(tmp_path / "out" / "masks" / "x.png")[2, 2] == on_top
    assert report["overlapped_pixels"] == 4


def test_overlaps_can_be_refused(tmp_path, both):
    labelme(tmp_path / "in" / "fine.json", square("a", 1, 1, 4, 4), square("a", 2, 2, 6, 5))
    result = run("convert", tmp_path / "in", "--out", tmp_path / "out", "--overlap", "error")
    assert result.exit_code == 1
    assert "x.json $: shapes of different classes overlap in 2 pixels" in result.stdout
    assert files(tmp_path / "out" / "masks") == {"fine.png"}


def test_instances_are_written_beside_the_classes(tmp_path):
    labelme(
        tmp_path / "x.json",
        square("tooth", 0, 0, 2, 2, group_id=7),
        square("tooth", 4, 0, 6, 2, group_id=7),
        square("tooth", 0, 4, 2, 6),
        square("root", 6, 4, 8, 6, group_id=7),
    )
    run("convert", tmp_path / "x.json", "--out", tmp_path / "out", "--instances")
    expected = grid(
        "11..11..",
        "11..11..",
        "........",
        "........",
        "22....33",
        "22....33",
    )
    instances = pixels(tmp_path / "out" / "instances" / "x.png")
    assert instances.dtype == np.uint16
    assert np.array_equal(instances, expected)
    (line,) = manifest(tmp_path / "out")
    assert line["instance_classes"] == ["tooth", "tooth", "root"]
    assert_whole(tmp_path / "out")


@pytest.mark.parametrize(
    ("options", "drawn", "converted", "skipped", "pixel_count"),
    [
        ((), 0, 0, 2, 0),
        (("--line-width", "2"), 0, 1, 1, 12),
        (("--point-radius", "1"), 0, 1, 1, 4),
        (("--line-width", "2", "--point-radius", "1"), 0, 2, 0, 16),
        (("--line-width", "0", "--point-radius", "0"), 0, 0, 2, 0),
    ],
)
def test_lines_and_points(tmp_path, options, drawn, converted, skipped, pixel_count):
    """A line of 2 px along y = 1 from x = 2 to 6 covers 4 x 2 pixels, each round end 2 more.

    A disc of 1 px around (2, 4) holds the four centers around it, at a distance of 0.71.
    """
    labelme(
        tmp_path / "x.json",
        shape("a", [[2, 1], [6, 1]], "line"),
        shape("a", [[2, 4]], "point"),
    )
    report = convert(tmp_path / "x.json", "--out", tmp_path / "out", *options)
    counts = {"drawn": drawn, "converted": converted, "skipped": skipped}
    assert report["records"] == {"found": 2, "void": 0, "ignored": 0, "refused": 0} | counts
    assert (pixels(tmp_path / "out" / "masks" / "x.png") == 1).sum() == pixel_count


@pytest.mark.parametrize(
    ("policy", "expected", "refused"),
    [("first", "a", 0), ("last", "b", 0), ("error", None, 1)],
)
def test_regions_with_several_tags(tmp_path, policy, expected, refused):
    vott(tmp_path / "in", {"x.jpg": (2, [region(["a", "b"], corners(1, 1, 4, 4))])})
    report = convert(tmp_path / "in", "--out", tmp_path / "out", "--multi-tag", policy)
    assert report["records"]["refused"] == refused
    assert report["reasons"]["several-labels"] == 1
    (line,) = manifest(tmp_path / "out")
    assert line["class_shapes"] == ({expected: 1} if expected else {})


def test_all_tags_of_a_region_in_channels(tmp_path):
    vott(tmp_path / "in", {"x.jpg": (2, [region(["a", "b"], corners(1, 1, 4, 4))])})
    options = ("--multi-tag", "all", "--encoding", "multihot", "--file-type", "npy")
    report = convert(tmp_path / "in", "--out", tmp_path / "out", *options)
    mask = pixels(tmp_path / "out" / "masks" / "x.npy")
    assert mask[2, 2].tolist() == [1, 1]
    assert mask.sum() == 18
    assert report["records"]["found"] == report["records"]["drawn"] == 1


@pytest.mark.parametrize(
    ("policy", "drawn", "skipped", "refused"),
    [(None, 0, 1, 0), ("skip", 0, 1, 0), ("error", 0, 0, 1), ("tooth", 1, 0, 0)],
)
def test_regions_without_tag(tmp_path, policy, drawn, skipped, refused):
    vott(tmp_path / "in", {"x.jpg": (2, [region([], corners(1, 1, 4, 4))])})
    options = () if policy is None else ("--unlabeled", policy)
    report = convert(tmp_path / "in", "--out", tmp_path / "out", *options)
    records = {key: report["records"][key] for key in ("drawn", "skipped", "refused")}
    assert records == {"drawn": drawn, "skipped": skipped, "refused": refused}
    mask = tmp_path / "out" / "masks" / "x.png"
    # Only who says so knows that a region without tag is background.
    assert mask.exists() == (policy in ("skip", "tooth"))
    assert not mask.exists() or pixels(mask).any() == bool(drawn)


def test_a_class_map_groups_ignores_and_voids(tmp_path):
    labelme(
        tmp_path / "x.json",
        square("molar", 0, 0, 2, 2),
        square("canine", 2, 0, 4, 2),
        square("note", 4, 0, 6, 2),
        square("unsure", 6, 0, 8, 2),
    )
    toml = tmp_path / "map.toml"
    toml.write_text(
        'ignore = ["note"]\nvoid = ["unsure"]\n'
        '[[classes]]\nid = 4\nname = "tooth"\ncolor = "#010203"\nlabels = ["molar", "canine"]\n'
    )
    report = convert(tmp_path / "x.json", "--out", tmp_path / "out", "--classes", toml)
    mask = tmp_path / "out" / "masks" / "x.png"
    assert pixels(mask)[0].tolist() == [4, 4, 4, 4, 0, 0, 255, 255]
    with Image.open(mask) as opened:
        assert opened.convert("RGB").getpixel((0, 0)) == (1, 2, 3)
    assert report["records"]["ignored"] == 1
    assert report["reasons"]["ignored-label"] == 1


def test_the_saved_class_map_gives_the_next_run_the_same_ids(tmp_path):
    labelme(tmp_path / "one" / "x.json", square("b", 0, 0, 2, 2), square("c", 2, 0, 4, 2))
    run(
        "convert", tmp_path / "one", "--out", tmp_path / "first", "--class", "b=7", "--class", "c=3"
    )
    saved = tmp_path / "first" / "classes.json"
    labelme(tmp_path / "two" / "y.json", square("c", 2, 0, 4, 2))
    options = ("--classes", saved, "--out", tmp_path / "second")
    report = convert(tmp_path / "two", *options)
    assert pixels(tmp_path / "second" / "masks" / "y.png")[0].tolist() == [0, 0, 3, 3, 0, 0, 0, 0]
    assert saved.read_bytes() == (tmp_path / "second" / "classes.json").read_bytes()
    assert {one["name"]: one["id"] for one in report["classes"]} == {"background": 0, "c": 3}


@pytest.mark.parametrize("rasterizer", ["exact", "opencv", "pillow", "skimage", "matplotlib"])
def test_every_rasterizer_can_be_chosen(tmp_path, both, rasterizer):
    """All libraries agree about the inside of a square, if not about its rim."""
    options = ("--out", tmp_path / "out", "--rasterizer", rasterizer)
    run("convert", both, *options)
    mask = pixels(tmp_path / "out" / "masks" / "x.png")
    assert (mask[2, 1], mask[3, 4], mask[5, 7], mask[0, 7]) == (1, 2, 0, 0)


@pytest.mark.parametrize(
    ("declared", "shown", "upright"),
    [((6, 8), (6, 8), True), ((8, 6), (8, 6), False)],
)
def test_the_declared_size_decides_about_exif(tmp_path, declared, shown, upright):
    """Orientation 6: 8 x 6 px are stored, 6 x 8 px are shown."""
    width, height = declared
    image(tmp_path / "x.jpg", 8, 6, orientation=6)
    labelme(
        tmp_path / "x.json",
        square("a", 0, 0, 2, 1),
        image="x.jpg",
        width=width,
        height=height,
    )
    report = convert(tmp_path / "x.json", "--out", tmp_path / "out")
    assert report["reasons"] == {"exif-rotated": 1}
    (line,) = manifest(tmp_path / "out")
    assert (line["width"], line["height"]) == shown
    assert (line["orientation"], line["upright"]) == (6, upright)
    mask = pixels(tmp_path / "out" / "masks" / "x.png")
    assert mask.shape == (shown[1], shown[0])
    assert np.argwhere(mask).tolist() == [[0, 0], [0, 1]]


def test_sizes_that_disagree_are_both_named(tmp_path):
    image(tmp_path / "x.png", 16, 12)
    labelme(tmp_path / "x.json", square("a", 1, 1, 4, 4))
    result = run("convert", tmp_path, "--out", tmp_path / "out")
    assert result.exit_code == 1
    assert "the annotation file says 8 x 6 px, the image has 16 x 12 px" in result.stdout
    assert "--size-mismatch scale" in result.stdout
    assert files(tmp_path / "out") == {"classes.json", "manifest.jsonl"}
    (line,) = manifest(tmp_path / "out")
    assert line["mask"] is None
    assert line["shapes"]["refused"] == 1


def test_sizes_of_one_ratio_can_be_scaled(tmp_path):
    image(tmp_path / "x.png", 16, 12)
    labelme(tmp_path / "x.json", square("a", 1, 1, 4, 4))
    run("convert", tmp_path, "--out", tmp_path / "out", "--size-mismatch", "scale")
    mask = pixels(tmp_path / "out" / "masks" / "x.png")
    expected = np.zeros((12, 16))
    expected[2:8, 2:8] = 1
    assert np.array_equal(mask, expected)


def test_images_are_found_in_the_folder_of_images(tmp_path):
    image(tmp_path / "images" / "deep" / "x.png", 4, 3)
    labelme(tmp_path / "in" / "x.json", square("a", 1, 1, 3, 2), width=None, height=None)
    options = ("--images", tmp_path / "images", "--out", tmp_path / "out")
    run("convert", tmp_path / "in", *options)
    (line,) = manifest(tmp_path / "out")
    assert line["image"] == "../images/deep/x.png"
    assert pixels(tmp_path / "out" / "masks" / "x.png").shape == (3, 4)
