"""Reading pictures ahead of the network."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from maskforge.errors import DatasetError
from maskforge.images.pixels import Pixels, read_picture
from maskforge.prediction.image_list import Picture, orientation_of

_READ_AHEAD = 2


@dataclass(frozen=True, slots=True, eq=False)
class Loaded:
    """A picture that was read, or the reason why it was not.

    Attributes:
        picture: The picture.
        pixels: (H, W, C) uint8 or uint16; None if it could not be read.
        orientation: EXIF orientation, 1 to 8.
        upright: Whether it was applied to the pixels.
        reason: Why there are no pixels.
    """

    picture: Picture
    pixels: Pixels | None = None
    orientation: int = 1
    upright: bool = False
    reason: str = ""


def _load(picture: Picture) -> Loaded:
    if picture.file is None:
        return Loaded(picture, reason="the data set does not know where the picture is")
    try:
        orientation, upright = orientation_of(picture)
        pixels = read_picture(picture.file, upright=upright)
    except DatasetError as error:
        return Loaded(picture, reason=error.message)
    except OSError as error:
        return Loaded(picture, reason=f"cannot be read: {error.strerror or error}")
    except MemoryError:
        return Loaded(picture, reason="there is not enough memory to read it")
    return Loaded(picture, pixels, orientation, upright)


def read_ahead(pictures: Sequence[Picture]) -> Generator[Loaded, None, None]:
    """Yield the pictures in order, while a thread reads the next ones."""
    with ThreadPoolExecutor(1, "maskforge-reader") as reader:
        try:
            waiting = [reader.submit(_load, one) for one in pictures[:_READ_AHEAD]]
            for number in range(len(pictures)):
                loaded = waiting.pop(0).result()
                if number + _READ_AHEAD < len(pictures):
                    waiting.append(reader.submit(_load, pictures[number + _READ_AHEAD]))
                yield loaded
        finally:
            reader.shutdown(wait=False, cancel_futures=True)
