"""Masks that are too large for an array: drawn in bands, and written as tiled TIFF."""

import numpy as np
import pytest
import tifffile
from builders import convert, labelme, shape, square
from hypothesis import given, settings
from hypothesis import strategies as st
from random_examples import examples

import maskforge as mf
from maskforge.dataset import overlay_page
from maskforge.images import decoder, tiled_tiff
from maskforge.images.tiled_tiff import write_tiled
from maskforge.masks import overlay
from maskforge.masks.classfile import parse_assignments
from maskforge.raster import segments
from maskforge.raster.segments import BandedMask
from maskforge.shapes import Size

RING = [[30, 3], [90, 3], [90, 60], [30, 60], [30, 3], [40, 13], [80, 13], [80, 50], [40, 13]]


@pytest.fixture
def small_tiles(monkeypatch):
    monkeypatch.setattr(tiled_tiff, "TILE", 16)
    monkeypatch.setattr(tiled_tiff, "_SMALLEST_LEVEL", 24)
    monkeypatch.setattr(segments, "_RUNS_AT_A_TIME", 40)


def annotated(path, **keys):
    """Shapes that overlap, have holes, hang over the edges, and cover single pixels."""
    return labelme(
        path,
        shape("a", [[-9.5, 2], [55.2, -3], [80, 70.1], [7, 90]], group_id=1),
        shape("b", RING, group_id=4),
        square("b", 40, 20, 50, 30),
        square("a", 60, 16, 120, 33, group_id=1),
        square("v", 0, 64, 12, 75),
        square("c", 100, 74, 101, 75),
        **{"width": 101, "height": 75, **keys},
    )


def converted(tmp_path, tiled_above, *assigned, **options):
    out = tmp_path / f"masks-{tiled_above}"
    classes = parse_assignments(assigned or ("a=1", "b=2", "v=void", "c=7"))
    report = mf.convert(tmp_path / "in", out, classes=classes, tiled_above=tiled_above, **options)
    (item,) = mf.open_dataset(out)
    return item, report


@pytest.mark.parametrize(
    "options",
    [
        {"overlap": "order"},
        {"overlap": "area", "inner_rings": "hole"},
        {"overlap": "priority", "rasterizer": "pillow"},
        {"file_type": "npy", "pyramid": True},
    ],
    ids=str,
)
def test_tiled_masks_hold_the_pixels_of_others(tmp_path, small_tiles, options):
    annotated(tmp_path / "in" / "x.json")
    plain, _ = converted(tmp_path, None, instances=True, **options)
    tiled, report = converted(tmp_path, 0, instances=True, **options)
    assert plain.mask_path.suffix in (".png", ".npy")
    assert tiled.mask_path.name == "x.tiff"
    assert set(np.unique(tiled.read_mask())) == {0, 1, 2, 7, 255}
    assert np.array_equal(plain.read_mask(), tiled.read_mask())
    assert np.array_equal(plain.read_instances(), tiled.read_instances())
    assert plain.entry.pixels == tiled.entry.pixels
    assert plain.entry.instance_classes == tiled.entry.instance_classes
    assert report.reasons["tiled-mask"] == 1
    with tifffile.TiffFile(tiled.mask_path) as file:
        assert file.pages[0].tile == (16, 16)
        assert len(file.pages) == 1


def test_a_tiled_binary_mask(tmp_path, small_tiles):
    annotated(tmp_path / "in" / "x.json")
    assigned = ("b=3", "a=0", "v=ignore", "c=ignore")
    (plain, _), (tiled, _) = (
        converted(tmp_path, most, *assigned, encoding="binary") for most in (None, 0)
    )
    assert set(np.unique(tiled.read_mask())) == {0, 255}
    assert np.array_equal(plain.read_mask(), tiled.read_mask())


def test_masks_become_tiled_above_a_number_of_pixels(tmp_path):
    annotated(tmp_path / "in" / "x.json")
    above, report = converted(tmp_path, 101 * 75 - 1)
    assert above.mask_path.suffix == ".tiff"
    assert ("tiled-mask", "note") in [(one.code, one.level) for one in above.entry.issues]
    equal, report = converted(tmp_path, 101 * 75)
    assert equal.mask_path.suffix == ".png"
    assert "tiled-mask" not in report.reasons


def test_masks_with_channels_are_not_tiled(tmp_path):
    annotated(tmp_path / "in" / "x.json")
    item, _ = converted(tmp_path, 0, "*=1", encoding="onehot", file_type="npy")
    assert item.read_mask().shape == (75, 101, 2)


