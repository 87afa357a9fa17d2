"""Decoding what labeling tools and people write; checking types with exact places."""

import contextlib
import json
import math
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskforge.errors import FormatError, GeometryError, RecordError
from maskforge.formats import jsonio
from maskforge.formats.jsonio import SURPLUS_CELLS, load, structure
from maskforge.issues import Code, Origin
from maskforge.limits.allowance import FACTOR


def write(folder: Path, content: bytes, name: str = "x.json") -> Path:
    (folder / name).write_bytes(content)
    return folder / name


TEXT = '{"label": "Zähne 歯", "points": [1, 2.5]}'


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "utf-16-le", "utf-16-be"]
)
def test_every_unicode_encoding_with_its_mark_is_read(tmp_path, encoding):
    data = TEXT.encode(encoding)
    if encoding == "utf-16-le":
        data = b"\xff\xfe" + data
    if encoding == "utf-16-be":
        data = b"\xfe\xff" + data
    document = load(write(tmp_path, data))
    assert document.root == json.loads(TEXT)
    assert document.issues == ()
    assert not document.is_csv


def test_a_certain_code_page_is_read_and_noted(tmp_path):
    document = load(write(tmp_path, '{"label": "Zähne"}'.encode("cp1252")))
    assert document.root == {"label": "Zähne"}
    (issue,) = document.issues
    assert issue.code is Code.NOT_UTF8
    assert "cp1252, in which it says 'Zähne'" in issue.message


def test_a_file_larger_than_allowed_is_not_opened(tmp_path, monkeypatch):
    path = write(tmp_path, b"[" + b" " * 2000 + b"]")
    monkeypatch.setenv(FACTOR, "0.000005")
    assert load(path).root == []
    monkeypatch.setenv(FACTOR, "0.000003")
    monkeypatch.setattr(jsonio, "read_bytes", None)
    with pytest.raises(FormatError, match="2,002 bytes of an annotation file") as caught:
        load(path)
    assert caught.value.code is Code.FILE_TOO_LARGE
    assert FACTOR in caught.value.hint


def test_not_a_number_is_read_as_such(tmp_path):
    """Python and JavaScript tools write these tokens, which JSON does not have."""
    root = load(write(tmp_path, b"[NaN, Infinity, -Infinity, 1]")).root
    assert math.isnan(root[0])
    assert root[1:] == [math.inf, -math.inf, 1]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "is empty"),
        (b"  \n\t ", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        (b"{", "line 1, column 2"),
        (b'{\n"a": tru}', "line 2, column 6"),
        (b"[1, 2,]", "is not valid JSON"),
        (b"{} {}", "Extra data"),
        (b"[1] x", "Extra data"),
        (b"'a'", "is not valid JSON"),
        (b"\xff\xfe{", "is not valid utf-16"),
        (b"[" * 200_000, "is not usable JSON"),
        (b'{"a":' * 200_000, "is not usable JSON"),
        (b"9" * 5000, "is not usable JSON"),
        (b'"\\ud800"', "not valid Unicode"),
        (b'{"\\udfff": 1}', "not valid Unicode"),
        (b'["\\ud83d", NaN]', "not valid Unicode"),
        (b'"\x00"', "is not valid JSON"),
        (b"\x00\x01\x02", "is not valid JSON"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "not whole in any usual code page"),
    ],
)
def test_what_is_no_json_is_named_with_its_place(tmp_path, content, text):
    path = write(tmp_path, content)
    with pytest.raises(FormatError, match=text) as caught:
        load(path)
    assert caught.value.code is Code.UNREADABLE_FILE
    assert caught.value.origin.file == path


def test_pairs_of_surrogates_are_letters(tmp_path):
    assert load(write(tmp_path, b'["\\ud83d\\ude00", NaN]')).root[0] == "😀"
    assert load(write(tmp_path, b'["\\ud83d\\ude00"]')).root == ["😀"]


def test_files_that_cannot_be_opened_are_named(tmp_path):
    for path in (tmp_path, tmp_path / "nowhere.json", tmp_path / ("x" * 300), tmp_path / "a\0b"):
        with pytest.raises(FormatError) as caught:
            load(path)
        assert caught.value.code is Code.UNREADABLE_FILE


def test_a_file_larger_than_the_memory_is_named(tmp_path, monkeypatch):
    def exhausted(path):
        raise MemoryError

    monkeypatch.setattr(jsonio, "read_bytes", exhausted)
    with pytest.raises(FormatError, match="larger than the memory"):
        load(write(tmp_path, b"[]"))


