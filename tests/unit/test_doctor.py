"""What ``doctor`` finds in trainings and runs, and that it finds nothing in healthy ones."""

from __future__ import annotations

import json
from dataclasses import replace

import doctor_sets as sets
import numpy as np
import pytest
from check_sets import discs as disc_masks
from check_sets import photo
from doctor_sets import COUNT, HEALTHY, chosen, healthy, run_folder, split_file, spots
from training_runs import BOTH, DISC, disc, discs, write

import maskforge as mf
from maskforge.errors import DatasetError, OptionError, OutputExistsError, TrainingError
from maskforge.examples.example import ExampleSet
from maskforge.shapes import Size
from maskforge.training.diagnostics import Concern
from maskforge.training.doctor import doctor as module
from maskforge.training.doctor.catalog import DATA_CHECKS, DIAGNOSES
from maskforge.training.doctor.machine import Package
from maskforge.training.run_folder import Scores

BY_CODE = {one.code: one for one in (*DIAGNOSES, *DATA_CHECKS)}


@pytest.fixture(autouse=True)
def machine(monkeypatch):
    """A machine on which nothing is missing; nothing starts Keras."""
    monkeypatch.setattr(module, "look_at_machine", lambda _: HEALTHY)


def on_a(monkeypatch, **machine):
    monkeypatch.setattr(module, "look_at_machine", lambda _: replace(HEALTHY, **machine))


def codes(report):
    return {one.code for one in report.findings}


def places(report, code):
    return next((one.places for one in report.findings if one.code == code), [])


# Faults: each returns examples and options for a broken training, and for a near miss.


def cannot_train(folder):
    examples = healthy(folder)
    return (examples, {"split": {"folds": COUNT + 1}}), (examples, {"split": {"folds": 5}})


def not_in_training(folder):
    return (healthy(folder, classes=BOTH), {}), (healthy(folder), {})


def offset_masks(folder):
    """Every pixel shows the mean of its own and of the one above it."""
    made = []
    for number in range(COUNT):
        mask = (disc_masks(number) > 0).astype(np.uint8)
        image = photo(mask, number).astype(np.uint16)
        image = (image + np.roll(image, 1, axis=0)) // 2
        made.append(write(folder, f"x{number}", image.astype(np.uint8), mask))
    examples = ExampleSet(tuple(made), DISC, "discs")
    return (examples, {}), (examples, {"input": {"crop": 0, "offset": "0,-0.5"}})


def unmet_class(folder):
    examples = spots(folder, 2)
    return (examples, {"input": {"resize": "8x8"}}), (examples, {"input": {"resize": "48x48"}})


def no_validation(folder):
    examples = healthy(folder)
    return (examples, {"split": {"validation": 0.0}}), (examples, {})


def empty_validation(folder):
    examples = spots(folder, 16, only=COUNT - 5)
    names = [one.name for one in examples]
    return (
        (examples, {"split": {"file": split_file(folder / "a.json", examples, names[-5:])}}),
        (examples, {"split": {"file": split_file(folder / "b.json", examples, names[:5])}}),
    )


def not_in_validation(folder):
    def bars(number):
        image, mask = disc(number)
        if number < 15:
            mask[:3] = 4
        return write(folder, f"x{number}", image, mask)

    examples = ExampleSet(tuple(map(bars, range(COUNT))), BOTH, "bars")
    names = [one.name for one in examples]
    return (
        (examples, {"split": {"file": split_file(folder / "a.json", examples, names[-5:])}}),
        (examples, {"split": {"file": split_file(folder / "b.json", examples, names[:5])}}),
    )


def few_groups(folder):
    examples = healthy(folder)
    return (
        (sets.changed(examples, group=lambda number: f"p{number % 11}"), {}),
        (sets.changed(examples, group=lambda number: f"p{number % 14}"), {}),
    )


def small_validation(folder):
    examples = healthy(folder)
    return (examples, {"split": {"validation": 0.16}}), (examples, {"split": {"validation": 0.2}})


def unconfirmed_masks(folder):
    examples = healthy(folder)
    return (sets.changed(examples, columns=lambda _: {"made": "predicted"}), {}), (
        sets.changed(examples, columns=lambda _: {"made": "corrected"}),
        {},
    )


