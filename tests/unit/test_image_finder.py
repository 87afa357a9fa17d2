"""Finding images, step by step in the documented order; and reading headers without decoding."""

import io
import random
import struct
import zlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from builders import image
from PIL import Image

from maskforge.errors import DatasetError
from maskforge.images.decoder import read_header, read_image
from maskforge.images.finder import ImageFinder
from maskforge.images.name_index import NameIndex
from maskforge.images.search import Wanted
from maskforge.issues import Code
from maskforge.shapes import Size


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


@dataclass
class Folders:
    """A search below two folders, as for an annotation without size and embedded image."""

    images: Path | None
    source: Path | None
    allow_outside: bool = False

    def search(self, written, folder):
        roots = [[one] if one else [] for one in (self.images, self.source)]
        finder = ImageFinder(*roots, allow_outside=self.allow_outside)
        return finder.find(Wanted(written, folder, self.source))

    def find(self, written, folder):
        return self.search(written, folder).file


@pytest.fixture
def finder(tmp_path):
    return Folders(tmp_path / "images", tmp_path / "source")


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "source" / "notes"
    path.mkdir(parents=True)
    return path


def places(tmp_path):
    """Where an image may be that is written as ``../films/x.png``, the first choice first."""
    return [
        tmp_path / "source" / "films" / "x.png",
        tmp_path / "source" / "notes" / "x.png",
        tmp_path / "source" / "notes" / "X.PNG",
        tmp_path / "images" / "deep" / "x.png",
        tmp_path / "source" / "other" / "x.png",
    ]


@pytest.mark.parametrize("first", range(6))
def test_the_places_are_searched_in_their_order(tmp_path, finder, folder, first):
    remaining = places(tmp_path)[first:]
    touch(*remaining)
    found = finder.find(["../films/x.png"], folder)
    assert (found and found.resolve()) == (remaining[0] if remaining else None)


@pytest.mark.parametrize(
    ("on_disk", "written"),
    [
        ("my films", "my%20films"),
        ("z\u00e4hne", "za\u0308hne"),
        ("za\u0308hne", "z\u00e4hne"),
        ("my%20films", "my%20films"),
    ],
)
def test_folders_are_found_in_every_spelling_before_the_name_counts(
    tmp_path, finder, folder, on_disk, written
):
    touch(tmp_path / "source" / on_disk / "x.png", folder / "x.png")
    found = finder.find([f"../{written}/x.png"], folder)
    assert found.resolve() == tmp_path / "source" / on_disk / "x.png"


def test_an_absolute_path_is_taken_as_it_is(tmp_path, finder, folder):
    touch(tmp_path / "far" / "x.png", folder / "x.png")
    finder.allow_outside = True
    assert finder.find([str(tmp_path / "far" / "x.png")], folder) == tmp_path / "far" / "x.png"


@pytest.mark.parametrize("written", ["C:/films/x.png", "/nowhere/x.png", "//server/x.png"])
def test_of_a_path_on_another_machine_the_name_is_left(finder, folder, written):
    touch(folder / "x.png")
    assert finder.find([written], folder) == folder / "x.png"


@pytest.mark.parametrize(
    ("on_disk", "written"),
    [
        ("a b.png", "a%20b.png"),
        ("a%20b.png", "a%20b.png"),
        ("100%.png", "100%25.png"),
        ("z\u00e4hne.png", "za\u0308hne.png"),
        ("za\u0308hne.png", "z\u00e4hne.png"),
        ("z\u00e4hne.png", "z%C3%A4hne.png"),
        ("歯.png", "%E6%AD%AF.png"),
        ("x.PNG", "x.png"),
        ("x.png", "X.PNG"),
        ("STRASSE.png", "straße.png"),
        ("a%20b.png", "A B.png"),
    ],
)
@pytest.mark.parametrize("place", ["source/notes", "images/deep", "source/other"])
def test_names_are_compared_in_every_spelling(tmp_path, finder, folder, on_disk, written, place):
    touch(tmp_path / place / on_disk)
    assert finder.find([written], folder) == tmp_path / place / on_disk


def test_the_spelling_that_is_written_comes_first(finder, folder):
    touch(folder / "a%20b.png", folder / "a b.png")
    assert finder.find(["a%20b.png"], folder) == folder / "a%20b.png"
    assert finder.find(["a b.png"], folder) == folder / "a b.png"


def test_the_first_candidate_that_leads_anywhere_decides(tmp_path, finder, folder):
    touch(folder / "second.png", tmp_path / "images" / "first.png")
    assert finder.find(["nowhere.png", "second.png"], folder) == folder / "second.png"
    assert finder.find(["first.png", "third.png"], folder) == tmp_path / "images" / "first.png"


