"""What Label Studio is told as of its ML backend, and which images it can make the server read."""

import base64
import dataclasses
import http.server
import json
import threading
import time

import model_folders as models
import numpy as np
import pytest
from running_server import running, serving
from test_anylabeling import CLASSES, NESTED, NOISE, png
from typer.testing import CliRunner

import maskforge as mf
from maskforge.errors import OptionError

POLYGONS = '<PolygonLabels name="outline" toName="photo">{}</PolygonLabels>'
BRUSHES = '<BrushLabels name="paint" toName="photo">{}</BrushLabels>'
BOXES = '<RectangleLabels name="box" toName="photo">{}</RectangleLabels>'
LABELS = '<Label value="caries"/><Label value="crown"/>'


def config(*controls, labels=LABELS, image='<Image name="photo" value="$scan"/>'):
    return f"<View>{image}{''.join(one.format(labels) for one in controls)}</View>"


def data_uri(content):
    return "data:image/png;base64," + base64.b64encode(content).decode()


def ask(server, text, label_config=None, path="/predict"):
    tasks = [
        {"id": 7, "data": {"scan": one}} for one in ([text] if isinstance(text, str) else text)
    ]
    body = {
        "tasks": tasks,
        "project": "3.1764364800",
        "label_config": label_config or config(POLYGONS, BRUSHES),
        "params": {"login": None, "password": None, "context": None},
    }
    return server.ask(path, json.dumps(body).encode(), Content_Type="application/json")


def results(reply):
    assert reply.status == 200, reply.content
    (prediction,) = reply.json["results"]
    return prediction["result"]


def drawn(prediction, folder, size=(60, 40)):
    """Return the mask of a prediction that was saved in a task."""
    folder.mkdir(exist_ok=True)
    task = {"data": {"image": "x.png"}, "predictions": [prediction]}
    if not prediction["result"]:
        task["data"] |= {"width": size[0], "height": size[1]}
    (folder / "x.png").write_bytes(png(np.zeros((size[1], size[0]), np.uint8)))
    (folder / "tasks.json").write_text(json.dumps([task | {"annotations": [prediction]}]))
    (image,) = mf.read(folder / "tasks.json")
    return mf.draw(image, CLASSES).mask


@pytest.mark.parametrize("pixels", [NESTED, NOISE], ids=["nested", "noise"])
@pytest.mark.parametrize(
    ("controls", "kinds"),
    [
        ((POLYGONS, BRUSHES), {"polygonlabels", "brushlabels"}),
        ((POLYGONS,), {"polygonlabels"}),
        ((BRUSHES, BOXES), {"brushlabels"}),
    ],
)
def test_its_regions_draw_the_mask_of_predict(tools, tmp_path, pixels, controls, kinds):
    reply = ask(tools, data_uri(png(pixels)), config(*controls))
    (prediction,) = reply.json["results"]
    assert {one["type"] for one in prediction["result"]} == kinds
    names = {"polygonlabels": "outline", "brushlabels": "paint"}
    for one in prediction["result"]:
        assert (one["from_name"], one["to_name"]) == (names[one["type"]], "photo")
        assert (one["original_width"], one["original_height"]) == (60, 40)
        assert 0.5 <= one["score"] <= 1
    expected = tools.ask("/api/predict", png(pixels)).values
    np.testing.assert_array_equal(drawn(prediction, tmp_path / "tool"), expected)
    scores = [one["score"] for one in prediction["result"]]
    assert prediction["score"] == pytest.approx(sum(scores) / len(scores))
    assert len({one["id"] for one in prediction["result"]}) == len(scores)


def test_boxes_are_those_around_the_regions(tools):
    found = results(ask(tools, data_uri(png(NESTED)), config(BOXES)))
    sides = [
        [one["value"][key] for key in ("x", "y", "width", "height", "rotation")]
        + one["value"]["rectanglelabels"]
        for one in found
    ]
    percent = 100 / np.array((60, 40, 60, 40))
    expected = [(4, 4, 26, 26, "caries"), (12, 12, 8, 8, "crown"), (40, 32, 10, 6, "caries")]
    assert len(sides) == len(expected)
    for one, (*box, label) in zip(sides, expected, strict=True):
        assert one[:4] == pytest.approx(np.array(box) * percent)
        assert one[4:] == [0, label]
    assert {(one["type"], one["from_name"]) for one in found} == {("rectanglelabels", "box")}


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ('<Label value="crown"/><Label value="plaque"/>', {"crown"}),
        ('<Label value="Decay" alias="caries"/>', {"caries"}),
        ('<Label value="other"/><Label value="caries" background="red"/>', {"caries"}),
    ],
)
def test_labels_are_matched_by_name(tools, labels, expected):
    found = results(ask(tools, data_uri(png(NESTED)), config(POLYGONS, labels=labels)))
    assert {label for one in found for label in one["value"]["polygonlabels"]} == expected


