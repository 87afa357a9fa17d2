"""Draw the images of the pages, with maskforge itself.

Run with ``python docs/images/draw_samples.py``; it writes sample-*.png beside itself. With the
folder of a model that marks caries, such as ``demo/run`` of ``samples/demo.py``, it also writes
image-mask-prediction.png.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import maskforge as mf

HERE = Path(__file__).parent
SAMPLES = HERE.parent.parent / "samples"
SHEET = (
    "labelme/bitewing-02.jpg",
    "labelme/bitewing-03.jpg",
    "vott/bitewing-05.jpg",
    "vott/bitewing 06.jpg",
    "superannotate/vector/bitewing-09.jpg",
    "superannotate/pixel/bitewing-11.jpg",
)
UNSEEN = SAMPLES / "labelme" / "bitewing-01.jpg"
GAP = 6
OPACITY = 0.5


def main() -> None:
    """Write all images."""
    if len(sys.argv) > 1:
        save("image-mask-prediction", side_by_side(Path(sys.argv[1])))
    (image,) = mf.read(SAMPLES / "labelme" / "bitewing-01.json")
    assert image.image.file is not None
    image_file = gray(image.image.file)
    classes = mf.load_class_map(SAMPLES / "classes.toml")
    mask = mf.draw(image, classes).mask
    colors = np.zeros((256, 3), np.uint8)
    for value, color in classes.colors.items():
        colors[value] = color
    blend = OPACITY * colors[mask] + (1 - OPACITY) * image_file[..., None]
    shown = np.where(mask[..., None] > 0, blend, image_file[..., None]).astype(np.uint8)
    save("sample-with-mask", tiled([np.dstack([image_file] * 3), shown], columns=2))
    save("sample-sheet", tiled([gray(SAMPLES / name)[::2, ::2] for name in SHEET], columns=3))


def side_by_side(model: Path) -> NDArray[np.uint8]:
    """Return an image, the caries that was drawn on it, and what a model marks."""
    prediction = mf.Predictor.load(model).predict(UNSEEN)
    (image,) = mf.read(UNSEEN.with_suffix(".json"))
    truth = mf.convert_image(image, mf.load_class_map(SAMPLES / "classes.toml"))
    (caries,) = prediction.classes.foreground_ids
    assert truth.mask is not None
    drawn = replace(prediction, mask=np.where(truth.mask == caries, truth.mask, 0))
    plain = replace(prediction, mask=np.zeros_like(prediction.mask))
    return tiled([plain.overlay(), drawn.overlay(), prediction.overlay()], columns=3)


def gray(path: Path) -> NDArray[np.uint8]:
    """Return an image as (H, W)."""
    with Image.open(path) as image_file:
        return np.asarray(image_file.convert("L"))


def tiled(images: list[NDArray[np.uint8]], columns: int) -> NDArray[np.uint8]:
    """Return images of one size in rows, on white."""
    height, width = images[0].shape[:2]
    rows = -(-len(images) // columns)
    shape = rows * (height + GAP) - GAP, columns * (width + GAP) - GAP, *images[0].shape[2:]
    sheet = np.full(shape, 255, np.uint8)
    for index, image_file in enumerate(images):
        top, left = index // columns * (height + GAP), index % columns * (width + GAP)
        sheet[top : top + height, left : left + width] = image_file
    return sheet


def save(name: str, pixels: NDArray[np.uint8]) -> None:
    """Write a small PNG file: steps of four gray values are fine enough to look at."""
    Image.fromarray(pixels & 0xFC).save(HERE / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
