"""The report on the agreement of annotators."""

from __future__ import annotations

from maskforge.display.page import as_section
from maskforge.evaluation.agreement.agreement_page import sections
from maskforge.evaluation.agreement.agreement_records import Agreement


class AgreementReport(Agreement, frozen=True, kw_only=True):
    """How far annotators agree.

    Attributes:
        schema: Version of this object; grows when a key changes its meaning.
        annotators: Their folders by what they are called.
        images: Number of images that all have; all numbers rest on these.
        unit: On what kappa is: ``image``, or a ``unit`` such as a tooth.
        units: Number of these.
        dice: Mean Dice over classes and pairs.
        interval: Its bootstrap interval.
        classes: Every class that all know.
        pairs: Every two annotators.
        rows: The images, those first on which they differ most; last those that nobody marked.
        consensus: The data set that was made of all masks; None if there is none.
        missing: Per annotator, the images without a mask of theirs that others have.
        problems: Images that could not be compared, and why.
        notes: What has to be known to read the numbers, one sentence each.
        options: The options.
        seconds: Duration.
        digests: SHA-256 of the files that were written beside ``report.json``, by name.
        versions: Versions of maskforge, NumPy and Python.
        created: Date and time in UTC, ISO 8601.
    """

    @property
    def exit_code(self) -> int:
        """0 if all images of all annotators were compared, 1 if some were not."""
        return int(bool(self.problems or any(self.missing.values())))

    def _repr_html_(self) -> str:
        return "".join(map(as_section, sections(self)))
