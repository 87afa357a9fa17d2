"""What one image may cost: the rest is refused by name, and other images are converted."""

from itertools import pairwise

import numpy as np
import pytest
from builders import convert, instance, labelme, shape, square, superannotate
from labelme_files import encoded
from PIL import Image

import maskforge as mf
from maskforge.errors import LimitError, OptionError
from maskforge.formats import labelme as module
from maskforge.formats import plainform
from maskforge.geometry import least_crossings, thick_line
from maskforge.limits.allowance import FACTOR, Allowance, Limit
from maskforge.raster import exact
from maskforge.raster.scan import scan
from maskforge.shapes import Area, Polygon, Polyline, Size

SIDE = 100
GOOD = square("a", 1, 1, 3, 3)


def both(tmp_path, *shapes):
    labelme(tmp_path / "in" / "bad.json", *shapes, width=SIDE, height=SIDE)
    labelme(tmp_path / "in" / "good.json", GOOD)
    return tmp_path / "in"


def lowered(monkeypatch, limit, factor):
    """Lower one limit, as the environment variable does with all of them."""
    monkeypatch.setattr(limit, "most", int(limit.most * factor))


CIRCLE = shape("a", [[50, 50], [50, 90]], "circle")
LINE = shape("a", [[5, 5], [95, 95]], "linestrip")
POINTS = [shape("a", [[x, 50]], "point") for x in (20, 40, 60)]
MASK = shape("a", [[0, 0], [39, 29]], "mask", mask=encoded(np.ones((30, 40), np.uint8)))
STRIPES = shape(
    "a", [[0, 0], [39, 29]], "mask", mask=encoded(np.indices((30, 40)).sum(axis=0) % 2 == 0)
)


@pytest.mark.parametrize(
    ("limit", "factor", "shapes", "options", "count"),
    [
        (Limit.CROSSINGS, 2**-18, [square("a", 0, 0, 90, 90)], (), "180"),
        (Limit.CROSSINGS, 2**-18, [square("a", 0, 0, 90, 9)] * 8, (), "144"),
        (Limit.CROSSINGS, 2**-15, [STRIPES], (), "1,200"),
        (Limit.VERTICES, 2**-15, [CIRCLE, CIRCLE], (), "890"),
        (Limit.VERTICES, 2**-15, POINTS, ("--point-radius", "30"), "770"),
        (Limit.VERTICES, 2**-18, [LINE], ("--line-width", "30"), "67"),
        (Limit.BITMAP_PIXELS, 2**-20, [MASK], (), "1,200"),
        (
            Limit.CANVAS_PIXELS,
            2**-17,
            [square("a", 0.6, 0, 0.8, 90)] * 20,
            ("--rasterizer", "skimage"),
            "138,000",
        ),
    ],
)
def test_an_image_beyond_a_limit_is_refused_alone(
    tmp_path, monkeypatch, limit, factor, shapes, options, count
):
    folder = both(tmp_path, *shapes)
    report = convert(folder, "--out", tmp_path / "free", *options)
    assert report["images"]["drawn"] == 2
    lowered(monkeypatch, limit, factor)
    report = convert(folder, "--out", tmp_path / "out", *options)
    assert report["images"] == report["images"] | {"found": 2, "drawn": 1, "refused": 1}
    assert report["records"]["found"] == len(shapes) + 1
    assert report["records"]["refused"] == len(shapes)
    (issue,) = [one for one in report["issues"] if one["code"] == "too-costly"]
    assert issue["file"].endswith("bad.json")
    assert issue["message"] == (
        f"needs {count} {limit.meaning} or more, beyond the limit of {limit.most:,}"
    )
    assert f"{FACTOR}=10" in issue["hint"]


@pytest.mark.parametrize(
    "name",
    [
        *("labelme", "isat", "coco", "cvat", "darwin", "label-studio", "supervisely"),
        *("superannotate", "via", "vott", "cityscapes"),
    ],
)
def test_outlines_that_nobody_could_draw_are_not_all_read(tmp_path, monkeypatch, name):
    labelme(tmp_path / "in" / "x.json", *[square("a", 0, 0, 90, 90)] * 5, width=SIDE, height=SIDE)
    Image.new("L", (SIDE, SIDE)).save(tmp_path / "in" / "x.png")
    mf.export(tmp_path / "in", tmp_path / "out", format=name)
    monkeypatch.setattr(plainform, "_COUNTED_TOGETHER", 2)
    lowered(monkeypatch, Limit.CROSSINGS, 2**-17)  # 256
    (image,) = mf.read(tmp_path / "out", images=tmp_path / "in")
    assert image.refusal.code is mf.Code.TOO_COSTLY
    assert "needs 360 crossings" in image.refusal.message
    assert not image.shapes
    assert image.record_count == 5


