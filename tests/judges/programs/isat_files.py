"""Open the files of a folder with ISAT, and save them again elsewhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ISAT.annotation import Annotation
from ISAT.formats.isat import ISAT


def main(folder: str, saved: str) -> dict[str, Any]:
    found = {}
    for path in sorted(Path(folder).glob("[!.]*.json")):
        image = next(one for one in path.parent.glob(f"{path.stem}.*") if one.suffix != ".json")
        annotation = Annotation(str(image), str(path)).load_annotation()
        annotation.label_path = str(Path(saved) / path.name)
        annotation.save_annotation()
        found[path.name] = {
            "size": [annotation.width, annotation.height],
            "image": annotation.img_name,
            "objects": json.loads(Path(annotation.label_path).read_text("utf-8"))["objects"],
        }
    project = ISAT()
    project.read_from_ISAT(folder)
    return {"files": found, "classes": list(project.cates)}
