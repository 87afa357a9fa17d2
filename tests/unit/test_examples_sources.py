"""Where images with masks come from: folders, tables, data sets."""

import json

import numpy as np
import pytest
from builders import image, labelme, manifest, run, square
from example_files import folder, image_of, mask_of, save

from maskforge.errors import DatasetError, LabelError, MaskforgeError, OptionError
from maskforge.examples.sources import open_examples
from maskforge.examples.statistics import class_pixels


def names(examples):
    return [one.name for one in examples]


# Folders


@pytest.mark.parametrize(
    "mask_name",
    [
        "abc_01.png",
        "abc_01_mask.gif",
        "abc_01_masks.tif",
        "abc_01-label.png",
        "abc_01_seg.npy",
        "abc_01_GT.bmp",
        "abc_01.mask.png",
        "abc_01_groundTruth.png",
    ],
)
def test_masks_are_paired_by_name(tmp_path, mask_name):
    save(tmp_path / "i" / "sub" / "abc_01.jpg", image_of(1))
    save(tmp_path / "m" / "sub" / mask_name, mask_of(0, 255))
    (found,) = open_examples(images=tmp_path / "i", masks=tmp_path / "m")
    assert found.name == "sub/abc_01"
    assert found.mask.name == mask_name


def test_an_equal_name_comes_before_one_with_an_ending(tmp_path):
    for name in ("a.png", "a_mask.png"):
        save(tmp_path / "i" / name, image_of(1))
        save(tmp_path / "m" / name, mask_of(0, 255))
    found = open_examples(images=tmp_path / "i", masks=tmp_path / "m")
    assert [(one.name, one.mask.name) for one in found] == [
        ("a", "a.png"),
        ("a_mask", "a_mask.png"),
    ]
    (tmp_path / "m" / "a.png").unlink()
    found = open_examples(images=tmp_path / "i", masks=tmp_path / "m")
    assert names(found) == ["a_mask"]


def test_images_and_masks_may_share_a_folder(tmp_path):
    save(tmp_path / "a.jpg", image_of(1))
    save(tmp_path / "a_mask.png", mask_of(0, 255))
    (found,) = open_examples(images=tmp_path, masks=tmp_path)
    assert (found.image.name, found.mask.name) == ("a.jpg", "a_mask.png")


def test_masks_may_lie_below_the_images(tmp_path):
    save(tmp_path / "a.jpg", image_of(1))
    save(tmp_path / "masks" / "a.png", mask_of(0, 255))
    found = open_examples(images=tmp_path, masks=tmp_path / "masks")
    assert names(found) == ["a"]
    assert not any("left out" in note for note in found.notes)


def test_what_has_no_partner_is_counted_and_named(tmp_path):
    folder(tmp_path, {"a": mask_of(0, 255), "b": mask_of(0, 255)})
    save(tmp_path / "images" / "b.bmp", image_of(3))
    save(tmp_path / "images" / "lonely.png", image_of(4))
    save(tmp_path / "masks" / "stray.png", mask_of(0))
    found = open_examples(tmp_path)
    assert names(found) == ["a"]
    assert found.notes[:3] == (
        "images without mask, left out (1): lonely",
        "masks without image, left out (1): stray",
        "names with several images or masks, left out (1): b",
    )


def test_no_pair_at_all_is_an_error(tmp_path):
    save(tmp_path / "images" / "a.png", image_of(1))
    save(tmp_path / "masks" / "b.png", mask_of(0))
    with pytest.raises(DatasetError, match=r"1 images, 1 masks"):
        open_examples(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "no data set is given"),
        ({"images": "i"}, "only one is given"),
        ({"dataset": "d", "images": "i", "masks": "m"}, "a data set and folders are given"),
        ({"dataset": "nowhere"}, "does not exist"),
        ({"images": "nowhere", "masks": "nowhere"}, "is not a folder"),
    ],
)
def test_the_source_must_be_told(arguments, message):
    with pytest.raises(MaskforgeError, match=message):
        open_examples(**arguments)


