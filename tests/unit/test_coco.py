"""COCO files: what each key becomes, and what is said of what cannot be read."""

from __future__ import annotations

import json

import numpy as np
import pytest
from coco_files import (
    CATEGORIES,
    HEIGHT,
    RUNS,
    SQUARE,
    WIDTH,
    annotation,
    codes,
    image,
    pixels,
    read,
    read_one,
    write,
)

import maskforge as mf
from maskforge.formats.coco.runs import from_runs, packed, to_runs
from maskforge.issues import Code, Level
from maskforge.limits.allowance import FACTOR, Allowance, Limit
from maskforge.shapes import Bitmap, ImageState, Size

TWO_BY_TWO = np.zeros((HEIGHT, WIDTH), int)
TWO_BY_TWO[1:3, 1:3] = 1


# --- Images and categories


def test_images_are_annotated_empty_or_unvisited(tmp_path):
    images = [image(1, "a.png"), image(2, "b.png")]
    found = read(write(tmp_path, annotation(), images=images))
    assert [one.state for one in found] == [ImageState.ANNOTATED, ImageState.EMPTY]
    (tmp_path / "annotations.json").write_text(
        json.dumps({"images": images, "categories": CATEGORIES})
    )
    assert [one.state for one in read(tmp_path)] == [ImageState.UNVISITED] * 2


def test_ids_may_have_gaps_and_be_text(tmp_path):
    found = read_one(tmp_path, annotation(image_id="1"), annotation(category_id="7", image_id=1.0))
    assert [shape.labels for shape in found.shapes] == [("caries",), ("pulp",)]


@pytest.mark.parametrize("place", ["x/a.png", "images/a.png", "../val2017/a.png"])
def test_images_are_found_where_coco_and_its_tools_put_them(tmp_path, place):
    folder = tmp_path / "annotations"
    folder.mkdir()
    path = folder / place
    path.parent.mkdir(exist_ok=True)
    mf.write_mask(path, np.zeros((HEIGHT, WIDTH), np.uint8))
    write(
        folder, images=[image(name="x\\a.png" if "x/" in place else "a.png")], name="a_val2017.json"
    )
    (found,) = read(tmp_path)
    assert found.image.file.resolve() == path.resolve()
    assert found.image.match in ("path", "beside")


def test_an_image_without_a_name_is_called_by_its_id(tmp_path):
    found = read_one(tmp_path, annotation(), images=[image(name="")])
    assert (found.image.name, codes(found)) == ("1", [Code.INVALID_IMAGE_RECORD])
    assert found.refusal is None
    assert len(found.shapes) == 1


def test_lvis_writes_an_address_instead_of_a_name(tmp_path):
    entry = {"id": 1, "coco_url": "http://images.cocodataset.org/train2017/7.jpg"}
    found = read_one(tmp_path, images=[entry | {"width": WIDTH, "height": HEIGHT}])
    assert found.image.name == "7.jpg"
    assert codes(found) == []


def test_two_images_with_one_id_are_refused_and_their_annotations_with_them(tmp_path):
    path = write(tmp_path, annotation(), images=[image(1, "a.png"), image(1, "b.png")])
    first, second, rest = read(path)
    for one in (first, second):
        assert one.refusal.code is Code.INVALID_IMAGE_RECORD
        assert "used twice" in one.refusal.message
    assert rest.refusal.code is Code.UNLISTED_IMAGE
    assert rest.record_count == 1


def test_annotations_of_images_that_are_not_listed_are_counted(tmp_path):
    path = write(tmp_path, annotation(), annotation(image_id=5), annotation(image_id=None), "x")
    report = mf.convert(path, "nowhere", format="coco", dry_run=True)
    assert report.records == {"found": 4, "drawn": 1} | {
        key: value for key, value in report.records.items() if key not in ("found", "drawn")
    }
    assert report.records["refused"] == 3
    _, rest = read(path)
    assert rest.refusal.code is Code.UNLISTED_IMAGE
    assert "3 annotations" in rest.refusal.message
    assert rest.extra["annotations"] == ["x"]


def test_a_category_that_is_not_listed_leaves_its_shape_without_label(tmp_path):
    found = read_one(tmp_path, annotation(category_id=4), annotation(category_id=None))
    assert [shape.label_issue.code for shape in found.shapes] == [
        Code.UNRESOLVED_CLASS,
        Code.NO_LABEL,
    ]
    assert found.shapes[0].label_issue.origin.pointer == "$.annotations[0].category_id"


