"""CVAT 1.1 for images: one XML file for all images of a task or project.

What elements and attributes mean was read in CVAT's own source,
``cvat-ai/cvat: cvat/apps/dataset_manager/formats/cvat.py``.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from maskforge.errors import shorten
from maskforge.formats.base import ImageRecord, ReadContext, Recognition, left_over, places_in
from maskforge.formats.fields import declared_size, of_video
from maskforge.formats.jsonio import Document
from maskforge.formats.plainform import read_each
from maskforge.issues import Code, Issue, Origin
from maskforge.limits.allowance import Allowance, Limit
from maskforge.shapes import ImageState, Shape

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

RECORDS = "records"
"""Key in the extra of an image for elements that became no shape."""


class Cvat:
    """The format of CVAT's XML files; see ``maskforge.formats.base.Format``."""

    name = "cvat"
    title = "CVAT"
    versions = "CVAT for images 1.1: one XML file for all images"
    geometry = "polygon, box and ellipse with rotation, mask, cuboid, polyline, points"
    marks = ("<annotations>",)
    suffixes = (".xml",)

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
    from maskforge.formats.cvat.shape_records import FORM, NO_SHAPES, read_shape

    records = [as_record(one) for one in element]
    issues: list[Issue] = []
    read = partial(
        read_shape, vertices=Allowance(Limit.VERTICES), pixels=Allowance(Limit.BITMAP_PIXELS)
    )
    unsized: list[Issue] = []
    size = declared_size(element.attrib, origin, unsized, is_text=True)
    shapes, found = read_each(records, origin, read, FORM, size=size)
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
        declared=size,
        upright=True,  # CVAT turns images upright when a task is made
        beside=(".", "images", *_subset_folders(element)),
        tags=tuple(
            dict.fromkeys(
                str(one["label"]) for one in records if one["type"] == "tag" and one.get("label")
            )
        ),
        issues=(*issues, *unsized),
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


def _video(document: Document, tracks: int) -> ImageRecord:
    origin, state = document.origin, ImageState.ANNOTATED
    hint = "export the task from CVAT once more, as `CVAT for images 1.1`: a record for each frame"
    places = places_in(origin.at(".track"), range(tracks))
    issues = of_video(f"a video with {tracks} tracks", origin, hint, places)
    return ImageRecord(document.path.stem, (), (), state, origin, issues=tuple(issues))


FORMAT = Cvat()
