"""Clients that are slow, silent, gone or many: others are answered, and nothing is left behind."""

import concurrent.futures
import contextlib
import os
import socket
import struct
import threading
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from running_server import light, running

POST = b"POST /api/predict HTTP/1.1\r\nHost: 127.0.0.1\r\n"
DESCRIPTORS = Path("/proc/self/fd")


def encoded(side=16, brightest=255):
    pixels = np.random.default_rng(0).integers(0, brightest + 1, (side, side), np.uint8)
    return cv2.imencode(".png", pixels)[1].tobytes()


@pytest.fixture(scope="module")
def impatient(tmp_path_factory):
    """A server that waits for a second, and takes bodies of a MiB."""
    folder = tmp_path_factory.mktemp("impatient") / "bright"
    with running(light(folder, seconds=1, body_megabytes=1)) as found:
        found.ask("/api/predict", encoded())
        yield found


@pytest.fixture(autouse=True)
def nothing_is_left(impatient):
    """Compare threads and file descriptors before and after."""
    assert impatient.has_lost_all()
    before = count_descriptors()
    yield
    assert impatient.ask("/api/predict", encoded()).status == 200
    assert impatient.has_lost_all()
    for _ in range(100):
        if count_descriptors() <= before:
            break
        time.sleep(0.02)
    assert count_descriptors() <= before
    workers = [one for one in threading.enumerate() if "AnyIO" in one.name]
    assert len(workers) <= 2 * (os.cpu_count() + 4)


def count_descriptors():
    return len([*DESCRIPTORS.iterdir()]) if DESCRIPTORS.is_dir() else 0


@contextlib.contextmanager
def connected(server, sent=b"", *, count=1, window=None):
    """Open connections that have sent the same."""
    with contextlib.ExitStack() as stack:
        found = []
        for _ in range(count):
            one = stack.enter_context(socket.socket())
            if window:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
            one.settimeout(20)
            one.connect(("127.0.0.1", server.port))
            one.sendall(sent)
            found.append(one)
        yield found


def reads_to_the_end(connection):
    """Return everything that comes until the server closes."""
    pieces = []
    with contextlib.suppress(ConnectionError):
        while piece := connection.recv(2**16):
            pieces.append(piece)
    return b"".join(pieces)


@pytest.mark.parametrize(
    ("sent", "reply"),
    [
        (b"", b""),
        (b"GET /api", b""),
        (b"GET /api/model HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ", b""),
        (b"GET /api/model HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nGET ", b"200"),
        (POST + b"Content-Length: 100\r\n\r\n", b"408"),
        (POST + b"Content-Length: 100\r\n\r\nabc", b"408"),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab", b"408"),
        (POST + b"Content-Length: 9\r\nExpect: 100-continue\r\n\r\n", b"408"),
        (b"GET /nothing HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\nabc", b"404"),
    ],
    ids=lambda one: repr(one[-24:]),
)
def test_clients_that_stop_in_the_middle_are_let_go(impatient, sent, reply):
    """Forty of them; others are answered meanwhile."""
    with connected(impatient, sent, count=40) as connections:
        for _ in range(3):
            assert impatient.ask("/api/predict", encoded()).status == 200
        for connection in connections:
            assert reply in reads_to_the_end(connection)


@pytest.mark.parametrize(
    "head",
    [b"", POST + b"Content-Length: 100\r\n\r\n", POST + b"Transfer-Encoding: chunked\r\n\r\n"],
)
def test_clients_that_send_a_byte_at_a_time_are_let_go(impatient, head):
    with connected(impatient, head) as (connection,):
        connection.setblocking(False)
        until = time.monotonic() + 20
        drops = POST + b"X: " + b"y" * 1000
        is_open = True
        for byte in drops if not head else b"1\r\na\r\n" * 1000:
            try:
                connection.send(bytes([byte]))
            except ConnectionError:
                is_open = False
                break
            assert time.monotonic() < until
            time.sleep(0.1)
        assert not is_open


def test_chunks_without_end_are_cut_off(impatient):
    with connected(impatient, POST + b"Transfer-Encoding: chunked\r\n\r\n") as (connection,):
        chunk = b"10000\r\n" + bytes(2**16) + b"\r\n"
        until = time.monotonic() + 20
        with contextlib.suppress(ConnectionError):
            while time.monotonic() < until:
                connection.sendall(chunk)
        assert time.monotonic() < until