def test_damaged_categories_are_reported_one_by_one(tmp_path):
    categories = [*CATEGORIES, {"id": 3, "name": "crown"}, {"id": 9}, 5, CATEGORIES[1]]
    reader = mf.read(
        write(tmp_path, annotation(), annotation(category_id=7), categories=categories)
    )
    (found,) = reader
    assert [issue.origin.pointer for issue in reader.issues] == [
        "$.categories[2]",
        "$.categories[3]",
        "$.categories[4]",
    ]
    assert [shape.labels for shape in found.shapes] == [(), ("pulp",)]  # 3 has two names


@pytest.mark.parametrize("key", ["images", "annotations", "categories"])
def test_a_list_that_is_not_one_costs_the_file(tmp_path, key):
    reader = mf.read(write(tmp_path, annotation(), **{key: "x"}), format="coco")
    assert list(reader) == []
    (issue,) = reader.issues
    assert issue.level is Level.REFUSED


@pytest.mark.parametrize(
    "root",
    [
        {"images": [], "shapes": []},
        {"images": [{"name": "a.png"}], "annotations": []},
        {"images": [image()], "annotations": [{"image_id": 1, "caption": "a tooth"}]},
        {"annotations": [], "categories": []},
    ],
)
def test_what_is_not_coco_is_not_taken_for_it(tmp_path, root):
    (tmp_path / "a.json").write_text(json.dumps(root))
    with pytest.raises(mf.MaskforgeError, match="not coco: "):
        mf.detect(tmp_path / "a.json")


# --- Polygons and boxes


def test_parts_are_united(tmp_path):
    found = read_one(tmp_path, annotation([SQUARE, [2, 2, 5, 2, 5, 4, 2, 4]]))
    expected = TWO_BY_TWO.copy()
    expected[2:4, 2:5] = 1
    assert (pixels(found) == expected).all()
    (shape,) = found.shapes
    assert (shape.kind, len(shape.geometry.parts), shape.primitive) == ("polygon", 2, None)


def test_parts_that_enclose_nothing_are_noted(tmp_path):
    written = [SQUARE, [1, 1, 2, 2], [0, 0, 2, 0, 2, 2, 0, 0]]
    found = read_one(tmp_path, annotation(written), annotation([[1, 1, 2, 2]]))
    assert [(one.code, one.level) for one in found.issues if one.code is Code.TOO_FEW_POINTS] == [
        (Code.TOO_FEW_POINTS, Level.NOTE),
        (Code.TOO_FEW_POINTS, Level.SKIPPED),
    ]
    (shape,) = found.shapes
    assert [len(part.exterior) for part in shape.geometry.parts] == [4, 3]
    assert shape.primitive == {"segmentation": written}


@pytest.mark.parametrize("segmentation", [[], [[]], None])
def test_a_box_without_outline_is_drawn(tmp_path, segmentation):
    record = annotation(bbox=[1, 1, 2, 2]) | {"segmentation": segmentation}
    found = read_one(tmp_path, record)
    assert (pixels(found) == TWO_BY_TWO).all()
    assert (found.shapes[0].kind, found.shapes[0].primitive) == ("bbox", {"bbox": [1, 1, 2, 2]})


def test_a_box_is_turned_about_its_center_as_in_cvat(tmp_path):
    """4 x 2 px about (3, 2), turned by a quarter: 2 x 4 px."""
    record = annotation([], bbox=[1, 1, 4, 2], attributes={"rotation": 90.0})
    expected = np.zeros((HEIGHT, WIDTH), int)
    expected[0:4, 2:4] = 1
    found = read_one(tmp_path, record)
    assert (pixels(found) == expected).all()
    corners = found.shapes[0].geometry.parts[0].exterior
    assert np.allclose(corners, [(4, 0), (4, 4), (2, 4), (2, 0)])


