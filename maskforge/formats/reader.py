"""From files and folders to annotated images: discovery, detection, reading, image sizes."""

from __future__ import annotations

import contextlib
import copy
import functools
import os
from collections import deque
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TypeAlias

from maskforge.choices import SizeMismatch
from maskforge.errors import (
    AnnotationError,
    FormatError,
    LimitError,
    OptionError,
    shorten,
)
from maskforge.files import (
    MACOS_FOLDER,
    UNNAMEABLE,
    PathLike,
    as_paths,
    as_text,
    is_text,
    read_bytes,
    walk,
)
from maskforge.formats.base import Format, ImageRecord, ReadContext
from maskforge.formats.codepages import CodePages, check_text_encoding
from maskforge.formats.detection import recognized_documents
from maskforge.formats.files_read import FilesRead
from maskforge.formats.frame import embedded_image, settle
from maskforge.formats.jsonio import Document, is_cut_off, kind_of
from maskforge.formats.pixels import PixelNames
from maskforge.formats.registry import FORMATS, get_format
from maskforge.images.annotated_image import AnnotatedImage
from maskforge.images.claims import Claims
from maskforge.images.finder import ImageFinder
from maskforge.images.suffixes import IMAGE_SUFFIXES, is_image_name
from maskforge.issues import Code, Issue, Level, Origin
from maskforge.limits.allowance import Allowance, Limit
from maskforge.shapes import Size

_FIRST, _LAST = ".vott", ".csv"
_PROBED = 32
"""After so many files that have to do with none but their images, other processes may read on."""

_ONLY_IF_CHOSEN = IMAGE_SUFFIXES | {".txt"}
_SHARED_SUFFIXES = frozenset((".xml", ".yaml", ".yml", *_ONLY_IF_CHOSEN))
"""Many programs write such files: those that no format knows are passed over without a word."""


