"""Closed lines and rings within rings: as they are drawn, or as the user says they are meant."""

from pathlib import Path

import numpy as np
import pytest

from maskforge.errors import ImageError
from maskforge.geometry import checked_points, rectangle
from maskforge.images.annotated_image import AnnotatedImage
from maskforge.issues import Code, Level, Origin
from maskforge.masks import nested
from maskforge.masks.classes import infer
from maskforge.masks.drawing import Drawing, draw
from maskforge.shapes import Area, ImageReference, ImageState, Polygon, Polyline, Shape, Size

HERE = Origin(Path("test.json"))


def image(*shapes: Shape) -> AnnotatedImage:
    reference = ImageReference("a.png", None, Size(20, 20))
    return AnnotatedImage(reference, shapes, ImageState.ANNOTATED, "labelme", HERE)


def drawn(*shapes: Shape, **options: object) -> Drawing:
    return draw(image(*shapes), infer([one.labels[0] for one in shapes]), **options)


def ring(low: float, high: float, label: str = "a", instance: str | None = None) -> Shape:
    geometry = Area((rectangle(low, low, high, high, HERE),))
    return Shape((label,), geometry, "polygon", HERE.at(f"[{low}]"), instance)


def areas(drawing: Drawing) -> dict[int, int]:
    return {value: count for value, count in drawing.pixels.items() if value}


def test_a_ring_inside_another_one_is_an_area_and_noted_once():
    drawing = drawn(ring(0, 20), ring(2, 12), ring(4, 6))
    assert areas(drawing) == {1: 400}
    (issue,) = drawing.issues
    assert (issue.code, issue.level, issue.origin) == (Code.RING_INSIDE, Level.NOTE, HERE)
    assert "$[2] lies inside another shape of its class, and so do 1 more" in issue.message
    assert "--inner-rings hole" in issue.hint


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (2, 0, 3, 1)])
def test_rings_are_areas_and_holes_by_turns(order):
    """What lies in a hole is an area again, whatever the order in the file."""
    rings = [ring(0, 20), ring(2, 18), ring(4, 16), ring(6, 14)]
    drawing = drawn(*(rings[index] for index in order), inner_rings="hole", instances=True)
    assert areas(drawing) == {1: 20**2 - 16**2 + 12**2 - 8**2}
    assert drawing.drawn + drawing.converted == 4
    assert drawing.issues == ()
    assert drawing.instances is not None
    sizes = np.bincount(drawing.instances.ravel())[1:]
    assert sorted(sizes) == [12**2 - 8**2, 20**2 - 16**2]


@pytest.mark.parametrize(
    "others",
    [
        pytest.param((ring(0, 12), ring(2, 8, "b")), id="another class"),
        pytest.param((ring(0, 12, "a", "1"), ring(2, 8, "a", "2")), id="another object"),
        pytest.param((ring(0, 12), ring(4, 12)), id="touches the edge"),
        pytest.param((ring(0, 12), ring(6, 14)), id="overlaps"),
        pytest.param((ring(0, 12), ring(0, 12)), id="the same twice"),
    ],
)
def test_other_shapes_are_no_holes(others):
    drawing = drawn(*others, inner_rings="hole")
    assert (drawing.mask == drawn(*others).mask).all()
    assert not [issue for issue in drawn(*others).issues if issue.code is Code.RING_INSIDE]


def test_a_ring_of_a_group_is_a_hole_of_the_ring_without_one():
    assert areas(drawn(ring(0, 12, "a", "1"), ring(2, 8), inner_rings="hole")) == {1: 144 - 36}


def test_what_lies_in_a_hole_of_the_file_is_not_inside():
    outer = rectangle(0, 0, 20, 20, HERE)
    hole = rectangle(2, 2, 18, 18, HERE).exterior
    whole = Shape(("a",), Area((Polygon(outer.exterior, (hole,)),)), "polygon", HERE)
    drawing = drawn(whole, ring(4, 8), inner_rings="hole")
    assert areas(drawing) == {1: 400 - 256 + 16}


def test_time_does_not_grow_with_the_square_of_the_number_of_classes():
    """With all regions gone through for each class, it would be hours."""
    count = 200_000
    outlines = dict.fromkeys(range(count), Polygon(np.zeros((3, 2))))
    outlines[count] = rectangle(0, 0, 9, 9, HERE)
    outlines[count + 1] = rectangle(2, 2, 3, 3, HERE)
    classes = [*range(count), 7, 7]
    assert set(nested._boxes_inside(outlines, classes)) == {(count + 1, count)}


def test_more_shapes_than_can_be_compared_are_not_guessed(monkeypatch):
    monkeypatch.setattr(nested, "_MOST_REGIONS", 2)
    rings = (ring(0, 20), ring(2, 12), ring(4, 6))
    assert drawn(*rings).issues == ()
    with pytest.raises(ImageError, match="too many shapes") as caught:
        drawn(*rings, inner_rings="hole")
    assert caught.value.code is Code.TOO_MANY_SHAPES


def line(*points: tuple[float, float]) -> Shape:
    return Shape(("a",), Polyline(checked_points(points, HERE)), "linestrip", HERE)


SQUARE = ((2, 2), (10, 2), (10, 10), (2, 10))


@pytest.mark.parametrize("end", [(2, 2), (2.5, 2.5), (3, 2)])
def test_a_closed_line_is_an_area_if_asked_for(end):
    drawing = drawn(line(*SQUARE, end), closed_lines="area")
    assert areas(drawing)[1] == pytest.approx(64, abs=4)
    assert (drawing.drawn, drawing.converted) == (0, 1)
    (issue,) = drawn(line(*SQUARE, end)).issues
    assert issue.code is Code.NO_AREA
    assert "--closed-lines area" in issue.hint
    assert areas(drawn(line(*SQUARE, end), line_width=3.0)) != areas(drawing)


@pytest.mark.parametrize("points", [(*SQUARE, (3, 3)), ((2, 2), (9, 9), (2, 2)), ((2, 2), (2, 2))])
def test_an_open_line_is_no_area(points):
    drawing = drawn(line(*points), closed_lines="area")
    assert areas(drawing) == {}
    (issue,) = drawing.issues
    assert "--closed-lines" not in issue.hint
