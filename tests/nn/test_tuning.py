"""A search with real trainings: it is ended half way, goes on, and compares on the test part."""

from __future__ import annotations

import pytest
from kills import Killed
from training_runs import SMALL, discs, options

keras = pytest.importorskip("keras", reason="NO NETWORKS: Keras is not installed")
pytest.importorskip("optuna", reason="NO SEARCHES: install maskforge[tune]")

import maskforge as mf  # noqa: E402
from maskforge.training.run_folder import TrainingStopped, read_record  # noqa: E402
from maskforge.training.train import begin_training, continue_training  # noqa: E402
from maskforge.training.tuning.tune_report import shown  # noqa: E402

TRAIN = {
    **SMALL,
    "epochs": 2,
    "optimizer": "adam",
    "learning_rate": 1e-6,  # so that whatever is tried is better
    "split": {"validation": 0.25, "test": 0.25},
}


@pytest.mark.usefixtures("eager")
def test_a_search_that_was_killed_goes_on_to_the_same_end(tmp_path):
    """Killed in the second epoch of trial 1, whose checkpoint knows the first."""
    examples = discs(tmp_path / "data", 8)

    def tune(out, **others):
        return mf.tune(
            examples,
            tmp_path / out,
            trials=3,
            search=["learning_rate=0.02..0.1"],
            train=TRAIN,
            prune=False,
            **others,
        )

    def killing(phase, done, total):
        if phase == "trial 1, epoch 2/2" and done:
            raise Killed

    whole = tune("whole")
    with pytest.raises(Killed):
        tune("out", progress=killing)
    report = tune("out")
    assert report.trials == whole.trials
    assert [(one.state, one.epochs) for one in report.trials] == [("finished", 2)] * 3
    assert report.test == whole.test
    best = max(report.trials, key=lambda one: one.score)
    assert best.number == report.best > 0
    record = read_record(tmp_path / "out" / "best")
    assert record.name == f"{best.number:04}"
    parts = [
        mf.evaluate(tmp_path / "out" / place, examples, part="test", bootstrap=0, charts=False,
                    worst=0, model=mf.ModelOptions(runtime="keras"))
        for place in ("trials/0000", "best")
    ]  # fmt: skip
    dice = [one.overall.foreground["dice"] for one in parts]
    assert (report.test.before, report.test.after) == pytest.approx(tuple(dice), abs=1e-12)
    assert report.test.images == 2
    said = " ".join(map(str, shown(report)))
    assert f"{report.test.before:.4f} and {report.test.after:.4f}" in said
    assert "0 (given)" in said


@pytest.mark.usefixtures("eager")
def test_a_training_that_is_watched_ends_in_good_order(tmp_path):
    """Without a model, and it can still be finished."""
    examples = discs(tmp_path / "data", 4)
    seen = []

    def watch(epoch):
        seen.append(epoch.epoch)
        if len(seen) == 1:
            raise TrainingStopped

    chosen = options(epochs=2, split={"validation": 0.25})
    out = tmp_path / "run"
    record = begin_training(examples, out, chosen, watch=watch)
    assert (record.state, record.epochs, seen) == ("stopped", 1, [1])
    assert record == read_record(out)
    assert not (out / "model.keras").exists()
    record = continue_training(out, examples, watch=watch)
    assert (record.state, record.epochs, seen) == ("finished", 2, [1, 1, 2])
