"""Tiny examples and trainings of seconds."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from maskforge.examples.example import Example, ExampleSet
from maskforge.examples.split import Split
from maskforge.masks.classes import ClassMap, MaskClass
from maskforge.shapes import Size
from maskforge.training.configfile import build_options

DISC = ClassMap((MaskClass(1, "disc", (255, 0, 0), ()),))
BOTH = ClassMap((MaskClass(1, "disc", (255, 0, 0), ()), MaskClass(4, "bar", (0, 255, 0), ())))

SMALL = {
    "epochs": 2,
    "batch_size": 2,
    "precision": "float32",
    "optimizer": "sgd",  # has the least to do for each weight
    "devices": 1,
    "input": {"crop": 0},
    "augment": {"preset": "none"},
    "network": {"filters": 4, "depth": 1, "convolutions": 1, "normalization": "none"},
    "data": {"workers": 1},
}


@contextlib.contextmanager
def step_by_step() -> Iterator[None]:
    """Compile no graph of a step of training, nor of the network: a few save less than it takes.

    JAX compiles nonetheless, as it takes longer one by one. Nor is anything drawn.
    """
    import keras

    from maskforge.nn import inference
    from maskforge.training.loop import epochs, finish

    compiled = keras.Model.compile

    def compile_(self, *arguments, **options):
        compiled(self, *arguments, **options, run_eagerly=keras.config.backend() != "jax")

    def started(model):
        model = inference.with_open_sizes(model)
        return lambda batch: model(batch, training=False).numpy

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keras.Model, "compile", compile_)
        patch.setattr(inference, "_tensorflow", started)
        patch.setattr(epochs, "draw_curves", lambda *_: None)
        patch.setattr(finish, "draw_extremes", lambda *_: None)
        yield


def options(**changed: object):
    """Return options of a tiny training; tables are merged."""
    document = {
        key: {**SMALL.get(key, {}), **value} if isinstance(value, dict) else value
        for key, value in changed.items()
    }
    return build_options({**SMALL, **document})


def disc(number: int, size: Size = Size(32, 32)) -> tuple[np.ndarray, np.ndarray]:
    """Return a noisy image with a bright disc of 8 px radius, and its mask of 0 and 1."""
    rng = np.random.default_rng(number)
    x, y = (int(rng.integers(9, side - 9)) for side in size)
    rows, columns = np.ogrid[: size.height, : size.width]
    mask = ((rows - y) ** 2 + (columns - x) ** 2 <= 64).astype(np.uint8)
    image = rng.integers(20, 60, (size.height, size.width)) + 150 * mask
    return image.astype(np.uint8), mask


def write(
    folder: Path, name: str, image: np.ndarray, mask: np.ndarray, **fields: object
) -> Example:
    """Write an image and its mask, PNG or, with channels, NPY; return the example."""
    folder.mkdir(parents=True, exist_ok=True)
    image_file = folder / f"{name.replace('/', '-')}.png"
    Image.fromarray(image).save(image_file)
    if mask.ndim == 2:
        target = image_file.with_name(f"{image_file.stem}_mask.png")
        Image.fromarray(mask).save(target)
    else:
        target = image_file.with_name(f"{image_file.stem}_mask.npy")
        np.save(target, mask)
    size = Size(mask.shape[1], mask.shape[0])
    return Example(name=name, image=image_file, mask=target, size=size, **fields)


def discs(
    folder: Path, count: int = 4, *, classes: ClassMap = DISC, size: Size = Size(32, 32)
) -> ExampleSet:
    """Write images of discs."""
    found = (write(folder, f"x{number}", *disc(number, size)) for number in range(count))
    return ExampleSet(tuple(found), classes, "discs")


def split_of(examples: ExampleSet, validation: Sequence[str]) -> Split:
    """Return a split with these validation examples; all others are for training."""
    names = [one.name for one in examples]
    return Split(
        train=tuple(name for name in names if name not in validation),
        validation=tuple(validation),
        test=(),
    )
