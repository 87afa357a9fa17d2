"""CVAT 1.1 for images: one XML file for all images of a task or project.

What elements and attributes mean was read in CVAT's own source,
``cvat-ai/cvat: cvat/apps/dataset_manager/formats/cvat.py``.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, ClassVar

from maskforge.errors import shorten
from maskforge.formats.base import ImageRecord, ReadContext, Recognition, left_over
from maskforge.formats.cvat.shape_records import FORM, NO_SHAPES, read_shape
from maskforge.formats.cvat.writer import CvatWriter
from maskforge.formats.jsonio import Document
from maskforge.formats.plainform import read_each
from maskforge.issues import Code, Issue, Level, Origin
from maskforge.limits.allowance import Allowance, Limit
from maskforge.shapes import ImageState, Shape, Size

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

RECORDS = "records"
"""Key in the extra of an image for elements that became no shape."""

_LONGEST_SIDE = 2**31


class Cvat:
    """The format of CVAT's XML files; see ``maskforge.formats.base.Format``."""

    name = "cvat"
    title = "CVAT"
    versions = "CVAT for images 1.1: one XML file for all images"
    geometry = "polygon, box and ellipse with rotation, mask, cuboid, polyline, points"
    marks = ("<annotations>",)
    suffixes = (".xml",)
    writers: ClassVar = {"cvat": CvatWriter}

    def recognize(self, document: Document) -> Recognition:
        """Tell CVAT's files by the root element and what is in it."""
        tag = getattr(document.root, "tag", None)
        if tag != "annotations":
            return Recognition.no("the root element is not `annotations`")
        for variant, inner in (("images", "image"), ("video", "track"), ("empty", "meta")):
            if document.root.find(inner) is not None:
                return Recognition(variant, f"`{inner}` in the root element `annotations`")
        return Recognition.no("`annotations` without `image`, `track` or `meta`")

    def read(self, document: Document, context: ReadContext) -> Iterator[ImageRecord]:
        """Yield every image of a file, and tracks as a video that is refused."""
        for index, element in enumerate(document.root.findall("image")):
            yield _image(element, document.origin.at(f".image[{index}]"))
        tracks = len(document.root.findall("track"))
        if tracks:
            yield _video(document, tracks)


def _image(element: Element, origin: Origin) -> ImageRecord:
    records = [as_record(one) for one in element]
    issues: list[Issue] = []
    read = partial(
        read_shape, vertices=Allowance(Limit.VERTICES), pixels=Allowance(Limit.BITMAP_PIXELS)
    )
    shapes, found = read_each(records, origin, read, FORM)
    issues += found
    # The canvas of the tool draws by `z_order`; what is on one level, in the order of the file.
    shapes.sort(key=_level)
    written = element.get("name", "").replace("\\", "/")
    name = PurePosixPath(written).name
    if name in ("", ".."):
        text = f"expected the name of an image, found {shorten(element.get('name'))}"
        issues.append(Issue(Code.INVALID_IMAGE_RECORD, text, origin))
        name, written, shapes = f"image-{element.get('id', '')}", "", []
        issues = [issue for issue in issues if not issue.loses_record]
    return ImageRecord(
        name,
        (written,) if written else (),
        tuple(shapes),
        ImageState.EMPTY
        if all(one["type"] in NO_SHAPES for one in records)
        else ImageState.ANNOTATED,
        origin,
        declared=_declared(element, origin, issues),
        upright=True,  # CVAT turns images upright when a task is made
        beside=(".", "images", *_subset_folders(element)),
        tags=tuple(
            dict.fromkeys(
                str(one["label"]) for one in records if one["type"] == "tag" and one.get("label")
            )
        ),
        issues=tuple(issues),
        extra={**element.attrib, **left_over(RECORDS, records, shapes, origin)},
    )


def as_record(element: Element) -> dict[str, Any]:
    """Return an element below an image as plain values, without loss."""
    record: dict[str, Any] = {**element.attrib, "type": element.tag}
    attributes = {one.get("name", ""): one.text or "" for one in element.findall("attribute")}
    elements = [as_record(one) for one in element if one.tag != "attribute"]
    if attributes:
        record["attributes"] = attributes
    if elements:
        record["elements"] = elements
    return record


def _level(shape: Shape) -> int:
    """Return the level on which a shape is drawn."""
    try:
        return int(str(shape.extra.get("z_order", 0)))
    except ValueError:
        return 0


def _subset_folders(element: Element) -> tuple[str, ...]:
    """Return the folder of an image of a project, whose images lie by their subsets."""
    subset = element.get("subset", "")
    is_plain = bool(subset) and "/" not in subset and "\\" not in subset and subset != ".."
    return (f"images/{subset}",) if is_plain else ()


def _declared(element: Element, origin: Origin, issues: list[Issue]) -> Size | None:
    written = [element.get(key) for key in ("width", "height")]
    if written == [None, None]:
        return None
    sides = [
        int(one) if one and one.isascii() and one.isdecimal() and len(one) < 12 else 0
        for one in written
    ]
    if all(1 <= side <= _LONGEST_SIDE for side in sides):
        return Size(*sides)
    text = f"expected whole pixels as `width` and `height`, found {shorten(written)}; ignored"
    issues.append(Issue(Code.INVALID_IMAGE_RECORD, text, origin, override=Level.NOTE))
    return None


def _video(document: Document, tracks: int) -> ImageRecord:
    text = f"a video with {tracks} tracks; only single images have masks"
    hint = "export the task from CVAT once more, as `CVAT for images 1.1`: a record for each frame"
    issues = [Issue(Code.VIDEO, text, document.origin, hint)]
    for index in range(tracks):
        place = document.origin.at(f".track[{index}]")
        issues.append(Issue(Code.NOT_DRAWABLE, "a track of a video, not of an image", place))
    return ImageRecord(
        document.path.stem,
        (),
        (),
        ImageState.ANNOTATED,
        document.origin,
        issues=tuple(issues),
    )


FORMAT = Cvat()
