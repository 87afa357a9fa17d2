"""One network for many clients: nobody's answer depends on who else asks."""

import concurrent.futures
import threading
import time

import cv2
import numpy as np
from running_server import light, running


def encoded(value):
    pixels = np.tile(np.arange(64, dtype=np.uint8), (48, 1))
    pixels[:24, :32] = value
    return cv2.imencode(".png", pixels)[1].tobytes()


def test_batches_of_clients_are_computed_one_by_one(tmp_path):
    """Joined, they would not be computed in the same bits as by ``maskforge predict``."""
    together = threading.Barrier(12)
    computing = threading.Lock()
    shapes = []

    def infer(batch):
        assert computing.acquire(blocking=False)
        shapes.append(batch.shape)
        result = np.repeat(batch, 2, axis=-1)
        computing.release()
        return result

    with running(light(tmp_path / "bright", infer=infer)) as found:

        def ask(number):
            together.wait(30)
            return found.ask("/api/predict", encoded(number)).values

        with concurrent.futures.ThreadPoolExecutor(12) as pool:
            masks = list(pool.map(ask, range(100, 220, 10)))
    assert shapes == [(1, 48, 64, 1)] * 12
    for value, mask in zip(range(100, 220, 10), masks, strict=True):
        assert (mask[:24, :32] != 0).all() == (value >= 128)
        assert (mask[24:] == 0).all()


def test_what_measuring_runs_into_is_told(data_folder, tmp_path, monkeypatch, caplog):
    from maskforge.server.shown_set import ShownSet

    (model,) = light(tmp_path / "bright").models.values()
    shown = ShownSet(data_folder)
    monkeypatch.setattr(shown, "_measure", lambda *_: 1 / 0)
    thread = threading.Thread(target=shown.measure, args=([model],))
    thread.start()
    try:
        while not shown.account(model).problem:
            assert thread.is_alive()
            time.sleep(0.02)
    finally:
        shown.end()
        thread.join()
    assert "its log has more" in shown.account(model).problem
    assert "ZeroDivisionError" in caplog.text


def test_a_failure_hurts_nobody_else(tmp_path):
    def infer(batch):
        if batch.max() > 0.9:
            raise RuntimeError("too bright")
        return np.repeat(batch, 2, axis=-1)

    with (
        running(light(tmp_path / "bright", infer=infer)) as found,
        concurrent.futures.ThreadPoolExecutor(12) as pool,
    ):
        values = [100, 255] * 6
        answers = list(pool.map(lambda one: found.ask("/api/predict", encoded(one)), values))
    assert [one.status for one in answers] == [200, 500] * 6
    assert "too bright" in answers[1].json["error"]["message"]
