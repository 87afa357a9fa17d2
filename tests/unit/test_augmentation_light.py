"""Changes of brightness and sharpness: what each does, worked out from what it is for."""

import numpy as np
import pytest

from maskforge.augmentation.augment_options import ResolvedAugmentation
from maskforge.augmentation.pair import augment
from maskforge.augmentation.photometry import change_light

LUMA = np.array([0.299, 0.587, 0.114])


def image(channels=1, side=64, low=0.3, high=0.7):
    values = np.random.default_rng(0).uniform(low, high, (side, side, channels))
    return values.astype(np.float32)


def changed(image_file, seed, **options):
    rng = np.random.default_rng(seed)
    return change_light(image_file, ResolvedAugmentation(**options), rng)


def spread(measure, **options):
    """Smallest and largest of a measure over many draws."""
    values = [measure(image(), changed(image(), seed, **options)) for seed in range(300)]
    return min(values), max(values)


def test_brightness_adds_the_same_everywhere():
    low, high = spread(lambda a, b: float((b - a).mean()), brightness=0.2)
    assert (low, high) == pytest.approx((-0.2, 0.2), abs=0.01)
    difference = changed(image(), 1, brightness=0.2) - image()
    assert difference.std() < 1e-6


def test_contrast_stretches_about_the_mean():
    low, high = spread(lambda a, b: float(b.std() / a.std()), contrast=0.3)
    assert (low, high) == pytest.approx((0.7, 1.3), abs=0.01)
    result = changed(image(), 1, contrast=0.3)
    assert result.mean() == pytest.approx(image().mean(), abs=1e-5)
    factor = result.std() / image().std()
    assert np.allclose(result - result.mean(), factor * (image() - image().mean()), atol=1e-5)


def test_full_contrast_can_make_an_image_flat_but_not_wrong():
    results = [changed(image(), seed, contrast=1.0) for seed in range(50)]
    assert all(np.isfinite(result).all() for result in results)
    assert min(result.std() for result in results) < 0.01


def test_saturation_moves_colors_from_or_to_the_gray_of_the_same_lightness():
    image_file = image(3)
    gray = (image_file @ LUMA)[..., None]
    factors = []
    for seed in range(200):
        result = changed(image_file, seed, saturation=0.4)
        assert np.allclose(result @ LUMA, image_file @ LUMA, atol=1e-5)
        factor = (result - gray).std() / (image_file - gray).std()
        assert np.allclose(result, gray + factor * (image_file - gray), atol=1e-5)
        factors.append(factor)
    assert (min(factors), max(factors)) == pytest.approx((0.6, 1.4), abs=0.02)


@pytest.mark.parametrize("channels", [1, 2, 4])
def test_saturation_leaves_what_has_no_color(channels):
    image_file = image(channels)
    assert np.allclose(changed(image_file, 1, saturation=1.0), image_file, atol=1e-6)


def test_gamma_raises_to_a_power():
    low, high = spread(lambda a, b: float((np.log(b) / np.log(a)).mean()), gamma=0.5)
    assert (low, high) == pytest.approx((1 / 1.5, 1.5), abs=0.01)
    powers = np.log(changed(image(), 1, gamma=0.5)) / np.log(image())
    assert powers.std() < 1e-3


def test_noise_is_independent_and_bounded_by_its_largest_deviation():
    low, high = spread(lambda a, b: float((b - a).std()), noise=0.05)
    assert low < 0.002
    assert high == pytest.approx(0.05, rel=0.05)
    noise = changed(image(3), 7, noise=0.05) - image(3)
    assert abs(noise.mean()) < 0.002
    for one, other in (
        (noise[1:], noise[:-1]),
        (noise[:, 1:], noise[:, :-1]),
        (noise[..., 1:], noise[..., :-1]),
    ):
        assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 0.05


def test_blur_spreads_a_point_by_its_deviation():
    point = np.zeros((41, 41, 1), np.float32)
    point[20, 20] = 1
    widths = []
    for seed in range(100):
        result = changed(point, seed, blur=2.0)[..., 0]
        assert result.sum() == pytest.approx(1, abs=1e-3)
        columns = np.arange(41) - 20.0
        assert (result.sum(axis=0) * columns).sum() == pytest.approx(0, abs=1e-3)
        widths.append(np.sqrt((result.sum(axis=0) * columns**2).sum()))
    assert min(widths) == 0
    assert max(widths) == pytest.approx(2, abs=0.1)


def test_values_stay_in_their_range():
    strong = {"brightness": 1, "contrast": 1, "gamma": 3, "noise": 1, "blur": 3, "saturation": 1}
    for seed in range(20):
        for low, high in ((0.0, 1.0), (-1.0, 1.0), (-3.5, 8.0)):
            rng = np.random.default_rng(seed)
            image_file = image(3) * (high - low) + low
            result = change_light(
                image_file, ResolvedAugmentation(**strong), rng, low=low, high=high
            )
            assert result.min() >= low - 1e-5
            assert result.max() <= high + 1e-5


def test_changes_are_the_same_share_of_every_range():
    options = ResolvedAugmentation(brightness=0.3, contrast=0.3, gamma=0.3, noise=0.1, blur=1)
    plain = change_light(image(), options, np.random.default_rng(4))
    wide = change_light(image() * 12 - 4, options, np.random.default_rng(4), low=-4.0, high=8.0)
    assert np.allclose(wide, plain * 12 - 4, atol=1e-4)


def test_a_flat_range_is_no_division_by_zero():
    image_file = np.full((4, 4, 1), 3.0, np.float32)
    options = ResolvedAugmentation(brightness=0.3, gamma=0.3)
    result = change_light(image_file, options, np.random.default_rng(0), low=3.0, high=3.0)
    assert np.isfinite(result).all()


def test_the_mask_and_the_given_image_stay_as_they_are():
    image_file, mask = image(3), np.random.default_rng(0).integers(0, 3, (64, 64), dtype=np.uint8)
    options = ResolvedAugmentation(brightness=0.3, contrast=0.3, gamma=0.3, noise=0.1, blur=1)
    before = image_file.copy()
    result, target = augment(image_file, mask, options, np.random.default_rng(4))
    assert np.array_equal(target, mask)
    assert np.array_equal(image_file, before)
    assert not np.array_equal(result, image_file)


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.uint8, 1.01 / 255), (np.uint16, 1e-4)])
def test_whole_numbers_are_changed_like_fractions(dtype, tolerance):
    high = np.iinfo(dtype).max
    options = ResolvedAugmentation(brightness=0.3, contrast=0.3, gamma=0.3, noise=0.1, blur=1)
    mask = np.zeros((64, 64), np.uint8)
    whole = np.rint(image() * high).astype(dtype)
    fractions = whole.astype(np.float32) / high
    one, _ = augment(whole, mask, options, np.random.default_rng(4))
    other, _ = augment(fractions, mask, options, np.random.default_rng(4))
    assert one.dtype == dtype
    assert abs(one.astype(np.float64) / high - other).max() < tolerance
