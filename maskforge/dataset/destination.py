"""What takes the images of a conversion: which of them, under which names, beside which others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from maskforge.choices import Made
from maskforge.dataset.converted_image import ConvertedImage
from maskforge.dataset.manifest import ManifestEntry
from maskforge.dataset.writer import DatasetWriter
from maskforge.images.annotated_image import AnnotatedImage
from maskforge.masks.masknames import MaskNames


@dataclass(frozen=True, slots=True)
class Place:
    """Where an image goes.

    Attributes:
        name: Name of its mask; empty if there is none.
        made: How the mask came to be.
        twin: An entry for the same image, which knows the image file if the annotation does not.
    """

    name: str
    made: Made = "drawn"
    twin: ManifestEntry | None = None


class Destination:
    """A new data set, which takes all images; others decide what they take.

    Attributes:
        goes_on: Whether masks of a run that was ended before its time can be taken as they are: the
            place of an image depends on nothing but the image.
        names: The names of the masks.
    """

    goes_on: ClassVar[bool] = True

    def __init__(self) -> None:
        self.names = MaskNames()

    def look(self, image: AnnotatedImage) -> None:
        """Look at an image as it was read, with all that its file says, before any is drawn."""

    def begin(self) -> None:
        """Begin to take images; called anew if they are drawn twice."""
        self.names = MaskNames()

    def place(self, number: int, image: AnnotatedImage, converted: ConvertedImage) -> Place | None:
        """Return where an image goes, or None if it is not taken.

        Args:
            number: Number of the image, from 0, in the order of ``look``.
            image: The image.
            converted: What became of it; without its mask if that is done already.
        """
        del number
        if converted.outcome not in ("drawn", "partial"):
            return Place("")
        return Place(self.names.assign(image.folder, image.image.name))

    def end(self, writer: DatasetWriter) -> None:
        """Write whatever else belongs to the data set."""
