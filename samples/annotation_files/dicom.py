"""Radiographs as DICOM files, as an intraoral sensor and its software would write them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from annotation_files.marks import Sheet

_SHOWN = 41.0  # millimeters across an image
_STORAGE = "1.2.840.10008.5.1.4.1.1.1.3"  # Digital Intra-Oral X-Ray Image, for presentation
_BITS, _BITS_OF_SHEET = 12, 8
_IMAGES_OF_PATIENT = 2


def write_image(folder: Path, sheet: Sheet, seed: int, number: int) -> None:
    """Write the image of a sheet; two in a row are of one patient.

    Args:
        folder: Must exist.
        sheet: What to write.
        seed: Of the set.
        number: Of the image in the set, from 1.
    """
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, generate_uid

    patient = f"{seed}-{(number - 1) // _IMAGES_OF_PATIENT + 1:03}"
    image = Dataset()
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.SOPClassUID = image.file_meta.MediaStorageSOPClassUID = _STORAGE
    image.SOPInstanceUID = generate_uid(entropy_srcs=[patient, str(number)])
    image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
    image.StudyInstanceUID = generate_uid(entropy_srcs=[patient, "study"])
    image.SeriesInstanceUID = generate_uid(entropy_srcs=[patient, "series", str(number)])
    image.Modality, image.Manufacturer = "IO", "maskforge samples"
    image.PatientID, image.PatientIdentityRemoved = patient, "YES"
    image.DeidentificationMethod = "synthetic: there is no patient"
    image.StudyDate, image.StudyTime, image.StudyID = "20240318", "092653", "1"
    image.InstanceNumber = 1
    image.Rows, image.Columns = sheet.height, sheet.width
    image.PixelSpacing = [round(_SHOWN / sheet.width, 6)] * 2
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.BitsAllocated, image.BitsStored, image.HighBit = 16, _BITS, _BITS - 1
    image.PixelRepresentation = 0
    image.WindowCenter, image.WindowWidth = 2 ** (_BITS - 1), 2**_BITS
    values = sheet.image.astype(np.uint16) << (_BITS - _BITS_OF_SHEET)
    image.PixelData = values.tobytes()
    image.save_as(folder / sheet.name, enforce_file_format=True)
