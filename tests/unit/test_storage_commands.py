"""Every command reads from and writes into a bucket of a real S3 server as it does with folders."""

import json

import numpy as np
import pytest
from builders import LOCK, labelme, run, square
from kills import kill
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from s3_server import BUCKET, contents
from test_prediction_going_on import Counted

import maskforge as mf
from maskforge.dataset import files_part, spool
from maskforge.formats import reader as annotation_reader

ROOT = f"s3://{BUCKET}"
COUNT = 4


@pytest.fixture
def data(bucket, tmp_path):
    """Four images with annotations on this machine and in the bucket."""
    for number in range(COUNT):
        labelme(tmp_path / "in" / f"x{number}.json", square("a", 1, 1, 4 + number % 2, 4))
        noise = np.random.default_rng(number).integers(0, 255, (6, 8), dtype=np.uint8)
        Image.fromarray(noise).save(tmp_path / "in" / f"x{number}.png")
    bucket.put_all(tmp_path / "in", "in")
    return tmp_path / "in"


def ran(*arguments):
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    assert "cache" not in result.output
    return result.output


def refused(*arguments):
    result = run(*arguments)
    assert result.exit_code == 2, result.output
    assert "Traceback" not in result.output
    assert "cache" not in result.output
    assert "secret" not in result.output
    return " ".join(result.output.split())


def test_every_command_reads_and_writes_urls(bucket, data, tmp_path):
    ran("convert", f"{ROOT}/in", "--out", f"{ROOT}/masks", "--instances")
    ran("inspect", f"{ROOT}/masks")
    assert f"{ROOT}/seen" in ran("preview", f"{ROOT}/masks", "--out", f"{ROOT}/seen")
    ran("preview", f"{ROOT}/masks", "--out", f"{ROOT}/augmented", "--augmented")
    ran("check", f"{ROOT}/masks", "--out", f"{ROOT}/check", "--fail-on", "never")
    ran("split", f"{ROOT}/masks", "--out", f"{ROOT}/split.json")
    assert f"{ROOT}/split.json already exists" in refused(
        "split", f"{ROOT}/masks", "--out", f"{ROOT}/split.json"
    ).replace("split.json:", "split.json")
    quick = ["--no-charts", "--bootstrap", "0", "--html", f"{ROOT}/report.html"]
    ran("evaluate", f"{ROOT}/masks", f"{ROOT}/masks", "--out", f"{ROOT}/test", *quick)
    ran("export", f"{ROOT}/masks", "--format", "labelme", "--out", f"{ROOT}/exported")
    images = ["--images", f"{ROOT}/in", "--untouched", "confirm", "--predictions", f"{ROOT}/masks"]
    ran("merge", f"{ROOT}/exported", *images, "--out", f"{ROOT}/next")
    found = bucket.all()
    assert {
        *("masks/instances/x0.png", "seen/contact-sheet-1.png", "augmented/augmented-1.png"),
        *("check/check.json", "check/check.html", "split.json", "report.html", "test/report.json"),
        *(f"exported/x{number}.json" for number in range(COUNT)),
        *("next/corrections.csv", "next/manifest.jsonl", "next/masks/x0.png"),
    } <= found.keys()
    assert not [key for key, content in found.items() if str(tmp_path).encode() in content]
    assert not [key for key in found if key.endswith(LOCK)]
    assert len(json.loads(found["split.json"])["examples"]) == COUNT
    assert json.loads(found["test/report.json"])["prediction"] == f"{ROOT}/masks"
    assert json.loads(found["exported/x0.json"])["imagePath"] == "../in/x0.png"


def test_several_processes_put_what_one_writes_into_a_folder(bucket, data, tmp_path, monkeypatch):
    monkeypatch.setattr(annotation_reader, "_PROBED", 1)
    monkeypatch.setattr(spool, "IMAGES_OF_PART", 2)
    monkeypatch.setattr(files_part, "FILES_OF_PART", 2)
    (data / "y1.json").write_text("[1, 2")
    (data / "y2.json").write_bytes((data / "x0.json").read_bytes())
    labelme(data / "y3.json", {"label": "a", "points": "none"})
    bucket.put_all(data, "in")
    local = run("convert", data, "--out", tmp_path / "masks")
    url = run("convert", f"{ROOT}/in", "--out", f"{ROOT}/masks", "--workers", "2")
    assert url.exit_code == local.exit_code == 1
    assert {
        key: content.replace(ROOT.encode(), str(tmp_path).encode())
        for key, content in bucket.all("masks/").items()
    } == contents(tmp_path / "masks")
    assert ROOT.encode() in b"".join(bucket.all("masks/").values())


