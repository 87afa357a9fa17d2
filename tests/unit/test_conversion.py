"""``convert`` through the Python interface: what it writes, replaces, keeps and leaves alone."""

import json
import signal
import time
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from builders import (
    assert_whole,
    corners,
    files,
    instance,
    labelme,
    manifest,
    picture,
    pixels,
    region,
    shape,
    square,
    superannotate,
    total,
    tree,
    vott,
    write_json,
)

from maskforge import (
    ConversionReport,
    ConvertOptions,
    MaskforgeError,
    convert,
    load_class_map,
    open_dataset,
)
from maskforge import conversion as conversion_module
from maskforge.errors import OptionError, OutputError, OutputExistsError
from maskforge.issues import Code, Issue, Origin


def masks(out: Path) -> set[str]:
    return files(out / "masks")


def options(**keys) -> ConvertOptions:
    return ConvertOptions(**keys)


# --- names of masks


def test_sub_folders_are_kept(tmp_path):
    for name in ("x.json", "a/x.json", "a/b/x.json"):
        labelme(tmp_path / "in" / name, square("a", 1, 1, 4, 4))
    convert(tmp_path / "in", tmp_path / "out")
    assert masks(tmp_path / "out") == {"x.png", "a/x.png", "a/b/x.png"}


def test_no_mask_replaces_another_whatever_the_pictures_are_called(tmp_path):
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
    labelme(tmp_path / "in" / "x.json", square("a", 1, 1, 4, 4), picture=name)
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
        convert(tmp_path / "in", tmp_path / suffix, options(file_type=suffix))
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


def test_two_annotations_of_one_picture_are_both_drawn_and_noted(tmp_path):
    picture(tmp_path / "in" / "p.png")
    labelme(tmp_path / "in" / "x.json", square("a", 1, 1, 4, 4), picture="p.png")
    labelme(tmp_path / "in" / "y.json", square("b", 1, 1, 4, 4), picture="p.png")
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
    """Also not as pictures: a mask has the name and the size of its picture."""
    picture(tmp_path / "in" / "pictures" / "x.png")
    labelme(tmp_path / "in" / "x.json", square("a", 1, 1, 4, 4))
    labelme(tmp_path / "in" / "lost.json", square("a", 1, 1, 4, 4))
    for overwrite in (False, True, True):
        report = convert(tmp_path / "in", tmp_path / place, options(overwrite=overwrite))
        assert report.images["found"] == 2
        assert report.files["found"] == 2
        if place != "in":  # whatever else lies in an earlier result belongs to it
            labelme(tmp_path / place / "more" / "z.json", square("a", 1, 1, 4, 4))
        by_mask = {line["mask"]: line["image"] for line in manifest(tmp_path / place)}
        assert (tmp_path / place / by_mask["masks/x.png"]).samefile(
            tmp_path / "in" / "pictures" / "x.png"
        )
        assert by_mask["masks/lost.png"] is None


def test_previews_inside_the_source_are_not_taken_for_pictures(tmp_path):
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
    convert(tmp_path / "in", out, options(instances=True))
    (out / "notes.txt").write_text("mine")
    (out / "masks" / "mine.png").write_bytes(b"mine")
    (tmp_path / "in" / "sub" / "y.json").unlink()
    convert(tmp_path / "in", out, options(overwrite=True, file_type="tiff"))
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
        convert(tmp_path / "in", out, options(overwrite=True))
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
            convert(tmp_path / "in", tmp_path / "out", options(overwrite=overwrite))
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
    convert(tmp_path / "in", tmp_path / "out", options(overwrite=True))
    assert_whole(tmp_path / "out")


# --- interruption


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("count", [1, 3])
def test_interruption_between_images(tmp_path, count, overwrite):
    for number in range(5):
        labelme(tmp_path / "in" / f"x{number}.json", square("a", 1, 1, 4, 4))
    out = tmp_path / "out"
    if overwrite:
        convert(tmp_path / "in", out, options(file_type="npy"))

    def stop(phase, done, total):
        if phase == "drawing" and done == count:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        convert(tmp_path / "in", out, options(overwrite=overwrite), progress=stop)
    assert_whole(out)
    assert masks(out) == {f"x{number}.png" for number in range(count)}


