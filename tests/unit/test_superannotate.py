"""SuperAnnotate's files: which ones they are, and what they say about an image as a whole."""

import json
from pathlib import Path

import pytest
from PIL import Image

from maskforge.formats.detection import detect
from maskforge.formats.reader import AnnotationReader, read
from maskforge.images.annotated_image import AnnotatedImage
from maskforge.issues import Code, Level
from maskforge.shapes import ImageState, Size

POLYGON = {"type": "polygon", "className": "tooth", "points": [0, 0, 8, 0, 8, 8]}
BOX = {"type": "bbox", "classId": 3, "points": {"x1": 1, "y1": 2, "x2": 3, "y2": 4}}
META = {"type": "meta", "name": "imageAttributes", "width": 40, "height": 30, "status": "Completed"}
METADATA = {"name": "a.png", "width": 40, "height": 30, "status": "Completed"}
DOCUMENT = {"metadata": METADATA, "instances": [POLYGON], "tags": [], "comments": []}
CLASS = {"id": 3, "name": "tooth", "color": "#00ff00", "attribute_groups": []}


def write(path: Path, root: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(root), encoding="utf-8")
    return path


def image_file(path: Path, size: tuple[int, int] = (40, 30), orientation: int = 1) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.new("L", size).save(path, exif=exif)


def read_one(path: Path) -> AnnotatedImage:
    (image,) = read(path, format="superannotate")
    return image


def codes(image: AnnotatedImage) -> list[Code]:
    return [issue.code for issue in image.issues if issue.code is not Code.IMAGE_MISSING]


@pytest.mark.parametrize(
    ("name", "root", "variant", "auxiliary"),
    [
        ("annotations.json", {"a.png": [BOX, META]}, "project file", False),
        ("annotations.json", {"a.png": []}, "project file", False),
        ("renamed.json", {"a.png": [BOX]}, "project file", False),
        ("p.json", {"___sa_version___": "1.0.0", "a.png": DOCUMENT}, "project file", False),
        ("p.json", {"a.png": {"instances": []}}, "project file", False),
        ("a.png___objects.json", [META, POLYGON], "list file", False),
        ("a.png___vector.json", [{"type": "comment", "x": 1, "y": 2}], "list file", False),
        ("a.png___pixel.json", [{"classId": 3, "parts": []}], "list file", False),
        ("renamed.json", [{"type": "tag", "name": "blurred"}], "list file", False),
        ("a.png___objects.json", [], "list file", False),
        ("a.png___objects.json", [3, None], "list file", False),
        ("a.png___objects.json", DOCUMENT, "suffixed file", False),
        ("a.png___pixel.json", {"instances": []}, "suffixed file", False),
        ("a.png.json", DOCUMENT, "current file", False),
        ("renamed.json", {"instances": [], "metadata": {}}, "current file", False),
        ("classes.json", [CLASS], "class list", True),
        ("renamed.json", [CLASS | {"type": "tag"}], "class list", True),
        ("classes.json", [{"name": "tooth", "color": "#00ff00"}], "class list", True),
        ("classes.json", [{"name": "left", "color": "#0f0", "type": "tag"}], "class list", True),
        ("classes.json", [], "class list", True),
        ("config.json", {"pathSeparator": "/", "os": "linux"}, "configuration", True),
    ],
)
def test_each_file_is_recognized_by_its_content(tmp_path, name, root, variant, auxiliary):
    detection = detect(write(tmp_path / name, root))
    assert detection.format == "superannotate"
    assert (detection.variant, detection.auxiliary) == (variant, auxiliary)
    assert detection.reason


@pytest.mark.parametrize(
    ("name", "root", "reason"),
    [
        ("a.json", {}, "no `instances` list at the root"),
        ("a.json", {"images": [], "annotations": [], "categories": []}, "no `instances` list"),
        ("a.json", {"annotation_json": {"instances": []}}, "no names of images as keys"),
        ("a.json", {"a.png": [[1, 2], [3, 4]]}, "no names of images as keys"),
        (
            "a.json",
            {"instances": [{"type": "polygon"}]},
            "`instances`, but no `metadata` beside it",
        ),
        ("a.json", [], "does not end in ___objects.json"),
        ("a.json", [1, 2, 3], "no record of the list has a `type` or `parts`"),
        ("a.json", [{"frame": 1, "annotations": []}], "no record of the list"),
        ("labels.json", [{"name": "tooth", "color": "#fff", "attributes": []}], "no record"),
        ("a.json", "text", "neither an object nor a list"),
        ("a.json", None, "neither an object nor a list"),
    ],
)
def test_other_files_are_refused_with_what_is_missing(tmp_path, name, root, reason):
    reader = read(write(tmp_path / name, root), format="superannotate")
    assert list(reader) == []
    (issue,) = reader.issues
    assert issue.code is Code.UNKNOWN_FORMAT
    assert issue.message.startswith("not superannotate: ")
    assert reason in issue.message


