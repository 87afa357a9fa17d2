"""What becomes of one annotated image: its masks, and the account of its records."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

import msgspec
import numpy as np
from numpy.typing import NDArray

from maskforge.choices import Outcome, with_keywords
from maskforge.dataset.convert_options import ConvertOptions
from maskforge.dataset.issue_record import IssueRecord
from maskforge.dataset.manifest import RECORD_COUNTS, ManifestEntry, outcome_of_mask
from maskforge.display.brief import Brief
from maskforge.errors import AnnotationError, LimitError
from maskforge.files import as_text
from maskforge.images.annotated_image import AnnotatedImage
from maskforge.images.search import IMAGES_HINT
from maskforge.issues import Code, Doubt, Issue, Level
from maskforge.masks.class_source import grouped_by, labeled_by
from maskforge.masks.classes import ClassMap
from maskforge.masks.drawing import Drawing, as_void, draw_labeled
from maskforge.masks.encoding import Mask
from maskforge.masks.labels import composed
from maskforge.masks.likeness import mask_likeness
from maskforge.raster.segments import BandedMask
from maskforge.shapes import ImageState

_MEND = "mend the records in the labeling tool, or draw their places as void with --refused void"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ConvertedImage(Brief):
    """One image after its conversion.

    Attributes:
        outcome: ``drawn``; ``partial`` if the mask lacks something that somebody drew; or why there
            is no mask: ``ignored`` or ``refused``.
        mask: (H, W) uint8 or uint16, or (H, W, C) uint8, as the encoding says; of an image of more
            than ``tiled_above`` pixels, a [`BandedMask`][maskforge.BandedMask]; None if the image
            was left out.
        instances: (H, W) uint16 or uint32: 0 is not an instance; None if not asked for. Banded as
            the mask is.
        entry: The line of the manifest, but for the files that nobody has written yet: ``mask``
            and ``instances`` are None, and the other paths are not relative to any folder.
        issues: All findings about the image and its records.
    """

    outcome: Outcome
    mask: Mask | BandedMask | None
    instances: NDArray[np.uint16] | NDArray[np.uint32] | BandedMask | None
    entry: ManifestEntry
    issues: tuple[Issue, ...]


def convert_image(
    image: AnnotatedImage,
    classes: ClassMap,
    options: ConvertOptions | None = None,
    **keywords: object,
) -> ConvertedImage:
    """Turn one annotated image into masks, with the account of every record, and write nothing.

    It depends on its arguments alone, and on the image where that may be nothing but a mask. These
    and the result can be sent to other processes: so a server answers image by image, and a pool of
    processes converts many at a time.
    [`convert`][maskforge.convert] does this for all images of its sources.

    Args:
        image: The image, as [`read`][maskforge.read] yields it.
        classes: Which label becomes which value; ``classes`` among the options do not count.
            ``class_from`` among them does, if it is not empty.
        options: How. Those of sources and files do not count.
        **keywords: Single options, such as ``encoding="onehot"``.

    Returns:
        The masks and the account. An image that cannot be drawn has no mask, but an issue.

    Raises:
        LabelError: If the class map does not know a label.
        MissingDependencyError: If the library of the rasterizer is not installed.
        OptionError: If an option does not exist or cannot be used.

    Examples:
        >>> (image,) = mf.read("samples/labelme/bitewing-01.json")
        >>> classes = mf.load_class_map("samples/classes.toml")
        >>> converted = mf.convert_image(image, classes, encoding="onehot")
        >>> converted.mask.shape, converted.entry.shapes["drawn"]
        ((432, 576, 7), 44)
    """
    options = with_keywords(ConvertOptions, options, keywords)
    image = labeled_by(image, options.class_from or classes.class_from)
    image = grouped_by(image, options.instances_from)
    return convert_labeled(image, classes, options)


def convert_labeled(
    image: AnnotatedImage, classes: ClassMap, options: ConvertOptions
) -> ConvertedImage:
    """Convert as ``convert_image`` does, where labels and groups are the final ones.

    Raises:
        MaskforgeError: As ``convert_image``.
    """
    drawing, issues = _draw(image, classes, options)
    if drawing is not None and isinstance(drawing.mask, np.ndarray):
        image = _without_mask_as_image(image, drawing.mask, issues)
    entry = _entry(image, drawing, issues, classes, options)
    mask, instances = (drawing.mask, drawing.instances) if drawing else (None, None)
    return ConvertedImage(entry.outcome, mask, instances, entry, tuple(issues))


def _draw(
    image: AnnotatedImage, classes: ClassMap, options: ConvertOptions
) -> tuple[Drawing | None, list[Issue]]:
    issues = list(image.issues)
    if image.state is ImageState.UNVISITED and options.unvisited == "skip":
        # Whatever else would keep it from being drawn does not matter then.
        issues = [issue for issue in issues if not issue.loses_image]
        text, hint = "nobody has looked at this image", "--unvisited background keeps it"
        issues.append(Issue(Code.UNVISITED, text, image.origin, hint))
        return None, issues
    if image.refusal is not None:
        return None, issues
    drawing = _drawing(image, classes, options)
    if isinstance(drawing, Issue):
        return None, [*issues, drawing]
    issues = [*as_void(issues, options), *drawing.issues]
    if _outcome(drawing, issues) != "refused":
        return drawing, issues
    lost = sum(one.doubt is not Doubt.NO for one in issues)
    text = f"nothing of what was drawn is left (records lost: {lost}); no mask would be true"
    issues.append(Issue(Code.NOTHING_KNOWN, text, image.origin, _MEND))
    return None, issues


def _drawing(image: AnnotatedImage, classes: ClassMap, options: ConvertOptions) -> Drawing | Issue:
    """Return the masks of an image, or why there are none."""
    try:
        return draw_labeled(image, classes, options)
    except AnnotationError as error:
        return error.issue()
    except LimitError as error:
        return error.issue(image.origin)
    except MemoryError:
        text = f"there is not enough memory to draw {image.image.size} px"
        hint = "cut the image into tiles, or choose --encoding integer"
        return Issue(Code.TOO_LARGE, text, image.origin, hint)


def _without_mask_as_image(
    image: AnnotatedImage, mask: Mask, issues: list[Issue]
) -> AnnotatedImage:
    """Return an image without its file, if that is nothing but the mask which was drawn."""
    file = image.image.file
    likeness = "" if file is None else mask_likeness(file, mask)
    if not likeness:
        return image
    text = f"{file} is {likeness} with the regions that were drawn; it is not used"
    issues.append(Issue(Code.IMAGE_IS_MASK, text, image.origin, IMAGES_HINT))
    return replace(image, image=replace(image.image, file=None, match="none"))


def _entry(
    image: AnnotatedImage,
    drawing: Drawing | None,
    issues: list[Issue],
    classes: ClassMap,
    options: ConvertOptions,
) -> ManifestEntry:
    reference, size, names = image.image, image.image.size, classes.names
    pixels = drawing.pixels if drawing else {}
    shapes = drawing.class_shapes if drawing else {}
    return ManifestEntry(
        image=None if reference.file is None else as_text(reference.file),
        match="none" if drawing is None and image.embedded is not None else reference.match,
        mask=None,
        width=size.width if size else None,
        height=size.height if size else None,
        spacing=reference.spacing or msgspec.UNSET,
        patient_digest=reference.patient_digest or msgspec.UNSET,
        orientation=reference.orientation,
        upright=reference.upright,
        state=image.state,
        format=image.format,
        source=as_text(image.origin.file),
        pointer=image.origin.pointer,
        outcome=_outcome(drawing, issues),
        encoding=options.encoding,
        pixels={names[value]: count for value, count in pixels.items()},
        shapes=_records(image, drawing, issues),
        class_shapes={names[value]: count for value, count in shapes.items()},
        kinds=_kinds(image),
        instance_classes=[names[id_] for id_ in drawing.instance_classes] if drawing else [],
        instance_names=list(drawing.instance_names) if drawing else [],
        overlapped_pixels=drawing.overlapped if drawing else 0,
        tags=list(image.tags),
        issues=[IssueRecord.of(issue, as_text(issue.origin.file)) for issue in issues],
    )


def _records(image: AnnotatedImage, drawing: Drawing | None, issues: list[Issue]) -> dict[str, int]:
    """Return the records of an image by what became of them."""
    lost = Counter[str]()
    for issue in issues:
        if issue.loses_record:
            lost[str(issue.level)] += issue.records
    records = dict.fromkeys(RECORD_COUNTS, 0) | lost
    records["found"] = image.record_count
    if drawing is not None:
        records["drawn"] += drawing.drawn
        records["converted"] += drawing.converted
    else:
        # If they were all lost one by one, nothing is left here.
        records[_outcome(drawing, issues)] += records["found"] - sum(lost.values())
    return records


def _outcome(drawing: Drawing | None, issues: list[Issue]) -> Outcome:
    """Return what became of an image."""
    if drawing is not None:
        void = sum(one.level is Level.VOID for one in issues)
        shown = drawing.drawn + drawing.converted + void
        return outcome_of_mask(shown, {one.doubt for one in issues})
    refused = any(issue.loses_image and issue.level is Level.REFUSED for issue in issues)
    return "refused" if refused else "ignored"


def _kinds(image: AnnotatedImage) -> dict[str, dict[str, int]]:
    kinds: dict[str, dict[str, int]] = {}
    for shape in image.shapes:
        counts = kinds.setdefault(shape.kind, {})
        for label in map(composed, shape.labels or ("",)):
            counts[label] = counts.get(label, 0) + 1
    return kinds
