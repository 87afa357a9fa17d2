"""Whatever can be exported as annotated images: annotations, masks, predictions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from maskforge.dataset.manifest import Dataset, DatasetItem, integer_mask
from maskforge.files import MASKS
from maskforge.images.annotated_image import AnnotatedImage
from maskforge.images.page import is_there, split_page, without_suffix
from maskforge.issues import Origin
from maskforge.masks.classes import BACKGROUND, VOID, VOID_LABEL, ClassMap
from maskforge.shapes import ImageReference, ImageState, Shape
from maskforge.vector.outlines import areas_of

FROM_MASKS = "masks"
"""Name of the format of images whose shapes were made from masks."""

PREDICTED = "prediction"


def annotated_images(dataset: Dataset) -> Iterator[AnnotatedImage]:
    """Yield every image of a data set with the outlines of its mask.

    Images without mask are left out: why there is none is in the data set.

    Raises:
        DatasetError: If a mask cannot be read.
    """
    for item in dataset:
        yield annotated_image(item, dataset)


def annotated_image(item: DatasetItem, dataset: Dataset) -> AnnotatedImage:
    """Return an image of a data set with the outlines of its mask.

    Raises:
        DatasetError: If the mask cannot be read.
    """
    entry = item.entry
    file = item.image_path
    if file is not None and not is_there(file):
        file = None
    mask = item.read_mask() if entry.encoding == "multihot" else integer_mask(item, dataset.classes)
    shapes = _outlines(mask, dataset.classes)
    state = entry.state
    if state is ImageState.UNVISITED:
        state = ImageState.ANNOTATED if shapes else ImageState.EMPTY
    origin = Origin(dataset.folder / (entry.mask or ""), "")
    return AnnotatedImage(
        ImageReference(_name(item), file, item.size, entry.orientation, entry.upright, entry.match),
        shapes,
        state,
        PREDICTED if entry.format == PREDICTED else FROM_MASKS,
        origin,
        folder=_folder(item),
        tags=tuple(entry.tags),
    )


def _outlines(mask: NDArray[np.integer], classes: ClassMap) -> tuple[Shape, ...]:
    ids = [int(one) for one in np.unique(mask) if one != BACKGROUND]
    return tuple(
        Shape(
            (VOID_LABEL if id_ == VOID else classes.names[id_],),
            areas_of(mask == id_),
            "polygon",
            Origin(Path("mask"), ""),
        )
        for id_ in ids
    )


def _folder(item: DatasetItem) -> str:
    folder = PurePosixPath(_mask_name(item)).parent.as_posix()
    return "" if folder == "." else folder


def _mask_name(item: DatasetItem) -> str:
    """Return the path of a mask below the folder of masks, without suffix."""
    return without_suffix((item.entry.mask or "").removeprefix(f"{MASKS}/"))


def _name(item: DatasetItem) -> str:
    """Return the file name of the image; a page of a stack is an image of its own."""
    if item.image_path is None:
        return f"{PurePosixPath(_mask_name(item)).name}.png"
    file, page = split_page(item.image_path)
    return file.name if page is None else f"{file.stem}-{page:04d}.png"
