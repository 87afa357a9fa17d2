"""Pairs of ready-made images and masks as public data sets name and place them."""

import numpy as np
import pytest
from builders import run
from example_files import image_of, mask_of, save
from PIL import Image

from maskforge.errors import DatasetError, OptionError
from maskforge.evaluation.evaluate import evaluate
from maskforge.examples.sources import open_examples
from maskforge.prediction.image_list import find_images


def write(root, *images, masks=()):
    for number, place in enumerate(images):
        save(root / place, image_of(number))
    for number, place in enumerate(masks):
        save(root / place, mask_of(0, 0, *[1] * (number + 1)))


def pairs(examples):
    return {one.image.name: one.mask.name for one in examples}


# Names


@pytest.mark.parametrize(
    ("image", "mask"),
    [
        ("mask_001.png", None),
        ("001.png", "mask_001.png"),
        ("001.png", "gt-001.png"),
        ("img001.png", "mask001.png"),
        ("001_image.png", "001_mask.png"),
        ("001_img.jpg", "001.png"),
        ("001_leftImg8bit.png", "001_gtFine_labelIds.png"),
        ("001_leftImg8bit.png", "001_gtCoarse_labelTrainIds.png"),
        ("001_orig.tif", "001-seg.tif"),
        ("100_sat.jpg", "100_mask.png"),
        ("21_training.tif", "21_manual1.gif"),
        ("0001TP_006690.png", "0001TP_006690_L.png"),
        ("top_potsdam_2_10_RGB.tif", "top_potsdam_2_10_label.tif"),
        ("ISIC_0000000.jpg", "ISIC_0000000_segmentation.png"),
        ("000000000009.jpg", "000000000009_labelTrainIds.png"),
        ("case_0000.png", "case.png"),
        ("a.jpg", "a.jpg.png"),
        ("a.jpg", "a.jpg_mask.png"),
        ("b_img.jpg", "b_img_mask.png"),
    ],
)
def test_words_around_a_name_say_what_a_file_is(tmp_path, image, mask):
    write(tmp_path, f"i/{image}", masks=[f"m/{mask or image}"])
    found = open_examples(images=tmp_path / "i", masks=tmp_path / "m")
    assert pairs(found) == {image: mask or image}
    assert not any("left out" in note for note in found.notes)


def test_cityscapes_takes_the_ids_and_neither_colors_nor_instances(tmp_path):
    for town in ("aachen", "bochum"):
        stem = f"{town}/{town}_000000_000019"
        write(
            tmp_path,
            f"leftImg8bit/train/{stem}_leftImg8bit.png",
            masks=[
                f"gtFine/train/{stem}_gtFine_{what}.png"
                for what in ("labelIds", "instanceIds", "color")
            ],
        )
        (tmp_path / f"gtFine/train/{stem}_gtFine_polygons.json").write_text("{}")
    for given in (
        {"dataset": tmp_path},
        {"images": tmp_path / "leftImg8bit", "masks": tmp_path / "gtFine"},
        {"images": tmp_path / "leftImg8bit/train", "masks": tmp_path / "gtFine/train"},
    ):
        found = open_examples(**given)
        assert len(found) == 2
        assert all(one.mask.name.endswith("_gtFine_labelIds.png") for one in found)
        assert any(
            note.startswith("masks in colors or by instance, left out (4)") for note in found.notes
        )


def test_two_kinds_of_ids_are_named_and_a_pattern_decides(tmp_path):
    write(
        tmp_path,
        "i/t/x_leftImg8bit.png",
        masks=["m/t/x_gtFine_labelIds.png", "m/t/x_gtFine_labelTrainIds.png"],
    )
    folders = {"images": tmp_path / "i", "masks": tmp_path / "m"}
    with pytest.raises(DatasetError, match="several images or masks: t/x_leftImg8bit"):
        open_examples(**folders)
    found = open_examples(**folders, mask_name="{name}_gtFine_labelTrainIds")
    assert pairs(found) == {"x_leftImg8bit.png": "x_gtFine_labelTrainIds.png"}


@pytest.mark.parametrize(
    ("images", "masks"),
    [
        (["a.png"], ["a_mask.png", "a_seg.png"]),
        (["a_img.png", "a_orig.png"], ["a_mask.png"]),
        (["a.png", "a_img.png"], ["a_mask.png"]),
        (["a_img.png"], ["a.png", "a_mask.png"]),
        (["case_0000.png", "case_0001.png"], ["case.png"]),
    ],
)
def test_what_is_not_one_image_for_one_mask_is_left_out_and_named(tmp_path, images, masks):
    write(
        tmp_path,
        *(f"i/{one}" for one in (*images, "sure.png")),
        masks=[f"m/{one}" for one in (*masks, "sure.png")],
    )
    found = open_examples(images=tmp_path / "i", masks=tmp_path / "m")
    assert pairs(found) == {"sure.png": "sure.png"}
    (note,) = (one for one in found.notes if "several images or masks" in one)
    assert all(one.removesuffix(".png") in note for one in images)