class AnnotationReader:
    """Iterable over the annotated images of one or more sources; each iteration reads anew.

    One image is held in memory at a time. What happens on the way is kept here.

    Attributes:
        issues: Findings about whole files, filled while iterating. Findings about images and
            records are in each image's own ``issues``.
        files_read: Annotation files of which images were read, or that helped to read others.
        claims: Which annotations have found which image.
    """

    def __init__(
        self,
        sources: PathLike | Iterable[PathLike],
        *,
        format: str = "auto",  # noqa: A002 - the option is called so everywhere
        images: PathLike | Iterable[PathLike] | None = None,
        allow_outside_images: bool = False,
        size: tuple[int, int] | None = None,
        size_mismatch: SizeMismatch = "error",
        embedded: bool = False,
        text_encoding: str | None = None,
        mask_values: Mapping[str, str] | None = None,
        mask_tolerance: int | None = None,
    ) -> None:
        check_text_encoding(text_encoding)
        self._sources = as_paths(sources)
        names = FORMATS if format == "auto" else (format,)
        self._formats = [get_format(name) for name in names]
        self._suffixes = frozenset(
            suffix
            for one in self._formats
            for suffix in one.suffixes
            if format != "auto" or suffix not in _ONLY_IF_CHOSEN
        )
        self._images = as_paths(images) if images is not None else []
        self._allow_outside_images = allow_outside_images
        self._size = _as_size(size)
        self._size_mismatch = size_mismatch
        self._embedded = embedded
        self._text_encoding = text_encoding
        self._mask_names = PixelNames.of(mask_values or {})
        self._mask_tolerance = mask_tolerance
        self.issues: list[Issue] = []
        self.files_read: list[Path] = []
        self.claims = Claims()
        self._unusable: set[Path] = set()
        for path in (*self._sources, *self._images):
            _check_source(path)
        for path in self._images:
            if not path.is_dir():
                raise OptionError(f"{path} is not a folder")

    def __iter__(self) -> Iterator[AnnotatedImage]:
        """Read all sources from the start.

        Yields:
            Every image that a source knows, including those that are not visited or that cannot
            be used (see ``AnnotatedImage.refusal``).
        """
        return self._read(None)

    def _read(self, ahead: ReadAhead | None) -> Iterator[AnnotatedImage]:
        _keep_freed_memory()
        self.issues.clear()
        self.files_read.clear()
        self._unusable.clear()
        self.claims.clear()
        images = finder_of(self)
        claimed: set[Path] = set()
        passed = 0  # of those claimed, the files that were read for themselves
        visited: set[str] = set()
        seen: dict[tuple[str, str], Origin] = {}
        for source in self._sources:
            files, hidden = self._files(source)
            code_pages = CodePages(self._text_encoding, functools.partial(_small, files))
            context = self._context(source, claimed, seen, code_pages)
            # Sources may overlap, and spell the same path in different ways.
            visited.update(map(os.path.realpath, claimed))
            remaining = deque(files)
            count, next_try = 0, _PROBED
            while remaining:
                path = remaining.popleft()
                if path in claimed or (visited and os.path.realpath(path) in visited):
                    continue
                claimed.add(path)
                passed += 1
                for read in self._read_file(path, context, images, named=path == source):
                    yield self.claims.checked(read)
                count += 1
                if ahead is not None and count == next_try:
                    next_try *= 2  # looking at all that remains takes time
                    is_alone = passed == len(claimed) and not (context.seen or context.memory)
                    if is_alone and not visited and claimed.isdisjoint(remaining):
                        self._read_ahead(ahead, source, remaining, claimed)
                        passed = len(claimed)
            if hidden:
                text = f"hidden files and folders of annotations that are passed over: {hidden}"
                self.issues.append(Issue(Code.HIDDEN_FILES, text, Origin(source, "")))
        self.files_read.extend(sorted(claimed.difference(self.files_read, self._unusable)))

    def _read_ahead(
        self, ahead: ReadAhead, source: Path, remaining: deque[Path], claimed: set[Path]
    ) -> None:
        with contextlib.closing(ahead(self._again(), source, list(remaining))) as parts:
            for part in parts:
                if part is None:
                    return
                # A path from another process is a second one in memory.
                own = {one: one for one in (remaining.popleft() for _ in range(part.files))}
                claimed.update(own)
                self.issues.extend(part.issues)
                self.files_read.extend(own[one] for one in part.files_read)
                self._unusable |= part.unusable
                self.claims.update(part.claims)

    def _again(self) -> AnnotationReader:
        """Return a reader of the same sources that has read nothing, light to send."""
        reader = copy.copy(self)
        reader.issues, reader.files_read = [], []
        reader.claims, reader._unusable = Claims(), set()
        return reader

    def _context(
        self,
        source: Path,
        claimed: set[Path],
        seen: dict[tuple[str, str], Origin],
        code_pages: CodePages,
    ) -> ReadContext:
        return ReadContext(
            source if source.is_dir() else source.parent,
            self.issues.append,
            claimed,
            seen,
            code_pages=code_pages,
            mask_names=self._mask_names,
            mask_tolerance=self._mask_tolerance,
        )

    def _files(self, source: Path) -> tuple[list[Path], int]:
        """Return the files of a source in the order of reading, and how many are hidden.

        Tables come last: they hold less than the other files of a project, wherever these lie.
        """
        if not source.is_dir():
            return [source], 0
        hidden: list[Path] = []
        files: list[Path] = []
        for folder, names in walk(source, self._report_unreadable, hidden.append):
            paths = [folder / name for name in names if _suffix(name) in self._suffixes]
            for path in sorted(paths, key=lambda one: (_suffix(one.name) != _FIRST, one)):
                if not is_text(path):
                    self._report_unreadable(Path(as_text(path)), UNNAMEABLE)
                elif os.path.exists(path) and not os.path.isfile(path):  # noqa: PTH110, PTH113 - never raise
                    self._report_unreadable(path, "it is not a file")  # a pipe would never end
                else:
                    files.append(path)
        files.sort(key=lambda path: _suffix(path.name) == _LAST)
        return files, sum(_may_be_annotated(path, self._suffixes) for path in hidden)

    def _report_unreadable(self, path: Path, reason: str) -> None:
        self.issues.append(Issue(Code.UNREADABLE_FILE, f"cannot be read: {reason}", Origin(path)))

    def _read_file(
        self, path: Path, context: ReadContext, images: ImageFinder, *, named: bool
    ) -> Iterator[AnnotatedImage]:
        try:
            if is_image_name(path.name) and _suffix(path.name) not in self._suffixes:
                raise FormatError(
                    Code.UNKNOWN_FORMAT,
                    "is an image",
                    origin=Origin(path),
                    hint="name its annotation file, or the folder of both",
                )
            document = context.load(path)
            format_, recognition, documents = recognized_documents(document, self._formats)
            context.claimed.add(path)
            self.files_read.append(path)
            if recognition.auxiliary:
                return
            self.issues.extend(document.issues)
            if documents[0].is_item:
                text = f"a list of {len(documents)} documents instead of one"
                self.issues.append(Issue(Code.LENIENT, text, document.origin))
            folders = path.parent.relative_to(context.source).parts
            for record in self._records(format_, documents, context):
                image, shapes, issues = settle(
                    record, images, context.source, self._size_mismatch, self._size
                )
                wanted = self._embedded and image.file is None and image.size is not None
                embedded = embedded_image(record, issues) if wanted else None
                if embedded is not None:
                    image = replace(image, match="extracted")
                annotated = AnnotatedImage(
                    image,
                    shapes,
                    record.state,
                    format_.name,
                    record.origin,
                    "/".join(one for one in folders if one.lower() not in record.own_folders),
                    record.tags,
                    tuple(issues),
                    embedded,
                    record.extra,
                )
                is_size_known = record.declared is not None
                self.claims.add(annotated, record.written, is_size_known=is_size_known)
                yield annotated
        except AnnotationError as error:
            unknown = error.code in (Code.UNKNOWN_FORMAT, Code.UNREADABLE_FILE)
            is_shared = _suffix(path.name) in _SHARED_SUFFIXES
            self._unusable.add(path)
            if unknown and is_shared and not named and not self._is_annotation(path):
                if self.files_read[-1:] == [path]:
                    self.files_read.pop()
                return
            # A file that somebody named must be read; one that a folder holds may be anything.
            level = None
            if named:
                level = Level.REFUSED
            elif error.code is Code.UNREADABLE_FILE and not self._is_annotation(path):
                level = Level.SKIPPED
            self.issues.append(error.issue(level))
        except MemoryError:
            self._unusable.add(path)
            self._report_unreadable(path, "there is not enough memory")

    def _records(
        self, format_: Format, documents: Iterable[Document], context: ReadContext
    ) -> Iterator[ImageRecord]:
        for document in documents:
            answer = format_.recognize(document)
            if answer.variant and not answer.auxiliary:
                yield from format_.read(document, context)
            else:
                text = f"not {format_.name} as the first of the list: {answer.reason}"
                self.issues.append(Issue(Code.INVALID_FILE, text, document.origin))

    def _is_annotation(self, path: Path) -> bool:
        """Tell whether a file that cannot be decoded was meant to be an annotation file."""
        if _suffix(path.name) == _FIRST:
            return True
        if is_image_name(path.name):
            return False
        try:
            content = read_bytes(path)
        except (OSError, MemoryError):
            return True
        if kind_of(path) == ".json" and is_cut_off(content):
            return True
        marks = [mark.encode() for format_ in self._formats for mark in format_.marks]
        content = path.name.encode() + content.replace(b"\0", b"")  # UTF-16, as far as it matters
        return any(mark in content for mark in marks) or any(
            path.with_suffix(suffix).exists() for suffix in IMAGE_SUFFIXES
        )


