"""Class maps: values of labels, what is refused, and what is said about unknown labels."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from maskforge.display.colors import default_color
from maskforge.errors import LabelError, nearest
from maskforge.masks.classes import ClassMap, MaskClass, check_labels, infer
from maskforge.masks.labels import as_entry, exact_label, fold, invisible_characters

RED = (255, 0, 0)


def make(*classes: tuple[int, str, tuple[str, ...]], **options: object) -> ClassMap:
    return ClassMap(
        tuple(MaskClass(id_, name, RED, labels) for id_, name, labels in classes), **options
    )


def test_inferred_ids_follow_the_alphabet_whatever_the_order_of_the_files() -> None:
    classes = infer(["pulp", "caries", "pulp", "enamel"])
    assert [(one.id, one.name) for one in classes.classes] == [
        (0, "background"),
        (1, "caries"),
        (2, "enamel"),
        (3, "pulp"),
    ]
    assert classes.dtype == np.uint8


def test_inferred_ids_leave_out_the_void_value() -> None:
    classes = infer(f"label {number:03}" for number in range(300))
    ids = [one.id for one in classes.classes]
    assert ids == [*range(255), *range(256, 302)]
    assert classes.dtype == np.uint16


def test_labelme_conventions_need_no_class() -> None:
    classes = infer(["_background_", "__ignore__", "caries"])
    assert [one.name for one in classes.classes] == ["background", "caries"]
    assert classes.value("_background_") == 0
    assert classes.value("__ignore__") == 255


def test_a_class_map_may_use_the_conventional_labels_otherwise() -> None:
    classes = make((1, "rest", ("_background_",)), ignored=("__ignore__",))
    assert classes.value("_background_") == 1
    assert classes.value("__ignore__") is None


def test_grouping_ignoring_and_voiding() -> None:
    classes = make(
        (1, "vehicle", ("car", "truck")), (2, "human", ("rider",)), ignored=("sky",), void=("?",)
    )
    labels = ("car", "truck", "rider", "sky", "?")
    assert [classes.value(label) for label in labels] == [1, 1, 2, None, 255]


def test_case_and_spaces_count_unless_folded() -> None:
    exact = make((1, "caries", ("Deep Caries",)))
    with pytest.raises(LabelError):
        exact.value("deep  caries")
    assert make((1, "caries", ("Deep Caries",)), fold_case=True).value(" deep  CARIES") == 1


def test_folding_makes_one_class_of_all_spellings() -> None:
    classes = infer(["Caries", "caries", "CARIES ", "pulp"], fold_case=True)
    assert [one.id for one in classes.classes] == [0, 1, 2]
    assert {classes.value(label) for label in ("Caries", "caries", "CARIES ")} == {1}


def test_folded_numbers_are_ids_and_the_plainest_spelling_is_the_name() -> None:
    classes = infer([" 7", "7", "\u200b12", "3 "], fold_case=True)
    assert [(one.id, one.name) for one in classes.classes[1:]] == [(3, "3"), (7, "7"), (12, "12")]
    assert [classes.value(label) for label in (" 7", "7", "\u200b12", "3 ")] == [7, 7, 12, 3]
    assert [one.name for one in infer([" pulp", "pulp"], fold_case=True).classes[1:]] == ["pulp"]


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        ([(1, "a", ("a",)), (1, "b", ("b",))], "id 1 is used twice"),
        ([(1, "a", ("a",)), (2, "a", ("b",))], "class name 'a' is used twice"),
        ([(1, "a", ("x",)), (2, "b", ("x",))], "label 'x' is used twice"),
        ([(255, "a", ("a",))], "255, which is the void value"),
        ([(-1, "a", ("a",))], "id -1"),
        ([(65536, "a", ("a",))], "id 65536"),
    ],
)
def test_contradictions_are_refused(
    classes: list[tuple[int, str, tuple[str, ...]]], message: str
) -> None:
    with pytest.raises(LabelError, match=message):
        make(*classes)


def test_a_label_cannot_be_drawn_and_ignored() -> None:
    with pytest.raises(LabelError, match="label 'a' is used twice"):
        make((1, "a", ("a",)), ignored=("a",))


def test_unknown_labels_are_all_named_with_counts_and_the_nearest_name() -> None:
    classes = make((1, "caries", ("caries",)), (2, "enamel", ("enamel",)))
    with pytest.raises(LabelError) as caught:
        check_labels(classes, {"cares": 12, "caries": 5, "tartar": 1, "Enamel": 3})
    message = caught.value.message
    assert message.startswith("3 labels are in no class: ")
    assert "'cares' (12 shapes; did you mean 'caries'?)" in message
    assert "'Enamel' (3 shapes; did you mean 'enamel'?)" in message
    assert "'tartar' (1 shape)" in message
    assert message.index("cares") < message.index("Enamel") < message.index("tartar")
    assert "NAME=ID" in caught.value.hint


def test_one_unknown_label_is_a_singular() -> None:
    with pytest.raises(LabelError, match="1 label is in no class: 'x' \\(1 shape\\)"):
        make((1, "caries", ("caries",))).value("x")


def test_of_many_unknown_labels_ten_are_named_and_compared(monkeypatch):
    compared = []
    monkeypatch.setattr(
        "maskforge.masks.classes.nearest", lambda name, known: compared.append(name)
    )
    classes = make((1, "caries", ("caries",)))
    with pytest.raises(LabelError) as caught:
        check_labels(classes, {f"label {number:05}": 1 + number % 2 for number in range(30_000)})
    assert caught.value.message.startswith("30000 labels are in no class: 'label 00001' (2 shapes)")
    assert caught.value.message.endswith("'label 00019' (2 shapes) and 29990 more")
    assert len(compared) == 10


def test_names_are_compared_in_bounded_time():
    """Each comparison takes the product of the lengths; without bounds these take hours."""
    assert nearest("x" * 10**6, ["x" * (10**6 - 1)]) is None
    assert nearest("caries", ["x" * 10**7, "cares"]) == "cares"
    many = [f"{number} {'ab' * 40}" for number in range(100_000)]
    assert nearest("ba" * 40, [*many, "ba" * 41]) == "ba" * 41


# --- patterns


def test_a_label_itself_comes_before_patterns():
    classes = make(
        (1, "cell", ("cell*",)), (2, "other", ("cellulitis",)), ignored=("note *",), void=("*!",)
    )
    labels = ("cell", "cell12", "cell\n12", "cellulitis", "note 5", "odd!")
    assert [classes.value(label) for label in labels] == [1, 1, 1, 2, None, 255]
    with pytest.raises(LabelError, match="1 label is in no class: 'Cell1'"):
        classes.value("Cell1")


def test_a_pattern_may_be_as_narrow_as_a_range():
    classes = make((1, "cell", ("cell[0-9]*",)), (2, "three", ("T[!4]?*",)))
    assert classes.value("cell1") == classes.value("cell12") == 1
    assert classes.value("T3x") == 2
    for label in ("cell", "cellulitis", "T4x", "T3"):
        with pytest.raises(LabelError, match="in no class"):
            classes.value(label)


@pytest.mark.parametrize("label", ["a?c", "tooth [11]", "[", "/^a$/"])
def test_without_an_asterisk_nothing_is_a_pattern(label):
    classes = make((1, "odd", (label,)))
    assert classes.value(label) == 1
    for other in ("abc", "tooth 1", "a"):
        with pytest.raises(LabelError):
            classes.value(other)


@pytest.mark.parametrize("label", ["a*b", "*", "[*]", "a*[0-9]?", "**", "[[]*", "a[*b"])
def test_a_label_with_an_asterisk_can_be_named(label):
    assert exact_label(as_entry(label)) == label
    classes = make((1, "odd", (as_entry(label),)), (2, "rest", ("*?",)))
    assert classes.value(label) == 1
    assert infer([label]).value(label) == 1


def test_patterns_of_two_classes_that_fit_one_label_are_both_named():
    classes = make((1, "a", ("a*", "*b")), (2, "c", ("*c",)))
    assert classes.value("ab") == 1
    with pytest.raises(LabelError, match=r"'ac' fits the patterns 'a\*' and '\*c'") as caught:
        check_labels(classes, {"ac": 1})
    assert "name the label itself" in caught.value.hint


def test_an_asterisk_alone_stands_for_all_other_labels():
    classes = make((1, "a", ("a*",)), (2, "b", ("b",)), ignored=("*",))
    assert [classes.value(label) for label in ("a1", "b", "c", "_background_")] == [1, 2, None, 0]


def test_a_pattern_is_compared_without_case_if_labels_are():
    classes = make((1, "cell", ("Cell *",)), fold_case=True)
    assert classes.value("CELL  12") == 1


def test_no_pattern_takes_longer_than_the_label():
    """A matcher that goes back over what it has matched would never end."""
    classes = make((1, "a", ("*a" * 30 + "*b", "[a-z]*" * 30 + "!")))
    with pytest.raises(LabelError, match="in no class"):
        classes.value("a" * 20_000)


# --- spellings

NFC, NFD = "l\u00e9sion", "le\u0301sion"


@pytest.mark.parametrize("spelling", [NFC, NFD])
def test_it_does_not_matter_how_letters_are_composed(spelling):
    classes = make((1, spelling, (spelling,)), (2, "x", (f"{spelling} *",)), void=(f"{spelling}?",))
    assert classes.value(NFC) == classes.value(NFD) == 1
    assert classes.value(f"{NFD} 7") == classes.value(f"{NFC} 7") == 2
    assert classes.value(f"{NFC}?") == classes.value(f"{NFD}?") == 255
    assert classes.names[1] == NFC
    assert infer([spelling]).names[1] == NFC


def test_two_spellings_in_the_files_are_one_class():
    classes = infer([NFD, "pulp", NFC])
    assert [(one.id, one.name) for one in classes.classes[1:]] == [(1, NFC), (2, "pulp")]
    assert make((1, "both", (NFC, NFD))).value(NFD) == 1
    with pytest.raises(LabelError, match="is used twice"):
        make((1, "a", (NFC,)), (2, "b", (NFD,)))


@pytest.mark.parametrize(
    "label", ["caries\u200b", "\ufeffcaries", "ca\u00adries", "caries\u00a0", "\u202acaries\u202c "]
)
def test_folding_leaves_out_what_nobody_sees(label):
    assert fold(label) == "caries"
    assert infer([label, "caries"], fold_case=True).value(label) == 1


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("caries", []),
        ("deep caries", []),
        ("\u0645\u06cc\u200c\u062e", []),
        ("caries ", ["U+0020 SPACE"]),
        ("a\u00a0b\u00a0c", ["U+00A0 NO-BREAK SPACE"]),
        ("\u200ba\u202e", ["U+200B ZERO WIDTH SPACE", "U+202E RIGHT-TO-LEFT OVERRIDE"]),
        ("a\tb", ["U+0009 CONTROL CHARACTER"]),
    ],
)
def test_invisible_characters_are_named(label, expected):
    assert invisible_characters(label) == expected


# --- numbers


@pytest.mark.parametrize(
    ("labels", "ids"),
    [
        (["11", "12", "48"], {"11": 11, "12": 12, "48": 48}),
        (["10", "9", "300"], {"9": 9, "10": 10, "300": 300}),
        (["03", "4"], {"03": 3, "4": 4}),
        (["0", "1", "2", "10"], {"0": 1, "1": 2, "2": 3, "10": 4}),
        (["254", "255", "9"], {"9": 1, "254": 2, "255": 3}),
        (["65536", "9"], {"9": 1, "65536": 2}),
        (["1", "01", "10"], {"01": 1, "1": 2, "10": 3}),
        (["9" * 5000, "5"], {"5": 1, "9" * 5000: 2}),
        (["10", "9", "a"], {"10": 1, "9": 2, "a": 3}),
        (["-1", "2", "10"], {"-1": 1, "10": 2, "2": 3}),
        (["5", "_background_"], {"5": 5}),
        (["5", "background"], {"5": 5, "background": 0}),
    ],
)
def test_whole_numbers_are_ids_or_counted_as_numbers(labels, ids):
    classes = infer(labels)
    assert {label: classes.value(label) for label in ids} == ids


def test_more_labels_than_ids_are_refused():
    most = [f"label {number}" for number in range(65_534)]
    assert max(infer(most).ids) == 65_535
    with pytest.raises(LabelError, match=r"65,535 labels cannot be a class each.*65,534"):
        infer([*most, "one more"])


@pytest.mark.parametrize("options", [{}, {"void": ("\udcff",)}, {"ignored": ("\ud800*",)}])
def test_what_cannot_be_saved_is_refused(options):
    """Command lines may hold bytes that are not text."""
    name = "a" if options else "\udcff"
    with pytest.raises(LabelError, match="is not valid Unicode"):
        make((1, name, ("a",)), **options)


def test_channels_are_in_rising_order_of_ids() -> None:
    classes = make((7, "tooth", ("tooth",)), (3, "caries", ("caries",)))
    assert classes.ids == (0, 3, 7)
    assert classes.foreground_ids == (3, 7)


def test_colors_differ() -> None:
    colors = [default_color(index) for index in range(60)]
    assert len(set(colors)) == 60
    distances = [
        sum(abs(a - b) for a, b in zip(one, other, strict=True))
        for one, other in itertools.pairwise(colors)
    ]
    assert min(distances) > 100
