"""LabelMe's `mask` shapes: where the PNG lands, and which ones are refused."""

from __future__ import annotations

import base64
import struct
import zlib

import numpy as np
import pytest
from labelme_files import document, encoded, read_one, read_shape, shape, write

from maskforge.issues import Code
from maskforge.shapes import Bitmap

BLOB = np.array([[0, 1, 1, 0], [1, 1, 1, 1], [0, 0, 1, 0]], dtype=bool)


def mask_shape(corners, mask):
    return shape(corners, shape_type="mask", mask=mask)


@pytest.mark.parametrize(
    ("mask", "expected"),
    [
        pytest.param(encoded(BLOB.astype(np.uint8)), BLOB, id="0 and 1"),
        pytest.param(encoded(BLOB.astype(np.uint8) * 255), BLOB, id="0 and 255"),
        pytest.param(encoded(BLOB), BLOB, id="1 bit"),
        pytest.param(encoded(BLOB.astype(np.uint16) * 1000), BLOB, id="16 bit"),
        pytest.param(encoded(BLOB.astype(np.uint8) * 255, "P"), BLOB, id="palette"),
        pytest.param(encoded(np.zeros((3, 4), np.uint8)), np.zeros((3, 4)), id="nothing set"),
    ],
)
def test_mask_is_set_where_the_png_is_above_zero(tmp_path, mask, expected):
    found = read_shape(tmp_path, mask_shape([[10, 20], [13, 22]], mask))
    assert isinstance(found.geometry, Bitmap)
    assert (found.geometry.row, found.geometry.column) == (20, 10)
    np.testing.assert_array_equal(found.geometry.pixels, expected)
    assert found.geometry.pixels.dtype == bool
    assert found.kind == "mask"
    assert found.converted == ""
    assert "mask" not in found.extra


@pytest.mark.parametrize(
    ("corners", "row", "column"),
    [
        pytest.param([[10.4, 20.4], [13.4, 22.4]], 20, 10, id="rounded down"),
        pytest.param([[10.6, 20.6], [13.6, 22.6]], 21, 11, id="rounded up"),
        pytest.param([[10.5, 21.5], [13.5, 23.5]], 22, 10, id="halves to even, as NumPy does"),
        pytest.param([[10.7, 20.7], [13.3, 22.3]], 21, 11, id="corners rounded apart"),
        pytest.param([[10, 20], [14, 23]], 20, 10, id="corners exclusive"),
        pytest.param([[13, 22], [10, 20]], 20, 10, id="corners swapped"),
        pytest.param([[-2, -1], [1, 1]], -1, -2, id="over the top left edge"),
        pytest.param([[98, 79], [101, 81]], 79, 98, id="over the bottom right edge"),
        pytest.param([[-2.6, -1.6], [0.4, 0.4]], -2, -3, id="negative fractions"),
    ],
)
def test_mask_keeps_its_own_size_at_the_rounded_corner(tmp_path, corners, row, column):
    found = read_shape(tmp_path, mask_shape(corners, encoded(BLOB)))
    assert isinstance(found.geometry, Bitmap)
    assert (found.geometry.row, found.geometry.column) == (row, column)
    np.testing.assert_array_equal(found.geometry.pixels, BLOB)


def png_header_only(width: int, height: int) -> str:
    """A PNG that promises many pixels and holds none."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    data = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + data).decode()


BOX = [[10, 20], [13, 22]]


@pytest.mark.parametrize(
    ("record", "words"),
    [
        pytest.param(mask_shape(BOX, "no base64!"), "base64", id="no base64"),
        pytest.param(mask_shape(BOX, "Ä"), "base64", id="not ASCII"),
        pytest.param(mask_shape(BOX, encoded(BLOB)[:60]), "base64", id="cut off"),
        pytest.param(mask_shape(BOX, png_header_only(4, 3)), "base64", id="no pixels inside"),
        pytest.param(mask_shape(BOX, ""), "base64", id="empty"),
        pytest.param(mask_shape(BOX, None), "None", id="null"),
        pytest.param(shape(BOX, shape_type="mask"), "None", id="no mask"),
        pytest.param(mask_shape(BOX, [[0, 1]]), "[[0, 1]]", id="list"),
        pytest.param(
            mask_shape(BOX, encoded(BLOB.astype(np.uint8), file_type="BMP")), "PNG", id="BMP"
        ),
        pytest.param(mask_shape(BOX, encoded(BLOB, "RGB")), "colors", id="colors"),
        pytest.param(
            mask_shape(BOX, encoded(BLOB.astype(np.uint8), "LA")), "transparency", id="transparency"
        ),
        pytest.param(
            mask_shape([[10, 20], [30, 22]], encoded(BLOB)),
            "the bitmap has 4 x 3 px, its box in `points` 21 x 3 px",
            id="box of another size",
        ),
        pytest.param(
            mask_shape(BOX, png_header_only(50_000, 50_000)), "50000 x 50000", id="small box, bomb"
        ),
        pytest.param(
            mask_shape([[0, 0], [49_999, 49_999]], png_header_only(50_000, 50_000)),
            "larger than",
            id="large box, bomb",
        ),
    ],
)
def test_mask_that_cannot_be_used_is_refused(tmp_path, record, words):
    image = read_one(write(tmp_path, document(record, shape())))
    (issue,) = [issue for issue in image.issues if issue.loses_record]
    assert issue.code is Code.INVALID_BITMAP
    assert issue.origin.pointer == "$.shapes[0].mask"
    assert words in issue.message
    assert len(issue.message) < 200
    assert len(image.shapes) == 1


def test_mask_with_one_corner_is_refused(tmp_path):
    image = read_one(write(tmp_path, document(mask_shape([[10, 20]], encoded(BLOB)))))
    (issue,) = [issue for issue in image.issues if issue.loses_record]
    assert issue.code is Code.INVALID_RECORD