def test_a_label_may_be_one_that_the_class_map_knows(tmp_path, two_classes):
    classes = mf.ClassMap((mf.MaskClass(3, "caries", (255, 0, 0), ("Karies", "caries")),))
    folder = models.save(
        tmp_path / "one", models.brightness((0.5,)), head="sigmoid", classes=classes
    )
    with running(serving(folder)) as server:
        text = config(POLYGONS, labels='<Label value="Karies"/>')
        (first, *_) = results(ask(server, data_uri(png(NESTED)), text))
    assert first["value"]["polygonlabels"] == ["Karies"]


def test_the_right_one_of_several_images_is_predicted(tools):
    two = '<Image name="before" value="$old"/><Image name="photo" value="$scan"/>'
    found = results(ask(tools, data_uri(png(NESTED)), config(POLYGONS, image=two)))
    assert {one["to_name"] for one in found} == {"photo"}


def test_nothing_found_is_a_prediction_too(tools):
    reply = ask(tools, [data_uri(png(np.zeros((40, 60), np.uint8))), data_uri(png(NESTED))])
    first, second = reply.json["results"]
    assert (first["result"], first["score"]) == ([], None)
    assert second["result"]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("/data/upload/3/0123abcd-a.png", "a"),
        ("/data/upload/3/0123abcd-c_d.png", "b/c d"),  # as Label Studio renames it
        ("http://localhost:8080/data/upload/3/0123abcd-a.png", "a"),
        ("/data/local-files/?d=somewhere/b/c%20d.png", "b/c d"),
        ("http://localhost:1/data/local-files/?d=a.png", "a"),
        ("s3://bucket/scans/a.png?X-Amz-Signature=0", "a"),
    ],
)
def test_images_are_found_in_the_data_set_by_name(tools, tools_service, text, name):
    (example,) = (one for one in tools_service.images.examples.values() if one.name == name)
    expected = ask(tools, data_uri(example.image.read_bytes())).json
    found = ask(tools, text).json
    for one in (*expected["results"], *found["results"]):
        for region in one["result"]:
            del region["id"]  # made of the name of the image
    assert found == expected


def test_of_images_of_one_name_the_folders_decide(tools_service, monkeypatch):
    from maskforge.errors import DatasetError

    shown = tools_service.images
    (a,) = (one for one in shown.examples.values() if one.name == "a")
    alike = [
        dataclasses.replace(a, name=f"{one}/a", image=a.image.parent / one / "a.png")
        for one in ("2024", "2025")
    ]
    monkeypatch.setitem(shown._by_file, "a.png", alike)
    assert shown.find_file(["scans/2025/a.png"]).name == "2025/a"
    assert shown.find_file(["0123abcd-a.png", "2024/a.png"]).name == "2024/a"
    with pytest.raises(DatasetError, match="several images"):
        shown.find_file(["a.png"])


@pytest.mark.parametrize(
    ("text", "status", "words"),
    [
        ("/data/upload/3/0123abcd-unknown.png", 404, "unknown.png"),
        ("http://169.254.169.254/latest/meta-data", 404, "meta-data"),
        ("file:///etc/passwd", 404, "passwd"),
        ("../../../../etc/passwd", 404, "passwd"),
        ("..", 404, "no image"),
        ("", 400, "scan"),
        ("data:image/png;base64,abc", 415, "base64"),
        ("data:image/png;base64,aGVsbG8=", 415, "image"),
        (data_uri(png(np.eye(40, dtype=np.uint8))[:-30]), 415, "read"),
        (["/data/upload/3/0123abcd-unknown.png", "a.png"], 404, "unknown.png"),
    ],
)
def test_an_image_that_is_not_here_is_refused(tools, text, status, words):
    reply = ask(tools, text)
    assert reply.status == status
    assert words in reply.json["error"]["message"]


def test_what_comes_before_a_bad_task_is_not_lost(tools, caplog):
    """Label Studio asks for single tasks if it gets one prediction for several."""
    reply = ask(tools, ["a.png", "missed.png", "unknown.png"])
    assert len(reply.json["results"]) == 1
    assert reply.json["results"] == ask(tools, "a.png").json["results"]
    assert "task 7 of Label Studio" in caplog.text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<View", "XML"),
        ("<!DOCTYPE x [<!ENTITY a 'b'>]><View>&a;</View>", "document type"),
        ("<View/>", "no <Image>"),
        ("", "XML"),
        (config(), "no PolygonLabels"),
        (config('<Choices name="x" toName="photo">{}</Choices>'), "no PolygonLabels"),
        (config(POLYGONS, image='<Image name="photo" valueList="$scan"/>'), "no <Image>"),
        (config(POLYGONS, image='<Image name="other" value="$scan"/>'), "no PolygonLabels"),
        (config(POLYGONS, labels='<Label value="plaque"/>'), "'plaque'"),
    ],
)
def test_a_configuration_that_cannot_be_used_is_refused(tools, text, words):
    body = json.dumps({"tasks": [], "label_config": text}).encode()
    reply = tools.ask("/predict", body)
    assert reply.status == 400
    assert words in reply.json["error"]["message"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"tasks": 3, "label_config": ""}'])
