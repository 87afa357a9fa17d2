"""What holds for every split of any examples."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from random_examples import examples

from maskforge.examples.example import Example, ExampleSet, Statistics
from maskforge.examples.split import check_leaks, make_folds, make_split
from maskforge.examples.splitfile import read_splits, write_split
from maskforge.masks.classes import ClassMap, MaskClass
from maskforge.shapes import Size

CLASSES = ClassMap(tuple(MaskClass(id_, f"class {id_}", (0, 0, 0), ()) for id_ in (1, 2, 3)))


@st.composite
def example_sets(draw):
    """Up to 30 examples in groups of any size, some with equal images."""
    rows = draw(
        st.lists(
            st.tuples(
                st.sets(st.integers(1, 3)),
                st.one_of(st.none(), st.integers(0, 6)),
                st.integers(0, 40),
            ),
            min_size=1,
            max_size=30,
        )
    )
    examples = tuple(
        Example(
            name=f"n{number}",
            image=Path(__file__),
            mask=Path(__file__),
            size=Size(1, 1),
            group=None if group is None else str(group),
            statistics=Statistics(dict.fromkeys(present, 1), f"digest {digest}", "m"),
        )
        for number, (present, group, digest) in enumerate(rows)
    )
    return ExampleSet(examples, CLASSES, "examples")


def blocks(examples):
    """Return what must stay together, by spreading marks until nothing changes."""
    marks = {one.name: one.name for one in examples}
    changed = True
    while changed:
        changed = False
        for one in examples:
            for other in examples:
                same_group = one.group is not None and one.group == other.group
                same_image = one.statistics.image_digest == other.statistics.image_digest
                if (same_group or same_image) and marks[one.name] != marks[other.name]:
                    marks[one.name] = marks[other.name] = min(marks[one.name], marks[other.name])
                    changed = True
    found = {}
    for name, mark in marks.items():
        found.setdefault(mark, set()).add(name)
    return list(found.values())


def foreground(examples, names):
    return any(one.statistics.present for one in examples.subset(names))


seeds = st.integers(0, 5)
few = settings(max_examples=examples(24))


@few
@given(example_sets(), seeds, st.sampled_from([0.0, 0.1, 0.25]), st.booleans())
def test_a_split_is_a_partition_without_leaks(examples, seed, test, stratify):
    together = blocks(examples)
    assume(len(together) >= 3)
    made = make_split(examples, validation=0.3, test=test, seed=seed, stratify=stratify)
    assert sorted(made.train + made.validation + made.test) == sorted(one.name for one in examples)
    check_leaks(examples, made)
    for block in together:
        assert (
            sum(bool(block & set(part)) for part in (made.train, made.validation, made.test)) == 1
        )
    assert made.train
    assert made.validation
    assert bool(made.test) == (test > 0)


@few
@given(example_sets(), seeds)
def test_validation_and_training_have_foreground_if_two_groups_have(examples, seed):
    together = blocks(examples)
    assume(sum(foreground(examples, block) for block in together) >= 2)
    made = make_split(examples, validation=0.2, seed=seed)
    assert foreground(examples, made.train)
    assert foreground(examples, made.validation)


@few
@given(example_sets(), seeds, st.randoms())
def test_the_order_of_the_examples_does_not_matter(examples, seed, random):
    assume(len(blocks(examples)) >= 2)
    shuffled = list(examples)
    random.shuffle(shuffled)
    other = ExampleSet(tuple(shuffled), CLASSES, "")
    assert make_split(examples, seed=seed) == make_split(other, seed=seed)


@few
@given(example_sets(), st.integers(2, 5), st.sampled_from([0.0, 0.2]))
def test_folds_hold_every_example_once(examples, folds, test):
    assume(len(blocks(examples)) >= folds + (test > 0))
    splits = make_folds(examples, folds, test=test)
    held = [name for one in splits for name in one.validation]
    assert sorted([*held, *splits[0].test]) == sorted(one.name for one in examples)
    for one in splits:
        assert one.train
        assert one.validation
        check_leaks(examples, one)


@settings(few, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(example_sets(), st.integers(0, 4))
def test_files_give_back_what_was_written(tmp_path, examples, folds):
    assume(len(blocks(examples)) >= max(folds, 3))
    made = make_folds(examples, folds) if folds >= 2 else [make_split(examples, test=0.2)]
    write_split(tmp_path / "s.json", examples, made)
    found = read_splits(tmp_path / "s.json", examples)
    assert [(one.train, one.validation, one.test) for one in found] == [
        (one.train, one.validation, one.test) for one in made
    ]


@pytest.mark.parametrize("seed", range(3))
def test_shares_of_single_images_are_exact(seed):
    for count in range(2, 40):
        examples = ExampleSet(
            tuple(
                Example(
                    name=f"n{n}",
                    image=Path(__file__),
                    mask=Path(__file__),
                    size=Size(1, 1),
                    statistics=Statistics({1: n % 3}, f"{n}", ""),
                )
                for n in range(count)
            ),
            CLASSES,
            "",
        )
        made = make_split(examples, validation=0.2, seed=seed)
        assert abs(len(made.validation) - 0.2 * count) <= 1
