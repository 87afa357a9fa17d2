"""Files in the code page of a country: read if it is certain, refused by name if it is not."""

import json
from pathlib import Path

import numpy as np
import pytest
from labelme_files import document, shape

import maskforge as mf
from maskforge.errors import FormatError, OptionError
from maskforge.formats import codepages
from maskforge.formats.codepages import CodePages
from maskforge.issues import Code, Level


def encoded(page: str, *labels: str) -> bytes:
    return json.dumps(
        {"shapes": [{"label": label} for label in labels]}, ensure_ascii=False
    ).encode(page)


def decoded(data: bytes, asked: str | None = None) -> list[str]:
    text, _ = CodePages(asked).decode(data, Path("x.json"))
    return [one["label"] for one in json.loads(text)["shapes"]]


CERTAIN = {
    "German": ("cp1252", "Zähne", "Füllung", "Größe"),
    "French": ("cp1252", "lésion", "fraîche"),
    "Polish": ("cp1250", "ząb", "próchnica"),
    "Russian": ("cp1251", "кариес", "Пломба"),
    "Greek": ("cp1253", "τερηδόνα"),
    "Turkish": ("cp1254", "diş çürüğü"),
    "Chinese": ("gb18030", "肿瘤", "正常", "细胞"),
    "Chinese with digits": ("gb18030", "牙齿1", "牙龈", "龋坏A"),
    "Chinese of Taiwan": ("big5", "齲齒", "牙齒"),
    "Japanese": ("cp932", "虫歯", "歯石"),
    "Japanese kana": ("cp932", "むし歯"),
    "second byte is a backslash": ("cp932", "表面"),
}


@pytest.mark.parametrize(
    ("page", "labels"), [(one[0], one[1:]) for one in CERTAIN.values()], ids=CERTAIN
)
def test_a_code_page_is_taken_if_it_alone_makes_sense(page, labels):
    assert decoded(encoded(page, *labels)) == list(labels)


UNCERTAIN = {
    "Czech or Latvian": ("cp1250", "děloha", "cp1257"),
    "Danish or Lithuanian": ("cp1252", "tandkød", "cp1257"),
    "capitals, or Chinese": ("cp1251", "КАРИЕС", "gb18030"),
    "two Chinese characters, or two Korean ones": ("gb18030", "龋齿", "cp949"),
    "two Korean characters, or two Chinese ones": ("cp949", "충치", "gb18030"),
    "Spanish or Polish": ("cp1252", "niño", "cp1250"),
    "French or Croatian": ("cp1252", "carrière", "cp1250"),
    "second byte is a backslash": ("gb18030", "誠", "big5"),
    "a language that is not known": ("cp1255", "עששת", "cp949"),
}


@pytest.mark.parametrize(("page", "label", "other"), UNCERTAIN.values(), ids=UNCERTAIN)
def test_text_that_may_be_several_things_is_refused_with_all_of_them(page, label, other):
    data = encoded(page, label)
    with pytest.raises(FormatError) as caught:
        decoded(data)
    assert caught.value.code is Code.UNKNOWN_ENCODING
    if page != "cp1255":
        assert f"{label!r} in {page}" in caught.value.message
    assert f"{data[data.index(b': ', 12) + 3 : -4].decode(other)!r} in {other}" in str(caught.value)
    assert "--text-encoding" in caught.value.hint
    assert decoded(data, page) == [label]


@pytest.mark.parametrize("label", ["car\xffes", "a£b", "×"])
def test_bytes_that_are_no_word_of_any_language_are_refused(label):
    with pytest.raises(FormatError):
        decoded(encoded("cp1252", label))


def test_what_is_asked_for_is_strict_and_unicode_comes_first():
    assert decoded(encoded("utf-8", "龋齿"), "cp1251") == ["龋齿"]
    with pytest.raises(FormatError, match="neither UTF-8 nor shift_jis") as caught:
        decoded(encoded("cp1252", "\xff"), "shift_jis")
    assert caught.value.code is Code.UNKNOWN_ENCODING


