"""A guess at what was meant by a name that does not exist."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ``; did you mean 'caries'?`` for the known name that is nearest; empty if none is."""
    by_folded = {one.casefold(): one for one in known}
    nearest = difflib.get_close_matches(name.casefold(), by_folded, n=1)
    return f"; did you mean {by_folded[nearest[0]]!r}?" if nearest else ""
