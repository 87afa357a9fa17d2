"""Pascal VOC: boxes in XML files, and masks of classes and objects beside them.

=============================== ==============================================================
``Annotations/NAME.xml``        name and box of every object
``SegmentationClass/NAME.png``  the class at every pixel; 255 is void, mostly a rim around objects
``SegmentationObject/NAME.png`` the object at every pixel: 1 is the first of the XML file
``ImageSets/*/SET.txt``         names of images
``JPEGImages/NAME.jpg``         the images
``labelmap.txt``                colors of the classes, as CVAT and Datumaro write them
=============================== ==============================================================

What the values mean is in ``devkit_doc`` of the challenge's development kit. Masks without an XML
file are read only if the format is chosen by name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from maskforge.errors import ImageError, LimitError
from maskforge.formats.base import ImageRecord, ReadContext, Recognition, left_over, too_many
from maskforge.formats.fields import declared_size
from maskforge.formats.jsonio import Document
from maskforge.formats.pascal_voc.image_sets import ImageSets
from maskforge.formats.pascal_voc.names import NameTables
from maskforge.formats.pascal_voc.objects import (
    FORM,
    as_plain,
    extra_of,
    label_of,
    read_object,
)
from maskforge.formats.pixels import (
    BACKGROUND,
    VOID,
    VOID_VALUE,
    MaskPixels,
    PixelNames,
    read_objects,
    read_pixels,
    shapes_of,
    split_by_objects,
)
from maskforge.formats.plainform import read_each
from maskforge.issues import Code, Issue, Origin
from maskforge.shapes import ImageState, Shape, Size

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

ANNOTATIONS = "Annotations"
CLASS_MASKS = ("SegmentationClass", "SegmentationClassPNG", "SegmentationClassRaw")
OBJECT_MASKS = ("SegmentationObject", "SegmentationObjectPNG")
_IMAGES = "JPEGImages"
_OWN_FOLDERS = frozenset(one.lower() for one in (ANNOTATIONS, *CLASS_MASKS))
_RECORDS = "object"


class PascalVoc:
    """The format of Pascal VOC; see ``maskforge.formats.base.Format``."""

    name = "pascal-voc"
    title = "Pascal VOC"
    versions = (
        "Annotations/*.xml with SegmentationClass/ and SegmentationObject/ beside them; masks "
        "without XML only with --format pascal-voc"
    )
    geometry = "bndbox; the region of every class, or of every object, pixel by pixel"
    marks = ("<annotation>", "bndbox")
    suffixes = (".xml", ".png")

    def recognize(self, document: Document) -> Recognition:
        """Tell annotations by their elements, and masks by their folder."""
        root = document.root
        if root is None:
            folders = {one.name for one in document.path.parents}
            if folders.isdisjoint(CLASS_MASKS):
                return Recognition.no(f"not in a folder called {CLASS_MASKS[0]}")
            return Recognition("masks", f"a mask in a folder called {CLASS_MASKS[0]}")
        if getattr(root, "tag", None) != "annotation":
            return Recognition.no("the root element is not `annotation`")
        if root.find("imagesize") is not None or root.find("object/polygon/pt") is not None:
            return Recognition.no("`annotation` of the LabelMe web tool by MIT CSAIL")
        for inner in ("object/bndbox", "segmented", "size"):
            if root.find(inner) is not None:
                return Recognition("annotation", f"`{inner}` in the root element `annotation`")
        return Recognition.no("`annotation` without `size`, `segmented` or `object`")

    def read(self, document: Document, context: ReadContext) -> Iterator[ImageRecord]:
        """Yield the image of an annotation, or of a mask that has none."""
        layout = _Layout(document.path)
        if document.root is not None or layout.mask(CLASS_MASKS) == document.path:
            yield _Image(document, layout, context).record()


class _Image:
    """One image while it is read."""

    def __init__(self, document: Document, layout: _Layout, context: ReadContext) -> None:
        self._context = context
        self._layout = layout
        self._origin = document.origin
        self._issues: list[Issue] = []
        root: Element | None = document.root
        self._plain: dict[str, Any] = {}
        self._objects: list[Any] = []
        if root is not None:
            self._objects = [as_plain(one) for one in root.findall(_RECORDS)]
            whole = as_plain(root)
            self._plain = whole if isinstance(whole, dict) else {}
            self._plain.pop(_RECORDS, None)
        self._shapes: list[Shape] = []
        self._drawn: set[int] = set()

    def record(self) -> ImageRecord:
        """Return the image."""
        declared = declared_size(
            self._plain.get("size"), self._origin.at(".size"), self._issues, is_text=True
        )
        refusal = too_many(len(self._objects), self._origin)
        if refusal is not None:
            self._issues.append(refusal)
        else:
            mask = self._layout.mask(CLASS_MASKS)
            if mask is not None:
                declared = self._read_masks(mask) or declared
            else:
                self._read_boxes(declared)
        name, written = self._names()
        sets = self._context.memory.setdefault("pascal-voc sets", ImageSets())
        assert isinstance(sets, ImageSets)
        place = self._origin.at(f".{_RECORDS}")
        boxes = [one for one in self._shapes if one.origin.file == self._origin.file]
        return ImageRecord(
            name,
            written,
            tuple(self._shapes),
            ImageState.ANNOTATED if self._shapes or self._objects else ImageState.EMPTY,
            self._origin,
            declared=declared,
            upright=True,
            own=(self._layout.name,),
            beside=(*(f"{up}{_IMAGES}/{self._layout.folder}" for up in self._layout.ups), "."),
            own_folders=_OWN_FOLDERS,
            masks=frozenset(
                one for one in map(self._layout.mask, (CLASS_MASKS, OBJECT_MASKS)) if one
            ),
            issues=tuple(self._issues),
            extra=self._plain
            | sets.of(self._layout.root, self._layout.place)
            | left_over(_RECORDS, self._objects, boxes, place),
        )

    def _names(self) -> tuple[str, tuple[str, ...]]:
        written = [self._plain.get(key) for key in ("path", "filename")]
        paths = [one.replace("\\", "/") for one in written if isinstance(one, str) and one.strip()]
        names = [name for one in paths if (name := PurePosixPath(one).name) not in ("", "..")]
        return (names[-1] if names else self._layout.name), tuple(paths)

    def _read_boxes(self, size: Size | None) -> None:
        place = self._origin.at(f".{_RECORDS}")
        self._shapes, issues = read_each(self._objects, place, read_object, FORM, size=size)
        self._issues += issues
        if self._objects and self._plain.get("segmented") == "1":
            text = "says that the image is segmented, and there is no mask in SegmentationClass"
            self._context.report(Issue(Code.LOSSY_SOURCE, f"{text}; boxes are read", self._origin))

    def _read_masks(self, path: Path) -> Size | None:
        """Read the regions of the masks; objects without pixels there are no shapes."""
        tables = self._context.memory.setdefault("pascal-voc names", NameTables(self._context))
        assert isinstance(tables, NameTables)
        labels = [label_of(one, self._origin)[0] for one in self._objects]
        names = tables.of(self._layout.root, labels)
        self._context.claimed.add(path)
        objects = self._layout.mask(OBJECT_MASKS)
        try:
            pixels = read_pixels(path, names, tolerance=self._context.mask_tolerance)
            if objects is None:
                self._shapes += shapes_of(pixels, pixels.labels(names), Origin(path))
            else:
                self._context.claimed.add(objects)
                self._join(pixels, names, path, objects)
        except ImageError as error:
            self._issues.append(error.issue())
        except LimitError as error:
            self._issues.append(error.issue(Origin(path)))
        else:
            self._note_boxes(objects)
            return pixels.size
        self._shapes.clear()
        return None

    def _join(self, pixels: MaskPixels, names: PixelNames, path: Path, objects: Path) -> None:
        """Read the region of every object, with what the XML file says of it."""
        numbers = read_objects(objects, pixels)
        labels = pixels.labels(names)
        split, meant = split_by_objects(pixels, _without_void(numbers, pixels, labels))
        found = shapes_of(split, labels, Origin(path), meant)
        by_pair = {(one.labels[0], one.instance): one for one in found}
        for index, record in enumerate(self._objects):
            place = self._origin.at(f".{_RECORDS}[{index}]")
            key = (label_of(record, place)[0], str(index + 1))
            shape = by_pair.get(key)
            if shape is None or not isinstance(record, dict):
                continue
            self._drawn.add(index)
            primitive = {**(shape.primitive or {}), "bndbox": record.get("bndbox")}
            by_pair[key] = replace(shape, origin=place, primitive=primitive, extra=extra_of(record))
        self._shapes += by_pair.values()

    def _note_boxes(self, objects: Path | None) -> None:
        where = "SegmentationClass" if objects is None else "SegmentationObject"
        for index in range(len(self._objects)):
            if index not in self._drawn:
                place = self._origin.at(f".{_RECORDS}[{index}]")
                text = f"a box; the pixels of the image are in {where}"
                self._issues.append(Issue(Code.NOT_A_SHAPE, text, place))


class _Layout:
    """Where a file lies in the folders of the format.

    Attributes:
        root: The folder around ``Annotations`` or ``SegmentationClass``.
        place: Path of the file below that, without suffix.
        ups: Ways from the folder of the file to the root.
    """

    def __init__(self, path: Path) -> None:
        parents = list(path.parents)
        known = (ANNOTATIONS, *CLASS_MASKS)
        depth = next((i for i, one in enumerate(parents) if one.name in known), None)
        self.ups: tuple[str, ...] = ("../" * (depth + 1),) if depth is not None else ("", "../")
        base = parents[depth] if depth is not None else path.parent
        self.root = base.parent if depth is not None else path.parent
        self.place = path.relative_to(base).with_suffix("").as_posix()
        self._roots = (self.root,) if depth is not None else (path.parent, path.parent.parent)

    @property
    def name(self) -> str:
        """Name of the image without suffix."""
        return PurePosixPath(self.place).name

    @property
    def folder(self) -> str:
        """Folder of the file below ``Annotations``."""
        return PurePosixPath(self.place).parent.as_posix()

    def mask(self, folders: tuple[str, ...]) -> Path | None:
        """Return the mask of the image in one of some folders; None if there is none."""
        places = (root / one / f"{self.place}.png" for root in self._roots for one in folders)
        return next((one for one in places if one.is_file()), None)


def _without_void(
    objects: NDArray[Any], pixels: MaskPixels, labels: Mapping[int, str]
) -> NDArray[Any]:
    """Return the objects; where the class is background or void, there is none."""
    none = [number for number, label in labels.items() if label in (BACKGROUND, VOID)]
    return np.where(np.isin(pixels.numbers, none) | (objects == VOID_VALUE), 0, objects)


FORMAT = PascalVoc()
