"""Large masks are compared band by band, with the numbers of the whole."""

import json
import shutil

import msgspec
import numpy as np
import pytest
import tifffile
from builders import labelme, square
from hypothesis import given, settings
from hypothesis import strategies as st
from random_examples import examples
from scipy.ndimage import gaussian_filter

import maskforge as mf
from maskforge.evaluation import measured_image
from maskforge.evaluation.measures import band_outlines
from maskforge.evaluation.measures.band_measures import measure_bands
from maskforge.evaluation.measures.image_measures import measure
from maskforge.evaluation.measures.measure_options import MeasureOptions
from maskforge.evaluation.measures.regions import Planes, compose
from maskforge.evaluation.report import worst
from maskforge.examples import content, maskvalues
from maskforge.images import decoder

CLASSES = mf.ClassMap(
    tuple(mf.MaskClass(id_, f"class {id_}", (id_, 0, 0), (f"{id_}",)) for id_ in (1, 2, 300))
)
SIZE = (97, 70)
FEW_ROWS = 16


def blobs(random, shape, sigma, share):
    """Regions of all sizes; with a sigma of 0, single pixels."""
    values = gaussian_filter(random.random(shape), (0, sigma, sigma))
    return values > np.quantile(values, 1 - share)


@settings(max_examples=examples(50), deadline=None)
@given(
    st.integers(0, 2**32),
    st.tuples(st.integers(1, 3), st.integers(1, 24), st.integers(1, 24)),
    st.integers(1, 9),
    st.integers(9, 40),
    st.builds(
        MeasureOptions,
        connectivity=st.sampled_from([4, 8]),
        match_iou=st.sampled_from([0.0, 0.2, 0.5]),
        min_size=st.sampled_from([1, 3]),
        spacing=st.sampled_from([(1.0, 1.0), (0.37, 0.9), (2.1, 0.3)]),
        tolerance=st.sampled_from([0.0, 1.0, 2.0]),
    ),
)
def test_bands_of_any_height_give_the_numbers_of_the_whole(seed, shape, rows, in_tree, options):
    random = np.random.default_rng(seed)
    sides = []
    for _ in range(2):
        planes = blobs(random, shape, random.choice([0, 1, 2.5]), random.choice([0.05, 0.3, 0.7]))
        if seed % 2:  # classes that exclude each other
            planes[1:] &= ~np.cumsum(planes, axis=0)[:-1].astype(bool)
        sides.append(Planes(planes, random.random(shape[1:]) < random.choice([0, 0.1])))
    image = compose(*sides)
    whole = measure(image, None, options)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(band_outlines, "_AT_A_TIME", in_tree)
        parts = (image.rows(top, top + rows) for top in range(0, shape[1], rows))
        found = measure_bands(parts, options)
    assert (whole.matrix is None) == (found.matrix is None)
    assert whole.matrix is None or np.array_equal(whole.matrix, found.matrix)
    for name in ("cells", "totals", "lesions", "scores", "uncertainty"):
        one, other = (getattr(side.row, name) for side in (whole, found))
        assert np.array_equal(one, other, equal_nan=True), name
    for name, values in whole.row.outlines.items():
        assert np.array_equal(values, found.row.outlines[name], equal_nan=True), name


def mask(seed, ids=(1, 2, 300)):
    random = np.random.default_rng(seed)
    values = np.zeros(SIZE, np.uint16)
    for id_ in (*ids, 255):
        values[blobs(random, (1, *SIZE), 3, 0.12)[0]] = id_
    return values


def write(folder, values, **options):
    """Write a mask as a tiled TIFF with a class map beside it."""
    folder.mkdir(exist_ok=True)
    options = {"tile": (32, 48), "compression": "zlib", "photometric": "minisblack"} | options
    tifffile.imwrite(folder / "x.tiff", values, **options)


@pytest.fixture
def in_bands(monkeypatch):
    """Masks of any size are large, and no more than some rows of them may be decoded at once."""

    def begin():
        monkeypatch.setattr(maskvalues, "_SMALL", 0)
        monkeypatch.setattr(maskvalues, "_ROWS", FEW_ROWS)
        monkeypatch.setattr(measured_image, "_PIXELS_AT_A_TIME", 5 * SIZE[1])
        monkeypatch.setattr(decoder, "MOST_PIXELS", FEW_ROWS * SIZE[1])
        monkeypatch.setattr(worst, "_LONGEST_SIDE", 30)
        monkeypatch.setattr(content, "_MOST_BYTES", 0)

    return begin


def plain(report):
    found = msgspec.to_builtins(report)
    found["digests"] = {name: one for name, one in found["digests"].items() if "worst" not in name}
    return {key: found[key] for key in found.keys() - {"created", "seconds", "prediction", "truth"}}


@pytest.mark.parametrize("predicted_ids", [(1, 2, 300), (1,), ()])
@pytest.mark.parametrize(
    "measure", [{}, {"connectivity": 4, "match_iou": 0.3, "min_size": 9, "spacing": (0.5, 0.2)}]
)
def test_the_report_is_that_of_the_whole(tmp_path, in_bands, predicted_ids, measure):
    write(tmp_path / "truth", mask(0))
    write(tmp_path / "predicted", mask(1, predicted_ids))
    options = {"bootstrap": 10, "charts": False, "classes": CLASSES}
    options["measure"] = MeasureOptions(**measure)
    sides = tmp_path / "predicted", tmp_path / "truth"
    whole = mf.evaluate(*sides, tmp_path / "whole", **options)
    in_bands()
    report = mf.evaluate(
        *sides, tmp_path / "bands", html=tmp_path / "report.html", workers=2, **options
    )
    assert plain(report) == plain(whole)
    assert report.classes[0].surface
    assert len(list((tmp_path / "bands" / "worst").iterdir())) == 1
    assert (tmp_path / "report.html").stat().st_size > 10_000


