"""Class maps: values of labels, what is refused, and what is said about unknown labels."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from maskforge.display.colors import default_color
from maskforge.errors import LabelError
from maskforge.masks.classes import ClassMap, MaskClass, check_labels, infer

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
