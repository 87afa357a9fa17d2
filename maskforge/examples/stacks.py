"""Stacks of images with stacks of masks: a pair for every page."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from maskforge.errors import DatasetError, MaskforgeError, listing
from maskforge.examples.candidate import Candidate, Candidates
from maskforge.examples.problems import raise_together
from maskforge.images.decoder import list_pages
from maskforge.issues import Origin


def by_page(found: Candidates) -> Candidates:
    """Replace every pair of stacks by the pairs of their pages, which a note says.

    Raises:
        DatasetError: If a stack cannot be read, or has not as many pages as its mask.
    """
    pairs: list[Candidate] = []
    stacks: list[str] = []
    problems: list[MaskforgeError] = []
    for one in found.pairs:
        try:
            pages = _pages(one)
        except DatasetError as error:
            problems.append(error)
            continue
        pairs += pages
        stacks += [one.name] * (len(pages) > 1)
    raise_together(problems, len(found.pairs))
    if not stacks:
        return found
    note = f"stacks, of which every page is an image ({len(stacks)}): {listing(stacks)}"
    if len(stacks) > 1:
        note += "; --group-pattern '^[^#]+' keeps the pages of each together"
    return replace(found, pairs=tuple(pairs), notes=(*found.notes, note))


def _pages(pair: Candidate) -> list[Candidate]:
    images, masks = _list(pair.image), _list(pair.mask)
    if len(images) != len(masks):
        raise DatasetError(
            f"the mask has {len(masks)} pages, its image {pair.image} has {len(images)}",
            origin=Origin(pair.mask, ""),
            hint="a stack of images needs a stack of as many masks",
        )
    if len(images) == 1:
        return [pair]
    return [
        replace(pair, name=f"{pair.name}#{number}", image=image, mask=mask)
        for number, (image, mask) in enumerate(zip(images, masks, strict=True), 1)
    ]


def _list(path: Path) -> list[Path]:
    try:
        return list_pages(path)
    except OSError as error:
        reason = error.strerror or error
        raise DatasetError(f"cannot be read: {reason}", origin=Origin(path, "")) from None
