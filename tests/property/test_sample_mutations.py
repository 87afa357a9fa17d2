"""Damage to the bundled samples: never a traceback, and never a wrong mask of what is left."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import maskforge as mf

FILES = {
    "labelme/bitewing-02.json": "shapes",
    "labelme/bitewing-03.json": "shapes",
    "superannotate/vector/bitewing-09.jpg___objects.json": "instances",
    "superannotate/pixel/bitewing-11.jpg___pixel.json": "instances",
}
JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.floats(),
    st.text(max_size=5),
    st.just([]),
    st.just({}),
    st.just([[[]]]),
    st.just({"x": float("nan")}),
)
PATIENT = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def read_one(path: Path) -> mf.AnnotatedImage:
    (image,) = mf.read(path)
    return image


def masks(samples: Path, image: mf.AnnotatedImage, keep: Callable[[int], bool]) -> np.ndarray:
    """Return the mask of an image without some of its records, by their place in the file."""
    classes = mf.load_class_map(samples / "classes.toml")
    shapes = tuple(one for one in image.shapes if keep(index_of(one.origin.pointer)))
    left = mf.AnnotatedImage(image.image, shapes, image.state, image.format, image.origin)
    return mf.draw(left, classes).mask


def index_of(pointer: str) -> int:
    return int(pointer.partition("[")[2].partition("]")[0])


def damaged(samples: Path, tmp_path: Path, name: str, content: str) -> Path:
    """Write a damaged sample beside links to everything that the sound one has beside it."""
    folder = tmp_path / Path(name).parent
    folder.mkdir(parents=True, exist_ok=True)
    for neighbor in (samples / name).parent.iterdir():
        link = folder / neighbor.name
        if neighbor.name != Path(name).name and not link.exists():
            link.symlink_to(neighbor)
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", FILES)
@given(data=st.data())
@PATIENT
def test_what_is_lost_is_named_and_the_rest_is_drawn_as_before(
    samples: Path, tmp_path_factory: pytest.TempPathFactory, name: str, data: st.DataObject
) -> None:
    sound = json.loads((samples / name).read_text(encoding="utf-8"))
    document = copy.deepcopy(sound)
    records = document[FILES[name]]
    index = data.draw(st.integers(0, len(records) - 1), "record")
    key = data.draw(st.sampled_from(sorted(records[index])), "key")
    if data.draw(st.booleans(), "drop the key"):
        del records[index][key]
    else:
        records[index][key] = data.draw(JUNK, "junk")
    path = damaged(samples, tmp_path_factory.mktemp("damaged"), name, json.dumps(document))
    image = read_one(path)
    assert image.record_count == len(records)
    lost = {index_of(issue.origin.pointer) for issue in image.issues if issue.loses_record}
    assert lost <= {index}
    before = masks(samples, read_one(samples / name), lambda one: one != index)
    assert (masks(samples, image, lambda one: one != index) == before).all()


@pytest.mark.parametrize("name", FILES)
@given(part=st.floats(0, 1, exclude_max=True))
@PATIENT
def test_files_that_are_cut_off_are_refused(
    samples: Path, tmp_path_factory: pytest.TempPathFactory, name: str, part: float
) -> None:
    text = (samples / name).read_text(encoding="utf-8").rstrip()
    folder = tmp_path_factory.mktemp("cut")
    path = damaged(samples, folder, name, text[: int(part * len(text))])
    report = mf.convert(path, folder / "out")
    assert report.exit_code == 2
    assert report.files["refused"] == 1
    assert not (folder / "out").exists()


@given(data=st.data())
@settings(PATIENT, max_examples=150)
def test_any_damage_ends_in_a_report_or_an_error_of_ours(
    samples: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(sorted(FILES)))
    document: Any = json.loads((samples / name).read_text(encoding="utf-8"))
    node, depth = document, data.draw(st.integers(1, 4), "depth")
    for level in range(depth):
        keys = sorted(node) if isinstance(node, dict) else range(len(node))
        if not keys:
            break
        key = data.draw(st.sampled_from(keys))
        if level == depth - 1 or not isinstance(node[key], (dict, list)):
            node[key] = data.draw(JUNK, "junk")
            break
        node = node[key]
    folder = tmp_path_factory.mktemp("any")
    path = damaged(samples, folder, name, json.dumps(document))
    try:
        report = mf.convert(path, folder / "out", mf.ConvertOptions(dry_run=True))
    except mf.MaskforgeError:
        return
    lost = sum(report.records[one] for one in ("ignored", "skipped", "refused"))
    assert report.records["found"] == report.records["drawn"] + report.records["converted"] + lost
