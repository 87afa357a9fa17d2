"""Data sets in a real S3 server on loopback: fetched once, put whole, and nothing lost."""

import hashlib
import json
import os

import numpy as np
import pytest
from builders import files, labelme, run, square
from PIL import Image
from s3_server import BUCKET, contents

import maskforge as mf
from maskforge.remote import address, store

COUNT = 3


def annotated(folder, count=COUNT):
    for number in range(count):
        labelme(folder / f"x{number}.json", square("a", 1, 1, 4 + number, 4))
        noise = np.random.default_rng(number).integers(0, 255, (6, 8), dtype=np.uint8)
        Image.fromarray(noise).save(folder / f"x{number}.png")
    return folder


@pytest.fixture
def local(tmp_path):
    """Annotations and images, and the data set that is made of them here."""
    (tmp_path / "data").mkdir()
    mf.convert(annotated(tmp_path / "data"), tmp_path / "masks")
    return tmp_path


def elsewhere(tmp_path, monkeypatch):
    """Go on as another machine would."""
    monkeypatch.setenv("MASKFORGE_CACHE", str(tmp_path / f"cache-{len(list(tmp_path.iterdir()))}"))


def test_a_data_set_in_a_bucket_is_the_one_on_a_disk(bucket, local, monkeypatch):
    bucket.put_all(local / "data", "data")
    result = run("convert", f"s3://{BUCKET}/data", "--out", f"s3://{BUCKET}/masks")
    assert result.exit_code == 0, result.output
    assert bucket.all("masks/") == contents(local / "masks")
    assert f"s3://{BUCKET}/masks" in result.output
    assert "fetched 6 files" in result.output
    assert "cache" not in result.output
    elsewhere(local, monkeypatch)
    result = run("inspect", f"s3://{BUCKET}/masks")
    assert result.exit_code == 0, result.output
    examples = mf.open_examples(f"s3://{BUCKET}/masks")
    here = mf.open_examples(local / "masks")
    assert [one.statistics for one in examples] == [one.statistics for one in here]


def test_only_what_has_changed_is_fetched_again(bucket, local, proxy, said):
    bucket.put_all(local / "data", "data")
    assert len(list(mf.read(f"s3://{BUCKET}/data"))) == COUNT
    assert said == [f"fetched 6 files ({said[0].split('(')[1]}"]
    proxy.requests.clear()
    list(mf.read(f"s3://{BUCKET}/data"))
    assert (proxy.keys("GET"), len(proxy.requests)) == ([], 1)
    bucket.put("data/x1.json", (local / "data/x2.json").read_bytes())
    bucket.remove("data/x2.json")
    proxy.requests.clear()
    list(mf.read(f"s3://{BUCKET}/data"))
    assert proxy.keys("GET") == ["data/x1.json"]
    kept = mf.read(f"s3://{BUCKET}/data")
    assert [one.origin.file.name for one in kept] == ["x0.json", "x1.json"]


def test_a_file_of_the_cache_that_was_touched_is_fetched_again(bucket, local):
    bucket.put_all(local / "data", "data")
    place = mf.files.as_source(f"s3://{BUCKET}/data/x0.json")
    place.write_bytes(b"{}")
    assert mf.files.as_source(f"s3://{BUCKET}/data/x0.json") == place
    assert place.read_bytes() == (local / "data/x0.json").read_bytes()


def test_a_connection_that_breaks_once_costs_nothing(bucket, proxy, said):
    content = os.urandom(200_000)
    bucket.put("scans/a.bin", content)
    proxy.cuts = 1
    place = mf.files.as_source(f"s3://{BUCKET}/scans")
    assert proxy.cuts == 0
    assert (place / "a.bin").read_bytes() == content


def test_a_connection_that_always_breaks_is_an_error_and_leaves_no_torn_file(
    bucket, proxy, tmp_path
):
    whole = os.urandom(1000)
    bucket.put("scans/small.bin", whole)
    bucket.put("scans/z.bin", os.urandom(200_000))
    proxy.cuts = 10**6
    with pytest.raises(mf.errors.StorageError, match="the connection failed 3 times") as error:
        mf.files.as_source(f"s3://{BUCKET}/scans")
    assert f"s3://{BUCKET}/scans/z.bin" in str(error.value)
    assert set(contents(tmp_path / "cache/remote/mirror").values()) <= {whole}
    proxy.cuts = 0
    proxy.requests.clear()
    place = mf.files.as_source(f"s3://{BUCKET}/scans")
    assert files(place) == {"small.bin", "z.bin"}
    assert (place / "z.bin").stat().st_size == 200_000
    assert not list((tmp_path / "cache/remote/.parts").iterdir())