def capped_weight(folder):
    large = healthy(folder / "large", size=Size(128, 128))
    return (large, {"class_weights": "balanced"}), (
        healthy(folder / "small"),
        {"class_weights": "balanced"},
    )


def lost_region(folder):
    examples = spots(folder)
    return (examples, {"input": {"resize": "8x8"}}), (examples, {"input": {"resize": "48x48"}})


def small_region(folder):
    examples = spots(folder)
    return (examples, {"input": {"resize": "32x32"}}), (examples, {"input": {"resize": "64x64"}})


def coarse_network(folder):
    fcn8 = {"network": {"arch": "fcn8", "filters": 2}, "input": {"crop": 0}}
    return (spots(folder / "a", 7), fcn8), (spots(folder / "b", 8), fcn8)


def seldom_met(folder):
    crops = {"crop": 8, "crops_per_image": 20}
    return (
        (spots(folder / "a", only=1), {"input": {**crops, "rare_share": 0.0}}),
        (spots(folder / "b"), {"input": {**crops, "rare_share": 0.5}}),
    )


def sparse_foreground(folder):
    return (spots(folder / "a", 5), {"loss": "bce"}), (spots(folder / "b", 7), {"loss": "bce"})


def few_steps(folder):
    examples = healthy(folder)
    return (examples, {"epochs": 9}), (examples, {"epochs": 10})


def unreadable(folder):
    examples = healthy(folder / "a")
    broken = healthy(folder / "b")
    broken.examples[3].image.write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    return (broken, {}), (examples, {})


def near_leak(folder):
    """The last training image is one of the validation, mirrored and darker."""
    examples = healthy(folder)
    names = [one.name for one in examples]
    file = split_file(folder / "a.json", examples, names[:5])
    image, mask = (one[:, ::-1] for one in disc(0))
    copy = write(folder, "y", (255 * (image / 255) ** 1.1).astype(np.uint8), mask)
    with_copy = replace(examples, examples=(*examples.examples, copy))
    again = split_file(folder / "b.json", with_copy, names[:5])
    return (with_copy, {"split": {"file": again}}), (examples, {"split": {"file": file}})


TRAININGS = {
    "cannot-train": cannot_train,
    "not-in-training": not_in_training,
    "offset-masks": offset_masks,
    "unmet-class": unmet_class,
    "no-validation": no_validation,
    "empty-validation": empty_validation,
    "not-in-validation": not_in_validation,
    "few-groups": few_groups,
    "small-validation": small_validation,
    "unconfirmed-masks": unconfirmed_masks,
    "capped-weight": capped_weight,
    "lost-region": lost_region,
    "small-region": small_region,
    "coarse-network": coarse_network,
    "seldom-met": seldom_met,
    "sparse-foreground": sparse_foreground,
    "few-steps": few_steps,
    "unreadable": unreadable,
    "near-leak": near_leak,
}
"""Per code a training in which it is found, and one in which it is not."""

MACHINES = {
    "missing-package": {"missing": (Package(name="jax", version="", purpose="", install="x"),)},
    "idle-gpu": {"has_idle_gpu": True},
    "slow-precision": {"is_slow": True},
    "slow-prediction": {
        "packages": (Package(name="openvino", version="", purpose="", install="pip install it"),)
    },
}

RUNS = {
    "not-finite": ({"loss": float("nan")}, {"loss": 5.0}),
    "not-finished": ({"state": "interrupted"}, {"state": "finished"}),
    "run-warning": ({"warnings": ["the loss rose"]}, {"warnings": []}),
    "missed-class": (
        {"validation": Scores(dice=0.7, class_dice={"disc": 0.04})},
        {"validation": Scores(dice=0.7, class_dice={"disc": 0.06})},
    ),
    "overfitted": (
        {"validation": Scores(dice=0.64)},
        {"validation": Scores(dice=0.66)},
    ),
    "extreme-threshold": ({"threshold": 0.04}, {"threshold": 0.06}),
    "still-rising": (
        {"validation_dice": (*[0.5] * 9, 0.51, 0.515, 0.521)},
        {"validation_dice": (*[0.5] * 9, 0.51, 0.515, 0.519)},
    ),
}
"""Per code what a run in which it is found is like, and one in which it is not."""

