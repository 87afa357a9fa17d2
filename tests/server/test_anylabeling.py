"""What X-AnyLabeling is told: its shapes draw the mask of ``maskforge predict``."""

import base64
import json
import zlib

import cv2
import numpy as np
import pytest
from running_server import running, serving

import maskforge as mf
from maskforge.images.decoder import read_header

NOISE = np.random.default_rng(5).choice(np.array((20, 180, 250), np.uint8), (40, 60))
NESTED = np.full((40, 60), 20, np.uint8)
NESTED[4:30, 4:30] = 180
NESTED[8:26, 8:26] = 20
NESTED[12:20, 12:20] = 250  # of another class, seen through the hole
NESTED[32:38, 40:50] = 180
NESTED[33:36, 42:48] = 20
CROSSED = np.full((40, 60), 20, np.uint8)
CROSSED[4:22, 4:30] = 180
CROSSED[5:8, 5:8] = CROSSED[10:21, 10:29] = 20
CROSSED[21:40, 29:60] = CROSSED[20, 28] = 250  # gets into a hole, corner by corner

CLASSES = mf.ClassMap(
    (
        mf.MaskClass(3, "caries", (255, 0, 0), ("caries",)),
        mf.MaskClass(7, "crown", (0, 255, 0), ("crown",)),
    )
)


def png(pixels):
    return cv2.imencode(".png", pixels)[1].tobytes()


def ask(server, content, model="two", **params):
    image = "data:image/png;base64," + base64.b64encode(content).decode()
    body = json.dumps({"model": model, "image": image, "params": params or None})
    return server.ask("/v1/predict", body.encode(), Token="")


def kept(points):
    """Points as the client keeps them: what equals the first one closes the ring."""
    return points[:1] + [one for one in points[1:] if one != points[0]]


def saved(reply, folder, content, name="image.png"):
    """Save what was answered, as the client saves it; return it as it is read again."""
    folder.mkdir()
    (folder / name).write_bytes(content)
    size = read_header(content).stored
    shapes = [{**one, "points": kept(one["points"])} for one in reply.json["data"]["shapes"]]
    document = {
        "version": "4.2.1",
        "flags": {},
        "checked": False,
        "shapes": shapes,
        "imagePath": name,
        "imageData": None,
        "imageHeight": size.height,
        "imageWidth": size.width,
    }
    (folder / "image.json").write_text(json.dumps(document))
    (image,) = mf.read(folder)
    return image


def predicted(model, folder, content):
    """Return the mask that ``maskforge predict`` writes."""
    (folder / "in").mkdir(parents=True)
    (folder / "in" / "x.png").write_bytes(content)
    mf.predict(model, folder / "in", folder / "out", runtime="keras")
    return mf.read_mask(folder / "out" / "masks" / "x.png")


def test_it_finds_the_models(tools):
    assert tools.ask("/health").json["models_loaded"] == 1
    reply = tools.ask("/v1/models", Token="").json
    assert reply["success"] is True
    model = reply["data"]["two"]
    assert model["capabilities"] == {}
    assert model["classes"] == ["caries", "crown"]
    assert model["batch_processing_mode"] == "default"
    widgets = {one["name"]: one["value"] for one in model["widgets"]}
    assert widgets["edit_conf"] == pytest.approx(0.5, abs=1e-6)
    assert widgets["toggle_preserve_existing_annotations"] is False
    assert {"button_run", "button_classes_filter"} <= set(widgets)


@pytest.mark.parametrize("pixels", [NESTED, NOISE, CROSSED], ids=["nested", "noise", "crossed"])
def test_its_shapes_draw_the_mask_of_predict(tools, two_classes, tmp_path, pixels):
    reply = ask(tools, png(pixels))
    assert reply.status == 200
    mask = predicted(two_classes, tmp_path, png(pixels))
    image = saved(reply, tmp_path / "tool", png(pixels))
    np.testing.assert_array_equal(mf.draw(image, CLASSES).mask, mask)
    assert {*np.unique(mask).tolist()} == {0, 3, 7}
    for one in reply.json["data"]["shapes"]:
        assert kept(one["points"]) == one["points"]
        assert one["shape_type"] == "polygon"
        assert one["group_id"] is None
        if one["label"] == "_background_":
            assert one["score"] is None
        else:
            assert 0.5 <= one["score"] <= 1
    assert reply.json["data"]["replace"] is None  # else the button of the tool would do nothing


