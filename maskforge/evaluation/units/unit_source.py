"""Where the units of images come from: instance maps, or the regions of a class.

They lie in the masks of the truth, or in a folder of their own. In masks with one class per pixel,
lesions lie on top of what they are in; there a unit gets back the pixels that lesions hide.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from maskforge.dataset.manifest import ManifestEntry
from maskforge.errors import DatasetError, OptionError, did_you_mean, listing
from maskforge.evaluation.evaluate_options import EvaluateOptions
from maskforge.evaluation.measures.depths import depth_zones
from maskforge.evaluation.measures.lesions import components
from maskforge.evaluation.measures.measure_options import MeasureOptions
from maskforge.evaluation.measures.unit_rows import UnitQuestion
from maskforge.evaluation.measures.units import UnitMap, instances_as_units, regions_as_units
from maskforge.evaluation.pairs import pair
from maskforge.evaluation.predictions import absolute, example_planes
from maskforge.examples.example import Example, ExampleSet
from maskforge.examples.mask_folders import open_masks
from maskforge.examples.partial_masks import written_items
from maskforge.files import as_source
from maskforge.issues import Origin
from maskforge.masks.classes import ClassMap
from maskforge.masks.maskfile import read_mask

_NUMBER = re.compile(r"(?:class )?(\d+)", re.ASCII)


@dataclass(frozen=True, slots=True)
class InstanceFile:
    """The instance map of an image.

    Attributes:
        path: Where it is.
        wanted: The instances that are units, or belong to one, with their names.
    """

    path: Path
    wanted: Mapping[int, str]


@dataclass(frozen=True, slots=True, eq=False)
class Units:
    """The units of an image.

    Attributes:
        map: Which pixel belongs to which.
        zones: (H, W) how deep every pixel lies in its unit; None if nobody asked.
        lost: Number of units of which the instance map shows no pixel.
    """

    map: UnitMap
    zones: NDArray[np.uint8] | None
    lost: int = 0


@dataclass(frozen=True, slots=True)
class UnitSource:
    """The units of all images.

    Attributes:
        question: What is asked of them.
        lesions: Numbers of the classes of lesions among the foreground classes that are shared.
        classes: The class map of the masks.
        numbers: Numbers of the unit classes among its foreground classes.
        tissues: Numbers of enamel, dentine and pulp among them; empty for no depths.
        partners: By name of the truth, the mask of its units. An image without has none.
        instances: By name of the truth, its instance map.
        numbered: What the only unit of every class is called, if each is one; else empty.
        hidden: Whether lesions hide what they lie in.
        measure: Connectivity and spacing.
    """

    question: UnitQuestion
    lesions: tuple[int, ...]
    classes: ClassMap
    numbers: tuple[int, ...]
    tissues: tuple[int, ...]
    partners: Mapping[str, Example]
    instances: Mapping[str, InstanceFile]
    numbered: tuple[str, ...]
    hidden: bool
    measure: MeasureOptions

    def alone(self, truth: Example, *, anywhere: bool = False) -> UnitSource:
        """Return as much as any process needs for the units of an example.

        Args:
            truth: The example.
            anywhere: Whether it may be on another machine.
        """
        name = truth.name
        partner, instances = self.partners.get(name), self.instances.get(name)
        if anywhere:
            partner = partner and absolute(partner)
            instances = instances and replace(instances, path=instances.path.absolute())
        return replace(
            self,
            partners={name: partner} if partner else {},
            instances={name: instances} if instances else {},
        )

    def read(self, truth: Example, lesions: NDArray[np.bool_]) -> Units | None:
        """Return the units of an image of the truth; None if nothing is known of them.

        Args:
            truth: The image.
            lesions: (H, W) bool: the lesions of the truth, for masks in which they hide what is
                below.

        Raises:
            DatasetError: If a file cannot be read, or is not of the size of the truth.
        """
        example = self.partners.get(truth.name)
        if example is None:
            return None
        planes = example_planes(example, self.classes, (*self.numbers, *self.tissues)).planes
        if planes.shape[1:] != lesions.shape:
            raise _wrong_size(example.mask, planes.shape[1:], lesions.shape)
        own, tissues = planes[: len(self.numbers)], planes[len(self.numbers) :]
        units = self._map(truth, own)
        if self.hidden:
            units = _filled(units, lesions)
        elif example.encoding == "multihot" and truth.name in self.instances:
            units = _filled(units.within(_anywhere(own)), _anywhere(own))
        zones = depth_zones(units, tissues, self.measure.spacing) if len(tissues) else None
        lost = self._drawn(truth) - len(units) if truth.name in self.instances else 0
        return Units(units, zones, lost)

    def _drawn(self, truth: Example) -> int:
        """Return how many units the instance map of an image should show."""
        wanted = self.instances[truth.name].wanted
        return len({name or number for number, name in wanted.items()})

    def _map(self, truth: Example, own: NDArray[np.bool_]) -> UnitMap:
        file = self.instances.get(truth.name)
        if file is not None:
            values = read_mask(file.path)
            if values.shape != own.shape[1:]:
                raise _wrong_size(file.path, values.shape, own.shape[1:])
            return instances_as_units(values, file.wanted)
        if self.numbered:
            numbers = np.zeros(own.shape[1:], dtype=np.uint16)
            for number, plane in enumerate(own, 1):
                numbers[plane] = number
            return instances_as_units(numbers, dict(enumerate(self.numbered, 1)))
        return regions_as_units(_anywhere(own), self.measure.connectivity)


def _anywhere(planes: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return np.asarray(planes.any(axis=0))


def _wrong_size(path: Path, found: Sequence[int], wanted: Sequence[int]) -> DatasetError:
    return DatasetError(
        f"the units have {found[1]} x {found[0]} px, the truth {wanted[1]} x {wanted[0]} px",
        origin=Origin(path, ""),
        hint="make the masks of units from images of the same size",
    )


def _filled(units: UnitMap, hidden: NDArray[np.bool_]) -> UnitMap:
    """Return units with the pixels that something hides, each given to the unit nearest to it.

    Args:
        units: The units.
        hidden: (H, W) bool: where something may lie on top. Regions of it that touch no unit stay
            outside.
    """
    covered = units.covered
    missing = hidden & ~covered
    if not missing.any() or not len(units):
        return units
    regions, sizes = components(missing, 8)
    beside = cv2.dilate(covered.view(np.uint8), np.ones((3, 3), np.uint8)).view(np.bool_)
    touches = np.zeros(len(sizes), dtype=np.bool_)
    touches[regions[beside & missing]] = True
    rows, columns = ndimage.distance_transform_edt(
        ~covered, return_distances=False, return_indices=True
    )
    given = missing & touches[regions]
    numbers = units.numbers.copy()
    numbers[given] = units.numbers[rows[given], columns[given]]
    return UnitMap(numbers, units.names)


def open_units(
    truth: ExampleSet, shared: ClassMap, options: EvaluateOptions
) -> tuple[UnitSource | None, tuple[str, ...]]:
    """Open the units of images, and find which classes are lesions.

    Args:
        truth: The images that are evaluated.
        shared: The classes that truth and prediction have in common.
        options: How.

    Returns:
        The units, None if nobody asked, and what has to be known about them.

    Raises:
        DatasetError: If the masks of the units cannot be read, or belong to none of the images.
        OptionError: If a class does not exist, or the masks cannot tell what is asked for.
    """
    chosen = options.per_unit
    if not chosen.wanted:
        return None, ()
    place = None if chosen.units is None else as_source(chosen.units)
    masks: ExampleSet = truth
    notes: tuple[str, ...] = ()
    partners = {one.name: one for one in truth}
    if place is not None:
        masks = open_masks(place, partial=options.partial, unfinished=options.unfinished)
        paired = pair(truth, masks)
        partners = {one.name: mask for one, mask in paired.pairs}
        notes = (*masks.notes, *paired.notes)
        if paired.lonely_truth:
            notes += (
                f"images without units, in none of the numbers per unit "
                f"({len(paired.lonely_truth)}): {listing(paired.lonely_truth)}",
            )
    names = [masks.classes.names[id_] for id_ in masks.classes.foreground_ids]
    where = "the truth" if place is None else str(place)
    unit_classes = tuple(chosen.unit_class or chosen.depth_from or names)
    for one in (*unit_classes, *chosen.depth_from):
        if one not in names:
            raise OptionError(
                f"{where} has no class {one!r}{did_you_mean(one, names)}",
                hint=f"its classes are {listing(names)}; other masks of units are given with "
                "--units",
            )
    lesions = _lesion_classes(shared, chosen.lesion_class, {*unit_classes, *chosen.depth_from})
    layered = all(one.encoding == "multihot" for one in partners.values())
    hidden = not layered and (place is None or any(one in names for one in lesions))
    if hidden and chosen.depth_from:
        raise OptionError(
            f"the masks of {where} hold one class per pixel, so lesions hide the tissue that they "
            "lie in, and nobody can tell how deep they reach",
            hint="make masks with --encoding multihot, or name masks of the tissues alone with "
            "--units",
        )
    on_top = None if layered else {*lesions, *chosen.depth_from}
    instances = _instance_files(partners, unit_classes, on_top)
    if hidden:
        notes += (
            "the masks hold one class per pixel, so lesions hide the units that they lie in: their "
            "pixels count for the nearest unit that they touch",
        )
    shared_names = [shared.names[id_] for id_ in shared.foreground_ids]
    source = UnitSource(
        question=UnitQuestion(where, unit_classes, lesions, chosen.unit_pixels),
        lesions=tuple(shared_names.index(one) for one in lesions),
        classes=masks.classes,
        numbers=tuple(names.index(one) for one in unit_classes),
        tissues=tuple(names.index(one) for one in chosen.depth_from),
        partners=partners,
        instances=instances,
        numbered=() if instances else _numbers(unit_classes),
        hidden=hidden,
        measure=options.measure,
    )
    return source, notes


def _numbers(names: Sequence[str]) -> tuple[str, ...]:
    """Return the numbers that classes are called by, if all are: ``36``, or ``class 36``."""
    found = [_NUMBER.fullmatch(one) for one in names]
    return tuple(one[1] for one in found if one) if all(found) else ()


def _lesion_classes(shared: ClassMap, chosen: Sequence[str], others: set[str]) -> tuple[str, ...]:
    names = [shared.names[id_] for id_ in shared.foreground_ids]
    for one in chosen:
        if one not in names:
            raise OptionError(
                f"truth and prediction share no class {one!r}{did_you_mean(one, names)}",
                hint=f"they share {listing(names)}",
            )
    lesions = tuple(chosen) or tuple(one for one in names if one not in others)
    if not lesions:
        raise OptionError(
            f"truth and prediction share the classes of the units alone: {listing(names)}",
            hint="name the class of the lesions with --lesion-class",
        )
    return lesions


def _instance_files(
    partners: Mapping[str, Example], classes: Sequence[str], on_top: Collection[str] | None
) -> dict[str, InstanceFile]:
    """Return the instance maps of masks by name of the truth; none if not all masks have one.

    Args:
        partners: The masks by name of the truth.
        classes: Classes whose instances are units.
        on_top: Classes whose instances belong to the unit that bears the same name; None for all.
    """
    files: dict[str, InstanceFile] = {}
    items = written_items(one.mask for one in partners.values())
    for name, item in zip(partners, items, strict=True):
        if item is None or item.entry.instances is None:
            return {}
        wanted = _wanted(item.entry, classes, on_top)
        files[name] = InstanceFile(item.folder / item.entry.instances, wanted)
    return files


def _wanted(
    entry: ManifestEntry, classes: Sequence[str], on_top: Collection[str] | None
) -> dict[int, str]:
    classes_of, names_of = entry.instance_classes, entry.instance_names
    every = list(enumerate(itertools.zip_longest(classes_of, names_of, fillvalue=""), 1))
    found = {number: name for number, (class_, name) in every if class_ in classes}
    names = {*found.values()} - {""}
    return found | {
        number: name
        for number, (class_, name) in every
        if name in names and (on_top is None or class_ in on_top)
    }
