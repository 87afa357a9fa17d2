"""What a training would do, and what is wrong with that."""

from __future__ import annotations

from typing import Literal

import msgspec

from maskforge.checks.check_report import CheckFinding, exit_code, findings_table, found_text
from maskforge.display.brief import Brief
from maskforge.display.table import as_html
from maskforge.training.doctor.machine import Package

SCHEMA_VERSION = 1


class DoctorReport(Brief, msgspec.Struct, kw_only=True):
    """What will go wrong in a training.

    Attributes:
        schema: Version of this object; grows when a key changes its meaning.
        source: The images with masks.
        run: Folder of the run that was looked at; empty for a training that has not begun.
        plan: What the training would do, one line each; empty if it cannot begin.
        notes: What was noticed when the examples were opened and divided, one sentence each.
        device: Backend and devices; empty if Keras cannot be started.
        packages: The optional packages, a Package each.
        findings: What was found, the worst first; kinds of which nothing was found are left out.
        fail_on: The least severe findings with which the exit code is 1.
        seconds: Duration.
        digests: SHA-256 of the files that were written beside ``doctor.json``, by name.

    Examples:
        >>> report = mf.doctor("masks", loss="bce", fail_on="error")
        >>> report.exit_code, [one.code for one in report.findings if one.severity == "error"]
        (0, [])
    """

    schema: int = SCHEMA_VERSION
    source: str
    run: str = ""
    plan: list[str] = []
    notes: list[str] = []
    device: str = ""
    packages: list[Package] = []
    findings: list[CheckFinding]
    fail_on: Literal["warning", "error", "never"] = "warning"
    seconds: float = 0.0
    digests: dict[str, str] = {}

    @property
    def exit_code(self) -> int:
        """0 if nothing was found that is as severe as ``fail_on`` or more, else 1."""
        return exit_code(self.findings, self.fail_on)

    def _repr_html_(self) -> str:
        return as_html((summary(self), *self.plan, findings_table(self.findings)))


def summary(report: DoctorReport) -> str:
    """Return what was looked at, and whether anything was found, in one line."""
    what = f"{report.run} with {report.source}" if report.run else f"a training on {report.source}"
    return f"{what}: {found_text(report.findings)}"


def installed(report: DoctorReport) -> list[str]:
    """Return what is installed and what is not, as two lines for people."""
    there = [f"{one.name} {one.version}" for one in report.packages if one.version]
    absent = [one.name for one in report.packages if not one.version]
    return [
        f"installed: {', '.join(there) or 'nothing optional'}",
        *([f"not installed: {', '.join(absent)}"] if absent else []),
    ]
