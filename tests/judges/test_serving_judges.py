"""Labeling tools ask a running server, and show the mask that ``maskforge predict`` writes."""

from __future__ import annotations

import json
import sysconfig
from pathlib import Path

import cv2
import model_folders as models
import numpy as np
import pytest
from judges.environments import PROGRAMS, ROOT, in_environment
from running_server import running, serving

import maskforge as mf
from maskforge.errors import MissingDependencyError
from maskforge.nn import backend

pytest.importorskip("uvicorn", reason="NO SERVER: maskforge[serve] is not installed")

CLASSES = mf.ClassMap(
    (
        mf.MaskClass(3, "caries", (255, 0, 0), ("caries",)),
        mf.MaskClass(7, "crown", (0, 255, 0), ("crown",)),
    )
)
LABELS = '<Label value="caries"/><Label value="crown"/>'
BRUSHES = '<BrushLabels name="paint" toName="photo">{}</BrushLabels>'
POLYGONS = '<PolygonLabels name="outline" toName="photo">{}</PolygonLabels>'
BOXES = '<RectangleLabels name="box" toName="photo">{}</RectangleLabels>'


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    try:
        backend.start()
    except MissingDependencyError as error:
        pytest.skip(f"NO NETWORKS: {error.message}, so nothing is served")
    network = models.brightness((0.5, 0.8), gains=(10.0, 40.0))
    return models.save(tmp_path_factory.mktemp("served") / "two", network, head="sigmoid")


@pytest.fixture
def images(tmp_path) -> Path:
    """Nested regions of two classes that get into each other's holes, and noise."""
    generator = np.random.default_rng(8)
    crossed = np.full((40, 60), 20, np.uint8)
    crossed[4:22, 4:30] = 180
    crossed[5:8, 5:8] = crossed[10:21, 10:29] = 20
    crossed[21:40, 29:60] = crossed[20, 28] = 250
    noise = generator.choice(np.array((20, 180, 250), np.uint8), (30, 50))
    soft = cv2.GaussianBlur(generator.integers(0, 256, (64, 48), np.uint8), (0, 0), 2)
    folder = tmp_path / "images"
    folder.mkdir()
    spread = cv2.normalize(soft, None, 0, 255, cv2.NORM_MINMAX)
    for name, pixels in (("crossed", crossed), ("noise", noise), ("soft", spread)):
        cv2.imwrite(str(folder / f"{name}.png"), pixels)
    return folder


@pytest.fixture
def masks(images, model, tmp_path) -> dict[str, np.ndarray]:
    """What ``maskforge predict`` writes, by name of the image."""
    mf.predict(model, images, tmp_path / "predicted", runtime="keras")
    return {
        path.stem: mf.read_mask(path) for path in (tmp_path / "predicted" / "masks").glob("*.png")
    }


def test_x_anylabeling_saves_the_mask_of_predict(images, masks, model):
    with running(serving(model, token="secret")) as server:
        program = PROGRAMS / "x_anylabeling_remote.py"
        verdict = in_environment(
            "x-anylabeling", program, server.address, "secret", images, json.dumps([0.99, 0.5])
        )
    assert verdict["models"] == ["two"]
    assert verdict["classes"] == ["caries", "crown"]
    assert verdict["messages"] == []
    assert verdict["box"] == 0.5
    assert verdict["known"] == pytest.approx(0.5, abs=1e-6)
    saved = {Path(image.image.name).stem: image for image in mf.read(images)}
    assert saved.keys() == masks.keys()
    for (name, mask), (higher, same) in zip(sorted(masks.items()), verdict["counts"], strict=True):
        np.testing.assert_array_equal(mf.draw(saved[name], CLASSES).mask, mask)
        assert {*np.unique(mask).tolist()} == {0, 3, 7}
        assert same == len(saved[name].shapes) != higher
    shapes, (message,) = verdict["refused"]
    assert shapes == 0
    assert "404" in message


def test_label_studio_reads_the_mask_of_predict(images, masks, model, tmp_path):
    wanted = [(BRUSHES,), (POLYGONS, BRUSHES), (POLYGONS,), (BOXES,)]
    image = '<Image name="photo" value="$scan"/>'
    configs = [
        f"<View>{image}{''.join(one.format(LABELS) for one in controls)}</View>"
        for controls in wanted
    ]
    file = tmp_path / "painted.npz"
    with running(serving(model, token="secret")) as server:
        address = server.address.replace("//", "//user:secret@")
        program = PROGRAMS / "label_studio_backend.py"
        verdicts = in_environment(
            "label-studio", program, address, images, json.dumps(configs), file
        )
    assert len(verdicts) == len(wanted) * len(masks)
    for one in verdicts:
        assert one["errors"] == []
        assert len({*one["versions"]}) == 1
        assert 0.5 <= one["score"] <= 1
    types = {tuple(one["types"]) for one in verdicts if one["config"] != 1}
    assert types == {("brushlabels",), ("polygonlabels",), ("rectanglelabels",)}
    with np.load(file) as painted:
        for name, mask in masks.items():
            for label, value in (("caries", 3), ("crown", 7)):
                np.testing.assert_array_equal(painted[f"0-{name}-{label}"], mask == value)


def test_cvat_uploads_the_mask_of_predict(images, masks, model, tmp_path):
    mf.Predictor.load(model)  # converts it, if there is a runtime to convert it for
    libraries = json.dumps([str(ROOT), sysconfig.get_path("purelib")])
    ways = [("mask", False), ("mask", True), ("polygon", False)]
    program, file = PROGRAMS / "cvat_function.py", tmp_path / "masks.npz"
    verdicts = in_environment("cvat", program, libraries, model, images, json.dumps(ways), file)
    assert [one["types"] for one in verdicts] == [["mask"], ["polygon"], ["polygon"]]
    for one in verdicts:
        assert one["labels"] == {"caries": 3, "crown": 7}
        assert min(one["scores"]) >= 0.5
        assert min(one["sure"]) >= 0.95
        assert 0 < len(one["sure"]) < len(one["scores"])
    with np.load(file) as found:
        for name, mask in masks.items():
            np.testing.assert_array_equal(found[f"0-{name}"], mask)
    for one in verdicts[1:]:
        for name, mask in masks.items():
            rings = one["polygons"][name]
            areas = [mf.Polygon(np.array(points).reshape(-1, 2)) for _, points in rings]
            drawn = mf.rasterize(areas, mask.shape[::-1], [value for value, _ in rings])
            np.testing.assert_array_equal(drawn, mask)
