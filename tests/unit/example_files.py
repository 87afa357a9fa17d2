"""Small images and masks on disk, and example sets without any files."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image

from maskforge.examples.example import Example, ExampleSet, Statistics
from maskforge.masks.classes import ClassMap, MaskClass
from maskforge.shapes import Size

WIDTH, HEIGHT = 4, 3


def save(path: Path, array: object, **options: object) -> Path:
    """Write an array as the image or NPY file that the suffix says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.asarray(array)
    if path.suffix == ".npy":
        np.save(path, values)
    else:
        Image.fromarray(values).save(path, **options)
    return path


def stack(path: Path, pages: Iterable[object], **options: object) -> Path:
    """Write arrays or images as the pages of one file."""
    images = [one if isinstance(one, Image.Image) else Image.fromarray(one) for one in pages]
    path.parent.mkdir(parents=True, exist_ok=True)
    images[0].save(path, save_all=True, append_images=images[1:], **options)
    return path


def mask_of(*values: int, dtype: type = np.uint8) -> np.ndarray:
    """Return a mask of 3 x 4 pixels that begins with these values and goes on with the first."""
    mask = np.full(HEIGHT * WIDTH, values[0], dtype=dtype)
    mask[: len(values)] = values
    return mask.reshape(HEIGHT, WIDTH)


def image_of(seed: int) -> np.ndarray:
    """Return a gray image that no other seed gives."""
    return np.random.default_rng(seed).integers(0, 256, (HEIGHT, WIDTH), dtype=np.uint8)


def folder(root: Path, masks: dict[str, np.ndarray], suffix: str = ".png") -> Path:
    """Write ``images/`` and ``masks/`` with an image for every mask."""
    for number, (name, mask) in enumerate(masks.items()):
        size = np.zeros(mask.shape[:2], dtype=np.uint8) + np.uint8(number)
        save(root / "images" / f"{name}.png", size)
        save(root / "masks" / f"{name}{suffix}", mask)
    return root


def class_map(*names: str) -> ClassMap:
    """Return classes with the ids 1, 2, ..."""
    return ClassMap(
        tuple(MaskClass(id_, name, (9, 9, 9), (name,)) for id_, name in enumerate(names, 1))
    )


def example(
    name: str,
    present: Iterable[int] = (),
    *,
    group: str | None = None,
    digest: str | None = None,
) -> Example:
    """Return an example without files, whose statistics are made up."""
    pixels = {0: 10} | dict.fromkeys(present, 5)
    statistics = Statistics(pixels, digest or f"image of {name}", f"mask of {name}")
    return Example(
        name=name,
        image=Path(f"{name}.png"),
        mask=Path(f"{name}.png"),
        size=Size(4, 3),
        group=group,
        statistics=statistics,
    )


def example_set(*examples: Example, classes: ClassMap | None = None) -> ExampleSet:
    return ExampleSet(examples, classes or class_map("caries", "tooth"), "the test")