@pytest.mark.parametrize(
    ("record", "code"),
    [
        (annotation([]), Code.INVALID_RECORD),
        (annotation([], bbox=[]), Code.INVALID_RECORD),
        (annotation([], bbox=[1, 1, -2, 2]), Code.INVALID_COORDINATES),
        (annotation([], bbox=[1, 1, 2]), Code.INVALID_COORDINATES),
        (annotation([[1, 1, 2, 2, 3]]), Code.INVALID_COORDINATES),
        (annotation([[1, 1, 2, None, 3, 4]]), Code.INVALID_COORDINATES),
        (annotation([[1, 1, 2, 1e300, 3, 4]]), Code.INVALID_COORDINATES),
        (annotation("[[1, 1]]"), Code.INVALID_COORDINATES),
        (annotation(RUNS | {"size": [HEIGHT, WIDTH + 1]}), Code.INVALID_BITMAP),
        (annotation(RUNS | {"counts": [5, 2, 17]}), Code.NOT_DRAWABLE),
        (annotation(RUNS | {"counts": [5, 2, 16]}), Code.INVALID_BITMAP),
        (annotation(RUNS | {"counts": [5, -2, 21]}), Code.INVALID_BITMAP),
        (annotation(RUNS | {"counts": [5, 10**30]}), Code.INVALID_BITMAP),
        (annotation(RUNS | {"counts": None}), Code.INVALID_BITMAP),
        (annotation(RUNS | {"size": [0, 0], "counts": []}), Code.INVALID_BITMAP),
        (annotation({"counts": "52", "size": None}), Code.INVALID_BITMAP),
        ("x", Code.INVALID_RECORD),
    ],
)
def test_what_cannot_be_read_costs_the_record_alone(tmp_path, record, code):
    if code is Code.NOT_DRAWABLE:
        record["segmentation"] = {"size": [HEIGHT, WIDTH], "counts": [HEIGHT * WIDTH]}
    if record == "x":
        reader = mf.read(write(tmp_path, annotation(), record))
        assert [codes(one) for one in reader] == [[], [Code.UNLISTED_IMAGE, code]]
        return
    found = read_one(tmp_path, annotation(), record)
    assert codes(found) == [code]
    assert [shape.origin.pointer for shape in found.shapes] == ["$.annotations[0]"]
    assert found.extra["annotations"] == [record]


def test_the_box_tells_the_place_of_what_cannot_be_read(tmp_path):
    found = read_one(
        tmp_path, annotation("?", bbox=[1, 1, 2, 2]), annotation([[0, 0, "?", 3, 4, 5]])
    )
    boxes = [issue.box for issue in found.issues if issue.code is Code.INVALID_COORDINATES]
    assert boxes[0] == (1, 1, 3, 3)
    drawing = mf.draw(found, mf.ClassMap(()), refused="void")
    assert (drawing.mask == TWO_BY_TWO * 255).all()


# --- Run lengths


def test_run_lengths_go_down_the_columns(tmp_path):
    found = read_one(tmp_path, annotation(RUNS))
    assert (pixels(found) == TWO_BY_TWO).all()
    (shape,) = found.shapes
    assert (shape.kind, shape.primitive) == ("rle", {"segmentation": RUNS})
    assert (shape.geometry.row, shape.geometry.column) == (1, 1)
    assert shape.geometry.pixels.tolist() == [[True, True], [True, True]]


def test_run_lengths_as_text_are_the_same_numbers(tmp_path):
    """5, 2, 2, 2, 13: below 16 a number is one character; the 4th and 5th are differences."""
    text = "".join(chr(48 + one) for one in (5, 2, 2, 0, 11))
    assert packed(RUNS["counts"]) == text
    found = read_one(tmp_path, annotation(RUNS | {"counts": text}))
    assert (pixels(found) == TWO_BY_TWO).all()


@pytest.mark.parametrize("text", ["5220", "5220;5", "522P", "5é20;", "", "oooooooo0", " 5220;"])
def test_damaged_text_is_refused(tmp_path, text):
    found = read_one(tmp_path, annotation(RUNS | {"counts": text}))
    assert codes(found) == [Code.INVALID_BITMAP]


def test_the_size_of_run_lengths_need_not_be_that_of_the_memory(tmp_path):
    runs = {"size": [2**31, 2**31], "counts": [2**62]}
    found = read_one(tmp_path, annotation(runs), images=[{"id": 1, "file_name": "a.png"}])
    assert codes(found)[0] is Code.INVALID_BITMAP


