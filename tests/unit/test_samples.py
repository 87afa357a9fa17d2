"""The bundled samples, and the script that makes them and larger sets."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
import shapely
from PIL import Image
from skimage.draw import polygon2mask
from skimage.measure import label as connected_parts

import maskforge as mf

FORMATS = ("labelme", "vott", "superannotate")
LABELS = ["dentine", "pulp", "enamel", "restoration", "caries"]
SHARED = "bitewing-01"


@pytest.fixture(scope="module", autouse=True)
def _generator(samples):
    sys.path.insert(0, str(samples))
    yield
    sys.path.remove(str(samples))


@pytest.fixture(scope="module")
def regenerated(tmp_path_factory):
    from bundle import write_bundle

    folder = tmp_path_factory.mktemp("bundle")
    write_bundle(folder)
    return folder


@pytest.fixture(scope="module")
def radiographs():
    from bitewings.bitewing import make_bitewing

    return [make_bitewing((5, number), 480, 360) for number in range(12)]


def load(path):
    return json.loads(path.read_text("utf-8"))


def grey(path):
    with Image.open(path) as picture:
        return np.asarray(picture.convert("L"))


def files(folder, *suffixes):
    found = (path for name in FORMATS for path in (folder / name).rglob("*"))
    return sorted(path for path in found if path.suffix in suffixes)


def pixels_of(mask):
    """Decode a mask of LabelMe."""
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(mask)))) > 0


def labelme(samples):
    return {path.stem: load(path) for path in (samples / "labelme").glob("*.json")}


def vott_assets(samples):
    documents = (load(path) for path in (samples / "vott").glob("*-asset.json"))
    return {Path(unquote(one["asset"]["name"])).stem: one for one in documents}


def superannotate(samples):
    root = samples / "superannotate"
    paths = (*root.glob("vector/*.json"), *root.glob("current/*.json"))
    return {path.name.split(".")[0]: load(path) for path in paths}


def points_of_superannotate(instance):
    return np.reshape(instance["points"], (-1, 2)).tolist()


# --- The script makes the bundle -----------------------------------------------------------------


def test_the_script_makes_the_bundled_files(samples, regenerated):
    kinds = (".json", ".vott", ".jpg", ".png")
    bundled = [path.relative_to(samples) for path in files(samples, *kinds)]
    assert [path.relative_to(regenerated) for path in files(regenerated, *kinds)] == bundled
    assert len(bundled) == 29


def test_the_script_makes_the_bundled_annotations_exactly(samples, regenerated):
    for path in files(regenerated, ".json", ".vott"):
        made, bundled = load(path), load(samples / path.relative_to(regenerated))
        for document in (made, bundled):
            if "imageData" in document:  # how a PNG or JPEG is packed differs between libraries
                document["imageData"] = document["imageData"] is None
                for shape in document["shapes"]:
                    if shape["mask"] is not None:
                        shape["mask"] = pixels_of(shape["mask"]).tolist()
        assert made == bundled, path.name


def test_the_script_makes_the_bundled_pictures_nearly_exactly(samples, regenerated):
    for path in files(regenerated, ".jpg"):
        made = grey(path).astype(int)
        difference = np.abs(made - grey(samples / path.relative_to(regenerated)))
        assert difference.mean() < 0.1, path.name
        assert difference.max() <= 8, path.name
    for path in files(regenerated, ".png"):
        with Image.open(path) as made, Image.open(samples / path.relative_to(regenerated)) as old:
            assert made.mode == "RGBA"
            np.testing.assert_array_equal(np.asarray(made), np.asarray(old))


def test_the_bundle_is_small(samples):
    everything = [path for name in FORMATS for path in (samples / name).rglob("*")]
    assert sum(path.stat().st_size for path in everything) < 2_500_000
    assert all(path.stat().st_size < 60_000 for path in files(samples, ".jpg"))
    assert len({path.name for path in files(samples, ".jpg")}) == 12


# --- What LabelMe's samples show -----------------------------------------------------------------


def test_labelme_samples_show_every_kind_of_shape(samples):
    kinds = {shape["shape_type"] for one in labelme(samples).values() for shape in one["shapes"]}
    assert kinds == {"polygon", "rectangle", "circle", "mask", "linestrip", "point"}


def test_labelme_samples_hold_a_group_of_parts_and_an_empty_picture(samples):
    documents = labelme(samples)
    groups = Counter(
        (name, shape["label"], shape["group_id"])
        for name, one in documents.items()
        for shape in one["shapes"]
        if shape["group_id"] is not None
    )
    assert list(groups.values()) == [2]
    assert [name for name, one in documents.items() if not one["shapes"]] == ["bitewing-04"]


def test_labelme_samples_name_and_embed_their_pictures(samples):
    embedded = 0
    for name, one in labelme(samples).items():
        path = samples / "labelme" / one["imagePath"]
        assert path.stem == name
        assert grey(path).shape == (one["imageHeight"], one["imageWidth"])
        if one["imageData"]:
            embedded += 1
            assert base64.b64decode(one["imageData"]) == path.read_bytes()
    assert embedded == 1


def test_labelme_masks_fit_their_boxes(samples):
    masks = [s for s in labelme(samples)["bitewing-03"]["shapes"] if s["shape_type"] == "mask"]
    assert len(masks) == 4
    for shape in masks:
        (left, top), (right, bottom) = shape["points"]
        pixels = pixels_of(shape["mask"])
        assert pixels.shape == (bottom - top + 1, right - left + 1)
        for edge in (pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]):
            assert edge.any()


def test_labelme_circle_covers_the_lesion_that_was_imaged(samples):
    from bitewings.bitewing import make_bitewing
    from bundle import LABELME, SEED

    shapes = labelme(samples)["bitewing-02"]["shapes"]
    (circle,) = [shape for shape in shapes if shape["shape_type"] == "circle"]
    centre, rim = np.array(circle["points"])
    disc = shapely.Point(centre).buffer(float(np.hypot(*(rim - centre))), quad_segs=64)
    number = next(sample.number for sample in LABELME if sample.name == "bitewing-02.jpg")
    radiograph = make_bitewing((SEED, number), 576, 432)
    truths = [shapely.Polygon(one.ring) for one in radiograph.outlines if one.kind == "buccal"]
    best = max(truth.intersection(disc).area / truth.union(disc).area for truth in truths)
    assert best > 0.95


# --- What VoTT's samples show --------------------------------------------------------------------


def test_vott_samples_hold_rectangles_polygons_and_a_region_with_two_tags(samples):
    regions = [region for one in vott_assets(samples).values() for region in one["regions"]]
    assert {region["type"] for region in regions} == {"RECTANGLE", "POLYGON"}
    tags = [tuple(region["tags"]) for region in regions]
    assert Counter(map(len, tags)) == {1: len(tags) - 1, 2: 1}
    assert ("caries", "secondary caries") in tags
    known = {tag["name"] for tag in load(samples / "vott" / "caries.vott")["tags"]}
    assert known == {*LABELS, "secondary caries"} == {name for names in tags for name in names}


def test_vott_project_lists_tagged_visited_and_unvisited_pictures(samples):
    folder = samples / "vott"
    assets = load(folder / "caries.vott")["assets"]
    states = {unquote(asset["name"]): asset["state"] for asset in assets.values()}
    assert states == {
        "bitewing-01.jpg": 2,
        "bitewing-05.jpg": 2,
        "bitewing 06.jpg": 2,
        "bitewing-07.jpg": 1,
        "bitewing-08.jpg": 0,
    }
    with_file = {id_ for id_ in assets if (folder / f"{id_}-asset.json").is_file()}
    assert with_file == {id_ for id_, asset in assets.items() if asset["state"] == 2}
    for id_, asset in assets.items():
        assert id_ == asset["id"] == hashlib.md5(asset["path"].encode()).hexdigest()
        height, width = grey(folder / unquote(asset["name"])).shape
        expected = {"width": width, "height": height} if asset["state"] else None
        assert asset["size"] == expected
    assert "bitewing%2006.jpg" in {asset["name"] for asset in assets.values()}


def test_vott_boxes_are_those_of_the_points(samples):
    for one in vott_assets(samples).values():
        for region in one["regions"]:
            points = np.array([(point["x"], point["y"]) for point in region["points"]])
            box, (left, top) = region["boundingBox"], points.min(axis=0)
            assert (box["left"], box["top"]) == (left, top)
            assert (box["width"], box["height"]) == pytest.approx(np.ptp(points, axis=0), abs=0.006)
            if region["type"] == "RECTANGLE":
                right, bottom = points.max(axis=0)
                corners = [[left, top], [right, top], [right, bottom], [left, bottom]]
                assert points.tolist() == corners


# --- What SuperAnnotate's samples show -----------------------------------------------------------


def test_superannotate_samples_show_every_kind_of_instance(samples):
    documents = superannotate(samples)
    kinds = {instance["type"] for one in documents.values() for instance in one["instances"]}
    assert kinds == {"polygon", "bbox", "ellipse", "polyline"}
    empty = [one["metadata"] for one in documents.values() if not one["instances"]]
    assert [(one["name"], one["status"]) for one in empty] == [("bitewing-10.jpg", "Completed")]


def test_superannotate_samples_exclude_pulps_from_dentine(samples):
    documents = superannotate(samples)
    for name in ("bitewing-09", "bitewing-12"):
        pulps, holes = [], []
        for instance in documents[name]["instances"]:
            if instance["type"] == "polygon":
                if instance["className"] == "pulp":
                    pulps.append(instance["points"])
                outer = shapely.Polygon(points_of_superannotate(instance))
                for flat in instance["exclude"]:
                    assert instance["className"] == "dentine"
                    assert outer.contains_properly(shapely.Polygon(np.reshape(flat, (-1, 2))))
                    holes.append(flat)
        assert len(holes) >= 4
        assert all(hole in pulps for hole in holes)


def test_superannotate_samples_group_two_parts_of_a_lesion(samples):
    instances = superannotate(samples)["bitewing-09"]["instances"]
    parts = [instance for instance in instances if instance["groupId"]]
    assert [(one["className"], one["groupId"]) for one in parts] == [("caries", 1)] * 2
    polygons = [shapely.Polygon(points_of_superannotate(one)) for one in parts]
    assert polygons[0].distance(polygons[1]) < 1
    assert polygons[0].intersection(polygons[1]).area < 1


def test_superannotate_classes_are_those_of_the_instances(samples):
    root = samples / "superannotate"
    ids = {one["name"]: one["id"] for one in load(root / "classes" / "classes.json")}
    pixel = load(root / "pixel" / "bitewing-11.jpg___pixel.json")
    used = set()
    for one in (*superannotate(samples).values(), pixel):
        used |= {(instance["className"], instance["classId"]) for instance in one["instances"]}
    assert used == set(ids.items())


def test_superannotate_pixels_are_the_parts_of_the_instances(samples):
    folder = samples / "superannotate" / "pixel"
    with Image.open(folder / "bitewing-11.jpg___save.png") as picture:
        red, green, blue, alpha = np.moveaxis(np.asarray(picture).astype(np.int64), -1, 0)
    numbers = red * 65536 + green * 256 + blue
    instances = load(folder / "bitewing-11.jpg___pixel.json")["instances"]
    listed = [int(part["color"][1:], 16) for one in instances for part in one["parts"]]
    assert sorted(listed) == [15 * n for n in range(1, len(listed) + 1)]
    assert set(np.unique(numbers)) == {0, *listed}
    assert max(listed) > 255  # more parts than one channel holds
    np.testing.assert_array_equal(alpha, np.where(numbers > 0, 255, 0))
    for number in listed:
        assert connected_parts(numbers == number, connectivity=1).max() == 1
    assert any(len(one["parts"]) > 1 for one in instances)


# --- What all samples have in common -------------------------------------------------------------


def test_one_picture_is_annotated_identically_in_all_formats(samples):
    shapes = labelme(samples)[SHARED]["shapes"]
    regions = vott_assets(samples)[SHARED]["regions"]
    instances = superannotate(samples)[SHARED]["instances"]
    expected = [([shape["label"]], shape["points"]) for shape in shapes]
    assert len(expected) > 20
    assert [(r["tags"], [[p["x"], p["y"]] for p in r["points"]]) for r in regions] == expected
    assert [([i["className"]], points_of_superannotate(i)) for i in instances] == expected
    assert not any(instance["exclude"] for instance in instances)
    pictures = {path.read_bytes() for path in files(samples, ".jpg") if path.stem == SHARED}
    assert len(pictures) == 1


def test_lesions_lie_on_teeth_and_are_drawn_later(samples):
    shapes = labelme(samples)[SHARED]["shapes"]
    order = [LABELS.index(shape["label"]) for shape in shapes]
    assert order == sorted(order)
    tooth = shapely.union_all(
        [shapely.Polygon(s["points"]) for s in shapes if s["label"] in {"dentine", "enamel"}]
    )
    lesions = [shapely.Polygon(s["points"]) for s in shapes if s["label"] == "caries"]
    assert len(lesions) == 4
    assert all(tooth.intersection(lesion).area > 0.8 * lesion.area for lesion in lesions)


def rings(samples):
    """Yield the points of everything that is drawn, with the size of the picture."""
    for one in labelme(samples).values():
        for shape in one["shapes"]:
            yield shape["points"], (one["imageWidth"], one["imageHeight"])
    for one in vott_assets(samples).values():
        for region in one["regions"]:
            yield (
                [(point["x"], point["y"]) for point in region["points"]],
                tuple(one["asset"]["size"].values()),
            )
    for one in superannotate(samples).values():
        for instance in one["instances"]:
            if instance["type"] in {"polygon", "polyline"}:
                size = (one["metadata"]["width"], one["metadata"]["height"])
                for flat in (instance["points"], *instance.get("exclude", [])):
                    yield np.reshape(flat, (-1, 2)), size


def test_coordinates_are_in_the_picture_and_have_two_decimals(samples):
    counts = []
    for points, size in rings(samples):
        array = np.asarray(points, float)
        assert (array >= 0).all()
        assert (array <= size).all()
        np.testing.assert_array_equal(array, np.round(array, 2))
        assert not np.signbit(array).any()
        assert len(np.unique(array, axis=0)) == len(array)
        counts.append(len(array))
    assert len(counts) > 300
    assert np.median(counts) > 12
    assert max(counts) < 90


def drawn_lesions(samples):
    """Yield picture and mask of every lesion; parts of a group are one lesion."""

    def filled(points, picture):
        return polygon2mask(picture.shape, np.asarray(points)[:, ::-1] - 0.5)

    for one in labelme(samples).values():
        picture = grey(samples / "labelme" / one["imagePath"])
        groups = defaultdict(lambda shape=picture.shape: np.zeros(shape, bool))
        for index, shape in enumerate(one["shapes"]):
            if shape["label"] == "caries":
                mask = groups[shape["group_id"] or -index]
                points = np.array(shape["points"])
                if shape["shape_type"] == "polygon":
                    mask |= filled(points, picture)
                elif shape["shape_type"] == "circle":
                    rows, columns = np.indices(picture.shape) + 0.5
                    x, y = points[0]
                    mask |= np.hypot(columns - x, rows - y) < np.hypot(*(points[1] - points[0]))
                else:
                    (left, top), (right, bottom) = points.astype(int)
                    mask[top : bottom + 1, left : right + 1] = pixels_of(shape["mask"])
        yield picture, list(groups.values())
    for one in vott_assets(samples).values():
        picture = grey(samples / "vott" / unquote(one["asset"]["name"]))
        yield (
            picture,
            [
                filled([(point["x"], point["y"]) for point in region["points"]], picture)
                for region in one["regions"]
                if "caries" in region["tags"]
            ],
        )


def test_lesions_are_5_to_60_pixels_large(samples):
    sizes = [
        max(np.ptp(np.flatnonzero(mask.any(axis=axis))) + 1 for axis in (0, 1))
        for _, masks in drawn_lesions(samples)
        for mask in masks
    ]
    assert len(sizes) >= 20
    assert min(sizes) >= 5
    assert max(sizes) <= 60
    assert max(sizes) > 2 * min(sizes)


def test_no_range_of_brightness_finds_the_lesions(samples):
    lesion, everything = np.zeros(257), np.zeros(257)
    for picture, masks in drawn_lesions(samples):
        truth = np.any(masks, axis=0) if masks else np.zeros(picture.shape, bool)
        lesion[1:] += np.bincount(picture[truth], minlength=256)
        everything[1:] += np.bincount(picture.ravel(), minlength=256)
    found, claimed = np.cumsum(lesion), np.cumsum(everything)
    hits = found[None, :] - found[:, None]  # [low, high]: pixels of low <= grey < high
    dice = 2 * hits / (np.maximum(claimed[None, :] - claimed[:, None], 0) + found[-1])
    assert 0.001 < dice.max() < 0.1


@pytest.mark.parametrize(
    ("format_", "images", "unvisited"),
    [("labelme", 4, 0), ("vott", 5, 1), ("superannotate", 5, 0)],
)
def test_maskforge_reads_all_samples(samples, format_, images, unvisited):
    reader = mf.read(samples / format_)
    found = list(reader)
    assert not reader.issues
    assert len(found) == images
    assert all(one.format == format_ and one.refusal is None for one in found)
    states = Counter(one.state for one in found)
    assert states[mf.ImageState.UNVISITED] == unvisited
    assert states[mf.ImageState.EMPTY] == 1
    assert not any(issue.loses_record for one in found for issue in one.issues)


def test_the_class_map_knows_every_label(samples):
    labels = {
        label
        for name in FORMATS
        for one in mf.read(samples / name)
        for shape in one.shapes
        for label in shape.labels
    }
    classes = mf.load_class_map(samples / "classes.toml")
    assert labels == {label for one in classes.classes for label in one.labels}


# --- The generator -------------------------------------------------------------------------------


def test_outlines_are_sound(radiographs):
    for radiograph in radiographs:
        height, width = radiograph.image.shape
        picture = shapely.box(0, 0, width, height)
        assert {outline.label for outline in radiograph.outlines} >= {"dentine", "pulp", "enamel"}
        for outline in radiograph.outlines:
            polygon = shapely.Polygon(outline.ring)
            assert polygon.is_valid
            assert polygon.area > 8
            assert picture.covers(polygon)
            assert outline.tooth // 10 in {1, 2, 3, 4}


def test_narrow_outlines_do_not_cross_themselves():
    """Picture 21 of seed 99 has a lesion whose neck is narrower than outlines are thinned."""
    from bitewings.bitewing import make_bitewing

    polygons = [shapely.Polygon(one.ring) for one in make_bitewing((99, 21)).outlines]
    assert all(polygon.is_valid for polygon in polygons)


def brightness(radiograph, region):
    """Return the grey values of the pixels whose centres are in a region."""
    rows, columns = np.indices(radiograph.image.shape) + 0.5
    shapely.prepare(region)
    return radiograph.image[shapely.contains_xy(region, columns, rows)]


def test_lesions_of_many_pictures_have_the_promised_sizes_and_are_darker(radiographs):
    """Compare every lesion's part in the dentine with the sound dentine around it."""
    contrasts = []
    for radiograph in radiographs:
        drawn = [(one, shapely.Polygon(one.ring)) for one in radiograph.outlines]
        other = shapely.union_all([p for one, p in drawn if one.label not in {"dentine", "caries"}])
        lesions = [(one, polygon) for one, polygon in drawn if one.label == "caries"]
        for lesion, region in lesions:
            assert 5 <= np.ptp(lesion.ring, axis=0).max() <= 60
            dentine = shapely.union_all(
                [p for one, p in drawn if one.label == "dentine" and one.tooth == lesion.tooth]
            ).difference(other.buffer(2))
            around = region.buffer(9).difference(
                shapely.union_all([p for _, p in lesions]).buffer(3)
            )
            inside = brightness(radiograph, region.buffer(-1).intersection(dentine))
            sound = brightness(radiograph, around.intersection(dentine))
            if min(len(inside), len(sound)) >= 60:
                contrasts.append(np.median(sound) - np.median(inside))
    assert len(contrasts) >= 8
    assert min(contrasts) > 5
    assert max(contrasts) > 20


