"""Parts of a run, each made apart, are joined to what one run would have written."""

import json
import os
import shutil

import msgspec
import numpy as np
import pytest
from builders import LOCK, labelme, run, square, tree
from example_files import save
from kills import identities, kill, same
from labelme_files import encoded
from PIL import Image
from test_conversion_workers import COUNT, annotated, small_parts, with_all_that_may_go_wrong
from test_prediction_going_on import Counted, images

import maskforge as mf
from maskforge.dataset.shard import range_of
from maskforge.errors import DatasetError, OptionError, OutputExistsError

__all__ = ["images", "small_parts"]

SHARD = ".maskforge-shard.json"


def shards(source, folder, of, **options):
    """Convert a source in parts."""
    places = [folder / f"part-{number}" for number in range(1, of + 1)]
    for number, place in enumerate(places, 1):
        mf.convert(source, place, shard=(number, of), **options)
    return places


def everything(folder):
    """Annotations of which much goes wrong, with names that many images want."""
    with_all_that_may_go_wrong(folder)
    for number in range(18):
        image = f"x{number % 9:02}.png"
        labelme(folder / f"z{number:02}.json", square("b", 1, 1, 4, 4), image=image)
    save(folder / "z.png", np.full((6, 8), 9, np.uint8))
    (folder / "x19.json").unlink()
    embedded = encoded(np.full((6, 8), 7, np.uint8))
    labelme(folder / "x19.json", square("b", 1, 1, 4, 4), imageData=embedded)
    return folder


@pytest.mark.parametrize(
    ("of", "options"),
    [
        (1, {}),
        (2, {"instances": True, "workers": 2}),
        (5, {"extract_images": True, "unlabeled": "none"}),
    ],
)
def test_joined_parts_are_the_whole(tmp_path, of, options):
    source = everything(tmp_path / "in")
    whole = mf.convert(source, tmp_path / "whole", **options)
    assert whole.images["partial"] + whole.images["refused"]
    assert any("-2" in one for one in tree(tmp_path / "whole"))
    parts = shards(source, tmp_path, of, **options)
    report = mf.gather(reversed(parts), tmp_path / "out")
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")
    assert same(report) == same(whole) | {"out": str(tmp_path / "out")}


def test_parts_can_be_moved_and_joined_where_the_sources_are_not(tmp_path, monkeypatch):
    source = everything(tmp_path / "a" / "in")
    monkeypatch.chdir(tmp_path / "a")
    whole = mf.convert("in", tmp_path / "whole" / "masks")
    parts = [shutil.move(one, tmp_path / one.name) for one in shards("in", tmp_path / "a", 2)]
    shutil.rmtree(source)
    monkeypatch.chdir(tmp_path)
    report = mf.gather(parts, tmp_path / "out" / "masks")
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")
    assert same(report) | {"out": ""} == same(whole) | {"out": ""}


def test_files_are_linked_and_copied_where_there_are_no_links(tmp_path, monkeypatch):
    parts = shards(annotated(tmp_path / "in", 4), tmp_path, 2)
    mf.gather(parts, tmp_path / "linked")
    first = tmp_path / "part-1" / "masks" / "x00.png"
    assert first.samefile(tmp_path / "linked" / "masks" / "x00.png")

    def fail(*arguments, **keywords):
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", fail)
    mf.gather(parts, tmp_path / "copied")
    assert not first.samefile(tmp_path / "copied" / "masks" / "x00.png")
    assert tree(tmp_path / "copied") == tree(tmp_path / "linked")


@pytest.mark.parametrize("of", [2, 5])
def test_joined_predictions_are_the_whole(images, tmp_path, of):
    (images / "x15.png").write_bytes(b"no image")
    shutil.copy(images / "y.tif", images / "a.tif")
    save(images / "more" / "x0.png", np.full((5, 7), 77, dtype=np.uint8))
    model = Counted()
    options = {"overlay": True, "probabilities": True}
    whole = model.predict(images, tmp_path / "whole", **options)
    parts = [tmp_path / f"part-{number}" for number in range(1, of + 1)]
    seen = []
    for number, part in enumerate(parts, 1):
        model.predict(images, part, shard=(number, of), **options)
        seen.append(model.seen)
    assert sum(seen) == 3 + 3 + 5
    assert max(seen) < 8
    report = mf.gather(parts, tmp_path / "out")
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")
    assert same(report) == same(whole) | {"out": str(tmp_path / "out")}


