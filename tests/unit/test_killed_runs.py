"""Real runs are killed at random moments; the same command ends like one that nobody disturbed.

``MASKFORGE_KILLS=50`` kills each of them so often.
"""

import os
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from builders import files, labelme, square, tree
from example_files import save

IMAGES = 60
KILLS = int(os.environ.get("MASKFORGE_KILLS", "2"))

CONVERT = "import maskforge as mf; mf.convert({source!r}, {out!r}, instances=True)"
EXPORT = "import maskforge as mf; mf.export({source!r}, {out!r}, format='x-anylabeling')"
PREDICT = (
    "import test_prediction_going_on as tests;"
    "tests.Counted().predict({source!r}, {out!r}, overlay=True)"
)


@pytest.fixture(scope="module")
def annotations(tmp_path_factory):
    folder = tmp_path_factory.mktemp("annotations")
    for number in range(IMAGES):
        labelme(
            folder / f"x{number:02}.json",
            *(square("ab"[one % 2], one, one, one + 3, one + 4) for one in range(number % 4)),
        )
    return folder


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    for number in range(IMAGES):
        save(folder / f"x{number:02}.png", np.full((40, 30), 4 * number, dtype=np.uint8))
    return folder


def started(program, source, out):
    code = program.format(source=str(source), out=str(out))
    path = os.pathsep.join(sys.path)
    return subprocess.Popen([sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": path})


def killed(process, out, chance):
    """Kill a run at some moment after it has begun to write; tell whether it was still running."""
    while process.poll() is None and not files(out):
        time.sleep(0.001)
    time.sleep(chance.random() ** 3 * 0.3)  # most of them early
    process.send_signal(signal.SIGKILL)
    return process.wait() == -signal.SIGKILL


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signals")
@pytest.mark.parametrize(
    ("program", "source"),
    [(CONVERT, "annotations"), (EXPORT, "annotations"), (PREDICT, "images")],
    ids=["convert", "export", "predict"],
)
def test_a_run_that_is_killed_again_and_again_ends_whole(tmp_path, request, program, source):
    source = request.getfixturevalue(source)
    assert started(program, source, tmp_path / "whole").wait() == 0
    seed = random.SystemRandom().randrange(2**32)
    chance = random.Random(seed)
    kills = 0
    for attempt in range(10 * KILLS):
        out = tmp_path / f"out{attempt}"
        while chance.random() < 0.6 and killed(started(program, source, out), out, chance):
            kills += 1
        started(program, source, out).wait()
        assert tree(out) == tree(tmp_path / "whole"), f"seed {seed}"
        if kills >= KILLS:
            break
    assert kills >= KILLS
