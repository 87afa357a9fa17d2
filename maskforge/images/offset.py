"""Moving an image by less than a pixel, where its masks lie beside the edges that they follow.

Masks cannot be moved by a part of a pixel, but images can.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, NamedTuple

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from maskforge.errors import OptionError, shorten

FARTHEST = 64.0

_Pixels = Annotated[float, msgspec.Meta(ge=-FARTHEST, le=FARTHEST)]


class Offset(NamedTuple):
    """How far images are moved, in pixels of the file, at most 64 each way.

    Attributes:
        right: To the right; negative to the left.
        down: Downward; negative upward.
    """

    right: _Pixels
    down: _Pixels

    def __str__(self) -> str:
        """Return it as an option has it."""
        return f"{self.right + 0:g},{self.down + 0:g}"  # and no -0


def parse_offset(text: str | None) -> Offset | None:
    """Read ``X,Y``, such as ``-0.5,0.25``; None stays None.

    Raises:
        OptionError: If the text is not an offset, or one that is too large.
    """
    if text is None:
        return None
    try:
        right, down = map(float, text.split(","))
    except ValueError:
        right = down = math.nan
    if not max(abs(right), abs(down)) <= FARTHEST:
        raise OptionError(
            f"{shorten(text)} is not how far images are moved",
            hint=f"give pixels to the right and down, up to {FARTHEST:g} each way, such as "
            "-0.5,0.25",
        )
    return Offset(right, down)


def move_image(image: NDArray[Any], offset: Offset) -> NDArray[Any]:
    """Move what an image shows, with the pixels at its edges repeated.

    Between pixels it is interpolated with the cubic kernel of Keys (IEEE Transactions on Acoustics,
    Speech, and Signal Processing 29, 1981), a = -0.5; whole pixels are only moved.

    Args:
        image: (H, W) or (H, W, C), uint8, uint16 or float32.
        offset: How far.

    Returns:
        An image of the same dtype and shape.
    """
    across, down = _kernel(offset.right), _kernel(offset.down)
    moved = cv2.sepFilter2D(image, -1, across, down, borderType=cv2.BORDER_REPLICATE)
    return moved.reshape(image.shape)


def reach_of(shift: float) -> int:
    """Return how many pixels to either side one is made of that is moved."""
    return math.ceil(abs(shift)) + 1


def _kernel(shift: float) -> NDArray[np.float64]:
    """Return the weight of each pixel around the one that is made, (2R + 1,) float64."""
    reach = reach_of(shift)
    distances = np.abs(np.arange(-reach, reach + 1) + shift)
    near = (1.5 * distances - 2.5) * distances**2 + 1
    far = ((2.5 - 0.5 * distances) * distances - 4) * distances + 2
    return np.where(distances < 1, near, np.where(distances < 2, far, 0.0))
