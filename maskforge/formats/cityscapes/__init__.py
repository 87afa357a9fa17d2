"""Cityscapes: polygons in drawing order, and masks made of them.

==================================== ===========================================================
``CITY_1_2_gtFine_polygons.json``    polygons, the farthest first: later ones lie on top
``CITY_1_2_gtFine_labelIds.png``     the label at every pixel
``CITY_1_2_gtFine_instanceIds.png``  a thousand times the label, plus the object
``..._labelTrainIds.png, _color.png`` other ways to say what ``labelIds`` says
``leftImg8bit/.../CITY_1_2_leftImg8bit.png`` the image
==================================== ===========================================================

What labels mean was read in ``mcordts/cityscapesScripts: helpers/labels.py, helpers/annotation.py``
and ``preparation``. Masks are read where there are no polygons, and only if the format is chosen by
name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from maskforge.errors import ImageError, LimitError
from maskforge.formats.base import ImageRecord, ReadContext, Recognition, left_over
from maskforge.formats.cityscapes.label_images import read_label_image
from maskforge.formats.cityscapes.polygon_records import FORM, RECORDS, read_polygon
from maskforge.formats.fields import declared_size
from maskforge.formats.jsonio import Document, as_list
from maskforge.formats.plainform import read_each
from maskforge.issues import Issue, Origin
from maskforge.shapes import ImageState, Shape, Size

_POLYGONS = "polygons"
_KINDS = ("instanceIds", "labelIds", "labelTrainIds", "color")
"""What label images hold, the richest first."""

_NAME = re.compile(
    rf"(?P<base>.+)_gt(?:Fine|Coarse)_(?P<kind>{_POLYGONS}|{'|'.join(_KINDS)})", re.IGNORECASE
)
_TRUTH_FOLDERS = ("gtfine", "gtcoarse")
_SIDES = ("imgWidth", "imgHeight")


class Cityscapes:
    """The format of Cityscapes; see ``maskforge.formats.base.Format``."""

    name = "cityscapes"
    title = "Cityscapes"
    versions = (
        "gtFine and gtCoarse: *_polygons.json; *_instanceIds.png, *_labelIds.png ... without "
        "polygons only with --format cityscapes"
    )
    geometry = "polygon; the region of every label, or of every object, pixel by pixel"
    marks = ("imgHeight", "imgWidth")
    suffixes = (".json", ".png")

    def recognize(self, document: Document) -> Recognition:
        """Tell polygons by the keys at the root, and label images by their names."""
        root = document.root
        if root is None:
            found = _NAME.fullmatch(document.path.stem)
            if found is None or found["kind"].lower() == _POLYGONS:
                return Recognition.no("the name does not end as _gtFine_labelIds does")
            return Recognition("label image", f"the name ends with {found['kind']}")
        if not isinstance(root, dict) or RECORDS not in root:
            return Recognition.no("the root is not an object with `objects`")
        if not all(side in root for side in _SIDES):
            return Recognition.no("`objects` without `imgHeight` and `imgWidth` beside it")
        return Recognition("polygons", "`objects`, `imgHeight` and `imgWidth` at the root")

    def read(self, document: Document, context: ReadContext) -> Iterator[ImageRecord]:
        """Yield the image of polygons, or of a label image without polygons.

        Raises:
            FormatError: If `objects` is not a list.
        """
        if document.root is not None:
            yield _of_polygons(document)
        elif _is_best(document.path):
            yield _of_label_image(document.path, context)


def _base(path: Path) -> str:
    """Return what the files of one image have in common."""
    found = _NAME.fullmatch(path.stem)
    return path.stem if found is None else found["base"]


def _siblings(path: Path, kind: str) -> Path:
    """Return the file of another kind."""
    found = _NAME.fullmatch(path.stem)
    assert found is not None
    suffix = ".json" if kind == _POLYGONS else ".png"
    return path.with_name(f"{path.stem[: -len(found['kind'])]}{kind}{suffix}")


def _is_best(path: Path) -> bool:
    """Tell whether nothing beside a label image says more of the same."""
    if _siblings(path, _POLYGONS).is_file():
        return False
    best = next((one for one in _KINDS if _siblings(path, one).is_file()), "")
    return _siblings(path, best) == path


def _of_polygons(document: Document) -> ImageRecord:
    root: dict[str, Any] = document.root
    origin = document.origin
    place = origin.at(f".{RECORDS}")
    records = as_list(root[RECORDS], RECORDS, place)
    unsized: list[Issue] = []
    size = declared_size(root, origin, unsized, _SIDES)
    shapes, issues = read_each(records, place, read_polygon, FORM, size=size)
    about = {key: value for key, value in root.items() if key != RECORDS}
    return _record(
        document.path,
        shapes,
        [*issues, *unsized],
        ImageState.ANNOTATED if records else ImageState.EMPTY,
        origin,
        size,
        about | left_over(RECORDS, records, shapes, place),
    )


def _of_label_image(path: Path, context: ReadContext) -> ImageRecord:
    found = _NAME.fullmatch(path.stem)
    assert found is not None
    origin = Origin(path, "")
    issues: list[Issue] = []
    shapes: list[Shape] = []
    size: Size | None = None
    try:
        shapes, size = read_label_image(path, found["kind"].lower(), context.mask_tolerance, issues)
    except ImageError as error:
        issues.append(error.issue())
    except LimitError as error:
        issues.append(error.issue(origin))
    state = ImageState.ANNOTATED if shapes else ImageState.EMPTY
    return _record(path, shapes, issues, state, origin, size, {})


def _record(
    path: Path,
    shapes: list[Shape],
    issues: list[Issue],
    state: ImageState,
    origin: Origin,
    declared: Size | None,
    extra: dict[str, Any],
) -> ImageRecord:
    base = _base(path)
    name = f"{base}_leftImg8bit.png"
    depth = next((i for i, one in enumerate(path.parents) if one.name.lower() in _TRUTH_FOLDERS), 0)
    inner = path.parent.relative_to(path.parents[depth]).as_posix()
    parallel = f"{'../' * (depth + 1)}leftImg8bit/{inner}/{name}"
    masks = (_siblings(path, one) for one in _KINDS) if _NAME.fullmatch(path.stem) else ()
    return ImageRecord(
        f"{base}.png",
        (parallel, name) if path.stem != base else (),
        tuple(shapes),
        state,
        origin,
        declared=declared,
        upright=True,
        own=(f"{base}_leftImg8bit", base),
        own_folders=frozenset(_TRUTH_FOLDERS),
        masks=frozenset(masks),
        issues=tuple(issues),
        extra=extra,
    )


FORMAT = Cityscapes()
