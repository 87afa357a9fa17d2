"""Changes of place, made to an image and its mask by one and the same resampling.

Coordinates are those of the package: the center of the pixel in row r and column c is at
(c + 0.5, r + 0.5). All changes come together in one map that says for every pixel of the result
which place of the original it shows. The image is interpolated linearly there, the mask takes the
nearest value, and what lies outside is mirrored at the edge in both. Flips and the transpose alone
move whole pixels and change no value.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from maskforge.augmentation.augment_options import ResolvedAugmentation
from maskforge.shapes import Size

_Scalar = TypeVar("_Scalar", bound=np.generic)

# Standard deviation of white noise after cubic interpolation at a random place, along both axes:
# the mean over the place t of the sum of the squared weights of cv2.INTER_CUBIC (a = -0.75).
_CUBIC_DEVIATION = 6 / 7

# OpenCV resamples no side from 32,767 px on.
_LONGEST_SIDE = 32766

# With more channels, OpenCV rounds places to 1/32 px first.
_CHANNELS_AT_ONCE = 4


@dataclass(frozen=True, slots=True, eq=False)
class Geometry:
    """One change of place; the default changes nothing.

    The content is sheared, scaled and turned about the center of the window, then shifted, then
    transposed, then flipped.

    Attributes:
        flip_horizontal: Whether left and right are exchanged.
        flip_vertical: Whether top and bottom are exchanged.
        transpose: Whether rows and columns are exchanged; for square windows only.
        angle: Turn in degrees, counter-clockwise as one sees it.
        zoom: Factor by which things become larger.
        shift: Way to the right and down in pixels.
        shear: Angle in degrees by which upright lines lean to the left.
        displacement: (H, W, 2) float32, additional way x, y in pixels from the place of every pixel
            of the window to the place that it shows; None for none.
    """

    flip_horizontal: bool = False
    flip_vertical: bool = False
    transpose: bool = False
    angle: float = 0.0
    zoom: float = 1.0
    shift: tuple[float, float] = (0.0, 0.0)
    shear: float = 0.0
    displacement: NDArray[np.float32] | None = field(default=None, repr=False)

    @property
    def moves_whole_pixels(self) -> bool:
        """Whether nothing is interpolated."""
        unchanged = (self.angle, self.zoom, self.shift, self.shear) == (0.0, 1.0, (0.0, 0.0), 0.0)
        return unchanged and self.displacement is None

    def resampling_map(
        self, size: Size, corner: tuple[int, int] = (0, 0)
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the place that every pixel of a changed window shows.

        Args:
            size: Size of the window.
            corner: Column and row of the original where the unchanged window begins.

        Returns:
            x and y as (H, W) float32, in the convention of ``cv2.remap``: pixel centers are whole
            numbers.
        """
        turn, lean = math.radians(self.angle), math.tan(math.radians(self.shear))
        cosine, sine = math.cos(turn) / self.zoom, math.sin(turn) / self.zoom
        # From the result back to the original: turned, scaled and sheared the other way.
        backward = np.array([[cosine - lean * sine, -sine - lean * cosine], [sine, cosine]])
        middle_x, middle_y = size.width / 2 - 0.5, size.height / 2 - 0.5
        x = np.arange(size.width) - (middle_x + self.shift[0])
        y = np.arange(size.height) - (middle_y + self.shift[1])
        middle = np.array([[corner[0] + middle_x], [corner[1] + middle_y]])
        columns, rows = backward[:, :1] * x + middle, backward[:, 1:] * y
        if self.transpose:
            columns, rows = rows, columns
        if self.flip_horizontal:
            columns = columns[:, ::-1]
        if self.flip_vertical:
            rows = rows[:, ::-1]
        one: NDArray[Any] = rows[:, :, None]
        other: NDArray[Any] = columns[:, None, :]
        places = np.empty((2, rows.shape[1], columns.shape[1]), dtype=np.float32)
        if self.displacement is not None:
            one, other = one + other, self._moved(self.displacement).transpose(2, 0, 1)
        # Sums are made in float64 and rounded once, as they are stored.
        np.add(one, other, out=places, dtype=np.float64, casting="same_kind")
        return places[0], places[1]

    def apply(
        self,
        image: NDArray[Any],
        target: NDArray[np.uint8],
        size: Size | None = None,
        corner: tuple[int, int] = (0, 0),
    ) -> tuple[NDArray[Any], NDArray[np.uint8]]:
        """Change an image and its mask, or cut a changed window out of them.

        Args:
            image: (H, W, C) uint8, uint16 or float32.
            target: (H, W) or (H, W, K) uint8.
            size: Size of the window; the whole image if None.
            corner: Column and row where it begins. The window must lie in the image.

        Returns:
            New arrays of the window's size, dtypes and number of axes as given.
        """
        size = size or Size(image.shape[1], image.shape[0])
        if self.moves_whole_pixels:
            rows = slice(corner[1], corner[1] + size.height)
            columns = slice(corner[0], corner[0] + size.width)
            return (
                self._moved(image[rows, columns]).copy(),
                self._moved(target[rows, columns]).copy(),
            )
        places = self.resampling_map(size, corner)
        return (
            _resample(image, *places, cv2.INTER_LINEAR),
            _resample(target, *places, cv2.INTER_NEAREST),
        )

    def _moved(self, array: NDArray[_Scalar]) -> NDArray[_Scalar]:
        """Return a view of an array (H, W, ...), transposed and flipped."""
        if self.transpose:
            array = array.swapaxes(0, 1)
        if self.flip_horizontal:
            array = array[:, ::-1]
        if self.flip_vertical:
            array = array[::-1]
        return array


