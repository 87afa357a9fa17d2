"""Healthy sets in which no check finds anything, and the faults that each check finds."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
from builders import convert, labelme, shape
from example_files import save

SIDE = 96
NAMES = [f"p{number}" for number in range(8)]
CLASSES = """
[[classes]]
id = 1
name = "tooth"

[[classes]]
id = 2
name = "caries"
"""


def discs(number: int, side: int = SIDE) -> np.ndarray:
    """Return a mask (H, W) of two discs of the classes 1 and 2, in other places for each number."""
    rows, columns = np.mgrid[:side, :side]
    mask = np.zeros((side, side), np.uint8)
    for id_, (row, column), radius in (
        (1, (34 + number % 3, 60 - number), 22),
        (2, (72 - number % 2, 28 + number), 13),
    ):
        mask[(rows - row) ** 2 + (columns - column) ** 2 < radius**2] = id_
    return mask


def photo(mask: np.ndarray, number: int) -> np.ndarray:
    """Return a gray image (H, W) of what a mask shows, with noise."""
    noise = np.random.default_rng(number).normal(0, 9, mask.shape)
    return (np.array([60, 150, 220])[np.minimum(mask, 2)] + noise).clip(0, 255).astype(np.uint8)


def circle(row: float, column: float, radius: float) -> list[list[float]]:
    """Return a ring (40, 2) around the center of a pixel."""
    row, column = row + 0.5, column + 0.5
    turns = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    return [[column + radius * np.cos(t), row + radius * np.sin(t)] for t in turns]


class Pairs:
    """Images and masks in folders."""

    def __init__(self, root: Path, images: str = "images") -> None:
        self.root, self.images, self.masks = root, root / images, root / "truth"
        self.options: dict[str, object] = {"images": self.images, "masks": self.masks}
        for number, name in enumerate(NAMES):
            self.write(name, discs(number), photo(discs(number), number))

    def write(self, name: str, mask: object = None, image: object = None) -> None:
        if mask is not None:
            save(self.masks / f"{name}.png", mask)
        if image is not None:
            save(self.images / f"{name}.png", image)


class Annotations:
    """LabelMe files with their images; every shape is a circle."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.options: dict[str, object] = {"sources": root}
        self.shapes = {
            name: [
                shape("tooth", circle(34 + number % 3, 60 - number, 22)),
                shape("caries", circle(72 - number % 2, 28 + number, 13)),
            ]
            for number, name in enumerate(NAMES)
        }
        for number, name in enumerate(NAMES):
            save(root / f"{name}.png", photo(discs(number), number))

    def write(self) -> None:
        for name, shapes in self.shapes.items():
            labelme(self.root / f"{name}.json", *shapes, width=SIDE, height=SIDE)


def as_dataset(annotations: Annotations, out: Path) -> dict[str, object]:
    """Convert annotations, and return how the data set is checked."""
    annotations.write()
    convert(annotations.root, "--out", out)
    return {"sources": out}


# Faults: each takes a healthy set, and breaks it at p3.


def unreadable(pairs):
    (pairs.images / "p3.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")


def own_mask(pairs):
    pairs.write("p3", image=np.array([7, 90, 180], np.uint8)[discs(3)])


def unknown_value(pairs):
    mask = discs(3)
    mask[mask == 2] = 9
    pairs.write("p3", mask)


def refused_part(annotations):
    annotations.shapes["p3"].append(shape("tooth", [[1, 1], ["far", 2], [5, 9]]))


def contradicting_masks(pairs):
    shutil.copy(pairs.images / "p4.png", pairs.images / "p3.png")


def copied_image(pairs):
    for folder in (pairs.images, pairs.masks):
        shutil.copy(folder / "p4.png", folder / "p3.png")


def near_copy(pairs):
    """Mirror an image with its mask, and make it darker."""
    mask, image = (one[:, ::-1] for one in (discs(4), photo(discs(4), 4)))
    pairs.write("p3", mask, (255 * (image / 255) ** 1.2).astype(np.uint8))


def no_image(pairs):
    pairs.write("p3_again", discs(3))


def no_mask(pairs):
    (pairs.masks / "p3.png").unlink()


def unclear_pair(pairs):
    (pairs.masks / "p3.png").rename(pairs.masks / "p3_mask.png")
    pairs.write("p3_seg", discs(3))


def mask_like_image(pairs):
    other = (discs(3).T > 0).astype(np.uint8)
    other[:, 48:] *= 2
    pairs.write("p3", image=other)


def instance_labels(annotations):
    for shapes in annotations.shapes.values():
        shapes += [shape(f"cell{number}", circle(8, 10 + 12 * number, 5)) for number in range(1, 5)]
    annotations.shapes["p3"].append(shape("cell5", circle(90, 50, 5)))


def twin_labels(annotations):
    annotations.shapes["p3"][1]["label"] = "Caries "


def rare_class(pairs):
    mask = discs(3)
    mask[mask == 2] = 3
    pairs.write("p3", mask, photo(discs(3), 3))


def one_class(pairs):
    pairs.write("p3", np.ones((SIDE, SIDE), np.uint8))


def far_outside(annotations):
    annotations.shapes["p3"].append(shape("tooth", circle(60, SIDE + 20, 25)))


def speck(pairs):
    mask = discs(3)
    mask[4:6, 4:6] = 1
    pairs.write("p3", mask)


def shifted_mask(pairs):
    pairs.write("p3", np.roll(discs(3), (-4, 5), (0, 1)))


def offset_masks(pairs):
    """Move what all images show half a pixel to the left and down."""
    for number, name in enumerate(NAMES):
        image = photo(discs(number), number).astype(np.uint16)
        image = (image + np.roll(image, -1, axis=1)) / 2
        image = (image + np.roll(image, 1, axis=0)) / 2
        pairs.write(name, image=image.astype(np.uint8))


def mirrored_mask(pairs):
    pairs.write("p3", discs(3)[:, ::-1])


def empty_mask(pairs):
    pairs.write("p3", discs(3) * 0)


def odd_image(pairs):
    mask = discs(3, SIDE + 4)
    pairs.write("p3", mask, photo(mask, 3))


def with_split(pairs):
    half = len(NAMES) // 2
    split = {"train": NAMES[:half], "validation": NAMES[half:]}
    path = pairs.root / "split.json"
    path.write_text(json.dumps(split))
    pairs.options["split"] = path


def with_classes(pairs):
    path = pairs.root / "classes.toml"
    path.write_text(CLASSES)
    pairs.options["classes"] = path
