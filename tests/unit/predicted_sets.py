"""Folders of predictions as ``predict`` writes them, without any network, and what comes back."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from builders import grid
from PIL import Image

import maskforge as mf
from maskforge.dataset.manifest import relative
from maskforge.dataset.writer import DatasetWriter
from maskforge.masks.encoding import multi_hot, one_hot
from maskforge.outputs.folder import OutputFolder
from maskforge.shapes import ImageState

CLASSES = mf.ClassMap(
    (
        mf.MaskClass(3, "caries", (255, 0, 0), ("caries",)),
        mf.MaskClass(7, "crown", (0, 255, 0), ()),
    )
)
ENCODERS = {
    "integer": lambda mask, _: mask,
    "binary": lambda mask, _: np.where(mask, np.uint8(255), np.uint8(0)),
    "onehot": lambda mask, classes: one_hot(mask, classes.ids),
    "multihot": lambda mask, classes: multi_hot(mask, classes.foreground_ids),
}


def masks(**drawn: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Masks drawn with one character per pixel."""
    return {name: grid(*rows).astype(np.uint8) for name, rows in drawn.items()}


def save_images(folder: Path, names, size=(8, 6)) -> Path:
    """Write images of noise; no two are alike."""
    for number, name in enumerate(names):
        path = folder / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        random = np.random.default_rng(number + sum(map(ord, str(path.name))))
        Image.fromarray(random.integers(0, 255, size[::-1], dtype=np.uint8)).save(path)
    return folder


def predicted(
    out: Path,
    images: Path,
    drawn: dict[str, np.ndarray],
    *,
    classes: mf.ClassMap = CLASSES,
    encoding: str = "integer",
    file_type: str = "png",
    format_: str = "prediction",
    **fields: object,
) -> Path:
    """Write masks as ``predict`` does."""
    out.mkdir(parents=True, exist_ok=True)
    with OutputFolder(out) as folder, DatasetWriter(folder, classes) as writer:
        for name, mask in drawn.items():
            files = writer.write_masks(name, file_type, ENCODERS[encoding](mask, classes), None)
            height, width = mask.shape
            found = {classes.names[int(one)]: int((mask == one).sum()) for one in np.unique(mask)}
            writer.add(
                mf.ManifestEntry(
                    image=relative(images / f"{name}.png", out),
                    match="path",
                    width=width,
                    height=height,
                    state=ImageState.ANNOTATED if mask.any() else ImageState.EMPTY,
                    format=format_,
                    source="",
                    pointer="",
                    encoding=encoding,
                    pixels=found,
                    shapes={},
                    class_shapes={},
                    **files,
                    **fields,
                )
            )
    return out


def sent_out(predictions: Path, folder: Path, format_: str = "labelme") -> Path:
    """Write the files in which people correct predictions."""
    mf.export(predictions, folder, format=format_)
    return folder


def edit(path: Path, change) -> None:
    """Change the content of a JSON file."""
    content = json.loads(path.read_bytes())
    change(content)
    path.write_text(json.dumps(content))


def made(dataset: Path) -> dict[str, str]:
    """How every mask came to be, by its path."""
    return {one.entry.mask: one.entry.made for one in mf.open_dataset(dataset)}


def read_masks(dataset: Path) -> dict[str, np.ndarray]:
    return {one.entry.mask: one.read_mask() for one in mf.open_dataset(dataset)}
