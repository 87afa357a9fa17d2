"""What is compared: several ways from LabelMe files to masks or COCO, and from masks to outlines.

Run as a program by conversion.py and exchange.py, one converter at a time, so that imports and
memory are its own.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import resource
import shutil
import struct
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

from generated_set import LABELS

Converter: TypeAlias = Callable[[Path, Path], None]

VALUES = {label: value for value, label in enumerate(LABELS, 1)}
PALETTE = bytes(value * factor % 256 for value in range(256) for factor in (37, 91, 151))


def prepare_floor() -> Converter:
    """Return the least that must be done: orjson, OpenCV's fill, isal; no check of anything."""
    import cv2
    import numpy as np
    import orjson
    from isal import isal_zlib

    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = zlib.crc32(content, zlib.crc32(kind))
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)

    def convert(source: Path, out: Path) -> None:
        out.mkdir()
        for file in sorted(source.glob("*.json")):
            root = orjson.loads(file.read_bytes())
            height, width = root["imageHeight"], root["imageWidth"]
            # A PNG line starts with its filter type; 0 means none.
            lines = np.zeros((height, width + 1), dtype=np.uint8)
            mask = lines[:, 1:]
            for shape in root["shapes"]:
                points = np.rint(np.array(shape["points"])).astype(np.int32)
                cv2.fillPoly(mask, [points], VALUES[shape["label"]])
            header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
            content = (
                b"\x89PNG\r\n\x1a\n",
                chunk(b"IHDR", header),
                chunk(b"PLTE", PALETTE),
                chunk(b"IDAT", isal_zlib.compress(lines, 1)),
                chunk(b"IEND", b""),
            )
            (out / f"{file.stem}.png").write_bytes(b"".join(content))

    return convert


def prepare_maskforge() -> Converter:
    """Return maskforge's whole conversion, with a class map made from the labels."""
    import maskforge

    def convert(source: Path, out: Path) -> None:
        maskforge.convert(source, out, rasterizer="exact")

    return convert


def prepare_maskforge_with_classes() -> Converter:
    """Return maskforge's whole conversion, with a class map that is given."""
    import maskforge

    classes = maskforge.ClassMap(
        tuple(
            maskforge.MaskClass(value, label, (40 * value, 0, 255 - 40 * value), (label,))
            for label, value in VALUES.items()
        )
    )

    def convert(source: Path, out: Path) -> None:
        maskforge.convert(source, out, rasterizer="exact", classes=classes)

    return convert


def prepare_labelme() -> Converter:
    """Return LabelMe's own functions, called as its example ``export_json.py`` does.

    That script also decodes the image, to know its size and to draw over it; here the size is
    given for free.
    """
    import numpy as np
    from generated_set import HEIGHT, WIDTH
    from labelme import LabelFile, utils

    def convert(source: Path, out: Path) -> None:
        out.mkdir()
        for file in sorted(source.glob("*.json")):
            shapes = LabelFile(str(file)).shapes
            labels, _ = utils.shapes_to_label((HEIGHT, WIDTH), shapes, VALUES)
            utils.lblsave(str(out / f"{file.stem}.png"), labels.astype(np.uint8))

    return convert


def prepare_pycocotools() -> Converter:
    """Return the way through COCO's run lengths, with the standard JSON reader and Pillow."""
    import numpy as np
    from PIL import Image
    from pycocotools import mask as coco

    def convert(source: Path, out: Path) -> None:
        out.mkdir()
        for file in sorted(source.glob("*.json")):
            root = json.loads(file.read_text(encoding="utf-8"))
            height, width = root["imageHeight"], root["imageWidth"]
            mask = np.zeros((height, width), dtype=np.uint8)
            for shape in root["shapes"]:
                outline = np.array(shape["points"]).ravel().tolist()
                runs = coco.merge(coco.frPyObjects([outline], height, width))
                mask[coco.decode(runs) == 1] = VALUES[shape["label"]]
            image = Image.fromarray(mask)
            image.putpalette(PALETTE)
            image.save(out / f"{file.stem}.png")

    return convert


def prepare_export(format_: str) -> Converter:
    """Return maskforge's whole export to a format."""
    import maskforge

    def convert(source: Path, out: Path) -> None:
        maskforge.export(source, out, format=format_)

    return convert


def prepare_labelme2coco() -> Converter:
    """Return labelme2coco's only function, without its messages."""
    import logging

    import labelme2coco

    logging.disable()

    def convert(source: Path, out: Path) -> None:
        text = io.StringIO()
        with contextlib.redirect_stdout(text), contextlib.redirect_stderr(text):
            labelme2coco.convert(str(source), str(out))
        (out / "dataset.json").rename(out / "annotations.json")

    return convert


def prepare_supervision() -> Converter:
    """Return supervision's reader of LabelMe and writer of COCO; images are not written."""
    import supervision

    def convert(source: Path, out: Path) -> None:
        out.mkdir()
        data = supervision.DetectionDataset.from_labelme(str(source), str(source))
        data.as_coco(annotations_path=str(out / "annotations.json"))

    return convert


