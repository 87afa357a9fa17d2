"""Large JSON is decoded part by part, and nobody can tell by anything but the memory."""

import copy
import json
import pickle
import tracemalloc
from pathlib import Path
from typing import Any

import msgspec
import pytest

import maskforge as mf
from maskforge.errors import FormatError, shorten
from maskforge.formats import large_json
from maskforge.formats.jsonio import load, structure
from maskforge.formats.large_json import LazyArray, LazyObject
from maskforge.issues import Origin
from maskforge.limits.allowance import Limit

PATH = Path("a.json")
VALUE = {
    "tags": ["a", {"b": None}],
    "assets": {"one": {"points": [[1, 2.5]]}, "two": {}, "three": 3},
    "name": "Zähne",
    "empty": {},
}


def decode(data: bytes) -> Any:
    return large_json.decode(data, lambda part: None)


def lazily(monkeypatch, value: Any) -> Any:
    monkeypatch.setattr(large_json, "LARGE", 0)
    return decode(json.dumps(value).encode())


def test_a_lazy_object_does_what_a_dictionary_does(monkeypatch):
    root = lazily(monkeypatch, VALUE)
    assert isinstance(root, LazyObject)
    assets = root["assets"]
    assert isinstance(assets, LazyObject)
    assert root == VALUE
    assert root != {**VALUE, "name": ""}
    assert list(root) == list(VALUE)
    assert len(root) == 4
    assert "assets" in root
    assert "one" not in root
    assert root.keys() >= {"tags", "assets"}
    assert list(assets.values()) == [{"points": [[1, 2.5]]}, {}, 3]
    assert len(assets.values()) == 3
    assert list(assets.items()) == list(VALUE["assets"].items())
    assert assets.get("three") == 3
    assert assets.get("four") is None
    assert assets.get("four", 5) == 5
    with pytest.raises(KeyError):
        assets["four"]
    for plain in (dict(assets), {**assets}, assets.copy(), assets | {}, {} | assets):
        assert type(plain) is dict
        assert [type(one) for one in plain.values()] == [dict, dict, int]
    match root:
        case {"assets": {"three": int(number)}, "tags": [str(first), *_]}:
            assert (number, first) == (3, "a")
        case _:
            pytest.fail("no mapping")


def test_a_lazy_array_does_what_a_list_does(monkeypatch):
    value = [{"a": 1}, [2, 3], {"a": 1}, [[4]], []]
    root = lazily(monkeypatch, value)
    assert isinstance(root, LazyArray)
    assert root == value
    assert root != value[:4]
    assert len(root) == 5
    assert [root[0], root[-2]] == [{"a": 1}, [[4]]]
    assert root[1:3] == value[1:3]
    assert type(root[1:3]) is list
    assert list(reversed(root)) == value[::-1]
    assert [2, 3] in root
    assert [3, 2] not in root
    assert root.index([2, 3]) == 1
    assert root.count({"a": 1}) == 2
    assert root.__add__([1]) == [*root, 1] == [*value, 1]
    with pytest.raises(IndexError):
        root[5]
    match root:
        case [{"a": number}, *rest]:
            assert (number, rest) == (1, value[1:])
        case _:
            pytest.fail("no sequence")


def test_lazy_values_are_copied_sent_checked_and_written_as_others_are(monkeypatch):
    root = lazily(monkeypatch, VALUE)
    assert copy.deepcopy(root) == VALUE
    assert pickle.loads(pickle.dumps(root)) == VALUE
    assert msgspec.json.decode(msgspec.json.encode(root)) == VALUE
    assert structure(root["tags"], list[Any], Origin(PATH)) == VALUE["tags"]
    checked = structure(root, dict[str, Any], Origin(PATH))
    assert checked == VALUE
    assert type(checked["assets"]["one"]) is dict
    assert repr(root) == repr(VALUE)
    assert shorten(root) == shorten(VALUE)
    assert shorten(root["tags"]) == shorten(VALUE["tags"])


