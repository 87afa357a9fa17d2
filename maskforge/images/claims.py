"""Which annotations have found which image: two must not share one by its name alone."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from maskforge.images.annotated_image import AnnotatedImage
from maskforge.issues import Code, Issue, Origin

_BY_NAME = ("images", "name")


@dataclass(frozen=True, slots=True)
class _Claim:
    """Who has found an image, and which place is meant: in texts, which are smaller than paths."""

    meant: str
    file: str
    pointer: str


@dataclass(slots=True)
class Claims:
    """The images that were found so far, each with up to two annotations that mean other places."""

    _by_image: dict[str, tuple[_Claim, ...]] = field(default_factory=dict)
    _shared: set[str] = field(default_factory=set)
    _sized: set[Origin] = field(default_factory=set)

    def clear(self) -> None:
        """Forget everything."""
        self._by_image.clear()
        self._shared.clear()
        self._sized.clear()

    def add(self, image: AnnotatedImage, written: Sequence[str], *, is_size_known: bool) -> None:
        """Remember what an annotation has found.

        Args:
            image: The annotation.
            written: What it writes about the place of its image.
            is_size_known: Whether it gives the size, so that it can do without an image.
        """
        file = image.image.file
        if file is None:
            return
        origin, key = image.origin, str(file)
        meant = os.path.normpath(origin.file.parent / next(iter(written), image.image.name))
        claim = _Claim(key if meant == key else meant, str(origin.file), origin.pointer)
        self._add(key, (claim,))
        if image.image.match in _BY_NAME and is_size_known:
            self._sized.add(image.origin)

    def update(self, later: Claims) -> None:
        """Remember what annotations have found that were read after these, by another process."""
        for file, claims in later._by_image.items():
            self._add(file, claims)
        self._shared |= later._shared
        self._sized |= later._sized

    def _add(self, file: str, claims: tuple[_Claim, ...]) -> None:
        known = self._by_image.setdefault(file, claims)
        if known is claims:
            return
        self._shared.add(file)
        others = [one for one in claims if one.meant != known[0].meant]
        self._by_image[file] = (*known, *others)[:2]

    def is_shared(self, file: Path) -> bool:
        """Tell whether more than one annotation has found an image."""
        return str(file) in self._shared

    def checked(self, image: AnnotatedImage) -> AnnotatedImage:
        """Return an annotation without an image that has only its name, and is another's as well.

        It means another place than the other one does, so the image is that of one at most.
        """
        reference = image.image
        if reference.file is None or reference.match not in _BY_NAME:
            return image
        claims = self._by_image.get(str(reference.file), ())
        if len(claims) < 2:
            return image
        first = claims[0]
        is_first = (first.file, first.pointer) == (str(image.origin.file), image.origin.pointer)
        other = claims[is_first].file
        text = f"{reference.file} has the name, and {other} claims it as well; it is not used"
        hint = "name the folder of the images of each with --images, in runs of their own"
        issues = [*image.issues, Issue(Code.IMAGE_DOUBTFUL, text, image.origin, hint)]
        size = reference.size
        if image.origin not in self._sized and size is not None:
            size = None
            text = f"the size of {reference.name} is in no file that is surely its image"
            issues.append(Issue(Code.SIZE_UNKNOWN, text, image.origin, hint))
        reference = replace(
            reference, file=None, match="none", orientation=1, upright=False, size=size
        )
        return replace(image, image=reference, issues=tuple(issues))
