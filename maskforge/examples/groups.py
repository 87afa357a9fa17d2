"""Which images belong together, such as those of one patient."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from maskforge.errors import DatasetError, OptionError, did_you_mean, listing
from maskforge.examples.candidate import Candidate
from maskforge.examples.example import Example
from maskforge.images.decoder import read_header
from maskforge.images.patients import patient_digest

PATIENT_DIGEST = "patient_digest"

_Pair = TypeVar("_Pair", bound=Candidate | Example)


def check_grouping(column: str | None, pattern: str | None) -> None:
    """Make sure that a way to tell groups makes sense, whatever the images are.

    Raises:
        OptionError: If both a column and a pattern are given, or the pattern is none.
    """
    if column is not None and pattern is not None:
        raise OptionError("groups are given by a column and by a pattern", hint="give one of them")
    try:
        re.compile(pattern or "")
    except re.error as error:
        raise OptionError(f"{pattern!r} is not a regular expression: {error}") from None


def groups_of(
    pairs: Sequence[Candidate | Example], column: str | None, pattern: str | None
) -> list[str | None]:
    """Return the group of every image; None where it stands for itself.

    Args:
        pairs: The images.
        column: Column that names the group; an empty cell is not a group. ``patient_digest`` is
            one wherever DICOM files tell the patient.
        pattern: Regular expression over the name; its first group, or the whole match.

    Raises:
        OptionError: If both are given, the column is missing or the pattern is none.
        DatasetError: If the pattern does not match a name.
    """
    check_grouping(column, pattern)
    if column == PATIENT_DIGEST:
        pairs = [_with_patient(one) for one in pairs]
    if column is not None:
        columns = dict.fromkeys(name for one in pairs for name in one.columns)
        if column not in columns:
            raise OptionError(
                f"there is no column {column!r}{did_you_mean(column, columns)}; "
                + (f"the columns are {listing(columns)}" if columns else "there are no columns"),
            )
        return [one.columns.get(column, "").strip() or None for one in pairs]
    if pattern is not None:
        return _by_pattern(pairs, pattern)
    return [None] * len(pairs)


def _with_patient(pair: _Pair) -> _Pair:
    """Return a pair with the patient that its image tells, if nobody has said it."""
    if pair.columns.get(PATIENT_DIGEST):
        return pair
    with contextlib.suppress(OSError):  # which is said when it is looked at
        if digest := patient_digest(read_header(pair.image).patient):
            return replace(pair, columns={**pair.columns, PATIENT_DIGEST: digest})
    return pair


def _by_pattern(pairs: Sequence[Candidate | Example], pattern: str) -> list[str | None]:
    expression = re.compile(pattern)
    groups: list[str | None] = []
    missing = []
    for one in pairs:
        match = expression.search(one.name)
        group = match and (match[1] if expression.groups else match[0])
        if not group:
            missing.append(one.name)
        groups.append(group or None)
    if missing:
        raise DatasetError(
            f"the group pattern {pattern!r} does not match {len(missing)} of {len(pairs)} names: "
            f"{listing(missing)}",
            hint="names are relative paths without suffix",
        )
    return groups