def test_all_masks_of_another_size_are_named_together(tmp_path):
    folder(tmp_path, {name: mask_of(0, 255) for name in "abc"})
    for name in "ac":
        save(tmp_path / "masks" / f"{name}.png", np.zeros((5, 5), dtype=np.uint8))
    with pytest.raises(DatasetError, match=r"2 of 3 images") as caught:
        open_examples(tmp_path)
    text = str(caught.value)
    assert "a.png: the mask has 5 x 5 px" in text
    assert "c.png: the mask has 5 x 5 px" in text
    assert "b.png" not in text


@pytest.mark.parametrize("part", ["images", "masks"])
def test_a_damaged_file_is_named(tmp_path, part):
    folder(tmp_path, {"a": mask_of(0, 255)})
    (tmp_path / part / "a.png").write_bytes(b"no image")
    with pytest.raises(DatasetError, match=rf"{part}.a\.png: cannot be read as a"):
        open_examples(tmp_path)


def test_progress_counts_every_file(tmp_path):
    folder(tmp_path, {name: mask_of(0, 255) for name in "abc"})
    calls = []
    open_examples(tmp_path, progress=lambda *call: calls.append(call))
    assert calls == [("looking at masks", done, 3) for done in (1, 2, 3)]


# Tables


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_a_table_lists_images_masks_and_more(tmp_path, delimiter):
    save(tmp_path / "pics" / "a.png", image_of(1))
    save(tmp_path / "b mask.png", mask_of(0, 255))
    rows = [("image", "mask", "patient"), ("pics/a.png", "b mask.png", "Müller, 7" * 1)]
    if delimiter == ",":
        rows[1] = ("pics/a.png", "b mask.png", '"Müller, 7"')
    table = tmp_path / "t.csv"
    table.write_bytes("\r\n".join(map(delimiter.join, rows)).encode("utf-8-sig"))
    (found,) = open_examples(table, group_column="patient")
    assert (found.name, found.group) == ("pics/a", "Müller, 7")
    assert found.columns == {"patient": "Müller, 7"}
    assert found.read_image().shape == (3, 4, 1)


