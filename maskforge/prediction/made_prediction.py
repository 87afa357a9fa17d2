"""What is written of a prediction, encoded before it is in its place: any process can make it."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import reduce
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from maskforge.dataset.made_file import MadeFile, mask_files, no_memory
from maskforge.errors import DatasetError
from maskforge.examples.maskvalues import count_values
from maskforge.files import MASKS
from maskforge.issues import Origin
from maskforge.masks.classes import BACKGROUND, VOID
from maskforge.masks.encoding import Mask, multi_hot, one_hot
from maskforge.prediction.image_list import ImageFile
from maskforge.prediction.in_progress import InProgress
from maskforge.prediction.outcomes import Outcome
from maskforge.prediction.predict_options import PredictOptions
from maskforge.prediction.prediction import Prediction, overlay_page
from maskforge.prediction.predictor import Predictor
from maskforge.prediction.read_ahead import Loaded
from maskforge.prediction.tiled_prediction import TiledPrediction
from maskforge.prediction.tiling import Floats
from maskforge.shapes import ImageState, Size


@dataclass(frozen=True, slots=True)
class Found:
    """What was found in an image, in numbers.

    Attributes:
        size: Of the mask.
        pixels: Pixels by class name, the background last.
        overlapped: Pixels of several classes.
        state: Whether anything was found.
    """

    size: Size
    pixels: dict[str, int]
    overlapped: int
    state: ImageState


@dataclass(frozen=True, slots=True)
class MadePrediction:
    """What became of an image.

    Attributes:
        loaded: The image; from another process without pixels.
        found: None if it could not be predicted, or was predicted earlier.
        reason: Why there is nothing, or no overlay.
        files: Its files.
        page: The mask, if it becomes a page of a stack.
        prediction: None from another process, and of a large image.
    """

    loaded: Loaded
    found: Found | None = None
    reason: str = ""
    files: tuple[MadeFile, ...] = ()
    page: Mask | None = None
    prediction: Prediction | None = None

    def light(self) -> MadePrediction:
        """Return it without what its files hold."""
        return replace(self, loaded=replace(self.loaded, pixels=None), prediction=None)


NO_OVERLAY = "is predicted, but cannot be shown: there is not enough memory"


def in_stack(image: ImageFile, options: PredictOptions) -> bool:
    """Tell whether the mask of an image becomes a page of a stack."""
    is_integer = options.encoding == "integer" and options.file_type != "npy"
    return is_integer and image.page is not None


def make_prediction(
    model: Predictor,
    options: PredictOptions,
    outcome: Outcome,
    out: Path,
    aside: Path | None = None,
) -> MadePrediction:
    """Return what is written of an image.

    Args:
        model: The model.
        options: How it is written.
        outcome: What became of the image.
        out: The output folder.
        aside: Folder into which files are written; None to keep their content.

    Raises:
        OutputError: If a file cannot be made.
    """
    loaded, prediction, reason = outcome
    if prediction is None:
        return MadePrediction(loaded, reason=reason)
    if isinstance(prediction, TiledPrediction):
        return MadePrediction(loaded, _found_in_parts(model, prediction), files=prediction.files)
    pixels, overlapped = _pixels(model, options, prediction)
    height, width = prediction.mask.shape
    state = ImageState.ANNOTATED if prediction.target.any() else ImageState.EMPTY
    found = Found(Size(width, height), pixels, overlapped, state)
    page = prediction.mask if in_stack(loaded.image, options) else None
    files: list[MadeFile] = []
    reason = ""
    try:
        if page is None:
            files += _masks(model, options, prediction)
    except MemoryError:
        raise no_memory(Origin(out / MASKS / loaded.known.name, "")) from None
    if options.probabilities:
        assert prediction.probabilities is not None
        files.append(_probabilities(prediction.probabilities))
    if options.overlay:
        try:
            image = overlay_page(prediction, loaded.known.name)
            files.append(MadeFile("overlay", ".png", image))
        except MemoryError:
            reason = NO_OVERLAY
    if aside is not None:
        files = [one.put_aside(aside) for one in files]
    return MadePrediction(loaded, found, reason, tuple(files), page, prediction)


def write_large(
    options: PredictOptions,
    folder: Callable[[], Path],
    progress: InProgress,
    results: Iterator[Floats],
) -> TiledPrediction:
    """Write the mask of a large image, and nothing else of it.

    Args:
        options: How it is written.
        folder: Returns where it is put aside.
        progress: The image.
        results: What the network says about each of its batches.

    Raises:
        DatasetError: If something else is asked for.
    """
    others = options.probabilities or options.overlay or options.formats
    if others or options.encoding not in ("integer", "binary"):
        raise DatasetError(
            "it is so large that it is predicted in parts, as an integer or binary mask alone: "
            "no channels, probabilities, overlays, or files of labeling tools"
        )
    return progress.write(results, folder(), encoding=options.encoding, pyramid=options.pyramid)


def _found_in_parts(model: Predictor, prediction: TiledPrediction) -> Found:
    names = model.classes.names
    pixels = {names[id_]: one for id_, one in prediction.pixels.items()}
    is_found = any(list(prediction.pixels.values())[:-1])
    state = ImageState.ANNOTATED if is_found else ImageState.EMPTY
    return Found(prediction.size, pixels, prediction.overlapped, state)


def _masks(model: Predictor, options: PredictOptions, prediction: Prediction) -> Iterator[MadeFile]:
    return mask_files(
        _encoded(model, options, prediction),
        None,
        options.file_type,
        model.classes.colors,
        palette=options.encoding != "binary",
    )


def _probabilities(probabilities: NDArray[np.float32]) -> MadeFile:
    """Return (H, W, K) as float16, which is exact to 0.0003."""
    stream = io.BytesIO()
    np.save(stream, probabilities.astype(np.float16), allow_pickle=False)
    return MadeFile("probabilities", ".npy", stream.getvalue())


def _encoded(
    model: Predictor, options: PredictOptions, prediction: Prediction
) -> NDArray[np.uint8] | Mask:
    classes, encoding = model.classes, options.encoding
    if encoding == "binary":
        return np.where(prediction.mask != BACKGROUND, np.uint8(VOID), np.uint8(BACKGROUND))
    if encoding == "onehot":
        return one_hot(prediction.mask, classes.ids)
    if encoding == "multihot" and model.description.head == "sigmoid":
        return prediction.target
    if encoding == "multihot":
        return multi_hot(prediction.mask, classes.foreground_ids)
    return prediction.mask


def _pixels(
    model: Predictor, options: PredictOptions, prediction: Prediction
) -> tuple[dict[str, int], int]:
    """Return the pixels per class name, the background last, and those of several classes."""
    target = prediction.target
    channels = reduce(np.add, np.moveaxis(target, -1, 0)) if target.ndim == 3 else None
    if channels is not None and options.encoding == "multihot":
        ids = model.description.channel_ids
        of_channels = target.sum(axis=(0, 1), dtype=np.int64)
        counts = {id_: int(one) for id_, one in zip(ids, of_channels, strict=True) if one}
        counts[BACKGROUND] = int((channels == 0).sum())
    else:
        counts = count_values(prediction.mask)
        counts[BACKGROUND] = counts.pop(BACKGROUND, 0)
    overlapped = 0 if channels is None else int((channels > 1).sum())
    return {model.classes.names[id_]: one for id_, one in counts.items()}, overlapped
