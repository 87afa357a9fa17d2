"""In which units of one image each of several raters marked a lesion."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from maskforge.choices import Connectivity
from maskforge.evaluation.measures.regions import Planes
from maskforge.evaluation.measures.units import hits
from maskforge.evaluation.units.unit_source import UnitSource
from maskforge.examples.example import Example


def rate_units(
    source: UnitSource,
    example: Example,
    truth: Planes,
    rated: Sequence[Planes],
    connectivity: Connectivity,
) -> NDArray[np.bool_] | None:
    """Return where each rater marked a lesion; None if nothing is known of the units.

    What is void for anybody counts for nobody. A unit is left out if it has fewer other pixels than
    a lesion needs to be counted.

    Args:
        source: The units.
        example: The image.
        truth: All shared classes of the first rater, in whose masks lesions may hide units.
        rated: What each rater marked of A; the same K classes of all.
        connectivity: Of lesions.

    Returns:
        (U, K, A) bool.

    Raises:
        DatasetError: If the units cannot be read, or are not of the size of the truth.
    """
    lesions = truth.planes[list(source.lesions)].any(axis=0) & ~truth.void
    found = source.read(example, np.asarray(lesions))
    if found is None:
        return None
    void = np.logical_or.reduce([one.void for one in rated])
    least = source.question.least
    units = found.map.within(~void, least)
    result = np.zeros((len(units), len(rated[0].planes), len(rated)), dtype=np.bool_)
    for rater, one in enumerate(rated):
        for number, plane in enumerate(one.planes):
            marked = hits(units, plane & ~void, least, connectivity)
            result[:, number, rater] = marked
    return result
