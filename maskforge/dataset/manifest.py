"""The folder of masks that ``convert`` writes: its manifest, and reading it back."""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, cast

import msgspec
from numpy.typing import NDArray

from maskforge.choices import Encoding, Made, Match, Outcome, Unfinished
from maskforge.dataset.issue_record import IssueRecord
from maskforge.dataset.shard import refuse_shard
from maskforge.display.brief import Brief
from maskforge.display.table import Swatch, Table, as_html
from maskforge.errors import DatasetError, MaskforgeError, OptionError
from maskforge.files import (
    CLASSES,
    MANIFEST,
    MASKS,
    UNFINISHED,
    PathLike,
    as_source,
    as_text,
    is_inside,
    read_bytes,
)
from maskforge.images.decoder import read_header, read_image, read_to_show
from maskforge.images.page import is_there, without_suffix
from maskforge.images.stored import Pixels
from maskforge.issues import Doubt, Level, Origin, Scope
from maskforge.masks.classes import VOID, ClassMap
from maskforge.masks.classfile import load_saved_class_map
from maskforge.masks.encoding import binary_values, from_multi_hot, from_one_hot, translate
from maskforge.masks.maskfile import read_mask
from maskforge.remote.address import address_of, localized, way
from maskforge.remote.linked import fetch_linked
from maskforge.shapes import ImageState, Size, Spacing

RECORD_COUNTS = ("found", "drawn", "converted", "void", "ignored", "skipped", "refused")
"""What records are counted by: all, and those to which each of these happened."""


_UNTOLD = cast("Outcome", "")
_UNTOLD_MADE = cast("Made", "")
_PREDICTION = "prediction"


def outcome_of_mask(shown: int, doubts: Collection[Doubt]) -> Outcome:
    """Return what becomes of an image whose size is known.

    Args:
        shown: Number of records that the mask shows, as a class or as void.
        doubts: What the findings about it leave in doubt.

    Returns:
        ``refused`` if all that was drawn on it was lost: what nobody knows is not background.
    """
    if Doubt.YES in doubts or (Doubt.ALONE in doubts and not shown):
        return "partial" if shown else "refused"
    return "drawn"


