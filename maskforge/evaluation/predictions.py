"""Predictions that are compared with a truth: masks on disk, with probabilities beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from maskforge.errors import DatasetError
from maskforge.evaluation.measures.regions import Planes, Regions, compose, pick, target_planes
from maskforge.examples.example import Example, ExampleSet
from maskforge.files import MASKS, PROBABILITIES, open_regular
from maskforge.issues import Origin


@dataclass(frozen=True, slots=True, eq=False)
class Predicted:
    """The prediction for one image.

    Attributes:
        planes: Where each of the shared classes is.
        probabilities: (H, W, K) of the shared classes, or None.
    """

    planes: Planes
    probabilities: NDArray[Any] | None = None


class Predictions(Protocol):
    """Where predictions come from."""

    def predict(self, truth: Example) -> Predicted:
        """Return the prediction for an example of the truth."""
        ...


def example_planes(example: Example, examples: ExampleSet, numbers: Sequence[int]) -> Planes:
    """Return some classes of the mask of an example.

    Args:
        example: The example.
        examples: Its set.
        numbers: Their numbers among the foreground classes of the set.

    Raises:
        DatasetError: If the mask cannot be read.
    """
    target = example.read_target(examples.classes, "sigmoid")
    count = len(examples.classes.foreground_ids)
    return pick(target_planes(target, "sigmoid", count), numbers)


def compare(example: Example, truth: Planes, predicted: Planes) -> Regions:
    """Put truth and prediction side by side.

    Raises:
        DatasetError: If they differ in size.
    """
    if truth.void.shape != predicted.void.shape:
        (height, width), (rows, columns) = truth.void.shape, predicted.void.shape
        raise DatasetError(
            f"the truth has {width} x {height} px, the prediction {columns} x {rows} px",
            origin=Origin(example.mask, ""),
            hint="masks are not resized: predict the images in their own size",
        )
    return compose(truth, predicted)


@dataclass(frozen=True, slots=True)
class MaskPredictions:
    """Masks that somebody or something has made.

    Attributes:
        examples: The masks.
        partners: Per name in the truth, the mask that belongs to it.
        numbers: The shared classes among the foreground classes of the masks.
        probabilities: Folder of ``NAME.npy`` with (H, W, K) floats: a channel for every class but
            the background, or for every class; None if there is none.
    """

    examples: ExampleSet
    partners: dict[str, Example]
    numbers: tuple[int, ...]
    probabilities: Path | None

    def predict(self, truth: Example) -> Predicted:
        """Return the mask that belongs to an example of the truth.

        Raises:
            DatasetError: If the mask or its probabilities cannot be read.
        """
        example = self.partners[truth.name]
        planes = example_planes(example, self.examples, self.numbers)
        if self.probabilities is None:
            return Predicted(planes)
        path = self.probabilities / f"{example.name}.npy"
        return Predicted(planes, self._read(path, planes.void.shape))

    def _read(self, path: Path, size: tuple[int, ...]) -> NDArray[Any]:
        origin = Origin(path, "")
        try:
            with open_regular(path) as stream:
                values = np.lib.format.read_array(stream, allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            reason = getattr(error, "strerror", None) or error
            raise DatasetError(f"cannot be read: {reason}", origin=origin) from None
        classes = len(self.examples.classes.foreground_ids)
        first = values.shape[-1] - classes if values.ndim == 3 else -1
        if values.dtype.kind != "f" or values.shape[:2] != size or first not in (0, 1):
            raise DatasetError(
                f"holds {values.dtype} of the shape {values.shape}, expected floats "
                f"({size[0]}, {size[1]}, {classes})",
                origin=origin,
            )
        chosen: NDArray[Any] = values[..., [first + number for number in self.numbers]]
        return chosen


def probabilities_folder(folder: Path, partners: Sequence[Example]) -> tuple[Path | None, str]:
    """Return the folder of probabilities beside masks, and a note if it is of no use.

    They count only if every mask has some: images with and without cannot be ranked together.
    """
    place = (folder.parent if folder.name == MASKS else folder) / PROBABILITIES
    if not place.is_dir():
        return None, ""
    missing = sum(not (place / f"{one.name}.npy").is_file() for one in partners)
    if missing:
        return None, f"probabilities are not used: {missing} masks have none in {place}"
    return place, ""
