"""Sources, formats and files: what is read, in which order, and what is said about the rest."""

import json
import os

import pytest
from builders import corners, labelme, region, square, vott, write_json

from maskforge import read
from maskforge.errors import OptionError
from maskforge.files import as_paths
from maskforge.issues import Code, Level


def names(reader):
    return [image.image.name for image in reader]


def test_a_folder_is_read_with_all_sub_folders_in_a_fixed_order(tmp_path):
    for name in ("b/x.json", "a/z.json", "a/y.json", "w.json", "a/c/v.json"):
        labelme(tmp_path / name)
    images = list(read(tmp_path))
    assert [image.image.name for image in images] == ["w.png", "y.png", "z.png", "v.png", "x.png"]
    assert [image.folder for image in images] == ["", "a", "a", "a/c", "b"]


def test_a_single_file_and_several_sources(tmp_path):
    first = labelme(tmp_path / "a" / "x.json")
    second = labelme(tmp_path / "b" / "y.json")
    assert names(read(first)) == ["x.png"]
    assert names(read(str(first))) == ["x.png"]
    assert names(read([second, str(first)])) == ["y.png", "x.png"]
    assert [image.folder for image in read([tmp_path / "a", second])] == ["", ""]
    assert as_paths("x") == as_paths(["x"])


def test_each_iteration_starts_again(tmp_path):
    labelme(tmp_path / "x.json")
    (tmp_path / "y.json").write_text("[")
    reader = read(tmp_path)
    for _ in range(2):
        assert names(reader) == ["x.png"]
        assert [issue.code for issue in reader.issues] == [Code.UNREADABLE_FILE]
        assert reader.files_read == [tmp_path / "x.json"]


def test_only_files_that_may_be_annotations_are_opened(tmp_path):
    labelme(tmp_path / "x.json")
    for name in ("x.txt", "x.jsonl", "x.png", "y.xml", "y.yaml", "json"):
        (tmp_path / name).write_text("[")
    reader = read(tmp_path)
    assert names(reader) == ["x.png"]
    assert reader.issues == []


def test_what_is_no_file_is_named_and_not_waited_for(tmp_path):
    labelme(tmp_path / "x.json")
    os.mkfifo(tmp_path / "pipe.json")
    os.mkfifo(tmp_path / "x.png")
    (tmp_path / "gone.json").symlink_to(tmp_path / "nowhere.json")
    (tmp_path / "folder.json").mkdir()
    reader = read(tmp_path)
    (image,) = reader
    assert image.image.file is None
    assert {issue.origin.file.name for issue in reader.issues} == {"pipe.json", "gone.json"}
    assert {issue.code for issue in reader.issues} == {Code.UNREADABLE_FILE}


def test_suffixes_count_whatever_their_case(tmp_path):
    labelme(tmp_path / "x.JSON")
    assert len(list(read(tmp_path))) == 1


def test_what_is_no_annotation_is_skipped_in_a_folder_and_refused_if_named(tmp_path):
    path = write_json(tmp_path / "package.json", {"name": "x"})
    for source, level in ((tmp_path, Level.SKIPPED), (path, Level.REFUSED)):
        reader = read(source)
        assert list(reader) == []
        (issue,) = reader.issues
        assert (issue.code, issue.level) == (Code.UNKNOWN_FORMAT, level)
        assert issue.origin.file == path
        assert issue.hint
        assert reader.files_read == []


def test_a_format_can_be_insisted_on(tmp_path):
    labelme(tmp_path / "x.json")
    reader = read(tmp_path, format="vott")
    assert list(reader) == []
    assert [issue.code for issue in reader.issues] == [Code.UNKNOWN_FORMAT]
    assert "not vott" in reader.issues[0].message
    assert "labelme" not in reader.issues[0].message
    with pytest.raises(OptionError, match="photoshop"):
        read(tmp_path, format="photoshop")


def test_keys_of_two_formats_are_ambiguous_until_one_is_chosen(tmp_path):
    path = labelme(tmp_path / "x.json", square("a", 1, 1, 2, 2))
    content = json.loads(path.read_bytes())
    project = json.loads(vott(tmp_path / "v", {"x.png": (1, [])}).read_bytes())
    write_json(path, project | content)
    reader = read(path)
    assert list(reader) == []
    (issue,) = reader.issues
    assert (issue.code, issue.level) == (Code.AMBIGUOUS_FORMAT, Level.REFUSED)
    assert "--format" in issue.hint
    assert len(list(read(path, format="labelme"))) == 1


@pytest.mark.parametrize("bad", ["nowhere", "x.json/y", "a\0b", "z" * 5000])
def test_sources_must_exist(tmp_path, bad):
    labelme(tmp_path / "x.json")
    with pytest.raises(OptionError):
        read(tmp_path / bad)
    with pytest.raises(OptionError):
        read(tmp_path, images=tmp_path / bad)


def test_the_folder_of_images_must_be_one(tmp_path):
    path = labelme(tmp_path / "x.json")
    with pytest.raises(OptionError, match="not a folder"):
        read(path, images=path)


def test_files_that_belong_to_others_are_read_once(tmp_path):
    vott(tmp_path, {"x.png": (2, [region(["a"], corners(1, 1, 2, 2))]), "y.png": (1, [])})
    reader = read(tmp_path)
    assert names(reader) == ["x.png", "y.png"]
    assert len(reader.files_read) == 2
    assert reader.issues == []
