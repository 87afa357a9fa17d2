"""The consensus about one image: what any process can do for the one that writes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from maskforge.choices import Consensus, VoidWhere
from maskforge.errors import DatasetError, MaskforgeError
from maskforge.evaluation.agreement.consensus import consensus
from maskforge.evaluation.measures.regions import Planes
from maskforge.evaluation.predictions import Sides
from maskforge.examples.example import Example
from maskforge.issues import Origin
from maskforge.masks.classes import BACKGROUND, VOID, ClassMap
from maskforge.masks.maskfile import AnyMask


@dataclass(frozen=True, slots=True)
class ConsensusTask:
    """An image of which a consensus is to be made.

    Attributes:
        example: The image, as the first annotator has it.
        sides: Who marked what.
        classes: The classes.
        method: How it is made.
        void_where: Which pixels are void.
        exclusive: Whether a pixel has one class.
    """

    example: Example
    sides: Sides
    classes: ClassMap
    method: Consensus
    void_where: VoidWhere
    exclusive: bool


@dataclass(frozen=True, slots=True, eq=False)
class ConsensusMask:
    """What was made.

    Attributes:
        mask: (H, W) class ids, or (H, W, K) multi-hot.
        pixels: Pixels per class name, the background last, and void after it.
        void: Void pixels.
    """

    mask: AnyMask
    pixels: dict[str, int]
    void: int


def make_consensus(task: ConsensusTask) -> ConsensusMask | MaskforgeError:
    """Make the consensus of an image, or say why that cannot be done."""
    example, raters = task.example, task.sides.raters
    assert raters is not None
    try:
        truth, predicted = task.sides.read(example)
        marked = raters.planes(example, truth, predicted.planes)
        found = consensus(marked, task.method, task.void_where, exclusive=task.exclusive)
    except MaskforgeError as error:
        return error
    except MemoryError:
        origin = Origin(example.mask, "")
        return DatasetError("there is not enough memory for the consensus", origin=origin)
    ids, names = task.classes.foreground_ids, task.classes.names
    counts = [int(np.count_nonzero(plane)) for plane in found.planes]
    void = int(np.count_nonzero(found.void))
    nothing = int(np.count_nonzero(~found.planes.any(axis=0) & ~found.void))
    pixels = {names[id_]: count for id_, count in zip(ids, counts, strict=True) if count}
    pixels[names[BACKGROUND]] = nothing
    if void:
        pixels[names[VOID]] = void
    encode = _integer if task.exclusive else _multi_hot
    return ConsensusMask(encode(found, task.classes), pixels, void)


def _integer(found: Planes, classes: ClassMap) -> AnyMask:
    ids = classes.foreground_ids
    kind = np.uint16 if max(*ids, VOID) > VOID else np.uint8
    mask: AnyMask = np.full(found.void.shape, BACKGROUND, dtype=kind)
    for id_, plane in zip(ids, found.planes, strict=True):
        mask[plane] = id_
    mask[found.void] = VOID
    return mask


def _multi_hot(found: Planes, classes: ClassMap) -> AnyMask:
    del classes
    mask = np.moveaxis(found.planes, 0, -1).astype(np.uint8)
    mask[found.void] = VOID
    return np.ascontiguousarray(mask)
