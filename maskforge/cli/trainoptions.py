"""Options of commands that train, or that look at what a training would do."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

from maskforge.cli.flags import Flag, Flags, Given
from maskforge.errors import OptionError, shorten
from maskforge.issues import Origin
from maskforge.training.train_options import TrainOptions

_DATA, _SPLIT, _INPUT = "Data", "Split", "Input"
_NETWORK, _TRAINING = "Network and loss", "Training"
RUN = "Run"
"""Panel of the help for what is said about a run as a whole."""

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
    _flag(RUN, "track", "Tracker of experiments that is told of every epoch."),
)  # fmt: skip

Training: TypeAlias = Annotated[Given, _FLAGS]
"""What a training is told, as far as it was said; ``Data`` says with which images."""

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


def said_of_training(
    dataset: Path | None, data: Given, chosen: Given, settings: Iterable[str] | None
) -> Given:
    """Return what was said about a training besides its file, by key."""
    from maskforge.training.configfile import parse_setting

    said = {f"data.{key}": value for key, value in data.items()} | chosen
    said |= {"data.dataset": str(dataset)} if dataset else {}
    return said | dict(parse_setting(one) for one in settings or ())


def training_options(said: Given, config: Path | None) -> TrainOptions:
    """Return the options of a file, or the defaults, with what was said besides.

    Raises:
        OptionError: If the file cannot be read, or an option does not exist or cannot be that.
    """
    from maskforge.training.configfile import build_options, read_config, set_value

    document: dict[str, Any] = {}
    if config is not None:
        document = read_config(config)
        build_options(document, Origin(config, ""))
    for key, value in said.items():
        set_value(document, key, value)
    return build_options(document)