ELSEWHERE = {"changed-data", "seen-before"}
"""Those that have a test of their own below."""


def test_everything_that_is_looked_for_has_a_fault():
    shared = {one.code for one in DATA_CHECKS}
    found = set(TRAININGS) | set(MACHINES) | set(RUNS) | ELSEWHERE
    assert found - shared == {one.code for one in DIAGNOSES}


def test_codes_are_those_of_one_vocabulary():
    every = [one.code for one in (*DIAGNOSES, *DATA_CHECKS)]
    assert len(set(every)) == len(every)
    assert all(one.advice.endswith(".") and one.meaning.endswith(".") for one in BY_CODE.values())


def test_nothing_is_found_in_a_healthy_training(tmp_path):
    report = mf.doctor(healthy(tmp_path), options=chosen())
    assert codes(report) == set()
    assert report.exit_code == 0
    assert report.plan[0] == "examples: 20 training, 5 validation, 0 test"
    assert report.plan[-2:] == [
        "steps: 50 epochs of 10",
        "images drawn: 20 of the 20 of an epoch; disc in 100%, 19.24% of the pixels",
    ]


@pytest.mark.parametrize("code", TRAININGS)
def test_a_fault_of_a_training_is_found_and_a_near_miss_is_not(tmp_path, code):
    broken, miss = TRAININGS[code](tmp_path)
    report = mf.doctor(broken[0], options=chosen(**broken[1]))
    assert code in codes(report)
    found = next(one for one in report.findings if one.code == code)
    assert (found.severity, found.advice) == (BY_CODE[code].severity, BY_CODE[code].advice)
    assert all(one.message for one in found.places)
    assert report.exit_code == (found.severity != "note" or report.exit_code)
    assert code not in codes(mf.doctor(miss[0], options=chosen(**miss[1])))


@pytest.mark.parametrize("code", MACHINES)
def test_a_fault_of_the_machine_is_found(tmp_path, monkeypatch, code):
    examples = healthy(tmp_path)
    on_a(monkeypatch, **MACHINES[code])
    report = mf.doctor(examples, options=chosen())
    assert codes(report) == {code}
    assert all(one.message for one in places(report, code))


@pytest.mark.parametrize("code", RUNS)
def test_a_fault_of_a_run_is_found_and_a_near_miss_is_not(tmp_path, code):
    examples = healthy(tmp_path / "data")
    broken, miss = RUNS[code]
    report = mf.doctor(examples, run_folder(tmp_path / "broken", examples, **broken))
    assert codes(report) == {code}
    assert report.run.endswith("broken")
    miss = mf.doctor(examples, run_folder(tmp_path / "miss", examples, **miss))
    assert codes(miss) == set()


def test_places_are_named_and_marked(tmp_path):
    report = mf.doctor(spots(tmp_path), options=chosen(input={"resize": "8x8"}))
    first, second, *others = places(report, "lost-region")
    assert (first.name, first.box) == ("x0", (5, 5, 9, 9))
    assert first.message == (
        "'disc': 16 px become 0; 25 of 25 regions of 'disc' have no pixel left in 8 x 8 px"
    )
    assert second.message == "'disc': 16 px become 0"
    assert len(others) == COUNT - 2


def test_specks_that_resizing_removes_are_no_loss(tmp_path):
    """8 px have nothing left of them, and 9 px neither."""

    def block(number, height, width):
        image, mask = np.full((64, 64), number, np.uint8), np.zeros((64, 64), np.uint8)
        mask[5 : 5 + height, 5 : 5 + width] = 1
        mask[30:50, 30:50] = 1
        return write(tmp_path, f"{height}{width}-{number}", image, mask)

    for height, width, is_lost in ((2, 4, False), (3, 3, True)):
        made = tuple(block(number, height, width) for number in range(COUNT))
        examples = ExampleSet(made, DISC, "blocks")
        report = mf.doctor(examples, options=chosen(input={"resize": "8x8"}))
        assert ("lost-region" in codes(report)) is is_lost


