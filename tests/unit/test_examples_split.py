"""Dividing examples by fraction and into folds, never through a group."""

import numpy as np
import pytest
from example_files import example, example_set

from maskforge.errors import DatasetError, OptionError
from maskforge.examples.example import ExampleSet
from maskforge.examples.split import Split, check_leaks, make_folds, make_split


def numbered(count, present=lambda number: (1,), group=lambda number: None):
    return example_set(*(example(f"{n:03}", present(n), group=group(n)) for n in range(count)))


def with_foreground(examples, names):
    return sum(bool(one.statistics.present) for one in examples.subset(names))


@pytest.mark.parametrize(
    ("count", "validation", "test", "sizes"),
    [
        (10, 0.2, 0.0, (8, 2, 0)),
        (10, 0.2, 0.1, (7, 2, 1)),
        (100, 0.15, 0.25, (60, 15, 25)),
        (2, 0.2, 0.0, (1, 1, 0)),
        (3, 0.01, 0.01, (1, 1, 1)),
        (5, 0.0, 0.0, (5, 0, 0)),
        (4, 0.0, 0.5, (2, 0, 2)),
    ],
)
def test_shares(count, validation, test, sizes):
    made = make_split(numbered(count), validation=validation, test=test)
    assert (len(made.train), len(made.validation), len(made.test)) == sizes
    assert sorted(made.train + made.validation + made.test) == [f"{n:03}" for n in range(count)]


@pytest.mark.parametrize(
    ("count", "options", "message"),
    [
        (10, {"validation": 0.5, "test": 0.5}, "leave nothing to train on"),
        (10, {"validation": 1.0}, "share for validation must be from 0"),
        (10, {"test": -0.1}, "share for test must be from 0"),
        (10, {"validation": float("nan")}, "share for validation"),
        (1, {}, "1 examples in 1 groups cannot be divided into 2 parts"),
        (2, {"test": 0.2}, "cannot be divided into 3 parts"),
        (0, {}, "0 examples"),
    ],
)
def test_impossible_shares_are_refused(count, options, message):
    with pytest.raises(OptionError, match=message):
        make_split(numbered(count), **options)


@pytest.mark.parametrize("seed", range(5))
def test_examples_that_have_a_part_keep_it_and_new_ones_go_where_they_are_lacking(seed):
    """Of 20, a fifth is 4: one of validation is there already, of test none."""
    old = {f"{n:03}": "train" for n in range(7)} | {"007": "validation"}
    made = make_split(numbered(20), validation=0.2, test=0.2, seed=seed, keep=old)
    assert set(made.train) >= {f"{n:03}" for n in range(7)}
    assert "007" in made.validation
    assert (len(made.train), len(made.validation), len(made.test)) == (12, 4, 4)
    assert made.notes[0].startswith("8 of 20 examples stay")


def test_a_part_that_is_kept_may_be_larger_than_its_share_or_have_none():
    old = {"000": "test", "001": "test", "002": "validation", "003": "unused"}
    made = make_split(numbered(8), validation=0.2, keep=old)
    assert made.test == ("000", "001")
    assert "002" in made.validation
    assert "003" in made.train + made.validation


def test_a_group_is_where_some_of_it_was_learned():
    examples = numbered(8, group=lambda number: f"patient {number // 4}")
    made = make_split(examples, keep={"000": "test", "001": "train", "005": "test"})
    assert made.train == ("000", "001", "002", "003")
    assert made.test == ("004", "005", "006", "007")


def test_groups_are_never_divided():
    examples = numbered(40, group=lambda number: f"patient {number % 7}")
    for seed in range(5):
        made = make_split(examples, validation=0.3, test=0.2, seed=seed)
        check_leaks(examples, made)
        assert made.validation
        assert made.test


def test_a_seed_gives_one_split_whatever_the_order_and_another_seed_another():
    examples = numbered(30)
    backwards = ExampleSet(examples.examples[::-1], examples.classes, "")
    assert make_split(examples, seed=3) == make_split(backwards, seed=3)
    splits = {make_split(examples, seed=seed).validation for seed in range(10)}
    assert len(splits) == 10


@pytest.mark.parametrize("seed", range(5))
def test_rare_foreground_is_shared_out(seed):
    """Of 50 images 10 have caries: 2 for validation, 2 for test, 6 for training."""
    examples = numbered(50, lambda number: (1,) if number < 10 else ())
    made = make_split(examples, validation=0.2, test=0.2, seed=seed)
    parts = (made.train, made.validation, made.test)
    assert [with_foreground(examples, part) for part in parts] == [6, 2, 2]
    assert [len(part) for part in parts] == [30, 10, 10]


@pytest.mark.parametrize("seed", range(5))
def test_images_without_foreground_are_shared_out_too(seed):
    examples = numbered(50, lambda number: () if number < 10 else (1,))
    made = make_split(examples, validation=0.2, test=0.2, seed=seed)
    assert with_foreground(examples, made.validation) == 8
    assert with_foreground(examples, made.test) == 8


@pytest.mark.parametrize("seed", range(5))
def test_every_class_is_shared_out(seed):
    """Class 1 is in all images, class 2 in 10 of 50."""
    examples = numbered(50, lambda number: (1, 2) if number < 10 else (1,))
    made = make_split(examples, validation=0.2, seed=seed)
    rare = [one for one in examples.subset(made.validation) if 2 in one.statistics.present]
    assert len(rare) == 2


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("size", [1, 3])
def test_two_groups_with_foreground_are_enough_for_training_and_validation(seed, size):
    examples = numbered(
        20 * size, lambda n: (1,) if n // size < 2 else (), lambda n: f"patient {n // size}"
    )
    made = make_split(examples, validation=0.1, seed=seed)
    assert with_foreground(examples, made.train) == size
    assert with_foreground(examples, made.validation) == size
    assert len(made.validation) == 2 * size


