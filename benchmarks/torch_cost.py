"""Counts what a step of training costs on PyTorch, which says how fast it can be on a GPU.

Run with ``python benchmarks/torch_cost.py``, with or without a GPU: nothing is timed. The network
is maskforge's default U-Net; the same step is made by Keras as it is, by maskforge, and by plain
PyTorch; nothing is compiled. Counted are the operations of a step (forward, backward, optimizer,
metrics; views do not count), what they write, and what the forward pass keeps for the gradients.
Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch_unet import UNet, loss_of

from maskforge.nn.network_catalog import NetworkOptions, plan_network

Step = Callable[[], Any]


@dataclass
class Cost:
    """What a step costs.

    Attributes:
        operations: Operations that compute.
        written: Bytes that they write.
        kept: Bytes that the forward pass keeps for the gradients.
    """

    operations: int = 0
    written: int = 0
    kept: int = 0


class Counter(TorchDispatchMode):  # type: ignore[misc]  # PyTorch is not read by mypy
    """Counts the operations that run inside of it."""

    def __init__(self) -> None:
        super().__init__()
        self.cost = Cost()

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run an operation."""
        outputs = function(*args, **(kwargs or {}))
        if not function.is_view:
            tensors = [
                one
                for one in torch.utils._pytree.tree_leaves(outputs)
                if isinstance(one, torch.Tensor)
            ]
            self.cost.operations += 1
            self.cost.written += sum(one.numel() * one.element_size() for one in tensors)
        return outputs


def kept_bytes(step: Step, weights: set[int]) -> int:
    """Return what a step keeps for its gradients: every piece of memory once, without weights."""
    kept: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        step()
    return sum(kept.values())


def cost(step: Step, weights: set[int]) -> Cost:
    """Count a step; the one before does not count, in which things are made."""
    step()
    with Counter() as counter:
        step()
    found: Cost = counter.cost
    found.kept = kept_bytes(step, weights)
    return found


def maskforge_step(options: argparse.Namespace, *, faster: bool) -> tuple[Step, set[int]]:
    """Return a step of maskforge, and where its weights are."""
    from maskforge.nn import backend

    backend.start("torch")
    import keras

    from maskforge.nn.fasterlayers import with_faster_layers
    from maskforge.nn.losses import make_loss
    from maskforge.nn.metrics import Dice, IoU, PixelAccuracy
    from maskforge.nn.networks import build_network
    from maskforge.nn.precision import using_policy

    keras.utils.set_random_seed(1)
    with using_policy("mixed_bfloat16"):
        network = build_network(network_options(options), input_shape=(None, None, 1), outputs=1)
        if faster:
            network = with_faster_layers(network)
        common: dict[str, Any] = {"head": "sigmoid", "outputs": 1, "from_logits": True}
        network.compile(
            keras.optimizers.Adam(1e-3),
            make_loss("dice+bce", **common),
            metrics=[Dice(**common), IoU(**common), PixelAccuracy(**common)],
        )
    images, masks = batch(options)
    weights = {one.value.untyped_storage().data_ptr() for one in network.variables}
    return lambda: network.train_on_batch(images, masks), weights


def pytorch_step(options: argparse.Namespace) -> tuple[Step, set[int]]:
    """Return a step of plain PyTorch, as trainers.py makes it, and where its weights are."""
    network = UNet(plan_network(network_options(options))).to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3, foreach=True)
    images, masks = (torch.from_numpy(one).permute(0, 3, 1, 2) for one in batch(options))

    def forward(inputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            logits = network(inputs)
        return loss_of(logits.float(), targets)

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        forward(images, masks.float()).backward()
        optimizer.step()

    weights = {one.untyped_storage().data_ptr() for one in network.parameters()}
    return step, weights


def network_options(options: argparse.Namespace) -> NetworkOptions:
    """Return the network."""
    return NetworkOptions(filters=options.filters, normalization=options.normalization)


def batch(options: argparse.Namespace) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return images and masks."""
    rng = np.random.default_rng(0)
    images = rng.random((options.batch, options.size, options.size, 1), dtype=np.float32)
    return images, (images > 0.5).astype(np.uint8)


def main() -> None:
    """Count, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--filters", type=int, default=16)
    parser.add_argument("--normalization", choices=("batch", "none"), default="batch")
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--batch", type=int, default=2)
    options = parser.parse_args()
    os.environ["CUDA_VISIBLE_DEVICES"] = ""  # what is counted is the same everywhere
    steps: dict[str, Callable[[], tuple[Step, set[int]]]] = {
        "Keras as it is": lambda: maskforge_step(options, faster=False),
        "maskforge": lambda: maskforge_step(options, faster=True),
        "PyTorch": lambda: pytorch_step(options),
    }
    print("| step | operations | written, MB | kept for the gradients, MB |")
    print("|---|---:|---:|---:|")
    for name, make in steps.items():
        found = cost(*make())
        written, kept = (size / 1e6 for size in (found.written, found.kept))
        print(f"| {name} | {found.operations} | {written:.1f} | {kept:.1f} |", flush=True)


if __name__ == "__main__":
    main()
