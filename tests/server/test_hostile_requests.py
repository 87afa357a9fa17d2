"""Requests that nobody with good intentions sends: each is refused in JSON, and nothing is kept."""

import contextlib
import http.client
import io
import json
import pickle
import socket
import struct
import tempfile
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from running_server import Answer, light, running

import maskforge as mf

TOKEN = "correct horse"


def encoded(side=16, suffix=".png"):
    pixels = np.random.default_rng(0).integers(0, 256, (side, side), np.uint8)
    return cv2.imencode(suffix, pixels)[1].tobytes()


@pytest.fixture(scope="module")
def light_server(tmp_path_factory):
    with running(light(tmp_path_factory.mktemp("light") / "bright", body_megabytes=1)) as found:
        yield found


@pytest.fixture(scope="module")
def token_server(tmp_path_factory):
    with running(light(tmp_path_factory.mktemp("token") / "bright", token=TOKEN)) as found:
        yield found


def talk(server, head, body=b"", *, closes=True):
    """Send bytes as they are; return the first answer, and what came behind it."""
    lines = [head] if isinstance(head, str) else head
    if closes:
        lines = [*lines, "Connection: close"]
    sent = "\r\n".join([*lines, "", ""]).encode("latin-1") + body
    with socket.create_connection(("127.0.0.1", server.port), 30) as connection:
        connection.sendall(sent)
        with http.client.HTTPResponse(connection) as reply:
            reply.begin()
            content = reply.read()
            headers = {name.lower(): value for name, value in reply.getheaders()}
        connection.settimeout(None if closes else 0.3)
        with contextlib.suppress(TimeoutError, ConnectionError):
            return Answer(reply.status, headers, content), connection.recv(1000)
    return Answer(reply.status, headers, content), b""


def is_refused(answer, *statuses):
    """Whether an answer is an error of the documented form, without a traceback."""
    error = answer.json["error"]
    return (
        answer.status in statuses
        and set(error) == {"message", "hint"}
        and error["message"]
        and b"Traceback" not in answer.content
        and answer.headers["content-type"] == "application/json"
        and answer.headers["x-content-type-options"] == "nosniff"
    )


PLACES = ("/api/images/{}", "/api/images/{}/image", "/page/{}", "/{}")
IDS = (
    "../../etc/passwd",
    "..%2f..%2f..%2fetc%2fpasswd",
    "%2e%2e/%2e%2e/%2e%2e/etc/passwd",
    "%2e%2e%5c%2e%2e%5cetc%5cpasswd",
    "/etc/passwd",
    "%2fetc%2fpasswd",
    "a%00.png",
    "%c0%ae%c0%ae/etc/passwd",
    "%ef%bc%8e%ef%bc%8e%ef%bc%8fetc",  # dots and a slash of full width
    "%d0%b0",  # a Cyrillic a
    "..%2f__init__.py",
    "../guard.py",
    "%ff%fe",
    "a" * 20_000,
)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("id_", IDS, ids=lambda one: one[:24])
def test_no_path_leads_out(light_server, place, id_):
    answer, rest = talk(light_server, [f"GET {place.format(id_)} HTTP/1.1", "Host: 127.0.0.1"])
    assert is_refused(answer, 404)
    assert not rest


@pytest.mark.parametrize(
    "path", ["/page/../api/model", "/page/%2e%2e/api/model", "//api/model", "/page/..%2fapi"]
)
def test_the_page_is_no_way_around_the_token(token_server, path):
    answer, _ = talk(token_server, [f"GET {path} HTTP/1.1", "Host: 127.0.0.1"])
    assert is_refused(answer, 401, 404)


def test_a_target_may_not_name_another_server(light_server):
    answer, _ = talk(light_server, ["GET http://evil.com/api/model HTTP/1.1", "Host: 127.0.0.1"])
    assert is_refused(answer, 404)


INNER = b"GET /openapi.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


