"""What is decoded part by part because it is large is read as everything else, whole or damaged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from annotation_trees import trees
from damage import change
from format_checks import drawing
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import maskforge as mf
from maskforge.formats import large_json
from maskforge.shapes import Shape

TREES = {f"{tree.format}-{tree.name}": tree for tree in trees()}
small_tree = st.sampled_from([name for name in TREES if name.endswith("-small")])


def told(shape: Shape) -> tuple[Any, ...]:
    about = (shape.labels, shape.origin, shape.label_issue, shape.score)
    return (*drawing(shape), about, repr(shape.primitive), repr(shape.extra))


def outcome(path: Path, large: int, format_: str = "auto") -> tuple[list[Any], list[Any]]:
    """Return all that reading comes to if files of so many bytes are large."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(large_json, "LARGE", large)
        reader = mf.read(path, format=format_)
        images = [
            (
                *(image.image, image.state, image.format, image.origin, image.tags, image.issues),
                list(map(told, image.shapes)),
                repr(image.extra),
            )
            for image in reader
        ]
        return images, reader.issues


@pytest.mark.parametrize("name", TREES)
def test_every_format_reads_large_files_as_small_ones(tmp_path, name):
    folder = TREES[name].write(tmp_path)
    expected = outcome(folder, 2**30)
    assert expected[0]
    assert outcome(folder, 0) == expected


@given(data=st.data())
@settings(
    derandomize=True,
    max_examples=80,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_damage_to_large_files_is_told_in_the_same_words(tmp_path, data):
    tree = TREES[data.draw(small_tree)]
    name = data.draw(st.sampled_from(tree.documents))
    root = tree.root(name)
    for _ in range(data.draw(st.integers(1, 3))):
        change(data.draw, root)
    path = tmp_path / Path(name).name
    path.write_bytes(json.dumps(root).encode())
    assert outcome(path, 0, tree.format) == outcome(path, 2**30, tree.format)
    path.unlink()
