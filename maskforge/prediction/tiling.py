"""Running a network over images of any size: whole, in tiles without seams, or turned.

Tiles start at multiples of the network's stride, so that its poolings meet the same pixels as in
the whole image. What a network says near the edge of a tile is wrong, because it sees zeros
beyond it; a quarter of the overlap is therefore left out at every inner edge, and the rest is
blended with the Gaussian weights of nnU-Net (Isensee et al., Nature Methods 2021). Where no pixel
of the result depends on more than ``overlap * tile / 4`` pixels to each side, the result is that of
the whole image.

The weights are separable and add up to 1 beforehand, so sums are held for one row of tiles only.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from maskforge.choices import Symmetry
from maskforge.errors import OptionError
from maskforge.prediction.model_options import LARGEST_OVERLAP
from maskforge.shapes import Size

Floats: TypeAlias = NDArray[np.float32]
Infer: TypeAlias = Callable[[Floats], Floats]
"""From (B, h, w, C) float32 to probabilities (B, h, w, K) float32."""

_SIGMAS_PER_TILE = 8
_WHOLE_PIXELS = 1_500_000
_SMALLEST_TILE = 512


def auto_tile(size: Size, trained: Size, *, whole: int = _WHOLE_PIXELS) -> Size | None:
    """Choose between the whole image and tiles.

    Args:
        size: Of the image.
        trained: Size of the input in training.
        whole: Largest number of pixels for which the network runs over the image at once. A U-Net
            with 64 filters needs about 1 kB for every pixel.

    Returns:
        The size of the tiles, 512 px or as large as in training; None for the whole image.
    """
    if size.width * size.height <= max(whole, trained.width * trained.height):
        return None
    return Size(max(trained.width, _SMALLEST_TILE), max(trained.height, _SMALLEST_TILE))


class Rows(Protocol):
    """An image of which rows alone are taken, as from an array."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Height and width."""

    def __getitem__(self, rows: slice, /) -> NDArray[Any]:
        """Return rows (h, W, C)."""
        ...

    def take(self, indices: NDArray[np.intp], axis: Literal[0]) -> NDArray[Any]:
        """Return rows by their numbers."""
        ...


def join(bands: Iterable[Floats], height: int) -> Floats:
    """Return bands of finished rows as one array of ``height`` rows, holding only one of them."""
    result: Floats | None = None
    top = 0
    for band in bands:
        if result is None:
            if len(band) == height:
                return band
            result = np.empty((height, *band.shape[1:]), dtype=band.dtype)
        result[top : top + len(band)] = band
        top += len(band)
    assert result is not None
    return result


class Tiles:
    """An image cut for a network, and what the network says about it put together again.

    Held at one time are ``tile height x image width x K`` sums, ``batch_size`` tiles with their
    results, and what the network itself needs for them.

    Attributes:
        size: Of the image.
    """

    def __init__(
        self,
        image: Floats | Rows,
        *,
        prepare: Callable[[NDArray[Any]], Floats] | None = None,
        tile: Size | None,
        overlap: float = 0.5,
        stride: int,
        batch_size: int = 4,
        symmetries: Collection[Symmetry] = (),
    ) -> None:
        """Lay out the tiles.

        Args:
            image: (H, W, C) float32, scaled as in training, or what stands for it.
            prepare: Makes of a part of the image what the network is to see; None if it is that.
            tile: Size of the tiles, rounded up to the stride; None for the whole image at once.
            overlap: Smallest share of a tile that its neighbor covers too, 0 to 0.9.
            stride: Of the network, which sees sides that are multiples of it only: the image is
                reflected at its lower and right edge for that.
            batch_size: Largest number of tiles in one batch.
            symmetries: Flips and transpose over all combinations of which the results are
                averaged, so each doubles the work; inputs that are not square are not transposed.

        Raises:
            OptionError: If ``overlap`` or ``batch_size`` cannot be used.
        """
        if not 0 <= overlap <= LARGEST_OVERLAP:
            raise OptionError(f"overlap cannot be {overlap}, expected 0 to {LARGEST_OVERLAP}")
        if batch_size < 1 or stride < 1:
            raise OptionError(f"batch size {batch_size} and stride {stride} must be at least 1")
        if tile is not None and min(tile) < 1:
            raise OptionError(f"tiles of {tile} px cannot be used")
        height, width = image.shape[:2]
        self.size = Size(width, height)
        self._image: Floats | Rows | None = image
        self._down = _Axis(height, tile.height if tile else height, overlap, stride)
        self._across = _Axis(width, tile.width if tile else width, overlap, stride)
        self._prepare = prepare
        self._batch_size = batch_size
        self._views = views_of(symmetries, square=self._down.tile == self._across.tile)

    def batches(self) -> Iterator[Floats]:
        """Yield what the network is to see, (B, h, w, C), once; the image is let go at the end."""
        image, self._image = self._image, None
        assert image is not None
        for row in range(len(self._down.starts)):
            rows = self._down.rows(image, row)
            for chosen in self._chosen():
                tiles = [self._across.columns(rows, one) for one in chosen]
                if self._prepare is not None:
                    tiles = [self._prepare(one) for one in tiles]
                batch = tiles[0][None] if len(tiles) == 1 else np.stack(tiles)
                for view in self._views:
                    yield view.of(batch)

    def bands(self, results: Iterator[Floats]) -> Iterator[Floats]:
        """Yield the probabilities of the image from top to bottom, as bands of finished rows.

        Args:
            results: What the network says about each of ``batches``, (B, h, w, K) float32.
        """
        width, height = self.size
        down, across = self._down, self._across
        if len(down.starts) == len(across.starts) == 1:
            yield self._mean(results, 1)[0, :height, :width]
            return
        sums: Floats | None = None
        for number, top in enumerate(down.starts):
            for chosen in self._chosen():
                tiles = self._mean(results, len(chosen))
                if sums is None:
                    padded = (down.tile, across.padded, tiles.shape[-1])
                    sums = np.zeros(padded, dtype=np.float32)
                for one, tile in zip(chosen, tiles, strict=True):
                    left = across.starts[one]
                    weights = down.weights[number][:, None, None] * across.weights[one][:, None]
                    sums[:, left : left + across.tile] += tile * weights
            assert sums is not None
            following = down.starts[number + 1] if number + 1 < len(down.starts) else height
            finished = min(following, height) - top
            yield sums[:finished, :width].copy()
            kept = len(sums) - finished
            sums[:kept] = sums[finished:].copy()
            sums[kept:] = 0

    def _chosen(self) -> Iterator[range]:
        """Yield the numbers of the tiles of a row that are in one batch."""
        count = len(self._across.starts)
        for first in range(0, count, self._batch_size):
            yield range(first, min(first + self._batch_size, count))

    def _mean(self, results: Iterator[Floats], count: int) -> Floats:
        """Return what the network says about a batch, the mean over its views."""
        total: Floats | None = None
        for view in self._views:
            result = view.back(next(results))
            if result.shape[:3] != (count, self._down.tile, self._across.tile):
                raise ValueError(f"the network made {result.shape} of {count} tiles")
            total = result if total is None else total + result
        assert total is not None
        return total if len(self._views) == 1 else total / np.float32(len(self._views))


