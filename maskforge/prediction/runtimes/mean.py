"""Several networks as one runtime: the mean of their probabilities."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from maskforge.prediction.runtimes.base import Runtime
from maskforge.prediction.tiling import Floats


def mean_of(networks: Sequence[Runtime], weights: Sequence[float], note: str) -> Runtime:
    """Return a runtime that gives the weighted mean of what several give.

    Args:
        networks: In one runtime and precision, with the same input and channels.
        weights: One for each; they need not add up to 1.
        note: Says what this is.
    """
    shares = [np.float32(one / sum(weights)) for one in weights]
    starts = [one.start for one in networks if one.start is not None]

    def infer(batch: Floats) -> Floats:
        return _sum(shares, (one.infer(batch) for one in networks))

    def start(batch: Floats) -> Callable[[], Floats]:
        waits = [begin(batch) for begin in starts]
        return lambda: _sum(shares, (wait() for wait in waits))

    first = networks[0]
    return Runtime(
        name=first.name,
        precision=first.precision,
        infer=infer,
        notes=tuple(dict.fromkeys([note, *(text for one in networks for text in one.notes)])),
        parallel=all(one.parallel for one in networks),
        start=start if len(starts) == len(networks) else None,
        joined_pixels=min(one.joined_pixels for one in networks),
        compiles=any(one.compiles for one in networks),
    )


def _sum(shares: Sequence[np.float32], results: Iterator[Floats]) -> Floats:
    total: Floats | None = None
    for share, result in zip(shares, results, strict=True):
        part = share * result
        total = part if total is None else np.add(total, part, out=total)
    assert total is not None
    return total
