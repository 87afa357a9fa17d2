"""Zarr arrays and OME-Zarr images are images: found, predicted in parts, and never run as code."""

import json
import sys

import numpy as np
import pytest
from builders import labelme, square
from test_prediction_folders import predictor, run
from test_prediction_going_on import Counted
from test_prediction_parts import blurred

import maskforge as mf
from maskforge.files import walk
from maskforge.images.containers.base import Window
from maskforge.images.decoder import list_pages, read_header, read_image, read_part
from maskforge.shapes import Size

zarr = pytest.importorskip("zarr", reason="NO ZARR: maskforge[zarr] is not installed")

SIZE = Size(93, 70)
VALUES = np.random.default_rng(0).integers(0, 256, (*SIZE[::-1], 3), dtype=np.uint8)
AXES = "tczyx"


def array(path, values=VALUES, version=3, **options):
    chunks = tuple(min(32, one) for one in values.shape)
    zarr.create_array(path, data=values, zarr_format=version, **{"chunks": chunks, **options})
    return path


def ome(path, values=VALUES, version=3, axes=AXES):
    """An image in two levels, as (t, c, z, y, x) or less."""
    group = zarr.open_group(path, mode="w", zarr_format=version)
    levels = {"full": values, "half": values[::2, ::2]}
    for name, level in levels.items():
        stored = level.transpose(2, 0, 1)[None, :, None]
        stored = stored[tuple(slice(None) if one in axes else 0 for one in AXES)]
        group.create_array(name, data=stored, chunks=(1,) * (stored.ndim - 2) + (32, 32))
    scale = {"axes": [{"name": one} for one in axes], "datasets": [{"path": one} for one in levels]}
    known = {"multiscales": [scale]}
    group.attrs.update(known if version == 2 else {"ome": {"version": "0.5", **known}})
    return path


def check(path, values=VALUES):
    values = values if values.ndim == 3 else values[..., None]
    assert read_header(path).stored == Size(*values.shape[1::-1])
    assert np.array_equal(read_image(path, upright=True), values)
    part = read_part(path, Window(5, 7, 50, 40), step=3).image()
    assert np.array_equal(part, values[7:47:3, 5:55:3])


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize(
    ("values", "stored"),
    [
        (VALUES, VALUES),
        (VALUES, VALUES.transpose(2, 0, 1)),
        (VALUES[..., 0], VALUES[..., 0]),
        (VALUES[..., :1], VALUES[..., :1]),
        (VALUES.astype(np.uint16) * 256, VALUES.astype(">u2") * 256),
    ],
    ids=["yxc", "cyx", "yx", "yx1", "16 bits"],
)
def test_arrays(tmp_path, version, values, stored):
    check(array(tmp_path / "x.zarr", stored, version), values)


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("axes", ["tczyx", "czyx", "cyx", "yx"])
def test_the_largest_level_of_ome_zarr(tmp_path, version, axes):
    path = ome(tmp_path / "x.ome.zarr", version=version, axes=axes)
    check(path, VALUES if "c" in axes else VALUES[..., 0])
    assert list_pages(path) == [path]


def test_named_axes_and_shards(tmp_path):
    stored = VALUES[:, :, 0].T[None]
    path = array(tmp_path / "x.zarr", stored, dimension_names=("z", "x", "y"), shards=(1, 64, 64))
    check(path, VALUES[..., 0])


def test_the_first_image_of_a_converted_slide(tmp_path):
    group = zarr.open_group(tmp_path / "x.zarr", mode="w")
    group.attrs.update({"ome": {"version": "0.5", "bioformats2raw.layout": 3}})
    ome(tmp_path / "x.zarr" / "0")
    ome(tmp_path / "x.zarr" / "1", VALUES[:20])
    check(tmp_path / "x.zarr")


def test_planes_are_pages(tmp_path):
    planes = np.stack([VALUES[..., one] for one in range(3)])
    path = array(tmp_path / "x.zarr", planes, dimension_names=("z", "y", "x"))
    pages = list_pages(path)
    assert [one.name for one in pages] == ["x.zarr#1", "x.zarr#2", "x.zarr#3"]
    for page, plane in zip(pages, planes, strict=True):
        check(page, plane)


def test_chunks_that_are_missing_are_zero(tmp_path):
    path = array(tmp_path / "x.zarr")
    (path / "c" / "0" / "1" / "0").unlink()
    expected = VALUES.copy()
    expected[:32, 32:64] = 0
    check(path, expected)


def test_images_are_found_and_their_chunks_are_not(tmp_path):
    array(tmp_path / "deep" / "x.zarr")
    assert list(walk(tmp_path)) == [(tmp_path, []), (tmp_path / "deep", ["x.zarr"])]