def test_a_number_is_not_a_channel_without_the_first_channel(tmp_path):
    write(tmp_path, "i/case_0007.png", "i/b.png", masks=["m/case.png", "m/b.png"])
    found = open_examples(images=tmp_path / "i", masks=tmp_path / "m")
    assert pairs(found) == {"b.png": "b.png"}


# Folders


@pytest.mark.parametrize(
    ("places", "names"),
    [
        (["JPEGImages/a.png", "SegmentationClass/a.png"], ["a"]),
        (["imagesTr/a_0000.png", "labelsTr/a.png"], ["a_0000"]),
        (["Images/p/a.png", "Masks/p/a.png"], ["p/a"]),
        (["train/image/a.png", "train/label/a.png"], ["train/a"]),
        (["img_dir/val/a.png", "ann_dir/val/a.png"], ["val/a"]),
        (
            ["p1/images/1.png", "p1/masks/1.png", "p2/images/1.png", "p2/masks/1.png"],
            ["p1/1", "p2/1"],
        ),
    ],
)
def test_a_folder_may_be_built_in_many_ways(tmp_path, places, names):
    write(tmp_path, *places[::2], masks=places[1::2])
    for given in ({"dataset": tmp_path}, {"images": tmp_path, "masks": tmp_path}):
        found = open_examples(**given)
        assert [one.name for one in found] == names
        assert pairs(found) == {
            one.rpartition("/")[2]: one.rpartition("/")[2] for one in places[::2]
        } or (names == ["a_0000"])


def test_each_side_may_say_in_its_folders_what_it_holds(tmp_path):
    write(tmp_path, "x/p1/images/1.png", "x/p2/images/1.png")
    write(tmp_path, masks=["y/p1/masks/1.png", "y/p2/masks/1.png"])
    found = open_examples(images=tmp_path / "x", masks=tmp_path / "y")
    assert {one.mask.relative_to(tmp_path).as_posix() for one in found} == {
        "y/p1/masks/1.png",
        "y/p2/masks/1.png",
    }
    assert all(one.image.parts[-3] == one.mask.parts[-3] for one in found)


def test_other_folders_beside_images_and_masks_do_not_count(tmp_path):
    write(tmp_path, "images/a.png", "overlays/a.png", "raw/a.png", masks=["masks/a.png"])
    found = open_examples(tmp_path)
    assert found.examples[0].image.parent.name == "images"
    assert not any("left out" in note for note in found.notes)


# The pattern


@pytest.mark.parametrize(
    ("pattern", "mask"),
    [
        ("{name}_truth", "p/a_truth.png"),
        ("{name}_truth.png", "p/a_truth.png"),
        ("t/{name}", "p/t/a.png"),
        ("t\\truth-{name}.png", "p/t/truth-a.png"),
    ],
)
@pytest.mark.parametrize("shared", [False, True])
def test_a_pattern_says_how_masks_are_called(tmp_path, pattern, mask, shared):
    images, masks = tmp_path / "i", tmp_path / ("i" if shared else "m")
    write(images, "p/a.png", "p/b.png")
    write(masks, masks=[mask])
    found = open_examples(images=images, masks=masks, mask_name=pattern)
    assert [(one.name, one.mask.name) for one in found] == [("p/a", mask.rpartition("/")[2])]
    assert "images without mask, left out (1): p/b" in found.notes
    if shared:
        assert len(open_examples(images, mask_name=pattern)) == 1


def test_a_pattern_with_a_suffix_tells_files_apart(tmp_path):
    write(tmp_path, "i/a.png", masks=["m/a_x.png", "m/a_x.npy"])
    folders = {"images": tmp_path / "i", "masks": tmp_path / "m"}
    assert pairs(open_examples(**folders, mask_name="{name}_x.npy")) == {"a.png": "a_x.npy"}
    with pytest.raises(DatasetError, match="several images or masks: a"):
        open_examples(**folders, mask_name="{name}_x")


@pytest.mark.parametrize(
    "pattern",
    ["mask", "{name}/mask", "{name}_{name}", "{name:5}", "/{name}", "../{name}", "{name}{", ""],
)
def test_a_pattern_that_leads_nowhere_is_refused(tmp_path, pattern):
    write(tmp_path, "i/a.png", masks=["m/a.png"])
    with pytest.raises(OptionError, match="the name of masks cannot be"):
        open_examples(images=tmp_path / "i", masks=tmp_path / "m", mask_name=pattern)


def test_a_pattern_is_for_folders(tmp_path):
    write(tmp_path, "a.png", masks=["m.png"])
    (tmp_path / "t.csv").write_text("image,mask\na.png,m.png\n")
    for given in (
        {"dataset": tmp_path / "t.csv"},
        {"images": tmp_path / "a.png", "masks": tmp_path / "m.png"},
    ):
        with pytest.raises(OptionError, match="a name of masks is told"):
            open_examples(**given, mask_name="{name}")


