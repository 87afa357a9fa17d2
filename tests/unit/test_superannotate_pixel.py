"""SuperAnnotate's pixel projects: the colors of ``___save.png`` become bitmaps, pixel by pixel."""

import json
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from maskforge.formats.reader import read
from maskforge.images.annotated_image import AnnotatedImage
from maskforge.issues import Code, Issue, Level
from maskforge.shapes import Bitmap, Size

IMAGE = [
    "......",
    ".aaa.b",
    ".a.a.b",
    ".aaa..",
    "c.....",
]
A, B, C = "#00000f", "#00010e", "#1e0f00"
COLORS = {"a": A, "b": B, "c": C}


def rgba(rows: list[str]) -> np.ndarray:
    """Draw letters as opaque colors, and dots as transparent black."""
    pixels = np.zeros((len(rows), len(rows[0]), 4), dtype=np.uint8)
    for row, line in enumerate(rows):
        for column, letter in enumerate(line):
            if letter != ".":
                pixels[row, column] = [*bytes.fromhex(COLORS[letter][1:]), 255]
    return pixels


def instance(*colors: object, **keys: object) -> dict[str, object]:
    return {"className": "tooth", "parts": [{"color": color} for color in colors]} | keys


def write(folder: Path, *instances: object, rows: list[str] = IMAGE, **metadata: object) -> Path:
    Image.fromarray(rgba(rows)).save(folder / "a.png___save.png")
    return write_json(folder, *instances, **metadata)


def write_json(folder: Path, *instances: object, **metadata: object) -> Path:
    path = folder / "a.png___pixel.json"
    path.write_text(json.dumps({"metadata": metadata, "instances": instances}))
    return path


def read_one(path: Path) -> AnnotatedImage:
    (image,) = read(path, format="superannotate")
    return image


def issues(image: AnnotatedImage, *codes: Code) -> list[Issue]:
    return [issue for issue in image.issues if issue.code in codes]


def drawn(image: AnnotatedImage) -> list[list[str]]:
    """Show each shape's pixels in the whole image as text."""
    assert image.image.size is not None
    result = []
    for shape in image.shapes:
        bitmap = shape.geometry
        assert isinstance(bitmap, Bitmap)
        canvas = np.full((image.image.size.height, image.image.size.width), ".")
        height, width = bitmap.pixels.shape
        place = canvas[bitmap.row : bitmap.row + height, bitmap.column : bitmap.column + width]
        place[bitmap.pixels] = "#"
        result.append(["".join(row) for row in canvas.tolist()])
    return result


def test_every_instance_gets_exactly_the_pixels_of_its_colors(tmp_path):
    image = read_one(write(tmp_path, instance(A), instance(B), instance(C)))
    assert drawn(image) == [
        ["......", ".###..", ".#.#..", ".###..", "......"],
        ["......", ".....#", ".....#", "......", "......"],
        ["......", "......", "......", "......", "#....."],
    ]
    assert image.image.size == Size(6, 5)
    assert {shape.kind for shape in image.shapes} == {"mask"}
    assert issues(image, Code.UNLISTED_PIXELS, Code.INVALID_BITMAP) == []


def test_bitmaps_are_cropped_and_cannot_be_changed(tmp_path):
    ring, two = read_one(write(tmp_path, instance(A), instance(B, C))).shapes
    assert (ring.geometry.row, ring.geometry.column, ring.geometry.pixels.shape) == (1, 1, (3, 3))
    assert (two.geometry.row, two.geometry.column, two.geometry.pixels.shape) == (1, 0, (4, 6))
    assert not ring.geometry.pixels.flags.writeable
    assert ring.geometry.pixels.dtype == np.bool_


def test_parts_of_one_instance_are_united(tmp_path):
    image = read_one(write(tmp_path, instance(A, C, A)))
    assert drawn(image) == [["......", ".###..", ".#.#..", ".###..", "#....."]]


def test_parts_of_one_instance_may_lie_between_each_other(tmp_path):
    image = read_one(write(tmp_path, instance(A, B), rows=["ab.", "ba."]))
    assert drawn(image) == [["##.", "##."]]


def test_all_24_bits_of_a_color_count(tmp_path):
    """#00000e, #00010e and #0e0100 share their lowest, two or all bytes."""
    pixels = np.zeros((1, 4, 4), dtype=np.uint8)
    pixels[0, :3] = [(0, 0, 0x0E, 255), (0, 1, 0x0E, 255), (0x0E, 1, 0, 255)]
    path = write_json(tmp_path, *map(instance, ("#00000e", "#00010e", "#0e0100")))
    Image.fromarray(pixels).save(tmp_path / "a.png___save.png")
    assert drawn(read_one(path)) == [["#..."], [".#.."], ["..#."]]


def test_colors_may_be_written_in_capitals(tmp_path):
    image = read_one(write(tmp_path, instance("#00000F"), instance("1E0f00")))
    assert [shape.geometry.pixels.sum() for shape in image.shapes] == [8, 1]