def test_pictures_use_the_range_of_a_radiograph(radiographs):
    for radiograph in radiographs:
        dark, bright = np.percentile(radiograph.image, (2, 98))
        assert dark < 60
        assert bright > 150


def test_a_picture_of_a_set_depends_on_seed_and_number_alone(tmp_path):
    from generate import main

    def made(name, *options):
        size = ("--width", "240", "--height", "180", "--jobs", "1")
        main(["--out", str(tmp_path / name), *size, *options])
        names = sorted(path.name for path in (tmp_path / name).iterdir())
        return names, {path: (tmp_path / name / path).read_bytes() for path in names}

    names, pair = made("pair", "--count", "2", "--seed", "3")
    one = made("one", "--count", "1", "--seed", "3")[1]
    other = made("other", "--count", "1", "--seed", "4")[1]
    stems = ("bitewing-0001", "bitewing-0002")
    assert names == [f"{stem}{suffix}" for stem in stems for suffix in (".jpg", ".json")]
    assert one == {name: pair[name] for name in one}
    assert all(other[name] != one[name] for name in one)
    assert load(tmp_path / "pair" / "bitewing-0001.json")["imageData"] is None


@pytest.mark.parametrize("format_", FORMATS)
def test_sets_of_every_format_hold_the_same(samples, tmp_path, format_):
    """The command line is run as a program, with two processes."""
    out = tmp_path / "set"
    options = ["--out", out, "--count", 2, "--seed", 7, "--format", format_, "--jobs", 2]
    script = [sys.executable, "-W", "error", samples / "generate.py"]
    subprocess.run([str(word) for word in (*script, *options)], check=True, timeout=120)

    from bitewings.bitewing import make_bitewing

    found = sorted(mf.read(out), key=lambda one: one.image.name)
    assert [one.image.name for one in found] == ["bitewing-0001.jpg", "bitewing-0002.jpg"]
    for number, one in enumerate(found, start=1):
        assert one.image.size == (640, 480)
        truth = make_bitewing((7, number)).outlines
        assert [shape.labels for shape in one.shapes] == [(outline.label,) for outline in truth]
        for shape, outline in zip(one.shapes, truth, strict=True):
            np.testing.assert_array_equal(shape.geometry.parts[0].exterior, outline.ring)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--count", "3"], "--out is missing"),
        (["--out", "new", "--count", "0"], "--count must be at least 1"),
        (["--out", "new", "--seed", "-1"], "--seed at least 0"),
        (["--out", "new", "--width", "100"], "at least 160"),
        (["--out", "new", "--format", "coco"], "invalid choice"),
        (["--out", "full"], "full is not empty"),
    ],
)
def test_wrong_use_is_refused(tmp_path, monkeypatch, capsys, options, message):
    from generate import main

    monkeypatch.chdir(tmp_path)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    with pytest.raises(SystemExit) as refusal:
        main(options)
    assert refusal.value.code == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "new").exists()
