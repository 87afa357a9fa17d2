"""Annotated images parked between reading and drawing: in memory while few, then on disk."""

from __future__ import annotations

import contextlib
import copyreg
import inspect
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
from maskforge.issues import Issue, Origin
from maskforge.shapes import Area, Geometry, Polygon, Shape

_BYTES_IN_MEMORY = 16 * 2**20


def _by_call(class_: type[Any]) -> Callable[[Any], tuple[Any, ...]]:
    """Return how to pickle a dataclass as a call of it: twice as fast as by its slots."""
    first, *others = [field.name for field in fields(class_)]
    values = operator.attrgetter(first, *others)
    return lambda one: (class_, values(one) if others else (values(one),))


def _drawn(
    labels: tuple[str, ...],
    geometry: Geometry,
    kind: str,
    origin: Origin,
    instance: str | None,
    converted: str,
    label_issue: Issue | None,
) -> Shape:
    return Shape(labels, geometry, kind, origin, instance, converted, None, {}, label_issue)


_DRAWN_FIELDS = operator.attrgetter(*inspect.signature(_drawn).parameters)


def _without_extra(shape: Shape) -> tuple[Callable[..., Shape], tuple[Any, ...]]:
    # Nothing draws it, and it may be nested deeper than can be pickled.
    return _drawn, _DRAWN_FIELDS(shape)


_DISPATCH = copyreg.dispatch_table | {
    class_: _by_call(class_) for class_ in (AnnotatedImage, Area, Origin, Polygon)
}
_WHOLE = _DISPATCH | {Shape: _by_call(Shape)}
_DISPATCH[Shape] = _without_extra


class ImageSpool:
    """Keeps images in their order, in bounded memory.

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
        try:
            if self._whole:
                start = self._file.tell()
                with contextlib.suppress(RecursionError):
                    self._dump(image, _WHOLE)
                    return
                self._file.seek(start)
                self._file.truncate()
            self._dump(replace(image, extra={}), _DISPATCH)
        except OSError as error:
            raise OutputError(
                f"cannot hold what was read: {error.strerror or error}",
                origin=Origin(Path(tempfile.gettempdir()), ""),
                hint="free some space, or set TMPDIR to another folder",
            ) from None

    def _dump(self, image: AnnotatedImage, dispatch: dict[Any, Any]) -> None:
        pickler = pickle.Pickler(self._file, protocol=pickle.HIGHEST_PROTOCOL)
        pickler.dispatch_table = dispatch
        pickler.dump(image)
        self._count += 1

    def __iter__(self) -> Iterator[AnnotatedImage]:
        """Iterate over all images from the first one on."""
        self._file.seek(0)
        for _ in range(self._count):
            image: AnnotatedImage = pickle.load(self._file)
            yield image
