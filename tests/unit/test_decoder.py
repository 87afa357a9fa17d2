"""One decoder for images and masks of every kind of file."""

import contextlib
import os
import socket
import struct
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
from example_files import save, stack
from PIL import Image

from maskforge.errors import DatasetError
from maskforge.examples.content import read_content
from maskforge.examples.sources import open_examples
from maskforge.images.decoder import list_pages, read_header, read_image, read_values
from maskforge.images.stored import turn

GRAY = np.array([[0, 1, 2, 250], [9, 8, 7, 6], [5, 4, 3, 255]], dtype=np.uint8)
COLOR = np.dstack([GRAY, GRAY[::-1], GRAY[:, ::-1]])
DEEP = GRAY.astype(np.uint16) * 257 - np.uint16(1) * (GRAY > 100)
DEEP_COLOR = np.dstack([DEEP, DEEP[::-1], DEEP[:, ::-1]])


def indexed():
    image = Image.new("P", (4, 3))
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.putpixel((1, 0), 1)
    return image


def with_alpha(mode):
    image = Image.fromarray(COLOR if mode == "RGBA" else GRAY).convert(mode)
    image.putalpha(77)
    return image


@pytest.mark.parametrize(
    ("name", "image", "expected"),
    [
        ("gray.png", Image.fromarray(GRAY), GRAY[..., None]),
        ("color.png", Image.fromarray(COLOR), COLOR),
        ("color.tif", Image.fromarray(COLOR), COLOR),
        ("alpha.png", with_alpha("RGBA"), COLOR),
        ("gray-alpha.png", with_alpha("LA"), GRAY[..., None]),
        ("deep.png", Image.fromarray(DEEP), DEEP[..., None]),
        ("deep.tif", Image.fromarray(DEEP), DEEP[..., None]),
        ("32bit.tif", Image.fromarray(DEEP.astype(np.int32)), DEEP[..., None]),
        ("bits.png", Image.fromarray(GRAY > 7), ((GRAY > 7) * 255)[..., None]),
    ],
)
def test_values_are_those_of_the_file(tmp_path, name, image, expected):
    image.save(tmp_path / name)
    found = read_image(tmp_path / name, upright=False)
    assert np.array_equal(found, expected)
    assert found.dtype == (np.uint16 if expected.max() > 255 else np.uint8)


def test_palettes_are_applied(tmp_path):
    indexed().save(tmp_path / "a.png")
    found = read_image(tmp_path / "a.png", upright=False)
    assert found[0, :2].tolist() == [[10, 20, 30], [40, 50, 60]]


@pytest.mark.parametrize("suffix", [".png", ".tif", ".ppm"])
def test_colors_of_16_bits_keep_them(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    cv2.imwrite(str(path), DEEP_COLOR[..., ::-1])
    found = read_image(path, upright=False)
    assert found.dtype == np.uint16
    assert np.array_equal(found, DEEP_COLOR)


def test_the_alpha_of_16_bits_is_dropped(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), np.dstack([DEEP_COLOR[..., ::-1], DEEP]))
    assert np.array_equal(read_image(tmp_path / "a.png", upright=False), DEEP_COLOR)


def test_an_8_bit_portable_pixmap_stays_one(tmp_path):
    Image.fromarray(COLOR).save(tmp_path / "a.ppm")
    found = read_image(tmp_path / "a.ppm", upright=False)
    assert found.dtype == np.uint8
    assert np.array_equal(found, COLOR)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.full((3, 4), 0.5, dtype=np.float32), "fractions"),
        (np.full((3, 4), -1, dtype=np.int32), "values from -1 to -1"),
        (np.full((3, 4), 70000, dtype=np.int32), "values from 70000 to 70000"),
    ],
)
def test_values_that_are_no_brightness_are_refused(tmp_path, values, message):
    Image.fromarray(values).save(tmp_path / "a.tif")
    with pytest.raises(DatasetError, match=message) as caught:
        read_image(tmp_path / "a.tif", upright=False)
    assert "a.tif" in str(caught.value)


