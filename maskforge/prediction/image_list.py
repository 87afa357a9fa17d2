"""The images that are to be predicted: files, folders and data sets, each image once."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from maskforge.dataset.manifest import (
    ManifestEntry,
    check_finished,
    is_dataset,
    mask_name,
    open_dataset,
)
from maskforge.errors import OptionError, listing
from maskforge.files import UNNAMEABLE, as_source, as_text, is_text, walk
from maskforge.images.containers.base import NoImageError
from maskforge.images.decoder import list_pages
from maskforge.images.mask_likeness import is_mask_place, looks_like_mask
from maskforge.images.page import is_there, split_page, without_suffix
from maskforge.images.suffixes import IMAGE_SUFFIXES, is_image_file

_PALETTE_SUFFIXES = frozenset((".png", ".gif", ".bmp"))


@dataclass(frozen=True, slots=True)
class Page:
    """Which page of which stack an image is.

    Attributes:
        stack: What all pages of the stack have in common, and no other image.
        number: Counted from 1.
        count: Number of pages of the stack.
    """

    stack: Path
    number: int
    count: int


@dataclass(frozen=True, slots=True)
class ImageFile:
    """An image that is to be predicted.

    Attributes:
        file: The image, or a page of a stack; None if the data set does not know it.
        folder: Folder of the mask below ``masks/``.
        name: Name of the mask, before characters are replaced.
        upright: Whether the mask shall fit the upright image; None if the image decides: it
            is predicted as it is shown, so upright exactly if it has an EXIF orientation.
        page: Set if all pages of its stack are predicted in their order, so that the masks can be
            a stack, too; its name is that of the stack then.
        problem: Why the image cannot be read, if that is known already.
    """

    file: Path | None
    folder: str
    name: str
    upright: bool | None = None
    page: Page | None = None
    problem: str = ""

    def alone(self) -> ImageFile:
        """Return the page of a stack as an image by itself."""
        if self.page is None:
            return self
        name = f"{without_suffix(self.name)}#{self.page.number}"
        return replace(self, name=name, page=None)


@dataclass(slots=True)
class Images:
    """What sources hold.

    Attributes:
        images: Each image once.
        datasets: Data sets among the sources.
        notes: What was left out.
        problems: Folders and files that cannot be read, with the reason.
    """

    images: list[ImageFile] = field(default_factory=list)
    datasets: list[Path] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    problems: list[tuple[str, str]] = field(default_factory=list)


def find_images(sources: Sequence[Path]) -> Images:
    """List the images of all sources.

    Args:
        sources: Image files; data sets that ``convert`` wrote, whose images keep the names and
            frames of their masks; folders, searched with all sub-folders but those of data sets.

    Raises:
        DatasetError: If a data set cannot be read.
        LabelError: If its class map cannot be used.
        OptionError: If a source does not exist or is not an image, or there is no image at all.
    """
    found = Images()
    others = 0
    for source in map(as_source, sources):
        if is_dataset(source):
            found.datasets.append(source)
            if note := check_finished(source, "use"):
                found.notes.append(note)
            found.images += _of_dataset(open_dataset(source).entries, source)
        elif source.is_dir():
            others += _search(source, found)
        elif is_there(source) and is_image_file(split_page(source)[0]):
            try:
                found.images += _of_file(source, "")
            except NoImageError as error:
                raise OptionError(f"{source} is not an image: {error}") from None
        else:
            exists = source.exists()
            raise OptionError(
                f"{source} is not an image" if exists else f"{source} does not exist",
                hint="name images, folders of images, or a data set",
            )
    named = len(found.images)
    found.images = _whole_stacks(_once(found.images))
    if named > len(found.images):
        found.notes.append(f"images that were named twice: {named - len(found.images)}")
    if masklike := [str(one.file) for one in found.images if _is_masklike(one)]:
        found.notes.append(
            f"WARNING: images that look like masks, predicted all the same ({len(masklike)}): "
            f"{listing(masklike)}"
        )
    if others:
        found.notes.append(f"files that are not images, left out: {others}")
    if not found.images and not found.problems:
        raise OptionError(
            f"there is no image in {', '.join(map(str, sources))}",
            hint=f"images end in {', '.join(sorted(IMAGE_SUFFIXES))}",
        )
    return found


def _is_masklike(image: ImageFile) -> bool:
    """Tell whether an image holds few values, and a palette or a place where masks lie."""
    if image.file is None or image.problem:
        return False
    suffix = split_page(image.file)[0].suffix.lower()
    if not is_mask_place(image.file) and suffix not in _PALETTE_SUFFIXES:
        return False
    likeness = looks_like_mask(image.file)
    return bool(likeness) and (is_mask_place(image.file) or likeness.startswith("a palette"))


def _of_file(path: Path, folder: str) -> list[ImageFile]:
    """Return the image of a file, or the pages of a stack.

    Raises:
        NoImageError: If it is of a kind that may hold an image, and does not.
    """
    try:
        pages = list_pages(path)
    except NoImageError:
        raise
    except OSError as error:
        problem = f"cannot be read: {error.strerror or error}"
        return [ImageFile(path, folder, path.name, problem=problem)]
    if len(pages) == 1:
        _, page = split_page(path)
        name = path.name if page is None else without_suffix(path.name)
        return [ImageFile(path, folder, name)]
    return [
        ImageFile(page, folder, path.name, page=Page(path, number, len(pages)))
        for number, page in enumerate(pages, 1)
    ]


def _of_dataset(entries: Sequence[ManifestEntry], folder: Path) -> list[ImageFile]:
    """Return the images of a data set; pages of a stack are those whose masks are pages of one."""
    stacks = Counter(split_page(folder / entry.mask)[0] for entry in entries if entry.mask)
    images = []
    for entry in entries:
        file = None if entry.image is None else folder / entry.image
        if entry.mask is None:
            name = PurePosixPath(entry.image or entry.source).name
            if file is not None and split_page(file)[1] is not None:
                name = without_suffix(name)
            images.append(ImageFile(file, "", name, entry.upright if entry.width else None))
            continue
        stack, number = split_page(folder / entry.mask)
        place = PurePosixPath(mask_name(entry.mask))
        image = ImageFile(file, str(place.parent), place.name, entry.upright)
        if number is not None:
            page = Page(stack, number, stacks[stack])
            image = replace(image, name=stack.stem, page=page)
        images.append(image)
    return images


def _whole_stacks(images: Sequence[ImageFile]) -> list[ImageFile]:
    """Leave as stacks what is there with all its pages in their order."""
    settled: list[ImageFile] = []
    while len(settled) < len(images):
        image = images[len(settled)]
        page = image.page
        run = images[len(settled) : len(settled) + page.count] if page else [image]
        numbers = range(1, page.count + 1) if page else ()
        if page and [one.page for one in run] != [replace(page, number=n) for n in numbers]:
            run = [image.alone()]
        settled += run
    return settled


def _search(root: Path, found: Images) -> int:
    """Add the images below a folder; return the number of other files."""

    def failed(folder: Path, reason: str) -> None:
        found.problems.append((str(folder), f"cannot be read: {reason}"))

    others = 0
    for folder, names in walk(root, failed):
        inner = folder.relative_to(root).as_posix()
        for name in names:
            if not is_image_file(folder / name):
                others += 1
            elif not is_text(name):
                failed(Path(as_text(folder / name)), UNNAMEABLE)
            else:
                try:
                    found.images += _of_file(folder / name, inner)
                except NoImageError:
                    others += 1
    return others


def _once(images: list[ImageFile]) -> list[ImageFile]:
    kept: dict[object, ImageFile] = {}
    for image in images:
        key = os.path.realpath(image.file) if image.file is not None else id(image)
        kept.setdefault(key, image)
    return list(kept.values())