class _Axis:
    """Tiles along one axis of the image.

    Attributes:
        tile: Length of a tile.
        starts: First pixel of every tile; multiples of the stride.
        padded: Length of the image with what is reflected.
    """

    def __init__(self, length: int, tile: int, overlap: float, stride: int) -> None:
        self._length = length
        self.padded = -(-length // stride) * stride
        self.tile = min(-(-tile // stride) * stride, self.padded)
        step = max(1, int(self.tile * (1 - overlap)) // stride)
        last = (self.padded - self.tile) // stride
        count = -(-last // step)
        self.starts = [stride * (last * one // count) for one in range(count)] if count else []
        self.starts.append(last * stride)

    def rows(self, image: Floats | Rows, number: int) -> NDArray[Any]:
        """Return the rows of the image that a tile sees."""
        start, stop = self.starts[number], self.starts[number] + self.tile
        if stop <= self._length:
            return image[start:stop]
        return image.take(self._indices[start:stop], axis=0)

    def columns(self, image: NDArray[Any], number: int) -> NDArray[Any]:
        """Return the columns of the image that a tile sees."""
        start, stop = self.starts[number], self.starts[number] + self.tile
        if stop <= self._length:
            return image[:, start:stop]
        return image.take(self._indices[start:stop], axis=1)

    @functools.cached_property
    def _indices(self) -> NDArray[np.intp]:
        """Pixel of the image for every pixel of the padded one."""
        return np.pad(np.arange(self._length), (0, self.padded - self._length), mode="reflect")

    @functools.cached_property
    def weights(self) -> list[Floats]:
        """Of every tile, (tile,) float32; those of a pixel add up to 1."""
        position = np.arange(self.tile) - (self.tile - 1) / 2
        bell = np.exp(-0.5 * (position * _SIGMAS_PER_TILE / self.tile) ** 2)
        bells = [bell.copy() for _ in self.starts]
        for number, (left, right) in enumerate(itertools.pairwise(self.starts)):
            margin = (left + self.tile - right) // 4
            bells[number][self.tile - margin :] = 0
            bells[number + 1][:margin] = 0
        total = np.zeros(self.padded)
        for start, one in zip(self.starts, bells, strict=True):
            total[start : start + self.tile] += one
        return [
            (one / total[start : start + self.tile]).astype(np.float32)
            for start, one in zip(self.starts, bells, strict=True)
        ]


class View(NamedTuple):
    """One of the ways in which a network looks at a batch: transposed, then flipped."""

    transposed: bool
    rows: int
    columns: int

    def of(self, batch: Floats) -> Floats:
        """Return a batch as it is seen."""
        turned = batch.transpose(0, 2, 1, 3) if self.transposed else batch
        return np.ascontiguousarray(turned[:, :: self.rows, :: self.columns])

    def back(self, result: Floats) -> Floats:
        """Return a result as it belongs to the batch."""
        result = result[:, :: self.rows, :: self.columns]
        return result.transpose(0, 2, 1, 3) if self.transposed else result


def views_of(symmetries: Collection[Symmetry], *, square: bool) -> list[View]:
    """Return all combinations of the symmetries, in the order of the training.

    Args:
        symmetries: Flips and transpose.
        square: Whether the inputs are; others are not transposed.
    """
    turns = (False, True) if square and "transpose" in symmetries else (False,)
    upright = (1, -1) if "flip_vertical" in symmetries else (1,)
    sideways = (1, -1) if "flip_horizontal" in symmetries else (1,)
    return [View(*one) for one in itertools.product(turns, upright, sideways)]
