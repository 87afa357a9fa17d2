"""Opening both sides of an evaluation: which images, which classes, and where predictions are."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from maskforge.choices import Progress
from maskforge.dataset.manifest import is_dataset, open_dataset
from maskforge.errors import DatasetError, MaskforgeError, OptionError
from maskforge.evaluation.evaluate_options import EvaluateOptions
from maskforge.evaluation.measures.regions import pick, target_planes
from maskforge.evaluation.pairs import SharedClasses, pair, share_classes
from maskforge.evaluation.parts import Part, choose_part
from maskforge.evaluation.predictions import (
    KnownPrediction,
    MaskPredictions,
    Predicted,
    Predictions,
    Raters,
    Sides,
    probabilities_folder,
)
from maskforge.evaluation.units.unit_source import UnitSource, open_units
from maskforge.examples.example import Example, ExampleSet
from maskforge.examples.folderpairs import usual_folders
from maskforge.examples.mask_folders import known_classes, open_masks
from maskforge.files import RECORD, PathLike, as_source
from maskforge.images.containers.base import Window
from maskforge.images.page import is_there
from maskforge.issues import Origin
from maskforge.masks.post_processing import in_words
from maskforge.nn.modelfile import DESCRIPTION
from maskforge.prediction.model_options import ModelOptions
from maskforge.prediction.model_source import ModelSource, check_again

if TYPE_CHECKING:
    from maskforge.prediction.predictor import Predictor


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is compared with what.

    Attributes:
        prediction: What was compared, for people.
        part: The images of the truth.
        examples: Those of them that have a prediction.
        shared: The classes.
        predictions: The predictions.
        notes: What has to be known.
        lonely_truth: Names without prediction.
        lonely_predictions: Names without truth.
        model_digest: SHA-256 of the weights of a model, or empty.
        raters: Who is compared with whom beside them; None if nobody is.
        units: The units of the images; None if nobody asked.
    """

    prediction: str
    part: Part
    examples: tuple[Example, ...]
    shared: SharedClasses
    predictions: Predictions
    notes: tuple[str, ...]
    lonely_truth: tuple[str, ...] = ()
    lonely_predictions: tuple[str, ...] = ()
    model_digest: str = ""
    raters: Raters | None = None
    units: UnitSource | None = None

    @property
    def sides(self) -> Sides:
        """Truth and predictions of all examples."""
        classes = self.part.examples.classes
        return Sides(classes, self.shared.truth, self.predictions, self.raters)


def open_comparison(
    prediction: Path | Predictor,
    truth: PathLike | ExampleSet,
    options: EvaluateOptions,
    progress: Progress | None,
) -> Comparison:
    """Open predictions and truth, and find what belongs together.

    Args:
        prediction: Folder of a model or of masks, or a model that is loaded.
        truth: Data set, folder of masks, or examples.
        options: How.
        progress: Called after every image of the truth.

    Raises:
        DatasetError: If there is nothing to compare.
        ModelError: If the model cannot be used.
        OptionError: If an option cannot be used.
    """
    opened = _open(prediction, truth, options, progress)
    examples = opened.part.examples.subset([one.name for one in opened.examples])
    units, notes = open_units(examples, opened.shared.classes, options)
    return replace(opened, units=units, notes=_distinct(*opened.notes, *notes))


def _open(
    prediction: Path | Predictor,
    truth: PathLike | ExampleSet,
    options: EvaluateOptions,
    progress: Progress | None,
) -> Comparison:
    if not isinstance(truth, ExampleSet):
        truth = as_source(truth)
    places = [] if isinstance(truth, ExampleSet) else [truth]
    if isinstance(prediction, Path):
        places.insert(0, prediction)
    for place in places:
        if not place.exists():
            raise DatasetError("does not exist", origin=Origin(place, ""))
    if not isinstance(prediction, Path) or is_model(prediction):
        return _open_model(prediction, truth, options, progress)
    if options.model != ModelOptions():
        raise OptionError(
            f"{prediction} is not a model, so nothing is predicted: runtime, precision, tile, "
            "overlap, tta, thresholds, post_processing and batch_size have no effect",
            hint="leave these options out, or name the folder of a model",
        )
    predicted_classes = known_classes(prediction)
    if isinstance(truth, ExampleSet):
        examples = truth
    elif _has_images(truth):
        from maskforge.examples.sources import open_examples

        examples = open_examples(
            truth, partial=options.partial, unfinished=options.unfinished, progress=progress
        )
    else:
        examples = open_masks(
            truth,
            classes=options.classes or predicted_classes,
            mask_values=options.mask_values,
            partial=options.partial,
            unfinished=options.unfinished,
        )
    part = choose_part(examples, options.part, options.split, None)
    predictions = open_masks(
        prediction,
        classes=options.classes or examples.classes,
        mask_values=options.mask_values,
        partial=options.partial,
        unfinished=options.unfinished,
    )
    shared = share_classes(part.examples.classes, predictions.classes)
    pairing = pair(part.examples, predictions)
    partners = {one.name: partner for one, partner in pairing.pairs}
    probabilities, note = probabilities_folder(prediction, list(partners.values()))
    outside = {one.name for one in examples} - {one.name for one in part.examples}
    outside.update(examples.partial, predictions.partial)
    return Comparison(
        prediction=str(prediction),
        part=part,
        examples=tuple(one for one, _ in pairing.pairs),
        shared=shared,
        predictions=MaskPredictions(
            predictions.classes, partners, shared.prediction, probabilities
        ),
        notes=_distinct(
            *examples.notes, *predictions.notes, *part.notes, *shared.notes, *pairing.notes, note
        ),
        lonely_truth=tuple(one for one in pairing.lonely_truth if one not in outside),
        lonely_predictions=tuple(one for one in pairing.lonely_predictions if one not in outside),
    )