@given(st.binary(max_size=60) | st.text(alphabet='[]{}",:\\u0d8e1.-+Na nfity', max_size=60))
def test_whatever_the_bytes_are_there_is_a_value_or_an_error(tmp_path_factory, content):
    data = content.encode() if isinstance(content, str) else content
    for name in ("x.json", "x.csv"):
        path = write(tmp_path_factory.getbasetemp(), data, name)
        with contextlib.suppress(FormatError):
            msgspec.json.encode(load(path).root)  # valid Unicode, so that a report can hold it


# --- CSV


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_csv_becomes_rows(tmp_path, encoding):
    text = 'image,label\r\n"a,b.png","Zähne ""1"""\r\nc.png\r\nd.png,x,y,z\r\n'
    document = load(write(tmp_path, text.encode(encoding), "x.CSV"))
    assert document.is_csv
    assert document.root == [
        {"image": "a,b.png", "label": 'Zähne "1"'},
        {"image": "c.png", "label": ""},
        {"image": "d.png", "label": "x", SURPLUS_CELLS: "['y', 'z']"},
    ]


@pytest.mark.parametrize(("separator", "count"), [(",", 0), (";", 1), ("\t", 1)])
def test_the_header_tells_what_separates_the_cells(tmp_path, separator, count):
    text = separator.join("abc") + "\n" + separator.join(("1.5", '"x;,y"', "")) + "\n"
    document = load(write(tmp_path, text.encode(), "x.csv"))
    assert document.root == [{"a": "1.5", "b": "x;,y", "c": ""}]
    assert [one.code for one in document.issues] == [Code.LENIENT] * count


@pytest.mark.parametrize("content", [b'a,b\r\n"open', b'a\r\n"x"y\r\n', b"a\r\n" + b"x" * 200_000])
def test_damaged_csv_is_named(tmp_path, content):
    with pytest.raises(FormatError, match="is not valid CSV"):
        load(write(tmp_path, content, "x.csv"))


# --- types


class Point(msgspec.Struct):
    x: float
    y: float


ORIGIN = Origin(Path("x.json"), "$.shapes[3]")


@pytest.mark.parametrize(
    ("value", "type_", "expected"),
    [
        ([1, 2.5], list[float], [1.0, 2.5]),
        ([[1, 2]], list[tuple[float, float]], [(1.0, 2.0)]),
        ({"x": 1, "y": 2, "z": 3}, Point, Point(1, 2)),
        ({"a": True}, dict[str, bool], {"a": True}),
        (None, str | None, None),
    ],
)
def test_values_of_the_right_type_pass(value, type_, expected):
    assert structure(value, type_, ORIGIN) == expected


@pytest.mark.parametrize(
    ("value", "type_", "pointer", "found"),
    [
        ("1", float, "$.shapes[3]", "'1'"),
        (True, float, "$.shapes[3]", "True"),
        (True, int, "$.shapes[3]", "True"),
        (1.5, int, "$.shapes[3]", "1.5"),
        ([1, "a"], list[float], "$.shapes[3][1]", "'a'"),
        ([[1, 2], [3, None]], list[tuple[float, float]], "$.shapes[3][1][1]", "None"),
        ([[1, 2, 3]], list[tuple[float, float]], "$.shapes[3][0]", "[1, 2, 3]"),
        ({"x": 1}, Point, "$.shapes[3]", "{'x': 1}"),
        ({"x": 1, "y": []}, Point, "$.shapes[3].y", "[]"),
        ({"a": 1}, dict[str, str], "$.shapes[3][...]", "{'a': 1}"),
        (10**400, float, "$.shapes[3]", "a number of 400 digits"),
        (None, str, "$.shapes[3]", "None"),
    ],
)
def test_values_of_the_wrong_type_are_named_with_their_place(value, type_, pointer, found):
    with pytest.raises(RecordError) as caught:
        structure(value, type_, ORIGIN)
    assert caught.value.origin.pointer == pointer
    assert f"found {found}" in caught.value.message
    assert caught.value.code is Code.INVALID_RECORD


def test_values_in_messages_are_short():
    for value in ("x" * 10**6, [1] * 10**6, {str(i): i for i in range(1000)}, [[["x" * 999]]]):
        with pytest.raises(RecordError) as caught:
            structure(value, int, ORIGIN)
        assert len(str(caught.value)) < 400


def test_code_and_class_of_the_error_can_be_chosen():
    with pytest.raises(GeometryError) as caught:
        structure("a", float, ORIGIN, Code.INVALID_COORDINATES, GeometryError)
    assert caught.value.code is Code.INVALID_COORDINATES
