"""One mask of what several annotators marked: by majority, or by STAPLE."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskforge.choices import Consensus, VoidWhere
from maskforge.errors import require
from maskforge.evaluation.measures.regions import Planes

_ROUNDING = 1e-9
"""By which a probability of one half may be more or less."""


def check_method(method: Consensus) -> None:
    """Make sure that a method can be used.

    Raises:
        MissingDependencyError: If its library is not installed.
    """
    if method == "staple":
        require(
            "SimpleITK",
            "maskforge[staple]",
            "consensus masks by STAPLE",
            otherwise="choose --method majority",
        )


def library_of(method: Consensus) -> str:
    """Return the library on which the masks of a method depend, with its version."""
    return f"SimpleITK {importlib.metadata.version('SimpleITK')}" if method == "staple" else ""


def consensus(
    marked: Sequence[Planes], method: Consensus, void_where: VoidWhere, *, exclusive: bool
) -> Planes:
    """Return what annotators have marked together.

    Args:
        marked: What each has marked, in one size.
        method: ``majority`` counts those who are not void at a pixel; where nobody is left, the
            pixel is void. ``staple`` knows no abstention: what is void for anybody stays void.
        void_where: ``tie``: void is what neither has the majority nor is the likelier. With
            ``disagree``, void is also wherever two have marked different classes.
        exclusive: Whether a pixel has one class, and background is one of them; else every class
            is decided by itself.

    Raises:
        MissingDependencyError: If the library of the method is not installed.
    """
    check_method(method)
    sides = (
        [_with_background(one) for one in marked] if exclusive else [one.planes for one in marked]
    )
    planes = np.stack(sides)
    void = np.stack([one.void for one in marked])
    votes = (planes & ~void[:, None]).sum(axis=0, dtype=np.int32)
    voters = (~void).sum(axis=0, dtype=np.int32)
    if method == "majority":
        decide = _most_votes if exclusive else _more_than_half
        chosen, undecided = decide(votes, voters)
    else:
        unsure = void.any(axis=0)
        staple = _staple_of_one if exclusive else _staple_of_each
        chosen, undecided = staple(planes & ~unsure)
        undecided = undecided | unsure
    if void_where == "disagree":
        undecided = undecided | ((votes > 0) & (votes < voters)).any(axis=0)
    return Planes((chosen[1:] if exclusive else chosen) & ~undecided, undecided)


def _with_background(marked: Planes) -> NDArray[np.bool_]:
    """Return (K + 1, H, W) with one class per pixel, of several the last."""
    numbers = np.zeros(marked.void.shape, dtype=np.int32)
    for number, plane in enumerate(marked.planes, 1):
        numbers[plane] = number
    result: NDArray[np.bool_] = np.arange(len(marked.planes) + 1)[:, None, None] == numbers
    return result


def _most_votes(
    votes: NDArray[np.int32], voters: NDArray[np.int32]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return the class (C, H, W) with the most votes, and where several have as many."""
    del voters
    chosen = votes == votes.max(axis=0)
    return chosen, chosen.sum(axis=0) > 1


def _more_than_half(
    votes: NDArray[np.int32], voters: NDArray[np.int32]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return the classes that more than half have marked, and where one has exactly half."""
    return 2 * votes > voters, (2 * votes == voters).any(axis=0)


def _staple_of_one(
    planes: NDArray[np.bool_],
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return the likeliest class (C, H, W) of every pixel, and where there are several.

    Args:
        planes: (A, C, H, W) what each annotator marked.
    """
    if len(planes[0]) == 2:  # of one class, STAPLE gives probabilities
        chosen, undecided = _staple_of_each(planes[:, 1:])
        return np.concatenate([~chosen, chosen]), undecided
    if (planes == planes[0]).all():
        return planes[0], np.zeros(planes.shape[2:], dtype=np.bool_)
    import SimpleITK

    numbers = planes.argmax(axis=1).astype(np.uint16)
    images = [SimpleITK.GetImageFromArray(one) for one in numbers]
    nobody = len(planes[0])
    found = SimpleITK.GetArrayFromImage(SimpleITK.MultiLabelSTAPLE(images, nobody))
    return np.arange(nobody)[:, None, None] == found, found == nobody


def _staple_of_each(
    planes: NDArray[np.bool_],
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return the classes that are likelier than not, and where one is exactly as likely.

    Args:
        planes: (A, C, H, W) what each annotator marked.
    """
    likely = np.stack([_probability(planes[:, one]) for one in range(len(planes[0]))])
    undecided = np.asarray((np.abs(likely - 0.5) < _ROUNDING).any(axis=0))
    return likely > 0.5, undecided


def _probability(planes: NDArray[np.bool_]) -> NDArray[Any]:
    """Return how likely every pixel has a class, by STAPLE (Warfield et al. 2004).

    Args:
        planes: (A, H, W).
    """
    if (planes == planes[0]).all():  # all are the same: reliable or not, there is no other answer
        return np.asarray(planes[0], np.float64)
    import SimpleITK

    images = [SimpleITK.GetImageFromArray(one.astype(np.uint8)) for one in planes]
    return np.asarray(SimpleITK.GetArrayFromImage(SimpleITK.STAPLE(images, 1.0)))
