"""The routes of maskforge itself: what they answer is what the command line says."""

import time

import cv2
import numpy as np
import pytest
from dicom_files import need_pydicom, write_dicom

import maskforge as mf
from maskforge.server.answers import thresholds

BRIGHT = np.full((40, 60), 20, np.uint8)
BRIGHT[10:30, 10:30] = 180


def png(pixels=BRIGHT):
    return cv2.imencode(".png", pixels)[1].tobytes()


@pytest.fixture(scope="module")
def measured(server):
    """Wait until every image was compared with the truth."""
    for _ in range(600):
        found = server.ask("/api/images").json
        if found["measured"] == 5:
            return found
        time.sleep(0.05)
    raise AssertionError("the images were never measured")


def test_a_mask_is_that_of_predict(server, model_folder, tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "x.png").write_bytes(png())
    mf.predict(model_folder, tmp_path / "images", tmp_path / "out", runtime="keras")
    expected = mf.read_mask(tmp_path / "out" / "masks" / "x.png")
    reply = server.ask("/api/predict", png())
    assert reply.status == 200
    assert reply.headers["content-type"] == "image/png"
    np.testing.assert_array_equal(reply.values, expected)
    assert (expected[10:30, 10:30] == 3).all()
    assert (expected != 0).sum() == 400


def test_a_form_is_as_good_as_a_body(server):
    form = (
        b'--x\r\nContent-Disposition: form-data; name="note"\r\n\r\nhello\r\n'
        b'--x\r\nContent-Disposition: form-data; name="image"; filename="../../a b.png"\r\n'
        b"Content-Type: image/png\r\n\r\n" + png() + b"\r\n--x--\r\n"
    )
    kind = "multipart/form-data; boundary=x"
    assert (
        server.ask("/api/predict", form, Content_Type=kind).content
        == server.ask("/api/predict", png()).content
    )
    shapes = server.ask("/api/predict?answer=shapes", form, Content_Type=kind)
    assert shapes.headers["content-disposition"] == 'attachment; filename="a b.json"'
    assert shapes.json["imagePath"] == "a b.png"


def test_shapes_draw_the_same_mask(server, model_folder, tmp_path):
    reply = server.ask("/api/predict?answer=shapes&format=labelme", png())
    (tmp_path / "image.json").write_bytes(reply.content)
    (tmp_path / "image.png").write_bytes(png())
    (image,) = mf.read(tmp_path)
    classes = mf.Predictor.load(model_folder, runtime="keras").classes
    np.testing.assert_array_equal(
        mf.draw(image, classes).mask, server.ask("/api/predict", png()).values
    )


def test_images_are_sorted_by_what_is_wrong(server, measured):
    by_dice = server.ask("/api/images?sort=dice").json["images"]
    assert [one["name"] for one in by_dice] == ["invented", "missed", "b/c d", "a", "empty"]
    assert [one["dice"] for one in by_dice] == [0, 0, pytest.approx(800 / 976), 1, None]
    missed = server.ask("/api/images?missed=true").json
    assert missed["total"] == 1
    assert (missed["images"][0]["lesions"], missed["images"][0]["missed"]) == (1, 1)
    assert [one["invented"] for one in by_dice] == [1, 0, 0, 0, 0]


def test_planes_are_exact(server, measured):
    (image,) = (one for one in measured["images"] if one["name"] == "b/c d")
    place = f"/api/images/{image['id']}"
    truth = server.ask(f"{place}/truth.bin")
    assert truth.headers["x-maskforge-shape"] == "40x60 uint8"
    mask = np.frombuffer(truth.content, np.uint8).reshape(40, 60)
    np.testing.assert_array_equal(mask, server.ask(f"{place}/truth.png").values)
    assert (mask == 3).sum() == 24 * 24
    planes = server.ask(f"{place}/probabilities.bin")
    assert planes.headers["x-maskforge-shape"] == "2x40x60 float32"
    values = np.frombuffer(planes.content, "<f4").reshape(2, 40, 60)
    for threshold in (0.5, 0.01):
        found = server.ask(f"{place}/prediction.png?threshold=caries={threshold}").values
        np.testing.assert_array_equal(found != 0, (values[0] >= threshold) | (values[1] >= 0.5))


def test_what_is_known_is_not_sent_again(server):
    first = server.ask("/api/images/a/prediction.png")
    again = server.ask("/api/images/a/prediction.png", If_None_Match=first.headers["etag"])
    assert (again.status, again.content) == (304, b"")
    other = server.ask("/api/images/a/prediction.png?threshold=0.9")
    assert other.headers["etag"] != first.headers["etag"]


def test_an_image_is_shown_as_it_is_predicted(server):
    """Upright, and stretched where it has more than 8 bits."""
    deep = (np.arange(12, dtype=np.uint16) * 5000).reshape(3, 4)
    shown = server.ask("/api/predict?answer=image", png(deep))
    assert shown.headers["content-type"] == "image/png"
    assert shown.values.shape == (3, 4)  # equal channels are one
    assert (shown.values.min(), shown.values.max()) == (0, 255)


def test_a_dicom_file_is_an_image_like_others(server, tmp_path):
    need_pydicom()
    sent = write_dicom(tmp_path / "x", BRIGHT, PatientName="Doe^Jane").read_bytes()
    expected = server.ask("/api/predict", png())
    assert np.array_equal(server.ask("/api/predict", sent).values, expected.values)
    assert np.array_equal(server.ask("/api/predict?answer=image", sent).values, BRIGHT)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.4", 0.4),
        ("a=0.4", {"a": 0.4}),
        ("a=0.4,b=1e-3", {"a": 0.4, "b": 0.001}),
        ("a, b=c=0.5,d=0", {"a, b=c": 0.5, "d": 0}),
    ],
)
def test_thresholds_by_name(text, expected):
    assert thresholds(text) == expected


@pytest.mark.parametrize("text", ["", "x", "1.5", "nan", "a=2", "a=", "a=0.5,b", "0.4,0.5", "a=1-"])
def test_what_is_no_threshold(text):
    with pytest.raises(mf.errors.OptionError, match="a threshold is a number from 0 to 1"):
        thresholds(text)


def test_a_part_of_the_evaluation(server, measured):
    found = server.ask("/api/evaluation").json
    assert found["compared"] == [3, 7]
    caries, crown = found["findings"]
    assert [one["title"] for one in caries["numbers"]][:3] == [
        "lesions found",
        "false per image",
        "Dice",
    ]
    assert caries["numbers"][0]["value"] == "66.7%"
    assert caries["numbers"][0]["meaning"].startswith("The prediction found 2 of 3 lesions")
    assert crown["numbers"][0]["value"] == "undefined"
    assert any("Only 5 images" in one for one in found["warnings"])
    assert any(one.startswith("A lesion is") for one in found["explanations"])