def test_many_large_bitmaps_cost_their_image(tmp_path, monkeypatch):
    side = 300
    monkeypatch.setenv(FACTOR, str(1.5 * side**2 / Limit.BITMAP_PIXELS.most))
    monkeypatch.setattr(Limit.FILE_BYTES, "most", 10**12)
    runs = {"size": [side, side], "counts": [0, side**2]}
    path = write(
        tmp_path,
        *(annotation(runs, image_id=one) for one in (1, 1, 2)),
        images=[image(one, width=side, height=side) for one in (1, 2)],
    )
    first, second = read(path)
    assert first.refusal.code is Code.TOO_COSTLY
    assert first.record_count == 2
    assert second.refusal is None


def test_bitmaps_are_cut_at_the_edges_of_the_image():
    over = np.ones((9, 3), bool)
    assert to_runs(Bitmap(-2, 4, over), Size(WIDTH, HEIGHT)) == [16, 8]
    assert to_runs(Bitmap(-2, 9, over), Size(WIDTH, HEIGHT)) == [24]
    whole = from_runs([16, 8], Size(WIDTH, HEIGHT), Allowance(Limit.BITMAP_PIXELS))
    assert (whole.row, whole.column, whole.pixels.shape) == (0, 4, (4, 2))


# --- Crowds and scores


def test_crowds_are_void_and_lie_below_what_is_told_apart(tmp_path):
    crowd = annotation({"size": [HEIGHT, WIDTH], "counts": [0, 24]}, category_id=7, iscrowd=1)
    found = read_one(tmp_path, annotation(), crowd)
    assert (pixels(found) == np.where(TWO_BY_TWO, 1, 255)).all()
    first = found.shapes[0]
    assert (first.labels, first.extra["category"]) == (("__ignore__",), "pulp")
    assert first.origin.pointer == "$.annotations[1]"


def test_crowds_can_be_classes_again(tmp_path):
    crowd = annotation(RUNS, iscrowd=1)
    found = read_one(tmp_path, crowd)
    assert (pixels(found, __ignore__=3) == TWO_BY_TWO * 3).all()


def test_darwin_marks_run_lengths_as_crowds(tmp_path):
    found = read_one(tmp_path, annotation(RUNS, iscrowd=1), images=[image(darwin_url="https://x")])
    assert found.shapes[0].labels == ("caries",)


def test_scores_and_unknown_keys_are_kept(tmp_path):
    record = annotation(score=0.75, attributes={"side": "left"}, keypoints=[1, 2, 2])
    found = read_one(tmp_path, record, images=[image(license=4, date="today")])
    (shape,) = found.shapes
    assert shape.score == 0.75
    assert shape.extra == {key: one for key, one in record.items() if key != "segmentation"}
    assert found.extra == image(license=4, date="today")


def test_the_ids_of_categories_can_be_the_classes(tmp_path):
    found = read_one(tmp_path, annotation())
    classes = mf.ClassMap((mf.MaskClass(3, "c", (1, 1, 1), ("3",)),), class_from="category_id")
    assert (mf.draw(found, classes).mask == TWO_BY_TWO * 3).all()


# --- Writing


def export(source, out, **options):
    report = mf.export(source, out, format="coco", **options)
    return report, json.loads((out / "annotations.json").read_text())


def test_an_own_file_comes_back_with_all_that_it_holds(tmp_path):
    (tmp_path / "in").mkdir()
    records = [
        annotation(id=40, image_id=2, bbox=[1, 1, 2, 2], area=4.5, note={"a": [1, None]}),
        annotation(RUNS, id=7, category_id=7, iscrowd=1),
        annotation([], id=9, bbox=[1, 1, 2, 2]),
        annotation([[1, 1, 2, 2]], id=3),
        annotation([SQUARE, [1, 1]], id=4, image_id=2, score=1),
    ]
    keys = {"info": {"year": 2024}, "licenses": [{"id": 1}], "more": True}
    images = [image(1, "a.png", license=1), image(2, "b.png")]
    path = write(tmp_path / "in", *records, images=images, **keys)
    before = json.loads(path.read_text())
    report, after = export(path, tmp_path / "out")
    assert report.left_out == {}
    named = [one | {"file_name": f"images/{one['file_name']}"} for one in images]
    rest = after["annotations"].pop(0)  # became no shape, so nothing tells where it stood
    assert rest == records[3]
    assert after == before | {"images": named, "annotations": records[:3] + records[4:]}


