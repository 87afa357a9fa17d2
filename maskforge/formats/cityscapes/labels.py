"""The labels of Cityscapes, as ``cityscapesscripts/helpers/labels.py`` lists them."""

from __future__ import annotations

from typing import NamedTuple

from maskforge.formats.pixels import BACKGROUND, VOID, VOID_VALUE, PixelNames

UNLABELED = "unlabeled"
PER_CLASS = 1000
"""In maps of objects, an object is a thousand times the id of its class plus its number."""


class StreetLabel(NamedTuple):
    """A label.

    Attributes:
        name: Its name.
        id: Value in ``labelIds``; negative if it is not drawn.
        train_id: Value in ``labelTrainIds``; 255 if it does not count, negative if not drawn.
        category: The category.
        color: As a 24-bit number, red highest.
        has_objects: Whether its objects are told apart.
    """

    name: str
    id: int
    train_id: int
    category: str
    color: int
    has_objects: bool = False


LABELS = (
    StreetLabel(UNLABELED, 0, 255, "void", 0x000000),
    StreetLabel("ego vehicle", 1, 255, "void", 0x000000),
    StreetLabel("rectification border", 2, 255, "void", 0x000000),
    StreetLabel("out of roi", 3, 255, "void", 0x000000),
    StreetLabel("static", 4, 255, "void", 0x000000),
    StreetLabel("dynamic", 5, 255, "void", 0x6F4A00),
    StreetLabel("ground", 6, 255, "void", 0x510051),
    StreetLabel("road", 7, 0, "flat", 0x804080),
    StreetLabel("sidewalk", 8, 1, "flat", 0xF423E8),
    StreetLabel("parking", 9, 255, "flat", 0xFAAAA0),
    StreetLabel("rail track", 10, 255, "flat", 0xE6968C),
    StreetLabel("building", 11, 2, "construction", 0x464646),
    StreetLabel("wall", 12, 3, "construction", 0x66669C),
    StreetLabel("fence", 13, 4, "construction", 0xBE9999),
    StreetLabel("guard rail", 14, 255, "construction", 0xB4A5B4),
    StreetLabel("bridge", 15, 255, "construction", 0x966464),
    StreetLabel("tunnel", 16, 255, "construction", 0x96785A),
    StreetLabel("pole", 17, 5, "object", 0x999999),
    StreetLabel("polegroup", 18, 255, "object", 0x999999),
    StreetLabel("traffic light", 19, 6, "object", 0xFAAA1E),
    StreetLabel("traffic sign", 20, 7, "object", 0xDCDC00),
    StreetLabel("vegetation", 21, 8, "nature", 0x6B8E23),
    StreetLabel("terrain", 22, 9, "nature", 0x98FB98),
    StreetLabel("sky", 23, 10, "sky", 0x4682B4),
    StreetLabel("person", 24, 11, "human", 0xDC143C, has_objects=True),
    StreetLabel("rider", 25, 12, "human", 0xFF0000, has_objects=True),
    StreetLabel("car", 26, 13, "vehicle", 0x00008E, has_objects=True),
    StreetLabel("truck", 27, 14, "vehicle", 0x000046, has_objects=True),
    StreetLabel("bus", 28, 15, "vehicle", 0x003C64, has_objects=True),
    StreetLabel("caravan", 29, 255, "vehicle", 0x00005A, has_objects=True),
    StreetLabel("trailer", 30, 255, "vehicle", 0x00006E, has_objects=True),
    StreetLabel("train", 31, 16, "vehicle", 0x005064, has_objects=True),
    StreetLabel("motorcycle", 32, 17, "vehicle", 0x0000E6, has_objects=True),
    StreetLabel("bicycle", 33, 18, "vehicle", 0x770B20, has_objects=True),
    StreetLabel("license plate", -1, -1, "vehicle", 0x00008E),
)

BY_NAME = {one.name: one for one in LABELS}


def _called(label: StreetLabel) -> str:
    return BACKGROUND if label.name == UNLABELED else label.name


BY_ID = PixelNames({one.id: _called(one) for one in LABELS if one.id >= 0})

BY_TRAIN_ID = PixelNames(
    {one.train_id: one.name for one in LABELS if 0 <= one.train_id < VOID_VALUE}
    | {VOID_VALUE: VOID}
)

# Of several labels with one color, the first is what was mostly meant.
BY_COLOR = PixelNames({}, {one.color: _called(one) for one in reversed(LABELS)})
