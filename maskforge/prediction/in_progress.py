"""One image on its way through a network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskforge.choices import Encoding, Head
from maskforge.images.large_image import LargeImage
from maskforge.images.stored import Pixels
from maskforge.masks.classes import ClassMap
from maskforge.masks.encoding import Mask
from maskforge.masks.post_processing import PostProcessing, post_process
from maskforge.masks.targets import decide, to_ids
from maskforge.prediction.bands import Bands
from maskforge.prediction.prediction import Prediction
from maskforge.prediction.tiled_prediction import TiledPrediction, write_tiled_prediction
from maskforge.prediction.tiling import Floats
from maskforge.shapes import Size

_PIXELS_AT_A_TIME = 2**22
"""That are decided; each takes about 50 bytes meanwhile."""


class InProgress:
    """A prediction for which the network has still to be run."""

    def __init__(
        self,
        pixels: Pixels | LargeImage,
        bands: Bands,
        *,
        classes: ClassMap,
        head: Head,
        thresholds: Sequence[float],
        post_processing: Mapping[str, PostProcessing],
        keep_probabilities: bool,
    ) -> None:
        """Take an image.

        Args:
            pixels: What is predicted.
            bands: The same as the network sees it.
            classes: Of the model.
            head: Of the network.
            thresholds: Of every channel; none for softmax.
            post_processing: By class name; of no effect on a mask that is written in parts.
            keep_probabilities: Whether the prediction holds them.
        """
        self._pixels = pixels
        self._bands = bands
        self._classes = classes
        self._head: Head = head
        self._thresholds = thresholds
        self._post_processing = post_processing
        self._keep_probabilities = keep_probabilities

    def batches(self) -> Iterator[Floats]:
        """Yield what the network is to see, (B, h, w, C) float32, once."""
        return self._bands.batches()

    def write(
        self, results: Iterator[Floats], folder: Path, *, encoding: Encoding, pyramid: bool
    ) -> TiledPrediction:
        """Write the mask of a large image into a folder while the network runs.

        Args:
            results: As for ``finish``.
            folder: As for ``write_tiled_prediction``, as are the others.
            encoding: ``integer`` or ``binary``.
            pyramid: Whether to add smaller versions.

        Raises:
            OutputError: If it cannot be written.
        """
        height, width = self._pixels.shape[:2]
        parts = ((mask, target) for mask, target, _ in self._decided(results))
        return write_tiled_prediction(
            parts, Size(width, height), self._classes, folder, encoding=encoding, pyramid=pyramid
        )

    def _decided(
        self, results: Iterator[Floats]
    ) -> Iterator[tuple[Mask, NDArray[np.uint8], Floats]]:
        """Yield mask, target and probabilities of rows from top to bottom."""
        for band in self._bands.of(results):
            rows = max(1, _PIXELS_AT_A_TIME // band.shape[1])
            for top in range(0, len(band), rows):
                part = band[top : top + rows]
                target = decide(part, self._head, self._thresholds)
                yield to_ids(target, self._classes, self._head, part), target, part

    @property
    def is_large(self) -> bool:
        """Whether the mask is to be written, and not returned."""
        return isinstance(self._pixels, LargeImage)

    def finish(self, results: Iterator[Floats]) -> Prediction:
        """Return the prediction.

        Args:
            results: What the network says about each of ``batches``, (B, h, w, K) float32.
        """
        assert not isinstance(self._pixels, LargeImage)
        sheets: dict[str, NDArray[Any]] = {}
        height = len(self._pixels)
        top = 0
        is_decided_again = bool(self._post_processing) and len(self._classes.foreground_ids) > 1
        for mask, target, band in self._decided(results):
            parts: dict[str, NDArray[Any]] = {"mask": mask, "target": target}
            if self._keep_probabilities or (is_decided_again and self._head == "sigmoid"):
                parts["probabilities"] = band
            for name, part in parts.items():
                if name not in sheets:
                    sheets[name] = np.empty((height, *part.shape[1:]), part.dtype)
                sheets[name][top : top + len(part)] = part
            top += len(band)
        probabilities = sheets.get("probabilities")
        target = post_process(sheets["target"], self._classes, self._head, self._post_processing)
        if target is not sheets["target"]:
            sheets["mask"] = to_ids(target, self._classes, self._head, probabilities)
        return Prediction(
            mask=sheets["mask"],
            target=target,
            probabilities=probabilities if self._keep_probabilities else None,
            image=self._pixels,
            classes=self._classes,
        )