@pytest.mark.parametrize("name", ["gb1803", "base64", "", 5])
def test_an_encoding_that_does_not_exist_is_named_before_anything_is_read(tmp_path, name):
    with pytest.raises(OptionError, match="text_encoding cannot be"):
        mf.read(tmp_path, text_encoding=name)


def labels_of(folder: Path, **options: str) -> tuple[set[str], mf.AnnotationReader]:
    reader = mf.read(folder, **options)
    return {one for image in reader for shape in image.shapes for one in shape.labels}, reader


def write(folder: Path, name: str, label: str, page: str) -> None:
    text = json.dumps(document(shape(label=label), imagePath=f"{name}.png"), ensure_ascii=False)
    (folder / f"{name}.json").write_bytes(text.encode(page))


def test_all_files_of_a_folder_have_one_code_page(tmp_path):
    """The first alone may be Chinese or Korean; the second one cannot be Korean."""
    write(tmp_path, "a", "龋齿", "gb18030")
    assert labels_of(tmp_path)[1].issues[0].code is Code.UNKNOWN_ENCODING
    write(tmp_path, "b", "牙龈", "gb18030")
    assert labels_of(tmp_path)[0] == {"龋齿", "牙龈"}


def test_two_code_pages_in_one_folder_are_refused(tmp_path):
    write(tmp_path, "a", "кариес", "cp1251")
    write(tmp_path, "b", "Zähne", "cp1252")
    found, reader = labels_of(tmp_path)
    assert found == set()
    assert [(one.code, one.level) for one in reader.issues] == [
        (Code.UNKNOWN_ENCODING, Level.REFUSED)
    ] * 2


def test_a_word_that_stands_in_another_file_in_unicode_decides(tmp_path):
    write(tmp_path, "a", "龋齿", "utf-8")
    write(tmp_path, "b", "龋齿", "gb18030")
    found, reader = labels_of(tmp_path)
    assert found == {"龋齿"}
    (note,) = reader.issues
    assert (note.code, note.level, note.origin.file.name) == (Code.NOT_UTF8, Level.NOTE, "b.json")


def test_tables_are_read_in_a_code_page_as_well(tmp_path):
    header = "image,xmin,ymin,xmax,ymax,label\n"
    (tmp_path / "t.csv").write_bytes((header + "a.png,1,2,3,4,кариес\n").encode("cp1251"))
    assert labels_of(tmp_path)[0] == {"кариес"}
    assert labels_of(tmp_path, text_encoding="cp1251")[0] == {"кариес"}


def test_a_wrong_code_page_is_never_taken():
    """Of the labels of every language, alone and in pairs, all are right or refused."""
    labels = [(page, word) for page, *words in CERTAIN.values() for word in words]
    labels += [(page, word) for page, word, _ in UNCERTAIN.values()]
    labels += [
        ("cp1251", "КТ"),
        ("cp1252", "það"),
        ("cp874", "ฟันผุ"),
        ("cp1256", "تسوس"),
        ("cp1257", "kariesė"),
        ("koi8-r", "кариес"),
    ]
    rng = np.random.default_rng(5)
    taken = 0
    for page, word in labels:
        others = [other for own, other in labels if own == page]
        for words in ((word,), (word, str(rng.choice(others)))):
            try:
                found = decoded(encoded(page, *words))
            except FormatError:
                continue
            taken += 1
            assert found == list(words)
    assert taken > 30


def test_a_file_is_decoded_once_for_all_alphabets(monkeypatch):
    """Of a large file, each decoding takes seconds."""
    decoded = []
    loads = json.loads

    def counted(text):
        decoded.append(text)
        return loads(text)

    monkeypatch.setattr(codepages.json, "loads", counted)
    data = json.dumps({"label": "émail"}, ensure_ascii=False).encode("cp1252")
    text, _ = CodePages().decode(data, Path("x.json"))
    assert json.JSONDecoder().decode(text) == {"label": "émail"}
    assert len(decoded) <= 1 + len(codepages._COMMON_CHARACTERS)


def test_long_text_of_ascii_is_no_place_to_look_for_words():
    """From each of its letters on, all others would be gone through."""
    assert list(codepages._words(f"x: {'A' * 10**6}, é b: {'B' * 10**6}")) == ["é b"]
