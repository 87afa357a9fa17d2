"""What holds for every augmentation, whatever the options."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from random_examples import examples

from maskforge.augmentation.augment_options import ResolvedAugmentation
from maskforge.augmentation.pair import augment


def share(most):
    return st.sampled_from([0.0, most / 3, most])


options = st.builds(
    ResolvedAugmentation,
    flip_horizontal=share(1.0),
    flip_vertical=share(1.0),
    transpose=share(1.0),
    rotate=share(180.0),
    zoom=share(2.0),
    shift=share(0.5),
    shear=share(45.0),
    elastic=share(5.0),
    elastic_scale=st.sampled_from([20.0, 64.0]),
    brightness=share(1.0),
    contrast=share(1.0),
    saturation=share(1.0),
    gamma=share(3.0),
    noise=share(0.5),
    blur=share(3.0),
)

sides = st.integers(1, 40)
seeds = st.integers(0, 2**32)


def pair(seed, height, width, channels, masks):
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (height, width, channels), dtype=np.uint8)
    values = np.array([0, 1, 3, 255], np.uint8)
    shape = (height, width, masks) if masks else (height, width)
    return image, values[rng.integers(0, 4, shape)]


@settings(max_examples=examples(50))
@given(options, seeds, sides, sides, st.sampled_from([1, 3, 6]), st.sampled_from([0, 1, 6]))
def test_shapes_and_dtypes_stay_and_masks_get_no_new_value(
    options, seed, height, width, channels, masks
):
    image, mask = pair(seed, height, width, channels, masks)
    changed, target = augment(image, mask, options, np.random.default_rng(seed))
    assert (changed.shape, changed.dtype) == (image.shape, image.dtype)
    assert (target.shape, target.dtype) == (mask.shape, mask.dtype)
    for layer in range(max(masks, 1)):
        one, other = (m[..., layer] if masks else m for m in (target, mask))
        assert set(np.unique(one)) <= set(np.unique(other))


@settings(max_examples=examples(25))
@given(options, seeds, sides, sides)
def test_the_same_state_gives_the_same_result(options, seed, height, width):
    image, mask = pair(seed, height, width, 3, 0)
    one, other = (augment(image, mask, options, np.random.default_rng(seed)) for _ in range(2))
    for left, right in zip(one, other, strict=True):
        assert np.array_equal(left, right)


@settings(max_examples=examples(25))
@given(options, seeds, sides, sides)
def test_the_mask_moves_alike_whatever_the_image_is(options, seed, height, width):
    """The dtype of the image, its values and the changes of its light do not matter."""
    image, mask = pair(seed, height, width, 1, 0)
    _, target = augment(image, mask, options, np.random.default_rng(seed))
    for other in (
        image.astype(np.uint16) * 257,
        image.astype(np.float32) / 255,
        image[..., [0] * 5],
    ):
        _, again = augment(other, mask, options, np.random.default_rng(seed))
        assert np.array_equal(target, again)


@settings(max_examples=examples(25))
@given(seeds, sides, sides, st.booleans(), st.booleans())
def test_flips_move_whole_pixels(seed, height, width, horizontal, vertical):
    image, mask = pair(seed, height, width, 3, 0)
    options = ResolvedAugmentation(flip_horizontal=float(horizontal), flip_vertical=float(vertical))
    changed, target = augment(image, mask, options, np.random.default_rng(seed))
    step = (-1 if vertical else 1), (-1 if horizontal else 1)
    assert np.array_equal(changed, image[:: step[0], :: step[1]])
    assert np.array_equal(target, mask[:: step[0], :: step[1]])
