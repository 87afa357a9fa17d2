"""What the projects say from which images were read, for the project that is written."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from maskforge.errors import FormatError
from maskforge.formats.jsonio import load
from maskforge.formats.vott.project import ASSET_FILE_SUFFIX, PROJECT_SUFFIX


class OwnProjects:
    """The projects that images were read from: their names, tags and settings are kept."""

    def __init__(self) -> None:
        self._loaded: dict[Path, dict[str, Any]] = {}
        self._used: dict[Path, dict[str, Any]] = {}

    def use(self, file: Path, id_: str) -> None:
        """Take the project that lists an asset, or the export that holds it.

        Args:
            file: Where the asset was read: its asset file, a project, or an export.
            id_: Its id.
        """
        is_asset_file = file.name.endswith(ASSET_FILE_SUFFIX)
        for path in sorted(file.parent.glob(f"*{PROJECT_SUFFIX}")) if is_asset_file else [file]:
            if path not in self._loaded:
                self._loaded[path] = _project(path)
            if _lists(self._loaded[path], id_):
                self._used[path] = self._loaded[path]
                return

    @property
    def only(self) -> dict[str, Any]:
        """The project of all images; empty if there is none, or more than one."""
        used = list(self._used.values())
        return used[0] if len(used) == 1 else {}

    @property
    def tags(self) -> list[dict[str, Any]]:
        """The tags of all projects, in their order."""
        tags = [tag for one in self._used.values() for tag in one.get("tags") or []]
        return [one for one in tags if isinstance(one, dict) and isinstance(one.get("name"), str)]


def _project(file: Path) -> dict[str, Any]:
    """Return what a project file or an export says, named as the file is; empty if it cannot."""
    with contextlib.suppress(FormatError):
        root = load(file).root
        if isinstance(root, dict):
            return {**root, "name": file.stem.removesuffix("-export")}
    return {}


def _lists(project: Mapping[str, Any], id_: str) -> bool:
    assets = project.get("assets")
    if isinstance(assets, dict):
        return id_ in assets
    return isinstance(assets, list)
