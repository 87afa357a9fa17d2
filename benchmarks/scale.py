"""Measures what many images cost: in a file for each, and in one large file.

Prints the memory and processor time of one process that checks all annotations without writing
anything (`convert(..., dry_run=True)`), less what it takes to load maskforge. With `--converted`,
prints those of whole conversions of small images in files, on Linux, with nothing subtracted; with
`--going-on`, their memory, and that of runs that find everything done by one that was killed.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from workers import run

WIDTH, HEIGHT = 640, 480
SHAPES, VERTICES = 12, 60
NUMBER = "@"

MEASURE = """
import resource, sys, time, maskforge
scale = 2**20 if sys.platform == "darwin" else 2**10
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / scale
maskforge.convert(sys.argv[1], sys.argv[2], dry_run=True)
loaded, start = peak(), time.process_time()
report = maskforge.convert(sys.argv[3], sys.argv[2], dry_run=True)
print(report.images["found"], peak() - loaded, time.process_time() - start)
"""


KILLED = """
import os, signal, sys, maskforge
def kill(phase, done, total):
    if phase == "drawing" and done == total: os.kill(os.getpid(), signal.SIGKILL)
maskforge.convert(sys.argv[1], sys.argv[2], progress=kill)
"""


def outlines() -> Iterator[list[tuple[float, float]]]:
    """Yield outlines that neither cross themselves nor each other."""
    for number in range(SHAPES):
        x, y = 80 + 160 * (number % 4), 80 + 160 * (number // 4)
        angles = [2 * math.pi * one / VERTICES for one in range(VERTICES)]
        yield [(x + 60 * math.cos(one), y + 60 * math.sin(one)) for one in angles]


def labelme() -> str:
    """Return a file of LabelMe."""
    about: dict[str, Any] = {
        "label": "caries",
        "group_id": None,
        "shape_type": "polygon",
        "flags": {},
    }
    shapes = [{**about, "points": points} for points in outlines()]
    size = {"imageHeight": HEIGHT, "imageWidth": WIDTH, "imageData": None}
    image: dict[str, Any] = {"version": "5.8.1", "flags": {}, "imagePath": f"{NUMBER}.png", **size}
    return json.dumps({**image, "shapes": shapes})


def vott() -> tuple[str, str, str]:
    """Return the beginning of a JSON export, what stands in it for an image, and the end."""
    asset: dict[str, Any] = {"format": "png", "id": f"id{NUMBER}", "name": f"{NUMBER}.png"}
    asset |= {"path": f"file:/data/{NUMBER}.png", "size": {"width": WIDTH, "height": HEIGHT}}
    regions = [
        {"id": "r", "type": "POLYGON", "tags": ["caries"], "points": points}
        for points in ([{"x": x, "y": y} for x, y in outline] for outline in outlines())
    ]
    entry = {"asset": {**asset, "state": 2, "type": 1}, "regions": regions, "version": "2.2.0"}
    start = '{"name": "x", "tags": [{"name": "caries", "color": "#ff0000"}], "assets": {'
    return start, f'"id{NUMBER}": {json.dumps(entry)}', "}}"


def superannotate() -> tuple[str, str, str]:
    """Return the same of a project file of SuperAnnotate Desktop."""
    about = {"type": "polygon", "classId": 1, "className": "caries", "probability": 100}
    records: list[dict[str, Any]] = [
        {**about, "points": [number for point in outline for number in point], "groupId": 0}
        for outline in outlines()
    ]
    size = {"type": "meta", "name": "imageAttributes", "width": WIDTH, "height": HEIGHT}
    return "{", f'"{NUMBER}.png": {json.dumps([*records, size])}', "}"


def write_files(folder: Path, images: int) -> None:
    """Write a file for each image."""
    folder.mkdir()
    content = labelme()
    for number in range(images):
        text = content.replace(NUMBER, f"{number:06}")
        (folder / f"{number:06}.json").write_text(text, encoding="utf-8")


def write_file(folder: Path, parts: tuple[str, str, str], megabytes: int) -> None:
    """Write one file with as many images as make a size."""
    start, entry, end = parts
    folder.mkdir()
    with (folder / "annotations.json").open("w", encoding="utf-8") as stream:
        stream.write(start)
        for number in range(max(1, megabytes * 10**6 // len(entry))):
            stream.write(", " * (number > 0) + entry.replace(NUMBER, f"{number:06}"))
        stream.write(end)


def write_small(folder: Path, images: int) -> None:
    """Write small images, each with a file of one polygon."""
    folder.mkdir()
    blank = np.zeros((64, 64), np.uint8)
    image = cv2.imencode(".png", blank)[1].tobytes()
    document = json.loads(labelme())
    shape = {**document["shapes"][0], "points": [[1, 1], [8, 1], [8, 9], [2, 12]]}
    content = json.dumps({**document, "imageHeight": 64, "imageWidth": 64, "shapes": [shape]})
    for number in range(images):
        (folder / f"{number:06}.png").write_bytes(image)
        (folder / f"{number:06}.json").write_text(content.replace(NUMBER, f"{number:06}"))


def print_converted(scratch: str, counts: list[int]) -> None:
    """Print what whole conversions take, in one process and in two."""
    print("| images | workers | processor ms per image | MB | MB of the largest worker |")
    print("|---:|---:|---:|---:|---:|")
    for count in counts:
        source = Path(scratch, f"small-{count}")
        write_small(source, count)
        for workers in (1, 2):
            turn = run(
                ["convert", str(source), "--out", "out"], Path(scratch), f"--workers={workers}"
            )
            first, *others = turn.peaks
            costs = f"{1000 * turn.processors / count:.2f} | {first:.0f}"
            print(f"| {count:,} | {workers} | {costs} | {max(others, default=0):.0f} |", flush=True)
            shutil.rmtree(Path(scratch, "out"))
        shutil.rmtree(source)


def print_going_on(scratch: str, counts: list[int]) -> None:
    """Print the memory of whole conversions, and of those that find everything done."""
    print("| images | run | workers | MB | MB of the largest worker |")
    print("|---:|---|---:|---:|---:|")
    for count in counts:
        source, out = Path(scratch, f"small-{count}"), Path(scratch, "out")
        write_small(source, count)
        for name, workers in itertools.product(("whole", "going on"), (1, 2)):
            if name == "going on":
                shutil.rmtree(out)
                subprocess.run([sys.executable, "-c", KILLED, str(source), str(out)], check=False)
            command = ["convert", str(source), "--out", str(out)]
            share = f"--workers={workers}"
            turn = run(command, Path(scratch), share, anew=name == "whole")
            first, *others = turn.peaks
            largest = max(others, default=0)
            print(f"| {count:,} | {name} | {workers} | {first:.0f} | {largest:.0f} |", flush=True)
        shutil.rmtree(source)
        shutil.rmtree(out)


def measure(folder: Path) -> tuple[int, float, float]:
    """Return the images of a folder, the peak of the memory in MiB, and the seconds they took."""
    first = folder.parent / "first"
    if not first.is_dir():
        write_files(first, 1)
    command = [sys.executable, "-c", MEASURE, str(first), str(folder.parent / "out"), str(folder)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    images, peak, seconds = done.stdout.split()
    return int(images), float(peak), float(seconds)


def main() -> None:
    """Write the files, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, nargs="*", default=[1000, 5000, 20000])
    parser.add_argument("--megabytes", type=int, nargs="*", default=[30, 300])
    parser.add_argument("--converted", type=int, nargs="*", help="these instead, whole")
    parser.add_argument("--going-on", type=int, nargs="*", help="these instead, memory alone")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="maskforge-benchmark-") as scratch:
        if options.converted:
            print_converted(scratch, options.converted)
            return
        if options.going_on:
            print_going_on(scratch, options.going_on)
            return
        print("| files of one image each | ms per image | MB |")
        print("|---:|---:|---:|")
        for count in options.images:
            folder = Path(scratch, f"files-{count}")
            write_files(folder, count)
            images, peak, seconds = measure(folder)
            print(f"| {images:,} | {1000 * seconds / images:.1f} | {peak:.0f} |", flush=True)
        print("\n| one file | MB | images | ms per image | memory / size |")
        print("|---|---:|---:|---:|---:|")
        for title, parts in (("VoTT export", vott()), ("SuperAnnotate", superannotate())):
            for megabytes in options.megabytes:
                folder = Path(scratch, f"{title}-{megabytes}")
                write_file(folder, parts, megabytes)
                images, peak, seconds = measure(folder)
                size = (folder / "annotations.json").stat().st_size / 2**20
                costs = f"{1000 * seconds / images:.1f} | {peak / size:.2f}"
                print(f"| {title} | {size:.0f} | {images:,} | {costs} |", flush=True)


if __name__ == "__main__":
    main()