def test_several_processes_write_the_same_tiles(tmp_path):
    for name in ("x", "y", "z"):
        annotated(tmp_path / "in" / f"{name}.json")
    for workers in (1, 2):
        options = {"tiled_above": 0, "instances": True, "pyramid": True}
        mf.convert(tmp_path / "in", tmp_path / str(workers), workers=workers, **options)
    one, two = (
        {path.name: path.read_bytes() for path in (tmp_path / name / "masks").iterdir()}
        for name in ("1", "2")
    )
    assert one == two
    assert sorted(one) == ["x.tiff", "y.tiff", "z.tiff"]


def test_a_pyramid_has_every_second_row_and_column(tmp_path, small_tiles, monkeypatch):
    monkeypatch.setattr(tiled_tiff, "_SMALLEST_LEVEL", 1)  # where bands are less than a row
    annotated(tmp_path / "in" / "x.json")
    item, _ = converted(tmp_path, 0, pyramid=True)
    mask = item.read_mask()
    with tifffile.TiffFile(item.mask_path) as file:
        levels = [level.asarray() for level in file.series[0].levels]
    sizes = [(75, 101), (38, 51), (19, 26), (10, 13), (5, 7), (3, 4), (2, 2), (1, 1)]
    assert [level.shape for level in levels] == sizes
    for number, level in enumerate(levels):
        assert np.array_equal(level, mask[:: 2**number, :: 2**number])


def test_what_is_beyond_the_edges_is_zero(tmp_path, small_tiles):
    path = tmp_path / "mask.tiff"
    ones = BandedMask(Size(40, 21), np.array([9], np.uint8), np.array([40 * 21]))
    with path.open("w+b") as stream:
        write_tiled(stream, ones)
    with tifffile.TiffFile(path) as file:
        page = file.pages[0]
        *_, last = (tile for tile, _, _ in page.segments())
    assert last.shape == (1, 16, 16, 1)
    assert last[0, :5, :8].min() == 9
    assert (last == 9).sum() == 5 * 8
    assert (last == 0).sum() == 256 - 5 * 8


@pytest.mark.parametrize(("most", "is_big"), [(6143, True), (6144, False)])
def test_files_that_could_exceed_four_gigabytes_are_big(tmp_path, monkeypatch, most, is_big):
    monkeypatch.setattr(tiled_tiff, "_CLASSIC_BYTES", most)
    mask = BandedMask(Size(64, 48), np.array([1], np.uint16), np.array([64 * 48]))
    with (tmp_path / "mask.tiff").open("w+b") as stream:
        write_tiled(stream, mask)
    with tifffile.TiffFile(tmp_path / "mask.tiff") as file:
        assert file.is_bigtiff == is_big
    assert mf.read_mask(tmp_path / "mask.tiff").min() == 1


def test_the_command_line_writes_tiles(tmp_path):
    annotated(tmp_path / "in" / "x.json")
    out = tmp_path / "out"
    report = convert(tmp_path / "in", "--out", out, "--tiled-above", 1000, "--pyramid")
    assert report["reasons"]["tiled-mask"] == 1
    assert [path.name for path in (out / "masks").iterdir()] == ["x.tiff"]


def test_an_image_of_1600_million_pixels_is_drawn(tmp_path):
    """Its mask would be 1.6 GB, and is never there."""
    path = annotated(tmp_path / "x.json", width=40_000, height=40_000)
    (image,) = mf.read(path)
    classes = parse_assignments(["a=1", "b=2", "v=void", "c=7"])
    drawing = mf.draw(image, classes, tiled_above=2**30)
    assert drawing.pixels[0] == 1_600_000_000 - sum(drawing.pixels[one] for one in (1, 2, 7, 255))
    band = next(drawing.mask.bands(75))
    annotated(tmp_path / "x.json")
    (small,) = mf.read(path)
    assert np.array_equal(band[:, :101], mf.draw(small, classes).mask)


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        ({}, "maskforge convert"),
        ({"tiled_above": 0, "encoding": "onehot"}, "--encoding integer"),
        ({"tiled_above": 0, "rasterizer": "pillow"}, "--rasterizer exact"),
    ],
    ids=str,
)
def test_what_cannot_be_tiled_is_refused(tmp_path, options, hint):
    (image,) = mf.read(annotated(tmp_path / "x.json", width=40_000, height=40_000))
    with pytest.raises(mf.errors.ImageError, match="40000 x 40000 px are more") as error:
        mf.draw(image, parse_assignments(["*=1"]), **options)
    assert hint in error.value.hint


