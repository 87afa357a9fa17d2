"""What the values of masks mean: given, or recognized and said."""

import cv2
import numpy as np
import pytest
from example_files import class_map, folder, image_of, mask_of, save
from PIL import Image

from maskforge.errors import DatasetError, LabelError, OptionError
from maskforge.examples.sources import open_examples
from maskforge.examples.statistics import class_pixels


def classes_of(found):
    return {id_: name for id_, name in found.classes.names.items() if id_ not in (0, 255)}


@pytest.mark.parametrize("on", [1, 255])
def test_binary_masks_are_recognized_and_said(tmp_path, on):
    """One mask has nothing, the other 2 of 12 pixels."""
    found = open_examples(folder(tmp_path, {"a": mask_of(0), "b": mask_of(0, on, on)}))
    assert classes_of(found) == {1: "foreground"}
    assert found.notes == (f"masks are binary: 0 and {on}; {on} is taken as class 'foreground'",)
    assert class_pixels(found) == {0: 22, 1: 2}
    assert found.examples[1].read_target(found.classes, "softmax").ravel()[:4].tolist() == [
        0,
        1,
        1,
        0,
    ]


def test_masks_of_single_bits_are_binary(tmp_path):
    folder(tmp_path, {"a": mask_of(0, 1)})
    Image.fromarray(mask_of(0, 255)).convert("1").save(tmp_path / "masks" / "a.png")
    assert class_pixels(open_examples(tmp_path)) == {0: 11, 1: 1}


def test_masks_of_bool_are_binary(tmp_path):
    folder(tmp_path, {"a": mask_of(0, 1, dtype=bool)}, ".npy")
    assert class_pixels(open_examples(tmp_path)) == {0: 11, 1: 1}


def test_a_full_mask_beside_an_empty_one(tmp_path):
    found = open_examples(folder(tmp_path, {"a": mask_of(0), "b": mask_of(255)}))
    assert class_pixels(found) == {0: 12, 1: 12}


def test_masks_with_nothing_are_said(tmp_path):
    found = open_examples(folder(tmp_path, {"a": mask_of(0)}))
    assert found.notes == ("masks hold nothing but 0; class 'foreground' is in none of them",)


def test_other_values_are_a_class_each_and_255_is_void(tmp_path):
    found = open_examples(folder(tmp_path, {"a": mask_of(0, 3), "b": mask_of(0, 7, 255)}))
    assert classes_of(found) == {3: "class 3", 7: "class 7"}
    assert found.notes == (
        "masks hold the values 0, 3, 7, 255: a class each; 255 is taken as void",
    )
    assert class_pixels(found) == {0: 21, 3: 1, 7: 1, 255: 1}
    target = found.examples[1].read_target(found.classes, "softmax")
    assert target.ravel()[:4].tolist() == [0, 2, 255, 0]


def test_values_are_named_by_hand(tmp_path):
    """Membranes are 0 here, as in the ISBI challenge."""
    root = folder(tmp_path, {"a": mask_of(255, 0, 0, 7)})
    found = open_examples(
        root, mask_values={"0": "membrane", "255": "background", "7": "void", "9": "other"}
    )
    assert classes_of(found) == {1: "membrane", 2: "other"}
    assert found.examples[0].statistics.pixels == {0: 9, 1: 2, 255: 1}
    target = found.examples[0].read_target(found.classes, "softmax").ravel()
    assert target[:5].tolist() == [0, 1, 1, 255, 0]


def test_names_take_their_ids_from_the_class_map(tmp_path):
    root = folder(tmp_path, {"a": mask_of(0, 50, 100)})
    found = open_examples(
        root,
        classes=class_map("caries", "tooth"),
        mask_values={"0": "background", "100": "caries", "50": "tooth"},
    )
    assert found.examples[0].statistics.pixels == {0: 10, 1: 1, 2: 1}


def test_values_of_one_name_are_one_class(tmp_path):
    root = folder(tmp_path, {"a": mask_of(0, 50, 100)})
    found = open_examples(root, mask_values={"0": "background", "100": "caries", "50": "caries"})
    assert found.examples[0].statistics.pixels == {0: 10, 1: 2}


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"mask_values": {"0": "background"}}, DatasetError, "no class has: 9"),
        ({"mask_values": {"nine": "caries"}}, OptionError, "'nine' is not a value"),
        ({"mask_values": {"65536": "caries"}}, OptionError, "is not a value"),
        (
            {"mask_values": {"9": "carries"}, "classes": class_map("caries")},
            LabelError,
            "did you mean 'caries'",
        ),
        ({"classes": class_map("caries")}, DatasetError, "no class has: 9"),
        ({"only": ["class 8"]}, LabelError, "did you mean 'class 9'"),
        ({"only": ["background"]}, LabelError, "there is no class 'background'"),
    ],
)
def test_meanings_that_do_not_fit_are_refused(tmp_path, options, error, message):
    with pytest.raises(error, match=message):
        open_examples(folder(tmp_path, {"a": mask_of(0, 9, 9)}), **options)


