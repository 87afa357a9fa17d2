"""How corrections come home."""

from __future__ import annotations

from dataclasses import dataclass, field

from maskforge.choices import Untouched
from maskforge.dataset.convert_options import ConvertOptions
from maskforge.files import PathLike


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeOptions:
    """How corrected annotations, and the data set that they are added to, become the next one.

    Attributes:
        into: Data set whose images are taken over; None begins with the corrections alone.
        untouched: What becomes of images that came back as they were predicted, and that nobody
            marked as checked. ``skip``: they are left out, since perhaps nobody looked at them;
            ``confirm``: whoever gave them back has looked; ``keep``: they are taken, and known as
            predictions that nobody has confirmed.
        convert: How the corrected annotations are read and drawn. Without ``classes``, the class
            map is that of ``into``, or of the predictions; ``encoding`` and ``file_type`` are
            always theirs.
    """

    into: PathLike | None = None
    untouched: Untouched = "skip"
    convert: ConvertOptions = field(default_factory=ConvertOptions)
