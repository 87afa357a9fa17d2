"""Every command takes URLs; names in a store lead nowhere else."""

import errno

import numpy as np
import pytest
from builders import LOCK, files, labelme, square
from kills import Killed, kill
from PIL import Image
from test_prediction_folders import predictor

import maskforge as mf
import maskforge.dataset.drawn_image
from maskforge.files import as_source
from maskforge.outputs.folder import OutputFolder
from maskforge.remote import announcement
from maskforge.remote.address import address_of, parse

fsspec = pytest.importorskip("fsspec", reason="NO STORE: fsspec is not installed")

ROOT = "memory://ward"


@pytest.fixture(autouse=True)
def said(tmp_path, monkeypatch):
    monkeypatch.setenv("MASKFORGE_CACHE", str(tmp_path / "cache"))
    said: list[str] = []
    announcement.listen(said.append)
    yield said
    announcement.listen(lambda sentence: None)


@pytest.fixture
def memory():
    memory = fsspec.filesystem("memory")
    yield memory
    memory.store.clear()
    memory.pseudo_dirs[:] = [""]


@pytest.fixture
def data(memory, tmp_path):
    """Four images with annotations, in the store."""
    for number in range(4):
        labelme(tmp_path / "in" / f"x{number}.json", square("a", 1, 1, 4 + number % 2, 4))
        noise = np.random.default_rng(number).integers(0, 255, (6, 8), dtype=np.uint8)
        Image.fromarray(noise).save(tmp_path / "in" / f"x{number}.png")
    memory.put(str(tmp_path / "in"), "/ward/in", recursive=True)
    return memory


def names(memory, folder):
    start = f"/ward/{folder}/"
    return {one.removeprefix(start) for one in memory.find(start)}


def test_single_files_are_read_and_written(data):
    mask = np.array([[0, 1], [1, 0]], dtype=np.uint8)
    mf.write_mask(f"{ROOT}/one/mask.png", mask)
    np.testing.assert_array_equal(mf.read_mask(f"{ROOT}/one/mask.png"), mask)
    assert mf.detect(f"{ROOT}/in/x0.json").format == "labelme"
    assert names(data, "one") == {"mask.png"}


@pytest.mark.parametrize(
    "name",
    ["../../../outside", "a/../../../../outside", "a//b", "./a", "a/./b", "x\0y", "n" * 300, ".."],
)
def test_names_in_a_store_lead_nowhere_else(memory, tmp_path, said, name):
    memory.pipe_file("/ward/in/good.json", b"{}")
    memory.store[f"/ward/in/{name}"] = memory.store["/ward/in/good.json"]
    place = as_source(f"{ROOT}/in")
    everything = [one for one in tmp_path.rglob("*") if one.is_file()]
    assert {one.name for one in everything} == {"good.json", "index.sqlite3"}
    assert [one.name for one in place.iterdir()] == ["good.json"]
    assert any("files cannot have such names (1)" in one for one in said)


def test_results_below_a_source_are_not_fetched(data):
    mf.convert(f"{ROOT}/in", f"{ROOT}/in/masks")
    as_source(f"{ROOT}/in")
    assert not (as_source(f"{ROOT}/in/x0.json").parent / "masks/masks/x9.png").exists()
    report = mf.convert(f"{ROOT}/in", f"{ROOT}/again")
    assert report.images["found"] == 4


def test_a_disk_that_is_full_is_said_before_anything_is_fetched(data, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda place: type("Usage", (), {"free": 10}))
    with pytest.raises(mf.errors.StorageError, match=r"has only 0\.0 kB left") as error:
        mf.read(f"{ROOT}/in")
    assert "MASKFORGE_CACHE" in error.value.hint


def test_without_the_library_the_command_that_installs_it_is_named(monkeypatch):
    monkeypatch.setattr("maskforge.remote.store.is_installed", lambda package: False)
    monkeypatch.setattr("maskforge.remote.store._file_systems", {})
    with pytest.raises(mf.errors.MissingDependencyError, match=r"s3:// URLs need") as error:
        mf.read("s3://bucket/data")
    assert "maskforge[remote]" in error.value.hint


