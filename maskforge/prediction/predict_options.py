"""What a prediction is told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from maskforge.choices import Encoding, FileType, ImageFiles, Range
from maskforge.formats.registry import WriterName
from maskforge.prediction.model_options import ModelOptions
from maskforge.vector.vectorize_options import VectorizeOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictOptions:
    """How images become masks.

    Attributes:
        model: How the model is run.
        encoding: ``integer``, or one channel per class; ``multihot`` keeps overlapping classes.
        file_type: ``png``, ``tiff`` or ``npy``.
        tiled_above: Number of pixels above which images are read, predicted and written in parts:
            the mask is a tiled TIFF then, whatever ``file_type`` says.
        pyramid: Whether tiled masks hold smaller versions of themselves, too.
        probabilities: Whether to write them to ``probabilities/``, (H, W, K) float16.
        formats: Formats of labeling tools in which the masks are written, too, each into a folder
            of its name.
        image_files: What becomes of the images there: ``reference``, ``copy`` or ``embed``; see
            [`ExportOptions`][maskforge.ExportOptions].
        vectorize: How masks become shapes there.
        overlay: Whether to write images with their masks to ``overlays/``.
        shard: Which part of the images is predicted, and how many parts there are, such as
            ``(2, 8)``; [`gather`][maskforge.gather] joins them.
        dask: Address of the scheduler of a Dask cluster that predicts, such as
            ``tcp://10.0.0.1:8786``; empty for this machine.
    """

    model: ModelOptions = field(default_factory=ModelOptions)
    encoding: Encoding = "integer"
    file_type: FileType = "png"
    tiled_above: Annotated[int, Range(0, 2**34)] = 2**30
    pyramid: bool = False
    probabilities: bool = False
    overlay: bool = False
    formats: tuple[WriterName, ...] = ()
    image_files: ImageFiles = "reference"
    vectorize: VectorizeOptions = field(default_factory=VectorizeOptions)
    shard: Annotated[tuple[int, int] | None, Range(1, 1_000_000)] = None
    dask: str = ""
