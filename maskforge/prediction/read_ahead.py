"""Reading images ahead of the network."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from maskforge.dataset.writer import Account
from maskforge.errors import DatasetError
from maskforge.images.decoder import read_header, read_image
from maskforge.images.large_image import LargeImage
from maskforge.images.stored import Pixels
from maskforge.prediction.image_list import ImageFile
from maskforge.shapes import Spacing

_AHEAD_OF_EACH = 2


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """What is known of an image before it is read.

    Attributes:
        name: Name of its mask.
        key: Digest of all that its files depend on; empty if that is not known.
        account: What an earlier run, with which this one goes on, has made of it; or None.
        files: SHA-256 of the files that it has written for it, by name.
    """

    name: str
    key: str = ""
    account: Account | None = None
    files: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Loaded:
    """An image that was read, or the reason why it was not.

    Attributes:
        image: The image.
        pixels: (H, W, 1) or (H, W, 3), uint8 or uint16; None if it could not be read. What is read
            in parts is not read yet.
        orientation: EXIF orientation, 1 to 8.
        upright: Whether it was applied to the pixels.
        reason: Why there are no pixels.
        known: Its name, and what an earlier run has made of it.
        spacing: Size of a pixel in millimeters; None if the image does not tell.
        identifying: Names of the elements of the file that say who somebody is.
    """

    image: ImageFile
    pixels: Pixels | LargeImage | None = None
    orientation: int = 1
    upright: bool = False
    reason: str = ""
    known: Known = Known("")
    spacing: Spacing | None = None
    identifying: tuple[str, ...] = ()


def _load(image: ImageFile, known: Known, most: int, window: str) -> Loaded:
    if known.account is not None:
        return Loaded(image, known=known)
    return replace(_read(image, most, window), known=known)


def _read(image: ImageFile, most: int, window: str) -> Loaded:
    if image.file is None or image.problem:
        unknown = "the data set does not know where the image is"
        return Loaded(image, reason=image.problem if image.file is not None else unknown)
    try:
        header = read_header(image.file)
        # Upright exactly if it has an EXIF orientation, unless its data set says.
        upright = header.orientation != 1 if image.upright is None else image.upright
        size = header.shown(upright=upright)
        pixels: Pixels | LargeImage
        if size.width * size.height > most:
            pixels = LargeImage(image.file, size, window)
        else:
            pixels = read_image(image.file, upright=upright, window=window)
    except DatasetError as error:
        return Loaded(image, reason=error.message)
    except OSError as error:
        return Loaded(image, reason=f"cannot be read: {error.strerror or error}")
    except MemoryError:
        return Loaded(image, reason="there is not enough memory to read it")
    return Loaded(
        image,
        pixels,
        header.orientation,
        upright,
        spacing=header.spacing,
        identifying=header.identifying,
    )


def read_ahead(
    images: Sequence[ImageFile],
    recall: Callable[[ImageFile], Known],
    threads: int,
    most: int,
    window: str,
) -> Generator[Loaded, None, None]:
    """Yield the images in order, while threads read the next ones, two for each thread.

    Args:
        images: The images.
        recall: Called in a thread, in the order of the images; one that is done is not read.
        threads: How many read images.
        most: Number of pixels above which images are read in parts.
        window: Which values of DICOM files are black and white.
    """
    ahead = _AHEAD_OF_EACH * threads
    with (
        ThreadPoolExecutor(threads, "maskforge-reader") as reader,
        ThreadPoolExecutor(1, "maskforge-recall") as memory,
    ):

        def begin(image: ImageFile) -> Future[Loaded]:
            known = memory.submit(recall, image)
            return reader.submit(lambda: _load(image, known.result(), most, window))

        try:
            waiting = deque(begin(one) for one in images[:ahead])
            for number in range(len(images)):
                loaded = waiting.popleft().result()
                if number + ahead < len(images):
                    waiting.append(begin(images[number + ahead]))
                yield loaded
        finally:
            for pool in (memory, reader):
                pool.shutdown(wait=False, cancel_futures=True)
