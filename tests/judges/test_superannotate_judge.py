"""SuperAnnotate's own schemas find nothing wrong with the files that are written for it."""

from __future__ import annotations

import json

import pytest
from judges.environments import PROGRAMS, in_environment

import maskforge as mf
from maskforge.formats.registry import FORMATS


@pytest.mark.parametrize("project", ["vector", "pixel"])
def test_files_from_every_format_are_valid(project, samples, tmp_path):
    classes = mf.load_class_map(samples / "classes.toml")
    writer = {"vector": "superannotate", "pixel": "superannotate-pixel"}[project]
    for source in FORMATS:
        mf.export(samples / source, tmp_path / source, format=writer, classes=classes)
    scored = {"label": "caries", "points": [[1, 1], [9, 1], [9, 9]], "score": 0.256}
    document = {"shapes": [scored], "imagePath": "a.png", "imageWidth": 20, "imageHeight": 20}
    (tmp_path / "scored.json").write_text(json.dumps(document))
    mf.export(tmp_path / "scored.json", tmp_path / "scored", format=writer)
    (tmp_path / "scored.json").unlink()
    verdicts = in_environment(
        "superannotate", PROGRAMS / "superannotate_files.py", tmp_path, project
    )
    assert len(verdicts) > 10
    assert {name: text for name, text in verdicts.items() if text} == {}
