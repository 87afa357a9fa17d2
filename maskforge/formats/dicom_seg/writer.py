"""Writing DICOM SEG: a binary segmentation for every DICOM image, which refers to it."""

from __future__ import annotations

import hashlib
import warnings
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

import maskforge
from maskforge.errors import require
from maskforge.formats.writer import Holds, WriteContext, Writer, WrittenClass, WrittenImage
from maskforge.images.decoder import read_header
from maskforge.images.page import split_page

_SCHEME = "99MASKFORGE"
_VOID = 255
_MAKER = "maskforge"
_SERIES = 1
_MAY_BE_EMPTY = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyID",
    "StudyDate",
    "StudyTime",
    "AccessionNumber",
    "ReferringPhysicianName",
)
"""Elements that a segmentation takes from its image, and that de-identified images lack."""

_CONTRIBUTION_TIME = 0x0018A002
_NO_TIME = ("19000101", "000000")


class DicomSegWriter(Writer):
    """One file per image, with a segment for every class of the class map."""

    title = "DICOM SEG"
    holds = Holds(areas=False, holes=(), overlaps=False, pixels=True, upright=False)

    def __init__(self, context: WriteContext) -> None:
        """Write nothing yet.

        Raises:
            MissingDependencyError: If highdicom is not installed.
        """
        super().__init__(context)
        require("highdicom", "maskforge[dicom-seg]", "DICOM segmentations")
        self._classes = [one for one in context.classes if one.is_foreground]

    def add(self, image: WrittenImage) -> None:
        """Write the segmentation of an image, if that is a DICOM file of one frame."""
        source = _dicom_of(image)
        if source is None:
            self._context.left_out("masks of images that are not DICOM files")
            return
        if source.get("NumberOfFrames", 1) not in (None, 1):
            self._context.left_out("masks of frames of DICOM files with many")
            return
        for name in _MAY_BE_EMPTY:
            if name not in source:
                setattr(source, name, None)
        mask, _, _ = image.draw()
        if void := int(np.count_nonzero(mask == _VOID)):
            self._context.left_out("void pixels", void)
        numbers = np.zeros(int(mask.max()) + 1, np.uint16)
        for number, one in enumerate(self._classes, 1):
            if one.id < len(numbers):
                numbers[one.id] = number
        try:
            content = _segmentation(source, numbers[mask], self._classes, image)
        except Exception as error:  # of highdicom, about elements that the image should have
            reason = str(error) or type(error).__name__
            self._context.left_out(f"masks of DICOM files that cannot be referred to ({reason})")
            return
        self._context.write(f"{image.name}.dcm", content)


def _dicom_of(image: WrittenImage) -> Any:  # noqa: ANN401 - a data set of pydicom, or None
    """Return the header of a DICOM image."""
    from pydicom import dcmread

    source = image.file if image.file is not None else image.content
    try:
        if source is None or read_header(source).format != "dicom":
            return None
    except OSError:
        return None
    if isinstance(source, bytes):
        return dcmread(BytesIO(source), stop_before_pixels=True)
    return dcmread(split_page(source)[0], stop_before_pixels=True)


def _segmentation(
    source: Any,  # noqa: ANN401 - of pydicom
    numbers: NDArray[np.uint16],
    classes: list[WrittenClass],
    image: WrittenImage,
) -> bytes:
    """Return a DICOM SEG.

    Args:
        source: Header of the image.
        numbers: (H, W): the segment of every pixel, from 1; 0 is the background.
        classes: What the segments are, in this order.
        image: The image.
    """
    from highdicom import AlgorithmIdentificationSequence
    from highdicom.seg import SegmentAlgorithmTypeValues, Segmentation, SegmentDescription
    from pydicom.sr.coding import Code
    from pydicom.uid import generate_uid

    kind = SegmentAlgorithmTypeValues.MANUAL
    algorithm = None
    if image.is_predicted:
        kind = SegmentAlgorithmTypeValues.AUTOMATIC
        algorithm = AlgorithmIdentificationSequence(
            name=_MAKER,
            family=Code("123110", "DCM", "Artificial Intelligence"),
            version=maskforge.__version__,
        )
    unknown = Code("309825002", "SCT", "Spatial and Relational Concept")
    described = [
        SegmentDescription(
            segment_number=number,
            segment_label=one.name[:64],
            segmented_property_category=unknown,
            segmented_property_type=Code(str(one.id), _SCHEME, one.name[:64]),
            algorithm_type=kind,
            algorithm_identification=algorithm,
            tracking_id=None,
            tracking_uid=None,
        )
        for number, one in enumerate(classes, 1)
    ]
    seed = hashlib.sha256(numbers.tobytes())
    for text in (source.SOPInstanceUID, kind.value, *(f"{one.id} {one.name}" for one in classes)):
        seed.update(f"{text}\n".encode())
    digest = seed.hexdigest()
    warnings.filterwarnings("ignore", module=r"(high|py)dicom\b")  # of odd values
    made = Segmentation(
        source_images=[source],
        pixel_array=numbers[None],
        segmentation_type="BINARY",
        segment_descriptions=described,
        series_instance_uid=generate_uid(entropy_srcs=[digest, "series"]),
        series_number=_SERIES,
        sop_instance_uid=generate_uid(entropy_srcs=[digest, "instance"]),
        instance_number=1,
        manufacturer=_MAKER,
        manufacturer_model_name=_MAKER,
        software_versions=maskforge.__version__,
        device_serial_number="0",
        content_label="MASKFORGE",
        omit_empty_frames=bool(numbers.any()),
    )
    _without_clock(made, source, digest)
    shared = made.SharedFunctionalGroupsSequence[0]
    measures = shared.get("PixelMeasuresSequence")
    if measures and "SliceThickness" not in measures[0]:  # a projection has none
        del shared.PixelMeasuresSequence  # which highdicom would not read again
    content = BytesIO()
    made.save_as(content, enforce_file_format=True)
    return content.getvalue()


def _without_clock(made: Any, source: Any, digest: str) -> None:  # noqa: ANN401 - of pydicom
    """Give a segmentation the time of its image, so that the same masks are the same files."""
    from pydicom.uid import generate_uid

    date = source.get("ContentDate") or source.get("StudyDate") or _NO_TIME[0]
    time = source.get("ContentTime") or source.get("StudyTime") or _NO_TIME[1]
    for name, value in (("Date", date), ("Time", time)):
        for what in ("Content", "InstanceCreation", "Series"):
            if f"{what}{name}" in made:
                setattr(made, f"{what}{name}", value)
    # highdicom makes up what groups the dimensions of the frames.
    group = generate_uid(entropy_srcs=[digest, "dimensions"])
    for name in ("DimensionOrganizationSequence", "DimensionIndexSequence"):
        for item in made.get(name, ()):
            item.DimensionOrganizationUID = group
    for item in made.get("ContributingEquipmentSequence", ()):
        if item.get("ManufacturerModelName") == "highdicom":
            item.pop(_CONTRIBUTION_TIME, None)


WRITERS = {"dicom-seg": DicomSegWriter}
