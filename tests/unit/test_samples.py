"""What the bundled samples show."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter, defaultdict
from urllib.parse import unquote

import numpy as np
import pytest
import shapely
from PIL import Image
from sample_files import (
    FORMATS,
    LABELS,
    files,
    gray,
    labelme,
    load,
    pixels_of,
    points_of_superannotate,
    superannotate,
    vott_assets,
)
from skimage.draw import polygon2mask
from skimage.measure import label as connected_parts

import maskforge as mf

SHARED = "bitewing-01"


def test_the_bundle_is_small(samples):
    everything = [path for name in FORMATS for path in (samples / name).rglob("*")]
    assert sum(path.stat().st_size for path in everything) < 2_500_000
    assert all(path.stat().st_size < 60_000 for path in files(samples, ".jpg"))
    assert len({path.name for path in files(samples, ".jpg")}) == 12


# --- What LabelMe's samples show -----------------------------------------------------------------


def test_labelme_samples_show_every_kind_of_shape(samples):
    kinds = {shape["shape_type"] for one in labelme(samples).values() for shape in one["shapes"]}
    assert kinds == {"polygon", "rectangle", "circle", "mask", "linestrip", "point"}


def test_labelme_samples_hold_a_group_of_parts_and_an_empty_image(samples):
    documents = labelme(samples)
    groups = Counter(
        (name, shape["label"], shape["group_id"])
        for name, one in documents.items()
        for shape in one["shapes"]
        if shape["group_id"] is not None
    )
    assert list(groups.values()) == [2]
    assert [name for name, one in documents.items() if not one["shapes"]] == ["bitewing-04"]


def test_labelme_samples_name_and_embed_their_images(samples):
    embedded = 0
    for name, one in labelme(samples).items():
        path = samples / "labelme" / one["imagePath"]
        assert path.stem == name
        assert gray(path).shape == (one["imageHeight"], one["imageWidth"])
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


# --- What VoTT's samples show --------------------------------------------------------------------


def test_vott_samples_hold_rectangles_polygons_and_a_region_with_two_tags(samples):
    regions = [region for one in vott_assets(samples).values() for region in one["regions"]]
    assert {region["type"] for region in regions} == {"RECTANGLE", "POLYGON"}
    tags = [tuple(region["tags"]) for region in regions]
    assert Counter(map(len, tags)) == {1: len(tags) - 1, 2: 1}
    assert ("caries", "secondary caries") in tags
    known = {tag["name"] for tag in load(samples / "vott" / "caries.vott")["tags"]}
    assert known == {*LABELS, "secondary caries"} == {name for names in tags for name in names}


def test_vott_project_lists_tagged_visited_and_unvisited_images(samples):
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
        height, width = gray(folder / unquote(asset["name"])).shape
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
    with Image.open(folder / "bitewing-11.jpg___save.png") as image:
        red, green, blue, alpha = np.moveaxis(np.asarray(image).astype(np.int64), -1, 0)
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


def test_one_image_is_annotated_identically_in_all_formats(samples):
    shapes = labelme(samples)[SHARED]["shapes"]
    regions = vott_assets(samples)[SHARED]["regions"]
    instances = superannotate(samples)[SHARED]["instances"]
    expected = [([shape["label"]], shape["points"]) for shape in shapes]
    assert len(expected) > 20
    assert [(r["tags"], [[p["x"], p["y"]] for p in r["points"]]) for r in regions] == expected
    assert [([i["className"]], points_of_superannotate(i)) for i in instances] == expected
    assert not any(instance["exclude"] for instance in instances)
    images = {path.read_bytes() for path in files(samples, ".jpg") if path.stem == SHARED}
    assert len(images) == 1


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
    """Yield the points of everything that is drawn, with the size of the image."""
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


def test_coordinates_are_in_the_image_and_have_two_decimals(samples):
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
    """Yield image and mask of every lesion; parts of a group are one lesion."""

    def filled(points, image):
        return polygon2mask(image.shape, np.asarray(points)[:, ::-1] - 0.5)

    for one in labelme(samples).values():
        image = gray(samples / "labelme" / one["imagePath"])
        groups = defaultdict(lambda shape=image.shape: np.zeros(shape, bool))
        for index, shape in enumerate(one["shapes"]):
            if shape["label"] == "caries":
                mask = groups[shape["group_id"] or -index]
                points = np.array(shape["points"])
                if shape["shape_type"] == "polygon":
                    mask |= filled(points, image)
                elif shape["shape_type"] == "circle":
                    rows, columns = np.indices(image.shape) + 0.5
                    x, y = points[0]
                    mask |= np.hypot(columns - x, rows - y) < np.hypot(*(points[1] - points[0]))
                else:
                    (left, top), (right, bottom) = points.astype(int)
                    mask[top : bottom + 1, left : right + 1] = pixels_of(shape["mask"])
        yield image, list(groups.values())
    for one in vott_assets(samples).values():
        image = gray(samples / "vott" / unquote(one["asset"]["name"]))
        yield (
            image,
            [
                filled([(point["x"], point["y"]) for point in region["points"]], image)
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
    for image, masks in drawn_lesions(samples):
        truth = np.any(masks, axis=0) if masks else np.zeros(image.shape, bool)
        lesion[1:] += np.bincount(image[truth], minlength=256)
        everything[1:] += np.bincount(image.ravel(), minlength=256)
    found, claimed = np.cumsum(lesion), np.cumsum(everything)
    hits = found[None, :] - found[:, None]  # [low, high]: pixels of low <= gray < high
    dice = 2 * hits / (np.maximum(claimed[None, :] - claimed[:, None], 0) + found[-1])
    assert 0.001 < dice.max() < 0.1


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
