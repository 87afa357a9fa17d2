"""What a report says about labels of which each became a class."""

from __future__ import annotations

from pathlib import Path

import pytest

from maskforge.dataset.label_notes import notes_on_inferred, notes_on_spellings
from maskforge.issues import Origin

HERE = Origin(Path("x.json"))
NFC, NFD = "l\u00e9sion", "le\u0301sion"


def notes(*labels: str, **options: bool) -> list[tuple[str, str, str]]:
    found = notes_on_inferred(labels, HERE, **options)
    return [(str(one.code), one.message, one.hint) for one in found]


def codes(*labels: str, **options: bool) -> list[str]:
    return [code for code, _, _ in notes(*labels, **options)]


def test_ordinary_labels_need_no_note():
    assert (
        notes("caries", "root filling", "M1", "M2", "grade 2", NFD, "\u0645\u06cc\u200c\u062e")
        == []
    )
    assert list(notes_on_spellings(["caries", NFD], HERE)) == []


def test_both_forms_of_letters_are_noted_once():
    (note,) = notes_on_spellings([NFC, NFD, "\u304c", "\u304b\u3099", "pulp"], HERE)
    assert str(note.code) == "unicode-forms"
    assert note.message.startswith(f"'{NFC}', '\u304c': ")
    assert codes(NFC, NFD) == []


@pytest.mark.parametrize(
    ("labels", "pattern"),
    [
        (["cell1", "cell2", "cell12"], "'cell*=1'"),
        (["cell_1", "cell_2", "cell_03", "caries"], "'cell_*=1'"),
        (["cell1", "cell2", "cell3", "cellulitis"], "'cell[0-9]*=1'"),
        (["a*1", "a*2", "a*3"], "'a[*]*=1'"),
        (["Zahn 1", "Zahn 2", "Zahn 3", "Zahn"], "'Zahn *=1'"),
    ],
)
def test_numbered_labels_are_noted_with_the_pattern_that_joins_them(labels, pattern):
    ((code, text, hint),) = notes(*labels)
    assert code == "numbered-labels"
    assert all(repr(one) in text for one in labels if one[-1].isdigit())
    assert f"--class {pattern}" in hint


def test_two_are_not_enough_and_numbers_alone_are_none():
    assert codes("cell1", "cell2", "cell") == []
    assert codes("11", "12", "13", "tooth") == []


def test_many_numbered_labels_make_one_short_note():
    ((_, text, _),) = notes(*(f"cell{number}" for number in range(5000)))
    assert "and 4990 more" in text
    assert len(text) < 300


@pytest.mark.parametrize(
    ("labels", "text"),
    [
        (["11", "12"], "labels are whole numbers, and are the ids in the masks"),
        (["0", "1"], "ids are counted from 1, because '0' is the background"),
        (["1", "255"], "because '255' is void"),
        (["1", "70000"], "because '70000' is above 65535"),
        (["1", "01"], "because '01' and '1' are the same number"),
    ],
)
def test_one_line_says_what_numbers_became(labels, text):
    ((code, message, _),) = notes(*labels)
    assert code == "numeric-labels"
    assert text in message


def test_what_nobody_sees_is_named_by_its_code_points():
    found = notes("caries\u200b", "caries", "pulp ", "root\u00a0filling")
    assert [code for code, _, _ in found] == ["similar-labels", *["invisible-characters"] * 3]
    assert [text for _, text, _ in found] == [
        "labels 'caries', 'caries\\u200b' count as different classes",
        "label 'caries\\u200b' holds U+200B ZERO WIDTH SPACE",
        "label 'pulp ' holds U+0020 SPACE",
        "label 'root\\xa0filling' holds U+00A0 NO-BREAK SPACE",
    ]
    assert all("--fold-case" in hint for _, _, hint in found)
    assert codes("caries\u200b", "caries", "pulp ", fold_case=True) == []


def test_numbers_are_told_as_they_became_classes():
    assert codes("background", "1", "2") == ["numeric-labels"]
    assert codes(" 1", "2", fold_case=True) == ["numeric-labels"]
