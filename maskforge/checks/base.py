"""What every check is given, and what it returns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeAlias, TypeVar

import msgspec
from numpy.typing import NDArray

from maskforge.checks.alignment import Alignment
from maskforge.display.brief import Brief
from maskforge.masks.classes import ClassMap
from maskforge.shapes import Size

Severity: TypeAlias = Literal["error", "warning", "note"]

Looked = TypeVar("Looked")
"""What a check looks at."""

Box: TypeAlias = tuple[int, int, int, int]
"""Left, top, right and bottom in pixels; right and bottom are outside."""


class CheckPlace(Brief, msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where something was found.

    Attributes:
        name: Name of the image; empty if it is about the set.
        image: The image.
        mask: The mask file.
        file: The annotation file, or another one that is concerned.
        pointer: The place in that file.
        box: Left, top, right and bottom of the place in the mask, in pixels.
        message: What was found there.
        overlay: The overlay that shows it, relative to the folder of the report.
    """

    name: str = ""
    image: str | None = None
    mask: str | None = None
    file: str = ""
    pointer: str = ""
    box: Box | None = None
    message: str = ""
    overlay: str = ""

    def saying(
        self, message: str, *, pointer: str | None = None, box: Box | None = None
    ) -> CheckPlace:
        """Return the place with what was found there."""
        pointer = self.pointer if pointer is None else pointer
        return msgspec.structs.replace(self, message=message, pointer=pointer, box=box)


@dataclass(frozen=True, slots=True, eq=False)
class ClassRegions:
    """The connected regions of a class in a mask.

    Attributes:
        sizes: (N,) their pixels; of very many a sample.
        specks: Those of a few pixels with nothing but background around them: pixels and box.
    """

    sizes: NDArray[Any]
    specks: tuple[tuple[int, Box], ...]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ImageFacts:
    """What is kept of an image after it was looked at.

    Attributes:
        place: The image.
        size: Size of the mask; None if there is none.
        depth: What a pixel of the image is, such as ``gray, 8 bits``; empty if it is not known.
        pixels: Pixels per class id.
        labels: Number of shapes per label.
        regions: Per class id, without background and void.
        outside: Shapes that lie far outside.
        alignment: How the mask fits the edges in the image; None if it cannot be told.
        image_digest: Of the image file.
        mask_digest: Of the values of the mask.
        likeness: What mask the image looks like; empty if it does not.
        own_mask: Whether the image shows the same as the mask.
        refused: Parts of the annotation that are missing in the mask.
        match: By what evidence the image was found; empty if that is not known.
        is_partial: Whether the mask is said to lack something that somebody drew.
        sketch: (S, S) uint8, the image in gray and small; None if it is flat, or there is none.
    """

    place: CheckPlace
    size: Size | None = None
    depth: str = ""
    pixels: Mapping[int, int] = field(default_factory=dict)
    labels: Mapping[str, int] = field(default_factory=dict)
    regions: Mapping[int, ClassRegions] = field(default_factory=dict)
    outside: tuple[CheckPlace, ...] = ()
    alignment: Alignment | None = None
    image_digest: str = ""
    mask_digest: str = ""
    likeness: str = ""
    own_mask: bool = False
    refused: tuple[CheckPlace, ...] = ()
    match: str = ""
    is_partial: bool = False
    sketch: NDArray[Any] | None = None


@dataclass(frozen=True, slots=True)
class Broken:
    """An image that could not be measured, or something beside the images.

    Attributes:
        code: The check that it belongs to.
        place: Where, with what is wrong.
    """

    code: str
    place: CheckPlace


@dataclass(frozen=True, slots=True, eq=False)
class Survey:
    """All that checks are given.

    Attributes:
        images: The images that could be measured.
        classes: The class map.
        broken: What was found before anything could be measured.
        parts: Part of the split per name of an image; empty without a split.
    """

    images: tuple[ImageFacts, ...]
    classes: ClassMap
    broken: tuple[Broken, ...] = ()
    parts: Mapping[str, str] = field(default_factory=dict)

    @property
    def masked(self) -> list[ImageFacts]:
        """The images that have a mask."""
        return [one for one in self.images if one.size is not None]


@dataclass(frozen=True, slots=True)
class Check(Generic[Looked]):
    """One kind of finding.

    Attributes:
        code: Its name.
        severity: How bad it is.
        meaning: What was found, for people, in one sentence.
        advice: What to do about it, in one sentence.
        find: Returns the places.
    """

    code: str
    severity: Severity
    meaning: str
    advice: str
    find: Callable[[Looked], Iterable[CheckPlace]]


def broken(code: str) -> Callable[[Survey], Iterable[CheckPlace]]:
    """Return a check for what was found before anything could be measured."""
    return lambda survey: (one.place for one in survey.broken if one.code == code)
