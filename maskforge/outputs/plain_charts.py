"""Charts that look the same everywhere."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from maskforge.errors import require

_LOCK = threading.Lock()


@contextmanager
def plain_charts() -> Iterator[None]:
    """Draw with Matplotlib's own settings, which are in force for others again afterwards.

    It reads a file ``matplotlibrc`` of the working folder, which may be somebody else's, and could
    make it call other programs, such as LaTeX.

    Raises:
        MissingDependencyError: If Matplotlib is not installed.
    """
    require("matplotlib", "maskforge[matplotlib]", "charts")
    from matplotlib import style

    with _LOCK, style.context("default"):
        yield
