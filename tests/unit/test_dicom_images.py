"""Pixels of DICOM files, against pydicom's own steps and against values worked out by hand."""

from __future__ import annotations

import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from dicom_files import LITTLE, dataset, need_pydicom, ramp, real_file, write_dicom

from maskforge.errors import DatasetError, OptionError
from maskforge.images.decoder import (
    list_pages,
    read_header,
    read_image,
    read_to_show,
    read_values,
)
from maskforge.images.gray_scale import check_window
from maskforge.shapes import Size, Spacing

need_pydicom()

GRAY = (
    "dicomdirtests/77654033/CR1/6154",  # MONOCHROME1, 12 bits, a window
    "RG1_UNCR.dcm",
    "RG3_J2KR.dcm",
    "CT_small.dcm",  # signed, with an intercept
    "MR_small_RLE.dcm",
    "MR_small_bigendian.dcm",
    "MR_small_jp2klossless.dcm",
    "693_J2KI.dcm",
    "examples_overlay.dcm",  # two windows
    "vlut_04.dcm",  # a table of brightness
    "mlut_18.dcm",  # a table of the modality
    "image_dfl.dcm",  # deflated
    "emri_small_RLE.dcm",  # many frames
)
COLORS = (
    "SC_rgb_rle_16bit.dcm",
    "SC_rgb_jpeg_dcmtk.dcm",
    "SC_ybr_full_422_uncompressed.dcm",
    "US1_J2KR.dcm",
    "examples_palette.dcm",
    "color-pl.dcm",
)


def by_pydicom(path: Path) -> np.ndarray:
    """Brightness 0 to 1 of the first frame, by pydicom's steps over the whole image."""
    from pydicom import dcmread
    from pydicom.pixels import apply_modality_lut, apply_voi_lut

    found = dcmread(path)
    values = found.pixel_array if int(found.get("NumberOfFrames") or 1) == 1 else None
    values = found.pixel_array[0] if values is None else values
    bits = found.BitsStored
    ends = np.array([0, 2**bits - 1]) - (2 ** (bits - 1) if found.PixelRepresentation else 0)
    measured = apply_modality_lut(values, found)
    if found.get("ModalityLUTSequence"):
        ends = np.array([0, 2 ** found.ModalityLUTSequence[0].LUTDescriptor[2] - 1])
    elif "RescaleSlope" in found:
        ends = ends * float(found.RescaleSlope) + float(found.RescaleIntercept)
    if found.get("VOILUTSequence"):
        ends = np.array([0, 2 ** found.VOILUTSequence[0].LUTDescriptor[2] - 1])
    shown = apply_voi_lut(measured, found).astype(np.float64)
    brightness = (shown - ends[0]) / (ends[1] - ends[0])
    return 1 - brightness if found.PhotometricInterpretation == "MONOCHROME1" else brightness


@pytest.mark.filterwarnings("ignore:::pydicom")
@pytest.mark.parametrize("name", GRAY)
def test_gray_is_what_pydicom_makes_of_it(name):
    path = real_file(name)
    found = read_image(path, upright=True)
    wanted = by_pydicom(path)
    white = np.iinfo(found.dtype).max
    assert found.dtype == (np.uint8 if read_header(path).bits == 8 else np.uint16)
    assert np.ptp(found) > white // 40
    assert np.abs(found[..., 0] - wanted * white).max() <= 0.5 + 1e-6


@pytest.mark.parametrize("name", COLORS)
def test_colors_are_what_pydicom_makes_of_them(name):
    from pydicom import dcmread
    from pydicom.pixels import apply_color_lut

    path = real_file(name)
    found = dcmread(path)
    wanted = found.pixel_array
    if found.PhotometricInterpretation == "PALETTE COLOR":
        wanted = apply_color_lut(wanted, found)
    image = read_image(path, upright=True)
    assert read_header(path).channels == 3
    assert np.array_equal(image, wanted)
    assert read_header(path).bits == image.itemsize * 8


def test_window_inversion_and_all_bits(tmp_path):
    path = write_dicom(
        tmp_path / "a.dcm",
        np.array([[0, 1000, 1500, 2000, 4095]], np.uint16),
        stored=12,
        WindowCenter=1500.5,
        WindowWidth=1001,
    )
    assert read_image(path, upright=True).ravel().tolist() == [0, 0, 32768, 65535, 65535]
    full = read_image(path, upright=True, window="full")
    assert full.ravel().tolist() == [0, 16004, 24005, 32007, 65535]  # x * 65535 / 4095
    chosen = read_image(path, upright=True, window="1/2")
    assert chosen.ravel().tolist() == [0, 65535, 65535, 65535, 65535]
    write_dicom(path, np.array([[0, 255]], np.uint8), PhotometricInterpretation="MONOCHROME1")
    assert read_image(path, upright=True).ravel().tolist() == [255, 0]
    assert read_to_show(path, upright=True).tolist() == [[[255] * 3, [0] * 3]]


