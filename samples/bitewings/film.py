"""From attenuation to gray values: tone, blur, noise, and the edges of the film."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from bitewings.curves import Points
from bitewings.fields import OVERSAMPLING, Field, blurred, noise, ramp, resized, standardized

_ATTENUATION = (0.0, 0.10, 0.25, 0.50, 0.75, 1.00, 1.30, 1.60, 2.00, 3.00)
_GRAY = (4, 18, 46, 88, 124, 156, 190, 214, 234, 250)


@dataclass(frozen=True)
class Film:
    """An imaging plate in the scanner.

    Attributes:
        width: Of the image in pixels.
        height: Of the image in pixels.
        inset: Distance of the plate from the image's edge; 0 if the plate fills the image.
        radius: Of the plate's round corners.
        ground: Gray value of the ground that the plate lies on.
    """

    width: int
    height: int
    inset: float
    radius: float
    ground: int

    @classmethod
    def pick(cls, rng: np.random.Generator, width: int, height: int) -> Film:
        """Return a plate that fills the image, or one with corners on black or on white."""
        style, radius, inset = rng.random(), rng.uniform(0.04, 0.10), rng.uniform(1.0, 4.0)
        if style < 0.5:
            return cls(width, height, 0.0, 0.0, 0)
        return cls(width, height, inset, radius * width, 252 if style > 0.78 else 3)

    @property
    def frame(self) -> Points:
        """The plate's edge as a ring in pixels."""
        angle = np.radians(np.arange(0, 91, 9 if self.radius else 90))
        curve = self.radius * np.column_stack((np.cos(angle), np.sin(angle)))
        far = self.inset + self.radius
        right, low = self.width - far, self.height - far
        centers = ((right, low), (far, low), (far, far), (right, far))
        turns = ((1, 0), (0, 1)), ((0, 1), (-1, 0)), ((-1, 0), (0, -1)), ((0, -1), (1, 0))
        corners = [curve @ np.array(turn) + at for at, turn in zip(centers, turns, strict=True)]
        return np.vstack(corners if self.radius else [corner[:1] for corner in corners])

    def expose(self, field: Field, rng: np.random.Generator) -> NDArray[np.uint8]:
        """Return the image of an attenuation field, (height, width) uint8.

        Args:
            field: Attenuation, ``OVERSAMPLING`` times as fine as the image.
            rng: Source of exposure and noise.
        """
        shape = self.height, self.width
        gain, offset = rng.uniform(0.9, 1.12), rng.uniform(-0.01, 0.06)
        gray: Field = np.interp(gain * field + offset, _ATTENUATION, _GRAY).astype(np.float32)
        gray = blurred(gray, OVERSAMPLING * rng.uniform(0.45, 0.8))
        gray = resized(gray, shape, cv2.INTER_AREA)

        # Fewer quanta reach the sensor where more is absorbed.
        spread = rng.uniform(0.9, 1.6) * (1.2 + 2.0 * gray / 255)
        quanta = standardized(blurred(rng.standard_normal(shape, dtype=np.float32), 0.55))
        gray += spread * (quanta + 0.35 * noise(rng, shape, 2.5))

        x, y = self._from_center()
        radius = np.hypot(x / (self.width / 2), y / (self.height / 2))
        gray *= 1 - rng.uniform(0.05, 0.22) * ramp(radius, 0.6, 1.5)
        if rng.random() < 0.35:
            gray += self._dot(rng)
        if self.radius:
            gray += self._outside(x, y) * (self.ground - gray)
        return np.clip(np.rint(gray), 0, 255).astype(np.uint8, copy=False)

    def _dot(self, rng: np.random.Generator) -> Field:
        """Return the embossed dot that tells the film's front from its back."""
        right, low = rng.integers(0, 2, 2)
        x = self.width * (0.035 + 0.93 * right) - np.arange(self.width, dtype=np.float32)
        y = self.height * (0.05 + 0.90 * low) - np.arange(self.height, dtype=np.float32)
        rim = np.hypot(x[None, :], y[:, None]) - np.float32(0.009 * self.width)
        bump: Field = 26 * np.exp(-((rim / 1.3) ** 2)) - 10 * np.exp(-(((rim - 2.5) / 1.3) ** 2))
        return bump

    def _from_center(self) -> tuple[Field, Field]:
        x = np.abs(np.arange(self.width, dtype=np.float32) + 0.5 - self.width / 2)
        y = np.abs(np.arange(self.height, dtype=np.float32) + 0.5 - self.height / 2)
        return x[None, :], y[:, None]

    def _outside(self, x: Field, y: Field) -> Field:
        """Return 1 on the ground and 0 on the plate."""
        straight = self.inset + self.radius
        over_x = np.maximum(x - np.float32(self.width / 2 - straight), 0)
        over_y = np.maximum(y - np.float32(self.height / 2 - straight), 0)
        return ramp(np.hypot(over_x, over_y) - np.float32(self.radius), -0.8, 0.8)
