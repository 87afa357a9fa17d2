"""DICOM files: radiographs as they come from clinics, of one frame or many."""

from __future__ import annotations

import contextlib
import math
import warnings
import zlib
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from maskforge.errors import require
from maskforge.images.containers.base import Container, ImageHeader, NoImageError, Window
from maskforge.images.containers.codestream import coded_size
from maskforge.images.gray_scale import GrayScale, linear_window
from maskforge.images.stored import Stored
from maskforge.shapes import MOST_PIXELS, Size, Spacing

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_MARK = slice(128, 132)
_META = slice(132, 144)
_META_LENGTH = b"\x02\x00\x00\x00UL\x04\x00"
_DEFLATED = "1.2.840.10008.1.2.1.99"
_MOST_DEFLATED = 2**30
_BEGINNING = 2**12  # in which the transfer syntax stands
_CHUNK = 2**20
_ITEMS = 12  # bytes before the items of encapsulated pixel data
_TO_GRAY = 16  # the most bits of gray

_GDCM = "pip install python-gdcm"
_OPENJPEG = "pip install pylibjpeg pylibjpeg-openjpeg"
_LIBJPEG = "pip install pylibjpeg-libjpeg (which is under the GPL)"
_DECODERS = {
    "1.2.840.10008.1.2.4.51": _LIBJPEG,
    "1.2.840.10008.1.2.4.57": _GDCM,
    "1.2.840.10008.1.2.4.70": _GDCM,
    "1.2.840.10008.1.2.4.80": "pip install pyjpegls",
    "1.2.840.10008.1.2.4.81": "pip install pyjpegls",
    "1.2.840.10008.1.2.4.90": _OPENJPEG,
    "1.2.840.10008.1.2.4.91": _OPENJPEG,
    "1.2.840.10008.1.2.4.201": _OPENJPEG,
    "1.2.840.10008.1.2.4.202": _OPENJPEG,
    "1.2.840.10008.1.2.4.203": _OPENJPEG,
}
"""What installs a decoder, by transfer syntax; others need nothing."""

_SPACINGS = ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing")
_GROUPS = (
    "PixelValueTransformationSequence",
    "FrameVOILUTSequence",
    "PixelMeasuresSequence",
)
"""What the functional groups of a frame say that files of one frame say themselves."""

IDENTIFYING = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientBirthName",
    "PatientMotherBirthName",
    "PatientAddress",
    "PatientTelephoneNumbers",
    "OtherPatientIDs",
    "OtherPatientNames",
    "OtherPatientIDsSequence",
    "AccessionNumber",
    "ReferringPhysicianName",
    "PerformingPhysicianName",
    "PhysiciansOfRecord",
    "OperatorsName",
    "RequestingPhysician",
    "InstitutionName",
    "InstitutionAddress",
)
"""Elements that say who somebody is, as long as they are not empty."""

_READ = (
    *IDENTIFYING,
    *_SPACINGS,
    *_GROUPS,
    "PatientIdentityRemoved",
    "SOPClassUID",
    "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "PlanarConfiguration",
    "NumberOfFrames",
    "Rows",
    "Columns",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "ModalityLUTSequence",
    "RescaleSlope",
    "RescaleIntercept",
    "RescaleType",
    "VOILUTSequence",
    "VOILUTFunction",
    "WindowCenter",
    "WindowWidth",
    "RedPaletteColorLookupTableDescriptor",
    "GreenPaletteColorLookupTableDescriptor",
    "BluePaletteColorLookupTableDescriptor",
    "RedPaletteColorLookupTableData",
    "GreenPaletteColorLookupTableData",
    "BluePaletteColorLookupTableData",
    "SegmentedRedPaletteColorLookupTableData",
    "SegmentedGreenPaletteColorLookupTableData",
    "SegmentedBluePaletteColorLookupTableData",
)
"""The elements that are read; all others are passed over."""

_SEGMENTATIONS = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")


