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


@pytest.mark.parametrize(
    "controls", [(BRUSHES,), (POLYGONS, BRUSHES), (POLYGONS,), (BOXES,)], ids=len
)
def test_label_studio_reads_the_mask_of_predict(images, masks, model, tmp_path, controls):
    text = "".join(one.format(LABELS) for one in controls)
    config = f'<View><Image name="photo" value="$scan"/>{text}</View>'
    with running(serving(model, token="secret")) as server:
        address = server.address.replace("//", "//user:secret@")
        for name, mask in masks.items() if controls == (BRUSHES,) else [*masks.items()][:1]:
            program = PROGRAMS / "label_studio_backend.py"
            file = tmp_path / f"{name}.npz"
            verdict = in_environment(
                "label-studio", program, address, images / f"{name}.png", config, file
            )
            assert verdict["errors"] == []
            assert len({*verdict["versions"]}) == 1
            assert 0.5 <= verdict["score"] <= 1
            kinds = {one.partition("labels")[0] for one in verdict["types"]}
            assert kinds <= {one.lower()[1:].partition("labels")[0] for one in controls}
            if controls == (BRUSHES,):
                with np.load(file) as painted:
                    for label, value in (("caries", 3), ("crown", 7)):
                        np.testing.assert_array_equal(painted[label], mask == value)


@pytest.mark.parametrize(
    ("shapes", "as_polygons", "kind"),
    [("mask", False, "mask"), ("mask", True, "polygon"), ("polygon", False, "polygon")],
)
def test_cvat_uploads_the_mask_of_predict(
    images, masks, model, tmp_path, shapes, as_polygons, kind
):
    mf.Predictor.load(model)  # converts it, if there is a runtime to convert it for
    libraries = json.dumps([str(ROOT), sysconfig.get_path("purelib")])
    chosen = json.dumps([f"model=str:{model}", f"shapes=str:{shapes}"])
    program, file = PROGRAMS / "cvat_function.py", tmp_path / "masks.npz"
    verdict = in_environment(
        "cvat", program, libraries, chosen, images, json.dumps(as_polygons), file
    )
    assert verdict["labels"] == {"caries": 3, "crown": 7}
    assert verdict["types"] == [kind]
    assert min(verdict["scores"]) >= 0.5
    with np.load(file) as found:
        for name, mask in masks.items():
            if kind == "mask":
                np.testing.assert_array_equal(found[name], mask)
    for name, mask in masks.items():
        rings = verdict["polygons"].get(name, [])
        areas = [mf.Polygon(np.array(points).reshape(-1, 2)) for _, points in rings]
        if kind == "polygon":
            height, width = mask.shape
            drawn = mf.rasterize(areas, (width, height), [value for value, _ in rings])
            np.testing.assert_array_equal(drawn, mask)
    assert min(verdict["sure"]) >= 0.95
    assert len(verdict["sure"]) < len(verdict["scores"])