@pytest.mark.parametrize(
    "headers",
    [
        ["Content-Length: 5", "Transfer-Encoding: chunked"],
        ["Content-Length: 5", "Content-Length: 6"],
        ["Content-Length: -1"],
        ["Content-Length: +5"],
        ["Content-Length: 0x5"],
        ["Content-Length: 5, 6"],
        ["Content-Length: " + "9" * 30],
        ["Transfer-Encoding: chunked, identity"],
        ["Transfer-Encoding: gzip"],
        ["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"],
        ["Transfer-Encoding : chunked"],
    ],
    ids=str,
)
def test_a_body_has_one_length(light_server, headers):
    lines = ["POST /api/predict HTTP/1.1", "Host: 127.0.0.1", *headers]
    answer, rest = talk(light_server, lines, b"0\r\n\r\n" + INNER, closes=False)
    assert is_refused(answer, 400, 413)
    assert answer.headers["connection"] == "close"
    assert not rest  # what was smuggled is not answered


def test_a_body_that_is_too_large_is_refused_and_the_client_hears_it(light_server):
    """Even one that reads nothing before it has sent everything."""
    lines = ["POST /api/predict HTTP/1.1", "Host: 127.0.0.1"]
    large = bytes(8 * 2**20)
    told, _ = talk(light_server, [*lines, f"Content-Length: {len(large)}"], large)
    assert is_refused(told, 413)
    chunks = b"100000\r\n" + large[: 2**20] + b"\r\n"
    untold, _ = talk(
        light_server, [*lines, "Transfer-Encoding: chunked"], chunks * 8 + b"0\r\n\r\n"
    )
    assert is_refused(untold, 413)
    assert told.headers["connection"] == "close"
    head = [*lines, f"Content-Length: {2**40}", "Expect: 100-continue"]
    assert is_refused(talk(light_server, head, closes=False)[0], 413)  # before anything is sent


@pytest.mark.parametrize("path", ["/api/model", "/nothing", "/"])
def test_a_body_that_nobody_wants_is_not_read_as_a_request(light_server, path):
    lines = [f"GET {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(INNER)}"]
    answer, rest = talk(light_server, lines, INNER)
    assert answer.status in (200, 404)
    assert not rest


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(50),
        b"GET\r\n\r\n",
        b"GET / HTTP/x.y\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: a\x00b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n" + b"X: y\r\n" * 20_000,
        b"GET /" + b"a" * 100_000,
    ],
    ids=lambda one: repr(one[:16]),
)
def test_what_is_no_request_is_refused(light_server, sent):
    with socket.create_connection(("127.0.0.1", light_server.port), 30) as connection:
        connection.sendall(sent)
        with http.client.HTTPResponse(connection) as reply:
            reply.begin()
            content = reply.read()
    assert reply.status == 400
    assert json.loads(content)["error"]["message"] == "this is not a valid request of HTTP/1.1"


def test_a_broken_chunk_ends_the_request(light_server):
    lines = ["POST /api/predict HTTP/1.1", "Host: 127.0.0.1", "Transfer-Encoding: chunked"]
    answer, rest = talk(light_server, lines, b"5\r\nhello\r\nzz\r\n")
    assert is_refused(answer, 400)
    assert not rest


HEAD = b'Content-Disposition: form-data; name="image"; filename="a.png"'
PART = b"--x\r\n" + HEAD + b"\r\n\r\n"


@pytest.mark.parametrize(
    ("kind", "form", "status"),
    [
        ("multipart/form-data", PART + b"data\r\n--x--\r\n", 400),
        ("multipart/form-data; boundary=", PART + b"data\r\n--x--\r\n", 400),
        ("multipart/form-data; boundary=y", PART + b"data\r\n--x--\r\n", 400),
        ("multipart/form-data; boundary=" + "y" * 5000, PART + b"data\r\n--x--\r\n", 400),
        ("multipart/form-data; boundary=x", PART + encoded() + b"\r\n--x", 400),
        ("multipart/form-data; boundary=x", PART + encoded(), 400),
        ("multipart/form-data; boundary=x", b"--x--\r\n", 400),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Disp", 400),
        ("multipart/form-data; boundary=x", b"--x\r\n: \r\n\r\n\r\n--x--", 400),
        ("multipart/form-data; boundary=x", PART * 5000 + b"\r\n--x--\r\n", 413),
        ("multipart/form-data; boundary=x", (PART + b"\r\n") * 5000 + b"--x--\r\n", 413),
        (
            "multipart/form-data; boundary=x",
            b"--x\r\n" + b"A: b\r\n" * 50_000 + HEAD + b"\r\n\r\nx\r\n--x--\r\n",
            (400, 413),
        ),
        (
            "multipart/form-data; boundary=x",
            b"--x\r\nA: " + b"b" * 500_000 + b"\r\n\r\nx\r\n--x--\r\n",
            (400, 413),
        ),
        ("application/x-www-form-urlencoded", b"image=http://127.0.0.1/", 415),
        ("application/json", b'{"image": "http://127.0.0.1/"}', 415),
        ("text/plain", b"http://127.0.0.1/", 415),
        ("text/plain", b"file:///etc/passwd", 415),
        ("", b"", 400),
        ("\xff" * 100, b"x", 415),
    ],
)
def test_forms_that_are_none(light_server, kind, form, status):
    answer = light_server.ask("/api/predict", form, Content_Type=kind)
    statuses = status if isinstance(status, tuple) else (status,)
    if form.startswith(PART * 2):  # without line ends the parts are content of the first
        statuses = (413, 415)
    assert is_refused(answer, *statuses)