def test_a_stack_that_nobody_can_predict_stays_a_file(images, tmp_path, monkeypatch):
    def broken(file, *arguments, **keywords):
        raise OSError("broken")

    monkeypatch.setattr("maskforge.prediction.read_ahead.read_image", broken)
    model = Counted()
    model.predict(images, tmp_path / "whole")
    parts = [tmp_path / "1", tmp_path / "2"]
    for number, part in enumerate(parts, 1):
        model.predict(images, part, shard=(number, 2))
    mf.gather(parts, tmp_path / "out")
    assert (tmp_path / "out" / "masks" / "y.tif").is_file()
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")


def test_a_stack_is_of_one_part():
    assert [list(range_of((one, 3), 4)) for one in (1, 2, 3)] == [[0], [1], [2, 3]]


@pytest.mark.parametrize("settled", [1, 3])
def test_a_part_goes_on_after_a_kill(tmp_path, monkeypatch, settled):
    source = annotated(tmp_path / "in", 12)
    mf.convert(source, tmp_path / "whole")
    parts = shards(source, tmp_path, 2)
    again = tmp_path / "again"
    kill(monkeypatch, lambda: mf.convert(source, again, shard=(2, 2)), settled=settled)
    before = identities(again)
    with pytest.raises(DatasetError, match="shard 2 of 2 is unfinished"):
        mf.gather([parts[0], again], tmp_path / "out")
    with pytest.raises(DatasetError, match="is shard 2 of 2"):
        mf.open_dataset(again)
    for other in ((1, 2), None):
        with pytest.raises(OutputExistsError, match="unfinished run"):
            mf.convert(source, again, shard=other)
    mf.convert(source, again, shard=(2, 2))
    assert len(before) == settled
    assert identities(again).items() >= before.items()
    mf.gather([parts[0], again], tmp_path / "out")
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")


@pytest.mark.parametrize("settled", [0, 1, 4, 5, 8])
def test_joining_goes_on_after_a_kill(images, tmp_path, monkeypatch, settled):
    model, out = Counted(), tmp_path / "out"
    model.predict(images, tmp_path / "whole", probabilities=True)
    parts = [tmp_path / "1", tmp_path / "2"]
    for number, part in enumerate(parts, 1):
        model.predict(images, part, shard=(number, 2), probabilities=True)
    kill(monkeypatch, lambda: mf.gather(parts, out), settled=settled)
    assert mf.open_dataset(out).unfinished
    report = mf.gather(parts, out)
    assert report.images == {"found": 7, "predicted": 7, "refused": 0}
    assert tree(out) == tree(tmp_path / "whole")
    with pytest.raises(OutputExistsError, match="already holds"):
        mf.gather(parts, out)
    mf.gather(parts, out, overwrite=True)
    assert tree(out) == tree(tmp_path / "whole")


@pytest.fixture
def two(tmp_path):
    return shards(annotated(tmp_path / "in", 6), tmp_path, 2)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"shard": (2, 3)}, "one is shard 1 of 2, the other shard 2 of 3"),
        ({"instances": True}, "they differ in instances: False and True"),
        ({"fold_case": True}, "they differ in fold_case: False and True"),
        ({"version": "0.0.9"}, "they differ in version: 0.1.0 and 0.0.9"),
        ({"command": "predict"}, "they differ in the command: convert and predict"),
        ({"source": "else"}, "they differ in the sources"),
        ({"more": "x99"}, "they differ in the images: 6 and 7"),
        ({"label": "new"}, "they differ in classes"),
        ({"bad": "{"}, "what they found in the sources differs"),
    ],
)
def test_parts_of_other_runs_are_told(tmp_path, two, other, message):
    source, options = tmp_path / "in", {"shard": (2, 2), **other}
    place = options.pop("source", None)
    if place:
        source = annotated(tmp_path / place, 6)
    if name := options.pop("more", None):
        labelme(source / f"{name}.json", square("b", 1, 1, 4, 4))
    if label := options.pop("label", None):
        labelme(source / "x05.json", square(label, 1, 1, 4, 4))
    if text := options.pop("bad", None):
        (source / "bad.json").write_text(text)
    version, command = options.pop("version", None), options.pop("command", None)
    mf.convert(source, tmp_path / "other", **options)
    if version or command:
        record = json.loads((tmp_path / "other" / SHARD).read_text())
        record["options"]["version"] = version or record["options"]["version"]
        record["command"] = command or record["command"]
        (tmp_path / "other" / SHARD).write_text(json.dumps(record))
    with pytest.raises(DatasetError, match=r"not of the same run as .*part-1: ") as error:
        mf.gather([two[0], tmp_path / "other"], tmp_path / "out")
    assert message in error.value.message
    assert not (tmp_path / "out").exists()


