"""Opens files in X-AnyLabeling, and saves them again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from anylabeling.views.labeling.label_file import LabelFile
from anylabeling.views.labeling.utils import get_pil_img_dim


def main(folder: str, saved: str) -> dict[str, Any]:
    """Return what X-AnyLabeling says of every file of a folder.

    Args:
        folder: The folder, whose sub-folders are looked at, too.
        saved: Folder for the files as X-AnyLabeling saves them.
    """
    found: dict[str, Any] = {}
    for path in sorted(Path(folder).rglob("[!.]*.json")):
        name = path.relative_to(folder).as_posix()
        try:
            file = LabelFile(str(path))
        except Exception as error:
            found[name] = {"error": str(error)}
            continue
        width, height = get_pil_img_dim(file.image_data)
        again = Path(saved, name)
        again.parent.mkdir(parents=True, exist_ok=True)
        file.save(
            str(again),
            shapes=[one.to_dict() for one in file.shapes],
            image_path=file.image_path,
            image_height=height,
            image_width=width,
            other_data=file.other_data,
            flags=file.flags,
        )
        found[name] = {"kinds": [one.shape_type for one in file.shapes]}
    return found