def shown(pixels, orientation):
    """Return pixels as Pillow shows them."""
    from PIL import ImageOps

    image = Image.fromarray(pixels)
    image.getexif()[0x0112] = orientation
    return np.asarray(ImageOps.exif_transpose(image))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_turning_is_that_of_pillow_and_can_be_undone(orientation):
    turned = turn(COLOR, orientation)
    assert np.array_equal(turned, shown(COLOR, orientation))
    assert np.array_equal(turn(turned, orientation, back=True), COLOR)


def deep_tiff(pixels, orientation):
    """Return an uncompressed TIFF of 16-bit colors, written by hand after the TIFF 6.0 text."""
    height, width, _ = pixels.shape
    data = pixels.astype("<u2").tobytes()
    tags = [
        (256, 3, 1, width),
        (257, 3, 1, height),
        (258, 3, 3, 0),  # set below
        (259, 3, 1, 1),
        (262, 3, 1, 2),
        (273, 4, 1, 0),  # set below
        (274, 3, 1, orientation),
        (277, 3, 1, 3),
        (278, 3, 1, height),
        (279, 4, 1, len(data)),
    ]
    behind = 8 + 2 + 12 * len(tags) + 4
    places = {258: behind, 273: behind + 8}
    lines = [struct.pack("<HHII", t, kind, n, places.get(t, v)) for t, kind, n, v in tags]
    head = struct.pack("<2sHIH", b"II", 42, 8, len(tags))
    bits = struct.pack("<HHHH", 16, 16, 16, 0)
    return head + b"".join(lines) + struct.pack("<I", 0) + bits + data


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["jpeg", "tiff", "deep tiff", "deep png"])
def test_the_orientation_is_applied_if_the_mask_was_drawn_so(tmp_path, kind, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / ("a.png" if "png" in kind else "a.tif" if "tiff" in kind else "a.jpg")
    if kind == "deep tiff":
        path.write_bytes(deep_tiff(DEEP_COLOR, orientation))
    elif kind == "deep png":
        Image.fromarray(COLOR).save(tmp_path / "plain.png", exif=exif)
        chunk = (tmp_path / "plain.png").read_bytes()
        start = chunk.index(b"eXIf") - 4
        length = struct.unpack(">I", chunk[start : start + 4])[0] + 12
        cv2.imwrite(str(path), DEEP_COLOR[..., ::-1])
        whole = path.read_bytes()
        path.write_bytes(whole[:33] + chunk[start : start + length] + whole[33:])
    else:
        Image.fromarray(COLOR).save(path, exif=exif)
    stored = read_image(path, upright=False)
    if "deep" in kind:
        assert np.array_equal(stored, DEEP_COLOR)
    assert stored.shape == (3, 4, 3)
    assert np.array_equal(read_image(path, upright=True), turn(stored, orientation))


# --- masks: the same files, the values as they are stored


@pytest.mark.parametrize(
    ("name", "image", "expected"),
    [
        ("palette.png", indexed(), [[0, 1, 0, 0], [0] * 4, [0] * 4]),
        ("bits.png", Image.fromarray(GRAY > 7), (GRAY > 7).astype(np.uint8)),
        ("alpha.png", with_alpha("LA"), GRAY),
        ("gray-alpha.png", Image.merge("RGBA", [Image.fromarray(GRAY)] * 4), GRAY),
        ("deep.png", Image.fromarray(DEEP), DEEP),
        ("instances.tif", Image.fromarray(DEEP.astype(np.int32) + 70000), DEEP + np.int32(70000)),
        ("palette.gif", indexed(), [[0, 1, 0, 0], [0] * 4, [0] * 4]),
    ],
)
def test_masks_keep_their_values(tmp_path, name, image, expected):
    image.save(tmp_path / name)
    assert np.array_equal(read_values(tmp_path / name), expected)


def test_deep_colors_that_are_equal_are_a_mask(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), np.dstack([DEEP] * 3))
    assert np.array_equal(read_values(tmp_path / "a.png"), DEEP)
    cv2.imwrite(str(tmp_path / "a.png"), np.dstack([DEEP, DEEP, DEEP + 1]))
    with pytest.raises(DatasetError, match=r"a\.png: the mask is an image in colors"):
        read_values(tmp_path / "a.png")


# --- sources


