"""The files of the bundled samples, read as plain JSON and pixels."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from urllib.parse import unquote

import numpy as np
from PIL import Image

FORMATS = ("labelme", "vott", "superannotate")
LABELS = ["dentine", "pulp", "enamel", "restoration", "caries"]


def load(path):
    return json.loads(path.read_text("utf-8"))


def gray(path):
    with Image.open(path) as image:
        return np.asarray(image.convert("L"))


def files(folder, *suffixes):
    found = (path for name in FORMATS for path in (folder / name).rglob("*"))
    return sorted(path for path in found if path.suffix in suffixes)


def pixels_of(mask):
    """Decode a mask of LabelMe."""
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(mask)))) > 0


def labelme(samples):
    return {path.stem: load(path) for path in (samples / "labelme").glob("*.json")}


def vott_assets(samples):
    documents = (load(path) for path in (samples / "vott").glob("*-asset.json"))
    return {Path(unquote(one["asset"]["name"])).stem: one for one in documents}


def superannotate(samples):
    root = samples / "superannotate"
    paths = (*root.glob("vector/*.json"), *root.glob("current/*.json"))
    return {path.name.split(".")[0]: load(path) for path in paths}


def points_of_superannotate(instance):
    return np.reshape(instance["points"], (-1, 2)).tolist()