@pytest.mark.parametrize("settled", [1, COUNT])
def test_a_killed_command_goes_on_with_the_same_one(
    bucket, data, tmp_path, proxy, monkeypatch, settled
):
    """Killed while images are drawn, or when no file can be put into the store."""
    out, command = f"{ROOT}/masks", ("convert", f"{ROOT}/in", "--out", f"{ROOT}/masks")
    ran("convert", data, "--out", tmp_path / "masks")
    if settled < COUNT:
        kill(monkeypatch, lambda: mf.convert(f"{ROOT}/in", out), settled=settled)
        assert bucket.all("masks/") == {}
    else:
        proxy.cuts, proxy.method, proxy.after = 10**6, "PUT", 10
        said = refused(*command)
        assert f"{out}/" in said
        assert "the connection failed 3 times" in said
        assert "manifest.jsonl" not in bucket.all("masks/")
        proxy.cuts, proxy.method, proxy.after = 0, "GET", 2000
    drawn = []
    for module in ("conversion", "drawn_image"):
        method = mf.dataset.drawn_image.draw_image
        monkeypatch.setattr(
            f"maskforge.dataset.{module}.draw_image",
            lambda *given, method=method: (drawn.append(given), method(*given))[1],
        )
    ran(*command)
    assert len(drawn) == COUNT - settled
    assert bucket.all("masks/") == contents(tmp_path / "masks")


@pytest.mark.parametrize("settled", [1, 3])
def test_a_killed_prediction_goes_on(bucket, data, tmp_path, monkeypatch, settled):
    model = Counted()
    model.predict(data, tmp_path / "out")
    kill(monkeypatch, lambda: model.predict(f"{ROOT}/in", f"{ROOT}/out"), settled=settled)
    assert bucket.all("out/") == {}
    report = model.predict(f"{ROOT}/in", f"{ROOT}/out")
    assert (report.out, model.seen) == (f"{ROOT}/out", COUNT - settled)
    there, here = bucket.all("out/"), contents(tmp_path / "out")
    assert there.keys() == here.keys()
    del there["manifest.jsonl"], here["manifest.jsonl"]  # names the model, which is here
    assert there == here


def test_a_connection_that_breaks_in_the_middle_is_taken_up_again(bucket, data, tmp_path, proxy):
    ran("convert", data, "--out", tmp_path / "masks")
    with Image.open(data / "x0.png") as image:
        comment = PngInfo()
        comment.add_text("Comment", "more than comes through " * 1000)
        image.save(data / "x0.png", pnginfo=comment)
    bucket.put_all(data, "in")
    for method, after in (("GET", 2000), ("PUT", 10)):
        proxy.cuts, proxy.method, proxy.after = 1, method, after
        ran("convert", f"{ROOT}/in", "--out", f"{ROOT}/{method}")
        assert proxy.cuts == 0
        assert bucket.all(f"{method}/") == contents(tmp_path / "masks")


def test_what_a_store_does_not_let_be_written_is_said(bucket, data, reader):
    said = refused("convert", f"{ROOT}/in", "--out", f"{ROOT}/masks")
    assert f"{ROOT}/masks/{LOCK}: the store denies access" in said
    assert "look at your permissions there" in said
    assert reader not in said
    ran("inspect", f"{ROOT}/in")
    said = refused("split", f"{ROOT}/in", "--out", f"{ROOT}/split.json")
    assert "s3" in said


def test_a_bucket_that_is_missing_is_named(bucket, data):
    missing = "s3://no-such-bucket/masks"
    for arguments in (("convert", f"{ROOT}/in", "--out", missing), ("inspect", missing)):
        assert f"{missing}: there is no bucket no-such-bucket" in refused(*arguments)
