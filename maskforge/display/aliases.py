"""Names by which people know places that are kept elsewhere on this machine."""

from __future__ import annotations

import json

_ALIASES: dict[str, str] = {}


def add_alias(start: str, name: str) -> None:
    """Show a name wherever text holds the start of a path.

    Args:
        start: Such as ``/home/me/.cache/maskforge/remote/s3/``.
        name: What stands there instead, such as ``s3://``.
    """
    _ALIASES[start] = name
    _ALIASES[json.dumps(start, ensure_ascii=False)[1:-1]] = name  # as it is in JSON and TOML


def named(text: str) -> str:
    """Return text with the names that people know."""
    for start, name in _ALIASES.items():
        text = text.replace(start, name)
    return text
