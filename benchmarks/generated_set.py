"""A generated set of LabelMe files with their images, the same for every converter.

Run as a program by conversion.py, so that the process that measures stays small.
"""

from __future__ import annotations

import argparse
import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

WIDTH, HEIGHT = 2000, 1500
POLYGONS = 20
VERTICES = 60
LABELS = ("calculus", "caries", "crown", "dentine", "pulp", "restoration")

_MEAN_RADIUS = 100.0
_NOISE = 24.0  # strong enough for images of 2 MB
_JPEG_QUALITY = 95


def write_set(folder: Path, images: int, seed: int, *, embed: bool) -> None:
    """Write JSON files and JPEG images of about 2 MB into ``folder``.

    Args:
        folder: Made if missing.
        images: Number of images.
        seed: Same seed, same files.
        embed: Whether the JSON files hold the images, too, as ``imageData``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(images):
        generator = np.random.default_rng((seed, number))
        name = f"image-{number:04}"
        image = _image(generator)
        (folder / f"{name}.jpg").write_bytes(image)
        content: dict[str, Any] = {
            "version": "5.8.1",
            "flags": {},
            "shapes": [_shape(generator, LABELS[n % len(LABELS)]) for n in range(POLYGONS)],
            "imagePath": f"{name}.jpg",
            "imageData": base64.b64encode(image).decode() if embed else None,
            "imageHeight": HEIGHT,
            "imageWidth": WIDTH,
        }
        # LabelMe indents by two spaces, too.
        text = json.dumps(content, ensure_ascii=False, indent=2)
        (folder / f"{name}.json").write_text(text, encoding="utf-8")


def _image(generator: np.random.Generator) -> bytes:
    across = np.linspace(60, 180, WIDTH)
    down = np.linspace(-20, 20, HEIGHT)[:, np.newaxis]
    noise = generator.standard_normal((HEIGHT, WIDTH), dtype=np.float32) * _NOISE
    gray: NDArray[np.uint8] = np.clip(across + down + noise, 0, 255).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(gray).save(stream, format="JPEG", quality=_JPEG_QUALITY)
    return stream.getvalue()


def _shape(generator: np.random.Generator, label: str) -> dict[str, Any]:
    """Return a wavy outline that does not cross itself; it may hang over the edge."""
    angle = np.arange(VERTICES) * (2 * np.pi / VERTICES)
    radius = _MEAN_RADIUS * generator.uniform(0.6, 1.4) * np.ones(VERTICES)
    for waves in (2, 3, 5, 9):
        phase = generator.uniform(0, 2 * np.pi)
        radius *= 1 + 0.25 / waves * np.sin(waves * angle + phase)
    center = generator.uniform((0, 0), (WIDTH, HEIGHT))
    points = center + radius[:, np.newaxis] * np.column_stack((np.cos(angle), np.sin(angle)))
    return {
        "label": label,
        "points": points.tolist(),
        "group_id": None,
        "description": "",
        "shape_type": "polygon",
        "flags": {},
        "mask": None,
    }


def main() -> None:
    """Write the set that the command line describes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--images", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--embed", action="store_true")
    options = parser.parse_args()
    write_set(options.folder, options.images, options.seed, embed=options.embed)


if __name__ == "__main__":
    main()