def png_chunk(name, content):
    return (
        struct.pack(">I", len(content))
        + name
        + content
        + struct.pack(">I", zlib.crc32(name + content))
    )


def bomb_of_png():
    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    rows = zlib.compress(bytes(100_000))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        [png_chunk(b"IHDR", head), png_chunk(b"IDAT", rows), png_chunk(b"IEND", b"")]
    )


def bomb_of_tiff():
    entries = [(256, 60_000), (257, 60_000), (258, 8), (259, 5), (262, 1), (273, 8), (277, 1)]
    entries += [(278, 60_000), (279, 4)]
    fields = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries)
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + fields + bytes(8)


def bomb_of_gif():
    return (
        b"GIF89a"
        + struct.pack("<HHBBB", 60_000, 60_000, 0x80, 0, 0)
        + bytes(6)
        + b","
        + struct.pack("<HHHHB", 0, 0, 60_000, 60_000, 0)
        + b"\x02\x02\x4c\x01\x00;"
    )


def bomb_of_webp():
    small = io.BytesIO()
    Image.new("RGBA", (4, 4)).save(small, "WEBP", lossless=True)
    content = small.getvalue()
    assert content[12:16] == b"VP8L"  # 14 bits each of width and height, less 1
    bits = struct.unpack("<I", content[21:25])[0] >> 28 << 28 | 11_999 << 14 | 11_999
    return content[:21] + struct.pack("<I", bits) + content[25:]


def bomb_of_npy():
    stream = io.BytesIO()
    header = {"descr": "|u1", "fortran_order": False, "shape": (60_000, 60_000)}
    np.lib.format.write_array_header_1_0(stream, header)
    return stream.getvalue() + bytes(1000)


def bomb_of_bmp():
    head = struct.pack("<IiiHHIIiiII", 40, 60_000, 60_000, 1, 8, 1, 100, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 1200, 0, 0, 1078) + head + bytes(1200)


BOMBS = (bomb_of_png, bomb_of_tiff, bomb_of_gif, bomb_of_webp, bomb_of_npy, bomb_of_bmp)


@pytest.mark.parametrize("bomb", BOMBS, ids=lambda one: one.__name__)
def test_a_bomb_is_not_decoded(light_server, monkeypatch, bomb):
    def decode(*_, **__):
        raise AssertionError("it was decoded")

    monkeypatch.setattr("maskforge.server.sent_image.read_image", decode)
    content = bomb()
    assert len(content) < 3000
    answer = light_server.ask("/api/predict", content)
    assert is_refused(answer, 413)
    assert "megapixels" in answer.json["error"]["message"]


def test_texts_of_a_png_are_no_bomb(light_server):
    whole = encoded()
    bomb = b"a\0\0" + zlib.compress(bytes(80 * 2**20), 9)
    for content in (
        whole[:33] + png_chunk(b"zTXt", bomb) + whole[33:],
        whole[:33] + png_chunk(b"tEXt", b"a\0" + bytes(500_000)) + whole[33:],
        whole[:33] + png_chunk(b"tEXt", b"a\0b") * 20_000 + whole[33:],
        whole[:33] + png_chunk(b"iCCP", bomb) + whole[33:],
    ):
        answer = light_server.ask("/api/predict", content)
        assert answer.status == 200 or is_refused(answer, 415)