def draw_geometry(options: ResolvedAugmentation, size: Size, rng: np.random.Generator) -> Geometry:
    """Draw a change of place at random.

    Angle, shift and shear are uniform in their range either way, the logarithm of the scale is.
    Shifts are whole pixels: by a fraction, an image can be shifted, but its mask cannot. Windows
    that are not square are not transposed, because their shape would change.
    """
    # All at once: a call takes longer than what it draws.
    scale, right, down, turn, lean, horizontal, vertical, transpose = rng.random(8).tolist()
    return Geometry(
        flip_horizontal=horizontal < options.flip_horizontal,
        flip_vertical=vertical < options.flip_vertical,
        transpose=transpose < options.transpose and size.width == size.height,
        angle=_either_way(options.rotate, turn),
        zoom=math.exp(_either_way(1, scale) * math.log1p(options.zoom)),
        shift=(
            float(round(_either_way(options.shift, right) * size.width)),
            float(round(_either_way(options.shift, down) * size.height)),
        ),
        shear=_either_way(options.shear, lean),
        displacement=elastic_field(size, options.elastic, options.elastic_scale, rng)
        if options.elastic
        else None,
    )


def _either_way(limit: float, share: float) -> float:
    """Return the value that lies at a share of the way from the negative limit to the limit."""
    return 2 * limit * share - limit


def elastic_field(
    size: Size, deviation: float, scale: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Return a smooth random displacement (H, W, 2) float32 in pixels.

    Normally distributed displacements on a grid, in a random position, are interpolated by cubic
    polynomials.

    Args:
        size: Size of the field.
        deviation: Standard deviation of each of its two components.
        scale: Distance of the points of the grid.
        rng: Source of randomness.
    """
    step = round(scale)
    columns, rows = (-(-side // step) + 3 for side in size)
    left, top = rng.integers(step, 2 * step, 2).tolist()
    coarse = rng.standard_normal((rows, columns, 2), dtype=np.float32)
    coarse *= deviation / _CUBIC_DEVIATION
    fine = cv2.resize(coarse, (columns * step, rows * step), interpolation=cv2.INTER_CUBIC)
    return np.asarray(fine[top : top + size.height, left : left + size.width], dtype=np.float32)


def _resample(
    array: NDArray[Any], map_x: NDArray[np.float32], map_y: NDArray[np.float32], way: int
) -> NDArray[Any]:
    if max(array.shape[:2]) > _LONGEST_SIDE:
        rows, columns = _reach(map_y, array.shape[0]), _reach(map_x, array.shape[1])
        map_x, map_y = map_x - np.float32(columns.start), map_y - np.float32(rows.start)
        array = array[rows, columns]
    shape = (*map_x.shape, *array.shape[2:])
    if array.ndim == 2 or array.shape[2] <= _CHANNELS_AT_ONCE:
        some = cv2.remap(array, map_x, map_y, way, borderMode=cv2.BORDER_REFLECT)
        return some.reshape(shape)
    shown = np.empty(shape, dtype=array.dtype)
    for first in range(0, array.shape[2], _CHANNELS_AT_ONCE):
        part = slice(first, first + _CHANNELS_AT_ONCE)
        some = cv2.remap(array[..., part], map_x, map_y, way, borderMode=cv2.BORDER_REFLECT)
        shown[..., part] = some.reshape(shown[..., part].shape)
    return shown


def _reach(places: NDArray[np.float32], side: int) -> slice:
    """Return the part of a side that is shown, mirrored parts included."""
    low, high = math.floor(places.min()) - 2, math.ceil(places.max()) + 3
    return slice(max(0, min(low, 2 * side - high)), min(side, max(high, -low)))
