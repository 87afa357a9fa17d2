"""How much memory there is."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

_UNKNOWN = 4 * 2**30


def available_memory(root: Path = Path("/")) -> int:
    """Return the bytes that this process can fill without others being pushed out.

    Linux says so; a limit of a container (control group, version 2) counts as well. Elsewhere half
    of the memory of the machine is taken, or 4 GB if that is not known either.

    Args:
        root: Where ``proc`` and ``sys`` are.
    """
    found = []
    group = root / "sys/fs/cgroup"
    with contextlib.suppress(OSError, ValueError, KeyError):
        found.append(_table(root / "proc/meminfo")["MemAvailable:"] * 1024)
    with contextlib.suppress(OSError, ValueError, KeyError):
        limit = int((group / "memory.max").read_text("ascii"))
        used = int((group / "memory.current").read_text("ascii"))
        # Files that were read and could be forgotten count as used.
        found.append(max(0, limit - used + _table(group / "memory.stat")["inactive_file"]))
    return min(found) if found else _half_of_all()


def _table(path: Path) -> dict[str, int]:
    """Return the first number of every line by the word before it."""
    lines = (line.split() for line in path.read_text("ascii").splitlines())
    return {words[0]: int(words[1]) for words in lines if len(words) > 1}


def _half_of_all() -> int:
    with contextlib.suppress(AttributeError, OSError, ValueError):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    return _UNKNOWN
