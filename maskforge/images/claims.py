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
    """Who has found an image, and which place is meant."""

    meant: str
    origin: Origin


@dataclass(slots=True)
class Claims:
    """The images that were found so far, each with up to two annotations that mean other places."""

    _by_image: dict[Path, list[_Claim]] = field(default_factory=dict)
    _sized: set[Origin] = field(default_factory=set)

    def clear(self) -> None:
        """Forget everything."""
        self._by_image.clear()
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
        folder = image.origin.file.parent
        meant = os.path.normpath(folder / next(iter(written), image.image.name))
        self._add(file, _Claim(meant, image.origin))
        if image.image.match in _BY_NAME and is_size_known:
            self._sized.add(image.origin)

    def update(self, later: Claims) -> None:
        """Remember what annotations have found that were read after these, by another process."""
        for file, claims in later._by_image.items():
            for claim in claims:
                self._add(file, claim)
        self._sized |= later._sized

    def _add(self, file: Path, claim: _Claim) -> None:
        claims = self._by_image.setdefault(file, [])
        if len(claims) < 2 and all(one.meant != claim.meant for one in claims):
            claims.append(claim)

    def checked(self, image: AnnotatedImage) -> AnnotatedImage:
        """Return an annotation without an image that has only its name, and is another's as well.

        It means another place than the other one does, so the image is that of one at most.
        """
        reference = image.image
        if reference.file is None or reference.match not in _BY_NAME:
            return image
        claims = self._by_image.get(reference.file, [])
        if len(claims) < 2:
            return image
        other = claims[claims[0].origin == image.origin].origin.file
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
