"""What is reported of images that were ranked."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from maskforge.choices import Compared
from maskforge.display.brief import Brief
from maskforge.display.table import Shown, Table, as_html
from maskforge.review.components import Box

_SHOWN = 20


class RankedRegion(Brief, msgspec.Struct, frozen=True, kw_only=True):
    """A region of an image that a model takes for likely.

    Attributes:
        class_name: Of which class.
        doubt: How far the views of the model disagree about it, from 0 to 0.5.
        area: Its pixels.
        box: Left, top, right and bottom of it in pixels; right and bottom are behind the last.
    """

    class_name: str
    doubt: float
    area: int
    box: Box


class RankedImage(Brief, msgspec.Struct, frozen=True, kw_only=True):
    """An image in its place.

    Attributes:
        rank: Its place, from 1.
        image: Its name, as ``predict`` would name its mask.
        file: Where it is; None if its data set does not know.
        score: How much the model doubts it, from 0 to 1.
        priority: The score, less what is lost because images before it look like it.
        found: Number of regions.
        regions: The most doubtful of them, five at most.
    """

    rank: int
    image: str
    file: str | None
    score: float
    priority: float
    found: int
    regions: list[RankedRegion]


class RankReport(Brief, msgspec.Struct, kw_only=True):
    """Images in the order in which their labels teach most.

    Attributes:
        schema: Version of this object.
        model: What the images were seen by.
        by: What was compared: ``folds``, ``flips`` or ``thresholds``.
        views: Number of views of every image.
        images: The images, the first to label first.
        notes: What has to be known.
        problems: Images that could not be ranked, and why.
        seconds: Duration.
        digests: SHA-256 of the files that were written beside ``rank.json``, by name.
    """

    schema: int = 1
    model: str
    by: Compared
    views: int
    images: list[RankedImage]
    notes: list[str] = []
    problems: list[str] = []
    seconds: float = 0.0
    digests: dict[str, str] = {}

    @property
    def exit_code(self) -> int:
        """1 if some images could not be ranked, else 0."""
        return int(bool(self.problems))

    def _repr_html_(self) -> str:
        return as_html(shown(self))


def ranked_text(report: RankReport) -> str:
    """Return what was compared, in one line."""
    how = f"{report.views} {report.by}" if report.views > 1 else report.by
    return f"{len(report.images):,} images ranked by what {how} disagree about"


def region_text(region: RankedRegion) -> str:
    """Return what is known of a region, in a few words."""
    left, top, _, _ = region.box
    return f"{region.class_name} at {left}, {top}: {region.doubt:.3f}"


def shown(report: RankReport) -> Iterator[Shown]:
    """Yield what was compared, and a table of the first images."""
    yield ranked_text(report)
    yield Table(
        "To label first",
        ("rank", "image", "priority", "score", "regions", "most doubtful"),
        [
            (
                one.rank,
                one.image,
                f"{one.priority:.3f}",
                f"{one.score:.3f}",
                one.found,
                region_text(one.regions[0]) if one.regions else "",
            )
            for one in report.images[:_SHOWN]
        ],
    )