def test_shapes_lie_in_the_image_as_it_is_stored(tools, two_classes, tmp_path):
    """X-AnyLabeling does not turn images; networks see them turned."""
    encoded = cv2.imencode(".jpg", NESTED, [cv2.IMWRITE_JPEG_QUALITY, 100])[1].tobytes()
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    turned = encoded[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + encoded[2:]
    assert read_header(turned).orientation == 6
    image = saved(ask(tools, turned), tmp_path / "tool", turned, "image.jpg")
    predictor = mf.Predictor.load(two_classes, runtime="keras")
    upright = predictor.predict(turned).mask
    assert upright.shape == (60, 40)
    drawn = mf.draw(image, CLASSES).mask
    np.testing.assert_array_equal(np.rot90(drawn, -1), upright)
    assert upright.any()


RAMP = np.tile(np.linspace(0, 255, 60).astype(np.uint8), (40, 1))


@pytest.mark.parametrize(
    ("shown", "threshold"),
    [
        (None, 0.5),
        (0, 0.5),  # what the client sends before it knows the models
        (0.5, 0.5),
        (0.5000001700000001, 0.5),
        (0.37210017, 0.5),  # announced for the model that was there before
        (0.3721, 0.3721),
        (0.9, 0.9),
    ],
)
def test_the_own_threshold_stays_until_somebody_changes_it(tools, shown, threshold):
    content = png(RAMP)
    expected = tools.ask(f"/api/predict?threshold={threshold}", content).values
    reply = ask(tools, content, conf_threshold=shown, iou_threshold=0, epsilon_factor=0.001)
    areas = [mf.Polygon(np.array(one["points"])) for one in reply.json["data"]["shapes"]]
    np.testing.assert_array_equal(mf.rasterize(areas, (60, 40), [3, 7]), expected)
    assert {*np.unique(expected).tolist()} == {0, 3, 7}


def test_all_thresholds_move_by_as_much_as_the_box(tools, tools_service, two_classes):
    from maskforge.server.models import Models
    from maskforge.server.service import Service

    options = mf.ModelOptions(runtime="keras", thresholds={"caries": 0.3, "crown": 0.908})
    other = Service(Models([two_classes], options), None, tools_service.options)
    with running(other) as tuned:
        widgets = tuned.ask("/v1/models").json["data"]["two"]["widgets"]
        (shown,) = (one["value"] for one in widgets if one["name"] == "edit_conf")
        assert shown == pytest.approx(0.604, abs=1e-6)  # which the box shows as 0.60
        same = ask(tuned, png(RAMP), conf_threshold=shown).content
        assert same == ask(tuned, png(RAMP)).content
        assert same == ask(tuned, png(RAMP), conf_threshold=0.6).content
        higher = ask(tuned, png(RAMP), conf_threshold=0.65).content
    moved = mf.ModelOptions(runtime="keras", thresholds={"caries": 0.346, "crown": 0.954})
    with running(Service(Models([two_classes], moved), None, tools_service.options)) as expected:
        assert higher == ask(expected, png(RAMP)).content
        assert higher != same


def test_only_wanted_classes_are_sent(tools):
    labels = [
        one["label"]
        for one in ask(tools, png(NESTED), filter_classes=["crown"]).json["data"]["shapes"]
    ]
    assert labels == ["crown"]
    everything = ask(tools, png(NESTED)).content
    assert ask(tools, png(NESTED), filter_classes=[]).content == everything


HEAD = b"IHDR" + (60_000).to_bytes(4, "big") * 2 + b"\x08\0\0\0\0"
BOMB = b"\x89PNG\r\n\x1a\n\0\0\0\r" + HEAD + zlib.crc32(HEAD).to_bytes(4, "big")
BOMB += png(np.zeros((1, 1), np.uint8))[33:]


@pytest.mark.parametrize(
    ("body", "status", "code", "words"),
    [
        (b"{", 400, "INVALID_REQUEST", "truncated"),
        (b"[]", 400, "INVALID_REQUEST", "object"),
        (b"[" * 100_000, 400, "INVALID_REQUEST", "request"),
        (b'{"model": "two"}', 400, "INVALID_REQUEST", "image"),
        (b'{"model": "other", "image": ""}', 404, "MODEL_NOT_FOUND", "two"),
        (b'{"model": "two", "image": "data:image/png;base64,abc"}', 415, "INVALID_IMAGE", "64"),
        (b'{"model": "two", "image": "aGVsbG8="}', 415, "INVALID_IMAGE", "image"),
        (
            b'{"model": "two", "image": "%s"}' % base64.b64encode(BOMB),
            413,
            "TOO_LARGE",
            "60000 x 60000",
        ),
        (
            b'{"model": "two", "image": "%s", "params": {"conf_threshold": 7}}'
            % base64.b64encode(png(NESTED)),
            400,
            "INVALID_REQUEST",
            "0 to 1",
        ),
        (
            b'{"model": "two", "image": "%s", "params": {"filter_classes": ["plaque"]}}'
            % base64.b64encode(png(NESTED)),
            400,
            "INVALID_REQUEST",
            "caries, crown",
        ),
    ],
)
def test_errors_come_in_its_own_form(tools, body, status, code, words):
    reply = tools.ask("/v1/predict", body)
    assert reply.status == status
    assert reply.json["success"] is False
    assert reply.json["error"]["code"] == code
    assert words in reply.json["error"]["message"]
    assert tools.ask("/health").status == 200


def test_the_token_of_its_dialog_is_enough(two_classes):
    with running(serving(two_classes, token="secret")) as guarded:
        assert guarded.ask("/health").status == 200
        assert guarded.ask("/v1/models", Token="wrong").status == 401
        assert guarded.ask("/v1/models", Token="secret").json["data"]
