"""A trained model that is ready to be used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from maskforge.choices import SYMMETRIES, Precision
from maskforge.choices import Runtime as RuntimeName
from maskforge.display.brief import Brief
from maskforge.errors import OptionError
from maskforge.files import PathLike, as_source
from maskforge.masks.classes import BACKGROUND, ClassMap
from maskforge.masks.encoding import Mask
from maskforge.masks.targets import decide
from maskforge.nn.kerasfile import refuse_other_files
from maskforge.nn.modelfile import ModelDescription, model_folder, read_description
from maskforge.prediction.bands import predict_bands
from maskforge.prediction.converted import weights_digest
from maskforge.prediction.runtime_choice import load_runtime
from maskforge.prediction.runtimes.base import Runtime
from maskforge.prediction.tiling import auto_tile
from maskforge.shapes import Size

Thresholds: TypeAlias = float | Mapping[str, float]
"""One threshold for all classes, or one for each class that is named."""

Tile: TypeAlias = int | Literal["auto", "whole"]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Prediction(Brief):
    """What a model says about one image.

    Attributes:
        mask: (H, W) class ids, uint8, or uint16 if an id needs it. Of overlapping classes the one
            with the highest probability is shown.
        target: The form that the network learned from. Softmax: (H, W) uint8, the index of the
            class in ``classes.ids``. Sigmoid: (H, W, K) uint8 of 0 and 1, a channel for each of
            ``classes.foreground_ids``; classes may overlap.
        probabilities: (H, W, K) float32; None if they were not to be kept.
    """

    mask: Mask
    target: NDArray[np.uint8]
    probabilities: NDArray[np.float32] | None


@dataclass(frozen=True, slots=True, repr=False)
class Predictor(Brief):
    """A trained model in a runtime; made by :meth:`load`.

    Attributes:
        folder: Folder of the model.
        description: What is known about it.
        classes: Its class map.
        runtime: What it runs in.

    Example:
        >>> predictor = mf.Predictor.load("runs/caries")
        >>> prediction = predictor.predict(np.zeros((64, 64), np.uint8))
        >>> prediction.mask.shape, prediction.probabilities.shape
        ((64, 64), (64, 64, 1))
    """

    folder: Path
    description: ModelDescription
    classes: ClassMap
    runtime: Runtime

    @classmethod
    def load(
        cls,
        path: PathLike,
        *,
        runtime: RuntimeName = "auto",
        precision: Precision = "auto",
    ) -> Self:
        """Load a model; nothing that it brings along is run as code.

        On first use in OpenVINO or ONNX Runtime, the model is converted, checked for equal output
        and kept in its folder, or in the user's cache where that cannot be written.

        Args:
            path: Folder that a training wrote, or a file in it.
            runtime: ``keras``, ``onnx`` or ``openvino``; ``auto`` takes the fastest that is
                installed.
            precision: ``float32`` or ``bfloat16``; ``auto`` is float32: the same mask in every
                runtime. bfloat16 is about twice as fast on a CPU that has it, and changes
                probabilities by some thousandths.

        Raises:
            MissingDependencyError: If a runtime is not installed.
            ModelError: If there is no model, or it is not what its description says.
            OptionError: If runtime and precision do not go together.
        """
        place = as_source(path)
        refuse_other_files(place)
        folder = model_folder(place)
        description = read_description(folder)
        digest = weights_digest(folder, description.weights_digest)
        chosen = load_runtime(folder, digest, runtime, precision)
        return cls(folder, description, description.classes, chosen)

    def thresholds(
        self, override: Thresholds | None = None, *, tta: bool = False
    ) -> tuple[float, ...]:
        """Return the threshold of every channel; none for softmax.

        Args:
            override: Instead of those that were tuned in training.
            tta: Whether probabilities are averaged over flips and transpose, for which other
                thresholds were tuned.

        Raises:
            OptionError: If a class is not known, a threshold is not between 0 and 1, or the head
                is softmax, which takes the most probable class.
        """
        known = self.description.thresholds
        if tta and self.description.averaged_thresholds:
            known = self.description.averaged_thresholds
        if override is None:
            return known
        if self.description.head == "softmax":
            raise OptionError(
                "this model has exclusive classes: each pixel gets the most probable one, so "
                "there is no threshold"
            )
        names = [self.classes.names[id_] for id_ in self.description.channel_ids]
        given = override if isinstance(override, Mapping) else dict.fromkeys(names, override)
        for name, value in given.items():
            if name not in names:
                raise OptionError(
                    f"the model has no class {name!r}", hint=f"it has {', '.join(names)}"
                )
            if not 0 <= value <= 1:
                raise OptionError(f"threshold of {name} cannot be {value}, expected 0 to 1")
        return tuple(given.get(name, tuned) for name, tuned in zip(names, known, strict=True))

    def predict(
        self,
        image: NDArray[Any],
        *,
        tile: Tile = "auto",
        overlap: float = 0.5,
        tta: bool = False,
        thresholds: Thresholds | None = None,
        batch_size: int = 4,
        keep_probabilities: bool = True,
    ) -> Prediction:
        """Predict one image.

        Memory: the image as float32, the mask, and with ``keep_probabilities`` 4 bytes per pixel
        and channel; besides these the sums of one row of tiles and what the network needs for
        ``batch_size`` tiles.

        Args:
            image: (H, W) or (H, W, C), uint8 or uint16, values as in the file; gray and RGB are
                turned into what the network was trained on.
            tile: Side of the tiles in pixels; ``whole`` for the image at once, ``auto`` for
                tiles from about 1.5 megapixels on.
            overlap: Smallest share of a tile that its neighbor covers too.
            tta: Average over the flips and the transpose that the network was trained with, or over
                all where it was trained with none; only squares are transposed.
            thresholds: Instead of those that were tuned in training; sigmoid only.
            batch_size: Tiles that the network sees at once.
            keep_probabilities: Whether the result holds them.

        Raises:
            OptionError: If an option cannot be used, or the image is of no such form.
        """
        limits = self.thresholds(thresholds, tta=tta)
        if image.ndim not in (2, 3) or 0 in image.shape or image.dtype not in (np.uint8, np.uint16):
            raise OptionError(
                f"expected an image (H, W) or (H, W, C) of uint8 or uint16, "
                f"found {image.shape} {image.dtype}"
            )
        resize = self.description.resize
        bands = predict_bands(
            self.runtime.infer,
            image,
            scaling=self.description.scaling,
            resize=resize and Size(*resize),
            tile=partial(self._tile, tile=tile),
            overlap=overlap,
            stride=self.description.stride,
            batch_size=batch_size,
            symmetries=self.description.symmetries or SYMMETRIES if tta else (),
        )
        sheets: dict[str, NDArray[Any]] = {}
        top = 0
        for band in bands:
            target = decide(band, self.description.head, limits)
            parts = {"mask": self._mask(target, band), "target": target}
            if keep_probabilities:
                parts["probabilities"] = band
            for name, part in parts.items():
                if name not in sheets:
                    sheets[name] = np.empty((len(image), *part.shape[1:]), part.dtype)
                sheets[name][top : top + len(part)] = part
            top += len(band)
        return Prediction(sheets["mask"], sheets["target"], sheets.get("probabilities"))

    def _tile(self, size: Size, tile: Tile) -> Size | None:
        if tile == "auto":
            return auto_tile(size, Size(*self.description.tile))
        if tile == "whole":
            return None
        if isinstance(tile, bool) or not isinstance(tile, int) or tile < 1:
            raise OptionError(
                f"tile cannot be {tile!r}", hint="use auto, whole or a side in pixels"
            )
        return Size(tile, tile)

    def _mask(self, target: NDArray[np.uint8], probabilities: NDArray[np.float32]) -> NDArray[Any]:
        ids = np.array(self.description.channel_ids, dtype=self.classes.dtype)
        if self.description.head == "softmax":
            mask: NDArray[Any] = ids[target]
            return mask
        mask = ids[np.where(target == 1, probabilities, -1).argmax(axis=-1)]
        mask[~target.any(axis=-1)] = BACKGROUND
        return mask