def test_a_binary_mask_fits_a_class_map_with_one_class(tmp_path):
    found = open_examples(folder(tmp_path, {"a": mask_of(0, 255)}), classes=class_map("caries"))
    assert class_pixels(found) == {0: 11, 1: 1}
    assert found.notes == ("masks are binary: 0 and 255; 255 is taken as class 'caries'",)


def test_only_some_classes_count_and_keep_their_ids(tmp_path):
    root = folder(tmp_path, {"a": mask_of(0, 1, 2, 3, 255)})
    found = open_examples(root, classes=class_map("a", "b", "c"), only=["c", "b"])
    assert found.classes.ids == (0, 2, 3)
    assert found.examples[0].statistics.pixels == {0: 9, 2: 1, 3: 1, 255: 1}
    softmax = found.examples[0].read_target(found.classes, "softmax").ravel()
    assert softmax[:5].tolist() == [0, 0, 1, 2, 255]
    sigmoid = found.examples[0].read_target(found.classes, "sigmoid").reshape(-1, 2)
    assert sigmoid[:5].tolist() == [[0, 0], [0, 0], [1, 0], [0, 1], [255, 255]]


def test_gray_stored_as_color_is_gray(tmp_path):
    folder(tmp_path, {"a": mask_of(0, 255)})
    for mode in ("RGB", "RGBA", "LA"):
        Image.fromarray(mask_of(0, 255)).convert(mode).save(tmp_path / "masks" / "a.png")
        assert class_pixels(open_examples(tmp_path)) == {0: 11, 1: 1}


def test_gray_of_16_bits_stored_as_color_keeps_its_values(tmp_path):
    """Pillow would cut 300 to 1."""
    folder(tmp_path, {"a": mask_of(0)})
    mask = mask_of(0, 300, dtype=np.uint16)
    cv2.imwrite(str(tmp_path / "masks" / "a.png"), np.dstack([mask] * 3))
    found = open_examples(tmp_path, mask_values={"0": "background", "300": "caries"})
    assert class_pixels(found) == {0: 11, 1: 1}


def test_palettes_are_not_applied(tmp_path):
    folder(tmp_path, {"a": mask_of(0)})
    indexed = Image.fromarray(mask_of(0, 2), mode=None).convert("P")
    indexed.putdata(mask_of(0, 2).ravel().tolist())
    indexed.putpalette([9, 9, 9, 8, 8, 8, 255, 0, 0])
    indexed.save(tmp_path / "masks" / "a.png")
    assert class_pixels(open_examples(tmp_path)) == {0: 11, 2: 1}


@pytest.mark.parametrize(
    ("name", "mask", "message"),
    [
        ("a.png", np.dstack([mask_of(0, 1), mask_of(0), mask_of(0)]), "image in colors"),
        ("a.npy", np.full((3, 4), 0.5), "holds fractions"),
        ("a.npy", np.full((3, 4), np.nan), "holds fractions"),
        ("a.npy", np.full((3, 4), -1), "values from -1 to -1"),
        ("a.npy", np.full((3, 4), 70000), "values from 70000"),
        ("a.npy", np.zeros(4), r"shape \(4,\)"),
        ("a.npy", np.full((3, 4, 2), 3), "2 channels with other values"),
        ("a.npy", np.array([["x"]]), "holds <U1"),
        ("a.npy", np.array([[None]]), "cannot be read as a mask"),
    ],
)
def test_what_is_no_mask_is_refused_with_its_name(tmp_path, name, mask, message):
    save(tmp_path / "images" / "a.png", image_of(1))
    save(tmp_path / "masks" / name, mask)
    with pytest.raises(DatasetError, match=message) as caught:
        open_examples(tmp_path)
    assert name in str(caught.value)


def test_shades_are_no_classes(tmp_path):
    shades = np.arange(120, dtype=np.uint8).reshape(10, 12)
    with pytest.raises(DatasetError, match="up to 120 different values") as caught:
        open_examples(folder(tmp_path, {"a": shades}))
    assert "neither JPEG" in caught.value.hint


def test_jpeg_masks_with_values_in_between_are_refused(tmp_path):
    rng = np.random.default_rng(1)
    mask = (rng.random((64, 64)) > 0.5).astype(np.uint8) * 255
    folder(tmp_path, {"a": mask})
    (tmp_path / "masks" / "a.png").unlink()
    save(tmp_path / "masks" / "a.jpg", mask)
    with pytest.raises(DatasetError, match="JPEG"):
        open_examples(tmp_path)
    with pytest.raises(DatasetError, match="JPEG"):
        open_examples(tmp_path, mask_values={"0": "background", "255": "caries"})


# Masks with channels


def channels(*pixels, count):
    mask = np.zeros((3, 4, count), dtype=np.uint8)
    if pixels:
        mask.reshape(-1, count)[: len(pixels)] = pixels
    return mask


