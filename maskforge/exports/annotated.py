"""Whatever can be exported as annotated images: annotations, masks, predictions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from maskforge.dataset.manifest import DatasetItem, integer_mask
from maskforge.errors import DatasetError
from maskforge.files import MASKS, PROBABILITIES
from maskforge.geometry import enclosed_area
from maskforge.images.annotated_image import AnnotatedImage
from maskforge.images.page import is_there, split_page, without_suffix
from maskforge.issues import Origin
from maskforge.masks.classes import ClassMap
from maskforge.masks.vectorized import Vectorized, vectorize
from maskforge.shapes import Area, ImageReference, ImageState, Shape
from maskforge.vector.vectorize_options import VectorizeOptions

FROM_MASKS = "masks"
"""Name of the format of images whose shapes were made from masks."""

PREDICTED = "prediction"


def annotated(
    item: DatasetItem, classes: ClassMap, options: VectorizeOptions
) -> tuple[AnnotatedImage, Vectorized]:
    """Return an image of a data set with the outlines of its mask, and the account of these.

    Raises:
        DatasetError: If the mask cannot be read.
    """
    entry = item.entry
    file = item.image_path
    if file is not None and not is_there(file):
        file = None
    mask = item.read_mask() if entry.encoding == "multihot" else integer_mask(item, classes)
    outlines = vectorize(
        mask,
        replace(options, void=True),
        classes=classes,
        instances=None if mask.ndim == 3 else item.read_instances(),
        probabilities=_probabilities(item),
    )
    state = entry.state
    if state is ImageState.UNVISITED:
        state = ImageState.ANNOTATED if outlines else ImageState.EMPTY
    origin = Origin(item.folder / (entry.mask or ""), "")
    image = AnnotatedImage(
        ImageReference(
            name_of_image(item.image_path, PurePosixPath(_mask_name(item)).name),
            file,
            item.size,
            entry.orientation,
            entry.upright,
            entry.match,
        ),
        outlines.shapes if mask.ndim == 3 else outer_first(outlines.shapes),
        state,
        PREDICTED if entry.format == PREDICTED else FROM_MASKS,
        origin,
        folder=_folder(item),
        tags=tuple(entry.tags),
    )
    return image, outlines


def _folder(item: DatasetItem) -> str:
    folder = PurePosixPath(_mask_name(item)).parent.as_posix()
    return "" if folder == "." else folder


def _mask_name(item: DatasetItem) -> str:
    """Return the path of a mask below the folder of masks, without suffix."""
    return without_suffix((item.entry.mask or "").removeprefix(f"{MASKS}/"))


def outer_first(shapes: Sequence[Shape]) -> tuple[Shape, ...]:
    """Return shapes of a mask in an order in which holes can be background.

    A shape is before all that lie in its holes, so these are drawn on top. Regions of a mask do not
    overlap, so their order does not matter otherwise.
    """
    return tuple(sorted(shapes, key=_filled_area, reverse=True))


def _filled_area(shape: Shape) -> float:
    """Return the largest area inside an exterior."""
    parts = shape.geometry.parts if isinstance(shape.geometry, Area) else ()
    return max((enclosed_area(part.exterior) for part in parts), default=0.0)


def name_of_image(path: Path | None, mask: str) -> str:
    """Return the file name of an image; a page of a stack is an image of its own.

    Args:
        path: The image, or the page; None if it is not known.
        mask: Name of its mask, without suffix.
    """
    if path is None:
        return f"{mask}.png"
    file, page = split_page(path)
    return file.name if page is None else f"{file.stem}-{page:04d}.png"


def _probabilities(item: DatasetItem) -> NDArray[np.floating] | None:
    """Return the probabilities beside a predicted mask; None if they were not kept."""
    path = item.folder / PROBABILITIES / f"{_mask_name(item)}.npy"
    if not path.is_file():
        return None
    try:
        loaded: NDArray[np.floating] = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise DatasetError(
            f"the probabilities cannot be read: {error}",
            origin=Origin(path, ""),
            hint="predict again, or remove the file: then there are no scores",
        ) from None
    return loaded
