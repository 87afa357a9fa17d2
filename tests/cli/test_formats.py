"""``maskforge formats``."""

import json

import pytest
from builders import run

from maskforge.formats.registry import FORMATS, WRITERS


def test_every_format_is_listed_for_people():
    result = run("formats")
    assert result.exit_code == 0
    for name in (*FORMATS, *WRITERS):
        assert name in result.stdout


def test_every_format_is_listed_for_programs():
    content = json.loads(run("formats", "--json").stdout)
    assert content["schema"] == 1
    assert [one["name"] for one in content["formats"]] == list(FORMATS)
    for one in content["formats"]:
        assert set(one) == {"name", "title", "versions", "geometry"}
        assert all(one.values())
    assert [one["name"] for one in content["writers"]] == list(WRITERS)
    for one in content["writers"]:
        assert one["holds"]["pixels"] or one["holds"]["areas"] or one["holds"]["bitmaps"]


@pytest.mark.parametrize("name", FORMATS)
def test_what_is_listed_can_be_chosen(tmp_path, name):
    result = run("convert", tmp_path, "--out", tmp_path / "out", "--format", name)
    assert result.exit_code == 2
    assert "no annotated image was found" in result.stdout