@st.composite
def runs(draw):
    """A mask in segments, and the same as an array."""
    size = Size(draw(st.integers(1, 70)), draw(st.integers(1, 70)))
    pixels = size.width * size.height
    cuts = draw(st.sets(st.integers(1, max(1, pixels - 1)), max_size=20)) - {pixels}
    lengths = np.diff([0, *sorted(cuts), pixels])
    dtype = draw(st.sampled_from([np.uint8, np.uint16, np.uint32]))
    random = np.random.default_rng(draw(st.integers(0, 9)))
    values = random.integers(min(np.iinfo(dtype).max, 2**31 - 1), size=len(lengths), dtype=dtype)
    return BandedMask(size, values, lengths), np.repeat(values, lengths).reshape(size[::-1])


def test_whatever_is_written_is_read_again(tmp_path, small_tiles):
    path = tmp_path / "mask.tiff"

    @settings(max_examples=examples(60))
    @given(runs(), st.integers(1, 80), st.booleans(), st.data())
    def check(mask, rows, pyramid, data):
        banded, expected = mask
        bands = list(banded.bands(rows))
        assert all(len(one) == rows for one in bands[:-1])
        assert np.array_equal(np.concatenate(bands), expected)
        with path.open("w+b") as stream:
            write_tiled(stream, banded, {1: (9, 8, 7)}, pyramid=pyramid)
        assert np.array_equal(mf.read_mask(path), expected)
        left, top = (data.draw(st.integers(0, side - 1)) for side in banded.size)
        width = data.draw(st.integers(1, banded.size.width - left))
        height = data.draw(st.integers(1, banded.size.height - top))
        step = data.draw(st.integers(1, 40))
        part = mf.read_mask(path, (left, top, width, height), step=step)
        assert part.dtype == expected.dtype
        assert np.array_equal(
            part, expected[top : top + height, left : left + width][::step, ::step]
        )

    check()


@pytest.mark.parametrize("name", ["mask.png", "mask.npy", "mask.tif"])
def test_parts_of_any_mask(tmp_path, name):
    mask = np.arange(48, dtype=np.uint8).reshape(6, 8)
    mf.write_mask(tmp_path / name, mask)
    assert np.array_equal(mf.read_mask(tmp_path / name, (1, 2, 5, 3)), mask[2:5, 1:6])
    assert np.array_equal(mf.read_mask(tmp_path / name, step=3), mask[::3, ::3])


@pytest.mark.parametrize("window", [(0, 0, 9, 1), (-1, 0, 2, 2), (0, 0, 0, 1), (0, 5, 1, 2)])
def test_parts_outside_a_mask_are_refused(tmp_path, window):
    mf.write_mask(tmp_path / "mask.tif", np.zeros((6, 8), np.uint8))
    with pytest.raises(mf.errors.DatasetError, match="is not inside its 8 x 6 px"):
        mf.read_mask(tmp_path / "mask.tif", window)


@pytest.mark.parametrize("window", [3, (1, 2, 3), "abcd", (0, 0, 1.5, 1)])
def test_what_is_no_part_is_refused(tmp_path, window):
    mf.write_mask(tmp_path / "mask.tif", np.zeros((6, 8), np.uint8))
    with pytest.raises(mf.errors.OptionError, match="left, top, width, height"):
        mf.read_mask(tmp_path / "mask.tif", window)


def test_a_mask_too_large_for_an_array_is_shown_and_read_in_parts(tmp_path, monkeypatch):
    annotated(tmp_path / "in" / "x.json")
    item, _ = converted(tmp_path, 0)
    whole = mf.preview(item.folder, tmp_path / "whole")
    monkeypatch.setattr(decoder, "MOST_PIXELS", 1000)
    monkeypatch.setattr(overlay_page, "MOST_PIXELS", 1000)
    monkeypatch.setattr(overlay, "_LONGEST_SIDE", 30)
    with pytest.raises(mf.errors.DatasetError, match="101 x 75 px are more than 1,000; read it in"):
        item.read_mask()
    steps = []
    read = mf.DatasetItem.read_mask
    monkeypatch.setattr(
        mf.DatasetItem,
        "read_mask",
        lambda self, **keys: steps.append(keys["step"]) or read(self, **keys),
    )
    report = mf.preview(item.folder, tmp_path / "parts")
    assert not report.problems
    assert steps == [4]
    assert len(whole.overlays) == len(report.overlays) == 1
