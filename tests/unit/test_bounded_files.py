"""Files that would take very much time or memory are refused before, and cost only themselves."""

import pytest
from builders import convert, labelme, shape, square
from PIL import Image

import maskforge as mf
from maskforge.errors import FormatError
from maskforge.formats.jsonio import load
from maskforge.formats.pascal_voc.image_sets import _read
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


def test_records_of_an_image_that_has_too_many_are_neither_read_nor_kept(tmp_path, monkeypatch):
    labelme(tmp_path / "x.json", *(square("a", 1, 1, 3, 4) for _ in range(20)))
    monkeypatch.setattr(Limit.RECORDS, "most", 10)
    (image,) = mf.read(tmp_path)
    assert image.refusal.code is mf.Code.TOO_MANY_SHAPES
    assert image.issues == (image.refusal,)
    assert "shapes" not in image.extra


@pytest.mark.parametrize("name", FULL)
def test_what_a_file_holds_is_counted_before_it_is_made(tmp_path, monkeypatch, name):
    path = tmp_path / name
    path.write_text(FULL[name])
    limit = Limit.YAML_BYTES if name.endswith(".yaml") else Limit.FILE_MEMORY
    assert load(path).root is not None
    monkeypatch.setattr(limit, "most", 20_000)
    with pytest.raises(FormatError, match="limit of 20,000") as caught:
        load(path)
    assert caught.value.code is mf.Code.FILE_TOO_LARGE
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


@pytest.mark.parametrize("name", ["a.json", "a.xml"])
def test_what_is_nearly_a_number_is_told_in_one_go(tmp_path, name):
    """Patterns that can divide digits in many ways would try all of them."""
    nearly = "1" * 200_000 + "x"
    if name == "a.json":
        labelme(tmp_path / name, shape("a", [[nearly, "1"], ["2", "1"], ["2", "2"]]))
    else:
        (tmp_path / name).write_text(
            '<annotations><image id="0" name="a.png" width="8" height="6"><polygon label="a" '
            f'points="{nearly},1;2,1;2,2"/></image></annotations>'
        )
    (image,) = mf.read(tmp_path)
    assert (image.record_count, image.shapes) == (1, ())
    assert [one.code for one in image.issues if one.level is mf.Level.REFUSED] == [
        mf.Code.INVALID_COORDINATES
    ]


def test_sets_of_images_are_read_in_one_go(tmp_path):
    folder = tmp_path / "Main"
    folder.mkdir()
    text = f"a{' ' * 200_000}x\nb c  1\nd -1\n e\t0 \n\nf\n-1\n"
    (folder / "train.txt").write_text(text)
    names = _read(tmp_path)
    assert list(names) == [f"a{' ' * 200_000}x", "b c", "e", "f", "-1"]
