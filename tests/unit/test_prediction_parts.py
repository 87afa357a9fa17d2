"""Large images are read, predicted and written in parts; the pixels are those of the whole."""

import numpy as np
import pytest
import tifffile
from scipy.ndimage import uniform_filter
from test_prediction_folders import predictor, run

import maskforge as mf
from maskforge.images import decoder, large_image, tiled_tiff
from maskforge.images.intensity import ScalingRecord
from maskforge.images.offset import Offset, move_image
from maskforge.prediction import read_ahead
from maskforge.shapes import Size

SIZE = (150, 203)


def blurred(batch):
    """What depends on neighbors, so that tiles show if they lie elsewhere."""
    gray = batch.mean(axis=-1, keepdims=True)
    near = uniform_filter(gray, (0, 5, 5, 0), mode="constant")
    return np.concatenate([near, np.minimum(1, gray * 1.5)], axis=-1).astype(np.float32)


@pytest.fixture
def image(tmp_path, monkeypatch):
    monkeypatch.setattr(tiled_tiff, "TILE", 32)
    values = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), dtype=np.uint8)
    path = tmp_path / "in" / "slide.tif"
    path.parent.mkdir()
    tifffile.imwrite(path, values, tile=(48, 64), photometric="rgb", compression="zlib")
    return path


def predicted(image, tmp_path, name, model=None, **options):
    model = model or predictor(function=blurred)
    report = run(image, tmp_path / name, model=model, tile=64, **options)
    return report, list(mf.open_dataset(tmp_path / name))


@pytest.mark.parametrize(("channels", "offset"), [(1, None), (3, None), (3, Offset(0.5, -0.25))])
@pytest.mark.parametrize(("head", "tta"), [("sigmoid", False), ("softmax", True)])
def test_the_mask_is_that_of_the_whole_image(image, tmp_path, channels, offset, head, tta):
    def function(batch):
        found = blurred(batch)
        return np.concatenate([found, 1 - found[..., :1]], axis=-1) if head == "softmax" else found

    model = predictor(head, function, channels=channels, offset=offset)
    (_, [whole]), (report, [parts]) = (
        predicted(image, tmp_path, str(most), model, tta=tta, tiled_above=most)
        for most in (2**30, 0)
    )
    assert report.images["predicted"] == 1
    assert parts.mask_path.suffix == ".tiff"
    assert len(np.unique(parts.read_mask())) == 3
    assert np.array_equal(whole.read_mask(), parts.read_mask())
    for name in ("pixels", "overlapped_pixels", "state", "image", "width", "height"):
        assert getattr(whole.entry, name) == getattr(parts.entry, name)


@pytest.mark.parametrize("rows", [(0, 9), (50, 60), (140, 150), (0, 150)])
@pytest.mark.parametrize("offset", [Offset(0.5, -1.25), Offset(-2, 0.75)])
def test_rows_are_moved_as_in_the_whole_image(image, rows, offset):
    """A network without overlap sees the edges of its tiles."""
    moved = move_image(decoder.read_image(image, upright=True), offset)
    size = Size(SIZE[1], SIZE[0])
    found = large_image.LargeImage(image, size, offset=offset)[slice(*rows)]
    np.testing.assert_array_equal(found, moved[slice(*rows)])


def test_an_image_in_parts_is_never_read_as_a_whole(image, tmp_path, monkeypatch):
    monkeypatch.setattr(read_ahead, "read_image", None)
    monkeypatch.setattr(decoder, "MOST_PIXELS", 64 * SIZE[1])  # and no part is much of it
    windows = []
    read = large_image.read_part
    monkeypatch.setattr(
        large_image, "read_part", lambda file, window: windows.append(window) or read(file, window)
    )
    _, [item] = predicted(image, tmp_path, "out", tiled_above=0)
    assert item.size == SIZE[::-1]
    assert {one.width for one in windows} == {SIZE[1]}
    assert max(one.height for one in windows) <= 64


def test_a_binary_mask_with_a_pyramid(image, tmp_path):
    classes = mf.ClassMap((mf.MaskClass(3, "caries", (255, 0, 0), ("caries",)),))
    model = predictor(function=lambda batch: blurred(batch)[..., :1], classes=classes)
    options = {"encoding": "binary", "pyramid": True}
    (_, [whole]), (_, [parts]) = (
        predicted(image, tmp_path, str(most), model, tiled_above=most, **options)
        for most in (2**30, 0)
    )
    assert set(np.unique(parts.read_mask())) == {0, 255}
    assert np.array_equal(whole.read_mask(), parts.read_mask())


@pytest.mark.parametrize(
    "options", [{"probabilities": True}, {"overlay": True}, {"encoding": "multihot"}], ids=str
)
def test_what_needs_an_array_is_refused(image, tmp_path, options):
    file_type = {"file_type": "npy"} if "encoding" in options else {}
    report, items = predicted(image, tmp_path, "out", tiled_above=0, **options, **file_type)
    assert not items
    assert "so large that it is predicted in parts" in report.problems[0].message
    assert not [one for one in (tmp_path / "out" / "masks").rglob("*") if one.is_file()]


def test_models_that_look_at_all_pixels_first_are_refused(image, tmp_path):
    scaling = ScalingRecord(kind="z-score")
    report, items = predicted(image, tmp_path, "out", predictor(scaling=scaling), tiled_above=0)
    assert not items
    assert "z-score" in report.problems[0].message


def test_tiled_masks_are_replaced(image, tmp_path):
    first, _ = predicted(image, tmp_path, "out", tiled_above=0)
    again, [item] = predicted(image, tmp_path, "out", tiled_above=0, overwrite=True)
    assert first.images == again.images
    assert item.read_mask().shape == SIZE
