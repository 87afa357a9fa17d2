"""The options of a conversion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from maskforge.choices import FileType, Range, SizeMismatch, Unvisited
from maskforge.files import PathLike
from maskforge.masks.classes import ClassMap
from maskforge.masks.drawing import DrawOptions
from maskforge.shapes import MOST_PIXELS, MOST_TILED_PIXELS


@dataclass(frozen=True, slots=True)
class ConvertOptions(DrawOptions):
    """How annotations become a folder of masks; the options of drawing are inherited.

    Attributes:
        format: Annotation format, or ``auto``.
        images: Folder or folders in which images are looked for.
        allow_outside_images: Whether paths in annotation files may lead out of the sources and of
            ``images``.
        size: Width and height of images of which nothing tells the size.
        size_mismatch: ``error`` or ``scale``; see [`read`][maskforge.read].
        text_encoding: Code page of annotation files that are not UTF-8; see
            [`read`][maskforge.read].
        mask_tolerance: By how much a channel of a pixel may differ from the nearest class, if masks
            are read; see [`read`][maskforge.read]. None refuses JPEG masks.
        file_type: ``png``, ``tiff`` or ``npy``.
        tiled_above: Number of pixels above which integer and binary masks are drawn in bands of
            rows and written as tiled TIFF, whatever ``file_type`` says. None for never; images of
            more than 2^30 pixels are refused then.
        pyramid: Whether tiled masks hold smaller versions of themselves, too, each of every second
            row and column of the one before.
        classes: Class map; None makes one from the labels, sorted by name.
        class_from: Key of a shape's record that holds its label, such as ``group_id``, ``flags`` or
            ``attributes.tooth``; empty for what the class map says, or else the label itself.
        fold_case: Whether labels that differ only in case, spaces or invisible characters are one,
            if the class map is made from the labels.
        extract_images: Whether to write images that exist only inside annotation files to
            ``extracted-images/``, so that every mask has its image.
        unvisited: What becomes of images that nobody looked at: ``skip`` or ``background``.
        strict: Write nothing at all if any record would be skipped or refused.
        dry_run: Do everything but writing.
        workers: Processes that read and draw; None for one for each core, if there are many images.
            A script that asks for several must start its work below
            ``if __name__ == "__main__":``, as Python's ``multiprocessing`` demands.
        shard: Which part of the images is drawn, and how many parts there are, such as ``(2, 8)``;
            [`gather`][maskforge.gather] joins them.
        dask: Address of the scheduler of a Dask cluster that reads and draws, such as
            ``tcp://10.0.0.1:8786``; empty for this machine.
    """

    format: str = "auto"
    images: PathLike | Sequence[PathLike] | None = None
    allow_outside_images: bool = False
    size: tuple[int, int] | None = None
    size_mismatch: SizeMismatch = "error"
    text_encoding: str | None = None
    mask_tolerance: Annotated[int | None, Range(0, 255)] = None
    file_type: FileType = "png"
    tiled_above: Annotated[int | None, Range(0, MOST_TILED_PIXELS)] = MOST_PIXELS
    pyramid: bool = False
    classes: ClassMap | None = None
    class_from: str = ""
    fold_case: bool = False
    extract_images: bool = False
    unvisited: Unvisited = "skip"
    strict: bool = False
    dry_run: bool = False
    workers: Annotated[int | None, Range(1, 1024)] = 1
    shard: Annotated[tuple[int, int] | None, Range(1, 1_000_000)] = None
    dask: str = ""