def test_what_is_shown_has_the_window_and_is_not_stretched(tmp_path):
    values = np.array([[0, 2047, 4095]], np.uint16)
    path = write_dicom(tmp_path / "a.dcm", values, stored=12, WindowCenter=4096, WindowWidth=8192)
    assert read_to_show(path, upright=True)[0, :, 0].tolist() == [0, 63, 127]


def test_a_mask_keeps_its_stored_values(tmp_path):
    path = write_dicom(tmp_path / "a.dcm", np.array([[0, 3]], np.uint8), WindowCenter=9)
    assert read_values(path).tolist() == [[0, 3]]


def test_signed_values_begin_below_zero(tmp_path):
    path = write_dicom(
        tmp_path / "a.dcm",
        np.array([[-2048, 0, 2047]], np.int16),
        stored=12,
        RescaleSlope=2,
        RescaleIntercept=10,
    )
    assert read_image(path, upright=True).ravel().tolist() == [0, 32776, 65535]
    chosen = read_image(path, upright=True, window="11/2")  # 0 means 10
    assert chosen.ravel().tolist() == [0, 0, 65535]


@pytest.mark.parametrize("window", ["", "auto", "1/0", "nan/4", "1/inf", "1/2/3", "40"])
def test_windows_that_are_none(window):
    with pytest.raises(OptionError, match="not a window"):
        check_window(window)


def test_frames_are_pages(tmp_path):
    values = np.arange(3 * 2 * 4, dtype=np.uint8).reshape(3, 2, 4)
    path = write_dicom(tmp_path / "volume", values)
    pages = list_pages(path)
    assert [one.name for one in pages] == ["volume#1", "volume#2", "volume#3"]
    for page, wanted in zip(pages, values, strict=True):
        assert np.array_equal(read_image(page, upright=True)[..., 0], wanted)
    with pytest.raises(DatasetError, match="3 pages, and no page 4"):
        read_image(tmp_path / "volume#4", upright=True)


def test_frames_have_windows_and_spacings_of_their_own():
    path = real_file("eCT_Supplemental.dcm")
    page = list_pages(path)[1]
    from pydicom import dcmread

    found = dcmread(path)
    values = found.pixel_array[1].astype(float) - 1024  # rescaled, center 49, width 102
    wanted = np.clip((values - 48.5) / 101 + 0.5, 0, 1) * 65535
    assert np.abs(read_image(page, upright=True)[..., 0] - wanted).max() <= 0.5 + 1e-6
    assert read_header(page).spacing == Spacing(0.388672, 0.388672)


def test_header_is_read_without_pixels(tmp_path, monkeypatch):
    path = write_dicom(
        tmp_path / "a.dcm",
        ramp(),
        stored=12,
        PixelSpacing=[0.2, 0.1],
        PatientID="77",
        PatientName="Doe^Jane",
        InstitutionName="",
    )
    content = path.read_bytes()
    header = read_header(content[: content.index(b"\xe0\x7f\x10\x00")])
    assert (header.stored, header.bits, header.format) == (Size(8, 6), 16, "dicom")
    assert header.spacing == Spacing(0.1, 0.2)  # rows are given first
    assert (header.patient, header.identifying) == ("77", ("PatientName", "PatientID"))
    assert "77" not in repr(header)


@pytest.mark.parametrize(
    ("elements", "spacing"),
    [
        ({"ImagerPixelSpacing": [0.3, 0.4]}, Spacing(0.4, 0.3)),
        ({"PixelSpacing": [0.1, 0.1], "ImagerPixelSpacing": [0.3, 0.4]}, Spacing(0.1, 0.1)),
        ({"PixelSpacing": [0, 1]}, None),
        ({"PixelSpacing": [-1, 1]}, None),
        ({}, None),
    ],
)
def test_spacing_is_known_or_not(tmp_path, elements, spacing):
    path = write_dicom(tmp_path / "a.dcm", ramp(), **elements)
    assert read_header(path).spacing == spacing


def test_deidentified_files_do_not_identify(tmp_path):
    path = write_dicom(
        tmp_path / "a.dcm", ramp(), PatientName="Anonymous", PatientIdentityRemoved="YES"
    )
    assert read_header(path).identifying == ()


