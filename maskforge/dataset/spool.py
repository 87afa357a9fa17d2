"""Annotated images parked between reading and drawing: in memory while few, then on disk."""

from __future__ import annotations

import contextlib
import copyreg
import operator
import pickle
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from maskforge.errors import OutputError
from maskforge.images.annotated_image import AnnotatedImage
from maskforge.issues import Issue, Origin
from maskforge.shapes import Area, Bitmap, PointSet, Polygon, Polyline, Shape

_BYTES_IN_MEMORY = 16 * 2**20

IMAGES_OF_PART = 32
"""So many are drawn by another process at a time."""

_IMAGE_BYTES, _SHAPE_BYTES, _ISSUE_BYTES = 2000, 1200, 600
"""What Python needs for one, beside the coordinates, pixels and texts in it."""


def _by_call(class_: type[Any]) -> Callable[[Any], tuple[Any, ...]]:
    """Return how to pickle a dataclass as a call of it: twice as fast as by its slots."""
    first, *others = [field.name for field in fields(class_)]
    values = operator.attrgetter(first, *others)
    return lambda one: (class_, values(one) if others else (values(one),))


_DISPATCH = copyreg.dispatch_table | {
    class_: _by_call(class_) for class_ in (AnnotatedImage, Area, Issue, Origin, Polygon, Shape)
}


def _drawn_alone(image: AnnotatedImage) -> AnnotatedImage:
    """Return an image without what it and its shapes hold in ``extra`` and ``primitive``."""
    shapes = [
        Shape(
            one.labels,
            one.geometry,
            one.kind,
            one.origin,
            one.instance,
            one.converted,
            label_issue=one.label_issue,
        )
        for one in image.shapes
    ]
    return replace(image, shapes=tuple(shapes), extra={})


def _bytes_of(image: AnnotatedImage) -> int:
    """Return about how much memory an image takes that has nothing else."""
    count = _IMAGE_BYTES + len(image.embedded or b"") + sum(map(len, image.tags))
    for shape in image.shapes:
        count += _SHAPE_BYTES + sum(map(len, shape.labels)) + len(shape.instance or "")
        match shape.geometry:
            case Area(parts):
                count += sum(ring.nbytes for part in parts for ring in part.rings)
            case Bitmap(_, _, pixels):
                count += pixels.nbytes
            case Polyline(points) | PointSet(points):
                count += points.nbytes
    return count + sum(_ISSUE_BYTES + len(issue.message) for issue in image.issues)


@dataclass(frozen=True, slots=True)
class SpooledPart:
    """Some images in a file of their own, which other processes can read.

    Attributes:
        file: The images, one after the other.
        count: How many they are.
        heads: Where in the file, behind the images, ``read_heads`` finds what it returns.
    """

    file: Path
    count: int
    heads: int

    def read_heads(self) -> list[tuple[int, AnnotatedImage]]:
        """Return where each begins in the file, and what is known of it but shapes and findings."""
        with self.file.open("rb") as stream:
            stream.seek(self.heads)
            heads: list[tuple[int, AnnotatedImage]] = pickle.load(stream)
            return heads

    def images(self) -> Iterator[AnnotatedImage]:
        """Yield the images."""
        with self.file.open("rb") as stream:
            for _ in range(self.count):
                image: AnnotatedImage = pickle.load(stream)
                yield image


def read_spooled(file: Path, place: int) -> AnnotatedImage:
    """Return one image of a part.

    Args:
        file: That of the part.
        place: Where it begins.
    """
    with file.open("rb") as stream:
        stream.seek(place)
        image: AnnotatedImage = pickle.load(stream)
        return image


def write_part(file: Path, images: Sequence[AnnotatedImage], *, whole: bool) -> SpooledPart:
    """Write images to a new file.

    Args:
        file: The file.
        images: The images.
        whole: As for ``ImageSpool``.

    Raises:
        OutputError: If the disk is full.
    """
    heads = []
    try:
        with file.open("xb") as stream:
            for image in images:
                heads.append((stream.tell(), head_of(image)))
                _store(image, stream, whole=whole)
            end = stream.tell()
            pickle.dump(heads, stream, pickle.HIGHEST_PROTOCOL)
    except OSError as error:
        raise _full(error, file.parent) from None
    return SpooledPart(file, len(images), end)


def head_of(image: AnnotatedImage) -> AnnotatedImage:
    """Return an image without shapes, findings and content: what tells it from others."""
    return AnnotatedImage(image.image, (), image.state, image.format, image.origin, image.folder)