@pytest.mark.parametrize("url", ["ftp://host/x", "file:///etc/passwd", "simplecache://x/y"])
def test_other_urls_are_refused(url):
    with pytest.raises(mf.errors.OptionError):
        mf.read(url)


@pytest.mark.parametrize("url", ["https://example.org/masks", "http://example.org/masks"])
def test_the_web_is_only_read(tmp_path, url):
    with pytest.raises(mf.errors.OptionError, match="cannot be written to"):
        mf.convert(tmp_path, url)


def test_a_folder_named_like_a_url_stays_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    labelme(tmp_path / "s3:" / "in" / "x.json", square("a", 1, 1, 4, 4))
    assert len(list(mf.read("s3:/in"))) == 1


@pytest.mark.parametrize(
    "url", ["s3://b/data/x y.json", "https://me:pw@h:81/a?sig=1", "memory://b"]
)
def test_paths_of_the_cache_tell_their_urls(url):
    address = parse(url)
    assert address is not None
    assert address_of(address.path) == address_of(address.staged) == address
    assert "pw" not in str(address.path) + str(address)


def test_a_table_may_name_urls_or_lie_in_a_bucket(data, tmp_path):
    mf.convert(f"{ROOT}/in", f"{ROOT}/masks")
    rows = [f"{ROOT}/in/x{one}.png,{ROOT}/masks/masks/x{one}.png" for one in range(4)]
    (tmp_path / "table.csv").write_text("\n".join(["image,mask", *rows]), encoding="utf-8")
    data.pipe_file("/ward/table.csv", b"image,mask\nin/x0.png,masks/masks/x0.png\n")
    classes = tmp_path / "classes.json"
    classes.write_bytes(data.cat("/ward/masks/classes.json"))
    assert len(mf.open_examples(tmp_path / "table.csv", classes=classes)) == 4
    assert len(mf.open_examples(f"{ROOT}/table.csv", classes=f"{ROOT}/masks/classes.json")) == 1


def test_a_manifest_makes_nobody_ask_the_web(data, tmp_path, monkeypatch):
    mf.convert(f"{ROOT}/in", tmp_path / "masks")
    manifest = tmp_path / "masks/manifest.jsonl"
    manifest.write_bytes(manifest.read_bytes().replace(b"memory://ward", b"http://127.0.0.1:9"))
    monkeypatch.setattr("maskforge.remote.mirror.Store", None)
    item = next(iter(mf.open_dataset(tmp_path / "masks")))
    with pytest.raises(mf.errors.DatasetError, match=r"^http://127.0.0.1:9/in/x0.png: "):
        item.read_image()


def test_predictions_of_images_in_a_bucket_are_those_of_a_disk(data, tmp_path):
    model = predictor()
    mf.predict(model, tmp_path / "in", tmp_path / "here")
    report = mf.predict(model, f"{ROOT}/in", f"{ROOT}/there")
    assert report.out == f"{ROOT}/there"
    for name in names(data, "there") - {"manifest.jsonl"}:
        assert data.cat(f"/ward/there/{name}") == (tmp_path / "here" / name).read_bytes()
    assert names(data, "there") == files(tmp_path / "here")
    with pytest.raises(mf.errors.OptionError, match=f"^{ROOT}/there is the data set itself"):
        mf.predict(model, f"{ROOT}/there", f"{ROOT}/there", overwrite=True)