@pytest.mark.parametrize("mode", ["RGB", "P", "RGBA"])
def test_an_image_may_be_stored_with_a_palette_or_without_alpha(tmp_path, mode):
    path = write(tmp_path, instance(A), instance(B, C))
    png = tmp_path / "a.png___save.png"
    with Image.open(png) as image:
        converted = image.convert("RGB")
    if mode == "P":
        converted = converted.quantize(8, dither=Image.Dither.NONE)
        assert converted.mode == "P"
    converted.convert(mode).save(png)
    assert drawn(read_one(path)) == [
        ["......", ".###..", ".#.#..", ".###..", "......"],
        ["......", ".....#", ".....#", "......", "#....."],
    ]


def test_transparent_pixels_are_background_whatever_color_they_hide(tmp_path):
    pixels = rgba(["aaaa"])
    pixels[0, :, 3] = (0, 1, 128, 255)
    path = write_json(tmp_path, instance(A))
    Image.fromarray(pixels).save(tmp_path / "a.png___save.png")
    image = read_one(path)
    assert drawn(image) == [[".###"]]
    assert issues(image, Code.UNLISTED_PIXELS) == []


def test_colors_that_no_instance_lists_are_counted(tmp_path):
    (note,) = issues(read_one(write(tmp_path, instance(B))), Code.UNLISTED_PIXELS)
    assert note.level is Level.NOTE
    assert note.message.startswith("9 pixels of 2 colors")


@pytest.mark.parametrize("colors", [("#0000ff",), ("#0000ff", "#0000f0"), ("#000000",), ()])
def test_an_instance_without_any_pixel_is_refused(tmp_path, colors):
    image = read_one(write(tmp_path, instance(*colors), instance(B)))
    (issue,) = issues(image, Code.INVALID_BITMAP)
    assert (issue.level, issue.origin.pointer) == (Level.REFUSED, "$.instances[0].parts")
    assert all(color in issue.message for color in colors)
    assert (len(image.shapes), image.record_count) == (1, 2)


def test_a_single_missing_part_is_noted(tmp_path):
    image = read_one(write(tmp_path, instance(B, "#0000ff")))
    (issue,) = issues(image, Code.INCOMPLETE_BITMAP)
    assert (issue.level, image.record_count) == (Level.NOTE, 1)
    assert "#0000ff" in issue.message
    assert B not in issue.message


@pytest.mark.parametrize(
    ("parts", "place"),
    [
        (None, ".parts"),
        ({"color": A}, ".parts"),
        ([A], ".parts[0]"),
        ([{"shade": A}], ".parts[0]"),
        ([{"color": A}, {"color": 15}], ".parts[1].color"),
        ([{"color": "blue"}], ".parts[0].color"),
        ([{"color": "#00000ff"}], ".parts[0].color"),
        ([{"color": "#00f"}], ".parts[0].color"),
        ([{"color": "#00000g"}], ".parts[0].color"),
    ],
)
def test_damaged_parts_cost_their_instance(tmp_path, parts, place):
    image = read_one(write(tmp_path, {"className": "tooth", "parts": parts}, instance(B)))
    (issue,) = issues(image, Code.INVALID_RECORD)
    assert issue.origin.pointer == f"$.instances[0]{place}"
    assert (len(image.shapes), image.record_count) == (1, 2)


def test_without_the_png_its_instances_are_refused_and_others_stay(tmp_path):
    polygon = {"type": "polygon", "className": "tooth", "points": [0, 0, 5, 0, 5, 5]}
    image = read_one(write_json(tmp_path, instance(A), polygon, instance(B), width=6, height=5))
    assert [shape.kind for shape in image.shapes] == ["polygon"]
    refused = issues(image, Code.INVALID_BITMAP)
    assert [issue.origin.pointer for issue in refused] == [
        "$.instances[0].parts",
        "$.instances[2].parts",
    ]
    assert "no a.png___save.png beside" in refused[0].message
    assert "___save.png" in refused[0].hint


@pytest.mark.parametrize(
    ("file", "written", "png"),
    [
        ("a.png___pixel.json", None, "a.png___save.png"),
        ("a.png.json", None, "a.png___save.png"),
        ("a.webp.json", "b.png", "a.webp___save.png"),
        ("a.webp.json", "b.png", "b.png___save.png"),
        ("export.json", "a.png", "a.png___save.png"),
        ("a.JPG___pixel.json", "x/y.png", "y.png___save.png"),
    ],
)
def test_the_png_has_the_full_name_of_the_image(tmp_path, file, written, png):
    Image.fromarray(rgba(IMAGE)).save(tmp_path / png)
    path = tmp_path / file
    path.write_text(json.dumps({"metadata": {"name": written}, "instances": [instance(A)]}))
    assert len(read_one(path).shapes) == 1