def test_shards_that_are_missing_or_there_twice_are_told(tmp_path, two):
    out = tmp_path / "out"
    with pytest.raises(OptionError, match="of 2 shards, this one is missing: 2") as error:
        mf.gather(two[:1], out)
    assert "--shard 2/2" in error.value.hint
    with pytest.raises(OptionError, match=r"shard 2 of 2 is given twice: .*part-2 and .*part-2"):
        mf.gather([*two, two[1]], out)
    with pytest.raises(OptionError, match="no shard is given"):
        mf.gather([], out)
    for other in (tmp_path / "in", tmp_path / "nowhere"):
        with pytest.raises(DatasetError, match=r"is not a shard|does not exist"):
            mf.gather([*two, other], out)
    with pytest.raises(OptionError, match="part-1 is shard 1 of 2 itself"):
        mf.gather(two, two[0], overwrite=True)
    assert not out.exists()


def outside(part):
    """Name the same file in another place."""
    shutil.copy(part / "masks" / "x05.png", part.parent / "x05.png")
    replaced(part / "manifest.jsonl", "masks/x05", "masks/../../x05")


def test_images_that_no_part_has_are_missed(tmp_path, two):
    cut(two[1] / "manifest.jsonl", 1)
    record = json.loads((two[1] / SHARD).read_text())
    (two[1] / SHARD).write_text(json.dumps(record | {"count": record["count"] - 1}))
    with pytest.raises(DatasetError, match="the shards have not 6 images together"):
        mf.gather(two, tmp_path / "out")


@pytest.mark.parametrize(
    "damage",
    [
        lambda part: (part / "masks" / "x05.png").write_bytes(b"another"),
        lambda part: (part / "masks" / "x05.png").unlink(),
        lambda part: (part / LOCK).touch(),
        lambda part: (part / "classes.json").unlink(),
        lambda part: (part / SHARD).write_text("{}"),
        lambda part: (part / "manifest.jsonl").unlink(),
        lambda part: (part / "manifest.jsonl").write_text("[]\n"),
        lambda part: cut(part / "manifest.jsonl", 1),
        outside,
        lambda part: linked(part / "masks" / "x05.png"),
    ],
)
def test_damaged_parts_are_told(tmp_path, two, damage):
    damage(two[1])
    with pytest.raises(DatasetError, match="part-2"):
        mf.gather(two, tmp_path / "out")
    assert not (tmp_path / "out" / "manifest.jsonl").exists()
    mf.convert(tmp_path / "in", tmp_path / "anew", shard=(2, 2))
    mf.gather([two[0], tmp_path / "anew"], tmp_path / "out", overwrite=True)
    mf.convert(tmp_path / "in", tmp_path / "whole")
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")


def cut(path, lines):
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-lines]))


def replaced(path, old, new):
    path.write_text(path.read_text().replace(old, new))


def linked(path):
    path.rename(path.with_name("elsewhere.png"))
    path.symlink_to("elsewhere.png")


