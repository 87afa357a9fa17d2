"""Masks that lack something that somebody drew: whether they count as truth."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from maskforge.choices import Outcome, Partial, check_choice
from maskforge.dataset.manifest import DatasetItem, is_dataset, open_dataset
from maskforge.errors import DatasetError, listing
from maskforge.files import MASKS


@dataclass(frozen=True, slots=True)
class Decision:
    """Which masks are left out.

    Attributes:
        left_out: Names of their examples.
        notes: What was decided, to be shown.
    """

    left_out: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def decide(outcomes: Mapping[str, Outcome], partial: Partial, source: str) -> Decision:
    """Decide about partial masks.

    Args:
        outcomes: Name of the example to what its manifest says of its mask.
        partial: ``skip`` leaves partial masks out, ``use`` takes them as they are, ``error``
            refuses the whole set.
        source: Where the masks are from, for people.

    Raises:
        DatasetError: If there are some and must not be, or if nothing is left.
        OptionError: If ``partial`` is another word.
    """
    check_choice("partial", partial, Partial)
    incomplete = [name for name, outcome in outcomes.items() if outcome == "partial"]
    # Earlier manifests have masks of background for images of which nothing is known.
    unknown = [name for name, outcome in outcomes.items() if outcome == "refused"]
    hint = "mend the annotations, draw lost shapes as void with `maskforge convert --refused void`"
    if partial == "error" and incomplete + unknown:
        raise DatasetError(
            f"{source}: {len(incomplete + unknown)} images are partial: "
            f"{listing(incomplete + unknown)}",
            hint=f"{hint}, or leave these images out with --partial skip",
        )
    notes = []
    if incomplete:
        done = "used all the same" if partial == "use" else "left out"
        notes.append(f"partial images, {done} ({len(incomplete)}): {listing(incomplete)}")
    if unknown:
        notes.append(
            f"images of which nothing is known, left out ({len(unknown)}): {listing(unknown)}"
        )
    left_out = tuple(unknown if partial == "use" else incomplete + unknown)
    if left_out and len(left_out) == len(outcomes):
        raise DatasetError(
            "; ".join([f"{source}: no whole mask is left", *notes]),
            hint=f"{hint}, or take partial images as they are with --partial use",
        )
    return Decision(left_out, tuple(notes))


def written_outcomes(masks: Iterable[Path]) -> list[Outcome]:
    """Return what the manifest says of each mask that lies in a folder that ``convert`` wrote.

    Other masks count as ``drawn``.

    Raises:
        DatasetError: If a manifest cannot be used.
        LabelError: If the class map beside it cannot be used.
    """
    return ["drawn" if one is None else one.entry.outcome for one in written_items(masks)]


def written_items(masks: Iterable[Path]) -> Iterator[DatasetItem | None]:
    """Yield what the manifest holds of each mask that lies in a folder that ``convert`` wrote.

    Raises:
        DatasetError: If a manifest cannot be used.
        LabelError: If the class map beside it cannot be used.
    """
    homes: dict[Path, Path | None] = {}
    known: dict[Path, Mapping[str, DatasetItem]] = {}
    for mask in masks:
        if mask.parent not in homes:
            homes[mask.parent] = _home(mask)
        home = homes[mask.parent]
        if home is None:
            yield None
            continue
        if home not in known:
            known[home] = {str(one.entry.mask): one for one in open_dataset(home)}
        yield known[home].get(mask.relative_to(home).as_posix())


def _home(mask: Path) -> Path | None:
    """Return the data set in which a mask lies."""
    folders = (one.parent for one in mask.parents if one.name == MASKS)
    return next(filter(is_dataset, folders), None)
