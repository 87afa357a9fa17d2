"""Masks turned into shapes again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, overload

import numpy as np
from numpy.typing import NDArray

from maskforge.choices import with_keywords
from maskforge.display.brief import form_of_array
from maskforge.errors import OptionError, check_type, shorten
from maskforge.issues import Origin
from maskforge.masks.classes import BACKGROUND, VOID, VOID_LABEL, ClassMap
from maskforge.raster.runs import Runs, areas
from maskforge.raster.scan import scan
from maskforge.raster.segments import Segments
from maskforge.shapes import Area, Polygon, Shape, Size
from maskforge.vector.outlines import trace
from maskforge.vector.vectorize_options import LOSSLESS, VectorizeOptions

_ROUNDING = 1e-3
"""By how much probabilities may leave 0 to 1."""

_NO_FILE = Path("<array>")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Vectorized(Sequence[Shape]):
    """The shapes of a mask: a sequence of them, and what is to be known about it.

    Attributes:
        shapes: The shapes, by class, instance and place.
        iou: Intersection over union of what the shapes draw and the mask, without shapes that were
            left out; 1.0 if both are the same.
        left_out: Number of shapes that were smaller than ``min_area``.
    """

    shapes: tuple[Shape, ...]
    iou: float = 1.0
    left_out: int = 0

    def __repr__(self) -> str:
        return f"Vectorized({len(self)} shapes, iou={self.iou:.4f}, left_out={self.left_out})"

    def __len__(self) -> int:
        return len(self.shapes)

    @overload
    def __getitem__(self, index: int) -> Shape: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Shape, ...]: ...

    def __getitem__(self, index: int | slice) -> Shape | tuple[Shape, ...]:
        return self.shapes[index]


class _Layer(NamedTuple):
    """Regions that do not overlap.

    Attributes:
        labels: (H, W) integers; 0 is no region.
        class_id: The class of all regions; None if labels tell it.
        base: If it is not 0, labels are an instance times this, plus a class.
    """

    labels: NDArray[Any]
    class_id: int | None = None
    base: int = 0

    def meaning(self, label: int) -> tuple[int, int]:
        """Return the class id of a label and its instance, 0 for none."""
        if self.class_id is not None:
            return self.class_id, 0
        instance, class_id = divmod(label, self.base) if self.base else (0, label)
        return class_id, instance


class _Found(NamedTuple):
    """What becomes a shape.

    Attributes:
        class_id: Its class.
        instance: Its instance, 0 for none.
        label: Its label in the layer.
        pixels: Number of its pixels.
        parts: Its polygons.
    """

    class_id: int
    instance: int
    label: int
    pixels: int
    parts: tuple[Polygon, ...]


def vectorize(
    mask: NDArray[Any],
    options: VectorizeOptions | None = None,
    *,
    classes: ClassMap | Mapping[int, str] | None = None,
    instances: NDArray[Any] | None = None,
    probabilities: NDArray[Any] | None = None,
    **keywords: object,
) -> Vectorized:
    """Turn a mask into polygons with holes, by default such that drawing gives the same mask.

    Every connected region is a shape of one polygon; every instance, if these are given, is a shape
    of as many as it has parts.

    Args:
        mask: (H, W) class ids, with 255 for void; or (H, W, K) of 0 and 1, a channel for each
            class, of classes that may overlap. So ``probabilities >= thresholds`` is a mask.
        options: How; see ``VectorizeOptions``.
        classes: Names of the classes: a class map, or names by id, whose ids in rising order are
            those of the channels. None takes the ids as names, with channels from 1.
        instances: (H, W) whole numbers, 0 for none: an instance map, as ``mf.draw`` makes it.
        probabilities: (H, W, K) floats, a channel for each class, or for each and the background:
            the score of a shape is the mean probability of its class inside.
        **keywords: Single options, such as ``tolerance=2.0``.

    Raises:
        OptionError: If an option cannot be used, the arrays do not fit each other, or the mask
            holds a value that no class has.
        LimitError: If outlines have to be drawn, for scores or since the mask changes, and take
            more time or memory than an image may.

    Examples:
        >>> mask = np.zeros((6, 8), np.uint8)
        >>> mask[1:5, 1:5] = 2
        >>> mask[2:4, 2:4] = 0
        >>> (shape,) = mf.vectorize(mask, classes={2: "caries"})
        >>> shape.labels, shape.geometry.parts[0].exterior.tolist()
        (('caries',), [[1.0, 1.0], [5.0, 1.0], [5.0, 5.0], [1.0, 5.0]])
        >>> bool((mf.rasterize([shape.geometry], (8, 6), [2]) == mask).all())
        True
    """
    options = with_keywords(VectorizeOptions, options, keywords)
    names, ids = _names(classes)
    layers = _layers(mask, ids, instances, void=options.void)
    height, width = layers[0].labels.shape
    channel_of = _channels(probabilities, mask, ids)
    changes = options.tolerance > LOSSLESS or options.smoothing > 0
    shapes: list[Shape] = []
    left_out = common = union = 0
    for layer in layers:
        found = _found(layer, options)
        kept = [one for one in found if one.pixels >= options.min_area]
        left_out += len(found) - len(kept)
        regions = [Area(one.parts) for one in kept]
        scores: Sequence[float | None] = [None] * len(kept)
        if changes or channel_of:
            runs = scan(regions, Size(width, height))
            if probabilities is not None:
                channels = [channel_of.get(one.class_id, -1) for one in kept]
                scores = _scores(runs, channels, probabilities)
            if changes:
                same, either = _likeness(runs, kept, layer)
                common, union = common + same, union + either
        for one, region, score in zip(kept, regions, scores, strict=True):
            origin = Origin(_NO_FILE, f"shapes[{len(shapes)}]")
            instance = str(one.instance) if one.instance else None
            label = _label(one.class_id, names)
            shapes.append(Shape((label,), region, "polygon", origin, instance, score=score))
    return Vectorized(tuple(shapes), common / union if union else 1.0, left_out)


def _names(
    classes: ClassMap | Mapping[int, str] | None,
) -> tuple[Mapping[int, str] | None, tuple[int, ...] | None]:
    """Return the names by id, and the ids of channels; None if any number will do."""
    if classes is None:
        return None, None
    if isinstance(classes, ClassMap):
        return classes.names, classes.foreground_ids
    check_type("classes", classes, Mapping, hint="give a class map, or names by id")
    ids = sorted(id_ for id_ in classes if id_ not in (BACKGROUND, VOID))
    return classes, tuple(ids)


def _label(class_id: int, names: Mapping[int, str] | None) -> str:
    if class_id == VOID:
        return VOID_LABEL
    if names is None:
        return str(class_id)
    if class_id not in names:
        raise OptionError(
            f"the mask holds a value that no class has: {class_id}",
            hint="give the classes that the mask was made with",
        )
    return names[class_id]


def _layers(
    mask: NDArray[Any],
    ids: tuple[int, ...] | None,
    instances: NDArray[Any] | None,
    *,
    void: bool,
) -> list[_Layer]:
    if not _is_integers(mask, (2, 3)):
        raise OptionError(
            "a mask is an array (H, W) or (H, W, K) of whole numbers that are not negative, found "
            f"{form_of_array(mask) or shorten(mask)}",
            hint="decide probabilities first, for example with probabilities >= 0.5",
        )
    mask = mask.view(np.uint8) if mask.dtype == np.bool_ else mask
    if instances is not None:
        if mask.ndim != 2 or not _is_integers(instances, (2,)) or instances.shape != mask.shape:
            raise OptionError(
                "instances must be whole numbers of the size of a mask (H, W), found "
                f"{form_of_array(instances) or shorten(instances)} for {mask.shape}"
            )
        return [_with_instances(mask, instances, void=void)]
    if mask.ndim == 2:
        return [_Layer(mask if void else _without_void(mask))]
    count = mask.shape[-1]
    ids = tuple(range(1, count + 1)) if ids is None else ids
    if len(ids) != count:
        raise OptionError(
            f"a mask with {count} channels does not fit {len(ids)} classes",
            hint="there is a channel for every class without the background",
        )
    if ((mask > 1) & (mask != VOID)).any():
        raise OptionError("a pixel of a mask with channels is neither 0, 1 nor 255")
    layers = [_Layer(mask[..., place] == 1, id_) for place, id_ in enumerate(ids)]
    return [*layers, _Layer((mask == VOID).any(axis=-1), VOID)] if void else layers


def _is_integers(array: object, dimensions: tuple[int, ...]) -> bool:
    return (
        isinstance(array, np.ndarray)
        and array.ndim in dimensions
        and array.size > 0
        and array.dtype.kind in "bui"
        and (array.dtype.kind != "i" or array.min() >= 0)
    )


def _without_void(mask: NDArray[Any]) -> NDArray[Any]:
    is_void = mask == VOID
    return np.where(is_void, np.zeros((), mask.dtype), mask) if is_void.any() else mask


def _with_instances(mask: NDArray[Any], instances: NDArray[Any], *, void: bool) -> _Layer:
    base = int(mask.max()) + 1
    most = int(instances.max()) * base + base
    if most > np.iinfo(np.int64).max:
        raise OptionError(f"instances are too large numbers: {int(instances.max())}")
    labels = instances.astype(np.min_scalar_type(most))
    labels *= labels.dtype.type(base)
    labels += mask.astype(labels.dtype)
    labels[mask == BACKGROUND] = 0
    if not void:
        labels[mask == VOID] = 0
    return _Layer(labels, base=base)


def _found(layer: _Layer, options: VectorizeOptions) -> list[_Found]:
    """Return what becomes a shape: polygons, or all of an instance, by class and instance."""
    outlines = trace(
        layer.labels,
        join=options.connectivity == 8,
        tolerance=options.tolerance,
        smoothing=options.smoothing,
    )
    found: list[_Found] = []
    of_instance: dict[int, int] = {}
    for label, polygon, pixels in zip(
        outlines.labels.tolist(), outlines.polygons, outlines.areas.tolist(), strict=True
    ):
        class_id, instance = layer.meaning(label)
        place = of_instance.setdefault(label, len(found)) if instance else len(found)
        if place < len(found):
            known = found[place]
            found[place] = known._replace(
                pixels=known.pixels + pixels, parts=(*known.parts, polygon)
            )
        else:
            found.append(_Found(class_id, instance, label, pixels, (polygon,)))
    return sorted(found, key=lambda one: one[:2])


def _channels(
    probabilities: NDArray[Any] | None, mask: NDArray[Any], ids: tuple[int, ...] | None
) -> dict[int, int]:
    """Return the channel of every class."""
    if probabilities is None:
        return {}
    if ids is None and mask.ndim == 3:
        ids = tuple(range(1, mask.shape[-1] + 1))
    if ids is None:
        raise OptionError("scores need the classes, which say what the channels are")
    known = (ids, (BACKGROUND, *ids))
    shape: tuple[int, ...] = getattr(probabilities, "shape", ())
    if len(shape) != 3 or shape[:2] != mask.shape[:2] or probabilities.dtype.kind != "f":
        raise OptionError(
            f"probabilities must be floats (H, W, K) of the size of the mask, found "
            f"{form_of_array(probabilities) or shorten(probabilities)} for {mask.shape}"
        )
    for one in known:
        if len(one) == shape[-1]:
            return {id_: channel for channel, id_ in enumerate(one)}
    raise OptionError(
        f"probabilities with {shape[-1]} channels do not fit {len(ids)} classes",
        hint="there is a channel for every class, with or without the background as the first",
    )


def _scores(runs: Runs, channels: Sequence[int], probabilities: NDArray[Any]) -> list[float | None]:
    """Return the mean probability inside each region; None for those without a channel, -1."""
    count = len(channels)
    channel = np.array(channels, dtype=np.int64)[runs.region]
    sums = np.zeros(count)
    for one in np.unique(channel[channel >= 0]).tolist():
        before = np.zeros((probabilities.shape[0], probabilities.shape[1] + 1))
        np.cumsum(probabilities[..., one], axis=1, out=before[:, 1:])
        own = channel == one
        row, start, stop = runs.row[own], runs.start[own], runs.stop[own]
        inside = before[row, stop] - before[row, start]
        sums += np.bincount(runs.region[own], weights=inside, minlength=count)
    means = sums / np.maximum(areas(runs, count), 1)
    if not ((means > -_ROUNDING) & (means < 1 + _ROUNDING)).all():
        raise OptionError("probabilities must be 0 to 1")
    clipped = means.clip(0, 1).tolist()
    return [mean if one >= 0 else None for one, mean in zip(channels, clipped, strict=True)]


def _likeness(runs: Runs, kept: Sequence[_Found], layer: _Layer) -> tuple[int, int]:
    """Return how many pixels the regions draw right, and how many they draw or should draw."""
    height, width = layer.labels.shape
    segments = Segments(runs, Size(width, height))
    labels = np.array([one.label for one in kept], layer.labels.dtype)
    drawn = segments.fill(segments.paint(labels, np.arange(len(kept))))
    common = int(np.count_nonzero((drawn != 0) & (drawn == layer.labels)))
    wanted = sum(one.pixels for one in kept)
    return common, wanted + int(np.count_nonzero(drawn)) - common