def test_nothing_takes_a_part_for_a_whole(tmp_path, two):
    part = two[0]
    for use in (
        lambda: mf.open_dataset(part),
        lambda: mf.inspect(part),
        lambda: mf.open_examples(part),
        lambda: mf.open_examples(images=tmp_path / "in", masks=part / "masks"),
        lambda: mf.evaluate(part, part),
        lambda: mf.evaluate(part / "masks", part / "masks"),
        lambda: mf.preview(part, tmp_path / "preview"),
        lambda: mf.check(part, tmp_path / "check"),
        lambda: mf.export(part, tmp_path / "export", format="labelme"),
        lambda: mf.merge(tmp_path / "in", part, tmp_path / "merged"),
        lambda: Counted().predict(part, tmp_path / "predicted"),
    ):
        with pytest.raises(DatasetError, match="is shard 1 of 2, not a whole data set") as error:
            use()
        assert "maskforge gather" in error.value.hint
    mf.convert(tmp_path / "in", part, overwrite=True)
    assert not mf.open_dataset(part).unfinished  # it is the whole now
    mf.convert(tmp_path / "in", part, overwrite=True, shard=(1, 2))
    with pytest.raises(DatasetError, match="is shard 1 of 2"):
        mf.open_dataset(part)


def test_a_strict_part_writes_nothing_if_it_loses_something(tmp_path):
    source = annotated(tmp_path / "in", 4)
    labelme(source / "x03.json", {"label": "a", "points": "none"})
    assert mf.convert(source, tmp_path / "1", shard=(1, 2), strict=True).written
    assert not mf.convert(source, tmp_path / "2", shard=(2, 2), strict=True).written
    assert not (tmp_path / "2").exists()


@pytest.mark.parametrize("shard", [(0, 4), (5, 4), (1,), (1, 2, 3), "1/2", (1.0, 2), 1])
def test_parts_that_cannot_be_are_refused(tmp_path, shard):
    annotated(tmp_path / "in", 2)
    with pytest.raises(OptionError, match="shard"):
        mf.convert(tmp_path / "in", tmp_path / "out", shard=shard)
    with pytest.raises(OptionError, match="shard"):
        Counted().predict(tmp_path / "in", tmp_path / "out", shard=shard)
    assert not (tmp_path / "out").exists()


def test_files_of_labeling_tools_are_of_no_part(images, tmp_path):
    with pytest.raises(OptionError, match="about all images"):
        Counted().predict(images, tmp_path / "out", shard=(1, 2), formats=("labelme",))


@pytest.mark.parametrize("text", ["0/4", "5/4", "a", "1/", "/2", "1/2/3", "-1/2", "1/99999999999"])
def test_the_command_refuses_parts_that_cannot_be(tmp_path, text):
    result = run("convert", annotated(tmp_path / "in", 1), "--out", tmp_path / "x", "--shard", text)
    assert result.exit_code == 2
    assert "shard" in result.stderr
    assert "Traceback" not in result.output


def test_the_commands(tmp_path):
    source = everything(tmp_path / "in")
    Image.new("L", (8, 6)).save(source / "x00.png")
    whole = run("convert", source, "--out", tmp_path / "whole")
    for number in (1, 2):
        part = run("convert", source, "--out", tmp_path / str(number), "--shard", f"{number}/2")
        assert f"This is shard {number} of 2" in part.stdout
        assert "maskforge gather" in part.stdout
        assert "maskforge preview" not in part.stdout
    joined = run("gather", tmp_path / "1", tmp_path / "2", "--out", tmp_path / "out")
    assert joined.exit_code == whole.exit_code == 1
    assert joined.stdout == whole.stdout.replace(str(tmp_path / "whole"), str(tmp_path / "out"))
    again = run("gather", tmp_path / "1", tmp_path / "2", "--out", tmp_path / "out", "--json")
    assert again.exit_code == 2
    told = run(
        *("gather", tmp_path / "1", tmp_path / "2", "--out", tmp_path / "out", "--json"),
        "--overwrite",
    )
    report = msgspec.json.decode(told.stdout, type=mf.ConversionReport)
    assert (report.shard, report.images["found"], report.seconds) == ("", COUNT + 18, 0)


def test_an_empty_part_is_a_part(tmp_path):
    source = annotated(tmp_path / "in", 2)
    result = run("convert", source, "--out", tmp_path / "first", "--shard", "1/3", "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["images"]["found"] == 0
    options = {"encoding": "onehot", "file_type": "npy"}
    mf.convert(source, tmp_path / "whole", **options)
    mf.gather(shards(source, tmp_path, 5, **options), tmp_path / "out")
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")