def test_a_csv_file_is_none_of_superannotate(tmp_path):
    (tmp_path / "a.csv").write_text("type,className\npolygon,tooth\n")
    reader = read(tmp_path / "a.csv", format="superannotate")
    assert list(reader) == []
    assert "a .csv file is not of superannotate" in reader.issues[0].message


@pytest.mark.parametrize(
    ("root", "code"),
    [
        ({"metadata": {}, "instances": None}, Code.INVALID_FILE),
        ({"metadata": {}, "instances": {"0": POLYGON}}, Code.INVALID_FILE),
    ],
)
def test_a_malformed_file_is_refused_by_name(tmp_path, root, code):
    reader = read(write(tmp_path / "a.png.json", root), format="superannotate")
    assert list(reader) == []
    (issue,) = reader.issues
    assert (issue.code, issue.level) == (code, Level.REFUSED)
    assert issue.origin.pointer == "$.instances"


@pytest.mark.parametrize(
    ("file", "written", "expected"),
    [
        ("image.jpg___objects.json", None, "image.jpg"),
        ("image.jpg___vector.json", "other.jpg", "image.jpg"),
        ("image.webp___pixel.json", None, "image.webp"),
        ("IMAGE.JPG___objects.json", None, "IMAGE.JPG"),
        ("image.jpeg.json", None, "image.jpeg"),
        ("image.jpg.JSON", None, "image.jpg"),
        ("a.b.png.json", None, "a.b.png"),
        ("image.jpg.json.json", None, "image.jpg.json"),
        ("file_example.jpg.json", "Hero Pedigree Cats.jpg", "file_example.jpg"),
        ("image.jpg___objects (1).json", "image.jpg", "image.jpg"),
        ("export.json", "image.jpg", "image.jpg"),
        ("export.json", "folder\\image.jpg", "image.jpg"),
        ("export.json", "../../image.jpg", "image.jpg"),
        ("94573794.json", "94573794", "94573794"),
        ("export.json", None, "export"),
        ("export.json", 7, "export"),
        ("export.json", "..", "export"),
        ("export.json", "", "export"),
    ],
)
def test_the_image_is_named_by_the_file_then_by_metadata(tmp_path, file, written, expected):
    metadata = METADATA | {"name": written}
    path = write(tmp_path / file, DOCUMENT | {"metadata": metadata})
    assert read_one(path).image.name == expected


def test_the_image_is_also_found_under_the_name_in_the_metadata(tmp_path):
    image_file(tmp_path / "original.png")
    path = write(tmp_path / "b.png.json", DOCUMENT | {"metadata": {"name": "original.png"}})
    image = read_one(path)
    assert image.image.file == tmp_path / "original.png"
    assert image.image.name == "b.png"


def test_a_project_file_holds_many_images_with_images_beside_or_in_images(tmp_path):
    image_file(tmp_path / "a.png", (40, 30))
    image_file(tmp_path / "images" / "b.png", (50, 20))
    (tmp_path / "classes.json").write_text(json.dumps([CLASS]))
    (tmp_path / "config.json").write_text('{"pathSeparator": "/", "os": "linux"}')
    root = {
        "___sa_version___": "1.0.0",
        "a.png": [BOX, META],
        "b.png": {"instances": [BOX, POLYGON], "metadata": {"status": "In progress"}, "tags": []},
        "broken.png": 5,
        "also broken.png": {"instances": {}},
    }
    write(tmp_path / "annotations.json", root)
    reader = read(tmp_path)
    first, second, *broken = reader
    assert (first.image.file, first.image.size) == (tmp_path / "a.png", Size(40, 30))
    assert second.image.file == tmp_path / "images" / "b.png"
    assert [shape.labels for shape in second.shapes] == [("tooth",), ("tooth",)]
    assert [shape.origin.pointer for shape in first.shapes] == ["$['a.png'][0]"]
    assert second.shapes[1].origin.pointer == "$['b.png'].instances[1]"
    assert (first.record_count, second.record_count) == (2, 2)
    for image in broken:
        assert image.refusal is not None
        assert image.refusal.code is Code.INVALID_IMAGE_RECORD
    assert reader.issues == []
    assert {path.name for path in reader.files_read} == {
        "annotations.json",
        "classes.json",
        "config.json",
    }


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ({"width": 40, "height": 30}, Size(40, 30)),
        ({"width": 40.0, "height": 30.0}, Size(40, 30)),
        ({}, None),
        ({"width": None, "height": None}, None),
    ],
)
def test_sizes_that_are_given_or_left_out_need_no_remark(tmp_path, size, expected):
    image = read_one(write(tmp_path / "a.png.json", DOCUMENT | {"metadata": size}))
    assert image.image.size == expected
    assert codes(image) == ([] if expected else [Code.SIZE_UNKNOWN])