def test_a_request_that_cannot_be_used_is_refused(tools, body):
    assert tools.ask("/predict", body or b" ").status == 400


def test_it_is_set_up_and_told_about_annotations(tools, caplog):
    request = {"project": "3.17", "schema": "", "hostname": "http://x", "access_token": "hidden"}
    version = tools.ask("/setup", json.dumps(request).encode()).json["model_version"]
    assert version.startswith("two-")
    assert ask(tools, "a.png").json["model_version"] == version
    assert caplog.text == ""
    request["schema"] = config(POLYGONS, labels='<Label value="plaque"/>')
    assert tools.ask("/setup", json.dumps(request).encode()).status == 200
    assert "no label of the configuration" in caplog.text
    assert "hidden" not in caplog.text
    event = json.dumps({"action": "ANNOTATION_CREATED", "annotation": {}}).encode()
    assert tools.ask("/webhook", event).status == 201


def test_every_model_has_an_address_of_its_own(tools_service, two_classes, model_folder):
    from maskforge.server.models import Models
    from maskforge.server.service import Service

    options = tools_service.options
    both = Service(Models([two_classes, model_folder], options.model), None, options)
    with running(both) as server:
        content, text = data_uri(png(NESTED)), config(POLYGONS)
        first = ask(server, content, text).json
        assert first == ask(server, content, text, "/label-studio/two/predict").json
        other = ask(server, content, text, "/label-studio/bright/predict").json
        assert other["model_version"].startswith("bright-")
        labels = {one["value"]["polygonlabels"][0] for one in other["results"][0]["result"]}
        assert labels == {"caries"}  # this model calls everything bright so
        assert server.ask("/label-studio/bright/health").json == {"status": "UP"}
        assert server.ask("/label-studio/none/health").status == 404
        assert ask(server, content, text, "/label-studio/none/predict").status == 404


def test_it_may_log_in_with_the_token(tools_service):
    from maskforge.server.service import Service

    options = dataclasses.replace(tools_service.options, token="secret")
    with running(Service(tools_service.models, None, options)) as server:
        path = "/label-studio/two/health"
        assert server.ask(path).status == 401
        for pair, status in ((b"user:secret", 200), (b"secret:", 200), (b"user:other", 401)):
            header = "Basic " + base64.b64encode(pair).decode()
            assert server.ask(path, Authorization=header).status == status


class FakeLabelStudio(http.server.BaseHTTPRequestHandler):
    """Gives images to whoever has the key, and does what a server should not."""

    asked: list[tuple[str, str]]

    def do_GET(self):
        self.asked.append((self.path, self.headers.get("Authorization", "")))
        if self.headers.get("Authorization") not in ("Token old-key", "Bearer fresh"):
            self.answer(401, b"who are you")
        elif "redirect" in self.path:
            self.send_response(302)
            self.send_header("Location", "/data/upload/1/aaaaaaaa-fine.png")
            self.end_headers()
        elif "large" in self.path:
            self.answer(200, b"x" * (2**20 + 2**18))
        elif "slow" in self.path:
            self.send_response(200)
            self.send_header("Content-Length", "1000000")
            self.end_headers()
            for _ in range(40):
                self.wfile.write(b"x")
                time.sleep(0.1)
        elif "short" in self.path:
            self.send_response(200)
            self.send_header("Content-Length", "1000000")
            self.end_headers()
            self.wfile.write(png(NESTED))
        elif "text" in self.path:
            self.answer(200, b"hello")
        elif "gone" in self.path:
            self.answer(404, b"")
        else:
            self.answer(200, png(NESTED))

    def do_POST(self):
        self.asked.append((self.path, ""))
        sent = self.rfile.read(int(self.headers["Content-Length"]))
        is_known = json.loads(sent) == {"refresh": "a.new.key"}
        self.answer(200 if is_known else 401, b'{"access": "fresh"}' if is_known else b"{}")

    def answer(self, status, content):
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def label_studio():
    handler = type("Handler", (FakeLabelStudio,), {"asked": []})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        server.block_on_close = False
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", handler.asked
        server.shutdown()


