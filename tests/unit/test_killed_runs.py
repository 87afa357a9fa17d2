"""Real runs are killed at random moments; the same command ends like one that nobody disturbed.

``MASKFORGE_KILLS=50`` kills each of them so often.
"""

import contextlib
import json
import os
import random
import signal
import time
import zipfile

import numpy as np
import pytest
from builders import labelme, square, tree
from example_files import save
from forked_runs import ForkedRuns
from training_runs import discs

import maskforge as mf
from maskforge.files import LOCK, RECORD
from maskforge.files import SHARD as SHARD_RECORD
from maskforge.nn.modelfile import DESCRIPTION, WEIGHTS
from maskforge.training.run_folder import HISTORY

IMAGES = 60
KILLS = int(os.environ.get("MASKFORGE_KILLS", "2"))
LONG = pytest.mark.skipif(
    "MASKFORGE_KILLS" not in os.environ,
    reason="LONG RUN ONLY: `test_shards.py` ends such runs at single steps",
)

CONVERT = "import maskforge as mf; mf.convert({source!r}, {out!r}, instances=True)"
SHARD = "import maskforge as mf; mf.convert({source!r}, {out!r}, shard=(2, 3))"
GATHER = """
from pathlib import Path
import maskforge as mf
mf.gather(sorted(Path({source!r}).iterdir()), {out!r})
"""
EXPORT = "import maskforge as mf; mf.export({source!r}, {out!r}, format='x-anylabeling')"
PREDICT = (
    "import test_prediction_going_on as tests;"
    "tests.Counted().predict({source!r}, {out!r}, overlay=True)"
)
TRAIN = """
from pathlib import Path
import maskforge as mf, training_runs
from maskforge.files import RECORD
from maskforge.training.run_folder import read_record
out = Path({out!r})
if not (out / RECORD).is_file():
    mf.train({source!r}, out, training_runs.options(epochs=6), overwrite=True)
elif read_record(out).state != "finished":
    mf.resume_training(out)
"""
DIFFERENT = {"name", "created", "weights_digest", "seconds", "peak_memory", "images_per_second"}


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
def parts(annotations, tmp_path_factory):
    folder = tmp_path_factory.mktemp("parts")
    for number in range(1, 4):
        mf.convert(annotations, folder / f"part-{number}", instances=True, shard=(number, 3))
    return folder


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    for number in range(IMAGES // 4):  # drawing what was predicted takes long
        save(folder / f"x{number:02}.png", np.full((40, 30), 16 * number, dtype=np.uint8))
    return folder


@pytest.fixture(scope="module")
def started():
    """Starts a program in a process of its own."""
    if os.name == "nt":
        pytest.skip("Windows has no signals")
    with ForkedRuns(
        "maskforge.dataset.conversion", "maskforge.exports.export", "test_prediction_going_on"
    ) as runs:
        yield lambda program, source, out: runs.start(
            program.format(source=str(source), out=str(out))
        )


def locked(out):
    """Return what changes whenever a run begins in a folder."""
    with contextlib.suppress(FileNotFoundError):
        return (out / LOCK).stat().st_size
    return 0


def killed(started, program, source, out, seconds):
    """Kill a run so long after it has begun to write; tell whether there is more to do."""
    before = locked(out)
    process = started(program, source, out)
    while process.runs() and locked(out) == before:
        time.sleep(0.001)
    time.sleep(seconds)
    process.kill()
    return process.wait() == -signal.SIGKILL and (out / LOCK).exists()


def disturbed(started, program, source, folder, longest):
    """Yield the folders of runs that ended in spite of kills, until there were enough of these.

    Args:
        started: The fixture.
        program: What is run.
        source: Its input.
        folder: Where the folders are made.
        longest: So many seconds after it has begun to write a run may be killed.
    """
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    kills = 0
    for attempt in range(10 * KILLS):
        out = folder / f"out{attempt}"
        is_whole = False
        while not is_whole and chance.random() < 0.6:
            # most of them early
            is_whole = not killed(started, program, source, out, chance.random() ** 3 * longest)
            kills += not is_whole
        assert is_whole or started(program, source, out).wait() == 0
        yield out
        if kills >= KILLS:
            break
    assert kills >= KILLS


@pytest.mark.parametrize(
    ("program", "source"),
    [
        (CONVERT, "annotations"),
        (EXPORT, "annotations"),
        (PREDICT, "images"),
        pytest.param(SHARD, "annotations", marks=LONG),
        pytest.param(GATHER, "parts", marks=LONG),
    ],
    ids=["convert", "export", "predict", "shard", "gather"],
)
def test_a_run_that_is_killed_again_and_again_ends_whole(
    tmp_path, request, started, program, source
):
    source = request.getfixturevalue(source)
    assert started(program, source, tmp_path / "whole").wait() == 0
    for out in disturbed(started, program, source, tmp_path, 0.3):
        assert without_record(out) == without_record(tmp_path / "whole")


def without_record(out):
    """Return what is in a folder, without where a shard was made."""
    content = tree(out)
    content.pop(SHARD_RECORD, None)
    return content


@pytest.mark.skipif(
    "MASKFORGE_KILLS" not in os.environ,
    reason="LONG RUN ONLY: Keras takes long to start; `test_resume.py` kills one training",
)
def test_a_training_that_is_killed_again_and_again_ends_as_if_nothing_had_happened(
    tmp_path, started
):
    table = tmp_path / "table.csv"
    lines = [f"{one.image},{one.mask}" for one in discs(tmp_path / "data", 10)]
    table.write_text("\n".join(["image,mask", *lines]))
    assert started(TRAIN, table, tmp_path / "whole").wait() == 0
    for out in disturbed(started, TRAIN, table, tmp_path, 20):
        assert trained(out) == trained(tmp_path / "whole")


def trained(run):
    """Return what is in the folder of a training, without durations, dates and names."""
    content = tree(run)
    for name in (RECORD, DESCRIPTION):
        told = json.loads(content[name])
        content[name] = {key: told[key] for key in told.keys() - DIFFERENT}
    lines = [line.split(",") for line in content[HISTORY].decode().splitlines()]
    content[HISTORY] = [line[:3] + line[4:] for line in lines]  # without the seconds
    with zipfile.ZipFile(run / WEIGHTS) as file:
        content[WEIGHTS] = [file.read(one) for one in ("config.json", "model.weights.h5")]
    return content
