"""Images and masks of a folder that ``convert`` wrote."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from maskforge.dataset.manifest import mask_name, read_manifest
from maskforge.errors import DatasetError, listing
from maskforge.examples.candidate import Candidate, Candidates
from maskforge.files import CLASSES, MANIFEST
from maskforge.issues import Origin
from maskforge.masks.classfile import load_saved_class_map


def from_manifest(folder: Path) -> Candidates:
    """Return the images and masks of a data set with a manifest.

    Every key of a line whose value is a text, a number or a list of texts is a column, also keys
    that maskforge does not know.

    Raises:
        DatasetError: If the manifest cannot be used, or no image is left.
        LabelError: If the class map is missing or malformed.
    """
    pairs, without_image, without_mask = [], [], 0
    for entry, line in read_manifest(folder):
        if entry.mask is None:
            without_mask += 1
            continue
        name = mask_name(entry.mask)
        if entry.image is None:
            without_image.append(name)
            continue
        pairs.append(
            Candidate(
                name=name,
                image=folder / entry.image,
                mask=folder / entry.mask,
                upright=entry.upright,
                encoding=entry.encoding,
                outcome=entry.outcome,
                spacing=entry.spacing or None,
                columns=_columns(msgspec.json.decode(line) | {"made": entry.made}),
            )
        )
    notes = []
    if without_image:
        notes.append(
            f"masks without a known image, left out ({len(without_image)}): "
            f"{listing(without_image)}"
        )
    if without_mask:
        notes.append(f"images of the manifest without mask, left out: {without_mask}")
    if not pairs:
        raise DatasetError(
            "; ".join(["lists no image with a mask", *notes]),
            origin=Origin(folder / MANIFEST, ""),
            hint="convert the annotations again with --images DIR, where the images are",
        )
    classes = load_saved_class_map(folder / CLASSES)
    return Candidates(tuple(pairs), str(folder), classes, tuple(notes))


def _columns(line: Mapping[str, Any]) -> dict[str, str]:
    columns = {}
    for key, value in line.items():
        if isinstance(value, list) and all(isinstance(one, str) for one in value):
            columns[key] = ", ".join(value)
        elif value is None or isinstance(value, (str, int, float)):
            columns[key] = "" if value is None else str(value)
    return columns
