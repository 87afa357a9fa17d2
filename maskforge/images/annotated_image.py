"""One image with everything that a source says about it."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from maskforge.display.brief import Brief
from maskforge.errors import DatasetError
from maskforge.issues import Issue, Origin
from maskforge.shapes import ImageReference, ImageState, Shape


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class AnnotatedImage(Brief):
    """Everything that a source says about one image.

    Attributes:
        image: The image file and its size.
        shapes: In drawing order: later shapes lie on top.
        state: Whether anybody looked at the image.
        format: Name of the annotation format, such as ``labelme``.
        origin: File and JSON path of the image's record.
        folder: Folder of the annotation file below the source that was given, with forward slashes;
            empty for the source itself.
        tags: Labels of the image as a whole.
        issues: What was found on the way, including a line for every record that is not in
            ``shapes``.
        embedded: The encoded image from inside the annotation file, if it was asked for and there
            is not an image file.
        extra: What the source holds about the image beside the shapes, as it is there: names and
            paths as they are written, flags, metadata, comments, and under the key of its records
            those that became no shape. Of an embedded image it says only whether there is one.
        score: How sure a network is of the image as a whole, from 0 to 1, if that is known.

    Examples:
        >>> image = next(iter(mf.read("samples/labelme")))
        >>> sorted({label for shape in image.shapes for label in shape.labels})
        ['caries', 'dentine', 'enamel', 'pulp', 'restoration']
    """

    image: ImageReference
    shapes: tuple[Shape, ...]
    state: ImageState
    format: str
    origin: Origin
    folder: str = ""
    tags: tuple[str, ...] = ()
    issues: tuple[Issue, ...] = ()
    embedded: bytes | None = None
    extra: Mapping[str, object] = field(default_factory=dict)
    score: float | None = None

    @property
    def refusal(self) -> Issue | None:
        """Why no mask can be made of this image, or None."""
        return next((issue for issue in self.issues if issue.loses_image), None)

    def _repr_png_(self) -> bytes | None:
        size = self.image.size
        if size is None:
            return None
        from maskforge.images.decoder import read_to_show
        from maskforge.images.outlines import draw_outlines
        from maskforge.images.png import png_bytes

        image = None
        if self.image.file is not None or self.embedded is not None:
            source = self.image.file or self.embedded or b""
            with contextlib.suppress(DatasetError):  # black then, as if there were none
                image = read_to_show(source, upright=self.image.upright)
        return png_bytes(draw_outlines(self.shapes, size, image))

    @property
    def record_count(self) -> int:
        """Number of records in the source: the shapes and those that an issue explains."""
        return len(self.shapes) + sum(one.records for one in self.issues if one.loses_record)
