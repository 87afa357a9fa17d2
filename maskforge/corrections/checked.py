"""Whether somebody says of an annotated image that it is right: each tool has its own word."""

from __future__ import annotations

from collections.abc import Mapping

from maskforge.images.annotated_image import AnnotatedImage


def is_checked(image: AnnotatedImage) -> bool:
    """Tell whether somebody marked an image as checked.

    X-AnyLabeling writes the key ``checked`` into its files. In LabelMe people can set a flag of
    that name, in SuperAnnotate the status ``Completed``. In Label Studio they submit an annotation;
    what nobody submits is still a prediction, and is not drawn at all.
    """
    status = _within(image.extra.get("metadata"), "status")
    return (
        image.extra.get("checked") is True
        or _within(image.extra.get("flags"), "checked") is True
        or (image.format == "superannotate" and status == "Completed")
        or image.format == "label-studio"
    )


def _within(table: object, key: str) -> object:
    return table.get(key) if isinstance(table, Mapping) else None
