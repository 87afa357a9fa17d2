"""What is missing in masks."""

from __future__ import annotations

from collections.abc import Iterator

from maskforge.checks.base import CheckPlace, Survey, broken


def refused_part(survey: Survey) -> Iterator[CheckPlace]:
    """Yield what was refused when annotations were read or drawn."""
    yield from broken("refused-part")(survey)
    for one in survey.images:
        yield from one.refused
        if one.is_partial and not one.refused:
            yield one.place.saying("the mask lacks something that somebody drew")
