"""The files of a report: those of an earlier one are replaced, and nothing else."""

from __future__ import annotations

import contextlib
import hashlib
import os
from dataclasses import dataclass

import msgspec

from maskforge.errors import OutputExistsError
from maskforge.files import read_bytes
from maskforge.issues import Origin
from maskforge.outputs.folder import OutputFolder
from maskforge.outputs.links import check_links


class EarlierReport(msgspec.Struct, kw_only=True):
    """What is known of an earlier report; whoever writes reports adds keys that tell its own.

    Attributes:
        digests: SHA-256 of every other file of the report, by name.
    """

    digests: dict[str, str] = {}


@dataclass(frozen=True, slots=True)
class ReportFiles:
    """What a report consists of.

    Attributes:
        record: JSON file with the ``digests`` of all others; it is written last.
        files: Names of the other files that every report has.
        charts: Names of files that some reports have, mostly charts.
        folder: Name of the folder of images.
        earlier: By its keys a record is recognized as that of such a report.
    """

    record: str
    files: tuple[str, ...]
    folder: str
    earlier: type[EarlierReport]
    charts: tuple[str, ...] = ()

    def check(self, folder: OutputFolder, *, overwrite: bool) -> None:
        """Make sure that a report can be written without harm to anything else.

        Raises:
            OutputExistsError: If there is one, and ``overwrite`` is not set; or if there is
                something in the place of its files that no earlier run has written.
            OutputError: If its folder of images is a link.
        """
        check_links(folder.path, [self.folder])
        always = (self.record, *self.files)
        present = [name for name in always if os.path.lexists(folder.path / name)]
        if present and not overwrite:
            raise OutputExistsError(
                f"already holds {', '.join(present)}",
                origin=Origin(folder.path, ""),
                hint="choose another folder, or replace the report with --overwrite",
            )
        known = self._earlier(folder)
        foreign = [
            name
            for name in (*always, *self.charts)
            if os.path.lexists(folder.path / name)
            and not folder.is_unchanged(name, known.get(name))
        ]
        if foreign:
            raise OutputExistsError(
                f"holds {', '.join(foreign)} that maskforge did not write, or that was changed "
                "since",
                origin=Origin(folder.path, ""),
                hint="choose another folder, or move them elsewhere",
            )

    def remove_earlier(self, folder: OutputFolder) -> None:
        """Remove the files of an earlier report, also of one that was killed."""
        names = frozenset((self.record, *self.files, *self.charts, self.folder))
        folder.remove_earlier(self._earlier(folder).items(), names)
        folder.remove_unfinished(("", self.folder))

    def _earlier(self, folder: OutputFolder) -> dict[str, str]:
        """Return the SHA-256 of every file of an earlier report, as far as it tells."""
        known = dict(folder.left())
        with contextlib.suppress(OSError, msgspec.MsgspecError, ValueError, RecursionError):
            content = read_bytes(folder.path / self.record)
            known |= msgspec.json.decode(content, type=self.earlier).digests
            known[self.record] = hashlib.sha256(content).hexdigest()
        return known