def test_of_several_files_the_longest_common_tail_decides(tmp_path, finder, folder):
    films = tmp_path / "images"
    touch(films / "p1" / "left" / "x.png", films / "p2" / "left" / "x.png")
    found = finder.find(["/old/disk/p2/left/x.png"], folder)
    assert found == films / "p2" / "left" / "x.png"


@pytest.mark.parametrize("place", ["images", "source"])
def test_several_files_that_fit_alike_are_no_decision(tmp_path, finder, folder, place):
    for number, patient in enumerate(("p1", "p2")):
        image(tmp_path / place / patient / "x.png", 8 + number)
    assert_ambiguous(finder.search(["x.png"], folder))


class Namesakes(list):
    """Very many files, which nobody must go through once for every annotation."""

    def __iter__(self):
        raise AssertionError("all namesakes were gone through")


@pytest.mark.parametrize("place", ["images", "source"])
def test_thousands_of_namesakes_are_not_gone_through(tmp_path, monkeypatch, finder, folder, place):
    touch(*(tmp_path / place / f"p{number}" / "x.png" for number in range(20)))
    find = NameIndex.find

    def shielded(*arguments, **keywords):
        found = find(*arguments, **keywords)
        return replace(found, files=Namesakes(found.files)) if len(found.files) > 16 else found

    monkeypatch.setattr(NameIndex, "find", shielded)
    found = finder.search(["x.png"], folder)
    assert found.problem.code is Code.IMAGE_AMBIGUOUS
    assert "20 files fit 'x.png'" in found.problem.message


def assert_ambiguous(found):
    assert found.file is None
    assert found.problem.code is Code.IMAGE_AMBIGUOUS
    assert "2 files fit 'x.png'" in found.problem.message


def test_the_written_case_comes_before_any_other(tmp_path, finder, folder):
    touch(tmp_path / "images" / "p1" / "x.PNG", tmp_path / "images" / "p2" / "x.png")
    assert finder.find(["x.png"], folder) == tmp_path / "images" / "p2" / "x.png"
    assert finder.find(["x.PNG"], folder) == tmp_path / "images" / "p1" / "x.PNG"


def test_cases_that_differ_beside_the_file_are_no_decision(finder, folder):
    image(folder / "X.png", 8)
    image(folder / "x.PNG", 9)
    assert_ambiguous(finder.search(["x.png"], folder))


def test_a_name_in_other_case_beside_the_file_is_not_confused_with_its_namesakes(tmp_path):
    """Cameras write .JPG, people .jpg, and every patient has an image 1."""
    for patient in ("p1", "p2"):
        touch(tmp_path / patient / "1.JPG")
    finder = Folders(None, tmp_path)
    for patient in ("p1", "p2"):
        assert finder.find(["1.jpg"], tmp_path / patient) == tmp_path / patient / "1.JPG"


@pytest.mark.parametrize(
    "written",
    ["", ".", "..", "/", "x", "x.txt", "x.json", "\0.png", "a/\0/x.png", "y" * 5000 + ".png", "%"],
)
def test_what_is_no_image_is_not_found(finder, folder, written):
    touch(folder / "x.txt", folder / "x.json", folder / "x")
    assert finder.find([written], folder) is None
    assert finder.find([], folder) is None


def test_a_folder_is_no_image(finder, folder):
    (folder / "x.png").mkdir()
    assert finder.find(["x.png"], folder) is None


def test_folders_that_do_not_exist_hold_nothing(tmp_path):
    finder = Folders(tmp_path / "a", tmp_path / "b")
    assert finder.find(["x.png"], tmp_path / "c") is None
    assert Folders(None, None).find(["x.png"], tmp_path) is None


# --- headers


FORMATS = ["png", "jpg", "tif", "bmp", "gif", "webp", "ppm", "tga", "jp2"]


@pytest.mark.parametrize("suffix", FORMATS)
def test_the_size_is_read_of_every_kind_of_image(tmp_path, suffix):
    path = image(tmp_path / f"x.{suffix}", 21, 13)
    header = read_header(path)
    assert (header.stored, header.orientation, header.bits) == (Size(21, 13), 1, 8)
    assert read_header(path.read_bytes()) == header
    with path.open("rb") as stream:
        assert read_header(stream) == header


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_orientation_is_read(tmp_path, suffix, orientation):
    header = read_header(image(tmp_path / f"x.{suffix}", 21, 13, orientation=orientation))
    assert header.stored == (21, 13)
    assert header.orientation == orientation
    assert header.upright == ((13, 21) if orientation >= 5 else (21, 13))


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_orientations_that_do_not_exist_count_as_none(tmp_path, orientation):
    header = read_header(image(tmp_path / "x.jpg", orientation=orientation))
    assert header.orientation == 1


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "gif"])
def test_the_pixels_are_not_decoded(tmp_path, suffix):
    """An image that was cut off behind its header still has a size."""
    noise = np.random.default_rng(1).integers(0, 255, (200, 300, 3), dtype=np.uint8)
    path = tmp_path / f"x.{suffix}"
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:2000])
    assert read_header(path).stored == (300, 200)
    with pytest.raises(DatasetError, match="cannot be read as an image"):
        read_image(path, upright=True)


