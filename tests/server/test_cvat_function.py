"""The function for CVAT's command line, without CVAT; ``tests/judges`` asks the real one."""

import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from test_anylabeling import NESTED, NOISE, png

import maskforge as mf
from maskforge.errors import MissingDependencyError, OptionError
from maskforge.prediction.cvat import create


@pytest.fixture
def cvat(monkeypatch):
    """What the function needs of CVAT."""
    sdk, functions, models = map(
        ModuleType, ("cvat_sdk", "cvat_sdk.auto_annotation", "cvat_sdk.models")
    )
    functions.DetectionFunctionSpec = SimpleNamespace
    functions.label_spec = lambda name, id_, **others: (name, id_, others["type"])
    functions.mask = lambda label, points, score: ("mask", label, points, score)
    functions.polygon = lambda label, points, score: ("polygon", label, points, score)
    models.LabeledShapeRequest = SimpleNamespace(attribute_map={"score": "score"})
    sdk.__spec__ = SimpleNamespace(name="cvat_sdk")
    for one in (sdk, functions, models):
        monkeypatch.setitem(sys.modules, one.__name__, one)


def context(threshold=None, *, polygons=False):
    return SimpleNamespace(frame_name="a.png", conf_threshold=threshold, conv_mask_to_poly=polygons)


def drawn(shapes, width, height):
    mask = np.zeros((height, width), np.uint8)
    for kind, label, points, _ in shapes:
        if kind == "polygon":
            area = mf.Polygon(np.array(points).reshape(-1, 2))
            mask += mf.rasterize([area], (width, height), [label]).astype(np.uint8)
            continue
        *runs, left, top, right, bottom = map(int, points)
        inside = np.repeat(np.arange(len(runs)) % 2, runs).reshape(bottom + 1 - top, -1)
        mask[top : bottom + 1, left : right + 1] += (inside * label).astype(np.uint8)
    return mask


@pytest.mark.parametrize("pixels", [NESTED, NOISE], ids=["nested", "noise"])
@pytest.mark.parametrize("form", ["mask", "polygon"])
def test_it_gives_the_mask_of_predict(cvat, tools, two_classes, pixels, form):
    function = create(model=str(two_classes), shapes=form, runtime="keras")
    assert function.spec.labels == [("caries", 3, form), ("crown", 7, form)]
    shapes = function.detect(context(), Image.fromarray(pixels))
    assert {one[0] for one in shapes} == {form}
    expected = tools.ask("/api/predict", png(pixels)).values
    np.testing.assert_array_equal(drawn(shapes, 60, 40), expected)
    converted = function.detect(context(polygons=True), Image.fromarray(pixels))
    assert {one[0] for one in converted} == {"polygon"}


def test_regions_of_which_it_is_not_sure_are_left_out(cvat, two_classes):
    function = create(model=str(two_classes), runtime="keras")
    shapes = function.detect(context(), Image.fromarray(NESTED))
    sure = function.detect(context(0.95), Image.fromarray(NESTED))
    assert sure == [one for one in shapes if one[3] >= 0.95]
    assert 0 < len(sure) < len(shapes)


def test_its_options_are_those_of_a_model(cvat, two_classes):
    function = create(model=str(two_classes), runtime="keras", thresholds=1.0)
    assert function.detect(context(), Image.fromarray(NESTED)) == []
    with pytest.raises(OptionError, match="threshold"):
        create(model=str(two_classes), threshold=0.4)
    with pytest.raises(OptionError, match="shapes cannot be 'masks'; did you mean 'mask'"):
        create(model=str(two_classes), shapes="masks")
    with pytest.raises(OptionError, match="model=str:DIR"):
        create()


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "I;16"])
def test_every_kind_of_image_is_predicted_as_it_is_from_a_file(cvat, two_classes, tmp_path, mode):
    image = Image.fromarray(NESTED.astype(np.uint16) if mode == "I;16" else NESTED)
    if mode != "I;16":
        image = image.convert(mode)
    image.save(tmp_path / "x.png")
    function = create(model=str(two_classes), runtime="keras")
    shapes = function.detect(context(), Image.open(tmp_path / "x.png"))
    expected = mf.Predictor.load(two_classes, runtime="keras").predict(tmp_path / "x.png").mask
    np.testing.assert_array_equal(drawn(shapes, 60, 40), expected)


def test_images_are_turned_as_they_are_shown(cvat, two_classes, tmp_path):
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.fromarray(NESTED).save(tmp_path / "x.png", exif=turned)
    function = create(model=str(two_classes), runtime="keras")
    shapes = function.detect(context(), Image.open(tmp_path / "x.png"))
    expected = mf.Predictor.load(two_classes, runtime="keras").predict(tmp_path / "x.png").mask
    np.testing.assert_array_equal(drawn(shapes, 40, 60), expected)
    assert expected.any()


def test_it_says_what_to_install(two_classes, monkeypatch):
    monkeypatch.setitem(sys.modules, "cvat_sdk", None)
    with pytest.raises(MissingDependencyError, match="cvat-cli"):
        create(model=str(two_classes))
