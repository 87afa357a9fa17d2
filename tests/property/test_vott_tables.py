"""Damaged CSV exports of VoTT: each row is a region, a tag of one, or an issue with its line."""

from __future__ import annotations

import csv
import io
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from random_examples import examples

from maskforge.formats.reader import read

TABLE = [
    ["image", "xmin", "ymin", "xmax", "ymax", "label"],
    ["s%20(1).png", "1", "2.5", "3", "4", "a"],
    ["s%20(1).png", "1", "2.5", "3", "4", "b"],
    ["t.png", "5", "6", "70", "-8", "a"],
    ["t.png", "5", "6", "70", "-9", ""],
]


@settings(
    derandomize=True,
    max_examples=examples(60),
    suppress_health_check=[HealthCheck.too_slow],
)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["s%20(1).png", "t.png", "", "..", "a/b.png"]),
            *[st.sampled_from(["1", "2.5", "-8", "", "x", "nan", "inf", "1e99", "9" * 400])] * 4,
            st.sampled_from(["a", "b", "", "c,d"]),
        )
        | st.sampled_from(TABLE[1:]).map(tuple),
        max_size=8,
    ),
    st.integers(0, 8),
)
def test_tables(rows, cut):
    """Each row is a region, one more tag of a region, or an issue with its line."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerows([*TABLE, *rows])
    short = ["t.png", "1"][:cut]
    writer.writerow(short)
    written = TABLE[1:] + [list(row) for row in rows] + ([short] if short else [])
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary) / "p-export.csv"
        path.write_text(buffer.getvalue(), encoding="utf-8")
        reader = read(path, format="vott")
        images = list(reader)
    accounted = 0
    for image in images:
        accounted += sum(issue.loses_record for issue in image.issues)
        accounted += sum(max(len(shape.labels), 1) for shape in image.shapes)
    # A row without a label that a later row gives one adds nothing that could be counted.
    assert accounted == len(written) - merged_without_label(written)


def merged_without_label(rows: list[list[str]]) -> int:
    """Count the regions that begin with a row without a label and get one from a later row."""
    first: dict[tuple[str, ...], str] = {}
    merged = set()
    for row in rows:
        if len(row) == 6 and all(is_number(cell) for cell in row[1:5]):
            key = (row[0], *(str(float(cell)) for cell in row[1:5]))
            if first.setdefault(key, row[5]) == "" and row[5]:
                merged.add(key)
    return len(merged)


def is_number(text: str) -> bool:
    try:
        return abs(float(text)) <= 2**31
    except ValueError:
        return False