@pytest.mark.parametrize(
    "size",
    [
        {"width": "1920", "height": 1080},
        {"width": 1920, "height": 10.8},
        {"width": 0, "height": 30},
        {"width": -40, "height": -30},
        {"width": True, "height": 30},
        {"width": 40},
        {"width": 10**30, "height": 30},
        {"width": [40], "height": {}},
    ],
)
def test_what_is_no_size_is_noted_and_the_image_tells(tmp_path, size):
    path = write(tmp_path / "a.png.json", DOCUMENT | {"metadata": size})
    without = read_one(path)
    assert without.refusal is not None
    assert without.refusal.code is Code.SIZE_UNKNOWN
    image_file(tmp_path / "a.png")
    image = read_one(path)
    assert (image.image.size, image.refusal) == (Size(40, 30), None)
    assert set(codes(image)) == {Code.INVALID_IMAGE_RECORD}
    assert {issue.level for issue in image.issues} == {Level.NOTE}


@pytest.mark.parametrize(
    ("size", "upright", "expected", "code"),
    [
        ({"width": 40, "height": 30}, False, Size(40, 30), Code.EXIF_ROTATED),
        ({"width": 30, "height": 40}, True, Size(30, 40), Code.EXIF_ROTATED),
        ({}, True, Size(30, 40), Code.EXIF_AMBIGUOUS),
    ],
)
def test_sizes_decide_the_frame_of_rotated_images(tmp_path, size, upright, expected, code):
    image_file(tmp_path / "a.png", (40, 30), orientation=6)
    image = read_one(write(tmp_path / "a.png.json", DOCUMENT | {"metadata": size}))
    assert (image.image.upright, image.image.size) == (upright, expected)
    assert codes(image) == [code]


@pytest.mark.parametrize(
    ("instances", "status", "state"),
    [
        ([POLYGON], "Completed", ImageState.ANNOTATED),
        ([POLYGON], "Not Started", ImageState.ANNOTATED),
        ([{"type": "hexagon"}], "Not Started", ImageState.ANNOTATED),
        ([], "Not Started", ImageState.UNVISITED),
        ([], "NotStarted", ImageState.UNVISITED),
        ([], "Skipped", ImageState.UNVISITED),
        ([], 1, ImageState.UNVISITED),
        ([], 5, ImageState.EMPTY),
        ([], "Completed", ImageState.EMPTY),
        ([], "In Progress", ImageState.EMPTY),
        ([], "QualityCheck", ImageState.EMPTY),
        ([], "Returned", ImageState.EMPTY),
        ([], None, ImageState.EMPTY),
        ([], [], ImageState.EMPTY),
        ([{"type": "tag", "className": "blurred"}], "Completed", ImageState.EMPTY),
        ([{"type": "tag", "className": "blurred"}], "NotStarted", ImageState.UNVISITED),
    ],
)
def test_without_instances_the_status_tells_seen_from_unseen(tmp_path, instances, status, state):
    metadata = METADATA | {"status": status}
    root = {"metadata": metadata, "instances": instances}
    assert read_one(write(tmp_path / "a.png.json", root)).state is state


@pytest.mark.parametrize(
    ("status", "state"), [("NotStarted", ImageState.UNVISITED), ("Completed", ImageState.EMPTY)]
)
def test_list_files_have_size_and_status_in_a_meta_record(tmp_path, status, state):
    records = [META | {"status": status}, {"type": "meta", "name": "lastAction", "timestamp": 1}]
    image = read_one(write(tmp_path / "a.png___objects.json", records))
    assert (image.image.size, image.state) == (Size(40, 30), state)
    assert image.record_count == 2
    assert image.shapes == ()


def test_an_empty_list_is_an_image_with_nothing_on_it(tmp_path):
    image_file(tmp_path / "a.png")
    image = read_one(write(tmp_path / "a.png___objects.json", []))
    assert (image.state, image.image.size, image.shapes) == (ImageState.EMPTY, Size(40, 30), ())


