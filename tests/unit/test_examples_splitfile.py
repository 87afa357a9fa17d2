"""Split files: written and read back, or written by hand, and checked against the data."""

import json
from dataclasses import replace

import pytest
from example_files import example, example_set

from maskforge.errors import DatasetError, OutputError
from maskforge.examples.example import Statistics
from maskforge.examples.split import Split, make_folds, make_split
from maskforge.examples.splitfile import read_split, read_splits, write_split
from maskforge.examples.statistics import data_digest


@pytest.fixture
def examples():
    return example_set(*(example(f"sub/{name}", (1,), group=name) for name in "abcdef"))


def test_a_split_is_read_back(tmp_path, examples):
    made = make_split(examples, validation=0.2, test=0.2, seed=4)
    write_split(tmp_path / "s.json", examples, made, options={"seed": 4})
    assert read_split(tmp_path / "s.json", examples) == made
    content = json.loads((tmp_path / "s.json").read_bytes())
    assert content["schema"] == 1
    assert content["options"] == {"seed": 4}
    assert content["data_digest"] == data_digest(examples)
    first = content["examples"][0]
    assert (first["name"], first["group"]) == ("sub/a", "a")
    assert (first["image"], first["mask"]) == ("image of sub/a", "mask of sub/a")


def test_folds_are_read_back(tmp_path, examples):
    made = make_folds(examples, 2, test=0.3)
    write_split(str(tmp_path / "s.json"), examples, made)
    assert read_splits(str(tmp_path / "s.json"), examples) == made
    with pytest.raises(DatasetError, match="holds 2 folds"):
        read_split(tmp_path / "s.json", examples)


def test_examples_in_no_part_are_unused(tmp_path, examples):
    made = Split(("sub/a",), ("sub/b",))
    write_split(tmp_path / "s.json", examples, made)
    assert read_split(tmp_path / "s.json", examples) == made


@pytest.mark.parametrize("what", ["image", "mask"])
def test_a_changed_file_is_named(tmp_path, examples, what):
    write_split(tmp_path / "s.json", examples, make_split(examples))
    c = examples.examples[2]
    digests = {"image": c.statistics.image_digest, "mask": c.statistics.mask_digest} | {what: "x"}
    changed = replace(c, statistics=Statistics({}, digests["image"], digests["mask"]))
    others = tuple(changed if one is c else one for one in examples)
    with pytest.raises(DatasetError, match=r"1 have changed since: sub.c\.png"):
        read_split(tmp_path / "s.json", replace(examples, examples=others))


def test_another_set_is_refused_by_name(tmp_path, examples):
    write_split(tmp_path / "s.json", examples, make_split(examples))
    fewer = replace(examples, examples=examples.examples[1:])
    with pytest.raises(DatasetError, match=r"1 examples that are not in the test: sub/a"):
        read_split(tmp_path / "s.json", fewer)
    more = replace(examples, examples=(*examples.examples, example("new")))
    with pytest.raises(DatasetError, match=r"leaves out 1 examples of the test: new"):
        read_split(tmp_path / "s.json", more)


def test_a_group_that_got_on_two_sides_is_refused(tmp_path, examples):
    write_split(tmp_path / "s.json", examples, make_split(examples))
    one = tuple(replace(each, group="everybody") for each in examples)
    with pytest.raises(DatasetError, match="group 'everybody'"):
        read_split(tmp_path / "s.json", replace(examples, examples=one))


EXPECTED = Split(("sub/a", "sub/b"), ("sub/c",), ("sub/d",))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (
            "s.json",
            '{"train": ["sub/b", "a.png"], "validation": ["sub/c.png"], "test": ["d"],'
            ' "unused": ["e", "f"]}',
        ),
        (
            "s.csv",
            "name,part\nsub\\a.png,train\nb,training\nc,val\nsub/d,test\ne,unused\nf,unused\n",
        ),
        (
            "s.csv",
            "\ufeffpart;name;note\ntrain;a;x\ntrain;b;x\nvalid;c;\ntest;d;\nunused;e;\nunused;f;\n",
        ),
    ],
)
def test_lists_written_by_hand(tmp_path, examples, name, content):
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    assert read_split(path, examples) == EXPECTED


def test_folds_written_by_hand(tmp_path, examples):
    path = tmp_path / "s.json"
    path.write_text('{"folds": [["a", "b"], ["c"], ["d", "e"]], "test": ["f"]}')
    splits = read_splits(path, examples)
    assert [one.validation for one in splits] == [
        ("sub/a", "sub/b"),
        ("sub/c",),
        ("sub/d", "sub/e"),
    ]
    assert splits[1].train == ("sub/a", "sub/b", "sub/d", "sub/e")
    assert {one.test for one in splits} == {("sub/f",)}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("s.json", "{", "is not a split"),
        ("s.json", "[]", "is not a split"),
        ("s.json", '{"trian": []}', "trian"),
        ("s.json", '{"train": "abc"}', "is not a split"),
        ("s.json", '{"examples": [{"name": 1}]}', "is not a split"),
        ("s.json", '{"schema": 99, "examples": []}', "schema 99"),
        ("s.json", '{"train": ["a", "b", "c", "d", "e", "f", "sub/a"]}', "sub/a more than once"),
        ("s.json", '{"train": ["a", "b", "c", "d", "e", "f", "sub/aa"]}', "did you mean 'sub/a"),
        ("s.json", '{"train": ["a"]}', "leaves out 5 examples"),
        ("s.json", '{"folds": [["a", "b", "c", "d", "e", "f"]]}', "a single fold"),
        ("s.json", '{"folds": [["a", "b"], ["c", "d", "e"]], "train": ["f"]}', "mixes folds"),
        ("s.csv", "file,part\na,train\n", "columns file, part; expected name and part"),
        ("s.csv", "name,part\n" + "".join(f"{n},trian\n" for n in "abcdef"), "the parts trian"),
        ("s.csv", b"name,part\n\xff,train\n", "is not a split"),
    ],
)
def test_what_is_no_split_is_refused(tmp_path, examples, name, content, message):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DatasetError, match=message) as caught:
        read_splits(path, examples)
    assert name in str(caught.value)


def test_names_of_images_that_several_examples_have_are_not_guessed(tmp_path):
    examples = example_set(example("left/a"), example("right/a"))
    path = tmp_path / "s.json"
    path.write_text('{"train": ["a"], "validation": ["right/a"]}')
    with pytest.raises(DatasetError, match="not in the test: a"):
        read_split(path, examples)


def test_files_that_cannot_be_read_or_written_are_named(tmp_path, examples):
    with pytest.raises(DatasetError, match=r"gone\.json: cannot be read"):
        read_split(tmp_path / "gone.json", examples)
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        write_split(tmp_path / "file" / "s.json", examples, make_split(examples))


def test_the_digest_of_the_data_depends_on_content_not_on_order(examples):
    backwards = replace(examples, examples=examples.examples[::-1])
    assert data_digest(backwards) == data_digest(examples)
    assert data_digest(examples.examples[1:]) != data_digest(examples)
    other = example("sub/a", digest="other")
    assert data_digest((other, *examples.examples[1:])) != data_digest(examples)
