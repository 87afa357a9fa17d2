"""What is known about the files of examples, and about a set as a whole."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256

from maskforge.examples.content import read_content
from maskforge.examples.example import Example, ExampleSet, Statistics
from maskforge.examples.maskvalues import class_counts, look


def statistics_of(example: Example) -> Statistics:
    """Return the statistics of an example; its files are read if nobody has done it yet.

    Raises:
        DatasetError: If a file cannot be read.
    """
    if example.statistics is not None:
        return example.statistics
    content, mask_digest = read_content(example.mask)
    seen = look(example.mask, content)
    ids = frozenset(example.values.values()) if example.values else frozenset(example.channels)
    pixels = class_counts(
        seen,
        example.values,
        example.channels,
        example.encoding,
        ids or frozenset(seen.counts),
    )
    _, image_digest = read_content(example.image)
    return Statistics(pixels, image_digest, mask_digest)


def class_pixels(examples: ExampleSet) -> dict[int, int]:
    """Return pixels per class id of a set: every id of the class map, and 255 if any is void."""
    totals = dict.fromkeys(examples.classes.ids, 0)
    for one in examples:
        for id_, count in statistics_of(one).pixels.items():
            totals[id_] = totals.get(id_, 0) + count
    return totals


def data_digest(examples: Iterable[Example]) -> str:
    """Return a SHA-256 over names, images and masks, whatever their order."""
    lines = []
    for one in examples:
        if (known := one.statistics) is not None:
            image, mask = known.image_digest, known.mask_digest
        else:
            image, mask = (read_content(path)[1] for path in (one.image, one.mask))
        lines.append(f"{one.name}\n{image}\n{mask}\n")
    return sha256("".join(sorted(lines)).encode()).hexdigest()
