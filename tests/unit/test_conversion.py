"""``convert`` through the Python interface: its account, its options and its limits."""

from pathlib import Path

import numpy as np
import pytest
from builders import (
    corners,
    files,
    labelme,
    manifest,
    pixels,
    region,
    shape,
    square,
    total,
    vott,
)
from builders import image as image_file

from maskforge import (
    ConversionReport,
    convert,
    load_class_map,
    open_dataset,
)
from maskforge.dataset import converted_image as conversion_module
from maskforge.dataset.conversion_report import count_classes, count_files
from maskforge.errors import OptionError, OutputError
from maskforge.issues import Code, Issue, Origin


def masks(out: Path) -> set[str]:
    return files(out / "masks")


# --- the manifest and the report


def test_the_manifest_adds_up_to_the_report(tmp_path):
    image_file(tmp_path / "in" / "x.png")
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
    assert [line["outcome"] for line in lines] == ["refused", "partial", "drawn", "ignored"]
    assert [line["mask"] is not None for line in lines] == [False, True, True, False]
    assert [report.images[one] for one in ("drawn", "partial", "ignored", "refused")] == [1] * 4
    assert report.partial == ["x"]
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


def test_the_classes_of_an_image_alone_are_gone_through(tmp_path, monkeypatch):
    """Else the cost of many labels in many images is the product of both."""
    given = []

    def spy(counts, entry, ids):
        given.append((id(counts), id(ids), len(entry.pixels | entry.class_shapes)))
        count_classes(counts, entry, ids)

    monkeypatch.setattr("maskforge.dataset.conversion.count_classes", spy)
    for number in range(20):
        labelme(tmp_path / "in" / f"x{number}.json", square(f"label {number:02}", 1, 1, 4, 4))
    report = convert(tmp_path / "in", tmp_path / "out")
    assert sorted(one.id for one in report.classes) == list(range(21))
    assert len(set(given)) == 1
    assert given[0][2] == 2


def test_every_image_is_observed_once(tmp_path):
    for number in range(3):
        labelme(tmp_path / "in" / f"x{number}.json", square("a", 1, 1, 4, 4))
    for number, keys in enumerate(({}, {"dry_run": True}, {"strict": True})):
        seen = []
        convert(tmp_path / "in", tmp_path / f"out{number}", **keys, observe=seen.append)
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
    (tmp_path / "image.txt").write_text("not looked at")
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
    convert(tmp_path / "x.json", tmp_path / "out", fold_case=fold_case)
    (line,) = manifest(tmp_path / "out")
    assert line["pixels"] == {"background": 36, "a": 12}
    saved = load_class_map(tmp_path / "out" / "classes.json")
    convert(tmp_path / "x.json", tmp_path / "again", classes=saved)
    assert manifest(tmp_path / "again")[0]["pixels"] == line["pixels"]


@pytest.mark.parametrize("codes", [("duplicate-source", "invalid-file"), ("invalid-file",) * 2])
def test_two_findings_about_a_file_count_as_the_worse_one(codes):
    file, other = Path("x.json"), Path("y.json")
    for order in (codes, codes[::-1]):
        report = ConversionReport(out="out")
        issues = [Issue(Code(code), "text", Origin(file)) for code in order]
        count_files(report, [file, other], issues)
        assert report.files == {"found": 2, "read": 1, "ignored": 0, "skipped": 0, "refused": 1}


# --- limits


def test_a_point_at_the_limit_of_coordinates_costs_no_other_shape(tmp_path):
    """Its disc would reach beyond the limit."""
    labelme(
        tmp_path / "x.json",
        shape("a", [[2.0**31, 5]], "point"),
        square("a", 1, 1, 4, 4),
    )
    report = convert(tmp_path / "x.json", tmp_path / "out", point_radius=5)
    assert report.records["drawn"] == 1
    assert report.records["found"] == sum(report.records.values()) - report.records["found"]
    assert manifest(tmp_path / "out")[0]["pixels"]["a"] == 9


def test_keys_that_nobody_knows_may_be_nested_deeply(tmp_path):
    nested: list = []
    for _ in range(700):
        nested = [nested]
    labelme(tmp_path / "x.json", square("a", 1, 1, 4, 4, unknown=nested), other=nested)
    report = convert(tmp_path / "x.json", tmp_path / "out")
    assert report.records["drawn"] == 1


def test_an_image_that_fits_no_memory_is_refused_and_the_next_one_drawn(tmp_path, monkeypatch):
    labelme(tmp_path / "in" / "a.json", square("a", 1, 1, 4, 4), width=30000, height=30000)
    labelme(tmp_path / "in" / "b.json", square("a", 1, 1, 4, 4))
    draw = conversion_module.draw_labeled

    def exhausted(image, classes, drawing_options):
        if image.image.size.width == 30000:
            raise MemoryError
        return draw(image, classes, drawing_options)

    monkeypatch.setattr(conversion_module, "draw_labeled", exhausted)
    report = convert(tmp_path / "in", tmp_path / "out")
    assert report.reasons["too-large"] == 1
    assert (report.images["refused"], report.images["drawn"]) == (1, 1)
    assert report.records == {
        "found": 2,
        "drawn": 1,
        "converted": 0,
        "void": 0,
        "ignored": 0,
        "skipped": 0,
        "refused": 1,
    }


@pytest.mark.parametrize(
    ("width", "height"),
    [(2**31, 2**31), (2**31, 9), (9, 10**9), (10**9, 9), (140000, 140000)],
)
def test_sizes_beyond_any_mask_are_refused(tmp_path, width, height):
    labelme(tmp_path / "x.json", square("a", 1, 1, 4, 4), width=width, height=height)
    report = convert(tmp_path / "x.json", tmp_path / "out")
    assert report.images["refused"] == 1
    assert str(Code.TOO_LARGE) in report.reasons
    assert masks_are_absent(tmp_path / "out")


def masks_are_absent(out: Path) -> bool:
    return not (out / "masks").exists()


def test_a_very_large_image_is_converted(tmp_path):
    """144 million pixels: Pillow would take the image for an attack."""
    labelme(tmp_path / "x.json", square("a", 11990, 11990, 12010, 12010), width=12000, height=12000)
    convert(tmp_path / "x.json", tmp_path / "out")
    (item,) = open_dataset(tmp_path / "out")
    mask = item.read_mask()
    assert mask.shape == (12000, 12000)
    assert mask.sum() == mask[11990:, 11990:].sum() == 100


def test_more_images_than_fit_into_memory_are_parked_on_disk(tmp_path, monkeypatch):
    from maskforge.dataset import spool

    monkeypatch.setattr(spool, "_BYTES_IN_MEMORY", 100)
    for number in range(5):
        labelme(tmp_path / "in" / f"x{number}.json", square("a", 0, 0, 1 + number, 1))
    convert(tmp_path / "in", tmp_path / "out")
    assert [line["pixels"]["a"] for line in manifest(tmp_path / "out")] == [1, 2, 3, 4, 5]


def test_a_temporary_disk_that_is_full_is_named(tmp_path, monkeypatch):
    from maskforge.dataset import spool

    class Full:
        def write(self, data):
            raise OSError(28, "No space left on device")

        def close(self):
            pass

    monkeypatch.setattr(spool, "_BYTES_IN_MEMORY", 0)
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
        {"format": "photoshop"},
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
        convert(tmp_path / "x.json", tmp_path / "out", **keys)
    assert not (tmp_path / "out").exists()


def test_nothing_is_written_without_any_source(tmp_path):
    report = convert([], tmp_path / "out")
    assert (report.exit_code, report.written) == (2, False)
    assert not (tmp_path / "out").exists()