def test_interruption_while_reading_writes_nothing(tmp_path):
    labelme(tmp_path / "in" / "x.json", square("a", 1, 1, 4, 4))

    def stop(phase, done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        convert(tmp_path / "in", tmp_path / "out", progress=stop)
    assert not (tmp_path / "out").exists()


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestWarning")
def test_interruption_at_any_moment(tmp_path):
    """A signal arrives 40 times, each time a little later, wherever the run is by then."""
    for number in range(12):
        labelme(
            tmp_path / "in" / f"x{number}.json", square("a", 1, 1, 4, 4), square("b", 2, 2, 6, 5)
        )
    start = time.perf_counter()
    convert(tmp_path / "in", tmp_path / "whole", options(instances=True))
    duration = time.perf_counter() - start
    interrupted = 0
    previous = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        for step in range(40):
            out = tmp_path / f"out{step}"
            try:
                signal.setitimer(signal.ITIMER_REAL, duration * (step + 1) / 40)
                convert(tmp_path / "in", out, options(instances=True))
                signal.setitimer(signal.ITIMER_REAL, 0)
            except KeyboardInterrupt:
                interrupted += 1
            if (out / "manifest.jsonl").exists():
                assert_whole(out)
            else:
                assert not files(out)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    assert interrupted


def test_an_interruption_within_an_image_removes_its_first_mask(tmp_path, monkeypatch):
    from maskforge import datasetwriter

    for number in range(3):
        labelme(tmp_path / "in" / f"x{number}.json", square("a", 1, 1, 4, 4))
    write_whole = datasetwriter.write_whole

    def stop(path, content):
        write_whole(path, content)
        if path.parent.name == "masks" and path.name == "x1.png":
            raise KeyboardInterrupt

    monkeypatch.setattr(datasetwriter, "write_whole", stop)
    with pytest.raises(KeyboardInterrupt):
        convert(tmp_path / "in", tmp_path / "out", options(instances=True))
    assert_whole(tmp_path / "out")
    assert masks(tmp_path / "out") == {"x0.png"}


def test_an_interruption_at_the_very_end_changes_nothing(tmp_path, monkeypatch):
    """While the manifest is put in its place; the run is complete by then."""
    from maskforge import datasetwriter

    for number in range(3):
        labelme(tmp_path / "in" / f"x{number}.json", square("a", 1, 1, 4, 4))
    remove = datasetwriter.DatasetWriter._remove
    interruptions = [KeyboardInterrupt]

    def stop(self, names, listed):
        if interruptions:
            raise interruptions.pop()
        remove(self, names, listed)

    monkeypatch.setattr(datasetwriter.DatasetWriter, "_remove", stop)
    with pytest.raises(KeyboardInterrupt):
        convert(tmp_path / "in", tmp_path / "out")
    assert_whole(tmp_path / "out")
    assert len(manifest(tmp_path / "out")) == 3


def test_no_old_manifest_describes_new_masks(tmp_path):
    """Whatever kills the run while it replaces another."""
    labelme(tmp_path / "in" / "x.json", square("a", 1, 1, 4, 4))
    out = tmp_path / "out"
    convert(tmp_path / "in", out)
    seen = []

    def look(phase, done, total):
        seen.append((phase, (out / "manifest.jsonl").exists()))

    convert(tmp_path / "in", out, options(overwrite=True), progress=look)
    assert seen == [("reading", True), ("drawing", False)]
    assert_whole(out)


def test_a_disk_that_is_full_at_the_end_costs_no_whole_line(tmp_path, monkeypatch):
    """The manifest is buffered: the last lines may fail when the file is closed."""
    from maskforge import datasetwriter

    for number in range(3):
        labelme(tmp_path / "in" / f"x{number}.json", square("a", 1, 1, 4, 4))
    out = tmp_path / "out"
    writer = datasetwriter.DatasetWriter
    add = writer.add

    class Full:
        """Takes two lines and a half."""

        def __init__(self, stream):
            self.stream, self.room = stream, None

        def write(self, data):
            if self.room is None:
                self.room = int(len(data) * 2.5)
            self.stream.write(data[: self.room])
            self.room -= len(data[: self.room])

        def close(self):
            self.stream.close()
            raise OSError(28, "No space left on device")

    def add_to_full(self, entry):
        if not isinstance(self._lines, Full):
            self._lines = Full(self._lines)
        add(self, entry)

    monkeypatch.setattr(writer, "add", add_to_full)
    with pytest.raises(OutputError, match="No space left on device"):
        convert(tmp_path / "in", out)
    assert_whole(out)
    assert len(manifest(out)) == 2


# --- the manifest and the report


def test_the_manifest_adds_up_to_the_report(tmp_path):
    picture(tmp_path / "in" / "x.png")
    labelme(
        tmp_path / "in" / "x.json",
        square("a", 1, 1, 4, 4),
        square("b", 3, 2, 6, 5),
        shape("a", [[2, 2], [3, 2]], "circle"),
        shape("a", [[1, 1]], "point"),
        shape("a", corners(1, 1, 2, 2), "heart"),
        square(None, 1, 1, 2, 2),
    )
    labelme(tmp_path / "in" / "huge.json", square("a", 1, 1, 2, 2), width=10**9, height=10**9)
    assets = {"v.jpg": (2, [region(["b", "a"], corners(0, 0, 8, 1))]), "n.jpg": (0, [])}
    vott(tmp_path / "in" / "v", assets)
    report = convert(tmp_path / "in", tmp_path / "out")
    lines = manifest(tmp_path / "out")
    assert len(lines) == report.images["found"] == 4
    assert sum(line["mask"] is not None for line in lines) == report.images["drawn"] == 2
    assert total(line["shapes"] for line in lines) == report.records
    by_name = {one.name: one for one in report.classes}
    pixels_of = total(line["pixels"] for line in lines)
    assert pixels_of == {name: one.pixels for name, one in by_name.items()}
    assert total(line["class_shapes"] for line in lines) == {
        name: one.shapes for name, one in by_name.items() if one.shapes
    }
    assert sum(line["overlapped_pixels"] for line in lines) == report.overlapped_pixels
    codes = [issue["code"] for line in lines for issue in line["issues"]]
    assert {code: codes.count(code) for code in codes} == report.reasons
    for line in lines:
        if line["mask"]:
            mask = pixels(tmp_path / "out" / line["mask"])
            names = dict(enumerate(["background", "a", "b"]))
            values, counts = np.unique(mask, return_counts=True)
            assert {names[value]: count for value, count in zip(values, counts, strict=True)} == {
                name: count for name, count in line["pixels"].items() if count
            }


def test_a_data_set_is_read_back_as_it_was_written(tmp_path):
    picture(tmp_path / "in" / "x.png")
    labelme(tmp_path / "in" / "x.json", square("a", 1, 1, 4, 4))
    labelme(tmp_path / "in" / "bad.json", square("a", 1, 1, 4, 4), width=0)
    convert(tmp_path / "in", tmp_path / "out", options(instances=True))
    dataset = open_dataset(str(tmp_path / "out"))
    (item,) = dataset
    assert (len(dataset), len(dataset.entries)) == (1, 2)
    assert item.image_path.samefile(tmp_path / "in" / "x.png")
    assert np.array_equal(item.read_mask(), pixels(item.mask_path))
    assert item.read_instances().max() == 1
    assert item.size == (8, 6)
    assert dataset.classes.names[1] == "a"


def test_every_image_is_observed_once(tmp_path):
    for number in range(3):
        labelme(tmp_path / "in" / f"x{number}.json", square("a", 1, 1, 4, 4))
    for number, keys in enumerate(({}, {"dry_run": True}, {"strict": True})):
        seen = []
        convert(tmp_path / "in", tmp_path / f"out{number}", options(**keys), observe=seen.append)
        assert [entry.source.rpartition("/")[2] for entry in seen] == [
            "x0.json",
            "x1.json",
            "x2.json",
        ]
        assert all((entry.mask is None) == ("dry_run" in keys) for entry in seen)


def test_progress_counts_every_image(tmp_path):
    for number in range(3):
        labelme(tmp_path / "in" / f"x{number}.json", square("a", 1, 1, 4, 4))
    seen = []
    convert(tmp_path / "in", tmp_path / "out", progress=lambda *one: seen.append(one))
    assert seen == [
        ("reading", 1, None),
        ("reading", 2, None),
        ("reading", 3, None),
        ("drawing", 1, 3),
        ("drawing", 2, 3),
        ("drawing", 3, 3),
    ]


def test_files_are_counted_once_by_the_worst_that_befell_them(tmp_path):
    labelme(tmp_path / "good.json", square("a", 1, 1, 4, 4))
    (tmp_path / "broken.json").write_text("[")
    (tmp_path / "other.json").write_text("{}")
    (tmp_path / "picture.txt").write_text("not looked at")
    report = convert(tmp_path, tmp_path / "out")
    assert report.files == {"found": 3, "read": 1, "ignored": 0, "skipped": 1, "refused": 1}
    report = convert(tmp_path / "other.json", tmp_path / "out2")
    assert report.files == {"found": 1, "read": 0, "ignored": 0, "skipped": 0, "refused": 1}
    assert report.exit_code == 2


def test_a_label_may_be_called_void(tmp_path):
    """It is a class of its own, and pixels to be ignored keep another name."""
    labelme(tmp_path / "x.json", square("void", 1, 1, 4, 4), square("__ignore__", 5, 1, 7, 4))
    report = convert(tmp_path / "x.json", tmp_path / "out")
    (line,) = manifest(tmp_path / "out")
    assert line["pixels"] == {"background": 33, "void": 9, "void (255)": 6}
    assert {one.name: one.pixels for one in report.classes} == line["pixels"]


@pytest.mark.parametrize(("label", "fold_case"), [("background", False), ("Background ", True)])
def test_a_label_may_be_called_background(tmp_path, label, fold_case):
    """It is the background, and cuts holes into what was drawn before."""
    labelme(tmp_path / "x.json", square("a", 0, 0, 4, 4), square(label, 1, 1, 3, 3))
    convert(tmp_path / "x.json", tmp_path / "out", options(fold_case=fold_case))
    (line,) = manifest(tmp_path / "out")
    assert line["pixels"] == {"background": 36, "a": 12}
    saved = load_class_map(tmp_path / "out" / "classes.json")
    convert(tmp_path / "x.json", tmp_path / "again", options(classes=saved))
    assert manifest(tmp_path / "again")[0]["pixels"] == line["pixels"]


@pytest.mark.parametrize("codes", [("duplicate-source", "invalid-file"), ("invalid-file",) * 2])
def test_two_findings_about_a_file_count_as_the_worse_one(codes):
    file, other = Path("x.json"), Path("y.json")
    for order in (codes, codes[::-1]):
        report = ConversionReport(out="out")
        issues = [Issue(Code(code), "text", Origin(file)) for code in order]
        report.add_files([file, other], issues)
        assert report.files == {"found": 2, "read": 1, "ignored": 0, "skipped": 0, "refused": 1}


# --- limits


def test_a_point_at_the_limit_of_coordinates_costs_no_other_shape(tmp_path):
    """Its disc would reach beyond the limit."""
    labelme(
        tmp_path / "x.json",
        shape("a", [[2.0**31, 5]], "point"),
        square("a", 1, 1, 4, 4),
    )
    report = convert(tmp_path / "x.json", tmp_path / "out", options(point_radius=5))
    assert report.records["drawn"] == 1
    assert report.records["found"] == sum(report.records.values()) - report.records["found"]
    assert manifest(tmp_path / "out")[0]["pixels"]["a"] == 9


def test_keys_that_nobody_knows_may_be_nested_deeply(tmp_path):
    nested: list = []
    for _ in range(700):
        nested = [nested]
    labelme(tmp_path / "x.json", square("a", 1, 1, 4, 4, unknown=nested))
    report = convert(tmp_path / "x.json", tmp_path / "out")
    assert report.records["drawn"] == 1


def test_an_image_that_fits_no_memory_is_refused_and_the_next_one_drawn(tmp_path, monkeypatch):
    labelme(tmp_path / "in" / "a.json", square("a", 1, 1, 4, 4), width=30000, height=30000)
    labelme(tmp_path / "in" / "b.json", square("a", 1, 1, 4, 4))
    draw = conversion_module.draw

    def exhausted(image, classes, drawing_options):
        if image.image.size.width == 30000:
            raise MemoryError
        return draw(image, classes, drawing_options)

    monkeypatch.setattr(conversion_module, "draw", exhausted)
    report = convert(tmp_path / "in", tmp_path / "out")
    assert report.reasons["too-large"] == 1
    assert (report.images["refused"], report.images["drawn"]) == (1, 1)
    assert report.records == {
        "found": 2,
        "drawn": 1,
        "converted": 0,
        "ignored": 0,
        "skipped": 0,
        "refused": 1,
    }


@pytest.mark.parametrize(("width", "height"), [(2**31, 2**31), (2**30 + 1, 1), (40000, 40000)])
def test_sizes_beyond_any_mask_are_refused(tmp_path, width, height):
    labelme(tmp_path / "x.json", square("a", 1, 1, 4, 4), width=width, height=height)
    report = convert(tmp_path / "x.json", tmp_path / "out")
    assert report.images["refused"] == 1
    assert str(Code.TOO_LARGE) in report.reasons
    assert masks_are_absent(tmp_path / "out")


def masks_are_absent(out: Path) -> bool:
    return not (out / "masks").exists()


def test_a_very_large_image_is_converted(tmp_path):
    """144 million pixels: Pillow would take the picture for an attack."""
    labelme(tmp_path / "x.json", square("a", 11990, 11990, 12010, 12010), width=12000, height=12000)
    convert(tmp_path / "x.json", tmp_path / "out")
    (item,) = open_dataset(tmp_path / "out")
    mask = item.read_mask()
    assert mask.shape == (12000, 12000)
    assert mask.sum() == mask[11990:, 11990:].sum() == 100


def test_more_images_than_fit_into_memory_are_parked_on_disk(tmp_path, monkeypatch):
    from maskforge import spool

    monkeypatch.setattr(spool, "_BYTES_IN_MEMORY", 100)
    for number in range(5):
        labelme(tmp_path / "in" / f"x{number}.json", square("a", 0, 0, 1 + number, 1))
    convert(tmp_path / "in", tmp_path / "out")
    assert [line["pixels"]["a"] for line in manifest(tmp_path / "out")] == [1, 2, 3, 4, 5]


def test_a_temporary_disk_that_is_full_is_named(tmp_path, monkeypatch):
    from maskforge import spool

    class Full:
        def write(self, data):
            raise OSError(28, "No space left on device")

        def close(self):
            pass

    monkeypatch.setattr(spool.tempfile, "SpooledTemporaryFile", lambda **keys: Full())
    labelme(tmp_path / "x.json", square("a", 1, 1, 4, 4))
    with pytest.raises(OutputError, match="No space left on device"):
        convert(tmp_path / "x.json", tmp_path / "out")


@pytest.mark.parametrize(
    "keys",
    [
        {"encoding": "rgb"},
        {"file_type": "jpg"},
        {"overlap": "mix"},
        {"multi_tag": "some"},
        {"unvisited": "draw"},
        {"size_mismatch": "crop"},
        {"rasterizer": "gpu"},
        {"format": "coco"},
        {"line_width": float("nan")},
        {"line_width": -1.0},
        {"point_radius": float("inf")},
        {"point_radius": 10.0**9},
        {"encoding": "onehot"},
        {"encoding": "multihot", "file_type": "tiff"},
        {"images": "/nowhere/at/all"},
    ],
)
def test_options_that_cannot_be_used_stop_the_run_at_once(tmp_path, keys):
    labelme(tmp_path / "x.json", square("a", 1, 1, 4, 4))
    with pytest.raises(OptionError):
        convert(tmp_path / "x.json", tmp_path / "out", options(**keys))
    assert not (tmp_path / "out").exists()


def test_nothing_is_written_without_any_source(tmp_path):
    report = convert([], tmp_path / "out")
    assert (report.exit_code, report.written) == (2, False)
    assert not (tmp_path / "out").exists()


def test_errors_are_of_one_family(tmp_path):
    with pytest.raises(MaskforgeError) as caught:
        convert(tmp_path / "nowhere", tmp_path / "out")
    assert isinstance(caught.value, ValueError)