def labelme(folder, *shapes):
    folder.mkdir()
    records = [{"shape_type": "polygon", "flags": {}} | one for one in shapes]
    size = {"imagePath": "a.png", "imageData": None, "imageWidth": WIDTH, "imageHeight": HEIGHT}
    (folder / "a.json").write_text(json.dumps({"version": "5.4.1", "shapes": records} | size))
    return folder


def test_what_is_written_for_others(tmp_path):
    square = [[1, 1], [3, 1], [3, 3], [1, 3]]
    source = labelme(
        tmp_path / "in",
        {"label": "pulp", "points": square, "score": 0.5},
        {"label": "__ignore__", "points": square},
    )
    classes = mf.ClassMap((mf.MaskClass(5, "pulp", (9, 9, 9), ("pulp",)),))
    _, written = export(source, tmp_path / "out", classes=classes)
    assert written == {
        "info": {},
        "licenses": [],
        "images": [{"id": 1, "file_name": "images/a.png", "height": HEIGHT, "width": WIDTH}],
        "annotations": [
            {
                "id": 1,
                "image_id": 1,
                "category_id": 5,
                "segmentation": [SQUARE],
                "area": 4,
                "bbox": [1, 1, 2, 2],
                "iscrowd": 0,
                "score": 0.5,
            },
            {
                "id": 2,
                "image_id": 1,
                "category_id": 1,
                "segmentation": [SQUARE],
                "area": 4,
                "bbox": [1, 1, 2, 2],
                "iscrowd": 1,
            },
        ],
        "categories": [
            {"id": 5, "name": "pulp", "supercategory": ""},
            {"id": 1, "name": "__ignore__", "supercategory": ""},
        ],
    }


def test_records_of_one_object_become_one_annotation(tmp_path):
    def box(left: float, top: float, **keys: object) -> dict[str, object]:
        points = [[left, top], [left + 1, top], [left + 1, top + 1], [left, top + 1]]
        return {"label": "caries", "points": points} | keys

    source = labelme(
        tmp_path / "in",
        box(0, 0, group_id=1),
        box(2, 0, group_id=2, score=0.5),
        box(2, 2, group_id=1),
        box(4, 0, group_id=2, score=0.25),  # another score: two objects
        box(0, 2, group_id=3),
        box(0, 2, label="pulp"),  # may lie on top of one, and under the other
        box(4, 2, group_id=3),
        box(5, 3, group_id=4),
    )
    report, written = export(source, tmp_path / "out")
    assert report.changed == {"records of one object written as its parts": 1}
    assert report.left_out["groups of records that are one object"] == 4
    parts = [[one[:2] for one in record["segmentation"]] for record in written["annotations"]]
    assert parts == [
        [[2, 0]],
        [[0, 0], [2, 2]],
        [[4, 0]],
        [[0, 2]],
        [[0, 2]],
        [[4, 2]],
        [[5, 3]],
    ]
    (before,), (after,) = mf.read(source), mf.read(tmp_path / "out")
    assert (pixels(before) == pixels(after)).all()


def test_void_of_other_tools_stays_where_it_lies(tmp_path):
    low, high = [[1, 1], [3, 1], [3, 3], [1, 3]], [[2, 1], [4, 1], [4, 3], [2, 3]]
    source = labelme(
        tmp_path / "in",
        {"label": "caries", "points": low},
        {"label": "__ignore__", "points": high},
    )
    export(source, tmp_path / "out")
    (before,), (after,) = mf.read(source), mf.read(tmp_path / "out")
    assert (pixels(before) == pixels(after)).all()
    assert (pixels(after) == 255).sum() == 4


def test_files_with_the_same_ids_become_one(tmp_path):
    for name, label in (("a", "caries"), ("b", "crown")):
        (tmp_path / name).mkdir()
        categories = [{"id": 3, "name": label}]
        write(
            tmp_path / name, annotation(), images=[image(name=f"{name}.png")], categories=categories
        )
    _, written = export([tmp_path / "a", tmp_path / "b"], tmp_path / "out")
    assert [one["id"] for one in written["images"]] == [1, 2]
    assert [(one["id"], one["image_id"]) for one in written["annotations"]] == [(1, 1), (2, 2)]
    names = {one["id"]: one["name"] for one in written["categories"]}
    assert [names[one["category_id"]] for one in written["annotations"]] == ["caries", "crown"]
