"""Which image file a record belongs to, and which frame its coordinates refer to.

An image has up to two frames: the pixels as they are stored, and the image as it is shown after
its EXIF orientation was applied. Labeling tools differ in which one people draw on, so the size
that the annotation file declares decides wherever it can.
"""

from __future__ import annotations

import contextlib
import math
from dataclasses import replace
from pathlib import Path

from maskforge.choices import SizeMismatch
from maskforge.errors import ImageError, shorten
from maskforge.formats.base import ImageRecord, known_box
from maskforge.geometry import from_fractions, oriented, scaled
from maskforge.images.containers.base import ImageHeader
from maskforge.images.decoder import list_pages, read_header
from maskforge.images.finder import ImageFinder
from maskforge.images.patients import WHAT_TO_DO, patient_digest
from maskforge.images.search import EXTRACT_HINT, IMAGES_HINT, Found, Problem, Wanted
from maskforge.images.tiled_tiff import TILE
from maskforge.issues import Box, Code, Issue
from maskforge.shapes import MOST_PIXELS, MOST_TILED_PIXELS, Bitmap, ImageReference, Shape, Size

_RATIO_TOLERANCE = 0.01
_UPSIDE_DOWN = 4  # the EXIF orientation of what is mirrored at a horizontal line
_SETTLED_BY_EMBEDDED = (
    Code.IMAGE_MISSING,
    Code.IMAGE_AMBIGUOUS,
    Code.IMAGE_DOUBTFUL,
    Code.IMAGE_IS_MASK,
)


def settle(
    record: ImageRecord,
    images: ImageFinder,
    source: Path,
    size_mismatch: SizeMismatch,
    size: Size | None = None,
) -> tuple[ImageReference, tuple[Shape, ...], list[Issue]]:
    """Find the image of a record, and express its shapes in the frame of the mask.

    Args:
        record: The record.
        images: Finds image files.
        source: Folder of the source to which the record belongs.
        size_mismatch: What to do if file and image differ in size.
        size: Size of images of which nothing else is known.

    Returns:
        The reference (its size is None if no mask can be made), the shapes, and all findings.
    """
    issues = list(record.issues)
    image = ImageReference(record.name, None, None)
    shapes = record.shapes
    if any(issue.loses_image for issue in issues):
        return image, shapes, issues  # a second reason would only hide the first
    found = images.find(_wanted(record, source, size_mismatch))
    if found.file is None and record.unless_found is not None:
        return image, shapes, [*issues, record.unless_found]
    image = replace(image, file=found.file, match=found.match)
    image = replace(image, name=_name(record, found))
    _report(record, found, issues)
    try:
        header = found.header or _header(record, found, size, issues)
        if header is not None:
            image, shapes = _fit(record, image, header, size_mismatch, issues)
        elif record.declared is not None:
            image = replace(image, size=record.declared)
        if record.upward and image.size is not None:
            shapes = tuple(_upside_down(one, image.size) for one in shapes)
        if image.size is not None and _stored_pixels(image.size) > MOST_TILED_PIXELS:
            raise ImageError(
                Code.TOO_LARGE,
                f"a size of {image.size} px is beyond the {MOST_TILED_PIXELS:,} px of a mask",
                origin=record.origin,
                hint="correct the size in the annotation file, or cut the image into tiles",
            )
    except ImageError as error:
        image = replace(image, size=None)
        issues.append(error.issue())
    return image, shapes, issues


