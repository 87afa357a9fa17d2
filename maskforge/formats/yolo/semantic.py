"""YOLO's masks for semantic segmentation: a PNG with the number of a class in every pixel."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from maskforge.errors import DatasetError, LimitError, OutputError
from maskforge.formats.base import ImageRecord
from maskforge.formats.pixels import VOID, VOID_VALUE, value_table
from maskforge.formats.writer import Holds, WriteContext, Writer, WrittenImage
from maskforge.formats.yolo.names import data_yaml, split_of
from maskforge.images.decoder import read_values
from maskforge.images.png import png_bytes
from maskforge.images.regions import regions
from maskforge.issues import Code, Issue, Origin
from maskforge.limits.allowance import Allowance, Limit
from maskforge.shapes import ImageState, Shape, Size

MASKS_KEY = "masks_dir"
MASKS = "masks"

_BACKGROUND = "background"


def mask_record(
    mask: Path, image: Path, names: Mapping[int, str], data: Mapping[str, Any], split: str
) -> ImageRecord:
    """Return an image with a bitmap for every class in its mask.

    Args:
        mask: The mask.
        image: The image.
        names: Names of classes by number.
        data: What else is in ``data.yaml``.
        split: For what the image is meant.
    """
    origin = Origin(mask, "")
    shapes: list[Shape] = []
    issues: list[Issue] = []
    size = None
    try:
        values = read_values(mask)
        if values.ndim != 2:
            raise DatasetError(f"has {values.ndim} dimensions, expected one number for each pixel")
        size = Size(values.shape[1], values.shape[0])
        shapes = list(_shapes(values, mask, _meanings(names, data.get("label_mapping"))))
    except DatasetError as error:
        issues.append(Issue(Code.INVALID_IMAGE_RECORD, error.message, origin, error.hint))
    except LimitError as error:
        issues.append(error.issue(origin))
    return ImageRecord(
        image.name,
        (Path(os.path.relpath(image, mask.parent)).as_posix(),),
        tuple(shapes),
        ImageState.ANNOTATED if shapes or issues else ImageState.EMPTY,
        origin,
        declared=size,
        upright=True,
        masks=(mask,),
        issues=tuple(issues),
        extra={"split": split, "data": data},
    )


def _meanings(names: Mapping[int, str], mapping: object) -> dict[int, str]:
    """Return the label of every value; that of the background is empty."""
    labels = {number: "" if name == _BACKGROUND else name for number, name in names.items()}
    if len(names) == 1:  # a single class is told from a background without a name
        labels = {0: "", 1: next(iter(labels.values()))}
    labels[VOID_VALUE] = VOID
    if not isinstance(mapping, dict):
        return labels
    ignored = ("ignore_label", None, VOID_VALUE, str(VOID_VALUE))
    found: dict[int, str] = {}
    for key, value in mapping.items():
        number = VOID_VALUE if value in ignored else value
        if isinstance(key, int) and isinstance(number, int) and number in labels:
            found[key] = labels[number]
    return labels | found


def _shapes(values: NDArray[Any], mask: Path, labels: Mapping[int, str]) -> Iterator[Shape]:
    pixels = Allowance(Limit.BITMAP_PIXELS)
    for value, region in regions(values).items():
        label = labels.get(value)
        if label == "":
            continue
        pixels.take(region.box_pixels)
        origin = Origin(mask, f"value {value}")
        issue = None
        if label is None:
            text = f"the value {value} has no name"
            issue = Issue(Code.UNRESOLVED_CLASS, text, origin, "add it to `names` of data.yaml")
        yield Shape(
            () if label is None else (label,),
            region.bitmap(values),
            "mask",
            origin,
            label_issue=issue,
        )


class YoloSemanticWriter(Writer):
    """A folder with ``data.yaml``, ``images/train``, and masks in ``masks/train``.

    Numbers count the classes from 0, the background; 255 is void.
    """

    title = "YOLO semantic segmentation"
    holds = Holds(areas=False, holes=(), pixels=True)

    def __init__(self, context: WriteContext) -> None:
        super().__init__(context)
        named = [one for one in context.classes if one.is_foreground]
        if len(named) >= VOID_VALUE:
            raise OutputError(
                f"{len(named)} classes are more than masks of YOLO can have", origin=None
            )
        self._names = [_BACKGROUND, *(one.name for one in named)]
        self._numbers = value_table({one.id: number for number, one in enumerate(named, 1)})
        self._splits: set[str] = set()

    def add(self, image: WrittenImage) -> None:
        """Copy an image, and write its mask."""
        split = split_of(image)
        self._splits.add(split)
        if not self._context.copy_image(image, f"images/{split}/{image.path}"):
            self._context.left_out("images that were not found")
        mask, _, _ = image.draw()
        self._context.write(f"{MASKS}/{split}/{image.name}.png", png_bytes(self._numbers[mask]))

    def finish(self) -> None:
        """Write ``data.yaml``."""
        content = data_yaml(self._splits, self._names, {MASKS_KEY: MASKS})
        self._context.write("data.yaml", content)
