"""Changes of place: directions, registration of image and mask, and exactness."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from maskforge.augmentation.augment_options import (
    PRESETS,
    AugmentOptions,
    ResolvedAugmentation,
    resolve,
)
from maskforge.augmentation.pair import augment
from maskforge.augmentation.warp import Geometry, draw_geometry, elastic_field
from maskforge.choices import SYMMETRIES
from maskforge.errors import OptionError
from maskforge.shapes import Size

SINGLE = {
    "flip_horizontal": ResolvedAugmentation(flip_horizontal=1),
    "flip_vertical": ResolvedAugmentation(flip_vertical=1),
    "transpose": ResolvedAugmentation(transpose=1),
    "rotate": ResolvedAugmentation(rotate=180),
    "zoom": ResolvedAugmentation(zoom=1),
    "shift": ResolvedAugmentation(shift=0.3),
    "shear": ResolvedAugmentation(shear=30),
    "elastic": ResolvedAugmentation(elastic=4, elastic_scale=16),
    "all": ResolvedAugmentation(
        flip_horizontal=0.5,
        flip_vertical=0.5,
        transpose=0.5,
        rotate=180,
        zoom=1,
        shift=0.3,
        shear=30,
        elastic=4,
        elastic_scale=16,
    ),
}

every_change = pytest.mark.parametrize("options", SINGLE.values(), ids=SINGLE.keys())


def blobs(height, width, seed=0, classes=4):
    """A mask of smooth patches with some void."""
    noise = np.random.default_rng(seed).random((height, width)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 3)
    edges = np.quantile(smooth, np.linspace(0, 1, classes + 1)[1:-1])
    mask = np.digitize(smooth, edges).astype(np.uint8)
    mask[2:9, 3:7] = 255
    return mask


def nearest(values):
    """Round half to even, as OpenCV does."""
    return np.rint(values).astype(np.int64)


def mirrored(indices, side):
    """... 1 0 | 0 1 ... side-1 | side-1 ...: the edge is repeated."""
    indices = indices % (2 * side)
    return np.where(indices < side, indices, 2 * side - 1 - indices)


@every_change
@pytest.mark.parametrize(("height", "width"), [(64, 64), (48, 80), (33, 47)])
def test_not_one_pixel_of_the_mask_is_elsewhere_than_in_the_image(options, height, width):
    """The image holds its own row and column, and the mask is looked up there.

    An image of coordinates is interpolated to the coordinates themselves, so that it says where
    every pixel of the result was taken from; next to mirrored edges it does not, and to the 1/32 px
    of old fixed-point interpolation it says nothing about which of two pixels is nearer.
    """
    mask = blobs(height, width)
    rows, columns = np.indices(mask.shape).astype(np.float32)
    compared = 0
    for seed in range(12):
        geometry = draw_geometry(options, Size(width, height), np.random.default_rng(seed))
        image, target = geometry.apply(np.stack([rows, columns], axis=-1), mask)
        row, column = nearest(image[..., 0]), nearest(image[..., 1])
        sure = (abs(image - np.rint(image)) < 0.46).all(axis=-1)
        sure &= (row > 0) & (row < height - 1) & (column > 0) & (column < width - 1)
        compared += sure.mean() / 12
        assert np.array_equal(target[sure], mask[row, column][sure])
    assert compared > 0.35


@every_change
@pytest.mark.parametrize(("height", "width"), [(64, 64), (48, 80)])
def test_image_and_mask_follow_one_map(options, height, width):
    """Looked up by hand in the map, value by value, without OpenCV."""
    mask = blobs(height, width)
    for seed in range(8):
        geometry = draw_geometry(options, Size(width, height), np.random.default_rng(seed))
        _, target = geometry.apply(mask[..., None], mask)
        still = replace(geometry, transpose=False, flip_horizontal=False, flip_vertical=False)
        x, y = still.resampling_map(Size(width, height))
        expected = mask[mirrored(nearest(y), height), mirrored(nearest(x), width)]
        if geometry.transpose:
            expected = expected.T
        if geometry.flip_horizontal:
            expected = expected[:, ::-1]
        if geometry.flip_vertical:
            expected = expected[::-1]
        assert np.array_equal(target, expected)


@every_change
def test_the_image_of_a_mask_is_the_mask_where_nothing_is_mixed(options):
    """Values 50 apart: where interpolation gives a multiple of 50, the mask has that value."""
    mask = blobs(60, 60)
    mask[mask == 255] = 0
    for seed in range(8):
        image, target = augment(mask[..., None] * 50, mask, options, np.random.default_rng(seed))
        whole = cv2.erode((image[..., 0] % 50 == 0).astype(np.uint8), np.ones((3, 3))) == 1
        assert whole.mean() > 0.05
        assert np.array_equal(image[whole][:, 0], target[whole] * 50)


HALF_AXES = (40.2, 31.7)


def ellipse(away):
    """1 inside an ellipse, at places x + i y from its center."""
    return ((away.real / HALF_AXES[0]) ** 2 + (away.imag / HALF_AXES[1]) ** 2 < 1).astype(np.uint8)


def spot(away):
    """A smooth spot, by its equation."""
    return np.exp(-(abs(away) ** 2) / (2 * 12**2)).astype(np.float32)


def centroid(weights, place):
    return (weights * place).sum() / weights.sum(dtype=np.float64)


@pytest.mark.parametrize("angle", [0.0, 7.0, 45.0, 90.0, -130.0])
@pytest.mark.parametrize("zoom", [0.7, 1.0, 1.6])
@pytest.mark.parametrize("shift", [(0, 0), (5, -9)])
def test_a_turned_ellipse_is_where_mathematics_puts_it(angle, zoom, shift):
    """Worked out here with complex numbers: half a pixel off would move the centroids by 0.5.

    A mask is drawn in whole pixels before and after, each of which moves its centroid a little, by
    chance; so several of them are drawn.
    """
    height, width = 200, 240
    place = np.add.outer(1j * (np.arange(height) + 0.5), np.arange(width) + 0.5)
    geometry = Geometry(angle=angle, zoom=zoom, shift=shift)
    # y points down, so that a counter-clockwise turn multiplies by exp(-i angle).
    middle, turn = complex(width / 2, height / 2), zoom * np.exp(-1j * np.radians(angle))
    before = (place - middle - complex(*shift)) / turn + middle
    errors = []
    for x, y in np.random.default_rng(1).uniform((125, 90), (132, 97), (10, 2)):
        center = complex(x, y)
        image, target = geometry.apply(spot(place - center)[..., None], ellipse(place - center))
        after = (center - middle) * turn + middle + complex(*shift)
        near = abs(place - after) < 70  # beyond, mirrored edges come into sight
        assert abs(image[..., 0] - spot(before - center))[near].max() < 0.01
        assert abs(centroid(image[..., 0] * near, place) - after) < 0.05
        expected, found = ellipse(before - center) * near, target * near
        assert (found & expected).sum() / (found | expected).sum() > 0.97
        errors.append(centroid(found, place) - centroid(expected, place))
    assert abs(np.mean(errors)) < 0.2


SQUARE = np.arange(25, dtype=np.uint8).reshape(5, 5)


@pytest.mark.parametrize(
    ("geometry", "expected"),
    [
        (Geometry(), SQUARE),
        (Geometry(flip_horizontal=True), SQUARE[:, ::-1]),
        (Geometry(flip_vertical=True), SQUARE[::-1]),
        (Geometry(transpose=True), SQUARE.T),
        (Geometry(transpose=True, flip_vertical=True), np.rot90(SQUARE)),
        (Geometry(angle=90), np.rot90(SQUARE)),
        (Geometry(angle=180), np.rot90(SQUARE, 2)),
        (Geometry(angle=-90), np.rot90(SQUARE, -1)),
        (Geometry(shift=(1, 0)), SQUARE[:, [0, 0, 1, 2, 3]]),
        (Geometry(shift=(0, -2)), SQUARE[[2, 3, 4, 4, 3]]),
        (Geometry(zoom=1 / 2), SQUARE[[1, 1, 2, 3, 3]][:, [1, 1, 2, 3, 3]]),
    ],
)
def test_known_directions(geometry, expected):
    """Zooming out by 2 shows every second pixel, counted from the middle: -2, 0, 2, 4, 6."""
    if geometry.zoom == 1 / 2:
        picked = [mirrored(np.array(k), 5) for k in (-2, 0, 2, 4, 6)]
        expected = SQUARE[picked][:, picked]
    image, target = geometry.apply(SQUARE[..., None], SQUARE)
    assert np.array_equal(image[..., 0], expected)
    assert np.array_equal(target, expected)


def test_shear_leans_upright_lines_to_the_left():
    """At 45 degrees every row goes as far as it lies from the middle one: upper rows go left."""
    mask = np.zeros((5, 5), np.uint8)
    mask[:, 2] = 1
    _, target = Geometry(shear=45).apply(mask[..., None], mask)
    assert np.array_equal(target, np.eye(5))


def test_a_displacement_says_where_a_pixel_looks():
    displacement = np.zeros((5, 5, 2), np.float32)
    displacement[1, 3] = (-2, 1)  # looks 2 to the left and 1 down
    image, target = Geometry(displacement=displacement).apply(SQUARE[..., None], SQUARE)
    expected = SQUARE.copy()
    expected[1, 3] = SQUARE[2, 1]
    assert np.array_equal(target, expected)
    assert np.array_equal(image[..., 0], expected)


@every_change
def test_a_window_is_what_the_whole_image_would_show_there(options):
    """Borders of the window are not borders of the image: what lies beyond comes in."""
    mask = blobs(300, 300)
    size, corner = Size(64, 64), (118, 118)
    geometry = draw_geometry(replace(options, elastic=0), size, np.random.default_rng(3))
    whole_image, whole = geometry.apply(mask[..., None], mask)
    image, target = geometry.apply(mask[..., None], mask, size, corner)
    part = slice(118, 182)
    if geometry.moves_whole_pixels:
        assert np.array_equal(target, whole[part, part])
    else:
        assert (target != whole[part, part]).mean() < 0.003  # places on the edge of two pixels
        assert (image != whole_image[part, part]).mean() < 0.1


@pytest.mark.parametrize("shift", [(3, -6), (-37, 0), (38, 0)])
@pytest.mark.parametrize("corner", [0, 60, 160])
def test_images_beyond_the_limit_of_opencv_are_changed_alike(shift, corner):
    """40,000 px wide: the window is taken from a part of it, mirrored edges included."""
    ends = blobs(40, 200)
    long = np.zeros((40, 40000), np.uint8)
    long[:, :200] = long[:, -200:] = ends
    geometry = Geometry(angle=20, zoom=0.8, shift=shift)
    expected = geometry.apply(ends[..., None], ends, Size(40, 40), (corner, 0))
    start = 39800 if corner else 0
    found = geometry.apply(long[..., None], long, Size(40, 40), (start + corner, 0))
    for one, other in zip(expected, found, strict=True):
        assert (one != other).mean() < 0.01  # float32 places have steps of 1/256 px there


@pytest.mark.parametrize("channels", [1, 3, 4, 5, 9])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_every_number_of_channels_is_changed_like_one(channels, dtype):
    mask = blobs(40, 40)
    mask[10:25, 12:30] = 255
    options = SINGLE["all"]
    layers = np.stack([(mask.astype(dtype) / dtype(1) + k).astype(dtype) for k in range(channels)])
    layers = np.moveaxis(layers, 0, -1)
    targets = np.stack([np.where(mask == 255, 255, mask == k) for k in range(channels)], axis=-1)
    targets = targets.astype(np.uint8)
    image, target = augment(layers, targets, options, np.random.default_rng(5))
    assert (image.dtype, image.shape) == (dtype, layers.shape)
    assert (target.dtype, target.shape) == (np.uint8, targets.shape)
    for k in range(channels):
        one, other = augment(layers[..., [k]], targets[..., k], options, np.random.default_rng(5))
        assert np.array_equal(one[..., 0], image[..., k])
        assert np.array_equal(other, target[..., k])
    void = target == 255
    assert void.any()
    assert np.array_equal(void.any(axis=-1), void.all(axis=-1))


def test_images_that_are_not_square_are_not_transposed():
    image = np.arange(12, dtype=np.uint8).reshape(3, 4, 1)
    changed, _ = augment(image, image[..., 0], SINGLE["transpose"], np.random.default_rng(0))
    assert np.array_equal(changed, image)


def test_what_is_given_is_left_as_it_is():
    image, mask = blobs(20, 20)[..., None], blobs(20, 20)
    for options in (PRESETS["none"], PRESETS["strong"]):
        changed, target = augment(image, mask, options, np.random.default_rng(1))
        changed[:] = 7
        target[:] = 7
        assert np.array_equal(image[..., 0], blobs(20, 20))
        assert np.array_equal(mask, blobs(20, 20))


def test_draws_fill_their_ranges_and_nothing_else():
    options = ResolvedAugmentation(
        flip_horizontal=0.25, transpose=0.5, rotate=30, zoom=0.5, shift=0.1, shear=8
    )
    rng = np.random.default_rng(0)
    drawn = [draw_geometry(options, Size(200, 200), rng) for _ in range(2000)]
    assert np.mean([one.flip_horizontal for one in drawn]) == pytest.approx(0.25, abs=0.04)
    assert np.mean([one.transpose for one in drawn]) == pytest.approx(0.5, abs=0.05)
    assert not any(one.flip_vertical for one in drawn)
    ranges = {
        "angle": (-30, 30),
        "zoom": (1 / 1.5, 1.5),
        "shear": (-8, 8),
    }
    for name, (low, high) in ranges.items():
        values = [getattr(one, name) for one in drawn]
        assert low <= min(values) < low + 0.02 * (high - low)
        assert high - 0.02 * (high - low) < max(values) <= high
    assert np.mean([np.log(one.zoom) for one in drawn]) == pytest.approx(0, abs=0.02)
    shifts = np.array([one.shift for one in drawn])
    assert np.unique(shifts).tolist() == list(range(-20, 21))  # whole pixels


@pytest.mark.parametrize("scale", [8, 16, 30.4])
def test_an_elastic_field_has_the_deviation_that_is_asked_for(scale):
    field = elastic_field(Size(600, 500), 2.5, scale, np.random.default_rng(0))
    assert (field.shape, field.dtype) == ((500, 600, 2), np.float32)
    assert field.std() == pytest.approx(2.5, rel=0.06)
    assert abs(field.mean()) < 0.2
    neighbors = np.abs(np.diff(field, axis=0)).max()
    assert neighbors < 2.5 * 12 / scale  # smooth: a jump would be as large as the field
    assert abs(np.corrcoef(field[..., 0].ravel(), field[..., 1].ravel())[0, 1]) < 0.1


def test_options_override_their_preset():
    resolved = resolve(AugmentOptions(preset="light", rotate=0, elastic=2.0))
    assert resolved == replace(PRESETS["light"], rotate=0.0, elastic=2.0)


@pytest.mark.parametrize("preset", ["none", "flips", "light", "medium", "strong"])
def test_every_preset_can_be_used(preset):
    assert resolve(AugmentOptions(preset=preset)) == PRESETS[preset]


def test_radiographs_are_neither_turned_over_nor_far_by_default():
    light = resolve(AugmentOptions())
    assert (light.flip_horizontal, light.flip_vertical, light.transpose) == (0.5, 0, 0)
    assert (light.rotate, light.zoom, light.shift) == (10, 0.15, 0.05)
    assert (light.brightness, light.contrast, light.gamma) == (0.1, 0.15, 0.15)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("flip_horizontal", 1.5),
        ("transpose", -0.1),
        ("rotate", 181),
        ("zoom", -1),
        ("shift", 0.6),
        ("shear", 90),
        ("elastic", float("nan")),
        ("elastic_scale", 0),
        ("gamma", float("inf")),
        ("noise", -1),
    ],
)
def test_a_value_out_of_range_is_named(name, value):
    with pytest.raises(OptionError, match=rf"augment\.{name} cannot be .*, expected"):
        resolve(AugmentOptions(**{name: value}))


def test_displacements_that_would_fold_images_are_refused():
    with pytest.raises(OptionError, match="fold over"):
        resolve(AugmentOptions(elastic=9, elastic_scale=32))


def test_an_unknown_preset_is_named():
    with pytest.raises(OptionError, match="preset cannot be 'hard'"):
        resolve(AugmentOptions(preset="hard"))


def test_images_and_masks_must_fit():
    rng = np.random.default_rng(0)
    with pytest.raises(OptionError, match="4 x 3 px with a mask of 4 x 4 px"):
        augment(np.zeros((3, 4, 1), np.uint8), np.zeros((4, 4), np.uint8), PRESETS["none"], rng)
    with pytest.raises(OptionError, match="image cannot be float64"):
        augment(np.zeros((4, 4, 1)), np.zeros((4, 4), np.uint8), PRESETS["none"], rng)


@pytest.mark.parametrize(
    ("options", "symmetries"),
    [
        (AugmentOptions(preset="none"), ()),
        (AugmentOptions(), ("flip_horizontal",)),
        (AugmentOptions(preset="flips"), ("flip_horizontal", "flip_vertical")),
        (AugmentOptions(preset="none", rotate=180.0), ()),
        (AugmentOptions(preset="light", rotate=90.0), SYMMETRIES),
        (AugmentOptions(preset="strong"), SYMMETRIES),
    ],
)
def test_flips_and_turns_that_a_network_learns_not_to_mind(options, symmetries):
    assert resolve(options).symmetries == symmetries
