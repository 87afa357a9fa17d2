"""Making sure that a file of weights holds numbers, all of them in the file itself, all finite."""

from __future__ import annotations

from typing import IO

import h5py
import numpy as np

from maskforge.errors import ModelError, shorten
from maskforge.issues import Origin

_AT_ONCE = 2**22  # numbers that are looked at


def count_weights(stream: IO[bytes], origin: Origin) -> int:
    """Return how many numbers an HDF5 file of weights holds.

    Raises:
        ModelError: If it cannot be read, refers to other files, or holds anything but finite
            numbers, each where it says.
    """
    total = 0
    waiting: list[h5py.Group] = []
    try:
        with h5py.File(stream, "r") as file:
            waiting.append(file)
            seen = {file.id}
            while waiting:
                group = waiting.pop()
                for name in group:
                    if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                        raise _refusal(f"{group.name}/{name} is a link", origin)
                    node = group[name]
                    if isinstance(node, h5py.Dataset):
                        total += _count(node, origin)
                    elif node.id in seen:
                        raise _refusal(f"{group.name}/{name} is there twice", origin)
                    elif isinstance(node, h5py.Group):
                        seen.add(node.id)
                        waiting.append(node)
    except ModelError:
        raise
    except Exception as error:  # HDF5 raises whatever it runs into
        raise _refusal(f"cannot be read: {shorten(str(error))}", origin) from None
    return total


def _count(numbers: h5py.Dataset, origin: Origin) -> int:
    if numbers.external or numbers.is_virtual or numbers.dtype.kind not in "fiub":
        raise _refusal(f"{numbers.name} does not hold numbers itself", origin)
    if numbers.id.get_storage_size() < numbers.nbytes:
        raise _refusal(f"{numbers.name} says that it is larger than it is", origin)
    flat = numbers[()].ravel() if numbers.ndim == 0 else None
    rows = max(1, _AT_ONCE * (len(numbers) if flat is None else 1) // max(1, numbers.size))
    parts = (
        (numbers[first : first + rows] for first in range(0, len(numbers), rows))
        if flat is None
        else (flat,)
    )
    if numbers.dtype.kind == "f" and not all(np.isfinite(part).all() for part in parts):
        raise ModelError(
            f"holds weights that are not finite, in {numbers.name}",
            origin=origin,
            hint="the training has failed; train again, perhaps with a lower learning rate",
        )
    return int(numbers.size)


def _refusal(reason: str, origin: Origin) -> ModelError:
    return ModelError(f"holds weights that cannot be used: {reason}", origin=origin)
