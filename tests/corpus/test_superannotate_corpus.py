"""Real files of SuperAnnotate, mostly from the test data of its own SDK, against plain counts."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from maskforge.formats.detection import detect
from maskforge.formats.reader import read
from maskforge.images.annotated_image import AnnotatedImage
from maskforge.issues import Code, Level
from maskforge.raster.registry import get_rasterizer
from maskforge.shapes import Area, Bitmap, Polygon, Shape, Size

FOREIGN = {
    "at-2022-12/converter_test/COCO/input/fromSuperAnnotate/"
    "cats_dogs_vector_instance_segm_empty_array/truth.json",  # COCO
    "sample_annotation_no_class/truth.json",  # a document wrapped into another
    "unit/annotation_5_frame_expected.json",  # frames of a video, made by the SDK
}
VIDEOS = {
    "annotations/video.mp4.json",
    "invalid_annotations/video.mp4.json",
    "unit/annotation_5_frame.json",
    "unit/one_frame_video_annotation.json",
    "unit/video_annotation.json",
}
OTHER_SIZE = "sample_project_vector_with_tag/example_image_1.jpg___objects.json"
NO_SHAPES = {"comment", "meta", "tag"}


@pytest.fixture(scope="module")
def folder(corpus: Path) -> Path:
    return corpus / "superannotate" / "superannotateai__superannotate-python-sdk"


def annotation_files(folder: Path) -> list[Path]:
    files = [path for path in sorted(folder.rglob("*.json")) if path.name != "classes.json"]
    return [path for path in files if name_of(path, folder) not in FOREIGN]


def name_of(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()


def records(path: Path) -> list[dict[str, Any]]:
    root = json.loads(path.read_bytes())
    return root if isinstance(root, list) else root["instances"]


def read_one(path: Path) -> AnnotatedImage:
    (image,) = read(path)
    return image


def test_every_file_is_recognized_or_refused_with_the_reason(folder):
    """102 files: 86 with annotations, 13 class lists, and 3 that are of no format read here."""
    variants: Counter[str] = Counter()
    for path in sorted(folder.rglob("*.json")):
        if name_of(path, folder) in FOREIGN:
            reader = read(path, format="superannotate")
            assert list(reader) == []
            assert [issue.code for issue in reader.issues] == [Code.UNKNOWN_FORMAT]
            assert "not superannotate: no " in reader.issues[0].message
            variants["foreign"] += 1
        else:
            detection = detect(path)
            assert detection.format == "superannotate"
            variants[detection.variant] += 1
    assert variants == {
        "list file": 26,
        "suffixed file": 48,
        "current file": 12,
        "class list": 13,
        "foreign": 3,
    }
    lists = [path for path in annotation_files(folder) if path.read_bytes()[:1] == b"["]
    assert len(lists) == variants["list file"]


def test_shapes_of_each_kind_equal_a_plain_count_of_the_json(folder):
    """Every record is a shape or has an issue, file by file and kind by kind."""
    total: Counter[str] = Counter()
    for path in annotation_files(folder):
        image = read_one(path)
        entries = records(path)
        assert image.record_count == len(entries)
        if name_of(path, folder) in VIDEOS:
            continue
        counted = Counter(str(entry.get("type", "mask")) for entry in entries)
        lost = Counter(
            str(entries[int(issue.origin.pointer.split("[")[1].split("]")[0])].get("type", "mask"))
            for issue in image.issues
            if issue.loses_record
        )
        assert Counter(shape.kind for shape in image.shapes) + lost == counted
        assert not any(kind in lost for kind in ("polygon", "polyline", "ellipse", "rbbox"))
        total += counted
    assert total == {
        "polygon": 239,
        "mask": 111,
        "template": 55,
        "bbox": 30,
        "polyline": 2,
        "ellipse": 2,
        "cuboid": 2,
        "point": 1,
        "rbbox": 1,
        "tag": 7,
        "comment": 2,
        "meta": 2,
    }


def test_every_record_that_is_left_out_is_left_out_for_a_known_reason(folder):
    """One box has a NaN; 9 pixel instances lie in 6 files without their ``___save.png``."""
    reasons: Counter[Code] = Counter()
    for path in annotation_files(folder):
        if name_of(path, folder) not in VIDEOS:
            reasons.update(issue.code for issue in read_one(path).issues if issue.loses_record)
    assert reasons == {
        Code.NOT_DRAWABLE: 55,
        Code.NOT_A_SHAPE: 11,
        Code.INVALID_COORDINATES: 1,
        Code.INVALID_BITMAP: 9,
    }


def test_images_are_refused_for_a_known_reason_only(folder):
    """Videos, lists without a size or an image beside them, and one image of another size."""
    refused: dict[str, Code] = {}
    for path in annotation_files(folder):
        refusal = read_one(path).refusal
        if refusal is not None:
            refused[name_of(path, folder)] = refusal.code
    videos = {name for name, code in refused.items() if code is Code.VIDEO}
    sizes = {name for name, code in refused.items() if code is Code.SIZE_UNKNOWN}
    assert videos == VIDEOS
    assert len(sizes) == 24
    assert {Path(name).parent.name.rpartition("segm")[2] for name in sizes} <= {
        "_old_format",
        "cats_dogs_vector_keypoint_det_old_format",
    }
    assert {name for name, code in refused.items() if code is Code.SIZE_MISMATCH} == {OTHER_SIZE}
    assert len(refused) == len(videos) + len(sizes) + 1


def test_a_folder_read_as_one_gives_the_same_images(folder):
    reader = read(folder, format="superannotate")
    images = list(reader)
    assert sorted(image.origin.file for image in images) == annotation_files(folder)
    assert len(images) == 86
    assert {name_of(issue.origin.file, folder) for issue in reader.issues} == FOREIGN
    assert {issue.level for issue in reader.issues} == {Level.SKIPPED}
    assert sum(path.name == "classes.json" for path in reader.files_read) == 13


def test_labels_are_the_class_names_of_the_json(folder):
    """All shapes have a `className`; two names are missing from the class list of their project."""
    unlisted = []
    for path in annotation_files(folder):
        image = read_one(path)
        entries = records(path)
        for shape in image.shapes:
            index = int(shape.origin.pointer.split("[")[1][:-1])
            assert shape.labels == (entries[index]["className"],)
        unlisted += [issue for issue in image.issues if issue.code is Code.UNLISTED_LABEL]
    assert [issue.message.split("'")[1] for issue in unlisted] == [
        "Unknown123",
        "Personal vehicle1",
    ]


def test_coordinates_are_those_of_the_json(folder):
    count = 0
    for path in annotation_files(folder):
        entries = records(path)
        for shape in read_one(path).shapes:
            if shape.kind != "polygon":
                continue
            entry = entries[int(shape.origin.pointer.split("[")[1][:-1])]
            (polygon,) = shape.geometry.parts
            assert polygon.exterior.ravel().tolist() == entry["points"]
            assert polygon.holes == ()
            count += 1
    assert count == 239


def pixel_pairs(folder: Path) -> list[tuple[Path, Path]]:
    pairs = []
    for path in annotation_files(folder):
        png = path.with_name(
            path.name.removesuffix(".json").removesuffix("___pixel") + "___save.png"
        )
        if png.exists():
            pairs.append((path, png))
    return pairs


def paste(shape: Shape, size: Size) -> np.ndarray:
    assert isinstance(shape.geometry, Bitmap)
    canvas = np.zeros((size.height, size.width), dtype=bool)
    height, width = shape.geometry.pixels.shape
    row, column = shape.geometry.row, shape.geometry.column
    canvas[row : row + height, column : column + width] = shape.geometry.pixels
    return canvas


def test_pixel_instances_are_the_pixels_of_their_colors_and_cover_them_all(folder):
    """16 pairs with 102 instances and 130 colors: each color is in its PNG, and none is left."""
    instances = colors = 0
    for path, png in pixel_pairs(folder):
        image = read_one(path)
        with Image.open(png) as image_file:
            red, green, blue, alpha = (np.asarray(band) for band in image_file.split())
        assert image.image.size == Size(*reversed(red.shape))
        covered = np.zeros(red.shape, dtype=int)
        for shape, entry in zip(image.shapes, records(path), strict=True):
            expected = np.zeros(red.shape, dtype=bool)
            for part in entry["parts"]:
                wanted = bytes.fromhex(part["color"].removeprefix("#"))
                matches = (red == wanted[0]) & (green == wanted[1]) & (blue == wanted[2])
                assert matches.any()
                expected |= matches & (alpha > 0)
                colors += 1
            assert np.array_equal(paste(shape, image.image.size), expected)
            covered += expected
        instances += len(image.shapes)
        assert np.array_equal(covered, (alpha > 0).astype(int))
        assert not any(issue.code is Code.UNLISTED_PIXELS for issue in image.issues)
    assert (len(pixel_pairs(folder)), instances, colors) == (16, 102, 130)


def test_holes_stay_open(folder):
    """The first image of `pixel_with_holes` has instances with holes; counted by flood fill."""
    image = read_one(folder / "pixel_with_holes" / "1.jpg___pixel.json")
    holes = []
    for shape in image.shapes:
        pixels = np.pad(shape.geometry.pixels, 1)
        outside = np.zeros_like(pixels)
        outside[0, 0] = True
        while True:
            grown = outside.copy()
            grown[1:] |= outside[:-1]
            grown[:-1] |= outside[1:]
            grown[:, 1:] |= outside[:, :-1]
            grown[:, :-1] |= outside[:, 1:]
            grown &= ~pixels
            if np.array_equal(grown, outside):
                break
            outside = grown
        holes.append(int((~pixels & ~outside).sum()))
    assert max(holes) > 0


@pytest.mark.parametrize(
    ("name", "classes"),
    [
        ("pixel_with_holes/1.jpg", 1),
        ("sample_project_pixel/example_image_1.jpg", 5),
        ("sample_project_pixel/example_image_2.jpg", 3),
        ("sample_project_pixel/example_image_3.jpg", 1),
    ],
)
def test_classes_are_where_superannotate_itself_shows_them(folder, name, classes):
    """``___fuse.png`` shows each pixel in the color of its class, black for none.

    There is no difference to explain in these four: painted in the order of the file, in the
    colors of ``classes/classes.json``, the instances give the image pixel by pixel.
    """
    path = folder / f"{name}___pixel.json"
    image = read_one(path)
    assert image.image.size is not None
    listed = json.loads((path.parent / "classes" / "classes.json").read_text())
    colors = {entry["name"]: bytes.fromhex(entry["color"][1:]) for entry in listed}
    painted = np.zeros((image.image.size.height, image.image.size.width, 3), dtype=np.uint8)
    for shape in image.shapes:
        painted[paste(shape, image.image.size)] = list(colors[shape.labels[0]])
    with Image.open(folder / f"{name}___fuse.png") as image_file:
        shown = np.asarray(image_file.convert("RGB"))
    assert np.array_equal(painted, shown)
    assert len({shape.labels for shape in image.shapes}) == classes


def test_polygons_are_in_the_frame_in_which_superannotate_draws_them(folder):
    """Coordinates count from the corner of the first pixel, as SuperAnnotate's own drawing shows.

    The ``___fuse.png`` of a vector project is drawn with smooth edges and an outline of about 2 px
    around each shape, so it covers more than the shape does; but it must cover it. Every pixel
    whose center is inside a polygon of this image is brighter than half, and no longer so if the
    polygons are moved by half a pixel, as they would be if coordinates counted from the center.
    The rest of the difference, 3171 pixels along the edges, is the outline.
    """
    path = folder / "sample_project_vector" / "example_image_3.jpg___objects.json"
    image = read_one(path)
    assert image.image.size is not None
    with Image.open(path.with_name("example_image_3.jpg___fuse.png")) as image_file:
        shown = np.asarray(image_file.convert("RGB")).max(axis=2) >= 128

    def uncovered(shift: float) -> tuple[int, int]:
        polygons = [part for shape in image.shapes for part in shape.geometry.parts]
        moved = Area(tuple(Polygon(polygon.exterior + shift) for polygon in polygons))
        runs = get_rasterizer("exact").scan([moved], image.image.size)
        inside = np.zeros(shown.shape, dtype=bool)
        for row, start, stop in zip(runs.row, runs.start, runs.stop, strict=True):
            inside[row, start:stop] = True
        return int((inside & ~shown).sum()), int((shown & ~inside).sum())

    assert uncovered(0.0) == (0, 3171)
    assert uncovered(0.5)[0] > 50
    assert uncovered(-0.5)[0] > 50
