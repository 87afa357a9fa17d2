"""Which label a SuperAnnotate instance has, and what is said when none can be found."""

import json
import shutil
from pathlib import Path

import pytest

from maskforge.formats.reader import AnnotationReader, read
from maskforge.issues import Code, Issue, Level
from maskforge.shapes import Shape

CLASSES = [
    {"id": 70, "name": "Enamel", "color": "#00ff00", "attribute_groups": []},
    {"id": 71, "name": "Pulp", "color": "#ff0000", "attribute_groups": []},
    {"id": 72, "name": "Pulp", "color": "#ff0000", "attribute_groups": []},
]


def box(**keys: object) -> dict[str, object]:
    return {"type": "bbox", "points": {"x1": 0, "y1": 0, "x2": 5, "y2": 5}} | keys


def write(folder: Path, *instances: object, name: str = "a.png") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    metadata = {"name": name, "width": 40, "height": 30}
    path = folder / f"{name}.json"
    path.write_text(json.dumps({"metadata": metadata, "instances": instances}))
    return path


def write_classes(path: Path, classes: object = CLASSES) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(classes))
    return path


def shapes(source: Path) -> list[Shape]:
    return [shape for image in read(source, format="superannotate") for shape in image.shapes]


def unlisted(reader: AnnotationReader) -> list[Issue]:
    found = [issue for image in reader for issue in image.issues]
    return [issue for issue in found if issue.code is Code.UNLISTED_LABEL]


@pytest.mark.parametrize(
    ("keys", "label"),
    [
        ({"className": "Enamel", "classId": 70}, "Enamel"),
        ({"className": "Dentine", "classId": -1}, "Dentine"),
        ({"className": "Dentine", "classId": 70}, "Dentine"),
        ({"className": "Dentine"}, "Dentine"),
        ({"className": " Enamel"}, " Enamel"),
        ({"classId": 70}, "Enamel"),
        ({"className": None, "classId": 71}, "Pulp"),
        ({"className": "", "classId": 72}, "Pulp"),
        ({"className": "  ", "classId": 72}, "Pulp"),
    ],
)
def test_the_name_counts_first_and_the_id_second(tmp_path, keys, label):
    write_classes(tmp_path / "classes" / "classes.json")
    (shape,) = shapes(write(tmp_path, box(**keys)))
    assert (shape.labels, shape.label_issue) == ((label,), None)


@pytest.mark.parametrize(
    "keys",
    [{}, {"classId": -1}, {"classId": 7}, {"classId": "70"}, {"classId": [70]}, {"className": ""}],
)
def test_a_class_that_cannot_be_resolved_leaves_the_shape_without_label(tmp_path, keys):
    listing = write_classes(tmp_path / "classes" / "classes.json")
    path = write(tmp_path, box(**keys))
    (image,) = read(path, format="superannotate")
    (shape,) = image.shapes
    assert shape.labels == ()
    assert shape.label_issue is not None
    assert (shape.label_issue.code, shape.label_issue.level) == (
        Code.UNRESOLVED_CLASS,
        Level.REFUSED,
    )
    assert shape.label_issue.origin.pointer == "$.instances[0]"
    assert str(listing) in shape.label_issue.message
    assert str(keys.get("classId", "")) in shape.label_issue.message
    assert image.record_count == 1


def test_without_any_list_the_message_says_where_it_was_looked_for(tmp_path):
    (shape,) = shapes(write(tmp_path, box(classId=70)))
    assert shape.label_issue is not None
    assert f"no classes/classes.json in {tmp_path}" in shape.label_issue.message


@pytest.mark.parametrize(
    ("listing", "annotations"),
    [
        ("classes/classes.json", "."),
        ("classes.json", "."),
        ("classes/classes.json", "one"),
        ("classes.json", "one"),
        ("classes/classes.json", "one/two/three"),
    ],
)
def test_the_list_is_looked_for_in_the_folder_and_three_above(tmp_path, listing, annotations):
    write_classes(tmp_path / listing)
    path = write(tmp_path / annotations, box(classId=70))
    assert [shape.labels for shape in shapes(path)] == [("Enamel",)]


@pytest.mark.parametrize("source", ["one/two", ".", "../two", "../../one/two", "two"])
def test_relative_paths_lead_to_the_same_list_once(tmp_path, monkeypatch, source):
    write_classes(tmp_path / "classes" / "classes.json")
    write(tmp_path / "one" / "two", box(classId=70))
    start = {"one/two": ".", "two": "one"}.get(source, "one/two")
    monkeypatch.chdir(tmp_path / start)
    reader = read(source, format="superannotate")
    assert [shape.labels for image in reader for shape in image.shapes] == [("Enamel",)]
    assert [path.name for path in reader.files_read] == ["a.png.json", "classes.json"]


