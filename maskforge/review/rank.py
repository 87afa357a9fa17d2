"""Images in the order in which their labels teach a model most."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray

from maskforge.choices import Progress, with_keywords
from maskforge.display.aliases import named
from maskforge.errors import DatasetError, LimitError
from maskforge.files import PathLike, as_path, as_paths
from maskforge.images.annotated_image import AnnotatedImage
from maskforge.masks.masknames import MaskNames
from maskforge.outputs.folder import OutputFolder
from maskforge.prediction.image_list import ImageFile, find_images
from maskforge.prediction.read_ahead import Known, read_ahead
from maskforge.prediction.tool_files import annotated_prediction, reference_of
from maskforge.prediction.views import Seen, Views, open_views
from maskforge.review.diversity import look_of, varied_order
from maskforge.review.doubt import DoubtfulRegion, doubtful_regions, image_score, likeliest
from maskforge.review.rank_folder import FILES, write_folder
from maskforge.review.rank_options import RankOptions
from maskforge.review.rank_report import RankedImage, RankedRegion, RankReport
from maskforge.vector.vectorize_options import VectorizeOptions

_DECIMALS = 5  # as many as SuperAnnotate keeps
_MOST_REGIONS = 5
_MOST_PIXELS = 2**27
"""Of an image: each view takes 4 bytes for every pixel and class."""


def rank(
    model: PathLike,
    sources: PathLike | Sequence[PathLike],
    out: PathLike | None = None,
    options: RankOptions | None = None,
    *,
    overwrite: bool = False,
    progress: Progress | None = None,
    **keywords: object,
) -> RankReport:
    """Rank images by how much a model doubts what is in them, region by region.

    Images that look like one before them come later. Of every image a few numbers, 16 x 16 gray
    cells and the outlines of its prediction are kept, and no probabilities.

    Args:
        model: Folder of the model.
        sources: Images, folders of images, or data sets, as for ``predict``.
        out: Folder for a page, a table, ``rank.json``, and what labeling tools sort by; None writes
            nothing.
        options: How; see ``RankOptions``.
        overwrite: Whether an earlier ranking in ``out`` may be replaced.
        progress: Called after every image.
        keywords: Single options by name, such as ``diversity=0``.

    Raises:
        DatasetError: If no image can be ranked.
        MissingDependencyError: If the runtime is not installed.
        ModelError: If the model cannot be used.
        OptionError: If an option cannot be used, or a source does not exist.
        OutputExistsError: If ``out`` holds a ranking and ``overwrite`` is not set.
        OutputError: If a file cannot be written.

    Examples:
        >>> report = mf.rank("runs/caries", "samples/labelme")
        >>> len(report.images), report.exit_code
        (4, 0)
    """
    start = time.monotonic()
    options = with_keywords(RankOptions, options, keywords)
    with contextlib.ExitStack() as opened:
        folder = None
        if out is not None:
            # Before the search, which leaves it out.
            folder = opened.enter_context(OutputFolder(as_path(out)))
            FILES.check(folder, overwrite=overwrite)
        found = find_images(as_paths(sources))
        views = open_views(model, options.by, options.model)
        problems = [f"{file}: {reason}" for file, reason in found.problems]
        judged = []
        with contextlib.closing(_see(views, found.images)) as seen:
            for number, (name, one) in enumerate(seen, 1):
                try:
                    judged.append(_judge(name, one, views, options, shapes=folder is not None))
                except (DatasetError, LimitError) as error:
                    problems.append(str(error))
                if progress is not None:
                    progress("ranking", number, len(found.images))
        if not judged:
            raise DatasetError(f"none of {len(problems)} images could be ranked: {problems[0]}")
        ordered, ranked = _ordered(judged, options.diversity)
        report = RankReport(
            model=named(str(views.model.folder)),
            by=views.by,
            views=len(views.predictors),
            images=ranked,
            notes=[*found.notes, *views.model.runtime.notes],
            problems=problems,
        )
        report.seconds = time.monotonic() - start
        if folder is not None:
            first = _see(views, [one.image for one in ordered[: options.most]])
            shapes = [one.shapes for one in ordered if one.shapes is not None]
            shown = (one for _, one in first)
            report = write_folder(folder, report, views, shown, shapes, options.most)
    return report


@dataclass(frozen=True, slots=True, eq=False)
class _Judged:
    """What is kept of an image.

    Attributes:
        image: The image.
        name: Its name.
        score: How much it is in doubt.
        found: Number of its regions.
        regions: The most doubtful of them.
        look: What it looks like from afar.
        shapes: What was predicted; None if nobody wants to have it.
    """

    image: ImageFile
    name: str
    score: float
    found: int
    regions: list[RankedRegion]
    look: NDArray[np.float32]
    shapes: AnnotatedImage | None


def _see(views: Views, images: Sequence[ImageFile]) -> Generator[tuple[str, Seen], None, None]:
    """Yield the names of images, and what is seen in them."""
    names = MaskNames()

    def known(image: ImageFile) -> Known:
        alone = image.alone()
        return Known(names.assign(alone.folder, alone.name))

    window = views.model.description.scaling.window
    with (
        contextlib.closing(read_ahead(images, known, 1, _MOST_PIXELS, window)) as read,
        contextlib.closing(views.see(read)) as seen,
    ):
        for one in seen:
            yield one.loaded.known.name, one


def _judge(name: str, seen: Seen, views: Views, options: RankOptions, *, shapes: bool) -> _Judged:
    """Return what is kept of an image.

    Raises:
        DatasetError: If it could not be predicted.
        LimitError: If its shapes need more than an image may take.
    """
    image = seen.loaded.image
    if seen.views is None or seen.mean is None:
        raise DatasetError(f"{image.file or image.name}: {seen.reason}")
    regions = list(
        doubtful_regions(
            seen.views,
            views.limits,
            connectivity=options.connectivity,
            min_size=options.min_size,
        )
    )
    score = image_score((one.doubt for one in regions), likeliest(seen.views, views.limits))
    most = sorted(regions, key=attrgetter("doubt"), reverse=True)[:_MOST_REGIONS]
    annotated = None
    if shapes:
        reference = reference_of(seen.loaded, name, seen.mean)
        annotated, _ = annotated_prediction(seen.mean, reference, VectorizeOptions())
        annotated = replace(annotated, folder=name.rpartition("/")[0])
    return _Judged(
        image=image,
        name=name,
        score=score,
        found=len(regions),
        regions=[_ranked(one, views) for one in most],
        look=look_of(seen.mean.image),
        shapes=annotated,
    )


def _ranked(region: DoubtfulRegion, views: Views) -> RankedRegion:
    classes = views.model.classes
    return RankedRegion(
        class_name=classes.names[classes.foreground_ids[region.number - 1]],
        doubt=round(region.doubt, _DECIMALS),
        area=region.area,
        box=region.box,
    )


def _ordered(
    judged: Sequence[_Judged], diversity: float
) -> tuple[list[_Judged], list[RankedImage]]:
    """Return images in their order, and what is reported of them."""
    looks = np.stack([one.look for one in judged])
    order, priorities = varied_order([one.score for one in judged], looks, diversity)
    ordered, ranked = [], []
    for number, (index, priority) in enumerate(zip(order, priorities, strict=True), 1):
        one = judged[index]
        rounded = round(priority, _DECIMALS)
        # Label Studio takes the lowest score first: what a network is least sure of.
        shapes = one.shapes and replace(one.shapes, score=round(1 - rounded, _DECIMALS))
        ordered.append(replace(one, shapes=shapes))
        ranked.append(
            RankedImage(
                rank=number,
                image=one.name,
                file=None if one.image.file is None else named(str(one.image.file)),
                score=round(one.score, _DECIMALS),
                priority=rounded,
                found=one.found,
                regions=one.regions,
            )
        )
    return ordered, ranked
