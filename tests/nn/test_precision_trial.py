"""``--precision auto`` on a CPU with bfloat16: tried first, and kept by what belongs together."""

from __future__ import annotations

import pytest
from training_runs import discs, options

keras = pytest.importorskip("keras", reason="NO NETWORKS: Keras is not installed")

from maskforge.nn import backend  # noqa: E402
from maskforge.training.loop import run as loop  # noqa: E402
from maskforge.training.loop import trial  # noqa: E402
from maskforge.training.loop.fit import Fitted  # noqa: E402
from maskforge.training.plan import make_plan  # noqa: E402
from maskforge.training.run_folder import read_record, write_record  # noqa: E402
from maskforge.training.splits import choose_splits  # noqa: E402
from maskforge.training.train import resume_training, train  # noqa: E402

LOW = "mixed_bfloat16"
CHANGED = "precision was float8 and is now float32: the weights will differ"


@pytest.fixture
def examples(tmp_path):
    return discs(tmp_path / "data", 4)


@pytest.fixture
def cpu_with_bfloat16(tmp_path, monkeypatch, running_backend):
    if running_backend == "jax" or not backend.on_cpu():
        pytest.skip("NO TRIAL: this backend or device always trains in the same precision")
    info = tmp_path / "cpuinfo"
    info.write_text("flags : fpu avx512_bf16\n")
    monkeypatch.setattr(backend, "_CPU_INFO", info)


@pytest.fixture
def tried(monkeypatch, cpu_with_bfloat16):
    """Make steps take what a test says, and note what is tried; a training of any length is."""
    monkeypatch.setattr(trial, "_LEAST_STEPS", 1)
    policies: list[str] = []
    seconds = {LOW: 1.0, "float32": 2.0}

    def seconds_per_step(plan, policy):
        policies.append(policy)
        return seconds[policy]

    monkeypatch.setattr(trial, "seconds_per_step", seconds_per_step)
    return seconds, policies


def short(**changed):
    return options(**{"precision": "auto", "epochs": 1, "split": {"validation": 0.25}} | changed)


def plan_of(examples, chosen):
    return make_plan(chosen, examples, choose_splits(chosen.split, examples)[0])


@pytest.mark.parametrize(
    ("low", "full", "chosen"), [(1.0, 2.0, LOW), (1.0, 1.05, "float32"), (2.0, 1.0, "float32")]
)
def test_the_faster_one_is_taken_if_it_is_worth_it(examples, tried, low, full, chosen):
    tried[0].update({LOW: low, "float32": full})
    said = []
    assert trial.choose_policy(plan_of(examples, short()), said.append) == chosen
    assert tried[1] == [LOW, "float32"]
    assert said[0].endswith(f"{chosen} is taken")


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_what_is_asked_for_is_not_tried(examples, tried, precision):
    chosen = options(precision=precision, split={"validation": 0.25})
    expected = {"float32": "float32", "bfloat16": LOW}[precision]
    assert trial.choose_policy(plan_of(examples, chosen), pytest.fail) == expected
    assert not tried[1]


def test_a_short_training_and_another_cpu_try_nothing(examples, tried, monkeypatch, tmp_path):
    plan = plan_of(examples, short())
    monkeypatch.setattr(trial, "_LEAST_STEPS", 3)  # two steps with 3 images in batches of 2
    assert trial.choose_policy(plan, pytest.fail) == LOW
    monkeypatch.setattr(trial, "_LEAST_STEPS", 2)
    assert trial.choose_policy(plan, lambda line: None) == LOW
    assert len(tried[1]) == 2
    (tmp_path / "cpuinfo").write_text("flags : fpu avx2\n")
    assert trial.choose_policy(plan, pytest.fail) == "float32"
    assert len(tried[1]) == 2


def test_what_cannot_be_tried_is_left_to_the_training(examples, tried, monkeypatch):
    def fail(plan, policy):
        raise RuntimeError("ResourceExhausted")

    monkeypatch.setattr(trial, "seconds_per_step", fail)
    assert trial.choose_policy(plan_of(examples, short()), pytest.fail) == LOW


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize(
    "changed",
    [
        {"head": "softmax", "loss": "cce"},
        {"network": {"arch": "unetpp", "depth": 2, "deep_supervision": True}},
    ],
)
def test_a_trial_runs_the_network_of_the_plan(examples, changed, monkeypatch):
    steps = []
    real = keras.Model.train_on_batch

    def train_on_batch(self, inputs, targets):
        steps.append((self.dtype_policy.name, inputs.shape, len(self.outputs)))
        return real(self, inputs, targets)

    monkeypatch.setattr(keras.Model, "train_on_batch", train_on_batch)
    before = keras.config.dtype_policy()
    plan = plan_of(examples, short(**changed))
    assert trial.seconds_per_step(plan, LOW) > 0
    outputs = 2 if "network" in changed else 1
    assert steps == [(LOW, (2, 32, 32, 1), outputs)] * 4
    assert keras.config.dtype_policy() is before


@pytest.fixture
def policies(monkeypatch):
    """The policies in which trainings were begun or gone on with; they learn nothing."""
    found = []

    def fit(plan, folder, *, policy, **others):
        found.append(policy)
        return Fitted(network=None, interrupted=False, images_per_second=0.0)

    def finish(record, *others):
        record.state = "finished"

    monkeypatch.setattr(loop, "fit", fit)
    monkeypatch.setattr(loop, "_finish", finish)
    monkeypatch.setattr(loop, "describe", lambda *_: "")  # of models that are not there
    return found


@pytest.mark.parametrize(
    ("began", "flags", "goes_on", "warnings"),
    [
        ("float32", "avx512_bf16", "float32", []),
        (LOW, "avx512_bf16", LOW, []),
        (LOW, "avx2", LOW, [f"{LOW}, in which the training began, may be slow on this hardware"]),
        (
            "float8",
            "avx2",
            "float32",
            ["precision was float8 and is now float32: the weights will differ"],
        ),
    ],
)
def test_a_resumed_training_keeps_the_precision_it_began_with(
    examples, tmp_path, tried, policies, began, flags, goes_on, warnings
):
    run = tmp_path / "run"
    tried[0][LOW] = 1.0 if began == LOW else 3.0
    record = train(examples, run, short())
    assert record.precision == policies[0] == read_record(run).precision
    record.precision, record.state = began, "running"
    write_record(run, record)
    tried[1].clear()
    tried[0][LOW] = 3.0 if began == LOW else 1.0  # another trial would end otherwise
    (tmp_path / "cpuinfo").write_text(f"flags : fpu {flags}\n")
    said = []
    resumed = resume_training(run, examples, log=said.append)
    assert resumed.precision == policies[1] == goes_on
    assert not tried[1]
    assert [line for line in said if line.startswith("warning")] == [
        f"warning: {one}" for one in warnings
    ]


def test_folds_are_trained_in_one_precision(examples, tmp_path, tried, policies):
    tried[0][LOW] = 3.0
    record = train(examples, tmp_path / "run", options(precision="auto", split={"folds": 3}))
    assert policies == ["float32"] * 3
    assert len(tried[1]) == 2
    assert [read_record(tmp_path / "run" / one).precision for one in record.folds] == policies
