"""Annotated images parked between reading and drawing: in memory while few, then on disk."""

from __future__ import annotations

import contextlib
import copyreg
import operator
import pickle
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from maskforge.errors import OutputError
from maskforge.images.annotated_image import AnnotatedImage
from maskforge.issues import Origin
from maskforge.shapes import Area, Bitmap, PointSet, Polygon, Polyline, Shape

_BYTES_IN_MEMORY = 16 * 2**20

_IMAGE_BYTES, _SHAPE_BYTES, _ISSUE_BYTES = 2000, 1200, 600
"""What Python needs for one, beside the coordinates, pixels and texts in it."""


def _by_call(class_: type[Any]) -> Callable[[Any], tuple[Any, ...]]:
    """Return how to pickle a dataclass as a call of it: twice as fast as by its slots."""
    first, *others = [field.name for field in fields(class_)]
    values = operator.attrgetter(first, *others)
    return lambda one: (class_, values(one) if others else (values(one),))


_DISPATCH = copyreg.dispatch_table | {
    class_: _by_call(class_) for class_ in (AnnotatedImage, Area, Origin, Polygon, Shape)
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


class ImageSpool:
    """Keeps images in their order, in bounded memory: as they are while few, then in a file.

    Classes are known only when everything has been read, and nothing may be drawn before; the
    spool saves reading every file twice. Its file is private, temporary and already deleted.
    """

    def __init__(self, *, whole: bool = False) -> None:
        """Hold nothing yet.

        Args:
            whole: Whether to keep what images and shapes hold in ``extra`` and ``primitive``, too,
                unless it is nested too deep.
        """
        self._whole = whole
        self._held: list[AnnotatedImage] | None = None if whole else []
        self._bytes_held = 0
        self._file = tempfile.SpooledTemporaryFile(max_size=_BYTES_IN_MEMORY)  # noqa: SIM115 - closed in __exit__
        self._count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()

    def __len__(self) -> int:
        return self._count

    def append(self, image: AnnotatedImage) -> None:
        """Park one more image, without what it and its shapes hold in ``extra``.

        Raises:
            OutputError: If the disk is full.
        """
        if not self._whole:
            image = _drawn_alone(image)
        self._count += 1
        if self._held is None:
            self._store(image)
            return
        self._held.append(image)
        self._bytes_held += _bytes_of(image)
        if self._bytes_held > _BYTES_IN_MEMORY:
            for one in self._held:
                self._store(one)
            self._held = None

    def _store(self, image: AnnotatedImage) -> None:
        try:
            if self._whole:
                start = self._file.tell()
                with contextlib.suppress(RecursionError):
                    self._dump(image)
                    return
                self._file.seek(start)
                self._file.truncate()
                image = _drawn_alone(image)
            self._dump(image)
        except OSError as error:
            raise OutputError(
                f"cannot hold what was read: {error.strerror or error}",
                origin=Origin(Path(tempfile.gettempdir()), ""),
                hint="free some space, or set TMPDIR to another folder",
            ) from None

    def _dump(self, image: AnnotatedImage) -> None:
        pickler = pickle.Pickler(self._file, protocol=pickle.HIGHEST_PROTOCOL)
        pickler.dispatch_table = _DISPATCH
        pickler.dump(image)

    def __iter__(self) -> Iterator[AnnotatedImage]:
        """Iterate over all images from the first one on."""
        if self._held is not None:
            yield from self._held
            return
        self._file.seek(0)
        for _ in range(self._count):
            image: AnnotatedImage = pickle.load(self._file)
            yield image