class ManifestEntry(Brief, msgspec.Struct, frozen=True, kw_only=True):
    """One line of the manifest: one image.

    Attributes:
        image: Path of the image, relative to the data set's folder where possible, with forward
            slashes; None if no image was found. Extracted images are in ``extracted-images/``. A
            page of a stack is ``volume.tif#12``.
        match: The evidence by which the image was found. ``path``: it is where the annotation file
            says; ``beside``: it lies beside that, with the name; ``images``: it is the only one of
            the name in the folders given by the user; ``folders``: folders around it have the names
            of those of the annotation; ``content``: it shows what the embedded image shows;
            ``name``: nothing but its name; ``extracted``: it was in the annotation file; ``none``:
            there is no image.
        mask: Path of the mask, relative to the data set's folder, likewise; None if no mask was
            written.
        instances: Path of the instance map, likewise.
        width: Width of the mask in pixels; None if unknown.
        height: Height of the mask in pixels; None if unknown.
        spacing: Width and height of a pixel in millimeters; not there if the image does not tell.
        patient_digest: Salted digest of what the image calls the patient; not there if it does not.
        orientation: EXIF orientation of the image.
        upright: Whether the mask fits the image after its EXIF orientation was applied.
        state: ``annotated``, ``empty`` or ``unvisited``.
        format: Annotation format.
        source: Annotation file, relative like ``image``.
        pointer: JSON path of the image in the annotation file.
        outcome: ``drawn``; ``partial`` if the mask lacks something that somebody drew; ``ignored``
            or ``refused`` if there is none. In manifests that do not say, the issues tell.
        made: How the mask came to be: ``drawn`` by people; ``predicted``; or a prediction that
            people ``corrected``, or ``confirmed`` as it is. In manifests that do not say, the
            format tells.
        encoding: ``integer``, ``binary``, ``onehot`` or ``multihot``.
        pixels: Visible pixels per class name.
        shapes: Number of records by what became of them: ``found``, ``drawn``, ``converted``,
            ``void``, ``ignored``, ``skipped``, ``refused``.
        class_shapes: Number of shapes drawn per class name.
        kinds: Number of shapes read per kind of shape and label.
        instance_classes: Class name of instance 1, 2, ...
        instance_names: What the annotation calls instance 1, 2, ..., such as ``36`` for a tooth:
            its group, or the value of the key given with ``instances_from``; empty where it says
            nothing.
        overlapped_pixels: Pixels claimed by shapes of more than one class.
        tags: Labels of the image as a whole.
        issues: Findings.
        digests: SHA-256 of every file that was written for the image, by its path.
    """

    image: str | None
    match: Match = "none"
    mask: str | None
    instances: str | None = None
    width: int | None
    height: int | None
    spacing: Spacing | msgspec.UnsetType = msgspec.UNSET
    patient_digest: str | msgspec.UnsetType = msgspec.UNSET
    orientation: int = 1
    upright: bool = False
    state: ImageState
    format: str
    source: str
    pointer: str
    outcome: Outcome = _UNTOLD
    made: Made = _UNTOLD_MADE
    encoding: Encoding
    pixels: dict[str, int]
    shapes: dict[str, int]
    class_shapes: dict[str, int]
    kinds: dict[str, dict[str, int]] = {}
    instance_classes: list[str] = []
    instance_names: list[str] = []
    overlapped_pixels: int = 0
    tags: list[str] = []
    issues: list[IssueRecord] = []
    digests: dict[str, str] = {}

    def __post_init__(self) -> None:
        if self.made == _UNTOLD_MADE:
            made: Made = "predicted" if self.format == _PREDICTION else "drawn"
            msgspec.structs.force_setattr(self, "made", made)
        if self.outcome != _UNTOLD:
            return
        outcome: Outcome = "ignored"
        if self.mask is not None:
            shown = sum(self.shapes.get(one, 0) for one in ("drawn", "converted", "void"))
            outcome = outcome_of_mask(shown, {one.doubt for one in self.issues})
        elif any(one.level == Level.REFUSED and one.scope != Scope.RECORD for one in self.issues):
            outcome = "refused"
        msgspec.structs.force_setattr(self, "outcome", outcome)


