"""Measure how fast a server answers many clients; print a Markdown table.

Run with ``python benchmarks/serving.py``; it takes about two minutes and needs TensorFlow, openvino
and ``maskforge[serve]``. The network is that of ``benchmarks/prediction.py``, the images have
256 x 256 px. The server is a process of its own, as ``maskforge serve`` starts it; the clients are
threads here, so they take from the same cores. Methods take turns, and ratios are medians over the
rounds, so that what else the machine does hits all of them alike. With a number, as in ``python
benchmarks/serving.py 10000``, so many further requests are sent, to see whether memory stays flat
(Linux only).
"""

from __future__ import annotations

import concurrent.futures
import functools
import http.client
import itertools
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from prediction import as_batch, make_images, make_model

import maskforge as mf

IMAGES = 16
ROUNDS = 4
CLIENTS = (1, 4, 16)


@contextmanager
def served(model: Path) -> Iterator[tuple[int, int]]:
    """Start a server; yield its port and the number of its process."""
    command = [sys.executable, "-m", "maskforge", "serve", str(model), "--port", "0"]
    command += ["--runtime", "openvino", "--precision", "float32"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            found = re.search(r":(\d+)/", process.stdout.readline())
            assert found is not None
            yield int(found[1]), process.pid
        finally:
            process.terminate()


class Clients:
    """Clients that each keep their connection while they ask.

    Attributes:
        seconds: How long each answer took.
    """

    def __init__(self, port: int, count: int) -> None:
        self._port = port
        self._count = count
        self._own = threading.local()
        self.seconds: list[float] = []

    def ask(self, contents: list[bytes]) -> None:
        """Send images; all clients take from one list."""
        with concurrent.futures.ThreadPoolExecutor(self._count) as pool:
            self.seconds += pool.map(self._ask_one, contents)

    def _ask_one(self, content: bytes) -> float:
        start = time.perf_counter()
        if not hasattr(self._own, "connection"):
            self._own.connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=300)
        self._own.connection.request("POST", "/api/predict", content)
        reply = self._own.connection.getresponse()
        reply.read()
        assert reply.status == 200, reply.status
        return time.perf_counter() - start


def resident(process: int) -> float:
    """Return the memory of a process in MB."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1000


def main() -> None:
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_model(folder / "model")
        contents = make_images(folder / "images", IMAGES)
        predictor = mf.Predictor.load(folder / "model", runtime="openvino", precision="float32")
        batches = [as_batch(one) for one in contents]
        runs = itertools.count()
        with served(folder / "model") as (port, process):
            clients = {count: Clients(port, count) for count in CLIENTS}

            def infer() -> None:
                for batch in batches:
                    predictor.runtime.infer(batch)

            def predict() -> None:
                out = folder / f"out{next(runs)}"
                mf.predict(predictor, folder / "images", out)

            methods: dict[str, Callable[[], None]] = {"predict": predict, "runtime": infer}
            for count in CLIENTS:
                methods[str(count)] = functools.partial(clients[count].ask, contents)
            report(methods, clients)
            if len(sys.argv) > 1:
                watch_memory(clients[4], contents, int(sys.argv[1]), process)


def report(methods: dict[str, Callable[[], None]], clients: dict[int, Clients]) -> None:
    """Measure, and print the table."""
    times: dict[str, list[float]] = {name: [] for name in methods}
    for number in range(ROUNDS + 1):
        for name, call in methods.items():
            start = time.perf_counter()
            call()
            if number:  # the first warms up
                times[name].append(time.perf_counter() - start)
        if not number:
            for one in clients.values():
                one.seconds.clear()
    print("| method | speed | images/s | p50 ms | p99 ms |\n|---|---|---|---|---|")
    names = {"predict": "`maskforge predict`", "runtime": "the bare runtime"}
    names |= {str(count): f"`maskforge serve`, clients: {count}" for count in CLIENTS}
    for name, taken in times.items():
        speed = statistics.median(a / b for a, b in zip(times["predict"], taken, strict=True))
        waited = ("", "")
        if name.isdigit():
            seconds = clients[int(name)].seconds
            found = np.percentile(seconds, (50, 99)) * 1000
            waited = (f"{found[0]:.0f}", f"{found[1]:.0f}")
        rate = IMAGES / statistics.median(taken)
        print(f"| {names[name]} | {speed:.2f} | {rate:.0f} | {' | '.join(waited)} |")


def watch_memory(clients: Clients, contents: list[bytes], count: int, process: int) -> None:
    """Print the memory of the server while it answers."""
    done = 0
    print("\n| requests | memory MB |\n|---|---|")
    for part in range(11):
        while done < count * part // 10:
            clients.ask(contents)
            done += len(contents)
        print(f"| {done} | {resident(process):.0f} |", flush=True)


if __name__ == "__main__":
    main()
