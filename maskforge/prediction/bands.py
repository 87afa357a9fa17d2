"""From an image as it is in its file to probabilities in its size."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Any

from numpy.typing import NDArray

from maskforge.choices import Symmetry
from maskforge.images.intensity import ScalingRecord, scale
from maskforge.masks.resize import resize_image, size_of
from maskforge.prediction.tiling import Floats, Infer, join, predict_rows
from maskforge.shapes import Size


def predict_bands(
    infer: Infer,
    image: NDArray[Any],
    *,
    scaling: ScalingRecord,
    resize: Size | None,
    tile: Callable[[Size], Size | None],
    stride: int,
    overlap: float = 0.5,
    batch_size: int = 4,
    symmetries: Collection[Symmetry] = (),
) -> Iterator[Floats]:
    """Yield the probabilities of an image from top to bottom, as bands of finished rows.

    Args:
        infer: Runs the network.
        image: (H, W) or (H, W, C), uint8 or uint16, values as in the file.
        scaling: How the input of the network is scaled.
        resize: What the image is scaled to before; probabilities are scaled back. None keeps its
            size.
        tile: Chooses the size of the tiles for that of the input; None for the whole image.
        stride: Of the network.
        overlap: Smallest share of a tile that its neighbor covers too.
        batch_size: Largest number of tiles in one call of ``infer``.
        symmetries: Flips and transpose over which the results are averaged.

    Raises:
        OptionError: If ``overlap``, ``batch_size`` or the tiles cannot be used.
    """
    scaled = scale(image if resize is None else resize_image(image, resize), scaling)
    bands = predict_rows(
        infer,
        scaled,
        tile=tile(size_of(scaled)),
        overlap=overlap,
        stride=stride,
        batch_size=batch_size,
        symmetries=symmetries,
    )
    if resize is None:
        yield from bands
    else:
        yield resize_image(join(bands, resize.height), size_of(image))
