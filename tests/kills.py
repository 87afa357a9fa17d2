"""Ending a run where it stands, and what may differ between one run and another."""

from __future__ import annotations

import pytest

from maskforge.outputs.folder import OutputFolder, StagedFile


class Killed(BaseException):
    """Like the end of the process."""


def kill(monkeypatch, function, *, settled=100, appended=100):
    """Run until so many files are in their places, or so many lines are in the lock."""
    left = {"settled": settled, "appended": appended}

    def ending(name, method):
        def run(self, *arguments):
            left[name] -= 1
            if left[name] < 0:
                raise Killed
            return method(self, *arguments)

        return run

    with monkeypatch.context() as patch:
        patch.setattr(StagedFile, "settle", ending("settled", StagedFile.settle))
        patch.setattr(StagedFile, "drop", lambda self: None)
        patch.setattr(OutputFolder, "_append", ending("appended", OutputFolder._append))
        patch.setattr(OutputFolder, "_close", lambda self, keep: self._unlock())
        with pytest.raises(Killed):
            function()


def identities(folder):
    """Return what changes whenever a file is written again."""
    places = {path.relative_to(folder): path.stat() for path in (folder / "masks").rglob("[!.]*.*")}
    return {str(name): (one.st_ino, one.st_mtime_ns) for name, one in places.items()}


def same(report):
    """Return a report without what differs from run to run."""
    return {name: getattr(report, name) for name in report.__struct_fields__ if name != "seconds"}
