"""The raw data sets of nnU-Net, version 2 and 1, of single images.

================================ ==========================================================
``dataset.json``                 names of values (``labels``) and channels, ``file_ending``
``imagesTr/CASE_0000.png``       the first channel of an image
``labelsTr/CASE.png``            its mask
``imagesTs``, ``labelsTs``       the same of images for the test, mostly without masks
================================ ==========================================================

Read in ``MIC-DKFZ/nnUNet: documentation/dataset_format.md`` and
``nnunetv2/utilities/label_handling``. A label ``ignore`` is void.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from maskforge.errors import FormatError, ImageError, LimitError, shorten
from maskforge.files import is_inside, walk
from maskforge.formats.base import ImageRecord, ReadContext, Recognition
from maskforge.formats.jsonio import Document
from maskforge.formats.nnunet.labels import Labels, read_labels
from maskforge.formats.pixels import PixelNames, change_note, read_pixels, shapes_of
from maskforge.images.suffixes import IMAGE_SUFFIXES
from maskforge.issues import Code, Issue, Origin
from maskforge.shapes import ImageState, Shape, Size

_FOLDERS = (("imagesTr", "labelsTr"), ("imagesTs", "labelsTs"))
_FIRST_CHANNEL = "_0000"
_CHANNELS = ("channel_names", "modality")
_ENDING = ".nii.gz"
"""Of data sets that name none, which are of version 1."""


class Nnunet:
    """The format of nnU-Net's raw data; see ``maskforge.formats.base.Format``."""

    name = "nnunet"
    title = "nnU-Net raw data"
    versions = "dataset.json of versions 1 and 2 with imagesTr/ and labelsTr/, of 2D images"
    geometry = "the region of every class, pixel by pixel; ignore label; regions of several values"
    marks = ("numTraining", "channel_names", "file_ending")
    suffixes = (".json",)

    def recognize(self, document: Document) -> Recognition:
        """Tell ``dataset.json`` by its keys."""
        root = document.root
        if not isinstance(root, dict):
            return Recognition.no("the root is not an object with `labels`")
        channels = next((one for one in _CHANNELS if one in root), None)
        if channels is None:
            return Recognition.no("no `channel_names` (or `modality`) at the root")
        if not isinstance(root.get("labels"), dict):
            return Recognition.no(f"`{channels}` without an object `labels`")
        return Recognition("dataset", f"`labels` and `{channels}` at the root")

    def read(self, document: Document, context: ReadContext) -> Iterator[ImageRecord]:
        """Yield every case that has a mask or should have one.

        Raises:
            FormatError: If the labels cannot be used, or the files are no images.
        """
        root = document.root
        labels = read_labels(root["labels"], document.origin.at(".labels"))
        ending = root.get("file_ending", _ENDING)
        if not isinstance(ending, str) or ending.lower() not in IMAGE_SUFFIXES:
            raise FormatError(
                Code.INVALID_FILE,
                f"holds {shorten(ending)} files, and only 2D images are read",
                origin=document.origin.at(".file_ending"),
                hint="export the slices as PNG",
            )
        channels = next(root[one] for one in _CHANNELS if one in root)
        if isinstance(channels, dict) and len(channels) > 1:
            cases = _cases(document, ending)
            first = next((one.image for one in cases if one.image.is_file()), None)
            if first is not None and first.with_name(_channel(first, 1)).is_file():
                text = f"has {len(channels)} channels in files of their own; the first is taken"
                context.report(Issue(Code.LOSSY_SOURCE, text, document.origin))
        about = {key: value for key, value in root.items() if key != "labels"}
        for case in _cases(document, ending):
            yield _record(case, labels, about, context)


@dataclass(frozen=True, slots=True)
class _Case:
    """An image and its mask.

    Attributes:
        name: The identifier.
        image: The first channel.
        mask: The mask, or None if there cannot be one.
        is_test: Whether it is for the test, where masks are seldom.
    """

    name: str
    image: Path
    mask: Path
    is_test: bool


def _cases(document: Document, ending: str) -> list[_Case]:
    root, folder = document.root, document.path.parent
    listed = root.get("dataset")
    cases: dict[str, _Case] = {}
    if isinstance(listed, dict):
        for name, entry in listed.items():
            match entry:
                case {"images": [str(image), *_], "label": str(mask)} if is_inside(
                    image.removeprefix("./")
                ) and is_inside(mask.removeprefix("./")):
                    cases[name] = _Case(name, folder / image, folder / mask, is_test=False)
                case _:
                    raise FormatError(
                        Code.INVALID_FILE,
                        f"expected `images` and a `label` in the folder, found {shorten(entry)}",
                        origin=document.origin.at(f".dataset[{shorten(name)}]"),
                    )
        return list(cases.values())
    for images, masks in _FOLDERS:
        is_test = images.endswith("Ts")
        for place, suffix in ((masks, ""), (images, _FIRST_CHANNEL)):
            for path in _files(folder / place, f"{suffix}{ending}"):
                name = path.name[: -len(suffix + ending)]
                cases.setdefault(
                    f"{images}/{name}",
                    _Case(
                        name,
                        folder / images / f"{name}{_FIRST_CHANNEL}{ending}",
                        folder / masks / f"{name}{ending}",
                        is_test,
                    ),
                )
    return list(cases.values())


def _files(folder: Path, ending: str) -> list[Path]:
    if not folder.is_dir():
        return []
    _, names = next(walk(folder), (folder, []))
    return [folder / one for one in names if one.endswith(ending) and len(one) > len(ending)]


def _channel(path: Path, number: int) -> str:
    return path.name.replace(_FIRST_CHANNEL, f"_{number:04d}")


def _record(
    case: _Case, labels: Labels, about: Mapping[str, Any], context: ReadContext
) -> ImageRecord:
    issues: list[Issue] = []
    shapes: list[Shape] = []
    size: Size | None = None
    state = ImageState.UNVISITED
    origin = Origin(case.mask, "")
    if case.mask.is_file():
        context.claimed.add(case.mask)
        try:
            names = PixelNames(labels.names)
            pixels = read_pixels(case.mask, names, tolerance=context.mask_tolerance)
            size = pixels.size
            issues += change_note(pixels, origin)
            found = {one: labels.names.get(one, "") for one in pixels.regions}
            shapes = [labels.complete(one) for one in shapes_of(pixels, found, origin)]
            state = ImageState.ANNOTATED if shapes else ImageState.EMPTY
        except ImageError as error:
            issues.append(error.issue())
        except LimitError as error:
            issues.append(error.issue(origin))
    elif not case.is_test:
        text = f"there is no mask of {shorten(case.name)}"
        issues.append(Issue(Code.LOST_ANNOTATION, text, origin))
    image = PurePosixPath("..", case.image.parent.name, case.image.name).as_posix()
    return ImageRecord(
        f"{case.name}{case.image.suffix}",
        (image,),
        tuple(shapes),
        state,
        origin,
        declared=size,
        own=(f"{case.name}{_FIRST_CHANNEL}", case.name),
        masks=frozenset((case.mask,)),
        issues=tuple(issues),
        extra={"dataset.json": about},
    )


FORMAT = Nnunet()