def test_tags_belong_to_the_image(tmp_path):
    classes = [CLASS, CLASS | {"id": 9, "name": "retake"}]
    write(tmp_path / "classes" / "classes.json", classes)
    root = DOCUMENT | {
        "tags": ["upper jaw", {"className": "left"}, 6, None],
        "instances": [
            {"type": "tag", "className": "blurred"},
            {"type": "tag", "classId": 9},
            {"type": "tag", "name": "upper jaw"},
            POLYGON,
        ],
    }
    image = read_one(write(tmp_path / "a.png.json", root))
    assert image.tags == ("upper jaw", "left", "blurred", "retake")
    assert len(image.shapes) == 1
    ignored = [issue for issue in image.issues if issue.code is Code.NOT_A_SHAPE]
    assert [issue.origin.pointer for issue in ignored] == [f"$.instances[{i}]" for i in range(3)]
    damaged = [issue for issue in image.issues if issue.code is Code.INVALID_IMAGE_RECORD]
    assert [issue.origin.pointer for issue in damaged] == ["$.tags[2]", "$.tags[3]"]
    assert {issue.level for issue in damaged} == {Level.NOTE}


def test_comments_among_the_records_count_and_those_beside_are_a_note(tmp_path):
    comment = {"type": "comment", "x": 1, "y": 2, "comments": []}
    in_list = read_one(write(tmp_path / "a.png___objects.json", [comment, POLYGON, META]))
    assert (len(in_list.shapes), in_list.record_count) == (1, 3)
    root = DOCUMENT | {"comments": [{"x": 1, "y": 2, "correspondence": []}] * 2}
    beside = read_one(write(tmp_path / "a.png.json", root))
    assert (len(beside.shapes), beside.record_count) == (1, 1)
    (note,) = [issue for issue in beside.issues if issue.code is Code.NOT_A_SHAPE]
    assert (note.level, note.origin.pointer) == (Level.NOTE, "$.comments")
    assert note.message.startswith("2 comments")


TRACK = {"meta": {"type": "bbox", "start": 0, "end": 9}, "parameters": [{"timestamps": []}]}
TIMELINE = {"type": "bbox", "classId": -1, "timeline": {"0": {"points": {}}}}


@pytest.mark.parametrize(
    ("name", "metadata", "instances"),
    [
        ("video.mp4.json", {"width": 4, "height": 3}, []),
        ("video.json", {"name": "clip.MOV"}, []),
        ("video.json", {"duration": 30526667}, [TRACK, TRACK]),
        ("video.json", {"duration": 30526667}, [POLYGON]),
        ("video.json", {"duration": 6.5, "name": None}, [TIMELINE]),
        ("a.png.json", METADATA, [POLYGON, TIMELINE]),
        ("a.png.json", METADATA, [TRACK]),
    ],
)
def test_videos_are_refused_as_what_they_are(tmp_path, name, metadata, instances):
    root = {"metadata": metadata, "instances": instances, "tags": []}
    image = read_one(write(tmp_path / name, root))
    assert image.refusal is not None
    assert image.refusal.code is Code.VIDEO
    assert f"a video with {len(instances)} records" in image.refusal.message
    assert image.shapes == ()
    assert image.record_count == len(instances)


def test_a_single_frame_of_a_video_is_an_image(tmp_path):
    root = DOCUMENT | {"metadata": METADATA | {"name": "clip.mp4"}}
    image = read_one(write(tmp_path / "clip_0001.png.json", root))
    assert image.refusal is None
    assert len(image.shapes) == 1


def test_damaged_keys_beside_the_instances_cost_no_shape(tmp_path):
    root = {"metadata": [1], "instances": [POLYGON], "tags": {"a": 1}, "comments": 5}
    image_file(tmp_path / "a.png")
    image = read_one(write(tmp_path / "a.png.json", root))
    assert len(image.shapes) == 1
    assert image.refusal is None
    assert {issue.origin.pointer for issue in image.issues} == {
        "$.metadata",
        "$.tags",
        "$.comments",
    }


def test_byte_order_marks_and_code_pages_are_read(tmp_path):
    record = POLYGON | {"className": "Füllung"}
    text = json.dumps([record, META], ensure_ascii=False)
    (tmp_path / "a.png___objects.json").write_bytes(text.encode("utf-8-sig"))
    (tmp_path / "b.png___objects.json").write_bytes(text.encode("cp1252"))
    reader: AnnotationReader = read(tmp_path, format="superannotate")
    assert [image.shapes[0].labels for image in reader] == [("Füllung",), ("Füllung",)]
    assert [issue.code for issue in reader.issues] == [Code.NOT_UTF8]
