"""Nothing of a signed web address gets into a report."""

from __future__ import annotations

import re
from dataclasses import replace

from maskforge.formats.base import ImageRecord
from maskforge.issues import Issue

_SIGNED = re.compile(r"((?:https?|gs|s3)://[^\s?'\"]*)\?[^\s'\"]*")


def without_signatures(image: ImageRecord) -> ImageRecord:
    """Return an image whose findings have no signatures of web addresses."""
    shapes = tuple(
        one if one.label_issue is None else replace(one, label_issue=_quiet(one.label_issue))
        for one in image.shapes
    )
    return replace(image, shapes=shapes, issues=tuple(map(_quiet, image.issues)))


def _quiet(issue: Issue) -> Issue:
    return replace(issue, message=_SIGNED.sub(r"\1", issue.message))
