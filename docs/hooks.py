"""What MkDocs does with the pages beyond its plugins."""

from __future__ import annotations

import re

_ROLE = re.compile(r":(?P<role>attr|class|data|func|meth|mod):<code>(?P<name>[\w.]+)</code>")


def on_page_content(html: str, **_: object) -> str:
    """Turn the roles of docstrings into links, and into plain names where there is no target."""
    return _ROLE.sub(_link, html)


def _link(match: re.Match[str]) -> str:
    name = match["name"]
    if match["role"] in {"attr", "meth"}:
        return f"<code>{name}</code>"
    target = name if name.startswith("maskforge.") else f"maskforge.{name}"
    return f'<autoref optional identifier="{target}"><code>{name}</code></autoref>'