class _DicomFile:
    def __init__(self, stream: IO[bytes]) -> None:
        require("pydicom", "maskforge[dicom]", "DICOM files")
        from pydicom import dcmread

        # It tells of every irregular value, as most devices write some.
        warnings.filterwarnings("ignore", module=r"pydicom\b")
        self._stream = stream
        _check_deflated(stream)
        stream.seek(0)
        self._dataset = dcmread(stream, stop_before_pixels=True, specific_tags=list(_READ))
        self._pixels_at = stream.tell()
        self._syntax = str(self._dataset.file_meta.get("TransferSyntaxUID", ""))
        self._size = _size(self._dataset)

    def count(self) -> int:
        return max(1, int(self._dataset.get("NumberOfFrames") or 1))

    @property
    def _bits(self) -> int:
        table = self._dataset.get("RedPaletteColorLookupTableDescriptor")
        return int(table[2] if table else self._dataset.get("BitsStored") or 8)

    @property
    def _is_gray(self) -> bool:
        return str(self._dataset.get("PhotometricInterpretation", "")).startswith("MONOCHROME")

    def header(self, page: int) -> ImageHeader:
        found = self._dataset
        return ImageHeader(
            self._size,
            channels=1 if self._is_gray else 3,
            bits=8 if self._bits <= 8 else 16,
            format="dicom",
            spacing=_spacing(_of_frame(found, page)),
            patient=_text(found, "PatientID"),
            identifying=_identifying(found),
        )

    def read(self, page: int, *, checked: bool, step: int) -> Stored:
        from pydicom.pixels import apply_color_lut

        if page > self.count():
            raise ValueError(f"it has {self.count()} frames, and no frame {page}")
        found, values = self._dataset, self._decoded(page)
        if self._is_gray:
            return Stored(values, gray=_gray_scale(_of_frame(found, page), values.dtype))
        if found.PhotometricInterpretation == "PALETTE COLOR":
            values = apply_color_lut(values, found)
        return Stored(np.ascontiguousarray(values), color=True)

    def read_part(self, page: int, window: Window, step: int) -> Stored | None:
        return None

    def _decoded(self, page: int) -> NDArray[Any]:
        """Return the values of a frame: (H, W) or (H, W, 3)."""
        from pydicom import dcmread
        from pydicom.pixels import get_decoder, pixel_array

        size = self._size
        if size.width * size.height > MOST_PIXELS:
            raise ValueError(f"{size} px are more than {MOST_PIXELS:,}")
        self._check_decoder(get_decoder)
        self._stream.seek(0)
        # Of many frames, the others are not read.
        alone = self.count() == 1 or self._syntax == _DEFLATED
        whole = dcmread(self._stream) if alone else None
        self._check_coded_size(page, None if whole is None else whole.get("PixelData"))
        self._stream.seek(0)
        try:
            values: NDArray[Any] = pixel_array(
                self._stream if whole is None else whole, index=page - 1
            )
        except Exception as error:
            last = (str(error) or type(error).__name__).splitlines()[-1].strip()
            install = _DECODERS.get(self._syntax)
            hint = f"; what can decode it: {install}" if install == _LIBJPEG else ""
            raise ValueError(f"its pixels cannot be decoded: {last}{hint}") from error
        return values

    def _check_decoder(self, get_decoder: Any) -> None:  # noqa: ANN401 - of pydicom
        from pydicom.uid import UID

        name = UID(self._syntax).name
        try:
            decoder = get_decoder(self._syntax)
        except NotImplementedError:
            raise ValueError(f"its pixels are coded as {name}, which is not read") from None
        if decoder.is_encapsulated and not decoder.is_available:
            install = _DECODERS.get(self._syntax, _GDCM)
            raise ValueError(f"its pixels are coded as {name}; install a decoder: {install}")

    def _check_coded_size(self, page: int, data: bytes | None) -> None:
        """Make sure that the coded image inside has the size that the file tells.

        Args:
            page: The page.
            data: The pixel data; None to read the frame alone.

        Raises:
            ValueError: If it has another: a small file must not fill the memory.
        """
        from pydicom.encaps import get_frame
        from pydicom.uid import UID

        if not UID(self._syntax).is_encapsulated:
            return
        self._stream.seek(self._pixels_at + _ITEMS)
        source = self._stream if data is None else data
        found = coded_size(get_frame(source, page - 1, number_of_frames=self.count()))
        if found is not None and found != self._size:
            raise ValueError(f"the file tells {self._size} px, but its frame has {found} px")


def _check_deflated(stream: IO[bytes]) -> None:
    """Make sure that a deflated file does not become too large before anything is known of it.

    Raises:
        ValueError: If it does.
    """
    start = stream.read(_BEGINNING)
    if _DEFLATED.encode() not in start:
        return
    meta = start[_META]
    if not meta.startswith(_META_LENGTH):
        raise ValueError("its file meta information is damaged")
    stream.seek(_META.stop + int.from_bytes(meta[len(_META_LENGTH) :], "little"))
    inflate, total = zlib.decompressobj(-zlib.MAX_WBITS), 0
    while chunk := (inflate.unconsumed_tail or stream.read(_CHUNK)):
        total += len(inflate.decompress(chunk, _CHUNK))
        if total > _MOST_DEFLATED:
            raise ValueError(f"it is deflated, and has more than {_MOST_DEFLATED:,} bytes")


