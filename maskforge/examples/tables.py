"""Images and masks listed in a table: a CSV file, or a data frame."""

from __future__ import annotations

import contextlib
import csv
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from maskforge.errors import DatasetError, OptionError, did_you_mean, listing
from maskforge.examples.candidate import Candidate, Candidates
from maskforge.files import open_regular, read_bytes
from maskforge.images.page import without_suffix
from maskforge.issues import Origin
from maskforge.outputs.csvtable import read_table
from maskforge.remote.address import localized
from maskforge.remote.linked import fetch_linked

_LONGEST_HEADER = 65_536

TABLE_SUFFIXES = frozenset((".csv", ".tsv", ".txt"))


@runtime_checkable
class Table(Protocol):
    """A data frame, as far as it is used: pandas need not be installed."""

    @property
    def columns(self) -> Any:  # noqa: ANN401 - an index of the library's own
        """Names of the columns."""
        ...

    def to_dict(self, orient: Any) -> Any:  # noqa: ANN401 - overloaded many times in pandas
        """Return the rows, for ``orient="records"``."""
        ...


def from_csv(path: Path, image_column: str, mask_column: str) -> Candidates:
    """Read a table with a column of images and one of masks.

    Paths are relative to the folder of the table. Delimiters are recognized: comma, semicolon, tab
    or bar.

    Raises:
        DatasetError: If the file cannot be read, or lists nothing.
        OptionError: If a column is missing.
    """
    origin = Origin(path, "")
    try:
        text = read_bytes(path).decode("utf-8-sig")
        columns, rows = read_table(text)
    except UnicodeDecodeError:
        raise DatasetError("is not UTF-8", origin=origin, hint="save the table as UTF-8") from None
    except (OSError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or error
        raise DatasetError(f"cannot be read as a table: {reason}", origin=origin) from None
    return _candidates(rows, columns, image_column, mask_column, path.parent, origin)


def is_table(path: Path, columns: Sequence[str]) -> bool:
    """Tell whether a file is a table with these columns."""
    if path.suffix.lower() not in TABLE_SUFFIXES:
        return False
    try:
        with open_regular(path) as stream:
            names, _ = read_table(stream.readline(_LONGEST_HEADER).decode("utf-8-sig"))
    except (OSError, UnicodeDecodeError, csv.Error):
        return False
    return {*columns} <= {*names}


def from_table(table: Table, image_column: str, mask_column: str) -> Candidates:
    """Read a data frame; paths are relative to the working directory.

    Raises:
        DatasetError: If it lists nothing.
        OptionError: If a column is missing.
    """
    rows = [
        {str(key): _cell(value) for key, value in row}
        for row in (record.items() for record in table.to_dict("records"))
    ]
    columns = [str(name) for name in table.columns]
    return _candidates(rows, columns, image_column, mask_column, Path(), None)


def _cell(value: object) -> str:
    missing = value is None or str(value) in ("nan", "NaT", "<NA>")
    return "" if missing else str(value)


def _candidates(
    rows: Iterable[Mapping[str, str]],
    columns: Sequence[str],
    image_column: str,
    mask_column: str,
    folder: Path,
    origin: Origin | None,
) -> Candidates:
    source = str(origin.file) if origin else "a table"
    for column in (image_column, mask_column):
        if column not in columns:
            raise OptionError(
                f"{source} has no column {column!r}{did_you_mean(column, columns)}; "
                f"its columns are {listing(columns)}",
                hint="name the columns with --image-column and --mask-column",
            )
    listed = []
    incomplete = []
    for number, row in enumerate(rows, 1):
        image = localized(row[image_column].strip().replace("\\", "/"))
        mask = localized(row[mask_column].strip().replace("\\", "/"))
        if image and mask:
            listed.append((image, mask, row))
        else:
            incomplete.append(image or mask or f"row {number}")
    # Unlike Path.resolve, abspath follows no links; unlike Path.absolute, it removes "..".
    paths = [Path(os.path.abspath(folder / image)) for image, _, _ in listed]  # noqa: PTH100
    repeated = [str(path) for path, count in Counter(paths).items() if count > 1]
    if repeated:
        raise DatasetError(
            f"images that are listed more than once ({len(repeated)}): {listing(repeated)}",
            origin=origin,
            hint="give every image one row, with one mask for all its classes",
        )
    notes = []
    if incomplete:
        notes.append(
            f"rows without image or mask, left out ({len(incomplete)}): {listing(incomplete)}"
        )
    if not listed:
        raise DatasetError("; ".join([f"{source} lists no image with a mask", *notes]))
    fetch_linked(folder, [one for pair in listed for one in pair[:2]])
    pairs = (
        Candidate(
            name=name,
            image=folder / image,
            mask=folder / mask,
            columns={k: v for k, v in row.items() if k not in (image_column, mask_column)},
        )
        for name, (image, mask, row) in zip(_names(paths, folder), listed, strict=True)
    )
    return Candidates(tuple(pairs), source, None, tuple(notes))


def _names(paths: Sequence[Path], folder: Path) -> list[str]:
    """Return names for absolute paths: relative to the folder, or to what they have in common.

    Names are without suffix, but for paths that would then have one name.
    """
    base = Path(os.path.abspath(folder))  # noqa: PTH100 - as above
    if not all(path.is_relative_to(base) for path in paths):
        with contextlib.suppress(ValueError):  # several drives
            base = Path(os.path.commonpath([path.parent for path in paths]))
    inner = [
        path.relative_to(base if path.is_relative_to(base) else path.anchor).as_posix()
        for path in paths
    ]
    counts = Counter(map(without_suffix, inner))
    return [path if counts[without_suffix(path)] > 1 else without_suffix(path) for path in inner]