def test_results_are_put_first_and_the_manifest_last(bucket, local, proxy):
    proxy.requests.clear()
    mf.convert(local / "data", f"s3://{BUCKET}/set/masks")
    put = [one.removeprefix("set/masks/") for one in proxy.keys("PUT")]
    assert (put[0], put[-1]) == (".maskforge.lock", "manifest.jsonl")
    assert set(put[1:-1]) == {"classes.json", *(f"masks/x{one}.png" for one in range(COUNT))}
    assert set(bucket.all("set/masks/")) == {*put[1:]}


def test_a_whole_bucket_is_a_folder_too(bucket, local, proxy):
    bucket.put_all(local / "data", "")
    assert len(list(mf.read(f"s3://{BUCKET}"))) == COUNT
    proxy.requests.clear()
    assert len(list(mf.read(f"s3://{BUCKET}/"))) == COUNT
    assert proxy.keys("GET") == []


def test_images_of_many_folders_cost_a_listing_each(bucket, tmp_path, proxy, monkeypatch):
    for number in range(9):
        folder = tmp_path / f"in/p{number % 3}"
        labelme(folder / f"x{number}.json", square("a", 1, 1, 4, 4))
        Image.new("L", (8, 6)).save(folder / f"x{number}.png")
    bucket.put_all(tmp_path / "in", "in")
    mf.convert(f"s3://{BUCKET}/in", f"s3://{BUCKET}/masks")
    elsewhere(tmp_path, monkeypatch)
    proxy.requests.clear()
    assert len(mf.open_examples(f"s3://{BUCKET}/masks")) == 9
    images = {f"in/p{number % 3}/x{number}.png" for number in range(9)}
    got = proxy.keys("GET")
    assert images <= {*got}
    assert len(got) == len({*got}) == 9 + 9 + 2
    assert len(proxy.requests) - len(got) <= 1 + 3
    bucket.remove("in/p0/x0.png")
    item = next(one for one in mf.open_dataset(f"s3://{BUCKET}/masks") if "x0" in one.entry.mask)
    assert not item.image_path.exists()


def test_what_was_cut_while_it_was_put_goes_on(bucket, local, proxy, monkeypatch):
    out = f"s3://{BUCKET}/masks"
    proxy.cuts, proxy.method, proxy.after = 10**6, "PUT", 10
    with pytest.raises(mf.errors.StorageError, match="the connection failed"):
        mf.convert(local / "data", out)
    assert "manifest.jsonl" not in bucket.all("masks/")
    proxy.cuts, proxy.method, proxy.after = 0, "GET", 2000
    drawn = []
    monkeypatch.setattr("maskforge.dataset.drawn_image.draw_image", drawn.append)
    report = mf.convert(local / "data", out)
    assert (report.images["drawn"], drawn) == (COUNT, [])
    assert masks(bucket) == masks_here(local)
    assert ".maskforge.lock" not in bucket.all("masks/")


def masks(bucket):
    return {key: one for key, one in bucket.all("masks/").items() if key.endswith(".png")}


def masks_here(local):
    return {key: one for key, one in contents(local / "masks").items() if key.endswith(".png")}


def test_a_run_that_was_killed_goes_on_and_the_bucket_sees_it_whole(bucket, local):
    out = f"s3://{BUCKET}/masks"

    def stop(phase, done, total):
        if (phase, done) == ("drawing", 2):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        mf.convert(local / "data", out, progress=stop)
    assert bucket.all("masks/") == {}
    mf.convert(local / "data", out)
    assert masks(bucket) == masks_here(local)


def test_a_machine_that_died_while_it_put_its_files_is_cleared_away_by_another(bucket, local):
    out = f"s3://{BUCKET}/masks"
    lock = b'{"type":"holder","process":1,"host":"a","since":""}\n'
    name, content = "masks/x0.png", b"half of a run"
    bucket.put(f"masks/{name}", content)
    digest = hashlib.sha256(content).hexdigest()
    lock += json.dumps({"type": "written", "file": name, "digest": digest}).encode() + b"\n"
    bucket.put("masks/.maskforge.lock", lock)
    with pytest.raises(mf.errors.OutputExistsError, match="unfinished run"):
        mf.convert(local / "data", out)
    assert bucket.all("masks/") == {name: content, ".maskforge.lock": lock}
    mf.convert(local / "data", out, overwrite=True)
    assert masks(bucket) == masks_here(local)
    assert ".maskforge.lock" not in bucket.all("masks/")


def test_what_others_put_there_stays(bucket, local, monkeypatch):
    out = f"s3://{BUCKET}/masks"
    mf.convert(local / "data", out)
    with pytest.raises(mf.errors.OutputExistsError, match=f"^s3://{BUCKET}/masks: already holds"):
        mf.convert(local / "data", out)
    bucket.put("masks/masks/mine.png", b"mine")
    bucket.put("masks/masks/x1.png", b"corrected by hand")
    elsewhere(local, monkeypatch)
    with pytest.raises(mf.errors.OutputExistsError, match=r"masks/x1.png: is in the way"):
        mf.convert(local / "data", out, overwrite=True)
    elsewhere(local, monkeypatch)
    mf.convert(local / "data", out, overwrite=True, file_type="npy")
    assert set(masks(bucket)) == {"masks/mine.png", "masks/x1.png"}
    assert masks(bucket)["masks/x1.png"] == b"corrected by hand"
    assert {"masks/x0.npy", "masks/x1.npy", "manifest.jsonl"} <= set(bucket.all("masks/"))