def is_model(place: Path) -> bool:
    """Tell whether a path is that of a model or of a run, and not of masks."""
    records = (place / DESCRIPTION, place / RECORD)
    return place.name == DESCRIPTION or any(one.is_file() for one in records)


def _has_images(truth: Path) -> bool:
    """Tell whether a truth is more than masks: then it can have columns and be drawn."""
    if is_dataset(truth):
        return all(
            item.image_path is not None and is_there(item.image_path)
            for item in open_dataset(truth)
        )
    return truth.is_file() or bool(usual_folders(truth))


def _open_model(
    model: Path | Predictor,
    truth: PathLike | ExampleSet,
    options: EvaluateOptions,
    progress: Progress | None,
) -> Comparison:
    from maskforge.examples.sources import open_examples
    from maskforge.prediction.predictor import load_as

    chosen = options.model
    if options.dask:
        check_again(model)
    predictor = load_as(model, chosen) if isinstance(model, Path) else model
    predictor.thresholds(options.model)  # refused now rather than image by image
    if isinstance(truth, ExampleSet):
        examples = truth
    else:
        classes, values = options.classes, options.mask_values
        examples = open_examples(
            truth,
            classes=classes,
            mask_values=values,
            partial=options.partial,
            unfinished=options.unfinished,
            progress=progress,
        )
    members = predictor.description.members
    part = choose_part(
        examples, options.part, options.split, predictor.folder, has_folds=bool(members)
    )
    shared = share_classes(part.examples.classes, predictor.classes)
    predictions: Predictions = _ModelPredictions(predictor, chosen, shared.prediction)
    runtimes = [predictor.runtime]
    rules = predictor.post_processing(chosen)
    said = [f"post-processing of {line}" for line in in_words(rules)]
    if part.folds:
        folders = (predictor.folder / one.folder for one in members)
        plain = replace(chosen, fold_weights="equal")
        loaded = [load_as(one, plain) for one in folders]
        runtimes = [one.runtime for one in loaded]
        networks = [_ModelPredictions(one, chosen, shared.prediction) for one in loaded]
        said = [
            f"{one.folder.name}: post-processing of {line}"
            for one in loaded
            for line in in_words(one.post_processing(chosen))
        ]
        predictions = _FoldPredictions(
            {name: networks[number - 1] for name, number in part.folds.items()}
        )
    return Comparison(
        prediction=str(model if isinstance(model, Path) else model.folder),
        part=part,
        examples=part.examples.examples,
        shared=shared,
        predictions=predictions,
        notes=_distinct(
            *examples.notes,
            *part.notes,
            *shared.notes,
            *(note for one in runtimes for note in one.notes),
            *said,
        ),
        model_digest=predictor.description.weights_digest,
    )


@dataclass(frozen=True, slots=True)
class _ModelPredictions:
    """What a model predicts, one image at a time."""

    predictor: Predictor | ModelSource
    options: ModelOptions
    numbers: tuple[int, ...]
    holds_images: ClassVar = True

    def alone(self, truth: Example, *, anywhere: bool = False) -> Predictions:
        """Return the prediction for an example: the network stays on this machine."""
        if isinstance(self.predictor, ModelSource):
            return self
        if anywhere:
            return replace(self, predictor=ModelSource.of(self.predictor, self.options))
        try:
            return KnownPrediction(self.predict(truth))
        except (MaskforgeError, ValueError) as error:
            return KnownPrediction(error)

    def places(self) -> Iterable[Path]:
        """Return the folder of the model."""
        return (self.predictor.folder.absolute(),)

    def bands(self, truth: Example) -> list[Window]:
        """Return none: probabilities are made as a whole."""
        return []

    def predict(self, truth: Example, window: Window | None = None, *, step: int = 1) -> Predicted:
        """Return the prediction for the image of an example.

        Raises:
            DatasetError: If the image cannot be read.
        """
        predictor = self.predictor
        if isinstance(predictor, ModelSource):
            predictor = predictor.load()
        description = predictor.description
        image = truth.read_image(description.scaling.window)
        result = predictor.predict(image, self.options)
        classes = len(predictor.classes.foreground_ids)
        planes = target_planes(result.target, description.head, classes)
        assert result.probabilities is not None
        first = result.probabilities.shape[-1] - classes
        probabilities = result.probabilities[..., [first + number for number in self.numbers]]
        return Predicted(pick(planes, self.numbers), probabilities)


@dataclass(frozen=True, slots=True)
class _FoldPredictions:
    """What the networks of a cross-validation predict, each for the images of its fold."""

    by_name: Mapping[str, _ModelPredictions]
    turn: AbstractContextManager[Any] = field(default_factory=threading.Lock)
    holds_images: ClassVar = True

    def alone(self, truth: Example, *, anywhere: bool = False) -> Predictions:
        """Return the prediction for an example: the networks stay on this machine."""
        with self.turn:
            return self.by_name[truth.name].alone(truth, anywhere=anywhere)

    def places(self) -> Iterable[Path]:
        """Return the folders of the models."""
        return dict.fromkeys(place for one in self.by_name.values() for place in one.places())

    def bands(self, truth: Example) -> list[Window]:
        """Return none, as those of each network."""
        return []

    def predict(self, truth: Example, window: Window | None = None, *, step: int = 1) -> Predicted:
        """Return the prediction of the network that has not seen the image of an example.

        Raises:
            DatasetError: If the image cannot be read.
        """
        with self.turn:  # each network uses all cores
            return self.by_name[truth.name].predict(truth)


def _distinct(*notes: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, notes)))
