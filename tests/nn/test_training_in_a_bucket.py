"""A training whose images and run lie in a bucket of a real S3 server."""

import numpy as np
import pytest
from builders import LOCK, run
from PIL import Image
from s3_server import BUCKET
from training_runs import disc, options

import maskforge as mf

ROOT = f"s3://{BUCKET}"


class KilledError(BaseException):
    """Ends a training where it stands."""


def kill_in_second_epoch(phase, done, total):
    if phase == "epoch 2/2":
        raise KilledError


def history(text):
    """Return the history without durations."""
    lines = [line.split(",") for line in text.splitlines()]
    return [line[:3] + line[4:] for line in lines]


def test_a_killed_training_goes_on_and_ends_in_the_bucket(bucket, eager, tmp_path, monkeypatch):
    for number in range(4):
        for folder, values in zip(("images", "masks"), disc(number), strict=True):
            (tmp_path / "data" / folder).mkdir(parents=True, exist_ok=True)
            Image.fromarray(values.astype(np.uint8)).save(
                tmp_path / "data" / folder / f"p{number}.png"
            )
    bucket.put_all(tmp_path / "data", "data")
    here, there = (
        options(
            data={"images": f"{place}/images", "masks": f"{place}/masks"},
            split={"validation": 0.25},
        )
        for place in (tmp_path / "data", f"{ROOT}/data")
    )
    mf.train(None, tmp_path / "run", here)
    with pytest.raises(KilledError):
        mf.train(None, f"{ROOT}/run", there, progress=kill_in_second_epoch)
    assert bucket.all("run/") == {}
    result = run("train", "--resume", "--out", f"{ROOT}/run")
    assert result.exit_code == 0, result.output
    assert f"{ROOT}/run" in result.output
    assert "cache" not in result.output
    found = bucket.all("run/")
    assert LOCK not in found
    whole = (tmp_path / "run/history.csv").read_text()
    assert history(found["history.csv"].decode()) == history(whole)
    assert not [key for key, content in found.items() if str(tmp_path).encode() in content]
    monkeypatch.setenv("MASKFORGE_CACHE", str(tmp_path / "another machine"))
    again = run("train", "--resume", "--out", f"{ROOT}/run")
    assert again.exit_code == 2
    assert f"{ROOT}/run: has finished" in again.output
    images, out = f"{ROOT}/data/images", f"{ROOT}/predicted"
    result = run("predict", f"{ROOT}/run", images, "--out", out, "--runtime", "keras")
    assert result.exit_code == 0, result.output
    assert len(bucket.all("predicted/masks/")) == 4