@pytest.mark.parametrize("given", ["in", "in/x.zarr"])
def test_images_are_predicted_in_parts(tmp_path, given):
    ome(tmp_path / "in" / "x.zarr")
    masks = []
    for most in (2**30, 0):
        out = tmp_path / str(most)
        model = predictor(function=blurred, channels=3)
        report = run(tmp_path / given, out, model=model, tile=32, tiled_above=most)
        assert report.images["predicted"] == 1
        (item,) = mf.open_dataset(out)
        assert item.image_path.samefile(tmp_path / "in" / "x.zarr")
        assert item.mask_path.stem == "x"
        masks.append(item.read_mask())
    assert len(np.unique(masks[0])) == 3
    assert np.array_equal(*masks)


@pytest.mark.parametrize(("changed", "again"), [(False, 0), (True, 1)])
def test_a_run_goes_on_unless_a_chunk_has_changed(tmp_path, changed, again):
    path = array(tmp_path / "x.zarr", VALUES[..., 0])
    model = Counted()

    def stop(phase, done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        model.predict(path, tmp_path / "out", progress=stop)
    if changed:
        (path / "c" / "0" / "1").unlink()
    model.predict(path, tmp_path / "out")
    assert model.seen == again


def test_the_size_of_an_image_is_that_of_its_annotation(tmp_path):
    array(tmp_path / "x.zarr")
    labelme(tmp_path / "x.json", square("a", 3, 3, 9, 9), image="x.zarr", width=None, height=None)
    mf.convert(tmp_path, tmp_path / "out")
    (item,) = mf.open_dataset(tmp_path / "out")
    assert item.size == SIZE
    assert item.image_path.name == "x.zarr"
    assert item.read_image().shape == VALUES.shape


def change(path, name="zarr.json", **keys):
    file = path / name
    file.write_text(json.dumps({**json.loads(file.read_text()), **keys}))


def outside(path):
    array(path.parent / "y.zarr")
    scale = {"axes": list("yxc"), "datasets": [{"path": "../y.zarr"}]}
    ome(path)
    change(path, attributes={"ome": {"multiscales": [scale]}})


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: change(array(path, version=2), ".zarray", filters=[{"id": "pickle"}]),
         "made with the codec 'pickle'"),
        (lambda path: change(array(path), codecs=[{"name": "numcodecs.pickle"}]),
         "made with the codec"),
        (outside, "its largest array is said to be '../y.zarr'"),
        (lambda path: zarr.open_group(path, mode="w").create_array("a", data=VALUES),
         "name one of what it holds: a"),
        (lambda path: array(path, np.zeros((8, 8, 5), np.uint8), dimension_names=list("yxc")),
         "has 5 channels"),
        (lambda path: array(path, np.zeros((2, 8, 8, 3), np.uint8)), "it has the shape"),
        (lambda path: array(path, np.zeros((8, 8), np.complex64)), "it holds complex64"),
        (lambda path: change(array(path), node_type="?"), "without an OME-Zarr image"),
        (lambda path: (array(path) / "zarr.json").write_text("[" * 100_000), "recursion"),
        (lambda path: (array(path) / "zarr.json").write_text(" " * 2**23), "zarr.json is larger"),
    ],
)  # fmt: skip
def test_what_cannot_be_trusted_or_understood_is_refused(tmp_path, make, reason):
    make(tmp_path / "x.zarr")
    with pytest.raises(OSError, match=reason):
        read_part(tmp_path / "x.zarr", Window(0, 0, 4, 4))


def test_chunks_that_are_too_large_are_refused(tmp_path):
    path = array(tmp_path / "x.zarr", VALUES[..., 0])
    grid = {"name": "regular", "configuration": {"chunk_shape": [2**16, 2**16]}}
    change(path, chunk_grid=grid)
    with pytest.raises(OSError, match=r"chunks of .* are too large"):
        read_header(path)


def test_a_damaged_chunk_is_named_with_its_image(tmp_path):
    path = array(tmp_path / "x.zarr")
    (path / "c" / "0" / "0" / "0").write_bytes(b"x")
    with pytest.raises(mf.errors.DatasetError, match=r"x\.zarr: cannot be read as an image"):
        read_image(path, upright=True)


def test_the_package_is_named_with_its_command(tmp_path, monkeypatch):
    path = array(tmp_path / "x.zarr")
    monkeypatch.setitem(sys.modules, "zarr", None)
    monkeypatch.setattr("maskforge.errors.is_installed", lambda package: False)
    report = run(path, tmp_path / "out", model=predictor(function=blurred, channels=3))
    message = report.problems[0].message
    assert "Zarr images need zarr, which is not installed" in message
    assert "pip install 'maskforge[zarr]'" in message