@dataclass(frozen=True, slots=True, repr=False)
class DatasetItem(Brief):
    """One image of a data set with its files.

    Attributes:
        entry: The line of the manifest.
        folder: Folder of the data set.

    Examples:
        >>> item = next(iter(mf.open_dataset("masks")))
        >>> item.image_path.name, item.read_image().shape[:2] == item.read_mask().shape
        ('bitewing-01.jpg', True)
    """

    entry: ManifestEntry
    folder: Path

    @property
    def image_path(self) -> Path | None:
        """The image or its page, or None if it was not found when the mask was made."""
        return None if self.entry.image is None else self.folder / self.entry.image

    @property
    def mask_path(self) -> Path:
        """The mask file, or its page."""
        assert self.entry.mask is not None
        return self.folder / self.entry.mask

    @property
    def size(self) -> Size:
        """Size of the mask."""
        assert self.entry.width is not None
        assert self.entry.height is not None
        return Size(self.entry.width, self.entry.height)

    def read_image(self) -> Pixels | None:
        """Return the image in the frame of the mask; None if it was not found.

        Palettes are applied, opacity is dropped, single bits become 0 and 255; 16-bit values stay
        as they are. The EXIF orientation is applied exactly if the shapes were drawn on the turned
        image.

        Returns:
            (H, W, 1) or (H, W, 3), uint8 or uint16.

        Raises:
            DatasetError: If the file cannot be read, holds fractions or values beyond 16 bits, or
                is not of the size that the manifest says.
        """
        path = self.image_path
        if path is None:
            return None
        image = read_image(path, upright=self.entry.upright)
        self._check_size(image, path, "image")
        return image

    def read_mask(
        self, window: tuple[int, int, int, int] | None = None, *, step: int = 1
    ) -> NDArray[Any]:
        """Return the mask: (H, W) of class ids, or (H, W, C) as the encoding says.

        Args:
            window: Left, top, width and height in pixels of the part that is wanted, as in
                [`read_mask`][maskforge.read_mask]; None for all.
            step: Of every so many rows and columns of it, the first is returned.

        Raises:
            DatasetError: If the file cannot be read, is not a mask, or not of the size that the
                manifest says, or if the part is not inside it.
            OptionError: If ``window`` or ``step`` cannot be used.
        """
        return self._read(self.mask_path, window, step)

    def read_instances(
        self, window: tuple[int, int, int, int] | None = None, *, step: int = 1
    ) -> NDArray[Any] | None:
        """Return the instance map (H, W), or None if there is none; as ``read_mask``."""
        if self.entry.instances is None:
            return None
        return self._read(self.folder / self.entry.instances, window, step)

    def _repr_png_(self) -> bytes | None:
        from maskforge.masks.overlay import overlay_png

        image = None
        try:
            classes = load_saved_class_map(self.folder / CLASSES)
            mask = integer_mask(self, classes)
            if self.image_path is not None and is_there(self.image_path):
                image = read_to_show(self.image_path, upright=self.entry.upright)
        except MaskforgeError:  # whatever is wrong, its text must be there to look into it
            return None
        return overlay_png(image, mask, classes.colors)

    def _read(
        self, path: Path, window: tuple[int, int, int, int] | None, step: int
    ) -> NDArray[Any]:
        mask = read_mask(path, window, step=step)
        if mask.dtype.kind != "u" or mask.ndim not in (2, 3):
            raise DatasetError(
                f"holds {mask.dtype} of the shape {mask.shape}, which is not a mask",
                origin=Origin(path, ""),
                hint="convert the annotations again",
            )
        if window is None and step == 1:
            self._check_size(mask, path, "mask")
        elif (size := read_header(path).stored) != self.size:
            raise self._wrong_size(size, path, "mask")
        return mask

    def _check_size(self, array: NDArray[Any], path: Path, what: str) -> None:
        if array.shape[:2] != (self.size.height, self.size.width):
            raise self._wrong_size(Size(array.shape[1], array.shape[0]), path, what)

    def _wrong_size(self, size: Size, path: Path, what: str) -> DatasetError:
        return DatasetError(
            f"the {what} has {size} px, the manifest says {self.size}",
            origin=Origin(path, ""),
            hint="convert the annotations again",
        )


def integer_mask(item: DatasetItem, classes: ClassMap, *, step: int = 1) -> NDArray[Any]:
    """Return the mask of an image as (H, W) class ids, whatever its encoding.

    Args:
        item: The image.
        classes: The class map of the data set.
        step: Of every so many rows and columns, the first is returned.

    Raises:
        DatasetError: If the file cannot be read, or is not what the manifest says.
    """
    mask = item.read_mask(step=step)
    try:
        if item.entry.encoding == "binary":
            return translate(mask, binary_values(classes.ids))
        if item.entry.encoding == "onehot":
            return from_one_hot(mask, classes.ids)
        if item.entry.encoding == "multihot":
            return from_multi_hot(mask, classes.foreground_ids)
    except OptionError as error:
        raise DatasetError(error.message, origin=Origin(item.mask_path, "")) from None
    if mask.ndim != 2:
        raise DatasetError(
            f"expected (H, W), found {mask.shape}", origin=Origin(item.mask_path, "")
        )
    return mask


