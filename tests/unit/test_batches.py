"""Batches: shapes, values, order, crops."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from batch_files import batches, patterned
from PIL import Image
from training_runs import write

from maskforge.augmentation.augment_options import PRESETS, ResolvedAugmentation
from maskforge.errors import DatasetError, MaskforgeError, OptionError
from maskforge.images.intensity import ScalingRecord
from maskforge.images.offset import Offset
from maskforge.shapes import Size


def everything(made, epoch=0):
    made.epoch = epoch
    return [made[step] for step in range(len(made))]


def same(one, other):
    return all(
        np.array_equal(x, u) and np.array_equal(y, v)
        for (x, y), (u, v) in zip(one, other, strict=True)
    )


def follows(x, y):
    """Whether a softmax mask is that of the noise of ``patterned``; ids 0, 1, 4 are 0, 1, 2."""
    values = np.rint(x * 255)
    return np.array_equal(
        y, np.select([values > 240, values > 200, values > 150], [255, 2, 1]).astype(np.uint8)
    )


def test_whole_images_come_in_their_order(tmp_path):
    examples = patterned(tmp_path, 3)
    made = batches(examples, batch_size=2, shuffle=False)
    assert (len(made), made.count, made.shape) == (2, 3, (2, 24, 40, 1))
    x, y = made[0]
    assert (x.dtype, x.shape) == (np.float32, (2, 24, 40, 1))
    assert (y.dtype, y.shape) == (np.uint8, (2, 24, 40, 1))
    for place, example in enumerate(examples[:2]):
        with Image.open(example.image) as image:
            assert np.allclose(x[place, ..., 0], np.asarray(image) / 255)
    assert follows(x, y)
    assert made.names(0) == ("x0", "x1")


def test_the_last_batch_is_filled_up_from_the_beginning(tmp_path):
    made = batches(patterned(tmp_path, 3), batch_size=2, shuffle=False)
    assert made.names(1) == ("x2", "x0")
    assert made[1][0].shape == made.shape
    assert np.array_equal(made[1][0][1], made[0][0][0])
    few = batches(patterned(tmp_path, 1), batch_size=4)
    assert few.names(0) == ("x0",) * 4


def test_an_epoch_has_no_more_batches(tmp_path):
    made = batches(patterned(tmp_path, 3), batch_size=2)
    with pytest.raises(IndexError, match="batch 2 of 2"):
        made[2]


def test_sigmoid_has_a_channel_per_foreground_class(tmp_path):
    examples = patterned(tmp_path, 2)
    _, indices = batches(examples, shuffle=False)[0]
    _, y = batches(examples, head="sigmoid", shuffle=False)[0]
    assert y.shape == (4, 24, 40, 2)
    expected = np.concatenate([indices == 1, indices == 2], axis=-1).astype(np.uint8)
    expected[(indices == 255)[..., 0]] = 255
    assert np.array_equal(y, expected)


def test_images_of_all_sizes_are_padded_to_the_largest(tmp_path):
    """To multiples of the stride; what is added to masks is void, to images mirrored."""
    flat = np.full((10, 30), 51, np.uint8)
    tall = np.full((21, 8), 102, np.uint8)
    examples = [write(tmp_path, "flat", flat, flat // 51), write(tmp_path, "tall", tall, tall * 0)]
    made = batches(examples, batch_size=2, stride=8, shuffle=False)
    assert made.shape == (2, 24, 32, 1)
    x, y = made[0]
    assert np.allclose(x[0], 0.2)
    assert np.allclose(x[1], 0.4)
    assert (y[0, :10, :30] == 1).all()
    assert (y[1, :21, :8] == 0).all()
    assert (y == 255).sum() == 2 * 24 * 32 - 10 * 30 - 21 * 8


def test_images_are_moved_and_their_masks_are_not(tmp_path):
    values = np.arange(16, dtype=np.uint8).reshape(4, 4)
    example = write(tmp_path, "x", values * 17, values % 2)
    (x, y), (_, still) = (
        batches([example], batch_size=1, offset=offset)[0] for offset in (Offset(-1, 2), None)
    )
    assert np.rint(x[0, ..., 0] * 15).tolist() == [
        [1, 2, 3, 3],
        [1, 2, 3, 3],
        [1, 2, 3, 3],
        [5, 6, 7, 7],
    ]
    np.testing.assert_array_equal(y, still)


def test_images_are_resized_first(tmp_path):
    image = np.kron([[10, 20], [30, 200]], np.ones((4, 4))).astype(np.uint8)
    mask = np.kron([[0, 1], [4, 255]], np.ones((4, 4))).astype(np.uint8)
    made = batches([write(tmp_path, "x", image, mask)], batch_size=1, resize=Size(2, 2))
    x, y = made[0]
    assert np.rint(x[0, ..., 0] * 255).tolist() == [[10, 20], [30, 200]]
    assert y[0, ..., 0].tolist() == [[0, 1], [2, 255]]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("zero-one", lambda v: v / 255),
        ("minus-one-one", lambda v: v / 127.5 - 1),
        ("z-score", lambda v: (v - v.mean()) / v.std()),
    ],
)
def test_values_are_scaled_by_what_the_whole_image_has(tmp_path, kind, expected):
    """Also in crops, where the mean would be another one."""
    image = np.arange(32 * 32).reshape(32, 32) // 8
    image = image.astype(np.uint8)
    example = write(tmp_path, "x", image, (image > 150).astype(np.uint8))
    for crop in (0, 16):
        made = batches(
            [example], batch_size=1, crop=crop, scaling=ScalingRecord(kind=kind), rare_share=1
        )
        x, _ = made[0]
        scaled = expected(image.astype(np.float64))
        side = x.shape[1]
        fits = [
            np.allclose(x[0, ..., 0], scaled[r : r + side, c : c + side], atol=1e-5)
            for r in range(33 - side)
            for c in range(33 - side)
        ]
        assert any(fits)


def test_sixteen_bits_and_color(tmp_path):
    deep = np.linspace(0, 4095, 64).reshape(8, 8).astype(np.uint16)
    made = batches(
        [write(tmp_path, "deep", deep, np.zeros((8, 8), np.uint8))],
        scaling=ScalingRecord(white=4095, channels=3),
    )
    x, _ = made[0]
    assert x.shape == (4, 8, 8, 3)
    assert np.allclose(x[0], deep[..., None] / 4095)


@pytest.mark.parametrize("head", ["softmax", "sigmoid"])
@pytest.mark.parametrize("preset", [None, "flips", "light", "medium", "strong"])
@pytest.mark.parametrize("crop", [0, 16, 32])
def test_everything_follows_from_seed_epoch_and_example(tmp_path, head, preset, crop):
    """Not from memory, threads, or the order in which batches are asked for."""
    examples = patterned(tmp_path, 7)
    options = {
        "head": head,
        "crop": crop,
        "crops_per_image": 3,
        "rare_share": 0.5,
        "augment": None if preset is None else PRESETS[preset],
        "seed": 5,
    }
    first = everything(batches(examples, hold="memory", **options), 2)
    streamed = batches(examples, hold="stream", **options)
    assert same(first, everything(streamed, 2))
    streamed.epoch = 2
    backwards = [streamed[step] for step in reversed(range(len(streamed)))]
    assert same(first, backwards[::-1])
    with ThreadPoolExecutor(4) as pool:
        assert same(first, list(pool.map(streamed.__getitem__, range(len(streamed)))))
    assert not same(first, everything(streamed, 3))
    other = batches(examples, hold="memory", **options | {"seed": 6})
    assert not same(first, everything(other, 2))


def test_an_epoch_has_every_image_as_often_as_it_has_crops(tmp_path):
    """24 x 40 px have the area of 3.75 crops of 16 px."""
    examples = patterned(tmp_path, 5)
    for given, each in ((2, 2), (0, 4)):
        made = batches(examples, crop=16, crops_per_image=given, batch_size=1)
        assert (made.count, len(made)) == (5 * each, 5 * each)
        orders = []
        for made.epoch in range(3):
            names = [made.names(step)[0] for step in range(len(made))]
            assert Counter(names) == Counter({one.name: each for one in examples})
            orders.append(tuple(names))
        assert len(set(orders)) == 3


def test_crops_of_one_image_differ(tmp_path):
    made = batches(patterned(tmp_path, 1), crop=8, crops_per_image=4, augment=None)
    x, y = made[0]
    assert follows(x, y)
    assert len({one.tobytes() for one in x}) == 4


def test_what_fills_up_a_batch_is_cropped_anew(tmp_path):
    made = batches(patterned(tmp_path, 1), crop=8, crops_per_image=1)
    assert len({one.tobytes() for one in made[0][0]}) == 4


def test_random_crops_reach_every_pixel_and_are_parts_of_the_image(tmp_path):
    image = np.arange(12 * 20, dtype=np.uint8).reshape(12, 20)
    example = write(tmp_path, "x", image, image * 0)
    made = batches([example], crop=8, crops_per_image=400, batch_size=400)
    x, _ = made[0]
    crops = np.rint(x[..., 0] * 255).astype(int)
    corners = crops[:, 0, 0]
    assert set(corners.tolist()) == {r * 20 + c for r in range(5) for c in range(13)}
    offsets = np.arange(8)[:, None] * 20 + np.arange(8)
    assert (crops == corners[:, None, None] + offsets).all()


def test_images_smaller_than_a_crop_are_padded(tmp_path):
    image = np.full((4, 30), 51, np.uint8)
    made = batches([write(tmp_path, "x", image, image // 51)], crop=16, batch_size=8)
    x, y = made[0]
    assert x.shape == (8, 16, 16, 1)
    assert np.allclose(x, 0.2)
    assert (y[:, :4] == 1).all()
    assert (y[:, 4:] == 255).all()


def two_classes(tmp_path):
    """In 100 x 100 px: class a 30 x 30 px, class b 3 x 3 px far away from it."""
    mask = np.zeros((100, 100), np.uint8)
    mask[5:35, 5:35] = 1
    mask[80:83, 70:73] = 4
    return write(tmp_path, "x", mask * 50, mask)


@pytest.mark.parametrize(("head", "a", "b"), [("softmax", 1, 2), ("sigmoid", 0, 1)])
def test_rare_classes_are_looked_for(tmp_path, head, a, b):
    """a has 900 px and b 9, so b is drawn with 1/9 : 1/900, that is 100 times of 101."""
    made = batches(
        [two_classes(tmp_path)],
        head=head,
        crop=16,
        crops_per_image=1000,
        batch_size=1000,
        rare_share=0.5,
    )
    _, y = made[0]
    if head == "softmax":
        with_a, with_b = ((y == one).any(axis=(1, 2, 3)) for one in (a, b))
    else:
        with_a, with_b = ((y[..., one] == 1).any(axis=(1, 2)) for one in (a, b))
    # Of random crops, 18 * 18 of 85 * 85 have b; 35 * 35 have a.
    assert with_b.mean() == pytest.approx(0.5 * 100 / 101 + 0.5 * (18 / 85) ** 2, abs=0.05)
    assert with_a.mean() == pytest.approx(0.5 / 101 + 0.5 * (35 / 85) ** 2, abs=0.05)


@pytest.mark.parametrize(("equal", "share"), [(True, 0.5), (False, 4 / 1604)])
@pytest.mark.parametrize("head", ["softmax", "sigmoid"])
def test_small_lesions_can_be_looked_for_as_often_as_large_ones(tmp_path, head, equal, share):
    """Two regions of one class, 1600 px and 4 px, so far apart that no crop has both."""
    mask = np.zeros((100, 100), np.uint8)
    mask[5:45, 5:45] = 4
    mask[85:87, 85:87] = 4
    options = {"crop": 16, "crops_per_image": 1000, "batch_size": 1000, "rare_share": 1}
    example = write(tmp_path, "x", mask, mask)
    _, y = batches([example], head=head, equal_regions=equal, **options)[0]
    pixels = (y == (2 if head == "softmax" else 1)).sum(axis=(1, 2, 3))
    assert pixels.min() > 0
    assert (pixels <= 4).mean() == pytest.approx(share, abs=0.06)


def test_a_rare_pixel_lies_near_the_middle(tmp_path):
    mask = np.zeros((100, 100), np.uint8)
    mask[50, 40] = 4
    options = {"crop": 16, "crops_per_image": 200, "batch_size": 200, "rare_share": 1}
    _, y = batches([write(tmp_path, "x", mask, mask)], **options)[0]
    _, rows, columns, _ = np.nonzero(y == 2)
    assert len(rows) == 200
    assert set(rows.tolist()) == set(columns.tolist()) == set(range(4, 13))


@pytest.mark.parametrize("other", [0, 255])
def test_neither_background_nor_void_is_looked_for(tmp_path, other):
    """One pixel of it among a single class: random crops show it in 16 * 16 of 85 * 85 cases."""
    mask = np.ones((100, 100), np.uint8)
    mask[50, 40] = other
    options = {"crop": 16, "crops_per_image": 400, "batch_size": 400, "rare_share": 1}
    _, y = batches([write(tmp_path, "x", mask, mask)], **options)[0]
    assert (y == other).any(axis=(1, 2, 3)).mean() < 0.1


def test_a_rare_pixel_in_a_corner_is_in_the_crop(tmp_path):
    mask = np.zeros((40, 40), np.uint8)
    mask[39, 0] = 4
    options = {"crop": 16, "crops_per_image": 50, "batch_size": 50, "rare_share": 1}
    _, y = batches([write(tmp_path, "x", mask, mask)], **options)[0]
    assert ((y == 2).sum(axis=(1, 2, 3)) == 1).all()


def test_images_without_foreground_give_crops_from_anywhere(tmp_path):
    mask = np.zeros((40, 40), np.uint8)
    mask[:5] = 255
    options = {"crop": 16, "crops_per_image": 50, "batch_size": 50, "rare_share": 1}
    x, y = batches([write(tmp_path, "x", mask, mask)], **options)[0]
    assert set(np.unique(y)) == {0, 255}
    assert len({one.tobytes() for one in x}) > 3


@pytest.mark.parametrize("crop", [0, 16])
def test_augmented_masks_still_follow_their_images(tmp_path, crop):
    """Flips and transposes change no value; with all else the mask has no new value."""
    examples = patterned(tmp_path, 4)
    flips = ResolvedAugmentation(flip_horizontal=0.5, flip_vertical=0.5, transpose=0.5)
    plain, flipped = (
        batches(examples, crop=crop, augment=augment, rare_share=0.5) for augment in (None, flips)
    )
    assert follows(*flipped[0])
    assert not np.array_equal(plain[0][0], flipped[0][0])
    strong = batches(examples, crop=crop, augment=PRESETS["strong"])
    x, y = strong[0]
    assert set(np.unique(y)) == {0, 1, 2, 255}
    assert x.min() >= 0
    assert x.max() <= 1


def test_turned_crops_show_what_lies_beside_them(tmp_path):
    """A crop in the middle of a large image has no mirrored edges: the ramp goes on."""
    ramp = np.add.outer(np.arange(100), np.arange(100)).astype(np.uint8)
    example = write(tmp_path, "x", ramp, np.zeros((100, 100), np.uint8))
    options = {"crop": 20, "crops_per_image": 200, "batch_size": 200}
    x, _ = batches([example], augment=ResolvedAugmentation(rotate=180), **options)[0]
    values = x[..., 0] * 255
    slopes = np.diff(values, 2, axis=1)  # straight everywhere, but for rounding to 8 bits
    straight = (abs(slopes) < 2.1).all(axis=(1, 2))
    assert straight.mean() > 0.5  # others do reach beyond the image


def test_light_is_changed_within_the_range_of_the_scaling(tmp_path):
    examples = patterned(tmp_path, 4)
    light = replace(PRESETS["none"], brightness=1.0)
    for kind, low, high in (("zero-one", 0, 1), ("minus-one-one", -1, 1)):
        x, _ = batches(examples, augment=light, scaling=ScalingRecord(kind=kind))[0]
        assert x.min() >= low - 1e-6
        assert x.max() <= high + 1e-6
        assert (x > (low + high) / 2).mean() != (x < (low + high) / 2).mean()


def test_unreadable_images_are_named_and_can_come_back(tmp_path):
    examples = patterned(tmp_path, 2)
    made = batches(examples, batch_size=1, shuffle=False)
    content = examples[1].image.read_bytes()
    examples[1].image.unlink()
    assert made[0][0].shape == made.shape
    for _ in range(2):
        with pytest.raises(MaskforgeError, match=r"x1\.png"):
            made[1]
    examples[1].image.write_bytes(content)
    assert follows(*made[1])


def test_values_beyond_the_white_are_named(tmp_path):
    deep = np.full((8, 8), 1000, np.uint16)
    made = batches([write(tmp_path, "x", deep, np.zeros((8, 8), np.uint8))])
    with pytest.raises(DatasetError, match=r"x\.png: the image has values up to 1000"):
        made[0]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"batch_size": 0}, "batch_size is 0, expected at least 1"),
        ({"crop": -1}, "crop is -1"),
        ({"crops_per_image": -1}, "crops_per_image is -1"),
        ({"stride": 0}, "stride is 0"),
        ({"seed": -1}, "seed is -1, expected at least 0"),
        ({"rare_share": 1.5}, "rare_share is 1.5, expected 0 to 1"),
        ({"crop": 100, "stride": 16}, "crops of 100 px do not fit .*\n.* such as 96"),
        ({"crop": 5, "stride": 16}, "such as 16"),
    ],
)
def test_what_cannot_be_made_is_refused(tmp_path, options, text):
    with pytest.raises(OptionError, match=text):
        batches(patterned(tmp_path, 1), **options)


def test_no_images_make_no_batches():
    with pytest.raises(OptionError, match="no images"):
        batches([])
