"""Files that would take very much time or memory are refused before, and cost only themselves."""

import pytest
from builders import convert, labelme, square
from PIL import Image

from maskforge.errors import FormatError
from maskforge.formats.jsonio import load
from maskforge.images.decoder import list_pages, read_image
from maskforge.limits.allowance import FACTOR, Limit

COUNT = 2000
FULL = {
    "objects.json": "[" + '{"a":1},' * COUNT + "1]",
    "lists.json": "[" + "[]," * COUNT + "1]",
    "nested.json": '{"a":' * 900 + "1" + "}" * 900,
    "lines.ndjson": "1\n" * COUNT,
    "rows.csv": "a,b\n" * COUNT,
    "cells.csv": "a" + ";a" * COUNT,
    "elements.xml": "<a>" + "<b/>" * COUNT + "</a>",
    "attributes.xml": "<a " + " ".join(f'b{one}=""' for one in range(COUNT)) + "/>",
    "words.txt": "1 " * COUNT,
    "names.yaml": "names: [" + "a," * COUNT + "b]",
    "text.yaml": "names: " + "a" * 30_000,
}


@pytest.mark.parametrize("name", FULL)
def test_what_a_file_holds_is_counted_before_it_is_made(tmp_path, monkeypatch, name):
    path = tmp_path / name
    path.write_text(FULL[name])
    limit = Limit.YAML_BYTES if name.endswith(".yaml") else Limit.FILE_MEMORY
    assert load(path).root is not None
    monkeypatch.setattr(limit, "most", 20_000)
    with pytest.raises(FormatError, match="limit of 20,000") as caught:
        load(path)
    assert caught.value.code == "file-too-large"
    assert f"{FACTOR}=10" in caught.value.hint
    monkeypatch.setenv(FACTOR, "100")
    assert load(path).root is not None


def test_a_file_of_brackets_costs_only_itself(tmp_path, monkeypatch):
    labelme(tmp_path / "in" / "good.json", square("a", 1, 1, 3, 3))
    (tmp_path / "in" / "bad.json").write_text('{"imagePath": "x.png", "shapes": [' + "[]," * COUNT)
    monkeypatch.setattr(Limit.FILE_MEMORY, "most", 100_000)
    report = convert(tmp_path / "in", "--out", tmp_path / "out")
    assert (report["images"]["drawn"], report["files"]["refused"]) == (1, 1)
    assert report["reasons"] == {"file-too-large": 1} | report["reasons"]


def test_pages_are_counted_before_any_is_read(tmp_path, monkeypatch):
    path = tmp_path / "stack.tif"
    first, *others = [Image.new("L", (2, 2), number) for number in range(5)]
    first.save(path, save_all=True, append_images=others)
    assert len(list_pages(path)) == 5
    monkeypatch.setattr(Limit.PAGES, "most", 4)
    with pytest.raises(OSError, match=f"needs 5 pages of an image file .* limit of 4.*{FACTOR}=10"):
        list_pages(path)
    assert read_image(f"{path}#5", upright=True).max() == 4  # one by its name is no stack
