"""The model whose weights a training begins with, and what its options leave to that model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import msgspec

from maskforge.choices import check_choices
from maskforge.errors import MaskforgeError, ModelError, OptionError, listing
from maskforge.examples.example import ExampleSet
from maskforge.examples.splitfile import recorded_split
from maskforge.examples.statistics import statistics_of
from maskforge.issues import Origin
from maskforge.masks.classes import ClassMap
from maskforge.nn.kerasfile import digest_of
from maskforge.nn.modelfile import (
    DESCRIPTION,
    WEIGHTS,
    ModelDescription,
    network_folder,
    read_description,
)
from maskforge.nn.network_catalog import NetworkOptions
from maskforge.training.run_folder import SPLIT
from maskforge.training.train_options import TrainOptions

_OF_THIS_TRAINING = ("encoder_weights", "freeze_encoder")
_ANEW = "train from the beginning without --init"


@dataclass(frozen=True, slots=True)
class InitialModel:
    """The model that a training begins with.

    Attributes:
        folder: Its folder.
        description: Its description.
        digest: SHA-256 of its weights.
        parts: The part that an image had in its training, by the SHA-256 of the image.
    """

    folder: Path
    description: ModelDescription
    digest: str
    parts: Mapping[str, str]


def take_over(options: TrainOptions) -> tuple[TrainOptions, InitialModel | None]:
    """Return the options with what they leave to the model they begin with, and that model.

    Network, head, channels and scaling of the input are those of the model, since its weights fit
    no other; its size of images is taken over if none is given.

    Raises:
        ModelError: If there is no model, or its description cannot be used.
        OptionError: If an option says something else than the model.
    """
    if options.init is None:
        return options, None
    folder = network_folder(Path(options.init))
    description = read_description(folder)
    network = _network_of(folder, description)

    def settled(name: str, chosen: object, default: object, known: Any) -> Any:  # noqa: ANN401 - any option
        if chosen not in (default, known):
            raise OptionError(
                f"{name} is {chosen}, and that of {folder} is {known or 'not set'}",
                hint=f"leave it out, as the weights fit nothing else, or {_ANEW}",
            )
        return known

    plain, scaling = TrainOptions(), description.scaling
    offset, resize = description.offset, description.resize
    same: dict[str, Any] = {
        one.name: settled(
            f"network.{one.name}",
            getattr(options.network, one.name),
            getattr(plain.network, one.name),
            getattr(network, one.name),
        )
        for one in fields(NetworkOptions)
        if one.name not in _OF_THIS_TRAINING
    }
    # Weights of ImageNet would be downloaded for nothing.
    same["encoder_weights"] = "none" if network.encoder else "imagenet"
    color = "gray" if scaling.channels == 1 else "rgb"
    options = replace(
        options,
        network=replace(options.network, **same),
        head=settled("head", options.head, plain.head, description.head),
        input=replace(
            options.input,
            color=settled("input.color", options.input.color, plain.input.color, color),
            scaling=settled(
                "input.scaling", options.input.scaling, plain.input.scaling, scaling.kind
            ),
            dicom_window=settled(
                "input.dicom_window",
                options.input.dicom_window,
                plain.input.dicom_window,
                scaling.window,
            ),
            offset=options.input.offset or (str(offset) if offset else None),
            resize=options.input.resize or (f"{resize[0]}x{resize[1]}" if resize else None),
        ),
    )
    digest = description.weights_digest or digest_of(folder / WEIGHTS)
    return options, InitialModel(folder, description, digest, _parts(folder))


def _network_of(folder: Path, description: ModelDescription) -> NetworkOptions:
    try:
        network = msgspec.convert(description.network, NetworkOptions)
        check_choices(network)
    except (msgspec.ValidationError, MaskforgeError) as error:
        raise ModelError(
            f"has a network that maskforge does not know: {error}",
            origin=Origin(folder / DESCRIPTION, "$.network"),
            hint=_ANEW,
        ) from None
    return network


def _parts(folder: Path) -> dict[str, str]:
    record = recorded_split(folder / SPLIT)
    return {} if record is None else {one.image: one.part for one in record.examples if one.image}


def check_place(initial: InitialModel | None, out: Path) -> None:
    """Make sure that a run does not replace the model that it begins with.

    Raises:
        OptionError: If it would.
    """
    if initial is None:
        return
    place = out.resolve()
    if place in (folder := initial.folder.resolve(), *folder.parents):
        raise OptionError(
            f"{out} is the folder of the model that the training begins with",
            hint="choose another folder with --out",
        )


def check_classes(initial: InitialModel, classes: ClassMap) -> None:
    """Make sure that the channels of the model mean what they will mean.

    Raises:
        OptionError: If a class is new, missing, or in another place.
    """
    known, there = _names(initial.description.classes), _names(classes)
    added = [name for name in there if name not in known]
    missing = [name for name in known if name not in there]
    if missing:
        raise OptionError(
            f"{initial.folder} has learned {listing(known)}, and the data set has no class "
            f"{listing(missing)}",
            hint="convert with the class map of the data set that the model was trained on, or "
            + _ANEW,
        )
    if added:
        only = " ".join(f"--only {name!r}" if " " in name else f"--only {name}" for name in known)
        raise OptionError(
            f"{initial.folder} has learned {listing(known)}, and nothing of {listing(added)}",
            hint=f"learn the same with {only}, or {_ANEW}",
        )
    if known != there:
        raise OptionError(
            f"{initial.folder} has learned {listing(known)}, and the data set has them in the "
            f"order {listing(there)}",
            hint="convert with the class map of the data set that the model was trained on, or "
            + _ANEW,
        )


def _names(classes: ClassMap) -> list[str]:
    return [classes.names[id_] for id_ in classes.foreground_ids]


def earlier_parts(initial: InitialModel | None, examples: ExampleSet) -> dict[str, str]:
    """Return the part that examples had in the training of the model, by their names."""
    if initial is None or not initial.parts:
        return {}
    digests = {one.name: statistics_of(one).image_digest for one in examples}
    return {name: initial.parts[one] for name, one in digests.items() if one in initial.parts}


def warn_of_leaks(initial: InitialModel, part: str, examples: ExampleSet) -> list[str]:
    """Return a warning if the model has learned from examples that are to measure it."""
    seen = [name for name, one in earlier_parts(initial, examples).items() if one == "train"]
    if not seen:
        return []
    return [
        f"{len(seen)} of {len(examples)} {part} images were used to train {initial.folder}, so "
        f"the scores will be too good: {listing(seen)}"
    ]
