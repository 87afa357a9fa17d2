"""The description beside the weights of a trained model: ``maskforge.json``."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import msgspec

from maskforge.choices import Head, Symmetry
from maskforge.display.brief import Brief
from maskforge.errors import LabelError, ModelError, OptionError, shorten
from maskforge.files import RECORD, dump_record, read_record, write_whole
from maskforge.images.gray_scale import check_window
from maskforge.images.intensity import ScalingRecord
from maskforge.images.offset import Offset
from maskforge.issues import Origin
from maskforge.masks.classes import ClassMap
from maskforge.masks.classfile import dump_class_map, parse_class_map
from maskforge.masks.post_processing import IMAGE, PostProcessing
from maskforge.masks.targets import channel_ids

Side: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=32_768)]
Share: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=1)]

DESCRIPTION = "maskforge.json"
WEIGHTS = "model.keras"
SCHEMA = 1

_MOST_PIXELS = 2**28  # of the input in training


class Agreement(msgspec.Struct, frozen=True, kw_only=True):
    """How far the masks of another arithmetic are those of float32.

    Attributes:
        images: Number of images that were compared.
        class_dice: Dice of the masks with each other, over all pixels of these images, for every
            class but the background; None if neither marks a pixel.
    """

    images: Annotated[int, msgspec.Meta(ge=1)]
    class_dice: dict[str, Share | None]

    @property
    def lowest(self) -> float | None:
        """Dice of the class that agrees least; None if no class was marked."""
        return min((one for one in self.class_dice.values() if one is not None), default=None)


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """One of the networks whose probabilities are averaged.

    Attributes:
        folder: Name of its folder, in that of the model.
        dice: Mean Dice of the foreground classes on its validation examples; None if undefined.
        weights_digest: SHA-256 of its weights.
    """

    folder: Annotated[str, msgspec.Meta(pattern=r"^\w[\w-]*\Z", max_length=100)]
    dice: Share | None = None
    weights_digest: str = ""


class ModelDescription(Brief, msgspec.Struct, frozen=True, kw_only=True):
    """What must be known to use a model; the weights are in ``model.keras``, as probabilities.

    The model of a cross-validation has no weights of its own, but those of its folds.

    Attributes:
        schema: Version of this document.
        class_map: The class map, as ``classes.json`` has it.
        head: ``softmax`` or ``sigmoid``.
        scaling: How the input is scaled.
        stride: Sides of the input must be multiples of it.
        tile: Width and height of the input that the network was trained on, in pixels.
        symmetries: Flips and transpose that training applied; predictions can be averaged over
            them.
        offset: How far images are moved first, in pixels to the right and down; None for not at
            all.
        resize: Width and height to which images are scaled then; None keeps their size.
        thresholds: Probability from which on a pixel belongs to the class, for every channel of a
            sigmoid head; empty for softmax.
        averaged_thresholds: Likewise for probabilities that are averaged over ``symmetries``, which
            are lower at the edges of regions; empty without symmetries.
        post_processing: What becomes of the regions of a class, by class name; a class without a
            rule stays as it is decided.
        network: Architecture and options, as in the configuration.
        precision: Of the computation in training.
        bfloat16: How far the masks of some validation examples stay the same in bfloat16; None if
            that is not known.
        scores: Scores of the best epoch on the validation examples.
        calibration: Share of true pixels per bin of predicted probability, per class name.
        versions: Versions of maskforge, Keras and the backend.
        data_digest: SHA-256 over names, images and masks of the training examples.
        weights_digest: SHA-256 of ``model.keras``; of several networks, over theirs.
        members: The networks, if there are several.
        created: Date and time in UTC, ISO 8601.
    """

    schema: int = SCHEMA
    class_map: dict[str, Any]
    head: Head
    scaling: ScalingRecord
    stride: Annotated[int, msgspec.Meta(ge=1, le=256)]
    tile: tuple[Side, Side]
    symmetries: tuple[Symmetry, ...] = ()
    offset: Offset | None = None
    resize: tuple[Side, Side] | None = None
    thresholds: tuple[Share, ...] = ()
    averaged_thresholds: tuple[Share, ...] = ()
    post_processing: dict[str, PostProcessing] = {}
    network: dict[str, Any] = {}
    precision: str = "float32"
    bfloat16: Agreement | None = None
    scores: dict[str, Any] = {}
    calibration: dict[str, Any] = {}
    versions: dict[str, str] = {}
    data_digest: str = ""
    weights_digest: str = ""
    members: tuple[Member, ...] = ()
    created: str = ""

    @property
    def classes(self) -> ClassMap:
        """The class map."""
        return parse_class_map(self.class_map)

    @property
    def channel_ids(self) -> tuple[int, ...]:
        """Class id of every channel of the output."""
        return channel_ids(self.classes, self.head)


def class_map_document(classes: ClassMap) -> dict[str, Any]:
    """Return a class map as it stands in a description."""
    document: dict[str, Any] = msgspec.json.decode(dump_class_map(classes))
    return document


def model_folder(path: Path) -> Path:
    """Return the folder of a model that is named by its folder or by one of its files.

    Raises:
        ModelError: If there is no model.
    """
    folder = path if path.is_dir() else path.parent
    if not (folder / DESCRIPTION).is_file():
        if (folder / RECORD).is_file():
            raise ModelError(
                "holds a training without a model: it was ended before it finished",
                origin=Origin(folder, ""),
                hint=f"go on with it: maskforge train --resume --out {folder}",
            )
        raise ModelError(
            f"holds no trained model: there is no {DESCRIPTION}"
            if path.exists()
            else "does not exist",
            origin=Origin(path, ""),
            hint="name a folder that `maskforge train` wrote",
        )
    return folder


def network_folder(path: Path) -> Path:
    """Return the folder of a model that is a single network.

    Raises:
        ModelError: If there is no model, or it is the mean of several.
    """
    folder = model_folder(path)
    members = read_description(folder).members
    if members:
        raise ModelError(
            f"is the mean of {len(members)} networks, and a single one is needed",
            origin=Origin(folder, ""),
            hint=f"name one of its folders, such as {folder / members[0].folder}",
        )
    return folder


def read_description(path: Path) -> ModelDescription:
    """Read the description of a model; every value in it is one that a training could have written.

    Args:
        path: Folder of the model, or one of its files.

    Raises:
        ModelError: If there is none, it cannot be understood, or a value is out of its range.
    """
    file = model_folder(path) / DESCRIPTION
    description = read_record(file, ModelDescription, ModelError, what="the description of a model")

    def refuse(key: str, reason: str) -> ModelError:
        return ModelError(reason, origin=Origin(file, f"$.{key}"))

    try:
        classes = description.classes
    except LabelError as error:
        raise refuse("class_map", f"has a class map that cannot be used: {error.message}") from None
    if not classes.foreground_ids:
        raise refuse("class_map", "has no class but the background")
    if description.stride.bit_count() != 1:
        raise refuse("stride", f"has the stride {description.stride}, expected a power of 2")
    if description.scaling.channels not in (1, 3):
        found = description.scaling.channels
        raise refuse("scaling.channels", f"has {found} channels of the input, expected 1 or 3")
    try:
        check_window(description.scaling.window)
    except OptionError as error:
        raise refuse("scaling.window", error.message) from None
    for name, side in (("tile", description.tile), ("resize", description.resize)):
        if side is not None and math.prod(side) > _MOST_PIXELS:
            raise refuse(name, f"has {name} {side}, more than {_MOST_PIXELS:,} pixels")
    count = len(description.channel_ids) if description.head == "sigmoid" else 0
    for name, limits in (
        ("thresholds", description.thresholds),
        ("averaged_thresholds", description.averaged_thresholds),
    ):
        if len(limits) != count and (limits or name == "thresholds"):
            raise refuse(name, f"has {len(limits)} thresholds, expected {count}")
    names = [classes.names[id_] for id_ in classes.foreground_ids]
    for name, rule in description.post_processing.items():
        if name not in names:
            raise refuse("post_processing", f"has a rule for {shorten(name)}, which is no class")
        if rule.one_per not in ("", IMAGE, *(one for one in names if one != name)):
            raise refuse(
                f"post_processing.{name}.one_per",
                f"names {shorten(rule.one_per)}, which is neither {IMAGE!r} nor another class",
            )
    return description


def write_description(folder: Path, description: ModelDescription) -> None:
    """Write the description of a model into its folder.

    Raises:
        OutputError: If it cannot be written.
    """
    write_whole(folder / DESCRIPTION, dump_record(description))
