"""What is compared: the training of one U-Net by maskforge and by plain PyTorch.

Run as a program by training.py, one trainer per process: it trains an epoch for every line that it
reads, and answers each with a line of JSON.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal, NoReturn, get_args

from maskforge.choices import Backend, Precision
from maskforge.examples.sources import open_examples
from maskforge.examples.split import Split
from maskforge.nn.network_catalog import NetworkOptions, NetworkPlan, plan_network
from maskforge.prediction.predict import predict
from maskforge.training.plan import make_plan
from maskforge.training.train import train
from maskforge.training.train_options import DataOptions, InputOptions, SplitOptions, TrainOptions

FEED = "maskforge, batches alone"
PREDICTION = "maskforge, prediction"
LOSS = "dice+bce"
MATRIX = {"cpu": 2048, "gpu": 8192}  # side of the matrices that are multiplied


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What every trainer of a comparison is told.

    Attributes:
        folder: Data set, with the folders ``images`` and ``masks``; as many images as a batch.
        device: ``cpu`` or ``gpu``.
        filters: Filters of the first level; 0 for the preset ``unet-transpose``, with 64.
        normalization: ``batch`` or ``none``; the preset has none.
        size: Side of the images.
        batch: Images per step.
        steps: Steps per epoch.
        processor_time: Whether the time of the processor is measured, that of all cores together.
    """

    folder: str
    device: str
    filters: int
    normalization: Literal["batch", "none"]
    size: int
    batch: int
    steps: int
    processor_time: bool = False

    @property
    def network(self) -> NetworkOptions:
        """The network."""
        if self.filters:
            return NetworkOptions(filters=self.filters, normalization=self.normalization)
        return NetworkOptions(preset="unet-transpose")

    @property
    def options(self) -> TrainOptions:
        """What maskforge is told: every image is taken once in a step."""
        return TrainOptions(
            data=DataOptions(dataset=self.folder),
            split=SplitOptions(validation=0.0),
            input=InputOptions(crop=self.size, crops_per_image=self.steps, rare_share=0.0),
            network=self.network,
            loss=LOSS,
            epochs=10_000,
            batch_size=self.batch,
            devices=1,
        )


class Turns:
    """The other end of training.py."""

    def __init__(self) -> None:
        self._answers = os.fdopen(os.dup(1), "w")
        os.dup2(2, 1)  # whatever else is printed must not be taken for an answer

    def wait(self) -> None:
        """Wait until it is this process' turn; end the process when there are no more."""
        if not sys.stdin.readline():
            sys.exit()

    def answer(self, **facts: float) -> None:
        """Tell what was measured."""
        print(json.dumps(facts), file=self._answers, flush=True)


