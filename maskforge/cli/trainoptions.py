"""Options of a training, for the commands that plan one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from maskforge.cli.flags import Flag, Flags, Given
from maskforge.errors import OptionError, shorten
from maskforge.issues import Origin
from maskforge.training.train_options import TrainOptions

if TYPE_CHECKING:
    from maskforge.training.configfile import Document

_DATA, _SPLIT, _INPUT = "Data", "Split", "Input"
_NETWORK, _TRAINING, RUN = "Network and loss", "Training", "Run"
_MOST_DIGITS = 20  # Python refuses to read numbers of thousands


def _flag(panel: str, key: str, help_: str, default: str | None = None, **others: Any) -> Flag:  # noqa: ANN401 - as Flag has them
    return Flag(key=key, help=help_, panel=panel, default=default, **others)


def parse_crop(text: str) -> int | str:
    """Return the value of ``--crop``: a number where it is one."""
    is_number = text.isascii() and text.isdigit() and len(text) < _MOST_DIGITS
    return int(text) if is_number else text


def parse_weights(text: str) -> str | dict[str, float]:
    """Return class weights of ``none``, ``balanced`` or ``NAME=WEIGHT,...``.

    Raises:
        OptionError: If a part is not a ``NAME=WEIGHT``.
    """
    if "=" not in text:
        return text
    weights = {}
    for part in text.split(","):
        name, _, value = part.rpartition("=")
        try:
            weights[name.strip()] = float(value)
        except ValueError:
            name = ""
        if not name.strip():
            raise OptionError(
                f"{shorten(part)} is not NAME=WEIGHT", hint="for example caries=5,enamel=1"
            )
    return weights


_FLAGS = Flags(
    TrainOptions,
    _flag(_DATA, "data.hold", "Decoded images: kept, or read again."),
    _flag(_DATA, "data.workers", "Threads that prepare batches.", "one per core, at most 8"),
    _flag(_SPLIT, "split.validation", "Share that chooses epoch and threshold."),
    _flag(_SPLIT, "split.test", "Share that training never sees."),
    _flag(_SPLIT, "split.folds", "Cross-validation with this many trainings."),
    _flag(_SPLIT, "split.stratify", "Give every part its share of the examples with each class."),
    _flag(
        _SPLIT, "split.file", "Split file: who is in which part.", "none", name="split",
        metavar="FILE",
    ),
    _flag(
        _INPUT, "input.crop", "Side of random crops; 0 trains on whole images.", metavar="PX",
        read=parse_crop,
    ),
    _flag(_INPUT, "input.rare_share", "Share of crops centered on rare classes."),
    _flag(_INPUT, "input.resize", "Scale every image.", "keep", metavar="WIDTHxHEIGHT"),
    _flag(_INPUT, "input.color", "Channels."),
    _flag(_INPUT, "input.scaling", "Of the values."),
    _flag(
        _INPUT, "input.dicom_window", "Gray values of DICOM files.", metavar="voi|full|CENTER/WIDTH"
    ),
    _flag(_INPUT, "augment.preset", "How far images are changed.", name="augment"),
    _flag(_NETWORK, "network.arch", "Architecture."),
    _flag(_NETWORK, "network.preset", "A published network.", "none"),
    _flag(_NETWORK, "network.filters", "Filters of the first level.", "16 for unet"),
    _flag(_NETWORK, "network.depth", "Number of poolings.", "4 for unet"),
    _flag(_NETWORK, "network.upsampling", "In the decoder.", "by architecture"),
    _flag(_NETWORK, "network.normalization", "After convolutions.", "by architecture"),
    _flag(_NETWORK, "network.dropout", "Rate.", "by architecture"),
    _flag(_NETWORK, "network.deep_supervision", "A loss at every level of unetpp."),
    _flag(_NETWORK, "network.encoder", "Backbone of keras.applications.", "none"),
    _flag(_NETWORK, "network.encoder_weights", "Of the backbone.", metavar="imagenet|none|FILE"),
    _flag(_NETWORK, "network.freeze_encoder", "Epochs in which the backbone rests; -1: all."),
    _flag(
        _NETWORK, "init", "Model whose weights it begins with; the network is then the same.",
        "random weights", metavar="DIR",
    ),
    _flag(_NETWORK, "head", "softmax: exclusive classes."),
    _flag(_NETWORK, "loss", "A loss, or a sum such as dice+bce.", metavar="NAME"),
    _flag(
        _NETWORK, "class_weights", "none, balanced, or NAME=WEIGHT,...", metavar="WEIGHTS",
        read=parse_weights,
    ),
    _flag(_TRAINING, "epochs", "Passes over the examples."),
    _flag(_TRAINING, "batch_size", "Crops per step."),
    _flag(_TRAINING, "learning_rate", "Highest one."),
    _flag(_TRAINING, "schedule", "How it falls."),
    _flag(_TRAINING, "optimizer", "Optimizer."),
    _flag(_TRAINING, "patience", "Validations without gain until it stops."),
    _flag(_TRAINING, "precision", "Of the computation."),
    _flag(_TRAINING, "seed", "Of everything that is random."),
    _flag(_TRAINING, "backend", "What Keras computes with."),
    _flag(_TRAINING, "devices", "Devices that share a batch; 0: all."),
    _flag(
        _TRAINING, "post_processing", "Of regions and holes, chosen on validation images."
    ),
    _flag(RUN, "track", "Tracker of experiments that is told of every epoch."),
)  # fmt: skip

Chosen: TypeAlias = Annotated[Given, _FLAGS]
"""What the options say, as far as it was said."""
Config: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="TOML file with any of these options.",
        rich_help_panel=RUN,
        show_default="none",
    ),
]
Settings: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Any option of the file, such as augment.rotate=30; may be repeated.",
        rich_help_panel=RUN,
        show_default=False,
    ),
]


def said(
    dataset: Path | None, data: Given, chosen: Given, settings: Sequence[str] | None
) -> dict[str, object]:
    """Return what was said on the command line, by the dotted keys of the configuration.

    Raises:
        OptionError: If a setting is not a ``KEY=VALUE``.
    """
    from maskforge.training.configfile import parse_setting

    values: dict[str, object] = {f"data.{key}": value for key, value in data.items()} | chosen
    values |= {"data.dataset": str(dataset)} if dataset else {}
    return values | dict(parse_setting(one) for one in settings or ())


def options_of(config: Path | None, values: dict[str, object]) -> TrainOptions:
    """Return the options of a configuration file, overruled by what was said.

    Raises:
        OptionError: If one of them does not exist, or cannot be used.
    """
    from maskforge.training.configfile import build_options, read_config, set_value

    document: Document = {}
    if config is not None:
        document = read_config(config)
        build_options(document, Origin(config, ""))
    for key, value in values.items():
        set_value(document, key, value)
    return build_options(document)