@pytest.fixture(scope="module")
def connected(tools_service, label_studio):
    """A server that may fetch images, none larger than a MiB."""
    from maskforge.server.service import Service

    address, _ = label_studio
    options = dataclasses.replace(
        tools_service.options,
        label_studio=address,
        label_studio_key="old-key",
        body_megabytes=1,
        seconds=1,
    )
    with running(Service(tools_service.models, None, options)) as server:
        yield server


@pytest.mark.parametrize(
    "text",
    [
        "/data/upload/3/0123abcd-a.png",
        "data/upload/3/0123abcd-ä b.png",
        "/data/local-files/?d=scans/a%20b.png",
        "/storage-data/uploaded/?filepath=upload/3/0123abcd-a.png",
        "{}/data/upload/3/0123abcd-a.png",
    ],
)
def test_images_are_fetched_from_the_label_studio_that_was_named(connected, label_studio, text):
    address, asked = label_studio
    del asked[:]
    found = results(ask(connected, text.format(address)))
    own = results(ask(connected, data_uri(png(NESTED))))
    assert [one["value"] for one in found] == [one["value"] for one in own]
    assert [key for _, key in asked] == ["Token old-key"]


@pytest.mark.parametrize(
    "text",
    [
        "/api/users/",
        "/data/upload/../../api/users",
        "/data/upload/%2e%2e/%2e%2e/api/users",
        "/data/upload/..\\..\\api",
        "/data/local-files/?d=../../etc/passwd",
        "/data/local-files/?d=%2e%2e/etc/passwd",
        "/data/local-files/?d=a.png&d=b.png",
        "/data/upload/3/a.png\r\nX-Header: 1",
        "http://127.0.0.1:1/data/upload/3/a.png",
        "https://{}/data/upload/3/a.png",
        "http://{}@127.0.0.1:1/data/upload/3/a.png",
        "//127.0.0.1:1/data/upload/3/a.png",
        "http://user:password@{}/data/upload/3/a.png",
        "http://[::1/data/upload/3/a.png",
    ],
)
def test_nothing_else_is_fetched(connected, label_studio, text):
    address, asked = label_studio
    del asked[:]
    reply = ask(connected, text.format(address.removeprefix("http://")))
    assert reply.status == 404
    assert asked == []


@pytest.mark.parametrize(
    ("name", "status", "words"),
    [
        ("redirect.png", 502, "302"),
        ("large.png", 413, "too large"),
        ("slow.png", 502, "too long"),
        ("short.png", 502, "cut off"),
        ("text.png", 415, "image"),
        ("gone.png", 502, "404"),
    ],
)
def test_what_is_fetched_is_looked_at(connected, label_studio, name, status, words):
    _, asked = label_studio
    del asked[:]
    reply = ask(connected, f"/data/upload/3/0123abcd-{name}")
    assert reply.status == status
    assert words in reply.json["error"]["message"]
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("key", "status"), [("a.new.key", 200), ("an.other.key", 502), ("", 502), ("wrong", 502)]
)
def test_a_new_key_is_exchanged(tools_service, label_studio, key, status):
    from maskforge.server.service import Service

    address, asked = label_studio
    del asked[:]
    options = dataclasses.replace(tools_service.options, label_studio=address, label_studio_key=key)
    with running(Service(tools_service.models, None, options)) as server:
        reply = ask(server, "/data/upload/3/0123abcd-a.png")
        assert reply.status == status
        if status != 200:
            assert "key" in reply.json["error"]["message"] + reply.json["error"]["hint"].lower()
    assert key not in repr(options) or not key


@pytest.mark.parametrize(
    "address",
    [
        "localhost:8080",
        "ftp://x",
        "http://",
        "http://x/path",
        "http://u@x",
        "http://x:y",
        "http://[x",
    ],
)
def test_an_address_that_names_no_server_is_refused(address):
    from maskforge.server.serve_options import ServeOptions

    with pytest.raises(OptionError, match="server"):
        ServeOptions(label_studio=address)


def test_the_command_takes_the_key_from_the_environment(monkeypatch):
    """So that nobody sees it in the list of processes."""
    from maskforge.cli.app import app
    from maskforge.server import serve as module

    seen = {}
    monkeypatch.setattr(module, "serve", lambda *_, **keywords: seen.update(keywords))
    arguments = ["serve", "runs/caries", "--label-studio", "http://localhost:8080"]
    result = CliRunner().invoke(app, arguments, env={"LABEL_STUDIO_API_KEY": "key"})
    assert result.exit_code == 0, result.output
    assert (seen["label_studio"], seen["label_studio_key"]) == ("http://localhost:8080", "key")
