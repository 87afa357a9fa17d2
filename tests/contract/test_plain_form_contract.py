"""What other programs make of the records of a format is read the same, or refused."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any, TypeAlias

import pytest
from annotation_trees import EXAMPLES, Tree, trees
from format_checks import drawing
from format_examples.examples import Examples

import maskforge as mf
from maskforge.issues import Code
from maskforge.limits.allowance import FACTOR, Limit

Change: TypeAlias = Callable[[dict[str, Any], Examples], dict[str, Any]]

TREES = {tree.format: tree for tree in trees() if tree.name == "small"}


def numbers_as_text(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: numbers_as_text(one) for key, one in value.items()}
    if isinstance(value, list):
        return [numbers_as_text(one) for one in value]
    return f" {value}" if isinstance(value, int | float) else value


def text(record: dict[str, Any], of: Examples) -> dict[str, Any]:
    return {
        key: numbers_as_text(one) if key in of.geometry and "counts" not in str(one) else one
        for key, one in record.items()
    }


def other_case(record: dict[str, Any], of: Examples) -> dict[str, Any]:
    """Spell the kind as prose does: ``Oriented Rectangle``, ``Polygon``."""
    kinds = {key: record[key] for key in of.kind_keys if isinstance(record.get(key), str)}
    return record | {key: one.replace("_", " ").title() for key, one in kinds.items()}


def pairs_of(points: Any) -> list[tuple[float, float]] | None:
    """Return the points of a list in any of the three forms, if it is one."""
    if not isinstance(points, list) or not points:
        return None
    if isinstance(points[0], dict):
        return [(one["x"], one["y"]) for one in points]
    if isinstance(points[0], list):
        return [(x, y) for x, y in points]
    return list(zip(points[::2], points[1::2], strict=True))


def with_points(form: Callable[[list[tuple[float, float]]], Any]) -> Change:
    def change(record: dict[str, Any], _: Examples) -> dict[str, Any]:
        lists = {key: pairs_of(record.get(key)) for key in ("points", "polygon")}
        changed = record | {key: form(pairs) for key, pairs in lists.items() if pairs is not None}
        if record.get("exclude"):
            changed["exclude"] = [form(pairs_of(one) or []) for one in record["exclude"]]
        rings = record.get("segmentation")
        if isinstance(rings, list):
            is_ring = all(len(one) == 2 for one in rings)
            parts = [rings] if is_ring else rings
            made = [form(pairs_of(one) or []) for one in parts]
            changed["segmentation"] = made[0] if is_ring else made
        return changed

    return change


FORMS: dict[str, Change] = {
    "text": text,
    "case": other_case,
    "pairs": with_points(lambda pairs: [list(pair) for pair in pairs]),
    "objects": with_points(lambda pairs: [{"x": x, "y": y} for x, y in pairs]),
    "nested": with_points(lambda pairs: [[list(pair) for pair in pairs]]),
    "all": lambda record, of: text(other_case(FORMS["objects"](record, of), of), of),
}


def records_changed(root: Any, change: Change, of: Examples) -> Any:
    """Change every record with a geometry, wherever it stands."""
    if isinstance(root, list):
        return [records_changed(one, change, of) for one in root]
    if not isinstance(root, dict):
        return root
    if not of.geometry.isdisjoint(root) and not isinstance(root.get("regions"), list):
        return change(root, of)
    return {key: records_changed(one, change, of) for key, one in root.items()}


def drawn(tree: Tree, folder: Any, name: str, root: Any) -> tuple[list[Any], list[mf.Issue]]:
    tree.write(folder, {name: json.dumps(root).encode()})
    images = list(mf.read(folder / name, format=tree.format))
    shapes = [(one.origin, one.labels, *drawing(one)) for image in images for one in image.shapes]
    return shapes, [issue for image in images for issue in image.issues]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("format_", TREES)
def test_a_record_in_another_form_is_the_same_shape(tmp_path, format_, form):
    tree = TREES[format_]
    changed = 0
    for name in tree.documents:
        root = tree.root(name)
        other = records_changed(copy.deepcopy(root), FORMS[form], EXAMPLES[format_])
        if other == root or "visitedFrames" in root:
            continue
        expected, before = drawn(tree, tmp_path / "a", name, root)
        found, after = drawn(tree, tmp_path / "b", name, other)
        assert [one[1:2] + one[3:] for one in found] == [one[1:2] + one[3:] for one in expected]
        lenient = [issue for issue in after if issue.code is Code.LENIENT]
        assert {issue.level for issue in lenient} <= {mf.Level.NOTE}
        assert len(after) - len(lenient) == len(before)
        changed += len(lenient)
    assert changed or form in EXAMPLES[format_].own_forms


@pytest.mark.parametrize("format_", [name for name in TREES if EXAMPLES[name].one_document])
def test_a_list_of_documents_is_read_one_by_one(tmp_path, format_):
    tree = TREES[format_]
    name = EXAMPLES[format_].one_document
    expected, _ = drawn(tree, tmp_path / "a", name, tree.root(name))
    tree.write(tmp_path / "b", {name: json.dumps([tree.root(name)] * 2).encode()})
    reader = mf.read(tmp_path / "b" / name)
    shapes = [shape for image in reader for shape in image.shapes]
    assert [one.labels for one in shapes] == [one[1] for one in expected] * 2
    own = [one.origin.pointer for one in shapes if one.origin.file == tmp_path / "b" / name]
    assert {one[:4] for one in own} <= {"$[0]", "$[1]"}
    assert Code.LENIENT in [issue.code for issue in reader.issues]


@pytest.mark.parametrize(
    ("format_", "record"),
    [(name, record) for name, one in EXAMPLES.items() for record in one.guesses],
)
def test_what_can_mean_several_things_is_refused(tmp_path, format_, record):
    (tmp_path / "a.json").write_text(json.dumps(EXAMPLES[format_].document(record)))
    (image,) = mf.read(tmp_path, format=format_)
    assert image.shapes == ()
    (issue,) = [one for one in image.issues if one.loses_record]
    assert issue.level is mf.Level.REFUSED


@pytest.mark.parametrize("format_", TREES)
def test_more_records_than_allowed_cost_their_image_alone(tmp_path, monkeypatch, format_):
    tree = TREES[format_]
    tree.write(tmp_path)
    before = {image.origin: image for image in mf.read(tmp_path, format=format_)}
    most = sorted(image.record_count for image in before.values())[-1] - 1
    monkeypatch.setenv(FACTOR, str(most / Limit.RECORDS.most))
    after = {image.origin: image for image in mf.read(tmp_path, format=format_)}
    assert before.keys() == after.keys()
    refused = {one for one in after if after[one].refusal and not before[one].refusal}
    assert refused
    for origin, image in after.items():
        if before[origin].refusal:
            continue
        assert (origin in refused) == (before[origin].record_count > most)
        if origin in refused:
            assert image.refusal.code is Code.TOO_MANY_SHAPES
            assert FACTOR in image.refusal.hint
            assert not image.shapes
        else:
            assert [drawing(one) for one in image.shapes] == [
                drawing(one) for one in before[origin].shapes
            ]
