"""Folders of annotation files: the samples of every format, and small ones with all its records."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from damage import lean
from PIL import Image

from maskforge.formats.registry import FORMATS

SAMPLES = Path(__file__).parents[2] / "samples"
SUFFIXES = {".json", ".vott", ".csv", ".xml"}


@dataclass(frozen=True)
class Tree:
    """Files by their path below a folder.

    Attributes:
        links: Files that are read in another way if a certain one is damaged; all others must not.
    """

    format: str
    name: str
    files: Mapping[str, bytes]
    links: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @property
    def annotations(self) -> list[str]:
        return [name for name in self.files if Path(name).suffix in SUFFIXES]

    @property
    def documents(self) -> list[str]:
        """Those that are JSON."""
        return [name for name in self.annotations if not name.endswith((".csv", ".xml"))]

    def root(self, name: str) -> Any:
        return json.loads(self.files[name])

    def lean(self) -> Tree:
        """Return the tree with one record of each kind, so that much damage is done soon."""
        lean_files = {name: json.dumps(lean(self.root(name))).encode() for name in self.documents}
        return Tree(self.format, self.name, {**self.files, **lean_files}, self.links)

    def write(self, folder: Path, changed: Mapping[str, bytes] = {}) -> Path:
        for name, content in (dict(self.files) | dict(changed)).items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return folder


def sample_tree(name: str) -> Tree:
    folder = SAMPLES / name
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return Tree(
        name, "samples", {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}
    )


def trees() -> Iterator[Tree]:
    """Yield the samples of every format, and what else there is of some."""
    for name in FORMATS:
        yield sample_tree(name)
        if name in SMALL:
            files, links = SMALL[name]()
            contents = {
                key: one if isinstance(one, bytes) else json.dumps(one).encode()
                for key, one in files.items()
            }
            yield Tree(name, "small", contents, links)


def png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


GRAY = png(np.zeros((30, 40), dtype=np.uint8))
Small = tuple[dict[str, Any], dict[str, frozenset[str]]]

# --- LabelMe

BOX = [[2.0, 3.0], [12.0, 3.0], [12.0, 9.0], [2.0, 9.0]]
LABELME_MASK = png(np.array([[0, 9, 9, 0], [9, 9, 0, 9], [0, 0, 9, 0]], dtype=np.uint8))


def labelme_shape(kind: str | None, points: list[list[float]], **keys: Any) -> dict[str, Any]:
    return {"label": "caries", "points": points, "shape_type": kind, "flags": {}} | keys


def labelme() -> Small:
    shape = labelme_shape
    mask = base64.b64encode(LABELME_MASK).decode()
    document = {
        "version": "5.4.1",
        "flags": {"bitewing": True, "blurred": False},
        "shapes": [
            shape("polygon", [[1.5, 2.0], [20.25, 3.0], [9.0, 30.5]], group_id=1),
            shape(None, BOX, description="distal", score=0.5),
            shape("rectangle", [[12.0, 9.0], [2.0, 3.0]]),
            shape("rectangle", BOX, attributes={"grade": "D2"}),
            shape("oriented_rectangle", [[6, 5], [9, 8], [6, 11], [3, 8]]),
            shape("circle", [[5, 5], [8, 9]]),
            shape("line", [[5, 5], [8, 9]]),
            shape("linestrip", [[5, 5], [8, 9], [1, 1]]),
            shape("point", [[5, 5]]),
            shape("points", [[5, 5], [8, 9]]),
            shape("mask", [[2, 3], [5, 5]], mask=mask),
            shape("cuboid", [*BOX, *([x + 4, y - 2] for x, y in BOX)]),
        ],
        "imagePath": "tooth.png",
        "imageData": base64.b64encode(GRAY).decode(),
        "imageHeight": 30,
        "imageWidth": 40,
        "lineColor": [0, 255, 0, 128],
    }
    return {"tooth.json": document}, {}


# --- SuperAnnotate


def corner(x: float, y: float) -> dict[str, float]:
    return {"x": x, "y": y}


def save_png() -> bytes:
    pixels = np.zeros((30, 40, 4), dtype=np.uint8)
    pixels[2:9, 3:12] = (0, 0, 15, 255)
    pixels[20:25, 30:40] = (0, 1, 14, 255)
    pixels[12:18, 0:20] = (0, 0, 30, 255)
    pixels[14, 5:9] = 0
    return png(pixels)


def superannotate() -> Small:
    four = {"x1": 9, "y1": 0, "x2": 12, "y2": 3, "x3": 9, "y3": 6, "x4": 6, "y4": 3}
    body = {"f1": corner(0, 0), "f2": corner(9, 9), "r1": corner(4, -4), "r2": corner(13, 5)}
    vector: list[Any] = [
        {"type": "comment", "x": 1.5, "y": 2, "comments": [{"text": "?", "id": "a@example.org"}]},
        {
            "type": "polygon",
            "classId": 70,
            "className": "Enamel",
            "points": [1.5, 2, 20.25, 3, 9, 30.5],
            "exclude": [[6, 8, 10, 8, 9, 12]],
            "groupId": 1,
            "visible": False,
            "attributes": [{"id": 1, "groupId": 2, "name": "a"}],
        },
        {"type": "bbox", "classId": 71, "points": {"x1": 9, "y1": 8, "x2": 2.5, "y2": 3}},
        {"type": "rbbox", "className": "Pulp", "points": four},
        {"type": "ellipse", "classId": -1, "cx": 20, "cy": 20, "rx": 5, "ry": 3, "angle": -45.5},
        {"type": "cuboid", "className": "Pulp", "points": body},
        {"type": "polyline", "className": "Crack", "points": [1, 2, 3, 4, 9, 9]},
        {"type": "point", "className": "Tip", "x": 5, "y": 6},
        {"type": "template", "className": "Jaw", "points": [{"id": 1, "x": 1, "y": 2}]},
        {"type": "tag", "className": "Blurred", "probability": 100},
    ]
    pixel: list[Any] = [
        {"classId": 70, "visible": True, "parts": [{"color": "#00000f"}, {"color": "#00010e"}]},
        {"type": "mask", "className": "Pulp", "parts": [{"color": "#00001e"}]},
    ]
    meta: list[Any] = [
        {"type": "meta", "name": "imageAttributes", "width": 40, "height": 30, "status": "Done"},
        {"type": "meta", "name": "lastAction", "timestamp": 1},
    ]
    metadata = {"name": "a.png", "width": 40, "height": 30, "status": "Completed", "pinned": False}
    beside = {"metadata": metadata, "tags": ["left"], "comments": [{"x": 1, "correspondence": []}]}
    classes = [
        {"id": 70, "name": "Enamel", "color": "#00ff00", "attribute_groups": []},
        {"id": 71, "name": "Pulp", "color": "#ff0000", "attribute_groups": []},
    ]
    files: dict[str, Any] = {
        "lists/annotations.json": {"a.png": vector + meta, "b.png": pixel},
        "objects/annotations.json": {
            "___sa_version___": "1.0.0",
            "a.png": {"instances": vector, **beside},
        },
        "a.png___objects.json": vector + pixel + meta,
        "a.png___pixel.json": {"instances": pixel + vector, **beside},
        "a.png.json": {"instances": vector + pixel, **beside},
        "classes/classes.json": classes,
    }
    documents = frozenset(files)
    for folder in ("", "lists/", "objects/"):
        for name in ("a.png", "b.png"):
            files |= {f"{folder}{name}": GRAY, f"{folder}{name}___save.png": save_png()}
    return files, {"classes/classes.json": documents}


# --- VoTT

POINTS = [{"x": 1.5, "y": 2}, {"x": 20.25, "y": 3}, {"x": 9, "y": 30.5}]
CORNERS = {"x1": 2.5, "y1": 3, "x2": 12.5, "y2": 9}


def asset(id_: str, state: int, type_: int = 1) -> dict[str, Any]:
    name = f"{id_}%20(1).png"
    size = {"width": 40, "height": 50}
    path = f"file:/Users/x/{name}"
    return {"id": id_, "name": name, "path": path, "size": size, "state": state, "type": type_}


def metadata(id_: str, state: int = 2, type_: int = 1) -> dict[str, Any]:
    box = {"left": 2.5, "top": 3, "width": 10, "height": 6}
    tags = {"RECTANGLE": [], "SQUARE": ["a"], "POLYGON": ["a", "b"], "POLYLINE": ["b"]}
    regions = [
        {"id": kind, "type": kind, "tags": names, "boundingBox": box, "points": POINTS}
        for kind, names in (tags | {"POINT": ["c"]}).items()
    ]
    return {"asset": asset(id_, state, type_), "regions": regions, "version": "2.1.0"}


def version1_region(kind: str, **box: Any) -> dict[str, Any]:
    rest = {"width": 40, "height": 50, "type": kind, "tags": ["a"], "UID": "1", "points": POINTS}
    return CORNERS | rest | box


def vott() -> Small:
    listed = [asset("aa", 2), asset("bb", 1), asset("cc", 0), asset("dd", 2, 2), asset("ee", 2, 3)]
    project = {
        "name": "p",
        "sourceConnection": {"providerOptions": {"encrypted": "abc"}},
        "tags": [{"name": "a", "color": "#fff"}, {"name": "b", "color": "#000"}],
        "assets": {one["id"]: one for one in listed},
    }
    exported = {"aa": metadata("aa"), "new": metadata("new"), "bb": metadata("bb", 1)}
    kinds = ("polygon", "polyline", "point")
    version1 = {
        "frames": {
            "a.png": [version1_region("rect"), version1_region("Square", box=CORNERS)],
            "b.png": [version1_region(kind, box=CORNERS) for kind in kinds],
            "c.png": [{}],
            "d.png": [],
        },
        "inputTags": "a,b,",
        "visitedFrames": ["a.png", "d.png", "e.png"],
        "tag_colors": ["#f9e90c"],
    }
    rows = ("s%20(1).png,1,2.5,3,4,a", "s%20(1).png,1,2.5,3,4,b", "t.png,5,6,70,-8,a")
    files: dict[str, Any] = {
        "p.vott": project,
        "aa-asset.json": metadata("aa"),
        "ee-asset.json": metadata("ee", type_=3),
        "orphan-asset.json": metadata("orphan"),
        "vott-json-export/p-export.json": project | {"assets": exported},
        "vott-csv-export/p-export.csv": "\n".join(
            ("image,xmin,ymin,xmax,ymax,label", *rows, "t.png,5,6,70,-9,")
        ).encode(),
        "first.json": version1,
    }
    # Exports repeat what a project holds, and who is an orphan depends on the project.
    loose = {"first.json", "orphan-asset.json", "ee-asset.json"}
    links = {name: frozenset(files.keys() - loose) for name in files}
    return files, links | {"p.vott": frozenset(files.keys() - {"first.json"})}


# --- COCO


def coco_annotation(image: object, category: object, **keys: Any) -> dict[str, Any]:
    return {"image_id": image, "category_id": category, "iscrowd": 0} | keys


def coco() -> Small:
    counts = [2 * 30 + 3, 4, 26, 4, 1200 - 97]
    runs = {"size": [30, 40], "counts": counts}
    triangle = [1.5, 2.0, 20.25, 3.0, 9.0, 30.5]
    annotations = [
        coco_annotation(7, 1, id=11, segmentation=[triangle], bbox=[1.5, 2, 18.75, 28.5], area=9),
        coco_annotation(7, 3, id=12, segmentation=[triangle, [1, 1, 5, 1, 5, 5]], score=0.75),
        coco_annotation(9, 3, id=13, segmentation=runs, bbox=[2, 3, 2, 4]),
        coco_annotation(7, 3, id=14, segmentation={"size": [30, 40], "counts": "o14j00eQ1"}),
        coco_annotation(7, 1, id=15, segmentation=runs, bbox=[2, 3, 2, 4]) | {"iscrowd": 1},
        coco_annotation(7, 90, id=16, segmentation=[], bbox=[2.5, 3, 10, 6]),
        coco_annotation(8, 3, id=17, segmentation=[[1, 1, 5, 1]], attributes={"side": "left"}),
        coco_annotation(77, 1, id=18, segmentation=[triangle]),
    ]
    size = {"width": 40, "height": 30}
    document = {
        "info": {"year": 2024},
        "images": [
            {"id": 7, "file_name": "a/one.png", "license": 1} | size,
            {"id": 8, "file_name": "two.png"} | size,
            {"id": 9, "file_name": "three.png"} | size,
            {"id": 10, "file_name": "four.png"} | size,
        ],
        "annotations": annotations,
        "categories": [{"id": 1, "name": "caries"}, {"id": 3, "name": "pulp", "supercategory": ""}],
    }
    return {"annotations.json": document}, {}


# --- VIA


def via_region(kind: str, label: object = "caries", **drawn: Any) -> dict[str, Any]:
    return {
        "shape_attributes": {"name": kind} | drawn,
        "region_attributes": {"tissue": label, "note": "", "group_id": "3", "score": 0.5},
    }


def via_entry(name: str, regions: Any) -> dict[str, Any]:
    attributes = {"caption": "left", "quality": {"sharp": True}, "width": 40, "height": 50}
    return {"filename": name, "size": 77, "regions": regions, "file_attributes": attributes}


def via() -> Small:
    line = {"all_points_x": [1.5, 20.25, 9], "all_points_y": [2, 3, 30.5]}
    closed = {"all_points_x": [1, 20, 9, 1], "all_points_y": [2, 3, 30, 2]}
    regions = [
        via_region("polygon", **line),
        via_region("polygon", {"caries": True, "crown": False, "pulp": True}, **closed),
        via_region("rect", x=2.5, y=3, width=10, height=6),
        via_region("circle", cx=9, cy=8, r=5.5),
        via_region("ellipse", cx=9, cy=8, rx=5.5, ry=3, theta=0.7),
        via_region("ellipse", 3, cx=9, cy=8, rx=5, ry=3),
        via_region("polyline", **line),
        via_region("point", "", cx=5, cy=6),
    ]
    metadata = {
        "a.png77": via_entry("a.png", regions),
        "b.png77": via_entry("b.png", regions[:2] * 2),
        "c.png77": via_entry("c.png", []),
    }
    tissue = {"type": "dropdown", "options": {"caries": "", "pulp": "", "crown": ""}}
    project = {
        "_via_settings": {"ui": {}, "core": {"default_filepath": "x/"}, "project": {"name": "p"}},
        "_via_img_metadata": metadata,
        "_via_attributes": {"region": {"tissue": tissue, "note": {"type": "text"}}, "file": {}},
        "_via_data_format_version": "2.0.10",
        "_via_image_id_list": list(metadata),
    }
    header = "filename,file_size,file_attributes,region_count,region_id,region_shape_attributes"
    cells = [json.dumps(one).replace('"', '""') for one in regions[0].values()]
    row = f'd.png,77,"{{""width"":9,""height"":9}}",1,0,"{cells[0]}","{cells[1]}"'
    files: dict[str, Any] = {
        "project/p.json": project,
        "export/p.json": metadata,
        "table/p.csv": f"{header},region_attributes\n{row}\n".encode(),
    }
    return files, {}


SMALL = {"labelme": labelme, "superannotate": superannotate, "vott": vott, "coco": coco, "via": via}
