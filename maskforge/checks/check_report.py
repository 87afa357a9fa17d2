"""What was found: per kind of finding its places."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from maskforge.checks.base import Check, CheckPlace, Looked
from maskforge.display.brief import Brief
from maskforge.display.table import Table, as_html

SCHEMA_VERSION = 1

_PLACES = 3


class CheckFinding(Brief, msgspec.Struct, frozen=True, kw_only=True):
    """All that was found of one kind.

    Attributes:
        code: The kind.
        severity: ``error``, ``warning`` or ``note``.
        meaning: What was found, in one sentence.
        advice: What to do about it, in one sentence.
        places: Where.
    """

    code: str
    severity: str
    meaning: str
    advice: str = ""
    places: list[CheckPlace]


class CheckReport(Brief, msgspec.Struct, kw_only=True):
    """What looks wrong in a source.

    Attributes:
        schema: Version of this object; grows when a key changes its meaning.
        source: The source.
        images: Number of images: ``found``, with a mask (``masked``), and those whose outlines
            could be compared with the edges in the image (``aligned``).
        classes: Names of the classes, without the background.
        findings: What was found, the worst first; kinds of which nothing was found are left out.
        fail_on: The least severe findings with which the exit code is 1.
        seconds: Duration.
        digests: SHA-256 of the files that were written beside ``check.json``, by name.

    Examples:
        >>> report = mf.check("samples/labelme")
        >>> report.exit_code, [one.code for one in report.findings]
        (0, [])
    """

    schema: int = SCHEMA_VERSION
    source: str
    images: dict[str, int]
    classes: list[str]
    findings: list[CheckFinding]
    fail_on: str = "warning"
    seconds: float = 0.0
    digests: dict[str, str] = {}

    @property
    def exit_code(self) -> int:
        """0 if nothing was found that is as severe as ``fail_on`` or more, else 1."""
        return exit_code(self.findings, self.fail_on)

    def _repr_html_(self) -> str:
        return as_html((summary(self), findings_table(self.findings)))


def exit_code(findings: Iterable[CheckFinding], fail_on: str) -> int:
    """Return 0 if nothing was found that is as severe as ``fail_on`` or more, else 1."""
    severities = ("error", "warning")
    failing = {"never": (), "error": severities[:1], "warning": severities}[fail_on]
    return int(any(one.severity in failing for one in findings))


def findings_of(checks: Iterable[Check[Looked]], looked: Looked) -> list[CheckFinding]:
    """Return what checks find in what they look at; those that find nothing are left out."""
    found = [(one, list(one.find(looked))) for one in checks]
    return [
        CheckFinding(
            code=one.code,
            severity=one.severity,
            meaning=one.meaning,
            advice=one.advice,
            places=places,
        )
        for one, places in found
        if places
    ]


def summary(report: CheckReport) -> str:
    """Return what was checked, and whether anything was found, in one line."""
    masked = report.images["masked"]
    count = len(report.classes)
    classes = f"{count} class{'' if count == 1 else 'es'}"
    what = f"{masked} images with masks of {classes} in {report.source}"
    return f"{what}: {found_text(report.findings)}"


def found_text(findings: Sequence[CheckFinding]) -> str:
    """Return how many kinds of findings there are, in a few words."""
    if not findings:
        return "nothing looks wrong"
    return f"{len(findings)} kind{'' if len(findings) == 1 else 's'} of findings"


def findings_table(findings: Iterable[CheckFinding]) -> Table:
    """Return a row for every kind of finding."""
    return Table(
        "Findings",
        ("severity", "code", "count", "meaning", "first places", "what to do"),
        [
            (
                one.severity,
                one.code,
                len(one.places),
                one.meaning,
                "; ".join(map(place_text, one.places[:_PLACES])),
                one.advice,
            )
            for one in findings
        ],
    )


def place_text(place: CheckPlace) -> str:
    """Return a place for people."""
    where = place.name or place.file
    if place.pointer not in ("", "$"):
        where += f" ({place.file} {place.pointer})" if place.name else f" {place.pointer}"
    return f"{where}: {place.message}" if where else place.message