@pytest.mark.parametrize("suffix", [".png", ".tif", ".npy"])
def test_a_path_its_text_its_content_and_the_open_file_are_one(tmp_path, suffix):
    path = save(tmp_path / f"a{suffix}", GRAY)
    for source in (path, str(path), path.read_bytes()):
        assert np.array_equal(read_image(source, upright=True)[..., 0], GRAY)
        assert np.array_equal(read_values(source), GRAY)
    with path.open("rb") as stream:
        stream.seek(5)
        assert np.array_equal(read_image(stream, upright=True)[..., 0], GRAY)
        assert np.array_equal(read_values(stream), GRAY)
        assert not stream.closed


def test_deep_colors_come_from_bytes_and_files_too(tmp_path):
    path = tmp_path / "a.png"
    cv2.imwrite(str(path), DEEP_COLOR[..., ::-1])
    assert np.array_equal(read_image(path.read_bytes(), upright=False), DEEP_COLOR)
    with path.open("rb") as stream:
        assert np.array_equal(read_image(stream, upright=False), DEEP_COLOR)


def test_arrays_that_are_no_images_are_refused(tmp_path):
    for array in (np.zeros((3, 4, 2), np.uint8), np.zeros(4, np.uint8), np.zeros((3, 4), complex)):
        np.save(tmp_path / "a.npy", array)
        with pytest.raises(DatasetError, match=r"a\.npy: cannot be read as an image"):
            read_image(tmp_path / "a.npy", upright=True)


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "bmp", "jp2"])
def test_settings_of_pillow_are_left_alone(tmp_path, monkeypatch, suffix):
    """A limit of the host's own neither counts nor changes, nor do its filters of warnings."""
    path = save(tmp_path / f"a.{suffix}", GRAY)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 4)
    with monkeypatch.context() as patch:
        for name in ("catch_warnings", "simplefilter", "filterwarnings"):
            patch.delattr(warnings, name)
        assert read_header(path).stored == (4, 3)
        assert read_image(path, upright=True).shape[:2] == (3, 4)
        assert read_values(path).shape == (3, 4)
    assert Image.MAX_IMAGE_PIXELS == 4


def test_readers_in_many_threads_change_nothing_for_the_host(tmp_path):
    for name in ("a", "b"):
        for folder in ("images", "masks"):
            (tmp_path / folder).mkdir(exist_ok=True)
            save(tmp_path / folder / f"{name}.png", GRAY > 7 if folder == "masks" else GRAY)
    before = (Image.MAX_IMAGE_PIXELS, list(warnings.filters))

    def look(_):
        open_examples(tmp_path)
        return (Image.MAX_IMAGE_PIXELS, list(warnings.filters))

    with ThreadPoolExecutor(8) as threads:
        assert all(during == before for during in threads.map(look, range(30)))
    assert (Image.MAX_IMAGE_PIXELS, list(warnings.filters)) == before


POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 4 3\nshowpage\n"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (POSTSCRIPT, "it is PostScript, which is not an image format that maskforge reads"),
        (b"\xc5\xd0\xd3\xc6" + bytes(28), "it is PostScript"),
        (b"%PDF-1.4\n", "it is PDF"),
        (b"\x89HDF\r\n\x1a\n" + bytes(30), "it is HDF5"),
        (b"\xd7\xcd\xc6\x9a" + bytes(60), "it is a Windows metafile"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:12\n", "Git LFS"),
        (
            b"GRIB" + bytes(4) + b"\1" + bytes(60),
            "not of an image format that maskforge reads: PNG",
        ),
        (b"SIMPLE  =                    T", "not of an image format that maskforge reads: PNG"),
    ],
)
def test_only_formats_on_the_list_are_opened(tmp_path, monkeypatch, content, words):
    """Whatever Pillow would do with them."""

    def run(*_, **__):
        raise AssertionError("a program was started")

    monkeypatch.setattr("subprocess.Popen", run)
    path = tmp_path / "x.png"
    path.write_bytes(content)
    with pytest.raises(OSError, match=words):
        read_header(path)
    for read in (lambda: read_image(path, upright=True), lambda: read_values(path)):
        with pytest.raises(DatasetError, match=rf"x\.png: cannot be read.*{words}"):
            read()


