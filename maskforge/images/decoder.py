"""Finding the images that annotations belong to, and their size without decoding them."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from maskforge.shapes import MOST_PIXELS, Size

if TYPE_CHECKING:
    from PIL.Image import Image


_TRANSPOSING = (5, 6, 7, 8)  # EXIF orientations that swap width and height
_ORIENTATION_TAG = 0x0112


@dataclass(frozen=True, slots=True)
class ImageHeader:
    """What the header of an image says.

    Attributes:
        stored: Size of the pixels as they are stored.
        orientation: EXIF orientation, 1 to 8; 1 if there is none.
    """

    stored: Size
    orientation: int = 1

    @property
    def upright(self) -> Size:
        """Size of the image as it is shown, with the EXIF orientation applied."""
        if self.orientation in _TRANSPOSING:
            return Size(self.stored.height, self.stored.width)
        return self.stored


@contextlib.contextmanager
def open_image(source: Path | bytes) -> Iterator[Image]:
    """Open an image with Pillow, which decodes it only if asked to.

    Warnings about damaged metadata are not shown, and images may be as large as a mask.

    Raises:
        OSError: If it cannot be read, on opening or while it is used.
    """
    from PIL import Image

    limit = Image.MAX_IMAGE_PIXELS
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            # The limit guards against decoding bombs; whoever decodes has one of his own.
            Image.MAX_IMAGE_PIXELS = None
            # Given a path, Pillow maps uncompressed files, and garbles TIFF that lies on its side.
            with _stream(source) as stream, Image.open(stream) as image:
                yield image
        except OSError:
            raise
        except Exception as error:  # the decoders raise whatever they run into
            raise OSError(str(error) or type(error).__name__) from error
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def _stream(source: Path | bytes) -> IO[bytes]:
    return io.BytesIO(source) if isinstance(source, bytes) else source.open("rb")


def read_header(source: Path | bytes) -> ImageHeader:
    """Read size and EXIF orientation of an image without decoding its pixels.

    Raises:
        OSError: If the header cannot be read.
    """
    with open_image(source) as image:
        return _header(image)


def _header(image: Image) -> ImageHeader:
    from PIL import Image
    from PIL.TiffImagePlugin import IMAGELENGTH, IMAGEWIDTH, TiffImageFile

    # The override for PNG decodes all pixels to find EXIF data that stands behind them.
    orientation = Image.Image.getexif(image).get(_ORIENTATION_TAG, 1)
    size = Size(*image.size)
    if isinstance(image, TiffImageFile):  # which gives the size as it is shown
        size = Size(image.tag_v2[IMAGEWIDTH], image.tag_v2[IMAGELENGTH])
    return ImageHeader(size, orientation if orientation in range(1, 9) else 1)


def image_suffix(image: bytes) -> str:
    """Return the suffix that fits the content of an encoded image, such as ``.jpg``.

    Raises:
        OSError: If it cannot be read.
    """
    with open_image(image) as opened:
        name = (opened.format or "").lower()
    return {"jpeg": ".jpg", "mpo": ".jpg", "tiff": ".tif"}.get(name, f".{name}")


def read_pixels(source: Path | bytes, *, upright: bool = False, verify: bool = False) -> Image:
    """Decode an image.

    Args:
        source: The image, or its file.
        upright: Whether to apply the EXIF orientation.
        verify: Whether to look at the checksums of a PNG first: where every value counts, because
            decoding alone overlooks most damage.

    Raises:
        OSError: If it cannot be decoded, or is larger than a mask may be.
    """
    from PIL.TiffImagePlugin import TiffImageFile

    if verify:
        with open_image(source) as image:
            image.verify()
    with open_image(source) as image:
        if image.width * image.height > MOST_PIXELS:
            raise OSError(f"{Size(*image.size)} px are more than {MOST_PIXELS:,}")
        orientation = _header(image).orientation
        image.load()
        if isinstance(image, TiffImageFile) == upright:  # decoding turns TIFF upright by itself
            return image
        return _turned(image, orientation, back=not upright)


def _turned(image: Image, orientation: int, *, back: bool) -> Image:
    """Return an image turned from its orientation to the upright one, or back."""
    from PIL.Image import Transpose

    ways = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_90 if back else Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_270 if back else Transpose.ROTATE_90,
    }
    return image.transpose(ways[orientation]) if orientation in ways else image