def test_a_stem_that_joins_pixels_makes_a_network_coarse(tmp_path):
    examples = spots(tmp_path, 3)
    for stride, is_coarse in ((1, False), (2, False), (4, True)):
        network = {"filters": 2, "depth": 1, "stem_stride": stride}
        report = mf.doctor(examples, options=chosen(network=network))
        assert ("coarse-network" in codes(report)) is is_coarse, stride


def test_what_would_stop_the_training_is_told_with_what_to_do(tmp_path):
    report = mf.doctor(discs(tmp_path, 2), options=chosen(split={"folds": 3}))
    (place,) = places(report, "cannot-train")
    assert place.message.endswith("cannot be divided into 3 folds; give at most 2 folds")
    assert report.plan == []


def test_the_smallest_fold_is_named(tmp_path):
    report = mf.doctor(healthy(tmp_path), options=chosen(split={"folds": 7}))
    (place,) = places(report, "small-validation")
    assert place.message == "'disc' is in 3 images of the validation"
    assert place.name.startswith("fold ")
    assert report.plan[0] == "folds: 7; what follows is the first of them"


def test_groups_are_counted_and_not_images(tmp_path):
    examples = sets.changed(healthy(tmp_path), group=lambda number: f"p{number // 5}")
    report = mf.doctor(examples, options=chosen())
    (place,) = places(report, "few-groups")
    assert place.message == "training learns from 4 groups with 20 images"
    (place,) = places(report, "small-validation")
    assert place.message == "'disc' is in 1 group of the validation"


def test_a_long_epoch_is_drawn_in_part(tmp_path, monkeypatch):
    monkeypatch.setattr("maskforge.training.doctor.crops._MOST_PIXELS", 2 * 8 * 8 * 3)
    crops = {"crop": 8, "crops_per_image": 1, "rare_share": 1.0}
    report = mf.doctor(spots(tmp_path, 2), options=chosen(input=crops))
    assert report.plan[-1].startswith("crops drawn: 6 of the 20 of an epoch; disc in 100%")


def test_the_last_batch_counts_as_far_as_it_is_new(tmp_path):
    report = mf.doctor(healthy(tmp_path), options=chosen(batch_size=8, epochs=40))
    assert report.plan[-2] == "steps: 40 epochs of 3"
    assert report.plan[-1].startswith("images drawn: 20 of the 20 of an epoch; disc in 100%")


def test_void_is_no_pixel_that_is_shown(tmp_path):
    def half(number):
        mask = np.zeros((32, 32), np.uint8)
        mask[:, 16:] = 255
        mask[:8, :16] = 1
        image, _ = disc(number)
        return write(tmp_path, f"x{number}", image, mask)

    examples = ExampleSet(tuple(map(half, range(COUNT))), DISC, "void")
    for head in ("sigmoid", "softmax"):
        report = mf.doctor(examples, options=chosen(head=head))
        assert report.plan[-1].endswith("disc in 100%, 25.00% of the pixels"), head


def test_an_error_while_the_crops_are_drawn_is_a_finding(tmp_path, monkeypatch):
    def fail(*_):
        raise DatasetError("is out of range")

    monkeypatch.setattr(module, "draw_crops", fail)
    report = mf.doctor(healthy(tmp_path), options=chosen())
    (place,) = places(report, "cannot-train")
    assert place.message == "is out of range"


def test_a_model_that_has_seen_the_validation_is_told(tmp_path, monkeypatch):
    """What a plan warns of is taken over by its code."""
    from maskforge.training import plan

    concerns = [Concern("seen-before", "3 of 5 validation images were used")]
    monkeypatch.setattr(plan, "check_distribution", lambda *_: list(concerns))
    report = mf.doctor(healthy(tmp_path), options=chosen())
    (place,) = places(report, "seen-before")
    assert place.message == "3 of 5 validation images were used"


# Runs


