"""One image on its way through a network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskforge.choices import Head
from maskforge.images.stored import Pixels
from maskforge.masks.classes import ClassMap
from maskforge.masks.targets import decide, to_ids
from maskforge.prediction.bands import Bands
from maskforge.prediction.prediction import Prediction
from maskforge.prediction.tiling import Floats


class InProgress:
    """A prediction for which the network has still to be run."""

    def __init__(
        self,
        pixels: Pixels,
        bands: Bands,
        *,
        classes: ClassMap,
        head: Head,
        thresholds: Sequence[float],
        keep_probabilities: bool,
    ) -> None:
        """Take an image.

        Args:
            pixels: What is predicted.
            bands: The same as the network sees it.
            classes: Of the model.
            head: Of the network.
            thresholds: Of every channel; none for softmax.
            keep_probabilities: Whether the prediction holds them.
        """
        self._pixels = pixels
        self._bands = bands
        self._classes = classes
        self._head: Head = head
        self._thresholds = thresholds
        self._keep_probabilities = keep_probabilities

    def batches(self) -> Iterator[Floats]:
        """Yield what the network is to see, (B, h, w, C) float32, once."""
        return self._bands.batches()

    def finish(self, results: Iterator[Floats]) -> Prediction:
        """Return the prediction.

        Args:
            results: What the network says about each of ``batches``, (B, h, w, K) float32.
        """
        sheets: dict[str, NDArray[Any]] = {}
        height = len(self._pixels)
        top = 0
        for band in self._bands.of(results):
            target = decide(band, self._head, self._thresholds)
            parts: dict[str, NDArray[Any]] = {
                "mask": to_ids(target, self._classes, self._head, band),
                "target": target,
            }
            if self._keep_probabilities:
                parts["probabilities"] = band
            for name, part in parts.items():
                if name not in sheets:
                    sheets[name] = np.empty((height, *part.shape[1:]), part.dtype)
                sheets[name][top : top + len(part)] = part
            top += len(band)
        return Prediction(
            mask=sheets["mask"],
            target=sheets["target"],
            probabilities=sheets.get("probabilities"),
            image=self._pixels,
            classes=self._classes,
        )
