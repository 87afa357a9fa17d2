"""How many random examples a test tries.

``MASKFORGE_EXAMPLES=10`` tries ten times as many.
"""

from __future__ import annotations

import os

FACTOR = int(os.environ.get("MASKFORGE_EXAMPLES", "1"))


def examples(count: int) -> int:
    """Return how many are tried where ``count`` are enough for a run after every change."""
    return count * FACTOR
