"""The list of tags that a VoTT project keeps, against the tags that its regions carry."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from maskforge.errors import shorten
from maskforge.formats.base import ImageRecord
from maskforge.issues import Code, Issue


@dataclass(slots=True)
class TagList:
    """Reports every tag that is not in the list, once.

    VoTT renames a tag in the files of listed assets only, so leftovers keep the old name.

    Attributes:
        names: The tags of the project; if there are none, nothing is reported.
        owner: For people: whose list it is.
        report: Takes the findings.
    """

    names: Iterable[str]
    owner: str
    report: Callable[[Issue], None]
    _known: set[str] = field(init=False)

    def __post_init__(self) -> None:
        self._known = set(self.names)

    def check(self, record: ImageRecord) -> ImageRecord:
        """Return the record after its tags were looked up."""
        for shape in record.shapes if self.names else ():
            for label in shape.labels:
                if label not in self._known:
                    self._known.add(label)
                    text = f"tag {shorten(label)} is not in the list of {self.owner}"
                    hint = "it may be the old name of a tag that was renamed or deleted"
                    self.report(Issue(Code.UNLISTED_LABEL, text, shape.origin, hint))
        return record
