"""One image fitted to a format, with the account of it: what any process can do for the writer."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from maskforge.choices import ChosenHoles, HoleForm
from maskforge.dataset.drawn_image import Change, with_change
from maskforge.dataset.manifest import DatasetItem
from maskforge.dataset.spool import read_spooled
from maskforge.errors import LimitError
from maskforge.exports.annotated import annotated
from maskforge.exports.export_options import ExportOptions
from maskforge.exports.fitted import fitted, lost_in_pixels
from maskforge.exports.written_files import encoded
from maskforge.files import read_bytes
from maskforge.formats.registry import format_of, get_writer
from maskforge.formats.writer import Holds
from maskforge.geometry import oriented, rounded
from maskforge.images.annotated_image import AnnotatedImage
from maskforge.images.decoder import read_header
from maskforge.images.page import split_page
from maskforge.issues import Code, Issue
from maskforge.masks.classes import ClassMap
from maskforge.masks.drawing import draw
from maskforge.raster.segments import BandedMask
from maskforge.shapes import Bitmap, ImageState, Shape, Size

_FIRST_TURNED = 5
"""From this EXIF orientation on, width and height are exchanged."""

_ROWS = 512
"""Of masks that are compared at a time."""

DrawnPixels: TypeAlias = tuple[NDArray[Any], NDArray[Any], tuple[int, ...]]
"""Mask, instance map, and the class id of every instance."""


@dataclass(frozen=True, slots=True)
class FitSettings:
    """What all images of an export are fitted with."""

    classes: ClassMap
    options: ExportOptions


@dataclass(frozen=True, slots=True)
class SpooledImage:
    """An image that was read, in a file."""

    file: Path
    place: int
    change: Change


@dataclass(frozen=True, slots=True)
class MaskOfImage:
    """An image of a data set, whose mask becomes outlines."""

    item: DatasetItem
    classes: ClassMap


@dataclass(frozen=True, slots=True)
class FitTask:
    """An image that is to be fitted."""

    settings: FitSettings
    source: AnnotatedImage | SpooledImage | MaskOfImage


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedImage:
    """An image as it is written.

    Attributes:
        image: The image, in the frame of the format, without its own shapes and content.
        records: Number of its records in the source.
        outcome: What becomes of it.
        reason: Why it is not written, if its own findings do not say so.
        shapes: What is written.
        is_own: Whether it was read from the format.
        is_scored: Whether a shape had a score in the source.
        changed: How often something is written in another form.
        left_out: How often something cannot be written.
        not_held: The same of what is known only when all is written.
        compared: Whether its mask was drawn before and after.
        different: In how many pixels they differ.
        drawn: Its pixels, for formats that ask for them.
        overlapped: Number of pixels of further classes below another.
        content: The encoded image, if it is written into a file or is nowhere else.
        outlines: IoU of a mask and its outlines, and how many were too small.
    """

    image: AnnotatedImage
    records: int
    outcome: Literal["written", "ignored", "refused"] = "written"
    reason: Issue | None = None
    shapes: tuple[Shape, ...] = ()
    is_own: bool = False
    is_scored: bool = False
    changed: Mapping[str, int] = field(default_factory=dict)
    left_out: Mapping[str, int] = field(default_factory=dict)
    not_held: Mapping[str, int] = field(default_factory=dict)
    compared: bool = False
    different: int = 0
    drawn: DrawnPixels | None = None
    overlapped: int = 0
    content: bytes | None = None
    outlines: tuple[float, int] | None = None


def fit(task: FitTask) -> FittedImage:
    """Fit an image to a format.

    Raises:
        DatasetError: If a mask cannot be read.
        LabelError: If the class map does not know a label.
        OutputError: If the image cannot be put into a file.
    """
    settings = task.settings
    match task.source:
        case SpooledImage(file, place, change):
            return fit_image(with_change(read_spooled(file, place), change), settings)
        case MaskOfImage(item, classes):
            image, outlines = annotated(item, classes, settings.options.vectorize)
            done = fit_image(image, settings)
            return replace(done, outlines=(outlines.iou, outlines.left_out))
        case AnnotatedImage() as image:
            return fit_image(image, settings)


def fit_image(image: AnnotatedImage, settings: FitSettings) -> FittedImage:
    """Fit an image to a format; see ``fit``."""
    options, holds = settings.options, get_writer(settings.options.format).holds
    records = image.record_count
    if image.refusal is not None or image.image.size is None:
        return FittedImage(image=_bare(image), records=records, outcome="refused")
    if image.state is ImageState.UNVISITED and not holds.unvisited:
        if options.unvisited == "skip":
            text, hint = "nobody has looked at this image", "--unvisited background keeps it"
            reason = Issue(Code.UNVISITED, text, image.origin, hint)
            bare = _bare(image)
            return FittedImage(image=bare, records=records, outcome="ignored", reason=reason)
        image = replace(image, state=ImageState.EMPTY)
    image = _in_frame(image, upright=holds.upright)
    is_own = image.format == format_of(options.format)
    try:
        written = _written(image, settings, holds, is_own=is_own)
    except LimitError as error:
        reason = error.issue(image.origin)
        return FittedImage(image=_bare(image), records=records, outcome="refused", reason=reason)
    not_held = lost_in_pixels(image.shapes, is_own=is_own) if holds.pixels else Counter[str]()
    if image.tags and not holds.tags:
        not_held["labels of images as a whole"] += len(image.tags)
    if not is_own and any(image.extra.values()):
        not_held["images with keys that only their own format knows"] += 1
    content = image.embedded
    if options.image_files == "embed" and image.image.file is not None:
        content = _embeddable(image.image.file, upright=holds.upright)
    drawn, overlapped = None, 0
    if holds.draws or holds.pixels:
        drawing = draw(image, settings.classes, instances=True)
        assert isinstance(drawing.mask, np.ndarray)
        assert isinstance(drawing.instances, np.ndarray)
        drawn, overlapped = (
            (drawing.mask, drawing.instances, drawing.instance_classes),
            drawing.overlapped if holds.pixels else 0,
        )
    return FittedImage(
        image=_bare(image),
        records=records,
        shapes=written.shapes,
        is_own=is_own,
        is_scored=any(shape.score is not None for shape in image.shapes),
        changed=written.changed,
        left_out=written.left_out,
        not_held=not_held,
        compared=written.compared,
        different=written.different,
        drawn=drawn,
        overlapped=overlapped,
        content=content,
    )


@dataclass(frozen=True, slots=True)
class _Written:
    shapes: tuple[Shape, ...] = ()
    changed: Mapping[str, int] = field(default_factory=dict)
    left_out: Mapping[str, int] = field(default_factory=dict)
    compared: bool = False
    different: int = 0


def _written(
    image: AnnotatedImage, settings: FitSettings, holds: Holds, *, is_own: bool
) -> _Written:
    """Return the shapes as they are written, and what happened to them."""
    size = image.image.size
    assert size is not None
    written = _Written()
    if holds.pixels:
        return written
    for form in _forms(settings.options.holes, holds):
        result = fitted(image.shapes, size, holds, form, is_own=is_own)
        shapes = tuple(_rounded(one, holds.decimals) for one in result.shapes)
        compared = bool(result.changed) or holds.decimals is not None
        different = _difference(image, shapes, settings.classes) if compared else 0
        written = _Written(shapes, result.changed, result.left_out, compared, different)
        if not different or form != "background":
            break  # a hole through which something else is seen cannot be background
    return written


def _difference(image: AnnotatedImage, shapes: tuple[Shape, ...], classes: ClassMap) -> int:
    """Return the number of pixels in which the masks before and after differ."""
    before, after = (
        draw(one, classes, tiled_above=0).mask for one in (image, replace(image, shapes=shapes))
    )
    assert isinstance(before, BandedMask)
    assert isinstance(after, BandedMask)
    bands = zip(before.bands(_ROWS), after.bands(_ROWS), strict=True)
    return sum(int(np.count_nonzero(one != other)) for one, other in bands)


def _bare(image: AnnotatedImage) -> AnnotatedImage:
    return replace(image, shapes=(), embedded=None)


def _forms(chosen: ChosenHoles, holds: Holds) -> tuple[HoleForm, ...]:
    """Return how holes are written, the best way first."""
    return holds.holes if chosen == "auto" else (chosen, *holds.holes)


def _rounded(shape: Shape, decimals: int | None) -> Shape:
    if decimals is None or isinstance(shape.geometry, Bitmap):
        return shape
    return replace(shape, geometry=rounded(shape.geometry, decimals))


def _in_frame(image: AnnotatedImage, *, upright: bool) -> AnnotatedImage:
    """Return an image with its shapes in the frame in which the tool shows it."""
    reference = image.image
    if reference.orientation == 1 or reference.upright == upright or reference.size is None:
        return image
    size, orientation = reference.size, reference.orientation
    shapes = tuple(
        replace(
            one,
            geometry=oriented(one.geometry, size, orientation, back=reference.upright),
            primitive=None,
        )
        for one in image.shapes
    )
    if orientation >= _FIRST_TURNED:
        size = Size(size.height, size.width)
    return replace(image, image=replace(reference, size=size, upright=upright), shapes=shapes)


def _embeddable(file: Path, *, upright: bool) -> bytes:
    """Return an image as browsers and labeling tools can show it."""
    if file.suffix.lower() in (".jpg", ".jpeg", ".png") and split_page(file)[1] is None:
        with contextlib.suppress(OSError):
            if read_header(file).orientation == 1 or not upright:
                return read_bytes(file)
    return encoded(file, ".png", upright=upright)
