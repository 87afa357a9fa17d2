"""One image as several see it: the networks of a cross-validation, or one network by its flips."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, NoReturn

import numpy as np

from maskforge.choices import SYMMETRIES, Compared
from maskforge.errors import DatasetError, OptionError
from maskforge.files import PathLike, as_source
from maskforge.masks.targets import DEFAULT_THRESHOLD
from maskforge.nn.kerasfile import refuse_other_files
from maskforge.nn.modelfile import model_folder, read_description
from maskforge.prediction.ensemble import load_members
from maskforge.prediction.in_progress import InProgress
from maskforge.prediction.model_options import ModelOptions
from maskforge.prediction.outcomes import predict_each
from maskforge.prediction.prediction import Prediction
from maskforge.prediction.predictor import Predictor, decided, load_as
from maskforge.prediction.read_ahead import Loaded
from maskforge.prediction.runtimes.base import Runtime
from maskforge.prediction.tiling import Floats, View, views_of


class Seen(NamedTuple):
    """What became of an image.

    Attributes:
        loaded: The image.
        views: (V, H, W, K) float32: the probability of each of the K classes without the
            background, in each view; None if the image could not be predicted.
        mean: What all views predict together.
        reason: Why there is nothing.
    """

    loaded: Loaded
    views: Floats | None = None
    mean: Prediction | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Views:
    """A model, and the views in which it sees every image.

    Attributes:
        by: ``folds``, ``flips`` or ``thresholds``; for the last there is one view.
        predictors: The model in each view.
        options: How it is run.
    """

    by: Compared
    predictors: tuple[Predictor, ...]
    options: ModelOptions

    @property
    def model(self) -> Predictor:
        """The model in the first view; in all, it is described alike."""
        return self.predictors[0]

    @property
    def limits(self) -> tuple[float, ...]:
        """Probability from which on a pixel has the class, for each of the K classes.

        Exclusive classes have no thresholds; 0.5 stands for them.
        """
        classes = len(self.model.classes.foreground_ids)
        return self.model.thresholds(self._deciding) or (DEFAULT_THRESHOLD,) * classes

    @property
    def _deciding(self) -> ModelOptions:
        """How the mean of all views is decided."""
        return dataclasses.replace(self.options, tta=self.options.tta or self.by == "flips")

    def see(self, images: Iterable[Loaded]) -> Generator[Seen, None, None]:
        """Yield what becomes of images, in their order.

        Memory: of an image, the probabilities of all views, and their stack.

        Raises:
            NoProbabilitiesError: If the network gives no probabilities.
        """
        copies = itertools.tee(images, len(self.predictors))
        with contextlib.ExitStack() as opened:
            each = [
                opened.enter_context(
                    contextlib.closing(
                        predict_each(
                            one, same, self.options, keep_probabilities=True, write=_too_large
                        )
                    )
                )
                for one, same in zip(self.predictors, copies, strict=True)
            ]
            for outcomes in zip(*each, strict=True):
                loaded = outcomes[0].loaded
                seen = [
                    one.prediction.probabilities
                    for one in outcomes
                    if isinstance(one.prediction, Prediction)
                ]
                found = [one for one in seen if one is not None]
                if len(found) < len(outcomes):
                    yield Seen(loaded, reason=next(one.reason for one in outcomes if one.reason))
                else:
                    yield self._seen(loaded, found)

    def _seen(self, loaded: Loaded, found: list[Floats]) -> Seen:
        stack = np.stack(found)
        first = stack.shape[-1] - len(self.model.classes.foreground_ids)
        assert isinstance(loaded.pixels, np.ndarray)
        together = decided(self.model, loaded.pixels, stack.mean(axis=0), self._deciding)
        return Seen(loaded, stack[..., first:], together)


def open_views(path: PathLike, by: Compared, options: ModelOptions) -> Views:
    """Load a model in the views that are to be compared.

    Args:
        path: Folder of the model.
        by: ``folds`` compares the networks of a cross-validation, ``flips`` a network with itself
            in the flips that it was trained with, or in all if it was trained with none;
            ``thresholds`` needs one view. ``auto`` takes the first of these that the model has.
        options: How it is run.

    Raises:
        MissingDependencyError: If a runtime is not installed.
        ModelError: If there is no model, or it is not what its description says.
        OptionError: If the model has no such views, or options contradict each other.
    """
    place = as_source(path)
    refuse_other_files(place)
    folder = model_folder(place)
    description = read_description(folder)
    if by == "auto":
        flips = views_of(description.symmetries, square=False)
        by = "folds" if description.members else "flips" if len(flips) > 1 else "thresholds"
        if by == "flips" and options.tta:
            by = "thresholds"
    if by == "folds":
        if not description.members:
            raise OptionError(
                f"{folder} is a single network, so there are no folds to compare",
                hint="compare flips or thresholds, or train with --folds",
            )
        if options.fold_weights != "equal":
            raise OptionError(
                "folds are compared with each other, so none counts more than another",
                hint="leave out --fold-weights, or compare thresholds of their mean",
            )
        networks = load_members(folder, description, options.runtime, options.precision)
        classes = description.classes
        members = [Predictor(folder, description, classes, one) for one in networks]
        return Views(by, tuple(members), options)
    model = load_as(folder, options)
    if by == "thresholds":
        return Views(by, (model,), options)
    if options.tta:
        raise OptionError(
            "flips are compared with each other, and --tta averages over them",
            hint="leave out --tta, or compare thresholds",
        )
    flips = views_of(description.symmetries or SYMMETRIES, square=False)
    if len(flips) == 1:
        raise OptionError(
            f"{folder} was trained without flips, so it sees flipped images as it never saw any",
            hint="compare thresholds",
        )
    turned = (dataclasses.replace(model, runtime=_turned(model.runtime, one)) for one in flips)
    return Views(by, tuple(turned), options)


def _turned(runtime: Runtime, view: View) -> Runtime:
    """Return a runtime that sees every batch turned, and gives the result as it belongs to it."""
    begin = runtime.start

    def start(batch: Floats) -> Callable[[], Floats]:
        assert begin is not None
        wait = begin(view.of(batch))
        return lambda: view.back(wait())

    return dataclasses.replace(
        runtime,
        infer=lambda batch: view.back(runtime.infer(view.of(batch))),
        start=None if begin is None else start,
    )


def _too_large(image: InProgress, results: Iterator[Floats]) -> NoReturn:
    """Refuse an image that would be predicted in parts."""
    raise DatasetError("it is too large to be seen in several views")
