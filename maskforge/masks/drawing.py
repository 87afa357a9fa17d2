"""From the shapes of one image to its masks: labels to values, overlaps, instances, accounting."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from maskforge.choices import (
    ClosedLines,
    Encoding,
    InnerRings,
    MultiTag,
    Overlap,
    Range,
    Refused,
    check_choices,
    with_keywords,
)
from maskforge.display.brief import Brief
from maskforge.errors import GeometryError, ImageError, OptionError, check_type, listing
from maskforge.geometry import discs, is_closed, rectangle, ring, self_intersecting, thick_line
from maskforge.images.annotated_image import AnnotatedImage
from maskforge.issues import Code, Doubt, Issue, Level
from maskforge.limits.allowance import Allowance, Limit
from maskforge.masks.class_source import grouped_by, labeled_by
from maskforge.masks.classes import BACKGROUND, VOID, ClassMap
from maskforge.masks.encoding import Mask, binary_values, one_hot
from maskforge.masks.nested import Region, apart
from maskforge.raster.runs import areas
from maskforge.raster.scan import scan
from maskforge.raster.segments import BandedMask, Segments
from maskforge.shapes import (
    MOST_PIXELS,
    MOST_TILED_PIXELS,
    Area,
    Bitmap,
    PointSet,
    Polygon,
    Polyline,
    Shape,
    Size,
)


@dataclass(frozen=True, slots=True)
class DrawOptions:
    """How shapes become masks.

    Attributes:
        encoding: ``integer`` or, of one class alone, ``binary`` (H, W); ``onehot`` or ``multihot``
            (H, W, C); see ``maskforge.masks.encoding``.
        rasterizer: Name of the rasterizer.
        overlap: What is on top where shapes overlap: ``order`` the later one in the file, ``area``
            the smaller one, ``priority`` the one whose class comes later in the class map;
            ``error`` refuses images in which shapes of different classes overlap.
        line_width: Width in pixels with which lines are drawn; None leaves them out.
        closed_lines: What becomes of a line that ends within a pixel of its start: it stays a
            ``line``, or is the outline of an ``area``.
        inner_rings: What becomes of a shape that lies wholly inside another one of its class (and
            of its instance, if both are grouped): it is drawn as an ``area``, or cut out as a
            ``hole``.
        point_radius: Radius in pixels of the discs drawn for points; None leaves them out.
        multi_tag: Which labels of a shape with several count: the ``first``, the ``last``, ``all``
            (the last one on top), or ``error``, which refuses the shape.
        unlabeled: What becomes of a shape without label: ``skip``, ``error`` (refused), or the
            label that it gets. None skips shapes without label and refuses those whose class
            cannot be resolved.
        refused: What becomes of the place of a shape that cannot be drawn though somebody drew it:
            ``leave-out`` shows what lies below; ``void`` makes it 255, if the place is known.
        instances: Whether to draw an instance map, too.
        instances_from: Key of a shape's record that tells which object it belongs to, such as
            ``attributes.tooth``, or ``label``; then an instance map is drawn, too. Empty for its
            group.
        tiled_above: Number of pixels above which masks of the encodings ``integer`` and ``binary``
            are no arrays, but come as bands of rows, and are written as tiled TIFF. None for
            never; images of more than 2^30 pixels are refused then.

    Raises:
        OptionError: If a width or radius is negative, or larger than 65536.
    """

    encoding: Encoding = "integer"
    rasterizer: str = "exact"
    overlap: Overlap = "order"
    line_width: Annotated[float | None, Range(0, 2**16)] = None
    closed_lines: ClosedLines = "line"
    inner_rings: InnerRings = "area"
    point_radius: Annotated[float | None, Range(0, 2**16)] = None
    multi_tag: MultiTag = "first"
    unlabeled: str | None = None
    refused: Refused = "leave-out"
    instances: bool = False
    instances_from: str = ""
    tiled_above: Annotated[int | None, Range(0, MOST_TILED_PIXELS)] = None

    def __post_init__(self) -> None:
        check_choices(self)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Drawing(Brief):
    """The masks of one image.

    Attributes:
        mask: (H, W) uint8 or uint16, or (H, W, C) uint8, as the encoding says. Of an image of more
            than ``tiled_above`` pixels, a [`BandedMask`][maskforge.BandedMask].
        instances: (H, W) uint16 or uint32: 0 is not an instance; None if not asked for. Banded as
            the mask is.
        instance_classes: Class id of instance 1, 2, ...
        instance_names: What the annotation calls instance 1, 2, ..., such as ``36`` for a tooth:
            its group, or the value of ``instances_from``; empty where it says nothing.
        pixels: Number of visible pixels of every value.
        overlapped: Number of pixels claimed by shapes of more than one class.
        drawn: Number of shapes drawn as they are.
        converted: Number of shapes turned into polygons first (circles, thick lines ...).
        class_shapes: Number of shapes of every value.
        issues: Findings, with a line for every shape that was not drawn.
    """

    mask: Mask | BandedMask
    instances: NDArray[np.uint16] | NDArray[np.uint32] | BandedMask | None
    instance_classes: tuple[int, ...]
    instance_names: tuple[str, ...]
    pixels: dict[int, int]
    overlapped: int
    drawn: int
    converted: int
    class_shapes: dict[int, int]
    issues: tuple[Issue, ...]


def draw(
    image: AnnotatedImage,
    classes: ClassMap,
    options: DrawOptions | None = None,
    **keywords: object,
) -> Drawing:
    """Draw the masks of one image.

    Args:
        image: The image, with its size.
        classes: Which label becomes which value.
        options: How; see ``DrawOptions``.
        **keywords: Single options, such as ``encoding="onehot"``.

    Raises:
        ImageError: If the size of the image is unknown or too large, or classes overlap and must
            not.
        LabelError: If the class map does not know a label.
        LimitError: If the shapes need more time or memory than an image may take.
        MissingDependencyError: If the library of the rasterizer is not installed.
        OptionError: If an option does not exist or cannot be used.

    Examples:
        >>> classes = mf.load_class_map("samples/classes.toml")
        >>> image = next(iter(mf.read("samples/labelme")))
        >>> drawing = mf.draw(image, classes, encoding="onehot")
        >>> drawing.mask.shape, drawing.pixels[5]
        ((432, 576, 7), 1766)
    """
    check_type("image", image, AnnotatedImage, hint="read one with maskforge.read")
    check_type("classes", classes, ClassMap, hint="load one with maskforge.load_class_map")
    options = with_keywords(DrawOptions, options, keywords)
    image = grouped_by(labeled_by(image, classes.class_from), options.instances_from)
    return draw_labeled(image, classes, options)


def draw_labeled(image: AnnotatedImage, classes: ClassMap, options: DrawOptions) -> Drawing:
    """Draw as ``draw`` does, where labels and groups are the final ones and options are checked.

    Raises:
        MaskforgeError: As ``draw``.
    """
    size = image.image.size
    if size is None:
        raise ImageError(Code.SIZE_UNKNOWN, "the size of the image is unknown", origin=image.origin)
    issues = _notes_on_size(image, size, options)
    is_banded = bool(issues)
    regions: list[Region] = []
    vertices = Allowance(Limit.VERTICES)
    outcomes = {"drawn": 0, "converted": 0}
    for shape in image.shapes:
        own = _regions(shape, classes, options, vertices, issues)
        if own and not own[0].is_lost:
            as_is = not shape.converted and own[0].geometry is shape.geometry
            outcomes["drawn" if as_is else "converted"] += 1
        regions += own
    regions = apart(regions, image.origin, options.inner_rings, issues)
    count = len(regions)
    regions += _places(image, options)
    runs = scan([region.geometry for region in regions], size, options.rasterizer)
    pixels_of = areas(runs, len(regions))
    issues += _vanished(regions[:count], pixels_of[:count], size)
    issues += _crossings(regions[:count])
    values: Mask = np.zeros(len(regions), dtype=classes.dtype)
    values[:] = [region.value for region in regions]
    order = _order(values[:count], pixels_of[:count], classes, options.overlap)
    # The place of a record that cannot be read lies on top: nobody knows what it covers.
    order = np.append(order, np.arange(count, len(regions)))
    segments = Segments(runs, size)
    painted: Mask = segments.paint(values, order)
    # A hole or a void region below or above a class is no claim against it.
    overlapped = segments.overlapped(values, np.flatnonzero(~np.isin(values, (BACKGROUND, VOID))))
    if options.overlap == "error" and overlapped:
        raise ImageError(
            Code.OVERLAP,
            f"shapes of different classes overlap in {overlapped} pixels",
            origin=image.origin,
            hint="choose what is on top: --overlap order, area or priority",
        )
    pixels = segments.count(painted)
    pixels[BACKGROUND] = pixels.pop(BACKGROUND, 0)  # named last, and always
    if options.encoding == "binary":
        painted = _binary(painted, classes)
    elif options.encoding == "onehot":
        painted = one_hot(painted, classes.ids)
    elif options.encoding == "multihot":
        painted, pixels = _channels(segments, values, order, classes)
    fill = segments.banded if is_banded else segments.fill
    instances: NDArray[Any] | BandedMask | None = None
    instance_classes: tuple[int, ...] = ()
    instance_names: tuple[str, ...] = ()
    if options.instances or options.instances_from:
        numbers, instance_classes, instance_names = _instance_numbers(regions)
        instances = fill(segments.paint(numbers, order))
    return Drawing(
        fill(painted),
        instances,
        instance_classes,
        instance_names,
        pixels,
        overlapped,
        outcomes["drawn"],
        outcomes["converted"],
        dict(Counter(region.value for region in regions)),
        tuple(issues),
    )


def _notes_on_size(image: AnnotatedImage, size: Size, options: DrawOptions) -> list[Issue]:
    """Return a note if the masks of an image are banded.

    Raises:
        ImageError: If they are too large.
    """
    pixels, most = size.width * size.height, options.tiled_above
    has_channels = options.encoding in ("onehot", "multihot")
    is_banded = most is not None and pixels > most and not has_channels
    if pixels > MOST_PIXELS and (not is_banded or options.rasterizer != "exact"):
        hint = "`maskforge convert` makes such masks; for all else, cut the image into tiles"
        if most is not None:
            hint = "choose --encoding integer and --rasterizer exact, or cut the image into tiles"
        text = f"{size} px are more than the {MOST_PIXELS:,} px that a mask may have here"
        raise ImageError(Code.TOO_LARGE, text, origin=image.origin, hint=hint)
    if not is_banded:
        return []
    text = f"{size} px are more than {most:,} (--tiled-above): its masks are tiled TIFF files"
    return [Issue(Code.TILED_MASK, text, image.origin)]


def check_binary(classes: ClassMap, labels: Iterable[str], options: DrawOptions) -> None:
    """Make sure that a binary mask can show what there is, if that was asked for.

    Raises:
        OptionError: If there are several classes, or something is void.
    """
    if options.encoding != "binary":
        return
    binary_values(classes.ids)
    void = [label for label in dict.fromkeys(labels) if classes.value(label) == VOID]
    if void or options.refused == "void":
        raise _void_in_binary(listing(map(repr, void)) or "--refused void")


def _binary(painted: Mask, classes: ClassMap) -> NDArray[np.uint8]:
    (_, id_) = binary_values(classes.ids).values()
    if (painted == VOID).any():
        raise _void_in_binary("a shape")
    binary: NDArray[np.uint8] = np.where(painted == id_, np.uint8(VOID), np.uint8(BACKGROUND))
    return binary


def _void_in_binary(what: str) -> OptionError:
    return OptionError(
        f"{what} is void, and 255 is the class in a binary mask",
        hint="leave it out, such as --class __ignore__=ignore; or make the masks with "
        "--encoding integer",
    )


def as_void(issues: Iterable[Issue], options: DrawOptions) -> list[Issue]:
    """Return the findings about an image as they are after records without shape became void."""
    return [
        replace(one, override=Level.VOID)
        if one.box is not None and _becomes_void(one, options)
        else one
        for one in issues
    ]


def _becomes_void(issue: Issue, options: DrawOptions) -> bool:
    return options.refused == "void" and issue.loses_record and issue.doubt is Doubt.YES


def _places(image: AnnotatedImage, options: DrawOptions) -> list[Region]:
    """Return where records lie that became no shape, to be drawn as void."""
    regions = []
    for issue in image.issues:
        if issue.box is not None and _becomes_void(issue, options):
            place = Area((rectangle(*issue.box, issue.origin),))
            shape = Shape((), place, "box", issue.origin, converted="box")
            regions.append(Region(shape, place, VOID, is_lost=True))
    return regions


def _regions(
    shape: Shape,
    classes: ClassMap,
    options: DrawOptions,
    vertices: Allowance,
    issues: list[Issue],
) -> list[Region]:
    """Return a shape with every value that it is painted with; nothing if it is left out."""
    found: list[Issue] = []
    values = _values(shape, classes, options, found)
    is_lost = not values and any(one.doubt is Doubt.YES for one in found)
    geometry = None
    if values or is_lost:
        without_area: list[Issue] = []
        geometry = _geometry(shape, options, vertices, without_area)
        # What has no area is not drawn, whatever its class.
        found = without_area if is_lost and geometry is None else [*found, *without_area]
    if is_lost and geometry is not None and options.refused == "void":
        values, found = [VOID], [replace(one, override=Level.VOID) for one in found]
    issues += found
    return [] if geometry is None else [Region(shape, geometry, one, is_lost) for one in values]


def _values(
    shape: Shape, classes: ClassMap, options: DrawOptions, issues: list[Issue]
) -> list[int]:
    """Return the values that a shape is painted with; none if it is left out."""
    labels = shape.labels
    if not labels:
        missing = shape.label_issue or Issue(Code.NO_LABEL, "has no label", shape.origin)
        if options.unlabeled is None:
            issues.append(missing)
        elif options.unlabeled in ("skip", "error"):
            level = Level.SKIPPED if options.unlabeled == "skip" else Level.REFUSED
            issues.append(Issue(missing.code, missing.message, missing.origin, missing.hint, level))
        else:
            labels = (options.unlabeled,)
            text = f"{missing.message}; drawn as {options.unlabeled!r}"
            issues.append(Issue(missing.code, text, missing.origin, override=Level.NOTE))
    if not labels:
        return []
    found = dict.fromkeys(classes.value(label) for label in labels)
    values = [value for value in found if value is not None]
    if not values:
        issues.append(
            Issue(Code.IGNORED_LABEL, f"the class map ignores {labels[0]!r}", shape.origin)
        )
        return []
    if len(values) > 1:
        issues.append(_several_labels(shape, options.multi_tag))
    match options.multi_tag:
        case "first":
            return values[:1]
        case "last":
            return values[-1:]
        case "all":
            return values
        case "error":
            return values if len(values) == 1 else []


def _several_labels(shape: Shape, multi_tag: MultiTag) -> Issue:
    listed = ", ".join(repr(label) for label in shape.labels)
    refused = multi_tag == "error"
    return Issue(
        Code.SEVERAL_LABELS,
        f"has the labels {listed}; --multi-tag {multi_tag}",
        shape.origin,
        "choose one with --multi-tag first or last" if refused else "",
        Level.REFUSED if refused else None,
    )


def _geometry(
    shape: Shape, options: DrawOptions, vertices: Allowance, issues: list[Issue]
) -> Area | Bitmap | None:
    match shape.geometry:
        case Polyline() as line:
            option = "--line-width"
            if is_closed(line):
                if options.closed_lines == "area":
                    return Area((Polygon(ring(line.points, shape.origin)),))
                option = "--closed-lines area (it is closed), or --line-width"
            if options.line_width:
                return thick_line(line, options.line_width, vertices)
        case PointSet() as points:
            if options.point_radius:
                try:
                    return discs(points, options.point_radius, shape.origin, vertices)
                except GeometryError as error:  # a disc that reaches beyond all limits
                    issues.append(error.issue())
                    return None
            option = "--point-radius"
        case geometry:
            return geometry
    issues.append(
        Issue(Code.NO_AREA, f"a {shape.kind} has no area", shape.origin, f"give it one: {option}")
    )
    return None


def _vanished(regions: Sequence[Region], pixels: NDArray[np.int64], size: Size) -> list[Issue]:
    """Name the shapes that no pixel shows, however they are painted."""
    issues = []
    for region, count in zip(regions, pixels, strict=True):
        if count:
            continue
        if _outside(region.geometry, size):
            code, text = Code.OUTSIDE_IMAGE, "lies outside the image"
        else:
            code, text = Code.NO_PIXELS, "covers no pixel center"
        issues.append(Issue(code, f"{region.shape.kind} {text}", region.shape.origin))
    return issues


def _outside(geometry: Area | Bitmap, size: Size) -> bool:
    if isinstance(geometry, Bitmap):
        height, width = geometry.pixels.shape
        low = np.array((geometry.column, geometry.row))
        high = low + np.array((width, height))
    else:
        rings = [part.exterior for part in geometry.parts]
        low = np.min([ring.min(axis=0) for ring in rings], axis=0, initial=np.inf)
        high = np.max([ring.max(axis=0) for ring in rings], axis=0, initial=-np.inf)
    return bool((high <= 0).any() or (low >= size).any())


def _crossings(regions: Sequence[Region]) -> list[Issue]:
    owners: list[Shape] = []
    polygons: list[Polygon] = []
    for region in regions:
        drawn_by_hand = region.geometry is region.shape.geometry and not region.shape.converted
        repeated = bool(owners) and owners[-1] is region.shape
        if isinstance(region.geometry, Area) and drawn_by_hand and not repeated:
            owners += [region.shape] * len(region.geometry.parts)
            polygons += region.geometry.parts
    crossing = [
        owner for owner, bad in zip(owners, self_intersecting(polygons), strict=True) if bad
    ]
    return [
        Issue(Code.SELF_INTERSECTION, "the outline crosses or touches itself", shape.origin)
        for shape in dict.fromkeys(crossing)
    ]


def _order(
    values: Mask, pixels: NDArray[np.int64], classes: ClassMap, overlap: Overlap
) -> NDArray[np.intp]:
    """Return the order in which regions are painted; the last one lies on top."""
    match overlap:
        case "area":
            return np.argsort(-pixels, kind="stable")
        case "priority":
            ranks = {one.id: rank for rank, one in enumerate(classes.classes)}
            ranks[VOID] = len(ranks)  # on top of all
            return np.argsort([ranks[int(value)] for value in values], kind="stable")
        case "order" | "error":
            return np.arange(len(values))


def _channels(
    segments: Segments, values: Mask, order: NDArray[np.intp], classes: ClassMap
) -> tuple[NDArray[np.uint8], dict[int, int]]:
    """Return the multi-hot channels of every segment, and the pixels of every value."""
    ids, lengths = classes.foreground_ids, segments.lengths
    void = segments.paint(values == VOID, order[values[order] == VOID])
    channels = np.zeros((len(lengths), len(ids)), dtype=np.uint8)
    for id_, channel in zip(ids, channels.T, strict=True):
        # Shapes labeled as background cut holes into what was drawn before them.
        concerned = order[np.isin(values[order], (id_, BACKGROUND))]
        channel[:] = segments.paint(values == id_, concerned)
    channels[void] = VOID
    pixels = {id_: int(lengths[channels[:, i] == 1].sum()) for i, id_ in enumerate(ids)}
    pixels[BACKGROUND] = int(lengths[(channels == 0).all(axis=1)].sum())
    if void.any():
        pixels[VOID] = int(lengths[void].sum())
    return channels, pixels


def _instance_numbers(
    regions: Sequence[Region],
) -> tuple[NDArray[Any], tuple[int, ...], tuple[str, ...]]:
    """Return the number of every region's instance, and class and name of every instance."""
    numbers: dict[tuple[int, str | int], int] = {}
    classes: list[int] = []
    names: list[str] = []
    numbers_of = np.zeros(len(regions), dtype=np.int64)
    for index, region in enumerate(regions):
        if region.value in (BACKGROUND, VOID):
            continue
        instance = region.shape.instance
        key = (region.value, index if instance is None else instance)
        if key not in numbers:
            numbers[key] = len(numbers) + 1
            classes.append(region.value)
            names.append(instance or "")
        numbers_of[index] = numbers[key]
    wide = len(numbers) > np.iinfo(np.uint16).max
    return numbers_of.astype(np.uint32 if wide else np.uint16), tuple(classes), tuple(names)
