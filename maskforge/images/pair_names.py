"""What names of images and masks have in common: words around them, folders, a told pattern."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from maskforge.errors import OptionError, check_type, shorten
from maskforge.files import is_text
from maskforge.images.suffixes import IMAGE_SUFFIXES

MASK_SUFFIXES = IMAGE_SUFFIXES | {".npy"}

IMAGE_FOLDERS = (
    *("images", "image", "imgs", "img", "jpegimages", "leftimg8bit", "imagestr", "imagests"),
    *("img_dir", "photos", "inputs", "input", "original", "originals", "raw"),
)
"""Names of folders that hold images, the usual ones first, without regard to case."""

MASK_FOLDERS = (
    *("masks", "mask", "labels", "label", "segmentationclass", "segmentationclasspng", "gtfine"),
    *("gtcoarse", "labelstr", "labelsts", "ann_dir", "gt", "ground_truth", "groundtruth"),
    *("ground truth", "annotations", "annotation", "segmentations", "segmentation", "targets"),
)
"""Names of folders that hold masks, likewise."""

_BETWEEN = r"[ _.-]"
_MASK_WORD = (
    r"(?:masks?|labels?|segs?|segmentations?|gt|ground[ _-]?truth|annotations?|manual\d?|(?-i:L)"
    rf"|(?:gt(?:fine|coarse){_BETWEEN})?label(?:train)?ids)"
)
_IMAGE_WORD = (
    r"(?:images?|imgs?|im|leftimg8bit|orig|originals?|raw|photos?|rgb|sat|input|training|test)"
)

_MASK_ENDING = re.compile(rf"(?<=.)(?:{_BETWEEN}{_MASK_WORD}){{1,2}}$", re.IGNORECASE)
_MASK_BEGINNING = re.compile(rf"^{_MASK_WORD}(?:{_BETWEEN}|(?=\d))(?=.)", re.IGNORECASE)
_IMAGE_ENDING = re.compile(rf"(?<=.){_BETWEEN}{_IMAGE_WORD}$", re.IGNORECASE)
_IMAGE_BEGINNING = re.compile(rf"^{_IMAGE_WORD}(?:{_BETWEEN}|(?=\d))(?=.)", re.IGNORECASE)
_COMPANION = re.compile(
    rf".*{_BETWEEN}gt(?:fine|coarse){_BETWEEN}(?:color|instance(?:train)?ids)", re.IGNORECASE
)
_CHANNEL = re.compile(r"(.+)_(\d{4})")
_NAME = "{name}"


def is_companion(place: str) -> bool:
    """Tell whether a file beside masks shows them in colors or by instance, as in Cityscapes.

    Examples:
        >>> is_companion("aachen/aachen_7_gtFine_color")
        True
    """
    return _COMPANION.fullmatch(place) is not None


def is_marked(place: str) -> bool:
    """Tell whether the name or the folder of a file says that it is a mask.

    Examples:
        >>> is_marked("p1/7_mask"), is_marked("masks/7"), is_marked("images/7_mask")
        (True, True, False)
    """
    *folders, name = place.split("/")
    for one in reversed(folders):
        if one.lower() in (*IMAGE_FOLDERS, *MASK_FOLDERS):
            return one.lower() in MASK_FOLDERS
    return bool(_MASK_ENDING.search(name) or _MASK_BEGINNING.match(name) or is_companion(place))


def mask_names(place: str) -> set[str]:
    """Return what the image of a mask may be called.

    Args:
        place: The mask's path below its folder, without suffix.

    Examples:
        >>> sorted(mask_names("p1/masks/7_mask"))
        ['p1/7', 'p1/masks/7_mask']
    """
    return {place, bare_mask_name(place)}


def bare_mask_name(place: str) -> str:
    """Return the path of a mask without what only says that it is one.

    Examples:
        >>> bare_mask_name("p1/masks/7_mask")
        'p1/7'
    """
    folder, name = _split(place, MASK_FOLDERS)
    return folder + _bare_mask_name(name)


def image_names(place: str) -> set[str]:
    """Return what the mask of an image may be called, but for what says that it is a mask.

    Args:
        place: The image's path below its folder, without suffix.

    Examples:
        >>> sorted(image_names("aachen/aachen_7_leftImg8bit"))
        ['aachen/aachen_7', 'aachen/aachen_7_leftImg8bit']
    """
    folder, name = _split(place, IMAGE_FOLDERS)
    return {place, folder + _bare_image_name(name)}


def bare_name(place: str) -> str:
    """Return what images, masks and predictions of one image have in common.

    Examples:
        >>> bare_name("aachen_7_leftImg8bit"), bare_name("labels/aachen_7_gtFine_labelIds")
        ('aachen_7', 'aachen_7')
    """
    folder, name = _split(place, (*IMAGE_FOLDERS, *MASK_FOLDERS))
    bare = _bare_mask_name(name)
    return folder + (_bare_image_name(name) if bare == name else bare)


def channel_of(place: str) -> tuple[str, str] | None:
    """Return the case and the channel of an image that is named as nnU-Net wants it.

    Examples:
        >>> channel_of("case_7_0000"), channel_of("case")
        (('case_7', '0000'), None)
    """
    found = _CHANNEL.fullmatch(place)
    return None if found is None else (found[1], found[2])


def _split(place: str, roles: tuple[str, ...]) -> tuple[str, str]:
    """Return the folder without parts that only say what is inside, and the name."""
    *folders, name = place.split("/")
    kept = [one for one in folders if one.lower() not in roles]
    return "".join(f"{one}/" for one in kept), name


def _bare_mask_name(name: str) -> str:
    found = _MASK_ENDING.sub("", name)
    found = _MASK_BEGINNING.sub("", found) if found == name else found
    stem, dot, suffix = found.rpartition(".")
    is_image = f"{dot}{suffix}".lower() in IMAGE_SUFFIXES  # x.jpg.png, x.jpg_mask.png
    return stem if stem and is_image else found


def _bare_image_name(name: str) -> str:
    bare = _IMAGE_ENDING.sub("", name)
    return _IMAGE_BEGINNING.sub("", name) if bare == name else bare


@dataclass(frozen=True, slots=True)
class MaskName:
    """How masks are called, told by a pattern such as ``{name}_gtFine_labelIds``.

    ``{name}`` stands for the name of the image without suffix; words such as ``_leftImg8bit`` at
    its end may be left off. The pattern is relative to the folder that corresponds to the image's,
    so ``masks/{name}.png`` is in a folder ``masks`` beside the image. Without a suffix, any will
    do.

    Raises:
        OptionError: If the pattern has no ``{name}``, several, or leads elsewhere.
    """

    pattern: str

    def __post_init__(self) -> None:
        check_type("mask_name", self.pattern, str, hint='such as "{name}_mask"')
        parts = self.pattern.replace("\\", "/").split("/")
        plain = self.pattern.replace(_NAME, "", 1)
        if (
            _NAME not in parts[-1]
            or {"{", "}", "\0"} & set(plain)
            or {"", ".."} & set(parts)
            or not is_text(self.pattern)
        ):
            raise OptionError(
                f"the name of masks cannot be {shorten(self.pattern)}",
                hint="write {name} once for the name of the image, such as {name}_mask or "
                "masks/{name}.png, relative to the folder",
            )

    def places(self, image: str) -> Iterator[str]:
        """Yield where the mask of an image may be, the full name first, with or without suffix."""
        folder, slash, name = image.rpartition("/")
        for one in dict.fromkeys((name, _bare_image_name(name))):
            yield f"{folder}{slash}{self._pattern}".replace(_NAME, one)

    def fits(self, place: str) -> bool:
        """Tell whether a path with or without suffix is one of a mask."""
        before, _, after = self._pattern.partition(_NAME)
        pattern = rf"(?:.*/)?{re.escape(before)}[^/]+{re.escape(after)}"
        return re.fullmatch(pattern, place) is not None

    @property
    def _pattern(self) -> str:
        return self.pattern.replace("\\", "/")
