"""What is the same in the cache and in the stores, as far as it was seen last."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from maskforge.errors import StorageError
from maskforge.issues import Origin

_SECONDS_TO_WAIT = 60.0
_TABLES = (
    "CREATE TABLE IF NOT EXISTS files (name TEXT PRIMARY KEY, version TEXT, size INTEGER, "
    "modified INTEGER, digest TEXT) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS notes (name TEXT PRIMARY KEY, content TEXT) WITHOUT ROWID",
)


@dataclass(frozen=True, slots=True)
class Known:
    """A file that is the same on both sides.

    Attributes:
        version: That of the store.
        size: Bytes of the file in the cache.
        modified: When it was written there, in nanoseconds.
        digest: Its SHA-256.
    """

    version: str
    size: int
    modified: int
    digest: str

    def is_untouched(self, path: Path) -> bool:
        """Tell whether the file in the cache is still the one that was seen."""
        with contextlib.suppress(OSError):
            status = path.lstat()
            return (status.st_size, status.st_mtime_ns) == (self.size, self.modified)
        return False


class Index:
    """A table of files by their names below a folder; several processes may use it at once."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "index.sqlite3"

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(self._path, timeout=_SECONDS_TO_WAIT)
            with contextlib.closing(connection), connection:
                for table in _TABLES:
                    connection.execute(table)
                yield connection
        except (sqlite3.Error, OSError) as error:
            raise StorageError(
                f"cannot be used: {getattr(error, 'strerror', None) or error}",
                origin=Origin(self._path, ""),
                hint="remove this file: what is in the cache is then fetched again",
            ) from None

    def below(self, name: str) -> dict[str, Known]:
        """Return what is known of a file, or of all files of a folder, by name."""
        with self._open() as connection:
            rows = connection.execute(
                "SELECT * FROM files WHERE name = ? OR (name > ? AND name < ?)",
                (name, f"{name}/", f"{name}0"),  # 0 comes after the slash
            )
            return {row[0]: Known(*row[1:]) for row in rows}

    def keep(self, files: Iterable[tuple[str, Known]]) -> None:
        """Remember files."""
        rows = [(name, one.version, one.size, one.modified, one.digest) for name, one in files]
        with self._open() as connection:
            connection.executemany("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?)", rows)

    def forget(self, names: Iterable[str]) -> None:
        """Forget files."""
        with self._open() as connection:
            connection.executemany("DELETE FROM files WHERE name = ?", [(one,) for one in names])

    def note(self, name: str) -> str:
        """Return what was noted under a name; nothing if nothing was."""
        with self._open() as connection:
            row = connection.execute("SELECT content FROM notes WHERE name = ?", (name,)).fetchone()
        return str(row[0]) if row else ""

    def set_note(self, name: str, content: str) -> None:
        """Note something under a name."""
        with self._open() as connection:
            connection.execute("INSERT OR REPLACE INTO notes VALUES (?, ?)", (name, content))
