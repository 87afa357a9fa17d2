"""``convert``: names of masks, and what it replaces, keeps and leaves alone."""

import json
import unicodedata
from pathlib import Path

import pytest
from builders import (
    assert_whole,
    corners,
    files,
    image,
    instance,
    labelme,
    manifest,
    pixels,
    region,
    square,
    superannotate,
    tree,
    vott,
    write_json,
)

from maskforge import convert
from maskforge.errors import OutputExistsError


def masks(out: Path) -> set[str]:
    return files(out / "masks")


# --- names of masks


def test_sub_folders_are_kept(tmp_path):
    for name in ("x.json", "a/x.json", "a/b/x.json"):
        labelme(tmp_path / "in" / name, square("a", 1, 1, 4, 4))
    convert(tmp_path / "in", tmp_path / "out")
    assert masks(tmp_path / "out") == {"x.png", "a/x.png", "a/b/x.png"}


def test_no_mask_replaces_another_whatever_the_images_are_called(tmp_path):
    names = [
        "x.png",
        "x.jpg",
        "x.PNG",
        "X.png",
        "x",
        "x-2.png",
        unicodedata.normalize("NFC", "zähne.png"),
        unicodedata.normalize("NFD", "zähne.png"),
        "con.png",
        "y" * 300 + ".png",
        "y" * 300 + ".jpg",
        "y" * 300 + ".tif",
        "",
        ".",
    ]
    for number, name in enumerate(names):
        file = tmp_path / "in" / f"{number}.png.json"
        superannotate(file, instance("a", corners(0, 0, 1 + number % 8, 1)))
        content = json.loads(file.read_bytes())
        content["metadata"]["name"] = name
        write_json(file, content)
    report = convert(tmp_path / "in", tmp_path / "out")
    lines = manifest(tmp_path / "out")
    assert report.images["drawn"] == len(names)
    assert len(masks(tmp_path / "out")) == len(names)
    assert_whole(tmp_path / "out")
    for line in lines:
        number = int(Path(line["source"]).name.partition(".")[0])
        assert line["pixels"]["a"] == 1 + number % 8
        assert (pixels(tmp_path / "out" / line["mask"]) == 1).sum() == 1 + number % 8
    keys = {unicodedata.normalize("NFC", line["mask"]).casefold() for line in lines}
    assert len(keys) == len(names)


@pytest.mark.parametrize(
    "name",
    [
        "../../../evil.png",
        "/etc/evil.png",
        "C:\\Windows\\evil.png",
        "..\\..\\evil.png",
        "%2e%2e%2fevil.png",
        "a\0b.png",
        "\n.png",
        "..",
        "~/evil.png",
        "https://example.org/evil.png?x=1",
        "e" * 100_000 + ".png",
    ],
)
def test_names_in_annotation_files_lead_nowhere_else(tmp_path, name):
    labelme(tmp_path / "in" / "x.json", square("a", 1, 1, 4, 4), image=name)
    vott(tmp_path / "in" / "v", {name: (2, [region(["a"], corners(0, 0, 2, 2))])})
    superannotate(tmp_path / "in" / "s.png.json")
    content = json.loads((tmp_path / "in" / "s.png.json").read_bytes())
    content["metadata"]["name"] = name
    write_json(tmp_path / "in" / "s.png.json", content)
    before = tree(tmp_path)
    report = convert(tmp_path / "in", tmp_path / "deep" / "deeper" / "out")
    assert report.images["drawn"] == 3
    assert_whole(tmp_path / "deep" / "deeper" / "out")
    elsewhere = {
        key: content for key, content in tree(tmp_path).items() if not key.startswith("deep")
    }
    assert elsewhere == before


def test_a_folder_may_be_called_like_a_mask(tmp_path):
    for suffix in ("png", "tiff", "npy"):
        labelme(tmp_path / "in" / "x.json", square("a", 1, 1, 4, 4))
        labelme(tmp_path / "in" / f"x.{suffix}" / "y.json", square("a", 1, 1, 4, 4))
        convert(tmp_path / "in", tmp_path / suffix, file_type=suffix)
        assert_whole(tmp_path / suffix)
        assert len(manifest(tmp_path / suffix)) == len(masks(tmp_path / suffix))


def test_the_same_names_in_two_sources_do_not_meet(tmp_path):
    for number, source in enumerate(("one", "two")):
        labelme(tmp_path / source / "x.json", square("a", 0, 0, 1 + number, 1))
    convert([tmp_path / "one", tmp_path / "two"], tmp_path / "out")
    assert [line["pixels"]["a"] for line in manifest(tmp_path / "out")] == [1, 2]
    assert_whole(tmp_path / "out")


def test_the_same_source_in_two_spellings_is_read_once(tmp_path, monkeypatch):
    labelme(tmp_path / "in" / "x.json", square("a", 1, 1, 4, 4))
    (tmp_path / "link").symlink_to(tmp_path / "in")
    monkeypatch.chdir(tmp_path)
    sources = ["in", "./in/x.json", tmp_path / "in", "in/../in/x.json", "link"]
    report = convert(sources, "out")
    assert report.images["found"] == 1
    assert report.files["found"] == 1


def test_two_annotations_of_one_image_are_both_drawn_and_noted(tmp_path):
    image(tmp_path / "in" / "p.png")
    labelme(tmp_path / "in" / "x.json", square("a", 1, 1, 4, 4), image="p.png")
    labelme(tmp_path / "in" / "y.json", square("b", 1, 1, 4, 4), image="p.png")
    report = convert(tmp_path / "in", tmp_path / "out")
    assert report.reasons == {"duplicate-image": 1}
    assert masks(tmp_path / "out") == {"p.png", "p.png.png"}


