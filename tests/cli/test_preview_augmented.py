"""``maskforge preview --augmented``: what a network would see."""

import numpy as np
import pytest
from builders import files, image, labelme, run, square, tree
from PIL import Image

TILE_WIDTH, TILE_HEIGHT, MARGIN, LINE = 280, 220, 8, 22


def tiles(path):
    """Every tile of a sheet, row by row, as (220, 280, 3)."""
    with Image.open(path) as opened:
        sheet = np.asarray(opened.convert("RGB"))
    return [
        [
            sheet[y : y + TILE_HEIGHT, x : x + TILE_WIDTH]
            for x in range(MARGIN, sheet.shape[1] - MARGIN, TILE_WIDTH + MARGIN)
        ]
        for y in range(MARGIN, sheet.shape[0] - MARGIN, TILE_HEIGHT + LINE)
    ]


@pytest.fixture
def results(tmp_path):
    """One dark image of 280 x 220 px, white where the class is, which is not symmetrical."""
    pixels = np.indices((220, 280), dtype=np.uint8).sum(axis=0, dtype=np.uint8) % 32
    pixels[20:90, 30:150] = 255
    (tmp_path / "in").mkdir()
    Image.fromarray(pixels).save(tmp_path / "in" / "x.png")
    labelme(tmp_path / "in" / "x.json", square("caries", 30, 20, 150, 90), width=280, height=220)
    run("convert", tmp_path / "in", "--out", tmp_path / "out")
    return tmp_path / "out"


def augmented(results, out, *options):
    return run("preview", results, "--out", out, "--augmented", *options)


def test_there_is_one_sheet_with_the_image_and_four_versions(results, tmp_path):
    before = tree(results)
    result = augmented(results, tmp_path / "look")
    assert result.exit_code == 0
    assert files(tmp_path / "look") == {"augmented-1.png"}
    assert "1 images shown" in result.stdout
    assert [len(row) for row in tiles(tmp_path / "look" / "augmented-1.png")] == [5]
    assert tree(results) == before


def test_nothing_changes_where_nothing_is_to_change(results, tmp_path):
    augmented(results, tmp_path / "look", "--augment", "none")
    ((first, *others),) = tiles(tmp_path / "look" / "augmented-1.png")
    assert (first != 0).any()
    assert all(np.array_equal(first, other) for other in others)


def test_flips_show_the_image_from_its_sides(results, tmp_path):
    augmented(results, tmp_path / "look", "--augment", "flips", "--seed", "1")
    ((first, *others),) = tiles(tmp_path / "look" / "augmented-1.png")
    inside = (slice(2, -2), slice(2, -2))
    sides = [first, first[:, ::-1], first[::-1], first[::-1, ::-1]]
    strengths = [np.abs(one.astype(int) - 12).sum(axis=-1) > 60 for one in sides]
    shown = []
    for other in others:
        strength = np.abs(other.astype(int) - 12).sum(axis=-1) > 60
        shown.append([(strength == one)[inside].mean() > 0.99 for one in strengths])
    assert all(sum(one) == 1 for one in shown)
    assert len({one.index(True) for one in shown}) > 1


@pytest.mark.parametrize("preset", ["light", "medium", "strong"])
@pytest.mark.parametrize("crop", [(), ("--crop", "128")])
def test_masks_cover_their_images_whatever_is_done(results, tmp_path, preset, crop):
    """White is under the opaque mask but for the blurred edge, and only there the mask is."""
    options = ("--augment", preset, "--opacity", "1", *crop)
    augmented(results, tmp_path / "look", *options)
    ((_, *others),) = tiles(tmp_path / "look" / "augmented-1.png")
    for tile in others:
        gray = np.ptp(tile.astype(int), axis=-1) < 24
        colored = ~gray
        white = gray & (tile.min(axis=-1) > 200)
        assert white.mean() < 0.01
        assert colored.mean() > 0.001


def test_the_mask_is_where_the_image_is_white(results, tmp_path):
    """With transparent masks, outlines alone are colored, and run between white and black."""
    options = ("--augment", "light", "--opacity", "0", "--seed", "2")
    augmented(results, tmp_path / "look", *options)
    ((_, *others),) = tiles(tmp_path / "look" / "augmented-1.png")
    for tile in others:
        outline = np.ptp(tile.astype(int), axis=-1) > 30
        rows, columns = np.nonzero(outline[6:-6, 6:-6])
        assert len(rows) > 100
        for row, column in list(zip(rows + 6, columns + 6, strict=True))[::7]:
            around = tile[row - 4 : row + 5, column - 4 : column + 5].astype(int)
            values = around[np.ptp(around, axis=-1) < 24].max(axis=-1, initial=0)
            assert np.ptp(values) > 80


