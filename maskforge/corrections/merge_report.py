"""The account of a merge: what came back, what people changed, and what the new data set holds."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import get_args

import msgspec

from maskforge.choices import Correction, Made
from maskforge.corrections.changes import ClassChange, ImageChange
from maskforge.dataset.conversion_report import ConversionReport
from maskforge.display.brief import Brief
from maskforge.display.table import Shown, Table, as_html
from maskforge.errors import OutputExistsError
from maskforge.files import read_bytes
from maskforge.issues import Origin
from maskforge.outputs.csvtable import write_table

SCHEMA_VERSION = 1

_OF_MANY = ("name", "images", "changed_images")
_MEASURES = [one for one in ClassChange.__struct_fields__ if one not in _OF_MANY]
_COLUMNS = ("image", "correction", "made", "compared", "annotation", "class", *_MEASURES)


class MergeReport(Brief, msgspec.Struct, kw_only=True):
    """What became of corrections.

    Attributes:
        schema: Version of this object; grows when a key changes its meaning.
        out: The new data set.
        returned: Images that came back, by what people did: ``new``, ``changed``, ``confirmed``,
            ``untouched``. Those of which no mask could be made are in ``conversion`` alone.
        missing: Number of predictions that did not come back.
        replaced: Names of the images of the older data set whose masks were replaced.
        masks: Masks in the new data set, by how they were made: ``drawn``, ``predicted``,
            ``corrected``, ``confirmed``.
        classes: What people changed of each class in the predictions; images that nobody has
            looked at do not count.
        images: What became of each image that came back.
        conversion: What was read and drawn, as ``convert`` tells it.
        notes: What else is to be known, one sentence each.

    Examples:
        >>> report = mf.merge("samples/labelme", "masks", "next", untouched="confirm")
        >>> report.returned
        {'new': 0, 'changed': 0, 'confirmed': 4, 'untouched': 0}
    """

    schema: int = SCHEMA_VERSION
    out: str
    returned: dict[str, int] = msgspec.field(
        default_factory=lambda: dict.fromkeys(get_args(Correction), 0)
    )
    missing: int = 0
    replaced: list[str] = []
    masks: dict[str, int] = msgspec.field(default_factory=lambda: dict.fromkeys(get_args(Made), 0))
    classes: list[ClassChange] = []
    images: list[ImageChange] = []
    conversion: ConversionReport
    notes: list[str] = []

    @property
    def exit_code(self) -> int:
        """0 if all is done, 1 if something was refused or became void, 2 if nothing was taken."""
        return self.conversion.exit_code if any(self.masks.values()) else 2

    def _repr_html_(self) -> str:
        return as_html((*shown(self), *self.notes))


def shown(report: MergeReport) -> Iterator[Shown]:
    """Yield what came back, what people changed, and what has to be known about it."""
    columns = [one for one in report.returned if report.returned[one] or one != "new"]
    yield Table(
        "Images that came back",
        ("found", *columns, "not returned"),
        [
            (
                report.conversion.images["found"],
                *(report.returned[one] for one in columns),
                report.missing,
            )
        ],
    )
    yield Table(
        "What people changed in the predictions",
        (
            "class",
            "images",
            "changed",
            "Dice",
            "lesions",
            "added",
            "removed",
            "reshaped",
            "pixels added",
            "pixels removed",
        ),
        [
            (
                one.name,
                one.images,
                one.changed_images,
                "-" if one.dice is None else f"{one.dice:.4f}",
                one.lesions_after,
                one.added,
                one.removed,
                one.reshaped,
                one.pixels_added,
                one.pixels_removed,
            )
            for one in report.classes
        ],
    )
    yield Table(
        "Masks in the new data set",
        tuple(report.masks),
        [tuple(report.masks.values())],
    )


def table(images: Sequence[ImageChange]) -> bytes:
    """Return the table of what people changed, as CSV: a line for every image and class.

    An image without any class has a line of its own.
    """
    rows: list[Mapping[str, object]] = []
    for image in images:
        told = {
            "image": image.name,
            "correction": image.correction,
            "made": image.made,
            "compared": image.compared,
            "annotation": image.annotation,
        }
        rows += [
            told | {"class": one.name} | {name: _cell(getattr(one, name)) for name in _MEASURES}
            for one in image.classes
        ] or [told]
    return write_table(rows, _COLUMNS)


def check_table(path: Path, *, overwrite: bool) -> None:
    """Make sure that the table can be written without harm to another file.

    Raises:
        OutputExistsError: If a file is there that is not such a table, or that must stay.
    """
    if not os.path.lexists(path):
        return
    header = write_table([], _COLUMNS)
    try:
        is_ours = read_bytes(path).startswith(header)
    except OSError:
        is_ours = False
    if not (is_ours and overwrite):
        raise OutputExistsError(
            "is there already" if is_ours else "is there, and maskforge did not write it",
            origin=Origin(path, ""),
            hint="choose another output folder"
            + (", or replace the results with --overwrite" if is_ours else ""),
        )


def _cell(value: object) -> object:
    return f"{value:.6f}" if isinstance(value, float) else value
