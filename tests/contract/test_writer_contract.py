"""What every writer of annotation files must do; a new one takes part by existing."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from format_checks import drawing

import maskforge as mf
from maskforge.formats.registry import FORMATS, READ_AGAIN, format_of, get_writer
from maskforge.images.annotated_image import AnnotatedImage

OWN_SAMPLES = {
    "superannotate": "superannotate/vector",
    "superannotate-pixel": "superannotate/pixel",
}
"""Samples of one kind of project, where a format has several."""

every_writer = pytest.mark.parametrize("writer", READ_AGAIN)
RICH = ("labelme", "superannotate", "vott")
"""Formats whose samples have shapes of all kinds; those of all others draw the same images."""

every_pair = pytest.mark.parametrize(
    ("writer", "source"),
    [
        (writer, source)
        for writer in READ_AGAIN
        for source in FORMATS
        if source in (*RICH, format_of(writer)) or writer == "labelme"
    ],
)


@pytest.fixture(scope="module")
def class_map(samples) -> mf.ClassMap:
    return mf.load_class_map(samples / "classes.toml")


@pytest.fixture(scope="module")
def sample_masks(samples, class_map):
    """Return the masks of the samples of a format, drawn once."""
    return functools.cache(
        lambda source: dict(masks_of(images_of(samples / source, source), class_map))
    )


@pytest.fixture(scope="module")
def exported(samples, tmp_path_factory, class_map):
    """Return the folder and the report of an export, which is made once."""
    done: dict[tuple[str, str], tuple[Path, Any]] = {}

    def export(writer: str, source: str) -> tuple[Path, Any]:
        if (writer, source) not in done:
            out = tmp_path_factory.mktemp("export") / "out"
            options: Any = {"image_files": "copy", "unvisited": "background"}
            source_format = source.partition("/")[0]
            options |= {"format": writer, "source_format": source_format, "classes": class_map}
            report = mf.export(samples / source, out, **options)
            done[writer, source] = out, report
        return done[writer, source]

    return export


def images_of(folder: Path, format_: str) -> dict[str, AnnotatedImage]:
    reader = mf.read(folder, format=format_)
    images = {Path(image.image.name).stem: image for image in reader}
    assert not [issue for issue in reader.issues if issue.level is not mf.Level.NOTE]
    return images


def masks_of(images: dict[str, AnnotatedImage], classes: mf.ClassMap) -> Iterator[Any]:
    for name, image in sorted(images.items()):
        converted = mf.convert_image(image, classes, unvisited="background")
        assert converted.mask is not None, converted.issues
        yield name, converted.mask


@every_pair
def test_masks_are_the_same_to_the_last_pixel(writer, source, exported, sample_masks, class_map):
    folder, report = exported(writer, source)
    assert not report.different
    assert report.exit_code == 0
    before = sample_masks(source)
    after = dict(masks_of(images_of(folder, format_of(writer)), class_map))
    assert after.keys() == before.keys()
    for name, mask in after.items():
        assert (mask == before[name]).all(), name


@every_writer
def test_own_files_come_back_whole(writer, samples, exported):
    """Kinds, primitives, labels, groups, scores, tags and unknown keys, in the old order."""
    own = format_of(writer)
    source = OWN_SAMPLES.get(writer, own)
    if get_writer(writer).holds.pixels or (writer != own and source == own):
        pytest.skip("it holds less than the samples of its format")
    folder, report = exported(writer, source)
    assert (report.changed, report.left_out) == ({}, {})
    before, after = images_of(samples / source, own), images_of(folder, own)
    for name, image in before.items():
        again = after[name]
        assert again.state is image.state
        assert again.tags == image.tags
        for one, other in zip(image.shapes, again.shapes, strict=True):
            assert drawing(one) == drawing(other)
            for field in ("labels", "kind", "instance", "score", "primitive", "extra"):
                assert getattr(one, field) == getattr(other, field), (name, one.origin, field)


@pytest.mark.parametrize("group", [0, 3])
@every_writer
def test_what_it_holds_comes_back(writer, group, tmp_path, class_map):
    """Instances and scores of polygons, through a file of the format."""
    holds = get_writer(writer).holds
    if holds.pixels:
        pytest.skip("it holds nothing but pixels")
    shapes = [
        {"label": "caries", "points": [[2, 2], [9, 2], [9, 8]], "group_id": group, "score": 0.25},
        {"label": "caries", "points": [[12, 2], [19, 2], [19, 8]], "group_id": group, "score": 0.5},
        {"label": "pulp", "points": [[22, 2], [29.5, 2], [29, 8.25]]},
    ]
    save(tmp_path / "in" / "a.json", shapes)
    report = mf.export(tmp_path / "in", tmp_path / "out", format=writer, classes=class_map)
    (image,) = mf.read(tmp_path / "out", format=format_of(writer), images=tmp_path / "in")
    assert [shape.labels for shape in image.shapes] == [("caries",), ("caries",), ("pulp",)]
    groups = [shape.instance for shape in image.shapes]
    assert (groups[0] is not None and groups[0] == groups[1] != groups[2]) is holds.instances
    scores = [0.25, 0.5, None] if holds.scores else [None] * 3
    assert [shape.score for shape in image.shapes] == pytest.approx(scores)
    assert ("scores" in report.left_out) is not holds.scores


def save(path: Path, shapes: list[dict[str, Any]]) -> None:
    path.parent.mkdir()
    records = [{"shape_type": "polygon", "flags": {}} | one for one in shapes]
    image = {"imagePath": "a.png", "imageData": None, "imageWidth": 40, "imageHeight": 30}
    path.write_text(json.dumps({"version": "5.4.1", "flags": {}, "shapes": records} | image))
    mf.write_mask(path.with_suffix(".png"), np.arange(1200, dtype=np.uint8).reshape(30, 40) % 251)


@every_writer
def test_the_same_images_give_the_same_bytes(writer, samples, tmp_path, class_map):
    """In the same place, for some formats write the whole path of an image."""
    source = samples / format_of(writer)
    options: Any = {"image_files": "copy", "unvisited": "background", "classes": class_map}
    options |= {"format": writer, "source_format": format_of(writer), "overwrite": True}
    written = []
    for _ in range(2):
        mf.export(source, tmp_path / "a", **options)
        written.append(files_of(tmp_path / "a"))
    assert written[0] == written[1]


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
