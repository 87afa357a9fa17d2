"""Reading images ahead of the network."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from maskforge.errors import DatasetError
from maskforge.images.decoder import read_image
from maskforge.images.stored import Pixels
from maskforge.prediction.image_list import ImageFile, orientation_of

_READ_AHEAD = 2


@dataclass(frozen=True, slots=True, eq=False)
class Loaded:
    """An image that was read, or the reason why it was not.

    Attributes:
        image: The image.
        pixels: (H, W, 1) or (H, W, 3), uint8 or uint16; None if it could not be read.
        orientation: EXIF orientation, 1 to 8.
        upright: Whether it was applied to the pixels.
        reason: Why there are no pixels.
    """

    image: ImageFile
    pixels: Pixels | None = None
    orientation: int = 1
    upright: bool = False
    reason: str = ""


def _load(image: ImageFile) -> Loaded:
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


def read_ahead(images: Sequence[ImageFile]) -> Generator[Loaded, None, None]:
    """Yield the images in order, while a thread reads the next ones."""
    with ThreadPoolExecutor(1, "maskforge-reader") as reader:
        try:
            waiting = [reader.submit(_load, one) for one in images[:_READ_AHEAD]]
            for number in range(len(images)):
                loaded = waiting.pop(0).result()
                if number + _READ_AHEAD < len(images):
                    waiting.append(reader.submit(_load, images[number + _READ_AHEAD]))
                yield loaded
        finally:
            reader.shutdown(wait=False, cancel_futures=True)
