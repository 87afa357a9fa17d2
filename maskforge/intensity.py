"""Scaling of pixel values to the numbers that a network is trained on."""

from __future__ import annotations

import msgspec

from maskforge.choices import Scaling


class ScalingRecord(msgspec.Struct, frozen=True, kw_only=True):
    """How pixel values become the numbers that the network was trained on.

    Attributes:
        kind: The way of scaling.
        white: Largest value of the pictures: 255, 65535, or what 12-bit data in 16 bits have.
        channels: 1 for grey, 3 for red, green and blue.
    """

    kind: Scaling = "zero-one"
    white: float = 255.0
    channels: int = 1
