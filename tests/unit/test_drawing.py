"""From shapes to masks: values, overlaps, holes, instances, policies, accounting."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from maskforge.errors import ImageError, LabelError
from maskforge.geometry import checked_points, ellipse, rectangle
from maskforge.images.annotated_image import AnnotatedImage
from maskforge.issues import Code, Issue, Level, Origin
from maskforge.masks.classes import ClassMap, MaskClass, infer
from maskforge.masks.drawing import Drawing, DrawOptions, draw
from maskforge.shapes import (
    Area,
    Bitmap,
    Geometry,
    ImageReference,
    ImageState,
    PointSet,
    Polygon,
    Polyline,
    Shape,
    Size,
)

HERE = Origin(Path("test.json"))


def box(left: float, top: float, right: float, bottom: float) -> Area:
    return Area((rectangle(left, top, right, bottom, HERE),))


def shape(labels: str, geometry: Geometry, **options: object) -> Shape:
    names = tuple(labels.split("+")) if labels else ()
    return Shape(names, geometry, "polygon", HERE, **options)


def image(*shapes: Shape, size: Size | None = Size(6, 4)) -> AnnotatedImage:
    reference = ImageReference("a.png", None, size)
    return AnnotatedImage(reference, shapes, ImageState.ANNOTATED, "labelme", HERE)


def drawn(*shapes: Shape, classes: ClassMap | None = None, **options: object) -> Drawing:
    labels = [label for one in shapes for label in one.labels]
    return draw(image(*shapes), classes or infer(labels), DrawOptions(**options))


def rows(mask: np.ndarray) -> list[str]:
    return ["".join("·" if value == 0 else str(value) for value in row) for row in mask.tolist()]


def codes(drawing: Drawing) -> list[tuple[Code, Level]]:
    return [(issue.code, issue.level) for issue in drawing.issues]


LARGE = shape("a", box(0, 0, 4, 4))
SMALL = shape("b", box(2, 1, 6, 3))


def test_later_shapes_lie_on_top() -> None:
    drawing = drawn(LARGE, SMALL)
    assert rows(drawing.mask) == ["1111··", "112222", "112222", "1111··"]
    assert drawing.pixels == {0: 4, 1: 12, 2: 8}
    assert drawing.overlapped == 4
    assert drawing.class_shapes == {1: 1, 2: 1}
    assert (drawing.drawn, drawing.converted, drawing.issues) == (2, 0, ())


def test_the_smaller_shape_lies_on_top_if_wanted() -> None:
    assert rows(drawn(SMALL, LARGE).mask)[1] == "111122"
    assert rows(drawn(SMALL, LARGE, overlap="area").mask)[1] == "112222"


def test_the_later_class_lies_on_top_if_wanted() -> None:
    def classes(*names: str) -> ClassMap:
        ids = {"a": 1, "b": 2}
        return ClassMap(tuple(MaskClass(ids[name], name, (9, 9, 9), (name,)) for name in names))

    b_on_top = drawn(SMALL, LARGE, overlap="priority", classes=classes("a", "b"))
    a_on_top = drawn(LARGE, SMALL, overlap="priority", classes=classes("b", "a"))
    assert rows(b_on_top.mask)[1] == "112222"
    assert rows(a_on_top.mask)[1] == "111122"
    void = shape("__ignore__", box(0, 0, 6, 1))
    assert (drawn(void, LARGE, overlap="priority").mask[0] == 255).all()


def test_overlaps_of_different_classes_can_be_refused() -> None:
    with pytest.raises(ImageError, match="overlap in 4 pixels") as caught:
        drawn(LARGE, SMALL, overlap="error")
    assert caught.value.code is Code.OVERLAP


def test_shapes_of_one_class_do_not_count_as_overlapping() -> None:
    drawing = drawn(LARGE, shape("a", box(2, 1, 6, 3)), overlap="error")
    assert drawing.overlapped == 0
    assert drawing.pixels == {0: 4, 1: 20}


def test_holes_are_cut_out() -> None:
    hole = rectangle(1, 1, 3, 3, HERE).exterior
    area = Area((Polygon(rectangle(0, 0, 4, 4, HERE).exterior, (hole,)),))
    assert rows(drawn(shape("a", area)).mask) == ["1111··", "1··1··", "1··1··", "1111··"]


def test_parts_are_united_also_where_they_overlap() -> None:
    area = Area((*box(0, 0, 2, 2).parts, *box(1, 1, 4, 3).parts))
    drawing = drawn(shape("a", area))
    assert rows(drawing.mask) == ["11····", "1111··", "·111··", "······"]
    assert drawing.pixels[1] == 9
    assert drawing.drawn == 1


def test_bitmaps_may_hang_over_the_edge() -> None:
    pixels = np.array([[1, 1, 1], [0, 0, 1], [1, 0, 1]], dtype=bool)
    assert rows(drawn(shape("a", Bitmap(-1, 4, pixels))).mask) == [
        "······",
        "····1·",
        "······",
        "······",
    ]


def test_labels_can_be_background_void_or_ignored() -> None:
    drawing = drawn(
        LARGE,
        shape("_background_", box(1, 1, 3, 3)),
        shape("__ignore__", box(4, 0, 6, 1)),
        shape("x", box(0, 0, 6, 4)),
        classes=ClassMap((MaskClass(1, "a", (1, 2, 3), ("a",)),), ignored=("x",)),
    )
    assert drawing.mask.tolist() == [
        [1, 1, 1, 1, 255, 255],
        [1, 0, 0, 1, 0, 0],
        [1, 0, 0, 1, 0, 0],
        [1, 1, 1, 1, 0, 0],
    ]
    assert drawing.pixels == {0: 10, 1: 12, 255: 2}
    assert codes(drawing) == [(Code.IGNORED_LABEL, Level.IGNORED)]
    assert drawing.drawn == 3


def test_unknown_labels_are_an_error() -> None:
    with pytest.raises(LabelError, match="'b'"):
        drawn(LARGE, SMALL, classes=infer(["a"]))


@pytest.mark.parametrize(
    ("policy", "expected"), [("first", "1111··"), ("last", "2222··"), ("all", "2222··")]
)
def test_one_of_several_labels_is_chosen_and_said(policy: str, expected: str) -> None:
    drawing = drawn(shape("a+b", box(0, 0, 4, 4)), multi_tag=policy)
    assert rows(drawing.mask)[0] == expected
    assert codes(drawing) == [(Code.SEVERAL_LABELS, Level.NOTE)]
    assert drawing.drawn == 1


def test_several_labels_can_be_refused() -> None:
    drawing = drawn(shape("a+b", box(0, 0, 4, 4)), multi_tag="error")
    assert not drawing.mask.any()
    assert codes(drawing) == [(Code.SEVERAL_LABELS, Level.REFUSED)]
    assert drawing.drawn == 0


def test_labels_that_become_one_class_are_no_contradiction() -> None:
    grouped = ClassMap((MaskClass(1, "lesion", (1, 2, 3), ("a", "b")),), ignored=("looks odd",))
    drawing = drawn(shape("a+b+looks odd", box(0, 0, 4, 4)), classes=grouped, multi_tag="error")
    assert rows(drawing.mask)[0] == "1111··"
    assert drawing.issues == ()


@pytest.mark.parametrize(
    ("policy", "level", "pixels"),
    [
        (None, Level.SKIPPED, 0),
        ("skip", Level.SKIPPED, 0),
        ("error", Level.REFUSED, 0),
        ("a", Level.NOTE, 16),
    ],
)
def test_shapes_without_label(policy: str | None, level: Level, pixels: int) -> None:
    drawing = drawn(shape("", box(0, 0, 4, 4)), classes=infer(["a"]), unlabeled=policy)
    assert codes(drawing) == [(Code.NO_LABEL, level)]
    assert (drawing.mask == 1).sum() == pixels
    assert drawing.drawn == (level is Level.NOTE)


def test_an_unresolved_class_is_refused_unless_a_policy_says_otherwise() -> None:
    unresolved = Issue(Code.UNRESOLVED_CLASS, "class id 7 is unknown", HERE)
    lost = shape("", box(0, 0, 4, 4), label_issue=unresolved)
    assert drawn(lost, classes=infer(["a"])).issues == (unresolved,)
    skipped = drawn(lost, classes=infer(["a"]), unlabeled="skip")
    assert codes(skipped) == [(Code.UNRESOLVED_CLASS, Level.SKIPPED)]


def test_lines_and_points_are_skipped_until_they_get_a_width() -> None:
    line = shape("a", Polyline(checked_points([[0, 2], [6, 2]], HERE)))
    point = shape("a", PointSet(checked_points([[1, 1]], HERE)))
    left_out = drawn(line, point)
    assert codes(left_out) == [(Code.NO_AREA, Level.SKIPPED)] * 2
    assert not left_out.mask.any()
    thick = drawn(line, point, line_width=2.0, point_radius=1.0)
    # The line covers the rows 1 and 2; the disc also reaches the centers (0.5, 0.5), (1.5, 0.5).
    assert rows(thick.mask) == ["11····", "111111", "111111", "······"]
    assert (thick.drawn, thick.converted, thick.issues) == (0, 2, ())


def test_converted_shapes_are_counted_apart() -> None:
    disc = Area((ellipse(3, 2, 1.5, 1.5, 0.0, HERE),))
    drawing = drawn(shape("a", disc, converted="circle"), LARGE)
    assert (drawing.drawn, drawing.converted) == (1, 1)


def test_shapes_that_no_pixel_shows_are_named() -> None:
    drawing = drawn(
        shape("a", box(1.6, 1.6, 2.4, 2.4)),
        shape("a", box(6, 0, 9, 4)),
        shape("a", box(-3, -3, 0, 0)),
        shape("a", Bitmap(4, 0, np.ones((2, 2), dtype=bool))),
    )
    assert [code for code, _ in codes(drawing)] == [
        Code.NO_PIXELS,
        Code.OUTSIDE_IMAGE,
        Code.OUTSIDE_IMAGE,
        Code.OUTSIDE_IMAGE,
    ]
    assert drawing.drawn == 4


def test_self_intersections_are_filled_even_odd_and_reported() -> None:
    bow_tie = checked_points([[0, 0], [4, 4], [4, 0], [0, 4]], HERE)
    drawing = drawn(shape("a", Area((Polygon(bow_tie),))))
    assert codes(drawing) == [(Code.SELF_INTERSECTION, Level.NOTE)]
    # The crossings of row 0 are at 0, 0.5, 3.5 and 4, those of row 1 at 0, 1.5, 2.5 and 4; the
    # centers 0.5, 1.5, 2.5 and 3.5 lie on edges and belong to what is right of them.
    assert rows(drawing.mask) == ["···1··", "1·11··", "1·11··", "···1··"]


def test_one_hot_and_integer_masks_say_the_same() -> None:
    integer, channels = drawn(LARGE, SMALL), drawn(LARGE, SMALL, encoding="onehot")
    assert channels.mask.shape == (4, 6, 3)
    assert (channels.mask.argmax(axis=-1) == integer.mask).all()
    assert (channels.mask.sum(axis=-1) == 1).all()
    assert channels.pixels == integer.pixels


def test_multi_hot_masks_keep_what_lies_below() -> None:
    drawing = drawn(LARGE, SMALL, encoding="multihot")
    assert drawing.mask.shape == (4, 6, 2)
    assert rows(drawing.mask[..., 0]) == ["1111··"] * 4
    assert rows(drawing.mask[..., 1]) == ["······", "··1111", "··1111", "······"]
    assert drawing.pixels == {0: 4, 1: 16, 2: 8}
    assert drawing.overlapped == 4


def test_all_labels_of_a_shape_count_in_a_multi_hot_mask() -> None:
    drawing = drawn(shape("a+b", box(0, 0, 2, 1)), encoding="multihot", multi_tag="all")
    assert drawing.mask[0].tolist() == [[1, 1], [1, 1], *[[0, 0]] * 4]


def test_void_and_background_in_a_multi_hot_mask() -> None:
    drawing = drawn(
        shape("a", box(0, 0, 6, 4)),
        shape("_background_", box(0, 0, 2, 4)),
        shape("b", box(1, 0, 3, 4)),
        shape("__ignore__", box(5, 0, 6, 4)),
        encoding="multihot",
    )
    assert drawing.mask[0].tolist() == [[0, 0], [0, 1], [1, 1], [1, 0], [1, 0], [255, 255]]
    assert drawing.pixels == {0: 4, 1: 12, 2: 8, 255: 4}


def test_instances_are_numbered_in_the_order_of_the_file() -> None:
    drawing = drawn(
        shape("a", box(0, 0, 1, 1), instance="7"),
        shape("b", box(1, 0, 2, 1)),
        shape("a", box(2, 0, 3, 1), instance="7"),
        shape("b", box(3, 0, 4, 1), instance="7"),
        shape("a", box(4, 0, 5, 1)),
        shape("__ignore__", box(5, 0, 6, 1)),
        instances=True,
    )
    assert drawing.instances is not None
    assert drawing.instances.dtype == np.uint16
    assert drawing.instances[0].tolist() == [1, 2, 1, 3, 4, 0]
    assert drawing.instance_classes == (1, 2, 2, 1)


def test_instances_are_covered_like_the_classes() -> None:
    drawing = drawn(SMALL, LARGE, instances=True, overlap="area")
    assert drawing.instances is not None
    assert rows(drawing.instances)[1] == "221111"


def test_an_image_without_shapes_is_background() -> None:
    drawing = drawn()
    assert drawing.mask.shape == (4, 6)
    assert drawing.mask.dtype == np.uint8
    assert drawing.pixels == {0: 24}


def test_an_image_without_size_cannot_be_drawn() -> None:
    with pytest.raises(ImageError) as caught:
        draw(image(LARGE, size=None), infer(["a"]))
    assert caught.value.code is Code.SIZE_UNKNOWN


@pytest.mark.parametrize("label", ["_background_", "__ignore__"])
def test_holes_and_void_are_no_contradiction(label: str) -> None:
    drawing = drawn(LARGE, shape(label, box(1, 1, 3, 3)), overlap="error")
    assert drawing.overlapped == 0
    assert drawing.mask[1, 1] in (0, 255)
    below = drawn(LARGE, SMALL, shape(label, box(3, 1, 4, 2)))
    assert below.overlapped == 4
