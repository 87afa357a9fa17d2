"""Mask files: what other programs find in them, and reading them back."""

import contextlib
import io
import struct
import zlib

import cv2
import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image
from random_examples import examples

from maskforge import read_mask, write_mask
from maskforge.errors import DatasetError, OptionError, OutputError
from maskforge.files import write_whole
from maskforge.masks.maskfile import check_file_type, encode_mask

PALETTE = {0: (0, 0, 0), 1: (255, 0, 0), 7: (1, 2, 3), 255: (9, 8, 7), 300: (5, 5, 5)}
EIGHT = np.array([[0, 1, 7], [255, 0, 1]], dtype=np.uint8)
SIXTEEN = np.array([[0, 300, 7], [65535, 256, 255]], dtype=np.uint16)
WIDE = np.array([[0, 70000, 7], [2**31 - 1, 256, 255]], dtype=np.uint32)


def chunks(png: bytes) -> list[bytes]:
    """Take a PNG apart by its specification; return the chunks with their checksums verified."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    found, place = [], 8
    while place < len(png):
        (length,) = struct.unpack(">I", png[place : place + 4])
        content = png[place + 4 : place + 8 + length]
        (checksum,) = struct.unpack(">I", png[place + 8 + length : place + 12 + length])
        assert checksum == zlib.crc32(content)
        found.append(content)
        place += 12 + length
    return found


def test_a_png_holds_indices_and_palette():
    header, palette, data, end = chunks(encode_mask(EIGHT, "png", PALETTE))
    assert header == b"IHDR" + struct.pack(">IIBBBBB", 3, 2, 8, 3, 0, 0, 0)
    assert palette[:4] == b"PLTE"
    assert len(palette) == 4 + 768
    assert palette[4 + 21 : 4 + 24] == bytes([1, 2, 3])
    assert palette[-3:] == bytes([9, 8, 7])
    assert zlib.decompress(data[4:]) == bytes([0, 0, 1, 7, 0, 255, 0, 1])
    assert end == b"IEND"


def test_a_png_of_sixteen_bits_is_gray_and_big_endian():
    header, data, _ = chunks(encode_mask(SIXTEEN, "png", PALETTE))
    assert header == b"IHDR" + struct.pack(">IIBBBBB", 3, 2, 16, 0, 0, 0, 0)
    lines = struct.pack(">BHHHBHHH", 0, 0, 300, 7, 0, 65535, 256, 255)
    assert zlib.decompress(data[4:]) == lines


def test_a_png_without_palette_is_gray():
    with Image.open(io.BytesIO(encode_mask(EIGHT, "png"))) as image:
        assert image.mode == "L"


@pytest.mark.parametrize("mask", [EIGHT, SIXTEEN], ids=["8", "16"])
def test_other_programs_find_the_values_in_a_png(tmp_path, mask):
    write_mask(tmp_path / "x.png", mask)
    assert np.array_equal(cv2.imread(str(tmp_path / "x.png"), cv2.IMREAD_UNCHANGED), mask)
    with Image.open(tmp_path / "x.png") as image:
        assert np.array_equal(np.asarray(image), mask)


@pytest.mark.parametrize("mask", [EIGHT, SIXTEEN, WIDE], ids=["8", "16", "32"])
@pytest.mark.parametrize("palette", [None, PALETTE])
def test_other_programs_find_the_values_in_a_tiff(tmp_path, mask, palette):
    write_mask(tmp_path / "x.tiff", mask, palette)
    assert np.array_equal(tifffile.imread(tmp_path / "x.tiff"), mask)


def test_a_tiff_has_the_palette(tmp_path):
    write_mask(tmp_path / "x.tif", EIGHT, PALETTE)
    with Image.open(tmp_path / "x.tif") as image:
        assert image.mode == "P"
        assert image.convert("RGB").getpixel((2, 0)) == (1, 2, 3)


@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 4)])
def test_an_npy_is_what_numpy_writes(tmp_path, shape):
    mask = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    write_mask(tmp_path / "x.npy", mask)
    assert np.array_equal(np.load(tmp_path / "x.npy"), mask)


MASKS = st.sampled_from([np.uint8, np.uint16, np.uint32]).flatmap(
    lambda dtype: arrays.arrays(
        dtype,
        arrays.array_shapes(min_dims=2, max_dims=2, max_side=40),
        elements=st.integers(0, 2**31 - 1 if dtype is np.uint32 else np.iinfo(dtype).max),
    )
)


@settings(max_examples=examples(30))
@given(mask=MASKS, file_type=st.sampled_from(["png", "tiff", "npy"]), colored=st.booleans())
def test_every_mask_is_read_back_as_it_was_written(tmp_path_factory, mask, file_type, colored):
    if file_type == "png" and mask.dtype == np.uint32:
        return
    path = tmp_path_factory.getbasetemp() / f"mask.{file_type}"
    write_mask(path, mask, PALETTE if colored else None)
    back = read_mask(path)
    assert back.dtype == mask.dtype
    assert np.array_equal(back, mask)


@pytest.mark.parametrize("height", [1, 65, 66, 1000])
@pytest.mark.parametrize("width", [1, 2000, 140_000])
def test_masks_of_any_size_are_compressed_band_by_band(height, width):
    """A band is 128 KiB; a line may be longer."""
    if height * width > 3_000_000:
        height = 21
    mask = np.random.default_rng(1).integers(0, 3, (height, width), dtype=np.uint8)
    data = encode_mask(mask, "png", PALETTE)
    with Image.open(io.BytesIO(data)) as image:
        assert np.array_equal(np.asarray(image), mask)


@pytest.mark.parametrize(
    "mask",
    [EIGHT[:, ::-1], EIGHT.T, np.asfortranarray(EIGHT), SIXTEEN[::-1], SIXTEEN.astype(">u2")],
)
@pytest.mark.parametrize("file_type", ["png", "tiff", "npy"])
def test_the_layout_in_memory_makes_no_difference(tmp_path, mask, file_type):
    write_mask(tmp_path / f"x.{file_type}", mask)
    assert np.array_equal(read_mask(tmp_path / f"x.{file_type}"), mask)


@pytest.mark.parametrize("name", ["x.png", "x.PNG", "x.tif", "x.tiff", "x.npy"])
def test_the_suffix_decides(tmp_path, name):
    write_mask(str(tmp_path / "sub" / name), EIGHT)
    assert np.array_equal(read_mask(str(tmp_path / "sub" / name)), EIGHT)


@pytest.mark.parametrize(
    ("name", "mask", "text"),
    [
        ("x.png", EIGHT.astype(np.int64), "found .* int64"),
        ("x.npy", EIGHT.astype(bool), "found .* bool"),
        ("x.tiff", EIGHT.astype(np.float32), "found .* float32"),
        ("x.png", np.zeros((0, 5), dtype=np.uint8), "found"),
        ("x.png", EIGHT.ravel(), "channel"),
        ("x.jpg", EIGHT, "JPEG changes pixel values"),
        ("x.jpeg", EIGHT, "JPEG changes pixel values"),
        ("x.bmp", EIGHT, "file_type cannot be 'bmp'"),
        ("x", EIGHT, "file_type cannot be ''"),
        ("x.png", WIDE, "16 bits at most"),
        ("x.png", np.zeros((2, 3, 4), dtype=np.uint8), "one channel per class"),
        ("x.tiff", np.zeros((2, 3, 4), dtype=np.uint8), "one channel per class"),
    ],
)
def test_what_a_file_cannot_hold_is_refused(tmp_path, name, mask, text):
    with pytest.raises(OptionError, match=text):
        write_mask(tmp_path / name, mask)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("file_type", "encoding", "allowed"),
    [
        ("png", "integer", True),
        ("tiff", "integer", True),
        ("npy", "integer", True),
        ("npy", "onehot", True),
        ("npy", "multihot", True),
        ("png", "onehot", False),
        ("png", "multihot", False),
        ("tiff", "onehot", False),
        ("tiff", "multihot", False),
        ("jpg", "integer", False),
        ("gif", "integer", False),
    ],
)
def test_which_type_of_file_holds_which_encoding(file_type, encoding, allowed):
    if allowed:
        check_file_type(file_type, encoding)
    else:
        with pytest.raises(OptionError):
            check_file_type(file_type, encoding)


# --- whole or not at all


def test_a_file_appears_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "x.bin"
    write_whole(path, b"old")
    monkeypatch.setattr("pathlib.Path.replace", _interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_whole(path, b"new and longer")
    assert [one.name for one in tmp_path.iterdir()] == ["x.bin"]
    assert path.read_bytes() == b"old"


def _interrupt(*arguments):
    raise KeyboardInterrupt


def test_a_file_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "folder.png").mkdir()
    for path in (tmp_path / "file" / "x.png", tmp_path / "folder.png", tmp_path / ("x" * 300)):
        with pytest.raises(OutputError, match="cannot be written") as caught:
            write_whole(path, b"")
        assert caught.value.origin.file == path
        assert isinstance(caught.value, OSError)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["file", "folder.png"]


def test_long_names_leave_room_for_the_name_aside(tmp_path):
    write_whole(tmp_path / ("x" * 251 + ".png"), b"")
    assert len(list(tmp_path.iterdir())) == 1


# --- damage


@pytest.mark.parametrize("suffix", ["png", "tiff", "npy"])
def test_a_damaged_mask_is_an_error_that_names_it(tmp_path, suffix):
    """Cut off anywhere; or with any byte changed, which may also change values."""
    whole = encode_mask(SIXTEEN, suffix)
    path = tmp_path / f"x.{suffix}"
    for length in range(0, len(whole) - 1, 3):
        path.write_bytes(whole[:length])
        with contextlib.suppress(DatasetError):
            assert np.array_equal(read_mask(path), SIXTEEN)
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        try:
            mask = read_mask(path)
        except DatasetError:
            continue
        if suffix == "png":
            assert np.array_equal(mask, SIXTEEN)


@pytest.mark.parametrize(
    "content",
    [b"", b"\x93NUMPY", b"PK\x03\x04", b"\x93NUMPY\x01\x00\x06\x00{'a': ", b"nonsense"],
)
def test_what_is_no_npy_is_refused(tmp_path, content):
    (tmp_path / "x.npy").write_bytes(content)
    with pytest.raises(DatasetError, match="cannot be read as a mask"):
        read_mask(tmp_path / "x.npy")


def test_objects_in_an_npy_are_not_unpickled(tmp_path):
    np.save(tmp_path / "x.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(DatasetError, match="cannot be read as a mask"):
        read_mask(tmp_path / "x.npy")


def test_an_npy_of_impossible_size_is_refused(tmp_path):
    header = "{'descr': '|u1', 'fortran_order': False, 'shape': (9999999, 9999999), }"
    header = header.ljust(117) + "\n"
    (tmp_path / "x.npy").write_bytes(
        b"\x93NUMPY\x01\x00" + struct.pack("<H", 118) + header.encode()
    )
    with pytest.raises(DatasetError, match="cannot be read as a mask"):
        read_mask(tmp_path / "x.npy")


def test_a_missing_mask_is_named(tmp_path):
    with pytest.raises(DatasetError, match=r"x\.png: cannot be read as a mask: No such file"):
        read_mask(tmp_path / "x.png")
