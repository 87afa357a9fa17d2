"""Small DICOM files, made with pydicom."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

RADIOGRAPH = "1.2.840.10008.5.1.4.1.1.1.1"  # Digital X-Ray Image Storage - For Presentation
LITTLE = "1.2.840.10008.1.2.1"


def need_pydicom() -> None:
    """Skip loudly where the extra is not installed."""
    pytest.importorskip("pydicom", reason="NO DICOM: install maskforge[dicom]")


def dataset(values: NDArray[Any], *, stored: int | None = None, **elements: Any) -> Any:
    """A DICOM image of one frame (H, W), of colors (H, W, 3), or of frames (N, H, W)."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import generate_uid

    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = LITTLE
    made.file_meta.MediaStorageSOPClassUID = made.SOPClassUID = RADIOGRAPH
    made.SOPInstanceUID = made.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    made.StudyInstanceUID, made.SeriesInstanceUID = generate_uid(), generate_uid()
    made.Modality = "IO"
    colors = values.ndim == 3 and values.shape[-1] == 3
    if values.ndim == 3 and not colors:
        made.NumberOfFrames = len(values)
    made.Rows, made.Columns = values.shape[:2] if colors else values.shape[-2:]
    made.SamplesPerPixel = 3 if colors else 1
    made.PhotometricInterpretation = "RGB" if colors else "MONOCHROME2"
    if colors:
        made.PlanarConfiguration = 0
    made.BitsAllocated = values.itemsize * 8
    made.BitsStored = stored or made.BitsAllocated
    made.HighBit = made.BitsStored - 1
    made.PixelRepresentation = int(values.dtype.kind == "i")
    made.PixelData = values.tobytes()
    for name, value in elements.items():
        setattr(made, name, value)
    return made


def write_dicom(path: Path, values: NDArray[Any], **elements: Any) -> Path:
    """Write an image; ``stored`` is the number of bits that count."""
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset(values, **elements).save_as(path, enforce_file_format=True)
    return path


def ramp(height: int = 6, width: int = 8, most: int = 4095) -> NDArray[np.uint16]:
    """Values from 0 to the largest, evenly."""
    return np.linspace(0, most, height * width).round().reshape(height, width).astype(np.uint16)


def real_file(name: str) -> Path:
    """A file that pydicom or pydicom-data ships."""
    from pydicom.data import get_testdata_file

    found = get_testdata_file(name.rpartition("/")[2], download=False)
    if found is None:
        pytest.skip(f"NO REAL DICOM: {name} is not there; install pydicom-data")
    return Path(found)