def test_incomplete_rows_are_counted_and_equal_names_keep_their_suffix(tmp_path):
    for name in ("a.png", "a.bmp"):
        save(tmp_path / name, image_of(1))
    save(tmp_path / "m.png", mask_of(0, 255))
    table = tmp_path / "t.csv"
    table.write_text("file,truth\na.png,m.png\na.bmp,m.png\nc.png,\n")
    found = open_examples(table, image_column="file", mask_column="truth")
    assert names(found) == ["a.png", "a.bmp"]
    assert "rows without image or mask, left out (1): c.png" in found.notes


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("img,mask\na,b\n", r"no column 'image'.*its columns are img, mask"),
        ("Image,mask\na,b\n", r"did you mean 'Image'"),
        ("image,mask\n", "lists no image"),
        ("image,mask\na.png,m.png\na.png,n.png\n", r"listed more than once \(1\): .*a\.png"),
        ("image,mask\ngone.png,gone.png\n", r"gone\.png: cannot be read"),
        ("", "has no column"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused(tmp_path, content, message):
    table = tmp_path / "t.csv"
    table.write_text(content)
    with pytest.raises(MaskforgeError, match=message):
        open_examples(table)


def test_a_table_in_another_encoding_is_refused(tmp_path):
    table = tmp_path / "t.csv"
    table.write_bytes("image,mask\nä,b".encode("latin-1"))
    with pytest.raises(DatasetError, match="UTF-8"):
        open_examples(table)


def test_one_image_in_two_spellings_is_listed_twice(tmp_path):
    (tmp_path / "t.csv").write_text("image,mask\na.png,m.png\n./sub/../a.png,n.png\n")
    with pytest.raises(DatasetError, match="more than once"):
        open_examples(tmp_path / "t.csv")


def test_names_never_lead_out_of_a_folder(tmp_path):
    """Overlays and predictions are written under the names of the examples."""
    for place in ("x/1/a.png", "x/2/a.png"):
        save(tmp_path / place, image_of(1))
    save(tmp_path / "m.png", mask_of(0, 255))
    (tmp_path / "tables").mkdir()
    table = tmp_path / "tables" / "t.csv"
    table.write_text(f"image,mask\n../x/1/a.png,../m.png\n{tmp_path}/x/2/a.png,../m.png\n")
    assert names(open_examples(table)) == ["1/a", "2/a"]


def test_a_manifest_stands_for_its_folder(converted):
    run("convert", converted / "in", "--out", converted / "out")
    assert len(open_examples(converted / "out" / "manifest.jsonl")) == 2


def test_a_data_frame_is_a_table(tmp_path):
    pandas = pytest.importorskip("pandas")
    save(tmp_path / "a.png", image_of(1))
    save(tmp_path / "m.png", mask_of(0, 255))
    frame = pandas.DataFrame(
        {
            "image": [str(tmp_path / "a.png"), "b.png"],
            "mask": [str(tmp_path / "m.png"), None],
            "age": [7, float("nan")],
        }
    )
    found = open_examples(frame)
    assert len(found) == 1
    assert found.examples[0].columns == {"age": "7.0"}
    assert "rows without" in found.notes[0]


# Data sets that convert wrote


@pytest.fixture
def converted(tmp_path):
    """Images of 8 x 6 px: x with caries on 9 px, y with a tooth on 4 px; z has no image."""
    image(tmp_path / "in" / "x.png")
    image(tmp_path / "in" / "sub" / "y.png")
    labelme(tmp_path / "in" / "x.json", square("caries", 1, 1, 4, 4))
    labelme(tmp_path / "in" / "sub" / "y.json", square("tooth", 0, 0, 2, 2))
    labelme(tmp_path / "in" / "z.json", square("tooth", 0, 0, 2, 2))
    return tmp_path


@pytest.mark.parametrize("encoding", ["integer", "onehot", "multihot"])
def test_a_converted_data_set_is_opened(converted, encoding):
    options = [] if encoding == "integer" else ["--file-type", "npy"]
    run("convert", converted / "in", "--out", converted / "out", "--encoding", encoding, *options)
    found = open_examples(converted / "out")
    assert sorted(names(found)) == ["sub/y", "x"]
    assert found.notes == ("masks without a known image, left out (1): z",)
    assert class_pixels(found) == {0: 2 * 48 - 13, 1: 9, 2: 4}
    (x,) = found.subset(["x"])
    target = x.read_target(found.classes, "softmax")
    assert target[1:4, 1:4].tolist() == [[1] * 3] * 3
    assert target.sum() == 9
    assert x.read_target(found.classes, "sigmoid").sum(axis=(0, 1)).tolist() == [9, 0]
    assert x.read_image().shape == (6, 8, 3)


def test_the_bundled_samples_have_the_pixels_that_convert_counted(samples, tmp_path):
    run("convert", samples / "vott", "--out", tmp_path / "out")
    found = open_examples(tmp_path / "out")
    lines = manifest(tmp_path / "out")
    assert len(found) == len([line for line in lines if line["mask"]]) > 0
    counted = {}
    for line in lines:
        for name, count in line["pixels"].items():
            counted[name] = counted.get(name, 0) + count
    pixels = {found.classes.names[id_]: count for id_, count in class_pixels(found).items()}
    assert {name: count for name, count in pixels.items() if name in counted} == counted
    assert found.examples[0].read_image().shape[-1] == 1


def test_keys_that_people_add_to_the_manifest_are_columns(converted):
    run("convert", converted / "in", "--out", converted / "out")
    lines = manifest(converted / "out")
    for line in lines:
        line |= {"patient": 7, "teeth": ["36", "37"], "nested": {"a": 1}}
    content = "".join(json.dumps(line) + "\n" for line in lines)
    (converted / "out" / "manifest.jsonl").write_text(content)
    found = open_examples(converted / "out", group_column="patient")
    assert {one.group for one in found} == {"7"}
    columns = found.examples[0].columns
    assert (columns["teeth"], columns["format"], columns["state"]) == (
        "36, 37",
        "labelme",
        "annotated",
    )
    assert columns["instances"] == ""
    assert "nested" not in columns


def test_masks_of_a_converted_set_bring_their_class_map(converted):
    run("convert", converted / "in", "--out", converted / "out")
    for masks in ("out", "out/masks"):
        found = open_examples(images=converted / "in", masks=converted / masks)
        assert found.classes.names[1] == "caries"
        assert sorted(names(found)) == ["sub/y", "x"]


def test_a_data_set_without_any_image_is_refused(tmp_path):
    labelme(tmp_path / "in" / "z.json", square("tooth", 0, 0, 2, 2))
    run("convert", tmp_path / "in", "--out", tmp_path / "out")
    with pytest.raises(DatasetError, match=r"masks without a known image.*1\): z"):
        open_examples(tmp_path / "out")


def test_an_image_that_is_gone_is_named(converted):
    run("convert", converted / "in", "--out", converted / "out")
    (converted / "in" / "x.png").unlink()
    with pytest.raises(DatasetError, match=r"x\.png: cannot be read: No such file"):
        open_examples(converted / "out")


def test_an_image_that_was_turned_since_is_named(converted):
    run("convert", converted / "in", "--out", converted / "out")
    image(converted / "in" / "x.png", orientation=6)  # shown with 6 x 8 px now
    with pytest.raises(DatasetError, match=r"the mask has 8 x 6 px, its image .*x\.png 6 x 8 px"):
        open_examples(converted / "out")


def test_a_folder_of_anything_is_refused(tmp_path):
    with pytest.raises(DatasetError, match=r"manifest\.jsonl"):
        open_examples(tmp_path)


# Groups


@pytest.mark.parametrize(
    ("pattern", "groups"),
    [("^p[0-9]", ["p1", "p1", "p2"]), ("^p([0-9])", ["1", "1", "2"]), ("_(.)$", ["a", "b", "a"])],
)
def test_groups_by_pattern(tmp_path, pattern, groups):
    folder(tmp_path, {name: mask_of(0, 255) for name in ("p1_a", "p1_b", "p2_a")})
    assert [one.group for one in open_examples(tmp_path, group_pattern=pattern)] == groups


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"group_pattern": "^q"}, "does not match 1 of 1 names: p1_a"),
        ({"group_pattern": "("}, "is not a regular expression"),
        ({"group_column": "patient"}, "no column 'patient'"),
        ({"group_column": "a", "group_pattern": "b"}, "give one of them"),
    ],
)
def test_groups_that_do_not_exist(tmp_path, options, message):
    folder(tmp_path, {"p1_a": mask_of(0, 255)})
    with pytest.raises((OptionError, DatasetError), match=message):
        open_examples(tmp_path, **options)


def test_a_misspelt_column_is_guessed(tmp_path):
    save(tmp_path / "a.png", image_of(1))
    save(tmp_path / "m.png", mask_of(0, 255))
    (tmp_path / "t.csv").write_text("image,mask,patient\na.png,m.png,7\n")
    with pytest.raises(OptionError, match="did you mean 'patient'"):
        open_examples(tmp_path / "t.csv", group_column="pateint")


def test_a_missing_class_map_is_named(tmp_path):
    folder(tmp_path, {"a": mask_of(0, 255)})
    with pytest.raises(LabelError, match=r"gone\.toml"):
        open_examples(tmp_path, classes=tmp_path / "gone.toml")
