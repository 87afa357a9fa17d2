"""Reading images ahead of the network."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from maskforge.dataset.writer import Account
from maskforge.errors import DatasetError
from maskforge.images.decoder import read_image
from maskforge.images.stored import Pixels
from maskforge.prediction.image_list import ImageFile, orientation_of

_READ_AHEAD = 2


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
        pixels: (H, W, 1) or (H, W, 3), uint8 or uint16; None if it could not be read.
        orientation: EXIF orientation, 1 to 8.
        upright: Whether it was applied to the pixels.
        reason: Why there are no pixels.
        known: Its name, and what an earlier run has made of it.
    """

    image: ImageFile
    pixels: Pixels | None = None
    orientation: int = 1
    upright: bool = False
    reason: str = ""
    known: Known = Known("")


def _load(image: ImageFile, known: Known) -> Loaded:
    if known.account is not None:
        return Loaded(image, known=known)
    return replace(_read(image), known=known)


def _read(image: ImageFile) -> Loaded:
    if image.file is None:
        return Loaded(image, reason="the data set does not know where the image is")
    if image.problem:
        return Loaded(image, reason=image.problem)
    try:
        orientation, upright = orientation_of(image)
        pixels = read_image(image.file, upright=upright)
    except DatasetError as error:
        return Loaded(image, reason=error.message)
    except OSError as error:
        return Loaded(image, reason=f"cannot be read: {error.strerror or error}")
    except MemoryError:
        return Loaded(image, reason="there is not enough memory to read it")
    return Loaded(image, pixels, orientation, upright)


def read_ahead(
    images: Sequence[ImageFile], recall: Callable[[ImageFile], Known]
) -> Generator[Loaded, None, None]:
    """Yield the images in order, while a thread reads the next ones.

    Args:
        images: The images.
        recall: Called in the thread, in the order of the images; one that is done is not read.
    """

    def load(image: ImageFile) -> Loaded:
        return _load(image, recall(image))

    with ThreadPoolExecutor(1, "maskforge-reader") as reader:
        try:
            waiting = [reader.submit(load, one) for one in images[:_READ_AHEAD]]
            for number in range(len(images)):
                loaded = waiting.pop(0).result()
                if number + _READ_AHEAD < len(images):
                    waiting.append(reader.submit(load, images[number + _READ_AHEAD]))
                yield loaded
        finally:
            reader.shutdown(wait=False, cancel_futures=True)
