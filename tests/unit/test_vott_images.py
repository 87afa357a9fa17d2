"""Which image a VoTT asset belongs to: encoded names, moved folders, video frames, sizes."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from PIL import Image
from vott_documents import (
    ID,
    NOT_VISITED,
    OTHER,
    TFRECORD,
    VIDEO,
    VIDEO_FRAME,
    VISITED,
    asset,
    bounds,
    codes,
    export,
    image_file,
    metadata,
    project,
    read_all,
    read_one,
    region,
    write,
    write_asset,
)

from maskforge.formats.vott.names import written_places
from maskforge.issues import Code, Level
from maskforge.shapes import ImageState, Size

# Names and paths


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("file:/Users/ann/my%20teeth/a.png", "/Users/ann/my teeth/a.png"),
        ("file:///Users/ann/a.png", "/Users/ann/a.png"),
        ("file:C:/teeth/a.png", "C:/teeth/a.png"),
        ("file:///C:/teeth/a.png", "C:/teeth/a.png"),
        ("file://server/share/a.png", "//server/share/a.png"),
        ("\\\\server\\share\\a.png", "//server/share/a.png"),
        ("https://a.net/c/a.png?sig=s/ecret", "/c/a.png"),
        ("file:/x/a%23b%3Fc.png", "/x/a#b?c.png"),
    ],
)
def test_path_without_scheme_host_and_query(path, expected):
    found = written_places("", path)
    assert expected in found[:2]
    assert not any("secret" in one or "s/ecret" in one for one in found)


@pytest.mark.parametrize(
    ("name", "path", "expected"),
    [
        ("tooth.png", "", "tooth.png"),
        ("9k_%20(1).jpg", "", "9k_ (1).jpg"),
        ("%E6%AD%AF.png", "file:/x/%E6%AD%AF.png", "歯.png"),
        ("100%25.png", "", "100%.png"),
        ("a%23b%3Fc.png", "", "a#b?c.png"),
        ("a%2520b.png", "", "a%20b.png"),
        ("", "file:/Users/x/two%20words.png", "two words.png"),
        (None, "file:C:/Users/x/tooth.png", "tooth.png"),
        (None, "C:\\Users\\x\\tooth.png", "tooth.png"),
        (None, "https://a.blob.net/c/tooth.png?sv=1&sig=s%2Fe/cret", "tooth.png"),
        ("tooth.png?sv=1&sig=se/cret", "https://a.net/tooth.png?sv=1", "tooth.png"),
        ("../../etc/tooth.png", "", "tooth.png"),
        ("..%2F..%2Ftooth.png", "", "tooth.png"),
        ("..", "", ID),
        (None, None, ID),
    ],
)
def test_name_is_decoded_once_and_holds_no_folder(tmp_path, name, path, expected):
    image = read_one(write_asset(tmp_path, region(), name=name, path=path))
    assert image.image.name == expected
    assert "cret" not in repr(image.issues)


@pytest.mark.parametrize(
    ("written", "on_disk"),
    [
        pytest.param("9k_%20(1).png", "9k_%20(1).png", id="still encoded"),
        pytest.param("9k_%20(1).png", "9k_ (1).png", id="decoded"),
        pytest.param("100%25.png", "100%.png", id="a real percent sign"),
        pytest.param("Zahn%C3%A4rzte.png", unicodedata.normalize("NFD", "Zahnärzte.png"), id="NFD"),
        pytest.param("Zahna%CC%88rzte.png", "Zahnärzte.png", id="decomposed in the file"),
        pytest.param("tooth.PNG", "Tooth.png", id="case"),
    ],
)
def test_image_is_found_under_any_spelling_of_its_name(tmp_path, written, on_disk):
    expected = image_file(tmp_path / "images" / on_disk)
    write_asset(tmp_path, region(), name=written, path=f"file:/gone/{written}")
    assert read_one(tmp_path).image.file == expected


def test_name_as_it_is_written_comes_before_the_decoded_one(tmp_path):
    expected = image_file(tmp_path / "a%20b.png")
    image_file(tmp_path / "a b.png")
    image = read_one(write_asset(tmp_path, region(), name="a%20b.png", path=""))
    assert image.image.file == expected


@pytest.mark.parametrize("prefix", ["file:", "file://", ""])
def test_path_that_is_still_right(tmp_path, prefix):
    expected = image_file(tmp_path / "my images" / "tooth.png")
    path = prefix + expected.as_posix().replace(" ", "%20")
    file = write_asset(tmp_path / "target", region(), path=path)
    assert read_one(file, allow_outside_images=True).image.file == expected
    image = read_one(file)
    assert image.image.file is None
    assert "lies outside of the source" in image.issues[0].message
    assert "--allow-outside-images" in image.issues[0].hint


@pytest.mark.parametrize(
    ("place", "path"),
    [
        pytest.param("source/tooth.png", "file:/Users/ann/teeth/source/tooth.png", id="beside"),
        pytest.param("source/tooth.png", "D:\\teeth\\source\\tooth.png", id="Windows"),
        pytest.param("target/img/tooth.png", "file:C:/teeth/target/img/tooth.png", id="inside"),
        pytest.param("target/tooth.png", "file:/Users/ann/teeth/tooth.png", id="same"),
        pytest.param("tooth.png", "file:/Users/ann/teeth/tooth.png", id="around"),
    ],
)
def test_image_moves_together_with_the_project(tmp_path, place, path):
    """The image has another size than the file says, so its mere name does not make it one."""
    expected = image_file(tmp_path / "teeth" / place, (50, 40))
    write_asset(tmp_path / "teeth" / "target", region(), path=path)
    vott = write(tmp_path / "teeth" / "target" / "a.vott", project(asset(path=path)))
    for options in ({"allow_outside_images": True}, {"images": tmp_path / "teeth"}):
        found = read_one(vott, size_mismatch="scale", **options).image.file
        assert found is not None
        assert found.samefile(expected)


@pytest.mark.parametrize("place", ["vott-json-export", ".", "../source"])
def test_image_of_an_export_is_beside_it_or_in_the_project(tmp_path, place):
    expected = image_file((tmp_path / "target" / place / "tooth.png").resolve())
    entry = metadata(region(), path="file:/Users/ann/teeth/source/tooth.png")
    path = write(tmp_path / "target" / "vott-json-export" / "teeth-export.json", export(entry))
    assert read_one(path, allow_outside_images=True).image.file.samefile(expected)
    assert read_one(tmp_path).image.file == expected


def test_same_name_in_two_folders_is_told_apart_by_the_path(tmp_path):
    left, right = (image_file(tmp_path / "images" / one / "tooth.png") for one in ("a", "b"))
    write_asset(tmp_path, region(), path="file:/gone/b/tooth.png")
    write_asset(tmp_path, region(), id_=OTHER, path="file:/gone/a/tooth.png")
    images, _ = read_all(tmp_path)
    assert [image.image.file for image in images] == [right, left]


def test_image_elsewhere_needs_the_option(tmp_path):
    expected = image_file(tmp_path / "images" / "deep" / "tooth.png")
    file = write_asset(tmp_path / "target", region())
    assert read_one(file).image.file is None
    assert read_one(file, images=tmp_path / "images").image.file == expected


# Sizes


def test_size_that_was_never_filled_in_comes_from_the_image(tmp_path):
    image_file(tmp_path / "tooth.png", (64, 48))
    assert read_one(write_asset(tmp_path, region(), size=None)).image.size == Size(64, 48)


def test_size_known_from_nowhere_refuses_the_image(tmp_path):
    image = read_one(write_asset(tmp_path, region(), size=None))
    assert codes(image) == [Code.SIZE_UNKNOWN]
    assert image.refusal is not None


@pytest.mark.parametrize(
    "size",
    [
        {"width": 0, "height": 80},
        {"width": -100, "height": 80},
        {"width": 10.5, "height": 80},
        {"width": 1e30, "height": 80},
        {"width": "100", "height": "80"},
        {"width": 100},
        {"width": True, "height": 80},
        [100, 80],
    ],
)
def test_size_that_is_none_is_noted_and_the_image_itself_counts(tmp_path, size):
    path = write_asset(tmp_path, region(), size=size)
    image = read_one(path)
    assert image.refusal is not None
    assert image.refusal.code is Code.SIZE_UNKNOWN
    image_file(tmp_path / "tooth.png", (64, 48))
    image = read_one(path)
    assert image.image.size == Size(64, 48)
    (note,) = image.issues
    assert (note.code, note.level) == (Code.INVALID_IMAGE_RECORD, Level.NOTE)
    assert note.origin.pointer == "$.asset.size"


def test_image_resized_after_tagging(tmp_path):
    image_file(tmp_path / "tooth.png", (200, 160))
    file = write_asset(tmp_path, region("SQUARE"))
    assert codes(read_one(file)) == [Code.SIZE_MISMATCH]
    image = read_one(file, size_mismatch="scale")
    assert bounds(image.shapes[0]) == (4, 6, 24, 18)


@pytest.mark.parametrize(
    ("size", "upright", "code"),
    [
        ({"width": 100, "height": 80}, False, Code.EXIF_ROTATED),
        ({"width": 80, "height": 100}, True, Code.EXIF_ROTATED),
        (None, False, Code.EXIF_AMBIGUOUS),
    ],
)
def test_rotated_image_follows_the_size_and_else_the_stored_pixels(tmp_path, size, upright, code):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("L", (100, 80)).save(tmp_path / "tooth.jpg", exif=exif)
    image = read_one(write_asset(tmp_path, region(), name="tooth.jpg", size=size))
    assert image.image.upright is upright
    assert image.image.size == (Size(80, 100) if upright else Size(100, 80))
    assert codes(image) == [code]


# Videos, video frames, TFRecords


def frame(**keys):
    parent = asset(OTHER, "clip.mp4", type=VIDEO, state=VISITED)
    name = "clip.mp4#t=3.2"
    whole = asset(name=name, path=f"file:/x/{name}", type=VIDEO_FRAME, timestamp=3.2, parent=parent)
    return whole | {"format": "2"} | keys


@pytest.mark.parametrize(
    "on_disk", ["clip.mp4#t=3.2.jpg", "clip.mp4#t=3.2.png", "clip.mp4%23t=3.2.jpg"]
)
def test_video_frame_uses_an_image_of_it(tmp_path, on_disk):
    expected = image_file(tmp_path / "frames" / on_disk)
    write(tmp_path / f"{ID}-asset.json", {"asset": frame(), "regions": [region()]})
    image = read_one(tmp_path)
    assert image.image.file == expected
    assert image.image.name == on_disk  # without its suffix, 3.2 s and 3.7 s would look the same
    assert image.refusal is None


def test_exported_video_frame_has_the_suffix_in_its_name(tmp_path):
    """``HtmlFileReader.getAssetFrameImage`` adds ``.jpg`` to the name, not to the path."""
    expected = image_file(tmp_path / "vott-json-export" / "clip.mp4#t=3.2.jpg")
    entry = {"asset": frame(name="clip.mp4#t=3.2.jpg"), "regions": [region()]}
    image = read_one(write(expected.with_name("a-export.json"), export(entry)))
    assert image.image.file == expected
    assert image.refusal is None


@pytest.mark.parametrize("type_", [VIDEO_FRAME, None])
def test_video_frame_without_an_image_is_refused_with_all_its_regions(tmp_path, type_):
    content = {"asset": frame(type=type_), "regions": [region(), region()]}
    image = read_one(write(tmp_path / f"{ID}-asset.json", content))
    assert image.image.name == "clip.mp4#t=3.2"
    assert codes(image) == [Code.VIDEO]
    assert image.refusal is not None
    assert image.record_count == 2
    assert "clip.mp4#t=3.2.png" in image.refusal.hint


def test_unvisited_video_frame_is_left_out_but_no_failure(tmp_path):
    image = read_one(write(tmp_path / "a.vott", project(frame(state=NOT_VISITED))))
    assert image.state is ImageState.UNVISITED
    assert [(issue.code, issue.level) for issue in image.issues] == [(Code.VIDEO, Level.IGNORED)]


def test_whole_video_is_no_image(tmp_path):
    image_file(tmp_path / "clip.mp4#t=3.2.png")
    write(tmp_path / f"{ID}-asset.json", {"asset": frame(), "regions": [region()]})
    parent = asset(OTHER, "clip.mp4", type=VIDEO)
    images, reader = read_all(write(tmp_path / "a.vott", project(parent, frame())))
    assert [image.image.name for image in images] == ["clip.mp4#t=3.2.png"]
    assert [(issue.code, issue.level) for issue in reader.issues] == [(Code.VIDEO, Level.IGNORED)]


def test_video_with_regions_of_its_own_is_refused(tmp_path):
    image = read_one(write_asset(tmp_path, region(), name="clip.mp4", type=VIDEO))
    assert codes(image) == [Code.VIDEO]
    assert image.record_count == 1


def test_tfrecord_is_refused_unless_its_image_was_extracted(tmp_path):
    file = write_asset(tmp_path, region("SQUARE"), name="a.tfrecord", type=TFRECORD)
    image = read_one(file)
    assert codes(image) == [Code.VIDEO]
    assert "TFRecord" in image.issues[0].message
    expected = image_file(tmp_path / "a.tfrecord.png")
    assert read_one(file).image.file == expected


@pytest.mark.parametrize("type_", [0, 1, None])
def test_unknown_type_is_taken_for_an_image(tmp_path, type_):
    image = read_one(write_asset(tmp_path, region(), name="tooth.webp", type=type_, state=VISITED))
    assert image.refusal is None
    assert len(image.shapes) == 1


def test_mutual_independence_of_source_and_working_folder(tmp_path, monkeypatch):
    """A relative source must find the same image as an absolute one."""
    expected = image_file(tmp_path / "source" / "tooth.png")
    vott = write(tmp_path / "target" / "a.vott", project(asset(state=VISITED)))
    monkeypatch.chdir(vott.parent)
    write(vott, project(asset(state=VISITED, path="file:/old/source/tooth.png")))
    assert read_one(Path("a.vott"), allow_outside_images=True).image.file.samefile(expected)
