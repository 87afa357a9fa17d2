"""The report of an evaluation."""

from __future__ import annotations

from maskforge.display.page import as_section
from maskforge.evaluation.report.records import Evaluation
from maskforge.evaluation.report.report_page import sections


class EvaluationReport(Evaluation, frozen=True, kw_only=True):
    """How good a prediction is.

    Attributes:
        schema: Version of this object; grows when a key changes its meaning.
        prediction: What was evaluated: a model or a folder of masks.
        truth: What it was compared with; of several annotators the first.
        part: Part of a split; ``all`` if there was none.
        images: Number of images that were compared.
        classes: The classes that both sides know, the background last.
        overall: Scores over all classes.
        confusion: None if pixels have several classes.
        group_column: The column of ``groups``.
        groups: Scores per value of the column.
        units: Scores per unit, such as a tooth; None if nobody asked.
        rows: The images, the worst first: lowest Dice, then most missed and false lesions; last
            those without any foreground.
        annotators: How it compares with several annotators; None if the truth is that of one.
        options: The options of the evaluation.
        image_score: What the score of an image is.
        notes: What has to be known to read the numbers, one sentence each.
        problems: Images that could not be compared, and why.
        unpaired_truth: Names of the truth without prediction.
        unpaired_predictions: Names of predictions without truth.
        seconds: Duration.
        digests: SHA-256 of the files that were written beside ``report.json``, by name.
        data_digest: SHA-256 over names, images and masks of the truth that was compared; empty if
            an image has gone.
        model_digest: SHA-256 of the weights of the model; empty if masks were compared.
        versions: Versions of maskforge, NumPy and Python.
        created: Date and time in UTC, ISO 8601.
    """

    @property
    def exit_code(self) -> int:
        """0 if everything was compared, 1 if something was not."""
        return int(bool(self.problems or self.unpaired_truth))

    def _repr_html_(self) -> str:
        return "".join(map(as_section, sections(self)))
