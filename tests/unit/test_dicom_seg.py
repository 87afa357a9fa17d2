"""Segmentations in DICOM: read back by highdicom and by pydicom alone."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from builders import labelme, square
from dicom_files import need_pydicom, ramp, real_file, write_dicom
from PIL import Image

import maskforge as mf

need_pydicom()
import pydicom  # noqa: E402 - where it is

highdicom = pytest.importorskip("highdicom", reason="NO DICOM SEG: install maskforge[dicom-seg]")

CLASSES = {"enamel": 1, "caries": 2}


def told(path: Path, **elements: object) -> Path:
    values = {
        "PatientName": "Doe^Jane",
        "PatientID": "77",
        "PatientBirthDate": "",
        "PatientSex": "",
        "StudyDate": "20200203",
        "StudyTime": "101112",
        "StudyID": "1",
        "AccessionNumber": "",
        "ReferringPhysicianName": "",
        "PixelSpacing": [0.2, 0.1],
    }
    return write_dicom(path, ramp(), stored=12, **(values | elements))


@pytest.fixture
def masks(tmp_path):
    """Two images with masks of two classes, and one with nothing on it."""
    folder = tmp_path / "in"
    for name in ("a", "b"):
        told(folder / name)
        labelme(
            folder / f"{name}.json",
            square("enamel", 0, 0, 5, 4),
            *([square("caries", 1, 1, 3, 3)] if name == "a" else []),
            image=name,
        )
    told(folder / "c.dcm")
    labelme(folder / "c.json", image="c.dcm")
    mf.convert(folder, tmp_path / "masks")
    return tmp_path / "masks"


def test_segments_are_the_classes_and_refer_to_the_image(masks, tmp_path):
    report = mf.export(masks, tmp_path / "out", format="dicom-seg")
    assert (report.images["written"], report.left_out) == (3, {})
    dataset = mf.open_dataset(masks)
    for item in dataset:
        name = item.image_path.stem
        made = highdicom.seg.segread(tmp_path / "out" / f"{name}.dcm")
        source = pydicom.dcmread(item.image_path)
        labels = [one.SegmentLabel for one in made.SegmentSequence]
        assert labels == [dataset.classes.names[id_] for id_ in dataset.classes.foreground_ids]
        referred = made.ReferencedSeriesSequence[0]
        assert referred.SeriesInstanceUID == source.SeriesInstanceUID
        (one,) = referred.ReferencedInstanceSequence
        assert one.ReferencedSOPInstanceUID == source.SOPInstanceUID
        assert made.StudyInstanceUID == source.StudyInstanceUID
        assert made.SegmentSequence[0].SegmentAlgorithmType == "MANUAL"
        found = made.get_pixels_by_source_instance(
            [source.SOPInstanceUID],
            combine_segments=True,
            ignore_spatial_locations=True,
            assert_missing_frames_are_empty=True,
        )[0]
        ids = np.array([0, *dataset.classes.foreground_ids])
        assert np.array_equal(ids[found], item.read_mask())


def test_pydicom_alone_finds_the_pixels(masks, tmp_path):
    mf.export(masks, tmp_path / "out", format="dicom-seg")
    dataset = mf.open_dataset(masks)
    item = next(iter(dataset))
    made = pydicom.dcmread(tmp_path / "out/a.dcm")
    assert (made.Modality, made.SegmentationType, made.BitsAllocated) == ("SEG", "BINARY", 1)
    planes = np.atleast_3d(made.pixel_array).reshape(-1, made.Rows, made.Columns)
    for plane, group in zip(planes, made.PerFrameFunctionalGroupsSequence, strict=True):
        number = group.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        id_ = dataset.classes.foreground_ids[number - 1]
        assert np.array_equal(plane == 1, item.read_mask() == id_)


def test_a_slice_keeps_where_it_lies(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    shutil.copy(real_file("CT_small.dcm"), folder / "a.dcm")
    labelme(folder / "a.json", square("x", 1, 1, 3, 3), image="a.dcm", width=128, height=128)
    mf.export(folder, tmp_path / "out", format="dicom-seg")
    made = highdicom.seg.segread(tmp_path / "out/a.dcm")
    measures = made.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    assert list(measures.PixelSpacing) == [0.661468, 0.661468]
    found = made.get_volume(combine_segments=True).array
    assert np.argwhere(np.squeeze(found)).tolist() == [[1, 1], [1, 2], [2, 1], [2, 2]]


def test_an_image_that_names_nobody_will_do(tmp_path):
    write_dicom(tmp_path / "in/a.dcm", ramp())
    labelme(tmp_path / "in/a.json", square("caries", 1, 1, 3, 3), image="a.dcm")
    mf.export(tmp_path / "in", tmp_path / "out", format="dicom-seg")
    made = highdicom.seg.segread(tmp_path / "out/a.dcm")
    assert not made.PatientName
    assert made.pixel_array.sum() == 4


def test_same_masks_are_the_same_files(masks, tmp_path):
    for out in ("one", "two"):
        mf.export(masks, tmp_path / out, format="dicom-seg")
    for one in sorted((tmp_path / "one").glob("*.dcm")):
        assert one.read_bytes() == (tmp_path / "two" / one.name).read_bytes()
    uids = {highdicom.seg.segread(one).SOPInstanceUID for one in (tmp_path / "one").glob("*.dcm")}
    assert len(uids) == 3


def test_what_no_segmentation_can_refer_to_is_counted(tmp_path):
    folder = tmp_path / "in"
    labelme(folder / "a.json", square("caries", 1, 1, 3, 3))
    Image.new("L", (8, 6)).save(folder / "a.png")
    write_dicom(folder / "b.dcm", np.zeros((2, 6, 8), np.uint8))
    labelme(folder / "b.json", square("caries", 1, 1, 3, 3), image="b.dcm")
    told(folder / "c.dcm")
    without_study = pydicom.dcmread(folder / "c.dcm")
    del without_study.StudyInstanceUID
    without_study.save_as(folder / "c.dcm")
    labelme(folder / "c.json", square("caries", 1, 1, 3, 3), image="c.dcm")
    report = mf.export(folder, tmp_path / "out", format="dicom-seg")
    assert report.left_out["masks of images that are not DICOM files"] == 1
    assert report.left_out["masks of frames of DICOM files with many"] == 1
    (reason,) = [one for one in report.left_out if "cannot be referred to" in one]
    assert "StudyInstanceUID" in reason
    assert not list((tmp_path / "out").glob("*.dcm"))


def test_without_the_package_the_extra_is_named(masks, tmp_path, monkeypatch):
    monkeypatch.setattr("maskforge.errors.is_installed", lambda package: package != "highdicom")
    with pytest.raises(mf.errors.MissingDependencyError, match="highdicom") as error:
        mf.export(masks, tmp_path / "out", format="dicom-seg")
    assert "maskforge[dicom-seg]" in error.value.hint
