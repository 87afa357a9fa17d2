"""Ready-made masks: class ids, palettes, colors, black and white, a file per class.

A folder of PNG files may hold images or masks, so masks are read only if the format is chosen by
name. ``places`` tells masks from images by their names and joins what belongs to one image;
``tables`` finds out what values and colors are called; ``maskforge.formats.pixels`` decodes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from maskforge.errors import FormatError, ImageError, LimitError
from maskforge.formats.base import ImageRecord, ReadContext, Recognition
from maskforge.formats.jsonio import Document
from maskforge.formats.masks.places import MaskGroup, MaskPart, MaskPlaces
from maskforge.formats.masks.tables import Tables
from maskforge.formats.pixels import (
    BACKGROUND,
    VOID,
    VOID_VALUE,
    MaskPixels,
    PixelNames,
    bad_mask,
    change_note,
    check_size,
    read_objects,
    read_pixels,
    shapes_of,
    split_by_objects,
)
from maskforge.images.pair_names import MASK_FOLDERS
from maskforge.images.suffixes import IMAGE_SUFFIXES
from maskforge.issues import Code, Issue, Origin
from maskforge.shapes import ImageState, Shape

_IMAGE_FOLDERS = ("images", "image", "imgs", "img", "JPEGImages", "leftImg8bit", "imagesTr")
_OWN_FOLDERS = frozenset(MASK_FOLDERS)
_IMAGE_ENDINGS = ("", "_leftImg8bit", "_0000")


class Masks:
    """The format of mask files; see ``maskforge.formats.base.Format``."""

    name = "masks"
    title = "Ready-made masks"
    versions = (
        "only with --format masks: PNG, TIFF, BMP ... with values, a palette, colors or opacity; "
        "one file of an image, or one of each class; beside them classes.json or labelmap.txt"
    )
    geometry = "the region of every class, or of every object, pixel by pixel"
    marks = ()
    suffixes = tuple(sorted(IMAGE_SUFFIXES))

    def recognize(self, document: Document) -> Recognition:
        """Take every image file for a mask; which ones are, the folder tells."""
        if document.root is not None:
            return Recognition.no("not an image file")
        return Recognition("mask", "an image file, and masks were asked for")

    def read(self, document: Document, context: ReadContext) -> Iterator[ImageRecord]:
        """Yield the image of a mask, or of several masks of single classes.

        Raises:
            FormatError: If the file is an image beside masks.
        """
        tables = context.memory.setdefault(f"{self.name}-tables", Tables(context))
        assert isinstance(tables, Tables)
        names = tables.near(document.path.parent) or context.mask_names
        key = f"{self.name} {names.foreground}"
        if key not in context.memory:
            context.memory[key] = MaskPlaces(context.source, names, context.mask_tolerance)
        places = context.memory[key]
        assert isinstance(places, MaskPlaces)
        group = places.group_of(document.path)
        if group is None:
            raise FormatError(
                Code.UNKNOWN_FORMAT,
                "is not called a mask, as other files here are",
                origin=Origin(document.path, ""),
                hint="give it a name such as 7_mask.png, or put it into a folder called masks",
            )
        context.claimed.update(one.path for one in group.parts)
        yield _read_group(group, names, places, context)


def _read_group(
    group: MaskGroup, names: PixelNames, places: MaskPlaces, context: ReadContext
) -> ImageRecord:
    issues: list[Issue] = []
    shapes: list[Shape] = []
    first: MaskPixels | None = None
    origin = Origin(group.parts[0].path, "")
    try:
        for part in group.parts:
            known = PixelNames() if part.label else names
            pixels = read_pixels(part.path, known, tolerance=context.mask_tolerance)
            first = first or pixels
            check_size(pixels, first, part.path)
            issues += change_note(pixels, Origin(part.path, ""))
            if part.label:
                shapes += _of_one_class(part, pixels)
            else:
                shapes += _of_all_classes(group, part, pixels, names, places)
    except ImageError as error:
        issues.append(error.issue())
    except LimitError as error:
        issues.append(error.issue(origin))
    if any(issue.loses_image for issue in issues):
        shapes.clear()
    stems = dict.fromkeys((group.name, *(one.path.stem for one in group.parts)))
    return ImageRecord(
        group.name,
        (),
        tuple(shapes),
        ImageState.ANNOTATED if shapes else ImageState.EMPTY,
        origin,
        declared=None if first is None else first.size,
        upright=True,
        own=tuple(f"{stem}{ending}" for stem in stems for ending in _IMAGE_ENDINGS),
        beside=(".", *(f"../{one}" for one in _IMAGE_FOLDERS)),
        own_folders=_OWN_FOLDERS | {one.label.lower() for one in group.parts},
        masks=places.no_images,
        issues=tuple(issues),
    )


def _of_all_classes(
    group: MaskGroup, part: MaskPart, pixels: MaskPixels, names: PixelNames, places: MaskPlaces
) -> list[Shape]:
    labels = pixels.labels(names)
    if not pixels.colored and VOID_VALUE in labels and VOID_VALUE not in names.values:
        labels[VOID_VALUE] = _label_of_void(names, places)
    origin = Origin(part.path, "")
    if group.objects is None:
        return shapes_of(pixels, labels, origin)
    split, meant = split_by_objects(pixels, read_objects(group.objects, pixels))
    return shapes_of(split, labels, origin, meant)


def _label_of_void(names: PixelNames, places: MaskPlaces) -> str:
    """Return what 255 means if nobody says it: the one class of masks in black and white, or void.

    One mask does not tell: of a class that is rare, many hold only background and void.
    """
    classes = names.foreground
    if len(classes) > 1 or not places.is_binary:
        return VOID
    return classes[0] if classes else str(VOID_VALUE)


def _of_one_class(part: MaskPart, pixels: MaskPixels) -> list[Shape]:
    """Return the shape of a mask that shows one class in black and white.

    Raises:
        ImageError: If it holds several values beside the background.
    """
    present = [one for one in pixels.regions if one]
    if len(present) > 1:
        raise bad_mask(
            f"is called the mask of {part.label!r} alone, and holds {len(present)} values beside "
            "the background",
            Origin(part.path, ""),
            hint="a mask of one class is black and white",
        )
    labels = dict.fromkeys(pixels.regions, BACKGROUND) | dict.fromkeys(present, part.label)
    found = shapes_of(pixels, labels, Origin(part.path, ""))
    return [replace(one, instance=part.object or None) for one in found]


FORMAT = Masks()