def test_least_crossings_are_not_more_than_there_are(monkeypatch):
    rng = np.random.default_rng(3)
    taken = []

    def take(self, count):
        if self._limit is Limit.CROSSINGS:
            taken.append(count)

    monkeypatch.setattr(Allowance, "take", take)
    for digits in range(40):
        rings = rng.uniform(-30, 60, (4, 5, 2)).round(digits % 4)
        least = least_crossings(areas_of(rings), Size(40, 20))
        scan(areas_of(rings), Size(40, 20))
        scan(areas_of(rings[..., ::-1]), Size(20, 40))
        assert 0 < least <= min(taken)
        taken.clear()
    assert least_crossings([], Size(4, 4)) == 0
    assert least_crossings(areas_of(rings + 100), Size(40, 20)) == 0


def areas_of(rings):
    parts = Polygon(rings[0], (rings[1],)), Polygon(rings[2])
    return [Area(parts), Area((Polygon(rings[3]),))]


def test_instances_of_pixels_are_counted_before_they_are_made(tmp_path, monkeypatch):
    pixels = np.zeros((20, 20, 4), dtype=np.uint8)
    pixels[..., 3] = 255
    pixels[0, 0] = pixels[-1, -1] = (0, 0, 15, 255)
    (tmp_path / "in").mkdir()
    Image.fromarray(pixels).save(tmp_path / "in" / "a.png___save.png")
    one = {"className": "x", "parts": [{"color": "#00000f"}], "attributes": []}
    superannotate(tmp_path / "in" / "a.png.json", *[one] * 3, width=20, height=20)
    superannotate(tmp_path / "in" / "b.png.json", instance("x", [(1, 1), (3, 1), (3, 3), (1, 3)]))
    assert convert(tmp_path / "in", "--out", tmp_path / "free")["images"]["drawn"] == 2
    lowered(monkeypatch, Limit.BITMAP_PIXELS, 2**-20)  # 1,024 pixels
    report = convert(tmp_path / "in", "--out", tmp_path / "out")
    assert report["images"] == report["images"] | {"drawn": 1, "refused": 1}
    assert report["records"] == report["records"] | {"found": 4, "drawn": 1, "refused": 3}
    (issue,) = [one for one in report["issues"] if one["code"] == "too-costly"]
    assert "needs 1,200 pixels of bitmaps" in issue["message"]


def test_ellipses_are_counted(tmp_path, monkeypatch):
    ellipse = {"type": "ellipse", "className": "x", "cx": 5, "cy": 5, "rx": 40, "ry": 1, "angle": 0}
    path = superannotate(tmp_path / "a.png.json", *[ellipse] * 2)
    (image,) = mf.read(path)
    assert len(image.shapes) == 2
    lowered(monkeypatch, Limit.VERTICES, 2**-15)  # 512 vertices, of which each takes 445
    (image,) = mf.read(path)
    assert not image.shapes
    assert image.record_count == 2
    assert image.refusal.code is mf.Code.TOO_COSTLY


@pytest.mark.parametrize("value", ["0", "-1", "nan", "inf", "much"])
def test_a_factor_that_is_not_a_positive_number_is_named(monkeypatch, value):
    monkeypatch.setenv(FACTOR, value)
    with pytest.raises(OptionError, match=f"{FACTOR} is '{value}', expected a positive number"):
        mf.rasterize([[(0, 0), (3, 0), (3, 3)]], (4, 4))


def test_a_factor_allows_more(monkeypatch):
    monkeypatch.setenv(FACTOR, "1e-6")
    with pytest.raises(LimitError, match="needs 60 crossings"):
        mf.rasterize([[(0, 0), (3, 0), (3, 30), (0, 30)]], (4, 30))
    monkeypatch.setenv(FACTOR, "2e-6")
    assert mf.rasterize([[(0, 0), (3, 0), (3, 30), (0, 30)]], (4, 30)).sum() == 90


def test_exact_decisions_are_counted(monkeypatch):
    """Edges that pass pixel centers at a distance that only exact arithmetic can tell."""
    nearly = np.nextafter(2.5, 3)
    rings = [[(2.5, 0), (nearly, 9), (0, 9)]]
    mask = mf.rasterize(rings, (5, 9))
    monkeypatch.setattr(exact, "_integers", None)
    monkeypatch.setenv(FACTOR, str(2**-18))  # 4 of them
    with pytest.raises(LimitError, match="needs 9 crossings too close"):
        mf.rasterize(rings, (5, 9))
    assert mask[:, 2].tolist() == [1] * 9