@pytest.fixture(params=["pipe", "device", "socket"])
def special(request, tmp_path):
    """A path that looks like an image, and is something that never ends or answers."""
    path = tmp_path / "x.png"
    if not hasattr(os, "mkfifo"):
        pytest.skip("NO CHECK: this system has no such files")
    match request.param:
        case "pipe":
            os.mkfifo(path)
        case "device":
            path.symlink_to("/dev/zero")
        case "socket":
            with socket.socket(socket.AF_UNIX) as one, contextlib.chdir(tmp_path):
                one.bind(path.name)
    return path


def test_only_regular_files_are_opened(special):
    with pytest.raises(OSError, match=r"it is a (pipe|device), not a file|No such device"):
        read_header(special)
    for read in (read_content, read_values, lambda path: read_image(path, upright=True)):
        with pytest.raises(DatasetError, match=r"x\.png: cannot be read"):
            read(special)


def test_a_folder_is_not_an_image(tmp_path):
    with pytest.raises(IsADirectoryError):
        read_header(tmp_path)


def deep_png(width, height):
    """A PNG with colors of 16 bits whose header says more than its data hold."""

    def chunk(kind, data):
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    header = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    parts = chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(b"\0")), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.mark.parametrize(
    ("size", "words"),
    [
        ((40_000, 40_000), "40000 x 40000 px are more than 1,073,741,824"),
        ((2**20 + 1, 2), "its 16-bit colors cannot be decoded"),
        ((30, 20), "its 16-bit colors cannot be decoded"),
    ],
)
def test_deep_colors_have_the_limit_of_all_images(monkeypatch, size, words):
    if "more than" in words:
        monkeypatch.setattr(cv2, "imdecode", None)  # and is not asked at all
    with pytest.raises(DatasetError, match=words):
        read_image(deep_png(*size), upright=True)


def test_what_opencv_raises_is_about_one_image(monkeypatch):
    def fail(*_):
        raise cv2.error("OpenCV(4.9.0) loadsave.cpp:75: error: (-215:Assertion failed)")

    monkeypatch.setattr(cv2, "imdecode", fail)
    with pytest.raises(DatasetError, match="cannot be read as an image: OpenCV"):
        read_image(deep_png(3, 2), upright=True)


# --- pages


@pytest.mark.parametrize("compression", [None, "tiff_lzw", "packbits", "tiff_adobe_deflate"])
def test_every_page_of_a_tiff_is_an_image(tmp_path, compression):
    pages = [GRAY, DEEP, np.dstack([GRAY[:2]] * 3), (DEEP % 9).astype(np.int32)]
    path = stack(tmp_path / "a.tif", pages, compression=compression)
    names = list_pages(path)
    assert names == [tmp_path / f"a.tif#{number}" for number in (1, 2, 3, 4)]
    for name, page in zip(names, pages, strict=True):
        assert np.array_equal(read_values(name), page if page.ndim == 2 else page[..., 0])
        assert read_header(name).stored == (page.shape[1], page.shape[0])
    assert read_image(names[1], upright=True).dtype == np.uint16
    assert np.array_equal(read_values(path), GRAY)  # by itself it is its first page


def test_pages_of_16_bit_colors_keep_them(tmp_path):
    path = tmp_path / "a.tif"
    pages = [DEEP_COLOR, DEEP_COLOR[::-1]]
    assert cv2.imwritemulti(str(path), [page[..., ::-1] for page in pages])
    for name, page in zip(list_pages(path), pages, strict=True):
        assert np.array_equal(read_image(name, upright=False), page)


def test_pages_are_turned_each_by_its_own_orientation(tmp_path):
    images = [Image.fromarray(GRAY), Image.fromarray(GRAY)]
    for image, orientation in zip(images, (1, 6), strict=True):
        image.encoderinfo = {"tiffinfo": {0x0112: orientation}}
    path = stack(tmp_path / "a.tif", images)
    first, second = list_pages(path)
    assert (read_header(first).orientation, read_header(second).orientation) == (1, 6)
    assert np.array_equal(read_image(second, upright=False)[..., 0], GRAY)
    assert np.array_equal(read_image(second, upright=True)[..., 0], shown(GRAY, 6))


