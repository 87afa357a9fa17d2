"""What is said about files on their way, for whoever wants to hear it."""

from __future__ import annotations

from collections.abc import Callable

_listeners: list[Callable[[str], None]] = []


def listen(listener: Callable[[str], None]) -> None:
    """Call a function with every sentence from now on, and no other."""
    _listeners[:] = [listener]


def announce(sentence: str) -> None:
    """Say something to whoever listens."""
    for listener in _listeners:
        listener(sentence)


def amount(files: int, size: int) -> str:
    """Return a number of files and their size as people read it.

    Examples:
        >>> amount(1, 2_300_000), amount(12, 900)
        ('1 file (2.3 MB)', '12 files (0.9 kB)')
    """
    what = "1 file" if files == 1 else f"{files:,} files"
    return f"{what} ({size_text(size)})"


def size_text(size: int) -> str:
    """Return a number of bytes as people read it."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6)):
        if size >= factor:
            return f"{size / factor:.1f} {unit}"
    return f"{size / 1e3:.1f} kB"