def _store(image: AnnotatedImage, stream: IO[bytes], *, whole: bool) -> None:
    if whole:
        start = stream.tell()
        with contextlib.suppress(RecursionError):
            _dump(image, stream)
            return
        stream.seek(start)
        stream.truncate()
    _dump(_drawn_alone(image), stream)


def _dump(image: AnnotatedImage, stream: IO[bytes]) -> None:
    pickler = pickle.Pickler(stream, protocol=pickle.HIGHEST_PROTOCOL)
    pickler.dispatch_table = _DISPATCH
    pickler.dump(image)


def _full(error: OSError, folder: Path) -> OutputError:
    return OutputError(
        f"cannot hold what was read: {error.strerror or error}",
        origin=Origin(folder, ""),
        hint="free some space, or set TMPDIR to another folder",
    )


class ImageSpool:
    """Keeps images in their order, in bounded memory: as they are while few, then in a file.

    Classes are known only when everything has been read, and nothing may be drawn before; the
    spool saves reading every file twice. Its file is private, temporary and already deleted, unless
    it is split into parts for other processes.
    """

    def __init__(self, *, whole: bool = False, shared: Path | None = None) -> None:
        """Hold nothing yet.

        Args:
            whole: Whether to keep what images and shapes hold in ``extra`` and ``primitive``, too,
                unless it is nested too deep.
            shared: Folder for the files of parts; None for one of this machine.
        """
        self.whole = whole
        self._shared = shared
        self._held: list[AnnotatedImage] | None = None if whole else []
        self._bytes_held = 0
        self._file = tempfile.SpooledTemporaryFile(max_size=_BYTES_IN_MEMORY)  # noqa: SIM115 - closed in __exit__
        self._stored = 0
        self._folder: Path | None = None
        self._temporary = contextlib.ExitStack()
        self._parts: list[SpooledPart] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()
        self._temporary.close()

    def __len__(self) -> int:
        return sum(one.count for one in self._parts) + self._stored + len(self._held or ())

    def append(self, image: AnnotatedImage) -> None:
        """Park one more image, without what it and its shapes hold in ``extra``.

        Raises:
            OutputError: If the disk is full.
        """
        if not self.whole:
            image = _drawn_alone(image)
        if self._held is None:
            self._store(image)
            return
        self._held.append(image)
        self._bytes_held += _bytes_of(image)
        are_many = self._bytes_held > _BYTES_IN_MEMORY
        if self._folder is not None:
            if are_many or len(self._held) == IMAGES_OF_PART:
                self._write_part()
        elif are_many:
            for one in self._held:
                self._store(one)
            self._held = None

    def _store(self, image: AnnotatedImage) -> None:
        self._stored += 1
        try:
            _store(image, self._file, whole=self.whole)
        except OSError as error:
            raise _full(error, Path(tempfile.gettempdir())) from None

    def split(self) -> Path:
        """Keep images in parts from now on, each a file of its own.

        Returns:
            The folder of these files, which is removed in the end.

        Raises:
            OutputError: If the disk is full.
        """
        if self._folder is None:
            earlier = self._unsplit()
            self._folder = self._shared or self._new_folder()
            self._held, self._bytes_held, self._stored = [], 0, 0
            for image in earlier:
                self.append(image)
        return self._folder

    def _new_folder(self) -> Path:
        folder = tempfile.TemporaryDirectory(prefix="maskforge-")
        return Path(self._temporary.enter_context(folder))

    def adopt(self, part: SpooledPart) -> None:
        """Park the images of a part that another process has written."""
        self._write_part()
        self._parts.append(part)

    def parts(self) -> list[SpooledPart]:
        """Return all images, split into parts.

        Raises:
            OutputError: If the disk is full.
        """
        self.split()
        self._write_part()
        return self._parts

    def _write_part(self) -> None:
        if self._held:
            assert self._folder is not None
            file = self._folder / f"own-{len(self._parts)}"
            self._parts.append(write_part(file, self._held, whole=self.whole))
            self._held, self._bytes_held = [], 0

    def __iter__(self) -> Iterator[AnnotatedImage]:
        """Iterate over all images from the first one on."""
        for part in self._parts:
            yield from part.images()
        yield from self._unsplit()

    def _unsplit(self) -> Iterable[AnnotatedImage]:
        """Return the images that are in no part."""
        return self._in_file(self._stored) if self._held is None else self._held

    def _in_file(self, count: int) -> Iterator[AnnotatedImage]:
        place = 0  # more than one may read at the same time
        for _ in range(count):
            self._file.seek(place)
            image: AnnotatedImage = pickle.load(self._file)
            place = self._file.tell()
            yield image
