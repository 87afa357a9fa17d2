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

import itertools
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import TypeAlias

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


def predict_rows(
    infer: Infer,
    image: Floats,
    *,
    tile: Size | None,
    overlap: float = 0.5,
    stride: int,
    batch_size: int = 4,
    symmetries: Collection[Symmetry] = (),
) -> Iterator[Floats]:
    """Yield the probabilities of an image from top to bottom, as bands of finished rows.

    Held at one time are ``tile height x image width x K`` sums, ``batch_size`` tiles with their
    results, and what the network itself needs for them.

    Args:
        infer: Runs the network; sees sides that are multiples of ``stride`` only. The image is
            reflected at its lower and right edge for that.
        image: (H, W, C) float32, scaled as in training.
        tile: Size of the tiles, rounded up to the stride; None for the whole image at once.
        overlap: Smallest share of a tile that its neighbor covers too, 0 to 0.9.
        stride: Of the network.
        batch_size: Largest number of tiles in one call of ``infer``.
        symmetries: Flips and transpose over all combinations of which the results are averaged, so
            each doubles the work; inputs that are not square are not transposed.

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
    down = _Axis(height, tile.height if tile else height, overlap, stride)
    across = _Axis(width, tile.width if tile else width, overlap, stride)
    run = _averaged(infer, symmetries, square=down.tile == across.tile)
    if len(down.starts) == len(across.starts) == 1:
        batch = image[down.indices[:, None], across.indices][None]
        yield _checked(run(batch), batch)[0, :height, :width]
        return
    sums: Floats | None = None
    for number, top in enumerate(down.starts):
        rows = down.indices[top : top + down.tile, None]
        for first in range(0, len(across.starts), batch_size):
            chosen = range(first, min(first + batch_size, len(across.starts)))
            batch = np.stack([image[rows, across.window(one)] for one in chosen])
            results = _checked(run(batch), batch)
            if sums is None:
                padded = (down.tile, len(across.indices), results.shape[-1])
                sums = np.zeros(padded, dtype=np.float32)
            for one, result in zip(chosen, results, strict=True):
                left = across.starts[one]
                weights = down.weights[number][:, None, None] * across.weights[one][:, None]
                sums[:, left : left + across.tile] += result * weights
        assert sums is not None
        following = down.starts[number + 1] if number + 1 < len(down.starts) else height
        finished = min(following, height) - top
        yield sums[:finished, :width].copy()
        kept = len(sums) - finished
        sums[:kept] = sums[finished:].copy()
        sums[kept:] = 0


class _Axis:
    """Tiles along one axis of the image.

    Attributes:
        tile: Length of a tile.
        starts: First pixel of every tile; multiples of the stride.
        indices: Pixel of the image for every pixel of the padded one.
        weights: Of every tile, (tile,) float32; those of a pixel add up to 1.
    """

    def __init__(self, length: int, tile: int, overlap: float, stride: int) -> None:
        padded = -(-length // stride) * stride
        self.tile = min(-(-tile // stride) * stride, padded)
        step = max(1, int(self.tile * (1 - overlap)) // stride)
        last = (padded - self.tile) // stride
        count = -(-last // step)
        self.starts = [stride * (last * one // count) for one in range(count)] if count else []
        self.starts.append(last * stride)
        self.indices = np.pad(np.arange(length), (0, padded - length), mode="reflect")
        self.weights = self._weights(padded)

    def window(self, number: int) -> NDArray[np.intp]:
        """Return the pixels of the image that a tile sees."""
        start = self.starts[number]
        return self.indices[start : start + self.tile]

    def _weights(self, padded: int) -> list[Floats]:
        position = np.arange(self.tile) - (self.tile - 1) / 2
        bell = np.exp(-0.5 * (position * _SIGMAS_PER_TILE / self.tile) ** 2)
        bells = [bell.copy() for _ in self.starts]
        for number, (left, right) in enumerate(itertools.pairwise(self.starts)):
            margin = (left + self.tile - right) // 4
            bells[number][self.tile - margin :] = 0
            bells[number + 1][:margin] = 0
        total = np.zeros(padded)
        for start, one in zip(self.starts, bells, strict=True):
            total[start : start + self.tile] += one
        return [
            (one / total[start : start + self.tile]).astype(np.float32)
            for start, one in zip(self.starts, bells, strict=True)
        ]


def _checked(results: Floats, batch: Floats) -> Floats:
    if results.shape[:3] != batch.shape[:3]:
        raise ValueError(f"the network made {results.shape} of {batch.shape}")
    return results


def _averaged(infer: Infer, symmetries: Collection[Symmetry], *, square: bool) -> Infer:
    """Return ``infer`` as the mean over all combinations of the symmetries."""
    turns = (False, True) if square and "transpose" in symmetries else (False,)
    upright = (1, -1) if "flip_vertical" in symmetries else (1,)
    sideways = (1, -1) if "flip_horizontal" in symmetries else (1,)
    views = list(itertools.product(turns, upright, sideways))
    if len(views) == 1:
        return infer

    def run(batch: Floats) -> Floats:
        total: Floats | None = None
        for transpose, rows, columns in views:  # transposed, then flipped, as in training
            view = batch.transpose(0, 2, 1, 3) if transpose else batch
            result = infer(np.ascontiguousarray(view[:, ::rows, ::columns]))[:, ::rows, ::columns]
            result = result.transpose(0, 2, 1, 3) if transpose else result
            total = result.astype(np.float32) if total is None else total + result
        assert total is not None
        return total / np.float32(len(views))

    return run