@pytest.mark.parametrize("settled", [0, 2, 4])
def test_a_killed_run_goes_on(data, tmp_path, monkeypatch, settled):
    mf.convert(tmp_path / "in", tmp_path / "here")
    if settled < 4:
        kill(monkeypatch, lambda: mf.convert(f"{ROOT}/in", f"{ROOT}/masks"), settled=settled)
    else:  # while the files are put
        with monkeypatch.context() as patch:
            patch.setattr("maskforge.remote.staging.Staging._check_all", killed)
            patch.setattr(OutputFolder, "_close", lambda self, keep: self._unlock())
            with pytest.raises(Killed):
                mf.convert(f"{ROOT}/in", f"{ROOT}/masks")
        assert LOCK in names(data, "masks")
    drawn = []
    draw_image = maskforge.dataset.drawn_image.draw_image
    for module in ("conversion", "drawn_image"):
        monkeypatch.setattr(
            f"maskforge.dataset.{module}.draw_image",
            lambda *given: (drawn.append(given), draw_image(*given))[1],
        )
    mf.convert(f"{ROOT}/in", f"{ROOT}/masks")
    assert len(drawn) == 4 - settled
    assert names(data, "masks") == files(tmp_path / "here")
    for name in names(data, "masks") - {"manifest.jsonl"}:
        assert data.cat(f"/ward/masks/{name}") == (tmp_path / "here" / name).read_bytes()


def killed(*arguments):
    raise Killed


def test_what_was_killed_is_worth_nothing_after_others_have_written(data, monkeypatch, tmp_path):
    out = f"{ROOT}/masks"
    kill(monkeypatch, lambda: mf.convert(f"{ROOT}/in", out), settled=2)
    monkeypatch.setenv("MASKFORGE_CACHE", str(tmp_path / "elsewhere"))
    mf.convert(f"{ROOT}/in", out, file_type="tiff")
    theirs = {name: data.cat(f"/ward/masks/{name}") for name in names(data, "masks")}
    monkeypatch.setenv("MASKFORGE_CACHE", str(tmp_path / "cache"))
    with pytest.raises(mf.errors.OutputExistsError, match="already holds"):
        mf.convert(f"{ROOT}/in", out)
    assert {name: data.cat(f"/ward/masks/{name}") for name in names(data, "masks")} == theirs


def test_files_of_others_survive_a_run_that_was_killed(data, monkeypatch):
    data.pipe_file("/ward/masks/notes/of-mine.txt", b"keep this")
    kill(monkeypatch, lambda: mf.convert(f"{ROOT}/in", f"{ROOT}/masks"), settled=1)
    mf.convert(f"{ROOT}/in", f"{ROOT}/masks")
    assert data.cat("/ward/masks/notes/of-mine.txt") == b"keep this"


def test_what_another_run_below_has_put_stays(data, tmp_path):
    mf.convert(f"{ROOT}/in", f"{ROOT}/masks")
    mf.preview(f"{ROOT}/masks", f"{ROOT}/masks/seen")
    seen = names(data, "masks/seen")
    (tmp_path / "cache/remote/staged/memory/ward/masks/seen" / LOCK).touch()
    mf.convert(f"{ROOT}/in", f"{ROOT}/masks", overwrite=True, file_type="npy")
    assert names(data, "masks/seen") == seen != set()
    assert "masks/x0.npy" in names(data, "masks")


@pytest.mark.parametrize(
    ("error", "message", "attempts"),
    [
        (PermissionError("Access Denied"), "the store denies access: Access Denied", 1),
        (OSError(errno.EINVAL, "BadDigest"), "the store refuses: ", 1),
        (
            ConnectionResetError("https://u:pw@h/x?sig=1 reset"),
            "failed 3 times: https://h/x reset",
            3,
        ),
        (TimeoutError(), "failed 3 times: TimeoutError", 3),
    ],
)
def test_what_a_store_says_is_told_with_what_to_do(data, monkeypatch, error, message, attempts):
    asked = []

    def find(self, *given, **options):
        asked.append(given)
        raise error

    monkeypatch.setattr(type(data), "find", find)
    monkeypatch.setattr("maskforge.remote.store.DELAYS", (0.0, 0.0))
    with pytest.raises(mf.errors.StorageError) as raised:
        mf.read(f"{ROOT}/in")
    assert str(raised.value).startswith(f"{ROOT}/in: ")
    assert message in str(raised.value)
    assert len(asked) == attempts