@pytest.mark.parametrize("encoding", ["integer", "binary"])
def test_data_sets_with_images_are_compared(tmp_path, in_bands, encoding):
    """From the images on: they are looked at, and their masks with them."""
    values = np.random.default_rng(0).integers(0, 256, SIZE, dtype=np.uint8)
    (tmp_path / "in").mkdir()
    tifffile.imwrite(tmp_path / "in" / "x.tif", values, tile=(32, 32), compression="zlib")
    for name, corner in (("truth", 20), ("predicted", 27)):
        points = [[corner, 9], [corner + 30, 9], [corner + 30, 70], [corner, 80]]
        shape = {"label": "1", "points": points, "shape_type": "polygon"}
        size = {"imageHeight": SIZE[0], "imageWidth": SIZE[1], "imageData": None}
        document = {"version": "5.5.0", "flags": {}, "shapes": [shape], "imagePath": "x.tif"}
        (tmp_path / "in" / "x.json").write_text(json.dumps(document | size))
        mf.convert(tmp_path / "in", tmp_path / name, encoding=encoding, tiled_above=0)
    sides = tmp_path / "predicted", tmp_path / "truth"
    options = {"bootstrap": 0, "charts": False}
    whole = mf.evaluate(*sides, **options)
    in_bands()
    report = mf.evaluate(*sides, **options)
    assert plain(report) == plain(whole)
    assert 0.5 < report.classes[0].dice < 1
    assert report.data_digest
    shutil.rmtree(tmp_path / "in")
    assert mf.evaluate(*sides, **options).overall == report.overall


def test_sizes_that_differ_are_named(tmp_path, in_bands):
    write(tmp_path / "truth", mask(0))
    write(tmp_path / "predicted", mask(0)[:-1])
    in_bands()
    with pytest.raises(mf.errors.DatasetError, match=r"truth has 70 x 97 px, the pred.* 70 x 96"):
        mf.evaluate(tmp_path / "predicted", tmp_path / "truth", classes=CLASSES)


def test_masks_that_cannot_be_read_in_parts_are_compared_as_wholes(tmp_path, in_bands, monkeypatch):
    for folder in ("truth", "predicted"):
        mf.write_mask(tmp_path / folder / "x.png", mask(0))
    in_bands()
    monkeypatch.setattr(decoder, "MOST_PIXELS", 2**30)
    sides = tmp_path / "predicted", tmp_path / "truth"
    report = mf.evaluate(*sides, classes=CLASSES, bootstrap=0)
    assert report.overall.foreground["dice"] == 1


@pytest.mark.parametrize("head", ["sigmoid", "softmax"])
def test_a_part_of_a_target(tmp_path, head):
    write(tmp_path, mask(0))
    example = mf.Example(
        name="x", image=tmp_path / "x.tiff", mask=tmp_path / "x.tiff", size=mf.Size(*SIZE[::-1])
    )
    whole = example.read_target(CLASSES, head)
    part = example.read_target(CLASSES, head, (9, 20, 50, 30), step=3)
    assert np.array_equal(part, whole[20:50:3, 9:59:3])
    assert np.array_equal(example.read_target(CLASSES, head, step=7), whole[::7, ::7])
    write(tmp_path, mask(0)[1:])
    with pytest.raises(mf.errors.DatasetError, match="has 70 x 96 px, expected 70 x 97"):
        example.read_target(CLASSES, head, (0, 0, 5, 5))


@pytest.mark.parametrize("kind", ["zarr", "openslide"])
def test_the_truth_has_images_that_are_no_single_file(tmp_path, monkeypatch, kind):
    """They are not read as one, neither for their digest nor to be drawn."""
    package = pytest.importorskip(kind, reason=f"NO {kind.upper()}: it is not installed")
    values = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), dtype=np.uint8)
    image = tmp_path / ("x.zarr" if kind == "zarr" else "x.mrxs")
    if kind == "zarr":
        package.create_array(image, data=values)
    else:
        tifffile.imwrite(image, values, tile=(32, 32), photometric="rgb")
    labelme(tmp_path / "x.json", square("1", 9, 9, 40, 40), image=image.name, width=70, height=97)
    mf.convert(tmp_path, tmp_path / "truth")
    read = content.read_bytes

    def others_alone(path):
        assert not path.samefile(image)
        return read(path)

    monkeypatch.setattr(content, "read_bytes", others_alone)
    report = mf.evaluate(tmp_path / "truth", tmp_path / "truth", tmp_path / "out", charts=False)
    assert report.overall.foreground["dice"] == 1
    assert report.data_digest
    assert len(list((tmp_path / "out" / "worst").iterdir())) == 1


def test_training_refuses_large_images_at_once(tmp_path, in_bands, monkeypatch):
    pytest.importorskip("keras", reason="NO TRAINING: Keras is not installed")
    values = np.random.default_rng(0).integers(0, 256, SIZE, dtype=np.uint8)
    for folder, content_ in (("images", values), ("masks", mask(0, (1,)))):
        write(tmp_path / folder, content_.astype(np.uint8))
    in_bands()
    monkeypatch.setattr("maskforge.training.train.MOST_PIXELS", SIZE[0] * SIZE[1] - 1)
    with pytest.raises(mf.errors.DatasetError, match="70 x 97 px are more than"):
        mf.train(tmp_path, tmp_path / "run")
