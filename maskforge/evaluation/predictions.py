"""Predictions that are compared with a truth: masks on disk, with probabilities beside them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from maskforge.errors import DatasetError
from maskforge.evaluation.measures.regions import Planes, Regions, compose, pick, target_planes
from maskforge.examples.example import Example
from maskforge.examples.maskvalues import bands
from maskforge.files import MASKS, PROBABILITIES, open_regular
from maskforge.images.containers.base import Window
from maskforge.issues import Origin
from maskforge.masks.classes import ClassMap
from maskforge.shapes import Size

_BOTH = ("the truth", "the prediction")


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

    holds_images: ClassVar[bool]
    """Whether ``alone`` returns as much as an image takes."""

    def predict(self, truth: Example, window: Window | None = None, *, step: int = 1) -> Predicted:
        """Return the prediction for an example of the truth, or a part; see ``Sides.regions``."""
        ...

    def bands(self, truth: Example) -> list[Window]:
        """Return the bands in which it is read, as ``maskvalues.bands`` does."""
        ...

    def alone(self, truth: Example, *, anywhere: bool = False) -> Predictions:
        """Return what any process can ask for the prediction of this example.

        Args:
            truth: The example.
            anywhere: Whether it may be on another machine.
        """
        ...

    def places(self) -> Iterable[Path]:
        """Return files and folders that other machines need for that."""
        ...


def example_planes(
    example: Example,
    classes: ClassMap,
    numbers: Sequence[int],
    window: Window | None = None,
    *,
    step: int = 1,
) -> Planes:
    """Return some classes of the mask of an example.

    Args:
        example: The example.
        classes: The class map of its set.
        numbers: Their numbers among the foreground classes of it.
        window: The part that is wanted; None for all.
        step: Of every so many rows and columns of it, the first is returned.

    Raises:
        DatasetError: If the mask cannot be read.
    """
    target = example.read_target(classes, "sigmoid", window, step=step)
    return pick(target_planes(target, "sigmoid", len(classes.foreground_ids)), numbers)


def absolute(example: Example) -> Example:
    """Return an example whose files are found from every working folder."""
    return replace(example, image=example.image.absolute(), mask=example.mask.absolute())


def check_size(
    example: Example,
    truth: Planes,
    predicted: Planes,
    names: tuple[str, str] = _BOTH,
) -> None:
    """Make sure that two masks can be compared pixel by pixel.

    Raises:
        DatasetError: If they differ in size; with the names of both.
    """
    if truth.void.shape != predicted.void.shape:
        sizes = [Size(*one.void.shape[::-1]) for one in (truth, predicted)]
        raise _differ(example, sizes, names)


def _differ(
    example: Example, sizes: Sequence[Size], names: tuple[str, str] = _BOTH
) -> DatasetError:
    return DatasetError(
        f"{names[0]} has {sizes[0]} px, {names[1]} {sizes[1]} px",
        origin=Origin(example.mask, ""),
        hint="masks are not resized: predict the images in their own size",
    )


@dataclass(frozen=True, slots=True)
class Raters:
    """All who have marked the same images, of whom every two are compared.

    Attributes:
        names: What they are called: first the truth, then the prediction, then the others.
        others: The masks of those after the first two.
        numbers: For each, the classes that all know among those that it shares with the truth.
        images: Names of the images that all have.
    """

    names: tuple[str, ...]
    others: tuple[Predictions, ...]
    numbers: tuple[tuple[int, ...], ...]
    images: frozenset[str]

    def alone(self, example: Example, *, anywhere: bool = False) -> Raters:
        """Return as much as any process needs for ``planes`` of this example."""
        if example.name not in self.images:
            return replace(self, others=(), images=frozenset())
        others = tuple(one.alone(example, anywhere=anywhere) for one in self.others)
        return replace(self, others=others, images=frozenset((example.name,)))

    def planes(self, example: Example, truth: Planes, predicted: Planes) -> tuple[Planes, ...]:
        """Return what each has marked, in the order of the names.

        Raises:
            DatasetError: If a mask cannot be read, or they differ in size.
        """
        planes = [truth, predicted, *(one.predict(example).planes for one in self.others)]
        for name, one in zip(self.names, planes, strict=True):
            check_size(example, truth, one, (self.names[0], name))
        return tuple(map(pick, planes, self.numbers))


@dataclass(frozen=True, slots=True)
class Sides:
    """Truth and predictions.

    Attributes:
        classes: The class map of the truth.
        numbers: The shared classes among its foreground classes.
        predictions: The predictions.
        raters: Who is compared with whom beside them; None if nobody is.
    """

    classes: ClassMap
    numbers: tuple[int, ...]
    predictions: Predictions
    raters: Raters | None = None

    @property
    def holds_images(self) -> bool:
        """Whether ``alone`` returns as much as an image takes."""
        others = () if self.raters is None else self.raters.others
        return any(one.holds_images for one in (self.predictions, *others))

    def read(
        self, example: Example, window: Window | None = None, *, step: int = 1
    ) -> tuple[Planes, Predicted]:
        """Return truth and prediction of an example; see ``regions``.

        Raises:
            DatasetError: If one of them cannot be read.
        """
        truth = example_planes(example, self.classes, self.numbers, window, step=step)
        return truth, self.predictions.predict(example, window, step=step)

    def regions(
        self, example: Example, window: Window | None = None, *, step: int = 1
    ) -> tuple[Regions, Predicted]:
        """Return truth and prediction of an example.

        Args:
            example: The example.
            window: The part that is wanted; None for all.
            step: Of every so many rows and columns of it, the first is returned.

        Raises:
            DatasetError: If one of them cannot be read, or they differ in size.
        """
        truth, predicted = self.read(example, window, step=step)
        check_size(example, truth, predicted.planes)
        return compose(truth, predicted.planes), predicted

    def bands(self, example: Example) -> list[Window]:
        """Return the bands of rows in which an example is compared; none if it is as a whole.

        Raises:
            DatasetError: If truth and prediction differ in size.
        """
        truth, predicted = bands(example.mask), self.predictions.bands(example)
        if truth and predicted:
            sizes = [Size(one.width, one.top + one.height) for one in (truth[-1], predicted[-1])]
            if sizes[0] != sizes[1]:
                raise _differ(example, sizes)
        return truth if predicted else []

    def alone(self, example: Example, *, anywhere: bool = False) -> Sides:
        """Return as much as any process needs for ``regions`` of this example."""
        raters = None if self.raters is None else self.raters.alone(example, anywhere=anywhere)
        predictions = self.predictions.alone(example, anywhere=anywhere)
        return replace(self, predictions=predictions, raters=raters)

    def places(self) -> Iterable[Path]:
        """Return files and folders that other machines need for that."""
        others = () if self.raters is None else self.raters.others
        return [place for one in (self.predictions, *others) for place in one.places()]


@dataclass(frozen=True, slots=True)
class MaskPredictions:
    """Masks that somebody or something has made.

    Attributes:
        classes: The class map of the masks.
        partners: Per name in the truth, the mask that belongs to it.
        numbers: The shared classes among the foreground classes of the masks.
        probabilities: Folder of ``NAME.npy`` with (H, W, K) floats: a channel for every class but
            the background, or for every class; None if there is none.
    """

    classes: ClassMap
    partners: Mapping[str, Example]
    numbers: tuple[int, ...]
    probabilities: Path | None
    holds_images: ClassVar = False

    def alone(self, truth: Example, *, anywhere: bool = False) -> MaskPredictions:
        """Return the only mask that belongs to an example."""
        partner, probabilities = self.partners[truth.name], self.probabilities
        if anywhere:
            partner = absolute(partner)
            probabilities = probabilities and probabilities.absolute()
        return replace(self, partners={truth.name: partner}, probabilities=probabilities)

    def places(self) -> Iterable[Path]:
        """Return the folders of the masks."""
        return dict.fromkeys(one.mask.absolute().parent for one in self.partners.values())

    def bands(self, truth: Example) -> list[Window]:
        """Return the bands of the mask; none if there are probabilities, which are read whole."""
        return [] if self.probabilities is not None else bands(self.partners[truth.name].mask)

    def predict(self, truth: Example, window: Window | None = None, *, step: int = 1) -> Predicted:
        """Return the mask that belongs to an example of the truth.

        Raises:
            DatasetError: If the mask or its probabilities cannot be read.
        """
        example = self.partners[truth.name]
        planes = example_planes(example, self.classes, self.numbers, window, step=step)
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
        classes = len(self.classes.foreground_ids)
        first = values.shape[-1] - classes if values.ndim == 3 else -1
        if values.dtype.kind != "f" or values.shape[:2] != size or first not in (0, 1):
            raise DatasetError(
                f"holds {values.dtype} of the shape {values.shape}, expected floats "
                f"({size[0]}, {size[1]}, {classes})",
                origin=origin,
            )
        chosen: NDArray[Any] = values[..., [first + number for number in self.numbers]]
        return chosen


@dataclass(frozen=True, slots=True)
class KnownPrediction:
    """What was predicted for one image, or why that could not be done."""

    predicted: Predicted | Exception
    holds_images: ClassVar = True

    def bands(self, truth: Example) -> list[Window]:
        """Return none: it is there as a whole."""
        return []

    def predict(self, truth: Example, window: Window | None = None, *, step: int = 1) -> Predicted:
        """Return it.

        Raises:
            Exception: That was raised when it was predicted.
        """
        if isinstance(self.predicted, Exception):
            raise self.predicted
        return self.predicted

    def alone(self, truth: Example, *, anywhere: bool = False) -> KnownPrediction:
        """Return it as it is."""
        return self

    def places(self) -> Iterable[Path]:
        """Return nothing."""
        return ()


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