ReadAhead: TypeAlias = Callable[
    [AnnotationReader, Path, Sequence[Path]], Generator[FilesRead | None, None, None]
]
"""Has files of a source read by other processes, with ``read_alone``.

Yields what became of the files, some at a time, in their order, without the images; None if the
next ones cannot be read apart from all others, and nothing after it.
"""


def read_with(reader: AnnotationReader, ahead: ReadAhead | None) -> Iterator[AnnotatedImage]:
    """Iterate over a reader with the help of other processes.

    Args:
        reader: The reader.
        ahead: Reads what can be read apart from the rest. Images of these files are not yielded.
    """
    return reader._read(ahead)


def read_alone(
    reader: AnnotationReader, source: Path, files: Sequence[Path], images: ImageFinder
) -> Generator[AnnotatedImage, None, FilesRead | None]:
    """Read some files of a source as if there were no others.

    Args:
        reader: Has read nothing.
        source: A folder.
        files: Files in it.
        images: From ``finder_of``.

    Yields:
        Their images, which other files may turn out to claim as well.

    Returns:
        What else became of them; None if other files have to do with them, so that all that was
        read does not count.
    """
    _keep_freed_memory()
    others: list[Path] = []

    def asked() -> Iterator[Path]:
        others.append(source)
        return iter(())

    context = reader._context(source, set(), {}, CodePages(reader._text_encoding, asked))
    for path in files:
        context.claimed.add(path)
        yield from reader._read_file(path, context, images, named=False)
    own = set(files)
    elsewhere = context.claimed != own or any(one.origin.file not in own for one in reader.issues)
    if others or context.memory or context.seen or elsewhere:
        return None
    return FilesRead(len(files), reader.issues, reader.files_read, reader._unusable, reader.claims)


