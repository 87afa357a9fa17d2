"""From an image as it is in its file to probabilities in its size."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from numpy.typing import NDArray

from maskforge.choices import Symmetry
from maskforge.errors import DatasetError
from maskforge.images.intensity import ScalingRecord, scale
from maskforge.images.large_image import LargeImage
from maskforge.images.offset import Offset, move_image
from maskforge.masks.resize import resize_image
from maskforge.prediction.tiling import Floats, Infer, Tiles, join
from maskforge.shapes import Size


class Bands:
    """An image as a network is to see it, and its probabilities as bands of finished rows."""

    def __init__(
        self,
        image: NDArray[Any] | LargeImage,
        *,
        scaling: ScalingRecord,
        offset: Offset | None,
        resize: Size | None,
        tile: Callable[[Size], Size | None],
        stride: int,
        overlap: float = 0.5,
        batch_size: int = 4,
        symmetries: Collection[Symmetry] = (),
    ) -> None:
        """Scale the image, and lay out the tiles.

        Args:
            image: (H, W) or (H, W, C), uint8 or uint16, values as in the file; or one that is too
                large for that.
            scaling: How the input of the network is scaled.
            offset: How far the image is moved before; None for not at all.
            resize: What the image is scaled to then; probabilities are scaled back. None keeps its
                size.
            tile: Chooses the size of the tiles for that of the input; None for the whole image.
            stride: As in ``Tiles``, and so are the others.
            overlap: Smallest share of a tile that its neighbor covers too.
            batch_size: Largest number of tiles in one batch.
            symmetries: Flips and transpose over which the results are averaged.

        Raises:
            DatasetError: If the image cannot be scaled as those of the training.
            OptionError: If ``overlap``, ``batch_size`` or the tiles cannot be used.
        """
        scaled: Floats | LargeImage
        prepare = None
        if isinstance(image, LargeImage):
            _check_parts(image, scaling, resize)
            scaled, prepare = replace(image, offset=offset), partial(scale, record=scaling)
        else:
            moved = image if offset is None else move_image(image, offset)
            scaled = scale(moved if resize is None else resize_image(moved, resize), scaling)
        self._size = None if resize is None else Size(image.shape[1], image.shape[0])
        self._tiles = Tiles(
            scaled,
            prepare=prepare,
            tile=tile(Size(scaled.shape[1], scaled.shape[0])),
            overlap=overlap,
            stride=stride,
            batch_size=batch_size,
            symmetries=symmetries,
        )

    def batches(self) -> Iterator[Floats]:
        """Yield what the network is to see, (B, h, w, C) float32, once."""
        return self._tiles.batches()

    def of(self, results: Iterator[Floats]) -> Iterator[Floats]:
        """Yield the probabilities of the image from top to bottom, as bands of finished rows.

        Args:
            results: What the network says about each of ``batches``, (B, h, w, K) float32.
        """
        bands = self._tiles.bands(results)
        if self._size is None:
            yield from bands
        else:
            yield resize_image(join(bands, self._tiles.size.height), self._size)

    def by(self, infer: Infer) -> Iterator[Floats]:
        """Yield the bands, each as soon as a network has run over its tiles."""
        return self.of(map(infer, self.batches()))


def _check_parts(image: LargeImage, scaling: ScalingRecord, resize: Size | None) -> None:
    """Make sure that a part of an image can be scaled without the others.

    Raises:
        DatasetError: If it cannot.
    """
    if scaling.kind not in ("zero-one", "minus-one-one"):
        raise DatasetError(
            f"{image.size} px are too many for a model with the scaling {scaling.kind}, which "
            "looks at all pixels first",
            hint="cut the image into tiles, or train with the scaling zero-one",
        )
    if resize is not None:
        raise DatasetError(
            f"{image.size} px are too many for a model that sees all images at {resize} px",
            hint="make the image smaller, or cut it into tiles",
        )
