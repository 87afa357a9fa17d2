"""The options of an export."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated

from maskforge.choices import ChosenHoles, ImageFiles, Range, SizeMismatch, Unvisited
from maskforge.files import PathLike
from maskforge.formats.registry import WriterName
from maskforge.masks.classes import ClassMap
from maskforge.vector.vectorize_options import VectorizeOptions


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """How annotations or masks become files of a labeling tool.

    Attributes:
        format: Format that is written.
        source_format: Format of annotations that are read, or ``auto``.
        images: Folder or folders in which images are looked for.
        allow_outside_images: Whether paths in annotation files may lead out of the sources and of
            ``images``.
        size: Width and height of images of which nothing tells the size.
        size_mismatch: ``error`` or ``scale``; see [`read`][maskforge.read].
        text_encoding: Code page of annotation files that are not UTF-8; see
            [`read`][maskforge.read].
        mask_tolerance: By how much a channel of a pixel may differ from the nearest class, if masks
            are read; see [`read`][maskforge.read]. None refuses JPEG masks.
        classes: Class map: which labels are which classes, with their ids and colors, for formats
            that list classes or hold masks. None takes that of the masks, or makes one from the
            labels.
        fold_case: Whether labels that differ only in case, spaces or invisible characters are one,
            if the class map is made from the labels.
        holes: How holes are written: ``auto`` takes the best way of the format; ``rings``,
            ``background``, ``cut`` or ``bitmap`` if it has that; see ``maskforge formats``.
        image_files: What becomes of the images: ``reference`` writes where they are, ``copy``
            copies them beside the annotations, ``embed`` writes them into the annotation files.
        vectorize: How masks become shapes.
        unvisited: What becomes of images that nobody looked at, if the format cannot say so: they
            are left out (``skip``), or written as empty ones (``background``).
        workers: Processes that read, draw and find outlines; None for one for each core, if there
            are many images. What [`ConvertOptions`][maskforge.ConvertOptions] says of them holds
            here, too.
    """

    format: WriterName = "labelme"
    source_format: str = "auto"
    images: PathLike | Sequence[PathLike] | None = None
    allow_outside_images: bool = False
    size: tuple[int, int] | None = None
    size_mismatch: SizeMismatch = "error"
    text_encoding: str | None = None
    mask_tolerance: Annotated[int | None, Range(0, 255)] = None
    classes: ClassMap | None = None
    fold_case: bool = False
    holes: ChosenHoles = "auto"
    image_files: ImageFiles = "reference"
    vectorize: VectorizeOptions = field(default_factory=VectorizeOptions)
    unvisited: Unvisited = "skip"
    workers: Annotated[int | None, Range(1, 1024)] = 1
