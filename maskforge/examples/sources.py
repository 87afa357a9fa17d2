"""Opening images with masks, wherever they come from, with one look at every file."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from maskforge.choices import Partial, Progress, Unfinished, check_choice
from maskforge.dataset.manifest import Dataset, check_finished, is_dataset
from maskforge.errors import DatasetError, MaskforgeError, OptionError, check_type, listing
from maskforge.examples.candidate import Candidate, Candidates
from maskforge.examples.content import read_content
from maskforge.examples.example import Example, ExampleSet, Statistics
from maskforge.examples.folderpairs import from_folders, usual_folders
from maskforge.examples.groups import check_grouping, groups_of
from maskforge.examples.manifests import from_manifest
from maskforge.examples.maskvalues import MaskLook, class_counts, look
from maskforge.examples.meaning import Meaning, given_meaning, keep_only, recognize
from maskforge.examples.partial_masks import decide, written_outcomes
from maskforge.examples.problems import raise_together
from maskforge.examples.stacks import by_page
from maskforge.examples.tables import TABLE_SUFFIXES, Table, from_csv, from_table
from maskforge.files import MANIFEST, PathLike, as_source
from maskforge.images.containers.base import ImageHeader
from maskforge.images.decoder import read_header
from maskforge.issues import Origin
from maskforge.masks.classes import BACKGROUND, VOID, ClassMap
from maskforge.masks.classfile import load_class_map
from maskforge.shapes import Size


@dataclass(frozen=True, slots=True)
class _Seen:
    """A pair after one look at its files."""

    pair: Candidate
    header: ImageHeader
    mask: MaskLook
    image_digest: str
    mask_digest: str


def open_examples(
    dataset: PathLike | Dataset | Table | None = None,
    *,
    images: PathLike | None = None,
    masks: PathLike | None = None,
    image_column: str | None = None,
    mask_column: str | None = None,
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
        DatasetError: If files cannot be read or do not fit each other; names them.
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
        ("group_column", group_column),
        ("group_pattern", group_pattern),
    ):
        check_type(name, text, str, type(None))
    check_grouping(group_column, group_pattern)
    check_choice("unfinished", unfinished, Unfinished)
    masks_from = masks if dataset is None else dataset
    started = ""
    if isinstance(masks_from, (str, os.PathLike, Dataset)):
        folder = masks_from.folder if isinstance(masks_from, Dataset) else as_source(masks_from)
        started = check_finished(folder, unfinished)
    found = _candidates(dataset, images, masks, image_column or "image", mask_column or "mask")
    outcomes = [one.outcome for one in found.pairs if one.outcome is not None]
    if len(outcomes) < len(found.pairs):
        outcomes = written_outcomes(one.mask for one in found.pairs)
    names = [one.name for one in found.pairs]
    decision = decide(dict(zip(names, outcomes, strict=True)), partial, found.source)
    pairs = tuple(one for one in found.pairs if one.name not in set(decision.left_out))
    found = replace(found, pairs=pairs, notes=(*found.notes, *decision.notes))
    class_map = _class_map(classes) or found.classes
    said = [class_map.recognized] if class_map is not None and class_map.recognized else []
    seen = _look_at_all(found.pairs, progress)
    if mask_values:
        meaning = given_meaning(mask_values, class_map)
    elif found.pairs[0].encoding is not None and class_map is not None:
        meaning = _told(found, class_map)
    else:
        meaning = recognize([one.mask for one in seen], class_map)
    _check_meaning(seen, meaning)
    kept_classes = keep_only(meaning.classes, only)
    groups = groups_of(found.pairs, group_column, group_pattern)
    upright, notes = _turns(seen)
    examples = tuple(
        replace(_example(one, meaning, kept_classes), group=group, upright=turned)
        for one, group, turned in zip(seen, groups, upright, strict=True)
    )
    notes = [*filter(None, [started]), *found.notes, *meaning.notes, *notes, *said]
    return ExampleSet(examples, kept_classes, found.source, tuple(notes), decision.left_out)


def _candidates(
    dataset: PathLike | Dataset | Table | None,
    images: PathLike | None,
    masks: PathLike | None,
    image_column: str,
    mask_column: str,
) -> Candidates:
    if (images is None) != (masks is None):
        raise OptionError("of images and masks only one is given")
    if (dataset is None) == (images is None):
        raise OptionError(
            "no data set is given" if dataset is None else "a data set and folders are given",
            hint="name a data set, or --images PATH and --masks PATH",
        )
    if images is not None and masks is not None:
        return by_page(from_folders(as_source(images), as_source(masks)))
    if isinstance(dataset, Table):
        return by_page(from_table(dataset, image_column, mask_column))
    assert dataset is not None
    path = dataset.folder if isinstance(dataset, Dataset) else as_source(dataset)
    if path.name == MANIFEST:
        path = path.parent
    if path.is_dir():
        folders = usual_folders(path)
        if folders is not None and not is_dataset(path):
            return by_page(from_folders(*folders))
        return from_manifest(path)
    if path.suffix.lower() in TABLE_SUFFIXES:
        return by_page(from_csv(path, image_column, mask_column))
    raise DatasetError(
        "is not a data set" if path.exists() else "does not exist",
        origin=Origin(path, ""),
        hint="name a folder that `maskforge convert` wrote, or a CSV table",
    )


def _class_map(classes: ClassMap | PathLike | None) -> ClassMap | None:
    if classes is None or isinstance(classes, ClassMap):
        return classes
    return load_class_map(classes)


def _look_at_all(pairs: Sequence[Candidate], progress: Progress | None) -> list[_Seen]:
    seen: list[_Seen] = []
    problems: list[MaskforgeError] = []
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        try:
            for number, result in enumerate(pool.map(_look_at, pairs), 1):
                if isinstance(result, _Seen):
                    seen.append(result)
                else:
                    problems.append(result)
                if progress is not None:
                    progress("looking at masks", number, len(pairs))
        except BaseException:  # an interruption must not wait for thousands of files
            pool.shutdown(cancel_futures=True)
            raise
    raise_together(problems, len(pairs))
    return seen


def _look_at(pair: Candidate) -> _Seen | MaskforgeError:
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
        return _Seen(pair, header, mask, image_digest, mask_digest)
    except MaskforgeError as error:
        return error


def _told(found: Candidates, classes: ClassMap) -> Meaning:
    """Return the meaning of masks whose manifest says what they hold."""
    encodings = {one.encoding for one in found.pairs}
    if len(encodings) > 1:
        raise DatasetError(f"{found.source}: the masks have different encodings")
    encoding = encodings.pop() or "integer"
    ids = found.classes.ids if found.classes is not None else classes.ids
    channels = {"integer": (), "onehot": ids, "multihot": tuple(id_ for id_ in ids if id_)}
    if encoding == "multihot" and len(channels[encoding]) == 1:  # read as (H, W)
        (id_,) = channels[encoding]
        return Meaning(classes, {BACKGROUND: BACKGROUND, 1: id_, VOID: VOID})
    return Meaning(classes, None, channels[encoding], encoding)


def _check_meaning(seen: Sequence[_Seen], meaning: Meaning) -> None:
    """Make sure that every mask holds nothing but what has a meaning."""
    known = set(meaning.classes.ids) | {VOID} if meaning.values is None else set(meaning.values)
    problems: list[MaskforgeError] = []
    for one in seen:
        message = hint = ""
        if one.mask.channels != len(meaning.channels):
            message = f"has {one.mask.channels or 'no'} channels, expected {len(meaning.channels)}"
        elif meaning.encoding == "onehot" and any(v.bit_count() > 1 for v in one.mask.counts):
            message = "is no one-hot mask: a pixel has several ones"
        elif not one.mask.channels and (strange := one.mask.counts.keys() - known):
            names = listing(str(value) for value in sorted(strange))
            message = f"holds values that no class has: {names}"
            hint = (
                "masks must not be JPEG, which changes values: save them as PNG"
                if one.mask.lossy
                else "name every value with VALUE=NAME, or give the class map of these masks"
            )
        if message:
            problems.append(DatasetError(message, origin=Origin(one.pair.mask, ""), hint=hint))
    raise_together(problems, len(seen))


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