def _stored_pixels(size: Size) -> int:
    """Return how many pixels a mask would be written with: a thin one is mostly rest of tiles."""
    if size.width * size.height <= MOST_PIXELS:
        return size.width * size.height
    return math.prod(-(-side // TILE) * TILE for side in size)


def _name(record: ImageRecord, found: Found) -> str:
    """Return the name of the image, which is not always the one that is written."""
    if found.file is not None and (record.unless_found is not None or found.match == "content"):
        # Of a frame of a video, the suffix belongs to the name: without it, 3.2 and 3.7 seconds
        # would look the same.
        return found.file.name
    is_of_another = found.problem is not None and found.problem.code is Code.IMAGE_DIFFERS
    return record.own[0] if is_of_another and record.own else record.name


def _wanted(record: ImageRecord, source: Path, size_mismatch: SizeMismatch) -> Wanted:
    return Wanted(
        record.written,
        record.origin.file.parent,
        source,
        record.own,
        record.beside,
        None if record.scale_to_image else record.declared,
        size_mismatch == "scale",
        record.embedded,
        record.masks,
    )


def _report(record: ImageRecord, found: Found, issues: list[Issue]) -> None:
    """Say why there is no image, or what is special about it."""
    if found.file is None:
        problem = found.problem or _missing(record, found)
        issues.append(Issue(problem.code, problem.message, record.origin, problem.hint))
        return
    if found.unreadable:
        issues.append(Issue(Code.IMAGE_UNREADABLE, found.unreadable, record.origin))
    if found.header is not None and found.header.identifying:
        text = f"{found.file} says who somebody is: '{', '.join(found.header.identifying)}'"
        issues.append(Issue(Code.IDENTIFYING, text, record.origin, WHAT_TO_DO))
    if _is_stack(found.file):
        text = f"{found.file} has several pages, of which the first is taken"
        issues.append(Issue(Code.IMAGE_STACK, text, record.origin))


def _missing(record: ImageRecord, found: Found) -> Problem:
    text = f"the image {shorten(record.name)} was not found"
    hint = IMAGES_HINT if record.embedded is None else EXTRACT_HINT
    if found.outside:
        text += f"; {shorten(found.outside)} lies outside of the source, and is not looked at"
        hint += ", or allow it with --allow-outside-images"
    return Problem(Code.IMAGE_MISSING, text, hint)


def embedded_image(record: ImageRecord, issues: list[Issue]) -> bytes | None:
    """Return the encoded image that is embedded in the annotation file; None if there is none.

    ``issues`` are brought up to date: the image is not missing any more, or it is damaged.
    """
    if record.embedded is None:
        return None
    try:
        image = record.embedded.content()
        read_header(image)
    except (OSError, ValueError) as error:
        issues.append(_embedded_unreadable(record, error))
        return None
    issues[:] = [issue for issue in issues if issue.code not in _SETTLED_BY_EMBEDDED]
    return image


def _embedded_unreadable(record: ImageRecord, error: Exception) -> Issue:
    return Issue(Code.IMAGE_UNREADABLE, f"embedded image: {error}", record.origin)


def _is_stack(file: Path) -> bool:
    with contextlib.suppress(OSError):
        return len(list_pages(file)) > 1
    return False


def _header(
    record: ImageRecord, found: Found, size: Size | None, issues: list[Issue]
) -> ImageHeader | None:
    """Return what is known of an image whose file does not tell.

    Raises:
        ImageError: If there is no size anywhere.
    """
    is_size_known = record.declared is not None and not record.scale_to_image
    if record.embedded is not None and (found.file is None or not is_size_known):
        try:
            header = record.embedded.header()
        except (OSError, ValueError) as error:
            if not is_size_known:
                issues.append(_embedded_unreadable(record, error))
        else:
            # Tools embed the image as people saw it, whatever its EXIF data still says.
            is_turned = header.stored != record.declared == header.upright
            return header if is_turned else ImageHeader(header.stored)
    if is_size_known:
        return None
    if size is not None:
        return ImageHeader(size)
    raise ImageError(
        Code.SIZE_UNKNOWN,
        f"the size of {shorten(record.name)} is in neither the file nor an image",
        origin=record.origin,
        hint=f"{IMAGES_HINT}, or give the size with --size",
    )


def _fit(
    record: ImageRecord,
    image: ImageReference,
    header: ImageHeader,
    size_mismatch: SizeMismatch,
    issues: list[Issue],
) -> tuple[ImageReference, tuple[Shape, ...]]:
    declared = record.declared
    upright = record.upright
    if header.orientation != 1:
        fits_stored, fits_upright = declared == header.stored, declared == header.upright
        certain = fits_stored != fits_upright
        upright = fits_upright if certain else record.upright
        frame = "as it is shown" if upright else "as it is stored"
        verb = "refer" if certain else "are taken to refer"
        issues.append(
            Issue(
                Code.EXIF_ROTATED if certain else Code.EXIF_AMBIGUOUS,
                f"EXIF orientation {header.orientation}: shapes {verb} to the image {frame}",
                record.origin,
                "" if certain else "check the mask with `maskforge preview`",
            )
        )
    size = header.upright if upright else header.stored
    fitted = replace(
        image,
        size=size,
        orientation=header.orientation,
        upright=upright,
        spacing=header.spacing,
        patient_digest=patient_digest(header.patient),
    )
    if record.is_normalized:
        return fitted, tuple(
            replace(one, geometry=from_fractions(one.geometry, size)) for one in record.shapes
        )
    if declared is None or declared == size:
        return fitted, record.shapes
    return fitted, _scale(record, declared, size, size_mismatch, issues)


def _upside_down(shape: Shape, size: Size) -> Shape:
    return replace(shape, geometry=oriented(shape.geometry, size, _UPSIDE_DOWN), primitive=None)


def _scale(
    record: ImageRecord,
    declared: Size,
    size: Size,
    size_mismatch: SizeMismatch,
    issues: list[Issue],
) -> tuple[Shape, ...]:
    factor_x, factor_y = size.width / declared.width, size.height / declared.height
    same_ratio = abs(factor_x / factor_y - 1) <= _RATIO_TOLERANCE
    has_bitmap = any(isinstance(shape.geometry, Bitmap) for shape in record.shapes)
    wanted = record.scale_to_image or (size_mismatch == "scale" and same_ratio)
    if not wanted or has_bitmap:
        scalable = same_ratio and not has_bitmap
        raise ImageError(
            Code.SIZE_MISMATCH,
            f"the annotation file says {declared} px, the image has {size} px",
            origin=record.origin,
            hint="if the image was resized after it was annotated: --size-mismatch scale"
            if scalable
            else "the annotation belongs to another image, or to another version of it",
        )
    issues[:] = [
        issue
        if issue.box is None
        else replace(issue, box=_scaled_box(issue.box, factor_x, factor_y))
        for issue in issues
    ]
    issues.append(
        Issue(Code.SIZE_SCALED, f"coordinates scaled from {declared} to {size} px", record.origin)
    )
    return tuple(
        replace(shape, geometry=scaled(shape.geometry, factor_x, factor_y), primitive=None)
        for shape in record.shapes
    )


def _scaled_box(box: Box, factor_x: float, factor_y: float) -> Box | None:
    left, top, right, bottom = box
    return known_box([left * factor_x, top * factor_y, right * factor_x, bottom * factor_y])