def png(width: int, height: int) -> bytes:
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = b"IDAT" + zlib.compress(b"\0")
    chunks = (header, body, b"IEND")
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
        for chunk in chunks
    )


def test_a_huge_image_has_a_size_but_is_not_decoded():
    data = png(2**31 - 1, 2**31 - 1)
    assert read_header(data).stored == (2**31 - 1, 2**31 - 1)
    with pytest.raises(DatasetError, match="are more than"):
        read_image(data, upright=True)


def test_a_large_image_can_be_decoded(tmp_path):
    """200 million pixels, which Pillow by itself refuses."""
    path = tmp_path / "x.png"
    Image.new("1", (20000, 10000)).save(path)
    assert read_image(path, upright=True).shape == (10000, 20000, 1)


@pytest.mark.filterwarnings("ignore")  # of Pillow
@pytest.mark.parametrize("suffix", [*FORMATS, "avif"])
def test_damaged_headers_are_one_kind_of_error(tmp_path, suffix):
    path = tmp_path / f"x.{suffix}"
    try:
        image(path, orientation=6)
    except (OSError, KeyError):
        pytest.skip(f"NO CHECK: this Pillow writes no {suffix}")
    whole = path.read_bytes()
    choose = random.Random(1)
    for _ in range(300):
        data = bytearray(whole[: choose.randrange(len(whole) + 1)])
        for _ in range(choose.randrange(6)):
            if data:
                data[choose.randrange(min(len(data), 200))] = choose.choice([0, 127, 128, 255])
        try:
            header = read_header(bytes(data))
        except OSError:
            continue
        assert header.orientation in range(1, 9)
        assert min(header.stored) > 0


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_damaged_metadata_cost_no_size(tmp_path):
    Image.new("L", (21, 13)).save(tmp_path / "x.jpg", exif=b"Exif\0\0II*\0\x08\0\0\0")
    header = read_header(tmp_path / "x.jpg")
    assert (header.stored, header.orientation) == (Size(21, 13), 1)


def test_an_image_that_is_not_there_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_header(tmp_path / "x.png")
    with pytest.raises(OSError, match=r".+"):
        read_header(b"")


UPRIGHT = {
    1: [[1, 2, 3], [4, 5, 6]],
    2: [[3, 2, 1], [6, 5, 4]],
    3: [[6, 5, 4], [3, 2, 1]],
    4: [[4, 5, 6], [1, 2, 3]],
    5: [[1, 4], [2, 5], [3, 6]],
    6: [[4, 1], [5, 2], [6, 3]],
    7: [[6, 3], [5, 2], [4, 1]],
    8: [[3, 6], [2, 5], [1, 4]],
}
"""How rows 123 and 456 look after the orientation was applied, by the EXIF standard."""


@pytest.mark.parametrize("file_type", ["PNG", "TIFF"])
@pytest.mark.parametrize("orientation", UPRIGHT)
def test_pixels_are_turned_upright_if_asked_for(file_type, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    buffer = io.BytesIO()
    stored = Image.fromarray(np.array(UPRIGHT[1], dtype=np.uint8))
    stored.save(buffer, file_type, exif=exif)
    data = buffer.getvalue()
    assert read_image(data, upright=False)[..., 0].tolist() == UPRIGHT[1]
    assert read_image(data, upright=True)[..., 0].tolist() == UPRIGHT[orientation]
    assert read_header(data).upright == np.array(UPRIGHT[orientation]).shape[::-1]


@pytest.mark.parametrize("orientation", UPRIGHT)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_uncompressed_tiff_files_are_turned_upright_too(tmp_path, orientation, dtype):
    path = tmp_path / "gray.tif"
    stored = Image.fromarray(np.array(UPRIGHT[1], dtype=dtype))
    stored.save(path, tiffinfo={0x0112: orientation})
    assert read_image(path, upright=False)[..., 0].tolist() == UPRIGHT[1]
    assert read_image(path, upright=True)[..., 0].tolist() == UPRIGHT[orientation]
