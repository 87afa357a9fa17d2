"""CSV tables: no formulas for spreadsheets, and names come back as they were."""

import csv
import io

import numpy as np
import pytest
from builders import labelme, square
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import maskforge as mf
from maskforge.outputs.csvtable import read_table, write_table
from maskforge.training.run_folder import Epoch, Scores, write_history

FORMULAS = [
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(A1)",
    "＝1",
    "'=1",
    "-a",
    "=",
    "-",
]

INSIDE = {
    "\t=1": "'\t'=1",
    "\r=1": "'\r'=1",
    "\n=1": "'\n'=1",
    "x;=1+1;y": "x;'=1+1;y",
    "x;'=1": "x;''=1",
    "a\n@b": "a\n'@b",
    ";;-a": ";;'-a",
}
"""What a spreadsheet takes for several cells where a comma is the decimal point."""


def cells(table):
    return list(csv.reader(io.StringIO(table.decode(), newline="")))


@pytest.mark.parametrize("text", FORMULAS)
def test_formulas_are_neutralized_in_cells_and_columns(text):
    assert cells(write_table([{text: text}])) == [[f"'{text}"], [f"'{text}"]]


@pytest.mark.parametrize("text", INSIDE)
def test_formulas_behind_what_may_end_a_cell_are_neutralized(text):
    assert cells(write_table([{text: text}])) == [[INSIDE[text]], [INSIDE[text]]]


@pytest.mark.parametrize(
    "value", [-0.5, 1e-30, -3, "-0.000012", "+1.5e-7", "x=1", "'quoted'", "it's"]
)
def test_numbers_and_other_text_stay(value):
    assert cells(write_table([{"x": value}])) == [["x"], [str(value)]]


def test_missing_values_are_empty():
    assert write_table([{"a": None, "b": 0}, {"b": 1.5}]) == b"a,b\n,0\n,1.5\n"


@given(
    st.lists(
        st.text(st.characters(codec="utf-8")) | st.sampled_from([*FORMULAS, *INSIDE]), max_size=4
    )
)
def test_what_is_written_is_read_back(values):
    rows = [{"name": value, "second": "x"} for value in values]
    columns, read = read_table(write_table(rows, ["name", "second"]).decode())
    assert columns == ["name", "second"]
    assert read == rows


def test_the_tables_of_a_report_hold_no_formula(tmp_path):
    """And they can be used as a table of images again."""
    labelme(tmp_path / "in" / "x.json", square("=cmd()", 1, 1, 4, 4), image="=1+1.png")
    Image.fromarray(np.zeros((6, 8), np.uint8)).save(tmp_path / "in" / "=1+1.png")
    mf.convert(tmp_path / "in", tmp_path / "masks")
    mf.evaluate(tmp_path / "masks", tmp_path / "masks", tmp_path / "out", bootstrap=0, charts=False)
    per_class = cells((tmp_path / "out" / "per-class.csv").read_bytes())
    per_image = cells((tmp_path / "out" / "per-image.csv").read_bytes())
    assert "'=cmd()" in {row[0] for row in per_class}
    assert {row[per_image[0].index("image")] for row in per_image[1:]} == {"'=1+1"}
    assert not [one for row in per_class + per_image for one in row if one[:1] in "=+@\t" and one]
    table = [{"image": "=1+1.png", "mask": "=m.png"}]
    (tmp_path / "in" / "table.csv").write_bytes(write_table(table))
    (tmp_path / "masks" / "masks" / "=1+1.png").rename(tmp_path / "in" / "=m.png")
    (example,) = mf.open_examples(tmp_path / "in" / "table.csv")
    assert example.name == "=1+1"


def test_a_split_written_as_a_table_is_read_back(tmp_path):
    for name in ("=a", "-b"):
        labelme(tmp_path / "in" / f"{name}.json", square("x", 1, 1, 4 + (name == "-b"), 4))
        Image.fromarray(np.full((6, 8), ord(name[1]), np.uint8)).save(
            tmp_path / "in" / f"{name}.png"
        )
    mf.convert(tmp_path / "in", tmp_path / "masks")
    rows = [{"name": "=a", "part": "train"}, {"name": "-b", "part": "validation"}]
    (tmp_path / "s.csv").write_bytes(write_table(rows))
    (split,) = mf.read_splits(tmp_path / "s.csv", mf.open_examples(tmp_path / "masks"))
    assert (split.train, split.validation) == (("=a",), ("-b",))


def test_the_history_names_classes_without_formula(tmp_path):
    scores = Scores(dice=0.5, class_dice={"=cmd()": 0.5})
    epoch = Epoch(epoch=1, loss=-1.5, learning_rate=1e-3, seconds=1, train=scores)
    write_history(tmp_path / "history.csv", [epoch])
    header, row = cells((tmp_path / "history.csv").read_bytes())
    assert header[-1] == "train_dice.=cmd()"
    assert row[1] == "-1.5"
