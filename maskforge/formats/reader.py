"""From files and folders to annotated images: discovery, detection, reading, image sizes."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from maskforge.choices import SizeMismatch
from maskforge.errors import AnnotationError, FormatError, OptionError
from maskforge.files import PathLike, as_path, as_paths, as_text, is_text, walk
from maskforge.formats.base import Format, ReadContext, Recognition
from maskforge.formats.frame import embedded_image, settle
from maskforge.formats.jsonio import Document, load
from maskforge.formats.registry import FORMATS, get_format
from maskforge.images.annotated_image import AnnotatedImage
from maskforge.images.finder import IMAGE_SUFFIXES, ImageFinder
from maskforge.issues import Code, Issue, Level, Origin

SUFFIXES = (".vott", ".json", ".csv")
"""Suffixes of the files that are looked at in a folder, in the order in which they are read."""


@dataclass(frozen=True, slots=True)
class Detection:
    """What kind of annotation file something is.

    Attributes:
        format: Name of the format.
        variant: Which of the format's files it is.
        reason: The keys that decided.
        auxiliary: The file holds no images itself; the files around it use it.
    """

    format: str
    variant: str
    reason: str
    auxiliary: bool = False


def detect(path: PathLike) -> Detection:
    """Tell which format an annotation file has, by its keys.

    Raises:
        FormatError: If the file cannot be decoded, or fits no format or several. The message
            says for every format what is missing.

    Examples:
        >>> mf.detect("samples/vott/caries.vott").format
        'vott'
    """
    document = load(as_path(path))
    format_, recognition = _recognize(document, [get_format(name) for name in FORMATS])
    return Detection(format_.name, recognition.variant, recognition.reason, recognition.auxiliary)


def _recognize(document: Document, formats: Sequence[Format]) -> tuple[Format, Recognition]:
    answers = [(format_, format_.recognize(document)) for format_ in formats]
    matches = [(format_, answer) for format_, answer in answers if answer.variant]
    if len(matches) == 1:
        return matches[0]
    if matches:
        names = " and ".join(f"{format_.name} ({answer.reason})" for format_, answer in matches)
        raise FormatError(
            Code.AMBIGUOUS_FORMAT,
            f"fits {names}",
            origin=document.origin,
            hint="choose with --format",
        )
    reasons = "; ".join(f"not {format_.name}: {answer.reason}" for format_, answer in answers)
    raise FormatError(
        Code.UNKNOWN_FORMAT,
        reasons,
        origin=document.origin,
        hint="`maskforge formats` lists the files that are read",
    )


class AnnotationReader:
    """Iterable over the annotated images of one or more sources; each iteration reads anew.

    One image is held in memory at a time. What happens on the way is kept here.

    Attributes:
        issues: Findings about whole files, filled while iterating. Findings about images and
            records are in each image's own ``issues``.
        files_read: Annotation files of which images were read, or that helped to read others.
    """

    def __init__(
        self,
        sources: PathLike | Iterable[PathLike],
        *,
        format: str = "auto",  # noqa: A002 - the option is called so everywhere
        images: PathLike | None = None,
        size_mismatch: SizeMismatch = "error",
        embedded: bool = False,
    ) -> None:
        self._sources = as_paths(sources)
        names = FORMATS if format == "auto" else (format,)
        self._formats = [get_format(name) for name in names]
        self._images = as_path(images) if images is not None else None
        self._size_mismatch = size_mismatch
        self._embedded = embedded
        self.issues: list[Issue] = []
        self.files_read: list[Path] = []
        self._unusable: set[Path] = set()
        for path in (*self._sources, *filter(None, [self._images])):
            _check_source(path)
        if self._images is not None and not self._images.is_dir():
            raise OptionError(f"{self._images} is not a folder")

    def __iter__(self) -> Iterator[AnnotatedImage]:
        """Read all sources from the start.

        Yields:
            Every image that a source knows, including those that are not visited or that cannot
            be used (see ``AnnotatedImage.refusal``).
        """
        _keep_freed_memory()
        self.issues.clear()
        self.files_read.clear()
        self._unusable.clear()
        claimed: set[Path] = set()
        visited: set[str] = set()
        seen: dict[tuple[str, str], Origin] = {}
        for source in self._sources:
            root = source if source.is_dir() else source.parent
            context = ReadContext(
                ImageFinder(self._images, root), self.issues.append, claimed, seen
            )
            # Sources may overlap, and spell the same path in different ways.
            visited.update(map(os.path.realpath, claimed))
            for path in self._files(source):
                if path in claimed or (visited and os.path.realpath(path) in visited):
                    continue
                claimed.add(path)
                yield from self._read_file(path, context, root, named=path == source)
        self.files_read.extend(sorted(claimed.difference(self.files_read, self._unusable)))

    def _files(self, source: Path) -> Iterator[Path]:
        if not source.is_dir():
            yield source
            return
        for folder, names in walk(source, self._report_unreadable):
            paths = [path for name in names if (path := folder / name).suffix.lower() in SUFFIXES]
            for path in sorted(paths, key=lambda one: (SUFFIXES.index(one.suffix.lower()), one)):
                if not is_text(path):
                    self._report_unreadable(Path(as_text(path)), "the name is not valid Unicode")
                elif os.path.exists(path) and not os.path.isfile(path):  # noqa: PTH110, PTH113 - never raise
                    self._report_unreadable(path, "it is not a file")  # a pipe would never end
                else:
                    yield path

    def _report_unreadable(self, path: Path, reason: str) -> None:
        self.issues.append(Issue(Code.UNREADABLE_FILE, f"cannot be read: {reason}", Origin(path)))

    def _read_file(
        self, path: Path, context: ReadContext, root: Path, *, named: bool
    ) -> Iterator[AnnotatedImage]:
        try:
            if path.suffix.lower() in IMAGE_SUFFIXES:
                raise FormatError(
                    Code.UNKNOWN_FORMAT,
                    "is an image",
                    origin=Origin(path),
                    hint="name its annotation file, or the folder of both",
                )
            document = load(path)
            format_, recognition = _recognize(document, self._formats)
            context.claimed.add(path)
            self.files_read.append(path)
            if recognition.auxiliary:
                return
            self.issues.extend(document.issues)
            folder = path.parent.relative_to(root).as_posix()
            for record in format_.read(document, context):
                image, shapes, issues = settle(record, context.images, self._size_mismatch)
                wanted = self._embedded and image.file is None and image.size is not None
                embedded = embedded_image(record, issues) if wanted else None
                yield AnnotatedImage(
                    image,
                    shapes,
                    record.state,
                    format_.name,
                    record.origin,
                    "" if folder == "." else folder,
                    record.tags,
                    tuple(issues),
                    embedded,
                    record.extra,
                )
        except AnnotationError as error:
            self._unusable.add(path)
            # A file that somebody named must be read; one that a folder holds may be anything.
            self.issues.append(error.issue(Level.REFUSED if named else None))
        except MemoryError:
            self._unusable.add(path)
            self._report_unreadable(path, "there is not enough memory")


def _check_source(path: Path) -> None:
    """Make sure that a path can be read, and be written about."""
    try:
        path.stat()
    except FileNotFoundError:
        raise OptionError(f"{as_text(path)} does not exist") from None
    except (OSError, ValueError) as error:  # no permission; too long; with a NUL
        reason = getattr(error, "strerror", None) or error
        raise OptionError(f"{as_text(path)} cannot be read: {reason}") from None


@functools.cache  # once is enough for the whole process
def _keep_freed_memory() -> None:
    """Let the next image use the memory of the last one.

    glibc returns large blocks to the system, and then every 4 KiB of the next file or mask cost a
    page fault: a quarter of the time if images are embedded. After it has freed a block of up to
    32 MiB it keeps all smaller ones (mallopt(3), M_MMAP_THRESHOLD). Nothing of this one is touched,
    so it takes no memory; elsewhere it does nothing.
    """
    bytearray(2**24)


def read(
    sources: PathLike | Iterable[PathLike],
    *,
    format: str = "auto",  # noqa: A002 - the option is called so everywhere
    images: PathLike | None = None,
    size_mismatch: SizeMismatch = "error",
    embedded: bool = False,
) -> AnnotationReader:
    """Read annotations of any known format, one image at a time.

    Args:
        sources: Annotation files, or folders that are searched with all their sub-folders.
        format: Name of a format, or ``auto`` to tell every file's format by its keys.
        images: Folder in which the images are looked for, with all its sub-folders, when they
            are not where the annotation file says.
        size_mismatch: What to do if the annotation file and the image name different sizes that
            no EXIF orientation explains: ``error`` refuses the image; ``scale`` scales the
            coordinates if both sides have the same ratio within 1 %.
        embedded: Whether to decode images that are embedded in annotation files and found nowhere
            else; see ``AnnotatedImage.embedded``.

    Returns:
        An iterable of [`AnnotatedImage`][maskforge.AnnotatedImage]; findings about whole files are
        in its ``issues``.

    Raises:
        OptionError: If a source or folder does not exist or the format is unknown.

    Examples:
        >>> for image in mf.read("samples/labelme"):
        ...     print(image.image.name, image.image.size, len(image.shapes))
        bitewing-01.jpg 576 x 432 44
        bitewing-02.jpg 576 x 432 43
        bitewing-03.jpg 576 x 432 36
        bitewing-04.jpg 576 x 432 0
    """
    return AnnotationReader(
        sources, format=format, images=images, size_mismatch=size_mismatch, embedded=embedded
    )
