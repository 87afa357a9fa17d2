"""Batches of images and masks, from memory or streamed from files."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from maskforge.augmentation.photometry import change_light, look_up
from maskforge.augmentation.warp import Geometry, draw_geometry
from maskforge.batches.batch_options import BatchOptions
from maskforge.batches.cache import RecentlyUsed
from maskforge.batches.loader import (
    LoadedPair,
    draw_corner,
    load,
    loaded_bytes,
    loaded_size,
    scaled,
    scales_whole_images,
)
from maskforge.batches.memory import available_memory
from maskforge.batches.order import epoch_order
from maskforge.errors import OptionError
from maskforge.examples.example import Example
from maskforge.masks.resize import pad_to, padded_size
from maskforge.masks.targets import channel_ids
from maskforge.shapes import Size

_SHARE_OF_MEMORY = 0.25

# Images whose crops are mixed with each other fill this many bytes, decoded.
_WINDOW_BYTES = 256 * 2**20


class Batches:
    """The batches of an epoch, all of one shape.

    Order, places of crops and augmentation follow from the seed, the epoch and the example alone:
    not from threads, from the order in which batches are asked for, or from whether images are
    held in memory. Batches can be taken by several threads at once.

    Images are decoded when they are first needed. If they are not held, those of one window of
    the order and one batch more are kept (the window has 256 MB of decoded images, or one batch
    if that is more), so that every file is decoded about once per epoch. Beyond that every thread
    has the image that it decodes.

    Attributes:
        epoch: Number of the epoch, to be set before its first batch is taken.
        held: Whether all decoded images stay in memory.
    """

    def __init__(self, examples: Sequence[Example], options: BatchOptions) -> None:
        """Plan the batches; no file is read.

        Raises:
            OptionError: If there are no examples.
        """
        if not examples:
            raise OptionError("there are no images to make batches of")
        self.examples = tuple(examples)
        self.options = options
        self.epoch = 0
        sizes = [loaded_size(example, options) for example in self.examples]
        each = [loaded_bytes(example, options) for example in self.examples]
        self._bytes = sum(each)
        self._crops = [_crops(size, options) for size in sizes]
        self._window = max(options.batch_size, _WINDOW_BYTES // max(each))
        self._room = options.memory
        if options.hold == "auto" and self._room is None:
            self._room = int(available_memory() * _SHARE_OF_MEMORY)
        self.held = options.hold == "memory" or (
            options.hold == "auto" and self._bytes <= (self._room or 0)
        )
        self._kept = min(len(self.examples), self._window + options.batch_size)
        self._kept_bytes = sum(sorted(each)[-self._kept :])
        self._pairs = RecentlyUsed(self._load, len(self.examples) if self.held else self._kept)
        self._seed = _words(options.seed)
        # That of the next epoch is asked for while the last batches of this one are made.
        self._orders = RecentlyUsed(self._order, 2)
        self._side = (
            Size(options.crop, options.crop)
            if options.crop
            else padded_size(
                Size(max(size.width for size in sizes), max(size.height for size in sizes)),
                options.stride,
            )
        )

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Shape (B, H, W, C) of the images of every batch."""
        size = self._side
        return (self.options.batch_size, size.height, size.width, self.options.scaling.channels)

    @property
    def count(self) -> int:
        """Images or crops of an epoch, without those that fill up the last batch."""
        return sum(self._crops)

    def __len__(self) -> int:
        """Return the number of batches of an epoch."""
        return math.ceil(self.count / self.options.batch_size)

    def __getitem__(self, step: int) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        """Return a batch of the epoch ``epoch``, as ``batch`` does."""
        return self.batch(self.epoch, step)

    def batch(self, epoch: int, step: int) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        """Return a batch of any epoch.

        Returns:
            Scaled images (B, H, W, C) float32; masks uint8 with 255 for void: (B, H, W, 1) index
            of the channel for softmax, (B, H, W, K) of 0 and 1 for sigmoid.

        Raises:
            IndexError: If the epoch has no such batch.
            DatasetError: If a file cannot be read, or is not what was expected.
        """
        items = self._items(epoch, step)
        channels = channel_ids(self.options.classes, self.options.head)
        masks = 1 if self.options.head == "softmax" else len(channels)
        x = np.empty(self.shape, dtype=np.float32)
        y = np.empty((*self.shape[:3], masks), dtype=np.uint8)
        for place, item in enumerate(items):
            # An array of words seeds a generator in half the time of a tuple of numbers.
            words = np.array((*self._seed, epoch, *item), dtype=np.uint32)
            x[place], y[place] = self._make(item[0], np.random.default_rng(words))
        return x, y

    def names(self, step: int) -> tuple[str, ...]:
        """Return the names of the examples in a batch, in its order."""
        return tuple(self.examples[item[0]].name for item in self._items(self.epoch, step))

    def describe(self) -> str:
        """Return how many images there are and where they are kept, as a sentence."""
        images = f"{len(self.examples)} image{'s' if len(self.examples) > 1 else ''}"
        what = f"{images}, {_amount(self._bytes)} decoded: "
        if self.held:
            return what + "held in memory"
        why = ""
        if self.options.hold == "auto":
            why = f", because only {_amount(self._room or 0)} of memory are set aside for them"
        return what + f"streamed, at most {_amount(self._kept_bytes)} of them at a time" + why

    def _items(self, epoch: int, step: int) -> list[list[int]]:
        """Return image, crop and turn of every place of a batch."""
        steps = len(self)
        if not -steps <= step < steps:
            raise IndexError(f"batch {step} of {steps}")
        start = step % steps * self.options.batch_size
        items: list[list[int]] = self._orders[epoch][
            start : start + self.options.batch_size
        ].tolist()
        return items

    def _order(self, epoch: int) -> NDArray[np.uint32]:
        options = self.options
        return epoch_order(
            self._crops,
            batch_size=options.batch_size,
            window=self._window,
            shuffle=options.shuffle,
            seed=options.seed,
            epoch=epoch,
        )

    def _load(self, index: int) -> LoadedPair:
        return load(self.examples[index], self.options, self.options.seed)

    def _make(
        self, example: int, rng: np.random.Generator
    ) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        options = self.options
        pair = self._pairs[example]
        size, corner = Size(pair.image.shape[1], pair.image.shape[0]), (0, 0)
        if options.crop:
            size = self._side
            corner = draw_corner(pair, options.crop, options.rare_share, rng)
        augment = options.augment
        geometry = Geometry() if augment is None else draw_geometry(augment, size, rng)
        image, target = geometry.apply(pair.image, pair.target, size, corner)
        table = pair.table
        if table is None and not scales_whole_images(options):
            image = scaled(image, self.examples[example], options)
        if augment is not None and augment.changes_light:
            image = change_light(image, augment, rng, low=pair.low, high=pair.high, table=table)
        elif table is not None:
            image = look_up(image, table)
        return pad_to(image, self._side, "reflect"), pad_to(target, self._side, "void")


def _crops(size: Size, options: BatchOptions) -> int:
    if not options.crop:
        return 1
    return options.crops_per_image or -(-size.width * size.height // options.crop**2)


def _words(number: int) -> list[int]:
    """Return the 32-bit words of a number, the lowest first."""
    words = range(0, max(1, number.bit_length()), 32)
    return [number >> place & 0xFFFFFFFF for place in words]


def _amount(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