@pytest.mark.parametrize("suffix", ["GIF", "WEBP", "TIFF", "PNG"])
def test_of_many_images_the_first_is_taken(light_server, suffix):
    frames = [Image.fromarray(np.full((20, 30), value, np.uint8)) for value in range(180, 10, -1)]
    stream = io.BytesIO()
    more = {"lossless": True} if suffix == "WEBP" else {}
    frames[0].save(stream, suffix, save_all=True, append_images=frames[1:], **more)
    answer = light_server.ask("/api/predict", stream.getvalue())
    assert answer.status == 200
    assert (answer.values == 3).all()
    assert answer.values.shape == (20, 30)


class Evil:
    """Leaves a trace where it is unpickled."""

    trace = Path()

    def __reduce__(self):
        return (Path.touch, (self.trace,))


@pytest.mark.parametrize(
    "content",
    [
        b"hello",
        bytes(1000),
        b"<svg xmlns='http://www.w3.org/2000/svg'><image href='file:///etc/passwd'/></svg>",
        b"<?xml version='1.0'?><!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><svg>&e;</svg>",
        b"%PDF-1.7\n",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        b"PK\x03\x04" + bytes(100),
        b"\x1f\x8b\x08" + bytes(100),
        b"\x93NUMPY\x01\x00\xff\xff",
        encoded()[:-60],
        encoded()[:40],
        encoded(64, ".jpg")[:-300],
        encoded(64, ".tiff")[:-300],
        encoded(64, ".webp")[:-300],
        encoded(64, ".bmp")[:-300],
    ],
    ids=lambda one: repr(one[:12]) + str(len(one)),
)
def test_what_is_no_whole_image(light_server, content):
    assert is_refused(light_server.ask("/api/predict", content), 415)


def test_nothing_is_unpickled(light_server, tmp_path):
    Evil.trace = tmp_path / "trace"
    stream = io.BytesIO()
    np.save(stream, np.array([[Evil()]], dtype=object), allow_pickle=True)
    for content in (pickle.dumps(Evil()), stream.getvalue()):
        assert is_refused(light_server.ask("/api/predict", content), 415)
    assert not Evil.trace.exists()


@pytest.mark.parametrize(
    ("hosts", "status"),
    [
        (["127.0.0.1"], 200),
        (["localhost:8000"], 200),
        (["[::1]:8000"], 200),
        (["LOCALHOST"], 200),
        (["evil.com"], 403),
        (["127.0.0.1.evil.com"], 403),
        (["localhost.evil.com:80"], 403),
        (["evil.com#127.0.0.1"], 403),
        (["127.0.0.1@evil.com"], 403),
        (["evil.com@127.0.0.1"], 403),
        (["127.0.0.1/evil.com"], 403),
        (["0.0.0.0"], 403),
        (["[::1"], 403),
        ([""], 403),
        (["127.0.0.1", "evil.com"], 400),
        (["127.0.0.1", "127.0.0.1"], 400),
        ([], 400),
    ],
    ids=str,
)
def test_only_names_of_this_machine_lead_here(light_server, hosts, status):
    lines = ["GET /api/model HTTP/1.1", *(f"Host: {one}" for one in hosts)]
    answer, _ = talk(light_server, lines)
    assert answer.status == status or is_refused(answer, status)
    assert (answer.status == 200) == (status == 200)


def test_without_a_host_nothing_is_served(light_server):
    answer, _ = talk(light_server, ["GET /api/model HTTP/1.0"])
    assert is_refused(answer, 403)


@pytest.mark.parametrize(
    "headers",
    [
        ["Origin: null"],
        ["Origin: http://evil.com"],
        ["Origin: http://127.0.0.1:1"],
        ["Origin: http://127.0.0.1"],
        ["Origin: https://127.0.0.1:8000"],
        ["Origin: http://["],
        ["Origin: "],
        ["Origin: http://evil.com", "Origin: http://127.0.0.1:8000"],
        ["Sec-Fetch-Site: cross-site"],
        ["Sec-Fetch-Site: same-site"],
    ],
    ids=str,
)
def test_pages_of_other_sites_get_nothing(light_server, headers):
    lines = ["GET /api/model HTTP/1.1", "Host: 127.0.0.1:8000"]
    assert talk(light_server, [*lines, "Origin: http://127.0.0.1:8000"])[0].status == 200
    answer, _ = talk(light_server, [*lines, *headers])
    assert is_refused(answer, 400, 403)
    assert "access-control-allow-origin" not in answer.headers


