"""Telling COCO files by what they hold."""

from __future__ import annotations

from maskforge.formats.base import Recognition
from maskforge.formats.jsonio import Document

SEGMENTS = "segments_info"
"""Key of the segments of a panoptic annotation."""

_RESULT_KEYS = frozenset({"image_id", "category_id", "score"})


def recognize(document: Document) -> Recognition:
    """Tell which of COCO's files a document is, if it is one."""
    root = document.root
    if isinstance(root, list) and root and _is_result(root[0]):
        return Recognition("results", "a list with `image_id`, `category_id` and `score`")
    if not isinstance(root, dict) or "images" not in root:
        return Recognition.no("no `images` list at the root")
    images, annotations = root["images"], root.get("annotations")
    beside = next((one for one in ("annotations", "categories") if one in root), None)
    if beside is None:
        return Recognition.no("`images` at the root, but no `annotations` or `categories`")
    if isinstance(images, list) and images and not any(map(_is_image, images)):
        return Recognition.no("no entry of `images` has `id` and `file_name`")
    drawn = annotations if isinstance(annotations, list) else []
    if any(map(_is_caption, drawn)):
        return Recognition.no("the annotations are captions")
    if any(map(_has_segments, drawn)):
        beside, variant = "annotations` with `segments_info", "panoptic"
    else:
        variant = "instances"
    return Recognition(variant, f"`images` and `{beside}` at the root")


def _is_result(entry: object) -> bool:
    """Tell whether an entry of a list is one object that a network has found."""
    return isinstance(entry, dict) and entry.keys() >= _RESULT_KEYS


def _is_image(entry: object) -> bool:
    return (
        isinstance(entry, dict) and "id" in entry and ("file_name" in entry or "coco_url" in entry)
    )


def _has_segments(entry: object) -> bool:
    return isinstance(entry, dict) and SEGMENTS in entry


def _is_caption(entry: object) -> bool:
    return isinstance(entry, dict) and "caption" in entry and "category_id" not in entry
