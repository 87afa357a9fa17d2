"""What a model says about one image, to be saved and to be looked at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maskforge.choices import with_keywords
from maskforge.errors import listing
from maskforge.examples.maskvalues import count_values
from maskforge.files import PathLike
from maskforge.images.png import png_bytes
from maskforge.images.stored import Pixels, Stored
from maskforge.masks.classes import BACKGROUND, ClassMap
from maskforge.masks.encoding import Mask
from maskforge.masks.maskfile import write_mask
from maskforge.masks.overlay import blend, titled_overlay
from maskforge.masks.resize import size_of
from maskforge.masks.vectorized import Vectorized, vectorize
from maskforge.vector.vectorize_options import VectorizeOptions


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Prediction:
    """What a model says about one image. In a notebook it shows itself.

    Attributes:
        mask: (H, W) class ids, uint8, or uint16 if an id needs it. Of overlapping classes the one
            with the highest probability is shown.
        target: The form that the network learned from. Softmax: (H, W) uint8, the index of the
            class in ``classes.ids``. Sigmoid: (H, W, K) uint8 of 0 and 1, a channel for each of
            ``classes.foreground_ids``; classes may overlap.
        probabilities: (H, W, K) float32; None if they were not to be kept.
        image: (H, W) or (H, W, C) uint8 or uint16, what was predicted.
        classes: The class map of the model.
    """

    mask: Mask
    target: NDArray[np.uint8]
    probabilities: NDArray[np.float32] | None
    image: Pixels
    classes: ClassMap

    @property
    def pixels(self) -> dict[str, int]:
        """Pixels of the mask per class name, of those that were found, without the background."""
        counts = count_values(self.mask)
        return {self.classes.names[id_]: n for id_, n in counts.items() if id_ != BACKGROUND}

    def __repr__(self) -> str:
        found = listing(f"{name}={count} px" for name, count in self.pixels.items())
        return f"Prediction({size_of(self.mask)} px, {found or 'nothing found'})"

    def shapes(self, options: VectorizeOptions | None = None, **keywords: object) -> Vectorized:
        """Return the outlines of what was found, by default such that drawing gives the same mask.

        Classes that may overlap are taken from ``target``, so shapes of different classes overlap
        where both were found. If probabilities were kept, a shape's score is the mean probability
        of its class inside.

        Args:
            options: How; see [`VectorizeOptions`][maskforge.VectorizeOptions].
            keywords: Single options by name, such as ``min_area=20``.

        Raises:
            OptionError: If an option cannot be used.
            LimitError: If the shapes need more time or memory than an image may take.

        Examples:
            >>> predictor = mf.Predictor.load("runs/caries")
            >>> prediction = predictor.predict(np.zeros((64, 64), np.uint8), thresholds=1.0)
            >>> prediction.shapes()
            Vectorized(0 shapes, iou=1.0000, left_out=0)
        """
        return vectorize(
            self.mask if self.target.ndim == 2 else self.target,
            with_keywords(VectorizeOptions, options, keywords),
            classes=self.classes,
            probabilities=self.probabilities,
        )

    def save(self, path: PathLike) -> None:
        """Write the mask; the suffix of the path decides the type of file.

        Args:
            path: Ends in ``.png``, ``.tif``, ``.tiff`` or ``.npy``. PNG and TIFF have the colors of
                the class map.

        Raises:
            OptionError: If the suffix is of no such file.
            OutputError: If the file cannot be written.
        """
        write_mask(path, self.mask, self.classes.colors)

    def overlay(self, *, opacity: float = 0.35) -> NDArray[np.uint8]:
        """Return the image with the mask laid over it, and the outline of every class.

        Args:
            opacity: Of the colors inside the outlines, 0 to 1.

        Returns:
            (H, W, 3) uint8, of the size of the image.
        """
        shown = Stored(self.image).colors()
        return blend(shown, self.mask, self.classes.colors, opacity=opacity)

    def _repr_png_(self) -> bytes:
        return overlay_page(self)


def overlay_page(prediction: Prediction, title: str = "") -> bytes:
    """Return an overlay with a title and a legend, as the content of a PNG file.

    Args:
        prediction: What is shown.
        title: Stands before the size of the image.
    """
    head = f"{title}  {size_of(prediction.mask)} px".strip()
    if not prediction.pixels:
        head += "  (nothing found)"
    shown = Stored(prediction.image).colors()
    page = titled_overlay(shown, prediction.mask, prediction.classes, head)
    return png_bytes(np.asarray(page))