def test_a_run_from_the_folder_above_does_not_read_the_list_twice(tmp_path, monkeypatch):
    write_classes(tmp_path / "set" / "classes" / "classes.json")
    write(tmp_path / "set" / "one", box(classId=70))
    monkeypatch.chdir(tmp_path)
    reader = read("set", format="superannotate")
    assert [image.shapes[0].labels for image in reader] == [("Enamel",)]
    assert [path.name for path in reader.files_read] == ["classes.json", "a.png.json"]


def test_four_folders_above_is_another_project(tmp_path):
    write_classes(tmp_path / "classes" / "classes.json")
    path = write(tmp_path / "one" / "two" / "three" / "four", box(classId=70))
    assert [shape.labels for shape in shapes(path)] == [()]


def test_the_nearest_list_counts(tmp_path):
    write_classes(tmp_path / "classes" / "classes.json")
    other = [{"id": 70, "name": "Bone", "color": "#000001", "attribute_groups": []}]
    write_classes(tmp_path / "one" / "classes" / "classes.json", other)
    write(tmp_path, box(classId=70))
    write(tmp_path / "one", box(classId=70))
    assert [shape.labels for shape in shapes(tmp_path)] == [("Enamel",), ("Bone",)]


def test_a_file_of_that_name_that_is_no_class_list_is_passed_over(tmp_path):
    write_classes(tmp_path / "classes" / "classes.json")
    write_classes(tmp_path / "one" / "classes.json", {"classes": [{"id": 1, "name": "Enamel"}]})
    path = write(tmp_path / "one", box(classId=70))
    assert [shape.labels for shape in shapes(path)] == [("Enamel",)]


def test_damaged_entries_of_a_list_do_no_harm(tmp_path):
    damaged = [None, 5, {}, {"id": [1], "name": "x"}, {"id": 3, "name": 4}, {"id": 9}, *CLASSES]
    write_classes(tmp_path / "classes" / "classes.json", damaged)
    assert [shape.labels for shape in shapes(write(tmp_path, box(classId=70)))] == [("Enamel",)]


def test_an_id_that_two_names_claim_means_neither(tmp_path):
    twice = [*CLASSES, CLASSES[0] | {"name": "Dentine"}]
    write_classes(tmp_path / "classes" / "classes.json", twice)
    path = write(tmp_path, box(classId=70), box(classId=71))
    assert [shape.labels for shape in shapes(path)] == [(), ("Pulp",)]


def test_a_name_that_the_list_lacks_is_noted_once_for_each_file(tmp_path):
    write_classes(tmp_path / "classes" / "classes.json")
    write(tmp_path, *[box(className="Dentine")] * 3, box(className="Enamel"))
    write(tmp_path, box(className="Dentine"), box(className="Bone"), name="b.png")
    notes = unlisted(read(tmp_path, format="superannotate"))
    assert [(note.origin.file.name, note.origin.pointer) for note in notes] == [
        ("a.png.json", "$.instances[0].className"),
        ("b.png.json", "$.instances[0].className"),
        ("b.png.json", "$.instances[1].className"),
    ]
    assert {note.level for note in notes} == {Level.NOTE}


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        ({"className": "Melan", "classId": 70}, "which calls its id 'Enamel'"),
        ({"className": "enamel "}, "which has 'Enamel'"),
    ],
)
def test_the_note_names_what_was_probably_meant(tmp_path, keys, text):
    write_classes(tmp_path / "classes" / "classes.json")
    write(tmp_path, box(**keys))
    (note,) = unlisted(read(tmp_path, format="superannotate"))
    assert text in note.message


def test_no_list_means_no_remark_on_names(tmp_path):
    assert unlisted(read(write(tmp_path, box(className="Dentine")), format="superannotate")) == []


@pytest.mark.parametrize("place", ["classes/classes.json", "classes.json"])
@pytest.mark.parametrize("names", [("a.png", "b.png"), ("x.png", "y.png")])
def test_a_broken_list_is_one_issue_and_names_are_still_read(tmp_path, place, names):
    """Whether the run comes to the list itself first, or to a file that needs it."""
    write_classes(tmp_path / place).write_text('[{"id": 70, "na')
    for name in names:
        write(tmp_path, box(className="Enamel"), box(classId=70), name=name)
    reader = read(tmp_path, format="superannotate")
    labels = [shape.labels for image in reader for shape in image.shapes]
    assert labels == [("Enamel",), (), ("Enamel",), ()]
    (issue,) = reader.issues
    assert (issue.code, issue.level) == (Code.UNREADABLE_FILE, Level.REFUSED)
    assert issue.origin.file == tmp_path / place


def test_a_list_is_read_anew_by_every_run(tmp_path):
    listing = write_classes(tmp_path / "classes" / "classes.json")
    reader = read(write(tmp_path, box(classId=70)), format="superannotate")
    assert [image.shapes[0].labels for image in reader] == [("Enamel",)]
    assert listing in reader.files_read
    shutil.rmtree(listing.parent)
    assert [image.shapes[0].labels for image in reader] == [()]
