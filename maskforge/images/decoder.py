"""Finding the pictures that annotations belong to, and their size without decoding them."""

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
class PictureHeader:
    """What the header of a picture says.

    Attributes:
        stored: Size of the pixels as they are stored.
        orientation: EXIF orientation, 1 to 8; 1 if there is none.
    """

    stored: Size
    orientation: int = 1

    @property
    def upright(self) -> Size:
        """Size of the picture as it is shown, with the EXIF orientation applied."""
        if self.orientation in _TRANSPOSING:
            return Size(self.stored.height, self.stored.width)
        return self.stored


@contextlib.contextmanager
def open_picture(source: Path | bytes) -> Iterator[Image]:
    """Open a picture with Pillow, which decodes it only if asked to.

    Warnings about damaged metadata are not shown, and pictures may be as large as a mask.

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
            with _stream(source) as stream, Image.open(stream) as picture:
                yield picture
        except OSError:
            raise
        except Exception as error:  # the decoders raise whatever they run into
            raise OSError(str(error) or type(error).__name__) from error
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def _stream(source: Path | bytes) -> IO[bytes]:
    return io.BytesIO(source) if isinstance(source, bytes) else source.open("rb")


def read_header(source: Path | bytes) -> PictureHeader:
    """Read size and EXIF orientation of a picture without decoding its pixels.

    Raises:
        OSError: If the header cannot be read.
    """
    with open_picture(source) as picture:
        return _header(picture)


def _header(picture: Image) -> PictureHeader:
    from PIL import Image
    from PIL.TiffImagePlugin import IMAGELENGTH, IMAGEWIDTH, TiffImageFile

    # The override for PNG decodes all pixels to find EXIF data that stands behind them.
    orientation = Image.Image.getexif(picture).get(_ORIENTATION_TAG, 1)
    size = Size(*picture.size)
    if isinstance(picture, TiffImageFile):  # which gives the size as it is shown
        size = Size(picture.tag_v2[IMAGEWIDTH], picture.tag_v2[IMAGELENGTH])
    return PictureHeader(size, orientation if orientation in range(1, 9) else 1)


def picture_suffix(picture: bytes) -> str:
    """Return the suffix that fits the content of an encoded picture, such as ``.jpg``.

    Raises:
        OSError: If it cannot be read.
    """
    with open_picture(picture) as opened:
        name = (opened.format or "").lower()
    return {"jpeg": ".jpg", "mpo": ".jpg", "tiff": ".tif"}.get(name, f".{name}")


def read_pixels(source: Path | bytes, *, upright: bool = False, verify: bool = False) -> Image:
    """Decode a picture.

    Args:
        source: The picture, or its file.
        upright: Whether to apply the EXIF orientation.
        verify: Whether to look at the checksums of a PNG first: where every value counts, because
            decoding alone overlooks most damage.

    Raises:
        OSError: If it cannot be decoded, or is larger than a mask may be.
    """
    from PIL.TiffImagePlugin import TiffImageFile

    if verify:
        with open_picture(source) as picture:
            picture.verify()
    with open_picture(source) as picture:
        if picture.width * picture.height > MOST_PIXELS:
            raise OSError(f"{Size(*picture.size)} px are more than {MOST_PIXELS:,}")
        orientation = _header(picture).orientation
        picture.load()
        if isinstance(picture, TiffImageFile) == upright:  # decoding turns TIFF upright by itself
            return picture
        return _turned(picture, orientation, back=not upright)


def _turned(picture: Image, orientation: int, *, back: bool) -> Image:
    """Return a picture turned from its orientation to the upright one, or back."""
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
    return picture.transpose(ways[orientation]) if orientation in ways else picture
