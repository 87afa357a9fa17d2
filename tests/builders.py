"""Small annotation folders, and looking at what the tool made of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from typer.testing import CliRunner, Result

from maskforge import open_dataset
from maskforge.cli.app import app

WIDTH, HEIGHT = 8, 6

Corners = Sequence[tuple[float, float]]


def corners(x0: float, y0: float, x1: float, y1: float) -> list[list[float]]:
    return [[x0, y0], [x1, y0], [x1, y1], [x0, y1]]


def shape(label: object, points: object, kind: str | None = "polygon", **keys: object) -> dict:
    """One entry of a LabelMe file."""
    entry = {"label": label, "points": points, "group_id": None, "shape_type": kind, "flags": {}}
    return entry | keys


def square(label: object, x0: float, y0: float, x1: float, y1: float, **keys: object) -> dict:
    """A LabelMe polygon: the pixels x0 to x1 - 1 and y0 to y1 - 1."""
    return shape(label, corners(x0, y0, x1, y1), **keys)


def labelme(
    path: Path,
    *shapes: object,
    image: str | None = None,
    width: object = WIDTH,
    height: object = HEIGHT,
    **keys: object,
) -> Path:
    """Write a LabelMe file; the image's name follows from the file's name."""
    content = {
        "version": "5.5.0",
        "flags": {},
        "shapes": list(shapes),
        "imagePath": f"{path.stem}.png" if image is None else image,
        "imageData": None,
        "imageHeight": height,
        "imageWidth": width,
    }
    return write_json(path, content | keys)


def superannotate(
    path: Path, *instances: dict, width: int | None = WIDTH, height: int | None = HEIGHT
) -> Path:
    """Write a SuperAnnotate file of the current generation: ``name.png.json``."""
    name = path.name.removesuffix(".json")
    metadata = {"name": name, "width": width, "height": height, "status": "Completed"}
    content = {"metadata": metadata, "instances": list(instances), "tags": [], "comments": []}
    return write_json(path, content)


def instance(class_name: str, points: Corners, **keys: object) -> dict:
    """A SuperAnnotate polygon."""
    flat = [number for point in points for number in point]
    return {"type": "polygon", "className": class_name, "points": flat, "exclude": []} | keys


def vott(folder: Path, assets: dict[str, tuple[int, list[dict]]], **keys: object) -> Path:
    """Write a VoTT project; assets are ``{name: (state, regions)}``."""
    listed = {}
    for number, (name, (state, regions)) in enumerate(assets.items()):
        asset = {
            "format": name.rpartition(".")[2],
            "id": f"{number:032x}",
            "name": name,
            "path": f"file:/elsewhere/{name}",
            "size": {"width": WIDTH, "height": HEIGHT},
            "state": state,
            "type": 1,
        } | keys
        listed[asset["id"]] = asset
        if state == 2:
            content = {"asset": asset, "regions": regions, "version": "2.2.0"}
            write_json(folder / f"{asset['id']}-asset.json", content)
    project = {"name": "teeth", "version": "2.2.0", "tags": [], "assets": listed}
    return write_json(folder / "teeth.vott", project)


def region(tags: Sequence[str], points: Corners) -> dict:
    """A VoTT polygon."""
    x, y = zip(*points, strict=True)
    box = {"left": min(x), "top": min(y), "width": max(x) - min(x), "height": max(y) - min(y)}
    pairs = [{"x": x, "y": y} for x, y in points]
    return {
        "id": "r",
        "type": "POLYGON",
        "tags": list(tags),
        "boundingBox": box,
        "points": pairs,
    }


def write_json(path: Path, content: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


def image(
    path: Path, width: int = WIDTH, height: int = HEIGHT, *, orientation: int = 1, mode: str = "RGB"
) -> Path:
    """Write an image; ``width`` and ``height`` are those of the pixels as they are stored."""
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    if orientation != 1:
        exif[0x0112] = orientation
    Image.new(mode, (width, height)).save(path, exif=exif)
    return path


def run(*arguments: object) -> Result:
    """Run the command in this process."""
    result = CliRunner().invoke(app, [str(one) for one in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def convert(*arguments: object) -> dict[str, Any]:
    """Run ``maskforge convert --json`` and return the report."""
    result = run("convert", *arguments, "--json")
    assert result.stdout, result.stderr
    return json.loads(result.stdout)


def grid(*rows: str) -> np.ndarray:
    """Return a mask drawn with one character per pixel; a dot is 0, a V is 255."""
    values = {".": 0, "V": 255}
    return np.array(
        [[values.get(one) or int(one, 36) if one != "." else 0 for one in row] for row in rows]
    )


def pixels(path: Path) -> np.ndarray:
    """Return what is in a mask file, read without maskforge."""
    if path.suffix == ".npy":
        return np.load(path)
    with Image.open(path) as opened:
        return np.asarray(opened)


def manifest(out: Path, name: str = "manifest.jsonl") -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / name).read_text("utf-8").splitlines()]


def tree(folder: Path) -> dict[str, bytes | None]:
    """Return every file below a folder with its content, and every folder with None."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


def files(folder: Path) -> set[str]:
    return {name for name, content in tree(folder).items() if content is not None}


UNFINISHED = ".manifest.jsonl.part"
LOCK = ".maskforge.lock"


def assert_whole(out: Path, name: str = "manifest.jsonl") -> None:
    """A folder of results holds exactly what its manifest lists, and every file is readable."""
    listed = {name, "classes.json"} | ({LOCK} if name == UNFINISHED else set())
    for line in manifest(out, name):
        for mask in filter(None, (line["mask"], line["instances"])):
            assert pixels(out / mask).shape[:2] == (line["height"], line["width"])
            listed.add(mask)
        for file, digest in line["digests"].items():
            assert hashlib.sha256((out / file).read_bytes()).hexdigest() == digest
            assert file in listed or not file.startswith(("masks/", "instances/"))
    assert files(out) == listed


def assert_unfinished(out: Path) -> None:
    """A folder whose run was ended holds exactly the images that were done, and says so."""
    assert_whole(out, UNFINISHED)
    dataset = open_dataset(out)
    assert dataset.unfinished
    assert [one.mask for one in dataset.entries] == [
        line["mask"] for line in manifest(out, UNFINISHED)
    ]


def total(dictionaries: Iterable[dict[str, int]]) -> dict[str, int]:
    """Add up dictionaries of counts."""
    sums: dict[str, int] = {}
    for one in dictionaries:
        for key, count in one.items():
            sums[key] = sums.get(key, 0) + count
    return sums
