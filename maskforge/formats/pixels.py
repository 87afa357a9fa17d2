"""What formats share whose annotations are the pixels of a mask: reading it, and naming its values.

A mask holds a number in every pixel: a value, the index into a palette, or a color as a 24-bit
number with red highest. ``PixelNames`` says what the numbers are called, ``read_pixels`` decodes a
file, and ``shapes_of`` makes a bitmap of every region, to the last pixel.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from maskforge.errors import ImageError, OptionError, listing, shorten
from maskforge.images.decoder import list_pages, read_header, read_stored
from maskforge.images.index_png import encode_png
from maskforge.images.regions import Region, regions
from maskforge.images.stored import Stored
from maskforge.issues import Code, Issue, Origin
from maskforge.limits.allowance import Allowance, Limit
from maskforge.shapes import Shape, Size

if TYPE_CHECKING:
    from maskforge.formats.writer import WriteContext

BACKGROUND = ""
"""Name of what is not drawn."""

VOID = "__ignore__"
"""Label that every class map draws as void."""

VOID_VALUE = 255
_VOID_COLOR = 0xE0E0C0  # of Pascal VOC, and of maskforge
_SPECIAL = {"background": BACKGROUND, "void": VOID}
_LARGEST = 2**16 - 1
_MOST_UNNAMED = 100
_PAIRS_AT_A_TIME = 2**22
MOST_MASK_PIXELS = 89_478_485  # Pillow suspects a decompression bomb beyond it, too
_COLOR = re.compile(r"#[0-9a-fA-F]{6}")
_HINT = "masks must be neither JPEG nor resized with interpolation"


@dataclass(frozen=True, slots=True)
class PixelNames:
    """What the numbers of masks are called.

    Attributes:
        values: Names of values.
        colors: Names of colors, by their 24-bit numbers.
    """

    values: Mapping[int, str] = field(default_factory=dict)
    colors: Mapping[int, str] = field(default_factory=dict)

    @classmethod
    def of(cls, named: Mapping[str, str]) -> PixelNames:
        """Return the names of values such as ``7`` and colors such as ``#ff0040``.

        Raises:
            OptionError: If a key is neither.
        """
        values: dict[int, str] = {}
        colors: dict[int, str] = {}
        for key, given in named.items():
            text = str(key).strip()
            name = _SPECIAL.get(given, given)
            if _COLOR.fullmatch(text):
                colors[int(text[1:], 16)] = name
            elif text.isascii() and text.isdigit() and len(text) < 6 and int(text) <= _LARGEST:
                values[int(text)] = name
            else:
                raise OptionError(
                    f"{shorten(key)} is neither a value nor a color of a mask",
                    hint="values are 0 to 65535, colors are written as #rrggbb",
                )
        return cls(values, colors)

    def __bool__(self) -> bool:
        return bool(self.values or self.colors)

    @property
    def foreground(self) -> tuple[str, ...]:
        """Every name that is drawn as a class, once."""
        names = (*self.values.values(), *self.colors.values())
        return tuple(one for one in dict.fromkeys(names) if one not in (BACKGROUND, VOID))

    def of_number(self, number: int, *, colored: bool) -> str | None:
        """Return the name of a number; None if others have names, and this one does not."""
        names = self.colors if colored else self.values
        if number in names:
            return names[number]
        if number == 0:
            return BACKGROUND
        if number == (_VOID_COLOR if colored else VOID_VALUE):
            return VOID
        return None if names else written(number, colored=colored)


def written(number: int, *, colored: bool) -> str:
    """Return a number as people write it: ``7`` or ``#ff0040``."""
    return f"#{number:06x}" if colored else str(number)


@dataclass(frozen=True, slots=True, eq=False)
class MaskPixels:
    """A decoded mask.

    Attributes:
        numbers: (H, W), unsigned.
        regions: Where every number is.
        colored: Whether the numbers are colors.
        changed: Number of pixels that had no name, and took the nearest number that has one.
    """

    numbers: NDArray[Any]
    regions: Mapping[int, Region]
    colored: bool
    changed: int = 0

    @property
    def size(self) -> Size:
        """Size of the mask."""
        return Size(self.numbers.shape[1], self.numbers.shape[0])

    def labels(self, names: PixelNames) -> dict[int, str]:
        """Return the label of every number; what has no name is background."""
        return {
            one: names.of_number(one, colored=self.colored) or BACKGROUND for one in self.regions
        }