def test_the_same_results_are_not_put_twice(bucket, local, proxy, monkeypatch):
    mf.convert(local / "data", f"s3://{BUCKET}/masks")
    elsewhere(local, monkeypatch)
    proxy.requests.clear()
    mf.convert(local / "data", f"s3://{BUCKET}/masks", overwrite=True)
    assert proxy.keys("PUT") == []


def test_a_folder_that_somebody_changes_meanwhile_is_not_written_over(bucket, local):
    def meddle(phase, done, total):
        if (phase, done) == ("drawing", 1):
            bucket.put("masks/manifest.jsonl", b"theirs")

    with pytest.raises(mf.errors.OutputError, match="by somebody else"):
        mf.convert(local / "data", f"s3://{BUCKET}/masks", progress=meddle)
    assert bucket.all("masks/") == {"manifest.jsonl": b"theirs"}
    with pytest.raises(mf.errors.OutputExistsError, match="already holds"):
        mf.convert(local / "data", f"s3://{BUCKET}/masks")
    assert bucket.all("masks/") == {"manifest.jsonl": b"theirs"}


def test_masks_here_of_images_there(bucket, local, monkeypatch):
    bucket.put_all(local / "data", "data")
    mf.convert(f"s3://{BUCKET}/data", local / "from-there")
    (first, *_) = mf.files.read_bytes(local / "from-there/manifest.jsonl").splitlines()
    line = json.loads(first)
    assert line["image"] == f"s3://{BUCKET}/data/x0.png"
    assert line["source"] == f"s3://{BUCKET}/data/x0.json"
    elsewhere(local, monkeypatch)
    for item, here in zip(
        mf.open_dataset(local / "from-there"), mf.open_dataset(local / "masks"), strict=True
    ):
        np.testing.assert_array_equal(item.read_image(), here.read_image())


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("s3://no-such-bucket/x", "there is no bucket no-such-bucket"),
        (f"s3://{BUCKET}/nothing", f"s3://{BUCKET}/nothing does not exist"),
        ("s3://?", "names no bucket"),
        ("s3://b/../../etc", "has a part that cannot be the name of a file"),
        ("gs://x/y", "gcsfs, which is not installed"),
        ("https://127.0.0.1:9/", "names no file"),
    ],
)
def test_what_cannot_be_opened_is_said_without_a_traceback(bucket, tmp_path, url, message):
    result = run("convert", url, "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert message in result.output.replace("\n", " ")
    assert str(tmp_path / "cache") not in result.output


def test_without_credentials_the_message_says_what_to_set(bucket, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(mf.errors.StorageError, match="no credentials") as error:
        mf.read(f"s3://{BUCKET}/data")
    assert "AWS_ACCESS_KEY_ID" in error.value.hint


def test_no_secret_is_told(bucket, local, proxy, tmp_path):
    bucket.put_all(local / "data", "data")
    signed = f"{proxy.url}/{BUCKET}/data/x0.json?X-Amz-Signature=top-secret"
    secret = signed.replace("http://", "http://me:password@").replace("x0.json", "none.json")
    result = run("convert", signed, "--out", tmp_path / "signed")
    assert result.exit_code == 0, result.output
    failed = run("convert", secret, "--out", tmp_path / "failed")
    assert failed.exit_code == 2
    everything = result.output + failed.output + repr(contents(tmp_path / "signed"))
    assert not [one for one in ("top-secret", "password", "Signature") if one in everything]
    assert f"{proxy.url}/{BUCKET}/data/none.json does not exist" in failed.output
    names = "".join(one.name for one in (tmp_path / "cache").rglob("*"))
    index = (tmp_path / "cache/remote/index.sqlite3").read_bytes()
    assert not [one for one in ("top-secret", "password") if one in names or one.encode() in index]


def test_two_runs_cannot_both_take_a_folder(bucket, tmp_path):
    (tmp_path / "lock").write_bytes(b"mine")
    place = store.Store(address.parse(f"s3://{BUCKET}/masks"))
    place.put("masks/.maskforge.lock", tmp_path / "lock", is_new=True)
    with pytest.raises(FileExistsError):
        place.put("masks/.maskforge.lock", tmp_path / "lock", is_new=True)


def test_a_name_that_is_a_folder_as_well_costs_only_itself(bucket, said):
    bucket.put("in/a", b"a file")
    bucket.put("in/a/b.json", b"{}")
    place = mf.files.as_source(f"s3://{BUCKET}/in")
    assert files(place) == {"a/b.json"}
    assert any("'in/a'" in one for one in said)