def operations(settings: Settings) -> float:
    """Return the multiplications and additions per image of a step in the convolutions.

    A step has those of the forward pass three times: the gradients of features and weights take
    as many each. The first convolution needs no gradient of its features.
    """
    plan = plan_network(settings.network)
    first = _convolution(plan, settings.size, 1, plan.filters)
    total = 2 * plan.filters * settings.size**2  # the head
    for level in range(plan.depth + 1):
        side, filters = settings.size // 2**level, plan.filters * 2**level
        total += _convolution(plan, side, filters // 2 if level else 1, filters)
        total += _convolution(plan, side, filters, filters)
        if level < plan.depth:
            total += 2 * plan.upsampling_kernel**2 * (2 * filters) * filters * (side // 2) ** 2
            total += _convolution(plan, side, 2 * filters, filters)
            total += _convolution(plan, side, filters, filters)
    return 3 * total - first


def _convolution(plan: NetworkPlan, side: int, inputs: int, filters: int) -> int:
    return 2 * plan.kernel**2 * inputs * filters * side**2


def train_maskforge(
    turns: Turns, settings: Settings, name: Backend, precision: Precision, *, plain: bool = False
) -> None:
    """Train as ``maskforge train`` does; validating and saving are left out.

    If it is to be ``plain``, all layers compute as Keras has them, and PyTorch compiles nothing.
    """
    from maskforge.nn import backend

    backend.start(name)
    import keras

    from maskforge.nn import fasterlayers
    from maskforge.training.loop import epochs, fit

    class Paced(epochs.Epochs):
        """Waits before every epoch, and tells its duration."""

        def on_epoch_begin(self, epoch: int, logs: epochs.Logs = None) -> None:
            if epoch == 0:
                turns.answer(parameters=parameters(self.model.trainable_weights))
            turns.wait()
            self.start = clock(settings)
            super().on_epoch_begin(epoch, logs)

        def on_epoch_end(self, epoch: int, logs: epochs.Logs = None) -> None:
            del epoch, logs
            keras.ops.convert_to_numpy(self.model.trainable_variables[0].value)  # waits for it
            turns.answer(seconds=clock(settings) - self.start, peak=peak_memory(name, settings))

    vars(fit)[epochs.Epochs.__name__] = Paced
    if plain:
        vars(fasterlayers)[fasterlayers.faster_call.__name__] = lambda layer: None
        if name == "torch":
            vars(fit)[backend.on_cpu.__name__] = lambda: True
    options = replace(settings.options, backend=name, precision=precision)
    with tempfile.TemporaryDirectory() as folder:
        train(None, folder, options, log=lambda line: print(line, file=sys.stderr))


def train_pytorch(
    turns: Turns, settings: Settings, *, precision: str, compiled: bool = False
) -> None:
    """Train the same network with the means of PyTorch, from batches that lie ready in memory.

    There are no metrics, and the loss knows of no void pixels. The half precisions lay out features
    as channels-last, which is the faster one.
    """
    import numpy as np
    import torch
    from torch_unet import UNet, loss_of

    plan = plan_network(settings.network)
    device = torch.device("cuda" if settings.device == "gpu" else "cpu")
    layout = torch.contiguous_format if precision == "float32" else torch.channels_last
    torch.backends.cudnn.benchmark = True
    network = UNet(plan).to(device, memory_format=layout)
    turns.answer(parameters=parameters(network.parameters()))

    def as_tensor(array: np.ndarray[Any, Any]) -> torch.Tensor:
        tensor = torch.from_numpy(array).permute(0, 3, 1, 2).contiguous(memory_format=layout)
        return tensor.pin_memory() if settings.device == "gpu" else tensor

    examples = open_examples(settings.folder)
    split = Split(train=tuple(example.name for example in examples), validation=())
    batches = make_plan(settings.options, examples, split).batches()
    arrays = [tuple(as_tensor(one) for one in batches[step]) for step in range(settings.steps)]
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3, fused=settings.device == "gpu")

    def forward(inputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16"):
            logits = network(inputs)
        return loss_of(logits.float(), targets)

    if compiled:
        forward = torch.compile(forward)
    while True:
        turns.wait()
        start = clock(settings)
        for inputs, targets in arrays:
            optimizer.zero_grad(set_to_none=True)
            loss = forward(
                inputs.to(device, non_blocking=True), targets.to(device, non_blocking=True).float()
            )
            loss.backward()
            optimizer.step()
        loss.item()
        next(network.parameters()).sum().item()  # waits for the last step
        turns.answer(seconds=clock(settings) - start, peak=peak_memory("torch", settings))


def feed(turns: Turns, settings: Settings) -> NoReturn:
    """Prepare the batches of a training, with no network that takes them."""
    from maskforge.nn import backend

    backend.start()
    from maskforge.training.loop.feed import Feed

    examples = open_examples(settings.folder)
    split = Split(train=tuple(example.name for example in examples), validation=())
    plan = make_plan(settings.options, examples, split)
    turns.answer(parameters=0)
    batches = plan.batches()
    while True:
        turns.wait()
        start = clock(settings)
        with Feed(batches, plan.workers(), epochs=1) as waiting:
            for step in range(len(waiting)):
                waiting[step]
        turns.answer(seconds=clock(settings) - start)


def predict_folder(turns: Turns, settings: Settings, name: Backend) -> None:
    """Predict a folder as ``maskforge predict`` does, with the images of a turn."""
    from maskforge.nn import backend

    backend.start(name)
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder, "run")
        options = replace(
            settings.options,
            epochs=1,
            backend=name,
            input=replace(settings.options.input, crops_per_image=1),
        )
        train(None, run, options, log=lambda line: print(line, file=sys.stderr))
        images = Path(folder, "images")
        images.mkdir()
        for image in Path(settings.folder, "images").iterdir():
            for step in range(settings.steps):
                shutil.copy(image, images / f"{step:04}-{image.name}")
        turns.answer(parameters=0)
        while True:
            turns.wait()
            start = clock(settings)
            predict(run, images, Path(folder, "masks"), runtime="keras", overwrite=True)
            turns.answer(seconds=clock(settings) - start, peak=peak_memory(name, settings))


def multiply(turns: Turns, settings: Settings) -> NoReturn:
    """Multiply large bfloat16 matrices: what the hardware can do at most."""
    import torch

    device = torch.device("cuda" if settings.device == "gpu" else "cpu")
    side = MATRIX[settings.device]
    matrix = torch.rand((side, side), device=device).to(torch.bfloat16)
    times = 50 if settings.device == "gpu" else 5
    while True:
        turns.wait()
        start = clock(settings)
        for _ in range(times):
            product = matrix @ matrix
        product[0, 0].item()
        seconds = clock(settings) - start
        turns.answer(seconds=seconds, rate=times * 2 * side**3 / seconds)


def clock(settings: Settings) -> float:
    """Return the seconds that the process has computed, or that have passed."""
    return time.process_time() if settings.processor_time else time.perf_counter()


def parameters(weights: Any) -> int:
    """Return the number of weights that are learned."""
    return sum(math.prod(weight.shape) for weight in weights)


def peak_memory(name: str, settings: Settings) -> float:
    """Return the most memory in MB so far: of the GPU, or of the process (Linux only)."""
    if settings.device == "cpu":
        status = Path("/proc/self/status")
        found = status.read_text().partition("VmHWM:")[2].split() if status.is_file() else ["nan"]
        return float(found[0]) * 1024 / 1e6
    if name == "torch":
        import torch

        return float(torch.cuda.max_memory_allocated() / 1e6)
    if name == "jax":
        import jax

        return float(jax.devices()[0].memory_stats()["peak_bytes_in_use"] / 1e6)
    import tensorflow as tf

    return float(tf.config.experimental.get_memory_info("GPU:0")["peak"] / 1e6)


TRAINERS: dict[str, Callable[[Turns, Settings], None]] = {
    "PyTorch float32": partial(train_pytorch, precision="float32"),
    "PyTorch bfloat16": partial(train_pytorch, precision="bfloat16"),
    "PyTorch bfloat16, compiled": partial(train_pytorch, precision="bfloat16", compiled=True),
    "matrix product": multiply,
    FEED: feed,
}
for backend_name in get_args(Backend)[1:]:
    for precision_name in ("float32", "bfloat16"):
        here = partial(train_maskforge, name=backend_name, precision=precision_name)
        TRAINERS[f"maskforge, {backend_name}, {precision_name}"] = here
        TRAINERS[f"maskforge, {backend_name}, {precision_name}, plain"] = partial(here, plain=True)
    TRAINERS[f"{PREDICTION}, {backend_name}"] = partial(predict_folder, name=backend_name)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=TRAINERS)
    parser.add_argument("settings", help="JSON")
    arguments = parser.parse_args()
    TRAINERS[arguments.name](Turns(), Settings(**json.loads(arguments.settings)))


if __name__ == "__main__":
    main()
