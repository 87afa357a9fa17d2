"""What a file holds of one image, and what is made of it: pixels, a mask, something to look at."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from maskforge.errors import DatasetError
from maskforge.images.gray_scale import GrayScale

Pixels: TypeAlias = NDArray[np.uint8] | NDArray[np.uint16]

Scalar = TypeVar("Scalar", bound=np.generic)

_LARGEST = 65535
_SHADES = 257  # of 16 bits, in one of 8 bits


@dataclass(frozen=True, slots=True, eq=False)
class Stored:
    """The values of one image.

    Attributes:
        values: (H, W) or (H, W, C); bool for single bits, any integers, or floats.
        palette: (256, 4) uint8: red, green, blue and opacity of every value; None without palette.
        alpha: Whether the last channel is opacity, or nothing.
        color: Whether the channels before it are red, green and blue.
        upright: Whether decoding has applied the EXIF orientation.
        gray: How the values become brightness; None if they are.
    """

    values: NDArray[Any]
    palette: NDArray[np.uint8] | None = None
    alpha: bool = False
    color: bool = False
    upright: bool = False
    gray: GrayScale | None = None

    def turned(self, orientation: int, *, upright: bool) -> Stored:
        """Return the image as it is shown, or as it is stored."""
        if self.upright == upright:
            return self
        values = turn(self.values, orientation, back=self.upright)
        return replace(self, values=np.ascontiguousarray(values), upright=upright)

    def _channels(self) -> NDArray[Any]:
        """Return the values without opacity."""
        values = self.values
        if self.alpha:
            values = values[..., :-1] if self.color else values[..., 0]
        return values.astype(values.dtype.newbyteorder("="), copy=False)

    def image(self, window: str = "voi") -> Pixels:
        """Return brightness or colors.

        Palettes are applied, opacity is dropped, single bits become 0 and 255.

        Args:
            window: Which values of a file with a gray scale are black and white; see
                ``GrayScale.levels``.

        Returns:
            (H, W, 1) or (H, W, 3), uint8 or uint16.

        Raises:
            ValueError: If it holds fractions, values beyond 16 bits, or other channels.
        """
        if self.gray is not None:
            return self.gray.levels(self._channels(), window)[..., None]
        values = self._channels()
        if self.palette is not None:
            return np.take(self.palette[:, :3], values, axis=0)
        if (
            values.ndim not in (2, 3)
            or 0 in values.shape
            or values.shape[2:] not in ((), (1,), (3,))
        ):
            raise ValueError(f"it has the shape {values.shape}, expected gray or red, green, blue")
        if values.dtype == np.bool_:
            values = values * np.uint8(255)
        elif values.dtype.kind == "f":
            raise ValueError("it holds fractions; save it with 8 or 16 bits")
        elif values.dtype.kind not in "iu":
            raise ValueError(f"it holds {values.dtype}; save it with 8 or 16 bits")
        elif values.dtype not in (np.uint8, np.uint16):
            low, high = int(values.min()), int(values.max())
            if low < 0 or high > _LARGEST:
                raise ValueError(f"it holds values from {low} to {high}; save it with 8 or 16 bits")
            values = values.astype(np.uint16)
        pixels: Pixels = np.ascontiguousarray(values if values.ndim == 3 else values[..., None])
        return pixels

    def numbers(self) -> NDArray[Any]:
        """Return the values of a mask.

        Palettes are not applied, opacity is dropped, single bits are 0 and 1; colors with three
        equal channels are taken as gray.

        Returns:
            (H, W), or with channels that are not colors (H, W, C).

        Raises:
            DatasetError: If it holds colors.
        """
        values = self._channels()
        if self.color:
            first = values[..., 0]
            if not all(np.array_equal(first, values[..., one]) for one in (1, 2)):
                raise DatasetError(
                    "the mask is an image in colors, and colors are not class ids",
                    hint="save masks with a palette or in gray, with one value per class",
                )
            values = first
        return values.astype(np.uint8) if values.dtype == np.bool_ else np.ascontiguousarray(values)

    def colors(self) -> NDArray[np.uint8]:
        """Return (H, W, 3) to look at; what has more than 8 bits is stretched.

        What is told how it is to be shown is not.
        """
        values = self._channels()
        if self.gray is not None:
            levels = self.gray.levels(values)
            if levels.dtype != np.uint8 and self.gray.shown is not None:
                levels = (levels // _SHADES).astype(np.uint8)
            return Stored(levels).colors()
        if self.palette is None and values.dtype not in (np.uint8, np.bool_):
            return replace(self, values=stretched(values), alpha=False).colors()
        pixels = self.image()
        return np.asarray(pixels.repeat(3, axis=-1) if pixels.shape[-1] == 1 else pixels, np.uint8)

    def rgba(self) -> NDArray[np.uint8]:
        """Return (H, W, 4) of an image of 8 bits, contiguous; it is opaque if nothing else is said.

        Raises:
            ValueError: If it has more than 8 bits.
        """
        if self.palette is not None:
            return np.take(self.palette, self._channels(), axis=0)
        if self.color and self.alpha and self.values.dtype == np.uint8:
            return np.ascontiguousarray(self.values)
        pixels = self.image()
        if pixels.dtype != np.uint8:
            raise ValueError(f"it holds {pixels.dtype}, expected 8 bits a channel")
        opacity = self.values[..., -1:] if self.alpha else np.full_like(pixels[..., :1], 255)
        return np.concatenate([*([pixels] * (3 // pixels.shape[-1])), opacity], axis=-1)


def stretched(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Return numbers of any kind as uint8: the smallest becomes 0, the largest 255."""
    numbers = np.nan_to_num(values.astype(np.float64))
    low, high = numbers.min(), numbers.max()
    scale = 255 / (high - low) if high > low else 0.0
    shown: NDArray[np.uint8] = ((numbers - low) * scale).round().astype(np.uint8)
    return shown


def turn(pixels: NDArray[Scalar], orientation: int, *, back: bool = False) -> NDArray[Scalar]:
    """Turn pixels from their EXIF orientation to the upright one, or back.

    Args:
        pixels: (H, W) or (H, W, C).
        orientation: 1 to 8.
        back: Whether upright pixels are turned to how they are stored.
    """
    if back and orientation in (6, 8):
        orientation = 14 - orientation
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    rows = -1 if orientation in (3, 4, 7, 8) else 1
    columns = -1 if orientation in (2, 3, 6, 7) else 1
    return pixels[::rows, ::columns]