def test_a_byte_order_mark_makes_no_difference(monkeypatch):
    monkeypatch.setattr(large_json, "LARGE", 0)
    root = decode(b'\xef\xbb\xbf{"a": {"b": {"c": 1}}}')
    assert isinstance(root, LazyObject)
    assert root == {"a": {"b": {"c": 1}}}


BROKEN = {
    "cut off": b'{"a": {"b": [1, 2]}, "c": {"d": ',
    "a comma too many": b'{"a": {"b": [1, 2,]}}',
    "trailing text": b'{"a": {"b": 1}} x',
    "deep inside": b'{"a": {"b": {"c": [01]}}}',
    "not UTF-8": b'{"a": {"b": {"c": "\xff\xfe\xfa"}}}',
    "not UTF-8 in what is repeated": b'{"a": "\xff\xfe\xfa", "a": 1}',
    "a lone surrogate": b'{"a": {"b": {"c": "\\ud800"}}}',
    "a lone surrogate as a key": b'{"a": {"\\udc00": {"c": 1}}}',
    "nested too deeply": b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "nothing": b"  ",
}
READ = {
    "not a number": b'{"a": {"b": {"c": [NaN, -Infinity]}}}',
    "beyond the largest number": b'{"a": {"b": {"c": 1e999}}}',
    "keys twice": b'{"a": {"b": 1}, "c": 2, "a": {"b": 3, "b": 4}}',
    "a byte order mark": b'\xef\xbb\xbf{"a": {"b": 1}}',
    "a code page": '{"a": {"label": "Zähne"}}'.encode("cp1252"),
    "a long number": b'{"a": [123456789012345678901234567890]}',
    "spaces": b'\r\n\t {"a" : [ { "b" : 1 } , 2 ] } \n',
    "no container": b' "text"',
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_what_is_refused_is_refused_in_the_same_words(tmp_path, monkeypatch, content):
    path = tmp_path / "a.json"
    path.write_bytes(content)
    messages = []
    for large in (2**30, 0):
        monkeypatch.setattr(large_json, "LARGE", large)
        with pytest.raises(FormatError) as caught:
            load(path)
        messages.append(str(caught.value))
    assert messages[0] == messages[1]


@pytest.mark.parametrize("content", READ.values(), ids=READ)
def test_what_is_read_is_read_as_the_same(tmp_path, monkeypatch, content):
    path = tmp_path / "a.json"
    path.write_bytes(content)
    documents = []
    for large in (2**30, 0):
        monkeypatch.setattr(large_json, "LARGE", large)
        documents.append(load(path))
    assert repr(large_json.whole(documents[1].root)) == repr(documents[0].root)
    assert documents[0].issues == documents[1].issues


def test_only_large_parts_are_kept_as_they_are_written(monkeypatch):
    monkeypatch.setattr(large_json, "LARGE", 1000)
    many = [[number] * 20 for number in range(100)]
    assert type(decode(json.dumps({"a": many[:10]}).encode())) is dict
    root = decode(json.dumps({"a": many, "b": "x" * 2000, "c": [1]}).encode())
    assert isinstance(root, LazyObject)
    assert isinstance(root["a"], LazyArray)
    assert root["b"] is root["b"]
    assert root["c"] is root["c"]
    assert root["a"][1] is not root["a"][1]
    text = decode(json.dumps({"imageData": "x" * 2000, "shapes": [1]}).encode())
    assert type(text) is dict
    assert type(decode(b" " * 2000 + b"[1]")) is list


IMAGES = 25
POINTS = [[(7 * i) % 640 + 0.123456789, (11 * i) % 480 + 0.987654321] for i in range(400)]


def pairs() -> list[dict[str, float]]:
    return [{"x": x, "y": y} for x, y in POINTS]


def flat() -> list[float]:
    return [number for point in POINTS for number in point]


def vott() -> dict[str, Any]:
    def image(number: int) -> dict[str, Any]:
        asset = {"id": f"i{number}", "name": f"{number}.png", "path": f"file:/{number}.png"}
        asset |= {"size": {"width": 640, "height": 480}, "state": 2, "type": 1}
        region = {"id": "r", "type": "POLYGON", "tags": ["a"], "points": pairs()}
        return {"asset": asset, "regions": [region], "version": "2.2.0"}

    tags = [{"name": "a", "color": "#ff0000"}]
    return {"name": "x", "tags": tags, "assets": {f"i{n}": image(n) for n in range(IMAGES)}}


def superannotate() -> dict[str, Any]:
    record = {"type": "polygon", "classId": 1, "className": "a", "points": flat()}
    size = {"type": "meta", "name": "imageAttributes", "width": 640, "height": 480}
    return {"___sa_version___": "1.0"} | {f"{n}.png": [record, size] for n in range(IMAGES)}


def coco() -> dict[str, Any]:
    numbers = range(1, IMAGES + 1)
    size = {"width": 640, "height": 480}
    return {
        "images": [{"id": n, "file_name": f"{n}.png", **size} for n in numbers],
        "categories": [{"id": 1, "name": "a"}],
        "annotations": [
            {"id": n, "image_id": n, "category_id": 1, "segmentation": [flat()]} for n in numbers
        ],
    }


def via() -> dict[str, Any]:
    x, y = map(list, zip(*POINTS, strict=True))
    shape = {"name": "polygon", "all_points_x": x, "all_points_y": y}
    region = {"shape_attributes": shape, "region_attributes": {"label": "a"}}
    size = {"width": "640", "height": "480"}
    images = {
        f"{n}.png-1": {"filename": f"{n}.png", "size": 1, "regions": [region]}
        | {"file_attributes": size}
        for n in range(IMAGES)
    }
    return {"_via_settings": {}, "_via_img_metadata": images}


def label_studio() -> list[dict[str, Any]]:
    value = {"points": [[x / 6.4, y / 4.8] for x, y in POINTS], "polygonlabels": ["a"]}
    result = {"type": "polygonlabels", "from_name": "l", "to_name": "image", "value": value}
    result |= {"original_width": 640, "original_height": 480, "id": "r"}
    return [
        {"id": n, "data": {"image": f"/{n}.png"}, "annotations": [{"id": n, "result": [result]}]}
        for n in range(IMAGES)
    ]


def darwin_list() -> list[dict[str, Any]]:
    def image(number: int) -> dict[str, Any]:
        slot = {"slot_name": "0", "width": 640, "height": 480, "type": "image"}
        item = {"name": f"{number}.png", "path": "/", "slots": [slot]}
        body = {"name": "a", "polygon": {"paths": [pairs()]}, "slot_names": ["0"]}
        return {"version": "2.0", "item": item, "annotations": [body]}

    return list(map(image, range(IMAGES)))


@pytest.mark.parametrize(
    "make",
    [vott, superannotate, coco, via, label_studio, darwin_list],
    ids=lambda one: one.__name__,
)
def test_a_file_of_many_images_is_read_within_twice_its_size(tmp_path, monkeypatch, make):
    monkeypatch.setattr(large_json, "LARGE", 2**15)
    path = tmp_path / "annotations.json"
    path.write_text(json.dumps(make()))
    reader = mf.read(path)
    next(iter(reader))  # loads what reads the format
    tracemalloc.start()
    try:
        shapes = sum(len(image.shapes) for image in reader)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert shapes == IMAGES
    assert peak < 2 * path.stat().st_size


def test_a_large_part_that_would_fill_the_memory_is_refused(tmp_path, monkeypatch):
    """Not the whole file counts, but what is decoded at once."""
    monkeypatch.setattr(large_json, "LARGE", 1000)
    monkeypatch.setattr(Limit.FILE_MEMORY, "most", 100_000)
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"many": [[[]] * 100] * 100}))
    assert len(load(path).root["many"]) == 100
    path.write_text(json.dumps({"one": [[[]] * 10_000]}))
    with pytest.raises(FormatError, match="bytes of memory for what is in an annotation file"):
        load(path)
    path.write_text(json.dumps({"many": [[[]] * 100] * 100}))
    with pytest.raises(FormatError, match="bytes of memory for what is in an annotation file"):
        structure(load(path).root, dict[str, Any], Origin(path))
