"""The few numbers that are kept of an image with its mask."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from maskforge.checks.alignment import align
from maskforge.checks.base import Box, CheckPlace, ClassRegions, ImageFacts
from maskforge.checks.subjects import Subject
from maskforge.images.mask_likeness import is_mask_place, looks_like_mask
from maskforge.images.sameness import sketch
from maskforge.issues import Doubt
from maskforge.masks.classes import BACKGROUND, VOID
from maskforge.masks.likeness import mask_likeness
from maskforge.shapes import Area, Bitmap, Shape, Size

_SPECK = 9
_LONELY = 6
_MOST_SPECKS = 50
_MOST_SIZES = 10_000
_FAR = 0.5
_ROOM = 0.25


def facts_of(subject: Subject) -> ImageFacts:
    """Return what is kept of an image."""
    mask, image = subject.mask, subject.image
    refused = tuple(
        subject.place.saying(one.message, pointer=one.pointer)
        for one in subject.issues
        if one.level == "refused" or one.doubt is Doubt.YES
    )
    if mask is None:
        return ImageFacts(
            place=subject.place, labels=subject.labels, refused=refused, match=subject.match
        )
    ids, counts = np.unique(mask, return_counts=True)
    likeness, own_mask = _likeness(subject, mask)
    size = Size(mask.shape[1], mask.shape[0])
    return ImageFacts(
        place=subject.place,
        size=size,
        depth="" if image is None else _depth(image),
        pixels=dict(zip(ids.tolist(), counts.tolist(), strict=True)),
        labels=subject.labels,
        regions={id_: _regions(mask, id_) for id_ in ids.tolist() if id_ not in (BACKGROUND, VOID)},
        outside=tuple(_outside(subject, size)),
        alignment=None if image is None or own_mask else align(image, mask),
        image_digest=subject.image_digest,
        mask_digest=sha256(f"{mask.shape}".encode() + mask.astype("<u4").tobytes()).hexdigest(),
        likeness=likeness,
        own_mask=own_mask,
        refused=refused,
        match=subject.match,
        is_partial=subject.is_partial,
        sketch=None if image is None else sketch(image),
    )


def _depth(image: NDArray[Any]) -> str:
    kind = "gray" if image.shape[-1] == 1 else "colors"
    return f"{kind}, {8 * image.dtype.itemsize} bits"


def _likeness(subject: Subject, mask: NDArray[Any]) -> tuple[str, bool]:
    """Return what mask the image looks like, and whether it is the one of this image."""
    path = subject.image_path
    if path is None or subject.image is None:
        return "", False
    text = looks_like_mask(path)
    is_own = bool(text and mask_likeness(path, mask))
    return (text if is_mask_place(path) else ""), is_own


def _regions(mask: NDArray[Any], id_: int) -> ClassRegions:
    """Return the connected regions of a class."""
    count, numbers, statistics, _ = cv2.connectedComponentsWithStats(
        (mask == id_).astype(np.uint8), connectivity=8
    )
    sizes = statistics[1:, cv2.CC_STAT_AREA]
    small = np.flatnonzero(sizes <= _SPECK)[:_MOST_SPECKS] if count > 1 else ()
    specks = []
    for index in small:
        left, top, width, height = (int(one) for one in statistics[index + 1, :4])
        around = np.s_[
            max(0, top - _LONELY) : top + height + _LONELY,
            max(0, left - _LONELY) : left + width + _LONELY,
        ]
        others = mask[around][numbers[around] != index + 1]
        if not others.any():
            box = (left, top, left + width, top + height)
            specks.append((int(sizes[index]), box))
    kept = np.sort(sizes)[:: 1 + len(sizes) // _MOST_SIZES].astype(np.int32)
    return ClassRegions(kept, tuple(specks))


def _outside(subject: Subject, size: Size) -> Iterator[CheckPlace]:
    """Yield the shapes that lie mostly, or by far, outside of the image."""
    for shape in subject.shapes:
        box = _box(shape)
        if box is None:
            continue
        left, top, right, bottom = box
        whole = (right - left) * (bottom - top)
        width = max(0.0, min(right, size.width) - max(left, 0))
        height = max(0.0, min(bottom, size.height) - max(top, 0))
        room = (_ROOM * size.width, _ROOM * size.height)
        beyond = (
            max(-left, right - size.width) > room[0] or max(-top, bottom - size.height) > room[1]
        )
        if beyond or (whole > 0 and width * height < _FAR * whole):
            shown: Box = (
                int(np.clip(left, 0, size.width - 1)),
                int(np.clip(top, 0, size.height - 1)),
                int(np.clip(right, 1, size.width)),
                int(np.clip(bottom, 1, size.height)),
            )
            yield subject.place.saying(
                f"a {shape.kind} reaches from {left:.0f}, {top:.0f} to {right:.0f}, {bottom:.0f} "
                f"in an image of {size} px",
                pointer=shape.origin.pointer,
                box=shown,
            )
    for issue in subject.issues:
        if issue.code == "outside-image" and not subject.shapes:
            yield subject.place.saying(issue.message, pointer=issue.pointer)


def _box(shape: Shape) -> tuple[float, float, float, float] | None:
    match shape.geometry:
        case Area(parts):
            points = np.concatenate([part.exterior for part in parts])
            (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
            return float(left), float(top), float(right), float(bottom)
        case Bitmap(row, column, pixels):
            return column, row, column + pixels.shape[1], row + pixels.shape[0]
    return None
