"""Drawing images and encoding their masks: what any process can do for the one that names them."""

from __future__ import annotations

import functools
import itertools
import pickle
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

import numpy as np

from maskforge.dataset.convert_options import ConvertOptions
from maskforge.dataset.converted_image import ConvertedImage, convert_labeled
from maskforge.dataset.image_digest import digest_of_image
from maskforge.dataset.made_file import MadeFile, image_file, mask_files, no_memory, tiled_files
from maskforge.dataset.spool import SpooledPart, head_of
from maskforge.images.annotated_image import AnnotatedImage
from maskforge.issues import Issue
from maskforge.masks.classes import ClassMap
from maskforge.outputs.journal import Places
from maskforge.raster.segments import BandedMask
from maskforge.shapes import ImageReference

Change: TypeAlias = tuple[ImageReference, tuple[Issue, ...]] | None
"""What is known of an image only after all were read: its file, and further findings."""


@dataclass(frozen=True, slots=True)
class DrawSettings:
    """What all images of a run are drawn with.

    Attributes:
        classes: The class map.
        options: The options.
        digest: That of all on which masks depend; see ``digest_of_settings``.
        known: Keys of images that are done already, or a file with them.
        writes: Whether files are made.
        aside: Folder into which they are written; None to keep their content, of which tiled
            masks have too much.
    """

    classes: ClassMap
    options: ConvertOptions
    digest: bytes
    known: Places | Path
    writes: bool
    aside: Path | None = None


@dataclass(frozen=True, slots=True)
class DrawnImage:
    """An image after it was drawn.

    Attributes:
        image: The image; from another process without shapes, findings and content, unless it is
            done already.
        key: Digest of all that its files depend on.
        converted: What became of it, from another process without masks; None if it is done
            already.
        files: Its files.
    """

    image: AnnotatedImage
    key: str
    converted: ConvertedImage | None
    files: tuple[MadeFile, ...] = ()


@dataclass(frozen=True, slots=True)
class DrawTask:
    """A part of the images, to be drawn by any process.

    Attributes:
        settings: How.
        part: Where they are.
        changes: What is known of each that is to be drawn.
        first: Number of the first of these in the part, from 0.
    """

    settings: DrawSettings
    part: SpooledPart
    changes: Sequence[Change]
    first: int = 0


def draw_part(task: DrawTask) -> list[DrawnImage]:
    """Draw the images of a part.

    Raises:
        MaskforgeError: If a file cannot be made.
    """
    done: list[DrawnImage] = []
    try:
        end = task.first + len(task.changes)
        images = itertools.islice(task.part.images(), task.first, end)
        done.extend(map(_light, draw_images(task.settings, images, task.changes)))
    except BaseException:
        drop_part(done)
        raise
    return done


def _light(drawn: DrawnImage) -> DrawnImage:
    """Return an image without what its files hold; as it is if it may have to be drawn again."""
    if drawn.converted is None:
        return drawn
    converted = replace(drawn.converted, mask=None, instances=None)
    return replace(drawn, image=head_of(drawn.image), converted=converted)


def drop_part(part: Iterable[DrawnImage]) -> None:
    """Remove files that nobody will give a name."""
    for file in (one for drawn in part for one in drawn.files):
        file.drop()


def draw_images(
    settings: DrawSettings, images: Iterable[AnnotatedImage], changes: Iterable[Change]
) -> Iterator[DrawnImage]:
    """Draw images one after the other.

    Raises:
        MaskforgeError: If a file cannot be made.
    """
    known = _keys(settings.known) if isinstance(settings.known, Path) else settings.known
    for image, change in zip(images, changes, strict=True):
        whole = with_change(image, change)
        key = digest_of_image(settings.digest, whole)
        if key in known:
            yield DrawnImage(whole, key, None)
        else:
            yield draw_image(settings, whole, key)


def with_change(image: AnnotatedImage, change: Change) -> AnnotatedImage:
    """Return an image with what is known only now."""
    if change is None:
        return image
    reference, issues = change
    return replace(image, image=reference, issues=(*image.issues, *issues))


def draw_image(settings: DrawSettings, image: AnnotatedImage, key: str) -> DrawnImage:
    """Draw one image.

    Raises:
        MaskforgeError: If a file cannot be made.
    """
    converted = convert_labeled(image, settings.classes, settings.options)
    files: tuple[MadeFile, ...] = ()
    if settings.writes and converted.mask is not None:
        files = tuple(_files(settings, image, converted))
    return DrawnImage(image, key, converted, files)


def _files(
    settings: DrawSettings, image: AnnotatedImage, converted: ConvertedImage
) -> Iterator[MadeFile]:
    mask, instances = converted.mask, converted.instances
    colors, palette = settings.classes.colors, settings.options.encoding != "binary"
    try:
        if isinstance(mask, BandedMask):
            assert settings.aside is not None
            assert not isinstance(instances, np.ndarray)
            pyramid = settings.options.pyramid
            yield from tiled_files(
                mask, instances, colors, settings.aside, palette=palette, pyramid=pyramid
            )
        else:
            assert mask is not None
            assert not isinstance(instances, BandedMask)
            type_ = settings.options.file_type
            for file in mask_files(mask, instances, type_, colors, palette=palette):
                yield file if settings.aside is None else file.put_aside(settings.aside)
    except MemoryError:
        raise no_memory(image.origin) from None
    if image.embedded is not None:
        file = image_file(image.embedded)
        yield file if settings.aside is None else file.put_aside(settings.aside)


@functools.lru_cache(maxsize=1)
def _keys(file: Path) -> Places:
    keys: Places = pickle.loads(file.read_bytes())
    return keys
