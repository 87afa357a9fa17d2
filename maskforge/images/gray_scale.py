"""What the values of a gray image with a display of its own, as in DICOM, become as brightness."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from maskforge.errors import OptionError, shorten

_MOST_BITS = 8  # of a result that is uint8
_AT_A_TIME = 2**22

Scalar = TypeVar("Scalar", np.uint8, np.uint16)


def check_window(window: str) -> str:
    """Make sure that a window is ``voi``, ``full``, or a center and a width.

    Returns:
        The window.

    Raises:
        OptionError: If it is none of them.
    """
    if window not in ("voi", "full") and _center_and_width(window) is None:
        raise OptionError(
            f"{shorten(window)} is not a window of gray values",
            hint='give "voi", "full", or a center and a width of at least 1, such as "2048/4096"',
        )
    return window


def _center_and_width(window: str) -> tuple[float, float] | None:
    try:
        center, width = map(float, window.split("/"))
    except (ValueError, AttributeError):
        return None
    return (center, width) if math.isfinite(center) and 1 <= width < math.inf else None


def linear_window(values: NDArray[np.float64], center: float, width: float) -> NDArray[np.float64]:
    """Return brightness, 0 to 1, by the linear window of DICOM (PS3.3 C.11.2.1.2.1).

    Args:
        values: Any numbers.
        center: The value in the middle.
        width: How many whole numbers it is wide, at least 1.
    """
    low, span = center - 0.5 - (width - 1) / 2, width - 1
    if span == 0:
        return (values > low).astype(np.float64)
    return np.clip((values - low) / span, 0, 1)


@dataclass(frozen=True, slots=True, eq=False)
class GrayScale:
    """How stored values become brightness.

    Attributes:
        first: The stored value that the first entry of the tables is about; the next is about the
            next value.
        measured: (N,) What the values mean in the unit of the modality.
        low: The smallest of what the bits that count can mean.
        high: Likewise the largest.
        shown: (N,) Brightness, 0 to 1, as the file asks for; None if it does not.
        inverted: Whether the lowest brightness is white.
        bits: Bits that count.
    """

    first: int
    measured: NDArray[np.float64]
    low: float
    high: float
    shown: NDArray[np.float64] | None = None
    inverted: bool = False
    bits: int = 16

    def levels(
        self, values: NDArray[np.integer], window: str = "voi"
    ) -> NDArray[np.uint8] | NDArray[np.uint16]:
        """Return brightness: 0 is black, 255 (up to 8 bits) or 65535 is white.

        Args:
            values: Stored values, of any shape.
            window: ``voi`` as the file asks for, or all its bits if it does not; ``full`` for all
                its bits; or ``CENTER/WIDTH`` of a linear window, in the unit of the modality.

        Returns:
            Of the same shape.

        Raises:
            OptionError: If the window is none.
        """
        given = _center_and_width(check_window(window))
        if given is not None:
            brightness = linear_window(self.measured, *given)
        elif window == "voi" and self.shown is not None:
            brightness = self.shown
        else:
            span = max(self.high - self.low, np.finfo(np.float64).tiny)
            brightness = np.clip((self.measured - self.low) / span, 0, 1)
        if self.inverted:
            brightness = 1 - brightness
        if self.bits <= _MOST_BITS:
            return self._looked_up(values, (brightness * 255).round().astype(np.uint8))
        return self._looked_up(values, (brightness * 65535).round().astype(np.uint16))

    def _looked_up(self, values: NDArray[np.integer], table: NDArray[Scalar]) -> NDArray[Scalar]:
        stored, levels = values.ravel(), np.empty(values.size, table.dtype)
        for start in range(0, values.size, _AT_A_TIME):  # places take 8 bytes each
            part = slice(start, start + _AT_A_TIME)
            levels[part] = table[stored[part].astype(np.intp) - self.first]
        return levels.reshape(values.shape)
