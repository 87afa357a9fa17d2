"""Issues as reports and manifests hold them."""

from __future__ import annotations

from typing import Self

import msgspec

from maskforge.issues import Code, Doubt, Issue, Level

_CODES = {str(code): code for code in Code}


class IssueRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A finding about a file, an image or a record, as it is written.

    Attributes:
        code: The kind of finding.
        level: What became of the thing: ``note``, ``ignored``, ``skipped``, ``refused``, ``void``.
        scope: What it is about: ``file``, ``image``, ``record``.
        file: The file; in a manifest relative to its folder where possible.
        pointer: The place in the file; empty if it is about the file itself.
        message: What was found.
        hint: What to do, or empty.
    """

    code: str
    level: str
    scope: str = ""  # earlier manifests have neither scope nor file
    file: str = ""
    pointer: str
    message: str
    hint: str = ""

    @classmethod
    def of(cls, issue: Issue, file: str | None = None) -> Self:
        """Return the record of an issue.

        Args:
            issue: The issue.
            file: How its file is written; as it is by default.
        """
        return cls(
            code=str(issue.code),
            level=issue.level,
            scope=issue.scope,
            file=str(issue.origin.file) if file is None else file,
            pointer=issue.origin.pointer,
            message=issue.message,
            hint=issue.hint,
        )

    @property
    def doubt(self) -> Doubt:
        """Whether the mask may be wrong because of this, as far as it was written."""
        code = _CODES.get(self.code)
        if code is not None and self.level == code.level:
            return code.doubt
        return Doubt.YES if self.level == Level.REFUSED else Doubt.NO
