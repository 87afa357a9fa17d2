"""Measures what annotations take and lose on their way to other tools; prints Markdown tables.

One table is LabelMe files to COCO, the other is masks to outlines as LabelMe files. Converters take
turns in processes of their own. What they wrote is read and drawn by the exact rasterizer, and
compared with the masks of the source.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from conversion import HERE, Converter, ratio, versions
from generated_set import LABELS
from PIL import Image

import maskforge as mf

TO_COCO = ("maskforge to COCO", "labelme2coco", "supervision")
OF_MASKS = ("maskforge from masks", "cv2.findContours", "rasterio.features.shapes")


def enrich(source: Path) -> None:
    """Give LabelMe files what conversions lose: objects of several parts, and keys."""
    for path in source.glob("*.json"):
        document = json.loads(path.read_text("utf-8"))
        for number, shape in enumerate(document["shapes"]):
            shape["reviewed"] = True
            shape["label"] = document["shapes"][number - number % 2]["label"]
            shape["group_id"] = number // 2 if number < 8 else None
        path.write_text(json.dumps(document), "utf-8")


def pierce(masks: Path) -> None:
    """Make square holes in the regions, 120 px apart, which are background."""
    for path in (masks / "masks").glob("*.png"):
        image = Image.open(path)
        pixels = np.array(image)
        for row, column in np.ndindex(9, 9):
            pixels[row::120, column::120] = 0
        pierced = Image.fromarray(pixels)
        pierced.putpalette(image.getpalette() or [])
        pierced.save(path)


def wrong_pixels(files: Path, masks: Path, images: Path, classes: mf.ClassMap) -> float:
    """Return in how many pixels per image the files differ from masks."""
    wrong = [
        np.count_nonzero(
            mf.draw(one, classes).mask
            != np.asarray(Image.open(masks / f"{Path(one.image.name).stem}.png"))
        )
        for one in mf.read(files, images=images)
    ]
    return sum(wrong) / len(wrong)


def objects(files: Path) -> str:
    """Return how many objects a COCO file has, their parts, and how many kept their own key."""
    found = json.loads((files / "annotations.json").read_text("utf-8"))["annotations"]
    drawn = [one["segmentation"] for one in found]
    parts = sum(len(one) if isinstance(one, list) else 1 for one in drawn)
    kept = sum("reviewed" in json.dumps(one) for one in found)
    return f"{len(found)} | {parts} | {kept}"


def main() -> None:
    """Generate the set, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=7, help="turns of every converter")
    parser.add_argument(
        "--python",
        action="append",
        default=[],
        metavar="CONVERTER=FILE",
        help="the Python of an environment in which a converter is installed",
    )
    options = parser.parse_args()
    pythons = dict(one.split("=", 1) for one in options.python)
    print(versions(), flush=True)
    with tempfile.TemporaryDirectory(prefix="maskforge-benchmark-") as scratch:
        source, masks = Path(scratch, "source"), Path(scratch, "masks")
        command = [sys.executable, str(HERE / "generated_set.py"), str(source)]
        subprocess.run([*command, f"--images={options.images}"], check=True)
        enrich(source)
        classes = mf.ClassMap(
            tuple(
                mf.MaskClass(value, label, (40 * value, 0, 255 - 40 * value), (label,))
                for value, label in enumerate(LABELS, 1)
            )
        )
        mf.convert(source, masks, classes=classes)
        drawn = Path(scratch, "drawn")
        (masks / "masks").rename(drawn)
        mf.convert(source, Path(scratch, "pierced"), classes=classes)
        pierce(Path(scratch, "pierced"))

        def measure(names: tuple[str, ...], given: Path) -> list[Converter]:
            converters = [
                Converter(name, Path(scratch, name), python=pythons.get(name, sys.executable))
                for name in names
            ]
            for _ in range(options.rounds):
                for converter in converters:
                    if converter.missing is None:
                        converter.turn(given)
            for converter in converters:
                if converter.missing is not None:
                    print(f"\nLeft out: {converter.name} ({converter.missing})")
            return [one for one in converters if one.missing is None]

        def table(
            title: str, columns: str, found: list[Converter], lost: Callable[[Converter], str]
        ) -> None:
            print(f"\n{title}:\n\n| converter | ms per image | times maskforge | {columns} |")
            print("|---|---:|" + "---:|" * (columns.count("|") + 2))
            for one in found:
                taken = 1000 * statistics.median(one.seconds) / options.images
                print(f"| {one.name} | {taken:.1f} | {ratio(one, found[0])} | {lost(one)} |")

        table(
            f"{options.images} LabelMe files to COCO",
            "wrong px | objects | parts | own keys",
            measure(TO_COCO, source),
            lambda one: f"{wrong_pixels(one.out, drawn, source, classes):.0f} | {objects(one.out)}",
        )
        pierced = Path(scratch, "pierced")
        table(
            f"{options.images} masks with holes to outlines",
            "wrong px",
            measure(OF_MASKS, pierced),
            lambda one: f"{wrong_pixels(one.out, pierced / 'masks', source, classes):.0f}",
        )


if __name__ == "__main__":
    main()