def test_every_route_wants_the_token(token_server):
    from maskforge.server.app import OPERATIONS

    routes = {one.path.replace("{", "").replace("}", "") for one in OPERATIONS} - {"/", "/health"}
    assert {"/api/predict", "/api/images/id/image"} < routes
    others = {"/openapi.json", "/nothing", "/health/", "/health/../api/model", "/pages"}
    for path in routes | others:
        assert is_refused(token_server.ask(path), 401)
        assert is_refused(token_server.ask(path, b"", "POST"), 401)
    assert token_server.ask("/").status == 200
    assert token_server.ask("/health").status == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Authorization": f"Bearer {TOKEN}"}, 200),
        ({"Authorization": f"bearer  {TOKEN}"}, 200),
        ({"Authorization": "Basic " + "eDpjb3JyZWN0IGhvcnNl"}, 200),  # x:correct horse
        ({"Token": TOKEN}, 200),
        ({"Authorization": TOKEN}, 401),
        ({"Authorization": "Bearer correct"}, 401),
        ({"Authorization": "Bearer correct horses"}, 401),
        ({"Authorization": "Bearer " + "x" * 20_000}, 401),
        ({"Authorization": "Bearer"}, 401),
        ({"Authorization": "Basic"}, 401),
        ({"Authorization": "Basic ###"}, 401),
        ({"Authorization": "Basic \xe9\xe9\xe9"}, 401),
        ({"Authorization": f"Digest {TOKEN}"}, 401),
        ({"Token": ""}, 401),
        ({"Token": "\xe9"}, 401),
        ({"Cookie": f"token={TOKEN}"}, 401),
    ],
    ids=str,
)
def test_tokens(token_server, headers, status):
    lines = [f"{name}: {value}" for name, value in headers.items()]
    answer, _ = talk(token_server, ["GET /api/model HTTP/1.1", "Host: 127.0.0.1", *lines])
    assert answer.status == status
    assert status == 200 or is_refused(answer, 401)
    assert status == 200 or answer.headers["www-authenticate"] == "Bearer"


def test_a_token_is_no_part_of_an_address(token_server):
    assert is_refused(token_server.ask(f"/api/model?token={TOKEN.replace(' ', '+')}"), 401)


@pytest.mark.parametrize("method", ["TRACE", "PUT", "DELETE", "PATCH", "OPTIONS", "FOO", "POST"])
def test_methods_that_no_route_has(light_server, method):
    answer = light_server.ask("/api/model", method=method)
    assert is_refused(answer, 405)
    assert "GET" in answer.headers["allow"]
    assert "POST" in light_server.ask("/api/predict", method="PUT").headers["allow"]


def test_odd_targets(light_server):
    for line in ("OPTIONS * HTTP/1.1", "CONNECT evil.com:443 HTTP/1.1"):
        assert is_refused(talk(light_server, [line, "Host: 127.0.0.1"])[0], 404, 405)


def test_head_has_no_body(light_server):
    answer = light_server.ask("/api/model", method="HEAD")
    assert (answer.status, answer.content) == (200, b"")


def test_there_are_no_websockets(light_server, caplog):
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec_WebSocket_Version": "13"}
    answer = light_server.ask("/api/model", Sec_WebSocket_Key="AAAAAAAAAAAAAAAAAAAAAA==", **upgrade)
    assert answer.status == 200
    assert not caplog.records


@pytest.mark.parametrize(
    "query",
    [
        "threshold=nan",
        "threshold=inf",
        "threshold=-0.1",
        "threshold=",
        "threshold=caries=nan",
        "threshold=0.1&threshold=0.2",
        "threshold=nothing=0.5",
        "model=nothing",
        "model=bright&model=bright",
        "model=../bright",
        "answer=everything",
        "format=pickle",
        "unknown=1",
        "limit=1",
        "%00=1",
        "threshold=0.5%00",
        "threshold=" + "9" * 30_000,
        "&".join(f"a{number}=1" for number in range(5000)),
    ],
    ids=lambda one: one[:30],
)
def test_queries_that_are_refused(light_server, query):
    answer = light_server.ask(f"/api/predict?{query}", encoded())
    assert is_refused(answer, 400, 404)
    assert len(answer.content) < 2000


