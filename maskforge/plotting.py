"""Whether charts can be drawn, asked before the work begins whose results they show."""

from __future__ import annotations

from importlib.util import find_spec

from maskforge.errors import MissingDependencyError


def require_matplotlib(hint: str = "") -> None:
    """Make sure that charts can be drawn.

    Args:
        hint: What can be done without them.

    Raises:
        MissingDependencyError: If Matplotlib is not installed.
    """
    if find_spec("matplotlib") is None:
        otherwise = f", or {hint}" if hint else ""
        raise MissingDependencyError(
            "charts need matplotlib, which is not installed",
            hint=f"install it with: pip install 'maskforge[matplotlib]'{otherwise}",
        )