def test_data_that_have_changed_since_the_run(tmp_path):
    examples = healthy(tmp_path / "data")
    run = run_folder(tmp_path / "run", examples)
    assert codes(mf.doctor(examples, run)) == set()
    image, mask = disc(99)
    again = write(tmp_path / "other", "x0", image, mask)
    added = write(tmp_path / "other", "new", *disc(98))
    now = replace(examples, examples=(again, *examples.examples[2:], added))
    found = {
        one.name: one.message.replace("validation", "PART").replace("train", "PART")
        for one in places(mf.doctor(now, run), "changed-data")
        if "image of" not in one.message
    }
    assert found == {
        "x0": "the mask of PART is another one",
        "x1": "was in PART, and is gone",
        "new": "is new, and in no part",
    }


def test_the_folds_of_a_run_are_named(tmp_path):
    examples = healthy(tmp_path / "data")
    run = run_folder(tmp_path / "run", examples, folds=["fold-1", "fold-2"])
    run_folder(run / "fold-1", examples)
    run_folder(run / "fold-2", examples, state="failed")
    (place,) = places(mf.doctor(examples, run), "not-finished")
    assert (place.name, place.message) == ("fold-2", "its state is failed, after 12 epochs")


def test_a_run_is_known_by_its_folder_and_has_its_own_options(tmp_path):
    examples = healthy(tmp_path / "data")
    run = run_folder(tmp_path / "run", examples)
    with pytest.raises(OptionError, match="which has its own"):
        mf.doctor(examples, run, epochs=3)
    with pytest.raises(OptionError, match="which has its own"):
        mf.doctor(run, options=chosen())
    with pytest.raises(OptionError, match="there is nothing to train on"):
        mf.doctor(run)  # its examples were given as such


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("run.json", "{", "run.json"),
        ("history.csv", "epoch,loss\n1,much\n", "is not the history of a run"),
        ("split.json", "{}", "holds no split of a run"),
        ("config.toml", "epochs =", "is not valid TOML"),
    ],
)
def test_a_damaged_run_is_named(tmp_path, name, content, message):
    examples = healthy(tmp_path / "data")
    run = run_folder(tmp_path / "run", examples)
    (run / name).write_text(content)
    if name == "split.json":  # what a run without it would be trained on is not known
        (place,) = places(mf.doctor(examples, run), "cannot-train")
        assert message in place.message
        return
    with pytest.raises((TrainingError, OptionError), match=message):
        mf.doctor(examples, run)


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(TrainingError, match=r"run\.json"):
        mf.doctor(healthy(tmp_path), tmp_path)


# The report


def test_the_report_is_written_with_a_page_and_overlays(tmp_path):
    examples = spots(tmp_path / "data")
    out = tmp_path / "out"
    options = chosen(input={"resize": "8x8"})
    report = mf.doctor(examples, out=out, options=options, places=2)
    drawn = [one.overlay for one in places(report, "lost-region")]
    assert drawn[:2] == ["overlays/lost-region/01-x0.png", "overlays/lost-region/02-x1.png"]
    assert set(drawn[2:]) == {""}
    assert all((out / one).is_file() for one in drawn[:2])
    page = (out / "doctor.html").read_text(encoding="utf-8")
    assert "lost-region" in page
    assert "examples: 20 training" in page
    written = json.loads((out / "doctor.json").read_bytes())
    assert written["findings"][0]["code"] == report.findings[0].code
    assert "doctor.html" in written["digests"]
    with pytest.raises(OutputExistsError):
        mf.doctor(examples, out=out, options=options)
    mf.doctor(examples, out=out, options=chosen(), overwrite=True)
    assert not list(out.rglob("*.png"))


def test_findings_fail_as_they_are_asked_to(tmp_path):
    examples = healthy(tmp_path)
    options = chosen(split={"validation": 0.0})
    for fail_on, code in (("warning", 1), ("error", 0), ("never", 0)):
        assert mf.doctor(examples, options=options, fail_on=fail_on).exit_code == code
    with pytest.raises(OptionError, match="fail_on"):
        mf.doctor(examples, fail_on="note")
    with pytest.raises(OptionError, match="places"):
        mf.doctor(examples, places=-1)


def test_the_worst_comes_first(tmp_path):
    report = mf.doctor(spots(tmp_path, classes=BOTH), options=chosen(input={"resize": "32x32"}))
    severities = [one.severity for one in report.findings]
    assert severities == sorted(severities, key=("error", "warning", "note").index)
    assert set(severities) == {"warning", "note"}
