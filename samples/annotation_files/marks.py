"""What a person draws on an image, before any tool writes it down."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import cv2
import numpy as np
from bitewings.curves import Points
from bitewings.outlines import Ellipse, Outline
from numpy.typing import NDArray

Kind: TypeAlias = Literal["polygon", "rectangle", "circle", "ellipse", "mask", "line", "point"]


@dataclass(frozen=True)
class Mark:
    """One drawn record.

    Attributes:
        labels: One label, or more for tools that allow it.
        kind: How it is drawn.
        points: The ring of a polygon; two opposite corners of a rectangle; center and rim of a
            circle; the first and last corner of a mask's box; the points of a line or point.
            Pixels from the outer corner of the first pixel, with two decimals.
        holes: Rings cut out of a polygon.
        ellipse: The numbers of an ellipse.
        pixels: A mask's pixels inside its box, bool.
        group: Marks with the same label and group are parts of one object.
        note: For people.
    """

    labels: tuple[str, ...]
    kind: Kind
    points: Points
    holes: tuple[Points, ...] = ()
    ellipse: Ellipse | None = None
    pixels: NDArray[np.bool_] | None = None
    group: int | None = None
    note: str = ""

    @classmethod
    def of(cls, outline: Outline) -> Mark:
        """Return an outline as a polygon."""
        parts = (f"tooth {outline.tooth}", outline.kind, outline.depth)
        note = ", ".join(filter(None, parts))
        ellipse = outline.ellipse
        return cls((outline.label,), "polygon", outline.ring, ellipse=ellipse, note=note)

    def as_box(self) -> Mark:
        """Return the rectangle around it."""
        corners = np.array([self.points.min(axis=0), self.points.max(axis=0)])
        return replace(self, kind="rectangle", points=corners)

    def as_circle(self) -> Mark:
        """Return a mark that is an ellipse as a circle."""
        oval = self.oval
        rim = oval.x + 0.6 * oval.along, oval.y + 0.8 * oval.along
        return replace(self, kind="circle", points=np.round([(oval.x, oval.y), rim], 2))

    def as_ellipse(self) -> Mark:
        """Return a mark that is an ellipse as one."""
        return replace(self, kind="ellipse", ellipse=self.oval)

    def as_mask(self, width: int, height: int) -> Mark:
        """Return a polygon as a mask of the pixels whose centers are inside it."""
        inside = filled(self.points, width, height)
        rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
        box = np.array([(columns[0], rows[0]), (columns[-1], rows[-1])], np.float64)
        pixels = inside[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        return replace(self, kind="mask", points=box, pixels=pixels)

    @property
    def oval(self) -> Ellipse:
        """The numbers of an ellipse.

        Raises:
            ValueError: If it is none.
        """
        if self.ellipse is None:
            raise ValueError(f"{self.note} is not an ellipse")
        return self.ellipse


@dataclass(frozen=True)
class Sheet:
    """An image with what was drawn on it.

    Attributes:
        name: File name of the image.
        image: (H, W) uint8.
        marks: In drawing order, later ones on top.
        visited: Whether anybody looked at it.
    """

    name: str
    image: NDArray[np.uint8]
    marks: tuple[Mark, ...]
    visited: bool = True

    @property
    def width(self) -> int:
        """Of the image in pixels."""
        return int(self.image.shape[1])

    @property
    def height(self) -> int:
        """Of the image in pixels."""
        return int(self.image.shape[0])

    def jpeg(self) -> bytes:
        """Return the image as a JPEG file of quality 90."""
        _, data = cv2.imencode(".jpg", self.image, [cv2.IMWRITE_JPEG_QUALITY, 90])
        return data.tobytes()


def filled(ring: Points, width: int, height: int) -> NDArray[np.bool_]:
    """Return the pixels whose centers are inside a ring, (height, width)."""
    from skimage.draw import polygon2mask

    # Its points are rows and columns, and its whole numbers are centers.
    mask: NDArray[np.bool_] = polygon2mask(  # type: ignore[no-untyped-call]
        (height, width), ring[:, ::-1] - 0.5
    )
    return mask
