"""Measures what annotations take and lose on their way to other tools; prints Markdown tables.

One table is LabelMe files to COCO, one COCO to CVAT, one masks to outlines as LabelMe files. Every
converter has a process of its own, in which they take turns. What they wrote is read and drawn by
the exact rasterizer, and compared with the masks of the source.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from conversion import HERE, Converter, ratio, versions
from generated_set import LABELS
from PIL import Image

import maskforge as mf
from maskforge.shapes import Area, Bitmap

TO_COCO = ("maskforge to COCO", "labelme2coco", "supervision")
TO_CVAT = ("maskforge to CVAT", "datumaro")
OF_MASKS = ("maskforge from masks", "cv2.findContours", "rasterio.features.shapes")
OWN_KEY = "reviewed"


def enrich(source: Path) -> None:
    """Give LabelMe files what conversions lose: objects of several parts, and keys."""
    for path in source.glob("*.json"):
        document = json.loads(path.read_text("utf-8"))
        for number, shape in enumerate(document["shapes"]):
            shape[OWN_KEY] = True
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


def write_coco(source: Path, out: Path) -> None:
    """Write LabelMe files as COCO, laid out and with attributes as Datumaro reads them."""
    mf.export(source, out / "annotations", format="coco")
    file = out / "annotations" / "annotations.json"
    document = json.loads(file.read_text("utf-8"))
    for image in document["images"]:
        image["file_name"] = Path(image["file_name"]).name
    for record in document["annotations"]:
        record["attributes"] = {OWN_KEY: True}
    file.with_name("instances_default.json").write_text(json.dumps(document), "utf-8")
    file.unlink()
    (out / "images").mkdir()
    for image in source.glob("*.jpg"):
        (out / "images" / image.name).hardlink_to(image)


def without_crowds(files: Path) -> int:
    """Return how many objects a COCO file calls crowds, and let it call them objects.

    A crowd is void in masks. Whether its pixels are right is another question.
    """
    crowds = 0
    for file in files.glob("*.json"):
        document = json.loads(file.read_text("utf-8"))
        for record in document.get("annotations", ()):
            crowds += record["iscrowd"]
            record["iscrowd"] = 0
        file.write_text(json.dumps(document), "utf-8")
    return crowds


def lost(files: Path, masks: Path, images: Path, classes: mf.ClassMap) -> dict[str, str]:
    """Return in how many pixels per image files differ from masks, and what became of objects.

    Boxes are left out: Datumaro writes one around every object beside its outline.
    """
    crowds = without_crowds(files)
    wrong, objects, parts, keys = [], 0, 0, 0
    for image in mf.read(files, images=images):
        shapes = tuple(one for one in image.shapes if one.kind != "box")
        drawn = mf.draw(replace(image, shapes=shapes), classes).mask
        expected = np.asarray(Image.open(masks / f"{Path(image.image.name).stem}.png"))
        wrong.append(np.count_nonzero(drawn != expected))
        objects += len({one.instance or number for number, one in enumerate(shapes)})
        for shape in shapes:
            keys += OWN_KEY in repr(shape.extra)
            if isinstance(shape.geometry, Area):
                parts += len(shape.geometry.parts)
            elif isinstance(shape.geometry, Bitmap):
                parts += cv2.connectedComponents(shape.geometry.pixels.astype(np.uint8))[0] - 1
    if len(wrong) != len(list(masks.glob("*.png"))):
        sys.exit(f"{files}: {len(wrong)} images")
    counts = {"objects": objects, "parts": parts, "crowds": crowds, "own keys": keys}
    return {"wrong px": f"{sum(wrong) / len(wrong):.0f}"} | {
        what: str(count) for what, count in counts.items()
    }


def measured(
    names: Sequence[str], source: Path, scratch: Path, options: argparse.Namespace
) -> list[Converter]:
    """Let converters take turns on a folder, each after a first turn that does not count."""
    pythons = dict(one.split("=", 1) for one in options.python)
    converters = [
        Converter(name, scratch / name, python=pythons.get(name, sys.executable)) for name in names
    ]
    with contextlib.ExitStack() as stack:
        started = [(one, stack.enter_context(one.started(source))) for one in converters]
        turns = [(one, convert) for one, convert in started if one.missing is None]
        for number in range(options.rounds + 1):
            for converter, convert in turns:
                taken = convert()
                if number:
                    converter.seconds.append(taken["processor"])
    for one in converters:
        if one.missing is not None:
            print(f"\nLeft out: {one.name} ({one.missing})")
    return [one for one, _ in turns]


def main() -> None:
    """Generate the set, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=5, help="turns of every converter")
    parser.add_argument(
        "--python",
        action="append",
        default=[],
        metavar="CONVERTER=FILE",
        help="the Python of an environment in which a converter is installed",
    )
    options = parser.parse_args()
    print(versions(), flush=True)
    classes = mf.ClassMap(
        tuple(
            mf.MaskClass(value, label, (40 * value, 0, 255 - 40 * value), (label,))
            for value, label in enumerate(LABELS, 1)
        )
    )
    with tempfile.TemporaryDirectory(prefix="maskforge-benchmark-") as folder:
        scratch = Path(folder)
        source, coco, masks, pierced = (
            scratch / one for one in ("source", "coco", "masks", "pierced")
        )
        command = [sys.executable, str(HERE / "generated_set.py"), str(source)]
        subprocess.run([*command, f"--images={options.images}"], check=True)
        enrich(source)
        write_coco(source, coco)
        mf.convert(source, masks, classes=classes)
        mf.convert(source, pierced, classes=classes)
        pierce(pierced)
        wrong, of_objects = "wrong px", ("objects", "parts", "own keys")
        for title, names, given, expected, columns in (
            ("LabelMe files to COCO", TO_COCO, source, masks, (wrong, *of_objects, "crowds")),
            ("images of a COCO file to CVAT", TO_CVAT, coco, masks, (wrong, *of_objects)),
            ("masks with holes to outlines", OF_MASKS, pierced, pierced, (wrong,)),
        ):
            found = measured(names, given, scratch, options)
            print(f"\n{options.images} {title}:\n")
            print(f"| converter | ms per image | times maskforge | {' | '.join(columns)} |")
            print("|---|---:|---:|" + "---:|" * len(columns))
            for one in found:
                taken = 1000 * statistics.median(one.seconds) / options.images
                known = lost(one.out, expected / "masks", source, classes)
                cells = [one.name, f"{taken:.1f}", ratio(one, found[0])]
                cells += [known[column] for column in columns]
                print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
