"""Whole slides and other TIFF files in tiles that need decoders; read in parts as in whole."""

import struct
import sys

import numpy as np
import pytest
import tifffile
from builders import labelme, square
from scipy.ndimage import gaussian_filter
from test_prediction_folders import predictor, run
from test_prediction_parts import blurred

import maskforge as mf
from maskforge.images.containers.base import Window
from maskforge.images.containers.tiff_pages import is_beyond_offsets
from maskforge.images.decoder import list_pages, read_header, read_image, read_part
from maskforge.shapes import Size

NO_CODECS = "NO SLIDES: imagecodecs is not installed"

SIZE = Size(203, 150)
NOISE = gaussian_filter(np.random.default_rng(0).random((*SIZE[::-1], 3)), (3, 3, 0))
VALUES = ((NOISE - NOISE.min()) / np.ptp(NOISE) * 255).astype(np.uint8)

SCANNERS = {
    "aperio.svs": {"description": "Aperio Image Library v11.2.1"},
    "leica.scn": {"description": "<?xml version='1.0'?><scn></scn>"},
    "philips.tiff": {"description": "<DataObject></DataObject>", "software": "Philips DP v1.0"},
    "perkin.qptiff": {"software": "PerkinElmer-QPI"},
    "hamamatsu.ndpi": {"extratags": [(65420, 4, 1, 1, True), (271, 2, 0, "Hamamatsu", True)]},
    "ventana.bif": {"description": "<iScan/>", "extratags": [(700, 1, 3, b"<x>", True)]},
}


def write(path, values=VALUES, main=0, **options):
    """Write an image and, as scanners do, a small version and a photo of the label."""
    others = {"photometric": "rgb", "metadata": None}
    form = {"photometric": "rgb", "tile": (48, 64), "metadata": None, "software": False}
    first = {key: options.pop(key) for key in ("description", "extratags") if key in options}
    pages = [(values[::4, ::4].copy(), {"software": False, **others}) for _ in range(2)]
    pages.insert(main, (values, {**form, **options}))
    pages[0] = (pages[0][0], {**pages[0][1], **first})
    if "software" in options:
        pages[0][1]["software"] = options["software"]
    with tifffile.TiffWriter(path) as file:
        for content, how in pages:
            file.write(content, **how)
    return path


def in_parts(path, rows=31):
    width, height = read_header(path).stored
    tops = range(0, height, rows)
    parts = (read_part(path, Window(0, top, width, min(rows, height - top))) for top in tops)
    return np.concatenate([one.image() for one in parts])


@pytest.mark.parametrize("main", [0, 2])
@pytest.mark.parametrize("name", SCANNERS)
def test_the_largest_page_of_a_slide_is_the_image(tmp_path, name, main):
    path = write(tmp_path / name, main=main, **SCANNERS[name])
    assert read_header(path).stored == SIZE
    assert list_pages(path) == [path]
    assert np.array_equal(read_image(path, upright=True), VALUES)
    assert np.array_equal(in_parts(path), VALUES)


def test_pages_of_other_files_stay_images_of_their_own(tmp_path):
    path = write(tmp_path / "stack.tif", description="Aperio? no")
    assert len(list_pages(path)) == 3


@pytest.mark.parametrize(
    "options",
    [
        {"compression": "jpeg"},
        {"compression": "jpeg", "subsampling": (2, 2)},
        {"compression": "jpeg", "compressionargs": {"outcolorspace": "rgb"}},
        {"compression": "lzw", "predictor": True},
        {"compression": "zstd"},
        {"compression": "jpeg2000"},
        {"compression": 33005},
        {"compression": "jpegxl"},
        {"compression": "lzw", "tile": None, "rowsperstrip": 7},
    ],
    ids=str,
)
@pytest.mark.parametrize("name", ["x.tif", "x.svs"])
def test_tiles_of_all_kinds_in_parts_are_those_of_the_whole(tmp_path, name, options):
    pytest.importorskip("imagecodecs", reason=NO_CODECS)
    path = write(tmp_path / name, **(SCANNERS["aperio.svs"] if name == "x.svs" else {}), **options)
    whole = read_image(path, upright=True)
    assert np.array_equal(in_parts(path), whole)
    lossy = options["compression"] == "jpeg"
    assert np.abs(whole.astype(int) - VALUES).mean() <= (10 if lossy else 0)


@pytest.mark.parametrize("dtype", ["<u1", "<u2", ">u2"])
@pytest.mark.parametrize("channels", [1, 3])
def test_one_strip_without_compression_is_read_row_by_row(tmp_path, monkeypatch, dtype, channels):
    values = VALUES[..., :channels].squeeze().astype(dtype) * np.array(1, dtype)
    options = {"photometric": "rgb" if channels == 3 else "minisblack", "byteorder": dtype[0]}
    tifffile.imwrite(tmp_path / "x.tif", values, rowsperstrip=SIZE.height, **options)
    monkeypatch.setattr("maskforge.images.containers.tiff_parts._values", None)  # of whole strips
    assert np.array_equal(in_parts(tmp_path / "x.tif"), values.reshape(*SIZE[::-1], channels))
    part = read_part(tmp_path / "x.tif", Window(5, 7, 100, 90), step=4).image()
    assert np.array_equal(part, values.reshape(*SIZE[::-1], channels)[7:97:4, 5:105:4])


def test_strips_that_are_too_large_are_refused(tmp_path, monkeypatch):
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, VALUES, rowsperstrip=SIZE.height, compression="zlib", photometric="rgb")
    monkeypatch.setattr("maskforge.images.containers.tiff_parts.MOST_PIXELS", 1000)
    with pytest.raises(OSError, match="in pieces of 203 x 150 px; save it in tiles"):
        in_parts(path)


