"""Reading a part of the annotation files: what any process can do for the one that joins them."""

from __future__ import annotations

import contextlib
import itertools
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from maskforge.choices import Progress
from maskforge.dataset.spool import IMAGES_OF_PART, ImageSpool, SpooledPart, write_part
from maskforge.files import aside_of
from maskforge.formats.files_read import FilesRead
from maskforge.formats.reader import AnnotationReader, ReadAhead, finder_of, read_alone
from maskforge.images.annotated_image import AnnotatedImage
from maskforge.images.finder import ImageFinder
from maskforge.masks.class_source import grouped_by, labeled_by
from maskforge.processes.worker_pool import WorkerPool

FILES_OF_PART = 32
_MOST_IMAGES = 8 * IMAGES_OF_PART
"""Of more images in these files, all are read by one process, which holds few at a time."""


@dataclass(slots=True)
class LabelCount:
    """The labels of images, before there are classes.

    Attributes:
        class_from: Key of a shape's record that holds its label; empty for the label itself.
        instances_from: Key that tells which object a shape belongs to; empty for its group.
        unlabeled: Label of shapes that have none, or None.
        labels: Number of shapes by label.
        shapes: Number of shapes.
        labeled: Number of those with a label.
        grouped: Number of those that belong to an object.
    """

    class_from: str
    instances_from: str
    unlabeled: str | None
    labels: Counter[str] = field(default_factory=Counter)
    shapes: int = 0
    labeled: int = 0
    grouped: int = 0

    def add(self, read: AnnotatedImage) -> AnnotatedImage:
        """Count the labels of an image, and return it with these labels and groups."""
        # While all is there that its records hold.
        image = grouped_by(labeled_by(read, self.class_from), self.instances_from)
        self.labels.update(self._labels(image))
        self.shapes += len(image.shapes)
        self.labeled += sum(bool(shape.labels) for shape in image.shapes)
        self.grouped += sum(shape.instance is not None for shape in image.shapes)
        return image

    def update(self, later: LabelCount) -> None:
        """Add what was counted in images that come later."""
        self.labels.update(later.labels)
        self.shapes += later.shapes
        self.labeled += later.labeled
        self.grouped += later.grouped

    def _labels(self, image: AnnotatedImage) -> Iterator[str]:
        """Yield every label that drawing the image will look up."""
        for shape in image.shapes:
            if shape.labels:
                yield from shape.labels
            elif self.unlabeled is not None:
                yield self.unlabeled


@dataclass(frozen=True, slots=True)
class ReadTask:
    """Files to be read by any process.

    Attributes:
        reader: Has read nothing.
        source: The source of the files.
        files: The files.
        count: Has counted nothing.
        target: Like what the file of their images is called, in a folder that no other run uses.
        whole: Whether they keep what ``ImageSpool`` drops.
    """

    reader: AnnotationReader
    source: Path
    files: Sequence[Path]
    count: LabelCount
    target: Path
    whole: bool


@dataclass(frozen=True, slots=True)
class FilesPart:
    """What became of some files."""

    read: FilesRead
    part: SpooledPart
    count: LabelCount


def read_part(task: ReadTask) -> FilesPart | None:
    """Read some files; None if that cannot be done apart from all others.

    Raises:
        MaskforgeError: If their images cannot be held, or an option cannot be used.
    """
    images: list[AnnotatedImage] = []
    finder = _finder(task.reader, task.target.parent)
    reading = read_alone(task.reader, task.source, task.files, finder)
    while True:
        try:
            images.append(task.count.add(next(reading)))
        except StopIteration as end:
            read: FilesRead | None = end.value
            break
        if len(images) > _MOST_IMAGES:
            return None
    if read is None:
        return None
    # Another worker may be doing the same for a cluster that has lost sight of this one.
    part = write_part(aside_of(task.target), images, whole=task.whole)
    return FilesPart(read, part, task.count)


def reading_ahead(
    pool: WorkerPool, spool: ImageSpool, count: LabelCount, progress: Progress
) -> ReadAhead:
    """Return what has files read by other processes.

    Args:
        pool: The processes.
        spool: Takes the images.
        count: Counts their labels.
        progress: Called after every part.
    """
    numbers = itertools.count()

    def read_ahead(
        reader: AnnotationReader, source: Path, files: Sequence[Path]
    ) -> Generator[FilesRead | None]:
        if not pool.is_worth(len(files)):
            return
        folder = spool.split()
        tasks = (
            ReadTask(
                reader,
                source,
                files[first : first + FILES_OF_PART],
                LabelCount(count.class_from, count.instances_from, count.unlabeled),
                folder / f"read-{next(numbers)}",
                spool.whole,
            )
            for first in range(0, len(files), FILES_OF_PART)
        )
        with contextlib.closing(pool.in_order(read_part, tasks, _drop)) as parts:
            for one in parts:
                if one is not None:
                    spool.adopt(one.part)
                    count.update(one.count)
                    progress("reading", len(spool), None)
                yield None if one is None else one.read

    return read_ahead


def _drop(part: FilesPart | None) -> None:
    """Remove the images of a part that nobody takes."""
    if part is not None:
        part.part.file.unlink(missing_ok=True)


_finders: dict[Path, ImageFinder] = {}


def _finder(reader: AnnotationReader, run: Path) -> ImageFinder:
    """Return what finds images, which has searched their folders already in an earlier part."""
    finder = _finders.get(run)
    if finder is None:
        finder = finder_of(reader)
        _finders.clear()
        _finders[run] = finder
    return finder
