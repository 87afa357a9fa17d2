"""What is sent of a prediction: masks, planes, shapes, images to look at."""

from __future__ import annotations

import io
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskforge.errors import LimitError, OptionError
from maskforge.exports.export import ExportWriter, with_names_as_labels
from maskforge.exports.export_options import ExportOptions
from maskforge.exports.export_report import ExportReport
from maskforge.formats.registry import WriterName
from maskforge.images.annotated_image import AnnotatedImage
from maskforge.images.png import png_bytes
from maskforge.masks.classes import VOID, VOID_COLOR, ClassMap
from maskforge.masks.encoding import Mask
from maskforge.masks.maskfile import encode_mask
from maskforge.prediction.model_options import ModelOptions, Thresholds
from maskforge.prediction.prediction import Prediction
from maskforge.prediction.predictor import Predictor, decided
from maskforge.prediction.tool_files import annotated_prediction
from maskforge.server.operation import BINARY, PNG, Reply
from maskforge.shapes import ImageReference, Size
from maskforge.vector.vectorize_options import VectorizeOptions

ZIP = "application/zip"
_SIDES = "X-Maskforge-Shape"
_END_OF_THRESHOLD = re.compile(r"=([0-9.eE+-]+)(?:,|$)")
"""Names of classes may hold commas and equals signs: only those about a number divide."""


def thresholds(text: str | None) -> Thresholds | None:
    """Return the thresholds in a query: ``0.4``, or ``caries=0.4,plaque=0.6``.

    Raises:
        OptionError: If they cannot be read.
    """
    if text is None:
        return None
    *pairs, rest = _END_OF_THRESHOLD.split(text)
    if not pairs:
        return _threshold(text)
    if rest:
        raise _no_threshold()
    return {name: _threshold(value) for name, value in zip(pairs[::2], pairs[1::2], strict=True)}


def _threshold(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise _no_threshold() from None
    if not 0 <= number <= 1:
        raise _no_threshold()
    return number


def _no_threshold() -> OptionError:
    return OptionError(
        "a threshold is a number from 0 to 1", hint="write 0.4, or caries=0.4,plaque=0.6"
    )


def decided_again(predictor: Predictor, found: Prediction, options: ModelOptions) -> Prediction:
    """Return a prediction as other thresholds decide it, from its probabilities.

    Raises:
        OptionError: If the model has no such class, or no thresholds.
    """
    if options.thresholds is None:
        return found
    assert found.probabilities is not None
    return decided(predictor, found.image, found.probabilities, options)


def mask_png(mask: Mask, classes: ClassMap) -> Reply:
    """Return a mask (H, W) of class ids as PNG; void is 255."""
    return Reply(encode_mask(mask, "png", {**classes.colors, VOID: VOID_COLOR}), PNG)


def planes(values: NDArray[Any]) -> Reply:
    """Return an array in C order, little-endian; a header tells its sides and type."""
    little = np.ascontiguousarray(values).astype(values.dtype.newbyteorder("<"), copy=False)
    sides = "x".join(map(str, little.shape))
    return Reply(little.tobytes(), BINARY, headers={_SIDES: f"{sides} {values.dtype.name}"})


def probability_planes(prediction: Prediction) -> Reply:
    """Return the probabilities as (K, H, W) float32."""
    assert prediction.probabilities is not None
    return planes(np.moveaxis(prediction.probabilities, -1, 0))


def overlay_png(prediction: Prediction) -> Reply:
    """Return the image with the mask laid over it."""
    return Reply(png_bytes(prediction.overlay()), PNG)


def shapes_file(
    prediction: Prediction,
    name: str,
    format_: WriterName,
    *,
    orientation: int = 1,
    upright: bool = True,
) -> Reply:
    """Return the shapes as the file of a labeling tool; as a ZIP archive if it takes several.

    Args:
        prediction: What was found.
        name: Name of the image, with suffix.
        format_: Name of the format.
        orientation: EXIF orientation of the image.
        upright: Whether the prediction is about the image with that applied.

    Raises:
        LimitError: If the shapes need more time or memory than an image may take.
    """
    image = annotated(prediction, name, orientation=orientation, upright=upright)
    written = written_files(image, prediction.classes, ExportOptions(format=format_))
    if len(written) == 1:
        ((file, content),) = written.items()
        kind = "application/json" if file.endswith("json") else BINARY
    else:
        file, content, kind = f"{Path(name).stem}-{format_}.zip", _zipped(written), ZIP
    return Reply(content, kind, headers={"Content-Disposition": _attachment(file)})


def annotated(
    prediction: Prediction, name: str, *, orientation: int = 1, upright: bool = True
) -> AnnotatedImage:
    """Return a prediction as an image with shapes, which draw the same mask.

    Args:
        prediction: What was found.
        name: Name of the image, with suffix.
        orientation: EXIF orientation of the image.
        upright: Whether the prediction is about the image with that applied.

    Raises:
        LimitError: If the shapes need more time or memory than an image may take.
    """
    height, width = prediction.mask.shape
    reference = ImageReference(name, None, Size(width, height), orientation, upright, "none")
    return annotated_prediction(prediction, reference, VectorizeOptions())[0]


def written_files(
    image: AnnotatedImage, classes: ClassMap, options: ExportOptions
) -> dict[str, bytes]:
    """Return the files that are written for an image, by name.

    Args:
        image: The image.
        classes: The classes of its shapes.
        options: How; the format is that of the files.

    Raises:
        LimitError: If an outline needs more time or memory than an image may take.
    """
    written: dict[str, bytes] = {}
    report = ExportReport(out="", format=options.format)
    writer = ExportWriter(
        written.__setitem__, Path(), with_names_as_labels(classes), options, report
    )
    writer.add(image)
    writer.finish()
    if report.images["refused"]:
        raise LimitError("the shapes need more time or memory than those of an image may take")
    return written


def _zipped(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return stream.getvalue()


def _attachment(name: str) -> str:
    plain = Path(name).name.encode("ascii", "replace").decode()
    return f"attachment; filename={json.dumps(plain)}"