@dataclass(frozen=True, slots=True, repr=False)
class Dataset(Brief):
    """A folder of masks that ``convert`` or ``predict`` wrote, with all that its manifest knows.

    Use it to look at masks: it opens at once and reads files when asked for them. To train, split
    or evaluate, or if the masks are others', use an [`ExampleSet`][maskforge.ExampleSet];
    ``maskforge.open_examples(dataset)`` makes one of it.

    Attributes:
        folder: The folder.
        classes: The class map of its masks.
        entries: All lines of the manifest, also those of images without mask.
        unfinished: Whether the run that writes the folder has not finished, or was interrupted or
            killed: then there are only the images that it came to.

    Examples:
        >>> dataset = mf.open_dataset("masks")
        >>> len(dataset), dataset.classes.names[1]
        (8, 'dentine')
    """

    folder: Path
    classes: ClassMap
    entries: tuple[ManifestEntry, ...]
    unfinished: bool = False

    def __iter__(self) -> Iterator[DatasetItem]:
        """Iterate over the images that have a mask."""
        return (DatasetItem(entry, self.folder) for entry in self.entries if entry.mask is not None)

    def __len__(self) -> int:
        return sum(entry.mask is not None for entry in self.entries)

    def _repr_html_(self) -> str:
        images: Counter[str] = Counter()
        pixels: Counter[str] = Counter()
        for entry in self.entries:
            pixels.update(entry.pixels)
            images.update(name for name, count in entry.pixels.items() if count)
        rows = [
            (str(id_), Swatch(*self.classes.colors[id_]), name, images[name], pixels[name])
            for id_, name in self.classes.names.items()
            if id_ != VOID or pixels[name]
        ]
        partial = sum(entry.outcome == "partial" for entry in self.entries)
        title = f"{len(self)} masks of {len(self.entries)} images in {self.folder}"
        title += f", {partial} of them partial" if partial else ""
        title += " (unfinished)" if self.unfinished else ""
        return as_html([Table(title, ("id", "color", "class", "images", "pixels"), rows)])


def is_dataset(folder: Path) -> bool:
    """Tell whether a folder holds a manifest, whole or unfinished."""
    return is_unfinished(folder) or os.path.isfile(folder / MANIFEST)  # noqa: PTH113 - never raises


def is_unfinished(folder: Path) -> bool:
    """Tell whether a folder is a data set whose run has not finished."""
    return os.path.isfile(folder / UNFINISHED)  # noqa: PTH113 - never raises


def check_finished(folder: Path, unfinished: Unfinished) -> str:
    """Make sure that a folder is neither an unfinished data set nor the masks of one.

    Args:
        folder: Any folder.
        unfinished: Whether such a data set is refused.

    Returns:
        A note if it is unfinished and used nonetheless; else nothing.

    Raises:
        DatasetError: If it is unfinished and refused, or a shard.
    """
    real = Path(os.path.realpath(folder))
    above = [one for one in real.parents if real.relative_to(one).parts[0] == MASKS]
    for one in (folder, *above):
        refuse_shard(one)
    place = next(filter(is_unfinished, (folder, *above)), None)
    if place is None:
        return ""
    if unfinished == "use":
        return f"{place} is unfinished: it holds only the images that its run came to"
    raise DatasetError(
        "is unfinished: its run is still going on, was interrupted, or was killed, so images are "
        "missing",
        origin=Origin(place, ""),
        hint="run the same command again: it goes on; or take what is there with --unfinished use",
    )


def open_dataset(folder: PathLike) -> Dataset:
    """Read the manifest and the class map of a folder that ``convert`` or ``predict`` wrote.

    If the run that writes it has not finished, the data set holds the images that are done so far,
    and says so in ``unfinished``.

    Raises:
        DatasetError: If there is no valid manifest.
        LabelError: If the class map is missing or malformed.

    Examples:
        >>> dataset = mf.open_dataset("masks")
        >>> for item in dataset:
        ...     mask = item.read_mask()
        >>> mask.shape == (item.size.height, item.size.width)
        True
    """
    folder = as_source(folder)
    unfinished = is_unfinished(folder)
    entries = [entry for entry, _ in read_manifest(folder)]
    return Dataset(folder, load_saved_class_map(folder / CLASSES), tuple(entries), unfinished)