def _size(found: Dataset) -> Size:
    if found.get("SOPClassUID", "") in _SEGMENTATIONS:
        raise NoImageError("it is a DICOM segmentation, not an image")
    if not (found.get("Rows") and found.get("Columns")):
        raise NoImageError("it is a DICOM file without an image")
    return Size(int(found.Columns), int(found.Rows))


def _of_frame(found: Dataset, page: int) -> Dataset:
    """Return what is known of a frame: of itself, of all frames, of the file."""
    from pydicom.dataset import Dataset

    whole = Dataset()
    whole.update(found)
    frames = found.get("PerFrameFunctionalGroupsSequence") or []
    groups = [*(found.get("SharedFunctionalGroupsSequence") or [])[:1], *frames[page - 1 : page]]
    for group in groups:
        for name in _GROUPS:
            for item in (group.get(name) or [])[:1]:
                whole.update(item)
    return whole


def _spacing(found: Dataset) -> Spacing | None:
    for name in _SPACINGS:
        with contextlib.suppress(Exception):  # whatever is wrong with it, it is not known then
            down, across = map(float, found[name].value)
            if all(0 < one < math.inf for one in (down, across)):
                return Spacing(across, down)
    return None


def _text(found: Dataset, name: str) -> str:
    with contextlib.suppress(Exception):
        return str(found.get(name) or "").strip(" ^\0")
    return ""


def _identifying(found: Dataset) -> tuple[str, ...]:
    if _text(found, "PatientIdentityRemoved") == "YES":
        return ()
    return tuple(one for one in IDENTIFYING if _text(found, one))


def _gray_scale(found: Dataset, dtype: np.dtype[Any]) -> GrayScale:
    """Return what the values of a gray frame mean.

    Args:
        found: What is known of the frame.
        dtype: Of the decoded values.

    Raises:
        ValueError: If it holds fractions, has too many bits, or its tables cannot be used.
    """
    from pydicom.pixels import apply_modality_lut

    if dtype.kind not in "iu" or dtype.itemsize * 8 > _TO_GRAY:
        raise ValueError(f"it holds {dtype}; of gray, up to {_TO_GRAY} bits are read")
    limits = np.iinfo(dtype)
    ramp = np.arange(limits.min, limits.max + 1)
    measured = np.asarray(apply_modality_lut(ramp, found), dtype=np.float64)
    if not np.isfinite(measured).all():
        raise ValueError("its rescale slope or intercept is not a number")
    bits = min(int(found.get("BitsStored", limits.bits)), limits.bits)
    signed = limits.min < 0
    lowest = -(2 ** (bits - 1)) if signed else 0
    counted = measured[lowest - limits.min :][: 2**bits]
    return GrayScale(
        limits.min,
        measured,
        float(counted.min()),
        float(counted.max()),
        _shown(found, measured),
        found.PhotometricInterpretation == "MONOCHROME1",
        bits,
    )


def _shown(found: Dataset, measured: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Return the brightness, 0 to 1, that a file asks for; of several views, the first."""
    from pydicom.pixels import apply_voi

    if found.get("VOILUTSequence"):
        bits = int(found.VOILUTSequence[0].LUTDescriptor[2])
        levels = np.asarray(apply_voi(measured.round().astype(np.int64), found), np.float64)
        shown: NDArray[np.float64] = np.clip(levels / (2**bits - 1), 0, 1)
        return shown
    center, width = (_first(found, name) for name in ("WindowCenter", "WindowWidth"))
    if center is None or width is None:
        return None
    function = str(found.get("VOILUTFunction") or "LINEAR").upper()
    if function == "LINEAR" and width >= 1:
        return linear_window(measured, center, width)
    if function == "LINEAR_EXACT" and width > 0:
        return np.clip((measured - center) / width + 0.5, 0, 1)
    if function == "SIGMOID" and width > 0:
        with np.errstate(over="ignore"):
            return np.asarray(1 / (1 + np.exp(-4 * (measured - center) / width)))
    raise ValueError(
        f"its window {center:g}/{width:g} ({function}) cannot be used; choose one with "
        "--dicom-window"
    )


def _first(found: Dataset, name: str) -> float | None:
    value = found.get(name)
    if value is None or value == "":
        return None
    number = float(value if isinstance(value, (int, float, str)) else next(iter(value)))
    if not math.isfinite(number):
        raise ValueError(f"its {name} is not a number")
    return number


@contextlib.contextmanager
def _open(stream: IO[bytes]) -> Iterator[_DicomFile]:
    yield _DicomFile(stream)


def is_dicom(start: bytes) -> bool:
    """Tell by the first 132 bytes of a file whether it is a DICOM file."""
    return start[_MARK] == b"DICM"


CONTAINER = Container(recognizes=is_dicom, open=_open)
