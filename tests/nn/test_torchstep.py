"""The compiled step of PyTorch trains as Keras' own does; where it cannot, Keras' own runs."""

from __future__ import annotations

import logging

import numpy as np
import pytest
from training_runs import discs, options

torch = pytest.importorskip("torch", reason="NO PYTORCH: its compiled steps are not tested")
keras = pytest.importorskip("keras", reason="NO NETWORKS: Keras is not installed")

from maskforge.nn import torchgraph  # noqa: E402
from maskforge.nn.fasterlayers import with_faster_layers  # noqa: E402
from maskforge.nn.losses import make_loss  # noqa: E402
from maskforge.nn.metrics import Dice, PixelAccuracy  # noqa: E402
from maskforge.nn.modelio import load_model  # noqa: E402
from maskforge.nn.network_catalog import NetworkOptions  # noqa: E402
from maskforge.nn.networks import build_network  # noqa: E402
from maskforge.nn.precision import using_policy  # noqa: E402
from maskforge.training.loop import fit  # noqa: E402
from maskforge.training.train import resume_training, train  # noqa: E402


@pytest.fixture(autouse=True)
def _on_pytorch(running_backend, monkeypatch):
    """Record graphs as on a GPU, but write no machine code for them."""
    if running_backend != "torch":
        pytest.skip("NO PYTORCH: Keras runs on another backend, set KERAS_BACKEND=torch")
    monkeypatch.setattr(torchgraph, "COMPILER", "eager")
    logging.disable(logging.DEBUG)  # the compiler writes more of it than anything else
    yield
    logging.disable(logging.NOTSET)


def compiled(network, log):
    from maskforge.training.loop.torchstep import CompiledStep

    network.train_function = CompiledStep(network, log)


def small(policy="float32", **given):
    """Return a network that is ready to learn, the same every time."""
    keras.utils.set_random_seed(1)
    common = {"head": "sigmoid", "outputs": 1, "from_logits": True}
    chosen = NetworkOptions(**{"filters": 2, "depth": 1, "convolutions": 1, **given})
    with using_policy(policy):
        network = build_network(chosen, input_shape=(None, None, 1), outputs=1)
        network = with_faster_layers(network)
        metrics = [Dice(name="dice", **common), PixelAccuracy(name="accuracy", **common)]
        levels = len(network.outputs)
        losses = [make_loss("dice+bce", **common) for _ in range(levels)]
        network.compile(
            keras.optimizers.AdamW(0.01, weight_decay=0.01, global_clipnorm=0.5),
            losses if levels > 1 else losses[0],
            metrics=[metrics, *([] for _ in losses[1:])] if levels > 1 else metrics,
        )
    return network


def learned(network, steps=3):
    """Return what steps of training make of a network, and what they say of themselves."""
    images = np.random.default_rng(2).random((2, 8, 8, 1), dtype=np.float32)
    masks = (images > 0.6).astype(np.uint8)
    masks[:, :2] = 255  # void
    targets = (masks,) * len(network.outputs) if len(network.outputs) > 1 else masks
    logs = [network.train_on_batch(images, targets, return_dict=True) for _ in range(steps)]
    state = [one.numpy() for one in (*network.variables, *network.optimizer.variables)]
    return logs, state


@pytest.mark.parametrize(
    ("policy", "given", "compiler"),
    [
        # this one takes the graph apart and differentiates it
        ("float32", {"normalization": "batch", "dropout": 0.3}, "aot_eager"),
        ("mixed_float16", {"normalization": "none"}, "eager"),
        ("float32", {"arch": "unetpp", "depth": 2, "deep_supervision": True}, "eager"),
    ],
)
def test_a_compiled_step_is_that_of_keras(monkeypatch, policy, given, compiler):
    monkeypatch.setattr(torchgraph, "COMPILER", compiler)
    said = []
    own, other = small(policy, **given), small(policy, **given)
    compiled(other, said.append)
    (logs, expected), (found_logs, found) = learned(own), learned(other)
    assert said == []
    exact = policy == "float32"
    for one, log in zip(found_logs, logs, strict=True):
        assert one.keys() == log.keys()
        assert {name.rpartition("_")[2] for name in log} == {"loss", "dice", "accuracy"}
        for name in log:
            np.testing.assert_allclose(one[name], log[name], rtol=1e-5 if exact else 2e-2)
    assert logs[-1]["loss"] < logs[0]["loss"]
    for one, own_one in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, own_one, atol=1e-6 if exact else 2e-2)


def no_compiler(graph, example_inputs):
    raise RuntimeError("Failed to find C compiler.\nset CC")


def test_without_a_compiler_keras_steps_and_it_is_said_once(monkeypatch):
    monkeypatch.setattr(torchgraph, "COMPILER", no_compiler)
    said = []
    own, other = small(), small()
    compiled(other, said.append)
    (logs, expected), (found_logs, found) = learned(own), learned(other)
    assert found_logs == logs
    for one, own_one in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, own_one)
    (line,) = said
    assert line.startswith("warning: not compiled")
    assert "Failed to find C compiler" in line
    assert "\n" not in line


def test_too_little_memory_is_no_reason_to_go_on(monkeypatch):
    def too_little(graph, example_inputs):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(torchgraph, "COMPILER", too_little)
    network = small()
    compiled(network, print)
    with pytest.raises(Exception, match="out of memory"):
        learned(network)


class KilledError(BaseException):
    """What nothing in the package catches."""


def test_a_compiled_training_goes_on_as_if_nothing_had_happened(monkeypatch, tmp_path):
    monkeypatch.setattr(fit, "on_cpu", lambda: False)
    examples = discs(tmp_path / "data", 4)
    chosen = options(
        epochs=2, split={"validation": 0.25}, network={"dropout": 0.3, "normalization": "batch"}
    )
    said = []
    train(examples, tmp_path / "whole", chosen, log=said.append)
    assert sum("compiling the network" in line for line in said) == 1
    assert not [line for line in said if "not compiled" in line]

    def killed(phase, done, total):
        if phase == "epoch 2/2" and done * 2 >= total:
            raise KilledError

    with pytest.raises(KilledError):
        train(examples, tmp_path / "run", chosen, progress=killed)
    resume_training(tmp_path / "run", examples)
    weights = [load_model(tmp_path / name)[0].get_weights() for name in ("run", "whole")]
    for one, other in zip(*weights, strict=True):
        np.testing.assert_array_equal(one, other)
    histories = [(tmp_path / name / "history.csv").read_text() for name in ("run", "whole")]
    losses = [[line.split(",")[1] for line in text.splitlines()] for text in histories]
    assert losses[0] == losses[1]
