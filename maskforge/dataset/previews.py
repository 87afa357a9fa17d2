"""Overlays of a whole data set, and a contact sheet."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated

import numpy as np
from PIL import Image

from maskforge.choices import Progress, Range, check_choices, with_keywords
from maskforge.dataset import overlay_page
from maskforge.dataset.manifest import Dataset, DatasetItem, mask_name, open_dataset
from maskforge.dataset.overlay_page import TILE, OverlayTask, write_overlay
from maskforge.display.brief import Brief
from maskforge.display.table import Table, as_html
from maskforge.errors import OutputExistsError
from maskforge.files import CONTACT_SHEET, PathLike, as_path
from maskforge.images.page import split_page
from maskforge.images.png import write_png
from maskforge.issues import Origin
from maskforge.masks.masknames import MaskNames
from maskforge.masks.overlay import contact_sheet
from maskforge.outputs.folder import OutputFolder
from maskforge.outputs.links import first_link, linked
from maskforge.processes.worker_pool import WorkerPool
from maskforge.remote.address import identity

_TILES_PER_SHEET = 48


@dataclass(frozen=True, slots=True)
class PreviewOptions:
    """How previews look, and of how many images they are.

    Attributes:
        opacity: Of the colors inside the outlines, 0 to 1.
        limit: Largest number of images; None for all.
        workers: Processes that draw; None for one for each core, if there are many images. What
            [`ConvertOptions`][maskforge.ConvertOptions] says of them holds here, too.

    Raises:
        OptionError: If one of them is out of range.
    """

    opacity: Annotated[float, Range(0, 1)] = 0.35
    limit: Annotated[int | None, Range(1, 2**31)] = None
    workers: Annotated[int | None, Range(1, 1024)] = 1

    def __post_init__(self) -> None:
        check_choices(self)


@dataclass(frozen=True, slots=True, repr=False)
class PreviewReport(Brief):
    """What was made.

    Attributes:
        overlays: One image per mask.
        sheets: Contact sheets of up to 48 masks each.
        without_image: Masks drawn on black because their image is not known.
        partial: Masks that lack something that was drawn; their titles say so.
        problems: Masks or images that could not be read, as text.
        unfinished: Whether the data set is unfinished, so that images are missing.
    """

    overlays: tuple[Path, ...]
    sheets: tuple[Path, ...]
    without_image: int
    partial: int
    problems: tuple[str, ...]
    unfinished: bool = False

    def _repr_html_(self) -> str:
        written = f"{len(self.overlays)} overlays, {self.without_image} of them without image"
        written += f", {self.partial} partial" if self.partial else ""
        sheets = Table("Contact sheets", ("file",), [(path,) for path in self.sheets])
        started = ("The data set is unfinished.",) if self.unfinished else ()
        return as_html((*started, written, sheets, *(f"refused: {one}" for one in self.problems)))


def preview(
    folder: PathLike,
    out: PathLike,
    options: PreviewOptions | None = None,
    *,
    overwrite: bool = False,
    progress: Progress | None = None,
    **keywords: object,
) -> PreviewReport:
    """Lay every mask of a data set over its image.

    Args:
        folder: A folder that ``convert`` wrote.
        out: Output folder; made if missing.
        options: How; see ``PreviewOptions``.
        overwrite: Whether to replace images of an earlier preview.
        progress: Called after every image.
        **keywords: Single options, such as ``limit=20``.

    Raises:
        DatasetError: If ``folder`` holds no valid manifest.
        OptionError: If an option cannot be used.
        OutputExistsError: If ``out`` holds a preview and ``overwrite`` is not set, or if a mask or
            image would be replaced.
        OutputError: If a file cannot be written.

    Examples:
        >>> report = mf.preview("masks", "seen", limit=2)
        >>> [path.name for path in report.overlays]
        ['bitewing-01.png', 'bitewing-02.png']
    """
    options = with_keywords(PreviewOptions, options, keywords)
    dataset = open_dataset(folder)
    with OutputFolder(as_path(out)) as target:
        return _preview(dataset, target.path, options, overwrite=overwrite, progress=progress)


def _preview(
    dataset: Dataset,
    out: Path,
    options: PreviewOptions,
    *,
    overwrite: bool,
    progress: Progress | None,
) -> PreviewReport:
    items = list(dataset)[: options.limit]
    names = _names(items)
    paths = [out / f"{name}.png" for name in names]
    sheets = [
        out / f"{CONTACT_SHEET}-{number}.png"
        for number in range(1, 1 + math.ceil(len(items) / _TILES_PER_SHEET))
    ]
    sources = [path for item in items for path in (item.mask_path, item.image_path) if path]
    check_targets(out, [*sheets, *paths], sources, overwrite=overwrite)
    overlays: list[Path] = []
    problems: list[str] = []
    tiles: list[tuple[str, Image.Image]] = []
    tasks = (
        OverlayTask(item, dataset.classes, name, path, options.opacity)
        for item, name, path in zip(items, names, paths, strict=True)
    )
    with (
        WorkerPool(options.workers, loads=(overlay_page.__name__,)) as pool,
        contextlib.closing(pool.each(write_overlay, tasks, len(items))) as drawn,
    ):
        for index, (name, path, tile) in enumerate(zip(names, paths, drawn, strict=True), 1):
            if isinstance(tile, str):
                problems.append(tile)
            else:
                overlays.append(path)
                tiles.append((name, tile))
            if tiles and (index % _TILES_PER_SHEET == 0 or index == len(items)):
                sheet = contact_sheet(tiles, TILE)
                write_png(sheets[(index - 1) // _TILES_PER_SHEET], np.asarray(sheet))
                tiles.clear()
            if progress is not None:
                progress("drawing overlays", index, len(items))
    missing = sum(item.image_path is None for item in items)
    partial = sum(item.entry.outcome == "partial" for item in items)
    return PreviewReport(
        tuple(overlays), tuple(sheets), missing, partial, tuple(problems), dataset.unfinished
    )


def _names(items: Sequence[DatasetItem]) -> list[str]:
    """Return a name for the overlay of every image; none is that of a contact sheet."""
    names = MaskNames()
    for number in range(len(items) + 1):
        names.assign("", f"{CONTACT_SHEET}-{number}")
    places = (PurePosixPath(mask_name(item.entry.mask or "")) for item in items)
    return [names.assign(str(place.parent), place.name) for place in places]


def check_targets(
    folder: Path, targets: Iterable[Path], sources: Iterable[Path], *, overwrite: bool
) -> None:
    """Make sure that no file is replaced but images of an earlier preview.

    Args:
        folder: The output folder.
        targets: The files to be written.
        sources: Masks and images of the data set.
        overwrite: Whether other files may be replaced.

    Raises:
        OutputExistsError: Naming the first such file.
        OutputError: If a folder on the way to one is a link.
    """
    precious = {identity(split_page(source)[0]) for source in sources}
    for target in targets:
        if (link := first_link(folder, target.parent.relative_to(folder).as_posix())) is not None:
            raise linked(link)
        if not os.path.lexists(target):
            continue
        if identity(target) in precious:
            raise OutputExistsError(
                "is a mask or an image of the data set",
                origin=Origin(target, ""),
                hint="choose another folder for the preview",
            )
        if not overwrite:
            raise OutputExistsError(
                "already exists",
                origin=Origin(target, ""),
                hint="choose another folder, or replace an earlier preview with --overwrite",
            )
