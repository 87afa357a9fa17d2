"""What becomes of each of many images: a prediction, or the reason why there is none."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Generator, Iterable, Iterator
from operator import itemgetter
from typing import NamedTuple, TypeAlias

from maskforge.errors import ModelError, OutputError
from maskforge.prediction.in_progress import InProgress
from maskforge.prediction.model_options import ModelOptions
from maskforge.prediction.network import NoProbabilitiesError
from maskforge.prediction.network_calls import Answer, answers
from maskforge.prediction.prediction import Prediction
from maskforge.prediction.predictor import Predictor, beginning, network_of
from maskforge.prediction.read_ahead import Loaded
from maskforge.prediction.tiled_prediction import TiledPrediction
from maskforge.prediction.tiling import Floats

WriteLarge: TypeAlias = Callable[[InProgress, Iterator[Floats]], TiledPrediction]
"""Writes the mask of a large image, given what the network says about its batches."""


class Outcome(NamedTuple):
    """What became of an image.

    Attributes:
        loaded: The image.
        prediction: None if it could not be predicted.
        reason: Why there is none.
    """

    loaded: Loaded
    prediction: Prediction | TiledPrediction | None
    reason: str = ""


class _Begun:
    """An image on its way."""

    def __init__(self, loaded: Loaded) -> None:
        self.loaded = loaded
        self.progress: InProgress | None = None
        self.error: Exception | None = None


def predict_each(
    predictor: Predictor,
    images: Iterable[Loaded],
    options: ModelOptions,
    *,
    keep_probabilities: bool,
    write: WriteLarge,
) -> Generator[Outcome, None, None]:
    """Yield what becomes of images, in their order.

    Args:
        predictor: The model.
        images: The images.
        options: How it is run.
        keep_probabilities: Whether the predictions hold them.
        write: Writes the mask of a large image.

    Raises:
        NoProbabilitiesError: If the network gives no probabilities.
        OptionError: If an option cannot be used.
    """
    begin = beginning(predictor, options, keep_probabilities=keep_probabilities)

    def requests() -> Iterator[tuple[_Begun, Floats | None]]:
        for loaded in images:
            one = _Begun(loaded)
            try:
                if loaded.pixels is not None:
                    one.progress = begin(loaded.pixels)
                    for batch in one.progress.batches():
                        yield one, batch
            except Exception as error:  # the others can go on
                one.error = error
            if one.progress is None or one.error is not None:
                yield one, None

    for one, group in itertools.groupby(answers(requests(), network_of(predictor)), itemgetter(0)):
        yield _outcome(one, (answer for _, answer in group), write)


def _outcome(one: _Begun, given: Iterator[Answer | None], write: WriteLarge) -> Outcome:
    def results() -> Iterator[Floats]:
        for answer in given:
            if answer is None:
                assert one.error is not None
                raise one.error
            yield answer()

    if one.loaded.pixels is None:
        return Outcome(one.loaded, None, one.loaded.reason)
    try:
        if one.progress is None:
            assert one.error is not None
            raise one.error
        if one.progress.is_large:
            return Outcome(one.loaded, write(one.progress, results()))
        return Outcome(one.loaded, one.progress.finish(results()))
    except MemoryError:
        reason = "there is not enough memory to predict it; choose smaller tiles"
    except (NoProbabilitiesError, OutputError):
        raise
    except ModelError as error:
        reason = error.message
    except Exception as error:  # each runtime raises what it likes; the others can go on
        text = " ".join(str(error).split())[:300] or type(error).__name__
        reason = f"cannot be predicted: {text}"
    return Outcome(one.loaded, None, reason)
