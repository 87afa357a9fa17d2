"""A step of training on PyTorch, compiled: network, loss and metrics are one graph."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import torch

from maskforge.errors import shorten
from maskforge.nn.backend import is_out_of_memory
from maskforge.nn.torchgraph import compiled_graph, quiet

Logs = dict[str, torch.Tensor]
Batch = tuple[Any, Any]
Outcome = tuple[torch.Tensor, Logs, list[torch.Tensor]]


class CompiledStep:
    """What Keras calls for every batch, in place of its own function.

    If the step cannot be compiled here, it runs as Keras has it, and says so once.

    Args:
        network: A network that was set up with its loss, its metrics and its optimizer.
        log: Takes lines for people.
    """

    def __init__(self, network: keras.Model, log: Callable[[str], None]) -> None:
        self._network = network
        self._log = log
        self._run: Callable[..., Outcome] | None = None
        self._fails = False
        self._learned: list[keras.Variable] = []
        self._others: list[keras.Variable] = []
        self._changed: list[keras.Variable] = []

    def __call__(self, data: Sequence[Batch]) -> Logs:
        """Train on the only batch of a list; return the metrics so far."""
        images, targets, *_ = data[0]  # no weights
        batch = keras.tree.map_structure(_on_device, (images, targets))
        # All batches are of one shape, so it pays to look for the fastest algorithm.
        before = torch.backends.cudnn.benchmark
        torch.backends.cudnn.benchmark = True
        try:
            return self._step(batch)
        finally:
            torch.backends.cudnn.benchmark = before

    def _step(self, batch: Batch) -> Logs:
        if self._run is None and not self._fails:
            try:
                with quiet():
                    self._compile(batch)
                    outcome = self._gradients(batch)
            except Exception as error:
                if is_out_of_memory(error):
                    raise
                self._fails = True
                self._log(f"warning: not compiled, so each step takes longer: {_reason(error)}")
        elif not self._fails:
            outcome = self._gradients(batch)
        if self._fails:
            logs: Logs = self._network.train_step(batch)
            return logs
        return self._learn(*outcome)

    def _compile(self, batch: Batch) -> None:
        network = self._network
        self._learned = list(network.trainable_variables)
        self._others = [*network.non_trainable_variables, *network.metrics_variables]
        self._run = compiled_graph(self._forward, (self._values(), *batch))

    def _values(self) -> list[torch.Tensor]:
        return [one.value for one in (*self._learned, *self._others)]

    def _forward(self, values: Sequence[torch.Tensor], images: Any, targets: Any) -> Outcome:  # noqa: ANN401
        """Return the loss, the metrics so far, and what has changed without being learned."""
        network = self._network
        mapping = list(zip((*self._learned, *self._others), values, strict=True))
        with keras.StatelessScope(state_mapping=mapping) as scope:
            before = [scope.get_current_value(one) for one in self._others]
            outputs = network(images, training=True)
            loss = network.compute_loss(x=images, y=targets, y_pred=outputs, training=True)
            (mean,) = (one for one in network.metrics if one.name == "loss")
            mean.update_state(loss.detach(), sample_weight=len(images))
            seen = keras.tree.map_structure(torch.Tensor.detach, outputs)
            logs = network.compute_metrics(images, targets, seen)
            loss = network.optimizer.scale_loss(loss)
        after = [scope.get_current_value(one) for one in self._others]
        changed = [number for number, one in enumerate(after) if one is not before[number]]
        self._changed = [self._others[number] for number in changed]
        return loss, logs, [after[number].detach() for number in changed]

    def _gradients(self, batch: Batch) -> Outcome:
        """Run forth and back; nothing is changed but the gradients."""
        assert self._run is not None
        for one in self._learned:
            one.value.grad = None
        outcome = self._run(self._values(), *batch)
        outcome[0].backward()
        return outcome

    def _learn(self, loss: torch.Tensor, logs: Logs, values: list[torch.Tensor]) -> Logs:
        del loss
        with torch.no_grad():
            torch._foreach_copy_([one.value for one in self._changed], values)
            gradients = [one.value.grad for one in self._learned]
            self._network.optimizer.apply(gradients, self._learned)
        return logs


def _reason(error: BaseException) -> str:
    """Return in one line what the compiler stumbled over at first."""
    while (inner := getattr(error, "inner_exception", None)) is not None:
        error = inner
    return shorten(f"{type(error).__name__}: {error}".splitlines()[0])


def _on_device(array: Any) -> torch.Tensor:  # noqa: ANN401 - of NumPy or PyTorch
    """Copy a part of a batch to the GPU, which need not be waited for."""
    tensor = torch.as_tensor(array)
    if torch.cuda.is_available():
        return tensor.pin_memory().cuda(non_blocking=True)
    return tensor
