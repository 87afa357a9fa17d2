"""How much is read by default; a damaged or hostile file must not fill memory, nor take hours."""

from __future__ import annotations

from maskforge.errors import OptionError, shorten

MB = 10**6

LARGEST_FILE = 200.0
"""Largest annotation file in MB; decoded, it takes about ten times the memory."""

MOST_SHAPES = 100_000
"""Most records of one image."""


def check_limits(largest_file: float, most_shapes: int) -> None:
    """Make sure that limits are positive numbers.

    Raises:
        OptionError: If one is not.
    """
    for name, value in (("largest_file", largest_file), ("most_shapes", most_shapes)):
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not value > 0:
            raise OptionError(f"{name} cannot be {shorten(value)}, expected a number above 0")
