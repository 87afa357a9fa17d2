"""Files of labeling tools, written beside the masks of a prediction."""

from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path

from maskforge.exports.annotated import PREDICTED, name_of_image, outer_first
from maskforge.exports.export import (
    ExportWriter,
    earlier_export,
    record_export,
    remove_earlier_export,
    with_names_as_labels,
)
from maskforge.exports.export_options import ExportOptions
from maskforge.exports.export_report import ExportReport
from maskforge.formats.registry import get_writer
from maskforge.images.annotated_image import AnnotatedImage
from maskforge.issues import Origin
from maskforge.masks.classes import ClassMap
from maskforge.masks.vectorized import Vectorized, vectorize
from maskforge.outputs.folder import OutputFolder
from maskforge.prediction.predict_options import PredictOptions
from maskforge.prediction.prediction import Prediction
from maskforge.prediction.read_ahead import Loaded
from maskforge.shapes import ImageReference, ImageState, Size
from maskforge.vector.vectorize_options import VectorizeOptions


class ToolFiles:
    """Writes every prediction in every format that was asked for, each into a folder of its name.

    Attributes:
        reports: What was written, a report for each format.
    """

    def __init__(self, folder: OutputFolder, classes: ClassMap, options: PredictOptions) -> None:
        """Remove what an earlier run wrote.

        Args:
            folder: The output folder, whose results may be replaced.
            classes: The classes of the model.
            options: How.

        Raises:
            OptionError: If a format cannot do what was asked for.
        """
        self._folder = folder
        self._classes = classes
        self._options = options
        self.reports: list[ExportReport] = []
        self._writers: dict[str, ExportWriter] = {}
        for name in options.formats:
            remove_earlier_export(folder, earlier_export(folder, f"{name}/"))
            chosen = ExportOptions(format=name, image_files=options.image_files)
            report = ExportReport(out=str(folder.path / name), format=name)
            self.reports.append(report)
            self._writers[name] = ExportWriter(
                functools.partial(_write, folder, name),
                folder.path / name,
                with_names_as_labels(classes),
                chosen,
                report,
            )

    @property
    def scored(self) -> bool:
        """Whether a format holds scores, for which probabilities are needed."""
        return any(get_writer(name).holds.scores for name in self._writers)

    def add(self, loaded: Loaded, name: str, prediction: Prediction) -> None:
        """Write what was found in an image.

        Args:
            loaded: The image.
            name: Name of its mask.
            prediction: What was found.

        Raises:
            OutputError: If a file cannot be written.
        """
        if not self._writers:
            return
        is_multihot = self._options.encoding == "multihot" and prediction.target.ndim == 3
        image, found = annotated_prediction(
            prediction,
            reference_of(loaded, name, prediction),
            self._options.vectorize,
            overlapping=is_multihot,
        )
        image = replace(image, folder=name.rpartition("/")[0])
        for report, writer in zip(self.reports, self._writers.values(), strict=True):
            report.count_outlines(found.iou, found.left_out)
            writer.add(image)

    def finish(self) -> None:
        """Write what all images share.

        Raises:
            OutputError: If a file cannot be written.
        """
        for name, writer in self._writers.items():
            writer.finish()
            record_export(self._folder, name, f"{name}/")


def reference_of(loaded: Loaded, name: str, prediction: Prediction) -> ImageReference:
    """Return the image of a prediction as labeling tools are told of it.

    Args:
        loaded: The image.
        name: Name of its mask.
        prediction: What was found.
    """
    height, width = prediction.mask.shape
    file = loaded.image.file
    return ImageReference(
        name_of_image(file, name.rpartition("/")[2]),
        file,
        Size(width, height),
        loaded.orientation,
        loaded.upright,
        "none" if file is None else "path",
    )


def annotated_prediction(
    prediction: Prediction,
    reference: ImageReference,
    options: VectorizeOptions,
    *,
    overlapping: bool = False,
) -> tuple[AnnotatedImage, Vectorized]:
    """Return a prediction as an image that can be exported, and the account of its outlines.

    Args:
        prediction: What was found.
        reference: The image.
        options: How masks become shapes.
        overlapping: Whether shapes of different classes overlap where both were found; else they
            show what the mask shows.

    Raises:
        LimitError: If the shapes need more time or memory than an image may take.
    """
    found = vectorize(
        prediction.target if overlapping else prediction.mask,
        options,
        classes=prediction.classes,
        probabilities=prediction.probabilities,
    )
    image = AnnotatedImage(
        reference,
        found.shapes if overlapping else outer_first(found.shapes),
        ImageState.ANNOTATED if found else ImageState.EMPTY,
        PREDICTED,
        Origin(reference.file or Path(reference.name), ""),
    )
    return image, found


def _write(folder: OutputFolder, place: str, name: str, content: bytes) -> None:
    folder.write(f"{place}/{name}", content)
