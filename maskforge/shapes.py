"""The one model into which every annotation format is read.

Coordinates are pixels: x to the right, y down, the origin at the outer corner of the first pixel,
so that the center of the pixel in row r and column c is (c + 0.5, r + 0.5). Arrays of points have
the shape (N, 2) with the columns x and y, dtype float64, and are read-only. Points outside the
image are legal.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from maskforge.choices import Match
from maskforge.display.brief import Brief
from maskforge.issues import Issue, Origin

Points: TypeAlias = NDArray[np.float64]
"""Points as (N, 2) float64, columns x and y, in pixels."""


MOST_PIXELS = 2**30
"""Most pixels of an array. OpenCV reads no larger image; a damaged number must not fill memory."""

MOST_TILED_PIXELS = 2**34
"""Most pixels of a mask that is drawn and written in parts."""


class Size(NamedTuple):
    """Size of an image in pixels; never a bare tuple, because arrays count the other way round.

    Examples:
        >>> size = mf.Size(640, 480)
        >>> size.width, str(size)
        (640, '640 x 480')
    """

    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.width} x {self.height}"


class Spacing(NamedTuple):
    """Size of a pixel in millimeters.

    Examples:
        >>> spacing = mf.Spacing(0.1, 0.2)
        >>> spacing.height, str(spacing)
        (0.2, '0.1 x 0.2')
    """

    width: float
    height: float

    def __str__(self) -> str:
        return f"{self.width:g} x {self.height:g}"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Polygon(Brief):
    """One part of a region: an outline and its holes, filled by the even-odd rule.

    Attributes:
        exterior: Outline, (N, 2) with N >= 3, without a repeated last vertex.
        holes: Rings cut out of it, of the same form.

    Examples:
        >>> square = np.array([(1, 1), (5, 1), (5, 5), (1, 5)], float)
        >>> hole = np.array([(2, 2), (4, 2), (4, 4), (2, 4)], float)
        >>> int(mf.rasterize([mf.Polygon(square, (hole,))], (6, 6)).sum())
        12
    """

    exterior: Points
    holes: tuple[Points, ...] = ()

    @property
    def rings(self) -> tuple[Points, ...]:
        """The exterior and the holes."""
        return (self.exterior, *self.holes)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Area(Brief):
    """A region in one or more parts; a pixel belongs to it if it belongs to any part.

    Attributes:
        parts: The parts; they may touch or overlap.
    """

    parts: tuple[Polygon, ...]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Bitmap(Brief):
    """A region given pixel by pixel.

    Attributes:
        row: Image row of the bitmap's first row; may be negative.
        column: Image column of the bitmap's first column; may be negative.
        pixels: (height, width) bool, read-only. May hang over the edges of the image.

    Examples:
        >>> mf.rasterize([mf.Bitmap(0, 1, np.ones((2, 1), bool))], (3, 2)).tolist()
        [[0, 1, 0], [0, 1, 0]]
    """

    row: int
    column: int
    pixels: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Polyline(Brief):
    """An open line, without area until a width is given.

    Attributes:
        points: (N, 2) with N >= 2.
    """

    points: Points


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PointSet(Brief):
    """Single points, without area until a radius is given.

    Attributes:
        points: (N, 2).
    """

    points: Points


Geometry: TypeAlias = Area | Bitmap | Polyline | PointSet
"""What a shape covers."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Shape(Brief):
    """One drawn record of an annotation file.

    Attributes:
        labels: The names that the annotator gave, in the file's order; empty if there is none.
        geometry: What the shape covers.
        kind: The source's own word for the kind of shape, such as ``rectangle`` or ``rbbox``.
        origin: File and JSON path of the record.
        instance: Shapes with the same label and the same instance are one object; None if the
            source does not group this shape.
        converted: What was turned into polygons, such as ``circle``; empty if the geometry is the
            source's own.
        primitive: The keys of the record that the geometry was worked out from, as they are in the
            source: two corners of a rectangle, center and rim of a circle, the box of a bitmap.
            None if the geometry has the vertices of the source, or was scaled.
        extra: The remaining keys of the record, as they are in the source.
        label_issue: Why ``labels`` is empty; None if it is not.
        score: How sure a network is of the shape, 0 to 1; None if a person drew it, or nobody says.
    """

    labels: tuple[str, ...]
    geometry: Geometry
    kind: str
    origin: Origin
    instance: str | None = None
    converted: str = ""
    primitive: Mapping[str, object] | None = None
    extra: Mapping[str, object] = field(default_factory=dict)
    label_issue: Issue | None = None
    score: float | None = None


class ImageState(enum.StrEnum):
    """Whether anybody looked at an image, and with what result: three different facts."""

    ANNOTATED = "annotated"
    """There are records for this image."""
    EMPTY = "empty"
    """Somebody looked and found nothing: a valid mask of background."""
    UNVISITED = "unvisited"
    """Nobody looked: not background."""


@dataclass(frozen=True, slots=True)
class ImageReference:
    """The image that an annotation belongs to.

    Attributes:
        name: File name, decoded, without folders.
        file: The image that was found, or None.
        size: Size of the frame that the coordinates refer to, and so of the mask; None if unknown.
        orientation: EXIF orientation of the image, 1 to 8 (1: stored upright).
        upright: Whether the coordinates refer to the image as it is shown after the EXIF
            orientation was applied. If False they refer to the pixels as they are stored.
        match: The evidence by which it was found; see ``ManifestEntry.match``.
        spacing: Size of a pixel in millimeters; None if the image does not tell.
        patient_digest: Salted digest of what the image calls the patient; empty if it does not.
    """

    name: str
    file: Path | None
    size: Size | None
    orientation: int = 1
    upright: bool = False
    match: Match = "none"
    spacing: Spacing | None = None
    patient_digest: str = ""
