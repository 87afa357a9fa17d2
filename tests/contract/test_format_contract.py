"""What every annotation format must do; a new one takes part with its samples alone."""

from __future__ import annotations

import base64
import contextlib
import copy
import json
from collections.abc import Callable, Iterator
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from annotation_trees import Tree, trees
from damage import JUNK, change, every_damage
from format_checks import (
    bounds_of,
    check_account,
    check_image,
    check_keys,
    drawing,
    index_of,
    record_keys,
    records_of,
)
from format_examples import labelme, superannotate
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from random_examples import examples

import maskforge as mf
from maskforge.formats.darwin.annotation_records import KINDS as DARWIN_KINDS
from maskforge.formats.jsonio import load
from maskforge.formats.registry import FORMATS, get_format
from maskforge.images.annotated_image import AnnotatedImage
from maskforge.shapes import Shape

TREES = {f"{tree.format}-{tree.name}": tree for tree in trees()}
OUTCOMES = ("drawn", "partial", "converted", "void", "ignored", "skipped", "refused")

patient = settings(
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
every_format = pytest.mark.parametrize("format_", FORMATS)
every_tree = pytest.mark.parametrize("laid", TREES, indirect=True)
any_tree = st.sampled_from([name for name, tree in TREES.items() if tree.documents])
small_tree = st.sampled_from([name for name in TREES if name.endswith("-small")])
"""All formats share the examples of a test: there are many formats."""


class Laid:
    """A tree on the disk, and what is read of it while it is whole.

    Attributes:
        sound: The images of the folder.
        keys: Where they keep their records.
        alone: The images of every document, read without the others.
    """

    def __init__(self, tree: Tree, folder: Path) -> None:
        self.tree = tree
        self.folder = tree.write(folder)
        self.sound = list(mf.read(folder))
        self.keys = record_keys(self.sound)
        self.alone = {name: self.read(folder / name)[0] for name in tree.documents}

    def read(self, path: Path) -> tuple[list[AnnotatedImage], mf.AnnotationReader]:
        reader = mf.read(path, format=self.tree.format)
        images = list(reader)
        for image in images:
            check_image(image)
        return images, reader

    @contextlib.contextmanager
    def damaged(self, name: str, content: object) -> Iterator[Path]:
        """Lend the path of a file that holds something else for a while."""
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        try:
            yield path
        finally:
            path.write_bytes(self.tree.files[name])

    @cached_property
    def with_records(self) -> list[tuple[str, AnnotatedImage]]:
        """Document and image, but for records that share a unit which any of them may tell."""
        return [
            (name, image)
            for name, images in self.alone.items()
            for image in images
            if image.origin.file == self.folder / name and image.record_count
            if "visitedFrames" not in self.tree.root(name)
        ]

    def check(self, name: str, root: Any) -> None:
        """Read a damaged document, and account for all that it holds."""
        with self.damaged(name, root) as path:
            images, reader = self.read(path)
            own = [image for image in images if image.origin.file == path]
            check_account(own, root, self.keys)
            if not images and [one.origin.pointer for one in self.alone[name]] == ["$"]:
                assert [issue.origin.file for issue in reader.issues] == [path]


def check_report(report: mf.ConversionReport) -> None:
    for counts in (report.records, report.images):
        assert counts["found"] == sum(counts.get(one, 0) for one in OUTCOMES)


@pytest.fixture(scope="module")
def lay(tmp_path_factory) -> Callable[[str], Laid]:
    """Lays a tree by its name; each is laid and read once."""
    return cache(lambda name: Laid(TREES[name], tmp_path_factory.mktemp("tree")))


@pytest.fixture
def laid(request, lay) -> Laid:
    return lay(request.param)


# --- Recognition


@every_tree
def test_a_file_is_recognized_by_its_own_format_and_by_no_other(laid):
    for name in laid.tree.annotations:
        detection = mf.detect(laid.folder / name)
        assert detection.format == laid.tree.format
        assert detection.reason
        document = load(laid.folder / name)
        for other in set(FORMATS) - {laid.tree.format}:
            answer = get_format(other).recognize(document)
            assert (answer.variant, bool(answer.reason)) == ("", True)


@every_format
@pytest.mark.parametrize("content", ["", "[]", "{}", "null", "5", "[1]", '{"a": 1}', "[", "%PDF"])
def test_what_is_of_no_format_is_refused_with_reasons(tmp_path, format_, content):
    (tmp_path / "x.json").write_text(content)
    with pytest.raises(mf.MaskforgeError) as caught:
        mf.detect(tmp_path / "x.json")
    assert caught.value.origin.file == tmp_path / "x.json"
    is_json = ".json" in get_format(format_).suffixes
    if is_json and content in ("[]", "{}", "null", "5", "[1]", '{"a": 1}'):
        assert f"not {format_}: " in str(caught.value)
    refused(tmp_path / "x.json", format_)


@every_tree
def test_files_of_other_formats_are_refused(laid):
    for name in laid.tree.annotations:
        for other in set(FORMATS) - {laid.tree.format}:
            refused(laid.folder / name, other)


def refused(path: Path, format_: str) -> None:
    reader = mf.read(path, format=format_)
    assert list(reader) == []
    (issue,) = reader.issues
    assert (issue.level, issue.origin.file) == (mf.Level.REFUSED, path)
    assert issue.message


@given(data=st.data())
@settings(patient, max_examples=examples(80))
def test_any_json_is_recognized_or_refused(lay, tmp_path, data):
    laid = lay(data.draw(any_tree))
    name = data.draw(st.sampled_from(laid.tree.documents))
    content = data.draw(
        JUNK | st.lists(JUNK, max_size=4) | st.dictionaries(st.text(max_size=9), JUNK)
    )
    path = tmp_path / Path(name).name
    path.write_text(json.dumps(content))
    with contextlib.suppress(mf.MaskforgeError):
        mf.detect(path)
    laid.read(path)
    path.unlink()


# --- Damage


@given(data=st.data())
@settings(patient, max_examples=examples(40))
def test_a_file_that_is_cut_off_is_refused(lay, data):
    laid = lay(data.draw(any_tree))
    name = data.draw(st.sampled_from(laid.tree.documents))
    whole = laid.tree.files[name].rstrip()
    with laid.damaged(name, whole[: data.draw(st.integers(0, len(whole) - 1))]) as path:
        refused(path, laid.tree.format)
        images, reader = laid.read(laid.folder)
        assert path in [issue.origin.file for issue in reader.issues]
        assert not [image for image in images if image.origin.file == path]


@given(data=st.data())
@settings(patient, max_examples=examples(60))
def test_overwritten_bytes_are_read_or_refused(lay, data):
    laid = lay(data.draw(any_tree))
    name = data.draw(st.sampled_from(laid.tree.annotations))
    whole = laid.tree.files[name]
    start, junk = (
        data.draw(st.integers(0, len(whole))),
        data.draw(st.binary(min_size=1, max_size=4)),
    )
    with laid.damaged(name, whole[:start] + junk + whole[start + len(junk) :]) as path:
        images, reader = laid.read(path)
        assert images or reader.issues or mf.detect(path).auxiliary


@every_format
def test_everything_that_can_be_wrong_at_every_place(tmp_path, format_):
    """What small files have shown is not tried again with large ones."""
    seen: set[Any] = set()
    for tree in sorted(TREES.values(), key=lambda tree: tree.name != "small"):
        if tree.format == format_:
            laid = Laid(tree.lean(), tmp_path / tree.name)
            for name in sorted(laid.tree.documents, key=lambda one: len(laid.tree.files[one])):
                for root in every_damage(laid.tree.root(name), seen):
                    laid.check(name, root)


@given(data=st.data())
@settings(patient, max_examples=examples(80))
def test_damage_at_several_places(lay, data):
    laid = lay(data.draw(small_tree))
    name = data.draw(st.sampled_from(laid.tree.documents))
    root = laid.tree.root(name)
    for _ in range(data.draw(st.integers(2, 3))):
        change(data.draw, root)
    laid.check(name, root)
    with laid.damaged(name, root) as path:
        check_report(mf.convert(path, "nowhere", format=laid.tree.format, dry_run=True))


@given(data=st.data())
@settings(patient, max_examples=examples(100))
def test_damage_of_one_record_leaves_the_others_as_they_are(lay, data):
    laid = lay(data.draw(any_tree))
    assume(laid.with_records)
    name, image = data.draw(st.sampled_from(laid.with_records))
    root = laid.tree.root(name)
    place, records = records_of(image, root, laid.keys)
    index = data.draw(st.integers(0, len(records) - 1))
    holder = {"record": records[index]}
    change(data.draw, holder, ("record",))
    records[index] = holder["record"]
    with laid.damaged(name, root) as path:
        images, reader = laid.read(path)
    found = [one for one in images if one.origin == image.origin]
    if not found or found[0].refusal:  # text that is not valid Unicode; a video; another size
        assert found or reader.issues
        return
    check_account([one for one in images if one.origin.file == path], root, laid.keys)
    before, after = shapes_of([image]), shapes_of(found)
    for origin in before.keys() | after.keys():
        if index_of(origin.pointer, place) != index:
            assert drawing(before[origin]) == drawing(after[origin])
            assert before[origin].labels == after[origin].labels


@every_tree
def test_a_record_of_no_known_kind_tells_its_place(laid):
    """Whatever the record covered while it was whole, void can cover."""
    covered = 0
    for name, image in laid.with_records:
        root = laid.tree.root(name)
        place, records = records_of(image, root, laid.keys)
        sound = {index_of(one.origin.pointer, place): one for one in image.shapes}
        for record in records:
            spoil(record)
        with laid.damaged(name, root) as path:
            (found,) = [one for one in laid.read(path)[0] if one.origin == image.origin]
        for issue in found.issues:
            shape = sound.get(index_of(issue.origin.pointer, place)) if issue.box else None
            if shape is not None and issue.code in NO_KIND:
                points = bounds_of(shape)
                assert (points.min(axis=0) >= issue.box[:2]).all()
                assert (points.max(axis=0) <= np.add(issue.box[2:], 1e-9)).all()
                covered += 1
    # What has been spoiled of a record of Labelbox was all that says where it is.
    assert covered or not laid.with_records or laid.tree.format == "labelbox"


def spoil(record: dict[str, Any]) -> None:
    """Take away what says of which kind a record is: a value, or a key of Darwin.

    Cityscapes draws nothing but polygons, and names no kinds: what it names is the class.
    """
    holder = record.get("shape_attributes", record)
    keys = ("type", "shape_type", "geometryType", "segmentation", "name")
    holder |= {key: "heart" for key in keys if key in holder}
    if set(record) >= {"label", "polygon"}:
        record["label"] = 5
    if "slot_names" in record:
        record["name"] = "caries"
        record |= {f"odd {key}": record.pop(key) for key in DARWIN_KINDS if key in record}


NO_KIND = (mf.Code.UNKNOWN_KIND, mf.Code.INVALID_COORDINATES, mf.Code.INVALID_RECORD)


def shapes_of(images: list[AnnotatedImage]) -> dict[mf.Origin, Shape]:
    return {shape.origin: shape for image in images for shape in image.shapes}


@given(data=st.data())
@settings(patient, max_examples=examples(60))
def test_damage_stays_in_its_file(lay, data):
    laid = lay(data.draw(small_tree))
    tree = laid.tree
    name = data.draw(st.sampled_from(tree.documents))
    root = copy.deepcopy({"root": tree.root(name)})
    change(data.draw, root)
    linked = {laid.folder / one for one in (name, *tree.links.get(name, ()))}
    with laid.damaged(name, root.get("root")) as path:
        images, _ = laid.read(laid.folder)
        auxiliary = not any(one.origin.file == path for one in laid.sound)
    assert outcomes(laid.sound, linked) == outcomes(images, linked)
    before, after = shapes_of(laid.sound), shapes_of(images)
    if auxiliary:  # it tells names, and no shapes
        assert before.keys() == after.keys()
    for origin in before.keys() & after.keys():
        if origin.file != path:
            assert drawing(before[origin]) == drawing(after[origin])


def outcomes(images: list[AnnotatedImage], without: set[Path]) -> list[Any]:
    return [
        (
            image.origin,
            image.image,
            image.state,
            [(shape.origin, shape.labels, *drawing(shape)) for shape in image.shapes],
            [issue.code for issue in image.issues],
        )
        for image in images
        if image.origin.file not in without
    ]


def labelme_bitmap(folder: Path, png: bytes) -> Path:
    record = labelme.shape("mask", [[2, 3], [5, 5]], mask=base64.b64encode(png).decode())
    path = folder / "tooth.json"
    path.write_text(json.dumps({"shapes": [record], "imageWidth": 40, "imageHeight": 30}))
    return path


def superannotate_bitmap(folder: Path, png: bytes) -> Path:
    (folder / "a.png___save.png").write_bytes(png)
    path = folder / "a.png___pixel.json"
    records = [
        {"className": color, "parts": [{"color": color}]} for color in ("#00000f", "#00001e")
    ]
    path.write_text(json.dumps({"instances": records, "metadata": {}}))
    return path


@pytest.mark.parametrize(
    ("write", "png"),
    [(labelme_bitmap, labelme.MASK), (superannotate_bitmap, superannotate.save_png())],
    ids=["labelme", "superannotate"],
)
@given(data=st.data())
@settings(patient, max_examples=examples(60))
def test_a_damaged_bitmap_gives_the_true_pixels_or_none(
    tmp_path, write: Callable[[Path, bytes], Path], png: bytes, data
):
    (sound,) = mf.read(write(tmp_path, png))
    damaged = bytearray(png)
    start = data.draw(st.integers(0, len(png) - 1))
    match data.draw(st.sampled_from(["change", "cut", "insert", "drop"])):
        case "change":
            damaged[start] ^= data.draw(st.integers(1, 255))
        case "cut":
            del damaged[start:]
        case "insert":
            damaged[start:start] = data.draw(st.binary(min_size=1, max_size=9))
        case "drop":
            del damaged[start : start + data.draw(st.integers(1, 9))]
    (image,) = mf.read(write(tmp_path, bytes(damaged)))
    check_image(image)
    assert image.record_count == sound.record_count
    before = shapes_of([sound])
    for origin, shape in shapes_of([image]).items():
        assert drawing(shape) == drawing(before[origin])


# --- What is read


@every_tree
def test_every_record_and_every_key_is_read_or_kept(laid):
    for name, images in laid.alone.items():
        root = laid.tree.root(name)
        own = [image for image in images if image.origin.file == laid.folder / name]
        check_account(own, root, laid.keys)
        for image in own:
            check_keys(image, root, laid.keys)


@every_format
def test_every_record_and_every_key_of_real_files_is_read_or_kept(corpus, format_):
    folder = corpus / format_.replace("-", "_")
    if not folder.is_dir():
        pytest.skip(f"no real files of {format_}")
    images = list(mf.read(folder, format=format_))
    keys = record_keys(images)
    by_file: dict[Path, list[AnnotatedImage]] = {}
    for image in images:
        by_file.setdefault(image.origin.file, []).append(image)
    for file, own in by_file.items():
        if file.suffix in (".json", ".vott"):
            root = json.loads(file.read_bytes())
            check_account(own, root, keys)
            for image in own:
                check_keys(image, root, keys)


@every_format
def test_samples_are_read_whole(samples, format_):
    reader = mf.read(samples / format_, format=asked_for(format_))
    images = list(reader)
    assert not reader.issues
    assert not [issue for image in images for issue in image.issues if issue.loses_record]
    assert all((image.format, image.refusal) == (format_, None) for image in images)
    files = [*(samples / format_).rglob("*.jpg"), *(samples / format_).rglob("*_0000.png")]
    assert len(images) == len(files)
    assert sum(image.state is mf.ImageState.EMPTY for image in images) == 1
    report = mf.convert(samples / format_, "nowhere", format=asked_for(format_), dry_run=True)
    check_report(report)


def asked_for(format_: str) -> str:
    """Return what somebody has to say so that a format is read: masks may be images."""
    return format_ if format_ == "masks" else "auto"


def mask_of(samples: Path, format_: str, name: str) -> np.ndarray:
    classes = mf.load_class_map(samples / "classes.toml")
    images = mf.read(samples / format_, format=asked_for(format_))
    (image,) = (one for one in images if Path(one.image.name).stem == name)
    return mf.draw(image, classes).mask


@every_format
def test_the_same_drawing_gives_the_same_mask_in_every_format(samples, format_):
    name = "bitewing-01"
    assert (mask_of(samples, format_, name) == mask_of(samples, "labelme", name)).all()
