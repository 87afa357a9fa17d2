"""Images with masks, one after the other, from annotations, data sets, folders and tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from maskforge.checks.base import Broken, CheckPlace
from maskforge.checks.check_options import CheckOptions
from maskforge.choices import Head, Progress
from maskforge.dataset.convert_options import ConvertOptions
from maskforge.dataset.converted_image import convert_image
from maskforge.dataset.issue_record import IssueRecord
from maskforge.dataset.manifest import (
    DatasetItem,
    ManifestEntry,
    check_finished,
    integer_mask,
    mask_name,
    open_dataset,
)
from maskforge.dataset.spool import ImageSpool
from maskforge.errors import DatasetError, MaskforgeError, OptionError
from maskforge.examples.candidate import Candidates
from maskforge.examples.content import read_content
from maskforge.examples.example import Example, ExampleSet
from maskforge.examples.folderpairs import AMBIGUOUS, IMAGES_ALONE, MASKS_ALONE
from maskforge.examples.maskvalues import read_values
from maskforge.examples.sources import Opened, look_through
from maskforge.files import as_text
from maskforge.formats.reader import AnnotationReader
from maskforge.images.annotated_image import AnnotatedImage
from maskforge.images.decoder import read_image
from maskforge.images.offset import Offset, move_image
from maskforge.images.stored import Pixels
from maskforge.issues import Level, Origin, Scope
from maskforge.masks.class_source import labeled_by
from maskforge.masks.classes import ClassMap, check_labels, infer, mask_values
from maskforge.masks.classfile import load_class_map
from maskforge.masks.encoding import from_multi_hot, from_one_hot
from maskforge.masks.targets import to_ids
from maskforge.raster.segments import BandedMask
from maskforge.shapes import Shape, Size


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Subject:
    """One image with its mask, as long as it is in memory.

    Attributes:
        place: Where it is.
        mask: (H, W) class ids; None if no mask could be made.
        image: In the frame of the mask; None if it is not known.
        image_path: The image file.
        image_digest: SHA-256 of the image file.
        shapes: The shapes of the annotation, if it was read.
        labels: Number of shapes per label.
        issues: What was found when the annotation was read.
        match: By what evidence the image was found.
        is_partial: Whether the mask is said to lack something that somebody drew.
    """

    place: CheckPlace
    mask: NDArray[Any] | None
    image: Pixels | None = None
    image_path: Path | None = None
    image_digest: str = ""
    shapes: tuple[Shape, ...] = ()
    labels: Mapping[str, int] = field(default_factory=dict)
    issues: Sequence[IssueRecord] = ()
    match: str = ""
    is_partial: bool = False


class Subjects(Protocol):
    """Where images with masks come from; may be gone through several times.

    Attributes:
        title: The source, for people.
        classes: The class map.
        broken: What was found beside the images that can be measured. It grows while these are gone
            through.
    """

    title: str
    classes: ClassMap
    broken: list[Broken]

    def __len__(self) -> int: ...

    def each(self, only: Collection[str] | None = None) -> Iterator[Subject | None]:
        """Yield every image, or those of some names; None for one that is broken."""
        ...


def _read(path: Path, size: Size, *, upright: bool) -> tuple[Pixels, str]:
    """Return an image, in the frame of its mask, and its digest.

    Raises:
        DatasetError: If it cannot be read, or is of another size.
    """
    content, digest = read_content(path)
    try:
        image = read_image(content, upright=upright)
    except DatasetError as error:
        raise DatasetError(error.message, origin=Origin(path, ""), hint=error.hint) from None
    found = Size(image.shape[1], image.shape[0])
    if found != size:
        turned = "; one of the two is turned" if found == size[::-1] else ""
        raise DatasetError(
            f"the image has {found} px, its mask {size} px{turned}", origin=Origin(path, "")
        )
    return image, digest


def _unreadable(place: CheckPlace, error: MaskforgeError) -> Broken:
    file = "" if error.origin is None else f"{error.origin}: "
    return Broken("unreadable", place.saying(f"{file}{error.message}"))


class AnnotationSubjects:
    """The images of annotation files, whose masks are drawn in memory."""

    def __init__(
        self,
        sources: Sequence[Path],
        spool: ImageSpool,
        options: CheckOptions,
        progress: Progress | None,
    ) -> None:
        """Read the files into a spool, which stays open as long as this is used."""
        self.title = ", ".join(map(str, sources))
        self.broken: list[Broken] = []
        self._spool = spool
        labels: Counter[str] = Counter()
        given = None if options.classes is None else load_class_map(options.classes)
        reader = AnnotationReader(
            sources,
            format=options.format,
            images=options.images,
            allow_outside_images=options.allow_outside_images,
            size_mismatch=options.size_mismatch,
            text_encoding=options.text_encoding,
            mask_values=mask_values(given) if given else None,
        )
        class_from = options.class_from or (given.class_from if given else "")
        for read in reader:
            image = labeled_by(read, class_from)  # the spool drops what else is in a record
            self._spool.append(image)
            labels.update(label for shape in image.shapes for label in shape.labels)
            if progress is not None:
                progress("reading", len(self._spool), None)
        given = replace(given, class_from="") if given else None
        self.classes = given or infer(labels, fold_case=options.fold_case)
        check_labels(self.classes, labels)
        self.broken += [
            Broken("refused-part", _place_of_file(issue.origin, issue.message))
            for issue in reader.issues
            if issue.level is Level.REFUSED and issue.scope is Scope.FILE
        ]

    def __len__(self) -> int:
        return len(self._spool)

    def each(self, only: Collection[str] | None = None) -> Iterator[Subject | None]:
        """Yield every image, or those of some names; None for one that is broken."""
        names: Counter[str] = Counter()
        for image in self._spool:
            stem = "/".join(filter(None, (image.folder, Path(image.image.name).stem)))
            names[stem] += 1
            name = stem if names[stem] == 1 else f"{stem} ({names[stem]})"
            if only is None or name in only:
                yield self._subject(image, name)

    def _subject(self, image: AnnotatedImage, name: str) -> Subject | None:
        converted = convert_image(image, self.classes, ConvertOptions(tiled_above=None))
        entry, mask = converted.entry, converted.mask
        assert not isinstance(mask, BandedMask)
        place = CheckPlace(
            name=name,
            image=entry.image,
            file=entry.source,
            pointer=entry.pointer,
        )
        pixels, digest = None, ""
        if image.image.file is not None and mask is not None:
            assert image.image.size is not None
            try:
                pixels, digest = _read(
                    image.image.file, image.image.size, upright=image.image.upright
                )
            except DatasetError as error:
                self.broken.append(_unreadable(place, error))
                return None
        return Subject(
            place=place,
            mask=mask,
            image=pixels,
            image_path=image.image.file,
            image_digest=digest,
            shapes=image.shapes,
            labels=_labels(entry),
            issues=entry.issues,
            match=entry.match,
            is_partial=entry.outcome == "partial",
        )


def _labels(entry: ManifestEntry) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for labels in entry.kinds.values():
        counts.update(labels)
    return {label: count for label, count in counts.items() if label}


def _unfinished(source: str) -> Broken:
    text = "the run that writes it is still going on, or was interrupted"
    return Broken("unfinished", CheckPlace(file=source, message=text))


def _place_of_file(origin: Origin, message: str) -> CheckPlace:
    return CheckPlace(file=as_text(origin.file), pointer=origin.pointer, message=message)


class DatasetSubjects:
    """The images of a data set that ``convert`` wrote."""

    def __init__(self, folder: Path) -> None:
        self.title = str(folder)
        self._folder = folder
        self._dataset = open_dataset(folder)
        self.classes = self._dataset.classes
        self.broken: list[Broken] = []
        if self._dataset.unfinished:
            self.broken.append(_unfinished(self.title))

    def __len__(self) -> int:
        return len(self._dataset.entries)

    def each(self, only: Collection[str] | None = None) -> Iterator[Subject | None]:
        """Yield every image, or those of some names; None for one that is broken."""
        for entry in self._dataset.entries:
            name = mask_name(entry.mask) if entry.mask is not None else entry.image or entry.source
            if only is None or name in only:
                yield self._subject(DatasetItem(entry, self._folder), name)

    def _subject(self, item: DatasetItem, name: str) -> Subject | None:
        entry = item.entry
        place = CheckPlace(
            name=name,
            image=None if item.image_path is None else str(item.image_path),
            mask=None if entry.mask is None else str(item.mask_path),
            file=str(self._folder / entry.source),
            pointer=entry.pointer,
        )
        mask, pixels, digest = None, None, ""
        if entry.mask is not None:
            try:
                mask = integer_mask(item, self.classes)
                if item.image_path is not None:
                    pixels, digest = _read(item.image_path, item.size, upright=entry.upright)
            except DatasetError as error:
                self.broken.append(_unreadable(place, error))
                return None
        return Subject(
            place=place,
            mask=mask,
            image=pixels,
            image_path=item.image_path,
            image_digest=digest,
            labels=_labels(entry),
            issues=entry.issues,
            match=entry.match,
            is_partial=entry.outcome == "partial",
        )


_LEFT_OUT = {IMAGES_ALONE: "no-mask", MASKS_ALONE: "no-image", AMBIGUOUS: "unclear-pair"}


class ExampleSubjects:
    """The images of a set that was opened to learn from it."""

    def __init__(self, examples: ExampleSet, offset: Offset | None = None) -> None:
        """Look at nothing yet.

        Args:
            examples: The images with their masks.
            offset: How far the images are moved; None for not at all.
        """
        self.title = examples.source
        self.classes = examples.classes
        self.broken: list[Broken] = []
        self._examples = examples
        self._offset = offset

    def __len__(self) -> int:
        return len(self._examples)

    def each(self, only: Collection[str] | None = None) -> Iterator[Subject | None]:
        """Yield every image, or those of some names; None for one that is broken."""
        for example in self._examples:
            if only is not None and example.name not in only:
                continue
            place = CheckPlace(name=example.name, image=str(example.image), mask=str(example.mask))
            try:
                image, digest = _read(example.image, example.size, upright=example.upright)
                if self._offset is not None:
                    image = move_image(image, self._offset)
                mask = self._class_ids(example)
            except DatasetError as error:
                self.broken.append(_unreadable(place, error))
                yield None
                continue
            yield Subject(
                place=place,
                mask=mask,
                image=image,
                image_path=example.image,
                image_digest=digest,
            )

    def _class_ids(self, example: Example) -> NDArray[Any]:
        """Return the mask (H, W) as it is learned; where classes overlap, the last one."""
        head: Head = "sigmoid" if example.encoding == "multihot" else "softmax"
        return to_ids(example.read_target(self.classes, head), self.classes, head)


class PairSubjects(ExampleSubjects):
    """Images and masks of folders and tables."""

    def __init__(self, found: Candidates, options: CheckOptions, progress: Progress | None) -> None:
        classes = None if options.classes is None else load_class_map(options.classes)
        opened: Opened = look_through(
            found, classes, options.mask_values, (), [None] * len(found.pairs), progress
        )
        super().__init__(opened.examples)
        self.title = found.source
        self.broken = [
            Broken(_LEFT_OUT[one.what], CheckPlace(name=name, file=str(file), message=one.what))
            for one in found.left_out
            if one.what in _LEFT_OUT
            for name, file in one.files.items()
        ]
        self.broken += [Broken("unreadable", CheckPlace(message=text)) for text in found.unreadable]
        folders = {one.mask.parent for one in found.pairs}
        if any(check_finished(one, "use") for one in folders):
            self.broken.append(_unfinished(found.source))
        for kind, pair, error in opened.unusable:
            place = CheckPlace(name=pair.name, image=str(pair.image), mask=str(pair.mask))
            self.broken.append(Broken(kind, place.saying(error.message)))

    def _class_ids(self, example: Example) -> NDArray[Any]:
        """Return the mask (H, W) with the values that no class has."""
        return _class_ids(example)


def _class_ids(example: Example) -> NDArray[Any]:
    """Return the mask of an example as (H, W) class ids; where classes overlap, the last one."""
    values = read_values(example.mask)
    try:
        if example.encoding == "onehot":
            return from_one_hot(values, example.channels)
        if example.encoding == "multihot":
            return from_multi_hot(values, example.channels)
    except OptionError as error:
        raise DatasetError(error.message, origin=Origin(example.mask, "")) from None
    if example.values is None:
        return values
    table = np.zeros(2**16, dtype=np.uint16)
    for value, id_ in example.values.items():
        table[value] = id_
    return np.take(table, values)