def test_colors_that_would_come_out_wrong_are_refused(tmp_path):
    pytest.importorskip("imagecodecs", reason=NO_CODECS)
    path = write(tmp_path / "x.svs", compression=33003, **SCANNERS["aperio.svs"])
    with pytest.raises(OSError, match="its colors are YCbCr"):
        in_parts(path)


def test_gray_images_of_one_size_are_not_guessed_at(tmp_path):
    with tifffile.TiffWriter(tmp_path / "x.qptiff") as file:
        for _ in range(3):
            file.write(VALUES[..., 0], software="PerkinElmer-QPI", metadata=None)
    with pytest.raises(OSError, match="3 gray images of one size"):
        read_header(tmp_path / "x.qptiff")


def test_pages_beyond_four_gigabytes(tmp_path):
    path = tmp_path / "x.ndpi"
    with path.open("wb") as stream:
        stream.write(b"II*\0" + struct.pack("<Q", 2**32 + 40))
        stream.truncate(2**32 + 100)  # a hole: it takes no space
    for place, is_there in ((2**32 + 40, True), (2**32 + 101, False), (2**31, False)):
        with path.open("r+b") as stream:
            stream.seek(4)
            stream.write(struct.pack("<Q", place))
            stream.flush()
            assert is_beyond_offsets(stream) == is_there


def test_what_is_not_installed_is_named_with_its_command(tmp_path, monkeypatch):
    """Pillow reads the file; in parts, it cannot."""
    pytest.importorskip("imagecodecs", reason=NO_CODECS)
    path = write(tmp_path / "x.tif", compression="jpeg")
    monkeypatch.setattr(tifffile.TIFF, "DECOMPRESSORS", {})
    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    monkeypatch.setattr("maskforge.errors.is_installed", lambda package: False)
    report = run(
        path,
        tmp_path / "out",
        model=predictor(function=blurred, channels=3),
        tile=64,
        tiled_above=0,
    )
    message = report.problems[0].message
    assert "the compression JPEG need imagecodecs, which is not installed" in message
    assert "pip install 'maskforge[slides]'" in message


@pytest.mark.parametrize("name", ["aperio.svs", "hamamatsu.ndpi"])
def test_slides_are_predicted_in_parts(tmp_path, name):
    (tmp_path / "in").mkdir()
    path = write(tmp_path / "in" / name, **SCANNERS[name])
    masks = []
    for most in (2**30, 0):
        out = tmp_path / str(most)
        model = predictor(function=blurred, channels=3)
        run(path.parent, out, model=model, tile=64, tiled_above=most)
        (item,) = mf.open_dataset(out)
        masks.append(item.read_mask())
        assert item.image_path.name == name
    assert len(np.unique(masks[0])) > 1
    assert np.array_equal(*masks)


def test_the_size_of_a_slide_is_that_of_its_annotation(tmp_path):
    write(tmp_path / "x.svs", **SCANNERS["aperio.svs"])
    labelme(tmp_path / "x.json", square("a", 3, 3, 9, 9), image="x.svs", width=None, height=None)
    mf.convert(tmp_path, tmp_path / "out")
    (item,) = mf.open_dataset(tmp_path / "out")
    assert item.size == SIZE
    assert item.image_path.name == "x.svs"


def opened(tmp_path, **options):
    """A file that OpenSlide reads; under this name, nothing else is asked."""
    pytest.importorskip("openslide", reason="NO SLIDES: OpenSlide is not installed")
    pytest.importorskip("imagecodecs", reason=NO_CODECS)
    (tmp_path / "in").mkdir()
    path = tmp_path / "in" / "x.mrxs"
    tifffile.imwrite(path, VALUES, tile=(48, 64), photometric="rgb", **options)
    return path


def test_openslide_reads_slides_that_are_not_tiff(tmp_path, monkeypatch):
    path = opened(tmp_path)
    monkeypatch.setattr("maskforge.images.containers.openslide_file._ROWS", 32)
    assert read_header(path).stored == SIZE
    assert np.array_equal(read_image(path, upright=True), VALUES)
    assert np.array_equal(in_parts(path), VALUES)
    part = read_part(path, Window(5, 7, 100, 90), step=9).image()
    assert np.array_equal(part, VALUES[7:97:9, 5:105:9])


def test_slides_of_openslide_are_predicted_in_parts(tmp_path):
    path = opened(tmp_path)
    model = predictor(function=blurred, channels=3)
    masks = []
    for most in (2**30, 0):
        run(path.parent, tmp_path / str(most), model=model, tile=64, tiled_above=most)
        (item,) = mf.open_dataset(tmp_path / str(most))
        masks.append(item.read_mask())
    assert len(np.unique(masks[0])) > 1
    assert np.array_equal(*masks)


def test_openslide_is_named_with_its_command(tmp_path, monkeypatch):
    (tmp_path / "x.mrxs").write_bytes(b"x")
    monkeypatch.setattr("maskforge.errors.is_installed", lambda package: False)
    with pytest.raises(OSError, match=r"in \.mrxs files need openslide.*maskforge\[openslide\]"):
        read_header(tmp_path / "x.mrxs")


def test_what_openslide_does_not_know_is_one_kind_of_error(tmp_path):
    pytest.importorskip("openslide", reason="NO SLIDES: OpenSlide is not installed")
    (tmp_path / "x.mrxs").write_bytes(b"x")
    with pytest.raises(OSError, match="Unsupported or missing image file"):
        read_header(tmp_path / "x.mrxs")
