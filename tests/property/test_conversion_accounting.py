"""Nothing is lost silently: whatever a source holds, the report accounts for every record.

Hypothesis mixes good, odd and damaged records of all formats; they are counted here before they are
written, independently of the tool.
"""

import json
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
from builders import (
    assert_whole,
    corners,
    image,
    instance,
    labelme,
    manifest,
    pixels,
    region,
    shape,
    superannotate,
    total,
    vott,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from random_examples import examples

from maskforge import ConvertOptions, MaskforgeError, convert

OUTCOMES = ("drawn", "converted", "void", "ignored", "skipped", "refused")
DOUBTFUL = {
    "invalid-record",
    "invalid-coordinates",
    "invalid-bitmap",
    "unknown-kind",
    "no-label",
    "unresolved-class",
}

coordinates = st.integers(-3, 12) | st.floats(-3, 12)
odd_numbers = st.sampled_from(
    [
        float("nan"),
        float("inf"),
        -float("inf"),
        1e300,
        2.0**31,
        -(2.0**31),
        10**400,
        "1",
        None,
        True,
    ]
)
points = st.lists(st.lists(coordinates, min_size=2, max_size=2), max_size=7)
odd_points = st.lists(st.lists(coordinates | odd_numbers, max_size=3), max_size=5) | st.none()
labels = st.sampled_from(["a", "b", "A ", "_background_", "__ignore__", "歯"])
odd_labels = st.sampled_from([None, "", " ", 5, float("nan"), True, ["a"], {}, "x" * 1000])
kinds = st.sampled_from(
    [None, "polygon", "rectangle", "circle", "line", "linestrip", "point", "points", "rotation"]
)
odd_kinds = st.sampled_from(["heart", "", 7, "mask", [], "POLYGON"])
junk = st.none() | st.integers() | st.text(max_size=3) | st.lists(st.integers(), max_size=2)

labelme_records = st.one_of(
    st.builds(shape, labels, points, kinds),
    st.builds(lambda x, y, w, h: shape("a", corners(x, y, x + w, y + h)), *[coordinates] * 4),
    st.builds(shape, labels | odd_labels, points | odd_points, kinds | odd_kinds),
    st.builds(
        lambda group: shape("b", corners(1, 1, 4, 4), group_id=group),
        st.sampled_from([1, "x", 2.0, 2.5, [], True]),
    ),
    st.dictionaries(st.sampled_from(["label", "points", "shape_type"]), junk, max_size=3),
    junk,
)
labelme_files = st.fixed_dictionaries(
    {"shapes": st.lists(labelme_records, max_size=6)},
    optional={
        "width": st.sampled_from([None, 0, -1, 8.5, "8", 10**9, 10**400, 9]),
        "height": st.sampled_from([None, 10**9, 6.0]),
        "image": st.sampled_from(["", "../x.png", "p.png", "small.png", "a\0.png", "turned.jpg"]),
        "imageData": st.sampled_from(["", "AAAA", 5]),
        "flags": st.sampled_from([None, {"sharp": True}, [], {"sharp": 1}]),
    },
)
superannotate_records = st.one_of(
    st.builds(
        instance, labels, st.lists(st.tuples(coordinates, coordinates), min_size=3, max_size=6)
    ),
    st.builds(
        lambda kind, name, flat: {"type": kind, "className": name, "points": flat},
        st.sampled_from(["polygon", "polyline", "bbox", "heart", None]),
        labels | odd_labels,
        st.lists(coordinates | odd_numbers, max_size=7) | junk,
    ),
    junk,
)
vott_regions = st.builds(
    region,
    st.lists(labels, max_size=3),
    st.lists(st.tuples(coordinates, coordinates), min_size=1, max_size=5),
)
other_files = st.sampled_from(["", "[", "{}", '{"name": 1}', "[1, 2]", '{"shapes": 5}', "nonsense"])
sources = st.fixed_dictionaries(
    {
        "labelme": st.lists(labelme_files, max_size=4),
        "superannotate": st.lists(st.lists(superannotate_records, max_size=4), max_size=2),
        "vott": st.lists(
            st.tuples(st.sampled_from([0, 1, 2]), st.lists(vott_regions, max_size=3)), max_size=3
        ),
        "other": st.lists(other_files, max_size=2),
    }
)
options = st.builds(
    ConvertOptions,
    encoding=st.sampled_from(["integer", "onehot", "multihot"]),
    file_type=st.just("npy"),
    overlap=st.sampled_from(["order", "area", "priority", "error"]),
    line_width=st.sampled_from([None, 0.0, 1.5, 65536.0]),
    point_radius=st.sampled_from([None, 0.0, 2.0, 65536.0]),
    multi_tag=st.sampled_from(["first", "last", "all", "error"]),
    unlabeled=st.sampled_from([None, "skip", "error", "a"]),
    refused=st.sampled_from(["leave-out", "void"]),
    unvisited=st.sampled_from(["skip", "background"]),
    size_mismatch=st.sampled_from(["error", "scale"]),
    instances=st.booleans(),
    fold_case=st.booleans(),
)


def write(folder: Path, source: dict) -> tuple[int, int]:
    """Write a source; return how many images and records it has."""
    image(folder / "p.png")
    image(folder / "small.png", 4, 3)
    image(folder / "turned.jpg", 6, 8, orientation=6)
    images = records = 0
    for number, keys in enumerate(source["labelme"]):
        content = dict(keys)
        shapes = content.pop("shapes")
        if content.get("flags") == {"sharp": 1} and not shapes:
            content.pop("flags")
        path = folder / f"l{number}.json"
        labelme(path, *shapes, **content)
        images += 1
        records += len(shapes)
    for number, instances in enumerate(source["superannotate"]):
        superannotate(folder / "s" / f"s{number}.png.json", *instances)
        images += 1
        records += len(instances)
    if source["vott"]:
        vott(folder / "v", {f"v{number}.png": asset for number, asset in enumerate(source["vott"])})
        images += len(source["vott"])
        records += sum(len(regions) for state, regions in source["vott"] if state == 2)
    for number, content in enumerate(source["other"]):
        (folder / f"o{number}.json").write_text(content)
    return images, records


def check_outcome(line: dict, chosen: ConvertOptions) -> None:
    """An image is drawn only if nothing is in doubt, and has no mask if nothing else is left."""
    decided = {"no-label", "unresolved-class"} if chosen.unlabeled == "skip" else set()
    refusals = {"several-labels"} if chosen.multi_tag == "error" else set()
    doubts = [
        issue["code"]
        for issue in line["issues"]
        if issue["level"] in ("skipped", "refused")
        and issue["code"] in (DOUBTFUL | refusals) - decided
    ]
    strays = [issue for issue in line["issues"] if issue["code"] == "too-few-points"]
    shown = sum(line["shapes"][one] for one in ("drawn", "converted", "void"))
    assert (line["mask"] is not None) == (line["outcome"] in ("drawn", "partial"))
    if line["outcome"] == "drawn":
        assert not doubts
        assert shown or not strays
    elif line["outcome"] == "partial":
        assert doubts
        assert shown
    assert chosen.refused == "void" or not line["shapes"]["void"]


@settings(max_examples=examples(40))
@given(source=sources, chosen=options)
def test_every_record_of_every_file_is_accounted_for(source, chosen):
    with tempfile.TemporaryDirectory() as name:
        folder, out = Path(name) / "in", Path(name) / "out"
        images, records = write(folder, source)
        report = convert(folder, out, chosen)
        unrecognized = report.files["skipped"] + report.files["refused"]
        lost_files = unrecognized - len(source["other"])
        if lost_files == 0:
            assert report.images["found"] == images
            assert report.records["found"] == records
        assert report.images["found"] <= images
        assert (
            sum(report.images[one] for one in ("drawn", "partial", "ignored", "refused"))
            == (report.images["found"])
        )
        assert sum(report.records[one] for one in OUTCOMES) == report.records["found"]
        refused = any(group["refused"] for group in (report.files, report.images, report.records))
        refused |= report.records["void"] > 0
        assert report.exit_code == (2 if not report.images["found"] else int(refused))
        if not report.images["found"]:
            assert not out.exists()
            return
        assert_whole(out)
        lines = manifest(out)
        assert len(lines) == report.images["found"]
        for line in lines:
            assert sum(line["shapes"][one] for one in OUTCOMES) == line["shapes"]["found"]
            check_outcome(line, chosen)
            if chosen.encoding == "integer" and line["mask"]:
                mask = pixels(out / line["mask"])
                assert sum(line["pixels"].values()) == mask.size
                assert line["pixels"]["background"] == np.count_nonzero(mask == 0)
        assert total(line["shapes"] for line in lines) == report.records
        codes = Counter(issue["code"] for line in lines for issue in line["issues"])
        assert not codes - Counter(report.reasons)
        json.dumps(lines)


@settings(max_examples=examples(16))
@given(source=sources, chosen=options)
def test_strict_writes_all_or_nothing(source, chosen):
    with tempfile.TemporaryDirectory() as name:
        folder, out = Path(name) / "in", Path(name) / "out"
        write(folder, source)
        plain = convert(folder, out, ConvertOptions(**_fields(chosen) | {"dry_run": True}))
        strict = convert(folder, out, ConvertOptions(**_fields(chosen) | {"strict": True}))
        assert plain.records == strict.records
        assert plain.images == strict.images
        assert strict.written == (not strict.lost and strict.images["found"] > 0)
        assert out.exists() == strict.written
        if strict.written:
            assert_whole(out)


def _fields(chosen: ConvertOptions) -> dict[str, object]:
    names = ("encoding", "file_type", "overlap", "line_width", "point_radius", "multi_tag")
    more = ("unlabeled", "refused", "unvisited", "size_mismatch", "instances", "fold_case")
    return {name: getattr(chosen, name) for name in (*names, *more)}


@settings(max_examples=examples(24))
@given(content=st.binary(max_size=200), suffix=st.sampled_from([".json", ".csv", ".vott"]))
def test_no_bytes_whatsoever_end_in_a_traceback(content, suffix):
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / f"x{suffix}"
        path.write_bytes(content)
        report = convert(path, Path(name) / "out")
        assert report.exit_code in (0, 1, 2)
        assert report.files["found"] == 1
        assert not isinstance(report, MaskforgeError)