@pytest.mark.parametrize(
    "query", ["limit=-1", "limit=0", "limit=1e9", "offset=-1", "limit=x", "sort=x", "missed=2"]
)
def test_numbers_that_are_refused(light_server, query):
    assert is_refused(light_server.ask(f"/api/images?{query}"), 400)


def test_a_fault_is_told_without_its_traceback(tmp_path, caplog):
    def infer(batch):
        raise RuntimeError("\x1b[31m secret")

    with running(light(tmp_path / "bright", infer=infer)) as found:
        answer = found.ask("/api/predict", encoded())
        assert is_refused(answer, 500)
        assert str(tmp_path) not in answer.content.decode()


def test_faults_outside_the_routes_are_told_likewise(light_server, monkeypatch, caplog):
    monkeypatch.setattr("maskforge.server.guard.Guard._check_sender", lambda *_: 1 / 0)
    assert is_refused(light_server.ask("/api/model"), 500)
    assert "ZeroDivisionError" in caplog.text


def test_the_log_has_nothing_of_what_is_sent(light_server, caplog, capfd):
    caplog.set_level(0)
    name = "%1b%5b31m%0aERROR%20"
    light_server.ask(f"/api/images/{name}")
    light_server.ask(f"/{name}?{name}=1")
    light_server.ask("/api/predict", b"secret \x1b[31m", Content_Type="text/\x1b")
    light_server.ask("/api/predict", encoded())
    talk(light_server, ["GET /\x1b[31m HTTP/1.1"])
    out, err = capfd.readouterr()
    for text in (caplog.text, out, err):
        assert "\x1b" not in text
        assert "secret" not in text
        assert "ERROR " not in text
        assert "PNG" not in text


def test_nothing_that_is_sent_is_kept(light_server, monkeypatch):
    def keep(*_, **__):
        raise AssertionError("a file was made")

    for name in ("mkstemp", "NamedTemporaryFile", "TemporaryFile", "SpooledTemporaryFile"):
        monkeypatch.setattr(tempfile, name, keep)
    noise = encoded(800)
    assert 600_000 < len(noise) < 2**20
    form = PART + noise + b"\r\n--x--\r\n"
    kind = "multipart/form-data; boundary=x"
    assert light_server.ask("/api/predict", form, Content_Type=kind).status == 200
    assert light_server.ask("/api/predict", noise).status == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.168.0.1", "example.org"])
def test_other_machines_need_a_token(host):
    with pytest.raises(mf.MaskforgeError, match="there is no token"):
        mf.ServeOptions(host=host)
    mf.ServeOptions(host=host, token="x")


def test_other_machines_may_use_any_name_but_not_without_the_token(tmp_path):
    service = light(tmp_path / "bright", host="0.0.0.0", token=TOKEN)
    lines = ["GET /api/model HTTP/1.1", "Host: clinic.example"]
    token = f"Token: {TOKEN}"
    with running(service) as found:
        assert is_refused(talk(found, lines)[0], 401)
        assert talk(found, [*lines, token])[0].status == 200
        assert talk(found, [*lines, token, "Origin: https://clinic.example"])[0].status == 200
        for origin in ("null", "http://evil.example", ""):
            assert is_refused(talk(found, [*lines, token, f"Origin: {origin}"])[0], 403)
        assert is_refused(talk(found, ["GET / HTTP/1.0", "Origin: null"])[0], 403)


@pytest.mark.parametrize("host", ["::1", "127.0.0.2"])
def test_other_addresses_of_this_machine(tmp_path, host):
    service = light(tmp_path / "bright", host=host)
    try:
        socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else 2).close()
    except OSError:
        pytest.skip(f"this machine has no address {host}")
    with running(service) as found:
        connection = http.client.HTTPConnection(host, found.port, timeout=30)
        with contextlib.closing(connection):
            connection.request("GET", "/api/model")
            reply = connection.getresponse()
            assert (reply.status, reply.read()[:1]) == (200, b"{")