@pytest.mark.parametrize("shift", [0, 0.25, -1023 / 1024])
def test_whole_and_binary_fractions_far_away_need_no_long_integers(monkeypatch, shift):
    """An edge through the centers of pixels, from -2 billion to 2 billion, and one beside it."""
    monkeypatch.setattr(exact, "_integers", only_for_none)
    far = 2.0e9
    mask = mf.rasterize([[(shift - far, -far), (shift + far, far), (far * 1.01, -far)]], (60, 50))
    rows, columns = np.indices((50, 60))
    assert (mask == (columns >= rows + shift)).all()


def only_for_none(numbers):
    assert not len(numbers)
    return np.zeros((0, 6), dtype=object)


def test_time_does_not_depend_on_how_many_regions_lie_on_each_other():
    """Each pixel below all 6,000 of them, one by one, would take hours."""
    triangle = [(2, 2), (290, 10), (150, 299)]
    count = 6000
    mask = mf.rasterize([triangle] * count, (300, 300), values=[1] * (count - 1) + [2])
    assert np.unique(mask).tolist() == [0, 2]
    assert (mask == mf.rasterize([triangle], (300, 300), values=[2])).all()


def test_nested_regions_show_a_ring_each():
    count = 1000
    rings = [[(i, 0), (2 * count - i, 0), (2 * count - i, 99), (i, 99)] for i in range(count)]
    mask = mf.rasterize(rings, (2 * count, 99))
    row = np.minimum(np.arange(2 * count), np.arange(2 * count)[::-1]) + 1
    assert (mask == row).all()


def distances(points, size):
    """Distance of the centers of all pixels from a line, worked out segment by segment."""
    rows, columns = np.indices((size, size)) + 0.5
    found = np.full((size, size), np.inf)
    for (x0, y0), (x1, y1) in pairwise(points):
        length = max((x1 - x0) ** 2 + (y1 - y0) ** 2, 1e-9)
        along = np.clip(((columns - x0) * (x1 - x0) + (rows - y0) * (y1 - y0)) / length, 0, 1)
        found = np.minimum(
            found, np.hypot(columns - x0 - along * (x1 - x0), rows - y0 - along * (y1 - y0))
        )
    return found


@pytest.mark.parametrize(
    ("count", "side", "width"), [(5, 200, 3.0), (150, 200, 3.0), (1500, 40, 0.3)]
)
def test_tangled_lines_are_as_thick_as_others(count, side, width):
    """In one piece, the outline of the longest would have millions of corners."""
    points = np.random.default_rng(count).random((count, 2)) * side
    area = thick_line(Polyline(points), width, Allowance(Limit.VERTICES))
    assert (len(area.parts) == count - 1) == (count > 5)  # a part for every segment
    mask = mf.rasterize([area], (side, side)) == 1
    distance = distances(points, side)
    assert mask[distance < 0.498 * width].all()
    assert not mask[distance > 0.5 * width].any()
    assert 0.02 < mask.mean() < 0.999


def test_a_long_line_that_keeps_its_distance_stays_in_one_piece():
    x = np.linspace(0, 900, 3000)
    wave = np.column_stack((x, 50 + 40 * np.sin(x / 20)))
    (part,) = thick_line(Polyline(wave), 4.0, Allowance(Limit.VERTICES)).parts
    assert not part.holes


def test_memory_that_is_exhausted_while_reading_costs_one_file(tmp_path, monkeypatch):
    original = module.read_shape

    def exhausted(entry, origin, **rest):
        if origin.file.name == "bad.json":
            raise MemoryError
        return original(entry, origin, **rest)

    folder = both(tmp_path, GOOD)
    reads = mf.read(folder)
    monkeypatch.setattr(module, "read_shape", exhausted)
    names = [image.image.name for image in reads]
    assert names == ["good.png"]
    (issue,) = reads.issues
    assert (issue.code, issue.origin.file.name) == (mf.Code.UNREADABLE_FILE, "bad.json")
    assert "not enough memory" in issue.message


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("[" * 100_000, "unreadable-file"),
        ('{"shapes": ' + "[" * 100_000 + "]" * 100_000 + "}", "unreadable-file"),
        (GOOD | {"points": [[0, 0], [1e308, 1], [1, 1]]}, "invalid-coordinates"),
        (GOOD | {"points": [[0, 0], [10**400, 1], [1, 1]]}, "invalid-coordinates"),
        ({"imageWidth": 10**9, "imageHeight": 10**9}, "too-large"),
    ],
)
def test_absurd_numbers_and_nesting_are_refused(tmp_path, content, code):
    folder = tmp_path / "in"
    labelme(folder / "good.json", GOOD)
    if isinstance(content, str):
        (folder / "bad.json").write_text(content)
    elif "points" in content:
        labelme(folder / "bad.json", content)
    else:
        labelme(folder / "bad.json", **content)
    report = convert(folder, "--out", tmp_path / "out")
    assert report["reasons"][code] == 1
    assert report["images"]["drawn"] >= 1
