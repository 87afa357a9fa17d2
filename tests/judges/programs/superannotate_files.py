"""Asks SuperAnnotate's own schemas about annotation files."""

from __future__ import annotations

import json
from pathlib import Path

from superannotate_schemas.validators import AnnotationValidators


def main(folder: str, project: str) -> dict[str, str]:
    """Return what is wrong with every file of a folder; empty texts if nothing is.

    Args:
        folder: The folder of a project.
        project: ``vector`` or ``pixel``.
    """
    found = {}
    for path in sorted(Path(folder).rglob("[!.]*.json")):
        if path.name == "classes.json":
            continue
        validator = AnnotationValidators.get_validator(project)(json.loads(path.read_bytes()))
        is_valid = validator.is_valid()
        found[path.relative_to(folder).as_posix()] = "" if is_valid else validator.generate_report()
    return found