def read_pixels(
    path: Path, names: PixelNames, *, tolerance: int | None = None, ids: bool = False
) -> MaskPixels:
    """Decode a mask, and decide whether values or colors count.

    Colors count if the file holds some: red, green and blue that differ, or a palette of which all
    colors that occur have names. Else values count. Transparent pixels are background; where all
    others have one color without a name, opacity is the mask, with the values 0 and 255.

    Args:
        path: The file.
        names: What numbers are called.
        tolerance: By how much a channel of a pixel may differ from the nearest number that has a
            name. None allows no JPEG at all, which changes pixels.
        ids: Whether the numbers are those of objects, which nobody can name.

    Raises:
        ImageError: If it cannot be decoded, is not a mask, or holds what has no name.
    """
    origin = Origin(path, "")
    try:
        header = read_header(path)
        if len(list_pages(path)) > 1:
            raise OSError("it is a stack of several pages")
        taken = Allowance(Limit.BITMAP_PIXELS)
        taken.take(header.stored.width * header.stored.height * header.channels)
        stored = read_stored(path, checked=True)
    except OSError as error:
        reason = error.strerror or error
        text = f"cannot be read as a mask: {reason}"
        raise bad_mask(text, origin) from None
    if header.format in ("jpeg", "mpo") and tolerance is None:
        raise bad_mask(
            "is a JPEG, which changes pixels when it compresses",
            origin,
            hint="save masks as PNG, from the data that the JPEG files were made of; or allow for "
            "the change with --mask-tolerance, for example 64",
        )
    values, colors = _channels(stored, names, tolerance or 0, origin)
    candidates = [(colors, True)] if colors is not None else []
    candidates += [(values, False)] if values is not None else []
    found = [MaskPixels(one, regions(one), colored) for one, colored in candidates]
    if ids:
        return found[-1]
    if tolerance:
        found = [_nearest(one, names, tolerance, origin) for one in found]
    chosen = next((one for one in found if one.colored and not _unnamed(one, names)), found[-1])
    _check(chosen, names, origin)
    return chosen


def _channels(
    stored: Stored, names: PixelNames, tolerance: int, origin: Origin
) -> tuple[NDArray[Any] | None, NDArray[Any] | None]:
    """Return values and colors (H, W), each None if the file has none."""
    raw = stored.values
    if raw.dtype == np.bool_:
        raw = raw.astype(np.uint8)
    channels = raw[..., :-1] if stored.alpha else raw
    if channels.ndim == 3 and channels.shape[-1] == 1:
        channels = channels[..., 0]
    if raw.dtype.kind != "u" or (channels.ndim == 3 and not stored.color):
        kind = f"{channels.dtype} in {channels.ndim} dimensions"
        text = f"holds {kind}, expected values or colors"
        raise bad_mask(text, origin)
    opaque = _opaque(raw, origin) if stored.alpha else None
    if stored.palette is not None:
        return channels, _packed(stored.palette[:, :3])[channels] if names.colors else None
    if channels.ndim == 2:
        return _where(channels, opaque, names), None
    low, high = channels.min(axis=-1), channels.max(axis=-1)
    is_gray = bool(((high - low) <= tolerance).all())
    values = _where(channels[..., 1], opaque, names) if is_gray else None
    if values is not None and (channels.dtype != np.uint8 or not names.colors):
        return values, None
    if channels.dtype != np.uint8:
        text = "holds colors of 16 bits, expected 8"
        raise bad_mask(text, origin)
    colors = _packed(channels)
    if opaque is not None:
        shown = np.unique(colors[opaque])
        if shown.size == 1 and int(shown[0]) not in names.colors:
            return opaque.astype(np.uint8) * np.uint8(VOID_VALUE), None
        colors = np.where(opaque, colors, np.uint32(0))
    return values, colors


def _opaque(raw: NDArray[Any], origin: Origin) -> NDArray[np.bool_] | None:
    """Return what is opaque; None if all is."""
    opacity = raw[..., -1]
    full = np.iinfo(raw.dtype).max
    between = int(((opacity != 0) & (opacity != full)).sum())
    if between:
        raise bad_mask(
            f"has {between:,} half transparent pixels, which are neither mask nor background",
            origin,
            hint="save the mask without smooth edges",
        )
    return None if (opacity == full).all() else opacity == full


def _where(
    values: NDArray[Any], opaque: NDArray[np.bool_] | None, names: PixelNames
) -> NDArray[Any]:
    """Return gray values, 0 where they are transparent; or the opacity, if they are all alike."""
    if opaque is None:
        return values
    shown = np.unique(values[opaque])
    if shown.size == 1 and (int(shown[0]) not in names.values or not shown[0]):
        return opaque.astype(np.uint8) * np.uint8(VOID_VALUE)
    return np.where(opaque, values, values.dtype.type(0))