@pytest.mark.parametrize("asked", [1, 50])
def test_clients_that_never_read_are_let_go(impatient, asked):
    """A large answer does not fit on its way, and many small ones do not, either."""
    side = 1000 if asked == 1 else 200
    image = cv2.imencode(".png", np.zeros((side, side), np.uint8))[1].tobytes()
    head = POST.replace(b"predict", b"predict?answer=probabilities")
    request = head + b"Content-Length: %d\r\n\r\n" % len(image) + image
    with connected(impatient, request * asked, count=3, window=4096):
        for _ in range(3):
            assert impatient.ask("/api/predict", encoded()).status == 200
        assert impatient.has_lost_all()


def test_a_client_that_reads_slowly_but_steadily_gets_everything(impatient):
    head = POST.replace(b"predict", b"predict?answer=probabilities")
    image = cv2.imencode(".png", np.zeros((200, 200), np.uint8))[1].tobytes()
    request = head + b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(image) + image
    content = b""
    with connected(impatient, request, window=4096) as (connection,):
        while piece := connection.recv(2**15):
            content += piece
            time.sleep(0.01)
    assert len(content.partition(b"\r\n\r\n")[2]) == 200 * 200 * 2 * 4


@pytest.mark.parametrize("is_reset", [False, True])
def test_clients_that_close_in_the_middle_leave_nothing(impatient, is_reset):
    """Their bodies would be twice what is held at once, if they were still counted."""
    body = POST + b"Content-Length: 1000000\r\n\r\n" + bytes(900_000)
    small = POST + b"Content-Length: %d\r\n\r\n" % len(encoded()) + encoded()
    for _ in range(4):
        for sent in (body, small, small * 3, b"GE"):
            with connected(impatient, sent, count=4) as connections:
                if is_reset:
                    for one in connections:
                        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        assert impatient.ask("/api/predict", encoded()).status == 200
    assert impatient.has_lost_all()
    assert impatient.ask("/api/predict", bytes(900_000)).status == 415


def test_all_bodies_together_are_bounded(impatient):
    body = POST + b"Content-Length: 1048576\r\n\r\n" + bytes(1_000_000)
    with connected(impatient, body, count=12) as connections:
        replies = [reads_to_the_end(one) for one in connections]
    refused = [one for one in replies if one.startswith(b"HTTP/1.1 503")]
    assert refused
    assert all(b"retry-after: 2" in one for one in refused)
    assert sum(one.startswith(b"HTTP/1.1 408") for one in replies) in range(1, 9)


def test_two_hundred_clients_at_once_are_all_answered(impatient):
    image = encoded(40)
    expected = impatient.ask("/api/predict", image).content
    together = threading.Barrier(200)

    def ask(_):
        together.wait(30)
        return impatient.ask("/api/predict", image)

    with concurrent.futures.ThreadPoolExecutor(200) as pool:
        answers = list(pool.map(ask, range(200)))
    assert {one.status for one in answers} == {200}
    assert {one.content for one in answers} == {expected}


@pytest.mark.skipif(not DESCRIPTORS.is_dir(), reason="Linux tells the memory of a process")
def test_memory_stays_flat(impatient):
    """If every body were kept, 200 requests would take 20 MB more."""

    def answered(count):
        for _ in range(count):
            assert impatient.ask("/api/predict", image).status == 200
        status = Path("/proc/self/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1000

    image = encoded(360, brightest=110)  # nothing is found in it, which takes long to outline
    assert len(image) > 100_000
    before = answered(100)
    assert answered(200) < before + 10


def test_the_longest_idle_connection_gives_way(tmp_path, monkeypatch):
    monkeypatch.setattr("maskforge.server.connection._MOST", 20)
    with (
        running(light(tmp_path / "bright")) as patient,
        connected(patient, count=40) as connections,
    ):
        assert patient.ask("/api/predict", encoded()).status == 200
        assert len(patient.uvicorn.server_state.connections) <= 20
        assert reads_to_the_end(connections[0]) == b""
        connections[-1].sendall(b"GET /api/model HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert connections[-1].recv(12) == b"HTTP/1.1 200"


def test_slow_predictions_do_not_block_what_needs_none(tmp_path):
    goes_on = threading.Event()

    def infer(batch):
        assert goes_on.wait(30)
        return np.zeros((*batch.shape[:3], 2), np.float32)

    with (
        running(light(tmp_path / "bright", infer=infer)) as found,
        concurrent.futures.ThreadPoolExecutor(20) as pool,
    ):
        waiting = [pool.submit(found.ask, "/api/predict", encoded()) for _ in range(20)]
        time.sleep(0.2)
        try:
            assert found.ask("/api/model").status == 200
            assert found.ask("/nothing").status == 404
        finally:
            goes_on.set()
        assert {one.result().status for one in waiting} == {200}