@pytest.mark.parametrize(
    ("name", "package"),
    [
        ("SC_rgb_jpeg_gdcm.dcm", "pip install python-gdcm"),
        ("JPEG-lossy.dcm", "pip install pylibjpeg-libjpeg"),
        ("JPEGLSNearLossless_08.dcm", "pip install pyjpegls"),
    ],
)
def test_what_cannot_be_decoded_names_the_package(name, package, monkeypatch):
    from pydicom.pixels import decoders
    from pydicom.uid import UID

    for one in vars(decoders).values():  # as where nothing but the extra is installed
        if hasattr(one, "_available"):
            for plugin in ("gdcm", "pyjpegls"):
                monkeypatch.delitem(one._available, plugin, raising=False)
    path = real_file(name)
    assert UID(str(read_header(path).format)) == "dicom"
    with pytest.raises(DatasetError, match=package):
        read_image(path, upright=True)


def test_without_the_package_the_extra_is_named(tmp_path, monkeypatch):
    path = write_dicom(tmp_path / "a.dcm", ramp())
    monkeypatch.setattr("maskforge.errors.is_installed", lambda package: package != "pydicom")
    with pytest.raises(OSError, match=r"maskforge\[dicom\]"):
        read_header(path)


# What attacks


def test_every_cut_is_refused_as_such(tmp_path):
    content = write_dicom(tmp_path / "a.dcm", ramp(), WindowCenter=4, WindowWidth=9).read_bytes()
    for length in range(132, len(content), 7):
        with pytest.raises(DatasetError, match="cannot be read as an image"):
            read_image(content[:length], upright=True)


@pytest.mark.filterwarnings("ignore:::pydicom")
@pytest.mark.parametrize(
    "elements",
    [
        {"Rows": 60_000, "Columns": 60_000},  # more than an image may have
        {"Rows": 7},  # more than is there
        {"Rows": 0},
        {"SamplesPerPixel": 3},
        {"BitsAllocated": 64},
        {"BitsStored": 0},
        {"WindowCenter": "1", "WindowWidth": "0"},
        {"RescaleSlope": "inf", "RescaleIntercept": "0"},
    ],
    ids=str,
)
def test_headers_that_lie(tmp_path, elements):
    path = write_dicom(tmp_path / "a.dcm", ramp(), stored=12)
    from pydicom import config, dcmread

    with config.disable_value_validation():
        found = dcmread(path)
        for name, value in elements.items():
            setattr(found, name, value)
        found.save_as(path)
    with pytest.raises(DatasetError, match="cannot be read as an image"):
        read_image(path, upright=True)


def test_frames_without_end_are_not_listed(tmp_path):
    path = write_dicom(tmp_path / "a.dcm", ramp(), NumberOfFrames=2**31 - 1)
    with pytest.raises(OSError, match="2,147,483,647 pages of an image file"):
        list_pages(path)


def test_a_coded_image_larger_than_told_is_not_decoded(monkeypatch):
    """A file of some kilobytes may hold a JPEG of gigabytes."""
    from PIL import Image
    from pydicom import dcmread
    from pydicom.encaps import encapsulate

    coded = BytesIO()
    Image.new("L", (3000, 2000)).save(coded, "JPEG")
    found = dataset(np.zeros((20, 30), np.uint8))
    found.PixelData = encapsulate([coded.getvalue()])
    found.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.50"
    written = BytesIO()
    found.save_as(written, enforce_file_format=True)
    assert dcmread(BytesIO(written.getvalue())).Rows == 20
    with pytest.raises(DatasetError, match="tells 30 x 20 px, but its frame has 3000 x 2000 px"):
        read_image(written.getvalue(), upright=True)


def test_a_deflated_bomb_is_not_inflated(tmp_path, monkeypatch):
    monkeypatch.setattr("maskforge.images.containers.dicom._MOST_DEFLATED", 10_000)
    path = write_dicom(tmp_path / "a.dcm", np.zeros((100, 200), np.uint8))
    content = path.read_bytes().replace(LITTLE.encode() + b"\0", b"1.2.840.10008.1.2.1.99")
    start = content.index(b"\x08\x00\x16\x00UI", 132)
    length = int.from_bytes(content[140:144], "little") + 2
    head = content[:140] + length.to_bytes(4, "little") + content[144:start]
    head = head.replace(b"UI\x14\x001.2.840.10008.1.2.1.99", b"UI\x16\x001.2.840.10008.1.2.1.99")
    deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    bomb = head + deflate.compress(content[start:]) + deflate.flush()
    with pytest.raises(OSError, match="deflated, and has more than 10,000 bytes"):
        read_header(bomb)
    monkeypatch.setattr("maskforge.images.containers.dicom._MOST_DEFLATED", 100_000)
    assert read_header(bomb).stored == Size(200, 100)


@pytest.mark.parametrize("name", ["DICOMDIR", "reportsi.dcm", "liver_1frame.dcm"])
def test_dicom_without_an_image_says_so(name):
    with pytest.raises(OSError, match="DICOM"):
        read_header(real_file(name))
