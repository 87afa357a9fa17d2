"""A stack of images with a stack of masks is an example for every page."""

import numpy as np
import pytest
from builders import run
from example_files import folder, image_of, mask_of, save, stack

from maskforge.errors import DatasetError
from maskforge.examples.example import Statistics
from maskforge.examples.scaling import choose_scaling
from maskforge.examples.sources import open_examples
from maskforge.examples.split import make_split
from maskforge.examples.splitfile import read_splits, write_split
from maskforge.examples.statistics import class_pixels, statistics_of

IMAGES = [image_of(number) for number in (1, 2, 3)]
MASKS = [mask_of(0, *[255] * number) for number in (1, 2, 3)]


def names(examples):
    return [one.name for one in examples]


@pytest.fixture
def volume(tmp_path):
    """The two files in which many microscopists keep a set, with names that differ."""
    images = stack(tmp_path / "train-volume.tif", IMAGES)
    return images, stack(tmp_path / "train-labels.tif", MASKS)


def test_two_stacks_are_a_set(volume):
    images, masks = volume
    found = open_examples(images=images, masks=masks)
    assert names(found) == ["train-volume#1", "train-volume#2", "train-volume#3"]
    assert found.notes[0] == "stacks, of which every page is an image (1): train-volume"
    for example, image, mask in zip(found, IMAGES, MASKS, strict=True):
        assert np.array_equal(example.read_image()[..., 0], image)
        target = example.read_target(found.classes, "softmax")
        assert np.array_equal(target, mask // 255)
    assert class_pixels(found) == {0: 36 - 6, 1: 6}
    assert choose_scaling(found).channels == 1


def test_a_folder_may_hold_stacks_and_images(tmp_path):
    folder(tmp_path, {"a": mask_of(0, 255)})
    for name in ("v", "w"):
        stack(tmp_path / "images" / f"{name}.tif", [image_of(ord(name)), image_of(9 + ord(name))])
        stack(tmp_path / "masks" / f"{name}_mask.gif", MASKS[:2])
    found = open_examples(tmp_path)
    assert names(found) == ["a", "v#1", "v#2", "w#1", "w#2"]
    assert found.notes[0] == (
        "stacks, of which every page is an image (2): v, w; "
        "--group-pattern '^[^#]+' keeps the pages of each together"
    )
    grouped = open_examples(tmp_path, group_pattern="^[^#]+")
    assert [one.group for one in grouped] == ["a", "v", "v", "w", "w"]


def test_stacks_of_different_length_are_refused_with_both_numbers(tmp_path, volume):
    images, _ = volume
    masks = stack(tmp_path / "short.tif", MASKS[:2])
    with pytest.raises(DatasetError, match=r"short\.tif: the mask has 2 pages, its .* has 3\n"):
        open_examples(images=images, masks=masks)
    save(tmp_path / "one.png", MASKS[0])
    with pytest.raises(DatasetError, match=r"one\.png: the mask has 1 pages, its .* has 3\n"):
        open_examples(images=images, masks=tmp_path / "one.png")


def test_a_page_of_another_size_is_named(tmp_path, volume):
    images, _ = volume
    masks = stack(tmp_path / "m.tif", [MASKS[0], MASKS[1][:2], MASKS[2]])
    with pytest.raises(DatasetError, match=r"m\.tif#2: the mask has 4 x 2 px, .*tif#2 4 x 3 px"):
        open_examples(images=images, masks=masks)


def test_a_stack_that_cannot_be_read_is_named(volume):
    images, masks = volume
    images.write_bytes(images.read_bytes()[:300])
    with pytest.raises(DatasetError, match=r"train-volume\.tif: cannot be read: a page begins"):
        open_examples(images=images, masks=masks)


def test_a_file_and_a_folder_are_no_pair(volume):
    images, masks = volume
    with pytest.raises(DatasetError, match="is not a folder") as caught:
        open_examples(images=images, masks=masks.parent)
    assert "one file of each" in caught.value.hint


def test_a_table_lists_stacks_and_single_pages(tmp_path, volume):
    save(tmp_path / "m.png", MASKS[0])
    rows = ["image,mask,who", "train-volume.tif#2,m.png,x", "other.tif,train-labels.tif,y"]
    stack(tmp_path / "other.tif", IMAGES)
    (tmp_path / "t.csv").write_text("\n".join(rows))
    found = open_examples(tmp_path / "t.csv")
    assert names(found) == ["train-volume#2", "other#1", "other#2", "other#3"]
    assert [one.columns["who"] for one in found] == ["x", "y", "y", "y"]
    assert np.array_equal(found.examples[0].read_image()[..., 0], IMAGES[1])


def test_pages_are_told_apart_and_recognized_again(volume, tmp_path):
    """The digest of a page is that of its pixels, however they are stored."""
    images, masks = volume
    found = open_examples(images=images, masks=masks)
    seen = [one.statistics for one in found]
    assert len({one.image_digest for one in seen} | {one.mask_digest for one in seen}) == 6
    stack(tmp_path / "again.tif", IMAGES, compression="tiff_lzw")
    again = open_examples(images=tmp_path / "again.tif", masks=masks)
    assert [one.statistics for one in again] == seen
    assert isinstance(seen[0], Statistics)
    bare = type(found.examples[0])(
        name="x", image=found.examples[0].image, mask=found.examples[0].mask, size=(4, 3)
    )
    assert statistics_of(bare).image_digest == seen[0].image_digest
    stack(images, [*IMAGES[:2], IMAGES[0]])
    with_twins = open_examples(images=images, masks=masks)
    parts = make_split(with_twins, validation=0.4, seed=1)
    twins = {"train-volume#1", "train-volume#3"}
    assert any(twins <= set(part) for part in (parts.train, parts.validation))


def test_splits_and_their_files_know_pages(volume, tmp_path):
    images, masks = volume
    arguments = ("--images", images, "--masks", masks, "--out", tmp_path / "s.json")
    assert run("split", *arguments, "--validation", "0.4").exit_code == 0
    found = open_examples(images=images, masks=masks)
    (split,) = read_splits(tmp_path / "s.json", found)
    assert sorted(split.train + split.validation) == names(found)
    write_split(str(tmp_path / "t.json"), found, split)
    stack(masks, [*MASKS[:2], MASKS[0]])
    with pytest.raises(DatasetError, match=r"1 have changed since: .*train-labels\.tif#3"):
        read_splits(str(tmp_path / "t.json"), open_examples(images=images, masks=masks))


def test_a_folder_of_stacks_of_masks_is_evaluated_by_page(volume, tmp_path):
    images, masks = volume
    stack(tmp_path / "mine" / "train-volume.tif", [MASKS[0], MASKS[2], MASKS[2]])
    truth = ("--images", images, "--masks", masks)
    out = tmp_path / "out"
    result = run("evaluate", tmp_path / "mine", *truth, "--out", out, "--bootstrap", "0")
    assert result.exit_code == 0, result.output
    rows = (out / "per-image.csv").read_text().splitlines()[1:]
    assert sorted(row.partition(",")[0] for row in rows) == [
        "train-volume#1",
        "train-volume#2",
        "train-volume#3",
    ]
    # 6 px are right, one is invented on the second page: Dice 12 / 13
    assert "0.9231" in result.output