def test_a_part_without_foreground_is_said():
    made = make_split(numbered(10, lambda number: (1,) if number == 3 else ()))
    assert made.notes == ("the validation part has no example with foreground",)


def test_without_stratification_chance_decides():
    examples = numbered(50, lambda number: (1,) if number < 10 else ())
    counts = {
        with_foreground(examples, make_split(examples, seed=seed, stratify=False).validation)
        for seed in range(20)
    }
    assert len(counts) > 1


def test_groups_of_uneven_size_are_balanced():
    """Groups of 1, 2, ..., 13 images: 91 in all, 27 of them are 30 %."""
    sizes = {f"{size}-{number}": size for size in range(1, 14) for number in range(size)}
    examples = example_set(
        *(example(name, (1,), group=f"patient {size}") for name, size in sizes.items())
    )
    seen = set()
    for seed in range(5):
        made = make_split(examples, validation=0.3, seed=seed)
        assert 24 <= len(made.validation) <= 30
        seen.add(made.validation)
    assert len(seen) > 1


def test_parts_come_near_their_shares_whatever_the_groups():
    """A group has up to 8 images of some 80 to 300; a fifth are 16 and more."""
    rng = np.random.default_rng(0)
    misses = []
    for seed in range(60):
        groups = rng.integers(1, 8, size=rng.integers(20, 60)).tolist()
        examples = example_set(
            *(
                example(f"{group}-{number}", (1,) if rng.random() < 0.4 else (), group=f"{group}")
                for group, size in enumerate(groups)
                for number in range(size)
            )
        )
        made = make_split(examples, validation=0.2, test=0.1, seed=seed)
        misses.append(abs(len(made.validation) / len(examples) - 0.2))
    assert np.mean(misses) < 0.01
    assert max(misses) < 0.05


def test_one_group_that_is_most_of_the_data_is_trained_on():
    examples = example_set(
        *(example(f"a{n}", (1,), group="a") for n in range(80)),
        *(example(f"b{n}", (1,), group="b") for n in range(20)),
    )
    made = make_split(examples, validation=0.2)
    assert {name[0] for name in made.validation} == {"b"}


def test_equal_images_stay_together_and_are_said():
    examples = example_set(
        example("copy", (1,), digest="d", group="a"),
        example("original", (1,), digest="d"),
        example("sister", (1,), group="a"),
        *(example(f"{n}", (1,)) for n in range(7)),
    )
    for seed in range(10):
        made = make_split(examples, validation=0.3, seed=seed)
        check_leaks(examples, made)
        sides = {name in made.train for name in ("copy", "original", "sister")}
        assert len(sides) == 1
    assert made.notes == (
        "images that are there under several names, which stay together (1): copy = original",
    )


# Folds


@pytest.mark.parametrize(("count", "folds", "test"), [(10, 5, 0.0), (11, 3, 0.0), (30, 4, 0.2)])
def test_every_example_is_in_validation_once_or_in_test(count, folds, test):
    examples = numbered(count, lambda number: (1,) if number % 2 else ())
    splits = make_folds(examples, folds, test=test)
    assert len(splits) == folds
    everything = {one.name for one in examples}
    seen = [name for one in splits for name in one.validation]
    assert len(seen) == len(set(seen))
    assert set(seen) | set(splits[0].test) == everything
    for one in splits:
        assert set(one.train) == everything - set(one.validation) - set(one.test)
        assert one.test == splits[0].test
        assert one.train
    sizes = [len(one.validation) for one in splits]
    assert max(sizes) - min(sizes) <= 1
    assert len(splits[0].test) == round(count * test)


def test_every_fold_gets_its_share_of_foreground():
    examples = numbered(50, lambda number: (1,) if number < 10 else ())
    splits = make_folds(examples, 5)
    assert [with_foreground(examples, one.validation) for one in splits] == [2] * 5


def test_folds_never_go_through_a_group():
    examples = numbered(40, group=lambda number: f"patient {number % 7}")
    for one in make_folds(examples, 3, test=0.1):
        check_leaks(examples, one)


@pytest.mark.parametrize(
    ("folds", "test", "message"),
    [
        (1, 0, "needs 2 folds or more"),
        (5, 0, "4 examples in 4 groups cannot be divided into 5 folds"),
        (4, 0.1, "4 folds and a test part"),
        (2, 1.0, "share for test"),
    ],
)
def test_impossible_folds_are_refused(folds, test, message):
    with pytest.raises(OptionError, match=message):
        make_folds(numbered(4), folds, test=test)


# Leaks


def test_a_group_on_two_sides_is_a_leak():
    examples = example_set(example("a", group="p"), example("b", group="p"), example("c"))
    with pytest.raises(DatasetError, match=r"group 'p': a in train, b in validation"):
        check_leaks(examples, Split(("a", "c"), ("b",)))
    check_leaks(examples, Split(("a", "b"), ("c",)))


def test_an_image_on_two_sides_is_a_leak():
    examples = example_set(example("a", digest="d"), example("b", digest="d"))
    with pytest.raises(DatasetError, match=r"same image: a in train, b in test"):
        check_leaks(examples, Split(("a",), (), ("b",)))


def test_unused_examples_leak_nothing():
    examples = example_set(example("a", digest="d"), example("b", digest="d"))
    check_leaks(examples, Split(("a",), ()))