def finder_of(reader: AnnotationReader) -> ImageFinder:
    """Return what finds the images of all sources of a reader."""
    sources = reader._sources
    roots = [source if source.is_dir() else source.parent for source in sources]
    return ImageFinder(reader._images, roots, allow_outside=reader._allow_outside_images)


def _small(files: Iterable[Path]) -> Iterator[Path]:
    """Yield the files that are not too large to be read."""
    for path in files:
        with contextlib.suppress(OSError, LimitError):
            Allowance(Limit.FILE_BYTES).take(path.stat().st_size)
            yield path


def _suffix(name: str) -> str:
    return PurePosixPath(name).suffix.lower()


def _may_be_annotated(path: Path, suffixes: Collection[str]) -> bool:
    """Tell whether somebody could miss a hidden file, or what is in a hidden folder."""
    with contextlib.suppress(OSError):
        if path.is_dir():
            return path.name == MACOS_FOLDER or any(
                _suffix(one.name) in suffixes for one in path.iterdir()
            )
    return _suffix(path.name) in suffixes


def _as_size(size: tuple[int, int] | None) -> Size | None:
    if size is None:
        return None
    sides = tuple(size) if isinstance(size, (tuple, list)) else ()
    if len(sides) != 2 or not all(type(side) is int and side > 0 for side in sides):
        raise OptionError(
            f"size cannot be {shorten(size)}", hint="give width and height in pixels, as (640, 480)"
        )
    return Size(*sides)


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
    images: PathLike | Iterable[PathLike] | None = None,
    allow_outside_images: bool = False,
    size: tuple[int, int] | None = None,
    size_mismatch: SizeMismatch = "error",
    embedded: bool = False,
    text_encoding: str | None = None,
    mask_values: Mapping[str, str] | None = None,
    mask_tolerance: int | None = None,
) -> AnnotationReader:
    """Read annotations of any known format, one image at a time.

    Args:
        sources: Annotation files, or folders that are searched with all their sub-folders.
        format: Name of a format, or ``auto`` to tell every file's format by its keys.
        images: Folder or folders in which the images are looked for, with all sub-folders, when
            they are not where the annotation file says.
        allow_outside_images: Whether the paths in annotation files may lead out of the sources and
            of ``images``.
        size: Width and height of images of which nothing tells the size.
        size_mismatch: What to do if the annotation file and the image name different sizes that
            no EXIF orientation explains: ``error`` refuses the image; ``scale`` scales the
            coordinates if both sides have the same ratio within 1 %.
        embedded: Whether to decode images that are embedded in annotation files and found nowhere
            else; see ``AnnotatedImage.embedded``.
        text_encoding: Code page of files that are not UTF-8, such as ``gb18030``. Without it they
            are read only if all files of the source fit one code page, and one alone.
        mask_values: Labels of the values and colors of masks that are read as annotations, such as
            ``{"1": "caries", "#ff0040": "caries", "0": "background", "255": "void"}``, where no
            file beside them says it.
        mask_tolerance: By how much a channel of a pixel may differ from the nearest value or color
            that has a label, so that JPEG masks are read; None refuses them.

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
        sources,
        format=format,
        images=images,
        allow_outside_images=allow_outside_images,
        size=size,
        size_mismatch=size_mismatch,
        embedded=embedded,
        text_encoding=text_encoding,
        mask_values=mask_values,
        mask_tolerance=mask_tolerance,
    )
