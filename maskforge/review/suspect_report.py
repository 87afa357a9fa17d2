"""What is reported of labels that a model contradicts."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from maskforge.choices import Suspicion
from maskforge.display.brief import Brief
from maskforge.display.table import Shown, Table, as_html
from maskforge.review.components import Box

KINDS: dict[Suspicion, str] = {
    "missed": "not drawn",
    "invented": "drawn where there is nothing",
    "class": "drawn as another class",
    "outline": "drawn with another outline",
}
_SHOWN = 20


class Suspect(Brief, msgspec.Struct, frozen=True, kw_only=True):
    """A region of an image whose label may be wrong.

    Attributes:
        image: Name of the image.
        kind: ``missed``: nothing is drawn where the model sees the class. ``invented``: the model
            sees nothing where it is drawn. ``class``: the model sees another class. ``outline``:
            the model sees it otherwise.
        class_name: The class that is drawn, or for ``missed`` that the model sees.
        other: For ``class``, the class that the model sees.
        score: How sure the model is, times how far it can be trusted with regions of that size;
            from 0 to 1.
        area: Pixels of the region.
        box: Left, top, right and bottom of the region in pixels; right and bottom are behind the
            last.
    """

    image: str
    kind: Suspicion
    class_name: str
    other: str
    score: float
    area: int
    box: Box


class SuspectReport(Brief, msgspec.Struct, kw_only=True):
    """Labels to look at again, the most suspicious first.

    Attributes:
        schema: Version of this object.
        model: What the labels were compared with.
        truth: Where they are.
        images: Number of images that were compared.
        suspects: The regions.
        notes: What has to be known.
        problems: Images that could not be compared, and why.
        seconds: Duration.
        digests: SHA-256 of the files that were written beside ``suspects.json``, by name.
    """

    schema: int = 1
    model: str
    truth: str
    images: int
    suspects: list[Suspect]
    notes: list[str] = []
    problems: list[str] = []
    seconds: float = 0.0
    digests: dict[str, str] = {}

    @property
    def exit_code(self) -> int:
        """1 if some images could not be compared, else 0."""
        return int(bool(self.problems))

    def _repr_html_(self) -> str:
        return as_html(shown(self))


def found_text(report: SuspectReport) -> str:
    """Return how many suspects of each kind there are, in one line."""
    counts = {kind: sum(one.kind == kind for one in report.suspects) for kind in KINDS}
    text = ", ".join(f"{count:,} {KINDS[kind]}" for kind, count in counts.items() if count)
    return f"{report.images:,} images: {text or 'the model agrees with all labels'}"


def shown(report: SuspectReport) -> Iterator[Shown]:
    """Yield the number of suspects of each kind, and a table of the first."""
    yield found_text(report)
    yield Table(
        "To look at first",
        ("score", "image", "what may be wrong", "class", "px", "box"),
        [
            (
                f"{one.score:.3f}",
                one.image,
                KINDS[one.kind],
                f"{one.class_name}, not {one.other}" if one.other else one.class_name,
                one.area,
                "{}, {}, {}, {}".format(*one.box),
            )
            for one in report.suspects[:_SHOWN]
        ],
    )
