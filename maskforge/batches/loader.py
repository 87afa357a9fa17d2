"""Decoding one image with its mask, ready to cut crops from."""

from __future__ import annotations

import bisect
import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from maskforge.batches.batch_options import BatchOptions
from maskforge.errors import DatasetError
from maskforge.examples.example import Example
from maskforge.images.intensity import ScalingRecord, scale
from maskforge.images.offset import move_image
from maskforge.issues import Origin
from maskforge.masks.resize import pad_to, resize_image, resize_mask
from maskforge.masks.targets import channel_ids
from maskforge.shapes import Size

# Places of each class of an image that crops can be centered on.
_MOST_PLACES = 2000

_FLOAT_BYTES = 4


@dataclass(frozen=True, slots=True, eq=False)
class LoadedPair:
    """A decoded image with its mask.

    Attributes:
        image: (H, W, C): scaled float32 if scaling looks at the whole image, else as in the file.
        target: (H, W, K) uint8.
        low: Smallest value that the image has, or can have, after scaling.
        high: Likewise the largest.
        places: Row and column of pixels of every foreground class that is there, (N, 2) each.
        chances: For each of these classes the probability that it or one before it is drawn: the
            rarer, the more likely (inversely proportional to its pixels).
        table: What the values 0 to 255 of the image stand for, (256,) float32, if the image is of
            8 bits and values are scaled one by one; else None.
    """

    image: NDArray[Any]
    target: NDArray[np.uint8]
    low: float
    high: float
    places: tuple[NDArray[np.int32], ...] = ()
    chances: tuple[float, ...] = ()
    table: NDArray[np.float32] | None = None


def scales_whole_images(options: BatchOptions) -> bool:
    """Tell whether the scaling of a pixel depends on the other pixels of its image."""
    return options.scaling.kind in ("z-score", "percentile")


def loaded_size(example: Example, options: BatchOptions) -> Size:
    """Return the size of an image as crops are cut from it."""
    size = options.resize or example.size
    return Size(max(size.width, options.crop), max(size.height, options.crop))


def loaded_bytes(example: Example, options: BatchOptions) -> int:
    """Return the memory of a decoded image with its mask, without reading it.

    A color image that is trained as a gray one is held in color and takes three times as much.
    """
    size = loaded_size(example, options)
    depth = 1 if options.scaling.white <= 255 else 2
    if scales_whole_images(options):
        depth = _FLOAT_BYTES
    masks = 1 if options.head == "softmax" else len(channel_ids(options.classes, options.head))
    return size.width * size.height * (options.scaling.channels * depth + masks)


def load(example: Example, options: BatchOptions, seed: int) -> LoadedPair:
    """Decode an image and its mask, and move, resize and pad them.

    Args:
        example: The image with its mask.
        options: How.
        seed: Of the choice of places where a class has very many pixels.

    Raises:
        DatasetError: If a file cannot be read, or is not what was expected.
    """
    image: NDArray[Any] = example.read_image(options.scaling.window)
    target = example.read_target(options.classes, options.head)
    target = target if target.ndim == 3 else target[..., None]
    low, high = (-1.0, 1.0) if options.scaling.kind == "minus-one-one" else (0.0, 1.0)
    if options.offset is not None:
        image = move_image(image, options.offset)
    if options.resize is not None:
        image, target = resize_image(image, options.resize), resize_mask(target, options.resize)
    if scales_whole_images(options):
        image = scaled(image, example, options)
        low, high = float(image.min()), float(image.max())
    if options.crop:
        size = Size(max(image.shape[1], options.crop), max(image.shape[0], options.crop))
        image, target = pad_to(image, size, "reflect"), pad_to(target, size, "void")
    image, target = np.ascontiguousarray(image), np.ascontiguousarray(target)
    table = _table(options.scaling) if _is_looked_up(image, options) else None
    if not (options.crop and options.rare_share):
        return LoadedPair(image, target, low, high, table=table)
    places, counts = _places(target, options, np.random.default_rng(seed))
    return LoadedPair(image, target, low, high, places, _chances(counts), table)


def scaled(image: NDArray[Any], example: Example, options: BatchOptions) -> NDArray[np.float32]:
    """Scale the values of an image or of a part of it.

    Raises:
        DatasetError: If the values have no relation to those of the training; names the image.
    """
    try:
        return scale(image, options.scaling)
    except DatasetError as error:
        origin = Origin(example.image, "")
        raise DatasetError(error.message, origin=origin, hint=error.hint) from None


def _is_looked_up(image: NDArray[Any], options: BatchOptions) -> bool:
    return image.dtype == np.uint8 and image.shape[2] == options.scaling.channels


@functools.cache
def _table(record: ScalingRecord) -> NDArray[np.float32]:
    """Return what the values 0 to 255 become by scaling."""
    values = np.arange(256, dtype=np.uint8)[None, :, None]
    return scale(values, msgspec.structs.replace(record, channels=1)).ravel()


def _chances(counts: Sequence[int]) -> tuple[float, ...]:
    if not counts:
        return ()
    rarity = 1 / np.array(counts)
    chances = (rarity / rarity.sum()).cumsum()
    return tuple((chances / chances[-1]).tolist())


def _of_equal_regions(there: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return a share for every pixel, so that all connected regions have the same in all."""
    count, numbers, statistics, _ = cv2.connectedComponentsWithStats(there.view(np.uint8))
    sizes = statistics[:, cv2.CC_STAT_AREA].astype(np.float64)
    shares = np.append(0.0, 1 / (sizes[1:] * (count - 1)))
    of_pixels: NDArray[np.float64] = shares[numbers]
    return of_pixels


def _places(
    target: NDArray[np.uint8], options: BatchOptions, rng: np.random.Generator
) -> tuple[tuple[NDArray[np.int32], ...], tuple[int, ...]]:
    places, counts = [], []
    for channel, id_ in enumerate(channel_ids(options.classes, options.head)):
        if options.head == "softmax" and id_ == 0:
            continue
        there = (
            target[..., 0] == channel if options.head == "softmax" else target[..., channel] == 1
        )
        found = np.flatnonzero(there)
        if found.size:
            counts.append(found.size)
            if options.equal_regions:
                number = min(found.size, _MOST_PLACES)
                found = rng.choice(found, number, p=_of_equal_regions(there).ravel()[found])
            elif found.size > _MOST_PLACES:
                found = rng.choice(found, _MOST_PLACES, replace=False)
            places.append(np.stack(np.unravel_index(found, there.shape), axis=1).astype(np.int32))
    return tuple(places), tuple(counts)


def draw_corner(
    pair: LoadedPair, crop: int, rare_share: float, rng: np.random.Generator
) -> tuple[int, int]:
    """Return column and row of the upper left corner of a random crop.

    With the probability ``rare_share``, a foreground class of the image is drawn by its chances,
    then one of its places, and the crop is laid so that this pixel is at most a quarter of the side
    from its center, as far as the edges of the image allow. Images without foreground give crops
    from anywhere.
    """
    height, width = pair.image.shape[:2]
    last_row, last_column = height - crop, width - crop
    if rng.random() < rare_share and pair.places:
        places = pair.places[bisect.bisect_right(pair.chances, rng.random())]
        row, column = places[rng.integers(len(places))].tolist()
        reach = crop // 4
        row += int(rng.integers(-reach, reach, endpoint=True)) - crop // 2
        column += int(rng.integers(-reach, reach, endpoint=True)) - crop // 2
        return min(max(column, 0), last_column), min(max(row, 0), last_row)
    return int(rng.integers(last_column + 1)), int(rng.integers(last_row + 1))