def prepare_datumaro() -> Converter:
    """Return Datumaro's reader of COCO and writer of CVAT; images are not written."""
    import logging

    from datumaro.components.dataset import Dataset

    logging.disable()

    def convert(source: Path, out: Path) -> None:
        data = Dataset.import_from(str(source), "coco_instances")
        data.export(str(out), "cvat", save_media=False, allow_undeclared_attrs=True)

    return convert


def prepare_opencv_of_masks() -> Converter:
    """Return the usual script: the contours of each class, written as LabelMe files."""
    import cv2
    import numpy as np

    cv2.setNumThreads(1)

    def trace(mask: Any) -> Iterator[tuple[int, Any]]:
        for value in (int(one) for one in np.unique(mask) if one):
            inside = (mask == value).astype(np.uint8)
            contours, levels = cv2.findContours(inside, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
            outlines: dict[int, list[Any]] = {}
            for number, contour in enumerate(contours):
                parent = int(levels[0, number, 3])  # -1 for outer contours
                outlines.setdefault(number if parent < 0 else parent, [])
                if len(contour) > 2:
                    outlines[number if parent < 0 else parent].append(contour[:, 0].tolist())
            yield from ((value, rings) for rings in outlines.values() if rings)

    return _outlines_written(trace)


def prepare_rasterio_of_masks() -> Converter:
    """Return rasterio's shapes, written as LabelMe files."""
    from rasterio import features

    def trace(mask: Any) -> Iterator[tuple[int, Any]]:
        for shape, value in features.shapes(mask, mask=mask > 0, connectivity=8):
            yield int(value), [ring[:-1] for ring in shape["coordinates"]]

    return _outlines_written(trace)


def _outlines_written(trace: Callable[[Any], Iterator[tuple[int, Any]]]) -> Converter:
    import numpy as np
    from PIL import Image

    def joined(rings: Any) -> list[Any]:
        """Return one ring that runs into every hole and back on the same line."""
        outer, *holes = rings
        into = [point for hole in holes for point in (outer[0], *hole, hole[0])]
        return [*outer, *into]

    def convert(source: Path, out: Path) -> None:
        out.mkdir()
        for file in sorted((source / "masks").glob("*.png")):
            mask = np.asarray(Image.open(file))
            shapes: list[dict[str, Any]] = [
                {"label": LABELS[value - 1], "points": joined(rings), "shape_type": "polygon"}
                | {"group_id": None, "flags": {}}
                for value, rings in trace(mask)
            ]
            document: dict[str, Any] = {"version": "5.8.1", "flags": {}, "shapes": shapes}
            document |= {"imagePath": f"{file.stem}.jpg", "imageData": None}
            document |= {"imageHeight": mask.shape[0], "imageWidth": mask.shape[1]}
            (out / f"{file.stem}.json").write_text(json.dumps(document, indent=2), "utf-8")

    return convert


PREPARE: dict[str, Callable[[], Converter]] = {
    "floor": prepare_floor,
    "maskforge": prepare_maskforge,
    "maskforge, classes given": prepare_maskforge_with_classes,
    "labelme": prepare_labelme,
    "pycocotools": prepare_pycocotools,
    "maskforge to COCO": lambda: prepare_export("coco"),
    "labelme2coco": prepare_labelme2coco,
    "supervision": prepare_supervision,
    "maskforge to CVAT": lambda: prepare_export("cvat"),
    "datumaro": prepare_datumaro,
    "maskforge from masks": lambda: prepare_export("labelme"),
    "cv2.findContours": prepare_opencv_of_masks,
    "rasterio.features.shapes": prepare_rasterio_of_masks,
}
"""The converters by name; each function does the imports and returns what is measured."""


def peak_megabytes() -> float:
    """Return the most memory that this process has had so far, in MB of 10^6 bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return (peak if sys.platform == "darwin" else peak * 1024) / 1e6


def main() -> None:
    """Convert a folder for every line of the input, and print a JSON object that tells how long.

    The first JSON object tells whether a package is missing.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("converter", choices=PREPARE)
    parser.add_argument("source", type=Path)
    parser.add_argument("out", type=Path)
    options = parser.parse_args()
    try:
        convert = PREPARE[options.converter]()
    except ImportError as error:
        print(json.dumps({"missing": str(error)}))
        return
    print(json.dumps({"missing": None}), flush=True)
    for _ in sys.stdin:
        shutil.rmtree(options.out, ignore_errors=True)
        start, used = time.perf_counter(), time.process_time()
        convert(options.source, options.out)
        taken = {"seconds": time.perf_counter() - start, "processor": time.process_time() - used}
        print(json.dumps({**taken, "peak": peak_megabytes()}), flush=True)


if __name__ == "__main__":
    main()