def test_commands_take_the_pattern(tmp_path):
    write(tmp_path, *(f"i/{one}.png" for one in "abcd"))
    write(tmp_path, masks=[f"m/{one}.truth.png" for one in "abcd"])
    told = ["--images", tmp_path / "i", "--masks", tmp_path / "m", "--mask-name", "{name}.truth"]
    result = run("split", *told, "--out", tmp_path / "split.json")
    assert result.exit_code == 0, result.output
    assert "4 examples" in result.output


# Truth and predictions


@pytest.mark.parametrize(
    ("truth", "predicted"),
    [
        ("t/aachen_7_gtFine_labelIds.png", "p/aachen_7_leftImg8bit.png"),
        ("t/a_mask.png", "p/a.png"),
        ("t/gt_a.png", "p/sub/a.png"),
    ],
)
def test_masks_of_truth_and_prediction_may_have_other_words(tmp_path, truth, predicted):
    for place in (truth, predicted):
        save(tmp_path / place, mask_of(0, 1))
    save(tmp_path / "t/aachen_7_gtFine_color.png", np.full((3, 4, 3), [1, 2, 3], np.uint8))
    report = evaluate(tmp_path / "p", tmp_path / "t", bootstrap=0)
    assert report.images == 1
    assert any("without words such as _mask" in note for note in report.notes)


def test_folders_tell_predictions_of_one_file_name_apart(tmp_path):
    for place in ("t/1/a_mask.png", "t/2/a_mask.png", "p/1/a.png", "p/2/a.png"):
        save(tmp_path / place, mask_of(0, 1))
    assert evaluate(tmp_path / "p", tmp_path / "t", bootstrap=0).images == 2


def test_two_truths_for_a_prediction_are_no_pair(tmp_path):
    for place in ("t/a_mask.png", "t/a_gt.png", "t/b.png", "p/a.png", "p/b.png"):
        save(tmp_path / place, mask_of(0, 1))
    report = evaluate(tmp_path / "p", tmp_path / "t", bootstrap=0)
    assert report.images == 1
    assert sorted(report.unpaired_truth) == ["a_gt", "a_mask"]


# Masks are not images


def scene(seed=0):
    """Return a mask (20, 20) of two squares, and a gray image of the same size."""
    mask = np.zeros((20, 20), np.uint8)
    mask[2:8, 2:8], mask[10:15, 10:18] = 1, 2
    return mask, np.random.default_rng(seed).integers(0, 256, (20, 20), np.uint8)


@pytest.mark.parametrize("how", ["bytes", "relabeled", "palette"])
def test_an_image_that_is_its_own_mask_is_refused_by_name(tmp_path, how):
    mask, gray = scene()
    for name in "ab":
        save(tmp_path / "masks" / f"{name}.png", mask)
        save(tmp_path / "images" / f"{name}.png", gray)
    if how == "palette":
        picture = Image.fromarray(mask)
        picture.putpalette([0, 0, 0, 200, 0, 0, 0, 200, 0])
        picture.save(tmp_path / "images" / "b.png")
    else:
        image = mask if how == "bytes" else np.array([9, 0, 200], np.uint8)[mask]
        save(tmp_path / "images" / "b.png", image)
    with pytest.raises(DatasetError, match=r"b\.png: is its own mask"):
        open_examples(tmp_path)
    assert run("split", tmp_path, "--out", tmp_path / "s.json").exit_code == 2


def test_black_and_white_is_not_a_mask_by_its_values(tmp_path):
    mask, gray = scene()
    for name in "ab":
        save(tmp_path / "masks" / f"{name}.png", mask)
        save(tmp_path / "images" / f"{name}.png", np.uint8(255) * (gray > 128))
    found = open_examples(tmp_path)
    assert len(found) == 2
    assert not any("look like masks" in note for note in found.notes)


def test_images_that_all_look_like_masks_where_masks_lie_are_refused(tmp_path):
    mask, gray = scene()
    for name in "ab":
        save(tmp_path / "SegmentationObject" / f"{name}.png", np.uint8(3) * (mask.T > 1))
        save(tmp_path / "truth" / f"{name}.png", mask)
    folders = {"images": tmp_path / "SegmentationObject", "masks": tmp_path / "truth"}
    with pytest.raises(DatasetError, match=r"looks like a mask, as do all 2 images"):
        open_examples(**folders)
    save(tmp_path / "SegmentationObject" / "b.png", gray)
    assert "images that look like masks (1): a" in open_examples(**folders).notes


def test_a_prediction_warns_of_images_that_look_like_masks(tmp_path):
    mask, gray = scene()
    save(tmp_path / "labels" / "a.png", mask)
    save(tmp_path / "labels" / "b.png", gray)
    save(tmp_path / "scans" / "c.png", np.uint8(255) * (gray > 128))
    (note,) = find_images([tmp_path]).notes
    assert note.startswith("WARNING: images that look like masks, predicted all the same (1): ")
    assert note.endswith("a.png")
