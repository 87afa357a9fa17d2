"""A newer model in the folder of a run is taken up while clients ask, and a damaged one is not."""

import concurrent.futures
import shutil
import threading
import time

import cv2
import model_folders as models
import numpy as np
import pytest
from running_server import running

import maskforge as mf

PIXELS = np.tile(np.arange(100, 164, dtype=np.uint8), (32, 1))


def wait_for(condition):
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.fixture
def served(model_folder, tmp_path, monkeypatch, caplog):
    """A server that looks for newer models all the time."""
    from maskforge.server.models import Models
    from maskforge.server.serve_options import ServeOptions
    from maskforge.server.service import Service

    caplog.set_level("INFO", "maskforge.server")
    monkeypatch.setattr("maskforge.server.app._SECONDS_BETWEEN_LOOKS", 0.05)
    folder = tmp_path / "bright"
    models.save(folder, models.brightness((0.5, 0.8)), head="sigmoid")
    options = ServeOptions(model=mf.ModelOptions(runtime="keras"))
    with running(Service(Models([folder], options.model), None, options)) as found:
        yield found, folder


def test_a_newer_model_is_taken_up_without_a_failed_request(served, caplog):
    server, folder = served
    image = cv2.imencode(".png", PIXELS)[1].tobytes()
    old = server.ask("/api/predict", image)
    np.testing.assert_array_equal(old.values, np.where(PIXELS >= 128, 3, 0))
    digest = server.ask("/api/model").json["models"][0]["digest"]
    ends = threading.Event()

    def hammer():
        found = []
        while not ends.is_set():
            found.append(server.ask("/api/predict", image))
        return found

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        clients = [pool.submit(hammer) for _ in range(4)]
        models.save(folder, models.brightness((0.602, 0.8)), head="sigmoid")
        try:
            wait_for(lambda: server.ask("/api/model").json["models"][0]["digest"] != digest)
            time.sleep(0.1)
        finally:
            ends.set()
        answers = [one.result() for one in clients]
    new = server.ask("/api/predict", image)
    np.testing.assert_array_equal(new.values, np.where(PIXELS >= 154, 3, 0))
    for found in answers:
        assert {one.status for one in found} == {200}
        contents = [one.content for one in found]
        first = contents.index(new.content)
        assert set(contents[:first]) <= {old.content}
        assert set(contents[first:]) == {new.content}
    assert caplog.text.count("bright: a newer model is used") == 1
    assert "is not used" not in caplog.text


def test_a_damaged_or_half_written_model_leaves_the_old_one(served, tmp_path, caplog):
    server, folder = served
    image = cv2.imencode(".png", PIXELS)[1].tobytes()
    old = server.ask("/api/predict", image).content
    other = models.save(tmp_path / "other", models.brightness((0.602, 0.8)), head="sigmoid")
    whole = (other / "model.keras").read_bytes()

    def is_refused_once_more(count):
        wait_for(lambda: caplog.text.count("the newer model is not used") == count)
        assert server.ask("/api/predict", image).content == old

    (folder / "model.keras").write_bytes(whole[:-100])
    is_refused_once_more(1)
    (folder / "model.keras").unlink()
    is_refused_once_more(2)
    (folder / "model.keras").write_bytes(whole)  # its description is still that of the old
    is_refused_once_more(3)
    (folder / "maskforge.json").write_text("{")
    is_refused_once_more(4)
    time.sleep(0.3)
    assert caplog.text.count("the newer model is not used") == 4  # each is told once
    shutil.copy(other / "maskforge.json", folder)
    wait_for(lambda: server.ask("/api/predict", image).content != old)
    assert "a newer model is used" in caplog.text
    assert "Traceback" not in caplog.text


def test_whatever_loading_runs_into_does_not_end_the_looking(served, monkeypatch, caplog):
    server, folder = served
    (model,) = server.service.models.values()
    monkeypatch.setattr(model, "_load", lambda: 1 / 0)
    models.save(folder, models.brightness((0.602, 0.8)), head="sigmoid")
    wait_for(lambda: "the newer model is not used" in caplog.text)
    monkeypatch.undo()
    models.save(folder, models.brightness((0.7, 0.8)), head="sigmoid")
    wait_for(lambda: "a newer model is used" in caplog.text)