def _packed(colors: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """Return colors (..., 3) as 24-bit numbers."""
    packed = colors[..., 0].astype(np.uint32)
    for channel in (1, 2):
        packed <<= 8
        packed |= colors[..., channel]
    return packed


def _nearest(pixels: MaskPixels, names: PixelNames, tolerance: int, origin: Origin) -> MaskPixels:
    """Return pixels of which each without a name has taken the nearest number that has one.

    Raises:
        ImageError: If values that have names are nearer to each other than the tolerance.
    """
    if pixels.colored:
        if not names.colors:
            return pixels
        known = np.array(sorted({0, *names.colors}))
    else:
        known = _apart(names, tolerance, origin)
    present = np.array(list(pixels.regions))
    unknown = present[~np.isin(present, known)]
    if not unknown.size:
        return pixels
    shifts = np.array([16, 8, 0] if pixels.colored else [0])
    mask = 0xFF if pixels.colored else 0xFFFF
    targets = (known[:, None] >> shifts) & mask
    table = dict(zip(present.tolist(), present.tolist(), strict=True))
    step = max(1, _PAIRS_AT_A_TIME // len(targets))
    for start in range(0, unknown.size, step):
        some = unknown[start : start + step]
        parts = (some[:, None] >> shifts) & mask
        distance = np.abs(parts[:, None] - targets[None]).max(axis=-1)
        nearest = distance.argmin(axis=-1)
        near = distance[np.arange(len(some)), nearest] <= tolerance
        table |= zip(some[near].tolist(), known[nearest[near]].tolist(), strict=True)
    changed = sum(pixels.regions[one].count for one in unknown.tolist() if table[one] != one)
    if not changed:
        return pixels
    after = np.array([table[one] for one in present.tolist()], dtype=pixels.numbers.dtype)
    numbers = after[np.searchsorted(present, pixels.numbers)]
    return MaskPixels(numbers, regions(numbers), pixels.colored, changed)


def _apart(names: PixelNames, tolerance: int, origin: Origin) -> NDArray[np.int64]:
    """Return the values that have names, or black and white if there is but one class."""
    known = np.array(sorted({0, VOID_VALUE, *names.values}))
    close = np.flatnonzero(np.diff(known) <= tolerance)
    if close.size and len(names.foreground) > 1:
        first, second = known[close[0] : close[0] + 2].tolist()
        raise bad_mask(
            f"pixels may differ by {tolerance}, and the values {first} and {second} do not differ "
            "by more",
            origin,
            hint="save masks as PNG, from the data that these files were made of",
        )
    return np.array([0, VOID_VALUE]) if close.size else known


def _check(pixels: MaskPixels, names: PixelNames, origin: Origin) -> None:
    """Make sure that every number has a name.

    Raises:
        ImageError: With the numbers that have none, and how many pixels have each.
    """
    what = "colors" if pixels.colored else "values"
    if not (names.colors if pixels.colored else names.values):
        if len(pixels.regions) > _MOST_UNNAMED:
            raise bad_mask(
                f"holds {len(pixels.regions):,} different {what}: these are shades, not classes",
                origin,
                hint=f"{_HINT}, and not the images themselves; if each is a class, name them with "
                "--classes",
            )
        return
    unknown = _unnamed(pixels, names)
    if unknown:
        unknown.sort(key=lambda one: (-one.count, one.value))
        found = listing(
            f"{written(one.value, colored=pixels.colored)} ({one.count:,} px)" for one in unknown
        )
        raise ImageError(
            Code.UNKNOWN_VALUE,
            f"holds {what} that no class has: {found}",
            origin=origin,
            hint=f"give each of them a class; {_HINT}, or allow for it with --mask-tolerance",
        )


def _unnamed(pixels: MaskPixels, names: PixelNames) -> list[Region]:
    return [
        one
        for one in pixels.regions.values()
        if names.of_number(one.value, colored=pixels.colored) is None
    ]


def change_note(pixels: MaskPixels, origin: Origin) -> Iterator[Issue]:
    """Yield the note on pixels that were changed, if there are any."""
    if pixels.changed:
        total = pixels.size.width * pixels.size.height
        text = f"{pixels.changed:,} of {total:,} pixels took the nearest value that is known"
        yield Issue(Code.CHANGED_PIXELS, text, origin)


def read_colors(path: Path) -> NDArray[np.uint32]:
    """Return the colors of a PNG, (H, W), as numbers with red lowest and opacity highest.

    Raises:
        OSError: If it cannot be decoded, is too large to be a mask, or has no colors of 8 bits.
    """
    header = read_header(path)
    size = header.stored
    if size.width * size.height > MOST_MASK_PIXELS:
        raise OSError(f"{size} px are too many for a mask")
    if (header.format, header.channels, header.bits) != ("png", 3, 8):
        kind = "colors" if header.channels == 3 else "gray"
        found = f"{header.format.upper()} with {kind} of {header.bits} bits"
        raise OSError(f"expected a PNG with colors of 8 bits a channel, found {found}")
    colors: NDArray[np.uint32] = read_stored(path, checked=True).rgba().view("<u4")[..., 0]
    return colors


def value_table(values: Mapping[int, int], void: int = VOID_VALUE) -> NDArray[Any]:
    """Return what is written for every class id, (N,), of 8 bits if these hold it.

    Args:
        values: What is written for the classes; for all other ids it is 0.
        void: What is written for void.
    """
    is_wide = max((void, *values.values())) > VOID_VALUE
    table = np.zeros(max((VOID_VALUE, *values)) + 1, np.uint16 if is_wide else np.uint8)
    table[list(values)] = list(values.values())
    table[VOID_VALUE] = void
    return table


def write_objects(context: WriteContext, name: str, objects: NDArray[np.integer]) -> None:
    """Write a map of objects (H, W) as PNG of 16 bits, unless there is none, or one has no number.

    Raises:
        OutputError: If it cannot be written.
    """
    most = int(objects.max(initial=0))
    if most > _LARGEST:
        context.left_out("objects beyond number 65535", most - _LARGEST)
    elif most:
        context.write(name, encode_png(objects.astype(np.uint16)))


class ObjectNumber(NamedTuple):
    """A number of a mask, and one of the map of objects beside it."""

    number: int
    object: int


def bad_mask(text: str, origin: Origin, hint: str = "") -> ImageError:
    """Return the error for a file that is not a mask."""
    return ImageError(Code.INVALID_MASK, text, origin=origin, hint=hint)


def read_objects(path: Path, pixels: MaskPixels) -> NDArray[Any]:
    """Decode the map of objects (H, W) beside a mask.

    Raises:
        ImageError: If it cannot be decoded, or has another size than the mask.
    """
    objects = read_pixels(path, PixelNames(), ids=True)
    check_size(objects, pixels, path)
    return objects.numbers


def check_size(pixels: MaskPixels, other: MaskPixels, path: Path) -> None:
    """Make sure that two masks of an image have one size.

    Raises:
        ImageError: If they differ; it names the file of the first.
    """
    if pixels.size != other.size:
        raise bad_mask(
            f"has {pixels.size} px, the mask beside it {other.size} px",
            Origin(path, ""),
            hint="both belong to one image, and must have its size",
        )


def split_by_objects(
    pixels: MaskPixels, objects: NDArray[Any]
) -> tuple[MaskPixels, dict[int, ObjectNumber]]:
    """Return pixels in which every object has a number of its own, and what each number was.

    Args:
        pixels: A mask.
        objects: (H, W), the number of the object at every pixel; 0 is none.

    The two must have one size.
    """
    step = int(objects.max(initial=0)) + 1
    joined = pixels.numbers.astype(np.uint64) * np.uint64(step) + objects
    found = regions(joined)
    meant = {one: ObjectNumber(*divmod(one, step)) for one in found}
    return replace(pixels, numbers=joined, regions=found), meant


def shapes_of(
    pixels: MaskPixels,
    labels: Mapping[int, str],
    origin: Origin,
    instances: Mapping[int, ObjectNumber] | None = None,
) -> list[Shape]:
    """Return a shape for every region that is drawn.

    Args:
        pixels: The mask.
        labels: Label of every number (of ``ObjectNumber.number``, if there are instances).
        origin: The file.
        instances: What the numbers are made of, if objects are told apart.

    Raises:
        LimitError: If the bitmaps would take more memory than an image may.
    """
    taken = Allowance(Limit.BITMAP_PIXELS)
    shapes = []
    for region in pixels.regions.values():
        number, instance = (instances or {}).get(region.value, (region.value, 0))
        label = labels[number]
        if label == BACKGROUND:
            continue
        taken.take(region.box_pixels)
        text = written(number, colored=pixels.colored)
        kind = "color" if pixels.colored else "value"
        place = f"{kind} {text}" + (f", object {instance}" if instance else "")
        shapes.append(
            Shape(
                (label,),
                region.bitmap(pixels.numbers),
                kind,
                Origin(origin.file, place),
                instance=str(instance) if instance else None,
                primitive={kind: text if pixels.colored else number},
            )
        )
    return shapes
