"""``maskforge serve``: what it says, and how it ends."""

import concurrent.futures
import http.client
import re
import signal
import socket
import subprocess
import sys
import time

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

import maskforge as mf
from maskforge.cli.app import app

PROGRAM = """
import signal, sys, time
sys.path[:0] = {places!r}
signal.signal(signal.SIGINT, signal.default_int_handler)
from pathlib import Path
import numpy as np
from running_server import light_predictor
from maskforge.cli.app import main
from maskforge.prediction.predictor import Predictor

def infer(batch):
    time.sleep(0.2)
    return np.zeros((*batch.shape[:3], 2), np.float32)

predictor = light_predictor(Path(sys.argv[2]), infer)
Predictor.load = lambda *_, **__: predictor
main()
"""


def ask(port, method="GET", path="/api/model", body=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, path, body)
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_server_ends_after_the_answers_that_are_being_made(tmp_path, data_folder, number):
    """And while the data set is measured."""
    program = PROGRAM.format(places=sys.path)
    command = [sys.executable, "-c", program, "serve", str(tmp_path / "bright"), "--port", "0"]
    image = cv2.imencode(".png", np.zeros((16, 16), np.uint8))[1].tobytes()
    with subprocess.Popen(
        [*command, "--dataset", str(data_folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        line = process.stdout.readline()
        port = int(re.search(r"http://127\.0\.0\.1:(\d+)/", line)[1])
        assert ask(port) == 200
        with concurrent.futures.ThreadPoolExecutor(3) as pool:
            running = [pool.submit(ask, port, "POST", "/api/predict", image) for _ in range(3)]
            with socket.create_connection(("127.0.0.1", port)):  # says nothing
                time.sleep(0.3)
                process.send_signal(number)
                _, err = process.communicate(timeout=60)
            assert [one.result() for one in running] == [200] * 3
    assert process.returncode == 0
    assert err == ""


def run(*arguments):
    return CliRunner().invoke(app, ["serve", *map(str, arguments)])


def test_what_cannot_be_served(tmp_path, monkeypatch):
    for arguments, message in (
        ([], "MODEL"),
        ([tmp_path], "holds no trained model"),
        ([tmp_path / "none"], "none"),
        ([tmp_path, "--host", "0.0.0.0"], "there is no token"),
        ([tmp_path, "--host", "::"], "there is no token"),
        ([tmp_path, "--port", "70000"], "65535"),
        ([tmp_path, "--host", "no such host", "--token", "x"], "cannot listen"),
        ([tmp_path, "--token", "\x1b[31m"], "ASCII"),
    ):
        result = run("--port", "0", *arguments)
        assert result.exit_code == 2, result.output
        assert message in result.output
        assert "Traceback" not in result.output


def test_a_port_that_is_in_use(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        result = run(tmp_path, "--port", port)
    assert result.exit_code == 2
    assert f"cannot listen at 127.0.0.1, port {port}: Address already in use" in result.output
    assert "--port" in result.output


@pytest.mark.parametrize("package", ["starlette", "uvicorn", "python_multipart"])
def test_an_extra_that_is_missing_is_named(tmp_path, monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    result = run(tmp_path, "--port", "0")
    assert result.exit_code == 2
    assert "maskforge[serve]" in result.output
    with pytest.raises(mf.MaskforgeError, match="maskforge"):
        mf.serve(tmp_path, port=0)