def test_gray_frames_of_a_gif_are_pages(tmp_path):
    pages = [GRAY // 250, GRAY // 5 % 2, 1 - GRAY // 250]
    path = stack(tmp_path / "a.gif", pages)
    assert [read_values(name).tolist() for name in list_pages(path)] == [
        page.tolist() for page in pages
    ]


def test_frames_of_a_webp_are_pages(tmp_path):
    path = stack(tmp_path / "a.webp", [COLOR, COLOR[::-1]], lossless=True)
    assert [read_image(one, upright=True).tolist() for one in list_pages(path)] == [
        COLOR.tolist(),
        COLOR[::-1].tolist(),
    ]


def test_a_smaller_version_of_a_page_is_no_page(tmp_path):
    """TIFF 6.0: bit 0 of NewSubfileType; scanners and photo programs write such thumbnails."""
    images = [Image.fromarray(GRAY), Image.fromarray(GRAY[:1]), Image.fromarray(DEEP)]
    for image, kind in zip(images, (0, 1, 2), strict=True):
        image.encoderinfo = {"tiffinfo": {254: kind}}
    path = stack(tmp_path / "a.tif", images)
    assert np.array_equal(read_values(list_pages(path)[1]), DEEP)
    assert len(list_pages(path)) == 2
    stack(path, images[:2])
    assert list_pages(path) == [path]


def test_big_and_motorola_tiff_have_pages_too(tmp_path):
    path = stack(tmp_path / "a.tif", [GRAY, GRAY + np.uint8(1)], big_tiff=True)
    assert [read_values(one)[0, 0] for one in list_pages(path)] == [0, 1]
    entries = b"".join(
        struct.pack(">HHIHH", tag, 3, 1, value, 0)
        for tag, value in ((256, 1), (257, 1), (258, 8), (262, 1), (273, 200), (279, 1))
    )
    page = struct.pack(">H", 6) + entries
    first = b"MM\0\x2a" + struct.pack(">I", 8) + page + struct.pack(">I", 90)
    whole = first.ljust(90, b"\0") + page + bytes(4)
    path.write_bytes(whole.ljust(200, b"\0") + b"\x07")
    assert [read_values(one).tolist() for one in list_pages(path)] == [[[7]], [[7]]]


def test_a_stack_that_was_cut_off_is_no_shorter_stack(tmp_path):
    path = stack(tmp_path / "a.tif", [GRAY] * 5)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(OSError, match="behind the end of the file"):
        list_pages(path)
    assert read_header(path).stored == (4, 3)  # the first page is there, as for any reader


@pytest.mark.parametrize("name", ["a.tif#4", "b.png#2"])
def test_a_page_that_does_not_exist_is_named(tmp_path, name):
    stack(tmp_path / "a.tif", [GRAY] * 3)
    save(tmp_path / "b.png", GRAY)
    pages = {"a.tif#4": "3 pages, and no page 4", "b.png#2": "1 pages, and no page 2"}[name]
    with pytest.raises(DatasetError, match=f"{name}: cannot be read as an image: it has {pages}"):
        read_image(tmp_path / name, upright=True)


def test_the_page_of_a_file_with_one_is_the_file(tmp_path):
    path = save(tmp_path / "b.tif", GRAY)
    assert list_pages(path) == [path]
    assert np.array_equal(read_values(f"{path}#1"), GRAY)


def test_a_file_of_that_name_is_no_page(tmp_path):
    stack(tmp_path / "a.tif", [GRAY] * 3)
    save(tmp_path / "b.tif", DEEP).rename(tmp_path / "a.tif#2")
    assert np.array_equal(read_values(tmp_path / "a.tif#2"), DEEP)


def test_frames_of_a_jpeg_are_no_pages(tmp_path):
    """Cameras put previews and depth maps behind the image."""
    path = stack(tmp_path / "a.jpg", [GRAY, GRAY], format="MPO")
    assert list_pages(path) == [path]
    with pytest.raises(DatasetError, match="no page 2"):
        read_image(f"{path}#2", upright=True)
