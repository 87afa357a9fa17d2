"""Which image file a record belongs to, and which frame its coordinates refer to.

An image has up to two frames: the pixels as they are stored, and the image as it is shown after
its EXIF orientation was applied. Labeling tools differ in which one people draw on, so the size
that the annotation file declares decides wherever it can.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path

from maskforge.choices import SizeMismatch
from maskforge.errors import ImageError, shorten
from maskforge.formats.base import ImageRecord, known_box
from maskforge.geometry import scaled
from maskforge.images.containers.base import ImageHeader
from maskforge.images.decoder import list_pages, read_header
from maskforge.images.finder import ImageFinder
from maskforge.issues import Box, Code, Issue
from maskforge.shapes import MOST_PIXELS, Bitmap, ImageReference, Shape, Size

_RATIO_TOLERANCE = 0.01
_FIND_HINT = "name the folder of the images with --images"
_EXTRACT_HINT = f"{_FIND_HINT}, or write the embedded ones with --extract-images"


def settle(
    record: ImageRecord, images: ImageFinder, size_mismatch: SizeMismatch
) -> tuple[ImageReference, tuple[Shape, ...], list[Issue]]:
    """Find the image of a record, and express its shapes in the frame of the mask.

    Returns:
        The reference (its size is None if no mask can be made), the shapes, and all findings.
    """
    issues = list(record.issues)
    image = ImageReference(record.name, None, None)
    shapes = record.shapes
    if any(issue.loses_image for issue in issues):
        return image, shapes, issues  # a second reason would only hide the first
    try:
        file = _find(record, images, issues)
        image = replace(image, file=file)
        header = _header(record, file, issues)
        if file is not None and _is_stack(file):
            text = f"{file} has several pages, of which the first is taken"
            issues.append(Issue(Code.IMAGE_STACK, text, record.origin))
        if header is not None:
            image, shapes = _fit(record, image, header, size_mismatch, issues)
        elif record.declared is not None and not record.scale_to_image:
            image = replace(image, size=record.declared)
        else:
            raise ImageError(
                Code.SIZE_UNKNOWN,
                f"the size of {shorten(record.name)} is in neither the file nor an image",
                origin=record.origin,
                hint=_FIND_HINT,
            )
        if image.size is not None and image.size.width * image.size.height > MOST_PIXELS:
            raise ImageError(
                Code.TOO_LARGE,
                f"a size of {image.size} px is beyond the {MOST_PIXELS:,} px of a mask",
                origin=record.origin,
                hint="correct the size in the annotation file, or cut the image into tiles",
            )
    except ImageError as error:
        image = replace(image, size=None)
        issues.append(error.issue())
    return image, shapes, issues


def embedded_image(record: ImageRecord, issues: list[Issue]) -> bytes | None:
    """Return the encoded image that is embedded in the annotation file; None if there is none.

    ``issues`` are brought up to date: the image is not missing any more, or it is damaged.
    """
    if record.embedded is None:
        return None
    try:
        image = record.embedded()
        read_header(image)
    except (OSError, ValueError) as error:
        issues.append(_embedded_unreadable(record, error))
        return None
    issues[:] = [issue for issue in issues if issue.code is not Code.IMAGE_MISSING]
    return image


def _embedded_unreadable(record: ImageRecord, error: Exception) -> Issue:
    return Issue(Code.IMAGE_UNREADABLE, f"embedded image: {error}", record.origin)


def _find(record: ImageRecord, images: ImageFinder, issues: list[Issue]) -> Path | None:
    folder = record.origin.file.parent
    try:
        file = images.find_as_told(record.candidates, folder)
        if file is None:
            file = images.find_by_name(record.candidates)
            if file is not None and not _may_be(record, file):
                text = f"{file} has the name, but not the size; it is taken for another image"
                issues.append(Issue(Code.IMAGE_MISSING, text, record.origin, _FIND_HINT))
                return None
    except LookupError as error:
        text, hint = str(error.args[0]), "name a narrower folder with --images"
        issues.append(Issue(Code.IMAGE_AMBIGUOUS, text, record.origin, hint))
        return None
    if file is None:
        text = f"the image {shorten(record.name)} was not found"
        hint = _FIND_HINT if record.embedded is None else _EXTRACT_HINT
        issues.append(Issue(Code.IMAGE_MISSING, text, record.origin, hint))
    return file


def _may_be(record: ImageRecord, file: Path) -> bool:
    """Tell whether a file that was found by its name alone has the size of the record."""
    if record.declared is None or record.scale_to_image:
        return True
    try:
        header = read_header(file)
    except OSError:
        return False
    return record.declared in (header.stored, header.upright)


def _is_stack(file: Path) -> bool:
    with contextlib.suppress(OSError):
        return len(list_pages(file)) > 1
    return False


def _header(record: ImageRecord, file: Path | None, issues: list[Issue]) -> ImageHeader | None:
    if file is not None:
        try:
            return read_header(file)
        except OSError as error:
            issues.append(Issue(Code.IMAGE_UNREADABLE, f"{file}: {error}", record.origin))
    if record.declared is None and record.embedded is not None:
        try:
            # Tools embed the image as people saw it, whatever its EXIF data still says.
            return ImageHeader(read_header(record.embedded()).stored)
        except (OSError, ValueError) as error:
            issues.append(_embedded_unreadable(record, error))
    return None


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
    fitted = replace(image, size=size, orientation=header.orientation, upright=upright)
    if declared is None or declared == size:
        return fitted, record.shapes
    return fitted, _scale(record, declared, size, size_mismatch, issues)


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
