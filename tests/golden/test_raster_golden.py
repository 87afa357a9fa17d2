"""Masks worked out by hand, with pencil and squared paper."""

from __future__ import annotations

import numpy as np
import pytest

from maskforge.raster.runs import areas
from maskforge.raster.scan import scan
from maskforge.raster.segments import Segments
from maskforge.shapes import Area, Polygon, Size

SQUARE = [(2, 2), (6, 2), (6, 6), (2, 6)]
DIAMOND = [(4, 0), (8, 4), (4, 8), (0, 4)]


def moved(ring, dx, dy):
    return [(x + dx, y + dy) for x, y in ring]


MASKS = {
    "square on pixel corners": (
        [[SQUARE]],
        """
        ........
        ........
        ..####..
        ..####..
        ..####..
        ..####..
        ........
        ........
        """,
    ),
    # Centers lie on all four edges: those on the upper and left edge are in, the others out.
    "square on pixel centers": (
        [[moved(SQUARE, 0.5, 0.5)]],
        """
        ........
        ........
        ..####..
        ..####..
        ..####..
        ..####..
        ........
        ........
        """,
    ),
    "square a little beyond the centers": (
        [[[(2.4, 2.4), (6.6, 2.4), (6.6, 6.6), (2.4, 6.6)]]],
        """
        ........
        ........
        ..#####.
        ..#####.
        ..#####.
        ..#####.
        ..#####.
        ........
        """,
    ),
    # Row 0 has its centers on y = 0.5, where the diamond spans x from 3.5 to 4.5: the center at
    # 3.5 is on the left edge and in, the one at 4.5 on the right edge and out. So in every row.
    "diamond on pixel corners": (
        [[DIAMOND]],
        """
        ...#....
        ..###...
        .#####..
        #######.
        #######.
        .#####..
        ..###...
        ...#....
        """,
    ),
    # The top vertex is the center of pixel (0, 4): there the diamond has no width. One row on, at
    # y = 1.5, it spans 3.5 to 5.5. The bottom vertex, at y = 8.5, is out like every lower end.
    "diamond on pixel centers": (
        [[moved(DIAMOND, 0.5, 0.5)]],
        """
        .........
        ...##....
        ..####...
        .######..
        ########.
        .######..
        ..####...
        ...##....
        .........
        """,
    ),
    # The diagonal passes through the centers (c + 0.5, c + 0.5); they belong to what is right of
    # it, which is the upper triangle.
    "triangle below a diagonal": (
        [[[(0, 0), (4, 4), (0, 4)]]],
        """
        ....
        #...
        ##..
        ###.
        """,
    ),
    "triangle above the same diagonal": (
        [[[(0, 0), (4, 0), (4, 4)]]],
        """
        ####
        .###
        ..##
        ...#
        """,
    ),
    "donut": (
        [[[(1, 1), (7, 1), (7, 7), (1, 7)], [(3, 3), (5, 3), (5, 5), (3, 5)]]],
        """
        ........
        .######.
        .######.
        .##..##.
        .##..##.
        .######.
        .######.
        ........
        """,
    ),
    # A tie on the rim of a hole goes the other way round: its upper and left rim is hole.
    "donut with its hole on pixel centers": (
        [[[(1, 1), (7, 1), (7, 7), (1, 7)], [(2.5, 2.5), (4.5, 2.5), (4.5, 4.5), (2.5, 4.5)]]],
        """
        ........
        .######.
        .#..###.
        .#..###.
        .######.
        .######.
        .######.
        ........
        """,
    ),
    # Left edge from (0, 0) to (8, 8), right edge from (8, 0) to (0, 8); they meet at (4, 4). In row
    # r above it the span is r + 0.5 to 7.5 - r, so the center at r + 0.5 is in and that at
    # 7.5 - r is out; below it, too, the left end is in and the right one out.
    "bow tie": (
        [[[(0, 0), (8, 0), (0, 8), (8, 8)]]],
        """
        #######.
        .#####..
        ..###...
        ...#....
        ...#....
        ..###...
        .#####..
        #######.
        """,
    ),
    # What a ring runs around twice is outside by the even-odd rule.
    "ring that covers a square twice": (
        [[[(1, 1), (6, 1), (6, 6), (1, 6), (1, 1), (3, 1), (3, 3), (1, 3)]]],
        """
        .......
        ...###.
        ...###.
        .#####.
        .#####.
        .#####.
        .......
        """,
    ),
    "two parts that overlap": (
        [[[(0, 0), (4, 0), (4, 4), (0, 4)]], [[(2, 2), (6, 2), (6, 6), (2, 6)]]],
        """
        ####..
        ####..
        ######
        ######
        ..####
        ..####
        """,
    ),
    "part in the hole of another part": (
        [
            [[(0, 0), (6, 0), (6, 6), (0, 6)], [(1, 1), (5, 1), (5, 5), (1, 5)]],
            [[(2, 2), (4, 2), (4, 4), (2, 4)]],
        ],
        """
        ######
        #....#
        #.##.#
        #.##.#
        #....#
        ######
        """,
    ),
    # The lower edge is x = 2 y - 4, so the rows begin at x = -3, -1, 1 and 3. Vertices clamped to
    # the image would make x = y of it.
    "triangle with two vertices outside": (
        [[[(-4, 0), (4, -4), (4, 4)]]],
        """
        ####....
        ####....
        .###....
        ...#....
        """,
    ),
    "image inside the polygon": (
        [[[(-100, -100), (100, -100), (100, 100), (-100, 100)]]],
        """
        ###
        ###
        """,
    ),
    "sliver between centers": (
        [[[(0.6, 0), (1.4, 0), (1.4, 3), (0.6, 3)]]],
        """
        ...
        ...
        ...
        """,
    ),
    "sliver over centers": (
        [[[(1.4, 0), (1.6, 0), (1.6, 3), (1.4, 3)]]],
        """
        .#.
        .#.
        .#.
        """,
    ),
}


def parse(image):
    return np.array([[c == "#" for c in line.strip()] for line in image.split()])


@pytest.mark.parametrize(("parts", "image"), MASKS.values(), ids=MASKS)
def test_mask(parts, image):
    expected = parse(image)
    area = Area(
        tuple(
            Polygon(np.array(exterior, float), tuple(np.array(hole, float) for hole in holes))
            for exterior, *holes in parts
        )
    )
    height, width = expected.shape
    runs = scan([area], Size(width, height))
    segments = Segments(runs, Size(width, height))
    canvas = segments.fill(segments.paint(np.array([1]), np.array([0])))
    drawn = "\n".join("".join(".#"[pixel] for pixel in line) for line in canvas)
    assert drawn == "\n".join(image.split())
    assert areas(runs, 1)[0] == expected.sum()


def test_a_square_of_four_pixels_has_sixteen():
    square = Area((Polygon(np.array(SQUARE, float)),))
    assert areas(scan([square], Size(8, 8)), 1).tolist() == [16]