def read_manifest(folder: Path) -> list[tuple[ManifestEntry, bytes]]:
    """Return the lines of a manifest, each also as it is written.

    Raises:
        DatasetError: If there is no valid manifest, or it is that of a shard.
    """
    refuse_shard(folder)
    unfinished = is_unfinished(folder)
    path = folder / (UNFINISHED if unfinished else MANIFEST)
    try:
        content = read_bytes(path)
    except OSError as error:
        raise DatasetError(
            f"cannot be read: {error.strerror or error}",
            origin=Origin(path, ""),
            hint="name a folder that `maskforge convert` wrote",
        ) from None
    if unfinished:
        content = content[: content.rfind(b"\n") + 1]
    decoder = msgspec.json.Decoder(ManifestEntry)
    entries = []
    for number, line in enumerate(content.splitlines(), 1):
        origin = Origin(path, f"line {number}")
        try:
            line.decode()  # keys that are not known are not looked at any closer
            entry = decoder.decode(line)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise DatasetError(f"is not a manifest: {error}", origin=origin) from None
        _check_entry(entry, origin)
        entries.append((_localized(entry) if b"://" in line else entry, line))
    images = [one.image for one, _ in entries if one.image is not None]
    fetch_linked(folder, [one for one in images if not is_inside(one)])
    # A run that was killed may have listed its last image before the files were in their places.
    while unfinished and entries and not _is_written(folder, entries[-1][0]):
        entries.pop()
    return entries


def _localized(entry: ManifestEntry) -> ManifestEntry:
    image = entry.image and localized(entry.image)
    return msgspec.structs.replace(entry, image=image, source=localized(entry.source))


def _check_entry(entry: ManifestEntry, origin: Origin) -> None:
    for name in filter(None, (entry.mask, entry.instances)):
        if not is_inside(name):
            raise DatasetError(f"{name!r} leads out of the data set", origin=origin)
    if "\0" in (entry.image or ""):
        raise DatasetError(f"{entry.image!r} is not a path", origin=origin)
    if entry.mask is not None and (entry.width is None or entry.height is None):
        raise DatasetError("a mask without size", origin=origin)


def _is_written(folder: Path, entry: ManifestEntry) -> bool:
    return entry.mask is None or is_there(folder / entry.mask)


def mask_name(mask: str) -> str:
    """Return the name of a mask in a manifest: its path below ``masks/`` without suffix.

    Examples:
        >>> mask_name("masks/p_1/x.png"), mask_name("masks/volume.tif#12")
        ('p_1/x', 'volume#12')
    """
    place = PurePosixPath(mask)
    inner = place.relative_to(MASKS) if place.parts[:1] == (MASKS,) else place
    return without_suffix(str(inner))


def relative(path: Path | None, folder: Path) -> str | None:
    """Return ``path`` relative to ``folder`` with forward slashes; absolute on another drive.

    What lies in a store is relative in a folder of the same bucket, and a URL everywhere else; what
    lies on this machine is absolute in a folder of a store.

    The way from ``folder`` leads through its real parents, whatever links lead to it.
    """
    return RelativePaths(folder).of(path)


class RelativePaths:
    """Paths as ``relative`` returns them, for many files in few folders."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, str] = {}

    def of(self, path: Path | None) -> str | None:
        """Return a path relative to the folder."""
        if path is None:
            return None
        parent, name = os.path.split(path)
        if parent not in self._known:
            real = os.path.realpath(parent)
            if (stored := address_of(Path(real))) is not None:
                real = way(Path(real), self._folder) or str(stored)
            elif address_of(self._folder) is None:
                with contextlib.suppress(ValueError):
                    real = os.path.relpath(real, os.path.realpath(self._folder))
            self._known[parent] = real
        inner = os.path.join(self._known[parent], name)  # noqa: PTH118 - a path takes longer
        if "://" not in inner:
            inner = os.path.normpath(inner)
        return as_text(inner).replace(os.sep, "/")
