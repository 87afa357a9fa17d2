"""Where the files of an export go: annotations, and the images that they refer to."""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

from maskforge.choices import ImageFiles
from maskforge.errors import DatasetError, OutputError
from maskforge.files import read_bytes
from maskforge.formats.writer import WrittenClass, WrittenImage
from maskforge.images.decoder import read_image
from maskforge.images.page import split_page
from maskforge.images.suffixes import suffix_of
from maskforge.issues import Origin
from maskforge.masks.classes import ClassMap
from maskforge.remote.address import address_of, way

_LOSSLESS = frozenset((".png", ".tif", ".tiff", ".bmp"))


class WrittenFiles:
    """What a writer may use; see ``maskforge.formats.writer.WriteContext``.

    Attributes:
        folder: Absolute path of the output folder.
        classes: All classes by id, without the background.
        image_files: What becomes of the images.
        not_held: What a writer could not write, by its name.
    """

    def __init__(
        self,
        folder: Path,
        classes: ClassMap,
        image_files: ImageFiles,
        write: Callable[[str, bytes], None],
        *,
        embeds: bool,
    ) -> None:
        self.folder = Path(os.path.abspath(folder))  # noqa: PTH100 - links stay as they are
        self.classes = tuple(
            WrittenClass(id_, classes.names[id_], classes.colors[id_]) for id_ in classes.ids
        )
        self.image_files = image_files
        self.not_held: Counter[str] = Counter()
        self._write = write
        self._embeds = embeds
        self._copied: set[str] = set()

    def write(self, name: str, content: bytes) -> None:
        """Write a file; see ``WriteContext``."""
        self._write(name, content)

    def image_path(self, image: WrittenImage, copy: str, seen_from: str = "") -> str:
        """Return the path of an image for its annotation; see ``WriteContext``."""
        is_page = image.file is not None and split_page(image.file)[1] is not None
        in_store = image.file and way(image.file.absolute(), self.folder / seen_from)
        if in_store and not is_page and self.image_files != "copy":
            return in_store
        # A path of this machine means nothing in a store.
        must_copy = is_page or address_of(self.folder) is not None
        must_copy |= image.file is None and not self._embeds
        if self.image_files == "copy" or must_copy:
            self.copy_image(image, copy)
        if self.image_files == "copy" or must_copy or image.file is None:
            return _seen(PurePosixPath(copy), PurePosixPath(seen_from))
        file = os.path.abspath(image.file)  # noqa: PTH100 - links stay as they are
        try:
            return Path(os.path.relpath(file, self.folder / seen_from)).as_posix()
        except ValueError:  # on another drive
            return Path(file).as_posix()

    def copy_image(self, image: WrittenImage, name: str) -> bool:
        """Copy an image; see ``WriteContext``."""
        content = image_content(image.file, image.content, suffix_of(PurePosixPath(name).name))
        if content is None:
            return False
        if name not in self._copied:
            self._copied.add(name)
            self._write(name, content)
        return True

    def left_out(self, what: str, count: int = 1) -> None:
        """Count what the format cannot hold; see ``WriteContext``."""
        self.not_held[what] += count


def image_content(file: Path | None, content: bytes | None, suffix: str) -> bytes | None:
    """Return an image as the content of a file with that suffix; None if there is no image.

    A file is taken as it is, unless its suffix is another one: then it is encoded anew.

    Args:
        file: The image; it comes before the content.
        content: An image that was in an annotation file, which is always taken as it is.
        suffix: One of a type without loss, or that of the file.

    Raises:
        OutputError: If it cannot be read, or encoded without loss.
    """
    if file is None:
        return content
    if suffix_of(file.name).lower() == suffix.lower():
        with _named(file):
            return read_bytes(file)
    return encoded(file, suffix, upright=False)


def encoded(file: Path, suffix: str, *, upright: bool) -> bytes:
    """Return the pixels of an image as the content of another file, without loss.

    Args:
        file: The image.
        suffix: Of a type without loss.
        upright: Whether to apply its EXIF orientation.

    Raises:
        OutputError: If it cannot be read or encoded.
    """
    import cv2

    if suffix.lower() not in _LOSSLESS:
        raise OutputError(
            f"the image cannot become a {suffix} file without loss", origin=Origin(file, "")
        )
    with _named(file):
        pixels = read_image(file, upright=upright)
    return cv2.imencode(suffix, pixels[..., ::-1])[1].tobytes()


@contextlib.contextmanager
def _named(file: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, DatasetError) as error:
        reason = getattr(error, "strerror", None) or getattr(error, "message", None) or error
        text = f"the image cannot be copied: {reason}"
        raise OutputError(text, origin=Origin(file, "")) from None


def _seen(path: PurePosixPath, folder: PurePosixPath) -> str:
    return Path(os.path.relpath(path, folder)).as_posix()