def test_the_png_of_another_folder_is_not_taken(tmp_path):
    """Colors are numbered from the start in every file, so a wrong image would go unnoticed."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    path = write_json(tmp_path / "one", instance(A), width=6, height=5)
    write(tmp_path / "two", instance(A))
    assert read_one(path).shapes == ()


def test_the_view_with_class_colors_is_never_used(tmp_path):
    Image.fromarray(rgba(IMAGE)).save(tmp_path / "a.png___fuse.png")
    image = read_one(write_json(tmp_path, instance(A), width=6, height=5))
    assert image.shapes == ()


@pytest.mark.parametrize(
    "metadata", [{}, {"width": None, "height": None}, {"width": 6, "height": 5}]
)
def test_the_png_gives_the_size_where_the_json_does_not(tmp_path, metadata):
    image = read_one(write(tmp_path, instance(A), **metadata))
    assert (image.image.size, image.refusal) == (Size(6, 5), None)


def test_sizes_of_json_and_png_that_disagree_are_an_error(tmp_path):
    image = read_one(write(tmp_path, instance(A), width=12, height=10))
    assert image.refusal is not None
    assert image.refusal.code is Code.SIZE_MISMATCH
    assert "12 x 10" in image.refusal.message
    assert "6 x 5" in image.refusal.message


def test_an_image_of_another_size_than_the_png_is_an_error(tmp_path):
    Image.new("L", (12, 10)).save(tmp_path / "a.png")
    image = read_one(write(tmp_path, instance(A)))
    assert image.refusal is not None
    assert image.refusal.code is Code.SIZE_MISMATCH


def test_list_files_hold_pixel_instances_too(tmp_path):
    records = [
        {"type": "comment", "x": 1, "y": 1},
        instance(A, classId=7),
        {"type": "mask", "className": "tooth", "parts": [{"color": C}]},
        {"type": "meta", "name": "imageAttributes", "width": 6, "height": 5},
    ]
    path = write(tmp_path)
    path.write_text(json.dumps(records))
    image = read_one(path)
    assert [shape.origin.pointer for shape in image.shapes] == ["$[1]", "$[2]"]
    assert image.shapes[0].extra == {"classId": 7}
    assert image.record_count == 4


def chunk(kind: bytes, data: bytes) -> bytes:
    check = struct.pack(">I", zlib.crc32(kind + data))
    return struct.pack(">I", len(data)) + kind + data + check


def png_header(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)


WHOLE = zlib.compress(b"".join(b"\0" + bytes(row) for row in rgba(IMAGE).reshape(5, -1)))


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "cannot be read"),
        (b"\x89PNG\r\n\x1a\n", "cannot be read"),
        (b"GIF89a" + bytes(40), "cannot be read"),
        (png_header(6, 5), "cannot be read"),
        (png_header(6, 5) + chunk(b"IDAT", WHOLE[:12]), "cannot be read"),
        (png_header(6, 5) + chunk(b"IDAT", b"\0" * 40), "cannot be read"),
        (png_header(100_000, 100_000) + chunk(b"IDAT", WHOLE), "too many for a mask"),
        (png_header(0, 5) + chunk(b"IDAT", WHOLE), "cannot be read"),
    ],
)
def test_a_damaged_png_costs_its_instances_but_not_the_run(tmp_path, data, text):
    path = write_json(tmp_path, instance(A), instance(B), width=6, height=5)
    (tmp_path / "a.png___save.png").write_bytes(data)
    image = read_one(path)
    assert (image.shapes, image.record_count) == ((), 2)
    assert all(text in issue.message for issue in issues(image, Code.INVALID_BITMAP))


def test_the_png_written_by_hand_is_sound_but_for_the_damage(tmp_path):
    path = write_json(tmp_path, instance(A), instance(B))
    data = png_header(6, 5) + chunk(b"IDAT", WHOLE) + chunk(b"IEND", b"")
    (tmp_path / "a.png___save.png").write_bytes(data)
    assert len(read_one(path).shapes) == 2


def test_every_changed_bit_of_the_pixels_is_noticed(tmp_path):
    """Many of them give other pixels without any error, unless checksums are looked at."""
    path = write_json(tmp_path, instance(A), width=80, height=60)
    pixels = np.zeros((60, 80, 4), dtype=np.uint8)
    pixels[10:30, 10:50] = (0, 0, 15, 255)
    png = tmp_path / "a.png___save.png"
    Image.fromarray(pixels).save(png)
    data = png.read_bytes()
    start = data.index(b"IDAT") + 4
    for index in range(start, len(data) - 16):
        damaged = bytearray(data)
        damaged[index] ^= 1
        png.write_bytes(damaged)
        assert read_one(path).shapes == ()


@pytest.mark.parametrize("mode", ["I;16", "LA", "L", "1"])
def test_a_png_without_8_bit_colors_is_no_image_of_parts(tmp_path, mode):
    path = write_json(tmp_path, instance(A), width=6, height=5)
    Image.new(mode, (6, 5)).save(tmp_path / "a.png___save.png")
    (issue,) = issues(read_one(path), Code.INVALID_BITMAP)
    assert "8 bits a channel" in issue.message


def test_an_image_of_another_format_is_no_image_of_parts(tmp_path):
    path = write_json(tmp_path, instance(A), width=6, height=5)
    Image.fromarray(rgba(IMAGE)).convert("RGB").save(tmp_path / "a.png___save.png", "JPEG")
    (issue,) = issues(read_one(path), Code.INVALID_BITMAP)
    assert "found JPEG" in issue.message