def test_one_hot_masks_are_recognized(tmp_path):
    mask = channels(*([1, 0, 0] for _ in range(10)), [0, 1, 0], [0, 0, 1], count=3)
    found = open_examples(folder(tmp_path, {"a": mask}, ".npy"))
    assert "one-hot with 3 channels" in found.notes[0]
    assert class_pixels(found) == {0: 10, 1: 1, 2: 1}
    assert found.examples[0].read_target(found.classes, "softmax").ravel().tolist() == [
        *[0] * 10,
        1,
        2,
    ]


def test_multi_hot_masks_are_recognized(tmp_path):
    """Pixels: both classes, the first, void, nothing."""
    mask = channels([1, 1], [1, 0], [255, 255], count=2)
    found = open_examples(folder(tmp_path, {"a": mask}, ".npy"))
    assert "multi-hot with 2 channels" in found.notes[0]
    assert class_pixels(found) == {0: 9, 1: 2, 2: 1, 255: 1}
    target = found.examples[0].read_target(found.classes, "sigmoid").reshape(-1, 2)
    assert target[:4].tolist() == [[1, 1], [1, 0], [255, 255], [0, 0]]


def test_overlaps_do_not_go_with_softmax(tmp_path):
    mask = channels([1, 1], [1, 0], count=2)
    found = open_examples(folder(tmp_path, {"a": mask}, ".npy"))
    with pytest.raises(OptionError, match=r"a\.npy: 1 pixels belong to several") as caught:
        found.examples[0].read_target(found.classes, "softmax")
    assert "sigmoid" in caught.value.hint


def test_what_is_left_of_overlaps_goes_with_softmax(tmp_path):
    mask = channels([1, 1], [1, 0], [0, 0], [255, 255], count=2)
    root = folder(tmp_path, {"a": mask}, ".npy")
    found = open_examples(root, only=["class 2"])
    assert found.examples[0].statistics.pixels == {0: 10, 2: 1, 255: 1}
    softmax = found.examples[0].read_target(found.classes, "softmax").ravel()
    assert softmax[:4].tolist() == [1, 0, 0, 255]
    sigmoid = found.examples[0].read_target(found.classes, "sigmoid").ravel()
    assert sigmoid[:4].tolist() == [1, 0, 0, 255]


@pytest.mark.parametrize("head", ["softmax", "sigmoid"])
def test_a_pixel_that_is_void_in_one_channel_is_void(tmp_path, head):
    root = folder(tmp_path, {"a": channels([255, 0], [0, 1], [1, 1], count=2)}, ".npy")
    found = open_examples(root, only=["class 2"])
    assert found.examples[0].statistics.pixels == {0: 9, 2: 2, 255: 1}
    target = found.examples[0].read_target(found.classes, head).ravel()
    assert target[:4].tolist() == [255, 1, 1, 0]


def test_a_pixel_without_class_in_a_one_hot_mask_is_void(tmp_path):
    mask = channels(*([1, 0] for _ in range(10)), [0, 1], [0, 0], count=2)
    found = open_examples(folder(tmp_path, {"a": mask}, ".npy"), classes=class_map("caries"))
    target = found.examples[0].read_target(found.classes, "softmax").ravel()
    assert target[9:].tolist() == [0, 1, 255]
    assert found.examples[0].statistics.pixels == {0: 10, 1: 1, 255: 1}


def test_the_ids_of_many_names_leave_out_void(tmp_path):
    values = {str(value): f"class {value}" for value in range(300)}
    found = open_examples(folder(tmp_path, {"a": mask_of(0, 254)}), mask_values=values)
    assert found.classes.ids == (*range(255), *range(256, 302))


def test_more_channels_than_a_byte_has_bits(tmp_path):
    mask = channels([1] + [0] * 8 + [1], [1] + [0] * 9, count=10)
    found = open_examples(folder(tmp_path, {"a": mask}, ".npy"))
    assert class_pixels(found) == {0: 10, 1: 2, 10: 1} | dict.fromkeys(range(2, 10), 0)


@pytest.mark.parametrize(
    ("count", "encoding"), [(3, "onehot"), (2, "multihot")], ids=["one-hot", "multi-hot"]
)
def test_the_number_of_channels_tells_the_encoding(tmp_path, count, encoding):
    """Channels of the one-hot mask are background, a, b; those of the multi-hot mask a, b."""
    mask = channels([0] * (count - 1) + [1], count=count)
    found = open_examples(folder(tmp_path, {"a": mask}, ".npy"), classes=class_map("a", "b"))
    assert found.examples[0].encoding == encoding
    empty = 0 if encoding == "multihot" else 255
    assert found.examples[0].statistics.pixels == {2: 1, empty: 11}


def test_channels_that_fit_no_class_map_are_refused(tmp_path):
    root = folder(tmp_path, {"a": channels(count=5)}, ".npy")
    with pytest.raises(DatasetError, match="5 channels, the class map has 3 classes"):
        open_examples(root, classes=class_map("a", "b"))


def test_masks_of_different_kinds_are_refused(tmp_path):
    root = folder(tmp_path, {"a": channels(count=2), "b": mask_of(0, 1)}, ".npy")
    with pytest.raises(DatasetError, match="different numbers of channels"):
        open_examples(root)