# --- links and folders of results


def test_links_to_folders_are_followed_once(tmp_path):
    labelme(tmp_path / "elsewhere" / "x.json", square("a", 1, 1, 4, 4))
    labelme(tmp_path / "in" / "y.json", square("a", 1, 1, 4, 4))
    (tmp_path / "in" / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "in" / "again").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "loop").symlink_to(tmp_path / "in")
    report = convert(tmp_path / "in", tmp_path / "out")
    assert report.images["found"] == 2


@pytest.mark.parametrize("place", ["in/out", "in", "in/deep/out"])
def test_results_inside_the_source_are_not_taken_for_sources(tmp_path, place):
    """Also not as images: a mask has the name and the size of its image."""
    image(tmp_path / "in" / "images" / "x.png")
    labelme(tmp_path / "in" / "x.json", square("a", 1, 1, 4, 4))
    labelme(tmp_path / "in" / "lost.json", square("a", 1, 1, 4, 4))
    for overwrite in (False, True, True):
        report = convert(tmp_path / "in", tmp_path / place, overwrite=overwrite)
        assert report.images["found"] == 2
        assert report.files["found"] == 2
        if place != "in":  # whatever else lies in an earlier result belongs to it
            labelme(tmp_path / place / "more" / "z.json", square("a", 1, 1, 4, 4))
        by_mask = {line["mask"]: line["image"] for line in manifest(tmp_path / place)}
        assert (tmp_path / place / by_mask["masks/x.png"]).samefile(
            tmp_path / "in" / "images" / "x.png"
        )
        assert by_mask["masks/lost.png"] is None


def test_previews_inside_the_source_are_not_taken_for_images(tmp_path):
    from maskforge import preview

    labelme(tmp_path / "first" / "x.json", square("a", 1, 1, 4, 4))
    convert(tmp_path / "first", tmp_path / "out")
    labelme(tmp_path / "in" / "x.json", square("a", 1, 1, 4, 4), width=None, height=None)
    preview(tmp_path / "out", tmp_path / "in" / "look")
    report = convert(tmp_path / "in", tmp_path / "again")
    assert report.reasons == {"image-missing": 1, "size-unknown": 1}
    assert manifest(tmp_path / "again")[0]["image"] is None


def test_overwriting_removes_masks_that_are_no_longer_made_and_nothing_else(tmp_path):
    labelme(tmp_path / "in" / "x.json", square("a", 1, 1, 4, 4))
    labelme(tmp_path / "in" / "sub" / "y.json", square("a", 1, 1, 4, 4))
    out = tmp_path / "out"
    convert(tmp_path / "in", out, instances=True)
    (out / "notes.txt").write_text("mine")
    (out / "masks" / "mine.png").write_bytes(b"mine")
    (tmp_path / "in" / "sub" / "y.json").unlink()
    convert(tmp_path / "in", out, overwrite=True, file_type="tiff")
    assert files(out) == {
        "manifest.jsonl",
        "classes.json",
        "masks/x.tiff",
        "notes.txt",
        "masks/mine.png",
    }


def test_a_manifest_cannot_make_overwriting_remove_other_files(tmp_path):
    labelme(tmp_path / "in" / "x.json", square("a", 1, 1, 4, 4))
    out = tmp_path / "out"
    convert(tmp_path / "in", out)
    (out / "precious.txt").write_text("mine")
    (tmp_path / "outside.txt").write_text("mine")
    line = manifest(out)[0]
    names = ["precious.txt", "classes.json", "masks/../precious.txt", "../outside.txt"]
    forged = [json.dumps(line | {"mask": name}) for name in names]
    forged.append(json.dumps(line | {"image": "extracted-images/../precious.txt"}))
    (out / "extracted-images").mkdir()
    for text in forged:
        (out / "manifest.jsonl").write_text(text)
        convert(tmp_path / "in", out, overwrite=True)
        assert (out / "precious.txt").exists()
        assert (tmp_path / "outside.txt").exists()
        assert (out / "classes.json").exists()


@pytest.mark.parametrize("name", ["classes.json", "masks/x.png", "instances/x.png"])
def test_what_maskforge_did_not_write_is_not_overwritten(tmp_path, name):
    """A SuperAnnotate project has a classes.json; other tools write folders of masks."""
    labelme(tmp_path / "in" / "x.json", square("a", 1, 1, 4, 4))
    write_json(tmp_path / "out" / name, [{"id": 1, "name": "a", "color": "#ff0000"}])
    before = tree(tmp_path)
    for overwrite in (False, True):
        with pytest.raises(OutputExistsError):
            convert(tmp_path / "in", tmp_path / "out", overwrite=overwrite)
    assert tree(tmp_path) == before


def test_a_folder_with_other_things_takes_results(tmp_path):
    labelme(tmp_path / "in" / "x.json", square("a", 1, 1, 4, 4))
    write_json(tmp_path / "out" / "other.json", {})
    convert(tmp_path / "in", tmp_path / "out")
    assert files(tmp_path / "out") == {
        "manifest.jsonl",
        "classes.json",
        "masks/x.png",
        "other.json",
    }


def test_what_a_killed_run_left_can_be_overwritten(tmp_path):
    labelme(tmp_path / "in" / "x.json", square("a", 1, 1, 4, 4))
    convert(tmp_path / "in", tmp_path / "out")
    (tmp_path / "out" / "manifest.jsonl").rename(tmp_path / "out" / ".manifest.jsonl.part")
    with pytest.raises(OutputExistsError):
        convert(tmp_path / "in", tmp_path / "out")
    convert(tmp_path / "in", tmp_path / "out", overwrite=True)
    assert_whole(tmp_path / "out")
