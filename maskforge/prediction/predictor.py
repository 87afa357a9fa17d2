"""A trained model that is ready to be used."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from maskforge.choices import SYMMETRIES, FoldWeights, ModelPrecision, with_keywords
from maskforge.choices import Runtime as RuntimeName
from maskforge.display.brief import Brief
from maskforge.errors import OptionError
from maskforge.files import PathLike, as_source
from maskforge.images.decoder import read_image
from maskforge.images.large_image import LargeImage
from maskforge.images.stored import Pixels
from maskforge.masks.classes import ClassMap
from maskforge.masks.post_processing import PostProcessing, post_process
from maskforge.masks.targets import decide, to_ids
from maskforge.nn.kerasfile import refuse_other_files
from maskforge.nn.modelfile import ModelDescription, model_folder, read_description
from maskforge.prediction.bands import Bands
from maskforge.prediction.ensemble import load_networks
from maskforge.prediction.in_progress import InProgress
from maskforge.prediction.model_options import ModelOptions, Tile
from maskforge.prediction.network import Network
from maskforge.prediction.prediction import Prediction
from maskforge.prediction.runtimes.base import Runtime
from maskforge.prediction.tiling import auto_tile
from maskforge.shapes import Size


@dataclass(frozen=True, slots=True, repr=False)
class Predictor(Brief):
    """A trained model in a runtime; made by ``load``.

    Attributes:
        folder: Folder of the model.
        description: What is known about it.
        classes: Its class map.
        runtime: What it runs in.

    Examples:
        >>> predictor = mf.Predictor.load("runs/caries")
        >>> prediction = predictor.predict(np.zeros((64, 64), np.uint8))
        >>> prediction.mask.shape, prediction.probabilities.shape
        ((64, 64), (64, 64, 1))
    """

    folder: Path
    description: ModelDescription
    classes: ClassMap
    runtime: Runtime
    _network: Network = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        network = Network(self.folder, self.runtime, len(self.description.channel_ids))
        object.__setattr__(self, "_network", network)

    @classmethod
    def load(
        cls,
        path: PathLike,
        *,
        runtime: RuntimeName = "auto",
        precision: ModelPrecision = "auto",
        fold_weights: FoldWeights = "equal",
    ) -> Self:
        """Load a model; nothing that it brings along is run as code.

        On first use in OpenVINO or ONNX Runtime, the model is converted, checked for equal output
        and kept in its folder, or in the user's cache where that cannot be written.

        Args:
            path: Folder that a training wrote, or a file in it; that of a cross-validation is the
                mean of its folds.
            runtime: As in [`ModelOptions`][maskforge.ModelOptions].
            precision: As in [`ModelOptions`][maskforge.ModelOptions].
            fold_weights: As in [`ModelOptions`][maskforge.ModelOptions].

        Raises:
            MissingDependencyError: If a runtime is not installed.
            ModelError: If there is no model, or it is not what its description says.
            OptionError: If runtime and precision do not go together.
        """
        with_keywords(
            ModelOptions,
            None,
            {"runtime": runtime, "precision": precision, "fold_weights": fold_weights},
        )
        place = as_source(path)
        refuse_other_files(place)
        folder = model_folder(place)
        description = read_description(folder)
        chosen = load_networks(folder, description, runtime, precision, fold_weights)
        return cls(folder, description, description.classes, chosen)

    def thresholds(
        self, options: ModelOptions | None = None, **keywords: object
    ) -> tuple[float, ...]:
        """Return the threshold of every channel; none for softmax.

        Args:
            options: Those of averages (``tta``) differ from others; ``thresholds`` stand instead
                of those that were tuned in training.
            keywords: Single options by name.

        Raises:
            OptionError: If a class is not known, or thresholds are given and the head is softmax,
                which takes the most probable class.
        """
        options = with_keywords(ModelOptions, options, keywords)
        known = self.description.thresholds
        if options.tta and self.description.averaged_thresholds:
            known = self.description.averaged_thresholds
        override = options.thresholds
        if override is None:
            return known
        if self.description.head == "softmax":
            raise OptionError(
                "this model has exclusive classes: each pixel gets the most probable one, so "
                "there is no threshold"
            )
        names = [self.classes.names[id_] for id_ in self.description.channel_ids]
        given = override if isinstance(override, Mapping) else dict.fromkeys(names, override)
        for name in given:
            if name not in names:
                raise OptionError(
                    f"the model has no class {name!r}", hint=f"it has {', '.join(names)}"
                )
        return tuple(given.get(name, tuned) for name, tuned in zip(names, known, strict=True))

    def post_processing(
        self, options: ModelOptions | None = None, **keywords: object
    ) -> Mapping[str, PostProcessing]:
        """Return what becomes of the regions of a class, by class name; empty for nothing.

        Args:
            options: How; ``post_processing`` says whether anything is done.
            keywords: Single options by name.

        Raises:
            OptionError: If an option cannot be used.
        """
        options = with_keywords(ModelOptions, options, keywords)
        return self.description.post_processing if options.post_processing == "stored" else {}

    def predict(
        self,
        image: NDArray[Any] | PathLike | bytes,
        options: ModelOptions | None = None,
        *,
        keep_probabilities: bool = True,
        **keywords: object,
    ) -> Prediction:
        """Predict one image. Several threads may do so at once.

        Memory: the image as float32, the mask, and with ``keep_probabilities``, or where classes
        that overlap are post-processed, 4 bytes per pixel and channel; besides these the sums of
        one row of tiles and what the network needs for ``batch_size`` tiles.

        Args:
            image: (H, W) or (H, W, C), uint8 or uint16, values as in the file; gray and RGB are
                turned into what the network was trained on. Or an image file, or its content, which
                is predicted as it is shown, with its EXIF orientation applied.
            options: How; runtime and precision do not count, since the model is loaded.
            keep_probabilities: Whether the result holds them.
            keywords: Single options by name, such as ``tta=True``.

        Raises:
            DatasetError: If the file cannot be used as an image.
            ModelError: If the network cannot be run, or does not give probabilities.
            OptionError: If an option cannot be used, or the array is of no such form.

        Examples:
            >>> predictor = mf.Predictor.load("runs/caries")
            >>> predictor.predict(np.zeros((64, 80), np.uint8), thresholds=1.0)
            Prediction(80 x 64 px, nothing found)
        """
        for name in SETTLED:
            if name in keywords:
                raise settled(name)
        options = with_keywords(ModelOptions, options, keywords)
        begin = beginning(self, options, keep_probabilities=keep_probabilities)
        one = begin(_pixels(image, self.description.scaling.window))
        return one.finish(map(self._network.infer, one.batches()))


def decided(
    predictor: Predictor,
    image: Pixels,
    probabilities: NDArray[np.float32],
    options: ModelOptions,
) -> Prediction:
    """Return what a model says about an image, from probabilities that are known.

    Args:
        predictor: The model.
        image: The image.
        probabilities: (H, W, K): of every channel.
        options: Thresholds and post-processing.

    Raises:
        OptionError: If the model has no such class, or no thresholds.
    """
    head, classes = predictor.description.head, predictor.classes
    target = decide(probabilities, head, predictor.thresholds(options))
    target = post_process(target, classes, head, predictor.post_processing(options))
    mask = to_ids(target, classes, head, probabilities)
    return Prediction(mask, target, probabilities, image, classes)


SETTLED = ("runtime", "precision", "fold_weights")
"""Options that are settled when a model is loaded."""


def load_as(path: PathLike, options: ModelOptions) -> Predictor:
    """Load a model with the options that are settled then; raises as ``Predictor.load``."""
    return Predictor.load(path, **{name: getattr(options, name) for name in SETTLED})


def settled(name: str) -> OptionError:
    """Return the error for an option that is given when the model is loaded already."""
    return OptionError(
        f"the model is loaded already, and {name} is settled then",
        hint=f"give it before: Predictor.load(model, {name}=...)",
    )


def network_of(predictor: Predictor) -> Network:
    """Return what runs the network of a model."""
    return predictor._network


def beginning(
    predictor: Predictor, options: ModelOptions, *, keep_probabilities: bool
) -> Callable[[Pixels | LargeImage], InProgress]:
    """Return what begins the prediction of any number of images with the same options.

    Args:
        predictor: The model.
        options: How.
        keep_probabilities: Whether the predictions hold them.

    Raises:
        OptionError: If an option cannot be used.
    """
    described = predictor.description
    thresholds = predictor.thresholds(options)
    post_processing = predictor.post_processing(options)
    symmetries = described.symmetries or SYMMETRIES if options.tta else ()

    def begin(pixels: Pixels | LargeImage) -> InProgress:
        bands = Bands(
            pixels,
            scaling=described.scaling,
            offset=described.offset,
            resize=described.resize and Size(*described.resize),
            tile=partial(_tile, tile=options.tile, trained=Size(*described.tile)),
            overlap=options.overlap,
            stride=described.stride,
            batch_size=options.batch_size,
            symmetries=symmetries,
        )
        return InProgress(
            pixels,
            bands,
            classes=predictor.classes,
            head=described.head,
            thresholds=thresholds,
            post_processing=post_processing,
            keep_probabilities=keep_probabilities,
        )

    return begin


def _tile(size: Size, tile: Tile, trained: Size) -> Size | None:
    if tile == "auto":
        return auto_tile(size, trained)
    return None if tile == "whole" else Size(tile, tile)


def _pixels(image: NDArray[Any] | PathLike | bytes, window: str) -> Pixels:
    if isinstance(image, (str, os.PathLike)):
        return read_image(as_source(image), upright=True, window=window)
    if isinstance(image, bytes):
        return read_image(image, upright=True, window=window)
    if image.ndim not in (2, 3) or 0 in image.shape or image.dtype not in (np.uint8, np.uint16):
        raise OptionError(
            f"expected an image (H, W) or (H, W, C) of uint8 or uint16, "
            f"found {image.shape} {image.dtype}"
        )
    return image
