"""One error for all that is wrong with the files of a set."""

from __future__ import annotations

from collections.abc import Sequence

from maskforge.errors import DatasetError, MaskforgeError

_MOST_PROBLEMS = 10


def raise_together(problems: Sequence[MaskforgeError], total: int) -> None:
    """Raise one error for all problems, of which the first are named.

    Args:
        problems: What is wrong; nothing is raised if there are none.
        total: Number of images that were looked at.

    Raises:
        DatasetError: Naming them; a single problem is raised as it is.
    """
    if not problems:
        return
    if len(problems) == 1:
        raise problems[0]
    lines = [f"{one.origin}: {one.message}" for one in problems[:_MOST_PROBLEMS]]
    if len(problems) > _MOST_PROBLEMS:
        lines.append(f"and {len(problems) - _MOST_PROBLEMS} more")
    raise DatasetError(
        f"{len(problems)} of {total} images cannot be used:\n  " + "\n  ".join(lines),
        hint=problems[0].hint,
    )