def test_seeds_differ_and_can_be_repeated(results, tmp_path):
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        augmented(results, tmp_path / name, "--seed", seed)
    assert tree(tmp_path / "a") == tree(tmp_path / "b") != tree(tmp_path / "c")


def test_crops_are_square(results, tmp_path):
    augmented(results, tmp_path / "look", "--crop", "64")
    ((first, *others),) = tiles(tmp_path / "look" / "augmented-1.png")
    assert not (first[:, :29] == (24, 24, 24)).all()
    for tile in others:
        assert (tile[:, :29] == (24, 24, 24)).all()  # 220 of 280 px are used
        assert (tile[:, -29:] == (24, 24, 24)).all()


@pytest.mark.parametrize("encoding", ["onehot", "multihot"])
def test_every_encoding_is_shown_alike(results, tmp_path, encoding):
    options = ("--encoding", encoding, "--file-type", "npy")
    run("convert", tmp_path / "in", "--out", tmp_path / "channels", *options)
    augmented(results, tmp_path / "one")
    assert augmented(tmp_path / "channels", tmp_path / "other").exit_code == 0
    assert tree(tmp_path / "one") == tree(tmp_path / "other")


def test_sheets_hold_12_images_each_up_to_the_limit(tmp_path):
    for number in range(14):
        image(tmp_path / "in" / f"x{number}.png")
        labelme(tmp_path / "in" / f"x{number}.json", square("a", 1, 1, 4, 4))
    run("convert", tmp_path / "in", "--out", tmp_path / "out")
    for limit, counts in (("13", [12, 1]), ("5", [5])):
        out = tmp_path / f"look-{limit}"
        assert augmented(tmp_path / "out", out, "--limit", limit).exit_code == 0
        sheets = [out / f"augmented-{number + 1}.png" for number in range(len(counts))]
        assert files(out) == {sheet.name for sheet in sheets}
        assert [len(tiles(sheet)) for sheet in sheets] == counts


@pytest.mark.parametrize(
    "options", [("--augment", "light"), ("--crop", "64"), ("--seed", "3"), ("--seed", "0")]
)
def test_options_without_effect_are_refused(results, tmp_path, options):
    result = run("preview", results, "--out", tmp_path / "look", *options)
    assert result.exit_code == 2
    assert f"{options[0]} has no effect here" in result.stderr
    assert "--augmented" in result.stderr
    assert not (tmp_path / "look").exists()


@pytest.mark.parametrize(
    "options", [("--augment", "hard"), ("--crop", "0"), ("--seed", "-1"), ("--opacity", "2")]
)
def test_wrong_options_are_refused(results, tmp_path, options):
    assert augmented(results, tmp_path / "look", *options).exit_code == 2
    assert not (tmp_path / "look").exists()


def test_earlier_sheets_are_replaced_only_if_asked_for(results, tmp_path):
    augmented(results, tmp_path / "look")
    before = tree(tmp_path / "look")
    result = augmented(results, tmp_path / "look", "--seed", "5")
    assert result.exit_code == 2
    assert "already exists" in result.stderr
    assert tree(tmp_path / "look") == before
    assert augmented(results, tmp_path / "look", "--seed", "5", "--overwrite").exit_code == 0
    assert tree(tmp_path / "look") != before


def test_no_image_is_ever_replaced(tmp_path):
    image(tmp_path / "in" / "augmented-1.png")
    labelme(tmp_path / "in" / "augmented-1.json", square("a", 1, 1, 4, 4))
    run("convert", tmp_path / "in", "--out", tmp_path / "out")
    before = tree(tmp_path)
    result = augmented(tmp_path / "out", tmp_path / "in", "--overwrite")
    assert result.exit_code == 2
    assert "is a mask or an image of the data set" in result.stderr
    assert tree(tmp_path) == before


def test_a_folder_that_is_no_data_set_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    result = augmented(tmp_path / "empty", tmp_path / "look")
    assert result.exit_code == 2
    assert "error: " in result.stderr
    assert not (tmp_path / "look").exists()


def test_a_damaged_image_is_named(results, tmp_path):
    whole = (tmp_path / "in" / "x.png").read_bytes()
    (tmp_path / "in" / "x.png").write_bytes(whole[: len(whole) // 2])
    result = augmented(results, tmp_path / "look")
    assert result.exit_code in (1, 2)
    assert "x.png" in result.stderr
    assert not (tmp_path / "look" / "augmented-1.png").exists()
