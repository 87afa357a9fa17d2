"""Opening images with masks, wherever they come from, with one look at every file."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, NamedTuple

from maskforge.choices import Partial, Progress, Unfinished, check_choice
from maskforge.dataset.manifest import Dataset, check_finished, is_dataset
from maskforge.errors import DatasetError, MaskforgeError, OptionError, check_type, listing
from maskforge.examples.candidate import Candidate, Candidates
from maskforge.examples.content import read_content
from maskforge.examples.example import Example, ExampleSet, Statistics
from maskforge.examples.folderpairs import from_folders, from_root
from maskforge.examples.groups import check_grouping, groups_of
from maskforge.examples.manifests import from_manifest
from maskforge.examples.maskvalues import MaskLook, class_counts, look, read_values
from maskforge.examples.meaning import Meaning, given_meaning, keep_only, recognize
from maskforge.examples.partial_masks import decide, written_outcomes
from maskforge.examples.problems import raise_together
from maskforge.examples.stacks import by_page
from maskforge.examples.tables import TABLE_SUFFIXES, Table, from_csv, from_table
from maskforge.files import MANIFEST, PathLike, as_source
from maskforge.images.containers.base import ImageHeader
from maskforge.images.decoder import read_header
from maskforge.images.mask_likeness import is_mask_place, mask_regions
from maskforge.images.pair_names import MaskName
from maskforge.images.patients import identifying_note
from maskforge.issues import Origin
from maskforge.masks.classes import BACKGROUND, VOID, ClassMap
from maskforge.masks.classfile import load_class_map
from maskforge.masks.encoding import binary_values
from maskforge.masks.likeness import mask_likeness
from maskforge.shapes import Size

_PIXELS_PER_VALUE = 16
"""Fewer pixels for every value are no areas, so they do not look like a mask."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """A pair after one look at its files."""

    pair: Candidate
    header: ImageHeader
    mask: MaskLook
    image_digest: str
    mask_digest: str
    likeness: str = ""


class Unusable(NamedTuple):
    """A pair that cannot be used.

    Attributes:
        kind: Whether its files cannot be read or do not fit each other, the image is the mask, or
            the mask holds what has no meaning.
        pair: The pair.
        error: What is wrong.
    """

    kind: Literal["unreadable", "own-mask", "unknown-value"]
    pair: Candidate
    error: MaskforgeError


@dataclass(frozen=True, slots=True)
class Opened:
    """A source after one look at every file.

    Attributes:
        examples: What can be used.
        unusable: What cannot.
        masklike: Names of the examples whose images look like masks, with what they look like.
    """

    examples: ExampleSet
    unusable: tuple[Unusable, ...]
    masklike: Mapping[str, str]


def open_examples(
    dataset: PathLike | Dataset | Table | None = None,
    *,
    images: PathLike | None = None,
    masks: PathLike | None = None,
    image_column: str | None = None,
    mask_column: str | None = None,
    mask_name: str | None = None,
    classes: ClassMap | PathLike | None = None,
    mask_values: Mapping[str, str] | None = None,
    only: Sequence[str] = (),
    group_column: str | None = None,
    group_pattern: str | None = None,
    partial: Partial = "skip",
    unfinished: Unfinished = "error",
    progress: Progress | None = None,
) -> ExampleSet:
    """Open images with their masks, and look at every file once.

    A stack is as many images as it has pages: ``volume.tif`` with a mask of as many pages gives
    ``volume#1``, ``volume#2``, ...

    Args:
        dataset: Folder that ``convert`` wrote, or the ``Dataset`` of it; folder with the
            sub-folders ``images`` and ``masks``; CSV table; or data frame of pandas.
        images: Folder of images, or one file, together with ``masks`` instead of ``dataset``.
        masks: Folder of masks, paired with the images by name; the mask, if ``images`` is a file.
        image_column: Column of a table that holds the image; ``image`` if None.
        mask_column: Column of a table that holds the mask; ``mask`` if None.
        mask_name: How masks in folders are called, such as ``{name}_truth`` or
            ``masks/{name}.png``; ``{name}`` stands for the name of the image, and the folder is
            the one that corresponds to the image's. By default, names are equal but for words
            such as ``_mask``.
        classes: Class map or its file; by default the one beside the masks.
        mask_values: Value in the masks to class name, ``background`` or ``void``; without it, and
            without a class map, the values are recognized, which the notes say.
        only: Names of the classes that count; pixels of others are background. Ids stay.
        group_column: Column of the manifest or table that names the group, such as the patient.
        group_pattern: Regular expression over the name of the example; its first group, or the
            whole match, names the group.
        partial: What becomes of images whose mask lacks something that somebody drew, as the
            manifest of ``convert`` says: ``skip`` leaves them out, ``use`` takes them as they are,
            ``error`` refuses the set.
        unfinished: Whether a data set whose run has not finished is refused, or used as far as it
            is there, which the notes say.
        progress: Called after every file.

    Raises:
        OptionError: If the source is not told, or an option does not fit it.
        DatasetError: If files cannot be read or do not fit each other, an image is its own mask,
            or all images look like masks and lie where masks do; names them.
        LabelError: If a class does not exist, or the class map cannot be used.

    Examples:
        >>> examples = mf.open_examples("masks", only=["caries"])
        >>> len(examples), examples.classes
        (8, ClassMap(background=0, caries=5))
    """
    check_type("mask_values", mask_values or {}, Mapping, hint='such as {"255": "caries"}')
    check_type("only", only, list, tuple, hint='give names of classes, such as ["caries"]')
    for one in only:
        check_type("only", one, str)
    for name, text in (
        ("mask_name", mask_name),
        ("group_column", group_column),
        ("group_pattern", group_pattern),
    ):
        check_type(name, text, str, type(None))
    check_grouping(group_column, group_pattern)
    check_choice("unfinished", unfinished, Unfinished)
    if isinstance(dataset, (str, os.PathLike)):
        dataset = as_source(dataset)
    elif dataset is None and masks is not None:
        masks = as_source(masks)
    masks_from = masks if dataset is None else dataset
    started = ""
    if isinstance(masks_from, (Path, Dataset)):
        folder = masks_from.folder if isinstance(masks_from, Dataset) else masks_from
        started = check_finished(folder, unfinished)
    columns = image_column or "image", mask_column or "mask"
    told = None if mask_name is None else MaskName(mask_name)
    found = find_pairs(dataset, images, masks, columns, told)
    found, partly_read = _without_doubt(found, partial)
    opened = look_through(
        found,
        _class_map(classes),
        mask_values,
        only,
        groups_of(found.pairs, group_column, group_pattern),
        progress,
    )
    raise_together([one.error for one in opened.unusable], len(found.pairs))
    examples = opened.examples
    notes = [started, *examples.notes, _said_of_masks(examples, opened.masklike)]
    return replace(examples, notes=tuple(filter(None, notes)), partial=partly_read)


def _without_doubt(found: Candidates, partial: Partial) -> tuple[Candidates, tuple[str, ...]]:
    """Return the pairs whose masks lack nothing, and the names of the others."""
    outcomes = [one.outcome for one in found.pairs if one.outcome is not None]
    if len(outcomes) < len(found.pairs):
        outcomes = written_outcomes(one.mask for one in found.pairs)
    names = [one.name for one in found.pairs]
    decision = decide(dict(zip(names, outcomes, strict=True)), partial, found.source)
    left_out = set(decision.left_out)
    pairs = tuple(one for one in found.pairs if one.name not in left_out)
    return replace(found, pairs=pairs, notes=(*found.notes, *decision.notes)), decision.left_out


def _said_of_masks(examples: ExampleSet, masklike: Mapping[str, str]) -> str:
    """Return what to say of images that look like masks.

    Raises:
        DatasetError: If all do.
    """
    if not masklike:
        return ""
    if len(masklike) == len(examples):
        first = next(iter(masklike))
        image = next(one.image for one in examples if one.name == first)
        raise DatasetError(
            f"looks like a mask, as do all {len(masklike)} images: it is {masklike[first]}",
            origin=Origin(image, ""),
            hint="name the images that the masks were drawn on; if these are the images, put them "
            "into a folder whose name does not say that it holds masks",
        )
    return f"images that look like masks ({len(masklike)}): {listing(masklike)}"


def look_through(
    found: Candidates,
    classes: ClassMap | None,
    mask_values: Mapping[str, str] | None,
    only: Sequence[str],
    groups: Sequence[str | None],
    progress: Progress | None,
) -> Opened:
    """Look at every file of the pairs once, and tell what can be used from what cannot.

    Args:
        found: The pairs.
        classes: As for ``open_examples``, loaded, and so on.
        mask_values: Likewise.
        only: Likewise.
        groups: The group of every pair.
        progress: Called after every file.

    Raises:
        DatasetError: If the values of the masks cannot be understood.
        LabelError: If a class does not exist.
    """
    class_map = classes or found.classes
    said = [class_map.recognized] if class_map is not None and class_map.recognized else []
    grouped = dict(zip((one.name for one in found.pairs), groups, strict=True))
    seen, unusable = _look_at_all(found.pairs, progress)
    if mask_values:
        meaning = given_meaning(mask_values, class_map)
    elif found.pairs[0].encoding is not None and class_map is not None:
        meaning = _told(found, class_map)
    else:
        meaning = recognize([one.mask for one in seen], class_map)
    seen, strange = _with_meaning(seen, meaning)
    kept_classes = keep_only(meaning.classes, only)
    upright, notes = _turns(seen)
    examples = tuple(
        replace(_example(one, meaning, kept_classes), group=grouped[one.pair.name], upright=turned)
        for one, turned in zip(seen, upright, strict=True)
    )
    left_out = map(str, found.left_out)
    identifying = {one.pair.name: one.header.identifying for one in seen if one.header.identifying}
    known = filter(None, [identifying_note(identifying)])
    return Opened(
        ExampleSet(
            examples,
            kept_classes,
            found.source,
            (*left_out, *found.notes, *found.unreadable, *meaning.notes, *notes, *said, *known),
        ),
        (*unusable, *strange),
        {one.pair.name: one.likeness for one in seen if one.likeness},
    )


def find_pairs(
    dataset: PathLike | Dataset | Table | None,
    images: PathLike | None,
    masks: PathLike | None,
    columns: tuple[str, str],
    mask_name: MaskName | None,
) -> Candidates:
    """Return the images and masks of a source, of whatever kind; raises as ``open_examples``."""
    if (images is None) != (masks is None):
        raise OptionError("of images and masks only one is given")
    if (dataset is None) == (images is None):
        raise OptionError(
            "no data set is given" if dataset is None else "a data set and folders are given",
            hint="name a data set, or --images PATH and --masks PATH",
        )
    if images is not None and masks is not None:
        return by_page(from_folders(as_source(images), as_source(masks), mask_name))
    if not isinstance(dataset, Table):
        assert dataset is not None
        path = dataset.folder if isinstance(dataset, Dataset) else as_source(dataset)
        if path.name == MANIFEST:
            path = path.parent
        if path.is_dir() and not is_dataset(path):
            pairs = from_root(path, mask_name)
            if pairs is not None:
                return by_page(pairs)
    if mask_name is not None:
        raise OptionError(
            "a name of masks is told, and the pairs are listed already",
            hint="--mask-name is for folders of images and masks",
        )
    if isinstance(dataset, Table):
        return by_page(from_table(dataset, *columns))
    if path.is_dir():
        return from_manifest(path)
    if path.suffix.lower() in TABLE_SUFFIXES:
        return by_page(from_csv(path, *columns))
    raise DatasetError(
        "is not a data set" if path.exists() else "does not exist",
        origin=Origin(path, ""),
        hint="name a folder that `maskforge convert` wrote, or a CSV table",
    )


def _class_map(classes: ClassMap | PathLike | None) -> ClassMap | None:
    if classes is None or isinstance(classes, ClassMap):
        return classes
    return load_class_map(classes)


def _look_at_all(
    pairs: Sequence[Candidate], progress: Progress | None
) -> tuple[list[_Seen], list[Unusable]]:
    seen: list[_Seen] = []
    unusable: list[Unusable] = []
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        try:
            for number, result in enumerate(pool.map(_look_at, pairs), 1):
                if isinstance(result, _Seen):
                    seen.append(result)
                else:
                    unusable.append(result)
                if progress is not None:
                    progress("looking at masks", number, len(pairs))
        except BaseException:  # an interruption must not wait for thousands of files
            pool.shutdown(cancel_futures=True)
            raise
    return seen, unusable


def _look_at(pair: Candidate) -> _Seen | Unusable:
    try:
        image, image_digest = read_content(pair.image)
        try:
            header = read_header(image)
        except OSError as error:
            raise DatasetError(
                f"cannot be read as an image: {error}", origin=Origin(pair.image, "")
            ) from None
        content, mask_digest = read_content(pair.mask)
        mask = look(pair.mask, content)
        sizes = {header.stored, header.upright}
        if pair.upright is not None:
            sizes = {header.upright if pair.upright else header.stored}
        if mask.size not in sizes:
            shown = header.stored if header.stored in sizes else header.upright
            raise DatasetError(
                f"the mask has {mask.size} px, its image {pair.image} {shown} px",
                origin=Origin(pair.mask, ""),
                hint="masks are not resized silently: make them again in the image's size",
            )
        return _compared(_Seen(pair, header, mask, image_digest, mask_digest))
    except MaskforgeError as error:
        return Unusable("unreadable", pair, error)


def _compared(seen: _Seen) -> _Seen | Unusable:
    """Return a pair with what its image looks like, if that is a mask; not if it is its own one."""
    pair, values = seen.pair, len(seen.mask.counts)
    found = mask_regions(pair.image)
    is_same = values > 1 and seen.image_digest == seen.mask_digest  # one value is in many images
    if is_same or (found is not None and mask_likeness(pair.image, read_values(pair.mask))):
        error = DatasetError(
            f"is its own mask: it shows the same as {pair.mask}",
            origin=Origin(pair.image, ""),
            hint="name the image that the mask was drawn on",
        )
        return Unusable("own-mask", pair, error)
    if found is None or not is_mask_place(pair.image):
        return seen
    regions, text = found
    has_areas = regions.size >= _PIXELS_PER_VALUE * (int(regions.max()) + 1)
    return replace(seen, likeness=text) if has_areas else seen


def _told(found: Candidates, classes: ClassMap) -> Meaning:
    """Return the meaning of masks whose manifest says what they hold."""
    encodings = {one.encoding for one in found.pairs}
    if len(encodings) > 1:
        raise DatasetError(f"{found.source}: the masks have different encodings")
    encoding = encodings.pop() or "integer"
    ids = found.classes.ids if found.classes is not None else classes.ids
    if encoding == "binary":
        return Meaning(classes, binary_values(ids))
    channels = {"integer": (), "onehot": ids, "multihot": tuple(id_ for id_ in ids if id_)}
    if encoding == "multihot" and len(channels[encoding]) == 1:  # read as (H, W)
        (id_,) = channels[encoding]
        return Meaning(classes, {BACKGROUND: BACKGROUND, 1: id_, VOID: VOID})
    return Meaning(classes, None, channels[encoding], encoding)


def _with_meaning(seen: Sequence[_Seen], meaning: Meaning) -> tuple[list[_Seen], list[Unusable]]:
    """Return the pairs whose mask holds nothing but what has a meaning, and the others."""
    known = set(meaning.classes.ids) | {VOID} if meaning.values is None else set(meaning.values)
    usable: list[_Seen] = []
    strange_ones: list[Unusable] = []
    for one in seen:
        message = hint = ""
        if one.mask.channels != len(meaning.channels):
            message = f"has {one.mask.channels or 'no'} channels, expected {len(meaning.channels)}"
        elif meaning.encoding == "onehot" and any(v.bit_count() > 1 for v in one.mask.counts):
            message = "is not a one-hot mask: a pixel has several ones"
        elif not one.mask.channels and (strange := one.mask.counts.keys() - known):
            names = listing(str(value) for value in sorted(strange))
            message = f"holds values that no class has: {names}"
            hint = (
                "masks must not be JPEG, which changes values: save them as PNG"
                if one.mask.lossy
                else "name every value with VALUE=NAME, or give the class map of these masks"
            )
        if message:
            error = DatasetError(message, origin=Origin(one.pair.mask, ""), hint=hint)
            strange_ones.append(Unusable("unknown-value", one.pair, error))
        else:
            usable.append(one)
    return usable, strange_ones


def _example(one: _Seen, meaning: Meaning, classes: ClassMap) -> Example:
    kept = frozenset(classes.ids)
    values = meaning.values
    if not meaning.channels and classes != meaning.classes:
        ids = {id_: id_ for id_ in meaning.classes.ids} | {VOID: VOID}
        values = {
            value: id_ if id_ in kept or id_ == VOID else BACKGROUND
            for value, id_ in (ids if values is None else values).items()
        }
    return Example(
        name=one.pair.name,
        image=one.pair.image,
        mask=one.pair.mask,
        size=Size(*one.mask.size),
        encoding=meaning.encoding,
        channels=meaning.channels,
        values=values,
        spacing=one.pair.spacing or one.header.spacing,
        columns=one.pair.columns,
        statistics=Statistics(
            class_counts(one.mask, values, meaning.channels, meaning.encoding, kept),
            one.image_digest,
            one.mask_digest,
        ),
    )


def _turns(seen: Sequence[_Seen]) -> tuple[list[bool], list[str]]:
    """Return for every image whether its EXIF orientation is applied: what fits the mask.

    Where both fit, the mask was drawn on what people see, which is the upright image.
    """
    turns = []
    unsure = []
    for one in seen:
        if one.pair.upright is not None:
            turns.append(one.pair.upright)
            continue
        turned = one.header.orientation != 1 and one.mask.size == one.header.upright
        if turned and one.header.stored == one.header.upright:
            unsure.append(one.pair.name)
        turns.append(turned)
    notes = []
    if unsure:
        notes.append(
            "images that their EXIF orientation turns, where the size of the mask does not tell "
            f"whether it is turned, too; taken as turned ({len(unsure)}): {listing(unsure)}"
        )
    return turns, notes
