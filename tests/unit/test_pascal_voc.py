"""Pascal VOC: boxes counted from 1, masks of classes and objects, names of values."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from mask_images import BLUE, RED, regions, save, values, written_image
from mask_images import Folder as WriteFolder
from PIL import Image

import maskforge as mf
from maskforge.formats.pascal_voc.names import CLASSES, color_of
from maskforge.formats.pascal_voc.writer import PascalVocWriter

BOXES = (1, 2, 1, 5, 3), (15, 5, 3, 8, 6)
CLASS_MASK = values(*BOXES, (255, 0, 5, 2, 6))
OBJECT_MASK = values((1, 2, 1, 5, 3), (2, 5, 3, 8, 6), (255, 0, 5, 2, 6))
PLANE, PERSON, VOID = CLASS_MASK == 1, CLASS_MASK == 15, CLASS_MASK == 255


def annotation(
    path: Path, *objects: str, inner: str = "<segmented>1</segmented>", name: str = "7.jpg"
) -> Path:
    """Write an annotation; objects are XML."""
    path.parent.mkdir(parents=True, exist_ok=True)
    size = "<size><width>8</width><height>6</height><depth>3</depth></size>"
    filename = f"<filename>{name}</filename>"
    text = f"<annotation>{filename}{size}{inner}{''.join(objects)}</annotation>"
    path.write_text(text, "utf-8")
    return path


def thing(name: str, *corners: object, more: str = "") -> str:
    sides = zip(("xmin", "ymin", "xmax", "ymax"), corners, strict=False)
    box = "".join(f"<{side}>{value}</{side}>" for side, value in sides)
    return f"<object><name>{name}</name>{more}<bndbox>{box}</bndbox></object>"


PAIR = (thing("aeroplane", 3, 2, 5, 3), thing("person", 6, 4, 8, 6))


def layout(root: Path, *objects: str, objects_too: bool = True) -> Path:
    annotation(root / "Annotations/7.xml", *objects)
    save(root / "SegmentationClass/7.png", CLASS_MASK)
    if objects_too:
        save(root / "SegmentationObject/7.png", OBJECT_MASK)
    return root


# --- Boxes


def test_boxes_count_from_1_and_hold_both_corners(tmp_path):
    more = "<pose>Left</pose><part><name>head</name></part><part><name>foot</name></part>"
    annotation(tmp_path / "7.xml", thing("a", 3, 2, 5, 3, more=more), inner="")
    (image,) = mf.read(tmp_path)
    (shape,) = image.shapes
    (part,) = shape.geometry.parts
    assert part.exterior.tolist() == [[2, 1], [5, 1], [5, 3], [2, 3]]
    assert (shape.kind, shape.labels, shape.origin.pointer) == ("bndbox", ("a",), "$.object[0]")
    box = {"xmin": "3", "ymin": "2", "xmax": "5", "ymax": "3"}
    assert shape.primitive == {"bndbox": box}
    assert shape.extra == {"pose": "Left", "part": [{"name": "head"}, {"name": "foot"}]}
    assert (image.image.name, image.image.size, image.state) == ("7.jpg", (8, 6), "annotated")
    assert image.extra["size"] == {"width": "8", "height": "6", "depth": "3"}


def test_corners_may_be_fractions_and_in_any_order(tmp_path):
    annotation(tmp_path / "7.xml", thing("a", 5.5, 3, 3, 0.25), inner="")
    (image,) = mf.read(tmp_path)
    assert image.shapes[0].geometry.parts[0].exterior.tolist() == [
        [2, -0.75],
        [5.5, -0.75],
        [5.5, 3],
        [2, 3],
    ]


def test_an_image_without_objects_is_empty(tmp_path):
    annotation(tmp_path / "7.xml", inner="")
    (image,) = mf.read(tmp_path)
    assert (image.state, image.shapes) == ("empty", ())


@pytest.mark.parametrize(
    ("broken", "code", "box"),
    [
        (thing("a", 3, 2, 5), "invalid-coordinates", None),
        (thing("a", 3, 2, "x", 3), "invalid-coordinates", None),
        (thing("a", 3, 2, "nan", 3), "invalid-coordinates", None),
        (thing("a", 3, 2, "1e99", 3), "invalid-coordinates", None),
        ("<object><name>a</name></object>", "invalid-record", None),
        ("<object/>", "invalid-record", None),
    ],
)
def test_a_damaged_object_costs_itself_alone(tmp_path, broken, code, box):
    annotation(tmp_path / "7.xml", broken, thing("b", 1, 1, 2, 2), inner="")
    (image,) = mf.read(tmp_path)
    assert [shape.labels for shape in image.shapes] == [("b",)]
    (issue,) = (one for one in image.issues if one.loses_record)
    assert (str(issue.code), issue.box) == (code, box)
    assert issue.origin.pointer.startswith("$.object[0]")
    assert image.record_count == 2
    assert len(image.extra["object"]) == 1


def test_an_object_without_name_has_no_label(tmp_path):
    annotation(tmp_path / "7.xml", thing(" ", 1, 1, 2, 2), inner="")
    (image,) = mf.read(tmp_path)
    assert image.shapes[0].labels == ()
    assert str(image.shapes[0].label_issue.code) == "no-label"


@pytest.mark.parametrize(
    "text",
    [
        "<annotation/>",
        "<annotations><image/></annotations>",
        "<annotation><imagesize/><object><polygon/></object><size/></annotation>",
        "<a/>",
    ],
)
def test_other_xml_is_passed_over_or_refused(tmp_path, text):
    path = tmp_path / "7.xml"
    path.write_text(text)
    assert not list(mf.read(tmp_path, format="pascal-voc"))
    reader = mf.read(path, format="pascal-voc")
    assert not list(reader)
    assert [str(one.code) for one in reader.issues] == ["unknown-format"]


@pytest.mark.parametrize("size", ["0", "-8", "8.5", "x", "9" * 30])
def test_a_damaged_size_is_noted_and_ignored(tmp_path, size):
    path = annotation(tmp_path / "7.xml", thing("a", 1, 1, 2, 2), inner="")
    path.write_text(path.read_text().replace("<width>8<", f"<width>{size}<"))
    save(tmp_path / "7.jpg", np.zeros((6, 8, 3), np.uint8))
    (image,) = mf.read(tmp_path)
    assert image.image.size == (8, 6)
    assert [str(one.code) for one in image.issues] == ["invalid-image-record"]


def test_a_deep_or_cut_off_file_is_refused(tmp_path):
    path = annotation(
        tmp_path / "7.xml", thing("a", 1, 1, 2, 2), inner="<x>" * 2000 + "</x>" * 2000
    )
    (image,) = mf.read(tmp_path)
    assert len(image.shapes) == 1
    whole = path.read_text()
    for end in range(5, len(whole), 997):
        path.write_text(whole[:end])
        reader = mf.read(path)
        assert not list(reader)
        assert [issue.level for issue in reader.issues] == [mf.Level.REFUSED]


# --- Masks


def test_objects_have_their_pixels_and_what_the_file_says(tmp_path):
    (image,) = mf.read(layout(tmp_path, *PAIR))
    found = [(one.labels, one.instance, one.origin.pointer, one.kind) for one in image.shapes]
    assert found == [
        (("aeroplane",), "1", "$.object[0]", "value"),
        (("person",), "2", "$.object[1]", "value"),
        (("__ignore__",), None, "value 255", "value"),
    ]
    same(regions(image), aeroplane=PLANE, person=PERSON, __ignore__=VOID)
    assert image.shapes[0].primitive["bndbox"]["xmax"] == "5"
    assert not [one for one in image.issues if one.loses_record]


def test_classes_alone_are_regions_and_boxes_are_ignored(tmp_path):
    (image,) = mf.read(layout(tmp_path, *PAIR, objects_too=False))
    same(regions(image), aeroplane=PLANE, person=PERSON, __ignore__=VOID)
    assert [(str(one.code), one.level) for one in image.issues if one.loses_record] == [
        ("not-a-shape", "ignored")
    ] * 2


def same(found, **expected):
    assert found.keys() == expected.keys()
    for label, pixels in expected.items():
        assert (found[label] == pixels).all(), label


def test_pixels_decide_where_the_file_says_otherwise(tmp_path):
    other = thing("sofa", 3, 2, 5, 3)
    (image,) = mf.read(layout(tmp_path, other, PAIR[1], thing("dog", 1, 1, 2, 2)))
    same(regions(image), aeroplane=PLANE, person=PERSON, __ignore__=VOID)
    lost = [one.origin.pointer for one in image.issues if one.loses_record]
    assert lost == ["$.object[0]", "$.object[2]"]


def test_masks_without_annotation_are_read_if_asked_for(tmp_path):
    layout(tmp_path, *PAIR)
    (tmp_path / "Annotations/7.xml").unlink()
    save(tmp_path / "JPEGImages/7.jpg", np.zeros((6, 8, 3), np.uint8))
    assert not list(mf.read(tmp_path))
    reader = mf.read(tmp_path, format="pascal-voc")
    (image,) = reader
    assert image.image.file == tmp_path / "JPEGImages/7.jpg"
    same(regions(image), aeroplane=PLANE, person=PERSON, __ignore__=VOID)
    assert [one.instance for one in image.shapes] == ["1", "2", None]
    assert not reader.issues


def test_a_mask_is_never_the_image(tmp_path):
    layout(tmp_path, *PAIR)
    save(tmp_path / "SegmentationClass/7.png", values())
    (image,) = mf.read(tmp_path)
    assert image.image.file is None


def test_a_segmented_image_without_mask_is_reported(tmp_path):
    annotation(tmp_path / "Annotations/7.xml", *PAIR)
    reader = mf.read(tmp_path)
    (image,) = reader
    assert len(image.shapes) == 2
    assert [str(one.code) for one in reader.issues] == ["lossy-source"]


def test_labelmap_names_colors_and_values(tmp_path):
    root = layout(tmp_path, thing("pulp", 3, 2, 5, 3))
    (root / "labelmap.txt").write_text("background:0,0,0::\npulp:255,0,0::\ncaries:0,0,255::\n")
    two = values((1, 2, 1, 5, 3), (2, 5, 3, 8, 6))
    for palette, (first, second) in (
        ({1: RED, 2: BLUE}, ("pulp", "caries")),
        ({1: BLUE, 2: RED}, ("caries", "pulp")),
        (None, ("pulp", "caries")),
    ):
        save(root / "SegmentationClass/7.png", two, palette)
        save(root / "SegmentationObject/7.png", values())
        (image,) = mf.read(root)
        same(regions(image), **{first: PLANE, second: two == 2})


def test_a_list_of_names_gives_the_values(tmp_path):
    root = layout(tmp_path, objects_too=False)
    (root / "class_names.txt").write_text("_background_\n" + "\n".join("abcdefghijklmno"))
    (image,) = mf.read(root)
    same(regions(image), a=PLANE, o=PERSON, __ignore__=VOID)


def test_a_class_map_names_values_of_other_classes(tmp_path):
    root = layout(tmp_path, thing("pulp", 3, 2, 5, 3), objects_too=False)
    (image,) = mf.read(root, mask_values={"1": "pulp", "15": "caries"})
    same(regions(image), pulp=PLANE, caries=PERSON, __ignore__=VOID)
    (image,) = mf.read(root, mask_values={"1": "person"})  # a class of the challenge
    same(regions(image), aeroplane=PLANE, person=PERSON, __ignore__=VOID)


def test_sizes_of_masks_and_values_are_checked(tmp_path):
    root = layout(tmp_path, *PAIR)
    save(root / "SegmentationObject/7.png", np.zeros((5, 8), np.uint8))
    (image,) = mf.read(root)
    assert "has 8 x 5 px" in image.refusal.message
    save(root / "SegmentationClass/7.png", values((21, 0, 0, 2, 2)))
    (image,) = mf.read(root)
    assert "values that no class has: 21 (4 px)" in image.refusal.message


def test_sets_are_kept(tmp_path):
    root = layout(tmp_path, *PAIR)
    for name, text in {"Segmentation/train": "6\n7\n", "Main/person_val": "7 -1\n8  1\n"}.items():
        path = root / "ImageSets" / f"{name}.txt"
        path.parent.mkdir(parents=True)
        path.write_text(text)
    (image,) = mf.read(root)
    assert image.extra["ImageSets"] == ["Segmentation/train"]


def test_the_colors_are_those_of_the_challenge():
    """Of the table in the development kit."""
    known = {
        **{0: (0, 0, 0), 1: (128, 0, 0), 2: (0, 128, 0), 3: (128, 128, 0), 15: (192, 128, 128)},
        **{20: (0, 64, 128), 255: (224, 224, 192)},
    }
    assert {one: color_of(one) for one in known} == known
    assert (len(CLASSES), CLASSES[14]) == (20, "person")


# --- Writing


def test_what_is_written_is_exact(tmp_path):
    named = {1: "aeroplane", 15: "person"}
    classes = mf.ClassMap(tuple(mf.MaskClass(i, n, RED, (n,)) for i, n in named.items()))
    save(tmp_path / "in/JPEGImages/7.jpg", np.zeros((6, 8, 3), np.uint8))
    (image,) = mf.read(layout(tmp_path / "in", *PAIR))
    folder = WriteFolder(tmp_path / "out", classes)
    writer = PascalVocWriter(folder)
    writer.add(written_image(image, classes))
    writer.finish()
    for name, expected in (("Class", CLASS_MASK), ("Object", OBJECT_MASK)):
        with Image.open(tmp_path / f"out/Segmentation{name}/7.png") as written:
            assert written.mode == "P"
            assert (np.asarray(written) == expected).all()
            palette = written.getpalette()
            assert palette[3:6] == [128, 0, 0]
            assert palette[-3:] == [224, 224, 192]
    text = (tmp_path / "out/Annotations/7.xml").read_text()
    box = "<xmin>6</xmin><ymin>4</ymin><xmax>8</xmax><ymax>6</ymax>"
    assert box in "".join(text.split())
    assert (tmp_path / "out/ImageSets/Segmentation/train.txt").read_text() == "7\n"
    lines = (tmp_path / "out/labelmap.txt").read_text().splitlines()
    assert lines[1:] == ["background:0,0,0::", "aeroplane:128,0,0::", "person:192,128,128::"]
    (again,) = mf.read(tmp_path / "out")
    same(regions(again), aeroplane=PLANE, person=PERSON, __ignore__=VOID)
    assert again.image.file == tmp_path / "out/JPEGImages/7.jpg"


def test_large_ids_are_counted_anew(tmp_path):
    classes = mf.ClassMap(
        (
            mf.MaskClass(300, "plane", RED, ("aeroplane",)),
            mf.MaskClass(9, "someone", BLUE, ("person",)),
        )
    )
    save(tmp_path / "in/JPEGImages/7.jpg", np.zeros((6, 8, 3), np.uint8))
    (image,) = mf.read(layout(tmp_path / "in", objects_too=False))
    writer = PascalVocWriter(WriteFolder(tmp_path / "out", classes))
    writer.add(written_image(image, classes))
    written = np.asarray(Image.open(tmp_path / "out/SegmentationClass/7.png"))
    assert (written[PERSON] == 1).all()  # in the order of the ids
    assert (written[PLANE] == 2).all()
    assert (written[VOID] == 255).all()
